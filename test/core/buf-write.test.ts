import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BufRead,
  BufWrite,
  Cancelled,
  Deferred,
  EndOfFile,
  Failure,
  Fiber,
  Flow,
  FlushAborted,
  InvalidArgument,
  Switch,
  type Op,
  type Result,
  type Sink,
} from "trestle";
import { MockFlow, run } from "trestle/mock";
import { thrownBy, transcript } from "./transcript.js";
import { tracedBy } from "./traced.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk);

/** What a body writes, as the trace of a mock flow. */
const written = (
  body: (writer: BufWrite, flow: MockFlow) => Op<unknown>,
  options?: { initialSize?: number },
  prepare?: (flow: MockFlow) => void,
) =>
  tracedBy(function* () {
    const flow = new MockFlow("flow");
    prepare?.(flow);
    yield* BufWrite.withFlow(flow, (writer) => body(writer, flow), options);
  });

/** The value, or the name of the error. */
function* outcome(op: Op<unknown>): Op<unknown> {
  try {
    return yield* op;
  } catch (error) {
    return (error as Error).name;
  }
}

describe("writing", () => {
  it("BW-01 BW-03 small writes become one, done when withFlow returns", () => {
    const lines = written(function* (writer) {
      writer.string("Hello");
      writer.char(" ");
      writer.bytes(bytes("world"));
      yield* [];
    });
    expect(lines).toEqual(['flow: wrote "Hello world"']);
  });

  it("BW-02 BW-04 a writer that suspends lets out what there is; writing itself does not", () => {
    const log = transcript(function* (note) {
      const sink: Sink = {
        *write(chunk) {
          note(`out ${text(chunk)}`);
        },
        *close() {},
      };
      yield* BufWrite.withFlow(sink, function* (writer) {
        writer.string("a");
        note("wrote a");
        writer.string("b");
        note("wrote b");
        yield* Fiber.yield();
        note("after the yield");
        writer.string("c");
        note("wrote c");
      });
    });
    expect(log).toEqual(["wrote a", "wrote b", "out ab", "after the yield", "wrote c", "out c"]);
  });

  it("BW-05 BW-06 what is scheduled keeps its place, and is not copied; the rest is", () => {
    const lines = written(function* (writer) {
      const scheduled = bytes("world");
      const copied = bytes("!");
      writer.string("Hello ");
      writer.schedule(scheduled);
      writer.bytes(copied);
      scheduled[0] = 87;
      copied[0] = 63;
      yield* Fiber.yield();
    });
    expect(lines).toEqual(['flow: wrote ["Hello ", "World", "!"]']);
  });

  it("BW-07 BW-08 BW-09 a pause holds everything back; unpause, flush and close end it", () => {
    const lines = written(function* (writer) {
      writer.pause();
      writer.string("a");
      yield* Fiber.yield();
      writer.string("b");
      yield* Fiber.yield();
      writer.unpause();
      yield* Fiber.yield();
      writer.pause();
      writer.string("c");
      yield* writer.flush();
      writer.pause();
      writer.string("");
      writer.schedule(bytes(""));
      writer.bytes(bytes(""));
      writer.unpause();
      yield* Fiber.yield();
      writer.pause();
      writer.string("d");
      writer.close();
      writer.pause();
      yield* Fiber.yield();
      yield* Fiber.yield();
    });
    expect(lines).toEqual(['flow: wrote "ab"', 'flow: wrote "c"', 'flow: wrote "d"']);
  });

  it("BW-10 what does not fit gets a buffer of its own; with room there is one", () => {
    const parts = ["te", "st", "te", "st", "t", "e"];
    const all = (initialSize: number) =>
      written(
        function* (writer) {
          for (const part of parts) writer.string(part);
          yield* [];
        },
        { initialSize },
      );
    expect(all(1)).toEqual(['flow: wrote ["te", "st", "te", "st", "te"]']);
    expect(all(100)).toEqual(['flow: wrote "testtestte"']);
  });

  it("BW-11 a closed writer takes nothing", () => {
    const writer = new BufWrite();
    writer.close();
    expect(writer.isClosed).toBe(true);
    for (const write of [
      () => writer.string("a"),
      () => writer.bytes(bytes("a")),
      () => writer.schedule(bytes("a")),
      () => writer.char("a"),
      () => writer.uint8(1),
      () => writer.BE.uint16(1),
      () => writer.LE.uint64(1n),
    ]) {
      expect(write).toThrow(new Failure("cannot write to closed writer"));
    }
    expect(writer.pendingBytes).toBe(0);
  });

  it("BW-12 a part that is not there is refused, and nothing is written", () => {
    const writer = new BufWrite();
    for (const [offset, length] of [
      [-1, 1],
      [0, 4],
      [2, 2],
      [4, 0],
      [1, -1],
    ] as const) {
      expect(() => writer.bytes(bytes("abc"), offset, length)).toThrow(InvalidArgument);
    }
    expect(writer.hasPendingOutput).toBe(false);
    writer.bytes(bytes("abc"), 1);
    writer.bytes(bytes("abc"), 0, 1);
    writer.bytes(bytes("abc"), 3);
    expect(writer.serializeToString()).toBe("bca");
  });

  it("short, long and other than ASCII text come out as UTF-8", () => {
    const writer = new BufWrite({ initialSize: 8 });
    for (const part of ["héllo", "x".repeat(200), "😀", "\u007f\u0080"]) writer.string(part);
    expect(writer.serializeToString()).toBe(`héllo${"x".repeat(200)}😀\u007f\u0080`);
  });

  it.each([
    ["text", (w: BufWrite) => w.string(1 as never), /"text" must be a string/],
    ["bytes", (w: BufWrite) => w.bytes("a" as never), /"bytes" must be a Uint8Array/],
    ["scheduled bytes", (w: BufWrite) => w.schedule("a" as never), /"bytes" must be a Uint8Array/],
    ["a character", (w: BufWrite) => w.char("ab"), /"char" must be a character of one byte/],
    ["a number", (w: BufWrite) => w.LE.uint32("1" as never), /"n" must be a number/],
    ["a bigint", (w: BufWrite) => w.BE.uint64(1 as never), /"n" must be a bigint/],
  ])("%s of a wrong type is refused", (_, write, message) => {
    const writer = new BufWrite();
    expect(() => write(writer)).toThrow(message);
    expect(writer.pendingBytes).toBe(0);
  });

  it("sizes must be positive, the rest of the options what they are", () => {
    expect(() => new BufWrite({ initialSize: 0 })).toThrow(InvalidArgument);
    expect(() => new BufWrite({ initialSize: NaN })).toThrow(TypeError);
    expect(() => new BufWrite({ sw: {} as never })).toThrow(/"options.sw" must be a Switch/);
  });
});

describe("flush", () => {
  it("BW-13 waits for what was written before, and not if that is nothing", () => {
    const log = transcript(function* (note) {
      const [gate, open] = Deferred.create<void>();
      const sink: Sink = {
        *write(chunk) {
          note(`writing ${text(chunk)}`);
          yield* gate.await();
        },
        *close() {},
      };
      yield* BufWrite.withFlow(sink, function* (writer) {
        yield* writer.flush();
        note("nothing to flush");
        writer.string("a");
        yield* Fiber.both(
          function* () {
            yield* writer.flush();
            note("flushed");
          },
          function* () {
            yield* Fiber.yield();
            note("opening");
            open.resolve();
          },
        );
      });
    });
    expect(log).toEqual(["nothing to flush", "writing a", "opening", "flushed"]);
  });

  it("BW-14 partial writes are gone on with, and the flush waits for all", () => {
    const lines = written(
      function* (writer, flow) {
        writer.string("hello");
        yield* writer.flush();
        yield* flow.shutdown("send");
      },
      undefined,
      (flow) => flow.onCopyBytes.seq([{ return: 3 }]),
    );
    expect(lines).toEqual(['flow: wrote "hel"', 'flow: wrote "lo"', "flow: shutdown send"]);
  });

  it("BW-15 each flush ends as soon as its own bytes are out, in order", () => {
    const lines = tracedBy(function* () {
      const flow = new MockFlow("flow");
      flow.onCopyBytes.seq([{ return: 1 }, { return: 2 }, { return: 2 }, { return: 1 }]);
      yield* BufWrite.withFlow(flow, (writer) =>
        Fiber.forEach(["ab", "cd", "ef"], function* (part) {
          writer.string(part);
          yield* writer.flush();
          yield* flow.shutdown(part as never);
        }),
      );
    });
    expect(lines).toEqual([
      'flow: wrote "a"',
      'flow: wrote "bc"',
      "flow: shutdown ab",
      'flow: wrote "de"',
      "flow: shutdown cd",
      'flow: wrote "f"',
      "flow: shutdown ef",
    ]);
  });

  it("BW-16 RB-03 not before the sink's write has returned", () => {
    const log = transcript(function* (note) {
      const sink: Sink = {
        *write() {
          for (let i = 0; i < 3; i++) yield* Fiber.yield();
          note("written");
        },
        *close() {},
      };
      yield* BufWrite.withFlow(sink, function* (writer) {
        writer.string("a");
        yield* writer.flush();
        note("flushed");
      });
    });
    expect(log).toEqual(["written", "flushed"]);
  });

  it("BW-17 RB-05 abort gives up those who flush, now and later", () => {
    run(function* () {
      const writer = new BufWrite();
      writer.string("a");
      const both = yield* Fiber.pair(
        () => outcome(writer.flush()),

        function* () {
          writer.abort();
        },
      );
      expect(both[0]).toBe("FlushAborted");
      expect(yield* outcome(writer.flush())).toBe("FlushAborted");
      expect(new FlushAborted().code).toBe("FLUSH_ABORTED");
      expect(writer.isClosed).toBe(true);
    });
  });

  it("BW-18 RB-05 a writer of a switch is aborted with it, also for the fibers of another", () => {
    run(function* () {
      yield* Switch.run(function* (outer) {
        const flushed = yield* Switch.run(function* (sw) {
          const writer = new BufWrite({ sw });
          writer.string("a");
          return yield* Fiber.forkPromise(outer, () => outcome(writer.flush()));
        });
        expect(yield* flushed.awaitOrThrow()).toBe("FlushAborted");
      });
    });
  });

  it("BW-19 RB-05 when the sink fails, withFlow throws its error, and flushes are given up", () => {
    run(function* () {
      yield* Switch.run(function* (outer) {
        const flow = new MockFlow("flow");
        const broken = new Error("broken");
        flow.onCopyBytes.seq([{ raise: broken }]);
        let flushed: Deferred<Result<unknown>> | undefined;
        let error: unknown;
        try {
          yield* BufWrite.withFlow(flow, function* (writer) {
            writer.string("a");
            flushed = yield* Fiber.forkPromise(outer, () => outcome(writer.flush()));
            yield* Fiber.awaitCancel();
          });
        } catch (thrown) {
          error = thrown;
        }
        expect(error).toBe(broken);
        expect(yield* flushed!.awaitOrThrow()).toBe("FlushAborted");
      });
    });
  });

  it("BW-20 a flush that is under way when the body returns succeeds", () => {
    run(function* () {
      yield* Switch.run(function* (outer) {
        const flow = new MockFlow("flow");
        flow.onCopyBytes.seq([{ yieldThen: { yieldThen: { return: 10 } } }]);
        const flushed = yield* BufWrite.withFlow(flow, function* (writer) {
          writer.string("a");
          return yield* Fiber.forkPromise(outer, () => outcome(writer.flush()));
        });
        expect(yield* flushed.awaitOrThrow()).toBe(undefined);
      });
    });
  });
});

describe("the end of withFlow", () => {
  it("BW-21 RB-04 an error of the body comes after what it has written", () => {
    const lines = tracedBy(function* () {
      const error = new Error("body");
      const flow = new MockFlow("flow");
      flow.onCopyBytes.seq([{ yieldThen: { return: 2 } }]);
      let thrown: unknown;
      try {
        yield* BufWrite.withFlow(flow, function* (writer) {
          writer.string("abc");
          throw error;
        });
      } catch (e) {
        thrown = e;
      }
      expect(thrown).toBe(error);
    });
    expect(lines).toEqual(['flow: wrote "ab"', 'flow: wrote "c"']);
  });

  it("BW-21 when the sink fails as well, neither error is lost", () => {
    const body = new Error("body");
    const sink = new Error("sink");
    const thrown = thrownBy(() =>
      run(() => {
        const flow = new MockFlow("flow");
        flow.onCopyBytes.seq([{ yieldThen: { raise: sink } }]);

        return BufWrite.withFlow(flow, function* (writer) {
          writer.string("abc");
          throw body;
        });
      }),
    ) as { errors: unknown[] };
    expect(thrown.errors).toEqual(expect.arrayContaining([body, sink]));
  });

  it("BW-22 RB-04 nothing more goes out after a cancellation, also when a write hangs", () => {
    const lines = tracedBy(function* ({ clock }) {
      const flow = new MockFlow("flow");
      flow.onCopyBytes.seq([{ return: 1 }, { run: () => Fiber.awaitCancel() }]);
      yield* Fiber.first(
        () =>
          BufWrite.withFlow(flow, function* (writer) {
            writer.string("abc");
            try {
              yield* Fiber.awaitCancel();
            } catch (error) {
              expect(error).toBeInstanceOf(Cancelled);
              writer.string("more");
              throw error;
            }
          }),
        () => clock.sleep(1),
      );
    });
    expect(lines).toEqual(['flow: wrote "a"']);
  });
});

describe("the other end", () => {
  it("BW-23 BW-25 batches wait for something, and end with the writer", () => {
    run(function* () {
      const writer = new BufWrite();
      const batch = function* () {
        return (yield* writer.awaitBatch()).map(text);
      };
      const [first] = yield* Fiber.pair(batch, function* () {
        yield* Fiber.yield();
        writer.pause();
        writer.string("ab");
        writer.schedule(bytes("cd"));
        yield* Fiber.yield();
        writer.string("e");
        writer.unpause();
      });
      expect(first).toEqual(["ab", "cd", "e"]);
      writer.shift(3);
      expect(yield* batch()).toEqual(["d", "e"]);
      expect(() => writer.shift(3)).toThrow(InvalidArgument);
      expect(() => writer.shift(-1)).toThrow(InvalidArgument);
      writer.close();
      expect(yield* batch()).toEqual(["d", "e"]);
      writer.shift(2);
      expect(yield* outcome(writer.awaitBatch())).toBe(new EndOfFile().name);
    });
  });

  it("BW-24 a wait for a batch can be cancelled, and then another one begun", () => {
    run(function* () {
      const writer = new BufWrite();
      const late = yield* Fiber.first(
        () => writer.awaitBatch(),
        function* () {
          yield* Fiber.yield();
          return undefined;
        },
      );
      expect(late).toBe(undefined);
      writer.string("a");
      expect((yield* writer.awaitBatch()).map(text)).toEqual(["a"]);
    });
  });

  it("BW-26 serialize writes batch after batch, none of them empty, with a turn after a partial write", () => {
    const log = transcript(function* (note) {
      const writer = new BufWrite();
      writer.string("abc");
      yield* Fiber.both(
        function* () {
          const result = yield* writer.serialize(function* (buffers) {
            note(buffers.map(text).join("|"));
            return { ok: true, value: Math.min(2, Flow.lengthOf(buffers)) };
          });
          note(`ended ${result.ok}`);
        },
        function* () {
          note("other");
          writer.string("d");
          yield* Fiber.yield();
          writer.close();
        },
      );
    });
    expect(log).toEqual(["abc", "other", "c|d", "ended true"]);
    const closed = run(function* () {
      const writer = new BufWrite();
      writer.string("a");
      const result = yield* writer.serialize(function* () {
        return { ok: false, error: "closed" };
      });
      return [result, writer.isClosed];
    });
    expect(closed).toEqual([{ ok: false, error: "closed" }, true]);
  });

  it("BW-27 BW-29 all at once", () => {
    const writer = new BufWrite();
    writer.string("ab");
    writer.schedule(bytes("cd"));
    writer.string("e");
    expect([writer.pendingBytes, writer.hasPendingOutput]).toEqual([5, true]);
    writer.close();
    expect(writer.pendingBytes).toBe(5);
    expect(text(writer.serializeToBytes())).toBe("abcde");
    expect([writer.pendingBytes, writer.isClosed]).toEqual([0, true]);
    const free = new BufWrite({ initialSize: 10 });
    free.string("abc");
    expect(free.freeBytesInBuffer).toBe(7);
  });

  it("BW-28 drain discards, and counts", () => {
    run(function* () {
      const writer = new BufWrite();
      writer.string("abc");
      const [drained] = yield* Fiber.pair(
        () => writer.drain(),
        function* () {
          yield* Fiber.yield();
          writer.string("de");
          writer.close();
        },
      );
      expect(drained).toBe(5);
    });
  });

  it("BW-33 the counters go on beyond 2^32", () => {
    run(function* () {
      const writer = new BufWrite();
      const large = new Uint8Array(2 ** 28);
      const [drained] = yield* Fiber.pair(
        () => writer.drain(),
        function* () {
          for (let i = 0; i < 17; i++) {
            writer.schedule(large);
            yield* writer.flush();
          }
          writer.close();
        },
      );
      expect(drained).toBe(17 * 2 ** 28);
    });
  });
});

describe("numbers", () => {
  it("BW-30 RB-31 come back from a BufRead in both orders, with their low bits only", () => {
    fc.assert(
      fc.property(
        fc.record({
          small: fc.maxSafeInteger(),
          large: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          float: fc.float({ noNaN: true }),
          double: fc.double({ noNaN: true }),
          order: fc.constantFrom("BE" as const, "LE" as const),
        }),
        ({ small, large, float, double, order }) => {
          const writer = new BufWrite({ initialSize: 7 });
          const w = writer[order];
          writer.uint8(small);
          w.uint16(small);
          w.uint32(small);
          w.uint48(small);
          w.uint64(large);
          w.float(float);
          w.double(double);
          const low = (bits: number) => Number(BigInt.asUintN(bits, BigInt(small)));
          run(function* () {
            const reader = BufRead.ofBytes(writer.serializeToBytes());
            const r = reader[order];
            expect(yield* reader.uint8()).toBe(low(8));
            expect(yield* r.uint16()).toBe(low(16));
            expect(yield* r.uint32()).toBe(low(32));
            expect(yield* r.uint48()).toBe(low(48));
            expect(yield* r.uint64()).toBe(large);
            expect(yield* r.float()).toBe(float);
            expect(yield* r.double()).toBe(double);
            yield* reader.endOfInput();
          });
        },
      ),
    );
  });
});

describe("against concatenation", () => {
  type Act = readonly ["string" | "bytes" | "schedule", string] | readonly ["yield" | "flush" | "pause" | "unpause"];

  const part = fc.string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 12 });
  const act: fc.Arbitrary<Act> = fc.oneof(
    fc.tuple(fc.constantFrom("string" as const, "bytes" as const, "schedule" as const), part),
    fc.tuple(fc.constantFrom("yield" as const, "flush" as const, "pause" as const, "unpause" as const)),
  );

  function* perform(writer: BufWrite, [what, all]: Act): Op<void> {
    if (what === "yield") yield* Fiber.yield();
    else if (what === "flush") yield* writer.flush();
    else if (what === "pause") writer.pause();
    else if (what === "unpause") writer.unpause();
    else if (what === "string") writer.string(all);
    else writer[what](bytes(all!));
  }

  it("BW-32 PT-02 any sequence of operations writes exactly the concatenation", () => {
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 10 }),
        fc.integer({ min: 1, max: 10 }),
        fc.boolean(),
        (acts, sips, initialSize, closes) => {
          const sink = Flow.bufferSink();
          const sipping: Sink = {
            write: () => expect.unreachable(),
            close: () => expect.unreachable(),
            *writeSome(buffers) {
              const sip = sips.shift() ?? 100;
              if (sip % 2 === 0) yield* Fiber.yield();
              const all = buffers.flatMap((buffer) => Array.from(buffer)).slice(0, sip);
              yield* sink.write(Uint8Array.from(all));
              return all.length;
            },
          };
          run(() =>
            BufWrite.withFlow(
              sipping,
              function* (writer) {
                for (const one of acts) yield* perform(writer, one);
                if (closes) writer.close();
              },
              { initialSize },
            ),
          );
          expect(sink.text).toBe(acts.map(([, all]) => all ?? "").join(""));
        },
      ),
      { numRuns: 300 },
    );
  });
});
