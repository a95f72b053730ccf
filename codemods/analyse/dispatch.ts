/**
 * Calls of our functions through a name that may mean something else at run time: the export of a CommonJS module, a
 * function that tests replace, the default export of a file, a function in an object, a method of somebody's object.
 * They are run through `direct`, which looks at what the name stands for when it is called.
 */
import { ts, type TS } from "../compiler.js";
import { isAsyncGenerator, type AsyncFunction } from "./functions.js";
import { returnsFromTry, waitSites, type WaitSite } from "./runs.js";
import { enclosingScope, isJavaScriptFile, skipParentheses, usesThis, withParentheses } from "./syntax.js";
import { waitedKind } from "./thenable.js";

export interface Dispatch {
  readonly target: AsyncFunction;
  readonly call: TS.CallExpression;
  readonly name: TS.Identifier;
  /** What a function that knows `this` is called on. */
  readonly receiver: TS.LeftHandSideExpression | undefined;
}

/** Every waited-for call whose callee is declared as one of our functions, and could be looked up when it is called. */
export function findDispatches(
  functions: readonly AsyncFunction[],
  runnable: ReadonlyMap<TS.Node, WaitSite>,
  checker: TS.TypeChecker,
): Map<TS.CallExpression, Dispatch> {
  const byDeclaration = new Map<TS.Node, AsyncFunction>();
  for (const fn of functions) for (const declaration of declarationsOf(fn)) byDeclaration.set(declaration, fn);
  const found = new Map<TS.CallExpression, Dispatch>();
  for (const node of runnable.keys()) {
    if (!ts.isCallExpression(node) || node.typeArguments !== undefined) continue;
    const callee = node.expression;
    if (ts.isIdentifier(callee)) note(node, callee, undefined);
    else if (ts.isPropertyAccessExpression(callee) && ts.isIdentifier(callee.name) && isPlainAccess(callee)) {
      note(node, callee.name, callee.expression);
    }
  }
  return found;

  function note(call: TS.CallExpression, name: TS.Identifier, receiver: TS.LeftHandSideExpression | undefined): void {
    const target = targetOf(name);
    if (target === undefined || !isPaired(target, checker)) return;
    const needsThis = target.form === "method" || (!ts.isArrowFunction(target.node) && usesThis(target.node));
    // No type can be read off `this` while its class is open to subclasses.
    if (needsThis && receiver?.kind === ts.SyntaxKind.ThisKeyword && !isJavaScriptFile(call.getSourceFile())) return;
    found.set(call, { target, call, name, receiver: needsThis ? receiver : undefined });
  }

  function targetOf(name: TS.Identifier): AsyncFunction | undefined {
    let symbol = checker.getSymbolAtLocation(name);
    for (let hops = 0; symbol !== undefined && hops < 8; hops++) {
      if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) symbol = checker.getAliasedSymbol(symbol);
      const declarations: readonly TS.Declaration[] = symbol.declarations ?? [];
      const own = new Set(declarations.map((declaration) => byDeclaration.get(declaration)));
      const [only] = own;
      if (own.size === 1 && only !== undefined) return only;
      // A local name for a property, or a property for a local name: `const { load } = require("./load")`, `{ load }`.
      symbol = declarations.length === 1 ? sourceOf(declarations[0] as TS.Declaration) : undefined;
    }
    return undefined;
  }

  function sourceOf(declaration: TS.Declaration): TS.Symbol | undefined {
    if (ts.isBindingElement(declaration)) {
      if (declaration.dotDotDotToken !== undefined || !ts.isObjectBindingPattern(declaration.parent)) return undefined;
      const property = declaration.propertyName ?? declaration.name;
      if (!ts.isIdentifier(property)) return undefined;
      return checker.getTypeAtLocation(declaration.parent).getProperty(property.text);
    }
    if (ts.isShorthandPropertyAssignment(declaration)) return checker.getShorthandAssignmentValueSymbol(declaration);
    if (ts.isPropertyAssignment(declaration)) return symbolOf(declaration.initializer);
    if (ts.isVariableDeclaration(declaration) && (declaration.parent.flags & ts.NodeFlags.Const) !== 0) {
      if (declaration.initializer === undefined) return undefined;
      const initializer = skipParentheses(declaration.initializer);
      if (!isRequire(initializer)) return symbolOf(initializer);
      return checker.getTypeAtLocation(declaration).getSymbol();
    }
    if (ts.isPropertyAccessExpression(declaration) || ts.isIdentifier(declaration)) {
      const { parent } = declaration;
      if (ts.isBinaryExpression(parent) && parent.left === declaration) return symbolOf(parent.right);
    }
    if (ts.isBinaryExpression(declaration)) return symbolOf(declaration.right);
    if (ts.isExportAssignment(declaration)) return symbolOf(declaration.expression);
    return undefined;
  }

  function symbolOf(expression: TS.Expression): TS.Symbol | undefined {
    const node = skipParentheses(expression);
    if (ts.isIdentifier(node)) return checker.getSymbolAtLocation(node);
    return ts.isPropertyAccessExpression(node) ? checker.getSymbolAtLocation(node.name) : undefined;
  }
}

/** What a symbol may be declared by that means `fn`, the places of function values included. */
function declarationsOf(fn: AsyncFunction): readonly TS.Node[] {
  if (fn.form !== "value") return fn.declarations;
  const outer = withParentheses(fn.node as TS.Expression);
  const { parent } = outer;
  if (ts.isMethodDeclaration(fn.node) || ts.isFunctionDeclaration(fn.node)) return [fn.node];
  if (ts.isExportAssignment(parent)) return [parent];
  if (ts.isPropertyAssignment(parent) && parent.initializer === outer) return [parent];
  if (ts.isBinaryExpression(parent) && parent.right === outer) return [fn.node, parent, parent.left];
  if (ts.isPropertyDeclaration(parent) && parent.initializer === outer) return [parent];
  if (ts.isVariableDeclaration(parent) && (parent.parent.flags & ts.NodeFlags.Const) !== 0) return [parent];
  return [];
}

/**
 * Whether the promise function can be known as the façade of a fiber function that may be run for it. Types flow through
 * `direct` only from a single signature without type parameters.
 */
function isPaired(fn: AsyncFunction, checker: TS.TypeChecker): boolean {
  if (isAsyncGenerator(fn)) return false;
  if ((fn.node.typeParameters?.length ?? 0) > 0) return false;
  if (fn.form !== "value" && fn.declarations.length > (fn.form === "variable" ? 2 : 1)) return false;
  if (ts.isArrowFunction(fn.node) && usesThis(fn.node)) return false;
  return rawTail(fn, checker) === undefined;
}

/** A `return` inside `try` whose value is handed on as it is, because it may be a promise. */
export function rawTail(fn: AsyncFunction, checker: TS.TypeChecker): WaitSite | undefined {
  return waitSites(fn).find(
    (site) => returnsFromTry(site) && ["any", "maybe"].includes(waitedKind(site.operand, checker)),
  );
}

function isPlainAccess(access: TS.PropertyAccessExpression): boolean {
  const file = access.getSourceFile();
  return (
    access.questionDotToken === undefined &&
    access.expression.kind !== ts.SyntaxKind.SuperKeyword &&
    /^\s*\.\s*$/.test(file.text.slice(access.expression.end, access.name.getStart(file)))
  );
}

function isRequire(node: TS.Node): boolean {
  return (
    ts.isCallExpression(node) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === "require" &&
    node.arguments.length === 1
  );
}

/** The method around `node` that its `this` and `super` are those of. */
export function methodAround(node: TS.Node): TS.MethodDeclaration | undefined {
  let scope = enclosingScope(node);
  while (scope !== undefined && ts.isArrowFunction(scope)) scope = enclosingScope(scope);
  return scope !== undefined && ts.isMethodDeclaration(scope) ? scope : undefined;
}
