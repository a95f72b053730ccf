// Streams of Node that belong to us (sockets, pipes, the standard streams) as flows.

import type { Duplex, Readable, Writable } from "node:stream";
import { hostLoop } from "../engine/host-loop.js";
import type { Op } from "../engine/op.js";
import { WaitingPrimitive } from "../engine/primitive.js";
import { suspend } from "../engine/suspend.js";
import { Waiter, Waiters } from "../engine/waiters.js";
import {
  after,
  EndOfFile,
  expectBuffers,
  expectBytes,
  expectCount,
  lengthOf,
  type Sink,
  type Source,
} from "../flow.js";
import { addContext, fromSystemError, IoError } from "../io-error.js";
import { yieldNow } from "../turns.js";

/** The bytes that a stream gives. */
export class StreamSource implements Source {
  private readonly stream: Readable;
  private readonly label: string;
  /** Readers that wait until there is something, or the end, or an error. */
  private readonly readers = new Waiters();
  private readonly wake = () => this.readers.wakeAll(undefined);
  /** What the stream gave and nobody has read yet. */
  private chunks: Uint8Array[] = [];
  /** How many bytes these are, those that are lent included. */
  private size = 0;
  private ended = false;
  private isShut = false;
  private failure: IoError | undefined = undefined;

  /**
   * Reads at once, as far as there is room for: up to the high-water mark of the stream, and then the stream is paused.
   *
   * @param subject  what it is called in errors; its name, unless there is a better one
   */
  constructor(stream: Readable, name: string, subject: () => string = () => name) {
    this.stream = stream;
    this.label = `${name}: reading`;
    stream.on("data", (chunk: Uint8Array) => this.add(chunk));
    stream.on("end", () => this.end());
    stream.on("close", () => this.end());
    stream.on("error", (error) => {
      this.failure ??= addContext(fromSystemError(error), `reading from ${subject()}`);
      this.end();
    });
    // It may be over before anybody listened.
    if (stream.errored) this.failure = addContext(fromSystemError(stream.errored), `reading from ${subject()}`);
    this.ended = stream.destroyed || stream.readableEnded;
    stream.resume();
  }

  private add(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size >= this.stream.readableHighWaterMark) this.stream.pause();
    hostLoop.runAfter(this.wake);
  }

  private end(): void {
    this.ended = true;
    this.wake();
  }

  /** Readers meet the end now, whatever else there is to read. */
  shut(): void {
    this.isShut = true;
    this.end();
  }

  *read(buffer: Uint8Array): Op<number> {
    expectBytes("read", "buffer", buffer);
    if (this.isReady) yield* yieldNow();
    while (!this.isReady) yield* new Reading(this.label, this.readers);
    this.expectChunks();
    const first = this.chunks[0]!;
    const bytes = first.length > buffer.length ? first.subarray(0, buffer.length) : first;
    buffer.set(bytes);
    if (bytes === first) this.chunks.shift();
    else this.chunks[0] = first.subarray(bytes.length);
    this.consumed(bytes.length);
    return bytes.length;
  }

  *lend(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    if (this.isReady) yield* yieldNow();
    while (!this.isReady) yield* new Reading(this.label, this.readers);
    this.expectChunks();
    // Another reader must not have them meanwhile.
    const lent = this.chunks;
    this.chunks = [];
    let used = 0;
    try {
      used = expectCount("lend", "used", yield* take(lent), lengthOf(lent), 0);
    } finally {
      if (used < lengthOf(lent)) this.chunks.unshift(...after(lent, used));
      this.consumed(used);
    }
  }

  /** Whether a reader need not wait. */
  private get isReady(): boolean {
    return this.chunks.length > 0 || this.ended;
  }

  private expectChunks(): void {
    if (this.isShut) throw new EndOfFile();
    if (this.chunks.length > 0) return;
    throw this.failure ?? new EndOfFile();
  }

  private consumed(length: number): void {
    this.size -= length;
    if (this.stream.isPaused() && this.size < this.stream.readableHighWaterMark) this.stream.resume();
  }
}

/** Where the bytes of a stream go. */
export class StreamSink implements Sink {
  private readonly stream: Writable;
  private readonly label: string;
  private readonly subject: () => string;
  private failure: IoError | undefined = undefined;
  /** How many writes were cancelled that Node still has. Later ones wait until it has not: they would pile up. */
  private abandoned = 0;
  private held: Writing<unknown>[] = [];

  /** @param subject  what it is called in errors; its name, unless there is a better one */
  constructor(stream: Writable, name: string, subject: () => string = () => name) {
    this.stream = stream;
    this.label = `${name}: writing`;
    this.subject = subject;
    if (stream.errored) this.failure = this.failed(stream.errored);
    stream.on("error", (error) => {
      this.failure ??= this.failed(error);
    });
  }

  private failed(error: unknown): IoError {
    return addContext(fromSystemError(error), `writing to ${this.subject()}`);
  }

  /** Node takes it for an error of the whole stream when something is written that cannot be, and ends the other direction, too. */
  private get refusal(): IoError | undefined {
    const { stream } = this;
    return this.failure || stream.writableEnded || stream.destroyed ? this.gone() : undefined;
  }

  private gone(): IoError {
    return this.failure ?? new IoError({ area: "Net", kind: "Connection_reset" }, [`writing to ${this.subject()}`]);
  }

  write(bytes: Uint8Array): Op<void> {
    expectBytes("write", "bytes", bytes);
    return new Writing(this.label, this, [bytes], undefined);
  }

  writeSome(buffers: readonly Uint8Array[]): Op<number> {
    expectBuffers("writeSome", buffers);
    return new Writing(this.label, this, buffers, lengthOf(buffers));
  }

  /** Has Node write. The system may take all of it at once. */
  start(buffers: readonly Uint8Array[], writing: Writing<unknown>): void {
    if (this.abandoned > 0) return void this.held.push(writing);
    const { refusal, stream } = this;
    if (refusal || lengthOf(buffers) === 0) return writing.end(refusal);
    const onWritten = (error?: Error | null): void => {
      if (writing.isAbandoned) this.forget();
      else if (error) writing.end(this.failure ?? this.failed(error));
      // Node knows of no error if it was destroyed meanwhile, nor where the bytes are.
      else writing.end(stream.destroyed ? this.gone() : undefined);
    };
    if (buffers.length === 1) stream.write(buffers[0], onWritten);
    else {
      stream.cork();
      buffers.forEach((buffer, i) => stream.write(buffer, i === buffers.length - 1 ? onWritten : undefined));
      stream.uncork();
    }
    // Node would say so some turns later.
    if (stream.writableLength === 0 && !stream.destroyed && !stream.errored) writing.end();
  }

  /** Nobody waits for it any more. */
  abandon(writing: Writing<unknown>): void {
    if (this.held.includes(writing)) this.held = this.held.filter((other) => other !== writing);
    else this.abandoned++;
  }

  private forget(): void {
    if (--this.abandoned > 0) return;
    for (const writing of this.held.splice(0)) writing.hand();
  }

  /** Ends the stream, and returns when all is written. */
  *close(): Op<void> {
    const { stream } = this;
    if (stream.writableFinished || stream.destroyed) return;
    yield* suspend<void>(`${this.label} the last bytes`, (ctx, enqueue) => {
      ctx.setCancelFn((error) => enqueue({ ok: false, error }));
      stream.end((error?: Error | null) => {
        enqueue(error ? { ok: false, error: this.failure ?? this.failed(error) } : { ok: true, value: undefined });
      });
    });
  }
}

/** A wait for something to read. */
class Reading extends Waiter<void> {
  protected readonly called: string;
  protected readonly waiters: Waiters;

  constructor(label: string, waiters: Waiters) {
    super();
    this.called = label;
    this.waiters = waiters;
  }

  protected again(): Reading {
    return new Reading(this.called, this.waiters);
  }
}

/** One write. What Node has been given cannot be taken back: a cancelled one only waits no more. */
class Writing<T> extends WaitingPrimitive<T> {
  protected readonly called: string;
  private readonly sink: StreamSink;
  private readonly buffers: readonly Uint8Array[];
  private readonly result: T;
  isAbandoned = false;

  constructor(label: string, sink: StreamSink, buffers: readonly Uint8Array[], result: T) {
    super();
    this.called = label;
    this.sink = sink;
    this.buffers = buffers;
    this.result = result;
  }

  protected again(): Writing<T> {
    return new Writing(this.called, this.sink, this.buffers, this.result);
  }

  protected enter(): void {
    this.hand();
  }

  hand(): void {
    this.sink.start(this.buffers, this);
  }

  /** The system has taken it, or will not. */
  end(error?: IoError): void {
    if (error) this.wake(error, true);
    else this.wake(this.result);
  }

  protected leave(): void {
    this.isAbandoned = true;
    this.sink.abandon(this);
  }
}

/** Waits until a stream that has been destroyed is closed. */
export function closed(stream: Duplex | Readable | Writable, label: string): Op<void> {
  return suspend<void>(label, (_, enqueue) => {
    if (stream.closed) return enqueue({ ok: true, value: undefined });
    stream.once("close", () => enqueue({ ok: true, value: undefined }));
  });
}
