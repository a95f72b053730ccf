// What a scripted stand-in does when it is called, as data.

import { expectFunction, refuse } from "../engine/describe.js";
import type { Body, Op, Result } from "../engine/op.js";
import { Deferred } from "../deferred.js";
import { yieldNow } from "../turns.js";

/** One answer of a scripted stand-in. */
export type Action<T> =
  /** Gives the value, at once. */
  | { readonly return: T }
  /** Throws the error, at once. */
  | { readonly raise: unknown }
  /** Waits for the cell; gives its value, or throws its error. */
  | { readonly await: Deferred<Result<T>> }
  /** Lets the other fibers have a turn first. */
  | { readonly yieldThen: Action<T> }
  /** Does whatever the body does. */
  | { readonly run: Body<T> };

/**
 * Does what `action` says.
 *
 * @example
 * yield* runAction({ yieldThen: { return: 42 } }); // => 42
 *
 * @throws whatever the action is to throw
 */
export function runAction<T>(action: Action<T>): Op<T> {
  expectAction("runAction", "action", action);
  return perform(action);
}

function* perform<T>(action: Action<T>): Op<T> {
  let step = action;
  for (; "yieldThen" in step; step = step.yieldThen) yield* yieldNow();
  if ("return" in step) return step.return;
  if ("raise" in step) throw step.raise;
  return yield* "await" in step ? step.await.awaitOrThrow() : step.run();
}

/**
 * An action that takes the same time and course as `action`, and gives `fn` of its value.
 *
 * @example
 * mapAction({ return: 2 }, (n) => n + 1); // like { return: 3 }
 */
export function mapAction<T, U>(action: Action<T>, fn: (value: T) => U): Action<U> {
  expectAction("mapAction", "action", action);
  expectFunction("mapAction", "fn", fn);
  return {
    *run() {
      return fn(yield* runAction(action));
    },
  };
}

const forms = ["return", "raise", "await", "yieldThen", "run"];

/** @internal */
export function expectAction(where: string, argument: string, received: unknown): void {
  for (let action = received; ; action = (action as { yieldThen: unknown }).yieldThen) {
    const keys = typeof action === "object" && action !== null ? Object.keys(action) : [];
    if (keys.length !== 1 || !forms.includes(keys[0]!)) {
      refuse(where, argument, "an action: { return }, { raise }, { await }, { yieldThen } or { run }", action);
    }
    const { await: cell, run } = action as { await?: unknown; run?: unknown };
    if (keys[0] === "await" && !(cell instanceof Deferred)) refuse(where, `${argument}.await`, "a Deferred", cell);
    if (keys[0] === "run") expectFunction(where, `${argument}.run`, run);
    if (keys[0] !== "yieldThen") return;
  }
}
