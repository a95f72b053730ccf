/** Imports of promise names that a file no longer uses because every use now runs the fiber function. */
import { ts, type TS } from "../compiler.js";
import type { FileContext } from "./context.js";

export function dropReplacedImports(context: FileContext): void {
  const { analysis, file } = context;
  for (const target of context.imported.get(file) ?? []) {
    const here = (analysis.references.get(target) ?? []).filter((use) => use.file === file);
    const specifier = here.find((use) => use.role === "import")?.node.parent;
    if (specifier === undefined || !(ts.isImportSpecifier(specifier) || ts.isImportClause(specifier))) continue;
    const used = here.filter((use) => use.role !== "import");
    if (used.length === 0 || !used.every((use) => isReplaced(context, use.call ?? use.node))) continue;
    // A member of a class is not imported by itself; only functions and constants come here.
    if (target.form === "method") continue;
    context.imports.drop(specifier);
  }
}

/** Whether the fiber function is named there from now on. */
function isReplaced(context: FileContext, node: TS.Node): boolean {
  const run = context.runs.get(node);
  return run !== undefined && run.dispatch === undefined;
}
