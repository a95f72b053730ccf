// Counting permits, handed over directly to the fiber that has waited longest.

import { expectBody, refuse } from "./engine/describe.js";
import { Frame, returning, yielding, type FiberCore, type Step } from "./engine/fiber-core.js";
import { mintId } from "./engine/ids.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Body, Op } from "./engine/op.js";
import { Primitive } from "./engine/primitive.js";
import { probe } from "./engine/probe.js";
import { Waiter, Waiters } from "./engine/waiters.js";

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
  // Positive only while nobody waits: a released permit goes to a waiter, if there is one.
  private permits: number;
  private readonly waiters = new Waiters();

  /**
   * @param n  how many permits there are at first; 0 is allowed
   * @throws InvalidArgument when `n` is negative
   */
  constructor(n: number) {
    if (typeof n !== "number" || !Number.isInteger(n)) refuse("new Semaphore", "n", "an integer", n);
    if (n < 0) throw new InvalidArgument("n < 0");
    this.permits = n;
    probe?.objectCreated(this, "Semaphore");
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
   * Runs `body` with a permit, which is given back however `body` ends.
   *
   * @example
   * yield* slots.use(() => work());
   */
  use<T>(body: Body<T>): Op<T> {
    expectBody("Semaphore.use", "body", body);
    return new Use<T>(this, body);
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

class Acquire extends Waiter<void> {
  private readonly semaphore: Semaphore;

  constructor(semaphore: Semaphore) {
    super();
    this.semaphore = semaphore;
  }

  protected get called(): string {
    return "Semaphore.acquire";
  }

  protected again(): Acquire {
    return new Acquire(this.semaphore);
  }

  protected get waiters(): Waiters {
    return this.semaphore.queue;
  }

  protected override begin(): Step {
    return this.semaphore.take() ? this.deliver() : yielding(this);
  }

  protected override deliver(): Step {
    probe?.get(this.semaphore);
    return returning(undefined);
  }

  protected override enter(): void {
    probe?.tryGet(this.semaphore);
    super.enter();
  }
}

class Use<T> extends Primitive<T> {
  private readonly semaphore: Semaphore;
  private readonly body: Body<T>;

  constructor(semaphore: Semaphore, body: Body<T>) {
    super();
    this.semaphore = semaphore;
    this.body = body;
  }

  protected get called(): string {
    return "Semaphore.use";
  }

  protected again(): Use<T> {
    return new Use(this.semaphore, this.body);
  }

  perform(fiber: FiberCore): boolean {
    const frame = new UseFrame(this.semaphore, this.body);
    fiber.pushFrame(frame);
    fiber.succeed(undefined);
    return this.semaphore.take() || new Acquire(this.semaphore).perform(fiber);
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
