// The shape of a waiting operation: one object is at once the op, its iterator, its instruction and its place in a queue, so that a
// suspension costs one allocation.

import type { Cancelled } from "./cancelled.js";
import { runningFiber } from "./drive.js";
import { Command, returning, yielding, type CallFrame, type FiberCore, type Step, type Waiting } from "./fiber-core.js";
import { NotInFiberError } from "./not-in-fiber.js";
import type { Instruction, Op } from "./op.js";

/** An op that yields itself once. A subclass says in `perform` what happens then, and in `again` how to make another. */
export abstract class Primitive<T> extends Command implements Op<T>, CallFrame {
  /** The fiber that runs it; undefined until then. */
  protected fiber: FiberCore | undefined = undefined;

  /** What the user called, for messages. */
  protected abstract readonly called: string;
  /** A fresh op that does the same. */
  protected abstract again(): Primitive<T>;

  [Symbol.iterator](): Iterator<Instruction, T, unknown> {
    const iterator: Primitive<T> = this.fiber ? this.again() : this;
    return iterator as unknown as Iterator<Instruction, T, unknown>;
  }

  next(value?: unknown): Step {
    if (this.fiber) {
      this.checkOwner();
      return this.deliver(value);
    }
    const fiber = runningFiber();
    if (!fiber) throw new NotInFiberError(this.called);
    this.fiber = fiber;
    return this.begin();
  }

  throw(error: unknown): never {
    if (this.fiber) this.checkOwner();
    throw error;
  }

  /** The first step, before anything is yielded: operations that need not wait give their result here. */
  protected begin(): Step {
    return yielding(this);
  }

  /** The last step: what the fiber was resumed with becomes the result. */
  protected deliver(value: unknown): Step {
    return returning(value);
  }

  /** Whether somebody has run it; for debug mode. */
  get wasRun(): boolean {
    return this.fiber !== undefined;
  }

  override isBegunBy(fiber: FiberCore): boolean {
    return this.fiber === fiber;
  }

  /** An op goes on only in the fiber that ran it: else a generator is shared, or foreign code iterates it. */
  private checkOwner(): void {
    if (runningFiber() === this.fiber) return;
    const owner = this.fiber!.describe();
    throw new Error(`this generator is already owned by ${owner}: give each fiber its own, as in () => work()`);
  }
}

/** A primitive that suspends its fiber until somebody settles it. */
export abstract class WaitingPrimitive<T> extends Primitive<T> implements Waiting {
  perform(fiber: FiberCore): boolean {
    this.fiber = fiber;
    if (fiber.interrupted()) return false;
    fiber.wait(this);
    this.enter();
    return false;
  }

  cancelWait(fiber: FiberCore, error: Cancelled): void {
    this.leave();
    fiber.settle(this, true, error);
  }

  describeWait(): string {
    return this.called;
  }

  /** Resumes the fiber with a result, or with an error when `failed`; false when it was cancelled first. */
  wake(value: unknown, failed = false): boolean {
    return this.fiber!.settle(this, failed, value);
  }

  /** Registers the wait. */
  protected abstract enter(): void;
  /** Unregisters it. */
  protected abstract leave(): void;
}
