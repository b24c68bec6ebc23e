// Moments are written in UTC; here they are written in the reader's own zone, with UTC on hover.
"use strict";

const local = new Intl.DateTimeFormat(document.documentElement.lang, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

for (const time of document.querySelectorAll("time.local")) {
  time.title = time.textContent;
  time.textContent = local.format(new Date(time.dateTime));
}

const zone = document.querySelector(".zone");
const name = local.resolvedOptions().timeZone;
if (zone && name !== "UTC") {
  zone.textContent = `Other times are in your zone, ${name}; UTC shows on hover.`;
}
