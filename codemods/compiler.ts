/**
 * The TypeScript compiler the analysis runs on: the project's own when it has a usable one, so that its verdicts are
 * those of the user's build, else the one this package depends on.
 *
 * `ts` is a live binding. Syntax kinds differ between compiler versions, so nothing may be read from `ts` at import time.
 */
import { createRequire } from "node:module";
import { join } from "node:path";

// Not by "import", which would have Node search megabytes for names that it could export.
const bundled = createRequire(import.meta.url)("typescript") as typeof import("typescript");

export let ts: typeof bundled = bundled;

export type { default as TS } from "typescript";

/** Chooses the compiler for the project in `directory`; answers its version and whether it is the project's own. */
export function useCompilerOf(directory: string): { version: string; own: boolean } {
  ts = bundled;
  try {
    const own = createRequire(join(directory, "package.json"))("typescript") as Partial<typeof bundled>;
    if (own.version !== undefined && isUsable(own.version) && typeof own.createProgram === "function") {
      ts = own as typeof bundled;
      return { version: own.version, own: true };
    }
  } catch {
    // Not installed there: the bundled one serves.
  }
  return { version: bundled.version, own: false };
}

/** Compilers before 4.7 lack `nodenext`; from 7 on, the package carries no JavaScript compiler API. */
function isUsable(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return (major === 4 && minor >= 7) || major === 5 || major === 6;
}
