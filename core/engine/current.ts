// The fiber that is running now, for synchronous functions that need it.

import type { FiberCore, FiberHandle } from "./fiber-core.js";
import { NotInFiberError } from "./not-in-fiber.js";

let current: FiberCore | undefined;

/** Makes `fiber` the current one and gives back the one that was, which the caller restores when the step is over. */
export function swapCurrent(fiber: FiberCore | undefined): FiberCore | undefined {
  const previous = current;
  current = fiber;
  return previous;
}

/** The running fiber, or undefined in foreign code. */
export function runningFiber(): FiberCore | undefined {
  return current;
}

/** The running fiber. `what` names the caller in the error. */
export function requireFiber(what: string): FiberCore {
  if (!current) throw new NotInFiberError(what);
  return current;
}

/**
 * The fiber whose code is running now.
 *
 * @example
 * const { id, name } = currentFiber();
 *
 * @throws NotInFiberError  outside of fibers, as in timers, promise callbacks and event listeners
 */
export function currentFiber(): FiberHandle {
  return requireFiber("currentFiber");
}
