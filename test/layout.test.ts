/** The arrows of the architecture: who may import whom, no cycles, nothing new at the top. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const top = join(import.meta.dirname, "..");

const sourcesUnder = (folder: string): string[] =>
  readdirSync(join(top, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts"))
    .map((entry) => relative(top, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(dist|node_modules)\//.test(path));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(path: string): Import[] {
  const text = readFileSync(join(top, path), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const found: Import[] = [];
  for (const match of text.matchAll(
    /^\s*(import|export)\s+(type\s+)?[^;"']*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"/gm,
  )) {
    const specifier = match[3] ?? match[4] ?? "";
    const to = specifier.startsWith(".")
      ? relative(top, join(top, dirname(path), specifier)).replace(/\.js$/, ".ts")
      : specifier;
    found.push({ from: path, to, typeOnly: match[2] !== undefined });
  }
  return found;
}

const packages = { core: sourcesUnder("core"), bridges: sourcesUnder("bridges"), codemods: sourcesUnder("codemods") };
const imports = Object.values(packages).flat().flatMap(importsOf);

describe("layout", () => {
  it("core imports neither bridges nor codemods, nor any library", () => {
    const outside = imports.filter((i) => i.from.startsWith("core/") && !i.to.startsWith("core/"));
    expect(outside.filter((i) => !i.to.startsWith("node:"))).toEqual([]);
    expect(outside.filter((i) => !i.from.startsWith("core/node/")).map((i) => `${i.from} -> ${i.to}`)).toEqual([]);
  });

  it("the engine of core imports nothing of core but itself", () => {
    const backward = imports.filter((i) => i.from.startsWith("core/engine/") && !i.to.startsWith("core/engine/"));
    expect(backward.map((i) => `${i.from} -> ${i.to}`)).toEqual([]);
  });

  it("the concepts of core import no world: neither node, web, mock nor trace", () => {
    const worlds = /^core\/(node|web|mock|trace)\//;
    const backward = imports.filter((i) => i.from.startsWith("core/") && !worlds.test(i.from) && worlds.test(i.to));
    expect(backward.map((i) => `${i.from} -> ${i.to}`)).toEqual([]);
  });

  it("neither Node's part of core nor that of the web knows of the other", () => {
    const world = (path: string) => /^core\/(node|web)\//.exec(path)?.[1];
    const across = imports.filter((i) => world(i.from) && world(i.to) && world(i.from) !== world(i.to));
    expect(across.map((i) => `${i.from} -> ${i.to}`)).toEqual([]);
  });

  it("bridges import core by its public name only, and never codemods", () => {
    const outside = imports.filter((i) => i.from.startsWith("bridges/") && !i.to.startsWith("bridges/"));
    const ofNode = ({ from, to }: Import) =>
      (from === "bridges/streams.ts" && to === "node:stream") ||
      (from === "bridges/bullmq/queue.ts" && to === "node:v8");
    expect(
      outside
        .filter((i) => !ofNode(i))
        // A world's own file may import its library, an optional peer; so may the files of its folder.
        .filter((i) => i.from.split(/[./]/)[1] !== i.to.split("/")[0])
        .filter((i) => i.to !== "trestle" && !i.to.startsWith("trestle/"))
        .map((i) => `${i.from} -> ${i.to}`),
    ).toEqual([]);
  });

  it("the portable bridges never reach a foreign library", () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const i of imports) if (i.from === path && !i.typeOnly) visit(i.to);
    };
    visit("bridges/index.ts");
    expect([...reached].filter((path) => !path.startsWith("bridges/") && path !== "trestle")).toEqual([]);
  });

  it("codemods import neither core nor bridges at run time", () => {
    const outside = imports.filter(
      (i) =>
        i.from.startsWith("codemods/") && !i.typeOnly && /^(core\/|bridges\/|trestle\b|@trestle\/bridges)/.test(i.to),
    );
    expect(outside).toEqual([]);
  });

  it("no import cycle exists within a package, types aside", () => {
    const edges = new Map<string, string[]>();
    for (const i of imports) if (!i.typeOnly) edges.set(i.from, [...(edges.get(i.from) ?? []), i.to]);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (node: string, path: readonly string[]): void => {
      const at = path.indexOf(node);
      if (at >= 0) {
        cycles.push([...path.slice(at), node].join(" -> "));
        return;
      }
      if (done.has(node)) return;
      for (const next of edges.get(node) ?? []) visit(next, [...path, node]);
      done.add(node);
    };
    for (const node of edges.keys()) visit(node, []);
    expect(cycles).toEqual([]);
  });

  it("nothing stands at the top but what the design names and what tools insist on", () => {
    const allowed = new Set(
      "core bridges codemods test guides README.md LICENSE package.json package-lock.json tsconfig.json tsconfig.base.json eslint.config.js vitest.config.ts node_modules packed".split(
        " ",
      ),
    );
    expect(readdirSync(top).filter((name) => !name.startsWith(".") && !allowed.has(name))).toEqual([]);
  });

  it("a suite of core or bridges that is for Node only says in its first line what it needs of Node", () => {
    const suites = ["test/core", "test/bridges"].flatMap(sourcesUnder);
    const nodeOnly = suites.filter((path) => /(^|[./])node\.test\.ts$/.test(path));
    const reason = /^\/\/ Node only: .+\.\n/;
    expect(nodeOnly.filter((path) => !reason.test(readFileSync(join(top, path), "utf8")))).toEqual([]);
  });

  it("no file is named for being a leftover", () => {
    const leftover = /(^|\/)(utils?|helpers?|common|misc|shared|stuff)\.ts$/;
    expect(
      Object.values(packages)
        .flat()
        .filter((path) => leftover.test(path)),
    ).toEqual([]);
  });
});
