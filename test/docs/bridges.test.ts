/** The guide to the bridges says what the conformance suites test; and what they leave to other tests has such a test. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { columns, tablesOf, worlds } from "../bridges/contract.js";

const top = join(import.meta.dirname, "..", "..");
const guide = readFileSync(join(top, "guides/bridges.md"), "utf8");
const suites = readdirSync(join(top, "test/bridges"))
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => readFileSync(join(top, "test/bridges", file), "utf8"));
const titles = suites.flatMap((suite) =>
  [...suite.matchAll(/\bit(?:\.\w+\(.*?\))?\(\s*"((?:[^"\\]|\\.)*)"/g)].map(([, title]) => title!),
);

const cellsOf = (table: string): string[][] =>
  table
    .split("\n")
    .map((line) => line.slice(1, -1).split("|"))
    .map((cells) => cells.map((cell) => cell.trim()));

describe("guides/bridges.md", () => {
  it.each(worlds)("says of $subpath what its contract says; npm run contract writes it", (world) => {
    const region = new RegExp(`<!-- contract ${world.subpath} -->\\n\\n([\\s\\S]*?)\\n\\n<!-- /contract`).exec(guide);
    const tables = region![1]!.split("\n\n").map(cellsOf);
    expect(tables.map(([header, , ...lines]) => ({ header, lines }))).toEqual(tablesOf(world));
  });

  it("has a world for each module of the bridges, and for nothing else", () => {
    const modules = readdirSync(join(top, "bridges"))
      .filter((file) => file.endsWith(".ts") && file !== "index.ts")
      .map((file) => file.replace(".ts", ""));
    expect(worlds.map(({ subpath }) => subpath).sort()).toEqual(modules.sort());
  });

  it("says in words of its own only what some test shows", () => {
    const rows = worlds.flatMap(({ incoming, outgoing }) => [...Object.values(incoming), ...Object.values(outgoing)]);
    const shown = rows.flatMap((row) =>
      columns.flatMap((column) => {
        const cell = row[column];
        return typeof cell === "object" ? cell.shown : [];
      }),
    );
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter((begin) => !titles.some((title) => title.startsWith(begin)))).toEqual([]);
  });
});
