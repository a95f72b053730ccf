// Programs for other threads and for pages, made of the sources as the tests themselves are.

import { build } from "esbuild";
import config from "../vitest.config.js";

/** A program in one text: `contents` with everything that it imports. */
export async function bundle(contents: string, where: "worker" | "page"): Promise<string> {
  const aliases = config.resolve!.alias as { find: RegExp; replacement: string }[];
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    write: false,
    format: "iife",
    platform: where === "worker" ? "node" : "browser",
    target: "es2022",
    plugins: [
      {
        name: "sources",
        setup(building) {
          for (const { find, replacement } of aliases)
            building.onResolve({ filter: find }, ({ path }) => ({
              path: path.replace(find, replacement),
              sideEffects: false,
            }));
        },
      },
    ],
  });
  return outputFiles[0]!.text;
}
