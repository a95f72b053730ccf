// Observables, to fibers: RxJS, and whatever else has their shape.
//
// `lastOf`, `singleOf` and `collect` are as `firstOf`, but subscribed until the end; `latest` is as `fromObservable`, with room for one.
//
// |             | `firstOf`                                  | `forEachOf`                                | `fromObservable`                        |
// |-------------|--------------------------------------------|--------------------------------------------|-----------------------------------------|
// | subscribes  | when run                                   | when run                                   | when run, before it returns             |
// | cancel      | unsubscribed in the same turn              | unsubscribed in the same turn              | by the switch, in the same turn         |
// | error       | the same object                            | after the values before it                 | after the values before it, once        |
// | buffer      | none                                       | 16, overflow is an error                   | 16, overflow is an error                |
// | release     | at the first value                         | when it ends, however                      | `close`, or the end of the switch       |

import {
  asyncDispose,
  reportUnhandled,
  suspend,
  type Enqueue,
  type Op,
  type Switch,
  EmptyError,
  TooManyError,
} from "trestle";
import type { AsyncDisposableLike } from "./crossing/platform.js";
import { oneShot } from "./crossing/one-shot.js";
import { expectBuffer, PushSource } from "./crossing/push-source.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectOptions, expectSwitch, refuse } from "./crossing/refuse.js";
import { canWait, ROOM } from "./crossing/room.js";
import { Done, type BufferOptions, type Subscribed } from "./crossing/subscribed.js";

export { EmptyError, OverflowError, TooManyError } from "trestle";
export { Done, type BufferOptions, type Subscribed } from "./crossing/subscribed.js";

/** What an observable calls. */
export interface ObserverLike<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
}

/**
 * Anything with the `subscribe` of observables: RxJS, the platform's `Observable`, and others. At run time also what gives such a thing
 * from its `Symbol.observable` method.
 */
export type ObservableLike<T> =
  | { subscribe(observer: ObserverLike<T>): unknown }
  // The last overload of RxJS, from which the type of the values is inferred.
  | { subscribe(next?: ((value: T) => void) | null): unknown };

type Teardown = (() => void) | { unsubscribe(): void };

/** What a source may have: RxJS subscriptions tell their parents when they end, so that these can forget them. */
interface Child {
  _addParent?(parent: object): void;
  _removeParent?(parent: object): void;
}

/**
 * Observer and subscription in one. RxJS takes an object of this shape as its own subscriber; so a source that emits while it is being
 * subscribed to sees `closed`, and can be stopped from within its emission.
 */
class Receiver<T> implements ObserverLike<T> {
  closed = false;
  /** For sources that can wait; see `crossing/room.ts`. */
  [ROOM]: (() => Op<void> | undefined) | undefined = undefined;
  /** It was told the end, or is told nothing any more. */
  private stopped = false;
  private readonly teardowns = new Set<Teardown>();
  private controller: AbortController | undefined = undefined;
  // Properties, not methods: some libraries call them on an object that inherits from this one.
  readonly next: (value: T) => void;
  readonly error: (error: unknown) => void;
  readonly complete: () => void;
  readonly unsubscribe: () => void;

  constructor(next: (value: T) => void, error: (error: unknown) => void, complete: () => void) {
    this.next = (value) => {
      if (!this.stopped) next(value);
    };
    this.error = (thrown) => {
      if (this.stopped) return;
      this.stopped = true;
      error(thrown);
      this.finish();
    };
    this.complete = () => {
      if (this.stopped) return;
      this.stopped = true;
      complete();
      this.finish();
    };
    this.unsubscribe = () => this.close();
  }

  /** Unsubscribes from within a call of the source, which is not to blame for what its clean-up throws. */
  finish(): void {
    try {
      this.close();
    } catch (error) {
      reportUnhandled(error);
    }
  }

  /** The second argument of the platform's `subscribe`, which returns nothing to unsubscribe by. Made when it is looked at. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.closed) this.controller.abort();
    return this.controller.signal;
  }

  add(teardown: unknown): void {
    if (teardown === this || !isTeardown(teardown)) return;
    if (this.closed) return runTeardown(teardown);
    (teardown as Child)._addParent?.(this);
    this.teardowns.add(teardown);
  }

  remove(teardown: unknown): void {
    this.teardowns.delete(teardown as Teardown);
    (teardown as Child | undefined)?._removeParent?.(this);
  }

  /** Stops the source. All teardowns run; the first error among theirs is thrown. */
  private close(): void {
    if (this.closed) return;
    this.closed = this.stopped = true;
    let thrown: { error: unknown } | undefined;
    for (const teardown of [...this.teardowns]) {
      try {
        runTeardown(teardown);
      } catch (error) {
        thrown ??= { error };
      }
    }
    this.teardowns.clear();
    this.controller?.abort();
    if (thrown) throw thrown.error;
  }
}

function isTeardown(value: unknown): value is Teardown {
  if (typeof value === "function") return true;
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { unsubscribe?: unknown }).unsubscribe === "function"
  );
}

function runTeardown(teardown: Teardown): void {
  if (typeof teardown === "function") teardown();
  else teardown.unsubscribe();
}

interface Subscribable<T> {
  subscribe(observer: ObserverLike<T>, options: { readonly signal: AbortSignal }): unknown;
}

function subscribableOf<T>(where: string, source: unknown): Subscribable<T> {
  if ((typeof source === "object" && source !== null) || typeof source === "function") {
    const candidate = source as Partial<Subscribable<T>> & Record<PropertyKey, unknown>;
    if (typeof candidate.subscribe === "function") return candidate as Subscribable<T>;
    const symbol = (Symbol as { observable?: symbol }).observable;
    const convert = (symbol && candidate[symbol]) ?? candidate["@@observable"];
    if (typeof convert === "function") return (convert as () => Subscribable<T>).call(source);
  }
  return refuse(where, "source", "an observable: an object with subscribe(observer)", source);
}

/** Subscribes, and gives what ends the subscription. */
function subscribeWith<T>(source: Subscribable<T>, receiver: Receiver<T>): () => void {
  receiver.add(source.subscribe(receiver, receiver));
  return receiver.unsubscribe;
}

function feed<T>(source: Subscribable<T>): (sink: PushSource<T>) => () => void {
  return (sink) => {
    const receiver = new Receiver<T>(
      (value) => {
        sink.push(value);
        // A source that goes on emitting while it is subscribed to is told in its own terms.
        if (sink.closed) receiver.finish();
      },
      (error) => sink.fail(error),
      () => sink.end(),
    );
    receiver[ROOM] = () => (sink.full ? sink.room() : undefined);
    return subscribeWith(source, receiver);
  };
}

/** The options of {@link firstOf}. */
export interface FirstOfOptions<D> {
  /** The result for an observable that completes without a value; also `undefined`, if the key is there. */
  default?: D;
}

/**
 * The first value of an observable, which is then unsubscribed from: `firstValueFrom` for fibers.
 *
 * A cancellation point: in a cancelled fiber nothing is subscribed to; cancelling unsubscribes in the same turn. Each run subscribes
 * anew.
 *
 * @example
 * const user = yield* firstOf(user$);
 *
 * @param source  RxJS, or anything observable-shaped
 * @param options.default  instead of an {@link EmptyError}
 * @throws the error of the observable, the same object
 * @throws EmptyError when it completes without a value, and there is no default
 */
export function firstOf<T>(source: ObservableLike<T>, options?: undefined): Op<T>;
export function firstOf<T, D = never>(source: ObservableLike<T>, options: FirstOfOptions<D> | undefined): Op<T | D>;
export function firstOf<T, D>(source: ObservableLike<T>, options?: FirstOfOptions<D>): Op<T | D> {
  const observable = subscribableOf<T>("firstOf", source);
  expectOptions("firstOf", options);
  return oneShot<T | D>(
    "firstOf",
    (answer) => {
      const receiver = new Receiver<T>(
        (value) => {
          answer.succeed(value);
          receiver.finish();
        },
        (error) => answer.fail(error),
        () => {
          if (options && "default" in options) answer.succeed(options.default as D);
          else answer.fail(new EmptyError());
        },
      );
      return subscribeWith(observable, receiver);
    },
    { undoWhenAnswered: true },
  );
}

/** Waits for the end of an observable, and gives what `end` makes of what was seen. */
function untilEnd<T, R>(
  where: string,
  source: ObservableLike<T>,
  watch: () => { next(value: T, fail: (error: unknown) => void): void; end(): R },
): Op<R> {
  const observable = subscribableOf<T>(where, source);
  return oneShot<R>(
    where,
    (answer) => {
      const watcher = watch();
      const receiver: Receiver<T> = new Receiver<T>(
        (value) =>
          watcher.next(value, (error) => {
            answer.fail(error);
            receiver.finish();
          }),
        (error) => answer.fail(error),
        () => {
          try {
            answer.succeed(watcher.end());
          } catch (error) {
            answer.fail(error);
          }
        },
      );
      return subscribeWith(observable, receiver);
    },
    { undoWhenAnswered: true },
  );
}

/**
 * The last value of an observable, when it completes: `lastValueFrom` for fibers. Otherwise as {@link firstOf}.
 *
 * @example
 * yield* lastOf({
 *   subscribe(observer: ObserverLike<string>) {
 *     observer.next("a");
 *     observer.next("b");
 *     observer.complete();
 *   },
 * }); // => "b"
 *
 * @param options.default  instead of an {@link EmptyError}
 * @throws the error of the observable, the same object; the values before it are dropped
 * @throws EmptyError when it completes without a value, and there is no default
 */
export function lastOf<T>(source: ObservableLike<T>, options?: undefined): Op<T>;
export function lastOf<T, D = never>(source: ObservableLike<T>, options: FirstOfOptions<D> | undefined): Op<T | D>;
export function lastOf<T, D>(source: ObservableLike<T>, options?: FirstOfOptions<D>): Op<T | D> {
  expectOptions("lastOf", options);
  return untilEnd<T, T | D>("lastOf", source, () => {
    let last: { value: T } | undefined;
    return {
      next: (value) => void (last = { value }),
      end: () => (last ? last.value : defaultOf(options)),
    };
  });
}

function defaultOf<D>(options: FirstOfOptions<D> | undefined): D {
  if (options && "default" in options) return options.default as D;
  throw new EmptyError();
}

/**
 * The one value of an observable, when it completes. A second value is an error, and unsubscribes at once. Otherwise as
 * {@link firstOf}.
 *
 * @example
 * const user = yield* singleOf(user$);
 *
 * @param options.default  instead of an {@link EmptyError}
 * @throws TooManyError at the second value
 * @throws EmptyError when it completes without a value, and there is no default
 */
export function singleOf<T>(source: ObservableLike<T>, options?: undefined): Op<T>;
export function singleOf<T, D = never>(source: ObservableLike<T>, options: FirstOfOptions<D> | undefined): Op<T | D>;
export function singleOf<T, D>(source: ObservableLike<T>, options?: FirstOfOptions<D>): Op<T | D> {
  expectOptions("singleOf", options);
  return untilEnd<T, T | D>("singleOf", source, () => {
    let only: { value: T } | undefined;
    return {
      next(value, fail) {
        if (only) fail(new TooManyError());
        else only = { value };
      },
      end: () => (only ? only.value : defaultOf(options)),
    };
  });
}

/**
 * All values of an observable, when it completes. There is no limit on how many: for sources that end soon. Otherwise as
 * {@link firstOf}.
 *
 * @example
 * const users = yield* collect(user$);
 *
 * @throws the error of the observable, the same object; the values before it are dropped
 */
export function collect<T>(source: ObservableLike<T>): Op<T[]> {
  return untilEnd<T, T[]>("collect", source, () => {
    const values: T[] = [];
    return { next: (value) => void values.push(value), end: () => values };
  });
}

/** The newest value of an observable, readable at any time; see {@link latest}. */
export interface Latest<T> extends AsyncDisposableLike {
  /**
   * The newest value. Callable from anywhere.
   *
   * @throws EmptyError while there was none, and no `initial`
   * @throws the error of the observable, once it has failed
   */
  value(): T;
  /**
   * The newest value as soon as there is one that `changed` has not given yet, counted from when `latest` returned: no update between
   * two calls is missed, several are told as one. {@link Done} after the last one. For one fiber; others make their own. A
   * cancellation point when it has to wait.
   *
   * @throws the error of the observable
   */
  changed(): Op<T | Done>;
  /** Unsubscribes. `value` stays, and `changed` gives {@link Done}. */
  close(): void;
}

/** The options of {@link latest}. */
export interface LatestOptions<T> {
  /** What `value` gives before the first one. */
  initial?: T;
}

class Newest<T> implements Latest<T> {
  private current: { value: T } | undefined = undefined;
  private failure: { error: unknown } | undefined = undefined;
  private unseen = false;
  private ended = false;
  private readonly waiting = new Set<Enqueue<void>>();
  private readonly receiver: Receiver<T>;
  private detach: () => void = () => {};

  constructor(sw: Switch, source: Subscribable<T>, options: LatestOptions<T> | undefined) {
    if (options && "initial" in options) this.current = { value: options.initial as T };
    this.receiver = new Receiver<T>(
      (value) => {
        this.current = { value };
        this.unseen = true;
        this.tell();
      },
      (error) => {
        this.failure = { error };
        this.end();
      },
      () => this.end(),
    );
    const hook = sw.addHook(() => this.close(), "latest");
    const forget = sw.context.onCancel(() => this.receiver.unsubscribe());
    this.detach = () => {
      hook.remove();
      forget();
    };
    try {
      subscribeWith(source, this.receiver);
    } catch (error) {
      this.detach();
      throw error;
    }
    if (this.ended) this.detach();
    // What came on subscribing is what `value` gives now.
    this.unseen = false;
  }

  value(): T {
    if (this.failure) throw this.failure.error;
    if (!this.current) throw new EmptyError();
    return this.current.value;
  }

  changed(): Op<T | Done> {
    return new Recipe(() => this.next()[Symbol.iterator](), "latest.changed");
  }

  private *next(): Op<T | Done> {
    requireFiber("changed");
    if (!this.unseen && !this.ended) {
      yield* suspend<void>("latest.changed", (ctx, enqueue) => {
        this.waiting.add(enqueue);
        ctx.setCancelFn((error) => {
          this.waiting.delete(enqueue);
          enqueue({ ok: false, error });
        });
      });
    }
    if (this.unseen) {
      this.unseen = false;
      return this.current!.value;
    }
    if (this.failure) throw this.failure.error;
    return Done;
  }

  private tell(): void {
    for (const enqueue of this.waiting) enqueue({ ok: true, value: undefined });
    this.waiting.clear();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.detach();
    this.tell();
  }

  close(): void {
    this.end();
    this.unseen = false;
    this.receiver.unsubscribe();
  }

  /** {@link close}, for `await using`. */
  [asyncDispose](): PromiseLike<void> {
    this.close();
    return Promise.resolve();
  }
}

/**
 * Subscribes, and keeps the newest value at hand: a `BehaviorSubject` seen by fibers. The switch owns the subscription: it ends in the
 * turn in which the switch is cancelled, or when that ends. Not a cancellation point, but a cancelled fiber or switch does not
 * subscribe.
 *
 * @example
 * const current = yield* latest(sw, user$);
 * log(current.value());
 *
 * @param source  RxJS, or anything observable-shaped
 * @param options.initial  what `value` gives before the first one
 */
export function latest<T>(sw: Switch, source: ObservableLike<T>, options?: LatestOptions<T>): Op<Latest<T>> {
  expectSwitch("latest", sw);
  const observable = subscribableOf<T>("latest", source);
  expectOptions("latest", options);
  return new Recipe(() => newest(sw, observable, options)[Symbol.iterator](), "latest");
}

function* newest<T>(
  sw: Switch,
  observable: Subscribable<T>,
  options: LatestOptions<T> | undefined,
): Generator<never, Latest<T>> {
  requireFiber("latest").context.check();
  sw.check();
  return new Newest(sw, observable, options);
}

/**
 * Subscribes, and gives a {@link Subscribed} to take the values from. It has subscribed when the op returns: nothing that is emitted
 * from then on is missed. The switch owns the subscription: it ends in the turn in which the switch is cancelled, or when that ends.
 *
 * An observable cannot be slowed down, so the buffer is bounded, and running over is an error unless `overflow` says otherwise; what
 * is emitted synchronously on subscribing does not count. Values come in order, then the error if there is one, then `Done`, for
 * ever. Not a cancellation point, but a cancelled fiber or switch does not subscribe.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   const keys = yield* fromObservable(sw, keys$);
 *   for (let key = yield* keys.next(); key !== Done; key = yield* keys.next()) log(key);
 * });
 *
 * @param source  RxJS, or anything observable-shaped
 * @param options.buffer  values that may wait; default 16
 * @param options.overflow  default `"error"`
 * @param options.syncLimit  values that may come on subscribing, in addition; default 65,536
 * @throws Cancelled, SwitchFinishedError when the switch is not on; nothing is subscribed to
 */
export function fromObservable<T>(sw: Switch, source: ObservableLike<T>, options?: BufferOptions): Op<Subscribed<T>> {
  expectSwitch("fromObservable", sw);
  const observable = subscribableOf<T>("fromObservable", source);
  expectBuffer("fromObservable", options, canWait(observable));
  return new Recipe(() => subscribed(sw, observable, options)[Symbol.iterator](), "fromObservable");
}

function* subscribed<T>(
  sw: Switch,
  observable: Subscribable<T>,
  options: BufferOptions | undefined,
): Generator<never, Subscribed<T>> {
  requireFiber("fromObservable").context.check();
  sw.check();
  return new PushSource<T>("fromObservable", options).attach(sw).start(feed(observable));
}

/**
 * Calls `body` with each value of an observable, one after the other: the next one waits in the buffer until `body` has ended. When
 * the observable completes, so does the op; when it fails, its error is thrown once the values before it are dealt with; when `body`
 * throws, the observable is unsubscribed from and the error propagates.
 *
 * A cancellation point: in a cancelled fiber nothing is subscribed to; cancelling unsubscribes in the same turn, whether `body` is
 * running or not.
 *
 * @example
 * yield* forEachOf(keys$, (key) => work(key));
 *
 * @param body  may suspend
 * @param options  as in {@link fromObservable}
 */
export function forEachOf<T>(
  source: ObservableLike<T>,
  body: (value: T) => Op<unknown>,
  options?: BufferOptions,
): Op<void> {
  const observable = subscribableOf<T>("forEachOf", source);
  expectBody("forEachOf", "body", body);
  expectBuffer("forEachOf", options, canWait(observable));
  return new Recipe(() => each(observable, body, options)[Symbol.iterator](), "forEachOf");
}

function* each<T>(
  observable: Subscribable<T>,
  body: (value: T) => Op<unknown>,
  options: BufferOptions | undefined,
): Op<void> {
  const { context } = requireFiber("forEachOf");
  context.check();
  const source = new PushSource<T>("forEachOf", options);
  const forget = context.onCancel(() => source.halt());
  try {
    source.start(feed(observable));
    for (let value = yield* source.next(); value !== Done; value = yield* source.next()) yield* body(value);
  } finally {
    forget();
    source.close();
  }
}
