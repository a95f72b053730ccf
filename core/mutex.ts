// Exclusive access to something across suspensions, handed over directly to the fiber that has waited longest.

import { protect } from "./cancel.js";
import { block } from "./engine/block.js";
import { expectBody, expectOptions, refuse, show } from "./engine/describe.js";
import { dispose } from "./engine/disposable.js";
import { runningFiber } from "./engine/drive.js";
import { Frame, returning, yielding, type FiberCore, type Step } from "./engine/fiber-core.js";
import { mintId } from "./engine/ids.js";
import { combine } from "./engine/multiple.js";
import type { Body, Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { Waiter, Waiters } from "./engine/waiters.js";

/**
 * A call that the system refuses, as it refuses to unlock what is not locked.
 *
 * @example
 * new Mutex().unlock(); // throws SysError: Eio.Mutex.unlock: already unlocked!
 */
export class SysError extends Error {
  override readonly name = "SysError";
  readonly code = "SYS_ERROR";
}

/**
 * What a {@link Mutex} guards may be half changed: a body of `useRw` threw, or the mutex was unlocked twice. `reason` is that error.
 * One object is shared by all who meet it.
 *
 * @example
 * try {
 *   yield* accounts.useRw(() => transfer("ada", "bob"));
 * } catch (error) {
 *   if (error instanceof Poisoned) report(error.reason);
 * }
 */
export class Poisoned extends Error {
  override readonly name = "Poisoned";
  readonly code = "POISONED";
  /** The error that poisoned the mutex. */
  readonly reason: unknown;

  /** @param mutexName  shown in the message */
  constructor(reason: unknown, mutexName?: string) {
    const which = mutexName === undefined ? "the mutex" : `the mutex ${JSON.stringify(mutexName)}`;
    super(`${which} was poisoned: ${show(reason)}`, { cause: reason });
    this.reason = reason;
  }
}

/** The options of {@link Mutex}. */
export interface MutexOptions {
  /** Shown in reports and in the message of {@link Poisoned}. */
  name?: string;
}

/** The options of {@link Mutex.useRw}. */
export interface UseRwOptions {
  /** Whether cancellation waits until the body has ended; by default true. If not, it poisons the mutex. */
  protect?: boolean;
}

/**
 * A lock that one fiber holds at a time. Code between two `yield*` is atomic without one; a mutex is for what takes several waits and
 * must not be seen in between.
 *
 * `useRw` is for bodies that change what is guarded: one that throws may have left it half changed, so the mutex is then *poisoned*,
 * and everybody who wants it from there on gets {@link Poisoned}. `useRo` is for bodies that only look.
 *
 * Unlocking hands the lock to the fiber that has waited longest: nobody can overtake it. It is not reentrant: a fiber that locks
 * it twice waits for ever, and a dead-lock report says for whom.
 *
 * @example
 * const accounts = new Mutex({ name: "accounts" });
 * yield* accounts.useRw(function* () {
 *   yield* withdraw("ada", 10);
 *   yield* deposit("bob", 10);
 * });
 */
export class Mutex {
  /** Unique in its scheduler. */
  readonly id: number = mintId();
  readonly name: string | undefined;
  private locked = false;
  /** Who holds the lock, for reports; the lock may also be held by code outside of fibers. */
  private holder: FiberCore | undefined = undefined;
  private poisoned: Poisoned | undefined = undefined;
  private readonly waiters = new Waiters();

  /** @param options  a name, for reports */
  constructor(options?: MutexOptions) {
    expectOptions("new Mutex", options);
    this.name = options?.name;
    probe?.objectCreated(this, "Mutex", this.name);
  }

  /**
   * Takes the lock. If it is free, neither switches fibers nor checks cancellation; else waits for it, a cancellation point. A fiber
   * that was handed the lock and then cancelled has it all the same.
   *
   * @example
   * yield* mutex.lock();
   * try {
   *   yield* work();
   * } finally {
   *   mutex.unlock();
   * }
   *
   * @throws Poisoned when the mutex is poisoned, now or while waiting
   */
  lock(): Op<void> {
    return new Lock(this);
  }

  /**
   * Takes the lock if it is free; whether it was. Never waits. Callable from anywhere.
   *
   * @throws Poisoned when the mutex is poisoned
   */
  tryLock(): boolean {
    if (!this.take()) return false;
    probe?.get(this);
    return true;
  }

  /**
   * Gives the lock back, to the fiber that has waited longest if there is one; it runs after the caller has suspended or returned.
   * Callable from anywhere.
   *
   * @throws SysError when nobody holds the lock; that poisons the mutex, for somebody has been in without it
   * @throws Poisoned when the mutex is poisoned
   */
  unlock(): void {
    if (this.poisoned) throw this.poisoned;
    if (!this.locked) {
      const error = new SysError("Eio.Mutex.unlock: already unlocked!");
      this.poison(error);
      throw error;
    }
    probe?.put(this);
    if (this.waiters.wakeOne(undefined)) return;
    this.locked = false;
    this.holder = undefined;
  }

  /** Whether somebody holds the lock; a poisoned mutex is held by nobody. */
  isLocked(): boolean {
    return this.locked;
  }

  /** The error that {@link lock} would throw, or undefined while the mutex is not poisoned. */
  getError(): Poisoned | undefined {
    return this.poisoned;
  }

  /**
   * {@link lock} for a block with `using`: gives the lock as an object that is unlocked at the end of the block, however that ends.
   * Such a block is like the body of {@link useRo}: an error that leaves it does not poison the mutex. Where half a change must not
   * be seen, use {@link useRw}.
   *
   * @example
   * using held = yield* mutex.hold();
   * yield* work(); // the lock is free again at the end of the block
   *
   * @throws Poisoned when the mutex is poisoned, now or while waiting
   */
  hold(): Op<Held> {
    return new Hold(this);
  }

  /**
   * {@link hold} that does not wait: undefined when the lock is not free, which `using` takes as well. Callable from anywhere.
   *
   * @example
   * using held = mutex.tryHold();
   * if (!held) return "busy";
   *
   * @throws Poisoned when the mutex is poisoned
   */
  tryHold(): Held | undefined {
    return this.tryLock() ? new Held(this) : undefined;
  }

  /**
   * Runs `body` with the lock, which is given back however `body` ends: for bodies that leave what is guarded as it was. There is
   * one lock: readers exclude each other, too. Waiting for the lock is a cancellation point.
   *
   * @example
   * const sum = yield* accounts.useRo(() => addUp());
   *
   * @throws Poisoned when the mutex is poisoned, now or while waiting
   * @throws the failure of `body`, unchanged
   */
  useRo<T>(body: Body<T>): Op<T> {
    expectBody("Mutex.useRo", "body", body);
    return this.use("Mutex.useRo", body, READ);
  }

  /**
   * Runs `body` with the lock: for bodies that change what is guarded. If `body` throws, the mutex is poisoned with that error, and
   * those who wait for it get {@link Poisoned}.
   *
   * Waiting for the lock is a cancellation point. Cancellation that comes while `body` runs is put off until it has ended, and met at
   * the next check; with `protect: false` it reaches `body`, and poisons the mutex if it comes out.
   *
   * @example
   * yield* accounts.useRw(() => transfer("ada", "bob"));
   *
   * @throws Poisoned when the mutex is poisoned, now or while waiting
   * @throws the failure of `body`, unchanged
   */
  useRw<T>(body: Body<T>, options?: UseRwOptions): Op<T> {
    expectBody("Mutex.useRw", "body", body);
    expectOptions("Mutex.useRw", options);
    const isProtected: unknown = options?.protect ?? true;
    if (typeof isProtected !== "boolean") refuse("Mutex.useRw", "options.protect", "a boolean", isProtected);
    return this.use("Mutex.useRw", body, isProtected ? WRITE_PROTECTED : WRITE);
  }

  private use<T>(called: string, body: Body<T>, mode: Mode): Op<T> {
    return block(called, (fiber) => {
      if (this.poisoned) return fiber.fail(this.poisoned);
      fiber.pushFrame(new UseFrame(called, this, body, mode));
      fiber.succeed(undefined);
      return this.take() || new Lock(this).perform(fiber);
    });
  }

  /** @internal {@link tryLock} that is not reported. */
  take(): boolean {
    if (this.poisoned) throw this.poisoned;
    if (this.locked) return false;
    this.locked = true;
    this.holder = runningFiber();
    return true;
  }

  /** @internal From now on nobody gets the lock; those who wait for it are told. The first reason stays. */
  poison(reason: unknown): void {
    if (this.poisoned) return;
    this.poisoned = new Poisoned(reason, this.name);
    this.locked = false;
    this.holder = undefined;
    this.waiters.failAll(this.poisoned);
  }

  /** @internal The lock passes to a fiber that has waited for it. */
  handTo(fiber: FiberCore): void {
    this.holder = fiber;
  }

  /** @internal */
  get queue(): Waiters {
    return this.waiters;
  }

  /** @internal For reports. */
  describe(): string {
    const which = this.name === undefined ? `Mutex ${this.id}` : `Mutex ${JSON.stringify(this.name)}`;
    return this.holder ? `${which}, held by ${this.holder.describe()}` : which;
  }
}

/** A lock that is held until its block ends; made by {@link Mutex.hold}. */
export class Held {
  private mutex: Mutex | undefined;

  /** @internal */
  constructor(mutex: Mutex) {
    this.mutex = mutex;
  }

  /**
   * Gives the lock back before the block ends. Does nothing the second time.
   *
   * @throws SysError when the mutex was unlocked behind our back, as by its own `unlock`
   * @throws Poisoned when the mutex is poisoned
   */
  unlock(): void {
    const { mutex } = this;
    this.mutex = undefined;
    mutex?.unlock();
  }

  /** {@link unlock}, for `using`. */
  [dispose](): void {
    this.unlock();
  }
}

/** @internal The wait for the lock. */
export abstract class Locking<T> extends Waiter<T> {
  protected readonly mutex: Mutex;

  constructor(mutex: Mutex) {
    super();
    this.mutex = mutex;
  }

  protected get waiters(): Waiters {
    return this.mutex.queue;
  }

  protected override begin(): Step {
    return this.mutex.take() ? this.deliver() : yielding(this);
  }

  protected override deliver(): Step {
    probe?.get(this.mutex);
    return returning(this.result());
  }

  /** What whoever took the lock is given. */
  protected abstract result(): T;

  protected override enter(): void {
    probe?.tryGet(this.mutex);
    super.enter();
  }

  override wake(value: unknown, failed = false): boolean {
    if (!failed) this.mutex.handTo(this.fiber!);
    return super.wake(value, failed);
  }

  override describeWait(): string {
    return this.mutex.describe();
  }
}

class Lock extends Locking<void> {
  protected get called(): string {
    return "Mutex.lock";
  }

  protected again(): Lock {
    return new Lock(this.mutex);
  }

  protected result(): void {}
}

class Hold extends Locking<Held> {
  protected get called(): string {
    return "Mutex.hold";
  }

  protected again(): Hold {
    return new Hold(this.mutex);
  }

  protected result(): Held {
    return new Held(this.mutex);
  }
}

const READ = 0;
const WRITE = 1;
const WRITE_PROTECTED = 2;
type Mode = typeof READ | typeof WRITE | typeof WRITE_PROTECTED;

/** Entered with the lock, or with the error that kept us from it. */
class UseFrame extends Frame {
  private readonly called: string;
  private readonly mutex: Mutex;
  private readonly body: Body<unknown>;
  private readonly mode: Mode;
  private locked = false;

  constructor(called: string, mutex: Mutex, body: Body<unknown>, mode: Mode) {
    super();
    this.called = called;
    this.mutex = mutex;
    this.body = body;
    this.mode = mode;
  }

  next(value: unknown): Step {
    if (!this.locked) {
      this.locked = true;
      probe?.get(this.mutex);
      return yielding(this);
    }
    this.mutex.unlock();
    return returning(value);
  }

  throw(error: unknown): never {
    if (this.locked) {
      if (this.mode === READ) this.unlockAfter(error);
      else this.mutex.poison(error);
    }
    throw error;
  }

  /** The body's own error says more than that the mutex was poisoned meanwhile. */
  private unlockAfter(error: unknown): void {
    if (this.mutex.getError()) return;
    try {
      this.mutex.unlock();
    } catch (alreadyUnlocked) {
      throw combine(error, alreadyUnlocked);
    }
  }

  override perform(fiber: FiberCore): boolean {
    return this.mode === WRITE_PROTECTED ? fiber.call(protect, this.body) : fiber.call(this.body, undefined);
  }

  override describeFrame(): string {
    const { name } = this.mutex;
    return name === undefined ? this.called : `${this.called} ${JSON.stringify(name)}`;
  }
}
