/** The version of this package, read from its own package.json: beside the sources, or one level above the build. */

import { existsSync, readFileSync } from "node:fs";

const manifest = ["./package.json", "../package.json"]
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(url));

if (manifest === undefined) throw new Error("the package.json of @trestle/eslint-plugin is missing");

/** For instance `0.1.0`. The packages of the family are released together, so it is theirs too. */
export const version = (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
