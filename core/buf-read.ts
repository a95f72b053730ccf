// Reading with a buffer in between: lines, numbers and other pieces of a source, none of them larger than a limit.

import { expectFunction, expectOptions, refuse, show } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";
import { Failure } from "./failure.js";
import { Cursor } from "./cursor.js";
import {
  decode,
  EndOfFile,
  expectBytes,
  expectCount,
  expectSize,
  expectSource,
  LARGEST,
  null as nullFlow,
  type Source,
} from "./flow.js";
import type { Parser } from "./parser.js";

/**
 * What was to be parsed is larger than the `maxSize` of its reader. What had been read is still there.
 *
 * @example
 * const reader = new BufRead(Flow.stringSource("a very long line\n"), { maxSize: 8 });
 * yield* reader.line(); // throws BufferLimitExceeded
 */
export class BufferLimitExceeded extends Error {
  override readonly name = "BufferLimitExceeded";
  readonly code = "BUFFER_LIMIT_EXCEEDED";

  constructor(limit: number) {
    super(`more than the ${limit} bytes that the reader may hold`);
  }
}

/** The options of {@link BufRead}. */
export interface BufReadOptions {
  /** The most bytes that the reader ever holds, and so the size of the largest piece: what a peer can make us keep. */
  maxSize: number;
  /**
   * The bytes that the buffer has room for at first. Default 4096, or `maxSize` if that is less. It doubles when that is too little, and,
   * up to 65536, when a read of 4096 or more has filled it.
   */
  initialSize?: number;
}

/** Reads of at least so many bytes, that fill all the room there is, make the buffer grow, as long as it is not larger than that. */
const LARGE_READ = 4096;
const LARGE_BUFFER = 65_536;

/** How many bytes are made text ahead: no more, since a line that is kept keeps all the text that it was cut from. */
const MOST_AHEAD = 1024;

/** A byte as a predicate is asked about it: 0 to 255. */
type Test = (byte: number) => boolean;

const LF = 10;
const CR = 13;

/**
 * Reads a source in pieces: {@link line}, {@link take}, {@link char}, numbers. One piece is in memory at a time, and none is larger than
 * `maxSize`. Pieces of text are decoded as UTF-8, with a `...Bytes` method for each that gives the bytes; lengths count bytes.
 *
 * An operation whose piece is not there waits for the source, and is a cancellation point then; a cancelled one has lost nothing. There
 * is no way back: what an operation has consumed is gone, even if the next one fails. For one fiber at a time.
 *
 * @example
 * const reader = new BufRead(Flow.stringSource("PUT 5\r\nhello"), { maxSize: 65536 });
 * yield* reader.line(); // => "PUT 5"
 * yield* reader.take(5); // => "hello"
 */
export class BufRead {
  /** The bytes that can be held at most. */
  readonly maxSize: number;
  private readonly source: Source;
  private buffer: Uint8Array;
  /** What is held is `buffer` from `start` to `end`. */
  private start = 0;
  private end = 0;
  private consumed = 0;
  private ended = false;
  /** Whether the source seems to have more at hand than there was room for. */
  private isPlentiful = false;
  /** Text that was made ahead, and the offset of its first byte. A character of it is a byte. */
  private ahead = "";
  private aheadFrom = 0;
  private viewed: DataView | undefined = undefined;

  /**
   * Reads nothing yet.
   *
   * @throws InvalidArgument for a size that is not positive
   */
  constructor(source: Source, options: BufReadOptions) {
    expectSource("new BufRead", source);
    if ((options as unknown) === undefined) refuse("new BufRead", "options", "{ maxSize }", options);
    expectOptions("new BufRead", options);
    const { maxSize, initialSize = Math.min(4096, maxSize) } = options;
    expectSize("new BufRead", "options.maxSize", "Max size", maxSize, Infinity);
    expectSize("new BufRead", "options.initialSize", "Initial size", initialSize, LARGEST);
    this.source = source;
    this.maxSize = maxSize;
    this.buffer = new Uint8Array(Math.min(initialSize, maxSize));
  }

  /**
   * A reader of bytes that are all there. They are not copied, and not changed.
   *
   * @example
   * const reader = BufRead.ofBytes(new Uint8Array([1, 0]));
   * yield* reader.BE.uint16(); // => 256
   */
  static ofBytes(bytes: Uint8Array): BufRead {
    expectBytes("BufRead.ofBytes", "bytes", bytes);
    const reader = new BufRead(nullFlow, { maxSize: Infinity, initialSize: 1 });
    reader.buffer = bytes;
    reader.end = bytes.length;
    reader.ended = true;
    return reader;
  }

  /**
   * A reader of the bytes of `text`, in UTF-8.
   *
   * @example
   * const reader = BufRead.ofString("one\ntwo\n");
   * yield* reader.line(); // => "one"
   */
  static ofString(text: string): BufRead {
    if (typeof text !== "string") refuse("BufRead.ofString", "text", "a string", text);
    return BufRead.ofBytes(new TextEncoder().encode(text));
  }

  // --- the buffer ---

  /** The number of bytes that have been read and not consumed. */
  get bufferedBytes(): number {
    return this.end - this.start;
  }

  /** The number of bytes that have been consumed: the offset of the next one. */
  get consumedBytes(): number {
    return this.consumed;
  }

  /** Whether the end of the source has been met. */
  get eofSeen(): boolean {
    return this.ended;
  }

  /** What is buffered: a view, good until the next operation. */
  peek(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  /**
   * Waits until at least `n` bytes are buffered. A cancellation point if it has to wait.
   *
   * @throws EndOfFile when there are less; those are still buffered
   * @throws BufferLimitExceeded when `n` is more than `maxSize`
   */
  *ensure(n: number): Op<void> {
    expectLength("ensure", n);
    while (this.end - this.start < n) yield* this.fill(n);
  }

  /**
   * Takes `n` bytes out of the buffer.
   *
   * @throws InvalidArgument when there are less
   */
  consume(n: number): void {
    const held = this.end - this.start;
    if (!Number.isInteger(n) || n < 0 || n > held) {
      throw new InvalidArgument(`Can't consume ${show(n)} bytes of a ${held} byte buffer!`);
    }
    this.start += n;
    this.consumed += n;
    if (this.start === this.end) this.start = this.end = 0;
  }

  /** Reads once, into all the room there is, when it is `n` bytes that are wanted. */
  private *fill(n: number): Op<void> {
    if (n > this.maxSize) throw new BufferLimitExceeded(this.maxSize);
    if (this.ended) throw new EndOfFile();
    const room = this.roomFor(n);
    try {
      const length = expectCount("BufRead", "read", yield* this.source.read(room), room.length);
      this.end += length;
      this.isPlentiful = length === room.length && length >= LARGE_READ;
    } catch (error) {
      if (error instanceof EndOfFile) this.ended = true;
      throw error;
    }
  }

  /** The free end of the buffer, made long enough for `n` bytes to be held. */
  private roomFor(n: number): Uint8Array {
    const { buffer, start, end, maxSize } = this;
    const isSmall = this.isPlentiful && buffer.length < Math.min(LARGE_BUFFER, maxSize);
    if (n > buffer.length || isSmall) {
      const larger = new Uint8Array(Math.max(n, Math.min(maxSize, 2 * buffer.length)));
      larger.set(buffer.subarray(start, end));
      this.buffer = larger;
    } else if (start + n > buffer.length) buffer.copyWithin(0, start, end);
    else return buffer.subarray(end);
    this.start = 0;
    this.end = end - start;
    return this.buffer.subarray(this.end);
  }

  /** Reads once more: false at the end. The bytes held are one piece so far, so they count against the limit. */
  private *more(): Op<boolean> {
    try {
      yield* this.fill(this.end - this.start + 1);
      return true;
    } catch (error) {
      if (error instanceof EndOfFile) return false;
      throw error;
    }
  }

  /** Consumes `n` bytes that are there, and gives a copy of them. */
  private cut(n: number): Uint8Array {
    const bytes = this.buffer.slice(this.start, this.start + n);
    this.consume(n);
    return bytes;
  }

  /** Consumes `n` bytes that are there, as text; what is not UTF-8 stays. */
  private cutText(n: number): string {
    const text = this.decode(this.start, this.start + n);
    this.consume(n);
    return text;
  }

  private decode(from: number, to: number): string {
    const { buffer } = this;
    if (to - from <= 24) {
      let text = "";
      let i = from;
      for (; i < to && buffer[i]! < 128; i++) text += String.fromCharCode(buffer[i]!);
      if (i === to) return text;
    }
    try {
      return decode(buffer.subarray(from, to));
    } catch {
      throw new Failure("Invalid UTF-8");
    }
  }

  // --- lines ---

  /**
   * The next line, without its end: LF, or CR LF. What comes after the last end is a line too, if it is not empty.
   *
   * @example
   * const reader = BufRead.ofString("one\r\ntwo");
   * yield* reader.line(); // => "one"
   * yield* reader.line(); // => "two"
   * yield* reader.line(); // throws EndOfFile
   *
   * @throws EndOfFile when nothing is left
   * @throws BufferLimitExceeded for a line that is longer than `maxSize`, its end included
   * @throws Failure for a line that is not UTF-8, which stays; `lineBytes` gives it as it is
   */
  *line(): Op<string> {
    const full = this.heldLine(0) || (yield* this.readLine());
    const text = this.textOf(this.withoutEnd(full));
    this.consume(full);
    return text;
  }

  /** Like {@link line}, as bytes. */
  *lineBytes(): Op<Uint8Array> {
    const full = this.heldLine(0) || (yield* this.readLine());
    const bytes = this.buffer.slice(this.start, this.start + this.withoutEnd(full));
    this.consume(full);
    return bytes;
  }

  /**
   * All lines, one after the other; see {@link line} and {@link iterate}.
   *
   * @example
   * const lines = BufRead.ofString("one\ntwo\n").lines();
   * while (yield* lines.next()) log(lines.value);
   */
  lines(): Cursor<string> {
    return this.iterate((reader) => reader.line());
  }

  /** The length of the next line with its end, or 0 if that is not held; it is not in the first `looked` bytes. */
  private heldLine(looked: number): number {
    const { buffer, start, end } = this;
    // Lines are short: a search by the machine would take longer to start than this does.
    for (let at = start + looked; at < end; at++) if (buffer[at] === LF) return at + 1 - start;
    return 0;
  }

  /** The same for a line that is not held yet: reads until it is. */
  private *readLine(): Op<number> {
    for (;;) {
      const looked = this.end - this.start;
      if (yield* this.more()) {
        const full = this.heldLine(looked);
        if (full > 0) return full;
      } else if (looked > 0) return looked;
      else throw new EndOfFile();
    }
  }

  /** The next `length` bytes as text, which is made for several lines at once where these are of ASCII alone. */
  private textOf(length: number): string {
    const { buffer, start, end, consumed } = this;
    let at = consumed - this.aheadFrom;
    if (at + length > this.ahead.length) {
      const limit = Math.min(end, start + MOST_AHEAD);
      let to = start;
      while (to < limit && buffer[to]! < 128) to++;
      if (to < start + length) return this.decode(start, start + length);
      this.ahead = decode(buffer.subarray(start, to));
      this.aheadFrom = consumed;
      at = 0;
    }
    return this.ahead.slice(at, at + length);
  }

  /** The length of the next line without its end, if it has one. */
  private withoutEnd(full: number): number {
    const { buffer, start } = this;
    if (buffer[start + full - 1] !== LF) return full;
    return full > 1 && buffer[start + full - 2] === CR ? full - 2 : full - 1;
  }

  // --- single bytes ---

  /**
   * Consumes the character `expected`, which is one byte.
   *
   * @throws Failure when something else is there, which stays
   * @throws EndOfFile
   */
  *char(expected: string): Op<void> {
    const byte = byteOf("BufRead.char", expected);
    yield* this.ensure(1);
    const got = this.buffer[this.start]!;
    if (got !== byte)
      throw new Failure(`Expected ${quoteChar(expected)} but got ${quoteChar(String.fromCharCode(got))}`);
    this.consume(1);
  }

  /**
   * The next byte, as a character.
   *
   * @throws EndOfFile
   */
  *anyChar(): Op<string> {
    return String.fromCharCode(yield* this.uint8());
  }

  /** The next byte as a character, which stays; undefined at the end. */
  *peekChar(): Op<string | undefined> {
    if (yield* this.atEndOfInput()) return undefined;
    return String.fromCharCode(this.buffer[this.start]!);
  }

  /**
   * The next byte, as a number.
   *
   * @throws EndOfFile
   */
  *uint8(): Op<number> {
    yield* this.ensure(1);
    const byte = this.buffer[this.start]!;
    this.consume(1);
    return byte;
  }

  // --- numbers ---

  /** Numbers with the most significant byte first, as protocols have them. */
  get BE(): ByteOrder {
    return new Numbers(this, false);
  }

  /** Numbers with the least significant byte first, as machines have them. */
  get LE(): ByteOrder {
    return new Numbers(this, true);
  }

  /** @internal Waits for the next `length` bytes, and says where in `view` they are; if there are less, they stay. */
  *whereNext(length: number): Op<number> {
    yield* this.ensure(length);
    const at = this.start;
    // What is consumed is not overwritten before the next read.
    this.consume(length);
    return at;
  }

  /** @internal The whole of the buffer. */
  get view(): DataView {
    const { buffer } = this;
    if (this.viewed?.buffer !== buffer.buffer || this.viewed.byteOffset !== buffer.byteOffset)
      this.viewed = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    return this.viewed;
  }

  // --- text and bytes ---

  /**
   * Consumes `expected`, in UTF-8.
   *
   * @throws Failure as soon as another byte is there; nothing is consumed
   * @throws EndOfFile when the source ends within it; nothing is consumed
   */
  *string(expected: string): Op<void> {
    if (typeof expected !== "string") refuse("BufRead.string", "expected", "a string", expected);
    const wanted = new TextEncoder().encode(expected);
    for (let matched = 0; ;) {
      const there = Math.min(this.end - this.start, wanted.length);
      for (; matched < there; matched++) {
        if (this.buffer[this.start + matched] === wanted[matched]) continue;
        const got = latin1(this.buffer.subarray(this.start, this.start + there));
        throw new Failure(`Expected ${JSON.stringify(expected)} but got ${JSON.stringify(got)}`);
      }
      if (matched === wanted.length) return this.consume(matched);
      yield* this.fill(matched + 1);
    }
  }

  /**
   * The next `n` bytes, as text.
   *
   * @throws EndOfFile when there are less; they stay
   * @throws BufferLimitExceeded when `n` is more than `maxSize`
   * @throws Failure when they are not UTF-8, for instance the first half of a character; they stay
   */
  *take(n: number): Op<string> {
    expectLength("take", n);
    yield* this.ensure(n);
    return this.cutText(n);
  }

  /** Like {@link take}, as bytes: a copy. */
  *takeBytes(n: number): Op<Uint8Array> {
    expectLength("takeBytes", n);
    yield* this.ensure(n);
    return this.cut(n);
  }

  /**
   * All that is left, as text; empty at the end.
   *
   * @throws BufferLimitExceeded when that is `maxSize` or more; it stays
   * @throws Failure when it is not UTF-8; it stays
   */
  *takeAll(): Op<string> {
    yield* this.untilEnd();
    return this.cutText(this.bufferedBytes);
  }

  /** Like {@link takeAll}, as bytes: a copy. */
  *takeAllBytes(): Op<Uint8Array> {
    yield* this.untilEnd();
    return this.cut(this.bufferedBytes);
  }

  private *untilEnd(): Op<void> {
    while (yield* this.more());
  }

  /**
   * The bytes up to the first one that `test` does not accept, or to the end, as text; maybe none.
   *
   * @param test  is given each byte, as a number
   * @throws BufferLimitExceeded when there are more than `maxSize`; they stay
   */
  *takeWhile(test: (byte: number) => boolean): Op<string> {
    expectFunction("BufRead.takeWhile", "test", test);
    return this.cutText(yield* this.countWhile(test));
  }

  /** Like {@link takeWhile}, as bytes: a copy. */
  *takeWhileBytes(test: (byte: number) => boolean): Op<Uint8Array> {
    expectFunction("BufRead.takeWhileBytes", "test", test);
    return this.cut(yield* this.countWhile(test));
  }

  /**
   * Like {@link takeWhile}, at least one byte.
   *
   * @throws Failure when there is none
   */
  *takeWhile1(test: (byte: number) => boolean): Op<string> {
    expectFunction("BufRead.takeWhile1", "test", test);
    const length = yield* this.countWhile(test);
    if (length === 0) throw new Failure("take_while1");
    return this.cutText(length);
  }

  private *countWhile(test: Test): Op<number> {
    for (let looked = 0; ;) {
      looked += this.matching(test, looked);
      if (looked < this.end - this.start || !(yield* this.more())) return looked;
    }
  }

  /** How many of the bytes that are held match, from the one at `from` on. */
  private matching(test: Test, from: number): number {
    let at = this.start + from;
    while (at < this.end && test(this.buffer[at]!)) at++;
    return at - this.start - from;
  }

  /**
   * Consumes `n` bytes, however many.
   *
   * @throws EndOfFile when there are less; all are consumed
   */
  *skip(n: number): Op<void> {
    expectLength("skip", n);
    for (let left = n; left > 0;) {
      if (this.start === this.end) yield* this.fill(1);
      const part = Math.min(left, this.end - this.start);
      this.consume(part);
      left -= part;
    }
  }

  /** Consumes bytes up to the first one that `test` does not accept, or to the end, however many; gives their number. */
  *skipWhile(test: (byte: number) => boolean): Op<number> {
    expectFunction("BufRead.skipWhile", "test", test);
    for (let skipped = 0; ;) {
      const part = this.matching(test, 0);
      this.consume(part);
      skipped += part;
      if (this.start < this.end || !(yield* this.more())) return skipped;
    }
  }

  /**
   * Like {@link skipWhile}, at least one byte.
   *
   * @throws Failure when there is none
   */
  *skipWhile1(test: (byte: number) => boolean): Op<number> {
    expectFunction("BufRead.skipWhile1", "test", test);
    const skipped = yield* this.skipWhile(test);
    if (skipped === 0) throw new Failure("skip_while1");
    return skipped;
  }

  // --- many ---

  /**
   * What `parser` gives, again and again, until `stop` says that it is enough. Nothing is parsed, or read, before it is asked for.
   *
   * @example
   * const pairs = BufRead.ofString("aabb").iterate((reader) => reader.take(2));
   * yield* pairs.next(); // => true
   * pairs.value; // => "aa"
   *
   * @param options.stop  asked before each item. Default: whether the input is at its end
   * @throws InvalidArgument  from `next`, when the reader has been used in between
   */
  iterate<T>(parser: Parser<T>, options?: { stop?: Parser<boolean> }): Cursor<T> {
    expectFunction("BufRead.iterate", "parser", parser);
    expectOptions("BufRead.iterate", options);
    const stop = options?.stop;
    if (stop !== undefined) expectFunction("BufRead.iterate", "options.stop", stop);
    return new Items(this, parser, stop);
  }

  // --- the end ---

  /** Whether there is nothing more; reads, if that is not known yet. */
  *atEndOfInput(): Op<boolean> {
    return this.start === this.end && !(yield* this.more());
  }

  /**
   * Returns when there is nothing more.
   *
   * @throws Failure when there is; it stays
   */
  *endOfInput(): Op<void> {
    if (!(yield* this.atEndOfInput())) throw new Failure("Unexpected data after parsing");
  }

  /**
   * The rest as a source: what is buffered first, then the source itself.
   *
   * @example
   * const reader = BufRead.ofString("header\nbody");
   * yield* reader.line(); // => "header"
   * yield* Flow.readAll(reader.asFlow()); // => "body"
   */
  asFlow(): Source {
    return new RestOf(this);
  }
}

class Items<T> extends Cursor<T> {
  private readonly reader: BufRead;
  private readonly parser: Parser<T>;
  private readonly stop: Parser<boolean> | undefined;
  /** Where the reader has to be. */
  private offset: number;

  constructor(reader: BufRead, parser: Parser<T>, stop: Parser<boolean> | undefined) {
    super();
    this.reader = reader;
    this.parser = parser;
    this.stop = stop;
    this.offset = reader.consumedBytes;
  }

  *next(): Op<boolean> {
    const { reader, offset, stop } = this;
    const now = reader.consumedBytes;
    if (now !== offset) {
      throw new InvalidArgument(
        `Sequence is stale (expected to be used at offset ${offset}, but stream is now at ${now})`,
      );
    }
    // What is buffered is not the end.
    if (stop ? yield* stop(reader) : reader.bufferedBytes === 0 && (yield* reader.atEndOfInput())) {
      this.offset = reader.consumedBytes;
      return this.moveToEnd();
    }
    const item = yield* this.parser(reader);
    this.offset = reader.consumedBytes;
    return this.moveTo(item);
  }
}

class RestOf implements Source {
  private readonly reader: BufRead;

  constructor(reader: BufRead) {
    this.reader = reader;
  }

  *read(buffer: Uint8Array): Op<number> {
    const { reader } = this;
    expectBytes("read", "buffer", buffer);
    yield* reader.ensure(1);
    const bytes = reader.peek().subarray(0, buffer.length);
    buffer.set(bytes);
    reader.consume(bytes.length);
    return bytes.length;
  }

  *lend(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    const { reader } = this;
    yield* reader.ensure(1);
    reader.consume(yield* take([reader.peek()]));
  }
}

/** The numbers of one byte order. Those of 64 bits are bigints. If the source ends within one, its bytes stay. */
export interface ByteOrder {
  uint16(): Op<number>;
  uint32(): Op<number>;
  uint48(): Op<number>;
  uint64(): Op<bigint>;
  float(): Op<number>;
  double(): Op<number>;
}

class Numbers implements ByteOrder {
  private readonly reader: BufRead;
  private readonly little: boolean;

  constructor(reader: BufRead, little: boolean) {
    this.reader = reader;
    this.little = little;
  }

  *uint16(): Op<number> {
    const at = yield* this.reader.whereNext(2);
    return this.reader.view.getUint16(at, this.little);
  }

  *uint32(): Op<number> {
    const at = yield* this.reader.whereNext(4);
    return this.reader.view.getUint32(at, this.little);
  }

  *uint48(): Op<number> {
    const { little, reader } = this;
    const at = yield* reader.whereNext(6);
    const high = reader.view.getUint16(little ? at + 4 : at, little);
    return high * 2 ** 32 + reader.view.getUint32(little ? at : at + 2, little);
  }

  *uint64(): Op<bigint> {
    const at = yield* this.reader.whereNext(8);
    return this.reader.view.getBigUint64(at, this.little);
  }

  *float(): Op<number> {
    const at = yield* this.reader.whereNext(4);
    return this.reader.view.getFloat32(at, this.little);
  }

  *double(): Op<number> {
    const at = yield* this.reader.whereNext(8);
    return this.reader.view.getFloat64(at, this.little);
  }
}

function expectLength(what: string, n: number): void {
  if (!Number.isInteger(n)) refuse(`BufRead.${what}`, "n", "a whole number", n);
  if (n < 0) throw new InvalidArgument(`${what}: ${n} is negative!`);
}

function byteOf(where: string, char: string): number {
  if (typeof char !== "string" || char.length !== 1 || char.charCodeAt(0) > 255)
    refuse(where, "expected", "a character of one byte", char);
  return char.charCodeAt(0);
}

function quoteChar(char: string): string {
  const inside = JSON.stringify(char).slice(1, -1);
  return `'${char === "'" ? "\\'" : char === '"' ? '"' : inside}'`;
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
