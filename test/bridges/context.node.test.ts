// Node only: AsyncLocalStorage.

import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { Subject, map } from "rxjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Cancel, Cancelled, Deferred, Fiber, flush, setSurroundings, Switch, withSurroundings, type Op } from "trestle";
import {
  events,
  fromAsync,
  fromCallback,
  fromObservable,
  fromPromise,
  listen,
  once,
  toPromise,
  trackContext,
  withStore,
  type ListenOptions,
} from "@trestle/bridges";
import { toObservable } from "@trestle/bridges/rxjs";
import { Cell, expectNoUnhandledRejections, macrotask, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

const store = new AsyncLocalStorage<string>();
const here = () => store.getStore() ?? "-";

/** Waits for `cell`, and gives the store before and after. */
function* across(cell: { readonly promise: PromiseLike<unknown> }): Op<string> {
  const before = here();
  yield* fromPromise(cell.promise);
  return `${before} ${here()}`;
}

describe("with context tracked", () => {
  beforeEach(() => trackContext(AsyncLocalStorage));
  afterEach(() => trackContext(undefined));

  it("BK-10 BK-02 BK-03 toPromise starts its fiber in the store of its caller, and keeps it there", async () => {
    const gate = new EventEmitter();
    const run = (name: string) =>
      store.run(name, () =>
        toPromise(function* () {
          yield* once(gate, "open");
          return here();
        }),
      );
    const ended = ["A", "B"].map(run);
    store.run("emitter", () => gate.emit("open"));
    expect(await Promise.all(ended)).toEqual(["A", "B"]);
  });

  it("BK-06 what a step enters lasts to its end, for this fiber and for those of the same drain", async () => {
    const log: string[] = [];
    const [gate, open] = Deferred.create<void>();
    const enter = () =>
      toPromise(function* () {
        yield* gate.await();
        store.enterWith("entered");
        log.push(`a ${here()}`);
        yield* Fiber.yield();
        log.push(`a ${here()}`);
        yield* Fiber.yield();
        log.push(`a ${here()}`);
      });
    const look = () =>
      toPromise(function* () {
        yield* gate.await();
        log.push(`b ${here()}`);
      });
    const ended = [store.run("A", enter), store.run("B", look)];
    open.resolve();
    await Promise.all(ended);
    expect(log).toEqual(["a entered", "b B", "a A", "a A"]);
  });

  it("BK-07 a call of fromAsync and its whole chain of awaits see the store of the fiber", async () => {
    const cell = new Cell<void>();
    const log: string[] = [];
    const ended = store.run("A", () =>
      toPromise(() =>
        fromAsync(async () => {
          log.push(here());
          await cell.promise;
          log.push(here());
          await macrotask();
          log.push(here());
        }),
      ),
    );
    store.run("X", () => cell.resolve());
    await ended;
    expect(log).toEqual(["A", "A", "A"]);
  });

  it("BK-08 a listener runs in the store of the emitter, and the fiber goes on in its own", async () => {
    const emitter = new EventEmitter();
    const target = new EventTarget();
    const controller = new AbortController();
    const log: string[] = [];
    // The platform.
    store.run("registered", () => emitter.on("x", () => log.push(`plain ${here()}`)));
    store.run("registered", () => target.addEventListener("x", () => log.push(`plain ${here()}`)));

    const intercept = () => void log.push(`intercept ${here()}`);
    const waits: (() => Op<unknown>)[] = [
      () => once(emitter, "x", { intercept }),
      () => once(target, "x", { intercept }),
      () => Switch.run((sw) => takeOne(events(sw, emitter, "x", { intercept }))),
      () => fromCallback((ok) => controller.signal.addEventListener("abort", () => ok(undefined))),
    ];
    const ended = store.run("A", () =>
      waits.map((wait) =>
        toPromise(function* () {
          yield* wait();
          log.push(`fiber ${here()}`);
        }),
      ),
    );
    store.run("E", () => {
      emitter.emit("x");
      target.dispatchEvent(new Event("x"));
      controller.abort();
    });
    await Promise.all(ended);
    const intercepted = (n: number) => Array<string>(n).fill("intercept A");
    expect(log).toEqual([
      "plain E",
      ...intercepted(2),
      "plain E",
      ...intercepted(1),
      ...Array<string>(4).fill("fiber A"),
    ]);
  });

  it("BK-09 a handler of listen runs in the store of the fiber that registered it, or of the emitter", async () => {
    const seen: Record<string, string[]> = {};
    for (const context of [undefined, "register", "emit"] as const)
      for (const mode of ["serial", "parallel", "switch", "exhaust"] as const)
        for (const target of [new EventEmitter(), new EventTarget()]) {
          const log = (seen[context ?? "default"] ??= []);
          const options: ListenOptions = context ? { mode, context } : { mode };
          const emit = () =>
            void (target instanceof EventEmitter ? target.emit("x") : target.dispatchEvent(new Event("x")));
          const ended = store.run("A", () =>
            toPromise(() =>
              Switch.run(function* (sw) {
                yield* listen(
                  sw,
                  target as EventEmitter,
                  "x",
                  function* () {
                    yield* Fiber.yield();
                    log.push(here());
                  },
                  options,
                );
                store.run("E", emit);
                yield* fromPromise(macrotask());
                yield* fromPromise(store.run("F", () => macrotask().then(emit)));
                yield* fromPromise(macrotask());
              }),
            ),
          );
          await ended;
        }
    const twice = (n: number, ...stores: string[]) => Array<string[]>(n).fill(stores).flat();
    expect(seen).toEqual({ default: twice(8, "A", "A"), register: twice(8, "A", "A"), emit: twice(8, "E", "F") });
  });

  it("BK-11 what an async function starts after it has waited has the fiber-locals of the fiber and is cancelled with it", async () => {
    const key = Fiber.createKey<string>("request");
    const log: string[] = [];
    let context!: Cancel.Context;
    const ended = outcome(
      toPromise(() =>
        Cancel.sub((cc) => {
          context = cc;
          return Fiber.withBinding(key, "r-17", () =>
            fromAsync(async () => {
              await macrotask();
              await toPromise(function* () {
                log.push(`inside ${Fiber.get(key)}`);
                try {
                  yield* Fiber.awaitCancel();
                } finally {
                  log.push("stopped");
                }
              });
            }),
          );
        }),
      ),
    );
    await macrotask();
    await ticks();
    expect(log).toEqual(["inside r-17"]);
    context.cancel("stop");
    expect(log).toEqual(["inside r-17"]);
    flush();
    expect(log).toEqual(["inside r-17", "stopped"]);
    expect(await ended).toBe("error AbortError: The operation was aborted");
  });

  it("BK-11 { inherit: false } starts a fiber that belongs to nobody", async () => {
    const key = Fiber.createKey<string>("request");
    const cell = new Cell<string>();
    let alone!: Promise<string>;
    let seen: string | undefined;
    let context!: Cancel.Context;
    const ended = outcome(
      toPromise(() =>
        Cancel.sub((cc) => {
          context = cc;
          return Fiber.withBinding(key, "r-17", () =>
            fromAsync(async (signal) => {
              await macrotask();
              alone = toPromise(
                function* () {
                  seen = Fiber.get(key);
                  return yield* fromPromise(cell.promise);
                },
                { inherit: false },
              );
              await alone;
              signal.throwIfAborted();
            }),
          );
        }),
      ),
    );
    await macrotask();
    await ticks();
    context.cancel("stop");
    cell.resolve("went on");
    expect(await alone).toBe("went on");
    expect(seen).toBe(undefined);
    await ended;
  });

  it("BK-11 the switch waits for what a call has left behind, and cancels it", async () => {
    const cell = new Cell<string>();
    const log: string[] = [];
    const leaveBehind = () =>
      fromAsync(async () => {
        void macrotask().then(() => toPromise(() => fromPromise(cell.promise)).then((value) => log.push(value)));
      });
    const ended = toPromise(() =>
      Switch.run(function* () {
        yield* leaveBehind();
        yield* fromPromise(macrotask());
        yield* fromPromise(ticks());
      }),
    ).then(() => log.push("switch ended"));
    await macrotask();
    await macrotask();
    expect(log).toEqual([]);
    cell.resolve("left behind");
    await ended;
    expect(log).toEqual(["left behind", "switch ended"]);
  });

  it("BK-11 neither a fiber nor what it calls in passing works for whoever started it", async () => {
    const cell = new Cell<string>();
    let alone!: Promise<string>;
    let context!: Cancel.Context;
    const passing = async () => {
      await macrotask();
      return toPromise(() => fromPromise(cell.promise));
    };
    const ended = outcome(
      toPromise(() =>
        Cancel.sub((cc) => {
          context = cc;
          return fromAsync(() =>
            toPromise(function* () {
              alone = passing();
              yield* Fiber.awaitCancel();
            }),
          );
        }),
      ),
    );
    await macrotask();
    await ticks();
    context.cancel("stop");
    await ended;
    cell.resolve("went on");
    expect(await alone).toBe("went on");
  });

  it("BK-12 an async function that has outlived its fiber starts nothing without saying for whom", async () => {
    const cell = new Cell<void>();
    const outcomes: Promise<string>[] = [];
    await toPromise(
      () =>
        fromAsync(async () => {
          void cell.promise.then(() => {
            outcomes.push(outcome(toPromise(() => fromPromise(Promise.resolve("a")))));
            outcomes.push(outcome(toPromise(() => fromPromise(Promise.resolve("b")), { inherit: false })));
            outcomes.push(
              outcome(
                toPromise(
                  () => Switch.run((sw) => fromAsync(() => toPromise(() => fromPromise(Promise.resolve("c")), { sw }))),
                  {
                    inherit: false,
                  },
                ),
              ),
            );
          });
        }),
      { name: "load" },
    );
    cell.resolve();
    await ticks();
    const [refused, ...others] = await Promise.all(outcomes);
    expect(refused).toMatch(
      /^error SwitchFinishedError: toPromise: called on behalf of fiber \d+ "load", which has ended/,
    );
    expect(others).toEqual(["value b", "value c"]);
  });

  it("BK-14 operators run in the store of whoever pushes; the fiber in its own; toObservable in that of the subscriber", async () => {
    const subject = new Subject<number>();
    const log: string[] = [];
    const ended = store.run("A", () =>
      toPromise(() =>
        Switch.run(function* (sw) {
          const values = yield* fromObservable(sw, subject.pipe(map(() => log.push(`operator ${here()}`))));
          yield* values.next();
          log.push(`fiber ${here()}`);
        }),
      ),
    );
    store.run("pusher", () => subject.next(1));
    await ended;
    const gate = new Cell<void>();
    const cold = store.run("made", () =>
      toObservable<string>(function* (emit) {
        yield* emit(here());
        yield* fromPromise(gate.promise);
        yield* emit(here());
      }),
    );
    const emitted = new Promise<void>((complete) =>
      store.run("subscriber", () => cold.subscribe({ next: (value) => log.push(value), complete })),
    );
    store.run("resolver", () => gate.resolve());
    await emitted;
    expect(log).toEqual(["operator pusher", "fiber A", "subscriber", "subscriber"]);
  });

  it("BK-16 what a cancellation takes back, and finalizers, run in the store of the fiber, not of whoever cancels", async () => {
    const log: string[] = [];
    const note = (what: string) => void log.push(`${what} ${here()}`);
    const target = { addEventListener() {}, removeEventListener: () => note("removeEventListener") };
    const bodies: Record<string, () => Op<unknown>> = {
      fromCallback: () => fromCallback(() => () => note("undo")),
      fromAsync: () =>
        fromAsync(
          (signal) =>
            new Promise((_, reject) =>
              signal.addEventListener("abort", () => (note("abort"), reject(signal.reason as Error))),
            ),
        ),
      once: () => once(target, "x"),
      events: () => Switch.run((sw) => takeOne(events(sw, target, "x"))),
    };
    for (const body of Object.values(bodies)) {
      let context!: Cancel.Context;
      const ended = store.run("A", () =>
        toPromise(() =>
          Cancel.sub(function* (cc) {
            context = cc;
            try {
              yield* body();
            } catch (error) {
              if (!(error instanceof Cancelled)) throw error;
            } finally {
              note("finally");
            }
          }),
        ),
      );
      store.run("X", () => context.cancel("stop"));
      await ended;
    }
    expect(log).toEqual([
      "undo A",
      "finally A",
      "abort A",
      "finally A",
      "removeEventListener A",
      "finally A",
      "removeEventListener A",
      "finally A",
    ]);
  });
});

function* takeOne<T>(subscribing: Op<{ next(): Op<T> }>): Op<T> {
  const subscribed = yield* subscribing;
  return yield* subscribed.next();
}

it("BK-15 a reaction runs in the store in which it was registered, so fromPromise needs no tracking", async () => {
  const plain = new Cell<void>();
  const seen = store.run("A", () => plain.promise.then(here));
  store.run("X", () => plain.resolve());
  expect(await seen).toBe("A");
  const cell = new Cell<void>();
  const ended = store.run("A", () => toPromise(() => across(cell)));
  store.run("X", () => cell.resolve());
  expect(await ended).toBe("A A");
});

it("BK-05 withStore holds for all steps of its body and for what it forks, and ends with it, tracked or not", async () => {
  for (const storage of [undefined, AsyncLocalStorage]) {
    trackContext(storage);
    const cell = new Cell<void>();
    const ended = toPromise(function* () {
      const inside = yield* withStore(store, "C", function* () {
        const forked = yield* Fiber.pair(
          () => across(cell),
          () => across(cell),
        );
        return [...forked, here()];
      });
      return [...inside, here()];
    });
    store.run("X", () => cell.resolve());
    expect(await ended).toEqual(["C C", "C C", "C", "-"]);
    trackContext(undefined);
  }
});

it("BK-06 nor does what a step enters outlast it inside withStore", async () => {
  const seen = await toPromise(() =>
    withStore(store, "C", function* () {
      store.enterWith("entered");
      yield* Fiber.yield();
      return here();
    }),
  );
  expect(seen).toBe("C");
});

it("BK-02 fibers forked inside withSurroundings are inside as well, where nothing is captured", async () => {
  setSurroundings(undefined);
  const inside = store.run("C", () => AsyncLocalStorage.snapshot());
  const cell = new Cell<void>();
  const ended = toPromise(() => withSurroundings(inside, () => Fiber.all([() => across(cell), () => across(cell)])));
  const beside = toPromise(() => across(cell));
  cell.resolve();
  await ended;
  expect(await beside).toBe("- -");
});

it("BK-09 { context: emit } says what it needs", async () => {
  const listening = toPromise(() =>
    Switch.run(function* (sw) {
      yield* listen(sw, new EventEmitter(), "x", function* () {}, { context: "emit" });
    }),
  );
  expect(await outcome(listening)).toMatch(/^error InvalidArgument: .*trackContext/);
  const wrong = { context: "both" } as unknown as ListenOptions;
  expect(() => listen({ addHook() {} } as never, new EventEmitter(), "x", function* () {}, wrong)).toThrow(
    'listen: "options.context" must be "register" or "emit"',
  );
});

it("wrong arguments are refused by name", () => {
  expect(() => trackContext({} as never)).toThrow('trackContext: "storage" must be the class AsyncLocalStorage');
  expect(() => withStore({} as never, 1, function* () {})).toThrow('withStore: "store" must be an AsyncLocalStorage');
  expect(() => withStore(store, "x", 1 as never)).toThrow('withStore: "body" must be');
});
