// A fiber's manners: giving others a turn, and asking whether it should stop.

import { requireFiber, runningFiber } from "./engine/drive.js";
import { Command, returning, yielding, type CallFrame, type FiberCore, type Step } from "./engine/fiber-core.js";
import { NotInFiberError } from "./engine/not-in-fiber.js";
import type { Instruction, Op } from "./engine/op.js";
import { WaitingPrimitive } from "./engine/primitive.js";
import { probe } from "./engine/probe.js";

/** What a fiber that yielded is resumed with; it tells the second call of the iterator from the first. */
const RESUMED = {};

/**
 * @internal Its own iterator, and without state, so that one serves all fibers: the fiber that is between the iterator's two steps,
 * and has not suspended yet, is known from `begun`.
 */
export class Yield extends Command implements CallFrame {
  private begun: FiberCore | undefined = undefined;

  [Symbol.iterator](): Iterator<Instruction, void, unknown> {
    return this as unknown as Iterator<Instruction, void, unknown>;
  }

  next(value?: unknown): Step {
    const fiber = runningFiber();
    if (value === RESUMED && fiber) {
      // Unlike a wait, which keeps what it was given, a yield has nothing to lose and checks again.
      const { interruption } = fiber.context;
      if (interruption) throw interruption;
      return returning(undefined);
    }
    // A second step without a suspension: something else than yield* iterates it.
    if (!fiber || this.begun === fiber) throw new NotInFiberError("Fiber.yield");
    this.begun = fiber;
    return yielding(this);
  }

  throw(error: unknown): never {
    throw error;
  }

  override isBegunBy(fiber: FiberCore): boolean {
    return this.begun === fiber;
  }

  perform(fiber: FiberCore): boolean {
    this.begun = undefined;
    const { queue } = fiber;
    queue.noteYield();
    if (fiber.interrupted()) return false;
    fiber.succeed(RESUMED);
    probe?.fiberSuspended(fiber, this);
    queue.push(fiber);
    return false;
  }

  describeWait(): string {
    return "Fiber.yield";
  }
}

const YIELD = /* @__PURE__ */ new Yield();
let makeYield: (() => Op<void>) | undefined;

/** @internal For debug mode, which wants to know whether each yield is run: from now on each is what `make` gives. */
export function makeYields(make: (() => Op<void>) | undefined): void {
  makeYield = make;
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
 * let sum = 0;
 * for (const row of rows) {
 *   sum += row;
 *   yield* Fiber.yield();
 * }
 */
export function yieldNow(): Op<void> {
  return makeYield ? makeYield() : YIELD;
}
export { yieldNow as yield };

/**
 * Throws if the current fiber has been cancelled: for long computations that do not suspend.
 *
 * @example
 * let sum = 0;
 * for (const row of rows) {
 *   Fiber.check();
 *   sum += row;
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
 * let sum = 0;
 * for (const row of rows) {
 *   if (Fiber.isCancelled()) return sum; // as far as we got
 *   sum += row;
 * }
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
 * yield* Fiber.forkDaemon(sw, function* () {
 *   try {
 *     yield* Fiber.awaitCancel();
 *   } finally {
 *     socket.close();
 *   }
 * });
 */
export function awaitCancel(): Op<never> {
  return new AwaitCancel();
}
