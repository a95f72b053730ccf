// Node's streams, both ways.
//
// |             | `fromReadable`, `fromWritable`, `fromDuplex`      | `toReadable`, `toWritable`, `toDuplex`              |
// |-------------|---------------------------------------------------|-----------------------------------------------------|
// | starts      | adopted at the call; asked for bytes by a read    | at the first read or write of the consumer          |
// | cancel      | ends the wait; no byte is lost, the stream lives  | `destroy` cancels in the same turn; 'close' comes   |
// |             |                                                   | after the finalizers                                |
// | owner       | the switch destroys it, and waits for 'close'     | whoever holds the stream; `sw`                      |
// | error       | what is buffered, then the same object, each time | 'error' with the same object; falsy ones in an      |
// |             |                                                   | `Error`; an `AbortError` if `sw` is cancelled       |
// | buffer      | the stream's own, up to its high-water mark       | the stream's own, up to its high-water mark         |
// | turns       | those of the stream's events                      | one microtask beside those of the fiber             |

import { Duplex, Readable, Writable } from "node:stream";
import {
  EndOfFile,
  reportUnhandled,
  type Op,
  type Result,
  type Sink,
  type Source,
  type Switch,
  type TwoWay,
} from "trestle";
import { Cursor } from "trestle/cursor";
import { addListener } from "./crossing/listener.js";
import { oneShot } from "./crossing/one-shot.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBytes, expectSwitch, refuse } from "./crossing/refuse.js";
import { expectFlow, Serving, type Ended, type Opened, type ServingOptions } from "./crossing/serving.js";
import type { NodeDuplex, NodeReadable, NodeWritable } from "./crossing/stream-types.js";

export type { Opened } from "./crossing/serving.js";

// --- streams of Node, to fibers ---

/** The options of what adopts a stream. */
export interface AdoptOptions {
  /**
   * Whether the switch destroys the stream when it ends. Default true. A stream that is not owned is left as it is: paused, with the
   * bytes that nobody has read.
   */
  owned?: boolean;
}

/** The options of {@link fromReadable}. */
export interface FromReadableOptions extends AdoptOptions {
  /** Refuse a stream that was given an encoding, instead of encoding its strings back. Default false. */
  strict?: boolean;
}

/** An error as Node's own streams have it. */
function streamError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

const DESTROYED = () => streamError("ERR_STREAM_DESTROYED", "Cannot call write after a stream was destroyed");
const AFTER_END = () => streamError("ERR_STREAM_WRITE_AFTER_END", "write after end");
const PREMATURE = () => streamError("ERR_STREAM_PREMATURE_CLOSE", "Premature close");

type AnyStream = Readable | Writable;

/** A stream that a switch has taken on: never without a listener for errors, and gone when the switch is. */
class Adopted<S extends AnyStream> {
  readonly where: string;
  readonly stream: S;
  /** What the stream has emitted, for streams that do not remember it. */
  private emitted: { error: unknown } | undefined = undefined;
  private owned: boolean;
  private released = false;
  private readonly forget: () => void;
  /** Those who wait: an error wakes them all, and so does the end of the stream, or of the switch. */
  private readonly waiting = new Set<() => void>();

  constructor(where: string, sw: Switch, stream: S, options: AdoptOptions | undefined) {
    sw.check();
    this.where = where;
    this.stream = stream;
    this.owned = options?.owned !== false;
    const hook = sw.addHook(() => this.release(), where);
    const onError = (error: unknown) => {
      this.emitted ??= { error };
      this.wakeAll();
    };
    const onClose = () => this.forget();
    this.forget = () => {
      hook.remove();
      stream.off("error", onError);
      stream.off("close", onClose);
      this.wakeAll();
    };
    stream.on("error", onError);
    stream.on("close", onClose);
    if (hasClosed(stream)) this.forget();
  }

  /** Whether the stream goes with the switch, and nobody else goes on with it. */
  get isOwned(): boolean {
    return this.owned;
  }

  /** The stream's error, if it has failed. */
  get failure(): { error: unknown } | undefined {
    const { errored } = this.stream;
    return errored ? { error: errored } : this.emitted;
  }

  /** Throws when the switch has ended, and the stream is not ours any more. */
  check(): void {
    if (this.released && !this.owned) throw new TypeError(`${this.where}: the switch that had the stream has ended`);
  }

  /** Waits for one of `events`, or for the end of the stream. */
  wait(label: string, ...events: readonly string[]): Op<void> {
    return oneShot<void>(
      label,
      (answer) => {
        const wake = () => answer.succeed(undefined);
        this.waiting.add(wake);
        // One listener an event, however many wait; each has a function of its own.
        const undo = events.map((event) => addListener(this.stream, event, () => wake(), undefined));
        return () => {
          this.waiting.delete(wake);
          for (const remove of undo) remove();
        };
      },
      { undoWhenAnswered: true },
    );
  }

  private wakeAll(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private release(): Op<void> | void {
    this.released = true;
    if (!this.owned) return this.forget();
    const { stream } = this;
    // The listener for errors stays until 'close': until then there may be some.
    stream.destroy();
    if (stateOf(stream).emitClose !== false && !hasClosed(stream))
      return this.wait(`${this.where}: the end of the stream`);
  }
}

/** Whether 'close' has been emitted; `closed` says so a turn earlier. */
function hasClosed(stream: AnyStream): boolean {
  return stateOf(stream).closeEmitted ?? stream.closed;
}

function stateOf(stream: AnyStream): { emitClose?: boolean; closeEmitted?: boolean } {
  const { _readableState, _writableState } = stream as { _readableState?: object; _writableState?: object };
  return _readableState ?? _writableState ?? {};
}

/** What is common to bytes and objects: the next thing that a stream has. */
class Reader {
  private readonly adopted: Adopted<Readable>;
  /** Why nothing can be read, as found when the stream was adopted. */
  private readonly taken: boolean;

  constructor(adopted: Adopted<Readable>) {
    this.adopted = adopted;
    const { stream } = adopted;
    this.taken =
      !(stream.readableEnded || stream.destroyed || adopted.failure) &&
      (stream.readableFlowing === true || stream.listenerCount("data") > 0 || stream.listenerCount("readable") > 0);
  }

  /** What `take` gives, which is null while there is nothing to take; undefined at the end. */
  *next<T>(take: (stream: Readable) => T | null): Op<T | undefined> {
    const { adopted, taken } = this;
    const { where, stream } = adopted;
    requireFiber(`${where}: reading`).context.check();
    if (taken) throw new TypeError(`${where}: the stream has another consumer already`);
    for (;;) {
      adopted.check();
      // Has the stream ask its source, and tell its end.
      if (stream.readableLength === 0) stream.read(0);
      const item = stream.readableLength > 0 ? take(stream) : null;
      if (item !== null) return item;
      if (stream.readableEnded) return undefined;
      const { failure } = adopted;
      if (failure) throw failure.error;
      if (stream.destroyed) throw PREMATURE();
      yield* adopted.wait(where, "readable", "end");
    }
  }
}

class ReadableSource implements Source {
  private readonly where: string;
  private readonly reader: Reader;
  /** The rest of a chunk that could not be asked for in parts. */
  private rest: Uint8Array | undefined = undefined;
  /** For streams that nobody goes on with: what was lent and not used stays here. */
  readonly lend?: (take: (buffers: readonly Uint8Array[]) => Op<number>) => Op<void>;

  constructor(adopted: Adopted<Readable>) {
    this.where = adopted.where;
    this.reader = new Reader(adopted);
    if (adopted.isOwned) this.lend = (take) => new Recipe(() => this.lendChunk(take)[Symbol.iterator]());
  }

  read(buffer: Uint8Array): Op<number> {
    expectBytes(`${this.where}: read`, "buffer", buffer);
    if (buffer.length === 0) refuse(`${this.where}: read`, "buffer", "at least one byte long", buffer);
    return new Recipe(() => this.readInto(buffer)[Symbol.iterator]());
  }

  private *lendChunk(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    const chunk = yield* this.next(Infinity);
    // Another reader must not have it meanwhile.
    this.rest = undefined;
    let used = 0;
    try {
      used = yield* take([chunk]);
    } finally {
      const left = chunk.subarray(used);
      if (left.length > 0) this.rest = this.rest ? Buffer.concat([left, this.rest]) : left;
    }
  }

  /** A chunk of at most `size` bytes, if the stream can be asked for so many. */
  private *next(size: number): Op<Uint8Array> {
    if (this.rest) requireFiber(`${this.where}: reading`).context.check();
    const chunk = this.rest ?? (yield* this.reader.next((stream) => takeBytes(stream, size)));
    if (chunk === undefined) throw new EndOfFile();
    return chunk;
  }

  private *readInto(buffer: Uint8Array): Op<number> {
    const chunk = yield* this.next(buffer.length);
    const length = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, length));
    this.rest = length < chunk.length ? chunk.subarray(length) : undefined;
    return length;
  }
}

/** At most `length` bytes if the stream can be asked for so many: then it keeps the others itself. */
function takeBytes(stream: Readable, length: number): Uint8Array | null {
  const { readableEncoding: encoding, readableLength, readableHighWaterMark } = stream;
  // More than the high-water mark cannot be asked for without raising it.
  const size = Math.min(length, readableLength, readableHighWaterMark);
  const chunk = (encoding || size === 0 ? stream.read() : stream.read(size)) as Buffer | string | null;
  return typeof chunk === "string" ? Buffer.from(chunk, encoding ?? undefined) : chunk;
}

class WritableSink implements Sink {
  private readonly adopted: Adopted<Writable>;

  constructor(adopted: Adopted<Writable>) {
    this.adopted = adopted;
  }

  write(bytes: Uint8Array): Op<void> {
    expectBytes(`${this.adopted.where}: write`, "bytes", bytes);
    return new Recipe(() => this.writeAll(bytes)[Symbol.iterator]());
  }

  private *writeAll(bytes: Uint8Array): Op<void> {
    const { adopted } = this;
    const { where, stream } = adopted;
    requireFiber(`${where}: writing`).context.check();
    // Another fiber may have filled it.
    yield* this.drained();
    this.check();
    if (bytes.length === 0) return;
    // The caller may use its buffer again, and the stream may still hold this one.
    if (!stream.write(Buffer.from(bytes))) yield* this.drained();
  }

  private *drained(): Op<void> {
    const { where, stream } = this.adopted;
    for (;;) {
      this.check();
      if (!stream.writableNeedDrain) return;
      yield* this.adopted.wait(`${where}: room to write`, "drain");
    }
  }

  /** Throws what a write would fail with; writing all the same would emit it as well. */
  private check(): void {
    const { adopted } = this;
    adopted.check();
    if (adopted.failure) throw adopted.failure.error;
    if (adopted.stream.destroyed) throw DESTROYED();
    if (adopted.stream.writableEnded) throw AFTER_END();
  }

  close(): Op<void> {
    return new Recipe(() => this.end()[Symbol.iterator]());
  }

  private *end(): Op<void> {
    const { adopted } = this;
    const { where, stream } = adopted;
    requireFiber(`${where}: closing`).context.check();
    for (;;) {
      if (stream.writableFinished) return;
      adopted.check();
      if (adopted.failure) throw adopted.failure.error;
      if (stream.destroyed) throw PREMATURE();
      if (!stream.writableEnded) stream.end();
      else yield* adopted.wait(`${where}: the end of what was written`, "finish");
    }
  }
}

function expectReadable(where: string, stream: unknown): void {
  const { read, on } = (stream ?? {}) as Partial<Readable>;
  if (typeof read !== "function" || typeof on !== "function") refuse(where, "stream", "a Readable of Node", stream);
}

function expectBytesFrom(where: string, stream: Readable, strict: boolean): void {
  expectReadable(where, stream);
  if (stream.readableObjectMode)
    refuse(where, "stream", "a stream of bytes", stream, "for one of objects use fromObjects");
  if (strict && stream.readableEncoding)
    refuse(where, "stream", `a stream without an encoding (this one has "${stream.readableEncoding}")`, stream);
}

function expectWritable(where: string, stream: unknown): void {
  const { write, on } = (stream ?? {}) as Partial<Writable>;
  if (typeof write !== "function" || typeof on !== "function") refuse(where, "stream", "a Writable of Node", stream);
}

/**
 * A `Readable` of Node as a {@link Source}. It is never made to flow: what is not read stays in the stream, up to its high-water mark.
 *
 * When the stream fails, what was buffered can still be read, and then each read throws its error, the same object; if it is destroyed
 * before its end, an `ERR_STREAM_PREMATURE_CLOSE`. Where the stream stood when it was adopted makes no difference: one that has ended
 * gives `EndOfFile`, one that somebody else reads a `TypeError`, both at the first read. A cancelled read has consumed nothing, and has no
 * listener left when `cancel` returns.
 *
 * The strings of a stream with an encoding are encoded back, which loses what was not valid in it.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   const source = fromReadable(sw, createReadStream("notes.txt"));
 *   const buffer = new Uint8Array(4096);
 *   const length = yield* source.read(buffer);
 * }); // the stream is destroyed and closed here
 *
 * @param sw  destroys the stream when it ends, and waits for its 'close'
 * @param options.owned  false: the switch leaves it as it is; default true
 * @param options.strict  refuse a stream with an encoding; default false
 * @throws TypeError at once, for a stream in object mode
 * @throws Cancelled, SwitchFinishedError when the switch is not on; the stream is not touched
 */
export function fromReadable(sw: Switch, stream: NodeReadable, options?: FromReadableOptions): Source {
  expectSwitch("fromReadable", sw);
  expectBytesFrom("fromReadable", stream, options?.strict === true);
  return new ReadableSource(new Adopted("fromReadable", sw, stream, options));
}

/**
 * A `Writable` of Node as a {@link Sink}. A write returns when the stream has taken the bytes and has room again: after 'drain' if
 * there was none. They are copied. What the stream reports later fails the next write, or `close`.
 *
 * `close` returns after 'finish'. A switch that ends without it destroys the stream, and what was not flushed is lost. Writing after
 * the end throws `ERR_STREAM_WRITE_AFTER_END`, after a `destroy` the stream's error or `ERR_STREAM_DESTROYED`; nothing is emitted.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   const sink = fromWritable(sw, createWriteStream("copy.txt"));
 *   yield* sink.write(new TextEncoder().encode("hello"));
 *   yield* sink.close();
 * });
 *
 * @param sw  destroys the stream when it ends, and waits for its 'close'
 * @param options.owned  false: the switch leaves it as it is; default true
 * @throws Cancelled, SwitchFinishedError when the switch is not on; the stream is not touched
 */
export function fromWritable(sw: Switch, stream: NodeWritable, options?: AdoptOptions): Sink {
  expectSwitch("fromWritable", sw);
  expectWritable("fromWritable", stream);
  return new WritableSink(new Adopted("fromWritable", sw, stream, options));
}

class DuplexFlow implements TwoWay {
  private readonly source: ReadableSource;
  private readonly sink: WritableSink;

  constructor(adopted: Adopted<Duplex>) {
    this.source = new ReadableSource(adopted);
    this.sink = new WritableSink(adopted);
  }

  read(buffer: Uint8Array): Op<number> {
    return this.source.read(buffer);
  }

  write(bytes: Uint8Array): Op<void> {
    return this.sink.write(bytes);
  }

  close(): Op<void> {
    return this.sink.close();
  }
}

/**
 * A `Duplex` of Node, such as a socket, as a {@link TwoWay}: {@link fromReadable} and {@link fromWritable} in one. `close` ends only what
 * is written, unless the stream was made with `allowHalfOpen: false`.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   const peer = fromDuplex(sw, new PassThrough());
 *   yield* peer.write(new TextEncoder().encode("hello"));
 *   yield* peer.close();
 *   const length = yield* peer.read(new Uint8Array(100)); // => 5
 * });
 *
 * @throws Cancelled, SwitchFinishedError when the switch is not on; the stream is not touched
 */
export function fromDuplex(sw: Switch, stream: NodeDuplex, options?: FromReadableOptions): TwoWay {
  expectSwitch("fromDuplex", sw);
  expectBytesFrom("fromDuplex", stream, options?.strict === true);
  expectWritable("fromDuplex", stream);
  return new DuplexFlow(new Adopted("fromDuplex", sw, stream, options));
}

// --- flows, to streams of Node ---

/** The options of {@link toReadable}. */
export interface ToReadableOptions extends ServingOptions {
  /** Bytes that the stream holds ready, and the most that are read at once. Default: that of the platform. */
  highWaterMark?: number;
  /** Give strings in this encoding. Default: bytes. */
  encoding?: "utf8" | "latin1" | "ascii" | "hex" | "base64" | "base64url" | "utf16le";
}

/** The options of {@link toWritable}. */
export interface ToWritableOptions extends ServingOptions {
  /** Bytes that the stream takes before it asks its writers to wait. Default: that of the platform. */
  highWaterMark?: number;
}

/** A falsy error would look like success to a stream of Node. */
function asError(error: unknown): Error {
  return error ? (error as Error) : new Error(`The flow failed with ${String(error)}`, { cause: error });
}

/** What the callback of `_destroy` is given: the error that there was, else the one that the end brought. */
function whenEnded(error: Error | null, callback: (error?: Error | null) => void): Ended {
  return (failure) => {
    // The consumer is told one error, the first.
    if (error && failure?.error && failure.error !== error) reportUnhandled(failure.error);
    callback(error ?? (failure ? asError(failure.error) : null));
  };
}

const stopReason = (error: Error | null) =>
  error ?? streamError("ERR_STREAM_DESTROYED", "The stream was destroyed by its consumer");

/** Reads for a stream: one read at a time, each into fresh memory, of which little is wasted. */
class Supply {
  private buffer: Uint8Array | undefined = undefined;

  /** A chunk of at most `size` bytes; null at the end. */
  *chunk(source: Source, size: number): Op<Uint8Array | null> {
    const buffer = this.buffer?.length === size ? this.buffer : new Uint8Array(size);
    this.buffer = undefined;
    try {
      const length = yield* source.read(buffer);
      if (length > size / 2) return buffer.subarray(0, length);
      this.buffer = buffer;
      return buffer.slice(0, length);
    } catch (error) {
      if (error instanceof EndOfFile) return null;
      throw error;
    }
  }
}

class SourceReadable extends Readable {
  private readonly serving: Serving<Source>;
  private readonly supply = new Supply();

  constructor(source: Opened<Source>, options: ToReadableOptions | undefined) {
    const { highWaterMark, encoding } = options ?? {};
    super({ ...(highWaterMark === undefined ? {} : { highWaterMark }), ...(encoding ? { encoding } : {}) });
    this.serving = new Serving("toReadable", source, options, (error) => this.destroy(asError(error)));
  }

  override _read(size: number): void {
    this.serving.ask(
      (source) => this.supply.chunk(source, Math.max(size, 1)),
      (outcome) => supplied(this, outcome),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const ended = whenEnded(error, callback);
    if (this.readableEnded) this.serving.finish(ended);
    else this.serving.stop(stopReason(error), ended);
  }
}

function supplied(stream: Readable, outcome: Result<unknown>): void {
  if (stream.destroyed) return;
  if (outcome.ok) stream.push(outcome.value);
  else stream.destroy(asError(outcome.error));
}

class SinkWritable extends Writable {
  private readonly serving: Serving<Sink>;

  constructor(sink: Opened<Sink>, options: ToWritableOptions | undefined) {
    const { highWaterMark } = options ?? {};
    super(highWaterMark === undefined ? {} : { highWaterMark });
    this.serving = new Serving("toWritable", sink, options, (error) => this.destroy(asError(error)));
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.serving.ask((sink) => sink.write(chunk), written(callback));
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.serving.ask((sink) => sink.close(), written(callback));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const ended = whenEnded(error, callback);
    if (this.writableFinished) this.serving.finish(ended);
    else this.serving.stop(stopReason(error), ended);
  }
}

function written(callback: (error?: Error | null) => void): (outcome: Result<unknown>) => void {
  return (outcome) => callback(outcome.ok ? null : asError(outcome.error));
}

/**
 * A {@link Source} as a `Readable` of Node. It is read when the stream is, by one fiber at a time, and no more than the stream has room for.
 *
 * An error of the source destroys the stream with the same object; a falsy one comes in an `Error`, as its `cause`. When the stream is
 * destroyed, the read is cancelled in the same turn, and 'close' comes when all finalizers are done.
 *
 * Given a function, the source is opened at the first read, in a switch that ends with the stream; 'close' comes after its release
 * handlers.
 *
 * @example
 * const body = toReadable((sw) => openReport(sw));
 * await pipeline(body, createWriteStream("report.txt"));
 *
 * @param source  a source, or a function that opens one
 * @param options.sw  a switch that waits for the stream's end, and destroys it with an `AbortError` if it fails
 * @param options.highWaterMark  in bytes; by default that of the platform
 * @param options.encoding  give strings; by default bytes
 * @param options.name  shown in reports
 * @throws Cancelled, SwitchFinishedError when `options.sw` is not on
 */
export function toReadable(source: Opened<Source>, options?: ToReadableOptions): NodeReadable {
  expectFlow("toReadable", "source", source, "read");
  return new SourceReadable(source, options);
}

/**
 * A {@link Sink} as a `Writable` of Node: the callback of each write comes when the sink has taken the bytes, 'finish' when it has closed.
 *
 * An error of the sink destroys the stream with the same object. When the stream is destroyed, a write in progress is cancelled in
 * the same turn, the sink is not closed, and 'close' comes when all finalizers are done. Given a function, the sink is opened at the first
 * write, in a switch that ends with the stream.
 *
 * @example
 * await pipeline(createReadStream("notes.txt"), toWritable((sw) => openUpload(sw)));
 *
 * @param sink  a sink, or a function that opens one
 * @param options.sw  a switch that waits for the stream's end, and destroys it with an `AbortError` if it fails
 * @param options.highWaterMark  in bytes; by default that of the platform
 * @param options.name  shown in reports
 * @throws Cancelled, SwitchFinishedError when `options.sw` is not on
 */
export function toWritable(sink: Opened<Sink>, options?: ToWritableOptions): NodeWritable {
  expectFlow("toWritable", "sink", sink, "write", "close");
  return new SinkWritable(sink, options);
}

class FlowDuplex extends Duplex {
  private readonly serving: Serving<TwoWay>;
  private readonly supply = new Supply();

  constructor(flow: Opened<TwoWay>, options: ToWritableOptions | undefined) {
    const { highWaterMark } = options ?? {};
    super(highWaterMark === undefined ? {} : { highWaterMark });
    this.serving = new Serving("toDuplex", flow, options, (error) => this.destroy(asError(error)));
  }

  override _read(size: number): void {
    this.serving.ask(
      (flow) => this.supply.chunk(flow, Math.max(size, 1)),
      (outcome) => supplied(this, outcome),
    );
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.serving.ask((flow) => flow.write(chunk), written(callback));
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.serving.ask((flow) => flow.close(), written(callback));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const ended = whenEnded(error, callback);
    if (this.readableEnded && this.writableFinished) this.serving.finish(ended);
    else this.serving.stop(stopReason(error), ended);
  }
}

/**
 * A {@link TwoWay} as a `Duplex` of Node: {@link toReadable} and {@link toWritable} in one. Each direction has one fiber at a time and an
 * end of its own; `destroy` cancels both.
 *
 * @example
 * const stream = toDuplex((sw) => dial(sw, "localhost:7"));
 * await pipeline(createReadStream("notes.txt"), stream, createWriteStream("answers.txt"));
 *
 * @param flow  a flow, or a function that opens one
 * @param options  as in {@link toWritable}; the high-water mark is that of each direction
 * @throws Cancelled, SwitchFinishedError when `options.sw` is not on
 */
export function toDuplex(flow: Opened<TwoWay>, options?: ToWritableOptions): NodeDuplex {
  expectFlow("toDuplex", "flow", flow, "read", "write", "close");
  return new FlowDuplex(flow, options);
}

// --- objects ---

/** Items that arrive over time, as the cursors of streams and sequences give them. */
export type Items<T> = Pick<Cursor<T>, "next" | "value">;

class ReadableItems<T> extends Cursor<T> {
  private readonly reader: Reader;

  constructor(adopted: Adopted<Readable>) {
    super();
    this.reader = new Reader(adopted);
  }

  next(): Op<boolean> {
    return new Recipe(() => this.goOn()[Symbol.iterator]());
  }

  private *goOn(): Op<boolean> {
    const box = yield* this.reader.next((stream) => {
      const item = stream.read() as T | null;
      return item === null ? null : { item };
    });
    return box ? this.moveTo(box.item) : this.moveToEnd();
  }
}

/**
 * The objects of a `Readable` of Node in object mode (chunks, for others). Otherwise as {@link fromReadable}: errors, cancellation and the
 * switch are as there.
 *
 * @example
 * const rows = fromObjects<string>(sw, Readable.from(["a", "b"]));
 * while (yield* rows.next()) log(rows.value);
 *
 * @throws Cancelled, SwitchFinishedError when the switch is not on; the stream is not touched
 */
export function fromObjects<T>(sw: Switch, stream: NodeReadable, options?: AdoptOptions): Cursor<T> {
  expectSwitch("fromObjects", sw);
  expectReadable("fromObjects", stream);
  return new ReadableItems<T>(new Adopted("fromObjects", sw, stream, options));
}

class ItemsReadable<T> extends Readable {
  private readonly serving: Serving<Items<T>>;

  constructor(items: Opened<Items<T>>, options: ToWritableOptions | undefined) {
    const { highWaterMark } = options ?? {};
    super({ objectMode: true, ...(highWaterMark === undefined ? {} : { highWaterMark }) });
    this.serving = new Serving("toObjectReadable", items, options, (error) => this.destroy(asError(error)));
  }

  override _read(): void {
    this.serving.ask(nextItem<T>, (outcome) => supplied(this, outcome));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const ended = whenEnded(error, callback);
    if (this.readableEnded) this.serving.finish(ended);
    else this.serving.stop(stopReason(error), ended);
  }
}

/** An item for `push`, where null is the end. */
function* nextItem<T>(items: Items<T>): Op<T | null> {
  if (!(yield* items.next())) return null;
  const { value } = items;
  if (value === null)
    throw new TypeError(
      "toObjectReadable: null cannot be an item, as it is the end of a Readable; wrap it in an object",
    );
  return value;
}

/**
 * Items of a cursor as a `Readable` of Node in object mode; each is the very object. `null` cannot be an item there: it destroys
 * the stream with a `TypeError`. Otherwise as {@link toReadable}.
 *
 * @example
 * const rows = toObjectReadable(jobs.iterate());
 * jobs.close();
 * for await (const row of rows) log(row);
 *
 * @param items  a cursor, or a function that opens one
 * @param options  as in {@link toReadable}; the high-water mark counts items, 16 by default
 * @throws Cancelled, SwitchFinishedError when `options.sw` is not on
 */
export function toObjectReadable<T>(items: Opened<Items<T>>, options?: ToWritableOptions): NodeReadable {
  expectFlow("toObjectReadable", "items", items, "next");
  return new ItemsReadable<T>(items, options);
}
