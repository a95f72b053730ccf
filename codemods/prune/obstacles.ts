/** Why a façade stays, and when its fiber function cannot have its name. */
import { isLibrary } from "../analyse/decide.js";
import { ts, type TS } from "../compiler.js";
import type { LoadedProject } from "../project.js";
import type { Facade } from "./facades.js";
import type { Fusion } from "./fusions.js";
import type { PruneRequest } from "./plan.js";
import { escaped, isSame, programFiles, type Uses } from "./uses.js";

export function reasonToKeep(
  project: LoadedProject,
  facade: Facade,
  uses: Uses,
  { exported }: PruneRequest,
  fusions: readonly Fusion[],
): string | undefined {
  const { node, name, symbol, twin } = facade;
  const users = uses.get(symbol) ?? [];
  const isOwn = (use: TS.Node): boolean =>
    use.getStart() >= node.getStart() && use.end <= node.end && use.getSourceFile() === facade.file;
  if (users.length > 0) return `it has ${users.length === 1 ? "a user" : `${users.length} users`}`;
  if ((symbol.declarations?.length ?? 0) > 1) return "it is overloaded";
  if (ts.canHaveDecorators(node) && (ts.getDecorators(node)?.length ?? 0) > 0) return "it is decorated";
  const word = new RegExp(`["'\`]${escaped(name.text)}["'\`]`);
  if (project.tests.some(({ text }) => new RegExp(`\\b${escaped(name.text)}\\b`).test(text))) return "tests mention it";
  if (project.unread.mentions(name.text)) return "a file that is not read mentions it";
  if (programFiles(project).some(({ text }) => word.test(withoutNameOption(text, name.text))))
    return "a text mentions it";
  if (isVisible(node)) {
    if (exported !== true) return "it is visible outside; --exported removes it";
    if (isLibrary(project.root)) return "the package is one that others install";
  }
  const isRun = fusions.some((fusion) => fusion.facade === facade);
  if (!isRun && (uses.get(twin) ?? []).every((use) => isOwn(use))) return "nobody uses its fiber function either";
  return undefined;
}

/** `toAsync(loadOp, { name: "load" })` is the façade's own mention of itself. */
function withoutNameOption(text: string, name: string): string {
  return text.replaceAll(`name: "${name}"`, "").replaceAll(`name: '${name}'`, "");
}

function isVisible(node: Facade["node"]): boolean {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  if (!ts.isMethodDeclaration(node)) return modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  return !ts.isPrivateIdentifier(node.name) && !modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
}

/** Whether the fiber function can have the façade's name wherever it is mentioned. */
export function canRename(project: LoadedProject, facade: Facade, uses: Uses): boolean {
  const checker = project.program.getTypeChecker();
  const { name, twinName, twin, symbol, node } = facade;
  if (ts.isPrivateIdentifier(name) !== ts.isPrivateIdentifier(twinName)) return false;
  if ((twin.declarations?.length ?? 0) !== 1) return false;
  // What inherits from a visible method, or is inherited, is not looked for.
  if (ts.isMethodDeclaration(node) && isVisible(node)) return false;
  const editable = new Set(project.sources);
  return (uses.get(twin) ?? []).every((use) => {
    if (!editable.has(use.getSourceFile())) return false;
    if (ts.isExportSpecifier(use.parent) || ts.isBindingElement(use.parent)) return false;
    if (ts.isPropertyAccessExpression(use.parent) && use.parent.name === use) return true;
    return checker
      .getSymbolsInScope(use, ts.SymbolFlags.Value | ts.SymbolFlags.Alias)
      .every((each) => each.name !== name.text || isSame(each, symbol, checker));
  });
}
