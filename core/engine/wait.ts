// Waiting for another world, as one object: what `suspend` does, for adapters that run often.

import type { Cancelled } from "./cancelled.js";
import type { FiberCore, Waiting } from "./fiber-core.js";
import { hostLoop } from "./host-loop.js";
import { Primitive } from "./primitive.js";
import { reportUnhandled } from "./unhandled.js";

/**
 * An op that suspends its fiber until `wake` is called: {@link suspend} for adapters that run often. One object is the op, its
 * registration and what the other side calls, so that a wait costs no closure. For authors of bridges.
 *
 * In a cancelled context nothing is registered, and the fiber gets `Cancelled` after the fibers already queued. A fiber that is
 * cancelled while it waits gets `Cancelled` at once, after `leave`; one that `enter` itself cancels, when `enter` has returned. If `enter`
 * throws, the op fails with that very error; if it had called `wake` before, that stands and the error is reported as unhandled.
 *
 * @example
 * class Tick extends Wait<number> {
 *   private timer: unknown;
 *   protected again() {
 *     return new Tick("tick");
 *   }
 *   protected enter() {
 *     this.timer = setTimeout(() => this.wake(42), 1);
 *   }
 *   protected leave() {
 *     clearTimeout(this.timer as number);
 *   }
 * }
 * yield* new Tick("tick"); // => 42
 *
 * @param called  what the fiber waits for, in reports
 */
export abstract class Wait<T> extends Primitive<T> implements Waiting {
  protected readonly called: string;
  /** `enter` is on the stack. */
  private entering = false;
  /** The cancellation that came while it was. */
  private pending: Cancelled | undefined = undefined;
  /** The result that {@link wakeWithin} brought while it was; the fiber goes on with it when `enter` has returned. */
  private within = false;

  constructor(called: string) {
    super();
    this.called = called;
  }

  /** Registers the wait: called when the fiber is suspended; may call `wake` at once. */
  protected abstract enter(): void;

  /** Takes the registration back: called inside the cancel call. What it throws goes to whoever cancelled. */
  protected abstract leave(): void;

  /** @internal */
  perform(fiber: FiberCore): boolean {
    if (fiber.interrupted()) return false;
    fiber.wait(this);
    this.entering = true;
    try {
      this.enter();
    } catch (error) {
      this.entering = false;
      if (fiber.unwait(this)) return fiber.fail(error);
      // The wait is over already: its result stands, and the error must not be lost.
      reportUnhandled(error);
      return this.within;
    }
    this.entering = false;
    if (this.within) return true;
    if (this.pending && fiber.waiting === this) this.giveUp(fiber, this.pending);
    return false;
  }

  /** @internal */
  cancelWait(fiber: FiberCore, error: Cancelled): void {
    if (this.entering) this.pending = error;
    else this.giveUp(fiber, error);
  }

  private giveUp(fiber: FiberCore, error: Cancelled): void {
    try {
      this.leave();
    } finally {
      fiber.settle(this, true, error);
    }
  }

  /** @internal */
  describeWait(): string {
    return this.called;
  }

  /**
   * Ends the wait with a value, or with an error when `failed`: the fiber goes to the tail of the run queue. Callable from anywhere, at
   * any time; the first call counts.
   *
   * @returns false when the wait was over already
   */
  wake(value: unknown, failed = false): boolean {
    if (this.pending) return false;
    return this.fiber!.settle(this, failed, value);
  }

  /** {@link wake}, and then {@link runReady}: for promise reactions, so that the fiber goes on in the same microtask. */
  wakeNow(value: unknown, failed = false): void {
    hostLoop.resume(this.fiber!, this, failed, value);
  }

  /**
   * {@link wake}, but the fiber does not go to the queue: it goes on inside this very call, whoever makes it and whichever fiber runs
   * now; if `enter` makes it, as soon as that has returned. For adapters that have to keep the order of plain calls.
   *
   * @returns false when the wait was over already
   */
  wakeWithin(value: unknown, failed = false): boolean {
    const fiber = this.fiber!;
    if (this.pending || !fiber.unwait(this)) return false;
    if (failed) fiber.fail(value);
    else fiber.succeed(value);
    if (this.entering) this.within = true;
    else fiber.queue.runNow(fiber);
    return true;
  }
}
