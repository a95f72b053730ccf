import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { asyncDispose, Fiber, Stream, Switch, type Op } from "trestle";
import * as mock from "trestle/mock";
import {
  emitTo,
  fromPromise,
  listen,
  toEmitter,
  toPromise,
  type Listening,
  type ListenOptions,
} from "@trestle/bridges";
import { Cell, expectNoUnhandledRejections, outcome, ticks, uncaughtDuring, macrotask } from "./world.js";

expectNoUnhandledRejections();

/** Handlers that log, wait for their gate, and log again; `body` emits. */
async function transcript(
  options: ListenOptions,
  body: (world: {
    emitter: EventEmitter;
    gates: Record<string, Cell<void>>;
    listening: Listening;
    log: string[];
  }) => Op<void>,
): Promise<string[]> {
  const log: string[] = [];
  const emitter = new EventEmitter();
  const gates: Record<string, Cell<void>> = {};
  await toPromise(() =>
    Switch.run(function* (sw) {
      function* handler(name: unknown): Op<void> {
        log.push(`${String(name)} begins`);
        const gate = (gates[String(name)] ??= new Cell<void>());
        try {
          yield* fromPromise(gate.promise);
          log.push(`${String(name)} ends`);
        } catch (error) {
          log.push(`${String(name)} is stopped`);
          throw error;
        }
      }
      const listening = yield* listen(sw, emitter, "x", handler, options);
      yield* body({ emitter, gates, listening, log });
    }),
  );
  return log;
}

const settle = () => fromPromise(ticks());

describe("listen", () => {
  it("BE-30 serial: one handler after the other, in the order of the events", async () => {
    const log = await transcript({}, function* ({ emitter, gates }) {
      emitter.emit("x", "a");
      emitter.emit("x", "b");
      yield* settle();
      gates["a"]!.resolve();
      yield* settle();
      gates["b"]!.resolve();
      yield* settle();
    });
    expect(log).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  });

  it("BE-30 BK-09 handlers have the locals of the fiber that listens, whoever emits", async () => {
    const local = Fiber.createKey<string>("local");
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        function* handler(): Op<void> {
          seen.push(Fiber.get(local));
        }
        yield* Fiber.withBinding(local, "listens", () => listen(sw, emitter, "x", handler));
        yield* Fiber.withBinding(local, "emits", function* () {
          emitter.emit("x");
          yield* settle();
        });
      }),
    );
    expect(seen).toEqual(["listens"]);
  });

  it("BE-30 parallel: a fiber an event", async () => {
    const log = await transcript({ mode: "parallel" }, function* ({ emitter, gates }) {
      emitter.emit("x", "a");
      emitter.emit("x", "b");
      yield* settle();
      gates["b"]!.resolve();
      yield* settle();
      gates["a"]!.resolve();
      yield* settle();
    });
    expect(log).toEqual(["a begins", "b begins", "b ends", "a ends"]);
  });

  it("BE-30 switch: the running handler has ended before the next one starts", async () => {
    const log = await transcript({ mode: "switch" }, function* ({ emitter, gates }) {
      emitter.emit("x", "a");
      yield* settle();
      emitter.emit("x", "b");
      yield* settle();
      gates["b"]!.resolve();
      yield* settle();
      emitter.emit("x", "c");
      yield* settle();
      gates["c"]!.resolve();
      yield* settle();
    });
    expect(log).toEqual(["a begins", "a is stopped", "b begins", "b ends", "c begins", "c ends"]);
  });

  it("BE-30 exhaust: events during a handler are dropped and counted", async () => {
    const log = await transcript({ mode: "exhaust" }, function* ({ emitter, gates, listening, log }) {
      emitter.emit("x", "a");
      emitter.emit("x", "b");
      yield* settle();
      emitter.emit("x", "c");
      yield* settle();
      log.push(`${listening.dropped} dropped`);
      gates["a"]!.resolve();
      yield* settle();
      emitter.emit("x", "d");
      yield* settle();
      gates["d"]!.resolve();
      yield* settle();
    });
    expect(log).toEqual(["a begins", "2 dropped", "a ends", "d begins", "d ends"]);
  });

  it("BE-14 handlers run after emit has returned; arguments are passed on, and a burst is not too much", async () => {
    const log: unknown[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        const emitter = new EventEmitter();
        yield* listen(sw, emitter, "x", function* (...args) {
          log.push(args);
        });
        for (let i = 0; i < 100; i++) emitter.emit("x", i, "of", 100);
        log.push("emitted");
        yield* settle();
      }),
    );
    expect(log.slice(0, 2)).toEqual(["emitted", [0, "of", 100]]);
    expect(log).toHaveLength(101);
  });

  it.each(["serial", "parallel", "switch", "exhaust"] as const)(
    "BE-31 a handler that fails fails the switch, and the listener is off: %s",
    async (mode) => {
      const emitter = new EventEmitter();
      const ended = outcome(
        toPromise(() =>
          Switch.run(function* (sw) {
            yield* listen(
              sw,
              emitter,
              "x",
              function* () {
                yield* Fiber.yield();
                throw new Error("in the handler");
              },
              { mode },
            );
            yield* Fiber.awaitCancel();
          }),
        ),
      );
      expect(emitter.emit("x")).toBe(true);
      expect(await ended).toBe("error Error: in the handler");
      expect([emitter.listenerCount("x"), emitter.listenerCount("error")]).toEqual([0, 0]);
    },
  );

  it.each(["serial", "parallel", "switch", "exhaust"] as const)(
    "BE-32 when the switch ends the listener is off first, then handlers are cancelled and waited for: %s",
    async (mode) => {
      const log: string[] = [];
      const emitter = new EventEmitter();
      await toPromise(() =>
        Switch.run(function* (sw) {
          yield* listen(
            sw,
            emitter,
            "x",
            function* () {
              try {
                yield* Fiber.awaitCancel();
              } finally {
                log.push(`handler stops, ${emitter.listenerCount("x")} listening`);
              }
            },
            { mode },
          );
          emitter.emit("x");
          yield* settle();
          log.push(`block ends, ${emitter.listenerCount("x")} listening`);
        }),
      );
      log.push("switch has ended");
      expect(log).toEqual(["block ends, 1 listening", "handler stops, 0 listening", "switch has ended"]);
    },
  );

  it("BE-08 an until event ends it after the events before; an error event fails the switch", async () => {
    const emitter = new EventEmitter();
    const log: unknown[] = [];
    const start = (options?: ListenOptions) =>
      outcome(
        toPromise(() =>
          Switch.run(function* (sw) {
            yield* listen(
              sw,
              emitter,
              "x",
              function* (x) {
                log.push(x);
                yield* Fiber.yield();
              },
              options,
            );
            yield* settle();
          }),
        ),
      );
    const first = start({ until: "end" });
    emitter.emit("x", 1);
    emitter.emit("end");
    emitter.emit("x", 2);
    expect([await first, log]).toEqual(["value undefined", [1]]);
    const second = start();
    emitter.emit("error", new Error("broken"));
    expect(await second).toBe("error Error: broken");
  });

  it("closing takes the listener off and lets the handler end", async () => {
    const log = await transcript({}, function* ({ emitter, gates, listening, log }) {
      emitter.emit("x", "a");
      emitter.emit("x", "b");
      yield* settle();
      listening.close();
      log.push(`closed, ${emitter.listenerCount("x")} listening`);
      gates["a"]!.resolve();
      yield* settle();
    });
    expect(log).toEqual(["a begins", "closed, 0 listening", "a ends"]);
  });

  it("BE-01 gives the event of a target", async () => {
    const target = new EventTarget();
    const seen: Event[] = [];
    const event = new Event("x");
    await toPromise(() =>
      Switch.run(function* (sw) {
        yield* listen(sw, target, "x", function* (e: Event) {
          seen.push(e);
        });
        target.dispatchEvent(event);
        yield* settle();
      }),
    );
    expect(seen).toEqual([event]);
  });

  it("refuses wrong arguments", () => {
    const open = listen as unknown as (...args: unknown[]) => unknown;
    const sw = { addHook: () => {} };
    expect(() => open(sw, new EventEmitter(), "x", async () => {})).toThrow(/a function returning an op, got an async/);
    expect(() => open({}, new EventEmitter(), "x", () => [])).toThrow(/"sw" must be a Switch/);
    expect(() => open(sw, new EventEmitter(), "x", () => [], { mode: "all" })).toThrow(/"options.mode" must be/);
  });
});

describe("emitTo", () => {
  const streamOf = (...values: unknown[]) => {
    const stream = new Stream<unknown>(values.length + 1);
    for (const value of values) stream.tryAdd(value);
    stream.close();
    return stream;
  };

  it("emits what the stream holds, in order, until it is closed", async () => {
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    emitter.on("x", (value) => seen.push(value));
    await toPromise(() => emitTo(emitter, "x", streamOf(1, [2], undefined)));
    expect(seen).toEqual([1, [2], undefined]);
    const target = new EventTarget();
    target.addEventListener("y", (event) => seen.push(event.type));
    await toPromise(() => emitTo(target, "y", streamOf(new Event("y"))));
    expect(seen.at(-1)).toBe("y");
  });

  it("BE-33 what a listener throws is thrown here", async () => {
    const emitter = new EventEmitter();
    emitter.on("x", () => {
      throw new Error("in the listener");
    });
    expect(await outcome(toPromise(() => emitTo(emitter, "x", streamOf(1))))).toBe("error Error: in the listener");
  });

  it("BE-33 what a listener of an event target throws is uncaught, and emitting goes on", async () => {
    const target = new EventTarget();
    let calls = 0;
    target.addEventListener("x", () => {
      calls++;
      throw new Error("in the listener");
    });
    const uncaught = await uncaughtDuring(async () => {
      await toPromise(() => emitTo(target, "x", streamOf(new Event("x"), new Event("x"))));
      await macrotask();
    });
    expect([calls, uncaught.map(String)]).toEqual([2, ["Error: in the listener", "Error: in the listener"]]);
  });

  it("BE-34 an error event without a listener is thrown here", async () => {
    const error = new Error("unheard");
    await expect(toPromise(() => emitTo(new EventEmitter(), "error", streamOf(error)))).rejects.toBe(error);
  });

  it("refuses wrong arguments", () => {
    expect(() => emitTo({} as never, "x", streamOf())).toThrow(/"target" must be an emitter/);
    expect(() => emitTo(new EventEmitter(), "x", [] as never)).toThrow(/"stream" must be a Stream/);
  });
});

describe("toEmitter", () => {
  const taken = (log: unknown[], name: string) => (value: unknown) => void log.push(`${name} ${String(value)}`);

  it("BE-35 emits only while somebody listens, and end once when all streams are closed", () => {
    const log: unknown[] = [];
    mock.run(function* () {
      yield* Switch.run(function* (sw) {
        const [a, b] = [new Stream<number>(8), new Stream<string>(8)];
        const emitter = yield* toEmitter(sw, { a, b });
        emitter.on("end", taken(log, "end"));
        a.tryAdd(1);
        b.tryAdd("x");
        for (let i = 0; i < 3; i++) yield* Fiber.yield();
        log.push(`${a.length} ${b.length}`);
        const listener = taken(log, "a");
        emitter.on("a", listener);
        emitter.once("b", taken(log, "b"));
        for (let i = 0; i < 5; i++) yield* Fiber.yield();
        emitter.off("a", listener);
        a.tryAdd(2);
        b.tryAdd("y");
        for (let i = 0; i < 5; i++) yield* Fiber.yield();
        expect(emitter.listenerCount("a")).toBe(0);
        log.push("again");
        emitter.on("a", listener);
        emitter.on("b", taken(log, "b"));
        a.close();
        b.close();
        for (let i = 0; i < 5; i++) yield* Fiber.yield();
      });
    });
    expect(log).toEqual(["1 1", "a 1", "b x", "again", "b y", "a 2", "end undefined"]);
  });

  it("BE-35 replays the last values to those who come later", () => {
    const log: unknown[] = [];
    mock.run(function* () {
      yield* Switch.run(function* (sw) {
        const stream = new Stream<number>(8);
        const emitter = yield* toEmitter(sw, { n: stream }, { replay: 2 });
        emitter.on("n", taken(log, "first"));
        for (const n of [1, 2, 3]) stream.tryAdd(n);
        for (let i = 0; i < 5; i++) yield* Fiber.yield();
        emitter.on("n", taken(log, "late"));
        emitter.once("n", taken(log, "once"));
      });
    });
    expect(log).toEqual(["first 1", "first 2", "first 3", "late 2", "late 3", "once 2"]);
  });

  it("BE-35 emits the failure of a stream as error, or fails the switch when nobody hears it", () => {
    const error = new Error("of the stream");
    const run = (hear: boolean) => {
      const log: unknown[] = [];
      try {
        mock.run(() =>
          Switch.run(function* (sw) {
            const stream = new Stream<number>(8);
            const emitter = yield* toEmitter(sw, { n: stream });
            emitter.on("n", taken(log, "n"));
            if (hear) emitter.on("error", taken(log, "error"));
            stream.fail(error);
            for (let i = 0; i < 5; i++) yield* Fiber.yield();
          }),
        );
      } catch (thrown) {
        log.push(thrown);
      }
      return log;
    };
    expect(run(true)).toEqual(["error Error: of the stream"]);
    expect(run(false)).toEqual([error]);
  });

  it("BE-35 cancels its fibers when it is disposed of, and has ended then", async () => {
    const log: unknown[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(8);
        const emitter = yield* toEmitter(sw, { n: stream });
        emitter.on("n", taken(log, "n"));
        yield* Fiber.yield();
        yield* fromPromise(emitter[asyncDispose]());
        stream.tryAdd(1);
        yield* Fiber.yield();
        log.push(stream.length);
      }),
    );
    expect(log).toEqual([1]);
  });
});
