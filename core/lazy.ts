// A value that is computed when it is first asked for, once, whoever asks.

import { protect } from "./cancel.js";
import { Cancelled } from "./engine/cancelled.js";
import { expectBody, expectOptions, refuse } from "./engine/describe.js";
import { Frame, returning, yielding, type FiberCore, type Step } from "./engine/fiber-core.js";
import { mintId } from "./engine/ids.js";
import type { Body, Op, Result } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { Waiter, Waiters } from "./engine/waiters.js";

/** What becomes of a {@link Lazy} value when the fiber that computes it is cancelled; see {@link LazyOptions}. */
export type LazyCancel = "restart" | "record" | "protect";

/** The options of {@link Lazy.fromFun}. */
export interface LazyOptions {
  /**
   * What happens when the fiber that computes the value is cancelled meanwhile:
   * - `"restart"`: the next fiber that waits for the value computes it anew; if none waits, the next one that asks does.
   * - `"record"`: the `Cancelled` is the outcome, and everybody gets it, though they are not cancelled themselves.
   * - `"protect"`: the computation does not see the cancellation and runs to its end.
   */
  cancel: LazyCancel;
  /** Shown in reports. */
  name?: string;
}

/**
 * A value that is computed by the first fiber that asks for it. Fibers that ask meanwhile wait, and all get the same value, or the
 * same error: it is computed once, whatever comes of it.
 *
 * @example
 * const config = Lazy.fromFun(() => readConfig(), { cancel: "restart" });
 * const { port } = yield* config.force();
 */
export class Lazy<T> {
  /** Unique in its scheduler. */
  readonly id: number = mintId();
  readonly name: string | undefined;
  /** @internal */ readonly mode: LazyCancel;
  // Undefined from the moment there is an outcome.
  private fn: Body<T> | undefined;
  private outcome: Result<T> | undefined;
  /** Who computes the value, or has been told to. */
  private forcer: FiberCore | undefined = undefined;
  private readonly waiters = new Waiters();

  private constructor(
    fn: Body<T> | undefined,
    outcome: Result<T> | undefined,
    mode: LazyCancel,
    name: string | undefined,
  ) {
    this.fn = fn;
    this.outcome = outcome;
    this.mode = mode;
    this.name = name;
    probe?.objectCreated(this, "Lazy", name);
  }

  /**
   * A value that `fn` computes when it is first asked for, in the fiber that asks.
   *
   * @example
   * const keys = Lazy.fromFun(() => readConfig(), { cancel: "restart", name: "keys" });
   *
   * @param fn  is run at most once, unless it is cancelled and `options.cancel` is `"restart"`
   * @param options  what a cancellation does; there is no default
   */
  static fromFun<T>(fn: Body<T>, options: LazyOptions): Lazy<T> {
    expectBody("Lazy.fromFun", "fn", fn);
    expectOptions("Lazy.fromFun", options);
    const cancel: unknown = (options as LazyOptions | undefined)?.cancel;
    if (cancel !== "restart" && cancel !== "record" && cancel !== "protect") {
      refuse("Lazy.fromFun", "options.cancel", '"restart", "record" or "protect"', cancel);
    }
    return new Lazy<T>(fn, undefined, cancel, options.name);
  }

  /**
   * A value that is there from the start.
   *
   * @example
   * const config = Lazy.fromVal({ port: 80 });
   */
  static fromVal<T>(value: T): Lazy<T> {
    return new Lazy<T>(undefined, { ok: true, value }, "protect", undefined);
  }

  /**
   * The value. When it is there already, neither switches fibers nor checks cancellation. The first fiber to ask computes it, in its
   * own context; one that asks meanwhile waits, which is a cancellation point.
   *
   * A value that needs itself waits for ever; a dead-lock report says so.
   *
   * @example
   * const config = Lazy.fromVal({ port: 80 });
   * const { port } = yield* config.force();
   *
   * @throws what the computation threw, the same object to everybody
   */
  force(): Op<T> {
    return new Force<T>(this);
  }

  /** @internal */
  get result(): Result<T> | undefined {
    return this.outcome;
  }

  /** @internal The computation for `fiber` to run, or undefined when another one is at it. */
  begin(fiber: FiberCore): Body<T> | undefined {
    return this.forcer ? undefined : this.handTo(fiber);
  }

  /** @internal The fiber that was to compute the value has been cancelled: the one that has waited longest takes over. */
  giveUp(): void {
    if (!this.waiters.wakeOne(undefined)) this.forcer = undefined;
  }

  /** @internal The computation becomes that of `fiber`, before anybody else can begin it. */
  handTo(fiber: FiberCore): Body<T> | undefined {
    this.forcer = fiber;
    return this.fn;
  }

  /** @internal */
  settle(outcome: Result<T>): void {
    probe?.put(this);
    this.outcome = outcome;
    this.fn = undefined;
    this.forcer = undefined;
    this.waiters.wakeAll(undefined);
  }

  /** @internal */
  get queue(): Waiters {
    return this.waiters;
  }

  /** @internal For reports. */
  describe(): string {
    const which = this.name === undefined ? `Lazy ${this.id}` : `Lazy ${JSON.stringify(this.name)}`;
    return this.forcer ? `${which}, computed by ${this.forcer.describe()}` : which;
  }
}

/** Computes the value, or waits for whoever does; a waiter may be told to compute it after all. */
class Force<T> extends Waiter<T> {
  private readonly lazy: Lazy<T>;
  /** The computation that we were told to run. */
  private handed: Body<T> | undefined = undefined;

  constructor(lazy: Lazy<T>) {
    super();
    this.lazy = lazy;
  }

  protected get called(): string {
    return "Lazy.force";
  }

  protected again(): Force<T> {
    return new Force(this.lazy);
  }

  protected get waiters(): Waiters {
    return this.lazy.queue;
  }

  protected override begin(): Step {
    return this.deliver();
  }

  protected override deliver(): Step {
    const { result } = this.lazy;
    if (!result) return yielding(this);
    probe?.get(this.lazy);
    if (!result.ok) throw result.error;
    return returning(result.value);
  }

  override perform(fiber: FiberCore): boolean {
    const fn = this.handed ?? this.lazy.begin(fiber);
    if (!fn) return super.perform(fiber);
    fiber.pushFrame(new ForceFrame(fiber, this.lazy));
    return this.lazy.mode === "protect" ? fiber.call(protect, fn) : fiber.call(fn, undefined);
  }

  protected override enter(): void {
    probe?.tryGet(this.lazy);
    super.enter();
  }

  override wake(value: unknown): boolean {
    if (!this.lazy.result) this.handed = this.lazy.handTo(this.fiber!);
    return super.wake(value);
  }

  override describeWait(): string {
    return this.lazy.describe();
  }
}

class ForceFrame<T> extends Frame {
  private readonly fiber: FiberCore;
  private readonly lazy: Lazy<T>;

  constructor(fiber: FiberCore, lazy: Lazy<T>) {
    super();
    this.fiber = fiber;
    this.lazy = lazy;
  }

  next(value: unknown): Step {
    this.lazy.settle({ ok: true, value: value as T });
    return returning(value);
  }

  throw(error: unknown): never {
    const { lazy } = this;
    // Only a cancellation of this very fiber: a `Cancelled` that it was merely handed is an error like any other.
    if (lazy.mode === "restart" && error instanceof Cancelled && this.fiber.context.interruption) lazy.giveUp();
    else lazy.settle({ ok: false, error });
    throw error;
  }

  override describeFrame(): string {
    const { name } = this.lazy;
    return name === undefined ? "Lazy.force" : `Lazy.force ${JSON.stringify(name)}`;
  }
}
