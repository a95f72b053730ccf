// Operations of Node that end in a callback and cannot be stopped.

import type { Op } from "../engine/op.js";
import { suspend } from "../engine/suspend.js";
import { fromSystemError } from "../io-error.js";

/** What Node calls when it is done. */
export type Done<T> = (error: unknown, value?: T) => void;

/**
 * Starts an operation of Node, and waits until it is over. In a cancelled context it is not started; once started it cannot be cancelled:
 * what it gives is given, and the cancellation is met at the next opportunity. So what was opened is never lost.
 *
 * @param errorFor  what the program is thrown for what Node reports. Default: that itself
 */
export function call<T>(
  label: string,
  start: (done: Done<T>) => void,
  errorFor: (error: unknown) => unknown = (error) => error,
): Op<T> {
  return suspend<T>(label, (_, enqueue) => {
    start((error, value) => {
      const failed = error !== null && error !== undefined;
      enqueue(failed ? { ok: false, error: errorFor(error) } : { ok: true, value: value as T });
    });
  });
}

/** {@link call}, for operations whose errors the program sees as they are: as an `IoError`. */
export function system<T>(label: string, start: (done: Done<T>) => void): Op<T> {
  return call(label, start, fromSystemError);
}

/** An `IoError` for what the system reported; what has no code of the system, such as a wrong argument or a cancellation, stays. */
export function translated(error: unknown): unknown {
  const { code } = error as { code?: unknown };
  const isOfSystem =
    error instanceof Error && typeof code === "string" && /^(E[A-Z0-9]+|ERR_ACCESS_DENIED)$/.test(code);
  return isOfSystem ? fromSystemError(error) : error;
}
