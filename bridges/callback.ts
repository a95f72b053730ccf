// Functions that report through callbacks.
//
// |             | `fromCallback`                                    | `fromNode`, `fromNodeAll`                        |
// |-------------|---------------------------------------------------|--------------------------------------------------|
// | settles     | `ok` or `fail`, the first call                    | the error-first callback, the first call         |
// | cancels     | what `register` returned, in the same turn        | only the wait: there is nothing to call          |
// | error       | the very value given to `fail`                    | the very `err`, if it is truthy                  |
// | late value  | dropped, or `onDiscard`                           | dropped                                          |
//
// |             | `toCallback`, `toNode`                                                                               |
// |-------------|------------------------------------------------------------------------------------------------------|
// | settles     | the callback, once, after the finalizers, never inside the call; with `inline`, where a plain        |
// |             | callback function would have called it                                                               |
// | cancels     | the handle, `signal`, the owner; the callback gets an `AbortError`, or `signal.reason`               |
// | owner       | `sw`; the fiber in `fromAsync`; nobody                                                               |
// | error       | the same object; a falsy one in an error, as `util.callbackify` does; what the callback throws is    |
// |             | reported as unhandled                                                                                |

import { reportUnhandled, Wait, type Body, type Op } from "trestle";
import { discardOf, type DiscardOptions } from "./crossing/discard.js";
import { drive, type DriveOptions } from "./crossing/drive.js";
import { oneShot, type Answer, type Undo } from "./crossing/one-shot.js";
import type { DisposableLike } from "./crossing/platform.js";
import { WithinCall } from "./crossing/within-call.js";
import { toAsync } from "./promise.js";
import { awaitValue } from "./crossing/reaction.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectFunction, expectOptions, isGeneratorFunction, refuse } from "./crossing/refuse.js";

/** What a registration may return to be undone by: the first of these methods that it has is called, once. */
export type Cancellable =
  | DisposableLike
  | { unsubscribe(): void }
  | { abort(): void }
  | { cancel(): void }
  | { close(): void }
  | { destroy(): void };

const CANCEL_METHODS: readonly PropertyKey[] = [
  Symbol.dispose,
  "unsubscribe",
  "abort",
  "cancel",
  "close",
  "destroy",
].filter((method) => method !== undefined);

/** The options of {@link fromCallback}. */
export interface FromCallbackOptions<T> extends DiscardOptions<T> {
  /** Asked when `ok` is called, in the same turn: an error that the platform leaves in a variable. `undefined` means none. */
  lastError?: () => unknown;
  /** Shown in reports: "fromCallback(label)". */
  label?: string;
}

/**
 * Calls `register` with two callbacks and waits until one of them is called: what `new Promise((resolve, reject) => ...)` is to async
 * functions. If `register` returns a function, or an object of {@link Cancellable}, cancelling the fiber calls it, in the same turn;
 * it is not called once there is an answer.
 *
 * The first call counts. The fiber runs after whoever called back has returned, before the next timer. An error that `register`
 * throws is thrown here; after an answer it is reported as unhandled.
 *
 * A cancellation point: in a cancelled fiber `register` is not called.
 *
 * @example
 * const position = yield* fromCallback<Coordinates>((ok, fail) => geolocation.getCurrentPosition(ok, fail));
 *
 * @param options.lastError  for `chrome.*`-style APIs: `() => chrome.runtime.lastError`
 * @param options.onDiscard  is given a value that comes after the cancellation
 * @param options.label  shown in reports
 */
export function fromCallback<T>(
  register: (ok: (value: T) => void, fail: (error: unknown) => void) => void | (() => void) | Cancellable,
  options?: FromCallbackOptions<T>,
): Op<T> {
  expectFunction("fromCallback", "register", register);
  expectOptions("fromCallback", options, "label");
  expectFunction("fromCallback", "options.lastError", options?.lastError, true);
  const label = options?.label === undefined ? "fromCallback" : `fromCallback(${options.label})`;
  const begin = (answer: Answer<T>): Undo | undefined => {
    const ok = (value: T) => {
      const error = options?.lastError?.();
      if (error === undefined) answer.succeed(value);
      else answer.fail(error);
    };
    return undoOf(register(ok, answer.fail));
  };
  return oneShot<T>(label, begin, { discard: discardOf("fromCallback", options) });
}

function undoOf(returned: unknown): Undo | undefined {
  if (typeof returned === "function") return returned as Undo;
  if (typeof returned !== "object" || returned === null) return undefined;
  const target = returned as Record<PropertyKey, unknown>;
  const method = CANCEL_METHODS.find((name) => typeof target[name] === "function");
  return method === undefined ? undefined : () => void (target[method] as () => void)();
}

/** A function whose last parameter is an error-first callback. */
export type NodeStyle<A extends unknown[], R> = (
  ...args: [...args: A, callback: (error: unknown, value: R) => void]
) => unknown;

/** The options of {@link fromNode} and {@link fromNodeAll}. */
export interface FromNodeOptions {
  /** Only `null` and `undefined` mean success. By default every falsy error does, as with `util.promisify`. */
  strictError?: boolean;
  /** Shown in reports: "fromNode(label)". By default the name of the function. */
  label?: string;
}

/**
 * An error-first callback function as a fiber function: `util.promisify` for fibers. What `fn` declares for `promisify` is honoured:
 * its custom promisified form, and the names of several results.
 *
 * The op is a cancellation point. Cancelling ends the wait only: there is nothing to stop the call with; for that use
 * {@link fromCallback}. In a cancelled fiber `fn` is not called.
 *
 * @example
 * const access = fromNode(fs.access);
 * yield* access("nowhere.txt"); // throws Error: ENOENT...
 * yield* fromNode(client, "connect")(8080);
 *
 * @param fn  called with the arguments and a callback, and with the `this` of the call
 * @param options.strictError  default false
 * @param options.label  shown in reports
 */
export function fromNode<This, A extends unknown[], R = void>(
  fn: (this: This, ...args: [...args: A, callback: (error: unknown, value: R) => void]) => unknown,
  options?: FromNodeOptions,
): (this: This, ...args: A) => Op<R>;
export function fromNode<O extends object, K extends keyof O>(
  object: O,
  method: K,
  options?: FromNodeOptions,
): O[K] extends NodeStyle<infer A, infer R>
  ? (...args: A) => Op<R>
  : // A callback that gets an error and nothing else.
    O[K] extends (...args: [...args: infer A, callback: (error: unknown) => void]) => unknown
    ? (...args: A) => Op<void>
    : never;
export function fromNode(first: unknown, second?: unknown, third?: unknown): unknown {
  return wrap("fromNode", first, second, third);
}

/**
 * {@link fromNode} for callbacks with several results: gives all of them, as an array.
 *
 * @example
 * const [stdout, stderr] = yield* fromNodeAll(runTool)("--version"); // => ["1.0", ""]
 */
export function fromNodeAll<This, A extends unknown[], R extends unknown[]>(
  fn: (this: This, ...args: [...args: A, callback: (error: unknown, ...values: R) => void]) => unknown,
  options?: FromNodeOptions,
): (this: This, ...args: A) => Op<R>;
export function fromNodeAll(first: unknown, second?: unknown, third?: unknown): unknown {
  return wrap("fromNodeAll", first, second, third);
}

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const PROMISIFIED = Symbol.for("nodejs.util.promisify.custom");

function wrap(where: string, first: unknown, second: unknown, third: unknown): AnyFunction {
  const byMethod = typeof second === "string" || typeof second === "symbol";
  const fn = byMethod ? (first as Record<PropertyKey, unknown> | null | undefined)?.[second] : first;
  const expected = "a function taking an error-first callback";
  if (typeof fn !== "function") refuse(where, byMethod ? String(second) : "fn", expected, fn);
  if (isGeneratorFunction(fn)) refuse(where, "fn", expected, fn, "run a fiber function with yield* directly");
  const options = (byMethod ? third : second) as FromNodeOptions | undefined;
  expectOptions(where, options, "label");
  const strict = options?.strictError === true;
  const label = `${where}(${options?.label ?? (fn.name || "anonymous")})`;
  const promisified = (fn as { [PROMISIFIED]?: unknown })[PROMISIFIED];
  const all = where === "fromNodeAll";
  const call: NodeFunction = { fn: fn as AnyFunction, label, strict, all, names: all ? undefined : namesOfResults(fn) };

  return function (this: unknown, ...args: unknown[]): Op<unknown> {
    const receiver = byMethod ? first : this;
    if (typeof promisified === "function") {
      return new Recipe(
        () => callPromisified(label, promisified as AnyFunction, receiver, args)[Symbol.iterator](),
        label,
      );
    }
    return new NodeCall(call, receiver, args);
  };
}

/** A function that takes an error-first callback, and how its answer is read. */
interface NodeFunction {
  readonly fn: AnyFunction;
  readonly label: string;
  readonly strict: boolean;
  /** Give all results. */
  readonly all: boolean;
  /** The names of several results. */
  readonly names: readonly string[] | undefined;
}

/** One call, and the wait for its callback. */
class NodeCall extends Wait<unknown> {
  private readonly call: NodeFunction;
  private readonly receiver: unknown;
  private readonly args: readonly unknown[];
  private answered = false;

  constructor(call: NodeFunction, receiver: unknown, args: readonly unknown[]) {
    super(call.label);
    this.call = call;
    this.receiver = receiver;
    this.args = args;
  }

  protected again(): NodeCall {
    return new NodeCall(this.call, this.receiver, this.args);
  }

  protected enter(): void {
    const { fn, all, names } = this.call;
    const callback =
      all || names
        ? (error: unknown, ...values: unknown[]) =>
            this.answer(error, names && values.length > 1 ? named(names, values) : all ? values : values[0])
        : (error: unknown, value: unknown) => this.answer(error, value);
    const within = WithinCall.of(this.fiber!);
    if (within)
      within.begin(
        () => fn.apply(this.receiver, [...this.args, callback]),
        () => this.answered,
      );
    else fn.apply(this.receiver, [...this.args, callback]);
  }

  private answer(error: unknown, value: unknown): void {
    const failed = this.call.strict ? error !== null && error !== undefined : Boolean(error);
    const result = failed ? error : value;
    const within = WithinCall.of(this.fiber!);
    this.answered = true;
    if (within) within.around(() => this.wakeWithin(result, failed));
    else this.wake(result, failed);
  }

  /** There is nothing to stop the call with. */
  protected leave(): void {}
}

function* callPromisified(label: string, fn: AnyFunction, receiver: unknown, args: unknown[]): Op<unknown> {
  requireFiber("fromNode").context.check();
  return yield* awaitValue<unknown>(label, fn.apply(receiver, args));
}

/** Node marks functions with several results by a symbol of its own; `promisify` makes an object with these keys. */
function namesOfResults(fn: object): readonly string[] | undefined {
  const mark = Object.getOwnPropertySymbols(fn).find((symbol) => symbol.description === "customPromisifyArgs");
  return mark && (fn as Record<symbol, readonly string[]>)[mark];
}

function named(names: readonly string[], values: unknown[]): object {
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

/** An error-first callback. */
export type NodeCallback<T> = (error: unknown, value?: T) => void;

/** Stops what {@link toCallback} has started. */
export interface CancelHandle {
  /** Cancels the fiber; nothing happens if it has ended. The callback is called when its finalizers are done. */
  cancel(reason?: unknown): void;
}

/** The options of {@link toCallback}. */
export interface ToCallbackOptions extends DriveOptions {
  /** Do not call the callback when the fiber was cancelled by the handle. Default false. */
  silentCancel?: boolean;
  /**
   * Keep the turns of a function written with callbacks: the callback is called, and throws, inside the call that ended the last wait,
   * before this function has returned if nothing was waited for; the same holds for each {@link fromNode} on the way. What the body
   * throws before its first wait, and what a function throws that was to call back, is thrown where it always was. For façades of
   * functions that others call as before. Default false.
   */
  inline?: boolean;
}

/** In place of an error that an error-first callback would take for success; `reason` is that error. */
export class FalsyError extends Error {
  override readonly name = "FalsyError";
  readonly code = "ERR_FALSY_VALUE_REJECTION";
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("the fiber failed with a falsy value", { cause: reason });
    this.reason = reason;
  }
}

/**
 * Runs `body` as a fiber, from ordinary code, and tells `callback` its outcome: `callback(null, value)` or `callback(error)`, exactly
 * once, after the finalizers, and never before this function has returned. The body runs synchronously up to its first suspension.
 *
 * What the callback throws is reported as unhandled; it is not called a second time.
 *
 * @example
 * const handle = toCallback(
 *   () => download(url),
 *   (error, page) => log(error ?? page?.text),
 * );
 * handle.cancel(); // the callback is given an AbortError
 *
 * @param callback  is given `null` and the value, or the error: that of the body, the same object; an `AbortError` when the fiber was
 *   cancelled, `signal.reason` when the signal was aborted; a {@link FalsyError} for a falsy one
 * @param options.silentCancel  after `cancel` on the handle nothing is called
 * @throws TypeError at once, when an argument is not what it should be; the body is not started
 */
export function toCallback<T>(body: Body<T>, callback: NodeCallback<T>, options?: ToCallbackOptions): CancelHandle {
  return callBack("toCallback", body, callback, options);
}

function callBack<T>(
  where: string,
  body: Body<T>,
  callback: NodeCallback<T>,
  options: ToCallbackOptions | undefined,
): CancelHandle {
  expectBody(where, "body", body);
  expectOptions(where, options, "name");
  if (options?.inline === true) return callBackWithin(where, body, callback, options);
  expectFunction(where, "callback", callback);
  let inside = true;
  let silent = false;
  const tell: NodeCallback<T> = (error, value) => {
    if (silent) return;
    // As `callbackify` does: an error of the callback concerns nobody here.
    const call = () => {
      try {
        if (error === null) callback(null, value);
        else callback(error);
      } catch (thrown) {
        reportUnhandled(thrown);
      }
    };
    if (inside) void Promise.resolve().then(call);
    else call();
  };
  const root = drive(
    where,
    body,
    options,
    (value) => tell(null, value),
    (error) => tell(error ? error : new FalsyError(error)),
  );
  inside = false;
  return {
    cancel(reason: unknown = new Error("cancelled by its handle")) {
      silent = options?.silentCancel === true;
      root?.cancel(reason);
    },
  };
}

/** The callback is not looked at before it is called: a function written with callbacks does not either. */
function callBackWithin<T>(
  where: string,
  body: Body<T>,
  callback: NodeCallback<T>,
  options: ToCallbackOptions,
): CancelHandle {
  const within = new WithinCall();
  let silent = false;
  const tell = (call: () => void) => {
    if (silent) return;
    try {
      call();
    } catch (thrown) {
      within.leave(thrown);
    }
  };
  const first = () => {
    within.attach(requireFiber(where));
    return body();
  };
  const root = within.around(() =>
    drive(
      where,
      first,
      { ...options, name: options.name ?? body.name },
      (value) => tell(() => callback(null, value)),
      (error) => {
        const thrown = within.thrownFor(error);
        if (thrown) within.leave(thrown.error);
        else tell(() => callback(error ? error : new FalsyError(error)));
      },
    ),
  );
  return {
    cancel(reason: unknown = new Error("cancelled by its handle")) {
      silent = options.silentCancel === true;
      root?.cancel(reason);
    },
  };
}

/**
 * A fiber function as an error-first callback function: `util.callbackify` for fibers. The last argument is the callback; each call
 * runs its own fiber, as {@link toCallback} does, and returns its handle. `util.promisify` of the result gives `toAsync(fn)`.
 *
 * @example
 * const load = toNode(function* (id: string) {
 *   return yield* loadUser(id);
 * });
 * load("ada", (error, user) => log(error ?? user?.name));
 *
 * @param fn  a fiber function
 * @throws TypeError at once, when `fn` is not a function, or is an async one; from each call without a callback
 */
export function toNode<This, A extends unknown[], T>(
  fn: (this: This, ...args: A) => Op<T>,
  options?: ToCallbackOptions,
): (this: This, ...args: [...args: A, callback: NodeCallback<T>]) => CancelHandle {
  expectBody("toNode", "fn", fn);
  expectOptions("toNode", options, "name");
  const named = { ...options, name: options?.name ?? fn.name };
  // A method, because methods know `this` and cannot be called with `new`.
  const holder = {
    wrapper(this: This, ...args: unknown[]): CancelHandle {
      const callback = args.pop() as NodeCallback<T>;
      return callBack("toNode", () => fn.apply(this, args as A), callback, named);
    },
  };
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { wrapper } = holder;
  Object.defineProperty(wrapper, "name", { value: named.name, configurable: true });
  Object.defineProperty(wrapper, "length", { value: fn.length + 1, configurable: true });
  Object.defineProperty(wrapper, PROMISIFIED, { value: toAsync(fn, { name: named.name }), configurable: true });
  return wrapper;
}
