// Node only: the state of a locked stream is seen by util.inspect.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  Deferred,
  EndOfFile,
  Fiber,
  Stream,
  Switch,
  type Op,
  type Sink,
  type Source,
} from "trestle";
import { fromPromise, toPromise } from "@trestle/bridges";
import { fromReadable } from "@trestle/bridges/streams";
import {
  fromObjects,
  fromReadableStream,
  fromWritableStream,
  toObjectStream,
  toReadableStream,
  toTransform,
  toWritableStream,
} from "@trestle/bridges/web-streams";
import { attempt, bytes, Collector, Endless, readAll, Script, text } from "./flows.js";
import { Cell, expectNoUnhandledRejections, macrotask, outcome, ticks, uncaughtDuring } from "./world.js";

expectNoUnhandledRejections();

const inSwitch = <T>(body: (sw: Switch) => Op<T>): Promise<T> => toPromise(() => Switch.run(body));
const hostTurn = () => fromPromise(macrotask());

function start(body: () => Op<unknown>) {
  let context!: Cancel.Context;
  const ended = outcome(
    toPromise(() =>
      Cancel.sub(function* (cc) {
        context = cc;
        return yield* body();
      }),
    ),
  );
  return { ended, cancel: (reason: unknown = "stop") => context.cancel(reason) };
}

/** A stream that is fed by hand, and notes how it is cancelled. */
function fed(options: { cancel?: (reason: unknown) => Promise<void> | void; type?: "bytes" } = {}) {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const cancels: unknown[] = [];
  const source = {
    start: (given: unknown) => void (controller = given as typeof controller),
    cancel: (reason: unknown) => {
      cancels.push(reason);
      return options.cancel?.(reason);
    },
    ...(options.type ? { type: options.type } : {}),
  };
  const stream = new ReadableStream<Uint8Array>(source as object);
  return { stream, cancels, push: (chunk: string) => controller.enqueue(bytes(chunk)), controller };
}

async function toText(stream: ReadableStream<Uint8Array>): Promise<string> {
  let all = "";
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return all;
    all += text(value);
  }
}

describe("fromReadableStream", () => {
  it("BS-30 BS-34 BS-01 is locked until the end, keeps the rest of a chunk, and does not cancel what has ended", async () => {
    for (const type of [undefined, "bytes"] as const) {
      const { stream, cancels, push, controller } = fed(type ? { type } : {});
      push("abcdef");
      push("g");
      controller.close();
      await inSwitch(function* (sw) {
        const source = fromReadableStream(sw, stream);
        expect(stream.locked).toBe(true);
        const seen: string[] = [];
        for (const size of [4, 1, 1, 100, 100, 100]) seen.push(yield* attempt(source, size));
        expect(seen.join("|")).toMatch(/^abcd\|e\|f\|g\|end\|end$/);
        expect(stream.locked).toBe(false);
      });
      expect(cancels).toEqual([]);
    }
  });

  it("BS-30 a stream of bytes fills one piece of memory, again and again", async () => {
    const memory = new Set<number>();
    let views = 0;
    let left = 20;
    const stream = new ReadableStream({
      type: "bytes",
      pull(controller) {
        const view = controller.byobRequest!.view as Uint8Array;
        views++;
        memory.add(view.byteLength);
        // What was there before is still there.
        if (views > 1) expect(view[0]).toBe(65);
        view.fill(65, 0, 100);
        controller.byobRequest!.respond(100);
        if (--left === 0) controller.close();
      },
    });
    const all = await inSwitch((sw) => readAll(fromReadableStream(sw, stream), 30));
    expect(all).toBe("A".repeat(2000));
    expect(views).toBe(20);
    expect([...memory]).toEqual([16_384]);
  });

  it("BS-31 BS-39 what was queued is lost when the stream fails; the same error each time", async () => {
    const { stream, push, controller } = fed();
    const error = new Error("broken");
    push("lost");
    controller.error(error);
    const errors: unknown[] = [];
    await inSwitch(function* (sw) {
      const source = fromReadableStream(sw, stream);
      for (let i = 0; i < 2; i++) {
        try {
          yield* source.read(new Uint8Array(9));
        } catch (thrown) {
          errors.push(thrown);
        }
      }
    });
    expect(errors).toEqual([error, error]);
    expect(errors[1]).toBe(error);
  });

  it("BS-32 BG-10 a cancelled switch cancels an owned stream in the same turn, with the reason, and unlocks it", async () => {
    const { stream, cancels } = fed();
    const reason = new Error("enough");
    let during: unknown[] = [];
    await expect(
      inSwitch(function* (sw) {
        const source = fromReadableStream(sw, stream);
        yield* Fiber.both(
          () => source.read(new Uint8Array(1)),
          function* () {
            yield* Fiber.yield();
            sw.fail(reason);
            during = [...cancels];
          },
        );
      }),
    ).rejects.toBe(reason);
    expect(during).toEqual([reason]);
    expect(cancels).toEqual([reason]);
    expect(stream.locked).toBe(false);
  });

  it("BS-32 BG-55 one that is not owned is only unlocked", async () => {
    const { stream, cancels, push, controller } = fed();
    await inSwitch(function* (sw) {
      const source = fromReadableStream(sw, stream, { owned: false });
      const run = start(() => attempt(source));
      yield* hostTurn();
      run.cancel();
      expect(yield* fromPromise(run.ended)).toMatch(/AbortError/);
    });
    expect(stream.locked).toBe(false);
    expect(cancels).toEqual([]);
    push("still there");
    controller.close();
    expect(await toText(stream)).toBe("still there");
  });

  it("FL-24 BS-06 a cancelled read consumes nothing", async () => {
    const { stream, push } = fed();
    await inSwitch(function* (sw) {
      const source = fromReadableStream(sw, stream);
      const run = start(() => attempt(source));
      yield* hostTurn();
      run.cancel();
      expect(yield* fromPromise(run.ended)).toMatch(/AbortError/);
      const next = start(() => attempt(source));
      yield* hostTurn();
      push("late");
      push("r");
      yield* hostTurn();
      expect(yield* fromPromise(next.ended)).toBe("value late");
      expect(yield* attempt(source)).toBe("r");
    });
  });

  it("BS-33 BG-14 a cancel that fails fails the switch; one that never settles is not waited for without end", async () => {
    const failing = fed({ cancel: () => Promise.reject(new Error("cannot")) });
    const ended = inSwitch(function* (sw) {
      fromReadableStream(sw, failing.stream);
      yield* Fiber.yield();
    });
    await expect(ended).rejects.toThrow("cannot");
    const stuck = fed({ cancel: () => new Promise(() => {}) });
    await inSwitch(function* (sw) {
      fromReadableStream(sw, stuck.stream, { closeTimeout: 0.005 });
      yield* Fiber.yield();
    });
    const slow = new Cell<void>();
    const log: string[] = [];
    const waited = fed({ cancel: () => slow.promise });
    const switched = inSwitch(function* (sw) {
      fromReadableStream(sw, waited.stream);
      yield* Fiber.yield();
    }).then(() => log.push("switch ended"));
    await macrotask();
    log.push("settles");
    slow.resolve();
    await switched;
    expect(log).toEqual(["settles", "switch ended"]);
  });

  it("BS-35 refuses a locked stream, at once", async () => {
    const { stream } = fed();
    stream.getReader();
    await inSwitch(function* (sw) {
      yield* Fiber.yield();
      expect(() => fromReadableStream(sw, stream)).toThrow(/nobody has locked.*it has another reader/);
      expect(() => fromObjects(sw, stream)).toThrow(/nobody has locked/);
      expect(() => fromReadableStream(sw, 1 as never)).toThrow(/"stream" must be a ReadableStream/);
    });
  });

  it("BS-46 reads the body of a response; one without a body is empty", async () => {
    await inSwitch(function* (sw) {
      expect(yield* readAll(fromReadableStream(sw, new Response("hello").body))).toBe("hello");
      expect(yield* readAll(fromReadableStream(sw, new Blob(["blob"]).stream()))).toBe("blob");
      const none = fromReadableStream(sw, new Response(null).body);
      expect(yield* attempt(none)).toBe("end");
      expect(yield* attempt(none)).toBe("end");
    });
  });

  it("BG-53 takes no stream for a finished switch, and lets nobody read what the switch has ended", async () => {
    const { stream, cancels } = fed();
    const [sw, source] = await inSwitch(function* (sw) {
      const source = fromReadableStream(sw, stream);
      yield* Fiber.yield();
      return [sw, source] as const;
    });
    expect(cancels).toEqual([undefined]);
    expect(await outcome(toPromise(() => attempt(source)))).toMatch(/the switch that had the stream has ended/);
    const other = fed();
    expect(() => fromReadableStream(sw, other.stream)).toThrow(/Switch finished/);
    expect(other.stream.locked).toBe(false);
  });

  it("BG-12 a reader from elsewhere does not take the end of the switch for that of the stream", async () => {
    const { stream } = fed();
    let run!: ReturnType<typeof start>;
    await inSwitch(function* (sw) {
      const source = fromReadableStream(sw, stream);
      run = start(() => attempt(source));
      yield* hostTurn();
    });
    expect(await run.ended).toMatch(/the switch that had the stream has ended/);
  });
});

/** A writable stream that takes each chunk when it is let. */
function slowWritable(highWaterMark = 1) {
  const got: string[] = [];
  const aborts: unknown[] = [];
  const gates: Cell<void>[] = [];
  let closed = 0;
  const stream = new WritableStream<Uint8Array>(
    {
      async write(chunk) {
        const gate = new Cell<void>();
        gates.push(gate);
        await gate.promise;
        got.push(text(chunk));
      },
      close: () => void closed++,
      abort: (reason) => void aborts.push(reason),
    },
    { highWaterMark },
  );
  return { stream, got, aborts, letGo: () => gates.shift()?.resolve(), gates, closed: () => closed };
}

describe("fromWritableStream", () => {
  it("BS-40 a write ends when its bytes are dealt with; the buffer is the caller's again even if it is cancelled", async () => {
    const { stream, got, letGo, closed } = slowWritable();
    await inSwitch(function* (sw) {
      const sink = fromWritableStream(sw, stream);
      const buffer = bytes("ab");
      const log: string[] = [];
      const run = start(function* () {
        yield* sink.write(buffer);
        log.push("written");
      });
      yield* hostTurn();
      expect(log).toEqual([]);
      buffer.fill(0);
      letGo();
      yield* fromPromise(run.ended);
      expect(log).toEqual(["written"]);
      yield* sink.close();
      expect(closed()).toBe(1);
      expect(stream.locked).toBe(false);
      yield* sink.close();
      expect(yield* tryWrite(sink, "x")).toBe("error fromWritableStream: the sink has been closed");
    });
    expect(got).toEqual(["ab"]);
  });

  it("BS-40 BS-41 a failed write throws its own error, and so does every later one", async () => {
    const error = new Error("disk full");
    const stream = new WritableStream<Uint8Array>({ write: () => Promise.reject(error) });
    await inSwitch(function* (sw) {
      const sink = fromWritableStream(sw, stream);
      for (let i = 0; i < 3; i++) {
        let thrown: unknown;
        try {
          yield* sink.write(bytes("a"));
        } catch (reason) {
          thrown = reason;
        }
        expect(thrown).toBe(error);
        yield* hostTurn();
      }
      let closing: unknown;
      try {
        yield* sink.close();
      } catch (reason) {
        closing = reason;
      }
      expect(closing).toBe(error);
    });
    expect(stream.locked).toBe(false);
  });

  it("BS-42 BG-10 a cancelled switch aborts an owned stream in the same turn, and only unlocks another", async () => {
    for (const owned of [true, false]) {
      const { stream, aborts, gates } = slowWritable();
      const reason = new Error("enough");
      const ended = inSwitch(function* (sw) {
        const sink = fromWritableStream(sw, stream, { owned, closeTimeout: 0.005 });
        yield* Fiber.both(
          () => sink.write(bytes("a")),
          function* () {
            yield* hostTurn();
            sw.fail(reason);
            const state = yield* Cancel.protect(() => fromPromise(stateOf(stream)));
            expect(state).toBe(owned ? "stops" : "goes on");
          },
        );
      });
      await expect(ended).rejects.toBe(reason);
      expect(stream.locked).toBe(false);
      for (const gate of gates) gate.resolve();
      await macrotask();
      expect(aborts).toEqual(owned ? [reason] : []);
    }
  });

  it("BS-42 BG-15 breaking off a close under way is no failure beside the reason", async () => {
    const reason = new Error("enough");
    const ended = inSwitch(function* (sw) {
      const closing: Sink = { write: () => Fiber.yield(), close: () => Fiber.awaitCancel() };
      const sink = fromWritableStream(sw, toWritableStream(closing));
      yield* Fiber.both(
        () => sink.close(),
        function* () {
          yield* hostTurn();
          sw.fail(reason);
        },
      );
    });
    await expect(ended).rejects.toBe(reason);
  });

  it("BS-45 a stream of Node as one of the web, cancelled in the middle of a read, is destroyed and nothing throws", async () => {
    const node = new PassThrough();
    const uncaught = await uncaughtDuring(async () => {
      const web = toReadableStream(function* (sw) {
        yield* Fiber.yield();
        return fromReadable(sw, node);
      });
      const reader = web.getReader();
      node.write("first");
      expect(text((await reader.read()).value!)).toBe("first");
      const read = reader.read();
      await macrotask();
      const cancelled = reader.cancel("enough");
      node.write("late");
      await cancelled;
      expect((await read).done).toBe(true);
      expect(node.closed).toBe(true);
    });
    expect(uncaught).toEqual([]);
    // Neither of the platform's own conversions is used.
    for (const name of ["streams", "web-streams"])
      expect(readFileSync(join(import.meta.dirname, `../../bridges/${name}.ts`), "utf8")).not.toMatch(
        /\.(toWeb|fromWeb)\(/,
      );
  });

  it("BS-13 without close the end of the switch aborts the stream; a locked one is refused", async () => {
    const { stream, aborts } = slowWritable();
    await inSwitch(function* (sw) {
      fromWritableStream(sw, stream);
      expect(() => fromWritableStream(sw, stream)).toThrow(/nobody has locked.*it has another writer/);
      yield* Fiber.yield();
    });
    expect(aborts).toEqual([undefined]);
  });
});

/** Whether a stream that is locked has been aborted. */
async function stateOf(stream: WritableStream): Promise<string> {
  await ticks(3);
  // The inspection of the platform is the only look at a locked stream.
  const { inspect } = await import("node:util");
  return /state: 'writable'/.test(inspect(stream)) ? "goes on" : "stops";
}

function* tryWrite(sink: Sink, chunk: string): Op<string> {
  try {
    yield* sink.write(bytes(chunk));
    return "written";
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    return `error ${(error as Error).message}`;
  }
}

describe("toReadableStream", () => {
  it("BS-36 starts at the first pull, reads one chunk a pull, and nothing ahead", async () => {
    const source = new Script(["a", "b", "c", "d", "e", "f"]);
    const stream = toReadableStream(source);
    await macrotask();
    expect(source.reads).toBe(0);
    const reader = stream.getReader();
    expect(text((await reader.read()).value!)).toBe("a");
    await macrotask();
    expect(source.reads).toBe(1);
    reader.releaseLock();
    expect(await toText(stream)).toBe("bcdef");

    const ahead = new Script(["a", "b", "c", "d", "e", "f"]);
    toReadableStream(ahead, { strategy: { highWaterMark: 3 } });
    for (let i = 0; i < 5; i++) await macrotask();
    expect(ahead.reads).toBe(3);
  });

  it("BS-37 BG-20 BG-21 cancel stops a read under way in the same turn, and settles after the finalizers", async () => {
    const log: string[] = [];
    const stream = toReadableStream(new Endless(log));
    const reader = stream.getReader();
    const read = reader.read();
    await macrotask();
    const cancelled = reader.cancel(new Error("enough")).then(() => log.push("settled"));
    log.push("cancel returned");
    await cancelled;
    expect(log).toEqual(["reading", "cancel returned", "cancelled: Error: enough", "stopped", "settled"]);
    expect((await read).done).toBe(true);
  });

  it("BS-37 BG-23 a finalizer that fails rejects the promise of cancel", async () => {
    const stream = toReadableStream(function* (sw) {
      yield* sw.onRelease(() => {
        throw new Error("not released");
      });
      return new Endless([]);
    });
    const reader = stream.getReader();
    void reader.read();
    await macrotask();
    await expect(reader.cancel("x")).rejects.toThrow("not released");
  });

  it("BS-38 a chunk that comes after cancel goes nowhere, and nothing throws", async () => {
    const [gate, open] = Deferred.create<void>();
    const late: Source = {
      *read(buffer) {
        yield* Cancel.protect(() => gate.await());
        buffer[0] = 65;
        return 1;
      },
    };
    const uncaught = await uncaughtDuring(async () => {
      const stream = toReadableStream(late);
      const reader = stream.getReader();
      void reader.read();
      await macrotask();
      const cancelled = reader.cancel();
      open.resolve();
      await cancelled;
    });
    expect(uncaught).toEqual([]);
  });

  it("BS-39 BG-31 the source's error is the stream's, whatever it is", async () => {
    for (const error of [new Error("broken"), undefined, "text", null]) {
      const stream = toReadableStream(new Script(["abc"], { error }));
      const reader = stream.getReader();
      expect(text((await reader.read()).value!)).toBe("abc");
      const thrown = await reader.read().then(
        () => "no error",
        (reason: unknown) => reason,
      );
      expect(thrown).toBe(error);
    }
  });

  it("BS-36 a source that is opened ends with the stream: the end is seen after the release handlers", async () => {
    const log: string[] = [];
    const stream = toReadableStream(function* (sw) {
      log.push("open");
      yield* sw.onRelease(function* () {
        yield* Fiber.yield();
        log.push("released");
      });
      return new Script(["a"]);
    });
    expect(await toText(stream)).toBe("a");
    log.push("end");
    expect(log).toEqual(["open", "released", "end"]);
    const failing = toReadableStream(function* (): Op<Source> {
      yield* Fiber.yield();
      throw new Error("no such report");
    });
    expect(await outcome(toText(failing))).toBe("error Error: no such report");
  });

  it("BG-22 BG-36 the failure of the switch is the stream's end", async () => {
    const log: string[] = [];
    let read!: Promise<string>;
    const ended = inSwitch(function* (sw) {
      read = outcome(toText(toReadableStream(new Endless(log), { sw })));
      yield* hostTurn();
      throw new Error("failed");
    });
    await expect(ended).rejects.toThrow("failed");
    expect(await read).toMatch(/AbortError/);
    expect(log.at(-1)).toBe("stopped");
  });
});

describe("toWritableStream", () => {
  it("BS-43 a write is over when the sink has taken it, close when it has closed", async () => {
    const [gate, opened] = Deferred.create<void>();
    const sink = new Collector(() => gate.await());
    const writer = toWritableStream(sink).getWriter();
    const log: string[] = [];
    const written = writer.write(bytes("ab")).then(() => log.push("written"));
    await macrotask();
    expect(log).toEqual([]);
    opened.resolve();
    await written;
    await writer.close();
    expect(sink.chunks).toEqual(["ab"]);
    expect(sink.closed).toBe(1);
  });

  it("BS-43 BG-20 BG-21 abort cancels a write under way with the reason, and settles after the finalizers", async () => {
    const log: string[] = [];
    const sink = new Collector(function* () {
      try {
        yield* Fiber.awaitCancel();
      } finally {
        yield* Cancel.protect(() => Fiber.yield());
        log.push("stopped");
      }
    });
    const writer = toWritableStream(sink).getWriter();
    writer.closed.catch(() => {});
    const written = outcome(writer.write(bytes("ab")));
    await macrotask();
    const aborted = writer.abort("enough").then(() => log.push("settled"));
    await aborted;
    expect(log).toEqual(["stopped", "settled"]);
    expect(sink.log).toEqual(["write cancelled: enough"]);
    expect(sink.closed).toBe(0);
    expect(await written).toMatch(/error/);
  });

  it("BS-43 the sink's error is the stream's", async () => {
    const error = new Error("no room");
    const writer = toWritableStream(
      new Collector(function* () {
        yield* Fiber.yield();
        throw error;
      }),
    ).getWriter();
    writer.closed.catch(() => {});
    await expect(writer.write(bytes("x"))).rejects.toBe(error);
    await expect(writer.write(bytes("y"))).rejects.toBe(error);
    const strings = toWritableStream(new Collector()).getWriter();
    strings.closed.catch(() => {});
    await expect(strings.write("text" as never)).rejects.toThrow(/must be bytes, got the string "text"/);
  });
});

describe("toObjectStream and fromObjects", () => {
  it("BS-47 keep the identity of objects, also of null", async () => {
    const objects = [{ n: 1 }, null, undefined, 0, ""];
    const queue = new Stream<unknown>(16);
    for (const object of objects) queue.tryAdd(object);
    queue.close();
    const seen: unknown[] = [];
    await inSwitch(function* (sw) {
      const items = fromObjects(sw, toObjectStream(queue.iterate()));
      while (yield* items.next()) seen.push(items.value);
      expect(yield* items.next()).toBe(false);
    });
    expect(seen.length).toBe(objects.length);
    seen.forEach((item, i) => expect(item).toBe(objects[i]));
  });
});

/** Repeats each byte. */
function* twice(source: Source, sink: Sink): Op<void> {
  const buffer = new Uint8Array(1);
  for (;;) {
    yield* source.read(buffer);
    yield* sink.write(new Uint8Array([buffer[0]!, buffer[0]!]));
  }
}

describe("toTransform", () => {
  it("BS-44 changes what goes through it, and ends when that does", async () => {
    const input = toReadableStream(new Script(["abc", "de"]));
    expect(await toText(input.pipeThrough(toTransform(twice)))).toBe("aabbccddee");
  });

  it("BS-44 a stalled reader stalls the writer", async () => {
    const { readable, writable } = toTransform(twice);
    const writer = writable.getWriter();
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 20; i++) {
        await writer.ready;
        await writer.write(bytes("x"));
        written++;
      }
      await writer.close();
    })();
    for (let i = 0; i < 5; i++) await macrotask();
    expect(written).toBe(0);
    const reader = readable.getReader();
    await reader.read();
    for (let i = 0; i < 5; i++) await macrotask();
    expect(written).toBeLessThanOrEqual(2);
    reader.releaseLock();
    expect(await toText(readable)).toBe("x".repeat(38));
    await writing;
    expect(written).toBe(20);
  });

  it("BS-44 a failure of the body is that of both ends", async () => {
    const error = new Error("cannot");
    const { readable, writable } = toTransform(function* (source) {
      yield* source.read(new Uint8Array(1));
      throw error;
    });
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    const read = readable.getReader().read();
    const written = writer.write(bytes("abc"));
    await expect(read).rejects.toBe(error);
    await expect(written).rejects.toBe(error);
  });

  it("BS-44 who reads cancels the body, who writes aborts it", async () => {
    const log: string[] = [];
    const watched = function* (source: Source): Op<void> {
      try {
        yield* source.read(new Uint8Array(1));
      } catch (error) {
        log.push(error instanceof Cancelled ? `cancelled ${String(error.reason)}` : `threw ${String(error)}`);
        throw error;
      }
    };
    const first = toTransform(watched);
    const reader = first.readable.getReader();
    void reader.read();
    await macrotask();
    await reader.cancel("enough");
    expect(log).toEqual(["cancelled enough"]);
    await expect(first.writable.getWriter().write(bytes("x"))).rejects.toBe("enough");

    const second = toTransform(watched);
    const read = second.readable.getReader().read();
    await macrotask();
    await second.writable.abort("broken off");
    await expect(read).rejects.toBe("broken off");
    expect(log).toEqual(["cancelled enough", "threw broken off"]);
    expect(new EndOfFile().message).toBe("end of file");
  });

  it("BS-44 BG-50 a writer who is silent learns that the body has ended, and nothing keeps the switch", async () => {
    const closed: unknown[] = [];
    await inSwitch(function* (sw) {
      for (const how of ["left", "failed", "returned"]) {
        const { readable, writable } = toTransform(
          function* (source) {
            yield* source.read(new Uint8Array(1));
            if (how === "failed") throw how;
            if (how === "left") yield* source.read(new Uint8Array(1));
          },
          { sw },
        );
        const reader = readable.getReader();
        const read = outcome(reader.read());
        const writer = writable.getWriter();
        const written = outcome(writer.write(bytes("x")));
        yield* hostTurn();
        if (how === "left") yield* fromPromise(reader.cancel(how));
        closed.push(yield* fromPromise(outcome(writer.closed)));
        yield* fromPromise(Promise.all([read, written]));
      }
    });
    expect(closed).toEqual([
      "error left",
      "error failed",
      "error TypeError: toTransform: the body has ended, and reads no more",
    ]);
  });
});
