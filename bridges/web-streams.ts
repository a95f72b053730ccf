// The streams of the web, both ways.
//
// |             | `fromReadableStream`, `fromWritableStream`        | `toReadableStream`, `toWritableStream`              |
// |-------------|---------------------------------------------------|-----------------------------------------------------|
// | starts      | locked at the call; asked for bytes by a read     | at the first pull or write                          |
// | cancel      | of a fiber: ends its wait, no byte is lost; of    | `cancel` and `abort` cancel in the same turn, also  |
// |             | the switch: `cancel` or `abort`, in the same turn | in the middle of a read or write, and settle after  |
// |             |                                                   | the finalizers                                      |
// | owner       | the switch, which waits for the stream's own end  | whoever holds the stream; `sw`                      |
// | error       | the same object, each time; what the platform had | the same object; an `AbortError` if `sw` is         |
// |             | queued is lost with it                            | cancelled                                           |
// | buffer      | the stream's own; one chunk that was asked for    | none ahead, unless `strategy` says so               |
// | turns       | those of the stream's promises                    | one microtask beside those of the fiber             |

import {
  Cancelled,
  EndOfFile,
  reportUnhandled,
  suspendUnchecked,
  type Op,
  type Sink,
  type Source,
  type Switch,
  type Result,
} from "trestle";
import { Cursor } from "trestle/cursor";
import { isEcho } from "./crossing/abort-error.js";
import { Pipe, startTransform, type Transform } from "./crossing/pipe.js";
import { awaitValue } from "./crossing/reaction.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectBytes, expectSwitch, refuse } from "./crossing/refuse.js";
import { expectFlow, Serving, type Ended, type Opened, type ServingOptions } from "./crossing/serving.js";
import type { Strategy, WebReadable, WebWritable } from "./crossing/stream-types.js";

export type { Opened } from "./crossing/serving.js";
export type { Strategy } from "./crossing/stream-types.js";

// --- streams of the web, to fibers ---

/** The options of what adopts a stream. */
export interface AdoptWebOptions {
  /**
   * Whether the stream ends with the switch: cancelled or aborted, unless it has ended by itself. Default true. Otherwise the lock is
   * given back, and the stream left to its owner.
   */
  owned?: boolean;
  /** How many seconds the end of the switch waits for that of an owned stream. Default 10. */
  closeTimeout?: number;
}

function expectAdoptOptions(where: string, options: AdoptWebOptions | undefined): void {
  const seconds: unknown = options?.closeTimeout;
  if (seconds !== undefined && (typeof seconds !== "number" || !(seconds >= 0)))
    refuse(where, "options.closeTimeout", "a number of seconds that is not negative", seconds);
}

/** The longest time that a timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** Ties a locked stream to a switch: told to end in the turn in which that is cancelled, unlocked when it ends. */
class Lock {
  private readonly where: string;
  private readonly closeTimeout: number;
  private readonly owned: boolean;
  private readonly end: (reason: unknown) => Promise<unknown>;
  private readonly unlock: () => void;
  private readonly detach: () => void;
  private ending: Promise<Result<void>> | undefined = undefined;
  private stop: Cancelled | undefined = undefined;
  private released = false;

  /**
   * @param end  cancels or aborts the stream
   * @param unlock  gives the lock back
   */
  constructor(
    where: string,
    sw: Switch,
    options: AdoptWebOptions | undefined,
    end: (reason: unknown) => Promise<unknown>,
    unlock: () => void,
  ) {
    this.where = where;
    this.owned = options?.owned !== false;
    this.closeTimeout = options?.closeTimeout ?? 10;
    this.end = end;
    this.unlock = unlock;
    const hook = sw.addHook(() => this.release(), this.where);
    const forget = this.owned ? sw.context.onCancel((cancelled: Cancelled) => this.begin(cancelled)) : () => {};
    this.detach = () => {
      hook.remove();
      forget();
    };
  }

  private begin(stop: Cancelled): void {
    if (this.released || this.ending) return;
    this.stop = stop;
    this.ending = Promise.resolve(this.end(stop.reason)).then(
      () => ({ ok: true, value: undefined }),
      (error: unknown) => ({ ok: false, error }),
    );
  }

  /** The stream is over. */
  finished(): void {
    if (this.released) return;
    this.released = true;
    this.detach();
    this.unlock();
  }

  private release(): Op<void> | void {
    if (this.released) return;
    if (this.owned) this.begin(new Cancelled(undefined));
    this.finished();
    if (this.ending) return this.ended(this.ending);
  }

  private *ended(ending: Promise<Result<void>>): Op<void> {
    const { closeTimeout, stop } = this;
    const outcome = yield* suspendUnchecked<Result<void>>(`${this.where}: the end of the stream`, (_ctx, enqueue) => {
      const limit = Math.min(closeTimeout * 1000, LONGEST);
      const timer = setTimeout(() => enqueue({ ok: true, value: { ok: true, value: undefined } }), limit);
      void ending.then((outcome) => {
        clearTimeout(timer);
        enqueue({ ok: true, value: outcome });
      });
    });
    // An end that was under way may fail because of ours: that only says that the stream has heeded it.
    if (!outcome.ok && !isEcho(outcome.error, stop!)) throw outcome.error;
  }

  /** The stream has ended, or has been told to. */
  get isOver(): boolean {
    return this.released || this.ending !== undefined;
  }

  /** Throws when the stream is not ours any more. */
  check(): void {
    if (this.isOver) throw new TypeError(`${this.where}: the switch that had the stream has ended`);
  }
}

const ignore = () => {};

interface AnyReader {
  read(): Promise<{ done: boolean; value?: unknown }>;
  cancel(reason?: unknown): Promise<void>;
  releaseLock(): void;
  readonly closed: Promise<unknown>;
}

/** One chunk at a time from a stream. A chunk that was asked for waits here if the fiber that asked does not. */
class Puller {
  private readonly where: string;
  private readonly lock: Lock;
  private readonly reader: AnyReader;
  private readonly ask: () => Promise<{ done: boolean; value?: unknown }>;
  private pending: Promise<void> | undefined = undefined;
  private arrived: { chunk: unknown } | undefined = undefined;
  private over: Result<void> | undefined = undefined;

  constructor(
    where: string,
    sw: Switch,
    options: AdoptWebOptions | undefined,
    reader: AnyReader,
    ask = () => reader.read(),
  ) {
    this.where = where;
    this.reader = reader;
    this.ask = ask;
    reader.closed.then(ignore, ignore);
    this.lock = new Lock(
      where,
      sw,
      options,
      (reason) => reader.cancel(reason),
      () => this.unlock(),
    );
  }

  private unlock(): void {
    try {
      this.reader.releaseLock();
    } catch {
      // Older platforms do not unlock while a read is under way; that read ends with the stream.
    }
  }

  /** The next chunk; undefined at the end. */
  *next(): Op<{ readonly chunk: unknown } | undefined> {
    requireFiber(`${this.where}: reading`).context.check();
    for (;;) {
      const { arrived, over } = this;
      if (arrived) {
        this.arrived = undefined;
        return arrived;
      }
      if (over) {
        if (over.ok) return undefined;
        throw over.error;
      }
      this.lock.check();
      this.pending ??= this.pull();
      yield* awaitValue(this.where, this.pending);
    }
  }

  private async pull(): Promise<void> {
    try {
      const { done, value } = await this.ask();
      if (done) this.ended({ ok: true, value: undefined });
      else this.arrived = { chunk: value };
    } catch (error) {
      this.ended({ ok: false, error });
    }
    this.pending = undefined;
  }

  private ended(over: Result<void>): void {
    // A read that our own end of the stream has cut short says nothing of the stream.
    if (this.lock.isOver) return;
    this.over = over;
    this.lock.finished();
  }
}

class EmptySource implements Source {
  read(): Op<number> {
    return new Recipe(() => endOfFile()[Symbol.iterator]());
  }
}

function* endOfFile(): Op<never> {
  requireFiber("fromReadableStream: reading").context.check();
  throw new EndOfFile();
}

class StreamSource implements Source {
  private readonly puller: Puller;
  private rest: Uint8Array | undefined = undefined;

  constructor(puller: Puller) {
    this.puller = puller;
  }

  read(buffer: Uint8Array): Op<number> {
    expectBytes("fromReadableStream: read", "buffer", buffer);
    if (buffer.length === 0) refuse("fromReadableStream: read", "buffer", "at least one byte long", buffer);
    return new Recipe(() => this.readInto(buffer)[Symbol.iterator]());
  }

  private *readInto(buffer: Uint8Array): Op<number> {
    requireFiber("fromReadableStream: reading").context.check();
    let bytes = this.rest;
    while (!bytes) {
      const next = yield* this.puller.next();
      if (!next) throw new EndOfFile();
      const chunk = bytesOf("fromReadableStream", next.chunk);
      if (chunk.length > 0) bytes = chunk;
    }
    const length = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, length));
    this.rest = length < bytes.length ? bytes.subarray(length) : undefined;
    return length;
  }
}

function bytesOf(where: string, chunk: unknown): Uint8Array {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  return refuse(where, "chunk", "bytes", chunk, "for a stream of anything else use fromObjects or toObjectStream");
}

function lockedReader(where: string, stream: WebReadable<unknown> | null): AnyReader {
  const { getReader, locked } = (stream ?? {}) as Partial<WebReadable<unknown>>;
  if (typeof getReader !== "function") refuse(where, "stream", "a ReadableStream", stream);
  if (locked) refuse(where, "stream", "a stream that nobody has locked", stream, "it has another reader");
  return stream!.getReader();
}

/** Bytes that are read at once from a stream that fills buffers. */
const FILLED = 16_384;

/**
 * A `ReadableStream` of bytes as a {@link Source}; `null`, the body of a response without one, is empty. The stream is locked until it or
 * the switch has ended.
 *
 * When the switch is cancelled, so is an owned stream, in the same turn and with the same reason; when it ends, too, unless the stream
 * has ended by itself. The switch waits for that, up to `closeTimeout`. A stream that is not owned is unlocked only. A cancelled read
 * consumes nothing: what it had asked for is for the next read.
 *
 * When the stream fails, the platform drops what it had queued: the next read throws the error, the same object each time.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   const response = yield* fromAsync((signal) => fetch(url, { signal }));
 *   const body = fromReadableStream(sw, response.body);
 *   const length = yield* body.read(new Uint8Array(1024));
 * });
 *
 * @param sw  cancels the stream when it ends
 * @param options.owned  false: the switch only unlocks it; default true
 * @param options.closeTimeout  in seconds; default 10
 * @throws TypeError at once, when the stream is locked
 * @throws Cancelled, SwitchFinishedError when the switch is not on; the stream is not touched
 */
export function fromReadableStream(
  sw: Switch,
  stream: WebReadable<Uint8Array> | null,
  options?: AdoptWebOptions,
): Source {
  expectSwitch("fromReadableStream", sw);
  expectAdoptOptions("fromReadableStream", options);
  sw.check();
  if (stream === null) return new EmptySource();
  const filling = fillingReader(stream);
  const reader = filling ?? lockedReader("fromReadableStream", stream);
  return new StreamSource(new Puller("fromReadableStream", sw, options, reader, filling && fill(filling)));
}

type FillingReader = AnyReader & { read(view: Uint8Array): Promise<{ done: boolean; value?: Uint8Array }> };

/** A reader by which the stream fills our buffer, of a stream that can. */
function fillingReader(stream: WebReadable<Uint8Array>): FillingReader | undefined {
  try {
    return (stream as { getReader(options: { mode: "byob" }): unknown }).getReader({ mode: "byob" }) as FillingReader;
  } catch {
    return undefined;
  }
}

/** Reads into one piece of memory again and again: by the time of the next read, the bytes have been taken out. */
function fill(reader: FillingReader): () => Promise<{ done: boolean; value?: unknown }> {
  let memory: ArrayBufferLike | undefined;
  return async () => {
    const lent = new Uint8Array(memory ?? new ArrayBuffer(FILLED));
    memory = undefined;
    const result = await reader.read(lent);
    memory = result.value?.buffer;
    return result;
  };
}

class StreamItems<T> extends Cursor<T> {
  private readonly puller: Puller;

  constructor(puller: Puller) {
    super();
    this.puller = puller;
  }

  next(): Op<boolean> {
    return new Recipe(() => this.goOn()[Symbol.iterator]());
  }

  private *goOn(): Op<boolean> {
    const next = yield* this.puller.next();
    return next ? this.moveTo(next.chunk as T) : this.moveToEnd();
  }
}

/**
 * What a `ReadableStream` gives, whatever that is: each chunk is the very object. Otherwise as {@link fromReadableStream}.
 *
 * @example
 * const texts = fromObjects<string>(sw, new Blob(["text"]).stream().pipeThrough(new TextDecoderStream()));
 * while (yield* texts.next()) log(texts.value);
 *
 * @throws TypeError at once, when the stream is locked
 * @throws Cancelled, SwitchFinishedError when the switch is not on; the stream is not touched
 */
export function fromObjects<T>(sw: Switch, stream: WebReadable<T>, options?: AdoptWebOptions): Cursor<T> {
  expectSwitch("fromObjects", sw);
  expectAdoptOptions("fromObjects", options);
  sw.check();
  return new StreamItems<T>(new Puller("fromObjects", sw, options, lockedReader("fromObjects", stream)));
}

interface AnyWriter {
  readonly ready: Promise<unknown>;
  readonly closed: Promise<unknown>;
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
  releaseLock(): void;
}

class StreamSink implements Sink {
  private readonly writer: AnyWriter;
  private readonly lock: Lock;
  private closing: Promise<void> | undefined = undefined;
  private failure: { error: unknown } | undefined = undefined;

  constructor(sw: Switch, writer: AnyWriter, options: AdoptWebOptions | undefined) {
    this.writer = writer;
    writer.closed.then(ignore, (error: unknown) => {
      if (this.lock.isOver) return;
      this.failure = { error };
      this.lock.finished();
    });
    writer.ready.then(ignore, ignore);
    this.lock = new Lock(
      "fromWritableStream",
      sw,
      options,
      (reason) => writer.abort(reason),
      () => writer.releaseLock(),
    );
  }

  write(bytes: Uint8Array): Op<void> {
    expectBytes("fromWritableStream: write", "bytes", bytes);
    return new Recipe(() => this.writeAll(bytes)[Symbol.iterator]());
  }

  private *writeAll(bytes: Uint8Array): Op<void> {
    requireFiber("fromWritableStream: writing").context.check();
    this.check();
    const { ready } = this.writer;
    ready.then(ignore, ignore);
    yield* awaitValue("fromWritableStream: room to write", ready);
    this.check();
    if (bytes.length === 0) return;
    const written = this.writer.write(bytes.slice());
    written.then(ignore, ignore);
    yield* awaitValue("fromWritableStream", written);
  }

  private check(): void {
    if (this.failure) throw this.failure.error;
    if (this.closing) throw new TypeError("fromWritableStream: the sink has been closed");
    this.lock.check();
  }

  close(): Op<void> {
    return new Recipe(() => this.end()[Symbol.iterator]());
  }

  private *end(): Op<void> {
    requireFiber("fromWritableStream: closing").context.check();
    if (!this.closing) {
      this.check();
      this.closing = this.writer.close();
      this.closing.then(() => this.lock.finished(), ignore);
    }
    yield* awaitValue("fromWritableStream: the end of what was written", this.closing);
  }
}

/**
 * A `WritableStream` of bytes as a {@link Sink}. A write waits for room, and then for the stream to have dealt with the bytes, so that its
 * error is that of the write itself. The stream is locked until it or the switch has ended.
 *
 * When the switch is cancelled, an owned stream is aborted in the same turn, with the same reason; when it ends without `close`, too.
 * The switch waits for that, up to `closeTimeout`. A stream that is not owned is unlocked only.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   const sink = fromWritableStream(sw, new WritableStream<Uint8Array>());
 *   yield* sink.write(new TextEncoder().encode("hello"));
 *   yield* sink.close();
 * });
 *
 * @param sw  aborts the stream when it ends
 * @param options.owned  false: the switch only unlocks it; default true
 * @param options.closeTimeout  in seconds; default 10
 * @throws TypeError at once, when the stream is locked
 * @throws Cancelled, SwitchFinishedError when the switch is not on; the stream is not touched
 */
export function fromWritableStream(sw: Switch, stream: WebWritable<Uint8Array>, options?: AdoptWebOptions): Sink {
  const where = "fromWritableStream";
  expectSwitch(where, sw);
  expectAdoptOptions(where, options);
  const { getWriter, locked } = (stream ?? {}) as Partial<WebWritable<Uint8Array>>;
  if (typeof getWriter !== "function") refuse(where, "stream", "a WritableStream", stream);
  if (locked) refuse(where, "stream", "a stream that nobody has locked", stream, "it has another writer");
  sw.check();
  return new StreamSink(sw, stream.getWriter(), options);
}

// --- flows, to streams of the web ---

/** The options of {@link toReadableStream}. */
export interface ToReadableStreamOptions extends ServingOptions {
  /** How much is kept ready, ahead of the reads. Default: nothing. */
  strategy?: Strategy<Uint8Array>;
  /** The most bytes that are read at once. Default 65,536. */
  chunkSize?: number;
}

/** The options of {@link toWritableStream}. */
export interface ToWritableStreamOptions extends ServingOptions {
  /** How much is taken before writers are asked to wait. Default: that of the platform, one chunk. */
  strategy?: Strategy<Uint8Array>;
}

/** The options of {@link toObjectStream}. */
export interface ToObjectStreamOptions<T> extends ServingOptions {
  /** How much is kept ready, ahead of the reads. Default: nothing. */
  strategy?: Strategy<T>;
}

/** The writing end of a `ReadableStream`, as its constructor hands it out. */
interface Controller<T> {
  enqueue(chunk: T): void;
  close(): void;
  error(reason: unknown): void;
}

/** What `next` gives at the end. */
const END: unique symbol = Symbol("end");

/** A stream whose chunks come from `next`, run by a fiber at each pull. */
function readableOf<S, T>(
  where: string,
  target: Opened<S>,
  options: ServingOptions | undefined,
  strategy: Strategy<T> | undefined,
  next: (flow: S) => Op<T | typeof END>,
): ReadableStream<T> {
  let controller!: Controller<T>;
  let open = true;
  const fail = (error: unknown) => {
    if (!open) return;
    open = false;
    controller.error(error);
  };
  const serving = new Serving<S>(where, target, options, fail);
  return new ReadableStream<T>(
    {
      start(given) {
        controller = given;
      },
      pull: () =>
        new Promise<void>((resolve) => {
          serving.ask(next, (outcome) => {
            if (!open) return resolve();
            if (!outcome.ok) {
              fail(outcome.error);
              serving.stop(outcome.error, reportUnlessIs(outcome.error));
              return resolve();
            }
            if (outcome.value !== END) {
              controller.enqueue(outcome.value);
              return resolve();
            }
            // The end is seen after the finalizers, which may fail.
            serving.finish((failure) => {
              if (failure) fail(failure.error);
              else if (open) {
                open = false;
                controller.close();
              }
              resolve();
            });
          });
        }),
      cancel: (reason) => {
        open = false;
        return stopped(serving, reason);
      },
    },
    strategy ?? { highWaterMark: 0 },
  );
}

/** Stops what is behind a stream; the promise settles after the finalizers. */
function stopped<S>(serving: Serving<S>, reason: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    serving.stop(reason, (failure) => (failure ? reject(failure.error) : resolve()));
  });
}

/** The consumer knows of `error`; what else goes wrong at the end has nobody to go to. */
function reportUnlessIs(error: unknown): Ended {
  return (failure) => {
    if (failure && failure.error !== error) reportUnhandled(failure.error);
  };
}

/**
 * A {@link Source} as a `ReadableStream` of bytes. It is read at each pull, one chunk at a time, and by default nothing ahead of that.
 *
 * An error of the source is the stream's, the same object. When the consumer cancels, the read under way is cancelled in the same turn,
 * with the consumer's reason, and the promise of `cancel` settles when all finalizers are done.
 *
 * Given a function, the source is opened at the first pull, in a switch that ends with the stream; the consumer sees the end after its
 * release handlers.
 *
 * @example
 * await new Response(toReadableStream((sw) => openReport(sw))).text(); // => "all is well"
 *
 * @param source  a source, or a function that opens one
 * @param options.strategy  how much to keep ready; by default nothing
 * @param options.chunkSize  the most bytes that are read at once; default 65,536
 * @param options.sw  a switch that waits for the stream's end; if it fails, the stream does, with an `AbortError`
 * @param options.name  shown in reports
 * @throws Cancelled, SwitchFinishedError when `options.sw` is not on
 */
export function toReadableStream(source: Opened<Source>, options?: ToReadableStreamOptions): WebReadable<Uint8Array> {
  expectFlow("toReadableStream", "source", source, "read");
  const size: unknown = options?.chunkSize ?? 65_536;
  if (typeof size !== "number" || !Number.isInteger(size) || size < 1)
    return refuse("toReadableStream", "options.chunkSize", "a positive integer", size);
  return readableOf("toReadableStream", source, options, options?.strategy, (flow) => chunkOf(flow, size));
}

function* chunkOf(source: Source, size: number): Op<Uint8Array | typeof END> {
  try {
    const buffer = new Uint8Array(size);
    const length = yield* source.read(buffer);
    // A short chunk is not to keep a long buffer alive.
    return length > size / 2 ? buffer.subarray(0, length) : buffer.slice(0, length);
  } catch (error) {
    if (error instanceof EndOfFile) return END;
    throw error;
  }
}

/**
 * Items of a cursor as a `ReadableStream`; each is the very object. Otherwise as {@link toReadableStream}.
 *
 * @example
 * const rows = toObjectStream(jobs.iterate());
 * jobs.close();
 * await rows.pipeTo(new WritableStream({ write: log }));
 *
 * @param items  a cursor, or a function that opens one
 * @param options  as in {@link toReadableStream}
 * @throws Cancelled, SwitchFinishedError when `options.sw` is not on
 */
export function toObjectStream<T>(
  items: Opened<Pick<Cursor<T>, "next" | "value">>,
  options?: ToObjectStreamOptions<T>,
): WebReadable<T> {
  expectFlow("toObjectStream", "items", items, "next");
  return readableOf("toObjectStream", items, options, options?.strategy, itemOf<T>);
}

function* itemOf<T>(items: Pick<Cursor<T>, "next" | "value">): Op<T | typeof END> {
  return (yield* items.next()) ? items.value : END;
}

/** A stream whose chunks are dealt with by `sink`. */
function writableOf<S extends Sink>(
  where: string,
  target: Opened<S>,
  options: ToWritableStreamOptions | undefined,
  pipe?: Pipe,
): WritableStream<Uint8Array> {
  let aborting = false;
  let controller!: { error(reason: unknown): void; readonly signal?: AbortSignal };
  const serving = new Serving<S>(where, target, options, (error) => controller.error(error));
  const abort = (reason: unknown) => {
    if (aborting) return;
    aborting = true;
    pipe?.fail(reason);
    // The sink's own `abort`, which comes next, is told how it ends.
    serving.stop(reason, ignore);
  };
  const done = (resolve: () => void, reject: (error: unknown) => void) => (outcome: Result<void>) => {
    if (outcome.ok) return resolve();
    if (!aborting) serving.stop(outcome.error, reportUnlessIs(outcome.error));
    reject(outcome.error);
  };
  pipe?.onBroken((error) => {
    if (aborting) return;
    controller.error(error);
    serving.stop(error, ignore);
  });
  return new WritableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
        // `abort` itself is only called when the write under way has ended.
        const { signal } = controller;
        signal?.addEventListener("abort", () => abort(signal.reason));
      },
      write: (chunk) =>
        new Promise<void>((resolve, reject) => {
          const bytes = bytesOf(where, chunk);
          serving.ask((sink) => sink.write(bytes), done(resolve, reject));
        }),
      close: () =>
        new Promise<void>((resolve, reject) => {
          serving.ask(
            (sink) => sink.close(),
            (outcome) => {
              if (!outcome.ok) return done(resolve, reject)(outcome);
              serving.finish((failure) => (failure ? reject(failure.error) : resolve()));
            },
          );
        }),
      abort(reason) {
        abort(reason);
        return stopped(serving, reason);
      },
    },
    options?.strategy,
  );
}

/**
 * A {@link Sink} as a `WritableStream` of bytes: a write is over when the sink has taken the bytes, `close` when it has closed.
 *
 * An error of the sink is the stream's, the same object. `abort` cancels a write under way in the same turn, with the reason given; the
 * sink is not closed then, and the promise settles when all finalizers are done. Given a function, the sink is opened at the first
 * write, in a switch that ends with the stream.
 *
 * @example
 * await new Blob(["text"]).stream().pipeTo(toWritableStream((sw) => openUpload(sw)));
 *
 * @param sink  a sink, or a function that opens one
 * @param options.strategy  how much to take ahead; by default one chunk
 * @param options.sw  a switch that waits for the stream's end; if it fails, the stream does, with an `AbortError`
 * @param options.name  shown in reports
 * @throws Cancelled, SwitchFinishedError when `options.sw` is not on
 */
export function toWritableStream(sink: Opened<Sink>, options?: ToWritableStreamOptions): WebWritable<Uint8Array> {
  expectFlow("toWritableStream", "sink", sink, "write", "close");
  return writableOf("toWritableStream", sink, options);
}

// --- in between ---

/** Two ends of a stream, for `pipeThrough`. */
export interface TransformPair {
  readonly readable: WebReadable<Uint8Array>;
  readonly writable: WebWritable<Uint8Array>;
}

/**
 * A fiber function between two byte streams, for `pipeThrough`: it reads what is written to `writable`, and what it writes is read from
 * `readable`. It starts at the first read, and nothing is buffered in between, so a stalled reader stalls the writer.
 *
 * When the body ends, so does `readable`; what is written after that fails. When it fails, both ends do, with its error. A consumer that
 * cancels cancels the body, in the same turn; a producer that aborts makes its next read throw the reason.
 *
 * @example
 * const shout = toTransform(function* (source, sink) {
 *   const buffer = new Uint8Array(1024);
 *   for (;;) {
 *     const length = yield* source.read(buffer); // throws EndOfFile, which ends the body well
 *     yield* sink.write(upperCase(buffer.subarray(0, length)));
 *   }
 * });
 * await new Response(new Blob(["tea"]).stream().pipeThrough(shout)).text(); // => "TEA"
 *
 * @param body  an `EndOfFile` that it throws is an end, too
 * @param options.sw  a switch that waits for the end, and cancels the body if it fails
 * @param options.name  shown in reports
 */
export function toTransform(body: Transform, options?: ServingOptions): TransformPair {
  expectBody("toTransform", "body", body);
  const input = new Pipe("toTransform: input");
  const output = new Pipe("toTransform: output");
  const readable = toReadableStream(function* (sw) {
    yield* startTransform(sw, body, input, output);
    return output;
  }, options);
  const writable = writableOf<Sink>("toTransform", input, options, input);
  return { readable, writable };
}
