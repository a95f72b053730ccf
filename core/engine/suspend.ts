// Stop here, resume from a callback, give up if cancelled: the door through which other worlds wake fibers.

import type { Cancelled } from "./cancelled.js";
import type { InvalidArgument } from "./invalid-argument.js";
import { expectFunction, refuse } from "./describe.js";
import type { FiberCore, FiberHandle, Waiting } from "./fiber-core.js";
import type { Op, Result } from "./op.js";
import { Primitive } from "./primitive.js";
import { reportUnhandled } from "./unhandled.js";

/** Resumes a suspended fiber: callable from anywhere, at any time. The first call counts, later ones are ignored. */
export type Enqueue<T> = (outcome: Result<T>) => void;

/** What the registration function of {@link suspend} is given beside `enqueue`. */
export interface SuspendContext {
  /** The fiber that is suspended. */
  readonly fiber: FiberHandle;
  /**
   * Sets what to do when the fiber is cancelled while it waits: undo the registration and `enqueue` the error, now or when the other
   * side has wound down. Called at most once, synchronously inside the cancel call; if the cancellation came during registration, at
   * its end. Without a cancel function the wait cannot be interrupted. If `fn` throws, the fiber gets the `Cancelled` at once.
   */
  setCancelFn(fn: (error: Cancelled) => void): void;
  /** From now on the wait cannot be interrupted. */
  clearCancelFn(): void;
  /** The error a check would throw now, or undefined. */
  getError(): Cancelled | InvalidArgument | undefined;
}

type Register<T> = (ctx: SuspendContext, enqueue: Enqueue<T>) => void;

class Suspend<T> extends Primitive<T> implements Waiting, SuspendContext {
  protected readonly called: string;
  private readonly register: Register<T>;
  private readonly checked: boolean;
  private cancelFn: ((error: Cancelled) => void) | undefined = undefined;
  private registering = false;
  /** The cancellation that found no cancel function to call. */
  private pending: Cancelled | undefined = undefined;

  constructor(label: string, register: Register<T>, checked: boolean) {
    super();
    this.called = label;
    this.register = register;
    this.checked = checked;
  }

  protected again(): Suspend<T> {
    return new Suspend(this.called, this.register, this.checked);
  }

  declare fiber: FiberCore;

  perform(fiber: FiberCore): boolean {
    if (this.checked && fiber.interrupted()) return false;
    fiber.wait(this);
    this.registering = true;
    try {
      this.register(this, (outcome) => {
        if (this.fiber.settle(this, !outcome.ok, outcome.ok ? outcome.value : outcome.error)) this.cancelFn = undefined;
      });
    } catch (error) {
      this.registering = false;
      this.cancelFn = undefined;
      if (fiber.unwait(this)) return fiber.fail(error);
      // The operation has settled already: its result stands, and the error must not be lost.
      reportUnhandled(error);
      return false;
    }
    this.registering = false;
    if (this.pending && fiber.waiting === this) this.runCancelFn(this.pending);
    return false;
  }

  cancelWait(_fiber: FiberCore, error: Cancelled): void {
    this.pending = error;
    if (!this.registering) this.runCancelFn(error);
  }

  private runCancelFn(error: Cancelled): void {
    const fn = this.cancelFn;
    if (!fn) return;
    this.cancelFn = undefined;
    try {
      fn(error);
    } catch (thrown) {
      this.fiber.settle(this, true, error);
      throw thrown;
    }
  }

  describeWait(): string {
    return this.called;
  }

  setCancelFn(fn: (error: Cancelled) => void): void {
    expectFunction("SuspendContext.setCancelFn", "fn", fn);
    if (this.fiber.waiting !== this) return;
    this.cancelFn = fn;
    if (this.pending && !this.registering) this.runCancelFn(this.pending);
  }

  clearCancelFn(): void {
    this.cancelFn = undefined;
  }

  getError(): Cancelled | InvalidArgument | undefined {
    return this.fiber.context.getError();
  }
}

function make<T>(where: string, label: string, register: Register<T>, checked: boolean): Op<T> {
  if (typeof label !== "string") refuse(where, "label", "a string", label);
  expectFunction(where, "register", register);
  return new Suspend(label, register, checked);
}

/**
 * Suspends the fiber until `enqueue` is called. For authors of primitives and bridges.
 *
 * In a cancelled context nothing is registered, and the fiber gets `Cancelled` after the fibers already queued. `enqueue` may be
 * called during registration, from outside any fiber, or too late; the fiber always goes to the tail of the run queue, and runs
 * after the caller of `enqueue` has returned. If `register` throws, the op fails with that very error.
 *
 * @example
 * const tick = suspend<void>("tick", (ctx, enqueue) => {
 *   const timer = setTimeout(() => enqueue({ ok: true, value: undefined }), 10);
 *   ctx.setCancelFn((error) => {
 *     clearTimeout(timer);
 *     enqueue({ ok: false, error });
 *   });
 * });
 * yield* tick;
 *
 * @param label  what the fiber waits for, in dead-lock reports
 * @param register  called when the fiber is suspended; may call `enqueue` at once
 */
export function suspend<T>(label: string, register: (ctx: SuspendContext, enqueue: Enqueue<T>) => void): Op<T> {
  return make("suspend", label, register, true);
}

/** {@link suspend} without the cancellation check: for waits that must happen even in a cancelled context, and check by themselves. */
export function suspendUnchecked<T>(
  label: string,
  register: (ctx: SuspendContext, enqueue: Enqueue<T>) => void,
): Op<T> {
  return make("suspendUnchecked", label, register, false);
}
