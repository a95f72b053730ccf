/** The functions that are given to `subscribe`. */
import { ts, type TS } from "../compiler.js";
import { isObservable } from "./names.js";

/** Whether a call subscribes to an observable of RxJS. */
export function subscribesOnly(call: TS.CallExpression, checker: TS.TypeChecker): boolean {
  const access = call.expression;
  return (
    ts.isPropertyAccessExpression(access) &&
    access.questionDotToken === undefined &&
    access.name.text === "subscribe" &&
    isObservable(access.expression, checker)
  );
}

/** Which part of an observer a function is, by where its name stands: `o.subscribe({ error: reject })`. */
export function observerPart(name: TS.Identifier, checker: TS.TypeChecker): "next" | "error" | "complete" | undefined {
  const { parent } = name;
  if (ts.isCallExpression(parent) && subscribesOnly(parent, checker)) {
    return (["next", "error", "complete"] as const)[parent.arguments.indexOf(name)];
  }
  if (!ts.isPropertyAssignment(parent) || parent.initializer !== name || !ts.isIdentifier(parent.name))
    return undefined;
  const call = parent.parent.parent;
  if (!ts.isCallExpression(call) || call.arguments[0] !== parent.parent || !subscribesOnly(call, checker)) {
    return undefined;
  }
  const part = parent.name.text;
  return part === "next" || part === "error" || part === "complete" ? part : undefined;
}
