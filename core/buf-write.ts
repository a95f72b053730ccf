// Writing with a buffer in between: many small writes, one large one, made by a fiber in the background.

import { expectBody, expectFunction, expectNumber, expectOptions, refuse } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op, Result } from "./engine/op.js";
import { Condition } from "./condition.js";
import { Deferred, type Resolver } from "./deferred.js";
import { Failure } from "./failure.js";
import {
  after,
  EndOfFile,
  expectBytes,
  expectSink,
  expectSize,
  LARGEST,
  lengthOf,
  singleWrite,
  type Sink,
} from "./flow.js";
import { fork } from "./fork.js";
import { Switch } from "./switch.js";
import { yieldNow } from "./turns.js";

/**
 * A writer has been given up with bytes that nobody will write: what `flush` throws then.
 *
 * @example
 * try {
 *   yield* writer.flush();
 * } catch (error) {
 *   if (!(error instanceof FlushAborted)) throw error;
 * }
 */
export class FlushAborted extends Error {
  override readonly name = "FlushAborted";
  readonly code = "FLUSH_ABORTED";

  constructor() {
    super("the writer was aborted before all was written");
  }
}

/** The options of {@link BufWrite}. */
export interface BufWriteOptions {
  /** The bytes that the buffer has room for. Default 4096. What does not fit gets a buffer of its own. */
  initialSize?: number;
  /** Aborts the writer when it ends. Default: nobody does, so it must be closed or aborted by hand. */
  sw?: Switch;
}

interface Flush {
  /** The number of bytes, from the beginning, that have to be out. */
  readonly upTo: number;
  readonly resolver: Resolver<Result<void>>;
}

/**
 * Collects what is written, so that many small writes become a large one. Writing never waits: the bytes go to a buffer, and out when
 * the fiber that writes them next waits for something. To wait until they are out, {@link flush}.
 *
 * `BufWrite.withFlow` makes one with a fiber that writes to a sink. Without it, {@link awaitBatch} and {@link shift} are the other end.
 *
 * @example
 * yield* BufWrite.withFlow(sink, function* (writer) {
 *   writer.string("HTTP/1.1 200 OK\r\n");
 *   writer.string("Content-Length: 5\r\n\r\n");
 *   writer.string("hello");
 * }); // one write of the sink, done when this returns
 */
export class BufWrite {
  private buffer: Uint8Array;
  /** @internal The whole of the buffer; see {@link allot}. */
  view: DataView;
  /** Of `buffer`, what is before `cut` is in `queue`, and what is from there to `end` is still to be. */
  private cut = 0;
  private end = 0;
  /** What is to be written before the rest of `buffer`. */
  private queue: Uint8Array[] = [];
  private received = 0;
  private sent = 0;
  private paused = false;
  private closed = false;
  private aborted = false;
  private readonly flushes: Flush[] = [];
  /** Wakes who waits for a batch. */
  private readonly changed = new Condition({ name: "BufWrite" });

  /**
   * A writer whose bytes nobody takes yet.
   *
   * @throws InvalidArgument for a size that is not positive
   */
  constructor(options?: BufWriteOptions) {
    expectOptions("new BufWrite", options);
    const { initialSize = 4096, sw } = options ?? {};
    expectSize("new BufWrite", "options.initialSize", "Initial size", initialSize, LARGEST);
    if (sw !== undefined && !(sw instanceof Switch)) refuse("new BufWrite", "options.sw", "a Switch", sw);
    this.buffer = new Uint8Array(initialSize);
    this.view = new DataView(this.buffer.buffer);
    sw?.addHook(() => this.abort());
  }

  /**
   * Runs `fn` with a writer to `sink`, and returns when all is written, with the value of `fn`. The sink is not closed.
   *
   * If `fn` throws, what it has written before goes out first. If it is cancelled, nothing more does. If the sink fails, its error is
   * thrown, and `flush` throws `FlushAborted`. A cancellation point.
   *
   * @example
   * yield* BufWrite.withFlow(sink, function* (writer) {
   *   writer.string("hello\n");
   * });
   *
   * @param options.initialSize  the bytes that the buffer has room for. Default 4096
   */
  static *withFlow<T>(sink: Sink, fn: (writer: BufWrite) => Op<T>, options?: { initialSize?: number }): Op<T> {
    expectSink("BufWrite.withFlow", sink);
    expectBody("BufWrite.withFlow", "fn", fn);
    expectOptions("BufWrite.withFlow", options);
    return yield* Switch.run((sw) => writing(sw, sink, fn, options), { name: "BufWrite.withFlow" });
  }

  // --- what can be written ---

  /**
   * Writes `text`, in UTF-8. Never waits.
   *
   * @throws Failure when the writer is closed; that goes for everything that writes
   */
  string(text: string): void {
    if (typeof text !== "string") refuse("BufWrite.string", "text", "a string", text);
    this.expectOpen();
    // Short text in ASCII, which most is, needs no encoder.
    const { length } = text;
    if (length <= 64 && length <= this.buffer.length - this.end) {
      const { buffer, end } = this;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        buffer[end + i] = code;
      }
      if (i === length) return this.wrote(length);
    }
    this.copy((encoder ??= new TextEncoder()).encode(text));
  }

  /**
   * Writes a part of `bytes`; they may be overwritten at once.
   *
   * @param offset  of the first byte. Default 0
   * @param length  in bytes. Default: all from `offset` on
   * @throws InvalidArgument for a part that is not there; nothing is written
   */
  bytes(bytes: Uint8Array, offset = 0, length?: number): void {
    expectBytes("BufWrite.bytes", "bytes", bytes);
    expectNumber("BufWrite.bytes", "offset", offset);
    length ??= bytes.length - offset;
    expectNumber("BufWrite.bytes", "length", length);
    if (!Number.isInteger(offset)) refuse("BufWrite.bytes", "offset", "a whole number", offset);
    if (!Number.isInteger(length)) refuse("BufWrite.bytes", "length", "a whole number", length);
    if (offset < 0 || length < 0 || offset + length > bytes.length)
      throw new InvalidArgument(`BufWrite.bytes: there are no ${length} bytes at ${offset}, of ${bytes.length}`);
    this.expectOpen();
    this.copy(bytes.subarray(offset, offset + length));
  }

  /** Writes `bytes` without copying them: they must not be changed before they are out. Worth it for large ones. */
  schedule(bytes: Uint8Array): void {
    expectBytes("BufWrite.schedule", "bytes", bytes);
    this.expectOpen();
    if (bytes.length === 0) return;
    this.cutBuffer();
    this.queue.push(bytes);
    this.received += bytes.length;
    this.announce();
  }

  /** Writes one character, which is one byte. */
  char(char: string): void {
    if (typeof char !== "string" || char.length !== 1 || char.charCodeAt(0) > 255)
      refuse("BufWrite.char", "char", "a character of one byte", char);
    this.uint8(char.charCodeAt(0));
  }

  /** Writes the low 8 bits of `n`. */
  uint8(n: number): void {
    expectNumber("BufWrite.uint8", "n", n);
    const at = this.allot(1);
    this.view.setUint8(at, n);
  }

  /** Numbers with the most significant byte first, as protocols have them. */
  get BE(): WriteOrder {
    return new Numbers(this, false);
  }

  /** Numbers with the least significant byte first, as machines have them. */
  get LE(): WriteOrder {
    return new Numbers(this, true);
  }

  /** @internal Makes the next `length` bytes of {@link view} part of what is written: they begin at what this gives. */
  allot(length: number): number {
    this.expectOpen();
    this.makeRoom(length);
    const at = this.end;
    this.wrote(length);
    return at;
  }

  private expectOpen(): void {
    if (this.closed) throw new Failure("cannot write to closed writer");
  }

  private copy(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.makeRoom(bytes.length);
    this.buffer.set(bytes, this.end);
    this.wrote(bytes.length);
  }

  private makeRoom(length: number): void {
    if (length <= this.buffer.length - this.end) return;
    this.cutBuffer();
    this.buffer = new Uint8Array(Math.max(this.buffer.length, length));
    this.view = new DataView(this.buffer.buffer);
    this.cut = this.end = 0;
  }

  private wrote(length: number): void {
    if (length === 0) return;
    this.end += length;
    this.received += length;
    this.announce();
  }

  private announce(): void {
    if (!this.paused) this.changed.broadcast();
  }

  /** What is in the buffer is next in the queue. */
  private cutBuffer(): void {
    if (this.cut < this.end) this.queue.push(this.buffer.subarray(this.cut, this.end));
    this.cut = this.end;
  }

  // --- waiting for it, holding it back, ending it ---

  /**
   * Waits until all that has been written so far is out: until the sink has returned from writing it. Ends a pause. A cancellation point,
   * if there is something to wait for.
   *
   * @throws FlushAborted when the writer is given up before that
   */
  *flush(): Op<void> {
    this.unpause();
    if (!this.hasPendingOutput) return;
    if (this.aborted) throw new FlushAborted();
    const [done, resolver] = Deferred.create<Result<void>>({ label: "BufWrite.flush" });
    this.flushes.push({ upTo: this.received, resolver });
    yield* done.awaitOrThrow();
  }

  /** Holds the output back until {@link unpause}, `flush` or `close`. */
  pause(): void {
    if (!this.closed) this.paused = true;
  }

  /** Lets the output go on, all that has come together at once. */
  unpause(): void {
    this.paused = false;
    if (this.hasPendingOutput) this.changed.broadcast();
  }

  /** Says that there will be no more; what is written still goes out. Ends a pause. Does nothing the second time. */
  close(): void {
    this.closed = true;
    this.paused = false;
    this.changed.broadcast();
  }

  /** Closes, and gives up those who wait in {@link flush}: for whoever took the batches, and does not any more. */
  abort(): void {
    this.close();
    this.aborted = true;
    for (const { resolver } of this.flushes.splice(0)) resolver.resolveError(new FlushAborted());
  }

  /** Whether the writer is closed. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** The bytes that there is room for before another buffer is needed. */
  get freeBytesInBuffer(): number {
    return this.buffer.length - this.end;
  }

  /** Whether something is not out yet. */
  get hasPendingOutput(): boolean {
    return this.sent < this.received;
  }

  /** The number of bytes that are not out yet. */
  get pendingBytes(): number {
    return this.received - this.sent;
  }

  // --- the other end ---

  /**
   * Everything that is to go out, in order, none of it empty; waits while there is nothing, or a pause. Say with {@link shift} how much of
   * it was written. A cancellation point.
   *
   * @throws EndOfFile when the writer is closed and all is out
   */
  *awaitBatch(): Op<readonly Uint8Array[]> {
    while (this.paused || !this.hasPendingOutput) {
      if (this.closed && !this.hasPendingOutput) throw new EndOfFile();
      yield* this.changed.awaitNoMutex();
    }
    this.cutBuffer();
    return this.queue;
  }

  /**
   * Says that the first `n` bytes of the batch are out.
   *
   * @throws InvalidArgument when there were less
   */
  shift(n: number): void {
    expectNumber("BufWrite.shift", "n", n);
    if (!Number.isInteger(n) || n < 0 || n > lengthOf(this.queue))
      throw new InvalidArgument(`BufWrite.shift: there are no ${n} bytes, of ${lengthOf(this.queue)}`);
    this.queue = after(this.queue, n);
    this.sent += n;
    // Nobody has a part of the buffer any more.
    if (this.queue.length === 0 && this.cut === this.end) this.cut = this.end = 0;
    while (this.flushes.length > 0 && this.flushes[0]!.upTo <= this.sent)
      this.flushes.shift()!.resolver.resolveOk(undefined);
  }

  /**
   * Has `writev` write batch after batch, until the writer is closed: `{ ok: true }`. Ends when `writev` says `"closed"`, and closes the
   * writer then. A cancellation point.
   *
   * @param writev  writes some of the bytes, and says how many
   */
  *serialize(writev: (buffers: readonly Uint8Array[]) => Op<Result<number, "closed">>): Op<Result<void, "closed">> {
    expectFunction("BufWrite.serialize", "writev", writev);
    for (;;) {
      let batch: readonly Uint8Array[];
      try {
        batch = yield* this.awaitBatch();
      } catch (error) {
        if (error instanceof EndOfFile) return { ok: true, value: undefined };
        throw error;
      }
      const length = lengthOf(batch);
      const outcome = yield* writev(batch);
      if (!outcome.ok) {
        this.close();
        return outcome;
      }
      this.shift(outcome.value);
      if (outcome.value < length) yield* yieldNow();
    }
  }

  /** Closes, and gives all that is pending, as bytes. */
  serializeToBytes(): Uint8Array {
    this.close();
    this.cutBuffer();
    const all = new Uint8Array(lengthOf(this.queue));
    let at = 0;
    for (const part of this.queue) {
      all.set(part, at);
      at += part.length;
    }
    this.shift(all.length);
    return all;
  }

  /** Closes, and gives all that is pending, as text in UTF-8. */
  serializeToString(): string {
    return new TextDecoder().decode(this.serializeToBytes());
  }

  /** Discards everything until the writer is closed; gives the number of bytes. A cancellation point. */
  *drain(): Op<number> {
    let drained = 0;
    yield* this.serialize(function* (buffers) {
      const length = lengthOf(buffers);
      drained += length;
      return { ok: true, value: length };
    });
    return drained;
  }
}

// Made when first needed: there are places that have the language and nothing else.
let encoder: { encode(text: string): Uint8Array } | undefined;

function* writing<T>(
  sw: Switch,
  sink: Sink,
  fn: (writer: BufWrite) => Op<T>,
  options: { initialSize?: number } | undefined,
): Op<T> {
  const writer = new BufWrite({ ...options, sw });
  yield* fork(sw, () => writeOut(writer, sink));
  let value: T;
  try {
    value = yield* fn(writer);
  } catch (error) {
    writer.close();
    try {
      // The error will cancel the fiber that writes. If it is a cancellation already, this waits for nothing.
      yield* writer.flush();
    } catch {
      // Why it could not be written, the switch knows.
    }
    throw error;
  }
  writer.close();
  return value;
}

function* writeOut(writer: BufWrite, sink: Sink): Op<void> {
  yield* writer.serialize(function* (buffers) {
    return { ok: true, value: yield* singleWrite(sink, buffers) };
  });
}

/** The numbers of one byte order. Only the low bits of an argument are written. */
export interface WriteOrder {
  uint16(n: number): void;
  uint32(n: number): void;
  uint48(n: number): void;
  uint64(n: bigint): void;
  float(n: number): void;
  double(n: number): void;
}

class Numbers implements WriteOrder {
  private readonly writer: BufWrite;
  private readonly little: boolean;

  constructor(writer: BufWrite, little: boolean) {
    this.writer = writer;
    this.little = little;
  }

  uint16(n: number): void {
    const at = this.allot("uint16", "number", n, 2);
    this.writer.view.setUint16(at, n, this.little);
  }

  uint32(n: number): void {
    const at = this.allot("uint32", "number", n, 4);
    this.writer.view.setUint32(at, n, this.little);
  }

  uint48(n: number): void {
    const { little, writer } = this;
    const at = this.allot("uint48", "number", n, 6);
    writer.view.setUint16(little ? at + 4 : at, Math.floor(n / 2 ** 32), little);
    writer.view.setUint32(little ? at : at + 2, n, little);
  }

  uint64(n: bigint): void {
    const at = this.allot("uint64", "bigint", n, 8);
    this.writer.view.setBigUint64(at, n, this.little);
  }

  float(n: number): void {
    const at = this.allot("float", "number", n, 4);
    this.writer.view.setFloat32(at, n, this.little);
  }

  double(n: number): void {
    const at = this.allot("double", "number", n, 8);
    this.writer.view.setFloat64(at, n, this.little);
  }

  private allot(what: string, type: "number" | "bigint", n: unknown, length: number): number {
    if (typeof n !== type) refuse(`BufWrite.${what}`, "n", `a ${type}`, n);
    return this.writer.allot(length);
  }
}
