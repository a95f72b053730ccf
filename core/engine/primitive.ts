// The shape of a waiting operation: one object is at once the op, its iterator, its iterator result and its instruction, so that a
// suspension costs one allocation.

import { runningFiber } from "./current.js";
import type { Cancelled } from "./cancelled.js";
import { Command, type FiberCore, type Waiting } from "./fiber-core.js";
import { NotInFiberError } from "./not-in-fiber.js";
import type { Instruction, Op } from "./op.js";

const FRESH = 0;
const ITERATED = 1;
const YIELDED = 2;

/** An op that yields itself once. A subclass says in `perform` what happens then, and in `again` how to make another. */
export abstract class Primitive<T> extends Command implements Op<T> {
  done = false;
  value: unknown = this;
  private state = FRESH;
  /** The fiber that performed it. */
  protected fiber: FiberCore | undefined = undefined;

  /** What the user called, for messages. */
  protected abstract readonly called: string;
  /** A fresh op that does the same. */
  protected abstract again(): Primitive<T>;

  [Symbol.iterator](): Iterator<Instruction, T, unknown> {
    if (this.state !== FRESH) return this.again()[Symbol.iterator]();
    this.state = ITERATED;
    return this as unknown as Iterator<Instruction, T, unknown>;
  }

  next(value?: unknown): this {
    if (this.state === YIELDED) {
      this.checkOwner();
      return this.deliver(value);
    }
    const fiber = runningFiber();
    if (!fiber) throw new NotInFiberError(this.called);
    this.state = YIELDED;
    this.fiber = fiber;
    return this.begin(fiber);
  }

  throw(error: unknown): never {
    if (this.state === YIELDED) this.checkOwner();
    throw error;
  }

  /** The first step, before anything is yielded: operations that need not wait `finish` here. */
  protected begin(_fiber: FiberCore): this {
    return this;
  }

  /** The last step: what the fiber was resumed with becomes the result. */
  protected deliver(value: unknown): this {
    return this.finish(value);
  }

  protected finish(value: unknown): this {
    this.done = true;
    this.value = value;
    return this;
  }

  /** An op goes on only in the fiber that ran it: else a generator is shared, or foreign code iterates it. */
  private checkOwner(): void {
    if (runningFiber() === this.fiber) return;
    throw new Error(
      `this generator is already owned by ${this.fiber!.describe()}: give each fiber its own, as in () => work()`,
    );
  }
}

/** A primitive that suspends its fiber until somebody settles it. */
export abstract class WaitingPrimitive<T> extends Primitive<T> implements Waiting {
  perform(fiber: FiberCore): boolean {
    if (fiber.interrupted()) return false;
    this.fiber = fiber;
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

  /** Resumes the fiber; false when it was cancelled first. */
  wake(value: unknown): boolean {
    return this.fiber!.settle(this, false, value);
  }

  /** Registers the wait. */
  protected abstract enter(): void;
  /** Unregisters it. */
  protected abstract leave(): void;
}
