// @ts-check
// npm run size: what an import adds to a page, minified and compressed.

import { gzipSync } from "node:zlib";
import { build, version } from "esbuild";
import { compared, CORE, subpaths } from "./bundles.js";
import { optionsFor } from "./command-line.js";
import { machine } from "./machine.js";
import { fillRegion, sizeRegion } from "./region.js";
import { table } from "./table.js";

const help = `npm run size -- [options]

Bundles each import of the built package alone, for browsers, and prints its bytes: minified
(esbuild), and compressed (gzip, level 9).

  --only <name>  this line alone, by its name in the table; may be given several times
  --why          which source modules the bytes come from; by default those of
                 "${CORE}"
  --json         the figures as JSON
  --readme       writes those that have a bar, and what they compare to, into README.md, too
  --help         this text
`;

const { values, refuse } = optionsFor("size", help, {
  only: { type: "string", multiple: true },
  why: { type: "boolean" },
  json: { type: "boolean" },
  readme: { type: "boolean" },
});
const bundles = [...compared, ...subpaths()];
for (const name of values.only ?? []) {
  if (!bundles.some((bundle) => bundle.name === name)) refuse(`there is no "${name}" in the table`);
}
if (values.readme && (values.only || values.why)) refuse("--readme takes all lines");
const wanted = values.only ?? (values.why ? [CORE] : undefined);
const sizes = await Promise.all(bundles.filter(({ name }) => wanted?.includes(name) ?? true).map(measure));

const line = `Bytes, minified by esbuild ${version} and compressed by gzip at level 9. ${machine()}.`;
if (values.readme) fillRegion("size", sizeRegion(sizes.slice(0, compared.length), line));
if (values.json) process.stdout.write(`${JSON.stringify({ measured: line, imports: sizes }, null, 2)}\n`);
else if (values.why) process.stdout.write(`${sizes.map(why).join("\n\n")}\n`);
else process.stdout.write(`${print()}\n\n${line}\n`);

/** @param {import("./bundles.js").Bundle} bundle */
async function measure({ name, program, most }) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // The entry point for Node is measured as far as it is not Node itself.
    external: ["node:*"],
    // Not the sources, which the settings of the tests lead to.
    tsconfigRaw: {},
    outfile: "bundle.js",
    logLevel: "silent",
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  const compressed = gzipSync(code, { level: 9 }).length;
  const parts = Object.values(metafile.outputs)[0]?.inputs ?? {};
  const modules = Object.entries(parts)
    .map(([path, { bytesInOutput }]) => ({ module: moduleOf(path), minified: bytesInOutput }))
    .filter(({ minified }) => minified > 0)
    .sort((a, b) => b.minified - a.minified);
  const verdict = most === undefined ? {} : { most, ok: compressed <= most };
  return { name, minified: code.length, compressed, ...verdict, modules };
}

/**
 * A module as people call it: `engine/drive` for a file of the core, the path within its package for others.
 * @param {string} path
 */
function moduleOf(path) {
  return path
    .replace(/^.*\bcore\/dist\/esm\//, "")
    .replace(/^.*\bbridges\/dist\/esm\//, "@trestle/bridges/")
    .replace(/^.*\bnode_modules\//, "")
    .replace(/\.js$/, "");
}

function print() {
  const lines = sizes.map(({ name, minified, compressed, most, ok }) => [
    name,
    bytes(minified),
    bytes(compressed),
    most === undefined ? "" : `<= ${bytes(most)}`,
    most === undefined ? "" : ok ? "ok" : "OVER",
  ]);
  return table(["import", " minified", " gzip", "  bar", ""], lines);
}

/** @param {Awaited<ReturnType<typeof measure>>} size */
function why({ name, minified, compressed, modules }) {
  const rest = minified - modules.reduce((sum, part) => sum + part.minified, 0);
  const parts = [...modules, { module: "what joins them", minified: rest }];
  const lines = parts.map((part) => [
    part.module,
    bytes(part.minified),
    `${((100 * part.minified) / minified).toFixed(1)} %`,
  ]);
  const title = `${name}: ${bytes(minified)} bytes minified, ${bytes(compressed)} compressed`;
  return `${title}\n\n${table(["module", " minified", " share"], lines)}`;
}

/** @param {number} n */
function bytes(n) {
  return n.toLocaleString("en");
}
