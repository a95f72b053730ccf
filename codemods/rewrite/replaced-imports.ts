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

/** Takes out the imports of other packages that nothing in the file names any more. */
export function dropRetiredNames(context: FileContext, retired: ReadonlySet<TS.Identifier>): void {
  const { checker } = context.analysis;
  const declarations = new Set([...retired].flatMap((name) => checker.getSymbolAtLocation(name)?.declarations ?? []));
  for (const declaration of declarations) {
    if (!isStillNamed(context, declaration, retired)) context.imports.dropDeclaration(declaration, context.edits);
  }
}

function isStillNamed(context: FileContext, declaration: TS.Declaration, retired: ReadonlySet<TS.Identifier>): boolean {
  const { checker } = context.analysis;
  const name = ts.getNameOfDeclaration(declaration);
  if (name === undefined || !ts.isIdentifier(name)) return true;
  const symbol = checker.getSymbolAtLocation(name);
  let found = false;
  const visit = (node: TS.Node): void => {
    if (ts.isIdentifier(node) && node.text === name.text && node !== name && !retired.has(node)) {
      const parent = node.parent;
      const named = ts.isShorthandPropertyAssignment(parent)
        ? checker.getShorthandAssignmentValueSymbol(parent)
        : ts.isExportSpecifier(parent)
          ? checker.getExportSpecifierLocalTargetSymbol(parent)
          : checker.getSymbolAtLocation(node);
      found ||= named === symbol;
    }
    ts.forEachChild(node, visit);
  };
  visit(context.file);
  return found;
}

/** Whether the fiber function is named there from now on. */
function isReplaced(context: FileContext, node: TS.Node): boolean {
  const run = context.runs.get(node);
  return run !== undefined && run.dispatch === undefined;
}
