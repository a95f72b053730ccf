import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, onUnhandledError, Switch, type Op } from "trestle";
import { fromAsync, fromCallback, fromNode, fromNodeAll, toCallback, toNode, toPromise } from "@trestle/bridges";
import { expectNoUnhandledRejections, later, macrotask, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

/** Collects what goes to the hook for unhandled errors. */
async function unhandled(fn: () => Promise<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  onUnhandledError((error) => seen.push(error));
  try {
    await fn();
  } finally {
    onUnhandledError(undefined);
  }
  return seen;
}

/** Starts `op`, cancels it, and gives the outcome. */
async function cancelled(op: Op<unknown>): Promise<string> {
  let context!: Cancel.Context;
  const ended = toPromise(() =>
    Cancel.sub((cc) => {
      context = cc;
      return op;
    }),
  );
  context.cancel("stop");
  return await outcome(ended);
}

describe("fromCallback", () => {
  it("BC-12 gives what the success callback is given, throws what the failure callback is given", async () => {
    expect(await toPromise(() => fromCallback<number>((ok) => void later(() => ok(1))))).toBe(1);
    expect(await outcome(toPromise(() => fromCallback((_ok, fail) => void later(() => fail("no")))))).toBe("error no");
  });

  it("BG-03 BC-06 takes an answer during registration, 100,000 times in constant stack", async () => {
    const total = await toPromise(function* () {
      let sum = 0;
      for (let i = 0; i < 100_000; i++) sum += yield* fromCallback<number>((ok) => ok(1));
      return sum;
    });
    expect(total).toBe(100_000);
  });

  it("BG-04 BC-08 counts the first of several calls and throws nothing into the caller", async () => {
    const calls = (...names: ("ok" | "fail")[]) =>
      outcome(
        toPromise(() =>
          fromCallback<string>((ok, fail) => {
            later(() => names.forEach((name, i) => (name === "ok" ? ok(`ok ${i}`) : fail(`fail ${i}`))));
          }),
        ),
      );
    expect(await calls("ok", "ok", "fail")).toBe("value ok 0");
    expect(await calls("fail", "ok", "fail")).toBe("error fail 0");
  });

  it("BG-05 throws what the registration throws, with nothing kept", async () => {
    const error = new Error("register");
    let late!: (value: number) => void;
    const ended = toPromise(() =>
      fromCallback<number>((ok) => {
        late = ok;
        throw error;
      }),
    );
    await expect(ended).rejects.toBe(error);
    expect(() => late(1)).not.toThrow();
  });

  it("BG-06 BC-07 lets an answer stand when the registration throws afterwards, and reports the error", async () => {
    const error = new Error("after");
    const seen = await unhandled(async () => {
      const ended = toPromise(() =>
        fromCallback<string>((ok) => {
          ok("answer");
          throw error;
        }),
      );
      expect(await ended).toBe("answer");
    });
    expect(seen).toEqual([error]);
  });

  it("BG-08 tears down once, after the registration, when that cancels its own fiber", async () => {
    const log: string[] = [];
    const discarded: string[] = [];
    const ended = toPromise(() =>
      Cancel.sub((cc) =>
        fromCallback<string>(
          (ok) => {
            cc.cancel("self");
            ok("too late");
            log.push("registered");
            return () => log.push("torn down");
          },
          { onDiscard: (value) => discarded.push(value) },
        ),
      ),
    );
    expect(await outcome(ended)).toBe("error AbortError: The operation was aborted");
    expect(log).toEqual(["registered", "torn down"]);
    expect(discarded).toEqual(["too late"]);
  });

  it("BG-13 discards or disposes of a value that comes after the cancellation", async () => {
    const log: string[] = [];
    let late!: (value: { [Symbol.dispose](): void }) => void;
    const op = (options: object) => fromCallback<{ [Symbol.dispose](): void }>((ok) => void (late = ok), options);
    const value = { [Symbol.dispose]: () => void log.push("disposed") };
    await cancelled(op({ onDiscard: () => log.push("discarded") }));
    late(value);
    await cancelled(op({ disposeLate: true }));
    late(value);
    await cancelled(op({}));
    late(value);
    expect(log).toEqual(["discarded", "disposed"]);
  });

  it("BG-14 stops the fiber when teardown throws, reports the error beside the reason, and does the other teardowns", async () => {
    const log: string[] = [];
    const failure = new Error("teardown");
    const reason = new Error("reason");
    const ended = toPromise(() =>
      Switch.run(function* (sw) {
        for (const name of ["a", "b"]) {
          void toPromise(
            function* () {
              try {
                yield* fromCallback(() => () => {
                  log.push(`teardown ${name}`);
                  if (name === "a") throw failure;
                });
              } catch (error) {
                log.push(`${name} ${String((error as Cancelled).reason)}`);
                throw error;
              }
            },
            { sw },
          ).catch(() => {});
        }
        throw reason;
      }),
    );
    const error = (await ended.catch((thrown: unknown) => thrown)) as AggregateError;
    expect(error.errors).toEqual([reason, failure]);
    expect(log).toEqual(["teardown a", "teardown b", "a Error: reason", "b Error: reason"]);
  });

  it("BG-14 adds what teardown throws to the reason of a foreign signal", async () => {
    const controller = new AbortController();
    const failure = new Error("teardown");
    const reason = new Error("reason");
    const ended = toPromise(
      () =>
        fromCallback(() => () => {
          throw failure;
        }),
      { signal: controller.signal },
    );
    controller.abort(reason);
    const error = (await ended.catch((thrown: unknown) => thrown)) as AggregateError;
    expect(error.errors).toEqual([reason, failure]);
  });

  it("BG-15 ignores what the teardown sets off", async () => {
    const op = fromCallback((ok, fail) => () => {
      ok("set off");
      fail(new Error("set off"));
    });
    expect(await cancelled(op)).toBe("error AbortError: The operation was aborted");
  });

  it("BC-09 BC-11 calls the cancel function once, in the same turn, and not after an answer", async () => {
    const log: string[] = [];
    let context!: Cancel.Context;
    const waiting = toPromise(() =>
      Cancel.sub((cc) => {
        context = cc;
        return fromCallback(() => () => log.push("cancelled"));
      }),
    );
    await macrotask();
    context.cancel("stop");
    log.push("returned");
    await waiting.catch(() => {});
    await toPromise(() =>
      fromCallback<void>((ok) => {
        later(ok);
        return () => log.push("never");
      }),
    );
    expect(log).toEqual(["cancelled", "returned"]);
  });

  it("BC-10 undoes by a function, or by the methods of Cancellable, and by nothing else", async () => {
    const log: string[] = [];
    const methods = [Symbol.dispose, "unsubscribe", "abort", "cancel", "close", "destroy", "stop"] as const;
    for (const method of methods) {
      await cancelled(
        fromCallback(() => ({ [method]: () => log.push(method === Symbol.dispose ? "dispose" : method) }) as never),
      );
    }
    await cancelled(fromCallback((() => 42) as never));
    expect(log).toEqual(["dispose", "unsubscribe", "abort", "cancel", "close", "destroy"]);
  });

  it("BC-13 asks for an error that the platform left in a variable, in the turn of the callback", async () => {
    let lastError: Error | undefined;
    const call = (error: Error | undefined) =>
      outcome(
        toPromise(() =>
          fromCallback<string>(
            (ok) =>
              void later(() => {
                lastError = error;
                ok("value");
                lastError = undefined;
              }),
            { lastError: () => lastError },
          ),
        ),
      );
    expect(await call(undefined)).toBe("value value");
    expect(await call(new Error("runtime"))).toBe("error Error: runtime");
  });

  it("refuses wrong arguments", () => {
    const from = fromCallback as unknown as (...args: unknown[]) => unknown;
    expect(() => from(1)).toThrow(/"register" must be a function, got the number 1/);
    expect(() => from(() => {}, { lastError: 1 })).toThrow(/"options.lastError" must be a function/);
    expect(() => from(() => {}, { label: 1 })).toThrow(/"options.label" must be a string/);
  });
});

describe("fromNode", () => {
  type Callback = (error: unknown, ...values: unknown[]) => void;

  it("BC-01 takes a falsy error for success, or with strictError only null and undefined", async () => {
    const calling = (error: unknown) => (cb: Callback) => cb(error, "value");
    for (const error of [null, undefined, 0, "", false])
      expect(await toPromise(() => fromNode(calling(error))())).toBe("value");
    for (const error of [0, "", false]) {
      expect(await outcome(toPromise(() => fromNode(calling(error), { strictError: true })()))).toBe(
        `error ${String(error)}`,
      );
    }
    expect(await toPromise(() => fromNode(calling(undefined), { strictError: true })())).toBe("value");
  });

  it("BC-02 throws the error as it is", async () => {
    const error = new Error("node");
    await expect(toPromise(() => fromNode((cb: Callback) => cb(error))())).rejects.toBe(error);
  });

  it("BC-03 honours what a function declares for promisify", async () => {
    const custom = Symbol.for("nodejs.util.promisify.custom");
    const declared = Object.assign((_cb: Callback) => {}, { [custom]: async (x: number) => x + 1 });
    expect(await toPromise(() => (fromNode(declared) as unknown as (x: number) => Op<number>)(1))).toBe(2);
  });

  it("BC-04 gives the first of several values, fromNodeAll all of them", async () => {
    const several = (cb: (error: null, a: number, b: string) => void) => cb(null, 1, "b");
    expect(await toPromise(() => fromNode(several as (cb: (error: unknown, a: number) => void) => void)())).toBe(1);
    expect(await toPromise(() => fromNodeAll(several)())).toEqual([1, "b"]);
  });

  it("BC-05 passes this, by call and by method name", async () => {
    const object = {
      base: 10,
      add(x: number, cb: (error: null, sum: number) => void) {
        cb(null, this.base + x);
      },
    };
    const add = fromNode(
      // eslint-disable-next-line @typescript-eslint/unbound-method
      object.add as (this: typeof object, x: number, cb: (error: unknown, sum: number) => void) => void,
    );
    expect(await toPromise(() => add.call(object, 1))).toBe(11);
    expect(await toPromise(() => fromNode(object, "add")(2))).toBe(12);
    object.base = 20;
    expect(await toPromise(() => fromNode(object, "add")(2))).toBe(22);
  });

  it("BC-07 BC-08 BG-01 calls the function when the op is run, each time anew", async () => {
    let calls = 0;
    const op = fromNode((x: number, cb: (error: null, value: number) => void) => cb(null, x + calls++))(1);
    await ticks();
    expect(calls).toBe(0);
    expect(await toPromise(() => op)).toBe(1);
    expect(await toPromise(() => op)).toBe(2);
    const throwing = fromNode((_cb: Callback) => {
      throw new Error("before");
    });
    expect(await outcome(toPromise(() => throwing()))).toBe("error Error: before");
  });

  it("BC-09 waits, and is cancelled at once", async () => {
    expect(await cancelled(fromNode((_cb: Callback) => {})())).toBe("error AbortError: The operation was aborted");
  });

  it("refuses wrong arguments", () => {
    const from = fromNode as unknown as (...args: unknown[]) => unknown;
    expect(() => from(1)).toThrow(/"fn" must be a function taking an error-first callback, got the number 1/);
    expect(() => from({}, "missing")).toThrow(
      /"missing" must be a function taking an error-first callback, got undefined/,
    );
    expect(() => from(function* () {})).toThrow(/run a fiber function with yield\* directly/);
  });
});

/** Calls `start` with a callback, and gives what that was called with, and when. */
function called(start: (callback: (error: unknown, value?: unknown) => void) => void): Promise<unknown[]> {
  return new Promise((resolve) => {
    let inside = true;
    start((...args) => resolve([inside ? "inside" : "after", ...args]));
    inside = false;
  });
}

function* triple(this: unknown, x: number): Op<number> {
  if (x > 1) yield* Fiber.yield();
  return 3 * x;
}

const failingWith = (error: unknown) =>
  function* (): Op<never> {
    yield* Fiber.yield();
    throw error;
  };

describe("toNode and toCallback", () => {
  it("BC-14 a function that gives a promise without a callback is called by fromAsync", async () => {
    const either = (callback?: (error: unknown, value: number) => void) =>
      callback ? void callback(null, 1) : Promise.resolve(2);
    expect(await toPromise(() => fromAsync(() => either()))).toBe(2);
    expect(await toPromise(() => fromNode(either)())).toBe(1);
  });

  it("BC-30 calls back with null and the value, once, and never inside the call", async () => {
    const node = toNode(triple);
    expect(await called((callback) => node(1, callback))).toEqual(["after", null, 3]);
    expect(await called((callback) => node(2, callback))).toEqual(["after", null, 6]);
    let calls = 0;
    node(1, () => calls++);
    await macrotask();
    expect(calls).toBe(1);
  });

  it("BC-30 calls back after the finalizers", async () => {
    const log: string[] = [];
    await called((callback) =>
      toCallback(
        function* () {
          try {
            yield* Fiber.yield();
          } finally {
            yield* Fiber.yield();
            log.push("finalizer");
          }
        },
        (...args) => {
          log.push("callback");
          callback(...(args as [unknown]));
        },
      ),
    );
    expect(log).toEqual(["finalizer", "callback"]);
  });

  it("BC-30 passes this and the arguments on, and has the length of a callback function", async () => {
    const holder = {
      factor: 5,
      times: toNode(function* times(this: { factor: number }, x: number): Op<number> {
        return this.factor * x;
      }),
    };
    expect(await called((callback) => holder.times(2, callback))).toEqual(["after", null, 10]);
    expect([holder.times.name, holder.times.length]).toEqual(["times", 2]);
  });

  it("BC-31 an error of the callback is uncaught, as with callbackify, and does not call it again", async () => {
    for (const make of [
      (fn: (error: unknown) => void) => toNode(triple)(1, fn),
      (fn: (error: unknown) => void) => toNode(triple)(2, fn),
    ]) {
      let calls = 0;
      const seen = await unhandled(async () => {
        make(() => {
          calls++;
          throw new Error("in the callback");
        });
        await macrotask();
      });
      expect([calls, seen.map(String)]).toEqual([1, ["Error: in the callback"]]);
    }
  });

  it("BC-32 the error is the same object", async () => {
    const error = new Error("no");
    expect(await called((callback) => toNode(failingWith(error))(callback))).toEqual(["after", error]);
  });

  it("BC-33 the handle cancels the fiber; the callback gets an AbortError after the finalizers, or nothing", async () => {
    const log: string[] = [];
    function* waiting(): Op<void> {
      try {
        yield* Fiber.awaitCancel();
      } finally {
        log.push("finalizer");
      }
    }
    const [, error] = await called((callback) => toNode(waiting)(callback).cancel("enough"));
    expect(error).toMatchObject({ name: "AbortError", cause: "enough" });
    expect(log).toEqual(["finalizer"]);
    let calls = 0;
    toCallback(waiting, () => calls++, { silentCancel: true }).cancel();
    await macrotask();
    expect([calls, log.length]).toEqual([0, 2]);
  });

  it("BC-33 cancelling what has ended does nothing", async () => {
    let calls = 0;
    const handle = toCallback(
      () => triple.call(undefined, 1),
      () => calls++,
    );
    handle.cancel();
    await macrotask();
    handle.cancel();
    await macrotask();
    expect(calls).toBe(1);
  });

  it("BC-34 without a callback it throws at once, and the body is not started", () => {
    let started = false;
    const node = toNode(function* () {
      started = true;
    });
    expect(() => (node as unknown as () => void)()).toThrow(/toNode: "callback" must be a function, got undefined/);
    expect(() => toCallback(triple as never, 1 as never)).toThrow(/toCallback: "callback" must be a function/);
    expect(() => toNode((async () => 1) as never)).toThrow(/a function returning an op, got an async function/);
    expect(started).toBe(false);
  });
});
