/** README's figures are those that the scripts printed: nobody edits them by hand, and no bar is left out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Row } from "./row.js";

interface Regions {
  readonly benchHeader: readonly string[];
  readonly sizeHeader: readonly string[];
  readonly shownBars: readonly { row: Row; against: string | undefined; most: number | undefined }[];
}
interface Bundles {
  readonly compared: readonly { name: string; most?: number }[];
}

// The scripts are plain JavaScript, and outside of this compilation.
const load = async <T>(script: string): Promise<T> => (await import(join(import.meta.dirname, script))) as T;
const { benchHeader, shownBars, sizeHeader } = await load<Regions>("region.js");
const { workOf } = await load<{ workOf: (row: Row) => string }>("rows/index.js");
const { compared } = await load<Bundles>("bundles.js");

const readme = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");

/** The table of a region, as cells, and the line below it. */
function region(name: string): { header: string[]; lines: string[][]; below: string } {
  const text = new RegExp(`<!-- ${name} -->\n\n([\\s\\S]*?)\n\n<!-- /${name} -->`).exec(readme)?.[1];
  if (text === undefined) throw new Error(`README has no region ${name}`);
  const [table = "", below = "", ...more] = text.split("\n\n");
  expect(more).toEqual([]);
  const cells = table.split("\n").map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  const [header = [], rule = [], ...lines] = cells;
  expect(rule.every((cell) => /^-+:?$/.test(cell))).toBe(true);
  return { header, lines, below };
}

const titles = (header: readonly string[]) => header.map((title) => title.trim());
const machine = String.raw`\d{4}-\d{2}-\d{2}, Node \d+\.\d+\.\d+, \w+ \w+, \d+ cores( \(.+\))?\.`;
const amount = /^([\d.,]+ (ms|kB)|RangeError)$/;

describe("README", () => {
  const bench = region("bench");

  it("has a line for each bar of the benchmark, in its order", () => {
    expect(bench.header).toEqual(titles(benchHeader));
    expect(bench.lines.map(([work]) => work)).toEqual(shownBars.map(({ row }) => workOf(row)));
  });

  it("says of each bar what the script would", () => {
    bench.lines.forEach(([, ours = "", against = "", theirs = "", ratio = "", bar = ""], i) => {
      const { against: expected, most } = shownBars[i]!;
      expect(ours).toMatch(amount);
      if (most === undefined) {
        expect([against, theirs, ratio]).toEqual(["", "", ""]);
        expect(bar).toMatch(/^completes( \(over\))?$/);
        return;
      }
      expect(against).toBe(expected?.replace("trestle, ", ""));
      expect(theirs).toMatch(amount);
      expect(ratio).toMatch(/^\d+\.\d+$/);
      // Of a ratio right at its bar the printed digits do not show on which side it is.
      const over = Number(ratio) > most;
      if (Number(ratio) !== most) expect(bar).toBe(`<= ${most}${over ? " (over)" : ""}`);
    });
  });

  it("says when, where and how often it was measured", () => {
    expect(bench.below).toMatch(new RegExp(`^Medians of \\d+ rounds, (processor|elapsed) time\\. ${machine}$`));
  });

  const size = region("size");

  it("has the size of each import that is compared, and whether it is within its bar", () => {
    expect(size.header).toEqual(titles(sizeHeader));
    expect(size.lines.map(([name]) => name)).toEqual(compared.map(({ name }) => name));
    size.lines.forEach(([, minified = "", compressed = "", bar], i) => {
      expect(minified).toMatch(/^\d{1,3}(,\d{3})*$/);
      expect(compressed).toMatch(/^\d{1,3}(,\d{3})*$/);
      const most = compared[i]?.most;
      const over = Number(compressed.replaceAll(",", "")) > (most ?? Infinity);
      expect(bar).toBe(most === undefined ? "" : `<= ${most.toLocaleString("en")}${over ? " (over)" : ""}`);
    });
    expect(size.below).toMatch(
      new RegExp(`^Bytes, minified by esbuild [\\d.]+ and compressed by gzip at level 9\\. ${machine}$`),
    );
  });
});
