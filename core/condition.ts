// Waiting until something may have changed: fibers wait, a broadcast wakes all of them.

import type { Cancelled } from "./engine/cancelled.js";
import { block } from "./engine/block.js";
import { expectBody, expectFunction, expectOptions, refuse } from "./engine/describe.js";
import { dispose } from "./engine/disposable.js";
import { Frame, returning, yielding, type FiberCore, type Step, type Waiting } from "./engine/fiber-core.js";
import { mintId } from "./engine/ids.js";
import { Failures } from "./engine/multiple.js";
import type { Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { Waiter, Waiters, type Queued } from "./engine/waiters.js";
import { Locking, Mutex } from "./mutex.js";

/** The options of {@link Condition}. */
export interface ConditionOptions {
  /** Shown in reports. */
  name?: string;
}

/**
 * Lets fibers wait until something has changed. Whoever changes it calls `broadcast`, which wakes all who wait; each looks for itself
 * whether the change is the one it waits for. A broadcast is not remembered: only those who wait already are woken.
 *
 * Between two `yield*` nothing changes, so `awaitNoMutex` after a look at plain variables misses nothing. When looking takes several
 * waits, guard what you look at with a {@link Mutex} and use `await`, or use `loopNoMutex`.
 *
 * @example
 * const changed = new Condition();
 * let left = 2;
 * yield* Fiber.both(
 *   function* () {
 *     while (left > 0) yield* changed.awaitNoMutex();
 *   },
 *   function* () {
 *     left = 0;
 *     changed.broadcast();
 *   },
 * );
 */
export class Condition {
  /** Unique in its scheduler. */
  readonly id: number = mintId();
  readonly name: string | undefined;
  private readonly waiters = new Waiters();
  /** The number of broadcasts so far: a broadcast wakes those who came before it, and not those who come while it runs. */
  private broadcasts = 0;

  /** @param options  a name, for reports */
  constructor(options?: ConditionOptions) {
    expectOptions("new Condition", options);
    this.name = options?.name;
    probe?.objectCreated(this, "Condition", this.name);
  }

  /**
   * Gives `mutex` back, waits for a broadcast, and takes `mutex` again. The fiber waits before anybody else can have the mutex, so no
   * broadcast is missed. A cancellation point; however it ends, the caller holds the mutex again, and the wait for that cannot be
   * cancelled.
   *
   * @example
   * yield* mutex.useRw(function* () {
   *   while (!(yield* isAlive(url))) yield* changed.await(mutex);
   *   yield* work();
   * });
   *
   * @param mutex  the caller must hold it
   * @throws SysError when `mutex` is not locked; that poisons it
   * @throws Poisoned when `mutex` is poisoned, now or meanwhile; nobody holds it then
   */
  await(mutex: Mutex): Op<void> {
    if (!(mutex instanceof Mutex)) refuse("Condition.await", "mutex", "a Mutex", mutex);
    return block("Condition.await", (fiber) => {
      // Throws, and says why.
      if (!mutex.isLocked()) return fiber.call(() => mutex.unlock(), undefined);
      fiber.pushFrame(new AwaitFrame(this, mutex));
      // In a cancelled context this queues the fiber with the error; the mutex is given back, and taken again, all the same.
      new Await(this, "Condition.await").perform(fiber);
      mutex.unlock();
      return false;
    });
  }

  /**
   * Waits for a broadcast. A cancellation point; a fiber that was woken and then cancelled returns all the same. Fibers are woken in
   * the order in which they began to wait.
   *
   * @example
   * let ready = false;
   * yield* Fiber.fork(sw, function* () {
   *   while (!ready) yield* changed.awaitNoMutex();
   * });
   * ready = true;
   * changed.broadcast();
   */
  awaitNoMutex(): Op<void> {
    return new Await(this, "Condition.awaitNoMutex");
  }

  /**
   * Runs `update` until it gives a value, and gives that: at once, and again after each broadcast. A broadcast that comes while
   * `update` runs is not lost: `update` then runs once more, however many there were. So `update` may wait, without a mutex, between
   * looking at several things.
   *
   * Cancellation point while waiting in `update`, and whenever it has given nothing.
   *
   * @example
   * const free: string[] = [];
   * yield* Fiber.fork(sw, function* () {
   *   yield* Fiber.yield();
   *   free.push("slot 1");
   *   changed.broadcast();
   * });
   * yield* changed.loopNoMutex(function* () {
   *   return free.pop(); // undefined: wait for a broadcast, and look again
   * }); // => "slot 1"
   *
   * @param update  gives undefined to wait for another broadcast
   * @throws the failure of `update`, unchanged
   */
  loopNoMutex<T>(update: () => Op<T | undefined>): Op<T> {
    expectBody("Condition.loopNoMutex", "update", update);
    return block("Condition.loopNoMutex", (fiber) => {
      const frame = new LoopFrame(fiber, this, update);
      fiber.pushFrame(frame);
      return frame.perform(fiber);
    });
  }

  /**
   * Wakes all fibers that wait now, in the order in which they began to wait; they run after the caller has suspended or returned.
   * Callbacks of {@link registerImmediate} are called in their turn, before this returns. Callable from anywhere.
   *
   * @example
   * stopButton.onclick = () => changed.broadcast();
   *
   * @throws what callbacks threw, combined, after all have been woken
   */
  broadcast(): void {
    const { waiters } = this;
    const present = this.broadcasts++;
    probe?.put(this);
    const failures = new Failures();
    for (let first = waiters.first; first && (first as Present).since <= present; first = waiters.first) {
      waiters.remove(first);
      try {
        first.wake(undefined);
      } catch (error) {
        failures.add(error);
      }
    }
    if (!failures.none) throw failures.error;
  }

  /**
   * Has `fn` called by the next broadcast, once, synchronously and in turn with the fibers that wait. For code outside of fibers and
   * for authors of primitives: `fn` must not wait, and had better not throw.
   *
   * @example
   * const request = changed.registerImmediate(() => log("changed"));
   * request.cancel(); // => true
   */
  registerImmediate(fn: () => void): Request {
    expectFunction("Condition.registerImmediate", "fn", fn);
    return new Request(this, fn);
  }

  /** Takes a registration back; the same as `request.cancel()`, see {@link Request.cancel}. */
  static cancel(request: Request): boolean {
    if (!(request instanceof Request)) refuse("Condition.cancel", "request", "a Request", request);
    return request.cancel();
  }

  /** @internal */
  get queue(): Waiters {
    return this.waiters;
  }

  /** @internal What marks those who come now. */
  get now(): number {
    return this.broadcasts;
  }

  /** @internal For reports. */
  describe(): string {
    return this.name === undefined ? `Condition ${this.id}` : `Condition ${JSON.stringify(this.name)}`;
  }
}

/** Who is in the queue of a condition. */
interface Present extends Queued {
  /** How many broadcasts there had been when it came. */
  readonly since: number;
}

/** A callback that is to be called by the next broadcast; made by {@link Condition.registerImmediate}. */
export class Request implements Present {
  /** @internal */ previousWaiter: Queued | undefined = undefined;
  /** @internal */ nextWaiter: Queued | undefined = undefined;
  /** @internal */ readonly since: number;
  private readonly condition: Condition;
  private fn: (() => void) | undefined;
  private called = false;

  /** @internal */
  constructor(condition: Condition, fn: () => void) {
    this.condition = condition;
    this.since = condition.now;
    this.fn = fn;
    condition.queue.add(this);
  }

  /** Takes the callback back. True when it will never be called; false when it has been called already. Callable from anywhere. */
  cancel(): boolean {
    if (this.fn) this.condition.queue.remove(this);
    this.fn = undefined;
    return !this.called;
  }

  /** {@link cancel}, for `using`. */
  [dispose](): void {
    this.cancel();
  }

  /** @internal */
  wake(): boolean {
    const fn = this.fn!;
    this.fn = undefined;
    this.called = true;
    fn();
    return true;
  }
}

class Await extends Waiter<void> implements Present {
  protected readonly called: string;
  private readonly condition: Condition;
  since = 0;

  constructor(condition: Condition, called: string) {
    super();
    this.condition = condition;
    this.called = called;
  }

  protected again(): Await {
    return new Await(this.condition, this.called);
  }

  protected get waiters(): Waiters {
    return this.condition.queue;
  }

  protected override enter(): void {
    this.since = this.condition.now;
    probe?.tryGet(this.condition);
    super.enter();
  }

  protected override deliver(): Step {
    probe?.get(this.condition);
    return returning(undefined);
  }

  override describeWait(): string {
    return this.condition.describe();
  }
}

/** Entered when the wait has ended: takes the mutex again, then ends as the wait did. */
class AwaitFrame extends Frame {
  private readonly condition: Condition;
  private readonly mutex: Mutex;
  private waited = false;
  private failed = false;
  private error: unknown = undefined;

  constructor(condition: Condition, mutex: Mutex) {
    super();
    this.condition = condition;
    this.mutex = mutex;
  }

  next(): Step {
    if (this.waited) return this.leave();
    probe?.get(this.condition);
    return this.relock();
  }

  throw(error: unknown): Step {
    if (this.waited) throw error;
    this.failed = true;
    this.error = error;
    return this.relock();
  }

  private relock(): Step {
    this.waited = true;
    return this.mutex.take() ? this.leave() : yielding(this);
  }

  private leave(): Step {
    probe?.get(this.mutex);
    if (this.failed) throw this.error;
    return returning(undefined);
  }

  override perform(fiber: FiberCore): boolean {
    return new Relock(this.mutex).perform(fiber);
  }

  override describeFrame(): string {
    return "Condition.await";
  }
}

/** A wait for the lock that nothing interrupts. */
class Relock extends Locking<void> {
  protected get called(): string {
    return "Condition.await";
  }

  protected again(): Relock {
    return new Relock(this.mutex);
  }

  protected result(): void {}

  override perform(fiber: FiberCore): boolean {
    this.fiber = fiber;
    fiber.wait(this);
    this.enter();
    return false;
  }

  override cancelWait(): void {}
}

/** In the queue of the condition while `update` runs and while the fiber waits, so that no broadcast is missed. */
class LoopFrame extends Frame implements Waiting, Present {
  previousWaiter: Queued | undefined = undefined;
  nextWaiter: Queued | undefined = undefined;
  since = 0;
  private readonly fiber: FiberCore;
  private readonly condition: Condition;
  private readonly update: () => Op<unknown>;
  private registered = false;
  private updating = false;

  constructor(fiber: FiberCore, condition: Condition, update: () => Op<unknown>) {
    super();
    this.fiber = fiber;
    this.condition = condition;
    this.update = update;
  }

  /** The result of `update`; or, after a wait, nothing. */
  next(value: unknown): Step {
    if (!this.updating) probe?.get(this.condition);
    if (!this.updating || value === undefined) return yielding(this);
    this.unregister();
    return returning(value);
  }

  throw(error: unknown): never {
    this.unregister();
    throw error;
  }

  override perform(fiber: FiberCore): boolean {
    this.updating = !this.updating;
    if (this.updating) {
      this.registered = true;
      this.since = this.condition.now;
      this.condition.queue.add(this);
      return fiber.call(this.update, undefined);
    }
    if (fiber.interrupted()) return false;
    probe?.tryGet(this.condition);
    fiber.wait(this);
    // There was a broadcast already; others have their turn before the next update all the same.
    if (!this.registered) fiber.settle(this, false, undefined);
    return false;
  }

  /** A broadcast. While `update` runs, it is enough that we are not registered any more. */
  wake(): boolean {
    this.registered = false;
    this.fiber.settle(this, false, undefined);
    return true;
  }

  cancelWait(fiber: FiberCore, error: Cancelled): void {
    this.unregister();
    fiber.settle(this, true, error);
  }

  private unregister(): void {
    if (!this.registered) return;
    this.registered = false;
    this.condition.queue.remove(this);
  }

  describeWait(): string {
    return this.condition.describe();
  }

  override describeFrame(): string {
    return "Condition.loopNoMutex";
  }
}
