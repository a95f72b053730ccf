// A fiber's manners: giving others a turn, and asking whether it should stop.

import { requireFiber } from "./engine/current.js";
import type { FiberCore } from "./engine/fiber-core.js";
import type { Op } from "./engine/op.js";
import { Primitive, WaitingPrimitive } from "./engine/primitive.js";

class Yield extends Primitive<void> {
  protected get called(): string {
    return "Fiber.yield";
  }

  protected again(): Yield {
    return new Yield();
  }

  perform(fiber: FiberCore): boolean {
    fiber.queue.noteYield();
    if (fiber.interrupted()) return false;
    fiber.succeed(undefined);
    fiber.queue.push(fiber);
    return false;
  }

  /** Unlike a wait, which keeps what it was given, a yield has nothing to lose and checks again. */
  protected override deliver(): this {
    const { interruption } = this.fiber!.context;
    if (interruption) throw interruption;
    return this.finish(undefined);
  }
}

class AwaitCancel extends WaitingPrimitive<never> {
  protected get called(): string {
    return "Fiber.awaitCancel";
  }

  protected again(): AwaitCancel {
    return new AwaitCancel();
  }

  protected enter(): void {}
  protected leave(): void {}
}

/**
 * Lets every fiber that can run now run before the caller goes on; other microtasks get their turn too. A cancellation point, before
 * and after. Written `yield* Fiber.yield()`; `yieldNow` is the same under a name that can be imported alone.
 *
 * @example
 * for (const row of rows) {
 *   index(row);
 *   yield* Fiber.yield();
 * }
 */
export function yieldNow(): Op<void> {
  return new Yield();
}
export { yieldNow as yield };

/**
 * Throws if the current fiber has been cancelled: for long computations that do not suspend.
 *
 * @example
 * for (const row of rows) {
 *   Fiber.check();
 *   index(row);
 * }
 *
 * @throws Cancelled in a cancelled context
 * @throws NotInFiberError outside of fibers
 */
export function check(): void {
  const { interruption } = requireFiber("Fiber.check").context;
  if (interruption) throw interruption;
}

/**
 * Whether the current fiber has been cancelled: whether {@link check} would throw. This tells a fiber's own cancellation from a
 * `Cancelled` that it was merely handed, as by a cell that holds one.
 *
 * @example
 * if (Fiber.isCancelled()) return partialResult;
 *
 * @throws NotInFiberError outside of fibers
 */
export function isCancelled(): boolean {
  return requireFiber("Fiber.isCancelled").context.interruption !== undefined;
}

/**
 * Waits until the fiber is cancelled, then throws that `Cancelled`; it never returns. A cancellation point.
 *
 * @example
 * const server = listen(port);
 * try {
 *   yield* Fiber.awaitCancel();
 * } finally {
 *   server.close();
 * }
 */
export function awaitCancel(): Op<never> {
  return new AwaitCancel();
}
