/**
 * `new Promise(executor)` that `fromCallback(executor)` can take the place of. A promise does three things that an op
 * does not: it waits for a promise that it is resolved with, it hides what the executor throws after it was settled,
 * and it never answers in the same turn. The first two are refusals; for the third see `answersLater`.
 */
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import {
  containsOwn,
  enclosingScope,
  isAsyncFunctionNode,
  isOwnScope,
  skipParentheses,
  usesArguments,
} from "./syntax.js";
import { observerPart, subscribedSource } from "../rxjs/observers.js";
import { waitedKind, waitedKindOfType } from "./thenable.js";

export type Executor = TS.ArrowFunction | TS.FunctionExpression;

export interface ExecutorShape {
  readonly node: TS.NewExpression;
  readonly executor: Executor;
  /** All that the executor does is to set this timer. */
  readonly timer: TS.CallExpression | undefined;
  /** All that the executor does is to subscribe to this observable. */
  readonly subscription: TS.CallExpression | undefined;
  /** Nothing but a later turn can answer. */
  readonly answersLater: boolean;
}

/** The shape of a promise whose executor is understood; a reason why it is not; undefined for anything else. */
export function executorShape(
  expression: TS.Expression,
  checker: TS.TypeChecker,
): ExecutorShape | { readonly refused: Reason } | undefined {
  const node = skipParentheses(expression);
  if (!ts.isNewExpression(node) || !isGlobal(node.expression, "Promise", checker)) return undefined;
  const [given, ...more] = node.arguments ?? [];
  const executor = given === undefined ? undefined : skipParentheses(given);
  if (executor === undefined || more.length > 0) return no("the promise has no executor that is written in its place");
  if (!ts.isArrowFunction(executor) && !ts.isFunctionExpression(executor)) {
    return no("the executor is no function that is written in its place");
  }
  if (isAsyncFunctionNode(executor) || executor.asteriskToken !== undefined) {
    return no("the executor is more than a plain function");
  }
  return new Reader(checker, node, executor).read();
}

function no(message: string): { readonly refused: Reason } {
  return { refused: { code: "TR1306", message } };
}

class Reader {
  readonly #checker: TS.TypeChecker;
  readonly #node: TS.NewExpression;
  readonly #executor: Executor;
  #answersLater = true;

  constructor(checker: TS.TypeChecker, node: TS.NewExpression, executor: Executor) {
    this.#checker = checker;
    this.#node = node;
    this.#executor = executor;
  }

  read(): ExecutorShape | { readonly refused: Reason } {
    const node = this.#node;
    const executor = this.#executor;
    const [resolve, reject, ...more] = executor.parameters;
    const plainParameters = [resolve, reject].every(
      (parameter) =>
        parameter === undefined ||
        (ts.isIdentifier(parameter.name) &&
          parameter.dotDotDotToken === undefined &&
          parameter.initializer === undefined &&
          parameter.questionToken === undefined),
    );
    if (
      resolve === undefined ||
      more.length > 0 ||
      !plainParameters ||
      (usesArguments(executor) && !ts.isArrowFunction(executor))
    ) {
      return no("the executor takes more than the two functions, or nothing");
    }
    if (resolve.type !== undefined) return no("the type of what the promise is resolved with is written out");
    const why = this.#obstacleOf(resolve, true) ?? (reject && this.#obstacleOf(reject, false)) ?? this.#returned();
    if (why !== undefined) return no(why);
    const only = onlyCall(executor);
    return {
      node,
      executor,
      timer: only !== undefined && this.#setsTimer(only) ? only : undefined,
      subscription: only !== undefined && subscribedSource(only, this.#checker) !== undefined ? only : undefined,
      answersLater: this.#answersLater,
    };
  }

  /** Why a use of one of the two functions could be seen to be another function. */
  #obstacleOf(parameter: TS.ParameterDeclaration, isResolve: boolean): string | undefined {
    const name = (parameter.name as TS.Identifier).text;
    const symbol = this.#checker.getSymbolAtLocation(parameter.name);
    let why: string | undefined;
    const visit = (node: TS.Node): void => {
      if (why !== undefined) return;
      if (ts.isShorthandPropertyAssignment(node) && node.name.text === name) {
        const value = this.#checker.getShorthandAssignmentValueSymbol(node);
        if (value === symbol) why = `\`${name}\` is kept for later`;
      } else if (ts.isIdentifier(node) && node.text === name && this.#checker.getSymbolAtLocation(node) === symbol) {
        why = isResolve ? this.#resolveObstacle(node) : this.#rejectObstacle(node);
        if (isResolve && !this.#isLater(node)) this.#answersLater = false;
      }
      ts.forEachChild(node, visit);
    };
    visit(this.#executor.body);
    return why;
  }

  #resolveObstacle(name: TS.Identifier): string | undefined {
    const { parent } = name;
    if (ts.isCallExpression(parent) && parent.expression === name) {
      const [value, ...more] = parent.arguments;
      if (more.length > 0) return `\`${name.text}\` is called with several values`;
      if (value !== undefined && (ts.isSpreadElement(value) || waitedKind(value, this.#checker) !== "plain")) {
        return `\`${text(value)}\` may be a promise, which \`${name.text}\` would wait for`;
      }
      return this.#isLater(name) ? undefined : this.#untimely(parent);
    }
    if (ts.isCallExpression(parent) && this.#isGivenPlain(parent, name)) return undefined;
    const part = observerPart(name, this.#checker);
    if (part === "complete" || (part === "next" && this.#takesPlain(name))) return undefined;
    return ts.isCallExpression(parent)
      ? `\`${text(parent.expression)}\` may call \`${name.text}\` with a promise`
      : `\`${name.text}\` is kept for later`;
  }

  #rejectObstacle(name: TS.Identifier): string | undefined {
    const { parent } = name;
    if (observerPart(name, this.#checker) === "error") return undefined;
    if (!ts.isCallExpression(parent)) return `\`${name.text}\` is kept for later`;
    if (parent.expression !== name) return undefined;
    if (parent.arguments.length !== 1) return `\`${name.text}\` is called without an error`;
    if (enclosingScope(parent) === this.#executor) return `\`${text(parent)}\` rejects before anybody else has a turn`;
    return this.#isLater(name) ? undefined : this.#untimely(parent);
  }

  /** An executor that goes on after it has settled the promise may throw there, and nobody would know. */
  #untimely(call: TS.CallExpression): string | undefined {
    let child: TS.Node = call;
    for (let node = call.parent; child !== this.#executor.body; child = node, node = node.parent) {
      if (isOwnScope(node) && node !== this.#executor) return undefined;
      if (ts.isReturnStatement(node)) return undefined;
      if (ts.isBlock(node)) {
        const next = node.statements[node.statements.indexOf(child as TS.Statement) + 1];
        if (next === undefined) continue;
        if (ts.isReturnStatement(next) && next.expression === undefined) return undefined;
        return `\`${text(next)}\` runs after the promise was settled`;
      }
      const goesOn =
        ts.isIterationStatement(node, false) ||
        ts.isTryStatement(node) ||
        ts.isCaseOrDefaultClause(node) ||
        !(
          ts.isExpressionStatement(node) ||
          ts.isIfStatement(node) ||
          ts.isParenthesizedExpression(node) ||
          ts.isVoidExpression(node) ||
          (ts.isConditionalExpression(node) && node.condition !== child) ||
          (ts.isBinaryExpression(node) && node.right === child && isLogical(node.operatorToken.kind)) ||
          node === this.#executor
        );
      if (goesOn) return "the executor goes on after the promise was settled";
    }
    return undefined;
  }

  /** Whether whoever gets the function calls it with nothing that a promise would wait for. */
  #isGivenPlain(call: TS.CallExpression, name: TS.Identifier): boolean {
    const index = call.arguments.indexOf(name);
    if (index < 0) return false;
    const timer = timerIn(call, this.#checker);
    if (timer !== undefined) return index === 0 && call.arguments.length <= timer;
    if (ts.isPropertyAccessExpression(call.expression) && call.expression.name.text === "then") {
      // A promise has waited for its value already.
      return index === 0 && waitedKind(call.expression.expression, this.#checker) === "promise";
    }
    return this.#takesPlain(name);
  }

  /** Whether the function that is expected in the place of `name` is called with nothing that a promise would wait for. */
  #takesPlain(name: TS.Identifier): boolean {
    const expected = this.#checker.getContextualType(name);
    if (expected === undefined) return false;
    const signatures = this.#checker.getNonNullableType(expected).getCallSignatures();
    return (
      signatures.length > 0 &&
      signatures.every((signature) => {
        const [first] = signature.parameters;
        if (first === undefined) return true;
        const declared = first.valueDeclaration;
        if (declared !== undefined && ts.isParameter(declared) && declared.dotDotDotToken !== undefined) return false;
        return waitedKindOfType(this.#checker.getTypeOfSymbolAtLocation(first, name), this.#checker) === "plain";
      })
    );
  }

  /** Whether a use runs in a turn that comes after the executor, for sure. */
  #isLater(name: TS.Identifier): boolean {
    const { parent } = name;
    if (ts.isCallExpression(parent) && parent.expression !== name && this.#callsBackLater(parent)) return true;
    let child: TS.Node = name;
    for (let node: TS.Node = parent; child !== this.#executor.body; child = node, node = node.parent) {
      if (!ts.isCallExpression(node) || node.expression === child) continue;
      const given = skipParentheses(child as TS.Expression);
      if ((ts.isArrowFunction(given) || ts.isFunctionExpression(given)) && this.#callsBackLater(node)) return true;
    }
    return false;
  }

  #callsBackLater(call: TS.CallExpression): boolean {
    if (timerIn(call, this.#checker) !== undefined) return true;
    const callee = call.expression;
    if (ts.isPropertyAccessExpression(callee)) {
      const method = callee.name.text;
      if (/^(then|catch|finally)$/.test(method)) return waitedKind(callee.expression, this.#checker) === "promise";
      if (/^(emit|run)/.test(method)) return false;
    }
    const declaration = this.#checker.getResolvedSignature(call)?.declaration;
    return declaration !== undefined && laterModules.test(declaration.getSourceFile().fileName);
  }

  /** The executor may return only what settling gives: nothing. A value is what would undo a registration. */
  #returned(): string | undefined {
    const { body } = this.#executor;
    if (!ts.isBlock(body)) return undefined;
    if (containsOwn(body, ts.isThrowStatement)) return "the executor throws before anybody else has a turn";
    const names = this.#executor.parameters.map((parameter) => parameter.name.getText());
    const found = containsOwn(body, (node) => {
      if (!ts.isReturnStatement(node) || node.expression === undefined) return false;
      const value = skipParentheses(node.expression);
      if (ts.isVoidExpression(value)) return false;
      return !(ts.isCallExpression(value) && names.includes(value.expression.getText()));
    });
    return found ? "the executor gives a value" : undefined;
  }

  #setsTimer(call: TS.CallExpression): boolean {
    return isGlobal(call.expression, "setTimeout", this.#checker) && this.#mayClear(call);
  }

  /** Whether `clearTimeout` means there what it means everywhere. */
  #mayClear(call: TS.CallExpression): boolean {
    const { Value } = ts.SymbolFlags;
    const clear = this.#checker.getSymbolsInScope(call, Value).find((symbol) => symbol.name === "clearTimeout");
    if (clear === undefined) return this.#checker.getSymbolAtLocation(call.expression) === undefined;
    return (clear.declarations ?? []).every(isAmbient);
  }
}

/** The call that is all of a function's body. */
function onlyCall({ body }: Executor): TS.CallExpression | undefined {
  let only: TS.Node | undefined = body;
  if (ts.isBlock(body)) {
    const [statement, ...more] = body.statements;
    only =
      statement !== undefined && more.length === 0 && ts.isExpressionStatement(statement)
        ? statement.expression
        : undefined;
  }
  const call = only === undefined ? undefined : skipParentheses(only as TS.Expression);
  return call !== undefined && ts.isCallExpression(call) ? call : undefined;
}

/** How many arguments a timer function takes before those that it hands to its callback; undefined for others. */
function timerIn(call: TS.CallExpression, checker: TS.TypeChecker): number | undefined {
  const callee = call.expression;
  for (const [name, count] of timers) if (isGlobal(callee, name, checker)) return count;
  const isTick =
    ts.isPropertyAccessExpression(callee) &&
    callee.name.text === "nextTick" &&
    isGlobal(callee.expression, "process", checker);
  return isTick ? 1 : undefined;
}

const timers = [
  ["setTimeout", 2],
  ["setImmediate", 1],
  ["queueMicrotask", 1],
] as const;

/** Node's modules whose functions never call back before they have returned. */
const laterModules = /\/@types\/node\/(ts[\d.]+\/)?(fs|dns|zlib|crypto|child_process|net|timers)(\/\w+)?\.d\.ts$/;

/** Whether an expression is a name of the platform that no module has given another meaning. */
function isGlobal(expression: TS.Expression, name: string, checker: TS.TypeChecker): boolean {
  if (!ts.isIdentifier(expression) || expression.text !== name) return false;
  const symbol = checker.getSymbolAtLocation(expression);
  return (symbol?.declarations ?? []).every(isAmbient);
}

/** Declared by no file of the program: what is imported is declared where it is imported. */
function isAmbient(declaration: TS.Declaration): boolean {
  return declaration.getSourceFile().isDeclarationFile;
}

function isLogical(kind: TS.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  );
}

function text(node: TS.Node): string {
  const line = node.getText().replace(/\s+/g, " ");
  return line.length > 40 ? `${line.slice(0, 37)}...` : line;
}
