import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { Cancel, Fiber, Switch, type Op } from "trestle";
import { Done, events, fromPromise, once, toPromise, type EventsOptions, type Subscribed } from "@trestle/bridges";
import { expectNoUnhandledRejections, later, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

const counts = (emitter: EventEmitter) => ["x", "y", "end", "error"].map((name) => emitter.listenerCount(name));

function* drain(subscribed: Subscribed<unknown>): Op<unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    try {
      const value = yield* subscribed.next();
      if (value === Done) return seen;
      seen.push(value);
    } catch (error) {
      seen.push(`threw ${String(error)}`);
    }
  }
}

/** Listens, runs `emit`, and gives what was seen until the end. */
function seenOf(
  emitter: EventEmitter,
  event: string | string[],
  emit: () => void,
  options?: EventsOptions,
): Promise<unknown[]> {
  return toPromise(() =>
    Switch.run(function* (sw) {
      const subscribed = yield* events(sw, emitter, event as string, options);
      emit();
      return yield* drain(subscribed);
    }),
  );
}

describe("once", () => {
  it("BE-01 gives the array of arguments of an emitter, the event of a target", async () => {
    const emitter = new EventEmitter();
    for (const args of [[], [1], [1, 2]]) {
      const got = toPromise(() => once(emitter, "x"));
      emitter.emit("x", ...args);
      expect(await got).toEqual(args);
    }
    const target = new EventTarget();
    const got = toPromise(() => once(target, "x"));
    const event = new Event("x");
    target.dispatchEvent(event);
    expect(await got).toBe(event);
  });

  it("BE-02 BE-11 BG-50 has its listeners off however it ends, in the same turn", async () => {
    const emitter = new EventEmitter();
    const wait = () => toPromise(() => once(emitter, "x"));
    const value = wait();
    expect(counts(emitter)).toEqual([1, 0, 0, 1]);
    emitter.emit("x");
    expect(counts(emitter)).toEqual([0, 0, 0, 0]);
    await value;
    const failing = wait();
    emitter.emit("error", new Error("no"));
    expect(counts(emitter)).toEqual([0, 0, 0, 0]);
    expect(await outcome(failing)).toBe("error Error: no");
    const controller = new AbortController();
    const cancelled = toPromise(() => once(emitter, "x"), { signal: controller.signal });
    controller.abort();
    expect(counts(emitter)).toEqual([0, 0, 0, 0]);
    await expect(cancelled).rejects.toMatchObject({ name: "AbortError" });
  });

  it("BE-03 throws an error event, or with error: false leaves it to the emitter; targets have none by default", async () => {
    const emitter = new EventEmitter();
    const error = new Error("emitted");
    const failing = toPromise(() => once(emitter, "x"));
    emitter.emit("error", error);
    await expect(failing).rejects.toBe(error);
    const deaf = toPromise(() => once(emitter, "x", { error: false }));
    expect(emitter.listenerCount("error")).toBe(0);
    expect(() => emitter.emit("error", error)).toThrow(error);
    emitter.emit("x", 1);
    expect(await deaf).toEqual([1]);
    const target = new EventTarget();
    const waiting = toPromise(() => once(target, "x"));
    target.dispatchEvent(new Event("error"));
    target.dispatchEvent(new Event("x"));
    expect((await waiting).type).toBe("x");
  });

  it("BE-04 BE-05 takes an awaited error event for an ordinary one, and throws undefined when that is emitted", async () => {
    const emitter = new EventEmitter();
    const got = toPromise(() => once(emitter, "error"));
    emitter.emit("error", "e");
    expect(await got).toEqual(["e"]);
    const failing = toPromise(() => once(emitter, "x"));
    emitter.emit("error", undefined);
    expect(await failing.catch((thrown: unknown) => ({ thrown }))).toEqual({ thrown: undefined });
  });

  it("BE-06 misses an event between two calls; events and a fork before the wait do not", async () => {
    const emitter = new EventEmitter();
    const log: unknown[] = [];
    const both = toPromise(function* () {
      log.push(yield* once(emitter, "x"), yield* once(emitter, "y"));
    });
    emitter.emit("x", "first x");
    emitter.emit("y", "missed");
    await ticks();
    emitter.emit("y", "second y");
    await both;
    expect(log).toEqual([["first x"], ["second y"]]);
    const seen = await seenOf(
      emitter,
      ["x", "y", "end"],
      () => {
        emitter.emit("x", 1);
        emitter.emit("y", 2);
        emitter.emit("end");
      },
      { until: "end" },
    );
    expect(seen).toEqual([
      { event: "x", args: [1] },
      { event: "y", args: [2] },
      { event: "end", args: [] },
    ]);
  });

  it("BE-12 ignores a call after an earlier listener has removed us", async () => {
    const emitter = new EventEmitter();
    const controller = new AbortController();
    emitter.on("x", () => controller.abort("removed"));
    const waiting = toPromise(() => once(emitter, "x"), { signal: controller.signal });
    emitter.emit("x", "too late");
    expect(await waiting.catch((thrown: unknown) => thrown)).toBe("removed");
  });

  it("BE-13 does not see the event during which it was added", async () => {
    const emitter = new EventEmitter();
    let waiting: Promise<unknown[]> | undefined;
    emitter.on("x", () => {
      waiting ??= toPromise(() => once(emitter, "x"));
    });
    emitter.emit("x", "current");
    emitter.emit("x", "next");
    expect(await waiting).toEqual(["next"]);
    // The same when another wait is being served by that very event.
    const log: unknown[] = [];
    const intercept = () => {
      waiting = toPromise(() => once(emitter, "y"));
    };
    const first = toPromise(() => once(emitter, "y", { intercept }));
    emitter.emit("y", 1);
    emitter.emit("y", 2);
    log.push(await first, await waiting);
    expect(log).toEqual([[1], [2]]);
  });

  it("BE-14 BG-40 does not run inside emit, even if a fiber emits", async () => {
    const emitter = new EventEmitter();
    const log: string[] = [];
    await toPromise(() =>
      Fiber.both(
        function* () {
          yield* once(emitter, "x");
          log.push("waiter");
        },
        function* () {
          emitter.emit("x");
          log.push("emitter goes on");
        },
      ),
    );
    expect(log).toEqual(["emitter goes on", "waiter"]);
  });

  it("BE-15 intercept runs in the dispatch itself", async () => {
    const target = new EventTarget();
    const waiting = toPromise(() => once(target, "x", { intercept: (event) => (event as Event).preventDefault() }));
    const event = new Event("x", { cancelable: true });
    expect(target.dispatchEvent(event)).toBe(false);
    expect(await waiting).toBe(event);
  });

  it("BE-16 removes a capturing listener with the same flag", async () => {
    const log: unknown[] = [];
    const target = {
      addEventListener: (type: string, _listener: unknown, options: unknown) => log.push(["add", type, options]),
      removeEventListener: (type: string, _listener: unknown, options: unknown) => log.push(["remove", type, options]),
    };
    const controller = new AbortController();
    const waiting = toPromise(() => once(target, "x", { capture: true }), { signal: controller.signal });
    controller.abort();
    await waiting.catch(() => {});
    expect(log).toEqual([
      ["add", "x", { capture: true }],
      ["remove", "x", { capture: true }],
    ]);
  });

  it("BE-17 BG-51 a thousand fibers share one listener", async () => {
    const emitter = new EventEmitter();
    const all = Array.from({ length: 1000 }, () => toPromise(() => once(emitter, "x")));
    expect(counts(emitter)).toEqual([1, 0, 0, 1]);
    emitter.emit("x", "all");
    expect((await Promise.all(all)).every(([value]) => value === "all")).toBe(true);
    expect(counts(emitter)).toEqual([0, 0, 0, 0]);
  });

  it("BE-18 takes emitters by their shape, and names what is missing", async () => {
    type Handler = (...args: unknown[]) => void;
    const tiny = () => {
      const handlers = new Set<Handler>();
      const add = (_event: string, handler: Handler) => {
        handlers.add(handler);
        return () => handlers.delete(handler);
      };
      const remove = (_event: string, handler: Handler) => void handlers.delete(handler);
      return { add, remove, emit: (value: unknown) => [...handlers].forEach((h) => h(value)), handlers };
    };
    for (const shape of ["on/off", "addListener", "on returning", "subscribe"]) {
      const { add, remove, emit, handlers } = tiny();
      const emitter =
        shape === "on/off"
          ? { on: add, off: remove }
          : shape === "addListener"
            ? { addListener: add, removeListener: remove }
            : shape === "subscribe"
              ? { subscribe: add }
              : { on: add };
      const waiting = toPromise(() => once(emitter, "x", { error: false }));
      expect(handlers.size).toBe(1);
      emit(shape);
      expect(await waiting).toEqual([shape]);
      expect(handlers.size).toBe(0);
    }
    expect(() => once({} as never, "x")).toThrow(/"target" must be an emitter \(on and off\) or an event target/);
    expect(() => once({ addEventListener() {} } as never, "x")).toThrow(TypeError);
    expect(() => once(new EventEmitter(), 1 as never)).toThrow(
      /"event" must be the name of an event, got the number 1/,
    );
    const noOff = toPromise(() => once({ on: () => undefined }, "x"));
    await expect(noOff).rejects.toThrow(/neither "off" nor "removeListener", and its "on" returned undefined/);
  });

  it("BE-19 ends by the event that error names, and by no other", async () => {
    const emitter = new EventEmitter();
    const waiting = toPromise(() => once(emitter, "x", { error: "close" }));
    emitter.emit("close");
    await expect(waiting).rejects.toMatchObject({
      name: "ClosedError",
      message: '"close" was emitted while waiting for once(x)',
    });
    const patient = toPromise(() => once(emitter, "x"));
    emitter.emit("close");
    emitter.emit("x", 1);
    expect(await patient).toEqual([1]);
  });

  it("BG-05 leaves no listener when one of two cannot be added", async () => {
    const emitter = new EventEmitter();
    const error = new Error("no such event");
    emitter.on("newListener", (event) => {
      if (event === "x") throw error;
    });
    await expect(toPromise(() => once(emitter, "x"))).rejects.toBe(error);
    expect(counts(emitter)).toEqual([0, 0, 0, 0]);
  });
});

describe("events", () => {
  it("BE-07 listens before it returns; delivers in order, across names", async () => {
    const emitter = new EventEmitter();
    const emit = () => {
      emitter.emit("x", 1);
      emitter.emit("x", 2);
      emitter.emit("end");
    };
    expect(await seenOf(emitter, "x", emit, { until: "end" })).toEqual([[1], [2]]);
  });

  it("BE-08 takes its listeners off when the until event fires", async () => {
    const emitter = new EventEmitter();
    await toPromise(() =>
      Switch.run(function* (sw) {
        const subscribed = yield* events(sw, emitter, "x", { until: ["end", "close"] });
        expect(counts(emitter)).toEqual([1, 0, 1, 1]);
        emitter.emit("x", 1);
        emitter.emit("end");
        expect(counts(emitter)).toEqual([0, 0, 0, 0]);
        expect(yield* drain(subscribed)).toEqual([[1]]);
      }),
    );
  });

  it("BE-09 throws an error after the events before it, then ends", async () => {
    const emitter = new EventEmitter();
    const seen = await seenOf(emitter, "x", () => {
      emitter.emit("x", 1);
      emitter.emit("error", "no");
    });
    expect(seen).toEqual([[1], "threw no"]);
  });

  it("BE-10 overflows loudly, or as it is told", async () => {
    const emitter = new EventEmitter();
    const emit = () => {
      for (let i = 0; i < 20; i++) emitter.emit("x", i);
      emitter.emit("end");
    };
    const loud = await seenOf(emitter, "x", emit);
    expect(loud.length).toBe(17);
    expect(loud[16]).toMatch(/threw OverflowError: events\(x\): more than 16 values/);
    expect(await seenOf(emitter, "x", emit, { until: "end", overflow: "latest" })).toEqual([[19]]);
  });

  it("BE-11 BG-52 BG-54 takes its listeners off in the turn of a cancellation, on close, and when the switch ends", async () => {
    const emitter = new EventEmitter();
    let context!: Cancel.Context;
    const waiting = toPromise(() =>
      Cancel.sub((cc) => {
        context = cc;
        return Switch.run(function* (sw) {
          yield* (yield* events(sw, emitter, ["x", "y"])).next();
        });
      }),
    );
    expect(counts(emitter)).toEqual([1, 1, 0, 1]);
    context.cancel("stop");
    expect(counts(emitter)).toEqual([0, 0, 0, 0]);
    await waiting.catch(() => {});
    await toPromise(() =>
      Switch.run(function* (sw) {
        const subscribed = yield* events(sw, emitter, "x");
        subscribed.close();
        expect(counts(emitter)).toEqual([0, 0, 0, 0]);
        yield* events(sw, emitter, "x");
        expect(counts(emitter)).toEqual([1, 0, 0, 1]);
      }),
    );
    expect(counts(emitter)).toEqual([0, 0, 0, 0]);
  });

  it("BE-01 gives the events of a target", async () => {
    const target = new EventTarget();
    const [one, two] = [new Event("x"), new Event("x")];
    const seen = await toPromise(() =>
      Switch.run(function* (sw) {
        const subscribed = yield* events(sw, target, "x");
        target.dispatchEvent(one);
        target.dispatchEvent(two);
        return [yield* subscribed.next(), yield* subscribed.next()];
      }),
    );
    expect(seen).toEqual([one, two]);
  });

  it("waits for an event that comes later", async () => {
    const emitter = new EventEmitter();
    later(() => emitter.emit("x", "later"));
    const seen = await toPromise(() =>
      Switch.run(function* (sw) {
        const subscribed = yield* events(sw, emitter, "x");
        yield* fromPromise(Promise.resolve());
        return yield* subscribed.next();
      }),
    );
    expect(seen).toEqual(["later"]);
  });

  it("refuses wrong arguments", () => {
    const open = events as unknown as (...args: unknown[]) => unknown;
    const sw = { addHook: () => {} };
    expect(() => open({}, new EventEmitter(), "x")).toThrow(/"sw" must be a Switch/);
    expect(() => open(sw, {}, "x")).toThrow(/"target" must be an emitter/);
    expect(() => open(sw, new EventEmitter(), ["x", 1])).toThrow(/"event" must be the name of an event/);
    expect(() => open(sw, new EventEmitter(), "x", { buffer: -1 })).toThrow(/"options.buffer"/);
    expect(() => open(sw, new EventEmitter(), "x", { intercept: 1 })).toThrow(/"options.intercept" must be a function/);
  });
});
