// Async iterables, both ways.
//
// |             | `fromAsyncIterable`, `each`                   | `toAsyncIterable`                        | `toAsyncGenerator`                |
// |-------------|-----------------------------------------------|------------------------------------------|-----------------------------------|
// | starts      | at the first pull                             | at the first `next`                      | at the first `next`               |
// | cancel      | `return()`, in the same turn; waited for,     | whoever asks; `return()`, at once;       | whoever asks; `return()`, after   |
// |             | unless a pull is pending                      | `signal`, `sw`                           | the requests before it            |
// | owner       | the fiber: `close`, or the end of `each`      | whoever asks; besides `sw`, `signal`     | whoever asks                      |
// | error       | the same object                               | the same object, once                    | the same object, once             |
// | buffer      | none: one `next()` at a time                  | none: runs when asked                    | none: runs when asked             |
// | turns       | those of `for await`                          | those of an async generator              | those of an async generator       |

// Programs for old platforms know less of the language than these declarations.
/// <reference lib="es2018.asynciterable" preserve="true" />
/// <reference lib="es2018.asyncgenerator" preserve="true" />

import {
  asyncDispose,
  Cancel,
  Cancelled,
  combine,
  Fiber,
  InvalidArgument,
  runReady,
  suspend,
  type Enqueue,
  type Instruction,
  type Op,
  type Result,
  type Stream,
  type Switch,
} from "trestle";
import { isEcho } from "./crossing/abort-error.js";
import { expectSignal } from "./crossing/foreign-abort.js";
import { FiberGenerator, FiberIteration, PRODUCTION } from "./crossing/iteration.js";
import type { AsyncDisposableLike, Signal } from "./crossing/platform.js";
import {
  Emission,
  Production,
  ReturnAgain,
  type Item,
  type ItemOf,
  type Producing,
  type Yielding,
} from "./crossing/production.js";
import { awaitValue, react } from "./crossing/reaction.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectOptions, expectSwitch, refuse } from "./crossing/refuse.js";

export type { Item, ItemOf, Producing, Yielding } from "./crossing/production.js";

/** The options of {@link fromAsyncIterable}. */
export interface FromAsyncIterableOptions {
  /**
   * What a fiber does that is cancelled while it waits for an item, after `return()` was called. `"abandon"`, the default: it goes on
   * at once, as an async generator does not even begin to return before its pending step has ended. `"wait"`: it waits for the end of
   * both; for sources that end a pending step when they are told to, as by a signal.
   */
  onReturn?: "wait" | "abandon";
  /** Shown in reports. */
  name?: string;
}

type Sources<T> = AsyncIterable<T> | Iterable<T | PromiseLike<T>>;

/** How the items of one kind of source are pulled. */
interface Puller {
  pull(): Op<IteratorResult<unknown, unknown>>;
  /** After the last pull has ended, or when the source is left before its end. */
  leave(): Op<void>;
}

type Method = (this: unknown, value?: unknown) => unknown;

function methodOf(object: object, name: PropertyKey): Method | undefined {
  const method = (object as Record<PropertyKey, unknown>)[name];
  return typeof method === "function" ? (method as Method) : undefined;
}

function resultOf(label: string, result: unknown): IteratorResult<unknown, unknown> {
  if ((typeof result !== "object" && typeof result !== "function") || result === null)
    throw new TypeError(`${label}: the iterator gave a result that is not an object`);
  return result as IteratorResult<unknown, unknown>;
}

/** What `for await` does with an async iterator. */
class AsyncPuller implements Puller {
  private readonly label: string;
  private readonly iterator: object;
  private readonly next: Method;
  private readonly wait: boolean;
  /** Ends a pending pull, where `return()` cannot. */
  private readonly breakOff: (() => void) | undefined;

  constructor(label: string, iterator: object, wait: boolean, breakOff: (() => void) | undefined) {
    this.label = label;
    this.iterator = iterator;
    const next = methodOf(iterator, "next");
    if (!next) throw new TypeError(`${label}: the iterator has no method next`);
    this.next = next;
    this.wait = wait;
    this.breakOff = breakOff;
  }

  *pull(): Op<IteratorResult<unknown, unknown>> {
    return resultOf(this.label, yield* this.pending());
  }

  private pending(): Op<unknown> {
    return suspend<unknown>(this.label, (ctx, enqueue) => {
      let cancelled = false;
      const settled = this.watch(Reflect.apply(this.next, this.iterator, []), (outcome) => {
        if (cancelled) return;
        enqueue(outcome);
        runReady();
      });
      ctx.setCancelFn((error) => {
        cancelled = true;
        this.stop(error, settled, enqueue);
      });
    });
  }

  /** Has `told` called with the outcome of `promise`, and gives what asks for it again. */
  private watch(promise: unknown, told: (outcome: Result<unknown>) => void): (later: typeof told) => void {
    let outcome: Result<unknown> | undefined;
    const others: (typeof told)[] = [told];
    react(promise, (settled) => {
      outcome = settled;
      for (const other of others.splice(0)) other(settled);
    });
    return (later) => {
      if (outcome) later(outcome);
      else others.push(later);
    };
  }

  /** The pending pull is given up. */
  private stop(
    error: Cancelled,
    settled: (later: (outcome: Result<unknown>) => void) => void,
    enqueue: Enqueue<unknown>,
  ) {
    let returned: unknown;
    let thrown: { error: unknown } | undefined;
    try {
      returned = methodOf(this.iterator, "return")?.call(this.iterator);
      this.breakOff?.();
    } catch (failure) {
      thrown = { error: failure };
    }
    if (!this.wait) {
      // Whatever comes of it comes too late.
      react(returned, () => {});
      return enqueue({ ok: false, error });
    }
    const echo = (failure: unknown) => (isEcho(failure, error) ? error : failure);
    let outcome: unknown = thrown ? echo(thrown.error) : error;
    settled((last) => {
      if (!last.ok) outcome = combine(outcome, echo(last.error));
      react(returned, (closed) => {
        if (!closed.ok) outcome = combine(outcome, echo(closed.error));
        enqueue({ ok: false, error: outcome });
        runReady();
      });
    });
  }

  *leave(): Op<void> {
    const close = this.iterator as { return?: unknown };
    const method = close.return;
    if (method === undefined || method === null) return;
    if (typeof method !== "function") throw new TypeError(`${this.label}: "return" of the iterator is not a function`);
    resultOf(this.label, yield* awaitValue(this.label, Reflect.apply(method, this.iterator, [])));
  }
}

/** What `for await` does with the iterator of a sync iterable: its items are awaited. */
class SyncPuller implements Puller {
  private readonly label: string;
  private readonly iterator: Iterator<unknown>;

  constructor(label: string, iterator: Iterator<unknown>) {
    this.label = label;
    this.iterator = iterator;
  }

  *pull(): Op<IteratorResult<unknown, unknown>> {
    const { done, value } = resultOf(this.label, this.iterator.next());
    try {
      const item = yield* awaitValue<unknown>(this.label, value);
      // The result is a promise, too, which `for await` awaits.
      yield* awaitValue(this.label, undefined);
      return { done: done === true, value: item };
    } catch (error) {
      if (!done) this.abort();
      throw error;
    }
  }

  private abort(): void {
    try {
      this.iterator.return?.();
    } catch {
      // The error that ended the pull is the one to tell.
    }
  }

  *leave(): Op<void> {
    const close = methodOf(this.iterator, "return");
    if (close) yield* awaitValue(this.label, resultOf(this.label, close.call(this.iterator)).value);
    yield* awaitValue(this.label, undefined);
  }
}

/** Fiber code is asked without a promise in between. */
class ProductionPuller implements Puller {
  private readonly production: Production<unknown, unknown>;

  constructor(production: Production<unknown, unknown>) {
    this.production = production;
  }

  *pull(): Op<IteratorResult<unknown, unknown>> {
    const step = yield* this.production.ask("next", undefined, true);
    // What `next()` promises is awaited by a loop at its end, too: nothing behind it runs in the turn in which it began.
    if (step.done) yield* Fiber.yield();
    return step;
  }

  *leave(): Op<void> {
    yield* this.production.ask("return", undefined, true);
  }
}

interface Reader {
  read(): PromiseLike<IteratorResult<unknown>>;
  cancel(): PromiseLike<unknown>;
  releaseLock(): void;
}

/** Only its reader can end a read of a web stream that is pending; and not every page can iterate one. */
function readerIterator(reader: Reader): AsyncIterator<unknown> {
  return {
    async next() {
      const result = await reader.read();
      if (result.done) reader.releaseLock();
      return result;
    },
    async return() {
      try {
        await reader.cancel();
      } finally {
        reader.releaseLock();
      }
      return { done: true, value: undefined };
    },
  };
}

function pullerOf(label: string, source: object, wait: boolean): Puller {
  const production = (source as { [PRODUCTION]?: Production<unknown, unknown> })[PRODUCTION];
  if (production) return new ProductionPuller(production);
  const getReader = methodOf(source, "getReader");
  if (getReader) return new AsyncPuller(label, readerIterator(getReader.call(source) as Reader), true, undefined);
  const iterate = methodOf(source, Symbol.asyncIterator);
  if (!iterate) return new SyncPuller(label, (source as Iterable<unknown>)[Symbol.iterator]());
  const iterator = iterate.call(source);
  if (typeof iterator !== "object" || iterator === null) throw new TypeError(`${label}: the iterator is not an object`);
  const inner = (iterator as { [PRODUCTION]?: Production<unknown, unknown> })[PRODUCTION];
  if (inner) return new ProductionPuller(inner);
  // An iteration of ours that has owners ends a pending step when it is told to return.
  const waits = wait || iterator instanceof FiberGenerator;
  // Node's streams end their pending reads when they are destroyed, and not before.
  const destroy = methodOf(source, "destroy");
  return new AsyncPuller(label, iterator, waits, destroy && (() => void destroy.call(source)));
}

const NONE: unique symbol = Symbol("none");

/**
 * The items of an async iterable, one by one, for a plain loop. `next` goes to the following item and says whether there is one;
 * `value` is that item. Whoever leaves before the end closes it, as `for await` does; {@link each} does so by itself.
 *
 * A pull is for one fiber: the source is asked for one item at a time.
 *
 * @example
 * const lines = fromAsyncIterable(["a", "b", "c"]);
 * try {
 *   while (yield* lines.next()) {
 *     if (lines.value === "b") break;
 *     note(lines.value); // => a
 *   }
 * } finally {
 *   yield* lines.close();
 * }
 */
export class Pull<T> {
  private readonly label: string;
  private readonly source: object;
  private readonly wait: boolean;
  private puller: Puller | undefined = undefined;
  private over = false;
  private pulling = false;
  private item: T | typeof NONE = NONE;
  private result: unknown = undefined;

  /** @internal use {@link fromAsyncIterable} */
  constructor(label: string, source: object, wait: boolean) {
    this.label = label;
    this.source = source;
    this.wait = wait;
  }

  /**
   * Goes to the next item: true when there is one, and then `value` is it; false at the end, and from then on. A cancellation point.
   *
   * @throws the error of the source, the same object; from then on it is at its end
   * @throws InvalidArgument while another fiber is in `next`
   */
  next(): Op<boolean> {
    return new Recipe(() => this.advance()[Symbol.iterator](), "Pull.next");
  }

  private *advance(): Op<boolean> {
    requireFiber("Pull.next").context.check();
    if (this.pulling) throw new InvalidArgument(`Pull.next: another fiber waits for the next item of ${this.label}`);
    this.item = NONE;
    if (this.over) return false;
    this.pulling = true;
    // A source that has failed, or was given up while it was waited for, is not to be returned to.
    this.over = true;
    try {
      this.puller ??= pullerOf(this.label, this.source, this.wait);
      const { done, value } = yield* this.puller.pull();
      if (done) {
        this.result = value;
        return false;
      }
      this.item = value as T;
      this.over = false;
      return true;
    } finally {
      this.pulling = false;
    }
  }

  /**
   * The item that the last `next` went to.
   *
   * @throws InvalidArgument before the first item and after the last one
   */
  get value(): T {
    if (this.item === NONE)
      throw new InvalidArgument("Pull.value: there is no item here; go to one with yield* pull.next()");
    return this.item;
  }

  /** What the source returned at its end: the value of `return` in an async generator. */
  get returned(): unknown {
    return this.result;
  }

  /**
   * Leaves the source: its `return()` is called and waited for, protected, so that the `finally` blocks of a generator run before the
   * fiber goes on. Does nothing at the end of the source, after an error of it, before the first `next`, and the second time. Not a
   * cancellation point.
   *
   * @throws what `return()` fails with
   */
  close(): Op<void> {
    return new Recipe(() => this.closing()[Symbol.iterator](), "Pull.close");
  }

  private *closing(): Op<void> {
    requireFiber("Pull.close");
    this.item = NONE;
    if (this.over) return;
    this.over = true;
    const { puller } = this;
    if (puller) yield* Cancel.protect(() => puller.leave());
  }

  /**
   * {@link close} when `error` has broken the loop off. Gives the error to throw on: `error` itself, as `for await` does; what
   * `return()` fails with is then its property `suppressed`. When the loop was cancelled, it is a failure of `return()` that is told.
   *
   * @example
   * const lines = fromAsyncIterable(["a", "b", "c"]);
   * try {
   *   while (yield* lines.next()) note(lines.value);
   * } catch (error) {
   *   throw yield* lines.closeAfter(error);
   * }
   */
  closeAfter(error: unknown): Op<unknown> {
    return new Recipe(() => this.closingAfter(error)[Symbol.iterator](), "Pull.closeAfter");
  }

  private *closingAfter(error: unknown): Op<unknown> {
    try {
      yield* this.closing();
    } catch (failure) {
      if (error instanceof Cancelled) return combine(error, failure);
      suppress(error, failure);
    }
    return error;
  }
}

function suppress(error: unknown, suppressed: unknown): void {
  if (typeof error !== "object" || error === null || "suppressed" in error || !Object.isExtensible(error)) return;
  Object.defineProperty(error, "suppressed", { value: suppressed, configurable: true, writable: true });
}

function labelOf(where: string, name: string | undefined): string {
  return name === undefined ? where : `${where}(${name})`;
}

/**
 * The items of an async iterable, for fibers: gives a {@link Pull}. Of a sync iterable the items are awaited, as `for await` does.
 * Nothing is touched before the first item is pulled.
 *
 * What {@link toAsyncIterable} and {@link toAsyncGenerator} give is run by the pulling fiber itself, without a promise in between. A
 * fiber that is cancelled while it waits for an item calls `return()` in the same turn; as that cannot end a pending step of an async
 * generator, it does not wait for it, unless `onReturn` says so. Pending reads of Node's and the web's streams are ended.
 *
 * @example
 * const items = fromAsyncIterable([Promise.resolve("a"), "b"]);
 * while (yield* items.next()) note(items.value);
 *
 * @param source  an async iterable, or an iterable of values and promises
 * @param options.onReturn  what to wait for when a pending pull is cancelled: `"abandon"` (default) or `"wait"`
 * @param options.name  shown in reports
 * @throws TypeError at once, when `source` cannot be iterated
 */
export function fromAsyncIterable<T>(source: AsyncIterable<T>, options?: FromAsyncIterableOptions): Pull<T>;
export function fromAsyncIterable<T>(source: Iterable<T>, options?: FromAsyncIterableOptions): Pull<Awaited<T>>;
export function fromAsyncIterable<T>(source: Sources<T>, options?: FromAsyncIterableOptions): Pull<T>;
export function fromAsyncIterable(source: Sources<unknown>, options?: FromAsyncIterableOptions): Pull<unknown> {
  const where = "fromAsyncIterable";
  const object = (typeof source === "string" ? Object(source) : source) as object;
  if ((typeof object !== "object" && typeof object !== "function") || object === null)
    refuse(where, "source", "an async iterable, or an iterable", source);
  if (![Symbol.asyncIterator, Symbol.iterator, "getReader"].some((name) => methodOf(object, name)))
    refuse(where, "source", "an async iterable, or an iterable", source);
  expectOptions(where, options, "name");
  const onReturn: unknown = options?.onReturn ?? "abandon";
  if (onReturn !== "wait" && onReturn !== "abandon") refuse(where, "options.onReturn", '"wait" or "abandon"', onReturn);
  return new Pull<unknown>(labelOf(where, options?.name), object, onReturn === "wait");
}

/**
 * Calls `body` with each item, one after the other: `for await` as an op. When `body` throws, or is cancelled, the source is closed as
 * by {@link Pull.closeAfter}, and the error propagates.
 *
 * A cancellation point.
 *
 * @example
 * yield* each(fromAsyncIterable(["a", "b"]), (job) => work(job));
 *
 * @param body  may suspend
 */
export function each<T>(pull: Pull<T>, body: (item: T) => Op<unknown>): Op<void> {
  if (!(pull instanceof Pull)) refuse("each", "pull", "a Pull", pull, "make one with fromAsyncIterable(iterable)");
  expectBody("each", "body", body);
  return new Recipe(() => eachItem(pull, body)[Symbol.iterator](), "each");
}

function* eachItem<T>(pull: Pull<T>, body: (item: T) => Op<unknown>): Op<void> {
  try {
    while (yield* pull.next()) yield* body(pull.value);
  } catch (error) {
    throw yield* pull.closeAfter(error);
  }
}

/**
 * Gives one item to whoever iterates over what {@link toAsyncIterable} or {@link toAsyncGenerator} was given: `yield` for fiber code.
 * The body stands still until the next item is asked for. A promise is awaited first, and its rejection thrown here.
 *
 * It belongs in the body itself, not in a block that a combinator runs, such as that of `Switch.run`; a function of its own that gives
 * items is made with {@link toAsyncGenerator} and run with {@link emitAll}. When the iteration is left, `finally` blocks run from here;
 * they may wait.
 *
 * @example
 * const pages = toAsyncIterable(function* () {
 *   for (const url of urls) yield* emit(yield* download(url));
 * });
 * yield* each(fromAsyncIterable(pages), (page) => work(page.text));
 */
export function emit<T>(item: T | PromiseLike<T>): Producing<T> {
  return new Emission(item, false) as Producing<unknown> as Producing<T>;
}

/**
 * Gives all items of an iterable, and then what that returned: `yield*` of an async generator. Leaving the iteration leaves the iterable,
 * too.
 *
 * @example
 * const numbers = toAsyncIterable(function* () {
 *   yield* emitAll([1, 2]);
 *   yield* emit(3);
 * });
 * yield* each(fromAsyncIterable(numbers), (n) => work(n));
 *
 * @param source  as for {@link fromAsyncIterable}
 */
export function emitAll<T, R>(source: AsyncGenerator<T, R, unknown>): Producing<T, R>;
export function emitAll<T>(source: AsyncIterable<T>): Producing<T, unknown>;
export function emitAll<T>(source: Iterable<T>): Producing<Awaited<T>, unknown>;
export function emitAll<T>(source: Sources<T>): Producing<T, unknown>;
export function emitAll(source: Sources<unknown>): Producing<unknown, unknown> {
  const pull = fromAsyncIterable(source, { name: "emitAll" });
  return { [Symbol.iterator]: () => new Delegate(pull) };
}

type Steps = Iterator<Instruction | Item<unknown>, unknown, unknown>;

function* emitting(pull: Pull<unknown>): Producing<unknown, unknown> {
  try {
    while (yield* pull.next()) yield* new Emission(pull.value, true);
  } catch (error) {
    throw yield* pull.closeAfter(error);
  }
  return pull.returned;
}

/** Gives the items of a pull, and when it is returned to, closes that first. */
class Delegate implements Steps {
  private readonly pull: Pull<unknown>;
  private steps: Steps;
  private returning: { value: unknown; closed: boolean } | undefined = undefined;

  constructor(pull: Pull<unknown>) {
    this.pull = pull;
    this.steps = emitting(pull)[Symbol.iterator]();
  }

  next(value?: unknown): ReturnType<Steps["next"]> {
    const step = this.steps.next(value);
    if (!step.done || !this.returning) return step;
    this.returning.closed = true;
    return { done: false, value: new ReturnAgain(this.returning.value) as never };
  }

  throw(error: unknown): ReturnType<Steps["next"]> {
    if (!this.steps.throw) throw error;
    return this.steps.throw(error);
  }

  return(value?: unknown): ReturnType<Steps["next"]> {
    if (this.returning?.closed) return { done: true, value };
    this.returning = { value, closed: false };
    this.steps = this.pull.close()[Symbol.iterator]();
    return this.next();
  }
}

/** The options of {@link toAsyncIterable}. */
export interface ToAsyncIterableOptions {
  /** Ends all iterations when it is aborted; then `next()` rejects with its reason, once. */
  signal?: Signal;
  /** The switch that waits for a body that runs, and that ends iterations which were left standing. */
  sw?: Switch;
  /** Shown in reports; by default the name of the body. */
  name?: string;
}

/** An async iterable that can be disposed of as a whole: that ends all its iterations. */
export interface FiberIterable<T, R = unknown> extends AsyncDisposableLike {
  [Symbol.asyncIterator](): AsyncGenerator<T, R | undefined>;
}

/** Ends what is running, and what was left standing. */
async function disposeOf(iterations: Iterable<AsyncGenerator<unknown, unknown>>): Promise<void> {
  const failures: unknown[] = [];
  for (const ended of [...iterations].map((iteration) => iteration.return(undefined))) {
    try {
      await ended;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures.reduce(combine);
}

/**
 * Fiber code as an async iterable: each iteration runs `body` anew, which gives items with {@link emit}. It runs only while the consumer
 * waits for an item, up to the next one, so that a slow consumer slows it down; calls of `next()` that do not wait are served in order.
 *
 * Leaving the loop (`break`, `return()`) runs the `finally` blocks of `body`, and is over when they are; if a `next()` is pending, the
 * body is cancelled at once, and that `next()` gives `done`. An error of `body` rejects one `next()`; after that the iteration is at its
 * end. An iteration that is dropped is garbage: its `finally` blocks do not run, as those of a generator, unless `sw` or `signal` ends
 * it, or the iterable is disposed of.
 *
 * Of a stream it gives the items until that is closed; several iterations share them.
 *
 * @example
 * const pages = toAsyncIterable(function* () {
 *   for (const url of urls) yield* emit(yield* download(url));
 * });
 * async function print() {
 *   for await (const page of pages) log(page.text);
 * }
 * yield* fromAsync(print);
 *
 * @param body  a fiber function without parameters, or a `Stream`
 * @param options.signal  ends all iterations when it is aborted; then `next()` rejects with its reason, once
 * @param options.sw  waits for a body that runs, and ends what was left standing
 * @param options.name  shown in reports
 */
export function toAsyncIterable<Y extends Instruction | Item<unknown>, R>(
  body: () => Yielding<Y, R>,
  options?: ToAsyncIterableOptions,
): FiberIterable<ItemOf<Y>, R>;
export function toAsyncIterable<T>(
  stream: Stream<T>,
  options?: ToAsyncIterableOptions,
): FiberIterable<Awaited<T>, void>;
export function toAsyncIterable(
  source: (() => Producing<unknown, unknown>) | Stream<unknown>,
  options?: ToAsyncIterableOptions,
): FiberIterable<unknown> {
  const where = "toAsyncIterable";
  const stream = typeof (source as Partial<Stream<unknown>> | undefined)?.iterate === "function";
  if (!stream) expectBody(where, "body", source);
  expectOptions(where, options, "name");
  if (options?.sw !== undefined) expectSwitch(where, options.sw);
  expectSignal(where, "options.signal", options?.signal);
  const body = stream ? () => streamed(source as Stream<unknown>) : (source as () => Producing<unknown, unknown>);
  const name = options?.name ?? (stream ? (source as Stream<unknown>).name : body.name || undefined);
  const live = new Set<FiberGenerator<unknown, unknown>>();
  return {
    [Symbol.asyncIterator]: () =>
      new FiberIteration<unknown, unknown>(
        name,
        body,
        options,
        (iteration) => live.add(iteration),
        (iteration) => live.delete(iteration as FiberGenerator<unknown, unknown>),
      ),
    [asyncDispose]: () => disposeOf(live),
  };
}

function* streamed(stream: Stream<unknown>): Producing<unknown> {
  const items = stream.iterate();
  while (yield* items.next()) yield* emit(items.value);
}

/**
 * Fiber code as one async generator: `body` gives items with {@link emit}, is started by the first `next()`, and runs when it is asked.
 * It does what an `async function*` with the same body does, in the same turns (`return` of a plain value takes none): `return()` and `throw()` take effect where the body
 * stands, after the requests before them, and what is given to `next()` is not passed on.
 *
 * A fiber that pulls from it runs it on its own stack; see {@link fromAsyncIterable}.
 *
 * @example
 * function pages(list: string[]): AsyncGenerator<string, void> {
 *   return toAsyncGenerator(function* () {
 *     for (const url of list) yield* emit((yield* download(url)).text);
 *   });
 * }
 * yield* each(fromAsyncIterable(pages(urls)), (text) => work(text));
 *
 * @param body  a fiber function without parameters
 * @param options.name  shown in reports; by default the name of `body`
 */
export function toAsyncGenerator<Y extends Instruction | Item<unknown>, R>(
  body: () => Yielding<Y, R>,
  options?: { name?: string },
): AsyncGenerator<ItemOf<Y>, R, unknown> {
  const where = "toAsyncGenerator";
  expectBody(where, "body", body);
  expectOptions(where, options, "name");
  const name = options?.name ?? (body.name || undefined);
  const generator = new FiberGenerator(where, name, new Production(labelOf(where, name), body));
  // The result is undefined only when the generator was left, as the type of the platform's own does not say either.
  return generator as AsyncGenerator<unknown, unknown> as AsyncGenerator<ItemOf<Y>, R, unknown>;
}
