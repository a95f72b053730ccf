/**
 * What a function with an error-first callback does on each of its paths: plain statements, waits for functions that take
 * such a callback themselves, and in the end one call of its own callback. A body that cannot be told to be of that shape
 * is refused, with the reason.
 */
import { calledName, forEachOwn, isOwnScope, short, skipParentheses } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import { givesHandle, hasNamedResults, mayRepeat, resultsOf } from "./known.js";

export type CallbackNode = (
  TS.FunctionDeclaration | TS.FunctionExpression | TS.ArrowFunction | TS.MethodDeclaration
) & {
  body: TS.ConciseBody;
};

/** What is written for the error of a success: `cb(null)`, `cb(undefined)`, `cb()`. */
export type Nothing = "null" | "undefined" | "absent";

/** The arguments with which a callback is told of a success. */
export type Results =
  | { readonly kind: "values"; readonly nothing: Nothing; readonly count: number }
  /** Whatever the function gives that the callback is handed on to. */
  | { readonly kind: "callee"; readonly callee: Callee };

export type Step =
  | { readonly kind: "plain"; readonly node: TS.Statement }
  | {
      readonly kind: "if";
      readonly node: TS.Node;
      readonly test: TS.Expression;
      readonly then: Flow;
      readonly else: Flow;
    }
  /** Statements whose `return`s of the callback are written anew in their places. */
  | { readonly kind: "mixed"; readonly node: TS.Statement; readonly exits: readonly Exit[] }
  | Complete
  | WaitStep
  | LocalStep
  | JumpStep;

export type Flow = readonly Step[];

export interface Exit {
  readonly node: TS.Statement;
  readonly flow: Flow;
}

/** The callback is called. */
export interface Complete {
  readonly kind: "complete";
  readonly node: TS.Node;
  readonly error: TS.Expression | undefined;
  readonly nothing: Nothing;
  readonly values: readonly TS.Expression[];
}

/** A function is called that calls back. */
export interface WaitStep {
  readonly kind: "wait";
  readonly node: TS.Node;
  readonly callee: Callee;
  /** The callback that it is given; undefined when that is the function's own, handed on. */
  readonly callback: Handler | undefined;
}

/** A function in it that calls the callback in its place. */
export interface LocalStep {
  readonly kind: "local";
  readonly node: TS.FunctionDeclaration & { body: TS.Block };
  readonly flow: Flow;
}

/** A call of such a function. */
export interface JumpStep {
  readonly kind: "jump";
  readonly node: TS.CallExpression;
}

export interface Handler {
  readonly node: TS.ArrowFunction | TS.FunctionExpression;
  readonly error: TS.Identifier | undefined;
  readonly values: readonly TS.BindingName[];
  readonly body: Flow;
}

export interface Callee {
  readonly call: TS.CallExpression;
  /** The arguments without the callback. */
  readonly args: readonly TS.Expression[];
  /** A function of the program. */
  readonly own: TS.Node | undefined;
  /** A function of the platform that calls back later with nothing at all, such as a timer. */
  readonly isTimer: boolean;
  /** How many results it has, when that is known. */
  readonly results: number | undefined;
  /** It has to be called by a function of its own: `promisify` would take it for something else. */
  readonly isNamed: boolean;
}

export class NotSequential extends Error {
  readonly reason: Reason;

  constructor(code: Reason["code"], message: string) {
    super(message);
    this.reason = { code, message };
  }
}

function refuse(code: Reason["code"], message: string): never {
  throw new NotSequential(code, message);
}

export interface Read {
  /** Statements that stay in front of the fiber, because they look at the callback: defaults, checks. */
  readonly prologue: readonly TS.Statement[];
  readonly flow: Flow;
  /** Every wait in it. */
  readonly waits: readonly WaitStep[];
  readonly completes: readonly Complete[];
}

export class FlowReader {
  readonly #checker: TS.TypeChecker;
  readonly #node: CallbackNode;
  readonly #symbol: TS.Symbol;
  readonly #name: string;
  /** The declaration in the program that a call runs, if it is one that can be looked at. */
  readonly #ownOf: (call: TS.CallExpression) => TS.Node | undefined;
  /** Whether nobody looks at what the function gives. */
  readonly #isResultUnused: () => boolean;
  readonly #waits: WaitStep[] = [];
  readonly #completes: Complete[] = [];
  /** Functions in it that go on for it. */
  readonly #locals = new Set<TS.Symbol>();
  /** How many waits lie around the statement that is being read. */
  #depth = 0;

  constructor(
    node: CallbackNode,
    callback: TS.Identifier,
    checker: TS.TypeChecker,
    ownOf: (call: TS.CallExpression) => TS.Node | undefined,
    isResultUnused: () => boolean,
  ) {
    const symbol = checker.getSymbolAtLocation(callback);
    if (symbol === undefined) refuse("TR1807", "its callback is not known");
    this.#checker = checker;
    this.#node = node;
    this.#symbol = symbol;
    this.#name = callback.text;
    this.#ownOf = ownOf;
    this.#isResultUnused = isResultUnused;
  }

  read(): Read {
    const { body } = this.#node;
    if (!ts.isBlock(body)) {
      const flow = this.#terminal(body, true);
      if (flow === undefined) refuse("TR1603", `\`${this.#name}\` is not what it ends with`);
      return { prologue: [], flow, waits: this.#waits, completes: this.#completes };
    }
    const statements = [...body.statements];
    const first = statements.findIndex((statement) => this.#begins(statement));
    if (first < 0) refuse("TR1810", `nothing in it is waited for with a callback`);
    let end = 0;
    for (let i = 0; i < first; i++) if (this.#mentions(statements[i] as TS.Node)) end = i + 1;
    try {
      return this.#readFrom(statements, 0);
    } catch (error) {
      if (end === 0 || !(error instanceof NotSequential)) throw error;
      return this.#readFrom(statements, end);
    }
  }

  #readFrom(statements: readonly TS.Statement[], end: number): Read {
    this.#depth = 0;
    this.#waits.length = 0;
    this.#locals.clear();
    this.#completes.length = 0;
    const flow = this.#block(statements.slice(end), true);
    if (!leaves(flow)) refuse("TR1603", `\`${this.#name}\` is not called on every path`);
    return { prologue: statements.slice(0, end), flow, waits: this.#waits, completes: this.#completes };
  }

  /** Whether a statement begins a wait: something is given the callback, or a function that knows of it. */
  #begins(statement: TS.Node): boolean {
    if (ts.isFunctionDeclaration(statement)) return this.#mentions(statement);
    let found = false;
    const visit = (node: TS.Node): void => {
      if (found) return;
      if (ts.isCallExpression(node) && node.arguments.some((argument) => this.#hands(argument))) found = true;
      if (!ts.isFunctionLike(node)) ts.forEachChild(node, visit);
    };
    visit(statement);
    return found;
  }

  #hands(argument: TS.Expression): boolean {
    const value = skipParentheses(argument);
    if (ts.isIdentifier(value)) return this.#isCallback(value);
    return (ts.isArrowFunction(value) || ts.isFunctionExpression(value)) && this.#mentions(value);
  }

  #isCallback(node: TS.Node): boolean {
    return ts.isIdentifier(node) && node.text === this.#name && this.#symbolOf(node) === this.#symbol;
  }

  #isLocal(node: TS.Node): boolean {
    if (this.#locals.size === 0 || !ts.isIdentifier(node)) return false;
    const symbol = this.#symbolOf(node);
    return symbol !== undefined && this.#locals.has(symbol);
  }

  #symbolOf(node: TS.Identifier): TS.Symbol | undefined {
    return ts.isShorthandPropertyAssignment(node.parent)
      ? this.#checker.getShorthandAssignmentValueSymbol(node.parent)
      : this.#checker.getSymbolAtLocation(node);
  }

  #mentions(node: TS.Node): boolean {
    if (this.#isCallback(node) || this.#isLocal(node)) return true;
    return ts.forEachChild(node, (child) => this.#mentions(child) || undefined) ?? false;
  }

  /** @param isLast  nothing of the function runs after these statements */
  #block(statements: readonly TS.Statement[], isLast: boolean): Flow {
    const flow: Step[] = [];
    // They are known from the start of the block.
    for (const statement of statements) {
      const symbol = ts.isFunctionDeclaration(statement) && statement.name && this.#symbolOf(statement.name);
      if (symbol && this.#mentions(statement)) this.#locals.add(symbol);
    }
    for (const [index, statement] of statements.entries()) {
      const rest = statements.slice(index + 1).filter((next) => !ts.isFunctionDeclaration(next));
      const ends = rest.length === 0 ? isLast : isBareReturn(rest[0]);
      if (!this.#mentions(statement)) {
        if (ts.isReturnStatement(statement) && statement.expression === undefined && leaves(flow)) return flow;
        if (returnsInside(statement)) refuse("TR1603", `\`${this.#name}\` is not called on every path`);
        flow.push({ kind: "plain", node: statement });
        continue;
      }
      if (ts.isFunctionDeclaration(statement)) {
        flow.push(this.#localStep(statement));
        continue;
      }
      if (leaves(flow)) refuse("TR1603", `\`${this.#name}\` may be called twice`);
      flow.push(...this.#statement(statement, ends));
    }
    return flow;
  }

  #localStep(node: TS.FunctionDeclaration): LocalStep {
    const { body } = node;
    if (body === undefined || node.asteriskToken !== undefined || (node.modifiers?.length ?? 0) > 0) this.#strays(node);
    if (mentionsThis(body)) refuse("TR1810", `\`this\` of \`${node.name?.text ?? ""}\` is used`);
    const plain = node.parameters.every((parameter) => ts.isIdentifier(parameter.name) && !parameter.dotDotDotToken);
    if (!plain) this.#strays(node);
    const flow = this.#block(body.statements, true);
    if (!leaves(flow)) refuse("TR1603", `\`${this.#name}\` is not called on every path`);
    return { kind: "local", node: node as LocalStep["node"], flow };
  }

  #statement(statement: TS.Statement, isLast: boolean): Flow {
    if (ts.isBlock(statement)) refuse("TR1810", "a block of its own holds the callback");
    if (ts.isIfStatement(statement)) {
      if (this.#mentions(statement.expression)) this.#strays(statement.expression);
      const then = this.#block(statementsOf(statement.thenStatement), isLast);
      const otherwise =
        statement.elseStatement === undefined ? [] : this.#block(statementsOf(statement.elseStatement), isLast);
      for (const branch of [then, otherwise]) {
        // What calls back without `return` goes on behind the statement.
        if (!isLast && branch.some((step) => isTerminal(step)) && !leaves(branch)) {
          refuse("TR1603", `\`${this.#name}\` may be called twice`);
        }
      }
      return [{ kind: "if", node: statement, test: statement.expression, then, else: otherwise }];
    }
    if (ts.isReturnStatement(statement) && statement.expression !== undefined) {
      const flow = this.#terminal(statement.expression, true);
      if (flow === undefined) this.#strays(statement);
      return flow;
    }
    if (ts.isExpressionStatement(statement)) {
      const flow = this.#terminal(statement.expression, false);
      if (flow === undefined) this.#strays(statement);
      if (!isLast) refuse("TR1603", `after \`${short(statement)}\` the function goes on`);
      return flow;
    }
    return [this.#mixed(statement)];
  }

  /** A loop, a `switch` or a `try` that holds `return cb(...)`. */
  #mixed(statement: TS.Statement): Step {
    const isGuard = ts.isTryStatement(statement);
    const isLoop = ts.isIterationStatement(statement, false);
    if (!isGuard && !isLoop && !ts.isSwitchStatement(statement)) this.#strays(statement);
    const exits: Exit[] = [];
    const visit = (node: TS.Node): void => {
      if (ts.isReturnStatement(node)) {
        if (node.expression === undefined || !this.#mentions(node)) {
          refuse("TR1603", `\`${this.#name}\` is not called on every path`);
        }
        const flow = this.#terminal(node.expression, true);
        if (flow === undefined) this.#strays(node);
        exits.push({ node, flow });
        return;
      }
      if (ts.isTryStatement(node)) {
        for (const part of [node.tryBlock, node.finallyBlock]) {
          if (part !== undefined && (this.#mentions(part) || returnsInside(part))) {
            refuse("TR1810", `\`${this.#name}\` is called inside of \`try\``);
          }
        }
      }
      if (this.#isCallback(node) || this.#isLocal(node) || (isOwnScope(node) && this.#mentions(node)))
        this.#strays(node);
      if (!isOwnScope(node)) ts.forEachChild(node, visit);
    };
    visit(statement);
    return { kind: "mixed", node: statement, exits };
  }

  /** What an expression does that ends the path: calls back, or waits for who does. Undefined for anything else. */
  #terminal(expression: TS.Expression, returned: boolean): Flow | undefined {
    let value = skipParentheses(expression);
    if (ts.isVoidExpression(value)) value = skipParentheses(value.expression);
    if (ts.isConditionalExpression(value)) {
      if (this.#mentions(value.condition)) return undefined;
      const then = this.#terminal(value.whenTrue, returned);
      const otherwise = this.#terminal(value.whenFalse, returned);
      if (then === undefined || otherwise === undefined) return undefined;
      return [{ kind: "if", node: value, test: value.condition, then, else: otherwise }];
    }
    if (!ts.isCallExpression(value) || value.questionDotToken !== undefined) return undefined;
    if (this.#isCallback(value.expression)) return [this.#complete(value)];
    if (this.#isLocal(value.expression)) {
      if (value.arguments.some((argument) => ts.isSpreadElement(argument) || this.#mentions(argument)))
        this.#strays(value);
      return [{ kind: "jump", node: value }];
    }
    return [this.#wait(value, returned)];
  }

  #complete(call: TS.CallExpression): Complete {
    if (call.arguments.some((argument) => ts.isSpreadElement(argument) || this.#mentions(argument))) {
      refuse("TR1810", `what \`${short(call)}\` tells is not known`);
    }
    const [first, ...values] = call.arguments;
    const value = first === undefined ? undefined : skipParentheses(first);
    const nothing: Nothing = value === undefined ? "absent" : isUndefined(value) ? "undefined" : "null";
    const isNothing = value === undefined || isUndefined(value) || value.kind === ts.SyntaxKind.NullKeyword;
    const step: Complete = { kind: "complete", node: call, error: isNothing ? undefined : value, nothing, values };
    if (this.#depth === 0 && !isNothing) {
      refuse("TR1604", `\`${short(call)}\` tells an error at once, where others are thrown`);
    }
    this.#completes.push(step);
    return step;
  }

  #wait(call: TS.CallExpression, returned: boolean): WaitStep {
    if (this.#mentions(call.expression)) this.#strays(call);
    if (call.arguments.some(ts.isSpreadElement)) refuse("TR1810", `what \`${short(call)}\` is given is not known`);
    const name = calledName(call);
    const isTimer = this.#isTimer(call.expression);
    const at = isTimer ? 0 : call.arguments.length - 1;
    const given = call.arguments[at];
    if (given === undefined) this.#strays(call);
    const args = call.arguments.filter((argument) => argument !== given);
    if (args.some((argument) => this.#mentions(argument))) this.#strays(call);
    const own = isTimer ? undefined : this.#ownOf(call);
    const value = skipParentheses(given);
    const isForward = this.#isCallback(value);
    if (!isForward && !((ts.isArrowFunction(value) || ts.isFunctionExpression(value)) && this.#mentions(value))) {
      this.#strays(call);
    }
    const receiver = ts.isPropertyAccessExpression(call.expression) ? call.expression.expression.getText() : undefined;
    const results = own === undefined ? resultsOf(name, receiver) : undefined;
    if (returned && this.#depth === 0 && own === undefined && results === undefined && !this.#isResultUnused()) {
      refuse("TR1810", `what \`${short(call)}\` gives is returned: a handle, perhaps`);
    }
    if (!returned && own === undefined && results === undefined && givesHandle(name) && !isTimer) {
      refuse("TR1810", `\`${short(call.expression)}\` gives a handle on what it began`);
    }
    if (own === undefined && results === undefined && !isTimer) {
      if (mayRepeat(name)) refuse("TR1603", `\`${short(call.expression)}\` may call back more than once`);
      if (name === "") refuse("TR1810", `\`${short(call.expression)}\` is not known`);
    }
    if (isForward && own === undefined && results === undefined && !isTimer) {
      refuse("TR1807", `how \`${short(call.expression)}\` calls back is not known`);
    }
    if (isForward && name === "mkdir" && args.length > 1) {
      refuse("TR1810", `with options, \`${short(call.expression)}\` may give a result`);
    }
    if (isTimer && isForward) refuse("TR1810", `\`${this.#name}\` is handed to a timer`);
    const callee: Callee = { call, args, own, isTimer, results, isNamed: isTimer || hasNamedResults(name) };
    if (isForward) {
      const step: WaitStep = { kind: "wait", node: call, callee, callback: undefined };
      this.#waits.push(step);
      return step;
    }
    const handler = value as TS.ArrowFunction | TS.FunctionExpression;
    const isKnown = own !== undefined || results !== undefined || isTimer;
    const callback = this.#handler(handler, callee, isKnown);
    const step: WaitStep = { kind: "wait", node: call, callee, callback };
    this.#waits.push(step);
    return step;
  }

  #handler(node: TS.ArrowFunction | TS.FunctionExpression, callee: Callee, isKnown: boolean): Handler {
    if (node.asteriskToken !== undefined || (node.modifiers?.length ?? 0) > 0) {
      refuse("TR1810", "a callback is async");
    }
    if (node.name !== undefined && mentionsName(node.body, node.name.text)) {
      refuse("TR1603", `\`${node.name.text}\` is called again by its name`);
    }
    if (ts.isFunctionExpression(node) && mentionsThis(node.body)) {
      refuse("TR1810", `\`this\` of the callback of \`${short(callee.call.expression)}\` is used`);
    }
    for (const parameter of node.parameters) {
      if (parameter.dotDotDotToken !== undefined || parameter.initializer !== undefined) {
        refuse("TR1810", "a callback has parameters that are more than names");
      }
    }
    const [first, ...rest] = node.parameters;
    if (first !== undefined && !ts.isIdentifier(first.name)) refuse("TR1810", "a callback takes its error apart");
    const error = first?.name as TS.Identifier | undefined;
    if (callee.isTimer && error !== undefined) refuse("TR1810", "a timer gives its callback nothing");
    if (!isKnown && (error === undefined || !/^_?(e|er|ex|err\w*|error\w*)\d*$/i.test(error.text))) {
      refuse("TR1807", `\`${short(callee.call.expression)}\` is not known to call back with an error first`);
    }
    this.#depth++;
    let body: Flow;
    if (ts.isBlock(node.body)) body = this.#block(node.body.statements, true);
    else {
      const flow = this.#terminal(node.body, true);
      if (flow === undefined) this.#strays(node.body);
      body = flow;
    }
    this.#depth--;
    if (!leaves(body)) refuse("TR1603", `\`${this.#name}\` is not called on every path`);
    return { node, error, values: rest.map((parameter) => parameter.name), body };
  }

  #isTimer(callee: TS.Expression): boolean {
    const text = callee.getText();
    return /^(setTimeout|setImmediate|queueMicrotask|process\.nextTick)$/.test(text);
  }

  #strays(node: TS.Node): never {
    refuse("TR1603", `what \`${short(node)}\` does with \`${this.#name}\` is not known`);
  }
}

/** Whether every path of it ends. */
export function leaves(flow: Flow): boolean {
  const last = flow.at(-1);
  if (last === undefined) return false;
  if (last.kind === "if") return leaves(last.then) && leaves(last.else);
  if (last.kind === "plain") {
    return ts.isThrowStatement(last.node) || (ts.isFunctionDeclaration(last.node) && leaves(flow.slice(0, -1)));
  }
  // A function that is declared last is no end of a path.
  if (last.kind === "local") return leaves(flow.slice(0, -1));
  return last.kind === "complete" || last.kind === "wait" || last.kind === "jump";
}

/** Whether the callback is called in it, now or later. */
function isTerminal(step: Step): boolean {
  if (step.kind === "if") return step.then.some(isTerminal) || step.else.some(isTerminal);
  return step.kind === "complete" || step.kind === "wait" || step.kind === "jump";
}

function statementsOf(statement: TS.Statement): readonly TS.Statement[] {
  return ts.isBlock(statement) ? statement.statements : [statement];
}

function isBareReturn(statement: TS.Statement | undefined): boolean {
  return statement !== undefined && ts.isReturnStatement(statement) && statement.expression === undefined;
}

function returnsInside(node: TS.Node): boolean {
  let found = false;
  forEachOwn(node, (inner) => {
    found ||= ts.isReturnStatement(inner);
  });
  return found;
}

function mentionsName(node: TS.Node, name: string): boolean {
  if (ts.isIdentifier(node) && node.text === name) return true;
  return ts.forEachChild(node, (child) => mentionsName(child, name) || undefined) ?? false;
}

/** `this` and `arguments` of a function expression, arrow functions in it included. */
function mentionsThis(node: TS.Node): boolean {
  if (node.kind === ts.SyntaxKind.ThisKeyword || (ts.isIdentifier(node) && node.text === "arguments")) return true;
  if (isOwnScope(node) && !ts.isArrowFunction(node)) return false;
  return ts.forEachChild(node, (child) => mentionsThis(child) || undefined) ?? false;
}

export function isUndefined(node: TS.Expression): boolean {
  return (ts.isIdentifier(node) && node.text === "undefined") || ts.isVoidExpression(node);
}
