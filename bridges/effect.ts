// The effects of the `effect` package, both ways: of version 4, and of version 3.
//
// |              | `fromEffect`                                 | `toEffect`                                              |
// |--------------|----------------------------------------------|---------------------------------------------------------|
// | cancels      | interrupts the effect's fiber, then waits    | an interruption cancels the fiber, and waits for it     |
// | owner        | the fiber                                    | `sw`; the fiber that runs the effect; nobody            |
// | error        | the very failure or defect; several are an   | in the error channel, as it is or through `catch`       |
// |              | `AggregateError`                             |                                                         |
// | cancellation | an interruption of theirs is an `AbortError` | `Cancelled` is an interruption                          |
// | turns        | those of a promise                           | begins at once when the effect is run                   |

import * as Effect from "effect/Effect";
import type { Cause } from "effect/Cause";
import type { Exit } from "effect/Exit";
import { Cancelled, combine, startRoot, type Body, type Op, type Result, type RootFiber } from "trestle";
import { AbortError, isEcho } from "./crossing/abort-error.js";
import { belonging, type OwnerOptions } from "./crossing/caller.js";
import { ownedCall } from "./crossing/owned-call.js";
import { isOp, Recipe } from "./crossing/recipe.js";
import { expectBody, expectFunction, expectOptions, refuse } from "./crossing/refuse.js";

/** What runs effects that need services `R`: a `ManagedRuntime`, for example. */
export interface EffectRuntime<R> {
  runPromiseExit<A, E>(
    effect: Effect.Effect<A, E, R>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Exit<A, E>>;
}

/** The options of {@link fromEffect}. */
export interface FromEffectOptions<R = never> {
  /** Gives the effect its services: a `ManagedRuntime`. Without one the effect must need none. */
  runtime?: EffectRuntime<R>;
  /**
   * What the fiber does after a cancellation has interrupted the effect. `"settle"`, the default: it waits until the effect has ended,
   * finalizers included. `"abandon"`: it goes on at once.
   */
  onCancel?: "settle" | "abandon";
  /** Shown in reports: "fromEffect(label)". */
  label?: string;
}

/**
 * Runs an effect and gives its value, or throws what it failed with: the failure `E` itself, the defect itself, or, when there are
 * several, an `AggregateError` of them. When the fiber is cancelled, the effect is interrupted in the same turn, and the fiber waits
 * for its finalizers.
 *
 * An effect that is interrupted by somebody else throws an `AbortError`, whose cause is the effect's `Cause`. After a cancellation the
 * op throws `Cancelled`, unless the effect ended with failures or defects: then those.
 *
 * A cancellation point: in a cancelled fiber the effect is not run. It is run each time the op is.
 *
 * @example
 * const greeting = yield* fromEffect(Effect.delay(Effect.succeed("hello"), "1 millis")); // => "hello"
 *
 * @param options.runtime  gives the effect its services; without one it must need none
 * @param options.onCancel  `"settle"` (default) or `"abandon"`
 * @param options.label  shown in reports
 * @throws TypeError at once, when `effect` is not an effect
 */
export function fromEffect<A, E>(effect: Effect.Effect<A, E>, options?: FromEffectOptions): Op<A>;
export function fromEffect<A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options: FromEffectOptions<R> & { runtime: EffectRuntime<R> },
): Op<A>;
export function fromEffect<A, E, R>(effect: Effect.Effect<A, E, R>, options?: FromEffectOptions<R>): Op<A> {
  if (!Effect.isEffect(effect)) {
    refuse("fromEffect", "effect", "an effect", effect, isOp(effect) ? "run an op with yield* directly" : undefined);
  }
  expectOptions("fromEffect", options, "label");
  const onCancel: unknown = options?.onCancel ?? "settle";
  if (onCancel !== "settle" && onCancel !== "abandon") {
    refuse("fromEffect", "options.onCancel", '"settle" or "abandon"', onCancel);
  }
  const runtime = (options?.runtime ?? Effect) as EffectRuntime<R>;
  if (typeof runtime.runPromiseExit !== "function") {
    refuse("fromEffect", "options.runtime", "a ManagedRuntime", runtime);
  }
  const label = options?.label;
  const call = {
    what: "fromEffect",
    fn: (signal: AbortSignal) => runtime.runPromiseExit(effect, { signal }).then(valueOf),
    label: label === undefined ? "fromEffect" : `fromEffect(${label})`,
    abandon: onCancel === "abandon",
    cancel: undefined,
    discard: undefined,
  };
  return new Recipe(() => ownedCall<A>(call)[Symbol.iterator](), "fromEffect");
}

function valueOf<A, E>(exit: Exit<A, E>): A {
  if (exit._tag === "Success") return exit.value;
  const errors = errorsOf(exit.cause);
  if (errors.length === 0) throw new AbortError(exit.cause);
  throw errors.reduce((all, error) => combine(all, error));
}

/** A cause as version 3 has it: a tree. */
type CauseTree =
  | { readonly _tag: "Empty" | "Interrupt" }
  | { readonly _tag: "Fail"; readonly error: unknown }
  | { readonly _tag: "Die"; readonly defect: unknown }
  | { readonly _tag: "Sequential" | "Parallel"; readonly left: CauseTree; readonly right: CauseTree };

/** What went wrong, interruptions aside. */
function errorsOf(cause: Cause<unknown> | CauseTree): unknown[] {
  if ("reasons" in cause) return cause.reasons.flatMap(errorsOf);
  switch (cause._tag) {
    case "Fail":
      return [cause.error];
    case "Die":
      return [cause.defect];
    case "Sequential":
    case "Parallel":
      return [...errorsOf(cause.left), ...errorsOf(cause.right)];
    default:
      return [];
  }
}

/** The reason of a fiber that an interruption of its effect has cancelled. */
export class EffectInterrupted extends Error {
  override readonly name = "EffectInterrupted";
  readonly code = "EFFECT_INTERRUPTED";

  constructor() {
    super("interrupted by its effect");
  }
}

/** The options of {@link toEffect}. */
export interface ToEffectOptions<E = unknown> extends OwnerOptions {
  /** Makes the failure of the effect from what the fiber threw. What it throws itself is a defect. By default the error as it is. */
  catch?: (error: unknown) => E;
  /** Shown in reports; by default the name of the body. */
  name?: string;
}

// Version 3 calls it `async`.
const versions: Readonly<Record<string, unknown>> = Effect;
const callback = ("callback" in versions ? versions.callback : versions.async) as typeof Effect.callback;

/**
 * An effect that runs `body` as a fiber: at once when the effect is run, up to its first suspension, and anew each time. An
 * interruption cancels the fiber and waits until it has ended, finalizers included; what those throw is a defect. A fiber that is
 * cancelled from its own side, by its switch, interrupts the effect.
 *
 * @example
 * const page = toEffect(() => download(url), { catch: (error) => ({ notLoaded: url, error }) });
 * await Effect.runPromise(page);
 *
 * @param options.catch  makes the typed failure from what the fiber threw
 * @param options.sw  the switch that the fiber belongs to
 * @param options.inherit  whether it belongs to the fiber that runs the effect by {@link fromEffect}, without a switch; default true
 * @param options.name  shown in reports
 * @throws TypeError at once, when `body` is not a function returning an op
 */
export function toEffect<A, E = unknown>(body: Body<A>, options?: ToEffectOptions<E>): Effect.Effect<A, E> {
  expectBody("toEffect", "body", body);
  expectOptions("toEffect", options, "name");
  expectFunction("toEffect", "options.catch", options?.catch, true);
  const name = options?.name ?? (body.name || undefined);
  const failure = (error: unknown): Effect.Effect<never, E> => {
    if (error instanceof Cancelled) return Effect.interrupt;
    if (!options?.catch) return Effect.fail(error as E);
    try {
      return Effect.fail(options.catch(error));
    } catch (defect) {
      return Effect.die(defect);
    }
  };
  return callback<A, E>((resume) => {
    let ended: Result<A> | undefined;
    let onInterrupted: ((outcome: Result<A>) => void) | undefined;
    const end = (outcome: Result<A>) => {
      ended = outcome;
      if (onInterrupted) onInterrupted(outcome);
      else resume(outcome.ok ? Effect.succeed(outcome.value) : failure(outcome.error));
    };
    let root: RootFiber;
    try {
      root = startRoot(body, { name, ...belonging("toEffect", options), onDone: end });
    } catch (error) {
      return end({ ok: false, error });
    }
    return callback<void>((done) => {
      if (ended) return done(Effect.void);
      const reason = new EffectInterrupted();
      const cancelled = new Cancelled(reason);
      onInterrupted = (outcome) =>
        done(outcome.ok || isEcho(outcome.error, cancelled) ? Effect.void : Effect.die(outcome.error));
      root.cancel(reason);
    });
  });
}
