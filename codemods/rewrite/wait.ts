/** Rewrites one place where a function waits: `await e`, `return e`, or the expression body of an arrow function. */
import { ts, type TS } from "../compiler.js";
import { thisTypeText, type Dispatch, type DispatchForm } from "../analyse/dispatch.js";
import { isAsyncGenerator } from "../analyse/functions.js";
import { combinatorShape, isPromiseMethod, isShortCircuit, returnsFromTry, type WaitSite } from "../analyse/runs.js";
import {
  enclosingScope,
  hasModifier,
  isAsyncFunctionNode,
  skipParentheses,
  withParentheses,
} from "../analyse/syntax.js";
import { waitedKind } from "../analyse/thenable.js";
import { combinator } from "../kept/promises.js";
import type { Candidate, Reason } from "../plan.js";
import { commentsIn, joinComments } from "./comments.js";
import { isConverted, type FileContext } from "./context.js";
import { executorIn, rewriteExecutor } from "./executor.js";
import { handSignal } from "./handed-signal.js";
import { continuesPrevious, needsParentheses } from "./parentheses.js";
import { observableWaitIn, rewriteObservableWait } from "../rxjs/rewrite.js";
import { limitedCallIn, rewriteLimitedCall } from "../limits/rewrite.js";
import { printableType } from "./signature.js";

export function rewriteWait(context: FileContext, site: WaitSite): void {
  if (site.kind === "await") rewriteAwait(context, site);
  else rewriteReturned(context, site);
}

function rewriteAwait(context: FileContext, site: WaitSite): void {
  const { edits, file } = context;
  const node = site.node as TS.AwaitExpression;
  const keyword = { start: node.getStart(file), end: node.getStart(file) + "await".length };
  const operand = node.expression;
  const runs = runsSomething(context, operand);
  const executor = executorIn(context, operand);
  const answers = runs || (executor !== undefined && "shape" in executor) || waitsForObservable(context, operand);
  const turn = answers ? context.suspension.reasonForTurn(site) : undefined;
  if (runs && isBranching(skipParentheses(operand))) {
    edits.remove(keyword.start, keyword.end + (/^[ \t]+/.exec(file.text.slice(keyword.end))?.[0].length ?? 0));
    if (ts.isParenthesizedExpression(operand)) guardStart(context, operand, operand.getStart(file), keyword.start);
    runBranches(context, operand, turn !== undefined);
    context.record({ pattern: "CM-A13", kind: "await", ...outcome(undefined, turn) }, node);
    return;
  }
  edits.replace(keyword.start, keyword.end, /\s/.test(file.text[keyword.end] ?? "") ? "yield*" : "yield* ");
  if (needsParentheses(node)) {
    edits.wrap(keyword.start, node.end, guarded(context, node, keyword.start), ")");
  }
  const tick = tickIdiom(operand);
  if (tick) {
    const comments = joinComments(commentsIn(file, operand.getStart(file), operand.end), context.style.eol);
    edits.replace(operand.getStart(file), operand.end, `${context.imports.use("Fiber")}.yield(${comments})`);
    context.record({ pattern: "CM-A27", kind: "await", disposition: "rewrite", reasons: [] }, node);
    return;
  }
  if (turn !== undefined) keepTurn(context, operand);
  context.record({ pattern: "CM-A03", kind: "await", ...outcome(makeOp(context, operand), turn) }, node);
}

/** `adopt` runs an op and then gives others the turn that `await` gave them. */
function keepTurn(context: FileContext, operand: TS.Expression): void {
  context.edits.wrap(operand.getStart(context.file), operand.end, `${context.imports.use("adopt")}(`, ")");
}

function outcome(bridged: Reason | undefined, turn: Reason | undefined): Pick<Candidate, "disposition" | "reasons"> {
  if (bridged !== undefined) return { disposition: "bridge", reasons: [bridged] };
  return turn === undefined
    ? { disposition: "rewrite", reasons: [] }
    : { disposition: "rewrite+note", reasons: [turn] };
}

function rewriteReturned(context: FileContext, site: WaitSite): void {
  const { operand } = site;
  const runs = runsSomething(context, operand);
  if (!runs && (returnsFromTry(site) || waitedKind(operand, context.analysis.checker) === "plain")) return;
  if (runs && isBranching(skipParentheses(operand))) {
    runBranches(context, operand, false);
    return;
  }
  context.edits.wrap(operand.getStart(context.file), operand.end, "yield* ", "");
  context.record({ pattern: "CM-A10", kind: "await", ...outcome(makeOp(context, operand), undefined) }, operand);
}

/** `await null` and the like only give others a turn. */
function tickIdiom(operand: TS.Expression): boolean {
  const expression = skipParentheses(operand);
  return (
    (expression.kind === ts.SyntaxKind.NullKeyword ||
      ts.isNumericLiteral(expression) ||
      (ts.isIdentifier(expression) && expression.text === "undefined") ||
      (isPromiseMethod(expression, "resolve") && expression.arguments.length === 0)) &&
    ts.isExpressionStatement(withParentheses(operand).parent.parent)
  );
}

function isBranching(expression: TS.Expression): boolean {
  return (
    ts.isConditionalExpression(expression) ||
    (ts.isBinaryExpression(expression) && isShortCircuit(expression.operatorToken.kind))
  );
}

/** Whether anything in an operand is run as a fiber function in its place. */
function runsSomething(context: FileContext, operand: TS.Expression): boolean {
  const expression = skipParentheses(operand);
  if (ts.isConditionalExpression(expression)) {
    return runsSomething(context, expression.whenTrue) || runsSomething(context, expression.whenFalse);
  }
  if (ts.isBinaryExpression(expression) && isShortCircuit(expression.operatorToken.kind)) {
    return (
      waitedKind(expression.left, context.analysis.checker) === "plain" && runsSomething(context, expression.right)
    );
  }
  if (!ts.isCallExpression(expression)) return false;
  if (context.runs.has(expression) || isRawInvocation(context, expression)) return true;
  if (limitedCallIn(context, expression) !== undefined) return true;
  const combinator = combinatorShape(expression, context.analysis.checker);
  if (combinator === undefined) return false;
  if (combinator.kind === "all") {
    return combinator.elements.some((element) => {
      const call = skipParentheses(element);
      return (
        context.runs.has(call) ||
        (ts.isCallExpression(call) && isRawInvocation(context, call)) ||
        limitedCallIn(context, call) !== undefined ||
        waitsForObservable(context, call)
      );
    });
  }
  const callback = combinator.mapped?.callback;
  return (
    callback !== undefined &&
    (context.runs.has(callback) || isRawCallback(context, callback) || runsInArrow(context, callback))
  );
}

function waitsForObservable(context: FileContext, operand: TS.Expression): boolean {
  const wait = observableWaitIn(context, operand);
  return wait !== undefined && !("refused" in wait);
}

function isRawCallback(context: FileContext, callback: TS.Node): boolean {
  const fn = context.analysis.byNode.get(callback);
  return fn !== undefined && fn.node === callback && !isAsyncGenerator(fn) && isConverted(context, fn);
}

function isRawInvocation(context: FileContext, call: TS.CallExpression): boolean {
  const fn = context.analysis.byNode.get(skipParentheses(call.expression));
  return fn !== undefined && fn.invocation === call && isConverted(context, fn);
}

function runsInArrow(context: FileContext, callback: TS.Node): boolean {
  if (!ts.isArrowFunction(callback) || ts.isBlock(callback.body)) return false;
  return context.runs.has(skipParentheses(callback.body)) || limitedCallIn(context, callback.body) !== undefined;
}

/** Puts a `yield*` in front of each branch of a conditional or short circuit that has to be waited for. */
function runBranches(context: FileContext, operand: TS.Expression, keepsTurn: boolean): void {
  const expression = skipParentheses(operand);
  if (ts.isConditionalExpression(expression)) {
    runBranches(context, expression.whenTrue, keepsTurn);
    runBranches(context, expression.whenFalse, keepsTurn);
    return;
  }
  const runs = runsSomething(context, expression);
  if (runs && ts.isBinaryExpression(expression) && isShortCircuit(expression.operatorToken.kind)) {
    runBranches(context, expression.right, keepsTurn);
    return;
  }
  if (!runs && waitedKind(operand, context.analysis.checker) === "plain") return;
  const bare = !needsParentheses(operand);
  context.edits.wrap(operand.getStart(context.file), operand.end, bare ? "yield* " : "(yield* ", bare ? "" : ")");
  if (runs && keepsTurn) keepTurn(context, operand);
  makeOp(context, operand);
}

/**
 * Edits `operand` so that it evaluates to an op. Answers the reason when that takes a bridge, and nothing when the
 * fiber function itself is run.
 */
function makeOp(context: FileContext, operand: TS.Expression): Reason | undefined {
  const expression = skipParentheses(operand);
  if (ts.isCallExpression(expression)) {
    if (context.runs.has(expression)) {
      renameCallee(context, expression);
      return undefined;
    }
    if (isRawInvocation(context, expression)) return undefined;
    const limited = limitedCallIn(context, expression);
    if (limited !== undefined) {
      rewriteLimitedCall(context, limited, (body) => makeOp(context, body));
      return undefined;
    }
    if (runsSomething(context, expression)) {
      rewriteCombinator(context, expression);
      return undefined;
    }
  }
  const executor = executorIn(context, operand);
  if (executor !== undefined && "shape" in executor) {
    rewriteExecutor(context, executor.shape, executor.type);
    return undefined;
  }
  const wait = observableWaitIn(context, operand);
  if (wait !== undefined && !("refused" in wait)) {
    rewriteObservableWait(context, wait);
    return undefined;
  }
  const bridged = bridge(context, operand);
  return executor?.refused ?? wait?.refused ?? bridged;
}

function bridge(context: FileContext, operand: TS.Expression): Reason {
  const { checker, observed } = context.analysis;
  const expression = skipParentheses(operand);
  const certain =
    (ts.isNewExpression(expression) && expression.expression.getText(context.file) === "Promise") ||
    isPromiseMethod(expression) ||
    (ts.isCallExpression(expression) && expression.expression.kind === ts.SyntaxKind.ImportKeyword);
  const kind = certain ? "promise" : waitedKind(expression, checker);
  const text = shortened(expression.getText(context.file));
  // Where tests replace modules or functions, a declared promise may be any value at run time.
  const mayBeReplaced = !certain && observed.usesStandIns;
  // A callee that is not there gives nothing, which unchecked types do not tell.
  const mayBeAbsent =
    (expression.flags & ts.NodeFlags.OptionalChain) !== 0 || !(certain || tellsOfAbsence(context, expression));
  // What several promises give cannot be inferred from their union.
  const isUnion = kind === "promise" && !certain && checker.getTypeAtLocation(expression).isUnion();
  const name = kind === "promise" && !mayBeReplaced && !mayBeAbsent && !isUnion ? "fromPromise" : "adopt";
  const { start, end } = { start: operand.getStart(context.file), end: operand.end };
  const inner = ts.isParenthesizedExpression(operand) && !containsComma(operand) ? ["", ""] : ["(", ")"];
  const type = kind === "promise" ? spelledOutType(context, expression) : undefined;
  const written = type === undefined ? "" : name === "fromPromise" ? `<${type}>` : `<Promise<${type}>>`;
  if (!handSignal(context, operand, expression)) {
    context.edits.wrap(start, end, `${context.imports.use(name)}${written}${inner[0]}`, inner[1] ?? "");
  }
  const kept = ts.isCallExpression(expression) ? combinator(expression) : undefined;
  if (kept !== undefined) return { ...kept.reason, message: `${text}: ${kept.reason.message}` };
  if (kind === "promise" && isStored(expression)) return storedReason(context, expression);
  switch (kind) {
    case "promise":
      return (
        throughType(context, expression, text) ?? {
          code: "TR1809",
          message: `${text} is a promise of code that is not a fiber function`,
        }
      );
    case "thenable":
      return { code: "TR1003", message: `${text} is a thenable of another library` };
    case "any":
      return { code: "TR1001", message: `the type of ${text} does not say whether it is a promise` };
    case "maybe":
      return { code: "TR1002", message: `${text} may or may not be a promise` };
    case "plain":
      return { code: "TR1002", message: `${text} is not a promise; waiting for it gives others a turn` };
  }
}

/** A promise that somebody has started, and that a name or a field holds. */
function isStored(expression: TS.Expression): boolean {
  return (
    ts.isIdentifier(expression) || ts.isPropertyAccessExpression(expression) || ts.isElementAccessExpression(expression)
  );
}

function storedReason(context: FileContext, expression: TS.Expression): Reason {
  const text = expression.getText(context.file);
  const scope = enclosingScope(expression);
  const owner = scope === undefined ? undefined : context.analysis.byNode.get(scope);
  const waits = owner?.awaits.filter((wait) => skipParentheses(wait.expression).getText(context.file) === text) ?? [];
  return waits.length > 1
    ? { code: "TR1004", message: `${shortened(text)} is waited for more than once, and an op runs once` }
    : { code: "TR1005", message: `${shortened(text)} was started before it is waited for` };
}

/** Why a call through a type of this program is bridged. */
function throughType(context: FileContext, expression: TS.Expression, text: string): Reason | undefined {
  if (!ts.isCallExpression(expression)) return undefined;
  const targets = context.analysis.flows.behind(expression);
  if (targets === undefined) return undefined;
  return targets.length === 0
    ? { code: "TR1202", message: `${text}: what it calls has its type from here, and is made elsewhere` }
    : { code: "TR1701", message: `${text}: what it calls gets no type through \`direct\`` };
}

/**
 * Whether the type of an expression could say that there may be nothing. Without `strictNullChecks` only a callee tells
 * that it gives a promise each time: an async function, or a declaration of a library.
 */
function tellsOfAbsence(context: FileContext, expression: TS.Expression): boolean {
  const { analysis } = context;
  const { strictNullChecks, strict } = analysis.project.options;
  if (strictNullChecks ?? strict) return true;
  if (ts.isIdentifier(expression)) {
    const variable = analysis.checker.getSymbolAtLocation(expression)?.valueDeclaration;
    if (variable === undefined || !ts.isVariableDeclaration(variable) || variable.initializer === undefined)
      return false;
    const isConstant = (ts.getCombinedNodeFlags(variable) & ts.NodeFlags.Const) !== 0 && ts.isIdentifier(variable.name);
    return isConstant && tellsOfAbsence(context, skipParentheses(variable.initializer));
  }
  if (!ts.isCallExpression(expression)) return false;
  const declaration = analysis.checker.getResolvedSignature(expression)?.declaration;
  if (declaration === undefined || ts.isJSDocSignature(declaration)) return false;
  if (hasModifier(declaration, ts.SyntaxKind.AsyncKeyword)) return true;
  return (
    declaration.getSourceFile().isDeclarationFile &&
    declaration.type !== undefined &&
    ts.isTypeReferenceNode(declaration.type) &&
    declaration.type.typeName.getText() === "Promise"
  );
}

/** The type argument of a bridge in a function that needs it written: what the promise gives. */
function spelledOutType(context: FileContext, expression: TS.Expression): string | undefined {
  const scope = enclosingScope(expression);
  const owner = scope === undefined ? undefined : context.analysis.byNode.get(scope);
  if (owner === undefined || !context.spelledOut.has(owner) || !ts.isCallExpression(expression)) {
    return undefined;
  }
  const { checker } = context.analysis;
  const type = checker.getAwaitedType(checker.getTypeAtLocation(expression));
  const text = type === undefined ? undefined : printableType(context, type, expression);
  return text === "any" ? undefined : text;
}

function containsComma(node: TS.ParenthesizedExpression): boolean {
  const inner = node.expression;
  return ts.isBinaryExpression(inner) && inner.operatorToken.kind === ts.SyntaxKind.CommaToken;
}

/** `load(...)` becomes `loadOp(...)`, under whatever name this file knows the fiber function by. */
function renameCallee(context: FileContext, node: TS.Node): void {
  const run = context.runs.get(node);
  if (run === undefined) return;
  if (run.dispatch !== undefined) {
    dispatchCall(context, run.dispatch, run.form);
    return;
  }
  const { target, node: name } = run.use;
  const fiberName = context.decisions.get(target)?.fiberName;
  if (fiberName === undefined || fiberName === name.text) return;
  const isMember = ts.isPropertyAccessExpression(name.parent) && name.parent.name === name;
  const local =
    isMember || target.file === context.file || !ts.isIdentifier(name)
      ? fiberName
      : context.imports.useTwin(fiberName, name, target.file);
  context.edits.replace(name.getStart(context.file), name.end, local);
}

/** `load(id)` becomes `direct(load)(id)`, and `store.get(id)` becomes `direct(store, "get")(id)`. */
function dispatchCall(context: FileContext, { call, callee, receiver }: Dispatch, form: DispatchForm): void {
  const { edits, file, style } = context;
  const direct = context.imports.use("direct");
  const whole = call.expression;
  if (receiver === undefined || form === "name") {
    edits.wrap(whole.getStart(file), whole.end, `${direct}(`, ")");
    return;
  }
  if (form === "bound") {
    edits.wrap(whole.getStart(file), whole.end, `${direct}(`, `, ${receiver.getText(file)})`);
    return;
  }
  const named = ts.isPropertyAccessExpression(callee) ? `${style.quote}${callee.name.text}${style.quote}` : undefined;
  const types = form === "typed" && named !== undefined ? `<${thisTypeText(call) ?? ""}, ${named}>` : "";
  edits.wrap(receiver.getStart(file), receiver.end, `${direct}${types}(`, "");
  const comments = (start: number, end: number): string => joinComments(commentsIn(file, start, end), style.eol);
  if (named !== undefined) edits.replace(receiver.end, whole.end, `${comments(receiver.end, whole.end)}, ${named})`);
  else if (ts.isElementAccessExpression(callee)) {
    const { argumentExpression: key } = callee;
    const start = key.getStart(file);
    edits.replace(receiver.end, start, `${comments(receiver.end, start)}, `);
    edits.replace(key.end, whole.end, `${comments(key.end, whole.end)})`);
  }
}

/** `Promise.all([a(), b()])` becomes `Fiber.all([() => aOp(), ...])`, `Promise.all(xs.map(f))` becomes `Fiber.map(xs, f)`. */
function rewriteCombinator(context: FileContext, call: TS.CallExpression): void {
  const shape = combinatorShape(call, context.analysis.checker);
  if (shape === undefined) return;
  const { edits, file } = context;
  const fiber = context.imports.use("Fiber");
  const pattern = shape.kind === "all" ? "CM-P12" : "CM-H01";
  const reasons: Reason[] = [
    { code: "TR1308", message: "when one of these fails, the others are cancelled and waited for" },
  ];
  context.record({ pattern, kind: "combinator", disposition: "rewrite+note", reasons }, call);
  const { expression: promise, name: method } = call.expression as TS.PropertyAccessExpression;
  if (shape.kind === "all") {
    edits.replace(promise.getStart(file), promise.end, fiber);
    for (const element of shape.elements) {
      edits.wrap(element.getStart(file), element.end, "() => ", "");
      makeOp(context, element);
    }
    return;
  }
  const mapped = shape.mapped;
  if (mapped === undefined) return;
  // Promise.all(items.map(callback)) -> Fiber.map(items, callback), a token at a time where comments stand between.
  edits.replace(promise.getStart(file), promise.end, fiber);
  edits.replace(method.getStart(file), method.end, "map");
  const { callback } = mapped;
  const between = { start: mapped.items.end, end: withParentheses(callback).getStart(file) };
  if (/^\s*\.\s*map\s*\(\s*$/.test(file.text.slice(between.start, between.end))) {
    edits.replace(between.start, between.end, ", ");
  } else {
    const access = mapped.call.expression as TS.PropertyAccessExpression;
    const dot = access.getChildren(file).find((child) => child.kind === ts.SyntaxKind.DotToken);
    const paren = mapped.call.getChildren(file).find((child) => child.kind === ts.SyntaxKind.OpenParenToken);
    if (dot !== undefined) edits.replace(dot.getStart(file), dot.end, ",");
    edits.remove(access.name.getStart(file), access.name.end);
    if (paren !== undefined) edits.remove(paren.getStart(file), paren.end);
  }
  const last = mapped.call.getLastToken(file);
  if (last !== undefined) edits.remove(last.getStart(file), last.end);
  const comma = mapped.call.arguments.hasTrailingComma ? mapped.call.arguments.end - 1 : undefined;
  if (comma !== undefined) edits.remove(comma, comma + 1);
  if (context.runs.has(callback)) {
    const parameters =
      context.runs.get(callback)?.targets[0]?.node.parameters.length === 2 ? "(item, index)" : "(item)";
    edits.wrap(callback.getStart(file), callback.end, `${parameters} => `, parameters);
    renameCallee(context, callback);
  } else if (ts.isArrowFunction(callback) && !isAsyncFunctionNode(callback)) {
    makeOp(context, callback.body as TS.Expression);
  }
}

function guarded(context: FileContext, node: TS.Node, position: number): string {
  return continuesPrevious(position, node, context.file) ? ";(" : "(";
}

/** A statement that loses its leading `await` may start with a parenthesis from now on. */
function guardStart(context: FileContext, node: TS.Node, position: number, keyword: number): void {
  if (continuesPrevious(keyword, node, context.file)) context.edits.wrap(position, node.end, ";", "");
}

export function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}
