/** The functions that are given to `subscribe`. */
import { ts, type TS } from "../compiler.js";
import { isObservable } from "./names.js";

/** The observable of RxJS that a call subscribes to. */
export function subscribedSource(call: TS.CallExpression, checker: TS.TypeChecker): TS.Expression | undefined {
  const access = call.expression;
  return ts.isPropertyAccessExpression(access) &&
    access.questionDotToken === undefined &&
    access.name.text === "subscribe" &&
    isObservable(access.expression, checker)
    ? access.expression
    : undefined;
}

/** Which part of an observer a function is, by where its name stands: `o.subscribe({ error: reject })`. */
export function observerPart(name: TS.Identifier, checker: TS.TypeChecker): "next" | "error" | "complete" | undefined {
  const { parent } = name;
  if (ts.isCallExpression(parent) && subscribedSource(parent, checker) !== undefined) {
    return (["next", "error", "complete"] as const)[parent.arguments.indexOf(name)];
  }
  if (!ts.isPropertyAssignment(parent) || parent.initializer !== name || !ts.isIdentifier(parent.name))
    return undefined;
  const call = parent.parent.parent;
  if (
    !ts.isCallExpression(call) ||
    call.arguments[0] !== parent.parent ||
    subscribedSource(call, checker) === undefined
  ) {
    return undefined;
  }
  const part = parent.name.text;
  return part === "next" || part === "error" || part === "complete" ? part : undefined;
}
