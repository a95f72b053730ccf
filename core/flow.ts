// Bytes that arrive and bytes that leave: what everything that can be read from, or written to, looks like.

import { expectNumber, refuse, show } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";
import { IoError } from "./io-error.js";

const v8 = Error as { stackTraceLimit?: number };

/**
 * There are no more bytes: what reading throws at the end, each time. It tells no stack, which would cost more than many a read.
 *
 * @example
 * const buffer = new Uint8Array(100);
 * try {
 *   for (;;) log(yield* source.read(buffer));
 * } catch (error) {
 *   if (!(error instanceof EndOfFile)) throw error;
 * }
 */
export class EndOfFile extends Error {
  override readonly name = "EndOfFile";
  readonly code = "END_OF_FILE";

  constructor() {
    const { stackTraceLimit } = v8;
    v8.stackTraceLimit = 0;
    super("end of file");
    v8.stackTraceLimit = stackTraceLimit!;
  }
}

/** Something to read bytes from. */
export interface Source {
  /**
   * Reads into the beginning of `buffer`, and gives the number of bytes: between 1 and `buffer.length`. A read that was cancelled has
   * consumed nothing. A cancellation point.
   *
   * @param buffer  at least one byte
   * @throws EndOfFile at the end, and from then on
   */
  read(buffer: Uint8Array): Op<number>;
  /**
   * For sources that hold their bytes already: lends some to `take`, without a copy, which says how many of them it has used; the rest
   * is offered again. The buffers are not empty, and must not be used after `take` has returned.
   *
   * @throws EndOfFile at the end
   */
  lend?(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void>;
}

/** Something to write bytes to. */
export interface Sink {
  /**
   * Writes all of `bytes`, waiting for room; they may be overwritten when it returns. After a cancellation some of them may have been
   * written. A cancellation point.
   */
  write(bytes: Uint8Array): Op<void>;
  /**
   * For sinks that can take several buffers at once: writes some of their bytes, in order, at least one, and says how many. None of
   * the buffers is empty.
   */
  writeSome?(buffers: readonly Uint8Array[]): Op<number>;
  /** Says that there will be no more, and returns when all that was written has been dealt with. Does nothing the second time. */
  close(): Op<void>;
}

/** Both at once, each direction with an end of its own: `close` is that of the bytes that leave. */
export interface TwoWay extends Source, Sink {
  /**
   * For connections that can be ended a direction at a time: no more is received, sent, or both. A reader that waits meets the end.
   * What is no longer connected is left alone.
   */
  shutdown?(which: Direction): Op<void>;
}

/** The directions of a connection, from our side. */
export type Direction = "receive" | "send" | "all";

// --- reading ---

/**
 * One read of `source` into the beginning of `buffer`: like `source.read`, and holds the source to its promise of at least one byte.
 * A cancellation point.
 *
 * @example
 * const buffer = new Uint8Array(100);
 * const length = yield* Flow.singleRead(Flow.stringSource("hello"), buffer); // => 5
 *
 * @param buffer  at least one byte
 * @throws EndOfFile at the end
 * @throws InvalidArgument for an empty buffer, and for a source that gives 0 or more than there is room for
 */
export function* singleRead(source: Source, buffer: Uint8Array): Op<number> {
  expectSource("Flow.singleRead", source);
  expectBytes("Flow.singleRead", "buffer", buffer);
  if (buffer.length === 0) throw new InvalidArgument("Flow.singleRead: the buffer has no room for a byte");
  return expectCount("Flow.singleRead", "read", yield* source.read(buffer), buffer.length);
}

/**
 * Fills `buffer`, in as many reads as that takes. An empty buffer is full already. A cancellation point.
 *
 * @example
 * const source = Flow.stringSource("HEAD and more");
 * const header = new Uint8Array(4);
 * yield* Flow.readExact(source, header);
 *
 * @throws EndOfFile when there is less; those bytes are gone
 */
export function* readExact(source: Source, buffer: Uint8Array): Op<void> {
  expectSource("Flow.readExact", source);
  expectBytes("Flow.readExact", "buffer", buffer);
  for (let filled = 0; filled < buffer.length;) {
    const room = filled === 0 ? buffer : buffer.subarray(filled);
    filled += expectCount("Flow.readExact", "read", yield* source.read(room), room.length);
  }
}

/**
 * Everything until the end, as it is. A cancellation point.
 *
 * @example
 * const bytes = yield* Flow.readAllBytes(Flow.stringSource("é")); // => new Uint8Array([195, 169])
 */
export function* readAllBytes(source: Source): Op<Uint8Array> {
  expectSource("Flow.readAllBytes", source);
  const sink = bufferSink();
  yield* copy(source, sink);
  return sink.bytes;
}

/**
 * Everything until the end, as text in UTF-8. A cancellation point.
 *
 * @example
 * yield* Flow.readAll(Flow.stringSource("hello")); // => "hello"
 *
 * @throws TypeError for bytes that are not UTF-8
 */
export function* readAll(source: Source): Op<string> {
  expectSource("Flow.readAll", source);
  return decode(yield* readAllBytes(source));
}

// --- writing ---

/**
 * Writes some of the bytes of `buffers`, at least one, and gives how many; 0 if there are none. A cancellation point.
 *
 * @example
 * const parts = [new Uint8Array([1, 2]), new Uint8Array([3])];
 * const written = yield* Flow.singleWrite(Flow.bufferSink(), parts); // => 3
 *
 * @throws InvalidArgument for a sink that says 0, or more than there was
 */
export function* singleWrite(sink: Sink, buffers: readonly Uint8Array[]): Op<number> {
  expectSink("Flow.singleWrite", sink);
  expectBuffers("Flow.singleWrite", buffers);
  const full = buffers.filter((buffer) => buffer.length > 0);
  const first = full[0];
  if (!first) return 0;
  if (sink.writeSome) return expectCount("Flow.singleWrite", "wrote", yield* sink.writeSome(full), lengthOf(full));
  yield* sink.write(first);
  return first.length;
}

/**
 * Writes all of `buffers`, in order, in as many writes as that takes. Two fibers that write to one sink at once may get mixed up. A
 * cancellation point; after a cancellation, or an error, some of it may have been written.
 *
 * @example
 * const sink = Flow.bufferSink();
 * yield* Flow.write(sink, [new Uint8Array([104]), new Uint8Array([105])]);
 * sink.text; // => "hi"
 */
export function* write(sink: Sink, buffers: readonly Uint8Array[]): Op<void> {
  expectSink("Flow.write", sink);
  expectBuffers("Flow.write", buffers);
  if (!sink.writeSome) {
    for (const buffer of buffers) if (buffer.length > 0) yield* sink.write(buffer);
    return;
  }
  for (let left = buffers.filter((buffer) => buffer.length > 0); left.length > 0;) {
    left = after(left, yield* singleWrite(sink, left));
  }
}

/** The size of the buffer that bytes are copied through, where the source has none of its own: at first, and at most. */
const COPY_SIZE = 4096;
const MOST_COPY_SIZE = 131_072;

/**
 * Writes everything that `source` gives to `sink`, until its end. Closes neither. Bytes are read when those before them are written, so
 * a slow sink slows the source. A cancellation point.
 *
 * @example
 * yield* Flow.copy(source, sink);
 */
export function* copy(source: Source, sink: Sink): Op<void> {
  expectSource("Flow.copy", source);
  expectSink("Flow.copy", sink);
  try {
    const take = (buffers: readonly Uint8Array[]) => singleWrite(sink, buffers);
    if (source.lend) for (;;) yield* source.lend(take);
    let buffer = new Uint8Array(COPY_SIZE);
    for (;;) {
      const length = yield* singleRead(source, buffer);
      yield* write(sink, [buffer.subarray(0, length)]);
      // Where a read fills all of it, there is more to come.
      if (length === buffer.length && length < MOST_COPY_SIZE) buffer = new Uint8Array(2 * length);
    }
  } catch (error) {
    if (!(error instanceof EndOfFile)) throw error;
  }
}

/**
 * Writes `text`, in UTF-8. A cancellation point.
 *
 * @example
 * yield* Flow.copyString("hello\n", sink);
 */
export function* copyString(text: string, sink: Sink): Op<void> {
  if (typeof text !== "string") refuse("Flow.copyString", "text", "a string", text);
  expectSink("Flow.copyString", sink);
  yield* write(sink, [new TextEncoder().encode(text)]);
}

// --- sources and sinks in memory ---

class BytesSource implements Source {
  private left: readonly Uint8Array[];

  constructor(chunks: readonly Uint8Array[]) {
    this.left = chunks.filter((chunk) => chunk.length > 0);
  }

  *read(buffer: Uint8Array): Op<number> {
    expectBytes("read", "buffer", buffer);
    const first = this.left[0];
    if (!first) throw new EndOfFile();
    const bytes = first.subarray(0, buffer.length);
    buffer.set(bytes);
    this.left = after(this.left, bytes.length);
    return bytes.length;
  }

  *lend(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    if (this.left.length === 0) throw new EndOfFile();
    const used = yield* take(this.left);
    this.left = after(this.left, expectCount("Flow.bytesSource", "used", used, lengthOf(this.left), 0));
  }
}

/**
 * A source of `chunks`, one a read where the buffer has room for it. They are not copied.
 *
 * @example
 * yield* Flow.readAll(Flow.bytesSource([new Uint8Array([104]), new Uint8Array([105])])); // => "hi"
 */
export function bytesSource(chunks: readonly Uint8Array[]): Source {
  expectBuffers("Flow.bytesSource", chunks, "chunks");
  return new BytesSource(chunks);
}

/**
 * A source of the bytes of `text`, in UTF-8.
 *
 * @example
 * yield* Flow.copy(Flow.stringSource("hello\n"), sink);
 */
export function stringSource(text: string): Source {
  if (typeof text !== "string") refuse("Flow.stringSource", "text", "a string", text);
  return new BytesSource([new TextEncoder().encode(text)]);
}

/** What {@link bufferSink} gives. */
export interface BufferSink extends Sink {
  /** All that was written so far: a copy. */
  readonly bytes: Uint8Array;
  /** The same as text, in UTF-8. Throws a `TypeError` for bytes that are not. */
  readonly text: string;
}

class Collected implements BufferSink {
  private buffer = new Uint8Array(256);
  private length = 0;

  get bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  get text(): string {
    return decode(this.buffer.subarray(0, this.length));
  }

  *write(bytes: Uint8Array): Op<void> {
    expectBytes("write", "bytes", bytes);
    const length = this.length + bytes.length;
    if (length > this.buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.buffer.length));
      larger.set(this.buffer);
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.length);
    this.length = length;
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    expectBuffers("writeSome", buffers);
    for (const buffer of buffers) yield* this.write(buffer);
    return lengthOf(buffers);
  }

  *close(): Op<void> {}
}

/**
 * A sink that keeps all it is given.
 *
 * @example
 * const sink = Flow.bufferSink();
 * yield* Flow.copy(Flow.stringSource("hello"), sink);
 * sink.text; // => "hello"
 */
export function bufferSink(): BufferSink {
  return new Collected();
}

/**
 * Ends at once when it is read; takes all that is written, and forgets it.
 *
 * @example
 * yield* Flow.copy(source, Flow.null);
 */
const nullFlow: TwoWay = {
  *read() {
    throw new EndOfFile();
  },
  *write() {},
  *writeSome(buffers) {
    return lengthOf(buffers);
  },
  *close() {},
};
export { nullFlow as null };

// --- ends ---

/**
 * Ends one direction of a connection, or both: see {@link TwoWay}. A cancellation point.
 *
 * @example
 * yield* Flow.shutdown(connection, "send"); // the peer meets the end of its input, and we can still read
 *
 * @throws IoError  `Io Not_available` for a flow that cannot
 */
export function* shutdown(flow: TwoWay, which: Direction): Op<void> {
  const isObject: boolean = typeof flow === "object" && (flow as unknown) !== null;
  if (!isObject) refuse("Flow.shutdown", "flow", "a flow (something with a shutdown method)", flow);
  expectDirection("Flow.shutdown", which);
  if (!flow.shutdown) throw new IoError({ area: "Io", kind: "Not_available" }, ["shutting down a flow"]);
  yield* flow.shutdown(which);
}

/** Says that no more will be written: `sink.close()`. */
export function close(sink: Sink): Op<void> {
  if (typeof (sink as Sink | undefined | null)?.close !== "function")
    refuse("Flow.close", "sink", "a sink (something with a close method)", sink);
  return sink.close();
}

// --- checks, and what buffers are cut into ---

/** @internal */
export function expectSource(where: string, received: unknown): void {
  if (typeof (received as Source | undefined)?.read !== "function")
    refuse(where, "source", "a source (something with a read method)", received);
}

/** @internal */
export function expectSink(where: string, received: unknown): void {
  if (typeof (received as Sink | undefined)?.write !== "function")
    refuse(where, "sink", "a sink (something with a write method)", received);
}

/** @internal */
export function expectDirection(where: string, received: unknown): void {
  if (received !== "receive" && received !== "send" && received !== "all")
    refuse(where, "which", '"receive", "send" or "all"', received);
}

/** @internal Bytes themselves are refused, too: they are a list of numbers, and nothing of them would be written. */
export function expectBuffers(where: string, received: unknown, argument = "buffers"): void {
  if (!Array.isArray(received)) refuse(where, argument, "an array of Uint8Arrays", received);
  for (let i = 0; i < received.length; i++)
    if (!(received[i] instanceof Uint8Array)) refuse(where, `${argument}[${i}]`, "a Uint8Array", received[i]);
}

/** @internal */
export function expectBytes(where: string, argument: string, received: unknown): void {
  if (!(received instanceof Uint8Array)) refuse(where, argument, "a Uint8Array", received);
}

/** @internal More bytes than any platform gives in one piece. */
export const LARGEST = 2 ** 48;

/**
 * @internal Checks a number of bytes, which is whole, positive, and at most `most`.
 *
 * @param what  what the error calls it
 */
export function expectSize(where: string, argument: string, what: string, size: number, most: number): void {
  expectNumber(where, argument, size);
  if (size <= 0) throw new InvalidArgument(`${what} ${size} should be positive!`);
  if (size > most || !(Number.isInteger(size) || size === Infinity))
    throw new InvalidArgument(`${where}: "${argument}" must be a whole number of bytes, got ${size}`);
}

/** @internal Holds a flow to what it says: `count` is a number of bytes, from `least` to `most`. */
export function expectCount(where: string, did: string, count: number, most: number, least = 1): number {
  if (Number.isInteger(count) && count >= least && count <= most) return count;
  throw new InvalidArgument(`${where}: the flow says that it ${did} ${show(count)} bytes, of ${most}`);
}

/** @internal */
export function lengthOf(buffers: readonly Uint8Array[]): number {
  let length = 0;
  for (const buffer of buffers) length += buffer.length;
  return length;
}

/** @internal What is left of `buffers` after their first `count` bytes. */
export function after(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let i = 0;
  while (i < buffers.length && buffers[i]!.length <= left) left -= buffers[i++]!.length;
  const rest = buffers.slice(i);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

// Made when first needed: there are places that have the language and nothing else.
let utf8: { decode(bytes: Uint8Array): string } | undefined;

/** @internal Bytes as text; a `TypeError` if they are not UTF-8. */
export function decode(bytes: Uint8Array): string {
  utf8 ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return utf8.decode(bytes);
  } catch (error) {
    // Every platform says it in other words.
    throw new TypeError("The bytes are not UTF-8; take them as bytes", { cause: error });
  }
}
