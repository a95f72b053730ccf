/**
 * The TypeScript compiler the analysis runs on: the project's own when it has a usable one, so that its verdicts are
 * those of the user's build, else the one this package depends on.
 *
 * `ts` is a live binding. Syntax kinds differ between compiler versions, so nothing may be read from `ts` at import time.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import type TypeScript from "typescript";

// Not by "import", which would have Node search megabytes for names that it could export.
const bundled = createRequire(import.meta.url)("typescript") as typeof import("typescript");

export let ts: typeof bundled = bundled;

export type { default as TS } from "typescript";

/** The compiler that judges a project. */
export interface Compiler {
  readonly version: string;
  /** Whether it is the project's own. */
  readonly own: boolean;
  /** The version of the project's own, where it cannot be used here. */
  readonly replaces?: string;
}

/** The first compiler that reads the declarations of the fiber library. */
export const oldestCompiler = "4.7";

export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < 4 || (major === 4 && minor < 7);
}

/** Chooses the compiler for the project in `directory`. */
export function useCompilerOf(directory: string): Compiler {
  ts = bundled;
  let replaces: string | undefined;
  try {
    const own = createRequire(join(directory, "package.json"))("typescript") as Partial<typeof bundled>;
    if (own.version !== undefined && isUsable(own.version) && typeof own.createProgram === "function") {
      ts = completed(own as typeof bundled);
      return { version: own.version, own: true };
    }
    replaces = own.version;
  } catch {
    // Not installed there: the bundled one serves.
  }
  return { version: bundled.version, own: false, ...(replaces !== undefined && { replaces }) };
}

/** What 4.7 and 4.8 do not have yet: the questions that they would always answer in the same way, or by another name. */
function completed(own: typeof bundled): typeof bundled {
  const given: Partial<typeof bundled> = own;
  if (given.isSatisfiesExpression !== undefined) return own;
  const valueAt = (node: unknown, key: string): unknown => (node as Record<string, unknown>)[key];
  return {
    ...own,
    isSatisfiesExpression: (node): node is TypeScript.SatisfiesExpression =>
      valueAt(node, "satisfiesToken") !== undefined,
    canHaveDecorators:
      given.canHaveDecorators ?? ((node): node is TypeScript.HasDecorators => node.parent !== undefined),
    getDecorators: given.getDecorators ?? ((node) => valueAt(node, "decorators") as readonly TypeScript.Decorator[]),
    getModifiers: given.getModifiers ?? ((node) => valueAt(node, "modifiers") as readonly TypeScript.Modifier[]),
  };
}

/** From 7 on, the package carries no JavaScript compiler API. */
function isUsable(version: string): boolean {
  return !isTooOld(version) && Number.parseInt(version, 10) < 7;
}
