// @ts-check
// The report as a table for people.

import { table } from "./table.js";

/** @param {readonly import("./row.js").Report[]} reports */
export function print(reports) {
  const lines = reports.flatMap((report, i) => [
    ...(i > 0 ? [undefined] : []),
    [report.title, "", "", "", "", "", ""],
    ...report.outcomes.map((outcome) => lineOf(report, outcome)),
  ]);
  return table(["work", " median", " an item", " +-", " ours/this", "  bar", ""], lines);
}

/** @param {import("./row.js").Report} report @param {import("./row.js").Outcome} outcome */
function lineOf(report, { contender, size, median, spread, ratio, failed }) {
  const verdict = report.verdicts.find(
    ({ of, against }) => (against === undefined || of.endsWith("twice the size") ? of : against) === contender,
  );
  const twice = contender.endsWith("twice the size");
  const name = size === report.size || twice ? contender : `${contender} (${size.toLocaleString("en")})`;
  const shown = twice ? verdict?.ratio : ratio;
  return [
    `  ${name}`,
    amount(report, { contender, size, median, failed }),
    median === undefined
      ? ""
      : report.unit === "ms"
        ? nanoseconds((median / size) * 1e6)
        : `${Math.round(median / size).toLocaleString("en")} B`,
    spread === undefined ? "" : `${Math.round(100 * spread)} %`,
    shown === undefined ? "" : twice ? `(x ${shown.toFixed(2)})` : ratioText(shown),
    verdict === undefined ? "" : verdict.most === undefined ? "completes" : `<= ${verdict.most}`,
    verdict === undefined ? "" : verdict.ok ? "ok" : "OVER",
  ];
}

/**
 * What a contender took in all.
 * @param {import("./row.js").Report} report @param {import("./row.js").Outcome} outcome
 */
export function amount(report, { median, failed }) {
  return failed ?? (report.unit === "ms" ? milliseconds(median ?? NaN) : kilobytes(median ?? NaN));
}

/** @param {number} ms */
const milliseconds = (ms) => `${ms.toFixed(ms < 100 ? 2 : 0)} ms`;
/** @param {number} ns */
const nanoseconds = (ns) => `${ns < 10 ? ns.toFixed(1) : Math.round(ns).toLocaleString("en")} ns`;
/** @param {number} bytes */
const kilobytes = (bytes) => `${Math.round(bytes / 1000).toLocaleString("en")} kB`;

/** @param {number} ratio */
export const ratioText = (ratio) => (ratio < 0.095 ? ratio.toPrecision(1) : ratio.toFixed(2));
