/**
 * Calls of our functions through a name that may mean something else at run time: the export of a CommonJS module, a
 * function that tests replace, the default export of a file, a function in an object, a method of somebody's object;
 * and calls through a type: a member of an interface, an abstract method, a parameter, a field, an entry of a table.
 * They are run through `direct`, which looks at what is called when it is called.
 */
import { ts, type TS } from "../compiler.js";
import type { Flows } from "./flows.js";
import { isAsyncGenerator, type AsyncFunction } from "./functions.js";
import { returnsFromTry, waitSites, type WaitSite } from "./runs.js";
import { enclosingScope, hasModifier, isJavaScriptFile, skipParentheses, usesThis, withParentheses } from "./syntax.js";
import { waitedKind } from "./thenable.js";

export interface Dispatch {
  /** The functions of ours that may be called. */
  readonly targets: readonly AsyncFunction[];
  /** Without a type nobody knows whether these are all. */
  readonly open: boolean;
  readonly call: TS.CallExpression;
  /** What is called, without parentheses and `!` around it. */
  readonly callee: TS.Expression;
  /** What a function that knows `this` is called on. */
  readonly receiver: TS.LeftHandSideExpression | undefined;
  /** The ways to write it, the plainest first. The next is for a call that does not type-check as the one before. */
  readonly forms: readonly DispatchForm[];
}

/**
 * `name`: `direct(load)(id)`. `member`: `direct(store, "get")(id)`. `typed`: `direct<Store, "get">(this, "get")(id)`, because no
 * type can be read off `this`. `bound`: `direct(store.get, store)(id)`, which keeps type parameters and sees private members.
 */
export type DispatchForm = "name" | "member" | "typed" | "bound";

/** Every waited-for call whose callee is one of our functions, or may be, and could be looked up when it is called. */
export function findDispatches(
  functions: readonly AsyncFunction[],
  runnable: ReadonlyMap<TS.Node, WaitSite>,
  flows: Flows,
  checker: TS.TypeChecker,
): Map<TS.CallExpression, Dispatch> {
  const byDeclaration = new Map<TS.Node, AsyncFunction>();
  for (const fn of functions) for (const declaration of declarationsOf(fn)) byDeclaration.set(declaration, fn);
  const byPlace = functionsByPlace(functions);
  const found = new Map<TS.CallExpression, Dispatch>();
  for (const node of runnable.keys()) {
    if (!ts.isCallExpression(node)) continue;
    const callee = calleeOf(node);
    if (callee === undefined) continue;
    const name = ts.isPropertyAccessExpression(callee) ? callee.name : callee;
    const target = ts.isIdentifier(name) && callee === node.expression ? targetOf(name) : undefined;
    if (target !== undefined) noteName(node, callee, target);
    else noteValue(node, callee);
  }
  return found;

  function noteName(call: TS.CallExpression, callee: TS.Expression, target: AsyncFunction): void {
    if (isAsyncGenerator(target)) return;
    const receiver = receiverOf(callee);
    const needsThis = target.form === "method" || (!ts.isArrowFunction(target.node) && usesThis(target.node));
    const forms = needsThis && receiver !== undefined ? formsOf(call, callee, receiver) : (["name"] as const);
    if (forms.length === 0) return;
    found.set(call, {
      targets: [target],
      open: false,
      call,
      callee,
      receiver: needsThis ? receiver : undefined,
      forms,
    });
  }

  /** A call of what some place holds. */
  function noteValue(call: TS.CallExpression, callee: TS.Expression): void {
    const targets = (flows.behind(call) ?? []).filter((target) => !isAsyncGenerator(target));
    if (targets.length === 0) return;
    const receiver = receiverOf(callee);
    const forms = receiver === undefined ? (["name"] as const) : formsOf(call, callee, receiver);
    // What a member is called, its functions are called, too: they are all known, types or not.
    const isUntyped = (checker.getTypeAtLocation(callee).flags & ts.TypeFlags.Any) !== 0;
    const open = isUntyped && !ts.isPropertyAccessExpression(callee);
    if (forms.length > 0) found.set(call, { targets, open, call, callee, receiver, forms });
  }

  function formsOf(
    call: TS.CallExpression,
    callee: TS.Expression,
    receiver: TS.LeftHandSideExpression,
  ): readonly DispatchForm[] {
    if (ts.isPropertyAccessExpression(callee) && ts.isPrivateIdentifier(callee.name)) {
      return isRepeatable(receiver) ? ["bound"] : [];
    }
    if (isJavaScriptFile(call.getSourceFile())) return ["member"];
    const forms: DispatchForm[] = [];
    if (call.typeArguments === undefined && receiver.kind !== ts.SyntaxKind.ThisKeyword) forms.push("member");
    if (call.typeArguments === undefined && receiver.kind === ts.SyntaxKind.ThisKeyword && thisTypeText(call)) {
      forms.push("typed");
    }
    if (ts.isPropertyAccessExpression(callee) && isRepeatable(receiver)) forms.push("bound");
    return forms;
  }

  /** Whether reading an expression once more does nothing: a name, or a member that is no getter. */
  function isRepeatable(expression: TS.Expression): boolean {
    if (ts.isIdentifier(expression) || expression.kind === ts.SyntaxKind.ThisKeyword) return true;
    if (!ts.isPropertyAccessExpression(expression)) return false;
    const symbol = checker.getSymbolAtLocation(expression.name);
    return (
      symbol !== undefined && (symbol.flags & ts.SymbolFlags.Accessor) === 0 && isRepeatable(expression.expression)
    );
  }

  function targetOf(name: TS.Identifier): AsyncFunction | undefined {
    let symbol = checker.getSymbolAtLocation(name);
    for (let hops = 0; symbol !== undefined && hops < 8; hops++) {
      if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) symbol = checker.getAliasedSymbol(symbol);
      const declarations: readonly TS.Declaration[] = symbol.declarations ?? [];
      const own = new Set(
        declarations.map((declaration) => byDeclaration.get(declaration) ?? byPlace.get(declaredPlace(declaration))),
      );
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

/** The functions of JavaScript that have a name for themselves in their file, by that file and name. */
function functionsByPlace(functions: readonly AsyncFunction[]): Map<string | undefined, AsyncFunction> {
  const found = new Map<string | undefined, AsyncFunction>();
  const twice = new Set<string>();
  for (const fn of functions) {
    if (fn.name === undefined || !isJavaScriptFile(fn.file)) continue;
    const place = `${fn.name} ${fn.file.fileName}`;
    if (found.has(place)) twice.add(place);
    found.set(place, fn);
  }
  for (const place of twice) found.delete(place);
  return found;
}

/** Where what `a.d.ts` declares is written: under the same name in `a.js`. */
function declaredPlace(declaration: TS.Declaration): string | undefined {
  const file = declaration.getSourceFile();
  const name = ts.getNameOfDeclaration(declaration);
  if (!file.isDeclarationFile || name === undefined || !ts.isIdentifier(name)) return undefined;
  return `${name.text} ${file.fileName.replace(/\.d\.([cm]?)ts$/, ".$1js")}`;
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

/** A `return` inside `try` whose value is handed on as it is, because it may be a promise. */
export function rawTail(fn: AsyncFunction, checker: TS.TypeChecker): WaitSite | undefined {
  return waitSites(fn).find(
    (site) => returnsFromTry(site) && ["any", "maybe"].includes(waitedKind(site.operand, checker)),
  );
}

/** What a call calls, where `direct` can take its place. */
function calleeOf(call: TS.CallExpression): TS.Expression | undefined {
  let callee: TS.Expression = call.expression;
  while (ts.isNonNullExpression(callee)) callee = callee.expression;
  if (ts.isIdentifier(callee)) return callee;
  if (ts.isPropertyAccessExpression(callee)) return isPlainAccess(callee) ? callee : undefined;
  if (ts.isElementAccessExpression(callee)) return isPlainElement(callee) ? callee : undefined;
  return ts.isCallExpression(callee) && callee.questionDotToken === undefined ? callee : undefined;
}

function receiverOf(callee: TS.Expression): TS.LeftHandSideExpression | undefined {
  return ts.isPropertyAccessExpression(callee) || ts.isElementAccessExpression(callee) ? callee.expression : undefined;
}

/** How the type of `this` is written at `node`: the name of the class around it. */
export function thisTypeText(node: TS.Node): string | undefined {
  let scope = enclosingScope(node);
  while (scope !== undefined && ts.isArrowFunction(scope)) scope = enclosingScope(scope);
  if (scope === undefined || !ts.isClassLike(scope.parent) || scope.parent.name === undefined) return undefined;
  if (hasModifier(scope, ts.SyntaxKind.StaticKeyword)) return undefined;
  const parameters = (scope.parent.typeParameters ?? []).map((parameter) => parameter.name.text);
  return scope.parent.name.text + (parameters.length === 0 ? "" : `<${parameters.join(", ")}>`);
}

function isPlainElement(access: TS.ElementAccessExpression): boolean {
  return (
    access.questionDotToken === undefined &&
    access.expression.kind !== ts.SyntaxKind.SuperKeyword &&
    (access.flags & ts.NodeFlags.OptionalChain) === 0
  );
}

function isPlainAccess(access: TS.PropertyAccessExpression): boolean {
  const file = access.getSourceFile();
  return (
    (access.flags & ts.NodeFlags.OptionalChain) === 0 &&
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
