/**
 * Where a function waits, and which calls inside what it waits for can be run as fiber functions in that very place.
 * `await f()`, `return f()`, `await (c ? f() : g())`, `await (a ?? f())` and the elements of an awaited `Promise.all`
 * are such places; `const p = f()` is not, because the call has to start before the wait.
 */
import { ts, type TS } from "../compiler.js";
import { isAsyncGenerator, type AsyncFunction } from "./functions.js";
import { containsOwn, isAsyncFunctionNode, skipParentheses } from "./syntax.js";
import { waitedKind } from "./thenable.js";

/** One place where a function waits (or may wait) for a value. */
export interface WaitSite {
  readonly fn: AsyncFunction;
  readonly kind: "await" | "return" | "body";
  readonly operand: TS.Expression;
  /** The `await` expression, the `return` statement, or the arrow function whose body the operand is. */
  readonly node: TS.AwaitExpression | TS.ReturnStatement | TS.ArrowFunction;
}

export interface CombinatorShape {
  readonly call: TS.CallExpression;
  /** `Promise.all([...])` or `Promise.all(items.map(callback))`. */
  readonly kind: "all" | "map";
  readonly elements: readonly TS.Expression[];
  readonly mapped?: {
    readonly items: TS.Expression;
    readonly callback: TS.Expression;
    readonly call: TS.CallExpression;
  };
}

/** Every wait site of a function, in source order. */
export function waitSites(fn: AsyncFunction): WaitSite[] {
  const sites: WaitSite[] = fn.awaits.map((node) => ({ fn, kind: "await", operand: node.expression, node }));
  for (const node of fn.returns) {
    if (node.expression === undefined || ts.isAwaitExpression(skipParentheses(node.expression))) continue;
    sites.push({ fn, kind: "return", operand: node.expression, node });
  }
  if (ts.isArrowFunction(fn.node) && !ts.isBlock(fn.node.body)) {
    if (!ts.isAwaitExpression(skipParentheses(fn.node.body))) {
      sites.push({ fn, kind: "body", operand: fn.node.body, node: fn.node });
    }
  }
  return sites;
}

/**
 * Whether a `return` stands where its promise would not have been waited for: inside `try`, before a `finally`, or in a
 * `for await` loop, whose source is closed first.
 */
export function returnsFromTry(site: WaitSite): boolean {
  // An async generator waits for what it returns, in the very place.
  if (site.kind !== "return" || isAsyncGenerator(site.fn)) return false;
  let child: TS.Node = site.node;
  for (let node: TS.Node = child.parent; node !== site.fn.node; child = node, node = node.parent) {
    if (ts.isForOfStatement(node) && node.awaitModifier !== undefined && node.statement === child) return true;
    if (!ts.isTryStatement(node)) continue;
    if (node.tryBlock === child) return true;
    if (node.catchClause === child && node.finallyBlock !== undefined) return true;
  }
  return false;
}

/** What can be run in the place of an operand: calls, and functions handed to a `map` under `Promise.all`. */
export interface Runnable {
  readonly calls: readonly TS.CallExpression[];
  readonly callbacks: readonly TS.Node[];
}

/** The calls in `operand` that are run in its place once their callee is a fiber function. */
export function runnableIn(operand: TS.Expression, checker: TS.TypeChecker): Runnable {
  const calls: TS.CallExpression[] = [];
  const callbacks: TS.Node[] = [];
  const look = (given: TS.Expression): void => {
    const expression = skipParentheses(given);
    if (ts.isConditionalExpression(expression)) {
      look(expression.whenTrue);
      look(expression.whenFalse);
    } else if (ts.isBinaryExpression(expression) && isShortCircuit(expression.operatorToken.kind)) {
      if (waitedKind(expression.left, checker) === "plain") look(expression.right);
    } else if (ts.isCallExpression(expression)) {
      const combinator = combinatorShape(expression, checker);
      if (combinator !== undefined) lookInto(combinator);
      else if (expression.questionDotToken === undefined && !isOptionalChain(expression)) calls.push(expression);
    }
  };
  const lookInto = (combinator: CombinatorShape): void => {
    for (const element of combinator.elements.map(skipParentheses)) {
      if (ts.isCallExpression(element) && !isOptionalChain(element)) calls.push(element);
    }
    const callback = combinator.mapped?.callback;
    if (callback === undefined) return;
    if (isAsyncFunctionNode(callback) ? callback.asteriskToken === undefined : ts.isIdentifier(callback)) {
      callbacks.push(callback);
    }
    if (ts.isArrowFunction(callback) && !isAsyncFunctionNode(callback) && !ts.isBlock(callback.body)) {
      const body = skipParentheses(callback.body);
      if (ts.isCallExpression(body) && !isOptionalChain(body) && !isPromiseMethod(body)) calls.push(body);
    }
  };
  look(operand);
  return { calls, callbacks };
}

function isOptionalChain(call: TS.CallExpression): boolean {
  return (call.flags & ts.NodeFlags.OptionalChain) !== 0;
}

export function isShortCircuit(kind: TS.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.QuestionQuestionToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.AmpersandAmpersandToken
  );
}

/** Recognises an array literal or a `map` under `Promise.all` that can become fibers of one scope. */
export function combinatorShape(expression: TS.Expression, checker: TS.TypeChecker): CombinatorShape | undefined {
  if (!isPromiseMethod(expression, "all") || expression.arguments.length !== 1) return undefined;
  if (expression.typeArguments !== undefined) return undefined;
  const argument = skipParentheses(expression.arguments[0] as TS.Expression);
  if (ts.isArrayLiteralExpression(argument)) {
    const elements = [...argument.elements];
    // An element that awaits would do so inside a function of its own.
    const plain = elements.every(
      (element) =>
        !ts.isSpreadElement(element) &&
        !ts.isOmittedExpression(element) &&
        !containsOwn(element, ts.isAwaitExpression) &&
        !isAsyncFunctionNode(element),
    );
    return plain && elements.length > 0 ? { call: expression, kind: "all", elements } : undefined;
  }
  if (
    ts.isCallExpression(argument) &&
    ts.isPropertyAccessExpression(argument.expression) &&
    argument.expression.name.text === "map" &&
    argument.questionDotToken === undefined &&
    argument.expression.questionDotToken === undefined &&
    argument.arguments.length === 1
  ) {
    const callback = skipParentheses(argument.arguments[0] as TS.Expression);
    const items = argument.expression.expression;
    if (!isArray(items, checker) || argument.typeArguments !== undefined) return undefined;
    return { call: expression, kind: "map", elements: [], mapped: { items, callback, call: argument } };
  }
  return undefined;
}

function isArray(items: TS.Expression, checker: TS.TypeChecker): boolean {
  const type = checker.getTypeAtLocation(items);
  return checker.isArrayType(type) || checker.isTupleType(type);
}

/** `Promise.name(...)` on the global `Promise`. */
export function isPromiseMethod(expression: TS.Expression, name?: string): expression is TS.CallExpression {
  return (
    ts.isCallExpression(expression) &&
    ts.isPropertyAccessExpression(expression.expression) &&
    ts.isIdentifier(expression.expression.expression) &&
    expression.expression.expression.text === "Promise" &&
    (name === undefined || expression.expression.name.text === name)
  );
}
