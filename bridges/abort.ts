// AbortSignal and the cancellation context, both ways.
//
// |             | `cancelSignal`                                  | `withSignal`                                        |
// |-------------|-------------------------------------------------|-----------------------------------------------------|
// | direction   | a cancellation aborts the signal                | an abort cancels the body                           |
// | when        | in the same turn, before any fiber resumes      | in the same turn                                    |
// | reason      | an `AbortError` whose cause is the reason       | `signal.reason` itself is thrown                    |
// | at the end  | the signal stays as it is                       | the listener is taken off                           |

import { Cancel, type Body, type CancelContext, type Op } from "trestle";
import { abortErrorOf } from "./crossing/abort-error.js";
import { expectSignal, ForeignAbort, listenForAbort } from "./crossing/foreign-abort.js";
import { oneShot } from "./crossing/one-shot.js";
import type { Signal } from "./crossing/platform.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, refuse } from "./crossing/refuse.js";

const signals = new WeakMap<CancelContext, AbortSignal>();

/**
 * The signal of the cancellation context that the fiber is in: aborted in the turn in which the context is cancelled, before any fiber
 * resumes. For foreign calls that outlive a single {@link fromAsync}. One context has one signal, made when it is first asked for.
 *
 * The signal's reason is an `AbortError` whose `cause` is the reason of the cancellation. When the context ends normally the signal
 * is not aborted. Inside `Cancel.protect` the signal is that of the protected section, which cancellation from outside does not reach.
 *
 * Not a cancellation point: in a cancelled context the signal is aborted already.
 *
 * @example
 * const signal = yield* cancelSignal();
 * const response = yield* fromPromise(fetch(url, { signal }));
 */
export function cancelSignal(): Op<Signal> {
  return new Recipe(currentSignal, "cancelSignal");
}

function* currentSignal(): Generator<never, AbortSignal> {
  return signalOf(requireFiber("cancelSignal").context);
}

function signalOf(context: CancelContext): AbortSignal {
  const known = signals.get(context);
  if (known) return known;
  const controller = new AbortController();
  const { interruption } = context;
  if (interruption) controller.abort(abortErrorOf(interruption));
  else context.onCancel((cancelled) => controller.abort(abortErrorOf(cancelled)));
  signals.set(context, controller.signal);
  return controller.signal;
}

/**
 * Runs `body`, cancelled by a foreign signal: when that is aborted, `body` is cancelled in the same turn, and `withSignal` throws
 * `signal.reason`, the very value, once its finalizers are done. Without a signal it is `body` itself, so that optional `{ signal }`
 * parameters need no branch.
 *
 * A cancellation point on entry only. A signal that is aborted already keeps `body` from starting.
 *
 * @example
 * function* search(query: string, options?: { signal?: AbortSignal }) {
 *   return yield* withSignal(options?.signal, () => download(`/search?q=${query}`));
 * }
 *
 * @throws `signal.reason` after an abort, together with what finalizers threw, if they did
 */
export function withSignal<T>(signal: Signal | undefined, body: Body<T>): Op<T> {
  if (signal === null) refuse("withSignal", "signal", "an AbortSignal or undefined", signal);
  expectSignal("withSignal", "signal", signal);
  expectBody("withSignal", "body", body);
  return new Recipe(() => (signal ? bySignal(signal, body) : body())[Symbol.iterator](), "withSignal");
}

function* bySignal<T>(signal: AbortSignal, body: Body<T>): Op<T> {
  if (signal.aborted) throw signal.reason;
  const abort = new ForeignAbort(signal);
  try {
    const value = yield* Cancel.sub((context) => {
      abort.attach(context);
      return body();
    });
    abort.succeeded();
    return value;
  } catch (error) {
    throw abort.explain(error);
  } finally {
    abort.detach();
  }
}

/**
 * Waits until a foreign signal is aborted, and gives its reason, whatever that is; at once if it is aborted already. Nothing is thrown
 * and nothing is cancelled: for fibers that do something about an abort. A cancellation point; cancelling takes the listener off.
 *
 * @example
 * const stop = new AbortController();
 * setTimeout(() => stop.abort("closing time"));
 * yield* waitAborted(stop.signal); // => "closing time"
 */
export function waitAborted(signal: Signal): Op<unknown> {
  if (signal === undefined) refuse("waitAborted", "signal", "an AbortSignal", signal);
  expectSignal("waitAborted", "signal", signal);
  return oneShot<unknown>(
    "waitAborted",
    (answer) => {
      const aborted = signal;
      if (!aborted.aborted) return listenForAbort(aborted, () => answer.succeed(aborted.reason));
      answer.succeed(aborted.reason);
      return undefined;
    },
    { undoWhenAnswered: true },
  );
}
