// @ts-check
// The parts of README and of the guides that only scripts write.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { barsOf, doubledIn, oursIn } from "./field.js";
import { amount, ratioText } from "./print.js";
import { rows } from "./rows/index.js";
import { markdown } from "./table.js";

const top = join(import.meta.dirname, "..", "..");

/**
 * Puts `text` between the markers of a region.
 * @param {string} name @param {string} text @param {string} [file]
 */
export function fillRegion(name, text, file = "README.md") {
  const path = join(top, file);
  const document = readFileSync(path, "utf8");
  const markers = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!markers.test(document)) throw new Error(`${file} has no region <!-- ${name} --> ... <!-- /${name} -->`);
  writeFileSync(
    path,
    document.replace(markers, (_, start, end) => `${start}\n${text}\n\n${end}`),
  );
}

export const benchHeader = ["work", " Trestle", "against", " theirs", " ratio", " bar"];

/**
 * A line for each bar that a row is held to.
 * @param {readonly import("./row.js").Report[]} reports @param {string} line  when and where it was measured
 */
export function benchRegion(reports, line) {
  const lines = reports.flatMap((report) => {
    const row = rows.find(({ key }) => key === report.key);
    if (!row) throw new Error(`there is no row ${report.key}`);
    const shown = (/** @type {string} */ name) => {
      const outcome = report.outcomes.find(({ contender }) => contender === name);
      return outcome ? amount(report, outcome) : "";
    };
    return report.verdicts
      .filter(({ of }) => of !== doubledIn(row))
      .map(({ against, most, ratio, ok }) => [
        report.title,
        shown(oursIn(row)),
        against?.replace(/^trestle, /, "") ?? "",
        against === undefined ? "" : shown(against),
        ratio === undefined ? "" : ratioText(ratio),
        `${most === undefined ? "completes" : `<= ${most}`}${ok ? "" : " (over)"}`,
      ]);
  });
  return `${markdown(benchHeader, lines)}\n\n${line}`;
}

export const sizeHeader = ["import", " minified", " gzip", " bar"];

/**
 * The imports that have a bar, and what they are compared to.
 * @param {readonly { name: string, minified: number, compressed: number, most?: number, ok?: boolean }[]} sizes
 * @param {string} line
 */
export function sizeRegion(sizes, line) {
  const bytes = (/** @type {number} */ n) => n.toLocaleString("en");
  const lines = sizes.map(({ name, minified, compressed, most, ok }) => [
    name,
    bytes(minified),
    bytes(compressed),
    most === undefined ? "" : `<= ${bytes(most)}${ok ? "" : " (over)"}`,
  ]);
  return `${markdown(sizeHeader, lines)}\n\n${line}`;
}

/** The bars that README shows, in order: the row, whom it is held against, and by how much. */
export const shownBars = rows.flatMap((row) =>
  barsOf(row)
    .filter(({ of }) => of !== doubledIn(row))
    .map((bar) => ({
      row,
      against: "against" in bar ? bar.against : undefined,
      most: "most" in bar ? bar.most : undefined,
    })),
);
