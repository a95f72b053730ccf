// What cancellation looks like to code that knows nothing of fibers.

import { Cancelled } from "trestle";

/**
 * The error by which a cancelled fiber shows itself to foreign code: shaped as the platform's own, so that code that tests for
 * `error.name === "AbortError"` goes on working. `cause` is the reason of the cancellation.
 *
 * @example
 * const signal = yield* Cancel.sub(function* (cc) {
 *   const inside = yield* cancelSignal();
 *   cc.cancel(new Error("too late"));
 *   return inside;
 * });
 * signal.reason instanceof AbortError; // => true
 * signal.reason.cause; // => Error: too late
 */
export class AbortError extends Error {
  override readonly name = "AbortError";
  readonly code = "ABORT_ERR";

  constructor(reason: unknown) {
    super("The operation was aborted", { cause: reason });
  }
}

const known = new WeakMap<Cancelled, AbortError>();

/** The foreign face of a cancellation: one object for one cancellation, at however many borders it shows. */
export function abortErrorOf(cancelled: Cancelled): AbortError {
  let error = known.get(cancelled);
  if (!error) known.set(cancelled, (error = new AbortError(cancelled.reason)));
  return error;
}

/** Whether `error`, seen after `cancelled` was announced, merely says that the announcement was heeded. */
export function isEcho(error: unknown, cancelled: Cancelled): boolean {
  if (error instanceof Cancelled || error === cancelled.reason) return true;
  if (typeof error !== "object" || error === null) return false;
  const { name, code } = error as { name?: unknown; code?: unknown };
  return name === "AbortError" || code === "ABORT_ERR";
}
