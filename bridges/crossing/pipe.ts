// Bytes from one fiber to another, without a buffer: a write is over when everything has been read. And a body between two such pipes.

import {
  Cancelled,
  EndOfFile,
  Fiber,
  suspend,
  type Enqueue,
  type Op,
  type Sink,
  type Source,
  type Switch,
} from "trestle";
import { requireFiber } from "./recipe.js";

/** What turns the bytes of a source into those of a sink. */
export type Transform = (source: Source, sink: Sink) => Op<void>;

export class Pipe implements Source, Sink {
  private readonly label: string;
  /** What is being read. */
  private chunk: Uint8Array | undefined = undefined;
  private ended = false;
  private failure: { error: unknown } | undefined = undefined;
  private readonly waiting = new Set<Enqueue<void>>();
  private broken: ((error: unknown) => void) | undefined = undefined;

  constructor(label: string) {
    this.label = label;
  }

  *read(buffer: Uint8Array): Op<number> {
    requireFiber(`${this.label}: reading`).context.check();
    for (;;) {
      this.check();
      const { chunk } = this;
      if (chunk) {
        const length = Math.min(chunk.length, buffer.length);
        buffer.set(chunk.subarray(0, length));
        this.chunk = length < chunk.length ? chunk.subarray(length) : undefined;
        if (!this.chunk) this.changed();
        return length;
      }
      if (this.ended) throw new EndOfFile();
      yield* this.change(`${this.label}: bytes to read`);
    }
  }

  *write(bytes: Uint8Array): Op<void> {
    requireFiber(`${this.label}: writing`).context.check();
    while (this.chunk && !this.failure) yield* this.change(`${this.label}: room to write`);
    this.check();
    if (this.ended) throw new TypeError(`${this.label}: written to after its end`);
    if (bytes.length === 0) return;
    // What is left of these bytes, and of no others, is a view of this buffer.
    const { buffer } = (this.chunk = bytes.slice());
    this.changed();
    try {
      while (this.chunk?.buffer === buffer && !this.failure) yield* this.change(`${this.label}: a reader`);
    } finally {
      if (this.chunk?.buffer === buffer) {
        this.chunk = undefined;
        this.changed();
      }
    }
    this.check();
  }

  *close(): Op<void> {
    requireFiber(`${this.label}: closing`).context.check();
    this.end();
  }

  private check(): void {
    if (this.failure) throw this.failure.error;
  }

  end(): void {
    this.ended = true;
    this.changed();
  }

  /** From now on reads and writes throw `error`. */
  fail(error: unknown): void {
    const first = !this.failure;
    this.failure ??= { error };
    this.changed();
    if (first && !this.ended) this.broken?.(error);
  }

  /** Has `tell` called when the pipe fails before its end: a writer that is silent is to know, too. */
  onBroken(tell: (error: unknown) => void): void {
    this.broken = tell;
  }

  private changed(): void {
    for (const enqueue of this.waiting) enqueue({ ok: true, value: undefined });
    this.waiting.clear();
  }

  private change(label: string): Op<void> {
    return suspend<void>(label, (ctx, enqueue) => {
      this.waiting.add(enqueue);
      ctx.setCancelFn((error) => {
        this.waiting.delete(enqueue);
        enqueue({ ok: false, error });
      });
    });
  }
}

/** Runs `body` in a fiber of `sw`; both pipes learn how it ends. */
export function startTransform(sw: Switch, body: Transform, input: Pipe, output: Pipe): Op<unknown> {
  return Fiber.fork(sw, () => transform(body, input, output), { name: body.name || "toTransform" });
}

function* transform(body: Transform, input: Pipe, output: Pipe): Op<void> {
  const ended = () => {
    output.end();
    input.fail(new TypeError("toTransform: the body has ended, and reads no more"));
  };
  try {
    yield* body(input, output);
    ended();
  } catch (error) {
    if (error instanceof EndOfFile) return ended();
    const reason = error instanceof Cancelled ? error.reason : error;
    input.fail(reason);
    output.fail(reason);
    if (error instanceof Cancelled) throw error;
  }
}
