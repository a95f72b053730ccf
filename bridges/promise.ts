// Promises and async functions, both ways.
//
// |             | `fromPromise`, `adopt`       | `fromAsync`                            | `toPromise`, `toAsync`                  |
// |-------------|------------------------------|----------------------------------------|-----------------------------------------|
// | cancels     | the wait, not the promise    | aborts the signal, then waits          | `signal`, the owner; not the promise    |
// | owner       | whoever made the promise     | the fiber                              | `sw`; the fiber in `fromAsync`; nobody  |
// | error       | the same object              | the same object; after a cancellation  | the same object; `signal.reason`;       |
// |             |                              | only what is not its echo              | an `AbortError` if cancelled            |
// | late value  | dropped, or `onDiscard`      | dropped, or `onDiscard`                | cannot be                               |
// | turns       | those of `await`             | those of `await`; none for plain values | those of an async function             |

import { Cancelled, promiseAwaited, promiseMade, type Body, type Deferred, type Op, type Result } from "trestle";
import { discardOf, type DiscardOptions } from "./crossing/discard.js";
import { drive, type DriveOptions } from "./crossing/drive.js";
import { ownedCall, type Call } from "./crossing/owned-call.js";
import type { Signal } from "./crossing/platform.js";
import { awaitValue } from "./crossing/reaction.js";
import { isOp, isThenable, Recipe } from "./crossing/recipe.js";
import { expectBody, expectFunction, expectOptions, isGeneratorFunction, refuse } from "./crossing/refuse.js";
import { remember, type FiberFunction } from "./crossing/twins.js";

export { AbortError } from "./crossing/abort-error.js";

/** The options of {@link fromPromise}. */
export interface FromPromiseOptions<T> extends DiscardOptions<T> {
  /** Shown in reports: "fromPromise(label)". */
  label?: string;
}

/** The options of {@link fromAsync}. */
export interface FromAsyncOptions<T> extends DiscardOptions<T> {
  /**
   * What the fiber does after a cancellation has aborted the signal. `"settle"`, the default: it waits until the promise has settled,
   * so that what it started ends before it does. `"abandon"`: it goes on at once.
   */
  onCancel?: "settle" | "abandon";
  /** Called on cancellation, after the signal was aborted: for promises with a `cancel` method of their own. */
  cancel?: (promise: PromiseLike<T>) => void;
  /** Shown in reports: "fromAsync(label)". By default the name of the function. */
  label?: string;
}

/** The options of {@link toPromise}. */
export type ToPromiseOptions = DriveOptions;

/** The options of {@link toAsync}. */
export interface ToAsyncOptions {
  /** The name of the async function, and of its fibers in reports. By default the name of the fiber function. */
  name?: string;
}

/**
 * Waits for a promise that somebody else made, and gives its value or throws its error: `await` for fibers. The fiber goes on in the
 * very microtask in which `await promise` would have. Any thenable will do.
 *
 * A cancellation point: in a cancelled fiber the promise is not touched; a cancelled wait ends at once. The promise is only watched:
 * it is never cancelled, and what comes of it later is dropped, without an unhandled rejection. Until the op is run nothing is
 * attached to the promise; so one that may fail earlier should be waited for by a fiber of its own, or made in {@link fromAsync}.
 *
 * @example
 * const response = yield* fromPromise(fetch(url));
 *
 * @param promise  any thenable
 * @param options.label  shown in reports
 * @param options.onDiscard  is given the value if it comes after a cancelled wait
 * @throws TypeError at once, when `promise` is not a thenable
 */
export function fromPromise<T>(promise: PromiseLike<T>, options?: FromPromiseOptions<T>): Op<T> {
  if (!isThenable(promise)) refuse("fromPromise", "promise", "a promise", promise, wayOutOf(promise));
  expectOptions("fromPromise", options, "label");
  const label = options?.label;
  promiseAwaited(promise, "fromPromise");
  return awaitValue<T>(
    label === undefined ? "fromPromise" : `fromPromise(${label})`,
    promise,
    options && discardOf("fromPromise", options),
  );
}

function wayOutOf(value: unknown): string {
  if (typeof value === "function") return "to call a function and wait for its promise, use fromAsync(fn)";
  if (isOp(value)) return "run an op with yield* directly";
  return "use adopt(x) for a value that may be a promise";
}

/**
 * Waits for whatever `value` turns out to be, in the turns of `await`: an op is run, a thenable is waited for as {@link fromPromise}
 * does, and any other value comes back after one turn. After an op, too, others get a turn, even if it never suspended: what follows
 * runs when it would have run after awaiting an async function. For code that cannot know; where the kind is known, say it.
 *
 * A cancellation point.
 *
 * @example
 * const settings = yield* adopt(plugin.configure()); // a value, a promise or an op, as the plugin likes
 */
export function adopt<T extends readonly unknown[]>(value: T): Op<T>;
export function adopt<T>(value: Op<T>): Op<T>;
export function adopt<T>(value: Op<T> | undefined): Op<T | undefined>;
export function adopt<T>(value: Op<T> | null | undefined): Op<T | null | undefined>;
export function adopt<T>(value: T): Op<Awaited<T>>;
export function adopt(value: unknown): Op<unknown> {
  if (isOp(value)) return new Recipe(() => runAndGiveTurn(value)[Symbol.iterator](), "adopt");
  if (isThenable(value)) promiseAwaited(value, "adopt");
  return awaitValue("adopt", value);
}

/** As `await` does: whether it ends well or not, what follows never runs in the same turn. */
function* runAndGiveTurn(op: Op<unknown>): Op<unknown> {
  let value: unknown;
  try {
    value = yield* op;
  } catch (error) {
    if (!(error instanceof Cancelled)) yield* awaitValue("adopt", undefined);
    throw error;
  }
  yield* awaitValue("adopt", undefined);
  return value;
}

/**
 * Calls `fn` and waits for its promise; what the call started belongs to the fiber. When the fiber is cancelled, the signal that `fn`
 * was given is aborted in the same turn; by default the fiber then waits until the promise has settled, so that the `finally` blocks
 * of an async function run inside the scope.
 *
 * `fn` is called when the op is run, synchronously, each time anew. A plain value comes back without a turn, an error that `fn`
 * throws is thrown. A fiber that `fn` starts with {@link toPromise} before it first waits is cancelled along with the calling one, and ends
 * before it. The signal is not aborted when the call has ended by itself: what outlives the call, such as the body of a response,
 * goes on working.
 *
 * After a cancellation the op throws `Cancelled`, unless the promise is rejected with an error that is not an echo of it (another
 * than `signal.reason` or an `AbortError`): then that error.
 *
 * A cancellation point: in a cancelled fiber `fn` is not called.
 *
 * @example
 * const response = yield* fromAsync((signal) => fetch(url, { signal }));
 *
 * @param fn  is always given the signal
 * @param options.onCancel  `"settle"` (default) or `"abandon"`
 * @param options.cancel  how to cancel the promise itself, for instance `(p) => p.cancel()`
 * @param options.onDiscard  is given a value that comes after the cancellation
 * @param options.label  shown in reports
 * @throws TypeError at once, when `fn` is not a function, or is a `function*`
 */
export function fromAsync<T>(
  fn: (signal: Signal) => PromiseLike<T> | T,
  options?: FromAsyncOptions<Awaited<T>>,
): Op<Awaited<T>> {
  if (isGeneratorFunction(fn)) {
    refuse("fromAsync", "fn", "a function returning a promise", fn, "run a fiber function with yield* directly");
  }
  if (typeof fn !== "function") {
    const wayOut = isThenable(fn) ? "use fromPromise(p) for a promise that is there already" : undefined;
    refuse("fromAsync", "fn", "a function returning a promise", fn, wayOut);
  }
  expectOptions("fromAsync", options, "label");
  const onCancel: unknown = options?.onCancel ?? "settle";
  if (onCancel !== "settle" && onCancel !== "abandon") {
    refuse("fromAsync", "options.onCancel", '"settle" or "abandon"', onCancel);
  }
  expectFunction("fromAsync", "options.cancel", options?.cancel, true);
  const name = options?.label ?? fn.name;
  const call: Call<Awaited<T>> = {
    fn: fn as Call<Awaited<T>>["fn"],
    label: name ? `fromAsync(${name})` : "fromAsync",
    abandon: onCancel === "abandon",
    cancel: options?.cancel,
    discard: discardOf("fromAsync", options),
  };
  return new Recipe(() => ownedCall(call)[Symbol.iterator](), "fromAsync");
}

/** Generators that were given to `toPromise` in place of a function; each can be run once. */
const taken = new WeakSet<object>();

function bodyOf<T>(body: Body<T>): Body<T> {
  if (typeof body === "function" || !isOp(body)) {
    expectBody("toPromise", "body", body);
    return body;
  }
  if (taken.has(body)) {
    refuse(
      "toPromise",
      "body",
      "a function returning an op",
      body,
      "this op was started before; pass () => op() to run it anew",
    );
  }
  taken.add(body);
  return () => body;
}

/**
 * Runs `body` as a fiber, from ordinary code, and gives a promise of its outcome: calling an async function, in other words. The body
 * runs synchronously up to its first suspension; the promise settles in the very step in which the body ends, finalizers included.
 *
 * The promise fulfils with the value of the body (a thenable is followed, as in async functions) or rejects with its error, the same
 * object. It never throws: wrong arguments reject, too. A rejection that nobody handles is an unhandled rejection.
 *
 * Who can stop the fiber: `options.signal`, and then the promise rejects with `signal.reason`; `options.sw`, which waits for it and,
 * when it fails or is cancelled, stops it, and then the promise rejects with an {@link AbortError}. Called from inside the function of
 * {@link fromAsync}, before that has waited (or later, where `trackContext` was called), the fiber is stopped along with the calling
 * fiber, unless `options.inherit` is false. Otherwise nobody owns it: nothing waits for it, nothing stops
 * it, also when a fiber calls `toPromise` in passing. Dropping the promise stops nothing.
 *
 * If `signal` is aborted and the body returns a value all the same, the promise fulfils with it. If a finalizer throws then, the
 * promise rejects with an `AggregateError` of both, the reason first.
 *
 * @example
 * async function answer(url: string, signal: AbortSignal): Promise<string> {
 *   return await toPromise(() => handle({ url }), { signal });
 * }
 * await answer("/orders", AbortSignal.timeout(2000)); // => "answer to /orders"
 *
 * @param body  a fiber function without parameters
 * @param options.signal  cancels the fiber; one that is aborted already keeps the body from starting
 * @param options.sw  the switch that owns the fiber; its failure stays with the promise unless `failSwitch` is true
 * @param options.inherit  whether the fiber may belong to the fiber that the calling code works for; default true
 * @param options.name  shown in reports
 */
export function toPromise<T>(body: Body<T>, options?: ToPromiseOptions): Promise<T> {
  const promise = new Promise<T>((resolve, reject) => {
    expectOptions("toPromise", options, "name");
    drive("toPromise", bodyOf(body), options, resolve, reject);
  });
  promiseMade(promise, "toPromise");
  return promise;
}

/**
 * A fiber function as an async function: each call runs its own fiber, as {@link toPromise} does. `this`, the arguments, `length` and
 * the name are passed on; an error in calling `fn` itself, such as one in a default parameter, rejects.
 *
 * @example
 * const sizeOf = toAsync(function* sizeOf(address: string): Op<number> {
 *   const page = yield* download(address);
 *   return page.text.length;
 * });
 * await sizeOf(url); // => 33
 *
 * @param fn  a fiber function
 * @param options.name  by default the name of `fn`
 * @throws TypeError at once, when `fn` is not a function, or is an async one
 */
export function toAsync<This, A extends unknown[], T>(
  fn: (this: This, ...args: A) => Op<T>,
  options?: ToAsyncOptions,
): (this: This, ...args: A) => Promise<T> {
  expectBody("toAsync", "fn", fn);
  expectOptions("toAsync", options, "name");
  const named = { name: options?.name ?? fn.name };
  // A method, because methods know `this` and cannot be called with `new`.
  const holder = {
    wrapper(this: This, ...args: A): Promise<T> {
      const promise = new Promise<T>((resolve, reject) => {
        drive("toAsync", () => fn.apply(this, args), named, resolve, reject);
      });
      promiseMade(promise, named.name === "" ? "toAsync" : named.name);
      return promise;
    },
  };
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { wrapper } = holder;
  Object.defineProperty(wrapper, "name", { value: named.name, configurable: true });
  Object.defineProperty(wrapper, "length", { value: fn.length, configurable: true });
  remember(wrapper, fn as FiberFunction);
  return wrapper;
}

/**
 * A promise of the outcome in `deferred`, as `Fiber.forkPromise` gives it. Each call makes an independent observer: what becomes of
 * the promise does not concern the fiber.
 *
 * @example
 * const job = yield* Fiber.forkPromise(sw, () => download(url));
 * promiseOf(job).then(log, report);
 *
 * @param deferred  a cell of a `Result`
 */
export function promiseOf<T>(deferred: Deferred<Result<T>>): Promise<T> {
  return toPromise(() => deferred.awaitOrThrow(), { name: "promiseOf" });
}
