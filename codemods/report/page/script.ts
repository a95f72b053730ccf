/** What the page does. Plain JavaScript of 2020; text from the sources is only ever set as text. */

export const script = String.raw`
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const el = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const percent = (part, whole) => (whole === 0 ? "–" : Math.round((100 * part) / whole) + " %");
  const plural = (n, noun) => n + " " + noun + (n === 1 ? "" : "s");
  const isLeft = (c) => c.disposition === "leave" || c.disposition === "suspect" || c.disposition === "bridge";
  const folderOf = (file) => (file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : ".");
  const functions = data.candidates.filter((c) => c.kind === "function");
  const awaits = data.candidates.filter((c) => c.kind === "await");
  const words = { rewrite: "direct style", "rewrite+note": "direct style, with a note", facade: "direct style, with a façade",
    bridge: "bridged", leave: "left", suspect: "suspected mistake" };
  const badges = { rewrite: "rewrite", "rewrite+note": "rewrite", facade: "facade-text", bridge: "bridge", leave: "leave", suspect: "suspect-text" };

  // At a glance
  const card = (value, text, part, whole) => {
    const node = el("div", { class: "card" }, el("b", {}, value), el("span", {}, text));
    if (whole !== undefined) {
      const fill = el("i");
      fill.style.width = (whole === 0 ? 0 : (100 * part) / whole) + "%";
      node.append(el("div", { class: "bar", "aria-hidden": "true" }, fill));
    }
    return node;
  };
  const t = data.totals.functions;
  const directAwaits = awaits.filter((c) => !isLeft(c)).length;
  byId("totals").append(
    card(percent(t.converted, t.found), t.converted + " of " + plural(t.found, "function") + " in direct style", t.converted, t.found),
    card(percent(directAwaits, awaits.length), directAwaits + " of " + plural(awaits.length, "await") + " in direct style", directAwaits, awaits.length),
    card(String(t.facade), "façades that keep a promise under the old name"),
    card(String(data.totals.bridgedSites), "places where fibers wait for promises"),
    card(String(data.totals.byDisposition.suspect), "suspected mistakes in the code as it is"),
    card(String(data.files.length), data.files.length === 1 ? "file changes" : "files change"),
  );

  // The border
  const modules = new Map();
  for (const c of data.candidates) {
    if (!modules.has(c.file)) modules.set(c.file, { direct: [], facade: [], left: [], suspect: [], bridges: 0 });
    const m = modules.get(c.file);
    if (c.disposition === "bridge") m.bridges++;
    if (c.kind !== "function") continue;
    const side = c.disposition === "facade" ? "facade" : c.disposition === "suspect" ? "suspect" : isLeft(c) ? "left" : "direct";
    m[side].push(c);
  }
  const cells = (list, kind) => list.map((c) => el("span", { class: "cell " + kind, title: c.name + ", line " + c.line }));
  let chosen = "";
  let folder;
  for (const [file, m] of [...modules].sort((a, b) => (folderOf(a[0]) < folderOf(b[0]) ? -1 : folderOf(a[0]) > folderOf(b[0]) ? 1 : a[0] < b[0] ? -1 : 1))) {
    if (m.direct.length + m.facade.length + m.left.length + m.suspect.length + m.bridges === 0) continue;
    if (folder !== folderOf(file)) {
      folder = folderOf(file);
      byId("border").append(el("p", { class: "folder-name" }, folder + "/"));
    }
    const said = file + ": " + plural(m.direct.length, "fiber function") + ", " + m.facade.length + " with a façade, " +
      (m.left.length + m.suspect.length) + " left async, " + plural(m.bridges, "bridge");
    const button = el("button", { type: "button", class: "module", "aria-pressed": "false", "aria-label": said, "data-file": file },
      el("span", { class: "name", title: file }, el("bdi", {}, file.split("/").pop())),
      el("span", { class: "fibers" }, ...cells(m.direct, "direct")),
      el("span", { class: "wall" }, ...cells(m.facade, "facade")),
      el("span", { class: "promises" }, ...cells(m.left, "left"), ...cells(m.suspect, "suspect")),
      el("span", { class: "out" }, m.bridges > 0 ? "→ " + m.bridges : ""));
    button.addEventListener("click", () => {
      chosen = chosen === file ? "" : file;
      filters.file.value = chosen;
      apply();
    });
    byId("border").append(button);
  }
  if (!byId("border").hasChildNodes()) byId("border").append(el("p", {}, "There are no async functions."));

  // Share per folder
  const folders = new Map();
  for (const c of functions) {
    const parts = folderOf(c.file).split("/");
    for (let depth = 1; depth <= parts.length; depth++) {
      const name = parts.slice(0, depth).join("/");
      const f = folders.get(name) ?? { found: 0, direct: 0 };
      folders.set(name, { found: f.found + 1, direct: f.direct + (isLeft(c) ? 0 : 1) });
    }
  }
  const folderRows = [...folders].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, f]) => {
    const fill = el("i");
    fill.style.width = (100 * f.direct) / f.found + "%";
    const first = el("th", { scope: "row", class: "path" }, name);
    first.style.paddingLeft = 10 + 16 * (name.split("/").length - 1) + "px";
    return el("tr", {}, first, el("td", { class: "num" }, f.direct + " of " + f.found), el("td", { class: "num" }, percent(f.direct, f.found)),
      el("td", {}, el("div", { class: "bar", "aria-hidden": "true" }, fill)));
  });
  byId("folders").append(el("table", {}, el("thead", {}, el("tr", {},
    ...["Folder", "Direct functions", "Share"].map((text) => el("th", { scope: "col" }, text)), el("td", {}))), el("tbody", {}, ...folderRows)));

  // Batches
  if (data.batches) {
    byId("batches").hidden = false;
    byId("batches").append(el("ol", {}, ...data.batches.map((b) => el("li", {},
      plural(b.functions.length, "function") + " in " + b.files.join(", ") + "; then " + plural(b.facades, "façade") + " and " + plural(b.bridges, "bridge") + " stand"))));
  }

  // Places
  const option = (value, text) => el("option", { value }, text);
  const select = (name, label, options) => {
    const node = el("select", { name }, option("", "all"), ...options);
    byId("filters").append(el("label", {}, label, node));
    return node;
  };
  const count = (key) => {
    const counts = new Map();
    for (const c of data.candidates) for (const value of key(c)) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  };
  const search = el("input", { type: "search", name: "search", placeholder: "name, file or reason" });
  byId("filters").append(el("label", {}, "Search", search));
  const filters = {
    search,
    disposition: select("disposition", "What became of it", count((c) => [c.disposition]).map(([d, n]) => option(d, words[d] + " (" + n + ")"))),
    kind: select("kind", "Kind", count((c) => [c.kind]).map(([k, n]) => option(k, k + " (" + n + ")"))),
    reason: select("reason", "Reason", count((c) => new Set(c.reasons.map((r) => r.code))).map(([code, n]) => option(code, code + " " + data.reasons[code].name + " (" + n + ")"))),
    file: select("file", "Module", [...modules.keys()].sort().map((file) => option(file, file))),
  };
  const reset = el("button", { type: "reset" }, "Reset");
  byId("filters").append(reset);
  const changed = new Map(data.files.map((file, index) => [file.path, "file-" + index]));
  const place = (c) => {
    const text = c.file + ":" + c.line + ":" + c.column;
    const target = changed.get(c.file);
    if (target === undefined) return el("span", { class: "path" }, text);
    const link = el("a", { class: "path", href: "#" + target }, text);
    link.addEventListener("click", () => { byId(target).open = true; });
    return link;
  };
  const row = (c) => el("tr", {},
    el("td", {}, el("span", { class: "badge " + badges[c.disposition] }, words[c.disposition])),
    el("td", {}, el("code", {}, c.name)), el("td", {}, place(c)),
    el("td", {}, ...c.reasons.map((r) => el("p", { class: "why" }, el("abbr", { title: data.reasons[r.code].name + ": " + data.reasons[r.code].meaning }, r.code), " " + r.message))));
  const pageSize = 200;
  let found = [];
  let shown = 0;
  const more = () => {
    byId("rows").append(...found.slice(shown, shown + pageSize).map(row));
    shown = Math.min(found.length, shown + pageSize);
    byId("more").hidden = shown >= found.length;
    byId("count").textContent = found.length + " of " + data.candidates.length + " places" + (shown < found.length ? ", the first " + shown + " of them shown" : "");
  };
  function apply() {
    const text = filters.search.value.trim().toLowerCase();
    chosen = filters.file.value;
    found = data.candidates.filter((c) =>
      (filters.disposition.value === "" || c.disposition === filters.disposition.value) &&
      (filters.kind.value === "" || c.kind === filters.kind.value) &&
      (chosen === "" || c.file === chosen) &&
      (filters.reason.value === "" || c.reasons.some((r) => r.code === filters.reason.value)) &&
      (text === "" || [c.name, c.file, ...c.reasons.flatMap((r) => [r.code, r.message, data.reasons[r.code].name])].join("\n").toLowerCase().includes(text)));
    for (const button of document.querySelectorAll(".module")) button.setAttribute("aria-pressed", String(button.dataset.file === chosen));
    shown = 0;
    byId("rows").replaceChildren();
    more();
  }
  byId("filters").addEventListener("input", apply);
  byId("filters").addEventListener("reset", () => setTimeout(apply));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", more);
  apply();

  // Changes
  /** The middle in which two lines differ. */
  const marked = (line, other, name) => {
    let start = 0;
    while (start < line.length && start < other.length && line[start] === other[start]) start++;
    let end = 0;
    while (end < line.length - start && end < other.length - start && line[line.length - 1 - end] === other[other.length - 1 - end]) end++;
    return [line.slice(0, start), el(name, {}, line.slice(start, line.length - end)), line.slice(line.length - end)];
  };
  const side = (cls, number, content) => number === undefined
    ? [el("td", { class: "no" }), el("td")]
    : [el("td", { class: "no" }, String(number)), el("td", { class: cls }, ...content)];
  /** How much of two lines is the same, from 0 to 1. */
  const likeness = (a, b) => {
    const words = (line) => line.match(/\w+|[^\w\s]/g) ?? [];
    const [left, right] = [words(a), words(b)];
    const rest = [...right];
    let same = 0;
    for (const word of left) {
      const at = rest.indexOf(word);
      if (at >= 0) { same++; rest.splice(at, 1); }
    }
    return left.length + right.length === 0 ? 1 : (2 * same) / (left.length + right.length);
  };
  /** Lines that replace each other, in order, and between them those that only go or come. */
  const paired = (removed, added) => {
    const worth = likenesses(removed, added);
    const pairs = [];
    let [i, j] = [0, 0];
    while (i < removed.length || j < added.length) {
      if (i < removed.length && j < added.length && worth.at(i, j) === worth.at(i + 1, j + 1) + worth.of(i, j) && worth.of(i, j) > 0) pairs.push([removed[i++], added[j++]]);
      else if (i < removed.length && (j === added.length || worth.at(i, j) === worth.at(i + 1, j))) pairs.push([removed[i++], undefined]);
      else pairs.push([undefined, added[j++]]);
    }
    return pairs;
  };
  const likenesses = (removed, added) => {
    // Comparing all with all is for what a reader can take in; longer pieces are shown in order.
    const small = removed.length * added.length <= 2500;
    const of = (i, j) => {
      if (!small) return i === j ? 1 : 0;
      const value = likeness(removed[i], added[j]);
      return value < 0.4 ? 0 : value;
    };
    const known = removed.map((_, i) => added.map((_, j) => of(i, j)));
    const best = Array.from({ length: removed.length + 1 }, () => new Array(added.length + 1).fill(0));
    for (let i = removed.length - 1; i >= 0; i--)
      for (let j = added.length - 1; j >= 0; j--) best[i][j] = Math.max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + known[i][j]);
    return { at: (i, j) => best[i][j], of: (i, j) => known[i][j] };
  };
  const rowsOf = (hunk) => {
    const rows = [];
    let [before, after] = [hunk.oldStart, hunk.newStart];
    let [removed, added] = [[], []];
    const flush = () => {
      for (const [a, b] of paired(removed, added)) {
        const left = a === undefined ? side() : side("del", before++, b === undefined ? [a] : marked(a, b, "del"));
        const right = b === undefined ? side() : side("add", after++, a === undefined ? [b] : marked(b, a, "ins"));
        rows.push(el("tr", {}, ...left, ...right));
      }
      [removed, added] = [[], []];
    };
    for (const line of hunk.lines) {
      if (line[0] === "-") { if (added.length > 0) flush(); removed.push(line.slice(1)); }
      else if (line[0] === "+") added.push(line.slice(1));
      else if (line[0] === "\\") continue;
      else { flush(); rows.push(el("tr", {}, ...side("", before++, [line.slice(1)]), ...side("", after++, [line.slice(1)]))); }
    }
    flush();
    return rows;
  };
  const draw = (file) => {
    if (!file.hunks) return el("p", {}, "This file changed so much that its lines were not compared.");
    const body = el("tbody");
    file.hunks.forEach((hunk, index) => {
      if (index > 0) body.append(el("tr", { class: "gap" }, el("td", { colspan: "4" }, "…")));
      body.append(...rowsOf(hunk));
    });
    const heads = ["Line", "Before", "Line", "After"].map((text, index) =>
      el("th", { scope: "col", class: index % 2 === 0 ? "no" : "" }, index % 2 === 0 ? el("span", { class: "sr" }, text) : text));
    return el("table", { class: "diff", "aria-label": "Changes of " + file.path }, el("thead", {}, el("tr", {}, ...heads)), body);
  };
  data.files.forEach((file, index) => {
    const node = el("details", { id: "file-" + index }, el("summary", { class: "path" }, file.path));
    node.addEventListener("toggle", () => { if (node.open && node.childElementCount === 1) node.append(draw(file)); });
    byId("files").append(node);
    if (index === 0) node.open = true;
  });
  if (data.files.length === 0) byId("files").append(el("p", {}, "No file changes."));
})();
`;
