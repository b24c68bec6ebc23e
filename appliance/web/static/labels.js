// Aliases and tokens stand for names that only the model's own team knows. A file that `countersign
// labels` wrote is read here, kept in this tab until it is closed, and sent nowhere.
"use strict";

(() => {
  const KEPT = "labels";
  const TOKEN = /\b(?:k[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{8})\b/gi;
  const SHOWN = 8; // digits by which pages call a category
  const SPOKEN = ["title", "aria-label", "data-head"];
  const SENT = "input, textarea, select, script, style"; // what forms send stays as it is

  const bar = document.getElementById("labels");
  if (!bar) {
    sessionStorage.removeItem(KEPT); // whoever logs in next in this tab may be somebody else
    return;
  }

  const all = new Map();
  const say = (text) => {
    bar.querySelector("p").textContent = text;
    bar.hidden = false;
  };

  const relabel = (text) => text.replace(TOKEN, (token) => all.get(token.toLowerCase()) ?? token);

  const show = (labels) => {
    for (const [token, label] of Object.entries(labels)) {
      all.set(token, label);
      if (token.length === 32) all.set(token.slice(0, SHOWN), label);
    }
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (!node.parentElement.closest(SENT)) {
        const told = relabel(node.data);
        if (told !== node.data) node.data = told;
      }
    }
    for (const name of SPOKEN) {
      for (const element of document.querySelectorAll(`[${name}]`)) {
        element.setAttribute(name, relabel(element.getAttribute(name)));
      }
    }
    const many = Object.keys(labels).length;
    say(`${many} labels, loaded from a file, are shown in this browser only. They are sent nowhere.`);
  };

  const labelsIn = (text) => {
    const { labels } = JSON.parse(text);
    if (!Object.values(labels).every((label) => typeof label === "string")) throw new TypeError();
    return labels;
  };

  const open = async (file) => {
    try {
      const labels = labelsIn(await file.text());
      const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
      sessionStorage.setItem(KEPT, JSON.stringify({ ...kept, ...labels }));
      show({ ...kept, ...labels });
    } catch {
      say("No labels were loaded: the file is not one that `countersign labels` wrote, or too large.");
    }
  };

  for (const choice of document.querySelectorAll(".labels-file")) {
    choice.hidden = false;
    const input = choice.querySelector("input");
    input.addEventListener("change", () => input.files.length && open(input.files[0]));
  }
  bar.querySelector("button").addEventListener("click", () => {
    sessionStorage.removeItem(KEPT);
    location.reload();
  });
  const kept = sessionStorage.getItem(KEPT);
  if (kept) show(JSON.parse(kept));
})();
