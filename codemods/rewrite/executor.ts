/** Writes `new Promise(executor)` as `fromCallback(executor)`. */
import { executorShape, type Executor, type ExecutorShape } from "../analyse/executors.js";
import { enclosingScope, skipParentheses } from "../analyse/syntax.js";
import { waitedKind } from "../analyse/thenable.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import type { FileContext } from "./context.js";
import { printableType } from "./signature.js";

/** The promise that an op can take the place of, or why none can; undefined for what is no such promise. */
export function executorIn(
  context: FileContext,
  operand: TS.Expression,
): { readonly shape: ExecutorShape; readonly type: string } | { readonly refused: Reason } | undefined {
  const { checker } = context.analysis;
  const shape = executorShape(operand, checker);
  if (shape === undefined || "refused" in shape) return shape;
  const { node } = shape;
  const scope = enclosingScope(node);
  const owner = scope === undefined ? undefined : context.analysis.byNode.get(scope);
  // What did not type-check the first time stays a promise.
  if (owner !== undefined && context.spelledOut.has(owner)) {
    return { refused: { code: "TR1306", message: "the types of its executor are those of a promise" } };
  }
  const between = context.file.text.slice(node.getStart(context.file) + "new".length, node.expression.getStart());
  const type = context.isTypeScript && node.typeArguments === undefined ? resultType(context, node) : "";
  if (between.trim() !== "" || type === undefined) {
    return { refused: { code: "TR1306", message: "the type of its value cannot be written" } };
  }
  return { shape, type };
}

/** What an op gives is not told by where it is used, as the value of a promise is. */
function resultType(context: FileContext, node: TS.NewExpression): string | undefined {
  const { checker } = context.analysis;
  const type = checker.getAwaitedType(checker.getTypeAtLocation(node));
  if (type === undefined) return undefined;
  if ((type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) !== 0) return "";
  const text = printableType(context, type, node);
  return text === undefined ? undefined : `<${text}>`;
}

export function rewriteExecutor(context: FileContext, shape: ExecutorShape, type: string): void {
  const { edits, file } = context;
  const { node, executor, timer, subscription } = shape;
  edits.replace(node.getStart(file), node.expression.end, `${context.imports.use("fromCallback")}${type}`);
  if (timer !== undefined) undoWhenCancelled(context, executor, "timer", (name) => `clearTimeout(${name})`);
  else if (subscription !== undefined) {
    undoWhenCancelled(context, executor, "subscription", (name) => `${name}.unsubscribe()`);
  } else if (ts.isArrowFunction(executor) && !ts.isBlock(executor.body)) dropValue(context, executor, executor.body);
  context.record({ pattern: "CM-P17", kind: "constructor", disposition: "rewrite", reasons: [] }, node);
}

/** What the one call of the executor gives is kept, for cancelling the wait: it clears the timer, or unsubscribes. */
function undoWhenCancelled(
  context: FileContext,
  executor: Executor,
  given: "timer" | "subscription",
  undo: (name: string) => string,
): void {
  const { edits, file, style } = context;
  const { body } = executor;
  const used = new Set(executor.getText(file).match(/[A-Za-z_$][\w$]*/g));
  let name: string = given;
  for (let n = 2; used.has(name); n++) name = `${given}${n}`;
  const set = `const ${name} = `;
  const cancel = `return () => ${undo(name)}${style.semicolon}`;
  const [statement] = ts.isBlock(body) ? body.statements : [];
  if (statement === undefined) {
    // A block on one line has semicolons, whatever the style.
    edits.wrap(body.getStart(file), body.end, `{ ${set}`, `; ${cancel} }`);
    return;
  }
  const { line } = file.getLineAndCharacterOfPosition(statement.getStart(file));
  const opened = file.getLineAndCharacterOfPosition(body.getStart(file));
  const indent = /^\s*/.exec(file.text.slice(file.getPositionOfLineAndCharacter(line, 0)))?.[0] ?? "";
  const isTerminated = file.text[statement.end - 1] === ";";
  const onOneLine = opened.line === line;
  const end = onOneLine && !isTerminated ? "; " : onOneLine ? " " : style.eol + indent;
  edits.wrap(statement.getStart(file), statement.end, set, `${end}${cancel}`);
}

/** A promise does not look at what its executor gives. */
function dropValue(context: FileContext, executor: TS.ArrowFunction, body: TS.Expression): void {
  const { edits, file } = context;
  const call = skipParentheses(body);
  const settles =
    ts.isCallExpression(call) &&
    executor.parameters.some((parameter) => parameter.name.getText(file) === call.expression.getText(file));
  if (settles || ts.isVoidExpression(call)) return;
  const floats = ts.isCallExpression(call) && waitedKind(call, context.analysis.checker) === "promise";
  edits.wrap(body.getStart(file), body.end, floats ? "{ void " : "{ ", "; }");
}
