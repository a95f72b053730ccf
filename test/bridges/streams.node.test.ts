// Node only: its streams.
import { Duplex, PassThrough, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, gunzipSync } from "node:zlib";
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
import {
  fromDuplex,
  fromObjects,
  fromReadable,
  fromWritable,
  toDuplex,
  toObjectReadable,
  toReadable,
  toWritable,
} from "@trestle/bridges/streams";
import { attempt, bytes, Collector, Endless, readAll, Script, text } from "./flows.js";
import { expectNoUnhandledRejections, macrotask, outcome, uncaughtDuring } from "./world.js";

expectNoUnhandledRejections();

const events = ["readable", "data", "end", "error", "close", "drain", "finish"];
/** Listeners that could be ours. */
const listeners = (stream: Readable | Writable) =>
  events.flatMap((event) => (stream.listenerCount(event) > 0 ? [`${event} ${stream.listenerCount(event)}`] : []));

const inSwitch = <T>(body: (sw: Switch) => Op<T>): Promise<T> => toPromise(() => Switch.run(body));
const hostTurn = () => fromPromise(macrotask());

function* fail(message: string): Op<void> {
  throw new Error(message);
}

/** The error of an op, as text. */
function* failing(op: Op<unknown>): Op<string> {
  try {
    yield* op;
    return "no error";
  } catch (error) {
    return String(error);
  }
}

/** Starts a fiber that can be cancelled; `ended` gives its outcome as a word. */
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

describe("fromReadable", () => {
  it("BS-01 gives 1 to length bytes, keeps the rest of a chunk, and ends again and again", async () => {
    const stream = new Readable({ read() {} });
    stream.push("abcdef");
    stream.push("g");
    stream.push(null);
    const seen = await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      const seen: string[] = [];
      for (const size of [4, 1, 100, 100, 100]) seen.push(yield* attempt(source, size));
      return seen;
    });
    expect(seen).toEqual(["abcd", "e", "fg", "end", "end"]);
  });

  it("BS-01 FL-10 FL-12 lends its bytes without a copy; what is not used is there for the next one, in order", async () => {
    const stream = new Readable({ read() {} });
    stream.push("abcdef");
    const seen: string[] = [];
    await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      const lend = (used: number, meanwhile?: () => Op<void>) =>
        source.lend!(function* ([chunk]) {
          seen.push(text(chunk!));
          yield* Fiber.yield();
          if (meanwhile) yield* meanwhile();
          return used;
        });
      yield* lend(2);
      seen.push(yield* attempt(source, 1));
      // A taker that fails has used nothing.
      seen.push(yield* failing(lend(0, () => fail("no"))));
      stream.push("ghi");
      // Another reader meets what comes later, never the same bytes.
      yield* lend(1, function* () {
        yield* lend(1);
      });
      stream.push(null);
      seen.push(yield* attempt(source, 100), yield* attempt(source, 100), yield* failing(lend(0)));
    });
    expect(seen).toEqual(["abcdef", "c", "def", "Error: no", "def", "ghi", "efhi", "end", "EndOfFile: end of file"]);
  });

  it("BS-07 lends nothing of a stream that others go on with", async () => {
    await inSwitch(function* (sw) {
      const stream = new PassThrough();
      expect("lend" in fromReadable(sw, stream, { owned: false })).toBe(false);
      yield* Fiber.yield();
    });
  });

  it("BS-01 refuses a buffer without room, and what is none", async () => {
    await inSwitch(function* (sw) {
      const source = fromReadable(sw, new PassThrough());
      expect(() => source.read(new Uint8Array(0))).toThrow(/fromReadable: read: "buffer" must be at least one byte/);
      expect(() => source.read("text" as never)).toThrow(/must be a Uint8Array, got the string "text"/);
      yield* Fiber.yield();
    });
  });

  it("BS-02 never makes the stream flow: unread, it holds no more than its high-water mark", async () => {
    let made = 0;
    const stream = new Readable({
      highWaterMark: 8,
      read() {
        made += 4;
        this.push("1234");
      },
    });
    await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      expect(yield* attempt(source, 3)).toBe("123");
      for (let i = 0; i < 5; i++) yield* hostTurn();
      expect(made).toBeLessThanOrEqual(3 + 8 + 4);
      expect(stream.readableFlowing).not.toBe(true);
      expect(stream.listenerCount("data")).toBe(0);
      // Reading at most so much at once does not raise the mark either.
      expect(yield* attempt(source, 1000)).toBe("41234123".slice(0, 8));
      expect(stream.readableHighWaterMark).toBe(8);
    });
  });

  it("BS-02 the platform: taking a data listener off leaves the stream flowing, and chunks vanish", async () => {
    const stream = new PassThrough();
    const listener = () => {};
    stream.on("data", listener);
    stream.off("data", listener);
    await macrotask();
    stream.write("lost");
    await macrotask();
    stream.on("readable", () => {});
    await macrotask();
    expect(stream.read()).toBe(null);
  });

  it("BS-03 when the stream fails, gives what was buffered, and then the same error each time", async () => {
    const error = new Error("broken");
    const stream = new Readable({ read() {} });
    stream.push("abc");
    const errors: unknown[] = [];
    await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      stream.destroy(error);
      yield* hostTurn();
      expect(yield* attempt(source, 2)).toBe("ab");
      expect(yield* attempt(source, 2)).toBe("c");
      for (let i = 0; i < 2; i++) {
        try {
          yield* source.read(new Uint8Array(1));
        } catch (thrown) {
          errors.push(thrown);
        }
      }
    });
    expect(errors).toEqual([error, error]);
    expect(errors[0]).toBe(error);
  });

  it("BS-03 BG-30 an error wakes a reader, also one that is only emitted", async () => {
    for (const fail of ["destroy", "emit"] as const) {
      const error = new Error(fail);
      const stream = new PassThrough();
      const result = inSwitch(function* (sw) {
        yield* fromReadable(sw, stream).read(new Uint8Array(1));
      });
      await macrotask();
      if (fail === "destroy") stream.destroy(error);
      else stream.emit("error", error);
      await expect(result).rejects.toBe(error);
    }
  });

  it("BS-04 destroyed before its end is a failure, for readers that wait and those that come", async () => {
    const stream = new PassThrough();
    const seen = await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      setImmediate(() => stream.destroy());
      return [yield* attempt(source), yield* attempt(source)];
    });
    expect(seen).toEqual(["error ERR_STREAM_PREMATURE_CLOSE", "error ERR_STREAM_PREMATURE_CLOSE"]);
  });

  it("BS-05 the first read reports where the stream stood when it was adopted", async () => {
    const ended = new PassThrough();
    ended.end();
    ended.resume();
    const failed = new PassThrough().on("error", () => {});
    failed.destroy(new Error("earlier"));
    const destroyed = new PassThrough();
    destroyed.destroy();
    const flowing = new PassThrough();
    flowing.on("data", () => {});
    const iterated = new PassThrough();
    const taken = iterated[Symbol.asyncIterator]().next();
    await macrotask();
    await macrotask();
    const seen = await inSwitch(function* (sw) {
      const seen: string[] = [];
      for (const stream of [ended, failed, destroyed]) seen.push(yield* attempt(fromReadable(sw, stream)));
      for (const stream of [flowing, iterated]) {
        const source = fromReadable(sw, stream, { owned: false });
        seen.push(yield* attempt(source));
      }
      return seen;
    });
    expect(seen).toEqual([
      "end",
      "error earlier",
      "error ERR_STREAM_PREMATURE_CLOSE",
      "error fromReadable: the stream has another consumer already",
      "error fromReadable: the stream has another consumer already",
    ]);
    iterated.end();
    await taken;
  });

  it("BS-06 FL-24 a cancelled read leaves no listener in the same turn, and loses no byte", async () => {
    const stream = new PassThrough();
    const before = await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      const idle = listeners(stream);
      const run = start(() => attempt(source));
      yield* hostTurn();
      expect(listeners(stream)).not.toEqual(idle);
      run.cancel();
      expect(listeners(stream)).toEqual(idle);
      stream.write("late");
      yield* hostTurn();
      expect(yield* attempt(source, 2)).toBe("la");
      expect(yield* attempt(source)).toBe("te");
      return run.ended;
    });
    expect(before).toMatch(/AbortError/);
    expect(listeners(stream)).toEqual([]);
  });

  it("BS-06 BG-12 bytes that came before the cancellation are delivered, and not twice", async () => {
    const stream = new PassThrough();
    await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      const run = start(() => attempt(source));
      yield* hostTurn();
      stream.write("x");
      stream.once("readable", () => run.cancel());
      expect(yield* fromPromise(run.ended)).toBe("value x");
      stream.end("y");
      expect(yield* attempt(source)).toBe("y");
      expect(yield* attempt(source)).toBe("end");
    });
  });

  it("BG-07 a cancelled fiber takes nothing", async () => {
    const stream = Readable.from([Buffer.from("abc")], { objectMode: false });
    await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      const run = start(function* () {
        yield* Cancel.sub(function* (cc) {
          cc.cancel("before");
          yield* source.read(new Uint8Array(1));
        });
      });
      expect(yield* fromPromise(run.ended)).toMatch(/AbortError/);
      expect(yield* readAll(source)).toBe("abc");
    });
  });

  it("BS-07 BG-52 the end of the switch destroys an owned stream and waits for its close", async () => {
    const log: string[] = [];
    const stream = new Readable({
      read() {},
      destroy(error, callback) {
        log.push("destroy");
        setTimeout(() => callback(error), 5);
      },
    });
    stream.on("close", () => log.push("close"));
    await inSwitch(function* (sw) {
      fromReadable(sw, stream);
      yield* Fiber.yield();
    });
    log.push("switch ended");
    expect(log).toEqual(["destroy", "close", "switch ended"]);
    expect(listeners(stream)).toEqual(["close 1"]);
  });

  it("BS-07 BG-55 leaves a stream that it does not own as it is, for others to go on with", async () => {
    const stream = new PassThrough();
    stream.write("abcdef");
    await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream, { owned: false });
      expect(yield* attempt(source, 2)).toBe("ab");
    });
    expect(stream.destroyed).toBe(false);
    expect(listeners(stream)).toEqual([]);
    stream.end("g");
    let rest = "";
    for await (const chunk of stream) rest += String(chunk);
    expect(rest).toBe("cdefg");
  });

  it("BG-53 BG-54 takes no stream for a finished switch, and forgets one that has closed by itself", async () => {
    const kept = await inSwitch(function* (sw) {
      const stream = Readable.from([Buffer.from("x")], { objectMode: false });
      const source = fromReadable(sw, stream);
      expect(yield* readAll(source)).toBe("x");
      yield* hostTurn();
      expect(stream.closed).toBe(true);
      expect(listeners(stream)).toEqual([]);
      return sw;
    });
    const stream = new PassThrough();
    expect(() => fromReadable(kept, stream)).toThrow(/Switch finished/);
    expect(listeners(stream)).toEqual([]);
  });

  it("BS-08 an error during our own destroy is nobody's, and does not crash", async () => {
    const stream = new Readable({
      read() {},
      destroy(_error, callback) {
        setTimeout(() => callback(new Error("on the way out")), 1);
      },
    });
    const uncaught = await uncaughtDuring(async () => {
      await inSwitch(function* (sw) {
        fromReadable(sw, stream);
        yield* Fiber.yield();
      });
    });
    expect(uncaught).toEqual([]);
    expect(listeners(stream)).toEqual([]);
  });

  it("BS-09 encodes the strings of a stream back, or refuses it; objects are refused", async () => {
    const encoded = () => new PassThrough().setEncoding("utf8");
    await inSwitch(function* (sw) {
      const stream = encoded();
      stream.end("grün €");
      expect(yield* readAll(fromReadable(sw, stream), 3)).toBe("grün €");
      expect(() => fromReadable(sw, encoded(), { strict: true })).toThrow(
        /without an encoding \(this one has "utf8"\)/,
      );
      expect(() => fromReadable(sw, new PassThrough({ objectMode: true }))).toThrow(/use fromObjects/);
    });
  });

  it("BG-51 many readers at once are one listener, and each byte goes to one of them", async () => {
    const stream = new PassThrough();
    const warnings: unknown[] = [];
    const note = (warning: unknown) => void warnings.push(warning);
    process.on("warning", note);
    const got: string[] = [];
    await inSwitch(function* (sw) {
      const source = fromReadable(sw, stream);
      setImmediate(() => stream.end("0123456789abcdefghij"));
      yield* Fiber.forEach([...Array(20).keys()], function* () {
        got.push(yield* attempt(source, 1));
      });
    });
    process.off("warning", note);
    expect([...got].sort().join("")).toBe("0123456789abcdefghij");
    expect(warnings).toEqual([]);
  });
});

/** A writable that holds each chunk until it is let go. */
class Slow extends Writable {
  readonly got: string[] = [];
  private pending: (() => void)[] = [];

  constructor(highWaterMark = 4) {
    super({ highWaterMark });
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.pending.push(() => {
      this.got.push(chunk.toString());
      callback();
    });
  }

  letGo(): void {
    this.pending.shift()?.();
  }
}

describe("fromWritable", () => {
  it("BS-10 a write returns when there is room again, and the buffer is the caller's again", async () => {
    const stream = new Slow();
    const log: string[] = [];
    await inSwitch(function* (sw) {
      const sink = fromWritable(sw, stream);
      const buffer = bytes("ab");
      yield* sink.write(buffer);
      buffer.set(bytes("cd"));
      const run = start(function* () {
        yield* sink.write(buffer);
        log.push("accepted");
        buffer.fill(0);
      });
      yield* hostTurn();
      expect(log).toEqual([]);
      stream.letGo();
      yield* hostTurn();
      expect(log).toEqual([]); // 'drain' comes when all is gone
      stream.letGo();
      yield* fromPromise(run.ended);
    });
    expect(log).toEqual(["accepted"]);
    expect(stream.got).toEqual(["ab", "cd"]);
  });

  it("BS-10 however many fibers write, no more than one chunk each goes past the mark", async () => {
    const stream = new Slow(4);
    let most = 0;
    await inSwitch(function* (sw) {
      const sink = fromWritable(sw, stream);
      const timer = setInterval(() => {
        most = Math.max(most, stream.writableLength);
        stream.letGo();
      }, 0);
      yield* Fiber.forEach([...Array(30).keys()], () => sink.write(bytes("xyz")));
      yield* sink.close();
      clearInterval(timer);
    });
    expect(most).toBeLessThanOrEqual(6);
    expect(stream.got.join("").length).toBe(90);
  });

  it("BS-11 a stream that dies while a write waits for room fails the write", async () => {
    for (const [error, code] of [
      [new Error("gone"), "error gone"],
      [undefined, "error ERR_STREAM_DESTROYED"],
    ] as const) {
      const stream = new Slow(1);
      const result = await inSwitch(function* (sw) {
        const sink = fromWritable(sw, stream);
        setImmediate(() => stream.destroy(error));
        return yield* tryWrite(sink, "abc");
      });
      expect(result).toBe(code);
      expect(listeners(stream)).toEqual([]);
    }
  });

  it("BS-12 writing after the end and after a destroy throws in the fiber, and emits nothing", async () => {
    const emitted: unknown[] = [];
    const seen = await inSwitch(function* (sw) {
      const stream = new PassThrough();
      stream.on("error", (error) => emitted.push(error));
      const sink = fromWritable(sw, stream);
      yield* sink.close();
      const seen = [yield* tryWrite(sink, "x")];
      stream.destroy();
      seen.push(yield* tryWrite(sink, "x"));
      return seen;
    });
    expect(seen).toEqual(["error ERR_STREAM_WRITE_AFTER_END", "error ERR_STREAM_DESTROYED"]);
    expect(emitted).toEqual([]);
  });

  it("BS-12 a failure of an earlier write is thrown by the next one, and by close", async () => {
    const error = new Error("disk full");
    const stream = new Writable({ write: (_chunk, _encoding, callback) => setImmediate(callback, error) });
    const seen = await inSwitch(function* (sw) {
      const sink = fromWritable(sw, stream);
      const seen = [yield* tryWrite(sink, "a")];
      yield* hostTurn();
      yield* hostTurn();
      seen.push(yield* tryWrite(sink, "b"));
      try {
        yield* sink.close();
      } catch (thrown) {
        seen.push(thrown === error ? "close: the same" : "close: another");
      }
      return seen;
    });
    expect(seen).toEqual(["written", "error disk full", "close: the same"]);
  });

  it("BS-13 close returns when all is flushed, each time; without it the stream is destroyed", async () => {
    const log: string[] = [];
    const make = () =>
      new Writable({
        write: (_chunk, _encoding, callback) => setImmediate(callback),
        final(callback) {
          setImmediate(() => {
            log.push("flushed");
            callback();
          });
        },
      }).on("close", () => log.push("close"));
    await inSwitch(function* (sw) {
      const sink = fromWritable(sw, make());
      yield* sink.write(bytes("a"));
      yield* sink.close();
      log.push("closed");
      yield* sink.close();
    });
    const unclosed = make();
    await inSwitch(function* (sw) {
      yield* fromWritable(sw, unclosed).write(bytes("a"));
    });
    expect(log.slice(0, 3).sort()).toEqual(["close", "closed", "flushed"]);
    expect(log[0]).toBe("flushed");
    expect(log.length).toBe(4);
    expect(unclosed.writableFinished).toBe(false);
  });

  it("BS-06 BG-09 a cancelled write leaves no listener, and the stream goes on", async () => {
    const stream = new Slow(1);
    await inSwitch(function* (sw) {
      const sink = fromWritable(sw, stream);
      const idle = listeners(stream);
      const run = start(() => sink.write(bytes("abc")));
      yield* hostTurn();
      run.cancel();
      expect(listeners(stream)).toEqual(idle);
      expect(yield* fromPromise(run.ended)).toMatch(/AbortError/);
      stream.letGo();
      yield* hostTurn();
      const next = start(() => sink.write(bytes("d")));
      yield* hostTurn();
      stream.letGo();
      expect(yield* fromPromise(next.ended)).toBe("value undefined");
    });
    expect(stream.got).toEqual(["abc", "d"]);
  });
});

function* tryWrite(sink: Sink, chunk: string): Op<string> {
  try {
    yield* sink.write(bytes(chunk));
    return "written";
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    const { code, message } = error as { code?: string; message?: string };
    return `error ${code ?? message}`;
  }
}

describe("fromDuplex", () => {
  it("BS-14 closing what is written leaves the other direction open", async () => {
    const stream = new Duplex({
      read() {},
      write: (_chunk, _encoding, callback) => callback(),
      final(callback) {
        setImmediate(() => {
          this.push("answer");
          this.push(null);
        });
        callback();
      },
    });
    const answer = await inSwitch(function* (sw) {
      const flow = fromDuplex(sw, stream);
      yield* flow.write(bytes("question"));
      yield* flow.close();
      return yield* readAll(flow);
    });
    expect(answer).toBe("answer");
  });
});

describe("toReadable", () => {
  it("BS-20 BG-01 reads only when it is read, one read at a time, and stops when there is enough", async () => {
    const source = new Script(Array.from({ length: 100 }, () => "1234"));
    let most = 0;
    const watched: Source = {
      *read(buffer) {
        most = Math.max(most, source.reading + 1);
        return yield* source.read(buffer);
      },
    };
    const stream = toReadable(watched, { highWaterMark: 8 });
    await macrotask();
    expect(source.reads).toBe(0);
    stream.read(0);
    for (let i = 0; i < 10; i++) await macrotask();
    expect(source.given).toBeLessThanOrEqual(12);
    let all = "";
    for await (const chunk of stream) {
      all += String(chunk);
      await macrotask();
      expect(source.given - all.length).toBeLessThanOrEqual(12);
    }
    expect(all).toBe("1234".repeat(100));
    expect(most).toBe(1);
  });

  it("BS-21 the source's error destroys the stream with the same object; the end is its end", async () => {
    const error = new Error("broken");
    const log: unknown[] = [];
    const stream = toReadable(new Script(["abc"], { error }));
    stream.on("data", (chunk) => log.push(String(chunk)));
    stream.on("error", (thrown) => log.push(thrown));
    await new Promise((resolve) => stream.on("close", resolve));
    expect(log).toEqual(["abc", error]);
    expect(log[1]).toBe(error);
    expect(await outcome(toArray(toReadable(new Script(["a", "b"]))))).toBe("value ab");
  });

  it("BS-48 a falsy error is none to Node, so it comes in an Error", async () => {
    for (const error of [undefined, null, 0, ""]) {
      const stream = toReadable(new Script([], { error }));
      const thrown: unknown = await toArray(stream).catch((reason: unknown) => reason);
      expect(thrown).toBeInstanceOf(Error);
      expect(thrown).toHaveProperty("cause", error);
    }
    // The platform:
    const silent = new PassThrough();
    silent.destroy(undefined);
    await macrotask();
    expect(silent.errored).toBe(null);
  });

  it("BS-22 BG-20 BG-21 destroy cancels in the same turn, and close comes after the finalizers", async () => {
    const log: string[] = [];
    const stream = toReadable(new Endless(log));
    stream.on("close", () => log.push("close"));
    stream.on("error", () => log.push("error"));
    stream.read(0);
    stream.destroy(new Error("enough"));
    log.push("destroyed");
    await new Promise((resolve) => stream.on("close", resolve));
    expect(log).toEqual(["reading", "destroyed", "cancelled: Error: enough", "stopped", "error", "close"]);
  });

  it("BS-22 break in a loop ends the source, and its release handlers run before close", async () => {
    const log: string[] = [];
    const stream = toReadable(function* (sw) {
      log.push("open");
      yield* sw.onRelease(function* () {
        yield* Fiber.yield();
        log.push("released");
      });
      return new Script(["a", "b", "c"]);
    });
    stream.on("close", () => log.push("close"));
    for await (const chunk of stream) {
      log.push(String(chunk));
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(log[0]).toBe("open");
    expect(log.slice(-2)).toEqual(["released", "close"]);
  });

  it("BS-22 an open that fails, and a release handler that fails, are the stream's error", async () => {
    const failing = toReadable(function* (): Op<Source> {
      yield* Fiber.yield();
      throw new Error("no such report");
    });
    expect(await outcome(toArray(failing))).toBe("error Error: no such report");
    const late = toReadable(function* (sw) {
      yield* sw.onRelease(() => {
        throw new Error("not released");
      });
      return new Script(["a"]);
    });
    const closed = new Promise((resolve) => late.on("error", resolve));
    late.resume();
    expect(await closed).toHaveProperty("message", "not released");
  });

  it("BG-22 BG-36 the switch waits for the stream's fibers, and its failure destroys the stream", async () => {
    const log: string[] = [];
    let stream!: Readable;
    const ended = inSwitch(function* (sw) {
      stream = toReadable(new Endless(log), { sw });
      stream.on("error", (error) => log.push(`error ${error.name}`));
      stream.read(0);
      yield* hostTurn();
      throw new Error("failed");
    });
    await expect(ended).rejects.toThrow("failed");
    await macrotask();
    expect(log).toEqual(["reading", "cancelled: Error: failed", "stopped", "error AbortError"]);
    expect(stream.destroyed).toBe(true);
  });

  it("wastes little: a short read does not keep a long buffer alive", async () => {
    for await (const chunk of toReadable(new Script(["ab"]), { highWaterMark: 65_536 }))
      expect((chunk as Buffer).buffer.byteLength).toBeLessThan(100);
  });
});

async function toArray(stream: Readable): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

describe("toWritable", () => {
  it("BS-23 the callback comes when the sink has taken the bytes, finish when it has closed", async () => {
    const [gate, opened] = Deferred.create<void>();
    const sink = new Collector(() => gate.await());
    const stream = toWritable(sink);
    const log: string[] = [];
    stream.write("ab", () => log.push("written"));
    stream.on("finish", () => log.push(`finish ${sink.closed}`));
    stream.end();
    await macrotask();
    expect(log).toEqual([]);
    opened.resolve();
    await new Promise((resolve) => stream.on("close", resolve));
    expect(log).toEqual(["written", "finish 1"]);
    expect(sink.chunks).toEqual(["ab"]);
  });

  it("BS-23 destroy cancels a write in progress in the same turn, and does not close the sink", async () => {
    const sink = new Collector(() => Fiber.awaitCancel());
    const stream = toWritable(sink);
    const log: string[] = [];
    stream.on("error", (error) => log.push(error.message));
    stream.write("ab", (error) => log.push(`callback ${error?.name}`));
    await macrotask();
    stream.destroy(new Error("enough"));
    await new Promise((resolve) => stream.on("close", resolve));
    expect(sink.log).toEqual(["write cancelled: Error: enough"]);
    expect(log).toContain("enough");
    expect(log).toContain("callback AbortError");
    expect(sink.closed).toBe(0);
  });

  it("BS-23 BG-32 the sink's error is the stream's", async () => {
    const error = new Error("no room");
    const stream = toWritable(
      new Collector(function* () {
        yield* Fiber.yield();
        throw error;
      }),
    );
    const thrown = new Promise((resolve) => stream.on("error", resolve));
    stream.write("x");
    expect(await thrown).toBe(error);
  });

  it("BS-24 in a pipeline an error anywhere cancels both ends, and is what it fails with", async () => {
    const sink = new Collector();
    await pipeline(toReadable(new Script(["hello ", "world"])), createGzip(), toWritable(binary(sink)));
    expect(gunzipSync(Buffer.from(sink.chunks.join(""), "latin1")).toString()).toBe("hello world");
    expect(sink.closed).toBe(1);

    const error = new Error("in the middle");
    const log: string[] = [];
    const blocked = new Collector(() => Fiber.awaitCancel());
    const middle = new PassThrough({
      transform(chunk, _encoding, callback) {
        this.push(chunk);
        setTimeout(() => callback(error), 5);
      },
    });
    const source = new Endless(log);
    let first = true;
    const once: Source = {
      *read(buffer) {
        if (!first) return yield* source.read();
        first = false;
        buffer[0] = 65;
        return 1;
      },
    };
    await expect(pipeline(toReadable(once), middle, toWritable(blocked))).rejects.toBe(error);
    await macrotask();
    expect(log.at(-1)).toBe("stopped");
    expect(blocked.log.length).toBe(1);
    expect(blocked.writing).toBe(0);
  });
});

/** The same sink, for bytes that are no text. */
function binary(sink: Collector): Sink {
  return {
    *write(chunk) {
      yield* Fiber.yield();
      sink.chunks.push(Buffer.from(chunk).toString("latin1"));
    },
    close: () => sink.close(),
  };
}

describe("toDuplex", () => {
  it("BS-14 BS-20 BS-23 both directions work at the same time, and destroy cancels both", async () => {
    const log: string[] = [];
    const source = new Script(["one", "two"]);
    const sink = new Collector();
    const stream = toDuplex({
      read: (buffer: Uint8Array) => source.read(buffer),
      write: (chunk: Uint8Array) => sink.write(chunk),
      close: () => sink.close(),
    });
    stream.write("up");
    let read = "";
    stream.on("data", (chunk) => (read += String(chunk)));
    await new Promise((resolve) => stream.on("end", resolve));
    expect(read).toBe("onetwo");
    stream.end();
    await new Promise((resolve) => stream.on("close", resolve));
    expect(sink.chunks).toEqual(["up"]);
    expect(sink.closed).toBe(1);

    const endless = new Endless(log);
    const blocked = new Collector(() => Fiber.awaitCancel());
    const both = toDuplex({
      read: () => endless.read(),
      write: (chunk: Uint8Array) => blocked.write(chunk),
      close: () => blocked.close(),
    });
    both.read(0);
    both.write("x");
    await macrotask();
    both.destroy();
    await new Promise((resolve) => both.on("close", resolve));
    expect(log.at(-1)).toBe("stopped");
    expect(blocked.log.length).toBe(1);
  });
});

describe("objects of Node", () => {
  it("BS-09 BS-47 fromObjects gives the very objects, and toObjectReadable does, too", async () => {
    const objects = [{ n: 1 }, "", 0, false, { n: 2 }];
    const seen: unknown[] = [];
    await inSwitch(function* (sw) {
      const items = fromObjects<unknown>(sw, Readable.from(objects));
      while (yield* items.next()) seen.push(items.value);
      expect(yield* items.next()).toBe(false);
    });
    seen.forEach((item, i) => expect(item).toBe(objects[i]));
    expect(seen.length).toBe(objects.length);

    const queue = new Stream<unknown>(16);
    for (const object of objects) queue.tryAdd(object);
    queue.close();
    const out: unknown[] = [];
    for await (const object of toObjectReadable(queue.iterate())) out.push(object);
    out.forEach((item, i) => expect(item).toBe(objects[i]));
    expect(out.length).toBe(objects.length);
  });

  it("BS-47 null cannot be an item", async () => {
    const queue = new Stream<unknown>(16);
    queue.tryAdd(null);
    const stream = toObjectReadable(queue.iterate());
    expect(await outcome(toArray(stream))).toMatch(/TypeError: toObjectReadable: null cannot be an item/);
    // The platform:
    const plain = new Readable({ objectMode: true, read() {} });
    plain.push(null);
    expect(await toArray(plain)).toBe("");
  });
});

describe("errors at the door", () => {
  it("names the function, the argument, and what was given", async () => {
    await inSwitch(function* (sw) {
      yield* Fiber.yield();
      expect(() => fromReadable(undefined as never, new PassThrough())).toThrow(/fromReadable: "sw" must be a Switch/);
      expect(() => fromReadable(sw, {} as never)).toThrow(/fromReadable: "stream" must be a Readable of Node/);
      expect(() => fromWritable(sw, null as never)).toThrow(/fromWritable: "stream" must be a Writable of Node/);
    });
    expect(() => toReadable({} as never)).toThrow(/toReadable: "source" must be an object with read/);
    expect(() => toWritable(1 as never)).toThrow(/toWritable: "sink" must be an object with write and close/);
    expect(() => toObjectReadable({} as never)).toThrow(/toObjectReadable: "items" must be an object with next/);
    expect(new EndOfFile()).toMatchObject({ name: "EndOfFile", code: "END_OF_FILE" });
    expect(text(bytes("a"))).toBe("a");
  });
});
