// A foreign AbortSignal that cancels a context, and what the foreign side is told in the end.

import { Cancelled, combine, reportUnhandled, type CancelContext } from "trestle";
import { isEcho } from "./abort-error.js";
import { refuse } from "./refuse.js";

/** Checks an optional signal by its shape: it may come from another realm or from a polyfill. */
export function expectSignal(
  where: string,
  argument: string,
  signal: unknown,
): asserts signal is AbortSignal | undefined {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  refuse(where, argument, "an AbortSignal", signal, "of an AbortController, pass its signal");
}

interface WithModules {
  process?: { getBuiltinModule?(name: string): { addAbortListener?: AddAbortListener } | undefined };
}
type AddAbortListener = (signal: AbortSignal, listener: () => void) => { [Symbol.dispose](): void };

// Node can add a listener that is called even if another one stops the event. It takes signals of its own kind alone.
const { process } = globalThis as unknown as WithModules;
const addAbortListener = process?.getBuiltinModule?.("node:events")?.addAbortListener;

/** Calls `listener` when `signal` is aborted. Gives what takes it off. */
export function listenForAbort(signal: AbortSignal, listener: () => void): () => void {
  if (addAbortListener && typeof AbortSignal === "function" && signal instanceof AbortSignal) {
    const added = addAbortListener(signal, listener);
    return () => added[Symbol.dispose]();
  }
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}

/** Listens to a signal from `attach` to `detach`. */
export class ForeignAbort {
  private readonly signal: AbortSignal;
  private context: CancelContext | undefined = undefined;
  private stopListening: (() => void) | undefined = undefined;
  /** The cancellation that the signal has caused, if it was the first to cancel the context. */
  private cancelled: Cancelled | undefined = undefined;
  /** What clean-up callbacks threw into the cancel call; there is nobody above to catch it. */
  private thrown: { error: unknown } | undefined = undefined;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /** From now on the signal cancels `context`, in the turn in which it is aborted. */
  attach(context: CancelContext): void {
    this.context = context;
    this.stopListening = listenForAbort(this.signal, this.onAbort);
  }

  /** Takes the listener off. */
  detach(): void {
    this.stopListening?.();
    this.stopListening = undefined;
    this.context = undefined;
  }

  private readonly onAbort = () => {
    const { context } = this;
    if (!context || context.isFinished) return;
    const cancelled = new Cancelled(this.signal.reason);
    try {
      context.cancel(cancelled);
    } catch (error) {
      this.thrown = { error };
    }
    if (context.interruption === cancelled) this.cancelled = cancelled;
  };

  /** The body has returned all the same: its value stands. */
  succeeded(): void {
    if (this.thrown) reportUnhandled(this.thrown.error);
  }

  /** The error for the foreign side: the reason of the signal itself if that ended the body, with whatever else went wrong. */
  explain(error: unknown): unknown {
    let explained = error;
    if (this.cancelled) {
      const { reason } = this.signal as { reason: unknown };
      explained = isEcho(error, this.cancelled) ? reason : combine(reason, error);
    }
    return this.thrown ? combine(explained, this.thrown.error) : explained;
  }
}
