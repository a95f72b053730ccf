/** Writes the wait for a promise that RxJS made of an observable as the wait for the observable. */
import type { Analysis } from "../analyse/decide.js";
import { enclosingScope } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import { commentsIn, joinComments } from "../rewrite/comments.js";
import type { FileContext } from "../rewrite/context.js";
import { observableWait, type ObservableWait } from "./waits.js";

/** The wait that an operand is, or why it stays a promise; undefined for what is no such promise. */
export function observableWaitIn(
  context: FileContext,
  operand: TS.Expression,
): ObservableWait | { readonly refused: Reason } | undefined {
  const wait = observableWait(operand, context.analysis.checker);
  if (wait === undefined || "refused" in wait) return wait;
  const scope = enclosingScope(wait.call);
  const owner = scope === undefined ? undefined : context.analysis.byNode.get(scope);
  // What did not type-check the first time stays a promise.
  if (owner !== undefined && context.spelledOut.has(owner)) {
    return { refused: { code: "TR1501", message: "the types of its observable are those of a promise" } };
  }
  if (wait.empty === "error" && tellsEmptiness(context.analysis)) {
    const message = "the error for an observable without values is known by its class, which is that of RxJS";
    return { refused: { code: "TR1504", message } };
  }
  return wait;
}

const tellers = new WeakMap<Analysis, boolean>();

/** Whether the program or its tests name the error of RxJS, whose namesake here is another class. */
function tellsEmptiness(analysis: Analysis): boolean {
  let known = tellers.get(analysis);
  if (known === undefined) {
    const { observed, project } = analysis;
    known = observed.words.has("EmptyError") || project.sources.some(({ text }) => /\bEmptyError\b/.test(text));
    tellers.set(analysis, known);
  }
  return known;
}

export function rewriteObservableWait(context: FileContext, wait: ObservableWait): void {
  const { edits, file } = context;
  const { call, empty, identifier, take } = wait;
  const name = context.imports.use(take);
  if (identifier !== undefined) {
    nameAnew(context, call.expression, name);
    context.retire(identifier);
    if (typeof empty === "object") {
      const key = empty.name;
      edits.replace(
        key.getStart(file),
        key.end,
        ts.isPropertyAssignment(empty) ? "default" : `default: ${key.getText(file)}`,
      );
    }
  } else {
    const access = call.expression as TS.PropertyAccessExpression;
    const dot = access.getChildren(file).find((child) => child.kind === ts.SyntaxKind.DotToken) ?? access.name;
    edits.wrap(access.expression.getStart(file), access.expression.end, `${name}(`, "");
    edits.remove(dot.getStart(file), dot.end);
    const comments = joinComments(commentsIn(file, access.name.end, call.end), context.style.eol);
    edits.replace(access.name.getStart(file), call.end, `${comments}, { default: ${nothing(context, call)} })`);
  }
  context.record({ pattern: wait.pattern, kind: "observable", disposition: "rewrite", reasons: [] }, call);
}

/** `Rx.firstValueFrom` becomes `firstOf`, a token at a time where comments stand between. */
function nameAnew({ edits, file }: FileContext, callee: TS.Expression, name: string): void {
  if (!ts.isPropertyAccessExpression(callee)) {
    edits.replace(callee.getStart(file), callee.end, name);
    return;
  }
  const dot = callee.getChildren(file).find((child) => child.kind === ts.SyntaxKind.DotToken);
  edits.remove(callee.expression.getStart(file), callee.expression.end);
  if (dot !== undefined) edits.remove(dot.getStart(file), dot.end);
  edits.replace(callee.name.getStart(file), callee.name.end, name);
}

/** RxJS 6 leaves out of the type that there may be no value. */
function nothing(context: FileContext, call: TS.CallExpression): string {
  const { checker, project } = context.analysis;
  const type = checker.getAwaitedType(checker.getTypeAtLocation(call));
  const members = type === undefined ? [] : type.isUnion() ? type.types : [type];
  const isTold = members.some(({ flags }) => (flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) !== 0);
  const { strict, strictNullChecks = strict } = project.options;
  return context.isTypeScript && !isTold && strictNullChecks === true ? "undefined as never" : "undefined";
}
