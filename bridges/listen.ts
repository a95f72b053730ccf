// Handlers that are fibers, for emitters and event targets; and emitting what a stream holds, or being the emitter.
//
// |             | `listen`                                                       | `emitTo`                                    |
// |-------------|----------------------------------------------------------------|---------------------------------------------|
// | listens     | from when it is run, before it returns, until the switch ends  | -                                           |
// | cancel      | the listener is off first, then handlers are cancelled and     | between two values                          |
// |             | waited for                                                     |                                             |
// | error       | of a handler or of the emitter: fails the switch, the listener | what a listener throws is thrown here; of   |
// |             | is off; nothing is thrown into `emit`                          | an event target it is uncaught              |
// | buffer      | unbounded, as an emitter does not wait; `buffer` bounds it     | that of the stream                          |
// | turns       | a handler runs after `emit` has returned                       | `emit` is called by the fiber itself        |
//
// `toEmitter` is as `emitTo`, by daemons of the switch, and takes from a stream only while somebody listens.

import {
  asyncDispose,
  Cancel,
  captureSurroundings,
  Condition,
  Disposed,
  Fiber,
  InvalidArgument,
  withSurroundings,
  type Body,
  type Op,
  type Stream,
  type Surroundings,
  type Switch,
} from "trestle";
import { events, type EmitterLike, type EventsOptions, type EventTargetLike } from "./events.js";
import { CARRY, kindOf, type Carrying } from "./crossing/listener.js";
import type { AsyncDisposableLike, PlatformEvent } from "./crossing/platform.js";
import { Recipe } from "./crossing/recipe.js";
import { expectBody, expectFunction, expectOptions, expectSwitch, refuse } from "./crossing/refuse.js";
import { Done, type Subscribed } from "./crossing/subscribed.js";

/** What happens to events while a handler runs, see {@link listen}. */
export type ListenMode = "serial" | "parallel" | "switch" | "exhaust";

/** The options of {@link listen}. */
export interface ListenOptions extends EventsOptions {
  /**
   * `"serial"`, the default: one handler after the other, in the order of the events. `"parallel"`: a fiber an event. `"switch"`: the
   * running handler is cancelled, and has ended with its finalizers, before the next one starts. `"exhaust"`: events during a
   * handler are dropped, and counted.
   */
  mode?: ListenMode;
  /**
   * In whose stores of `AsyncLocalStorage` handlers run: `"register"`, the default: in those of the fiber that called `listen`;
   * `"emit"`: in those of whoever emits the event, which needs `trackContext`.
   */
  context?: "register" | "emit";
  /** Shown in reports; by default the name of the handler. */
  name?: string;
}

/** Handlers at work, see {@link listen}. */
export interface Listening {
  /** Takes the listener off; handlers that run go on, events that wait are dropped. */
  close(): void;
  /** How many events were dropped: by `"exhaust"`, or by `overflow`. */
  readonly dropped: number;
}

const MODES: readonly unknown[] = ["serial", "parallel", "switch", "exhaust"];

type Handler = (...args: unknown[]) => Op<unknown>;

/**
 * Has `handler`, a fiber function, called for each event, by fibers of `sw`: what `target.on(event, async (...) => ...)` was meant to
 * be. Handlers do not keep the switch open; when it ends the listener comes off, and they are cancelled and waited for. A failure of
 * a handler fails the switch; nothing is thrown into `emit`, and nothing is an unhandled rejection.
 *
 * Not a cancellation point, but a cancelled fiber or switch does not listen.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   yield* listen(sw, socket, "request", function* (url) {
 *     log(yield* handle({ url: String(url) }));
 *   });
 *   socket.emit("request", "/orders");
 *   yield* clock.sleep(0.01);
 * });
 *
 * @param handler  gets the arguments of an emitter's event, or the event of a target
 * @param options.mode  default `"serial"`
 * @param options.buffer  how many events may wait; by default any number
 * @param options.until  the event, or events, after which there are no more
 * @throws SwitchFinishedError when the block of `sw` has ended
 */
export function listen(
  sw: Switch,
  target: EmitterLike,
  event: string | symbol,
  handler: (...args: unknown[]) => Op<unknown>,
  options?: ListenOptions,
): Op<Listening>;
export function listen<E = PlatformEvent>(
  sw: Switch,
  target: EventTargetLike,
  event: string | symbol,
  handler: (event: E) => Op<unknown>,
  options?: ListenOptions,
): Op<Listening>;
export function listen(
  sw: Switch,
  target: EmitterLike | EventTargetLike,
  event: string | symbol,
  handler: unknown,
  options?: ListenOptions,
): Op<Listening> {
  expectBody("listen", "handler", handler);
  expectOptions("listen", options, "name");
  const mode: unknown = options?.mode ?? "serial";
  if (!MODES.includes(mode)) refuse("listen", "options.mode", '"serial", "parallel", "switch" or "exhaust"', mode);
  const context: unknown = options?.context ?? "register";
  if (context !== "register" && context !== "emit")
    refuse("listen", "options.context", '"register" or "emit"', context);
  const carrying: Carrying = { [CARRY]: context === "emit" ? carried : undefined };
  // The target may be of either kind; `events` tells them apart, and checks the other arguments.
  const subscribing = events(sw, target as EmitterLike, event, { buffer: "unbounded", ...options, ...carrying });
  return new Recipe(
    () =>
      new Handlers(sw, handler as Handler, mode as ListenMode, kindOf(target) === "target", options?.name)
        .start(subscribing, context === "emit")
        [Symbol.iterator](),
    "listen",
  );
}

class Handlers implements Listening {
  private readonly sw: Switch;
  private readonly handler: Handler;
  private readonly mode: ListenMode;
  private readonly single: boolean;
  private readonly name: string;
  private subscribed: Subscribed<unknown> | undefined = undefined;
  private refused = 0;

  constructor(sw: Switch, handler: Handler, mode: ListenMode, single: boolean, name: string | undefined) {
    this.sw = sw;
    this.handler = handler;
    this.mode = mode;
    this.single = single;
    this.name = name ?? (handler.name || "listen");
  }

  *start(subscribing: Op<Subscribed<unknown>>, needsContext: boolean): Op<Listening> {
    if (needsContext && !captureSurroundings())
      throw new InvalidArgument(
        'listen: { context: "emit" } needs trackContext(AsyncLocalStorage) of @trestle/bridges',
      );
    const subscribed = (this.subscribed = yield* subscribing);
    yield* Fiber.forkDaemon(this.sw, () => this.handleAll(subscribed), { name: this.name });
    return this;
  }

  close(): void {
    this.subscribed?.close();
  }

  get dropped(): number {
    return this.refused + (this.subscribed?.dropped ?? 0);
  }

  private handleAll(subscribed: Subscribed<unknown>): Op<void> {
    if (this.mode === "switch") return this.switchTo(subscribed);
    return this.handleInTurn(subscribed);
  }

  private *handleInTurn(subscribed: Subscribed<unknown>): Op<void> {
    let busy = false;
    const run = this.mode === "exhaust" ? done(() => (busy = false)) : undefined;
    for (let value = yield* subscribed.next(); value !== Done; value = yield* subscribed.next()) {
      const body = this.bodyOf(value);
      if (this.mode === "serial") yield* body();
      else if (this.mode === "parallel") yield* Fiber.forkDaemon(this.sw, body, { name: this.name });
      else if (busy) this.refused++;
      else {
        busy = true;
        yield* Fiber.forkDaemon(this.sw, () => run!(body), { name: this.name });
      }
    }
  }

  private *switchTo(subscribed: Subscribed<unknown>): Op<void> {
    let value = yield* subscribed.next();
    while (value !== Done) {
      const body = this.bodyOf(value);
      // A handler that ends makes room for nothing: the next event does.
      value = yield* Fiber.first<unknown>(
        function* () {
          yield* body();
          return yield* Fiber.awaitCancel();
        },
        () => subscribed.next(),
      );
    }
  }

  private bodyOf(value: unknown): Body<unknown> {
    if (value instanceof Carried) return () => withSurroundings(value.around, this.bodyOf(value.value));
    const args = this.single ? [value] : (value as unknown[]);
    const { handler } = this;
    return () => handler(...args);
  }
}

/** An event along with the surroundings that it was emitted in. */
class Carried {
  readonly value: unknown;
  readonly around: Surroundings;

  constructor(value: unknown, around: Surroundings) {
    this.value = value;
    this.around = around;
  }
}

function carried(value: unknown): unknown {
  const around = captureSurroundings();
  return around ? new Carried(value, around) : value;
}

/** Runs bodies, and calls `after` when each has ended. */
function done(after: () => void) {
  return function* (body: Body<unknown>): Op<void> {
    try {
      yield* body();
    } finally {
      after();
    }
  };
}

/**
 * Emits what `stream` holds, value by value, until it is closed: `target.emit(event, value)`, or for an event target
 * `dispatchEvent(value)`. What a listener of an emitter throws is thrown here; so is the value of an `error` event that nobody listens
 * to. What a listener of an event target throws is reported by the platform as uncaught.
 *
 * A cancellation point while the stream is empty.
 *
 * @example
 * yield* Fiber.forkDaemon(sw, () => emitTo(socket, "job", jobs));
 *
 * @param target  an emitter with `emit`, or an event target with `dispatchEvent`
 */
export function emitTo<T>(
  target: { emit(event: never, value: never): unknown } | { dispatchEvent(event: never): unknown },
  event: string | symbol,
  stream: Stream<T>,
): Op<void> {
  const emit = emitterOf(target, event);
  if (!emit) refuse("emitTo", "target", "an emitter (emit) or an event target (dispatchEvent)", target);
  if (typeof (stream as Partial<Stream<T>> | undefined)?.iterate !== "function")
    refuse("emitTo", "stream", "a Stream", stream);
  return new Recipe(() => emitting(emit, stream)[Symbol.iterator](), "emitTo");
}

function emitterOf(target: object | null | undefined, event: string | symbol): ((value: unknown) => void) | undefined {
  const { emit, dispatchEvent } = (target ?? {}) as Record<string, unknown>;
  if (typeof emit === "function") return (value) => void (emit as Handler).call(target, event, value);
  if (typeof dispatchEvent === "function") return (value) => void (dispatchEvent as Handler).call(target, value);
  return undefined;
}

function* emitting<T>(emit: (value: unknown) => void, stream: Stream<T>): Op<void> {
  const items = stream.iterate();
  while (yield* items.next()) emit(items.value);
}

/** What {@link toEmitter} gives: as much of Node's `EventEmitter` as listeners need. */
export interface StreamEmitter extends AsyncDisposableLike {
  on(event: string, listener: (value: never) => void): this;
  once(event: string, listener: (value: never) => void): this;
  off(event: string, listener: (value: never) => void): this;
  addListener(event: string, listener: (value: never) => void): this;
  removeListener(event: string, listener: (value: never) => void): this;
  listenerCount(event: string): number;
}

/** The options of {@link toEmitter}. */
export interface ToEmitterOptions {
  /** How many of the last values of an event a new listener of it is called with, at once. Default 0. */
  replay?: number;
  /** Shown in reports. */
  name?: string;
}

/**
 * An emitter of what `streams` hold: each value is emitted under the name of its stream. A stream is taken from only while somebody
 * listens; what nobody has listened to yet stays in it, and slows its producer down. When all streams are closed, `end` is emitted;
 * when one fails, `error` with its failure, which without a listener fails the switch, as does what a listener throws.
 *
 * The fibers that take belong to `sw`, and do not keep it open; `await using`, or `asyncDispose`, stops them, and is over when they are.
 * Not a cancellation point.
 *
 * @example
 * const emitter = yield* toEmitter(sw, { job: jobs });
 * emitter.on("job", (job: string) => log(job));
 *
 * @param streams  by the names of their events
 * @throws SwitchFinishedError when the block of `sw` has ended
 */
export function toEmitter(
  sw: Switch,
  streams: Readonly<Record<string, Stream<unknown>>>,
  options?: ToEmitterOptions,
): Op<StreamEmitter> {
  const where = "toEmitter";
  expectSwitch(where, sw);
  if (typeof streams !== "object" || streams === null) refuse(where, "streams", "streams by names of events", streams);
  for (const [event, stream] of Object.entries(streams)) {
    if (typeof (stream as Partial<Stream<unknown>> | undefined)?.iterate !== "function")
      refuse(where, `streams.${event}`, "a Stream", stream);
  }
  expectOptions(where, options, "name");
  const replay: unknown = options?.replay ?? 0;
  if (typeof replay !== "number" || !(replay >= 0)) refuse(where, "options.replay", "a number of values", replay);
  return new Recipe(() => new Pump(streams, replay).start(sw, options?.name ?? where)[Symbol.iterator](), where);
}

type Listener = (value: unknown) => void;

class Pump implements StreamEmitter {
  private readonly streams: Readonly<Record<string, Stream<unknown>>>;
  private readonly replay: number;
  /** Each entry is an object of its own: one listener may be there several times. */
  private readonly listeners = new Map<string, { listener: Listener; once: boolean }[]>();
  private readonly last = new Map<string, unknown[]>();
  private readonly changed = new Condition();
  private context: Cancel.Context | undefined = undefined;
  private ended: { promise: Promise<void>; resolve: () => void };

  constructor(streams: Readonly<Record<string, Stream<unknown>>>, replay: number) {
    this.streams = streams;
    this.replay = replay;
    let resolve = () => {};
    const promise = new Promise<void>((settle) => (resolve = settle));
    this.ended = { promise, resolve };
  }

  *start(sw: Switch, name: string): Op<StreamEmitter> {
    sw.check();
    yield* Fiber.forkDaemon(sw, () => this.run(), { name });
    return this;
  }

  private *run(): Op<void> {
    let disposed: Cancel.Context | undefined;
    try {
      yield* Cancel.sub((context) => this.pumpAll((this.context = disposed = context)));
    } catch (error) {
      const stopped = Cancel.isCancelled(error) && error.reason instanceof Disposed && error === disposed?.interruption;
      if (!stopped) throw error;
    } finally {
      this.context = undefined;
      this.ended.resolve();
    }
  }

  private *pumpAll(_context: Cancel.Context): Op<void> {
    try {
      yield* Fiber.all(
        Object.entries(this.streams).map(
          ([event, stream]) =>
            () =>
              this.pump(event, stream),
        ),
      );
    } catch (error) {
      if (Cancel.isCancelled(error) || !this.streamFailed || !this.has("error")) throw error;
      this.emit("error", error);
      return;
    }
    this.emit("end", undefined);
  }

  private streamFailed = false;

  private *pump(event: string, stream: Stream<unknown>): Op<void> {
    const items = stream.iterate();
    for (;;) {
      yield* this.heard(event);
      let more: boolean;
      try {
        more = yield* items.next();
      } catch (error) {
        this.streamFailed = !Cancel.isCancelled(error);
        throw error;
      }
      if (!more) return;
      const { value } = items;
      yield* this.heard(event);
      this.emit(event, value);
    }
  }

  private *heard(event: string): Op<void> {
    while (!this.has(event)) yield* this.changed.awaitNoMutex();
  }

  private has(event: string): boolean {
    return this.listenerCount(event) > 0;
  }

  private emit(event: string, value: unknown): void {
    if (this.replay > 0) {
      const last = this.last.get(event) ?? [];
      this.last.set(event, last);
      if (last.push(value) > this.replay) last.shift();
    }
    for (const entry of [...(this.listeners.get(event) ?? [])]) {
      if (entry.once) this.remove(event, entry);
      entry.listener(value);
    }
  }

  private add(event: string, listener: unknown, once: boolean): this {
    expectFunction("toEmitter", "listener", listener);
    const entry = { listener: listener as Listener, once };
    const entries = this.listeners.get(event) ?? [];
    this.listeners.set(event, [...entries, entry]);
    for (const value of this.last.get(event)?.slice() ?? []) {
      if (once) this.remove(event, entry);
      entry.listener(value);
      if (once) return this;
    }
    this.changed.broadcast();
    return this;
  }

  private remove(event: string, entry: object | undefined): this {
    const entries = this.listeners.get(event) ?? [];
    this.listeners.set(
      event,
      entries.filter((other) => other !== entry),
    );
    return this;
  }

  on(event: string, listener: (value: never) => void): this {
    return this.add(event, listener, false);
  }

  once(event: string, listener: (value: never) => void): this {
    return this.add(event, listener, true);
  }

  off(event: string, listener: (value: never) => void): this {
    const entries = this.listeners.get(event) ?? [];
    return this.remove(
      event,
      entries.findLast((entry) => entry.listener === listener),
    );
  }

  addListener(event: string, listener: (value: never) => void): this {
    return this.on(event, listener);
  }

  removeListener(event: string, listener: (value: never) => void): this {
    return this.off(event, listener);
  }

  listenerCount(event: string): number {
    return this.listeners.get(event)?.length ?? 0;
  }

  [asyncDispose](): Promise<void> {
    this.context?.cancel(new Disposed());
    return this.ended.promise;
  }
}
