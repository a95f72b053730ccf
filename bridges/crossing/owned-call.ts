// A foreign asynchronous call that a fiber has started and owns: it is told to stop when the fiber is, and waited for.

import {
  reportUnhandled,
  runReady,
  suspendUnchecked,
  type Cancelled,
  type Enqueue,
  type Op,
  type Result,
} from "trestle";
import { abortErrorOf, isEcho } from "./abort-error.js";
import { callFor, CallingFiber } from "./caller.js";
import { isOp, isThenable, requireFiber } from "./recipe.js";
import { react } from "./reaction.js";
import { expectRealTime } from "./virtual-time.js";

/** What {@link ownedCall} runs, and how. */
export interface Call<T> {
  /** The bridge that runs it, for messages; by default `fromAsync`. */
  readonly what?: string;
  readonly fn: (signal: AbortSignal) => PromiseLike<T> | T;
  readonly label: string;
  /** Resume the cancelled fiber at once, and leave the call to itself. */
  readonly abandon: boolean;
  readonly cancel: ((promise: PromiseLike<T>) => void) | undefined;
  readonly discard: ((value: T) => void) | undefined;
}

/** The promise of a call. Holds on to nothing of the fiber once that has stopped waiting. */
class Pending<T> {
  outcome: Result<T> | undefined = undefined;
  cancelled: Cancelled | undefined = undefined;
  private waiter: Enqueue<T> | undefined = undefined;
  private abandonedTo: { discard: ((value: T) => void) | undefined } | undefined = undefined;

  constructor(promise: unknown) {
    react(promise, (outcome) => {
      this.outcome = outcome as Result<T>;
      const { waiter } = this;
      if (waiter) {
        this.waiter = undefined;
        waiter(this.outcome);
        runReady();
      } else if (this.abandonedTo && this.outcome.ok) this.abandonedTo.discard?.(this.outcome.value);
    });
  }

  /** Waits for the outcome, or for a cancellation: then `stop` is called, in the same turn, and `cancelled` set. */
  wait(label: string, stop: (cancelled: Cancelled) => void): Op<T> {
    return suspendUnchecked<T>(label, (ctx, enqueue) => {
      this.waiter = enqueue;
      ctx.setCancelFn((error) => {
        this.waiter = undefined;
        this.cancelled = error;
        enqueue({ ok: false, error });
        stop(error);
      });
    });
  }

  /** Waits until there is an outcome, whatever happens. */
  settled(label: string): Op<unknown> {
    return suspendUnchecked<unknown>(label, (_ctx, enqueue) => {
      if (this.outcome) enqueue({ ok: true, value: undefined });
      else this.waiter = () => enqueue({ ok: true, value: undefined });
    });
  }

  abandon(discard: ((value: T) => void) | undefined): void {
    if (!this.outcome) this.abandonedTo = { discard };
    else if (this.outcome.ok) discard?.(this.outcome.value);
  }
}

/** Runs `call.fn` and gives what its promise gives. */
export function* ownedCall<T>(call: Call<T>): Op<T> {
  const fiber = requireFiber(call.what ?? "fromAsync");
  fiber.context.check();
  const caller = new CallingFiber(fiber, false);
  try {
    return yield* waitFor(call, caller);
  } finally {
    caller.over = true;
  }
}

function* waitFor<T>(call: Call<T>, caller: CallingFiber): Op<T> {
  const { fiber } = caller;
  const controller = new AbortController();
  const result = callFor(caller, () => call.fn(controller.signal));
  const early = fiber.context.interruption;

  if (!isThenable(result)) {
    if (isOp(result)) {
      throw new TypeError(
        `fromAsync: "fn" must return a promise, got an op; run it with yield* directly, without fromAsync`,
      );
    }
    if (!early) return result;
    controller.abort(abortErrorOf(early));
    call.discard?.(result);
    throw early;
  }

  const pending = new Pending<T>(result);
  try {
    expectRealTime(call.label);
  } catch (error) {
    pending.abandon(call.discard);
    controller.abort(error);
    throw error;
  }
  const stop = (cancelled: Cancelled) => {
    controller.abort(abortErrorOf(cancelled));
    call.cancel?.(result);
  };
  // What the call itself has cancelled finds it still on the stack: it is told once it has returned.
  if (early) {
    pending.cancelled = early;
    try {
      stop(early);
    } catch (error) {
      reportUnhandled(error);
    }
  } else {
    try {
      return yield* pending.wait(call.label, stop);
    } catch (error) {
      if (!pending.cancelled) throw error;
    }
  }

  const cancelled = pending.cancelled;
  if (call.abandon) {
    pending.abandon(call.discard);
    throw cancelled;
  }
  if (!pending.outcome) yield* pending.settled(`cancelled, waiting for ${call.label} to settle`);
  const { outcome } = pending;
  if (outcome!.ok) call.discard?.(outcome!.value);
  else if (!isEcho(outcome!.error, cancelled)) throw outcome!.error;
  throw cancelled;
}
