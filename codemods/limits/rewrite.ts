/** Writes a limiter of another package as a semaphore, and its jobs as fiber functions that run with a permit. */
import { isAsyncFunctionNode, skipParentheses, usesThis } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import type { FileContext } from "../rewrite/context.js";
import { handingThis } from "../rewrite/handed-this.js";
import type { LimitedCall } from "./limiters.js";

/** The use of a limiter that an expression is, where the limiter becomes a semaphore. */
export function limitedCallIn(context: FileContext, expression: TS.Expression): LimitedCall | undefined {
  const call = skipParentheses(expression);
  const found = context.limited.get(call);
  return found?.call === call ? found : undefined;
}

/** `pLimit(4)` becomes `new Semaphore(4)`. */
export function rewriteLimiters(context: FileContext): void {
  for (const { creation, identifier, pattern, slots } of context.limiters) {
    if (creation.getSourceFile() !== context.file) continue;
    const name = context.imports.use("Semaphore");
    const { edits, file } = context;
    const callee = creation.expression;
    edits.replace(callee.getStart(file), callee.end, ts.isNewExpression(creation) ? name : `new ${name}`);
    const [given] = creation.arguments ?? [];
    if (given !== undefined) edits.replace(given.getStart(file), given.end, slots);
    else if (creation.arguments === undefined) edits.insertAfter(creation.end, `(${slots})`);
    else edits.insertAfter(creation.arguments.pos, slots);
    context.retire(identifier);
    const message = "when one of several jobs that are waited for together fails, the others do not begin any more";
    const reasons: Reason[] = [{ code: "TR1308", message }];
    context.record({ pattern, kind: "limiter", disposition: "rewrite+note", reasons }, creation);
  }
}

/** `limit(() => f(x))` becomes `limit.use(() => fOp(x))`. `rewriteBody` makes an op of what a job calls. */
export function rewriteLimitedCall(
  context: FileContext,
  { call, job }: LimitedCall,
  rewriteBody: (body: TS.Expression) => void,
): void {
  const { edits, file } = context;
  const callee = call.expression;
  if (ts.isPropertyAccessExpression(callee) && callee.name.text === "runExclusive") {
    edits.replace(callee.name.getStart(file), callee.name.end, "use");
  } else edits.wrap(callee.getStart(file), callee.end, "", ".use");
  const turn = turnBefore(context, job);
  const { body } = job;
  if (isAsyncFunctionNode(job)) {
    if (ts.isBlock(body) && turn !== "") edits.insertBefore(body.getStart(file) + 1, ` ${turn.trimEnd()}`);
    return;
  }
  const expression = body as TS.Expression;
  if (turn !== "") beginWithTurn(context, job as TS.ArrowFunction, expression, turn);
  rewriteBody(expression);
}

/** `() => f(x)` becomes `function* () { yield* Fiber.yield(); return yield* fOp(x); }`, with the same `this`. */
function beginWithTurn(context: FileContext, job: TS.ArrowFunction, body: TS.Expression, turn: string): void {
  const { edits, file } = context;
  const arrow = job.equalsGreaterThanToken;
  const opened = `{ ${turn}return yield* `;
  if (usesThis(job)) {
    const { parameter, call } = handingThis(context, job, body);
    edits.wrap(body.getStart(file), job.end, `(function* (${parameter}) ${opened}`, `; })${call}`);
    return;
  }
  const isPlain = /^\(\s*\)\s*=>\s*$/.test(file.text.slice(job.getStart(file), body.getStart(file)));
  if (isPlain) edits.replace(job.getStart(file), body.getStart(file), `function* () ${opened}`);
  else {
    edits.insertBefore(job.getStart(file), "function* ");
    edits.replace(arrow.getStart(file), arrow.end, opened.trimEnd());
  }
  edits.wrap(body.getStart(file), job.end, "", "; }");
}

/**
 * A limiter starts no job before the call has returned. Where that could be seen, the job begins with the statement that
 * gives others a turn.
 */
export function turnBefore(context: FileContext, job: TS.Node): string {
  const limited = context.limited.get(job);
  if (limited === undefined || context.suspension.hasWaited(limited.site)) return "";
  return `yield* ${context.imports.use("Fiber")}.yield(); `;
}
