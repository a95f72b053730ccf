// The error of fiber code that runs where no fiber is.

import { isOtherCopyRunning, otherCopies } from "./copies.js";
import { KIND, KnownError } from "./known-error.js";

/**
 * Thrown by everything that needs a current fiber when it is called from a plain callback, a timer or a module's top level, and by
 * an op that foreign code iterates (`for..of`, spread).
 *
 * @example
 * setTimeout(() => {
 *   Fiber.check(); // throws NotInFiberError: Fiber.check needs a current fiber...
 * });
 */
export class NotInFiberError extends KnownError {
  override readonly name = "NotInFiberError";
  readonly code = "NOT_IN_FIBER";

  /** @param what  the function that was called, as its user wrote it */
  constructor(what: string) {
    super(
      isOtherCopyRunning()
        ? `${what} needs a current fiber, and the one that is running belongs to another copy of trestle: ${otherCopies()}`
        : `${what} needs a current fiber, and no fiber is running here: run it with yield* in a fiber function, ` +
            "or enter one with run or toPromise",
    );
  }

  /** @internal */
  get [KIND](): string {
    return "NOT_IN_FIBER";
  }
}
