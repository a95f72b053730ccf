// Node only: its streams, and its count of what keeps the process alive.
// A great many uses of each adapter against one long-lived foreign object: nothing is left behind, neither there nor in memory.

import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter, getEventListeners } from "node:events";
import { Duplex, Readable, Writable } from "node:stream";
import { MessageChannel } from "node:worker_threads";
import * as Effect from "effect/Effect";
import { action, run as runOperation } from "effection";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asyncScheduler, Observable, Subject, type Subscriber } from "rxjs";
import { Cancel, Deferred, Semaphore, Stream, Switch, type Op, type Result } from "trestle";
import * as bridges from "@trestle/bridges";
import { fromAsync, toPromise } from "@trestle/bridges";
import { fromEffect, toEffect } from "@trestle/bridges/effect";
import { fromOperation, toOperation } from "@trestle/bridges/effection";
import { fromLwt, toLwt, type LwtTask } from "@trestle/bridges/lwt";
import { captureBridge, createBridge, withStore } from "@trestle/bridges/context";
import * as rx from "@trestle/bridges/rxjs";
import * as nodeStreams from "@trestle/bridges/streams";
import { call, fromPort, toPort, type Port } from "@trestle/bridges/worker";
import { MockClock } from "trestle/mock";
import * as webStreams from "@trestle/bridges/web-streams";
import { heapUsed } from "../heap.js";
import { worlds } from "./contract.js";
import { bytes } from "./flows.js";
import { expectNoUnhandledRejections, macrotask } from "./world.js";
import { itemsOf, sinkOf, sourceOf } from "./worlds/streams.js";

expectNoUnhandledRejections();

/** One adapter, and the foreign object that outlives its uses. */
interface Leaking {
  /** One use, from its begin to its end; rejects if that was not what was expected. */
  readonly use: (i: number) => PromiseLike<unknown> | void;
  /** Listeners, subscriptions, registrations that the foreign object has now. */
  readonly left?: () => number;
  readonly end?: () => unknown;
}

/** Uses of adapters that register with what many have at once: signals, emitters, subjects, promises that are pending for long. */
const MOST = 100_000;
/** Of the others that make little. */
const MANY = 10_000;
/** Of those that make a stream or a switch, with all that belongs to it. */
const FEWER = 2_000;
/** What may remain, in bytes: of all uses together, and of each, where the smallest object with a reference to another is larger. */
const NOISE = 500_000;
const SLACK = 16;

const ERROR = new Error("of the foreign side");
const value = () => "v";

/** What ends a wait; a cancellation always can. */
interface Ends {
  readonly value?: () => unknown;
  readonly error?: () => unknown;
}

/** Waits with `op`, which is ended in all the ways that there are, by turns. */
function waits(op: () => Op<unknown>, ends: Ends, left?: () => number): Leaking {
  const ways = [...(Object.keys(ends) as (keyof Ends)[]), "cancel" as const];
  let context!: Cancel.Context;
  const body = () =>
    Cancel.sub(function* (cc) {
      context = cc;
      return yield* op();
    });
  return {
    use(i) {
      const way = ways[i % ways.length]!;
      const ended = toPromise(body).then(
        () => "value",
        (error: unknown) => {
          if (error === ERROR) return "error";
          if ((error as Error).name === "AbortError") return "cancel";
          throw error;
        },
      );
      if (way === "cancel") context.cancel("enough");
      else ends[way]!();
      return ended.then((was) => {
        if (was !== way) throw new Error(`it was to end by ${way}, and ended by ${was}`);
      });
    },
    ...(left ? { left } : {}),
  };
}

/** A fiber that foreign code holds ends well, with an error, or is stopped. */
function* body(i: number): Op<unknown> {
  if (i % 2 === 1) throw ERROR;
  return i;
}

function rejectsWith(error: unknown): (thrown: unknown) => void {
  return (thrown) => {
    if (thrown !== error) throw thrown;
  };
}

/** Ends well in even uses, with the error in odd ones. */
async function asBody(i: number, promise: PromiseLike<unknown>): Promise<void> {
  await (i % 2 === 0 ? promise : Promise.resolve(promise).catch(rejectsWith(ERROR)));
}

/** Runs a body in a fiber that lives on: with a switch that does, too. */
function inLongSwitch(use: (sw: Switch, i: number) => PromiseLike<unknown> | void, left?: () => number): Leaking {
  const scope = bridges.openSwitch();
  return { use: (i) => use(scope.sw, i), ...(left ? { left } : {}), end: () => scope[Symbol.asyncDispose]() };
}

class Emitter extends EventEmitter {
  constructor() {
    super();
    // Somebody else listens for errors, so that emitting one is never an uncaught error.
    this.on("error", () => {});
  }

  readonly left = () => this.eventNames().reduce((sum, name) => sum + this.listenerCount(name), 0);
}

/** Subscribers come and go. */
class Hub {
  private readonly subscribers = new Set<Subscriber<unknown>>();
  readonly source = new Observable<unknown>((subscriber) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  });
  readonly left = () => this.subscribers.size;
  readonly ends = {
    value: () => {
      for (const subscriber of [...this.subscribers]) {
        subscriber.next("v");
        subscriber.complete();
      }
    },
    error: () => {
      for (const subscriber of [...this.subscribers]) subscriber.error(ERROR);
    },
  };
}

/** Callbacks come and go. */
class Callbacks {
  private readonly waiting = new Set<(error: Error | null, value?: string) => void>();
  readonly register = (ok: (value: unknown) => void, fail: (error: unknown) => void) => {
    const callback = (error: Error | null, result?: string) => (error ? fail(error) : ok(result));
    this.waiting.add(callback);
    return () => void this.waiting.delete(callback);
  };
  readonly call = (callback: (error: Error | null, value?: string) => void) => void this.waiting.add(callback);
  readonly left = () => this.waiting.size;
  private readonly answer = (error: Error | null, result?: string) => {
    for (const callback of [...this.waiting]) {
      this.waiting.delete(callback);
      callback(error, result);
    }
  };
  readonly ends = { value: () => this.answer(null, "v"), error: () => this.answer(ERROR) };
  /** Error-first functions cannot be told of a cancellation: the late answer comes at some time. */
  readonly late = { ...waits(() => bridges.fromNode(this.call)(), this.ends) };
}

const never = () => new Promise<never>(() => {});
const signalOf = () => {
  const { signal } = new AbortController();
  return { signal, left: () => getEventListeners(signal, "abort").length };
};

/** A call that answers when it is told to, or when its signal is aborted. */
function called(onCancel: "settle" | "abandon"): Leaking {
  let ends!: { ok: (value: string) => void; fail: (error: unknown) => void };
  const op = () =>
    fromAsync(
      (signal) =>
        new Promise<string>((ok, fail) => {
          ends = { ok, fail };
          signal.addEventListener("abort", () => fail(signal.reason));
        }),
      { onCancel },
    );
  return waits(op, { value: () => ends.ok("v"), error: () => ends.fail(ERROR) });
}

const promise: Leaks = {
  fromPromise: [MOST, () => ((p) => waits(() => bridges.fromPromise(p), {}))(never())],
  adopt: [MANY, () => ((p) => waits(() => bridges.adopt(p), {}))(never())],
  fromAsync: [MANY, () => called("settle")],
  'fromAsync, "abandon"': [MANY, () => called("abandon")],
  toPromise: [
    MOST,
    () => {
      const { signal, left } = signalOf();
      return {
        use: (i) =>
          asBody(
            i,
            toPromise(() => body(i), { signal }),
          ),
        left,
      };
    },
  ],
  toAsync: [MANY, () => ((fn) => ({ use: (i: number) => asBody(i, fn(i)) }))(bridges.toAsync(body))],
  promiseOf: [
    MANY,
    () => {
      const settled = Deferred.createResolved<Result<string>>({ ok: true, value: "v" });
      return { use: () => bridges.promiseOf(settled) };
    },
  ],
};

const abort: Leaks = {
  withSignal: [
    MOST,
    () => {
      const { signal, left } = signalOf();
      const ended = new Callbacks();
      return waits(() => bridges.withSignal(signal, () => bridges.fromCallback(ended.register)), ended.ends, left);
    },
  ],
  waitAborted: [
    MANY,
    () => {
      const { signal, left } = signalOf();
      return waits(() => bridges.waitAborted(signal), {}, left);
    },
  ],
  cancelSignal: [
    FEWER,
    () => {
      const op = function* () {
        (yield* bridges.cancelSignal()).addEventListener("abort", () => {});
        return yield* bridges.fromPromise(Promise.resolve());
      };
      return waits(op, { value: () => {} });
    },
  ],
};

const calledBack = (start: (i: number, tell: (error: unknown) => void) => bridges.CancelHandle): Leaking => ({
  use: (i) =>
    new Promise<void>((resolve, reject) => {
      const handle = start(i, (error) => {
        const asExpected = i % 3 === 0 ? error === null : i % 3 === 1 ? error === ERROR : error !== null;
        if (asExpected) resolve();
        else reject(error);
      });
      handle.cancel("enough");
    }),
});

/** Ends at once, fails at once, or never ends. */
const threefold = (i: number): Op<unknown> => (i % 3 === 2 ? bridges.fromPromise(forever) : body(i % 3));
const forever = never();

const callback: Leaks = {
  fromCallback: [
    MANY,
    () => {
      const callbacks = new Callbacks();
      return waits(() => bridges.fromCallback(callbacks.register), callbacks.ends, callbacks.left);
    },
  ],
  fromNode: [MANY, () => errorFirst((call) => bridges.fromNode(call))],
  fromNodeAll: [MANY, () => errorFirst((call) => bridges.fromNodeAll(call))],
  toCallback: [MANY, () => calledBack((i, tell) => bridges.toCallback(() => threefold(i), tell))],
  toNode: [MANY, () => ((fn) => calledBack((i, tell) => fn(i, tell)))(bridges.toNode(threefold))],
};

/** Error-first functions cannot be told of a cancellation; their answer comes late, to nobody. */
function errorFirst(wrap: (call: Callbacks["call"]) => () => Op<unknown>): Leaking {
  const callbacks = new Callbacks();
  const fn = wrap(callbacks.call);
  const { use } = waits(() => fn(), callbacks.ends);
  return {
    use(i) {
      const ended = use(i);
      callbacks.ends.value();
      return ended;
    },
    left: callbacks.left,
  };
}

/** One emitter for all uses, of which each listens anew. */
function emitted(op: (emitter: Emitter) => Op<unknown>): Leaking {
  const emitter = new Emitter();
  const ends = { value: () => emitter.emit("x", 1), error: () => emitter.emit("error", ERROR) };
  return waits(() => op(emitter), ends, emitter.left);
}

const events: Leaks = {
  once: [MOST, () => emitted((emitter) => bridges.once(emitter, "x"))],
  events: [
    MANY,
    () =>
      emitted((emitter) =>
        Switch.run(function* (sw) {
          const subscribed = yield* bridges.events(sw, emitter, "x");
          return yield* subscribed.next();
        }),
      ),
  ],
};

const listen: Leaks = {
  listen: [
    FEWER,
    () => {
      const emitter = new Emitter();
      return inLongSwitch((sw, i) => {
        let seen = 0;
        return toPromise(function* () {
          const listening = yield* bridges.listen(sw, emitter, "x", function* () {
            seen++;
            yield* bridges.fromPromise(Promise.resolve());
          });
          emitter.emit("x", i);
          if (i % 2 === 0) yield* bridges.fromPromise(macrotask());
          yield* fromAsync(() => Promise.resolve(listening.close()));
        }).then(() => {
          if (i % 2 === 0 && seen !== 1) throw new Error("the handler was not called");
        });
      }, emitter.left);
    },
  ],
  emitTo: [
    MANY,
    () => {
      const emitter = new Emitter();
      return {
        use: () =>
          toPromise(function* () {
            const stream = new Stream<number>(1);
            yield* stream.add(1);
            stream.close();
            yield* bridges.emitTo(emitter, "x", stream);
          }),
        left: emitter.left,
      };
    },
  ],
  toEmitter: [
    FEWER,
    () =>
      inLongSwitch((sw) =>
        toPromise(function* () {
          const emitter = yield* bridges.toEmitter(sw, { x: new Stream<number>(1) });
          emitter.on("x", value);
          yield* fromAsync(() => emitter[Symbol.asyncDispose]());
        }),
      ),
  ],
};

const subscribedTo = (op: (source: Observable<unknown>) => Op<unknown>): Leaking => {
  const hub = new Hub();
  return waits(() => op(hub.source), hub.ends, hub.left);
};

const observable: Leaks = {
  firstOf: [MOST, () => subscribedTo((source) => bridges.firstOf(source))],
  lastOf: [MANY, () => subscribedTo((source) => bridges.lastOf(source))],
  singleOf: [MANY, () => subscribedTo((source) => bridges.singleOf(source))],
  collect: [MANY, () => subscribedTo((source) => bridges.collect(source))],
  forEachOf: [MANY, () => subscribedTo((source) => bridges.forEachOf(source, function* () {}))],
  fromObservable: [
    MANY,
    () =>
      subscribedTo((source) =>
        Switch.run(function* (sw) {
          const subscribed = yield* bridges.fromObservable(sw, source);
          return yield* subscribed.next();
        }),
      ),
  ],
  latest: [
    MANY,
    () =>
      subscribedTo((source) =>
        Switch.run(function* (sw) {
          const newest = yield* bridges.latest(sw, source);
          return yield* newest.changed();
        }),
      ),
  ],
};

/** Subscribes, and unsubscribes at once or when something has come. */
function subscribing(observable: Observable<unknown>, feed?: () => void, left?: () => number): Leaking {
  return {
    use: (i) =>
      new Promise<void>((resolve, reject) => {
        const subscription = observable.subscribe({
          next: () => i % 2 === 0 && done(),
          error: (error: Error) => (error === ERROR ? done() : reject(error)),
        });
        const done = () => void Promise.resolve().then(() => (subscription.unsubscribe(), resolve()));
        if (i % 2 === 0) return feed?.();
        subscription.unsubscribe();
        resolve();
      }),
    ...(left ? { left } : {}),
  };
}

const rxjs: Leaks = {
  clockFromScheduler: [
    MANY,
    () => ((clock) => waits(() => clock.sleep(1000), {}))(rx.clockFromScheduler(asyncScheduler)),
  ],
  ownSubscription: [
    MANY,
    () => {
      const subject = new Subject<unknown>();
      return inLongSwitch(
        (sw) =>
          toPromise(function* () {
            (yield* rx.ownSubscription(sw, subject.subscribe(value))).unsubscribe();
          }),
        () => (subject.observed ? 1 : 0),
      );
    },
  ],
  toObservable: [
    MANY,
    () =>
      subscribing(
        rx.toObservable<unknown>(function* (emit) {
          yield* bridges.fromPromise(Promise.resolve());
          yield* emit("v");
          yield* bridges.fromPromise(forever);
        }),
      ),
  ],
  observableOf: [MANY, () => subscribing(rx.observableOf(() => bridges.fromPromise(Promise.resolve())))],
  streamToObservable: [
    MANY,
    () => {
      const stream = new Stream<number>(4);
      return subscribing(
        rx.streamToObservable(stream),
        () => void stream.tryAdd(1),
        () => stream.length,
      );
    },
  ],
  shareStream: [
    MANY,
    () => {
      const stream = new Stream<number>(4);
      return subscribing(
        rx.shareStream(stream),
        () => void stream.tryAdd(1),
        () => stream.length,
      );
    },
  ],
  toObserver: [
    MANY,
    () => {
      const subject = new Subject<number>();
      const stream = new Stream<number>(4);
      return {
        use: (i) => {
          const subscription = subject.subscribe(rx.toObserver(stream));
          subject.next(i);
          subscription.unsubscribe();
          stream.tryTake();
        },
        left: () => (subject.observed ? 1 : 0) + stream.length,
      };
    },
  ],
  "switchMapOp, exhaustMapOp": [
    MANY,
    () => {
      const subject = new Subject<unknown>();
      const wait = () => bridges.fromPromise(forever);
      const piped = [subject.pipe(rx.switchMapOp(wait)), subject.pipe(rx.exhaustMapOp(wait))];
      return {
        use: (i) => {
          const subscription = piped[i % 2]!.subscribe();
          subject.next(1);
          subject.next(2);
          subscription.unsubscribe();
          return Promise.resolve();
        },
        left: () => (subject.observed ? 1 : 0),
      };
    },
  ],
  toScheduler: [
    MANY,
    () => {
      const clock = new MockClock();
      let scheduler: ReturnType<typeof rx.toScheduler> | undefined;
      return inLongSwitch((sw) => {
        scheduler ??= rx.toScheduler(clock, sw);
        scheduler.schedule(value, 1000).unsubscribe();
      });
    },
  ],
  toSubscription: [
    MANY,
    () => {
      let kept: ReturnType<typeof rx.toSubscription> | undefined;
      return inLongSwitch((sw) => {
        kept ??= rx.toSubscription(sw);
        const teardown = () => {};
        kept.add(teardown);
        kept.remove(teardown);
      });
    },
  ],
};

const limit: Leaks = {
  fromLimit: [
    MANY,
    () => {
      let running = 0;
      const permit = bridges.fromLimit(async (run) => {
        running++;
        await run();
        running--;
      });
      const ended = new Callbacks();
      const held = waits(() => permit.withPermit(() => bridges.fromCallback(ended.register)), {});
      return { ...held, left: () => running + ended.left() };
    },
  ],
  limited: [
    MANY,
    () => {
      const ended = new Callbacks();
      const fn = bridges.limited(1, () => bridges.fromCallback(ended.register));
      return waits(fn, ended.ends, ended.left);
    },
  ],
  toLimit: [
    MANY,
    () => {
      const semaphore = new Semaphore(2);
      const run = bridges.toLimit(semaphore);
      return {
        use: (i) =>
          asBody(
            i,
            run(() => toPromise(() => body(i))),
          ),
        left: () => 2 - semaphore.value,
      };
    },
  ],
};

/** Items for ever; tells how many iterations are under way. */
class Endless {
  private open = 0;
  readonly left = () => this.open;

  [Symbol.asyncIterator]() {
    this.open++;
    return {
      next: () => Promise.resolve({ done: false as const, value: "v" }),
      return: () => (this.open--, Promise.resolve({ done: true as const, value: undefined })),
    };
  }
}

/** Asks for one item, and leaves. */
async function leave(iterator: AsyncIterator<unknown>): Promise<void> {
  await iterator.next();
  await iterator.return!();
}

const asyncIterable: Leaks = {
  fromAsyncIterable: [
    MANY,
    () => {
      const silent = { next: never };
      return waits(() => bridges.fromAsyncIterable({ [Symbol.asyncIterator]: () => silent }).next(), {});
    },
  ],
  each: [
    MANY,
    () => {
      const source = new Endless();
      const use = () =>
        toPromise(() =>
          bridges.each(bridges.fromAsyncIterable(source), function* () {
            throw ERROR;
          }),
        ).catch(rejectsWith(ERROR));
      return { use, left: source.left };
    },
  ],
  toAsyncIterable: [
    FEWER,
    () => {
      const { signal, left } = signalOf();
      return inLongSwitch((sw) => leave(bridges.toAsyncIterable(items, { sw, signal })[Symbol.asyncIterator]()), left);
    },
  ],
  "toAsyncGenerator, emit, emitAll": [
    FEWER,
    () => {
      const source = new Endless();
      const use = () =>
        leave(
          bridges.toAsyncGenerator(function* () {
            yield* bridges.emitAll(source);
          }),
        );
      return { use, left: source.left };
    },
  ],
};

function* items() {
  yield* bridges.emit(1);
  yield* bridges.emit(2);
}

const disposable: Leaks = {
  openSwitch: [
    FEWER,
    () => {
      const { signal, left } = signalOf();
      return inLongSwitch(async (sw) => {
        const scope = bridges.openSwitch({ signal, sw });
        toPromise(() => bridges.fromPromise(forever), { sw: scope.sw }).catch(value);
        await scope[Symbol.asyncDispose]();
      }, left);
    },
  ],
};

/** A task that is long under way. */
class Task implements LwtTask<unknown> {
  private readonly watchers = new Set<Parameters<LwtTask<unknown>["onSettled"]>>();
  readonly left = () => this.watchers.size;
  readonly onSettled: LwtTask<unknown>["onSettled"] = (ok, fail) => {
    const watcher = [ok, fail] as const;
    this.watchers.add(watcher as never);
    return () => void this.watchers.delete(watcher as never);
  };
  private readonly tell = (tell: (watcher: Parameters<LwtTask<unknown>["onSettled"]>) => void) => {
    for (const watcher of [...this.watchers]) {
      this.watchers.delete(watcher);
      tell(watcher);
    }
  };
  private readonly failWith = (canceled: boolean) =>
    this.tell(([, fail]) => fail({ canceled, name: "Failure", message: "e", origin: ERROR, owner: null }));
  readonly cancel = () => this.failWith(true);
  readonly ends = { value: () => this.tell(([ok]) => ok("v")), error: () => this.failWith(false) };
}

const lwt: Leaks = {
  "fromLwt, of a task": [MANY, () => ((task) => waits(() => fromLwt(task), task.ends, task.left))(new Task())],
  "fromLwt, of a function": [
    MANY,
    () => ((task) => waits(() => fromLwt(() => task), task.ends, task.left))(new Task()),
  ],
  toLwt: [
    MANY,
    () =>
      inLongSwitch(
        (sw, i) =>
          new Promise<void>((resolve) => {
            const task = toLwt(() => threefold(i), { sw });
            task.onSettled(
              () => resolve(),
              () => resolve(),
            );
            task.cancel();
          }),
      ),
  ],
};

const effect: Leaks = {
  fromEffect: [
    MANY,
    () => {
      const ended = new Callbacks();
      const answer = Effect.callback<unknown, unknown>((resume) => {
        const undo = ended.register(
          (given) => resume(Effect.succeed(given)),
          (error) => resume(Effect.fail(error)),
        );
        return Effect.sync(undo);
      });
      return waits(() => fromEffect(answer), ended.ends, ended.left);
    },
  ],
  toEffect: [
    MANY,
    () =>
      inLongSwitch((sw, i) => {
        const controller = new AbortController();
        const { signal } = controller;
        const exit = Effect.runPromiseExit(
          toEffect(() => threefold(i), { sw }),
          { signal },
        );
        controller.abort();
        return exit;
      }),
  ],
};

const effection: Leaks = {
  fromOperation: [
    MANY,
    () => {
      const ended = new Callbacks();
      const answer = action<unknown>((resolve, reject) => ended.register(resolve, reject as (error: unknown) => void));
      return waits(() => fromOperation(answer), ended.ends, ended.left);
    },
  ],
  toOperation: [
    MANY,
    () =>
      inLongSwitch((sw, i) => {
        const task = runOperation(() => toOperation(() => threefold(i), { sw }));
        task.catch(() => {});
        return task.halt();
      }),
  ],
};

/** One stream for all uses, of which each takes it on and lets go of it again. */
const takenOn = <S extends EventEmitter>(
  stream: S,
  step: (sw: Switch, stream: S) => Op<unknown>,
  ends: Ends,
): Leaking => {
  stream.on("error", () => {});
  const left = () => stream.eventNames().reduce((sum, name) => sum + stream.listenerCount(name), 0);
  return waits(() => Switch.run((sw) => step(sw, stream)), ends, left);
};

const reading = (source: { read(buffer: Uint8Array): Op<number> }) => source.read(new Uint8Array(8));

/** Streams that end by themselves, in a switch that lives on. */
const untilEnd = (adopt: (sw: Switch) => { next(): Op<boolean> }): Leaking =>
  inLongSwitch((sw) =>
    toPromise(function* () {
      const items = adopt(sw);
      while (yield* items.next());
      yield* bridges.fromPromise(macrotask());
    }),
  );

/** Never takes anything before it is told to. */
class Slow extends Writable {
  private answers: (() => void)[] = [];

  override _write(_chunk: unknown, _encoding: string, answer: () => void): void {
    this.answers.push(answer);
  }

  readonly answer = () => {
    for (const answer of this.answers.splice(0)) answer();
  };
}

/** A stream of our own, which is used once and destroyed. */
const destroyed = (make: (options: { sw: Switch }) => Readable | Writable, work: (stream: Duplex) => void): Leaking =>
  inLongSwitch(
    (sw) =>
      new Promise<void>((resolve, reject) => {
        const stream = make({ sw });
        stream.on("error", reject);
        stream.on("close", resolve);
        work(stream as Duplex);
        setImmediate(() => stream.destroy());
      }),
  );

const streams: Leaks = {
  fromReadable: [
    FEWER,
    () => {
      const stream = new Readable({ read() {} });
      const step = (sw: Switch) => reading(nodeStreams.fromReadable(sw, stream, { owned: false }));
      return takenOn(stream, step, { value: () => stream.push("v") });
    },
  ],
  fromWritable: [
    FEWER,
    () => {
      const stream = new Slow({ highWaterMark: 1 });
      const step = (sw: Switch) => nodeStreams.fromWritable(sw, stream, { owned: false }).write(bytes("v"));
      const { use, left } = takenOn(stream, step, { value: stream.answer });
      return {
        left: left!,
        use: (i) => Promise.resolve(use(i)).then(() => (stream.answer(), macrotask())),
      };
    },
  ],
  fromDuplex: [
    FEWER,
    () => {
      const stream = new Duplex({ read() {}, write() {} });
      const step = (sw: Switch) => reading(nodeStreams.fromDuplex(sw, stream, { owned: false }));
      return takenOn(stream, step, { value: () => stream.push("v") });
    },
  ],
  fromObjects: [FEWER, () => untilEnd((sw) => nodeStreams.fromObjects(sw, Readable.from(["v"])))],
  toReadable: [
    FEWER,
    () =>
      destroyed(
        (o) => nodeStreams.toReadable(oneByte(), o),
        (s) => void s.read(),
      ),
  ],
  toWritable: [
    FEWER,
    () =>
      destroyed(
        (o) => nodeStreams.toWritable(sinkOf(soon, value), o),
        (s) => void s.write("x"),
      ),
  ],
  toDuplex: [
    FEWER,
    () =>
      destroyed(
        (o) => nodeStreams.toDuplex({ ...oneByte(), ...sinkOf(soon, value) }, o),
        (s) => void s.read(),
      ),
  ],
  toObjectReadable: [
    FEWER,
    () =>
      destroyed(
        (o) => nodeStreams.toObjectReadable(itemsOf(soon), o),
        (s) => void s.on("readable", () => void s.read()),
      ),
  ],
};

const soon = () => bridges.fromPromise(Promise.resolve("v"));

/** One byte, and then nothing. */
function oneByte() {
  let given = false;
  return sourceOf(() => {
    if (given) return bridges.fromPromise(forever);
    given = true;
    return soon();
  }, value);
}

const web: Leaks = {
  fromReadableStream: [
    FEWER,
    () => {
      const { stream, push } = fed(() => bytes("v"));
      const step = (sw: Switch) => reading(webStreams.fromReadableStream(sw, stream as never, { owned: false }));
      return unlocked(
        stream,
        waits(() => Switch.run(step), { value: push }),
      );
    },
  ],
  fromWritableStream: [
    FEWER,
    () => {
      const stream = new WritableStream<Uint8Array>();
      const step = (sw: Switch) => webStreams.fromWritableStream(sw, stream, { owned: false }).write(bytes("v"));
      return unlocked(stream, { use: () => toPromise(() => Switch.run(step)) });
    },
  ],
  fromObjects: [
    FEWER,
    () => {
      const made = () => {
        const { stream, push, close } = fed(value);
        push();
        close();
        return stream;
      };
      return untilEnd((sw) => webStreams.fromObjects(sw, made()));
    },
  ],
  toReadableStream: [FEWER, () => inLongSwitch((sw) => readOnce(webStreams.toReadableStream(oneByte(), { sw })))],
  toWritableStream: [
    FEWER,
    () =>
      inLongSwitch(async (sw) => {
        const writer = webStreams
          .toWritableStream(sinkOf(soon, value), { sw })
          .getWriter() as WritableStreamDefaultWriter;
        writer.closed.catch(value);
        await writer.write(bytes("x"));
        await writer.abort();
      }),
  ],
  toObjectStream: [FEWER, () => inLongSwitch((sw) => readOnce(webStreams.toObjectStream(itemsOf(soon), { sw })))],
  toTransform: [
    FEWER,
    () =>
      inLongSwitch(async (sw) => {
        const pair = webStreams.toTransform(
          function* (source, sink) {
            const buffer = new Uint8Array(8);
            for (;;) yield* sink.write(buffer.subarray(0, yield* source.read(buffer)));
          },
          { sw },
        );
        const writer = pair.writable.getWriter() as WritableStreamDefaultWriter;
        writer.closed.catch(value);
        writer.write(bytes("x")).catch(value);
        await readOnce(pair.readable);
      }),
  ],
};

function fed(chunk: () => unknown) {
  let controller!: ReadableStreamDefaultController<unknown>;
  const stream = new ReadableStream<unknown>({ start: (given) => void (controller = given) });
  return { stream, push: () => controller.enqueue(chunk()), close: () => controller.close() };
}

const unlocked = (stream: { readonly locked: boolean }, leaking: Leaking): Leaking => ({
  ...leaking,
  left: () => (stream.locked ? 1 : 0),
});

async function readOnce(stream: unknown): Promise<void> {
  const reader = (stream as ReadableStream<unknown>).getReader();
  await reader.read();
  await reader.cancel();
}

type Leaks = Readonly<Record<string, readonly [uses: number, make: () => Leaking]>>;

/** Pairs are of functions that live on: what each call leaves is what counts. */
const pair: Leaks = {
  direct: [
    MANY,
    () => {
      const ended = new Callbacks();
      const load = bridges.direct(bridges.toAsync(() => bridges.fromCallback(ended.register)));
      return waits(() => load(), ended.ends, ended.left);
    },
  ],
  "pair, pairMethods": [
    MANY,
    () => {
      const ended = new Callbacks();
      const holder = {
        load: () => Promise.resolve("v"),
        *loadInFiber(): Op<unknown> {
          return yield* bridges.fromCallback(ended.register);
        },
      };
      bridges.pairMethods(holder, { load: "loadInFiber" });
      return waits(() => bridges.direct(holder, "load")(), ended.ends, ended.left);
    },
  ],
};

const context: Leaks = {
  withStore: [
    MANY,
    () => {
      const store = new AsyncLocalStorage<number>();
      const ended = new Callbacks();
      return waits(
        () => withStore(store, 1, () => bridges.fromCallback(ended.register)),
        ended.ends,
        () => ended.left() + (store.getStore() ?? 0),
      );
    },
  ],
  captureBridge: [
    FEWER,
    () => ({
      use: (i) =>
        asBody(
          i,
          toPromise(() =>
            Switch.run(function* () {
              const bridge = yield* captureBridge();
              return yield* fromAsync(() => bridge.run(() => toPromise(() => body(i))));
            }),
          ),
        ),
    }),
  ],
  createBridge: [
    MANY,
    () => {
      const bridge = createBridge();
      return {
        use: (i) =>
          asBody(
            i,
            bridge.toPromise(() => body(i)),
          ),
        end: () => bridge.close(),
      };
    },
  ],
};

const clockTimers: Leaks = {
  toTimers: [
    MANY,
    () => {
      const clock = new MockClock();
      const timers = bridges.toTimers(clock);
      return {
        use: (i) => {
          const timer = timers.setTimeout(value, 0.5);
          if (i % 2 === 0) timers.clearTimeout(timer);
          else clock.setTime(i);
        },
        left: () => timers.pending,
      };
    },
  ],
};

/** One pair of ports for all uses. */
function ports() {
  const { port1, port2 } = new MessageChannel();
  return { here: port1, there: port2, left: () => port1.listenerCount("message") + port2.listenerCount("message") };
}

const worker: Leaks = {
  "fromPort, portPair, parentPort": [
    FEWER,
    () => {
      const { here, there, left } = ports();
      const op = () =>
        Switch.run(function* (sw) {
          const flow = yield* fromPort(sw, here, { owned: false });
          return yield* flow.recv.next();
        });
      return {
        ...waits(op, { value: () => there.postMessage(1) }, left),
        end: () => here.close(),
      };
    },
  ],
  "call, transferring, registerError": [
    FEWER,
    () => {
      let port: Port | undefined;
      return inLongSwitch((sw, i) =>
        toPromise(function* () {
          port ??= yield* toPort(sw, { twice: (n: number) => doubled(n) });
          return yield* call(port, "twice", [i]);
        }),
      );
    },
  ],
};

function* doubled(n: number): Op<number> {
  return 2 * n;
}

/** A setting of the process, threads, and what serves until its port is closed: no foreign object outlives many uses of those. */
const elsewhere = ["trackContext", "runWorker", "toPort, servePort", "toWorker", "queueTransport", "serveQueue"];

const bySubpath: Readonly<Record<string, Leaks>> = {
  promise,
  abort,
  callback,
  events,
  listen,
  observable,
  rxjs,
  limit,
  pair,
  context,
  timers: clockTimers,
  worker,
  "async-iterable": asyncIterable,
  disposable,
  lwt,
  effect,
  effection,
  streams,
  "web-streams": web,
};

const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe("BG-50 BG-51 nothing is left", () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  beforeAll(() => void process.on("warning", onWarning));
  afterAll(() => void process.off("warning", onWarning));

  it("of any adapter that has a contract", () => {
    for (const { subpath, incoming, outgoing } of worlds)
      expect([subpath, ...Object.keys(bySubpath[subpath] ?? {}).sort()]).toEqual([
        subpath,
        ...Object.keys({ ...incoming, ...outgoing })
          .filter((name) => !elsewhere.includes(name))
          .sort(),
      ]);
  });

  for (const [subpath, leaks] of Object.entries(bySubpath))
    for (const [name, [uses, make]] of Object.entries(leaks))
      it(`of ${uses} uses of ${name} (${subpath})`, async () => {
        const { use, left, end } = make();
        const before = left?.();
        const rounds = async (from: number, to: number) => {
          for (let i = from; i < to; i++) {
            await use(i);
            if (left && left() !== before) throw new Error(`after use ${i} there are ${left()} left, not ${before}`);
          }
        };
        const timersBefore = timers();
        await rounds(0, (uses * 2) / 5);
        const warm = await heapUsed();
        await rounds((uses * 2) / 5, uses);
        const grown = (await heapUsed()) - warm;
        expect(timers()).toBeLessThanOrEqual(timersBefore);
        expect(grown).toBeLessThan(NOISE + uses * SLACK);
        expect(warnings).toEqual([]);
        await end?.();
      }, 20_000);
});
