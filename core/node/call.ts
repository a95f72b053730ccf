// Operations of Node that end in a callback and cannot be stopped.

import type { Op } from "../engine/op.js";
import { suspend } from "../engine/suspend.js";

/** What Node calls when it is done. */
export type Done<T> = (error: unknown, value?: T) => void;

/**
 * Starts an operation of Node, and waits until it is over. In a cancelled context it is not started; once started it cannot be cancelled:
 * what it gives is given, and the cancellation is met at the next opportunity. So what was opened is never lost.
 */
export function call<T>(label: string, start: (done: Done<T>) => void): Op<T> {
  return suspend<T>(label, (_, enqueue) => {
    start((error, value) => {
      enqueue(error === null || error === undefined ? { ok: true, value: value as T } : { ok: false, error });
    });
  });
}
