// @ts-check
// Files for rows that read some. They are gone when the process is.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @type {string | undefined} */
let folder;

/**
 * The path of a file with the given name, made at the first call.
 * @param {string} name @param {() => string | Uint8Array} contents
 */
export function scratchFile(name, contents) {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "trestle-bench-"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  const path = join(folder, name);
  if (!existsSync(path)) writeFileSync(path, contents());
  return path;
}
