// How an op is told from other values.

import { currentFiber, NotInFiberError, type FiberHandle, type Op } from "trestle";

export { Recipe } from "trestle";

// Global symbols: another copy of the package recognises our ops.
const INSTRUCTION = Symbol.for("trestle.instruction");
const RECIPE = Symbol.for("trestle.recipe");

/** Whether `value` is an op: one of the library, or a generator object. */
export function isOp(value: unknown): value is Op<unknown> {
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) return false;
  if (INSTRUCTION in value || RECIPE in value) return true;
  const { next, throw: raise } = value as { next?: unknown; throw?: unknown };
  return typeof next === "function" && typeof raise === "function";
}

/** Whether `value` is to be waited for. Does not read `then`, which may be a getter and is read exactly once, later. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === "object" && value !== null) || typeof value === "function") && "then" in value;
}

/** The fiber that runs now; `what` names the caller in the error. */
export function requireFiber(what: string): FiberHandle {
  try {
    return currentFiber();
  } catch {
    throw new NotInFiberError(what);
  }
}
