// Cancellation by hand: a scope that can be told to stop, a section that cannot, and how to ask.

import { block, checkedBlock, ScopeFrame } from "./engine/block.js";
import { Cancelled } from "./engine/cancelled.js";
import { CancelContext } from "./engine/context.js";
import { expectBody, refuse } from "./engine/describe.js";
import type { Body, Op } from "./engine/op.js";

class ContextFrame extends ScopeFrame {
  override describeFrame(): string {
    return this.context.isProtected ? "Cancel.protect" : "Cancel.sub";
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
  return checkedBlock("Cancel.sub", (fiber) => {
    const frame = new ContextFrame(fiber, false, "Sub");
    fiber.pushFrame(frame);
    return fiber.call(body, frame.context);
  });
}

/**
 * Runs `body` where cancellation from outside does not reach it: clean-up that has to wait for something. The cancellation is not
 * lost: the next check after `protect` throws it.
 *
 * Not a cancellation point, neither on entry nor on exit.
 *
 * @example
 * try {
 *   yield* handle(request);
 * } finally {
 *   yield* Cancel.protect(() => socket.flush());
 * }
 */
export function protect<T>(body: Body<T>): Op<T> {
  expectBody("Cancel.protect", "body", body);
  return block("Cancel.protect", (fiber) => {
    fiber.pushFrame(new ContextFrame(fiber, true, "Protect"));
    return fiber.call(body, undefined);
  });
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
 * try {
 *   yield* download(url);
 * } catch (error) {
 *   if (Cancel.isCancelled(error)) throw error;
 *   report(error);
 * }
 */
export function isCancelled(error: unknown): error is Cancelled {
  return error instanceof Cancelled;
}

export type { CancelContext as Context };
