// Fibers, to RxJS: observables, observers, subscriptions, schedulers. The way in, for any observable, is in `observable.ts`.
//
// With RxJS 9 observables are the platform's: one fiber for all that are subscribed at a time, in place of a fiber each, and nothing can
// make it wait. Subscriptions and operators are objects and functions of the shape that they have in version 7.
//
// |             | `toObservable` and its kin                  | `switchMapOp`, `exhaustMapOp`             | `toScheduler`                      |
// |-------------|---------------------------------------------|-------------------------------------------|------------------------------------|
// | starts      | a fiber a subscription, inside `subscribe`  | a fiber a value, one at a time            | a timer an action                  |
// | unsubscribe | cancels the fiber in the same turn          | cancels the fiber in the same turn        | takes the timer back               |
// | owner       | `sw`; the fiber in `fromAsync`; nobody      | the subscription                          | the switch                         |
// | error       | the same object, after the finalizers       | the same object                           | fails the switch                   |
// | late error  | fails `sw`; without it, unhandled           | unhandled                                 | cannot be                          |
// | completes   | after the finalizers                        | when source and fiber have ended          | when the switch ends               |

import * as rxjs from "rxjs";
import type { SchedulerAction, SchedulerLike } from "rxjs";
import {
  Cancelled,
  Clock,
  currentFiber,
  flush,
  reportUnhandled,
  startRoot,
  type CancelContext,
  type Op,
  type Result,
  type RootFiber,
  type StopTimer,
  type Stream,
  type Switch,
  OverflowError,
  ClosedError,
} from "trestle";
import { abortErrorOf, isEcho } from "./crossing/abort-error.js";
import { belonging, type OwnerOptions } from "./crossing/caller.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectFunction, expectOptions, expectSwitch, refuse } from "./crossing/refuse.js";
import { ROOM, WAITS } from "./crossing/room.js";
import {
  isClosed,
  onClose,
  PlainSubscription,
  subscribeFor,
  type RxObserver,
  type SchedulerShape,
  type Sink,
  type SubscriptionShape,
  type Unsubscribable,
} from "./crossing/rx-shapes.js";
import type { BufferOptions } from "./crossing/subscribed.js";
import { inStrictTime } from "./crossing/virtual-time.js";
import type { ObservableLike } from "./observable.js";

export { ClosedError } from "trestle";
export { RealPromiseError } from "./crossing/virtual-time.js";

// --- which version there is ---

/* eslint-disable @typescript-eslint/ban-ts-comment -- the names are looked up in the project that uses the declarations */

/** RxJS 7's.
 * @ts-ignore */
type Observable7<T> = import("rxjs").Observable<T>;
/** RxJS 7's.
 * @ts-ignore */
type Subscription7 = import("rxjs").Subscription;
/** RxJS 7's.
 * @ts-ignore */
type Scheduler7 = import("rxjs").SchedulerLike;
/** RxJS 7's.
 * @ts-ignore */
type Operator7<T, R> = import("rxjs").OperatorFunction<T, R>;

/** `Then`, where `Type` is not known. */
type Unless<Type, Then, Else> = 0 extends 1 & Type ? Then : Else;

/** RxJS 7's `Observable`; with RxJS 9 one of the platform's. */
export type RxObservable<T> = Unless<Observable7<unknown>, ObservableLike<T>, Observable7<T>>;

/** RxJS 7's `Subscription`; with RxJS 9 an object of that shape. */
export type RxSubscription = Unless<Subscription7, SubscriptionShape, Subscription7>;

/** RxJS 7's `SchedulerLike`; RxJS 9 has no schedulers. */
export type RxScheduler = Unless<Scheduler7, SchedulerShape, Scheduler7>;

/** RxJS 7's `OperatorFunction`; with RxJS 9 a function that is called with the source. */
export type RxOperator<T, R> = Unless<
  Operator7<unknown, unknown>,
  (source: ObservableLike<T>) => ObservableLike<R>,
  Operator7<T, R>
>;

/* eslint-enable @typescript-eslint/ban-ts-comment */

// By property, so that what is missing is undefined; one by one, so that bundlers leave the rest out.
const seven = rxjs as Partial<Pick<typeof rxjs, "Observable" | "Subscription">>;

/** Whether observables are those of RxJS 7: each subscription is one of its own, and reaches its observer directly. */
const isSeven = seven.Observable !== undefined;

/** RxJS 7's; else the platform's, which RxJS 9 brings where there is none. */
const Observable = (seven.Observable ?? (globalThis as { Observable?: unknown }).Observable) as new <T>(
  subscribe: (sink: Sink<T>) => void,
) => RxObservable<T>;

/** RxJS 7's; else one of its shape. */
type Subscription = RxSubscription;
const Subscription = (seven.Subscription ?? PlainSubscription) as typeof rxjs.Subscription;

/** One fiber for all subscribers that there are at a time, which the platform's observables have by themselves. */
function share<T>(source: RxObservable<T>): RxObservable<T> {
  return isSeven ? source.pipe(rxjs.share()) : source;
}

// --- observables ---

/** The reason by which a fiber is cancelled when nobody subscribes to it any more. */
export class Unsubscribed extends Error {
  override readonly name = "Unsubscribed";
  readonly code = "UNSUBSCRIBED";

  constructor() {
    super("the subscriber has unsubscribed");
  }
}

/** The options of {@link toObservable} and its kin. */
export interface ToObservableOptions extends OwnerOptions {
  /** The switch that waits for the fibers and cancels them when it is cancelled itself. */
  sw?: Switch;
  /** Shown in reports; by default the name of the body. */
  name?: string;
}

/** What emits to one subscriber, and whether anybody still listens. */
class Emission<T> {
  private readonly subscriber: Sink<T>;
  private readonly sw: Switch | undefined;
  private context: CancelContext | undefined = undefined;
  private cancelled: Cancelled | undefined = undefined;
  /** Values emitted while another one is being delivered. */
  private readonly queue: T[] = [];
  private delivering = false;
  private ended = false;

  constructor(subscriber: Sink<T>, sw: Switch | undefined) {
    this.subscriber = subscriber;
    this.sw = sw;
  }

  get unsubscribed(): boolean {
    return isClosed(this.subscriber);
  }

  /** The first step of the fiber. */
  *run(body: (emission: Emission<T>) => Op<void>): Op<void> {
    // It may have been queued, if starts were nested deeply.
    if (this.unsubscribed) return;
    this.context = requireFiber("toObservable").context;
    yield* body(this);
  }

  readonly emit = (value: T): Op<void> => new Recipe(() => this.emitting(value)[Symbol.iterator](), "emit");

  private *emitting(value: T): Op<void> {
    const { context } = requireFiber("emit");
    context.check();
    if (this.ended) throw new ClosedError("emit: the observable has ended");
    const room = (this.subscriber as { [ROOM]?: () => Op<void> | undefined })[ROOM];
    for (let wait = room?.(); wait; wait = room?.()) yield* wait;
    this.deliver(value);
    context.check();
  }

  private deliver(value: T): void {
    this.queue.push(value);
    if (this.delivering) return;
    this.delivering = true;
    try {
      while (this.queue.length > 0) this.subscriber.next(this.queue.shift() as T);
    } catch (error) {
      // RxJS throws here only when it was configured to; an observer's error is none of the fiber's.
      reportUnhandled(error);
    } finally {
      this.delivering = false;
    }
  }

  /** The subscriber has closed. */
  stop(): void {
    const { context } = this;
    if (!context || context.isFinished || context.interruption) return;
    this.cancelled = new Cancelled(new Unsubscribed());
    try {
      context.cancel(this.cancelled);
    } catch (error) {
      this.late(error);
    }
  }

  end(outcome: Result<void>): void {
    this.ended = true;
    if (outcome.ok) return this.subscriber.complete();
    const { error } = outcome;
    if (!this.unsubscribed) return this.subscriber.error(error instanceof Cancelled ? abortErrorOf(error) : error);
    if (error instanceof Cancelled || (this.cancelled && isEcho(error, this.cancelled))) return;
    this.late(error);
  }

  /** Nobody listens to the observable any more. */
  private late(error: unknown): void {
    if (this.sw && !this.sw.context.isFinished) this.sw.fail(error);
    else reportUnhandled(error);
  }
}

function observableFrom<T>(
  where: string,
  body: (emission: Emission<T>) => Op<void>,
  options: ToObservableOptions | undefined,
  name = where,
): RxObservable<T> {
  expectOptions(where, options, "name");
  const sw = options?.sw;
  if (sw !== undefined) expectSwitch(where, sw);
  const observable = new Observable<T>((subscriber) => {
    if (isClosed(subscriber)) return;
    const emission = new Emission(subscriber, sw);
    // Not returned: a subscriber that closes within the first step is to stop the fiber then.
    onClose(subscriber, () => emission.stop());
    startRoot(() => emission.run(body), {
      name: options?.name ?? name,
      ...belonging(where, options),
      onDone: (outcome) => emission.end(outcome),
    });
  });
  // The platform stands between the fiber and the observer that knows of the room.
  if (isSeven) Object.defineProperty(observable, WAITS, { value: true });
  return observable;
}

/**
 * A cold observable of what a fiber emits: each subscription runs its own fiber. The body runs synchronously, inside `subscribe`, up to
 * its first suspension, so that what it emits by then is delivered as by `of`. When the body returns the observable completes; when it
 * fails, that is the error; both after all clean-up.
 *
 * `emit` delivers and returns without suspending; it does not throw what an observer throws. It is a cancellation point also after the
 * delivery: with `take(1)` the fiber is `Cancelled` at its first `emit`. Subscribed to by `fromObservable` with `overflow: "block"`, it
 * waits for room. Several fibers may emit; a value emitted while another one is being delivered comes after it.
 *
 * Unsubscribing cancels the fiber in the same turn, and does not wait for it; its clean-up goes on under `sw`. An error of a fiber that
 * nobody is subscribed to any more fails `sw`; without it, it is reported as unhandled. A fiber that is cancelled by its switch gives
 * the subscriber an `AbortError`. In a fiber started from within `fromAsync`, the calling fiber is the owner.
 *
 * @example
 * const letters = toObservable<string>(function* (emit) {
 *   yield* emit("a");
 *   yield* emit("b");
 * });
 * yield* collect(letters); // => ["a", "b"]
 *
 * @param options.sw  the switch that waits for the fibers and cancels them when it is cancelled itself
 * @param options.name  shown in reports; by default the name of the body
 */
export function toObservable<T>(
  body: (emit: (value: T) => Op<void>) => Op<void>,
  options?: ToObservableOptions,
): RxObservable<T> {
  expectBody("toObservable", "body", body);
  return observableFrom<T>("toObservable", (emission) => body(emission.emit), options, body.name || undefined);
}

/**
 * A cold observable of the one value that `op` gives: each subscription runs it anew. Otherwise as {@link toObservable}.
 *
 * @example
 * const page$ = observableOf(() => download(url));
 * const page = yield* firstOf(page$);
 *
 * @param op  a fiber function without parameters
 */
export function observableOf<T>(op: () => Op<T>, options?: ToObservableOptions): RxObservable<T> {
  expectBody("observableOf", "op", op);
  return observableFrom<T>("observableOf", (emission) => emitResult(emission, op), options, op.name || undefined);
}

function* emitResult<T>(emission: Emission<T>, op: () => Op<T>): Op<void> {
  yield* emission.emit(yield* op());
}

/**
 * An observable of the items of a stream. Each subscriber takes: an item goes to one of them. It completes when the stream is closed
 * and empty, and fails when that has failed. Unsubscribing loses nothing: an item that was taken and not delivered is put back.
 *
 * @example
 * const words = new Stream<string>(4);
 * words.tryAdd("tea");
 * words.close();
 * yield* collect(streamToObservable(words)); // => ["tea"]
 */
export function streamToObservable<T>(stream: Stream<T>, options?: ToObservableOptions): RxObservable<T> {
  expectStream("streamToObservable", stream);
  return observableFrom<T>("streamToObservable", (emission) => takeAll(emission, stream), options);
}

function* takeAll<T>(emission: Emission<T>, stream: Stream<T>): Op<void> {
  const items = stream.iterate();
  while (yield* items.next()) {
    // It was handed over before the unsubscription, and not delivered.
    if (emission.unsubscribed) return stream.putBack(items.value);
    yield* emission.emit(items.value);
  }
}

/**
 * {@link streamToObservable} for several subscribers that each get all items, from when they subscribe. One fiber takes while anybody
 * is subscribed.
 *
 * @example
 * const words = new Stream<string>(4);
 * const shared = shareStream(words);
 * shared.subscribe(log);
 * shared.subscribe(report);
 * words.close();
 */
export function shareStream<T>(stream: Stream<T>, options?: ToObservableOptions): RxObservable<T> {
  expectStream("shareStream", stream);
  return share(streamToObservable(stream, options));
}

function expectStream(where: string, received: unknown): void {
  const candidate = received as Partial<Stream<unknown>> | null | undefined;
  if (typeof candidate?.tryAdd !== "function" || typeof candidate.putBack !== "function")
    refuse(where, "stream", "a Stream", received);
}

/** The options of {@link toObserver}. */
export interface ToObserverOptions<T> {
  /**
   * What to do with a value when the stream is full. `"error"`, the default: fail the stream with an `OverflowError`.
   * `"drop-oldest"`, `"drop-newest"`: lose one. `"latest"`: keep only the newest.
   */
  overflow?: Exclude<BufferOptions["overflow"], "block">;
  /** Is given each value that is lost. */
  onDrop?: (value: T) => void;
}

/**
 * An observer that adds what it is told to a stream. It cannot wait: when the stream is full, `overflow` decides. `complete` closes the
 * stream, `error` fails it; what comes afterwards, or after the stream was closed by others, is ignored.
 *
 * @example
 * const words = new Stream<string>(4);
 * const observer = toObserver(words);
 * observer.next("tea");
 * observer.complete();
 * yield* words.take(); // => "tea"
 *
 * @param options.overflow  default `"error"`
 * @param options.onDrop  is given each value that is lost
 */
export function toObserver<T>(stream: Stream<T>, options?: ToObserverOptions<T>): RxObserver<T> {
  expectStream("toObserver", stream);
  expectOptions("toObserver", options);
  expectFunction("toObserver", "options.onDrop", options?.onDrop, true);
  const overflow: unknown = options?.overflow ?? "error";
  const known = ["error", "drop-oldest", "drop-newest", "latest"];
  if (!known.includes(overflow as string))
    refuse("toObserver", "options.overflow", known.map((name) => `"${name}"`).join(", "), overflow);
  const drop = (value: T): void => {
    try {
      options?.onDrop?.(value);
    } catch (error) {
      reportUnhandled(error);
    }
  };
  const dropOldest = (): void => {
    const oldest = stream.length > 0 ? stream.tryTake() : undefined;
    if (oldest) drop(oldest.value);
  };
  return {
    next(value) {
      if (stream.isClosed()) return;
      if (overflow === "latest") while (stream.length > 0) dropOldest();
      if (stream.tryAdd(value)) return;
      if (overflow === "drop-oldest") {
        dropOldest();
        if (stream.tryAdd(value)) return;
      }
      drop(value);
      if (overflow === "error") stream.fail(new OverflowError("toObserver", stream.capacity, 1));
    },
    error: (error) => stream.fail(error),
    complete: () => stream.close(),
  };
}

class SwitchSubscription extends Subscription {
  private readonly sw: Switch;
  private readonly teardowns = new Subscription();

  constructor(sw: Switch) {
    super();
    this.sw = sw;
    sw.addHook(() => {
      super.unsubscribe();
      this.teardowns.unsubscribe();
    });
  }

  override unsubscribe(): void {
    if (this.closed) return;
    super.unsubscribe();
    this.sw.context.cancel(new Unsubscribed());
  }

  override add(...[teardown]: Parameters<Subscription["add"]>): void {
    if (teardown !== this) this.teardowns.add(teardown);
  }

  override remove(...[teardown]: Parameters<Subscription["remove"]>): void {
    this.teardowns.remove(teardown);
  }
}

/**
 * A switch as a subscription: `unsubscribe` cancels it in the same turn. `closed` is true from then on, and once the switch has ended.
 * Teardowns that are added run when the fibers of the switch have ended, after the release handlers that were registered later than
 * this call.
 *
 * @example
 * const subscription = toSubscription(sw);
 * subscription.add(() => log("the switch has ended"));
 * subscription.closed; // => false
 *
 * @throws SwitchFinishedError when the block of the switch has ended
 */
export function toSubscription(sw: Switch): RxSubscription {
  expectSwitch("toSubscription", sw);
  return new SwitchSubscription(sw);
}

/**
 * Makes the switch the owner of a subscription: it is unsubscribed from when the switch ends, and forgotten when it closes by itself.
 * Gives it back. Not a cancellation point.
 *
 * @example
 * yield* ownSubscription(sw, user$.subscribe(log));
 *
 * @throws SwitchFinishedError when the switch has ended; the subscription is then unsubscribed from at once
 */
export function ownSubscription<S extends Unsubscribable>(sw: Switch, subscription: S): Op<S> {
  expectSwitch("ownSubscription", sw);
  expectFunction("ownSubscription", "subscription.unsubscribe", (subscription as Partial<S> | undefined)?.unsubscribe);
  return new Recipe(() => owning(sw, subscription)[Symbol.iterator](), "ownSubscription");
}

function* owning<S extends Unsubscribable>(sw: Switch, subscription: S): Op<S> {
  const hook = yield* sw.onReleaseCancellable(() => subscription.unsubscribe());
  subscription.add?.(() => hook.remove());
  return subscription;
}

/** The reason by which the fiber of {@link switchMapOp} is cancelled when a newer value has come. */
export class Superseded extends Error {
  override readonly name = "Superseded";
  readonly code = "SUPERSEDED";

  constructor() {
    super("a newer value has come");
  }
}

/** One subscription of an operator that runs at most one fiber at a time. */
class OneAtATime<T, R> {
  private readonly where: string;
  private readonly project: (value: T, index: number) => Op<R>;
  private readonly subscriber: Sink<R>;
  private running: RootFiber | undefined = undefined;
  private superseded = false;
  private waiting: { value: T } | undefined = undefined;
  private sourceEnded = false;
  private index = 0;

  constructor(where: string, project: (value: T, index: number) => Op<R>, subscriber: Sink<R>) {
    this.where = where;
    this.project = project;
    this.subscriber = subscriber;
  }

  get busy(): boolean {
    return this.running !== undefined;
  }

  start(value: T): void {
    const { project } = this;
    const index = this.index++;
    let ended = false;
    this.superseded = false;
    const root = startRoot<R>(() => project(value, index), {
      name: project.name || this.where,
      onDone: (outcome) => {
        ended = true;
        this.running = undefined;
        this.done(outcome);
      },
    });
    if (ended) return;
    this.running = root;
    if (isClosed(this.subscriber)) this.stop();
  }

  /** Runs `value` as soon as the fiber of the one before it has ended, which is told to. */
  supersede(value: T): void {
    this.waiting = { value };
    this.superseded = true;
    this.cancel(new Superseded());
  }

  private cancel(reason: unknown): void {
    try {
      this.running?.cancel(reason);
    } catch (error) {
      this.fail(error);
    }
  }

  private done(outcome: Result<R>): void {
    if (!outcome.ok && !(this.stopped && outcome.error instanceof Cancelled)) {
      const { error } = outcome;
      return this.fail(error instanceof Cancelled ? abortErrorOf(error) : error);
    }
    if (outcome.ok && !this.superseded) this.subscriber.next(outcome.value);
    // Delivering may have brought the next value, and started it.
    const next = this.waiting;
    this.waiting = undefined;
    if (next && !isClosed(this.subscriber)) this.start(next.value);
    else if (this.sourceEnded && !this.busy) this.subscriber.complete();
  }

  private get stopped(): boolean {
    return this.superseded || isClosed(this.subscriber);
  }

  private fail(error: unknown): void {
    if (isClosed(this.subscriber)) reportUnhandled(error);
    else this.subscriber.error(error);
  }

  complete(): void {
    this.sourceEnded = true;
    if (!this.busy) this.subscriber.complete();
  }

  stop(): void {
    this.waiting = undefined;
    this.cancel(new Unsubscribed());
  }
}

function oneAtATime<T, R>(
  where: string,
  project: (value: T, index: number) => Op<R>,
  whenBusy: (fibers: OneAtATime<T, R>, value: T) => void,
): RxOperator<T, R> {
  expectBody(where, "project", project);
  return (source) =>
    new Observable<R>((subscriber) => {
      const fibers = new OneAtATime(where, project, subscriber);
      onClose(subscriber, () => fibers.stop());
      subscribeFor<T>(subscriber, source, {
        next: (value) => (fibers.busy ? whenBusy(fibers, value) : fibers.start(value)),
        error: (error) => subscriber.error(error),
        complete: () => fibers.complete(),
      });
    });
}

/**
 * `switchMap` with a fiber a value: a newer value cancels the fiber of the one before it, and its own starts only when that one's
 * clean-up is done; of several that come meanwhile, the newest. What the fiber returns is emitted.
 *
 * @example
 * const pages = of(url).pipe(switchMapOp((address) => download(address)));
 * const page = yield* firstOf(pages);
 *
 * @param project  a fiber function of a value and its index
 */
export function switchMapOp<T, R>(project: (value: T, index: number) => Op<R>): RxOperator<T, R> {
  return oneAtATime("switchMapOp", project, (fibers, value) => fibers.supersede(value));
}

/**
 * `exhaustMap` with a fiber a value: values that come while a fiber runs, its clean-up included, are ignored. What the fiber returns is
 * emitted.
 *
 * @example
 * const pages = of(url).pipe(exhaustMapOp((address) => download(address)));
 * const page = yield* firstOf(pages);
 *
 * @param project  a fiber function of a value and its index
 */
export function exhaustMapOp<T, R>(project: (value: T, index: number) => Op<R>): RxOperator<T, R> {
  return oneAtATime("exhaustMapOp", project, () => {});
}

// --- time ---

/** Milliseconds, without what adding and scaling left behind the sixth digit. */
function milliseconds(seconds: number): number {
  return Math.round(seconds * 1e9) / 1e6;
}

class ClockAction<T> extends Subscription implements SchedulerAction<T> {
  private readonly scheduler: ClockScheduler;
  private readonly work: (this: SchedulerAction<T>, state?: T) => void;
  private stop: StopTimer | undefined = undefined;

  constructor(scheduler: ClockScheduler, work: (this: SchedulerAction<T>, state?: T) => void) {
    super();
    this.scheduler = scheduler;
    this.work = work;
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this;
    this.disarm();
    const { clock, pending } = this.scheduler;
    if (this.scheduler.ended) {
      this.unsubscribe();
      return this;
    }
    pending.add(this);
    this.stop = clock.startTimer(clock.now() + Math.max(0, delay) / 1000, () => this.run(state));
    return this;
  }

  private run(state: T | undefined): void {
    this.disarm();
    try {
      this.work(state);
    } catch (error) {
      this.unsubscribe();
      this.scheduler.sw.fail(error);
    }
  }

  private disarm(): void {
    this.scheduler.pending.delete(this);
    this.stop?.();
    this.stop = undefined;
  }

  override unsubscribe(): void {
    if (this.closed) return;
    this.disarm();
    super.unsubscribe();
  }
}

class ClockScheduler implements SchedulerLike {
  readonly clock: Clock;
  readonly sw: Switch;
  readonly pending = new Set<Subscription>();
  ended = false;

  constructor(clock: Clock, sw: Switch) {
    this.clock = clock;
    this.sw = sw;
    if (sw.getError()) {
      this.ended = true;
      return;
    }
    const hook = sw.addHook(() => {
      forget();
      this.end();
    }, "toScheduler");
    const forget = sw.context.onCancel(() => {
      hook.remove();
      this.end();
    });
  }

  private end(): void {
    this.ended = true;
    for (const action of this.pending) action.unsubscribe();
  }

  now(): number {
    return milliseconds(this.clock.now());
  }

  schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay?: number, state?: T): Subscription {
    return new ClockAction<T>(this, work as (state?: T) => void).schedule(state, delay);
  }
}

/**
 * A clock as a scheduler of RxJS: `timer`, `interval`, `delay`, `debounceTime` and the others follow it, mock or real. The switch owns
 * the actions: those still pending are dropped when it is cancelled or ends, and what one throws fails it. Actions that are due at
 * the same time run in the order in which they were scheduled, never within `schedule`.
 *
 * For a clock that {@link clockFromScheduler} made, its scheduler itself.
 *
 * @example
 * const scheduler = toScheduler(env.clock, sw);
 * scheduler.schedule(() => log("a second later"), 1000);
 *
 * @param clock  in seconds; the scheduler counts in milliseconds
 */
export function toScheduler(clock: Clock, sw: Switch): RxScheduler {
  if (typeof (clock as Partial<Clock> | undefined)?.startTimer !== "function")
    refuse("toScheduler", "clock", "a Clock", clock);
  expectSwitch("toScheduler", sw);
  return clock instanceof SchedulerClock ? clock.scheduler : new ClockScheduler(clock, sw);
}

class SchedulerClock extends Clock {
  readonly scheduler: SchedulerLike;

  constructor(scheduler: SchedulerLike) {
    super();
    this.scheduler = scheduler;
  }

  now(): number {
    return this.scheduler.now() / 1000;
  }

  startTimer(time: number, wake: () => void): StopTimer {
    if (time === Infinity) return () => {};
    const delay = milliseconds(time - this.now());
    const action = this.scheduler.schedule(() => wake(), delay);
    return () => action.unsubscribe();
  }
}

/** The options of {@link clockFromScheduler}. */
export interface ClockFromSchedulerOptions {
  /**
   * A fiber that waits for a promise in an action of the scheduler, or is woken by one, gets a {@link RealPromiseError}. Default false: it
   * waits, for ever if the promise needs time of its own. Has no effect on schedulers in real time.
   */
  strict?: boolean;
}

/**
 * A scheduler of RxJS as a clock: fibers sleep by it. For a `TestScheduler`, or any other in virtual time, fibers that an action wakes
 * run right after that action, so that what they do falls in its frame; the scheduler given is changed to see to that. Real promises
 * do not settle in virtual time.
 *
 * For a scheduler that {@link toScheduler} made, its clock itself.
 *
 * @example
 * const scheduler = new VirtualTimeScheduler();
 * const clock = clockFromScheduler(scheduler);
 * const ended = toPromise(() => clock.sleep(0.5));
 * scheduler.flush(); // time passes
 * clock.now(); // => 0.5
 * yield* fromPromise(ended);
 *
 * @param scheduler  in milliseconds; the clock counts in seconds
 * @param options.strict  have a wait for a promise in virtual time throw a {@link RealPromiseError}; default false
 */
export function clockFromScheduler(scheduler: RxScheduler, options?: ClockFromSchedulerOptions): Clock {
  const candidate = scheduler as Partial<SchedulerLike> | undefined;
  if (typeof candidate?.schedule !== "function" || typeof candidate.now !== "function")
    refuse("clockFromScheduler", "scheduler", "a scheduler: an object with schedule and now", scheduler);
  expectOptions("clockFromScheduler", options);
  if (scheduler instanceof ClockScheduler) return scheduler.clock;
  if (options?.strict === true) strictOnes.add(scheduler);
  if (isVirtual(scheduler)) letFibersRun(scheduler);
  return new SchedulerClock(scheduler);
}

function isVirtual(scheduler: SchedulerLike): boolean {
  const { frame, flush: runAll } = scheduler as { frame?: unknown; flush?: unknown };
  return typeof frame === "number" && typeof runAll === "function";
}

const letting = new WeakSet<SchedulerLike>();
/** Those in whose time promises are refused. */
const strictOnes = new WeakSet<SchedulerLike>();

/** Virtual time goes on without a microtask in between: fibers have their turn after each action, or never. */
function letFibersRun(scheduler: SchedulerLike): void {
  if (letting.has(scheduler)) return;
  letting.add(scheduler);
  const schedule = scheduler.schedule.bind(scheduler);
  const scheduleAndRun: SchedulerLike["schedule"] = <T>(
    work: (this: SchedulerAction<T>, state: T) => void,
    delay?: number,
    state?: T,
  ) =>
    schedule<T>(
      function (this: SchedulerAction<T>, current?: T) {
        const run = () => {
          work.call(this, current as T);
          if (!insideFiber()) flush();
        };
        if (strictOnes.has(scheduler)) inStrictTime(run);
        else run();
      },
      delay,
      state,
    );
  Object.defineProperty(scheduler, "schedule", { value: scheduleAndRun, configurable: true, writable: true });
}

function insideFiber(): boolean {
  try {
    currentFiber();
    return true;
  } catch {
    return false;
  }
}
