import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BufferLimitExceeded,
  BufRead,
  Cancelled,
  EndOfFile,
  Failure,
  Fiber,
  Flow,
  InvalidArgument,
  IoError,
  Parser,
  type Op,
  type Source,
} from "trestle";
import { MockFlow, run } from "trestle/mock";
import { thrownBy } from "./transcript.js";
import { tracedBy } from "./traced.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk);

/** Gives the chunks, and notes how much was asked for and given. */
class Chunks implements Source {
  readonly asked: number[] = [];
  readonly given: number[] = [];
  private readonly chunks: Uint8Array[];

  constructor(...chunks: string[]) {
    this.chunks = chunks.map(bytes);
  }

  *read(buffer: Uint8Array): Op<number> {
    this.asked.push(buffer.length);
    const chunk = this.chunks.shift();
    if (!chunk) throw new EndOfFile();
    const part = chunk.subarray(0, buffer.length);
    buffer.set(part);
    if (part.length < chunk.length) this.chunks.unshift(chunk.subarray(part.length));
    this.given.push(part.length);
    return part.length;
  }
}

const reader = (source: Source, maxSize = 100, initialSize?: number) =>
  new BufRead(source, initialSize === undefined ? { maxSize } : { maxSize, initialSize });

/** The value, or the error as a text. */
function* outcome(op: Op<unknown>): Op<unknown> {
  try {
    return yield* op;
  } catch (error) {
    return error instanceof Failure ? `Failure ${error.message}` : (error as Error).name;
  }
}

/** What is wrong with each of the ops, run one after the other. */
const outcomes = (make: () => readonly Op<unknown>[]) =>
  run(function* () {
    const all: unknown[] = [];
    for (const op of make()) all.push(yield* outcome(op));
    return all;
  });

describe("the buffer", () => {
  it("BR-01 making a reader reads nothing; sizes must be positive", () => {
    const source = new Chunks("foo");
    expect(reader(source).bufferedBytes).toBe(0);
    expect(source.asked).toEqual([]);
    expect(() => reader(source, 0)).toThrow(new InvalidArgument("Max size 0 should be positive!"));
    expect(() => reader(source, 10, 0)).toThrow(InvalidArgument);
    expect(() => reader(source, NaN)).toThrow(TypeError);
    run(() => reader(source, 10_000).ensure(1));
    run(() => reader(source, 10).ensure(0));
    expect(thrownBy(() => run(() => reader(source, 10).ensure(1)))).toBeInstanceOf(EndOfFile);
    expect(source.asked).toEqual([4096, 10]);
  });

  it("BR-03 BR-05 reads of 4096 bytes and more, that fill the buffer, make it grow: up to 65536, and to its limit", () => {
    const askedOf = (maxSize: number, initialSize: number | undefined, ...chunks: number[]) => {
      const source = new Chunks(...chunks.map((n) => "x".repeat(n)));
      const r = reader(source, maxSize, initialSize);
      run(function* () {
        while (!(yield* r.atEndOfInput())) r.consume(r.bufferedBytes);
      });
      return source.asked;
    };
    expect(askedOf(1e6, undefined, 1e6).slice(0, 7)).toEqual([4096, 8192, 16_384, 32_768, 65_536, 65_536, 65_536]);
    expect(askedOf(10_000, undefined, 30_000)).toEqual([4096, 8192, 10_000, 10_000, 10_000]);
    expect(askedOf(1e6, undefined, 4096, 8191, 1, 8192)).toEqual([4096, 8192, 8192, 8192, 16_384]);
    expect(askedOf(1e6, 4000, 12_000)).toEqual([4000, 4000, 4000, 4000]);
    // What is held goes with it.
    const source = new Chunks(`a\n${"b".repeat(4094)}${"c".repeat(100)}\n`);
    const r = reader(source, 1e6);
    expect(outcomes(() => [r.line(), r.line()])).toEqual(["a", "b".repeat(4094) + "c".repeat(100)]);
  });

  it("BR-02 BR-03 BR-04 the buffer doubles up to its limit, and each read offers all the room there is", () => {
    const source = new Chunks("hello world!");
    const r = reader(source, 10, 4);
    run(function* () {
      for (const n of [1, 5, 4, 9]) yield* r.ensure(n);
    });
    expect(source.given).toEqual([4, 4, 2]);
    expect(source.asked).toEqual([4, 4, 2]);
    expect(text(r.peek())).toBe("hello worl");
  });

  it("BR-05 it grows at once to what is asked for", () => {
    const source = new Chunks("hello world!");
    run(() => reader(source, 10, 4).ensure(10));
    expect(source.given).toEqual([10]);
  });

  it("BR-06 what is left moves to the front rather than making the buffer grow; an empty one begins anew", () => {
    const source = new Chunks("abcdefgh");
    const r = reader(source, 10, 4);
    run(function* () {
      yield* r.ensure(4);
      r.consume(3);
      yield* r.ensure(3);
      expect(text(r.peek())).toBe("defg");
      r.consume(4);
      yield* r.ensure(1);
    });
    expect(source.asked).toEqual([4, 3, 4]);
  });

  it("BR-07 more than the limit is refused without reading, also after the end", () => {
    const source = new Chunks("ab");
    const r = reader(source, 5);
    expect(outcomes(() => [r.ensure(6), r.takeAll(), r.ensure(6)])).toEqual([
      "BufferLimitExceeded",
      "ab",
      "BufferLimitExceeded",
    ]);
    expect(source.given).toEqual([2]);
  });

  it("BR-08 BR-09 BR-10 what there is before the end stays; the source is not asked again", () => {
    const source = new Chunks("ab");
    const r = reader(source, 5);
    expect(r.eofSeen).toBe(false);
    expect(outcomes(() => [r.ensure(2)])).toEqual([undefined]);
    expect(r.eofSeen).toBe(false);
    expect(outcomes(() => [r.ensure(3), r.take(2), r.ensure(1), r.atEndOfInput()])).toEqual([
      "EndOfFile",
      "ab",
      "EndOfFile",
      true,
    ]);
    expect(r.eofSeen).toBe(true);
    expect(source.asked).toEqual([5, 3]);
    expect(BufRead.ofString("x").eofSeen).toBe(true);
    expect(BufRead.ofBytes(bytes("x")).eofSeen).toBe(true);
  });

  it("BR-11 BR-12 BR-13 consume takes what is buffered, and counts", () => {
    const r = reader(new Chunks("hello"), 5);
    run(() => r.ensure(5));
    expect(r.peek().length).toBe(r.bufferedBytes);
    r.consume(2);
    expect([r.consumedBytes, r.bufferedBytes, text(r.peek())]).toEqual([2, 3, "llo"]);
    for (const [n, shown] of [
      [4, "4"],
      [-1, "-1"],
      [1.5, "1.5"],
    ] as const) {
      expect(() => r.consume(n)).toThrow(new InvalidArgument(`Can't consume ${shown} bytes of a 3 byte buffer!`));
    }
  });

  it("BR-14 short reads are put together", () => {
    const source = new Chunks("one", "two", "three");
    const r = reader(source, 10);
    run(function* () {
      yield* r.ensure(10);
      expect(source.given).toEqual([3, 3, 4]);
      r.consume(4);
      yield* r.ensure(7);
      expect(source.given).toEqual([3, 3, 4, 1]);
      expect(text(r.peek())).toBe("wothree");
    });
  });

  it("BR-15 bytes that are given are neither copied nor changed", () => {
    const given = bytes("one\ntwo\n");
    const r = BufRead.ofBytes(given);
    expect(r.peek().buffer).toBe(given.buffer);
    expect(outcomes(() => [r.line(), r.line(), r.line()])).toEqual(["one", "two", "EndOfFile"]);
    expect(text(given)).toBe("one\ntwo\n");
  });

  it("FL-03 a source that gives nothing, or too much, is caught", () => {
    for (const count of [0, 11]) {
      const source: Source = {
        *read() {
          return count;
        },
      };
      expect(thrownBy(() => run(() => reader(source, 10).ensure(1)))).toBeInstanceOf(InvalidArgument);
    }
  });

  it("BR-49 a read that is cancelled loses nothing", () => {
    const flow = new MockFlow("flow");
    flow.onRead.seq([{ return: "one" }, { run: () => Fiber.awaitCancel() }, { return: "\ntwo\n" }]);
    const lines = tracedBy(function* ({ clock }) {
      const r = reader(flow);
      const cut = yield* Fiber.first(
        () => r.line(),
        function* () {
          yield* clock.sleep(1);
          return "too slow";
        },
      );
      expect(cut).toBe("too slow");
      expect(text(r.peek())).toBe("one");
      expect(yield* r.line()).toBe("one");
      expect(yield* r.line()).toBe("two");
    });
    expect(lines).toEqual(['flow: read "one"', 'flow: read "\\n"', '           "two\\n"']);
  });
});

describe("lines", () => {
  it("BR-16 end with LF or CR LF, one CR at most is part of the end", () => {
    const r = reader(new Chunks("a\nb\r\nc\r\r\n\r\nd\re\n"));
    expect(outcomes(() => Array.from({ length: 6 }, () => r.line()))).toEqual([
      "a",
      "b",
      "c\r",
      "",
      "d\re",
      "EndOfFile",
    ]);
  });

  it("BR-17 also when the two come apart", () => {
    const r = reader(new Chunks("one\r", "\ntwo", "\r\n"));
    expect(outcomes(() => [r.line(), r.line(), r.line()])).toEqual(["one", "two", "EndOfFile"]);
  });

  it("BR-18 what comes after the last end is a line, with its CR", () => {
    const r = reader(new Chunks("one\ntwo\r"));
    expect(outcomes(() => [r.line(), r.line(), r.line()])).toEqual(["one", "two\r", "EndOfFile"]);
  });

  it("BR-19 lines that came together need no more reads", () => {
    const source = new Chunks("a\n\nb\n");
    const r = reader(source);
    expect(outcomes(() => [r.line(), r.line(), r.line()])).toEqual(["a", "", "b"]);
    expect(source.asked.length).toBe(1);
  });

  it("BR-19 BR-16 a long text has the same lines whatever it is of, and whatever else is read in between", () => {
    const words = ["plain ", "čeština ", "", "日本語 ", "a quite long line of one kind of letters ", "x"];
    const lines = Array.from({ length: 500 }, (_, i) => `${words[i % 6]!.repeat((i * 7) % 50)}${i}`);
    const all = lines.map((line, i) => line + (i % 5 === 0 ? "\r\n" : "\n")).join("");
    for (const size of [7, 1000, 100_000]) {
      const chunks = all.match(new RegExp(`[^]{1,${size}}`, "gu"))!;
      const r = reader(new Chunks(...chunks), 100_000);
      const got: unknown[] = [];
      run(function* () {
        for (let i = 0; i < 500; i++) {
          if (i % 11 === 0) got.push(text(yield* r.lineBytes()));
          else if (i % 3 === 0 && /^[ -~]/.test(lines[i]!)) got.push((yield* r.take(1)) + (yield* r.line()));
          else got.push(yield* r.line());
        }
        yield* r.endOfInput();
      });
      expect(got).toEqual(lines);
      expect(r.consumedBytes).toBe(bytes(all).length);
    }
  });

  it("BR-20 a line with its end must fit", () => {
    const line = (all: string) => outcomes(() => [reader(new Chunks(all), 5).line()])[0];
    expect(line("abcd\n")).toBe("abcd");
    expect(line("abcde\n")).toBe("BufferLimitExceeded");
    expect(line("abcde")).toBe("BufferLimitExceeded");
    expect(line("abcd")).toBe("abcd");
  });

  it("characters of several bytes come through however they are split; what is not UTF-8 is refused, and stays", () => {
    const letters = bytes("naïve 😀, long enough for the decoder\n");
    const split: Source = Flow.bytesSource(Array.from(letters, (byte) => Uint8Array.of(byte)));
    expect(run(() => reader(split).line())).toBe("naïve 😀, long enough for the decoder");
    const broken = BufRead.ofBytes(Uint8Array.of(0x41, 0xff, 10));
    expect(outcomes(() => [broken.line(), broken.lineBytes()])).toEqual([
      "Failure Invalid UTF-8",
      Uint8Array.of(0x41, 0xff),
    ]);
  });
});

describe("single bytes", () => {
  it("BR-21 char consumes what it expects, and nothing else", () => {
    const r = BufRead.ofString("a'\n");
    expect(outcomes(() => [r.char("A"), r.char("a"), r.char("'"), r.char('"'), r.char("\n"), r.char("x")])).toEqual([
      "Failure Expected 'A' but got 'a'",
      undefined,
      undefined,
      "Failure Expected '\"' but got '\\n'",
      undefined,
      "EndOfFile",
    ]);
    expect((thrownBy(() => run(() => r.char("ab"))) as Error).message).toContain("a character of one byte");
  });

  it("BR-24 anyChar, peekChar and uint8", () => {
    const r = BufRead.ofString("ab");
    expect(outcomes(() => [r.peekChar(), r.anyChar(), r.uint8(), r.peekChar(), r.anyChar(), r.uint8()])).toEqual([
      "a",
      "a",
      98,
      undefined,
      "EndOfFile",
      "EndOfFile",
    ]);
  });
});

describe("text", () => {
  it("BR-22 string fails at the first byte that differs, and shows what is there", () => {
    const r = reader(new Chunks("b", "BC!"));
    expect(outcomes(() => [r.string("BC")])).toEqual(['Failure Expected "BC" but got "b"']);
    expect(r.consumedBytes).toBe(0);
    const s = BufRead.ofString("FROM");
    expect(outcomes(() => [s.string("FRO:"), s.string("FRO"), s.string("M")])).toEqual([
      'Failure Expected "FRO:" but got "FROM"',
      undefined,
      undefined,
    ]);
  });

  it("BR-23 when the end comes first, nothing is consumed", () => {
    const r = reader(new Chunks("AB"));
    expect(outcomes(() => [r.string("ABC"), r.string("AB")])).toEqual(["EndOfFile", undefined]);
  });

  it("BR-25 BR-26 take gives all or nothing; less than none is refused", () => {
    const r = BufRead.ofString("abcdé");
    expect(outcomes(() => [r.take(7), r.BE.uint64(), r.take(4), r.take(1), r.takeBytes(2), r.take(0)])).toEqual([
      "EndOfFile",
      "EndOfFile",
      "abcd",
      "Failure Invalid UTF-8",
      bytes("é"),
      "",
    ]);
    expect(() => run(() => r.take(-1))).toThrow(new InvalidArgument("take: -1 is negative!"));
    expect(() => run(() => r.skip(-1))).toThrow(new InvalidArgument("skip: -1 is negative!"));
    expect(() => run(() => r.take(0.5))).toThrow(TypeError);
  });

  it("BR-27 BR-28 takeAll gives the rest, if there is room to see its end", () => {
    const r = reader(new Chunks("ab", "cd"), 5);
    expect(outcomes(() => [r.takeAll(), r.takeAll()])).toEqual(["abcd", ""]);
    const s = reader(new Chunks("abcde"), 5);
    expect(outcomes(() => [s.takeAll(), s.take(5), s.takeAllBytes()])).toEqual([
      "BufferLimitExceeded",
      "abcde",
      new Uint8Array(0),
    ]);
  });

  it("BR-29 BR-30 takeWhile takes what matches; the 1 forms need some", () => {
    const isA = (byte: number) => byte === 97;
    const r = reader(new Chunks("a", "aab", "aa"));
    expect(
      outcomes(() => [
        r.takeWhile(isA),
        r.takeWhile(isA),
        r.takeWhile1(isA),
        r.skipWhile1(isA),
        r.skip(1),
        r.skipWhile1(isA),
        r.takeWhileBytes(isA),
        r.takeWhile1(isA),
      ]),
    ).toEqual([
      "aaa",
      "",
      "Failure take_while1",
      "Failure skip_while1",
      undefined,
      2,
      new Uint8Array(0),
      "Failure take_while1",
    ]);
  });

  it("BR-31 takeWhile is limited by the buffer, skipWhile is not", () => {
    const any = () => true;
    const r = reader(new Chunks("aaaaaaaa"), 5);
    expect(outcomes(() => [r.takeWhile(any), r.skipWhile(any)])).toEqual(["BufferLimitExceeded", 8]);
    expect(r.consumedBytes).toBe(8);
  });

  it("BR-32 BR-33 skip needs no room", () => {
    const source = new Chunks("abcdefg");
    const r = reader(source, 3);
    expect(outcomes(() => [r.skip(5), r.take(2), r.skip(1)])).toEqual([undefined, "fg", "EndOfFile"]);
    expect(source.given).toEqual([3, 3, 1]);
    expect(new Set(source.asked.slice(0, 3))).toEqual(new Set([3, 2]));
    const s = reader(new Chunks("abc"), 3);
    expect(outcomes(() => [s.skip(5), s.takeAll()])).toEqual(["EndOfFile", ""]);
  });
});

describe("numbers", () => {
  const sample = Uint8Array.of(0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01);

  it("BR-34 RB-31 in both orders", () => {
    const read = (order: "BE" | "LE", what: "uint16" | "uint32" | "uint48" | "uint64") =>
      run<number | bigint>(() => BufRead.ofBytes(order === "BE" ? sample : sample.toReversed())[order][what]());
    expect(read("BE", "uint16")).toBe(0x8040);
    expect(read("BE", "uint32")).toBe(0x80402010);
    expect(read("BE", "uint48")).toBe(0x804020100804);
    expect(read("BE", "uint64")).toBe(0x8040201008040201n);
    expect(read("LE", "uint64")).toBe(0x8040201008040201n);
    const little = (what: "uint16" | "uint32" | "uint48") => run<number>(() => BufRead.ofBytes(sample).LE[what]());
    expect(little("uint16")).toBe(0x4080);
    expect(little("uint32")).toBe(0x10204080);
    expect(little("uint48")).toBe(0x040810204080);
    const view = new DataView(new ArrayBuffer(12));
    view.setFloat32(0, 1.5);
    view.setFloat64(4, -2.25);
    const r = BufRead.ofBytes(new Uint8Array(view.buffer));
    expect(outcomes(() => [r.BE.float(), r.BE.double()])).toEqual([1.5, -2.25]);
    view.setFloat32(0, 1.5, true);
    view.setFloat64(4, -2.25, true);
    const s = BufRead.ofBytes(new Uint8Array(view.buffer));
    expect(outcomes(() => [s.LE.float(), s.LE.double()])).toEqual([1.5, -2.25]);
  });

  it("BR-25 BR-34 from the middle of a buffer, and all or nothing", () => {
    const inside = new Uint8Array([9, 9, ...sample]).subarray(2);
    const r = BufRead.ofBytes(inside);
    expect(outcomes(() => [r.uint8(), r.BE.uint48(), r.LE.uint16(), r.uint8()])).toEqual([
      0x80,
      0x402010080402,
      "EndOfFile",
      1,
    ]);
    const source = new Chunks("\u0001", "\u0002", "\u0003\u0004");
    const s = reader(source, 4, 2);
    expect(outcomes(() => [s.BE.uint16(), s.LE.uint16()])).toEqual([0x0102, 0x0403]);
  });
});

describe("the end", () => {
  it("BR-35 BR-36 atEndOfInput reads to find out; endOfInput wants it", () => {
    const source = new Chunks("a");
    const r = reader(source);
    expect(outcomes(() => [r.atEndOfInput(), r.endOfInput(), r.take(1), r.atEndOfInput(), r.endOfInput()])).toEqual([
      false,
      "Failure Unexpected data after parsing",
      "a",
      true,
      undefined,
    ]);
  });

  it("BR-47 the rest as a flow: first what is buffered, then the source, and it lends", () => {
    run(function* () {
      const source = new Chunks("one\ntwo", "three", "four");
      const r = reader(source, 10);
      yield* r.line();
      const rest = r.asFlow();
      const buffer = new Uint8Array(5);
      expect(yield* Flow.singleRead(rest, buffer)).toBe(3);
      expect(source.asked.length).toBe(1);
      yield* rest.lend!(function* ([all]) {
        expect(text(all!)).toBe("three");
        return 2;
      });
      expect(yield* Flow.readAll(rest)).toBe("reefour");
    });
  });
});

describe("parsers", () => {
  const command = Parser.keepRight(
    (r) => r.string("FROM:"),
    (r) => r.takeAll(),
  );

  it("BR-37 run left to right on one reader", () => {
    const parser = Parser.bind(
      Parser.pair(
        Parser.keepLeft(
          (r) => r.take(1),
          (r) => r.char("-"),
        ),
        Parser.map(
          (r: BufRead) => r.take(1),
          (digit) => Number(digit),
        ),
      ),
      ([letter, digit]) =>
        Parser.map(
          (r) => r.take(digit),
          (tail) => `${letter}:${tail}`,
        ),
    );
    expect(run(() => Parser.parseStringOrThrow(parser, "a-3xyz"))).toBe("a:xyz");
    expect(run(() => Parser.parseStringOrThrow(Parser.succeed(42), ""))).toBe(42);
  });

  it("BR-38 there is no way back", () => {
    const r = BufRead.ofString("ab");
    const ax = Parser.pair(
      (reader) => reader.char("a"),
      (reader) => reader.char("x"),
    );
    expect(outcomes(() => [ax(r), r.takeAll()])).toEqual(["Failure Expected 'x' but got 'b'", "b"]);
  });

  it("BR-39 BR-40 formatErrors says where, and lets other errors through", () => {
    const parse = (parser: Parser.Parser<unknown>, all: string, maxSize: number) =>
      run(() => Parser.formatErrors(parser)(reader(new Chunks(all), maxSize)));
    expect(parse((r) => r.string("ab"), "ax", 9)).toEqual({
      ok: false,
      error: 'Expected "ab" but got "ax" (at offset 0)',
    });
    expect(parse((r) => r.take(3), "ab", 9)).toEqual({ ok: false, error: "Unexpected end-of-file at offset 2" });
    expect(parse((r) => r.take(3), "ab", 2)).toEqual({
      ok: false,
      error: "Buffer size limit exceeded when reading at offset 0",
    });
    expect(parse((r) => r.take(2), "ab", 2)).toEqual({ ok: true, value: "ab" });
    const lost = new IoError({ area: "Net", kind: "Connection_reset" });
    for (const error of [lost, new Cancelled("no more")]) {
      const thrown = thrownBy(() =>
        run(() =>
          Parser.formatErrors(function* () {
            throw error;
          })(BufRead.ofString("")),
        ),
      );
      expect(thrown).toBe(error);
    }
  });

  it("BR-41 BR-42 parse wants the whole input", () => {
    const parse = (all: string) => run(() => Parser.parse(command, Flow.stringSource(all), { maxSize: 5 }));
    expect(parse("FROM:A")).toEqual({ ok: true, value: "A" });
    expect(parse("TO:B")).toEqual({ ok: false, error: 'Expected "FROM:" but got "TO:B" (at offset 0)' });
    expect(parse("FROM:ABCDE")).toEqual({ ok: false, error: "Buffer size limit exceeded when reading at offset 5" });
    const orThrow = (all: string) => () =>
      run(() => Parser.parseOrThrow((r) => r.take(1), Flow.stringSource(all), { maxSize: 5 }));
    expect(orThrow("ab")).toThrow(new Failure("Unexpected data after parsing (at offset 1)"));
    expect(orThrow("")).toThrow(new Failure("Unexpected end-of-file at offset 0"));
    expect(orThrow("a")()).toBe("a");
  });

  it("BR-43 parseString", () => {
    const parse = (all: string) => run(() => Parser.parseString((r) => r.line(), all));
    expect(parse("foo\n")).toEqual({ ok: true, value: "foo" });
    expect(parse("foo\nbar\n")).toEqual({ ok: false, error: "Unexpected data after parsing (at offset 4)" });
    expect(() => run(() => Parser.parseStringOrThrow((r) => r.line(), ""))).toThrow(Failure);
  });
});

describe("many", () => {
  it("BR-44 items are parsed, and the flow is read, when they are asked for", () => {
    const source = new Chunks("a\n", "b\n", "c");
    const lines = reader(source).lines();
    expect(source.asked.length).toBe(0);
    run(function* () {
      expect([yield* lines.next(), lines.value, source.given.length]).toEqual([true, "a", 1]);
      expect([yield* lines.next(), lines.value, source.given.length]).toEqual([true, "b", 2]);
      expect([yield* lines.next(), lines.value]).toEqual([true, "c"]);
      expect([yield* lines.next(), yield* lines.next()]).toEqual([false, false]);
      const few = BufRead.ofString("aab").iterate((r) => r.take(1), {
        stop: Parser.map(
          (r) => r.peekChar(),
          (char) => char === "b",
        ),
      });
      let all = "";
      while (yield* few.next()) all += few.value;
      expect(all).toBe("aa");
    });
  });

  it("BR-45 a sequence is where it was: the reader must not have moved", () => {
    run(function* () {
      const r = BufRead.ofString("abcd");
      const items = yield* Parser.seq((inner) => inner.take(1))(r);
      yield* items.next();
      yield* r.skip(2);
      let stale: unknown;
      try {
        yield* items.next();
      } catch (error) {
        stale = error;
      }
      expect(stale).toEqual(
        new InvalidArgument("Sequence is stale (expected to be used at offset 1, but stream is now at 3)"),
      );
    });
  });

  it("BR-46 half an item at the end is an error", () => {
    run(function* () {
      const pairs = BufRead.ofString("abc").iterate((r) => r.take(2));
      expect(yield* pairs.next()).toBe(true);
      expect(yield* outcome(pairs.next())).toBe("EndOfFile");
    });
  });
});

describe("against a model", () => {
  // The same parsers on one string in memory, as plain functions.
  type Act =
    | { readonly do: "line" | "anyChar" | "takeAll" | "atEnd" | "peekChar" }
    | { readonly do: "take" | "skip" | "ensure"; readonly n: number }
    | { readonly do: "takeWhile" | "skipWhile"; readonly of: string }
    | { readonly do: "string"; readonly of: string };

  const MAX = 100;

  class Model {
    at = 0;
    constructor(readonly all: string) {}

    perform(act: Act): unknown {
      const left = this.all.slice(this.at);
      const eat = (n: number, value: unknown): unknown => {
        this.at += n;
        return value;
      };
      switch (act.do) {
        case "line": {
          const end = left.indexOf("\n");
          if (end < 0 && left.length >= MAX) return "BufferLimitExceeded";
          if (end >= MAX) return "BufferLimitExceeded";
          if (end >= 0) return eat(end + 1, left.slice(0, end).replace(/\r$/, ""));
          return left === "" ? "EndOfFile" : eat(left.length, left);
        }
        case "anyChar":
          return left === "" ? "EndOfFile" : eat(1, left[0]);
        case "peekChar":
          return left[0];
        case "atEnd":
          return left === "";
        case "takeAll":
          return left.length >= MAX ? "BufferLimitExceeded" : eat(left.length, left);
        case "take":
          if (act.n > MAX) return "BufferLimitExceeded";
          return left.length < act.n ? "EndOfFile" : eat(act.n, left.slice(0, act.n));
        case "ensure":
          if (act.n > MAX) return "BufferLimitExceeded";
          return left.length < act.n ? "EndOfFile" : undefined;
        case "skip":
          return left.length < act.n ? eat(left.length, "EndOfFile") : eat(act.n, undefined);
        case "takeWhile":
        case "skipWhile": {
          let n = 0;
          while (n < left.length && act.of.includes(left[n]!)) n++;
          if (act.do === "skipWhile") return eat(n, n);
          return n >= MAX ? "BufferLimitExceeded" : eat(n, left.slice(0, n));
        }
        case "string": {
          const { of } = act;
          if (left.startsWith(of)) return eat(of.length, undefined);
          return of.startsWith(left) ? "EndOfFile" : "Failure";
        }
      }
    }
  }

  function* perform(r: BufRead, act: Act): Op<unknown> {
    const test = (of: string) => (byte: number) => of.includes(String.fromCharCode(byte));
    try {
      switch (act.do) {
        case "line":
          return yield* r.line();
        case "anyChar":
          return yield* r.anyChar();
        case "peekChar":
          return yield* r.peekChar();
        case "atEnd":
          return yield* r.atEndOfInput();
        case "takeAll":
          return yield* r.takeAll();
        case "take":
          return yield* r.take(act.n);
        case "ensure":
          return yield* r.ensure(act.n);
        case "skip":
          return yield* r.skip(act.n);
        case "takeWhile":
          return yield* r.takeWhile(test(act.of));
        case "skipWhile":
          return yield* r.skipWhile(test(act.of));
        case "string":
          return yield* r.string(act.of);
      }
    } catch (error) {
      return (error as Error).name;
    }
  }

  const letters = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r"), maxLength: 60 });
  const size = fc.oneof(fc.nat(12), fc.nat(130));
  const act: fc.Arbitrary<Act> = fc.oneof(
    fc.record({ do: fc.constantFrom("line", "anyChar", "takeAll", "atEnd", "peekChar") }),
    fc.record({ do: fc.constantFrom("take", "skip", "ensure"), n: size }),
    fc.record({ do: fc.constantFrom("takeWhile", "skipWhile"), of: fc.constantFrom("a", "ab", "ab\n\r") }),
    fc.record({ do: fc.constant("string"), of: fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 3 }) }),
  );

  it("BR-48 PT-01 any chunks, any parsers: the results and the offsets of one string in memory", () => {
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), fc.array(act, { maxLength: 20 }), (chunks, acts) => {
        const r = reader(new Chunks(...chunks.filter((chunk) => chunk !== "")), MAX, 10);
        const model = new Model(chunks.join(""));
        run(function* () {
          for (const one of acts) {
            const got = yield* perform(r, one);
            expect([one, got, r.consumedBytes]).toEqual([one, model.perform(one), model.at]);
          }
        });
      }),
      { numRuns: 500 },
    );
  });

  it("BufferLimitExceeded has a code, and says the limit", () => {
    const error = thrownBy(() => run(() => reader(new Chunks("abc"), 2).take(3))) as BufferLimitExceeded;
    expect(error).toBeInstanceOf(BufferLimitExceeded);
    expect([error.code, error.message]).toEqual([
      "BUFFER_LIMIT_EXCEEDED",
      "more than the 2 bytes that the reader may hold",
    ]);
  });
});
