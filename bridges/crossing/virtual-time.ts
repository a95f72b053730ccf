// Promises in virtual time, where no microtask ever comes: a wait for one would last for ever.

/** How deep in actions of a scheduler that was told to be strict. */
let strict = 0;

/**
 * A fiber waits for a promise in the virtual time of a scheduler, where promises do not settle. Give it an op, or an observable of that
 * scheduler, in place of what makes the promise.
 *
 * @example
 * const isRealPromise = (error: { code?: string }) => error.code === "REAL_PROMISE";
 * isRealPromise({ code: "REAL_PROMISE" }); // => true
 */
export class RealPromiseError extends Error {
  override readonly name = "RealPromiseError";
  readonly code = "REAL_PROMISE";

  constructor(called: string) {
    super(
      `${called}: a real promise under virtual time: it does not settle before the scheduler has run, so the fiber would wait for ever; ` +
        "put an op, or an observable of that scheduler, in place of what makes the promise",
    );
  }
}

/** Runs an action of a scheduler in whose time promises are refused. */
export function inStrictTime(action: () => void): void {
  strict++;
  try {
    action();
  } finally {
    strict--;
  }
}

/** @throws RealPromiseError where a promise is not to be waited for */
export function expectRealTime(called: string): void {
  if (strict > 0) throw new RealPromiseError(called);
}
