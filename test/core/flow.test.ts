import { describe, expect, it } from "vitest";
import { EndOfFile, Fiber, Flow, InvalidArgument, IoError, type Op, type Sink, type Source } from "trestle";
import { MockFlow, run } from "trestle/mock";
import { thrownBy } from "./transcript.js";
import { tracedBy } from "./traced.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk);

/** A source that says `count` to each read. */
const saying = (count: number): Source => ({
  *read() {
    return count;
  },
});

/** A sink that takes at most so many bytes a write, and notes them. */
class Sips implements Sink {
  readonly log: string[] = [];
  private readonly sizes: number[];

  constructor(...sizes: number[]) {
    this.sizes = sizes;
  }

  *write(chunk: Uint8Array): Op<void> {
    for (let left = chunk; left.length > 0;) left = left.subarray(yield* this.writeSome([left]));
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    const all = buffers.map(text).join("");
    const part = all.slice(0, this.sizes.shift() ?? all.length);
    this.log.push(part);
    return part.length;
  }

  *close(): Op<void> {
    this.log.push("closed");
  }
}

/** What is read in one go. */
function* once(source: Source, size = 10): Op<string> {
  const buffer = new Uint8Array(size);
  return text(buffer.subarray(0, yield* Flow.singleRead(source, buffer)));
}

describe("reading", () => {
  it("FL-01 FL-02 one read gives some bytes, never none, and then the end, for ever", () => {
    run(function* () {
      const source = Flow.bytesSource([bytes("foo"), bytes(""), bytes("bar")]);
      expect(yield* once(source, 2)).toBe("fo");
      expect(yield* once(source)).toBe("o");
      expect(yield* once(source)).toBe("bar");
      for (let i = 0; i < 2; i++) {
        let end: unknown;
        try {
          yield* once(source);
        } catch (error) {
          end = error;
        }
        expect(end).toBeInstanceOf(EndOfFile);
      }
    });
  });

  it("FL-03 a source that gives nothing, or too much, is caught, and so is an empty buffer", () => {
    for (const count of [0, 11, -1, 1.5, NaN]) {
      const error = thrownBy(() => run(() => once(saying(count), 10)));
      expect(error).toBeInstanceOf(InvalidArgument);
      expect((error as Error).message).toContain(`read ${count} bytes, of 10`);
    }
    expect(thrownBy(() => run(() => once(saying(1), 0)))).toBeInstanceOf(InvalidArgument);
  });

  it("FL-04 FL-05 readExact goes on after short reads; nothing is read for nothing", () => {
    const read = (length: number) =>
      run(function* () {
        const buffer = new Uint8Array(length);
        yield* Flow.readExact(Flow.bytesSource([bytes("foo"), bytes("bar")]), buffer);
        return text(buffer);
      });
    expect([0, 3, 5, 6].map(read)).toEqual(["", "foo", "fooba", "foobar"]);
    expect(thrownBy(() => read(7))).toBeInstanceOf(EndOfFile);
    run(() => Flow.readExact({ read: () => expect.unreachable() }, new Uint8Array(0)));
  });

  it("FL-06 readAll joins everything unchanged", () => {
    const chunk = Uint8Array.from({ length: 256 }, (_, i) => i);
    const all = run(() => Flow.readAllBytes(Flow.bytesSource(Array.from({ length: 40 }, () => chunk))));
    expect(all).toEqual(Uint8Array.from({ length: 10240 }, (_, i) => i % 256));
    const letters = bytes("é€😀");
    const split = Array.from(letters, (byte) => Uint8Array.of(byte));
    expect(run(() => Flow.readAll(Flow.bytesSource(split)))).toBe("é€😀");
    expect(thrownBy(() => run(() => Flow.readAll(Flow.bytesSource([Uint8Array.of(0xff)]))))).toBeInstanceOf(TypeError);
  });

  it("RS-07 a source of one's own works with whatever takes a source", () => {
    const zeros: Source = {
      *read(buffer) {
        yield* Fiber.yield();
        buffer.fill(48);
        return buffer.length;
      },
    };
    run(function* () {
      const buffer = new Uint8Array(5);
      yield* Flow.readExact(zeros, buffer);
      expect(text(buffer)).toBe("00000");
    });
  });
});

describe("writing", () => {
  it("FL-07 singleWrite says how much; write goes on, also from the middle of a buffer; nothing is nothing", () => {
    run(function* () {
      const sink = new Sips(4, 1);
      expect(yield* Flow.singleWrite(sink, [bytes("abc"), bytes(""), bytes("def")])).toBe(4);
      yield* Flow.write(sink, [bytes("gh"), bytes("ij")]);
      yield* Flow.write(sink, []);
      yield* Flow.write(sink, [bytes("")]);
      expect(yield* Flow.singleWrite(sink, [bytes("")])).toBe(0);
      expect(sink.log).toEqual(["abcd", "g", "hij"]);
    });
  });

  it("FL-03 a sink that says it wrote nothing, or too much, is caught", () => {
    for (const count of [0, 4]) {
      const sink: Sink = {
        *write() {},
        *writeSome() {
          return count;
        },
        *close() {},
      };
      expect(thrownBy(() => run(() => Flow.write(sink, [bytes("abc")])))).toBeInstanceOf(InvalidArgument);
    }
  });

  it("FL-22 RB-18 ten thousand buffers in one write all arrive", () => {
    const sink = Flow.bufferSink();
    run(() =>
      Flow.write(
        sink,
        Array.from({ length: 10_000 }, () => bytes("abc")),
      ),
    );
    expect(sink.text).toBe("abc".repeat(10_000));
  });

  it("a sink that takes one buffer at a time is given one after the other", () => {
    const log: string[] = [];
    const sink: Sink = {
      *write(chunk) {
        log.push(text(chunk));
      },
      *close() {},
    };
    run(function* () {
      yield* Flow.write(sink, [bytes("a"), bytes(""), bytes("b")]);
      expect(yield* Flow.singleWrite(sink, [bytes("c"), bytes("d")])).toBe(1);
    });
    expect(log).toEqual(["a", "b", "c"]);
  });
});

describe("copying", () => {
  it("FL-08 until the end, and neither side is closed", () => {
    const sink = new Sips();
    run(() => Flow.copy(Flow.stringSource("foobar"), sink));
    expect(sink.log).toEqual(["foobar"]);
  });

  it("FL-09 FL-10 FL-13 RB-48 a sink that takes 3 and then 5 bytes gets them in order, from either kind of source", () => {
    const plain = (all: string): Source => {
      const inner = Flow.stringSource(all);
      return { read: (buffer) => inner.read(buffer) };
    };
    for (const source of [Flow.stringSource("foobar"), plain("foobar")]) {
      const sink = new Sips(3, 5);
      run(() => Flow.copy(source, sink));
      expect(sink.log).toEqual(["foo", "bar"]);
    }
  });

  it("FL-09 a copy takes 4096 bytes at a time, and more from a source that has more: up to 131072", () => {
    const askedOf = (give: (room: number) => number, reads: number) => {
      const asked: number[] = [];
      const source: Source = {
        *read(buffer) {
          if (asked.push(buffer.length) > reads) throw new EndOfFile();
          return give(buffer.length);
        },
      };
      run(() => Flow.copy(source, Flow.null));
      return asked;
    };
    expect(askedOf((room) => room, 7)).toEqual([4096, 8192, 16_384, 32_768, 65_536, 131_072, 131_072, 131_072]);
    expect(askedOf(() => 4095, 3)).toEqual([4096, 4096, 4096, 4096]);
  });

  it("FL-11 FL-12 what a source lends is its own, and not empty; then comes the end", () => {
    run(function* () {
      const mine = bytes("foo");
      const source = Flow.bytesSource([bytes(""), mine]);
      yield* source.lend!(function* (buffers) {
        expect(buffers).toEqual([mine]);
        expect(buffers[0]!.buffer).toBe(mine.buffer);
        return 3;
      });
      expect(
        yield* Fiber.first(
          function* () {
            try {
              yield* source.lend!(() => expect.unreachable());
              return "?";
            } catch (error) {
              return error instanceof EndOfFile;
            }
          },
          () => Fiber.awaitCancel(),
        ),
      ).toBe(true);
    });
  });

  it("FL-14 errors of either side come through", () => {
    const broken = new Error("broken");
    const source: Source = {
      *read() {
        throw broken;
      },
    };
    const sink: Sink = {
      *write() {
        throw broken;
      },
      *close() {},
    };
    expect(thrownBy(() => run(() => Flow.copy(source, Flow.null)))).toBe(broken);
    expect(thrownBy(() => run(() => Flow.copy(Flow.stringSource("a"), sink)))).toBe(broken);
  });

  it("FL-15 null ends at once, and takes everything", () => {
    run(function* () {
      expect(yield* Flow.readAll(Flow.null)).toBe("");
      expect(yield* Flow.singleWrite(Flow.null, [bytes("abc"), bytes("de")])).toBe(5);
      yield* Flow.null.write(bytes("abc"));
      yield* Flow.null.close();
    });
  });

  it("FL-16 sources give their bytes once; a bufferSink keeps all it is given", () => {
    run(function* () {
      const sink = Flow.bufferSink();
      const source = Flow.stringSource("once ");
      yield* Flow.copy(source, sink);
      yield* Flow.copy(source, sink);
      yield* Flow.copyString("and more", sink);
      yield* sink.close();
      expect(sink.text).toBe("once and more");
      const long = "x".repeat(100_000);
      yield* Flow.copyString(long, sink);
      expect(sink.bytes.length).toBe(100_013);
    });
  });
});

describe("ends", () => {
  it("RS-01 what a flow cannot do is an error that says so", () => {
    const error = thrownBy(() => run(() => Flow.shutdown(Flow.null, "send")));
    expect(error).toBeInstanceOf(IoError);
    expect((error as IoError).err).toEqual({ area: "Io", kind: "Not_available" });
  });

  it("RS-09 a two-way flow is a source and a sink; close is the end of what is written", () => {
    const lines = tracedBy(function* () {
      const flow = new MockFlow("both");
      flow.onRead.seq([{ return: "hi" }]);
      yield* Flow.copy(flow, flow);
      yield* Flow.close(flow);
      yield* Flow.close(flow);
    });
    expect(lines).toEqual(['both: read "hi"', 'both: wrote "hi"', "both: closed"]);
  });
});

describe("wrong arguments", () => {
  it.each([
    ["a source", () => Flow.readAll({} as Source), /"source" must be a source/],
    ["a sink", () => Flow.copy(Flow.null, {} as Sink), /"sink" must be a sink/],
    ["a buffer", () => Flow.readExact(Flow.null, [] as never), /"buffer" must be a Uint8Array/],
    ["a direction", () => Flow.shutdown(Flow.null, "both" as never), /"which" must be "receive", "send" or "all"/],
    ["text", () => Flow.copyString(1 as never, Flow.null), /"text" must be a string/],
  ])("%s", (_, op, message) => {
    expect((thrownBy(() => run(op as () => Op<unknown>)) as Error).message).toMatch(message);
  });

  it("chunks and text are looked at when they are given", () => {
    expect(() => Flow.stringSource(1 as never)).toThrow(/"text" must be a string/);
    expect(() => Flow.bytesSource("abc" as never)).toThrow(/"chunks" must be an array of Uint8Arrays/);
    expect(() => Flow.bytesSource(["abc"] as never)).toThrow(/"chunks\[0\]" must be a Uint8Array/);
  });
});
