// The error by which cancellation reaches fiber code.

import { show } from "./describe.js";
import { KIND, KnownError } from "./known-error.js";

/**
 * Thrown at the suspension points of a cancelled fiber. It is not a failure to report but a request to stop: catch it to clean up,
 * then throw it on. `reason` says why, and is the plain reason even through nested scopes.
 *
 * One object is shared by all fibers that one `cancel` call reaches.
 *
 * @example
 * try {
 *   yield* download(url);
 * } catch (error) {
 *   if (error instanceof Cancelled) log(`stopped: ${String(error.reason)}`);
 *   throw error;
 * }
 */
export class Cancelled extends KnownError {
  override readonly name = "Cancelled";
  readonly code = "CANCELLED";
  /** Why: the error or value that was given to `cancel` or `fail`. */
  readonly reason: unknown;

  constructor(reason: unknown) {
    // A cancellation is made for every lost race: no stack is collected for an error that nobody reports.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(show(reason), { cause: reason });
    Error.stackTraceLimit = limit;
    this.reason = reason;
  }

  /** @internal */
  get [KIND](): string {
    return "CANCELLED";
  }
}
