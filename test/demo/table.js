// @ts-check
// The closing table: a row a project, and below it why functions were left.

/** @typedef {{ passed: number, failed: number }} Tests */
/** @typedef {{ name: string, report?: import("./trestle.js").Report, before?: Tests, after?: Tests, seconds: number, red: string[] }} Row */

const header = [
  "project",
  "functions",
  "converted",
  "left",
  "awaits direct",
  "bridged",
  "files",
  "tests before",
  "tests after",
  "seconds",
  "",
];

/** @param {readonly Row[]} rows */
export function table(rows) {
  const cells = rows.map(({ name, report, before, after, seconds, red }) => {
    const { functions, bridgedSites, files } = report?.totals ?? {};
    const share =
      functions && functions.found > 0 ? ` (${Math.round((100 * functions.converted) / functions.found)} %)` : "";
    return [
      name,
      functions?.found ?? "-",
      functions ? `${functions.converted}${share}` : "-",
      functions?.left ?? "-",
      awaits(report),
      bridgedSites ?? "-",
      files ? `${files.changed} of ${files.scanned}` : "-",
      tests(before),
      tests(after),
      seconds.toFixed(1),
      red.length === 0 ? "green" : "RED",
    ].map(String);
  });
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (/** @type {string[]} */ row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(header), ...cells.flatMap((row, index) => [line(row), ...whyLeft(rows[index]?.report)])].join("\n");
}

/**
 * How many of the awaits in converted functions call a fiber function directly, without a promise between.
 * @param {import("./trestle.js").Report} [report]
 */
function awaits(report) {
  if (report === undefined) return "-";
  const found = report.candidates.filter(({ kind }) => kind === "await");
  return `${found.filter(({ disposition }) => disposition.startsWith("rewrite")).length} of ${found.length}`;
}

/** @param {Tests} [run] */
function tests(run) {
  if (run === undefined) return "-";
  return run.failed === 0 ? `${run.passed} passed` : `${run.passed} passed, ${run.failed} failed`;
}

/**
 * The three most frequent reasons for leaving a function.
 * @param {import("./trestle.js").Report} [report]
 */
function whyLeft(report) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { kind, disposition, reasons } of report?.candidates ?? []) {
    if (kind !== "function" || !["leave", "suspect", "bridge"].includes(disposition)) continue;
    for (const { code, name } of reasons) counts.set(`${code} ${name}`, (counts.get(`${code} ${name}`) ?? 0) + 1);
  }
  const top = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3);
  return top.length === 0 ? [] : [`  left: ${top.map(([reason, count]) => `${reason} x ${count}`).join(", ")}`];
}
