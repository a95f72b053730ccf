// Counting permits, handed over directly to the fiber that has waited longest.

import { block } from "./engine/block.js";
import { expectBody, expectOptions, refuse } from "./engine/describe.js";
import { dispose } from "./engine/disposable.js";
import { Frame, returning, yielding, type FiberCore, type Step } from "./engine/fiber-core.js";
import { mintId } from "./engine/ids.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Body, Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { Waiter, Waiters } from "./engine/waiters.js";

/** The options of {@link Semaphore}. */
export interface SemaphoreOptions {
  /** Shown in reports. */
  name?: string;
}

/**
 * A number of permits. `acquire` takes one, waiting if there is none; `release` gives one back, to the fiber that has waited longest
 * if there is one: nobody can overtake it.
 *
 * @example
 * const connections = new Semaphore(4);
 * const page = yield* connections.use(() => download(url));
 */
export class Semaphore {
  /** Unique in its scheduler. */
  readonly id: number = mintId();
  readonly name: string | undefined;
  // Positive only while nobody waits: a released permit goes to a waiter, if there is one.
  private permits: number;
  private readonly waiters = new Waiters();

  /**
   * @param n  how many permits there are at first; 0 is allowed
   * @param options  a name, for reports
   * @throws InvalidArgument when `n` is negative
   */
  constructor(n: number, options?: SemaphoreOptions) {
    if (typeof n !== "number" || !Number.isInteger(n)) refuse("new Semaphore", "n", "an integer", n);
    if (n < 0) throw new InvalidArgument("n < 0");
    expectOptions("new Semaphore", options);
    this.permits = n;
    this.name = options?.name;
    probe?.objectCreated(this, "Semaphore", this.name);
  }

  /**
   * Takes a permit. If there is one, neither switches fibers nor checks cancellation; else waits for one, a cancellation point. A
   * fiber that was given a permit and then cancelled has it all the same.
   *
   * @example
   * yield* slots.acquire();
   * try {
   *   yield* work();
   * } finally {
   *   slots.release();
   * }
   */
  acquire(): Op<void> {
    return new Acquire(this);
  }

  /** Takes a permit if there is one; whether there was. */
  tryAcquire(): boolean {
    if (!this.take()) return false;
    probe?.get(this);
    return true;
  }

  /** Gives a permit back, or adds one. Wakes the fiber that has waited longest. Callable from anywhere. */
  release(): void {
    probe?.put(this);
    if (!this.waiters.wakeOne(undefined)) this.permits++;
  }

  /**
   * {@link acquire} for a block with `using`: gives the permit as an object that is released at the end of the block, however that
   * ends.
   *
   * @example
   * using permit = yield* slots.hold();
   * yield* work(); // the permit is given back at the end of the block
   */
  hold(): Op<Permit> {
    return new Hold(this);
  }

  /**
   * {@link hold} that does not wait: undefined when no permit is left, which `using` takes as well. Callable from anywhere.
   *
   * @example
   * using permit = slots.tryHold();
   * if (!permit) return "busy";
   */
  tryHold(): Permit | undefined {
    return this.tryAcquire() ? new Permit(this) : undefined;
  }

  /**
   * Runs `body` with a permit, which is given back however `body` ends.
   *
   * @example
   * yield* slots.use(() => work());
   */
  use<T>(body: Body<T>): Op<T> {
    expectBody("Semaphore.use", "body", body);
    return block("Semaphore.use", (fiber) => {
      fiber.pushFrame(new UseFrame(this, body));
      fiber.succeed(undefined);
      return this.take() || new Acquire(this).perform(fiber);
    });
  }

  /** The permits left; never negative, however many fibers wait. */
  getValue(): number {
    return this.permits;
  }

  /** The permits left; the same as {@link getValue}. */
  get value(): number {
    return this.permits;
  }

  /** @internal */
  take(): boolean {
    if (this.permits === 0) return false;
    this.permits--;
    return true;
  }

  /** @internal */
  get queue(): Waiters {
    return this.waiters;
  }
}

/** A permit that is held until its block ends; made by {@link Semaphore.hold}. */
export class Permit {
  private semaphore: Semaphore | undefined;

  /** @internal */
  constructor(semaphore: Semaphore) {
    this.semaphore = semaphore;
  }

  /** Gives the permit back before the block ends. Does nothing the second time. */
  release(): void {
    const { semaphore } = this;
    this.semaphore = undefined;
    semaphore?.release();
  }

  /** {@link release}, for `using`. */
  [dispose](): void {
    this.release();
  }
}

/** The wait for a permit. */
abstract class Acquiring<T> extends Waiter<T> {
  protected readonly semaphore: Semaphore;

  constructor(semaphore: Semaphore) {
    super();
    this.semaphore = semaphore;
  }

  protected get waiters(): Waiters {
    return this.semaphore.queue;
  }

  protected override begin(): Step {
    return this.semaphore.take() ? this.deliver() : yielding(this);
  }

  protected override deliver(): Step {
    probe?.get(this.semaphore);
    return returning(this.result());
  }

  /** What whoever acquired the permit is given. */
  protected abstract result(): T;

  protected override enter(): void {
    probe?.tryGet(this.semaphore);
    super.enter();
  }

  override describeWait(): string {
    const { name } = this.semaphore;
    return name === undefined ? this.called : `Semaphore ${JSON.stringify(name)}`;
  }
}

class Acquire extends Acquiring<void> {
  protected get called(): string {
    return "Semaphore.acquire";
  }

  protected again(): Acquire {
    return new Acquire(this.semaphore);
  }

  protected result(): void {}
}

class Hold extends Acquiring<Permit> {
  protected get called(): string {
    return "Semaphore.hold";
  }

  protected again(): Hold {
    return new Hold(this.semaphore);
  }

  protected result(): Permit {
    return new Permit(this.semaphore);
  }
}

/** Entered with the permit, or with the error that kept us from it. */
class UseFrame extends Frame {
  private readonly semaphore: Semaphore;
  private readonly body: Body<unknown>;
  private acquired = false;

  constructor(semaphore: Semaphore, body: Body<unknown>) {
    super();
    this.semaphore = semaphore;
    this.body = body;
  }

  next(value: unknown): Step {
    if (!this.acquired) {
      this.acquired = true;
      probe?.get(this.semaphore);
      return yielding(this);
    }
    this.semaphore.release();
    return returning(value);
  }

  throw(error: unknown): never {
    if (this.acquired) this.semaphore.release();
    throw error;
  }

  override perform(fiber: FiberCore): boolean {
    return fiber.call(this.body, undefined);
  }

  override describeFrame(): string {
    return "Semaphore.use";
  }
}
