/** Where façades and their fiber functions are mentioned. */
import { ts, type TS } from "../compiler.js";
import type { LoadedProject } from "../project.js";
import { isName, type Facade } from "./facades.js";

export type Uses = ReadonlyMap<TS.Symbol, readonly (TS.Identifier | TS.PrivateIdentifier)[]>;

/** Every mention of a façade or its fiber function but where it is declared; an import is a mention. */
export function findUses(project: LoadedProject, facades: readonly Facade[]): Uses {
  const checker = project.program.getTypeChecker();
  const uses = new Map<TS.Symbol, (TS.Identifier | TS.PrivateIdentifier)[]>();
  for (const { symbol, twin } of facades) for (const each of [symbol, twin]) uses.set(each, []);
  const names = new Set(facades.flatMap(({ name, twinName }) => [name.text, twinName.text]));
  if (names.size === 0) return uses;
  const visit = (node: TS.Node): void => {
    if (isName(node) && names.has(node.text)) {
      let symbol = ts.isShorthandPropertyAssignment(node.parent)
        ? checker.getShorthandAssignmentValueSymbol(node.parent)
        : ts.isExportSpecifier(node.parent)
          ? checker.getExportSpecifierLocalTargetSymbol(node.parent)
          : checker.getSymbolAtLocation(node);
      if (symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0)
        symbol = checker.getAliasedSymbol(symbol);
      const isDeclaration = symbol?.declarations?.some((each) => (each as { name?: TS.Node }).name === node) === true;
      if (symbol !== undefined && !isDeclaration) uses.get(symbol)?.push(node);
    }
    ts.forEachChild(node, visit);
  };
  for (const file of programFiles(project)) visit(file);
  return uses;
}

export function programFiles({ program }: LoadedProject): TS.SourceFile[] {
  return program
    .getSourceFiles()
    .filter((file) => !file.isDeclarationFile && !file.fileName.includes("/node_modules/"));
}

/** Whether a name in scope is the thing itself, what its module exports, or an import of it. */
export function isSame(given: TS.Symbol, target: TS.Symbol, checker: TS.TypeChecker): boolean {
  if (checker.getExportSymbolOfSymbol(given) === checker.getExportSymbolOfSymbol(target)) return true;
  return (given.flags & ts.SymbolFlags.Alias) !== 0 && checker.getAliasedSymbol(given) === target;
}

export function escaped(name: string): string {
  return name.replace(/[$#]/g, "\\$&");
}
