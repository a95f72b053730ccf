// Streams of Node that belong to us (sockets, pipes, the standard streams) as flows.

import type { Duplex, Readable, Writable } from "node:stream";
import { Condition } from "../condition.js";
import { suspend } from "../engine/suspend.js";
import type { Op } from "../engine/op.js";
import { EndOfFile, lengthOf, type Sink, type Source } from "../flow.js";
import { addContext, fromSystemError, IoError } from "../io-error.js";
import { yieldNow } from "../turns.js";

/** The bytes that a stream gives. */
export class StreamSource implements Source {
  private readonly stream: Readable;
  /** Wakes readers: there is something, or the end, or an error. */
  private readonly changed: Condition;
  /** What the stream gave and nobody has read yet. */
  private chunk: Uint8Array | undefined = undefined;
  private ended = false;
  private isShut = false;
  private failure: IoError | undefined = undefined;

  /** Reads nothing before it is asked for, except up to the high-water mark of the stream. */
  constructor(stream: Readable, name: string, subject: () => string = () => name) {
    this.stream = stream;
    this.changed = new Condition({ name });
    const wake = () => this.changed.broadcast();
    stream.on("readable", wake);
    stream.on("end", () => this.end());
    stream.on("close", () => this.end());
    stream.on("error", (error) => {
      this.failure ??= addContext(fromSystemError(error), `reading from ${subject()}`);
      wake();
    });
  }

  private end(): void {
    this.ended = true;
    this.changed.broadcast();
  }

  /** Readers meet the end now, whatever else there is to read. */
  shut(): void {
    this.isShut = true;
    this.end();
  }

  *read(buffer: Uint8Array): Op<number> {
    yield* yieldNow();
    const chunk = yield* this.next();
    const bytes = chunk.length > buffer.length ? chunk.subarray(0, buffer.length) : chunk;
    buffer.set(bytes);
    this.consume(bytes.length);
    return bytes.length;
  }

  *lend(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    yield* yieldNow();
    const chunk = yield* this.next();
    this.consume(yield* take([chunk]));
  }

  /** What comes next; it stays until it is consumed. */
  private *next(): Op<Uint8Array> {
    for (;;) {
      if (this.isShut) throw new EndOfFile();
      this.chunk ??= (this.stream.read() as Uint8Array | null) ?? undefined;
      if (this.chunk) return this.chunk;
      if (this.failure) throw this.failure;
      if (this.ended) throw new EndOfFile();
      yield* this.changed.awaitNoMutex();
    }
  }

  private consume(length: number): void {
    const { chunk } = this;
    this.chunk = chunk && length < chunk.length ? chunk.subarray(length) : undefined;
  }
}

/** Where the bytes of a stream go. */
export class StreamSink implements Sink {
  private readonly stream: Writable;
  private readonly label: string;
  private readonly subject: () => string;
  private failure: IoError | undefined = undefined;

  /** @param subject  what it is called in errors; its name, unless there is a better one */
  constructor(stream: Writable, name: string, subject: () => string = () => name) {
    this.stream = stream;
    this.label = `${name}: writing`;
    this.subject = subject;
    stream.on("error", (error) => {
      this.failure ??= this.failed(error);
    });
  }

  private failed(error: unknown): IoError {
    return addContext(fromSystemError(error), `writing to ${this.subject()}`);
  }

  /** Node takes it for an error of the whole stream when something is written that cannot be, and ends the other direction, too. */
  private expectWritable(): void {
    const { stream } = this;
    if (this.failure || stream.writableEnded || stream.destroyed) throw this.gone();
  }

  private gone(): IoError {
    return this.failure ?? new IoError({ area: "Net", kind: "Connection_reset" }, [`writing to ${this.subject()}`]);
  }

  *write(bytes: Uint8Array): Op<void> {
    if (bytes.length > 0) yield* this.writeSome([bytes]);
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    yield* yieldNow();
    this.expectWritable();
    yield* suspend<void>(this.label, (ctx, enqueue) => {
      const { stream } = this;
      const done = (error?: Error | null): void => {
        if (error) enqueue({ ok: false, error: this.failure ?? this.failed(error) });
        // Node knows of no error then, nor where the bytes are.
        else if (stream.destroyed) enqueue({ ok: false, error: this.gone() });
        else enqueue({ ok: true, value: undefined });
      };
      // What Node has been given cannot be taken back.
      ctx.setCancelFn((error) => enqueue({ ok: false, error }));
      if (buffers.length === 1) stream.write(buffers[0], done);
      else {
        stream.cork();
        buffers.forEach((buffer, i) => stream.write(buffer, i === buffers.length - 1 ? done : undefined));
        stream.uncork();
      }
    });
    return lengthOf(buffers);
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

/** Waits until a stream that has been destroyed is closed. */
export function closed(stream: Duplex | Readable | Writable, label: string): Op<void> {
  return suspend<void>(label, (_, enqueue) => {
    if (stream.closed) return enqueue({ ok: true, value: undefined });
    stream.once("close", () => enqueue({ ok: true, value: undefined }));
  });
}
