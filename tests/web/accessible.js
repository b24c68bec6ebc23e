// Returns what keeps people out: names, labels, landmarks, headings, tables, contrast (WCAG 2.2 AA).
() => {
  const problems = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const say = (what, element) =>
    problems.push(`${what}: ${element.outerHTML.replace(/\s+/g, " ").slice(0, 90)}`);
  const name = (e) =>
    (e.getAttribute("aria-label") || e.textContent || "").trim() ||
    (e.getAttribute("aria-labelledby") || "").split(" ")
      .map((id) => document.getElementById(id)?.textContent ?? "").join("").trim();

  if (!document.documentElement.lang) problems.push("the page has no language");
  if (!document.title.trim()) problems.push("the page has no title");
  for (const landmark of ["main", "header", "footer", "h1"]) {
    if (all(landmark).length !== 1) problems.push(`there must be one ${landmark}`);
  }
  for (const e of all("a[href], button, summary")) if (!name(e)) say("has no name", e);
  for (const e of all("nav, [role=region], svg[role=img], aside")) if (!name(e)) say("has no name", e);
  for (const e of all("input:not([type=hidden]), textarea, select")) {
    if (!e.labels?.length) say("has no label", e);
  }
  for (const e of all("table")) {
    if (!e.caption) say("has no caption", e);
    if (!e.querySelector("thead th[scope=col]")) say("has no column heads", e);
  }
  for (const e of all("svg:not([role=img])")) {
    if (!e.closest("svg[role=img]") && e.getAttribute("aria-hidden") !== "true") say("is nameless", e);
  }
  let level = 0;
  for (const e of all("h1, h2, h3, h4")) {
    const next = Number(e.tagName[1]);
    if (next > level + 1) say("skips a level", e);
    level = next;
  }
  const ids = all("[id]").map((e) => e.id);
  for (const id of new Set(ids)) {
    if (ids.filter((other) => other === id).length > 1) problems.push(`the id ${id} occurs twice`);
  }
  for (const e of all("[aria-labelledby], [aria-describedby]")) {
    const wanted = `${e.getAttribute("aria-labelledby") ?? ""} ${e.getAttribute("aria-describedby") ?? ""}`;
    for (const id of wanted.trim().split(/\s+/)) if (!ids.includes(id)) say(`names ${id}, which is not there`, e);
  }

  const color = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) =>
    [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const background = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const found = color(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || seen.has(e) || !e.checkVisibility()) continue;
    seen.add(e);
    const style = getComputedStyle(e);
    const ink = color(e.closest("svg") && e.tagName === "text" ? style.fill : style.color);
    const [light, dark] = [luminance(ink), luminance(background(e))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) say(`contrast ${contrast.toFixed(2)}`, e);
  }
  for (const e of all("main a, main button, main summary")) {
    if (e.checkVisibility() && e.getBoundingClientRect().height < 14) say("is too small to hit", e);
  }
  return [...new Set(problems)].slice(0, 12);
}
