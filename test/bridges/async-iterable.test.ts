import { describe, expect, it } from "vitest";
import {
  asyncDispose,
  Cancel,
  Cancelled,
  currentFiber,
  Deferred,
  Fiber,
  InvalidArgument,
  Stream,
  Switch,
  type Op,
} from "trestle";
import * as mock from "trestle/mock";
import {
  AbortError,
  each,
  emit,
  emitAll,
  fromAsync,
  fromAsyncIterable,
  fromPromise,
  toAsyncGenerator,
  toAsyncIterable,
  toPromise,
  type Pull,
} from "@trestle/bridges";
import { Cell, countAbortListeners, expectNoUnhandledRejections, ladder, macrotask, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

function* all<T>(pull: Pull<T>): Op<T[]> {
  const items: T[] = [];
  while (yield* pull.next()) items.push(pull.value);
  return items;
}

/** Runs `body` in a context that the returned function cancels. */
function cancellable(body: () => Op<unknown>) {
  let context!: Cancel.Context;
  const ended = outcome(
    toPromise(() =>
      Cancel.sub(function* (cc) {
        context = cc;
        try {
          return yield* body();
        } catch (error) {
          if (error instanceof Cancelled) return `Cancelled ${String(error.reason)}`;
          throw error;
        }
      }),
    ),
  );
  return { ended, cancel: (reason: unknown = "stop") => context.cancel(reason) };
}

/** An async iterable by hand: its results are promises with their ends outside. */
function scripted(log: string[], returning?: () => unknown) {
  const cells: Cell<IteratorResult<string, unknown>>[] = [];
  const iterator = {
    next: () => {
      log.push("next");
      const cell = new Cell<IteratorResult<string, unknown>>();
      cells.push(cell);
      return cell.promise;
    },
    ...(returning && {
      return: () => {
        log.push("return");
        return returning();
      },
    }),
  };
  const source = {
    [Symbol.asyncIterator]: () => {
      log.push("iterator");
      return iterator;
    },
  } as unknown as AsyncIterable<string>;
  return { source, give: (value: string) => cells.at(-1)!.resolve({ done: false, value }), cells };
}

const nothing = () => Promise.resolve({ done: true, value: undefined });

describe("fromAsyncIterable", () => {
  it("BI-01 gives the items in order, then the end, and what was returned", async () => {
    async function* three() {
      yield 1;
      await Promise.resolve();
      yield Promise.resolve(2);
      yield 3;
      return "end";
    }
    const seen: number[] = [];
    const pull = fromAsyncIterable(three());
    await toPromise(() =>
      each(pull, function* (item) {
        seen.push(item);
      }),
    );
    expect(seen).toEqual([1, 2, 3]);
    expect(pull.returned).toBe("end");
    expect(await toPromise(() => pull.next())).toBe(false);
    expect(() => pull.value).toThrow(InvalidArgument);
  });

  it("BI-02 asks for an item when the one before was delivered, and never twice at once", async () => {
    const log: string[] = [];
    const { source, give } = scripted(log);
    const pull = fromAsyncIterable(source);
    const first = toPromise(() => pull.next());
    await ticks();
    expect(await outcome(toPromise(() => pull.next()))).toContain("InvalidArgument");
    expect(log).toEqual(["iterator", "next"]);
    give("a");
    expect(await first).toBe(true);
    expect(pull.value).toBe("a");
    void toPromise(() => pull.next());
    await ticks();
    expect(log).toEqual(["iterator", "next", "next"]);
  });

  it("BI-03 touches nothing before the first pull", async () => {
    const log: string[] = [];
    const { source } = scripted(log, nothing);
    const pull = fromAsyncIterable(source);
    await toPromise(() => pull.close());
    expect(log).toEqual([]);
  });

  it("BI-04 returns once, and waits for it, before the error of the body propagates", async () => {
    const log: string[] = [];
    const closed = new Cell();
    const { source, give } = scripted(log, () => closed.promise);
    const error = new Error("of the body");
    const ended = outcome(
      toPromise(() =>
        each(fromAsyncIterable(source), function* () {
          throw error;
        }),
      ).finally(() => log.push("ended")),
    );
    give("a");
    await ticks();
    expect(log).toEqual(["iterator", "next", "return"]);
    closed.resolve({});
    expect(await ended).toBe("error Error: of the body");
    expect(log).toEqual(["iterator", "next", "return", "ended"]);
  });

  it("BI-04 close, in a loop of one's own, returns once and waits for it", async () => {
    const log: string[] = [];
    async function* source() {
      try {
        yield 1;
        yield 2;
      } finally {
        await Promise.resolve();
        log.push("finally");
      }
    }
    await toPromise(function* () {
      const pull = fromAsyncIterable(source());
      try {
        while (yield* pull.next()) break;
      } finally {
        yield* pull.close();
        log.push("closed");
        yield* pull.close();
      }
      expect(yield* pull.next()).toBe(false);
    });
    expect(log).toEqual(["finally", "closed"]);
  });

  it("BI-05 does not return to a source that has ended or failed", async () => {
    const log: string[] = [];
    const ended = scripted(log, nothing);
    const first = toPromise(() => each(fromAsyncIterable(ended.source), () => Fiber.yield()));
    ended.cells[0]!.resolve({ done: true, value: undefined });
    await first;
    const failed = scripted(log, nothing);
    const error = new Error("of the source");
    const second = toPromise(() => each(fromAsyncIterable(failed.source), () => Fiber.yield()));
    failed.cells[0]!.reject(error);
    await expect(second).rejects.toBe(error);
    expect(log).toEqual(["iterator", "next", "iterator", "next"]);
  });

  it("BI-06 returns, protected, when the fiber is cancelled between two pulls", async () => {
    const log: string[] = [];
    async function* source() {
      try {
        yield 1;
        yield 2;
      } finally {
        await macrotask();
        log.push("finally");
      }
    }
    const run = cancellable(() => each(fromAsyncIterable(source()), () => Fiber.awaitCancel()));
    await macrotask();
    run.cancel();
    expect(await run.ended).toBe("value Cancelled stop");
    expect(log).toEqual(["finally"]);
  });

  it("BI-07 cancelled in a pull, returns in the same turn and does not wait", async () => {
    const log: string[] = [];
    const step = new Cell();
    async function* source() {
      try {
        await step.promise;
        yield 1;
      } finally {
        log.push("finally");
        throw new Error("late");
      }
    }
    const iterator = source();
    const original = iterator.return.bind(iterator);
    iterator.return = (value) => {
      log.push("return");
      return original(value);
    };
    const run = cancellable(() => each(fromAsyncIterable(iterator), () => Fiber.yield()));
    await ticks();
    run.cancel();
    expect(log).toEqual(["return"]);
    expect(await run.ended).toBe("value Cancelled stop");
    expect(log).toEqual(["return"]);
    step.resolve(0);
    await macrotask();
    expect(log).toEqual(["return", "finally"]);
  });

  it("BI-07 waits for both if it is told to, and tells what is no echo", async () => {
    for (const failure of [undefined, new Error("real")]) {
      const log: string[] = [];
      const closed = new Cell();
      const { source, cells } = scripted(log, () => closed.promise);
      const run = cancellable(() => each(fromAsyncIterable(source, { onReturn: "wait" }), () => Fiber.yield()));
      void run.ended.then(() => log.push("ended"));
      await ticks();
      run.cancel();
      await ticks();
      if (failure) cells[0]!.reject(failure);
      else cells[0]!.reject(Object.assign(new Error("aborted"), { name: "AbortError" }));
      await ticks();
      expect(log).toEqual(["iterator", "next", "return"]);
      closed.resolve({});
      expect(await run.ended).toBe(failure ? "error Error: real" : "value Cancelled stop");
    }
  });

  it("BI-08 ends a pending read of a web stream, and leaves it unlocked", async () => {
    const log: string[] = [];
    const stream = new ReadableStream<string>({ cancel: () => void log.push("cancelled") });
    const run = cancellable(() => each(fromAsyncIterable(stream as AsyncIterable<string>), () => Fiber.yield()));
    await ticks();
    run.cancel();
    expect(log).toEqual(["cancelled"]);
    expect(await run.ended).toBe("value Cancelled stop");
    expect(stream.locked).toBe(false);
    const full = new ReadableStream<string>({
      start(controller) {
        for (const item of ["a", "b"]) controller.enqueue(item);
        controller.close();
      },
    });
    expect(await toPromise(() => all(fromAsyncIterable(full as AsyncIterable<string>)))).toEqual(["a", "b"]);
    expect(full.locked).toBe(false);
  });

  it("BI-09 leaves a source without return as it is", async () => {
    const { source, give } = scripted([]);
    const left = toPromise(function* () {
      const pull = fromAsyncIterable(source);
      yield* pull.next();
      yield* pull.close();
      return "left";
    });
    give("a");
    expect(await left).toBe("left");
  });

  it("BI-10 keeps the error of the body, with that of return attached; else return's is thrown", async () => {
    const returned = new Error("of return");
    const failing = () => Promise.reject(returned);
    const error = new Error("of the body");
    const first = scripted([], failing);
    const broken = toPromise(() =>
      each(fromAsyncIterable(first.source), function* () {
        throw error;
      }),
    );
    first.give("a");
    await expect(broken).rejects.toBe(error);
    expect((error as { suppressed?: unknown }).suppressed).toBe(returned);
    expect(Object.keys(error)).toEqual([]);

    const second = scripted([], failing);
    const left = toPromise(function* () {
      const pull = fromAsyncIterable(second.source);
      yield* pull.next();
      yield* pull.close();
    });
    second.give("a");
    await expect(left).rejects.toBe(returned);

    const third = scripted([], failing);
    const run = cancellable(() => each(fromAsyncIterable(third.source), () => Fiber.awaitCancel()));
    third.give("a");
    await ticks();
    run.cancel();
    expect(await run.ended).toBe("error Error: of return");
  });

  it("BI-11 awaits the items of a sync iterable, and closes it when one rejects", async () => {
    const log: string[] = [];
    function* source(last: unknown) {
      try {
        yield "a";
        yield Promise.resolve("b");
        yield last as string;
        yield "d";
      } finally {
        log.push("closed");
      }
    }
    expect(await toPromise(() => all(fromAsyncIterable(source("c"))))).toEqual(["a", "b", "c", "d"]);
    const error = new Error("of an item");
    await expect(toPromise(() => all(fromAsyncIterable(source(Promise.reject(error)))))).rejects.toBe(error);
    await toPromise(function* () {
      const pull = fromAsyncIterable(source("c"));
      yield* pull.next();
      yield* pull.close();
    });
    expect(log).toEqual(["closed", "closed", "closed"]);
    expect(await toPromise(() => all(fromAsyncIterable("xy")))).toEqual(["x", "y"]);
  });

  it("BI-13 goes through very many items that are there, and lets others run meanwhile", async () => {
    const many = 100_000;
    let others = 0;
    let over = false;
    const count = await toPromise(() =>
      Fiber.pair(
        function* () {
          let n = 0;
          const pull = fromAsyncIterable({
            [Symbol.asyncIterator]: () => ({
              next: () => Promise.resolve(n++ < many ? { done: false, value: n } : { done: true, value: undefined }),
            }),
          } as AsyncIterable<number>);
          while (yield* pull.next());
          const own = toAsyncGenerator(function* () {
            for (let i = 0; i < many; i++) yield* emit(i);
          });
          const items = fromAsyncIterable(own);
          while (yield* items.next()) n++;
          over = true;
          return n;
        },
        function* () {
          while (!over) {
            others++;
            yield* Fiber.yield();
          }
        },
      ),
    );
    expect(count[0]).toBe(2 * many + 1);
    expect(others).toBeGreaterThan(100);
  });

  it("BG-07 takes nothing in a cancelled fiber", async () => {
    const log: string[] = [];
    const { source } = scripted(log, nothing);
    await toPromise(() =>
      Cancel.sub(function* (cc) {
        cc.cancel("before");
        yield* each(fromAsyncIterable(source), () => Fiber.yield());
      }),
    ).catch(() => {});
    expect(log).toEqual([]);
  });

  it("refuses what cannot be iterated, at once", () => {
    expect(() => fromAsyncIterable(42 as never)).toThrow(/"source" must be an async iterable/);
    expect(() => fromAsyncIterable(null as never)).toThrow(TypeError);
    expect(() => fromAsyncIterable([], { onReturn: "never" as never })).toThrow(/onReturn/);
    expect(() => each([] as never, () => Fiber.yield())).toThrow(/make one with fromAsyncIterable/);
    expect(() => toAsyncIterable(42 as never)).toThrow(TypeError);
    expect(() => toAsyncGenerator((async () => {}) as never)).toThrow(TypeError);
  });
});

describe("toAsyncIterable", () => {
  it("BI-20 starts at the first next, not at creation", async () => {
    const log: string[] = [];
    const iterable = toAsyncIterable(function* () {
      log.push("started");
      yield* emit(1);
    });
    const iterator = iterable[Symbol.asyncIterator]();
    await ticks();
    expect(log).toEqual([]);
    const first = iterator.next();
    expect(log).toEqual(["started"]);
    expect(await first).toEqual({ done: false, value: 1 });
  });

  it("BI-21 runs the body anew for each iteration; iterations of a stream share its items", async () => {
    const iterable = toAsyncIterable(function* () {
      yield* emit(1);
      yield* emit(2);
    });
    for (let i = 0; i < 2; i++) {
      const seen: number[] = [];
      for await (const item of iterable) seen.push(item);
      expect(seen).toEqual([1, 2]);
    }
    const stream = new Stream<string>(4);
    for (const item of ["a", "b", "c"]) stream.tryAdd(item);
    stream.close();
    const shared = toAsyncIterable(stream);
    const [one, two] = [shared[Symbol.asyncIterator](), shared[Symbol.asyncIterator]()];
    expect((await one.next()).value).toBe("a");
    expect((await two.next()).value).toBe("b");
    expect((await one.next()).value).toBe("c");
    expect((await two.next()).done).toBe(true);
  });

  it("BI-22 produces nothing ahead", async () => {
    const log: string[] = [];
    const iterable = toAsyncIterable(function* () {
      for (let i = 1; i <= 3; i++) {
        log.push(`makes ${i}`);
        yield* emit(i);
      }
    });
    for await (const item of iterable) {
      await macrotask();
      log.push(`takes ${item}`);
    }
    expect(log).toEqual(["makes 1", "takes 1", "makes 2", "takes 2", "makes 3", "takes 3"]);
  });

  it("BI-23 serves calls of next that do not wait in order", async () => {
    const iterator = toAsyncIterable(function* () {
      yield* fromPromise(macrotask());
      yield* emit("a");
      yield* emit("b");
      return "c";
    })[Symbol.asyncIterator]();
    const log: string[] = [];
    const calls = [1, 2, 3, 4].map(() => iterator.next().then(({ value }) => log.push(String(value))));
    await Promise.all(calls);
    expect(log).toEqual(["a", "b", "c", "undefined"]);
  });

  it("BI-24 BG-21 ends with the loop, once its finalizers are done", async () => {
    const log: string[] = [];
    const iterable = toAsyncIterable(function* () {
      try {
        yield* emit(1);
        log.push("not reached");
      } catch {
        log.push("not an error");
      } finally {
        yield* fromPromise(macrotask());
        log.push("finally");
      }
    });
    for await (const item of iterable) {
      log.push(`item ${item}`);
      break;
    }
    expect(log).toEqual(["item 1", "finally"]);
    const iterator = iterable[Symbol.asyncIterator]();
    await iterator.next();
    expect(await iterator.return("v" as never)).toEqual({ done: true, value: "v" });
  });

  it("BI-25 cancels a pending next at once: it gives done, after the finalizers", async () => {
    const log: string[] = [];
    const iterator = toAsyncIterable(function* () {
      try {
        yield* Fiber.awaitCancel();
      } finally {
        log.push("cancelled");
        yield* Cancel.protect(() => fromPromise(macrotask()));
        log.push("finally");
      }
      yield* emit(1);
    })[Symbol.asyncIterator]();
    const [first, second] = [iterator.next(), iterator.next()];
    const returned = iterator.return(7 as never);
    log.push("returned");
    await ticks();
    expect(log).toEqual(["returned", "cancelled"]);
    expect(await first).toEqual({ done: true, value: undefined });
    expect(log).toEqual(["returned", "cancelled", "finally"]);
    expect(await second).toEqual({ done: true, value: undefined });
    expect(await returned).toEqual({ done: true, value: 7 });
  });

  it("BI-26 raises an error where the body stands", async () => {
    const make = () =>
      toAsyncIterable(function* () {
        try {
          yield* emit(1);
        } catch (error) {
          yield* emit(`caught ${String(error)}`);
        }
        yield* emit(3);
      })[Symbol.asyncIterator]();
    const iterator = make();
    await iterator.next();
    expect(await iterator.throw("e")).toEqual({ done: false, value: "caught e" });
    await expect(iterator.throw("f")).rejects.toBe("f");
    expect((await iterator.next()).done).toBe(true);
    await expect(make().throw("early")).rejects.toBe("early");
  });

  it("BI-27 BG-30 tells an error once", async () => {
    const error = new Error("e");
    const iterator = toAsyncIterable(function* () {
      yield* emit(1);
      throw error;
    })[Symbol.asyncIterator]();
    await iterator.next();
    const calls = [iterator.next(), iterator.next()];
    await expect(calls[0]).rejects.toBe(error);
    expect(await calls[1]).toEqual({ done: true, value: undefined });
  });

  it("BI-28 never starts after a return", async () => {
    const iterator = toAsyncIterable(function* () {
      throw new Error("not reached");
      yield* emit(1);
    })[Symbol.asyncIterator]();
    expect(await iterator.return(1 as never)).toEqual({ done: true, value: 1 });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it("BI-29 BG-52 what is left standing ends with the switch", async () => {
    const log: string[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        const iterable = toAsyncIterable(standing(log), { sw });
        yield* fromPromise(iterable[Symbol.asyncIterator]().next());
        log.push("body ends");
      }),
    );
    expect(log).toEqual(["body ends", "finally"]);
  });

  it("BI-29 what is left standing ends with the signal, and the next call is told why, once", async () => {
    const log: string[] = [];
    const controller = new AbortController();
    const listeners = countAbortListeners(controller.signal);
    const iterator = toAsyncIterable(standing(log), { signal: controller.signal })[Symbol.asyncIterator]();
    await iterator.next();
    expect(listeners()).toBe(1);
    const reason = new Error("enough");
    controller.abort(reason);
    await macrotask();
    expect(log).toEqual(["finally"]);
    await expect(iterator.next()).rejects.toBe(reason);
    expect((await iterator.next()).done).toBe(true);
    expect(listeners()).toBe(0);
    const late = toAsyncIterable(standing(log), { signal: controller.signal })[Symbol.asyncIterator]();
    await expect(late.next()).rejects.toBe(reason);
    expect(log).toEqual(["finally"]);
  });

  it("BI-29 BG-20 a signal cancels a pending next in the same turn; disposing ends all iterations", async () => {
    const log: string[] = [];
    const controller = new AbortController();
    const iterable = toAsyncIterable(
      function* () {
        try {
          yield* emit(1);
          yield* Fiber.awaitCancel();
        } finally {
          log.push("finally");
        }
      },
      { signal: controller.signal },
    );
    const iterator = iterable[Symbol.asyncIterator]();
    await iterator.next();
    const pending = outcome(iterator.next());
    await ticks();
    controller.abort("enough");
    expect(await pending).toBe("error enough");
    expect(log).toEqual(["finally"]);

    const other = toAsyncIterable(standing(log));
    const iterations = [other[Symbol.asyncIterator](), other[Symbol.asyncIterator]()];
    for (const each of iterations) await each.next();
    await other[asyncDispose]();
    expect(log).toEqual(["finally", "finally", "finally"]);
  });

  it("BI-30 a finalizer that fails rejects return, pending next or not", async () => {
    const failure = new Error("of the finalizer");
    const make = (first: () => Op<unknown>) =>
      toAsyncIterable(function* () {
        try {
          yield* emit(1);
          yield* first();
        } finally {
          throw failure;
        }
      })[Symbol.asyncIterator]();
    const idle = make(() => Fiber.yield());
    await idle.next();
    await expect(idle.return(undefined)).rejects.toBe(failure);
    const busy = make(() => Fiber.awaitCancel());
    await busy.next();
    const pending = busy.next();
    await expect(busy.return(undefined)).rejects.toBe(failure);
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  it("BG-36 is told an AbortError when the switch is cancelled", async () => {
    const told = new Cell<unknown>();
    await toPromise(() =>
      Switch.run(function* (sw) {
        const iterator = toAsyncIterable(
          function* () {
            yield* Fiber.awaitCancel();
            yield* emit(1);
          },
          { sw },
        )[Symbol.asyncIterator]();
        iterator.next().catch((error: unknown) => told.resolve(error));
        sw.fail(new Error("of the switch"));
      }),
    ).catch(() => {});
    expect(await told.promise).toBeInstanceOf(AbortError);
  });
});

function standing(log: string[]) {
  return function* () {
    try {
      yield* emit(1);
      yield* emit(2);
    } finally {
      yield* fromPromise(Promise.resolve());
      log.push("finally");
    }
  };
}

describe("toAsyncGenerator", () => {
  /** One program, as an async generator and as fiber code: what a consumer does with it must show the same. */
  const programs: Record<string, { native: (log: string[]) => AsyncGenerator<unknown>; ours: typeof native }> = {};
  function native(log: string[]): AsyncGenerator<unknown> {
    return (async function* () {
      try {
        log.push("start");
        yield 1;
        await Promise.resolve();
        yield Promise.resolve(2);
        yield* [3, 4];
        try {
          yield Promise.reject(new Error("item"));
        } catch (error) {
          log.push(`caught ${String(error)}`);
        }
        yield 5;
        return 6;
      } finally {
        log.push("finally");
        await Promise.resolve();
        log.push("finally after");
      }
    })();
  }
  function ours(log: string[]): AsyncGenerator<unknown> {
    return toAsyncGenerator(function* () {
      try {
        log.push("start");
        yield* emit(1);
        yield* fromPromise(Promise.resolve());
        yield* emit(Promise.resolve(2));
        yield* emitAll([3, 4]);
        try {
          yield* emit(Promise.reject(new Error("item")));
        } catch (error) {
          log.push(`caught ${String(error)}`);
        }
        yield* emit(5);
        return yield* fromPromise(Promise.resolve(6));
      } finally {
        log.push("finally");
        yield* fromPromise(Promise.resolve());
        log.push("finally after");
      }
    });
  }
  programs["one"] = { native, ours };

  const consumers: Record<string, (generator: AsyncGenerator<unknown>, log: string[]) => Promise<unknown>> = {
    "reads to the end": async (generator, log) => {
      for await (const item of generator) log.push(`item ${String(item)}`);
    },
    breaks: async (generator, log) => {
      for await (const item of generator) {
        log.push(`item ${String(item)}`);
        if (item === 3) break;
      }
    },
    "asks ahead, then returns": async (generator, log) => {
      const told = (name: string) =>
        [
          ({ value, done }: IteratorResult<unknown>) => void log.push(`${name} ${String(value)} ${String(done)}`),
          (error: unknown) => void log.push(`${name} ${String(error)}`),
        ] as const;
      const calls = [1, 2].map((n) => generator.next().then(...told(`next ${n}`)));
      calls.push(generator.return("r").then(...told("return")));
      calls.push(generator.next().then(...told("last")));
      log.push("asked");
      await Promise.all(calls);
    },
    "throws into it": async (generator, log) => {
      await generator.next();
      await generator.throw(new Error("in")).catch((error: unknown) => log.push(String(error)));
    },
    "returns before the start": async (generator, log) => {
      log.push(JSON.stringify(await generator.return(Promise.resolve("r"))));
    },
  };

  it("BI-22 BI-24 does what an async generator does, in the same turns, whatever its consumer does", async () => {
    for (const [name, consume] of Object.entries(consumers)) {
      const logs = await Promise.all(
        [native, ours].map(async (make) => {
          const log: string[] = [];
          const rungs = ladder(log, 30);
          await consume(make(log), log);
          await rungs;
          return log;
        }),
      );
      expect(logs[1], name).toEqual(logs[0]);
    }
  });

  it("is one iteration, and looks like an async generator", async () => {
    const generator = ours([]);
    expect(generator[Symbol.asyncIterator]()).toBe(generator);
    expect(Object.prototype.toString.call(generator)).toBe("[object AsyncGenerator]");
    await generator.next();
    const log: string[] = [];
    await (generator as unknown as { [asyncDispose](): Promise<void> })[asyncDispose]();
    expect((await generator.next()).done).toBe(true);
    expect(log).toEqual([]);
  });

  it("BI-06 a fiber that pulls runs the body itself, and its cancellation reaches it", () => {
    const log: string[] = [];
    mock.run(function* ({ clock }) {
      const sleeper = () =>
        toAsyncGenerator(function* () {
          try {
            log.push(`fiber ${currentFiber().id}`);
            yield* emit(1);
            yield* clock.sleep(5);
          } catch (error) {
            log.push(`threw ${(error as Error).name}`);
            throw error;
          } finally {
            log.push(`finally at ${clock.now()}`);
          }
        });
      yield* Fiber.first(
        function* consumer() {
          log.push(`fiber ${currentFiber().id}`);
          yield* each(fromAsyncIterable(sleeper()), () => Fiber.yield());
        },
        () => clock.sleep(1),
      );
    });
    expect(log[1]).toBe(log[0]);
    expect(log.slice(2)).toEqual(["threw Cancelled", "finally at 1"]);
  });

  it("BI-04 a loop of a fiber that is left runs the finalizers, also through emitAll", () => {
    const log: string[] = [];
    mock.run(function* ({ clock }) {
      const inner = () =>
        toAsyncGenerator(function* () {
          try {
            for (let i = 0; ; i++) yield* emit(i);
          } finally {
            yield* clock.sleep(1);
            log.push(`inner at ${clock.now()}`);
          }
        });
      const outer = toAsyncGenerator(function* () {
        try {
          yield* emitAll(inner());
        } finally {
          log.push("outer");
        }
      });
      const pull = fromAsyncIterable(outer);
      try {
        while (yield* pull.next()) if (pull.value === 2) break;
      } finally {
        yield* pull.close();
        log.push("closed");
      }
    });
    expect(log).toEqual(["inner at 1", "outer", "closed"]);
  });

  it("BI-23 fibers and async code ask one generator in turn", async () => {
    const [gate, opened] = Deferred.create<void>();
    const generator = toAsyncGenerator(function* () {
      yield* gate.await();
      for (const item of ["a", "b", "c"]) yield* emit(item);
    });
    const log: unknown[] = [];
    const first = generator.next().then(({ value }) => log.push(value));
    const second = toPromise(function* () {
      const pull = fromAsyncIterable(generator);
      yield* pull.next();
      log.push(`fiber ${pull.value}`);
    });
    const third = generator.next().then(({ value }) => log.push(value));
    opened.resolve();
    await Promise.all([first, second, third]);
    expect(log).toEqual(["a", "fiber b", "c"]);
  });

  it("BG-20 the step that async code waits for is cancelled with the fiber that owns the call", async () => {
    const log: string[] = [];
    const generator = toAsyncGenerator(function* () {
      try {
        yield* Fiber.awaitCancel();
        yield* emit(1);
      } finally {
        log.push("finally");
      }
    });
    const run = cancellable(() => fromAsync(() => generator.next()));
    await ticks();
    run.cancel();
    expect(await run.ended).toBe("value Cancelled stop");
    expect(log).toEqual(["finally"]);
  });
});
