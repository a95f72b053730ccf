/** The edges of the analysis: every place that mentions an async function, found in one walk a file. */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "./functions.js";
import { enclosingScope, isOwnScope } from "./syntax.js";

export interface Reference {
  readonly target: AsyncFunction;
  /** The identifier, private name or (for `super.m`, `o.m`) member name. */
  readonly node: TS.Identifier | TS.PrivateIdentifier;
  readonly file: TS.SourceFile;
  /** The async function whose own code holds the reference, if any. */
  readonly from: AsyncFunction | undefined;
  /** Every async function around the reference, innermost first. */
  readonly within: readonly AsyncFunction[];
  /** The call this reference is the callee of, when it is called directly as `f()` or `o.f()`. */
  readonly call: TS.CallExpression | undefined;
  /** An import or export specifier: it names the function, without using it. */
  readonly role: "use" | "import" | "export";
  /** Several declarations answer to the name here (a union of classes, for instance). */
  readonly ambiguous: boolean;
}

export function findReferences(
  functions: readonly AsyncFunction[],
  files: readonly TS.SourceFile[],
  checker: TS.TypeChecker,
): Map<AsyncFunction, Reference[]> {
  const byDeclaration = new Map<TS.Node, AsyncFunction>();
  const byNode = new Map<TS.Node, AsyncFunction>();
  const names = new Set<string>(["default"]);
  for (const fn of functions) {
    byNode.set(fn.node, fn);
    if (fn.form === "value" && !(ts.isFunctionExpression(fn.node) && fn.node.name !== undefined)) continue;
    for (const declaration of fn.declarations) byDeclaration.set(declaration, fn);
    if (fn.name !== undefined) names.add(fn.name);
  }
  const references = new Map<AsyncFunction, Reference[]>(functions.map((fn) => [fn, []]));

  for (const file of files) {
    const wanted = new Set(names);
    for (const alias of renamedBindings(file)) wanted.add(alias);
    const visit = (node: TS.Node): void => {
      if ((ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) && wanted.has(node.text)) note(node, file);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return references;

  function note(node: TS.Identifier | TS.PrivateIdentifier, file: TS.SourceFile): void {
    if (isDeclarationName(node)) return;
    const targets = targetsOf(node);
    for (const target of targets) {
      references.get(target)?.push({
        target,
        node,
        file,
        from: asyncAround(node)[0],
        within: everyAsyncAround(node),
        call: callOf(node),
        role: roleOf(node),
        ambiguous: targets.size > 1 || isPartial(node),
      });
    }
  }

  function targetsOf(node: TS.Identifier | TS.PrivateIdentifier): Set<AsyncFunction> {
    const found = new Set<AsyncFunction>();
    let symbol: TS.Symbol | undefined;
    if (ts.isShorthandPropertyAssignment(node.parent)) symbol = checker.getShorthandAssignmentValueSymbol(node.parent);
    else if (ts.isExportSpecifier(node.parent)) symbol = checker.getExportSpecifierLocalTargetSymbol(node.parent);
    else if (
      ts.isBindingElement(node.parent) &&
      node.parent.initializer !== node &&
      ts.isObjectBindingPattern(node.parent.parent)
    ) {
      // `const { load } = service`: the name also reads the member.
      const pattern = checker.getTypeAtLocation(node.parent.parent);
      const property = (node.parent.propertyName ?? node.parent.name) as TS.Node;
      symbol = ts.isIdentifier(property) ? pattern.getProperty(property.text) : undefined;
    } else symbol = checker.getSymbolAtLocation(node);
    if (symbol === undefined) return found;
    if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) symbol = checker.getAliasedSymbol(symbol);
    for (const declaration of symbol.declarations ?? []) {
      const fn = byDeclaration.get(declaration);
      if (fn !== undefined) found.add(fn);
    }
    return found;
  }

  /** Whether the symbol here has declarations that are none of ours: `a` in a union of ours and somebody else's. */
  function isPartial(node: TS.Node): boolean {
    const symbol = checker.getSymbolAtLocation(node);
    if (symbol === undefined || (symbol.flags & ts.SymbolFlags.Alias) !== 0) return false;
    return (symbol.declarations ?? []).some((declaration) => !byDeclaration.has(declaration));
  }

  function asyncAround(node: TS.Node): AsyncFunction[] {
    const scope = enclosingScope(node);
    const fn = scope === undefined ? undefined : byNode.get(scope);
    return fn === undefined ? [] : [fn];
  }

  function everyAsyncAround(node: TS.Node): AsyncFunction[] {
    const found: AsyncFunction[] = [];
    for (let current = node.parent as TS.Node | undefined; current; current = current.parent as TS.Node | undefined) {
      const fn = isOwnScope(current) ? byNode.get(current) : undefined;
      if (fn !== undefined) found.push(fn);
    }
    return found;
  }

  function isDeclarationName(node: TS.Identifier | TS.PrivateIdentifier): boolean {
    const parent = node.parent;
    const declares =
      (ts.isFunctionDeclaration(parent) ||
        ts.isFunctionExpression(parent) ||
        ts.isMethodDeclaration(parent) ||
        ts.isVariableDeclaration(parent)) &&
      parent.name === node;
    return declares && byDeclaration.has(parent);
  }
}

/** Names that imports and exports of a file give to things called otherwise where they are declared. */
function renamedBindings(file: TS.SourceFile): string[] {
  const names: string[] = [];
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const clause = statement.importClause;
    if (clause?.name !== undefined) names.push(clause.name.text);
    if (clause?.namedBindings !== undefined && ts.isNamedImports(clause.namedBindings)) {
      for (const element of clause.namedBindings.elements) if (element.propertyName) names.push(element.name.text);
    }
  }
  return names;
}

function roleOf(node: TS.Node): "use" | "import" | "export" {
  const parent = node.parent;
  if (ts.isImportSpecifier(parent) || ts.isImportClause(parent)) return "import";
  if (ts.isExportSpecifier(parent) || ts.isExportAssignment(parent)) return "export";
  return "use";
}

function callOf(node: TS.Identifier | TS.PrivateIdentifier): TS.CallExpression | undefined {
  const callee: TS.Node = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node ? node.parent : node;
  const parent = callee.parent;
  return ts.isCallExpression(parent) && parent.expression === callee ? parent : undefined;
}
