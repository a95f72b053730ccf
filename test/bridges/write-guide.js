// @ts-check
// npm run contract: writes the tables of guides/bridges.md from the contract that the conformance suites test.

import { join } from "node:path";
import { build } from "esbuild";
import { fillRegion } from "../bench/region.js";
import { markdown } from "../bench/table.js";

const { outputFiles } = await build({
  entryPoints: [join(import.meta.dirname, "contract.ts")],
  bundle: true,
  format: "esm",
  write: false,
});
const code = outputFiles[0]?.text ?? "";
const { tablesOf, worlds } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
for (const world of worlds) {
  const tables = tablesOf(world).map((/** @type {{ header: string[], lines: string[][] }} */ { header, lines }) =>
    markdown(header, lines),
  );
  fillRegion(`contract ${world.subpath}`, tables.join("\n\n"), "guides/bridges.md");
}
