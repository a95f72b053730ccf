/** Finds where a fiber waits for a façade, and can run its fiber function instead. */
import { isJavaScriptFile } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { LoadedProject } from "../project.js";
import { meansBridge, type Facade } from "./facades.js";
import { escaped, isSame, type Uses } from "./uses.js";

/** A wait for a façade's promise that can run the fiber function: `yield* fromPromise(load())`. */
export interface Fusion {
  readonly facade: Facade;
  readonly use: TS.Identifier;
  /** The name `fromPromise` there. */
  readonly bridge: TS.Identifier;
}

/**
 * `yield* fromPromise(load())` becomes `yield* adopt(loadOp())`: the same work, cancelled with whoever waits for it, and
 * with the same turn for others at its end.
 */
export function fusionsOf(project: LoadedProject, facade: Facade, uses: Uses): Fusion[] {
  const { node, file, name, symbol, twin, twinName } = facade;
  if (ts.isMethodDeclaration(node) || !ts.isIdentifier(twinName) || isJavaScriptFile(file)) return [];
  if ((symbol.declarations?.length ?? 0) > 1 || (twin.declarations?.length ?? 0) !== 1) return [];
  if (!ts.isSourceFile(node.parent)) return [];
  const mentioned = new RegExp(`\\b${escaped(name.text)}\\b`);
  // What a test replaces goes on being called by its own name.
  if (project.tests.some(({ text }) => mentioned.test(text))) return [];
  const checker = project.program.getTypeChecker();
  const editable = new Set(project.sources);
  return (uses.get(symbol) ?? []).flatMap((use): Fusion[] => {
    const call = use.parent;
    if (!ts.isIdentifier(use) || !ts.isCallExpression(call) || call.expression !== use) return [];
    const bridge = call.parent;
    if (!ts.isCallExpression(bridge) || bridge.arguments.length !== 1 || bridge.arguments[0] !== call) return [];
    if (!ts.isIdentifier(bridge.expression) || !ts.isYieldExpression(bridge.parent)) return [];
    if (bridge.parent.asteriskToken === undefined || !editable.has(use.getSourceFile())) return [];
    if (!meansBridge(checker.getSymbolAtLocation(bridge.expression), "fromPromise")) return [];
    for (const each of checker.getSymbolsInScope(use, ts.SymbolFlags.Value | ts.SymbolFlags.Alias)) {
      if (each.name === twinName.text && !isSame(each, twin, checker)) return [];
      if (each.name === "adopt" && !meansBridge(each, "adopt")) return [];
    }
    if (use.getSourceFile() !== file && importOf(use, checker) === undefined) return [];
    return [{ facade, use, bridge: bridge.expression }];
  });
}

/** The specifier that imports a name under itself. */
function importOf(use: TS.Identifier, checker: TS.TypeChecker): TS.ImportSpecifier | undefined {
  const declaration = checker.getSymbolAtLocation(use)?.declarations?.[0];
  return declaration !== undefined && ts.isImportSpecifier(declaration) && declaration.propertyName === undefined
    ? declaration
    : undefined;
}

/** The uses that fusing leaves; an import that only served what is fused is none. */
export function remaining(uses: Uses, fusions: readonly Fusion[]): Uses {
  const fused = new Set<TS.Node>(fusions.map(({ use }) => use));
  return new Map(
    [...uses].map(([symbol, names]) => {
      const left = names.filter((name) => !fused.has(name));
      const files = new Set(
        left.filter((name) => !ts.isImportSpecifier(name.parent)).map((name) => name.getSourceFile()),
      );
      const wasFused = new Set(names.filter((name) => fused.has(name)).map((name) => name.getSourceFile()));
      const isNeeded = (name: TS.Node): boolean =>
        !ts.isImportSpecifier(name.parent) || files.has(name.getSourceFile()) || !wasFused.has(name.getSourceFile());
      return [symbol, left.filter(isNeeded)];
    }),
  );
}
