/** Finds façades: `function load() { return toPromise(() => loadOp()); }` and `const load = toAsync(loadOp)`. */
import { ts, type TS } from "../compiler.js";
import { runtimeNames } from "../runtime-names.js";

export interface Facade {
  readonly file: TS.SourceFile;
  readonly name: TS.Identifier | TS.PrivateIdentifier;
  readonly symbol: TS.Symbol;
  readonly twinName: TS.Identifier | TS.PrivateIdentifier;
  readonly twin: TS.Symbol;
  /** The function, the method, or the statement of the constant. */
  readonly node: TS.FunctionDeclaration | TS.MethodDeclaration | TS.VariableStatement;
  /** The bridge's local name. */
  readonly bridge: TS.Identifier;
}

export function facadesIn(file: TS.SourceFile, checker: TS.TypeChecker): Facade[] {
  if (!file.text.includes(runtimeNames.toPromise.module)) return [];
  const found: Facade[] = [];
  const add = (
    name: TS.Node | undefined,
    twinName: TS.Node | undefined,
    node: Facade["node"],
    bridge: TS.Expression | undefined,
  ): void => {
    if (name === undefined || twinName === undefined || bridge === undefined || !ts.isIdentifier(bridge)) return;
    if (!isName(name) || !isName(twinName)) return;
    const [symbol, twin] = [checker.getSymbolAtLocation(name), checker.getSymbolAtLocation(twinName)];
    if (symbol === undefined || twin === undefined || symbol === twin) return;
    if (twin.declarations?.every((declaration) => declaration.getSourceFile() === file) !== true) return;
    found.push({ file, name, symbol, twinName, twin, node, bridge });
  };
  const visit = (node: TS.Node): void => {
    if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) {
      const call = soleCall(node.body);
      const body = call?.arguments[0];
      if (
        call?.arguments.length === 1 &&
        isBridge(call.expression, "toPromise") &&
        body !== undefined &&
        ts.isArrowFunction(body)
      ) {
        if (ts.isCallExpression(body.body)) add(node.name, calleeName(body.body.expression), node, call.expression);
      }
    } else if (ts.isVariableStatement(node) && node.declarationList.declarations.length === 1) {
      const [declaration] = node.declarationList.declarations;
      const call = declaration?.initializer;
      if (call !== undefined && ts.isCallExpression(call) && isBridge(call.expression, "toAsync")) {
        add(declaration?.name, call.arguments[0], node, call.expression);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;

  function isBridge(callee: TS.Expression, name: BridgeName): boolean {
    return ts.isIdentifier(callee) && meansBridge(checker.getSymbolAtLocation(callee), name);
  }
}

type BridgeName = "toPromise" | "toAsync" | "fromPromise" | "adopt";

/** Whether a symbol is what a file imports under the name of a bridge. */
export function meansBridge(symbol: TS.Symbol | undefined, name: BridgeName): boolean {
  const declaration = symbol?.declarations?.[0];
  if (declaration === undefined || !ts.isImportSpecifier(declaration)) return false;
  const { moduleSpecifier } = declaration.parent.parent.parent;
  const module = ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : "";
  return (declaration.propertyName ?? declaration.name).text === name && module === runtimeNames[name].module;
}

export function isName(node: TS.Node): node is TS.Identifier | TS.PrivateIdentifier {
  return ts.isIdentifier(node) || ts.isPrivateIdentifier(node);
}

function soleCall(body: TS.Block | undefined): TS.CallExpression | undefined {
  const [statement] = body?.statements ?? [];
  if (body?.statements.length !== 1 || statement === undefined || !ts.isReturnStatement(statement)) return undefined;
  return statement.expression !== undefined && ts.isCallExpression(statement.expression)
    ? statement.expression
    : undefined;
}

/** The name in `loadOp(...)`, `this.loadOp(...)` and `loadOp.call(this, ...)`. */
function calleeName(callee: TS.Expression): TS.Node | undefined {
  if (ts.isIdentifier(callee)) return callee;
  if (!ts.isPropertyAccessExpression(callee)) return undefined;
  return callee.name.text === "call" ? calleeName(callee.expression) : callee.name;
}
