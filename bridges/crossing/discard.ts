// What becomes of a value that arrives when nobody waits for it any more.

import { reportUnhandled } from "trestle";
import { expectFunction } from "./refuse.js";

/** The options that say what becomes of a value that came too late. */
export interface DiscardOptions<T> {
  /** Is given a value that arrives after the wait was cancelled: close the late connection here. By default it is dropped. */
  onDiscard?: (value: T) => void;
  /** Dispose of such a value by its own `Symbol.dispose` or `Symbol.asyncDispose`. Default false. */
  disposeLate?: boolean;
}

/** Checks the options and gives a function that never throws, or undefined when late values are dropped. */
export function discardOf<T>(where: string, options: DiscardOptions<T> | undefined): ((value: T) => void) | undefined {
  const onDiscard = options?.onDiscard;
  expectFunction(where, "options.onDiscard", onDiscard, true);
  const disposeLate = options?.disposeLate === true;
  if (!onDiscard && !disposeLate) return undefined;
  return (value) => {
    try {
      onDiscard?.(value);
      if (disposeLate) dispose(value);
    } catch (error) {
      reportUnhandled(error);
    }
  };
}

function dispose(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const disposable = value as { [Symbol.dispose]?: () => void; [Symbol.asyncDispose]?: () => PromiseLike<void> };
  if (typeof disposable[Symbol.dispose] === "function") disposable[Symbol.dispose]!();
  else if (typeof disposable[Symbol.asyncDispose] === "function") {
    void Promise.resolve(disposable[Symbol.asyncDispose]!()).then(undefined, reportUnhandled);
  }
}
