// The error of a program that is started inside another one.

import { runningFiber } from "./drive.js";
import { InvalidArgument } from "./invalid-argument.js";

/**
 * `run` was called inside a fiber. A program is entered once, from outside: in a fiber function, `yield*` the body instead; to start
 * something that runs on its own, use `toPromise`. Two calls side by side, from ordinary code, are fine.
 *
 * @example
 * await run(function* () {
 *   run(work); // throws NestedRunError
 *   yield* work(); // right
 * });
 */
export class NestedRunError extends InvalidArgument {
  override readonly name = "NestedRunError";
  override readonly code = "NESTED_RUN";

  /** @param where  the function that was called, as its user wrote it */
  constructor(where: string, inside: string) {
    super(
      `${where}: called inside ${inside}; a program is entered once, from outside: yield* the body instead, ` +
        "or start it apart with toPromise",
    );
  }
}

/** The check of an entry point. */
export function expectNoFiber(where: string): void {
  const fiber = runningFiber();
  if (fiber) throw new NestedRunError(where, fiber.describe());
}
