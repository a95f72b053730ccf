import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  currentFiber,
  Deferred,
  Fiber,
  Multiple,
  onUnhandledError,
  Switch,
  trailOf,
  type Op,
  type DeadlockDetected,
  type Result,
} from "trestle";
import * as mock from "trestle/mock";
import {
  AbortError,
  adopt,
  cancelSignal,
  fromAsync,
  fromCallback,
  fromPromise,
  once,
  promiseOf,
  toAsync,
  toPromise,
} from "@trestle/bridges";
import {
  allReported,
  Cell,
  countAbortListeners,
  expectNoUnhandledRejections,
  heapUsed,
  later,
  macrotask,
  outcome,
  ticks,
  uncaughtDuring,
  unhandledDuring,
} from "./world.js";

expectNoUnhandledRejections();

const never = () => new Promise<never>(() => {});

/** Runs `body` in a context that the returned function cancels; the promise is of the outcome as a word. */
function cancellable(body: () => Op<unknown>): { ended: Promise<string>; cancel: (reason?: unknown) => void } {
  let context: Cancel.Context | undefined;
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
  return { ended, cancel: (reason = "stop") => context!.cancel(reason) };
}

/** What the fibers of a mock world wait for when nothing can run any more. */
function waitingIn(body: () => Op<unknown>): string[] {
  try {
    mock.run(body);
  } catch (error) {
    return (error as DeadlockDetected).waiting.map((fiber) => fiber.waitsFor);
  }
  return [];
}

describe("fromPromise", () => {
  it("BP-01 gives the value of a promise that fulfils later", async () => {
    const cell = new Cell<number>();
    const result = toPromise(() => fromPromise(cell.promise));
    await ticks();
    cell.resolve(42);
    expect(await result).toBe(42);
  });

  it("BP-02 suspends for a fulfilled promise, and resumes before the next macrotask", async () => {
    const log: string[] = [];
    later(() => log.push("macrotask"));
    void toPromise(function* () {
      log.push(`got ${yield* fromPromise(Promise.resolve("v"))}`);
    });
    log.push("suspended");
    await macrotask();
    expect(log).toEqual(["suspended", "got v", "macrotask"]);
  });

  it("BP-03 BG-30 throws the same error, catchable with try", async () => {
    const error = new Error("no");
    const { stack } = error;
    const caught = await toPromise(function* () {
      try {
        return yield* fromPromise(Promise.reject(error));
      } catch (thrown) {
        return thrown;
      }
    });
    expect(caught).toBe(error);
    expect((caught as Error).stack).toBe(stack);
  });

  it("BP-04 BG-31 throws undefined and other values that are no errors", async () => {
    for (const reason of [undefined, null, 0, "", "text", false]) {
      const caught = await toPromise(function* () {
        try {
          yield* fromPromise(Promise.reject(reason));
          return "not thrown";
        } catch (thrown) {
          return { thrown };
        }
      });
      expect(caught).toEqual({ thrown: reason });
    }
  });

  it("BP-05 gives what await gives, for a promise of a thenable", async () => {
    const thenable = { then: (ok: (value: number) => void) => ok(7) };
    expect(await toPromise(() => fromPromise(Promise.resolve(thenable)))).toBe(7);
  });

  it("BP-06 counts the first call of a thenable only", async () => {
    const twice = (...calls: ("ok" | "fail" | "throw")[]) => ({
      then(ok: (value: string) => void, fail: (error: unknown) => void) {
        calls.forEach((call, i) => {
          if (call === "ok") ok(`ok ${i}`);
          else if (call === "fail") fail(`fail ${i}`);
          else throw `throw ${i}`;
        });
      },
    });
    const run = (value: object) => outcome(toPromise(() => fromPromise(value as PromiseLike<string>)));
    expect(await run(twice("ok", "ok", "fail"))).toBe("value ok 0");
    expect(await run(twice("ok", "throw"))).toBe("value ok 0");
    expect(await run(twice("fail", "ok", "throw"))).toBe("error fail 0");
  });

  it("BP-07 reads a getter then exactly once", async () => {
    let reads = 0;
    const thenable = {
      get then() {
        reads++;
        return (ok: (value: number) => void) => ok(1);
      },
    } as PromiseLike<number>;
    expect(await toPromise(() => fromPromise(thenable))).toBe(1);
    expect(reads).toBe(1);
    expect(await toPromise(() => adopt(thenable))).toBe(1);
    expect(reads).toBe(2);
    expect(await toPromise(() => fromAsync(() => thenable))).toBe(1);
    expect(reads).toBe(3);
  });

  it("BP-08 throws what a synchronous then throws, and what its getter throws", async () => {
    const error = new Error("then");
    const method = {
      then() {
        throw error;
      },
    };
    const getter = {
      get then(): never {
        throw error;
      },
    };
    for (const value of [method, getter]) {
      await expect(toPromise(() => fromPromise(value as PromiseLike<never>))).rejects.toBe(error);
    }
  });

  it("BP-09 waits for promises of subclasses, and for functions with a then", async () => {
    class Loud<T> extends Promise<T> {
      override then<A = T, B = never>(
        ok?: ((value: T) => A | PromiseLike<A>) | null,
        no?: ((e: unknown) => B | PromiseLike<B>) | null,
      ) {
        return super.then((value) => ok!(`${String(value)}!` as T), no);
      }
    }
    expect(await toPromise(() => fromPromise(Loud.resolve("sub")))).toBe("sub!");
    const callable = Object.assign(() => 0, { then: (ok: (value: string) => void) => ok("callable") });
    expect(await toPromise(() => fromPromise(callable as unknown as PromiseLike<string>))).toBe("callable");
  });

  it("BP-10 takes a thenable that calls back synchronously", async () => {
    const sync = { then: (ok: (value: number) => void) => ok(3) } as PromiseLike<number>;
    expect(await toPromise(() => fromPromise(sync))).toBe(3);
  });

  it("BP-11 BG-01 attaches nothing until it is run: the rejection surfaces", async () => {
    const error = new Error("nobody waits");
    const seen = await unhandledDuring(() => void fromPromise(Promise.reject(error)));
    expect(seen).toEqual([error]);
  });

  it("BP-12 surfaces a rejection when the wait begins a macrotask later, and is in time in a microtask", async () => {
    const error = new Error("early");
    const late = await unhandledDuring(() =>
      toPromise(function* () {
        const p = Promise.reject<never>(error);
        yield* fromPromise(allReported());
        return yield* fromPromise(p);
      }).catch(() => {}),
    );
    expect(late).toEqual([error]);
    const inTime = await unhandledDuring(() =>
      toPromise(function* () {
        const p = Promise.reject<never>(error);
        yield* fromPromise(Promise.resolve());
        return yield* fromPromise(p);
      }).catch(() => {}),
    );
    expect(inTime).toEqual([]);
  });

  it("BP-13 lets two fibers wait for one promise, and one of them be cancelled", async () => {
    const cell = new Cell<string>();
    const one = cancellable(() => fromPromise(cell.promise));
    const two = cancellable(() => fromPromise(cell.promise));
    const three = cancellable(() => fromPromise(cell.promise));
    await ticks();
    one.cancel();
    expect(await one.ended).toBe("value Cancelled stop");
    cell.resolve("v");
    expect(await two.ended).toBe("value v");
    expect(await three.ended).toBe("value v");
    expect(await cell.promise).toBe("v");
  });

  it("BP-14 ends a cancelled wait for a promise that never settles, and holds on to nothing", async () => {
    const forever = never();
    let held: WeakRef<object> | undefined;
    await (async () => {
      const big = { data: new Array<number>(1000).fill(1) };
      held = new WeakRef(big);
      const wait = cancellable(function* () {
        const kept = big;
        yield* fromPromise(forever);
        return kept;
      });
      await ticks();
      wait.cancel();
      expect(await wait.ended).toBe("value Cancelled stop");
    })();
    // Another step, for what remembers the last fiber that ran.
    await toPromise(() => adopt(1));
    await heapUsed();
    expect(held?.deref()).toBeUndefined();
    expect(forever).toBeInstanceOf(Promise);
  });

  it("BP-15 BG-51 attaches one reaction for 100,000 cancelled waits", async () => {
    let attached = 0;
    const forever = {
      then() {
        attached++;
      },
    } as unknown as PromiseLike<never>;
    const native = never();
    const rounds = async (n: number) => {
      await toPromise(function* () {
        for (let i = 0; i < n; i++) {
          for (const promise of [forever, native]) {
            try {
              yield* Cancel.sub(function* (cc) {
                void Promise.resolve().then(() => cc.cancel("next"));
                yield* fromPromise(promise);
              });
            } catch {
              continue;
            }
          }
        }
      });
    };
    await rounds(1000);
    const before = await heapUsed();
    await rounds(50_000);
    const grown = (await heapUsed()) - before;
    expect(attached).toBe(1);
    expect(grown).toBeLessThan(2_000_000);
  });

  it("BP-16 BG-04 drops a late rejection without a report", async () => {
    const cell = new Cell<never>();
    const seen = await unhandledDuring(async () => {
      const wait = cancellable(() => fromPromise(cell.promise));
      await ticks();
      wait.cancel();
      expect(await wait.ended).toBe("value Cancelled stop");
      cell.reject(new Error("late"));
    });
    expect(seen).toEqual([]);
  });

  it("BP-17 BG-13 drops a late value, or gives it to onDiscard, or disposes of it", async () => {
    const cell = new Cell<{ [Symbol.dispose](): void }>();
    const log: string[] = [];
    const waits = [
      cancellable(() => fromPromise(cell.promise)),
      cancellable(() => fromPromise(cell.promise, { onDiscard: () => void log.push("discarded") })),
      cancellable(() => fromPromise(cell.promise, { disposeLate: true })),
    ];
    await ticks();
    for (const wait of waits) wait.cancel();
    for (const wait of waits) expect(await wait.ended).toBe("value Cancelled stop");
    cell.resolve({ [Symbol.dispose]: () => void log.push("disposed") });
    await ticks();
    expect(log).toEqual(["discarded", "disposed"]);
  });

  it("BP-18 BG-55 never cancels the promise, even if it could", async () => {
    let cancels = 0;
    const promise = Object.assign(never(), { cancel: () => cancels++, abort: () => cancels++ });
    const wait = cancellable(() => fromPromise(promise));
    await ticks();
    wait.cancel();
    expect(await wait.ended).toBe("value Cancelled stop");
    expect(cancels).toBe(0);
  });

  it("BG-64 reports name the adapter and the label", () => {
    expect(waitingIn(() => fromPromise(never()))).toEqual(["fromPromise"]);
    expect(waitingIn(() => fromPromise(never(), { label: "fetchUser" }))).toEqual(["fromPromise(fetchUser)"]);
    expect(
      waitingIn(() =>
        fromAsync(async function fetchUser() {
          await never();
        }),
      ),
    ).toEqual(["fromAsync(fetchUser)"]);
    expect(waitingIn(() => fromCallback(() => {}, { label: "geo" }))).toEqual(["fromCallback(geo)"]);
    expect(waitingIn(() => once(new EventTarget(), "click"))).toEqual(["once(click)"]);
  });

  it("BG-02 waits anew each time its op is run", async () => {
    const op = fromPromise(Promise.resolve(1));
    const both = await toPromise(function* () {
      return [yield* op, yield* op];
    });
    expect(both).toEqual([1, 1]);
  });

  it("BM-11 refuses what is no promise, with the way out", () => {
    const from = fromPromise as (value: unknown) => unknown;
    expect(() => from(42)).toThrow(
      new TypeError(
        'fromPromise: "promise" must be a promise, got the number 42; use adopt(x) for a value that may be a promise',
      ),
    );
    expect(() => from(() => Promise.resolve())).toThrow(/got a function; .*use fromAsync\(fn\)/);
    expect(() => from(fromPromise(Promise.resolve()))).toThrow(/run an op with yield\* directly/);
    expect(() => from(null)).toThrow(/got null/);
    expect(() => from(undefined)).toThrow(/got undefined/);
    expect(() => from({})).toThrow(/got an object/);
    expect(() => fromPromise(Promise.resolve(), { label: 1 as never })).toThrow(
      /"options.label" must be a string, got the number 1/,
    );
    expect(() => fromPromise(Promise.resolve(), { onDiscard: 1 as never })).toThrow(
      /"options.onDiscard" must be a function/,
    );
  });

  it("BM-03 explains a promise that was yielded without a star", async () => {
    const ended = toPromise(function* () {
      yield Promise.resolve() as never;
    });
    await expect(ended).rejects.toThrow("a Promise was yielded; use yield* fromPromise(p)");
    const op = toPromise(function* () {
      yield cancelSignal() as never;
    });
    await expect(op).rejects.toThrow(/use yield\*/);
  });

  it("BM-06 is refused outside of a fiber, with nothing attached", async () => {
    let attached = 0;
    const thenable = { then: () => attached++ } as unknown as PromiseLike<number>;
    expect(() => [...(fromPromise(thenable) as Iterable<unknown>)]).toThrow(/needs a current fiber/);
    expect(() => [...(fromAsync(() => thenable) as Iterable<unknown>)]).toThrow(/fromAsync needs a current fiber/);
    await ticks();
    expect(attached).toBe(0);
  });
});

describe("adopt", () => {
  it("runs an op, of the library or of a generator function", async () => {
    function* work() {
      return yield* fromPromise(Promise.resolve("op"));
    }
    expect(await toPromise(() => adopt(work()))).toBe("op");
    expect(await toPromise(() => adopt(fromAsync(async () => "async")))).toBe("async");
    expect(await toPromise(() => adopt(Fiber.yield()))).toBe(undefined);
  });

  it("waits for a thenable and throws its error", async () => {
    expect(await toPromise(() => adopt(Promise.resolve(1)))).toBe(1);
    expect(await outcome(toPromise(() => adopt(Promise.reject(new Error("no")))))).toBe("error Error: no");
  });

  it("gives any other value back, the same one", async () => {
    const values = [0, "", null, undefined, [1], new Map(), new Set(), { then: 1 }, () => 1, Symbol.iterator];
    for (const value of values) expect(await toPromise(() => adopt(value as unknown))).toBe(value);
  });

  it("BG-02 runs an op of the library anew each time", async () => {
    const op = adopt(fromAsync(() => "again"));
    const both = await toPromise(function* () {
      return [yield* op, yield* op];
    });
    expect(both).toEqual(["again", "again"]);
  });
});

describe("fromAsync", () => {
  it("BP-20 calls the function once, when it is run, with a signal that is not aborted", async () => {
    const log: unknown[] = [];
    const op = fromAsync(async (signal) => {
      log.push(signal instanceof AbortSignal, signal.aborted);
      return "v";
    });
    expect(log).toEqual([]);
    const result = toPromise(() => op);
    log.push("started");
    expect(await result).toBe("v");
    expect(log).toEqual([true, false, "started"]);
  });

  it("BP-21 BG-05 throws what the function throws, in the same turn", async () => {
    const error = new Error("sync");
    let caught: unknown;
    void toPromise(function* () {
      try {
        yield* fromAsync(() => {
          throw error;
        });
      } catch (thrown) {
        caught = thrown;
      }
    });
    expect(caught).toBe(error);
  });

  it("BP-22 gives a plain value without a microtask", () => {
    let value: unknown;
    void toPromise(function* () {
      value = yield* fromAsync(() => 5);
    });
    expect(value).toBe(5);
  });

  it("BP-23 passes the signal whatever parameters the function declares", async () => {
    const seen: unknown[] = [];
    /* eslint-disable prefer-rest-params */
    const functions: ((signal: AbortSignal) => void)[] = [
      function () {
        seen.push(arguments[0]);
      },
      (...rest: unknown[]) => void seen.push(rest[0]),
      (signal: AbortSignal = null as never) => void seen.push(signal),
    ];
    for (const fn of functions) await toPromise(() => fromAsync(fn));
    expect(seen.map((signal) => signal instanceof AbortSignal)).toEqual([true, true, true]);
  });

  it("BP-24 BG-10 BG-36 cancelling aborts the signal in the same turn, with an AbortError", async () => {
    let signal!: AbortSignal;
    const reason = new Error("why");
    const run = cancellable(() =>
      fromAsync((s) => {
        signal = s;
        return new Promise<never>((_, reject) => s.addEventListener("abort", () => reject(s.reason)));
      }),
    );
    expect(signal.aborted).toBe(false);
    run.cancel(reason);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ name: "AbortError", code: "ABORT_ERR", cause: reason });
    expect(signal.reason).toBeInstanceOf(AbortError);
    expect(await run.ended).toBe("value Cancelled Error: why");
  });

  it("BP-25 BG-11 resumes only after the promise has settled", async () => {
    const log: string[] = [];
    const cleanup = new Cell();
    const run = cancellable(function* () {
      try {
        yield* fromAsync(async (signal) => {
          try {
            await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
          } finally {
            log.push("cleaning");
            await cleanup.promise;
            log.push("cleaned");
          }
        });
      } finally {
        log.push("fiber");
      }
    });
    run.cancel();
    log.push("cancel returned");
    await macrotask();
    log.push("still waiting");
    cleanup.resolve(undefined);
    expect(await run.ended).toBe("value Cancelled stop");
    expect(log).toEqual(["cancel returned", "cleaning", "still waiting", "cleaned", "fiber"]);
  });

  it("BP-26 stays suspended when the call ignores its signal, and reports say so", async () => {
    const cell = new Cell();
    const run = cancellable(() => fromAsync(() => cell.promise, { label: "stubborn" }));
    run.cancel();
    await macrotask();
    let ended = false;
    void run.ended.then(() => (ended = true));
    await ticks();
    expect(ended).toBe(false);
    cell.resolve(1);
    expect(await run.ended).toBe("value Cancelled stop");
    const report = waitingIn(function* () {
      yield* Cancel.sub(function* (cc) {
        yield* Fiber.both(
          () => fromAsync(() => never(), { label: "stubborn" }),
          function* () {
            cc.cancel("stop");
          },
        );
      });
    });
    expect(report).toContain("cancelled, waiting for fromAsync(stubborn) to settle");
  });

  it("BP-27 with abandon resumes at once; what comes late is dropped or discarded", async () => {
    const cell = new Cell<number>();
    const failing = new Cell<never>();
    const discarded: number[] = [];
    const seen = await unhandledDuring(async () => {
      const one = cancellable(() =>
        fromAsync(() => cell.promise, { onCancel: "abandon", onDiscard: (v) => discarded.push(v) }),
      );
      const two = cancellable(() => fromAsync(() => failing.promise, { onCancel: "abandon" }));
      one.cancel();
      two.cancel();
      expect(await one.ended).toBe("value Cancelled stop");
      expect(await two.ended).toBe("value Cancelled stop");
      expect(discarded).toEqual([]);
      cell.resolve(1);
      failing.reject(new Error("late"));
    });
    expect(discarded).toEqual([1]);
    expect(seen).toEqual([]);
  });

  it("BP-28 BG-35 takes an abort-shaped rejection for an echo when cancelled, for an error when not", async () => {
    const shapes = [
      (signal: AbortSignal): unknown => signal.reason,
      () => new DOMException("aborted", "AbortError"),
      () => Object.assign(new Error("node"), { code: "ABORT_ERR" }),
    ];
    for (const shape of shapes) {
      const run = cancellable(() =>
        fromAsync((s) => new Promise<never>((_, no) => s.addEventListener("abort", () => no(shape(s))))),
      );
      run.cancel();
      expect(await run.ended).toBe("value Cancelled stop");
    }
    const abort = new DOMException("aborted", "AbortError");
    const own = cancellable(() => fromAsync(() => Promise.reject(abort)));
    expect(await own.ended).toBe("error AbortError: aborted");
    const waited = cancellable(() => fromPromise(Promise.reject(abort)));
    expect(await waited.ended).toBe("error AbortError: aborted");
  });

  it("BP-29 reports an unrelated error of a cancelled call beside the reason", async () => {
    const error = new Error("cleanup failed");
    const reason = new Error("reason");
    const failed = await toPromise(function* () {
      try {
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, () =>
            fromAsync((s) => new Promise<never>((_, no) => s.addEventListener("abort", () => no(error)))),
          );
          throw reason;
        });
      } catch (thrown) {
        return thrown;
      }
      return undefined;
    });
    expect(failed).toBeInstanceOf(Multiple);
    expect((failed as Multiple).errors).toEqual([reason, error]);
  });

  it("BP-30 BG-12 BG-13 throws Cancelled when a cancelled call fulfils, and discards the value", async () => {
    const cell = new Cell<string>();
    const discarded: string[] = [];
    const run = cancellable(() => fromAsync(() => cell.promise, { onDiscard: (v) => discarded.push(v) }));
    run.cancel();
    cell.resolve("connection");
    expect(await run.ended).toBe("value Cancelled stop");
    expect(discarded).toEqual(["connection"]);
  });

  it("BP-31 does not abort the signal of a call that has ended", async () => {
    let signal!: AbortSignal;
    const run = cancellable(function* () {
      yield* fromAsync(async (s) => void (signal = s));
      yield* fromPromise(never());
    });
    await ticks();
    run.cancel();
    expect(await run.ended).toBe("value Cancelled stop");
    expect(signal.aborted).toBe(false);
  });

  it("BP-32 BG-07 does not call the function in a cancelled fiber", async () => {
    let calls = 0;
    const run = cancellable(function* () {
      try {
        yield* fromPromise(never());
      } finally {
        try {
          yield* fromAsync(() => calls++);
        } catch (error) {
          expect(error).toBeInstanceOf(Cancelled);
        }
      }
    });
    await ticks();
    run.cancel();
    expect(await run.ended).toBe("value Cancelled stop");
    expect(calls).toBe(0);
  });

  it("BP-33 BP-54 BG-39 makes the calling fiber the parent of a toPromise inside; finalizers run inner first", async () => {
    const log: string[] = [];
    const run = cancellable(function* () {
      try {
        yield* fromAsync(async () => {
          try {
            await toPromise(function* () {
              try {
                yield* fromPromise(never());
              } finally {
                log.push("inner");
              }
            });
          } catch (error) {
            log.push(`async ${(error as Error).name}`);
            throw error;
          }
        });
      } finally {
        log.push("outer");
      }
    });
    run.cancel("stop");
    expect(await run.ended).toBe("value Cancelled stop");
    expect(log).toEqual(["inner", "async AbortError", "outer"]);
  });

  it("BP-33 only synchronously: elsewhere toPromise starts a root that nothing cancels", async () => {
    const cell = new Cell<string>();
    const roots: Promise<string>[] = [];
    const root = () => void roots.push(outcome(toPromise(() => fromPromise(cell.promise))));
    const run = cancellable(function* () {
      root();
      yield* fromAsync(async (signal) => {
        const inner = toPromise(function* () {
          root();
          yield* fromPromise(never());
        });
        await Promise.resolve();
        root();
        await inner.catch(() => {});
        signal.throwIfAborted();
      });
    });
    await ticks();
    run.cancel();
    expect(await run.ended).toBe("value Cancelled stop");
    cell.resolve("went on");
    expect(await Promise.all(roots)).toEqual(["value went on", "value went on", "value went on"]);
  });

  it("BP-19 uses a cancel method when it is told to", async () => {
    const log: string[] = [];
    const cancelled = new Cell<never>();
    const promise = Object.assign(cancelled.promise, {
      cancel() {
        log.push("cancel");
        cancelled.reject(new DOMException("cancelled", "AbortError"));
      },
    });
    const run = cancellable(() => fromAsync(() => promise, { cancel: (p) => (p as typeof promise).cancel() }));
    run.cancel();
    log.push("returned");
    expect(await run.ended).toBe("value Cancelled stop");
    expect(log).toEqual(["cancel", "returned"]);
  });

  it("BG-60 what the call starts sees the fiber-locals of the calling fiber", async () => {
    const key = Fiber.createKey<string>("request");
    const seen = await toPromise(() =>
      Fiber.withBinding(key, "r-17", () =>
        fromAsync(() =>
          toPromise(function* () {
            yield* adopt(1);
            return Fiber.get(key);
          }),
        ),
      ),
    );
    expect(seen).toBe("r-17");
  });

  it("BG-08 tells a call that cancels its own fiber once it has returned", async () => {
    const log: string[] = [];
    const discarded: number[] = [];
    for (const value of [1, Promise.resolve(2)]) {
      let cancel = () => {};
      const run = cancellable(function* () {
        yield* fromAsync(
          (signal) => {
            signal.addEventListener("abort", () => log.push("aborted"));
            cancel();
            log.push("returns");
            return value;
          },
          { onDiscard: (late) => discarded.push(late) },
        );
      });
      cancel = () => run.cancel();
      // The first start has run already with a cancel that did nothing.
      expect(await run.ended).toMatch(/value undefined/);
    }
    expect(log).toEqual(["returns", "returns"]);
    log.length = 0;
    for (const value of [1, Promise.resolve(2)]) {
      const ended = outcome(
        toPromise(() =>
          Cancel.sub(function* (cc) {
            return yield* fromAsync(
              (signal) => {
                signal.addEventListener("abort", () => log.push("aborted"));
                cc.cancel("self");
                log.push("returns");
                return value;
              },
              { onDiscard: (late) => discarded.push(late) },
            );
          }),
        ),
      );
      expect(await ended).toBe("error AbortError: The operation was aborted");
    }
    expect(log).toEqual(["returns", "aborted", "returns", "aborted"]);
    expect(discarded).toEqual([1, 2]);
  });

  it("BM-11 refuses fiber functions, promises and other arguments, with the way out", async () => {
    const from = fromAsync as unknown as (fn: unknown, options?: unknown) => Op<unknown>;
    expect(() => from(function* () {})).toThrow(/got a function\*; run a fiber function with yield\* directly/);
    expect(() => from(Promise.resolve())).toThrow(/got a promise; use fromPromise\(p\)/);
    expect(() => from(1)).toThrow('fromAsync: "fn" must be a function returning a promise, got the number 1');
    expect(() => from(() => 1, { onCancel: "x" })).toThrow(
      /"options.onCancel" must be "settle" or "abandon", got the string "x"/,
    );
    expect(() => from(() => 1, { cancel: 1 })).toThrow(/"options.cancel" must be a function/);
    expect(() => from(() => 1, 5)).toThrow(/"options" must be an object/);
    await expect(toPromise(() => from(() => Fiber.yield()))).rejects.toThrow(/got an op; run it with yield\* directly/);
  });
});

describe("toPromise", () => {
  it("BP-40 BG-45 runs the body up to its first suspension before it returns, also inside a fiber", async () => {
    const log: string[] = [];
    function* body(name: string) {
      log.push(`${name} runs`);
      yield* adopt(null);
      log.push(`${name} resumes`);
    }
    const outer = toPromise(function* () {
      const before = currentFiber();
      void toPromise(() => body("inner"));
      log.push("outer goes on");
      expect(currentFiber()).toBe(before);
      yield* body("outer");
    });
    log.push("returned");
    await outer;
    expect(log).toEqual(["inner runs", "outer goes on", "outer runs", "returned", "inner resumes", "outer resumes"]);
  });

  it("BP-41 fulfils with the value, following a thenable", async () => {
    expect(await toPromise(() => adopt("v"))).toBe("v");
    expect(
      await toPromise(function* () {
        return Promise.resolve("followed");
      }),
    ).toBe("followed");
  });

  it("BP-42 BG-32 rejects with the very error, thrown at once or later, and never throws itself", async () => {
    for (const error of [new Error("no"), "text", undefined, null]) {
      const atOnce = toPromise(function* () {
        throw error;
      });
      const later = toPromise(function* () {
        yield* adopt(1);
        throw error;
      });
      const calling = toPromise(() => {
        throw error;
      });
      for (const promise of [atOnce, later, calling]) {
        expect(
          await promise.then(
            () => "fulfilled",
            (thrown: unknown) => ({ thrown }),
          ),
        ).toEqual({ thrown: error });
      }
    }
  });

  it("BP-43 BM-10 rejects misuse instead of throwing", async () => {
    const to = toPromise as (body: unknown, options?: unknown) => Promise<unknown>;
    await expect(to(async () => 1)).rejects.toThrow(/got an async function; expected a generator function/);
    await expect(to(async () => 1)).rejects.toBeInstanceOf(TypeError);
    await expect(to(42)).rejects.toThrow(/"body" must be a function returning an op, got the number 42/);
    await expect(to(() => Promise.resolve(1))).rejects.toThrow(/a fiber body must return an op, got a Promise/);
    await expect(to(function* () {}, { signal: {} })).rejects.toThrow(/"options.signal" must be an AbortSignal/);
    await expect(to(function* () {}, { name: 1 })).rejects.toThrow(/"options.name" must be a string/);
    await expect(to(function* () {}, 1)).rejects.toThrow(/"options" must be an object/);
    const finished = await toPromise(() =>
      Switch.run(function* (sw) {
        return sw;
      }),
    );
    let started = false;
    const late = toPromise(
      function* () {
        started = true;
      },
      { sw: finished },
    );
    await expect(late).rejects.toMatchObject({ name: "SwitchFinishedError" });
    expect(started).toBe(false);
  });

  it("BM-10 runs a fresh op in place of a function, once", async () => {
    const to = toPromise as (body: unknown) => Promise<unknown>;
    function* work() {
      return yield* adopt("fresh");
    }
    const op = work();
    expect(await to(op)).toBe("fresh");
    await expect(to(op)).rejects.toThrow(/this op was started before/);
    expect(await to(fromAsync(async () => 1))).toBe(1);
  });

  it("BP-44 settles when the finalizers are done, not before", async () => {
    const cell = new Cell();
    const log: string[] = [];
    const promise = toPromise(function* () {
      try {
        return "value";
      } finally {
        yield* fromPromise(cell.promise);
        log.push("finalized");
      }
    });
    void promise.then(() => log.push("settled"));
    await macrotask();
    expect(log).toEqual([]);
    cell.resolve(undefined);
    expect(await promise).toBe("value");
    expect(log).toEqual(["finalized", "settled"]);
  });

  it("BP-45 does not start the body when the signal is aborted already", async () => {
    for (const reason of [new Error("why"), null, "text"]) {
      let started = false;
      const promise = toPromise(
        function* () {
          started = true;
        },
        { signal: AbortSignal.abort(reason) },
      );
      expect(
        await promise.then(
          () => "fulfilled",
          (thrown: unknown) => ({ thrown }),
        ),
      ).toEqual({ thrown: reason });
      expect(started).toBe(false);
    }
  });

  it("BP-46 BG-20 BG-21 BG-37 cancels when the signal is aborted, in the same turn, and rejects with its reason after the finalizers", async () => {
    const controller = new AbortController();
    const reason = { any: "value" };
    const log: string[] = [];
    const cell = new Cell();
    const promise = toPromise(
      function* () {
        try {
          yield* fromAsync(
            (s) => new Promise((_, no) => s.addEventListener("abort", () => (log.push("inner"), no(s.reason)))),
          );
        } finally {
          yield* Cancel.protect(() => fromPromise(cell.promise));
          log.push("finalized");
        }
      },
      { signal: controller.signal },
    );
    void promise.catch(() => log.push("rejected"));
    controller.abort(reason);
    expect(log).toEqual(["inner"]);
    await macrotask();
    expect(log).toEqual(["inner"]);
    cell.resolve(undefined);
    expect(await promise.catch((thrown: unknown) => thrown)).toBe(reason);
    expect(log).toEqual(["inner", "finalized", "rejected"]);
  });

  it("BP-46 BG-25 takes effect at the next suspension when the running fiber aborts its own signal", async () => {
    const controller = new AbortController();
    const log: string[] = [];
    const promise = toPromise(
      function* () {
        controller.abort("self");
        log.push("goes on");
        expect(Fiber.isCancelled()).toBe(true);
        yield* adopt(1);
        log.push("not reached");
      },
      { signal: controller.signal },
    );
    expect(await promise.catch((thrown: unknown) => thrown)).toBe("self");
    expect(log).toEqual(["goes on"]);
  });

  it("BP-47 fulfils when the cancelled body returns a value all the same", async () => {
    const controller = new AbortController();
    const promise = toPromise(
      function* () {
        try {
          yield* fromPromise(never());
        } catch {
          return "partial";
        }
        return "whole";
      },
      { signal: controller.signal },
    );
    controller.abort();
    expect(await promise).toBe("partial");
  });

  it("BP-48 BG-33 rejects with both the reason and what a finalizer threw", async () => {
    const controller = new AbortController();
    const reason = new Error("reason");
    const failure = new Error("finalizer");
    const promise = toPromise(
      function* () {
        try {
          yield* fromPromise(never());
        } finally {
          throw failure;
        }
      },
      { signal: controller.signal },
    );
    controller.abort(reason);
    const error = (await promise.catch((thrown: unknown) => thrown)) as AggregateError;
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.errors).toEqual([reason, failure]);
    expect(error.cause).toBe(reason);
  });

  it("BP-49 BG-50 BG-51 takes its listener off the signal when the fiber has ended", async () => {
    const controller = new AbortController();
    const listeners = countAbortListeners(controller.signal);
    const cell = new Cell();
    const one = toPromise(() => fromPromise(cell.promise), { signal: controller.signal });
    const two = toPromise(() => fromPromise(cell.promise), { signal: controller.signal });
    expect(listeners()).toBe(2);
    cell.resolve(undefined);
    await Promise.all([one, two]);
    expect(listeners()).toBe(0);
    await toPromise(
      function* () {
        throw new Error("no");
      },
      { signal: controller.signal },
    ).catch(() => {});
    for (let i = 0; i < 1000; i++) await toPromise(() => adopt(i), { signal: controller.signal });
    expect(listeners()).toBe(0);
  });

  it("BP-50 reports a rejection that nobody handles, once, with the original error", async () => {
    const error = new Error("nobody");
    const seen = await unhandledDuring(
      () =>
        void toPromise(function* () {
          yield* adopt(1);
          throw error;
        }),
    );
    expect(seen).toEqual([error]);
  });

  it("BP-51 runs on when the promise is dropped", async () => {
    const log: string[] = [];
    void toPromise(function* () {
      yield* fromPromise(macrotask());
      log.push("ended");
    });
    await macrotask();
    await macrotask();
    expect(log).toEqual(["ended"]);
  });

  it("BP-52 BP-54 BG-22 belongs to the switch it is given", async () => {
    const log: string[] = [];
    let promise!: Promise<unknown>;
    const reason = new Error("switch fails");
    const ended = outcome(
      toPromise(() =>
        Switch.run(function* (sw) {
          promise = toPromise(
            function* () {
              try {
                yield* fromPromise(never());
              } finally {
                yield* Cancel.protect(() => fromPromise(macrotask()));
                log.push("fiber");
              }
            },
            { sw },
          );
          void promise.catch((error: unknown) => log.push((error as Error).name));
          yield* adopt(1);
          throw reason;
        }),
      ).finally(() => log.push("switch")),
    );
    expect(await ended).toBe("error Error: switch fails");
    expect(log).toEqual(["fiber", "AbortError", "switch"]);
    await expect(promise).rejects.toMatchObject({ name: "AbortError", code: "ABORT_ERR", cause: reason });
  });

  it("BG-39 shows one cancellation as one error, at however many borders", async () => {
    const promises: Promise<unknown>[] = [];
    const reason = new Error("switch fails");
    await toPromise(() =>
      Switch.run(function* (sw) {
        for (let i = 0; i < 2; i++) promises.push(toPromise(() => fromPromise(never()), { sw }));
        const signal = yield* cancelSignal();
        promises.push(new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason))));
        throw reason;
      }),
    ).catch(() => {});
    const [first, ...others] = await Promise.all(promises.map((promise) => promise.catch((error: unknown) => error)));
    expect(first).toBeInstanceOf(AbortError);
    for (const other of others) expect(other).toBe(first);
  });

  it("BP-52 keeps its failure from the switch unless failSwitch is set", async () => {
    const error = new Error("own");
    const run = (failSwitch: boolean) =>
      toPromise(() =>
        Switch.run(function* (sw) {
          const promise = toPromise(
            function* () {
              yield* adopt(1);
              throw error;
            },
            { sw, failSwitch },
          );
          return yield* fromPromise(promise.then(undefined, () => "handled"));
        }),
      );
    expect(await run(false)).toBe("handled");
    await expect(run(true)).rejects.toBe(error);
  });

  it("BP-52 the switch waits for it", async () => {
    const log: string[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        void toPromise(
          function* () {
            yield* fromPromise(macrotask());
            log.push("fiber");
          },
          { sw },
        );
      }),
    );
    log.push("switch");
    expect(log).toEqual(["fiber", "switch"]);
  });

  it("BP-53 is detached when a fiber calls it in passing: nothing waits for it, nothing cancels it", async () => {
    const cell = new Cell();
    const log: string[] = [];
    const run = cancellable(() =>
      Switch.run(function* () {
        void toPromise(function* () {
          yield* fromPromise(cell.promise);
          log.push("detached");
        });
        yield* fromPromise(never());
      }),
    );
    run.cancel();
    expect(await run.ended).toBe("value Cancelled stop");
    cell.resolve(undefined);
    await ticks();
    expect(log).toEqual(["detached"]);
  });

  it("BP-59 leaves the others running after Promise.race and Promise.all", async () => {
    const log: string[] = [];
    const slow = () =>
      toPromise(function* () {
        yield* fromPromise(macrotask());
        log.push("slow ended");
      });
    await Promise.race([slow(), toPromise(() => adopt(1))]);
    await Promise.all([
      slow(),
      toPromise(function* () {
        throw new Error("no");
      }),
    ]).catch(() => log.push("failed"));
    await macrotask();
    await macrotask();
    expect(log).toEqual(["failed", "slow ended", "slow ended"]);
  });

  it("BP-61 nests 10,000 levels of fiber, async function, fiber", async () => {
    const nest = (depth: number): Promise<number> =>
      toPromise(function* () {
        return depth === 0 ? 0 : 1 + (yield* fromAsync(() => nest(depth - 1)));
      });
    expect(await nest(10_000)).toBe(10_000);
  });

  it("BG-45 BG-46 no fiber is current in promise callbacks, nor after a start", async () => {
    const seen: unknown[] = [];
    const look = () => {
      try {
        currentFiber();
        seen.push("a fiber");
      } catch (error) {
        seen.push((error as Error).name);
      }
    };
    const promise = toPromise(() => adopt(1));
    look();
    await promise.then(look);
    look();
    expect(seen).toEqual(["NotInFiberError", "NotInFiberError", "NotInFiberError"]);
  });

  it("BG-41 BG-42 resumes fibers in the order of the events, before the next macrotask", async () => {
    const log: string[] = [];
    const cells = Array.from({ length: 5 }, () => new Cell<number>());
    cells.forEach((cell, i) => {
      void toPromise(function* () {
        yield* fromPromise(cell.promise);
        log.push(`fiber ${i}`);
      });
    });
    await macrotask();
    later(() => log.push("macrotask"));
    for (const i of [3, 1, 4, 0, 2]) cells[i]!.resolve(i);
    await macrotask();
    expect(log).toEqual(["fiber 3", "fiber 1", "fiber 4", "fiber 0", "fiber 2", "macrotask"]);
  });

  it("BG-44 a fiber that yields for ever and an async function alternate, and timers proceed", async () => {
    const log: string[] = [];
    let stop = false;
    const fiber = toPromise(function* () {
      while (!stop) {
        if (log.length < 40) log.push("fiber");
        yield* Fiber.yield();
      }
    });
    for (let i = 0; i < 20; i++) {
      log.push("async");
      await Promise.resolve();
    }
    expect(log.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "fiber" : "async")));
    await macrotask();
    await new Promise((resolve) => setTimeout(resolve, 1));
    stop = true;
    await fiber;
  });

  it("starts 100,000 fibers that never suspend, without a signal or a queue between", async () => {
    const AbortControllerBefore = globalThis.AbortController;
    let controllers = 0;
    globalThis.AbortController = class extends AbortControllerBefore {
      constructor() {
        super();
        controllers++;
      }
    };
    let ran = 0;
    const count = toAsync(function* (by: number) {
      ran += by;
      return ran;
    });
    let last: Promise<number> | undefined;
    for (let i = 0; i < 100_000; i++) last = count(1);
    globalThis.AbortController = AbortControllerBefore;
    expect(ran).toBe(100_000);
    expect(controllers).toBe(0);
    expect(await last).toBe(100_000);
  });
});

describe("toAsync", () => {
  it("BP-55 keeps name and length, passes this and the arguments, and starts a fiber a call", async () => {
    const object = {
      base: 10,
      add: toAsync(function* add(this: { base: number }, x: number, y: number) {
        yield* adopt(null);
        return this.base + x + y;
      }),
    };
    expect(object.add.name).toBe("add");
    expect(object.add.length).toBe(2);
    expect(await Promise.all([object.add(1, 2), object.add(3, 4)])).toEqual([13, 17]);
    expect(toAsync(function* () {}, { name: "given" }).name).toBe("given");
    expect(toAsync(function* () {}).name).toBe("");
  });

  it("BP-55 names its fibers", async () => {
    const named = toAsync(function* work() {
      return currentFiber().name;
    });
    expect(await named()).toBe("work");
    expect(
      await toPromise(
        function* () {
          return currentFiber().name;
        },
        { name: "given" },
      ),
    ).toBe("given");
  });

  it("BP-42 rejects when calling the function itself throws", async () => {
    const fn = toAsync(function* (_x: number = fail()) {});
    function fail(): never {
      throw new Error("default parameter");
    }
    let promise: Promise<void> | undefined;
    expect(() => (promise = fn())).not.toThrow();
    await expect(promise).rejects.toThrow("default parameter");
  });

  it("cannot be called with new, as an async function cannot", () => {
    const fn = toAsync(function* () {}) as unknown as new () => unknown;
    expect(() => new fn()).toThrow(/is not a constructor/);
    expect("prototype" in fn).toBe(false);
  });

  it("BM-10 refuses what is no fiber function, at once", () => {
    const to = toAsync as (fn: unknown, options?: unknown) => unknown;
    expect(() => to(async () => 1)).toThrow(/"fn" must be a function returning an op, got an async function/);
    expect(() => to(1)).toThrow(/got the number 1/);
    expect(() => to(function* () {}, { name: 1 })).toThrow(/"options.name" must be a string/);
  });
});

describe("promiseOf", () => {
  it("BP-57 gives independent observers of one fiber", async () => {
    const cell = new Cell<string>();
    const promises: Promise<string>[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        const job = yield* Fiber.forkPromise(sw, () => fromPromise(cell.promise));
        promises.push(promiseOf(job), promiseOf(job), promiseOf(job));
        cell.resolve("done");
      }),
    );
    expect(await Promise.all(promises)).toEqual(["done", "done", "done"]);
  });

  it("BP-57 BP-72 hands on a failure", async () => {
    const [deferred, resolver] = Deferred.create<Result<number>>();
    const promise = promiseOf(deferred);
    resolver.resolveError("no");
    expect(await outcome(promise)).toBe("error no");
  });
});

describe("errors that nobody waits for", () => {
  it("BP-70 go to onUnhandledError, by default to the platform as uncaught", async () => {
    const error = new Error("onDiscard");
    const discarding = async () => {
      const cell = new Cell();
      const run = cancellable(() =>
        fromPromise(cell.promise, {
          onDiscard: () => {
            throw error;
          },
        }),
      );
      run.cancel();
      cell.resolve(undefined);
      await run.ended;
    };
    expect(await uncaughtDuring(discarding)).toEqual([error]);
    const handled: unknown[] = [];
    onUnhandledError((thrown) => handled.push(thrown));
    try {
      await discarding();
    } finally {
      onUnhandledError(undefined);
    }
    expect(handled).toEqual([error]);
  });

  it("BP-71 BP-72 BP-73 are none when all are cancelled, aborted or handled", async () => {
    const seen = await unhandledDuring(async () => {
      const controller = new AbortController();
      const runs = Array.from({ length: 20 }, () =>
        cancellable(() => fromAsync((s) => new Promise((_, no) => s.addEventListener("abort", () => no(s.reason))))),
      );
      const aborted = toPromise(() => fromPromise(never()), { signal: controller.signal });
      for (const run of runs) run.cancel();
      controller.abort();
      await aborted.catch(() => {});
      for (const run of runs) expect(await run.ended).toBe("value Cancelled stop");
      const failing = Promise.reject(new Error("delivered"));
      await toPromise(() => fromPromise(failing)).catch(() => {});
    });
    expect(seen).toEqual([]);
  });
});

it("an error that crosses a promise between two fibers goes on with its trail", async () => {
  const error = new Error("inner");
  const inner = toAsync(function* (): Op<void> {
    yield* Fiber.yield();
    throw error;
  });
  const outer = toPromise(() => Switch.run(() => fromAsync(() => inner()), { name: "outer" }), { name: "main" });
  await expect(outer).rejects.toBe(error);
  const steps = trailOf(error).map((step) => (step.kind === "omitted" ? "" : `${step.kind} ${step.name ?? ""}`.trim()));
  expect(steps).toEqual(["fiber", 'frame Switch.run "outer"', "fiber main"]);
});
