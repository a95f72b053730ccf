// Cancellation by hand: a scope that can be told to stop, a section that cannot, and how to ask.

import { Cancelled } from "./engine/cancelled.js";
import { CancelContext } from "./engine/context.js";
import { expectBody, refuse } from "./engine/describe.js";
import { Frame, returning, type FiberCore, type Step } from "./engine/fiber-core.js";
import type { Body, Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { Primitive } from "./engine/primitive.js";

/** Runs a body in a context of its own and moves the fiber back at the end. */
export class ContextFrame extends Frame {
  private readonly fiber: FiberCore;
  private readonly outer: CancelContext;
  private readonly inner: CancelContext;

  constructor(fiber: FiberCore, inner: CancelContext) {
    super();
    this.fiber = fiber;
    this.outer = fiber.context;
    this.inner = inner;
    fiber.moveTo(inner);
  }

  next(value: unknown): Step {
    this.leave();
    return returning(value);
  }

  throw(error: unknown): never {
    this.leave();
    throw error;
  }

  perform(): boolean {
    return true;
  }

  override describeFrame(): string {
    return this.inner.isProtected ? "Cancel.protect" : "Cancel.sub";
  }

  private leave(): void {
    this.fiber.moveTo(this.outer);
    this.inner.finish();
  }
}

type ContextBody<T> = (context: CancelContext | undefined) => Op<T>;

class InContext<T> extends Primitive<T> {
  protected readonly called: string;
  private readonly body: ContextBody<T>;
  private readonly isProtected: boolean;

  constructor(called: string, body: ContextBody<T>, isProtected: boolean) {
    super();
    this.called = called;
    this.body = body;
    this.isProtected = isProtected;
  }

  protected again(): InContext<T> {
    return new InContext(this.called, this.body, this.isProtected);
  }

  perform(fiber: FiberCore): boolean {
    const { interruption } = fiber.context;
    if (interruption && !this.isProtected) return fiber.fail(interruption);
    const inner = new CancelContext(fiber.context.home, fiber.context, this.isProtected);
    probe?.contextCreated(inner, this.isProtected ? "Protect" : "Sub");
    fiber.pushFrame(new ContextFrame(fiber, inner));
    return fiber.call(this.body, this.isProtected ? undefined : inner);
  }
}

/**
 * Runs `body` in a new cancellation context and returns its value. Whoever holds the context can stop what runs in it; the
 * `Cancelled` then comes out of `sub` unless the body catches it.
 *
 * Cancellation point on entry only: a cancelled context throws at once, and on exit the body's result stands.
 *
 * @example
 * const page = yield* Cancel.sub(function* (cc) {
 *   stopButton.onclick = () => cc.cancel(new Error("stopped"));
 *   return yield* download(url);
 * });
 *
 * @param body  is given the context; it cannot be used after `body` has ended
 * @throws Cancelled in a cancelled context, without calling `body`
 */
export function sub<T>(body: (context: CancelContext) => Op<T>): Op<T> {
  expectBody("Cancel.sub", "body", body);
  return new InContext("Cancel.sub", body as ContextBody<T>, false);
}

/**
 * Runs `body` where cancellation from outside does not reach it: clean-up that has to wait for something. The cancellation is not
 * lost: the next check after `protect` throws it.
 *
 * Not a cancellation point, neither on entry nor on exit.
 *
 * @example
 * try {
 *   yield* transfer(connection);
 * } finally {
 *   yield* Cancel.protect(() => connection.sayGoodbye());
 * }
 */
export function protect<T>(body: Body<T>): Op<T> {
  expectBody("Cancel.protect", "body", body);
  return new InContext("Cancel.protect", body, true);
}

function expectContext(where: string, context: unknown): asserts context is CancelContext {
  if (!(context instanceof CancelContext)) refuse(where, "context", "a CancelContext", context);
}

/**
 * Tells `context` to stop; the same as `context.cancel(reason)`, see {@link CancelContext.cancel}.
 *
 * @example
 * Cancel.cancel(cc, new Error("too late"));
 */
export function cancel(context: CancelContext, reason: unknown): void {
  expectContext("Cancel.cancel", context);
  context.cancel(reason);
}

/**
 * Throws if `context` is being cancelled or has finished; the same as `context.check()`.
 *
 * @example
 * Cancel.check(cc);
 */
export function check(context: CancelContext): void {
  expectContext("Cancel.check", context);
  context.check();
}

/**
 * The error that {@link check} would throw, or undefined; the same as `context.getError()`.
 *
 * @example
 * if (Cancel.getError(cc)) return;
 */
export function getError(context: CancelContext): ReturnType<CancelContext["getError"]> {
  expectContext("Cancel.getError", context);
  return context.getError();
}

/**
 * The tree of contexts below `context`, for people; the same as `context.dump()`.
 *
 * @example
 * console.log(Cancel.dump(cc));
 */
export function dump(context: CancelContext): string {
  expectContext("Cancel.dump", context);
  return context.dump();
}

/**
 * Tells the request to stop from a failure, in a `catch` block.
 *
 * @example
 * catch (error) {
 *   if (Cancel.isCancelled(error)) throw error;
 *   yield* retry(error);
 * }
 */
export function isCancelled(error: unknown): error is Cancelled {
  return error instanceof Cancelled;
}

export type { CancelContext as Context };
