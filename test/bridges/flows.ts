// Sources and sinks for the tests of streams: scripted, and watching what is done to them.

import { Cancel, Cancelled, EndOfFile, Fiber, type Op, type Sink, type Source } from "trestle";

export const bytes = (text: string) => new TextEncoder().encode(text);
export const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk);

/** Gives the chunks one a read, in parts where the buffer is smaller; then fails, or ends. Notes what happens. */
export class Script implements Source {
  reads = 0;
  reading = 0;
  given = 0;
  readonly log: string[] = [];
  private readonly chunks: Uint8Array[];
  private readonly last: { error: unknown } | undefined;

  constructor(chunks: readonly string[], last?: { error: unknown }) {
    this.chunks = chunks.map(bytes);
    this.last = last;
  }

  *read(buffer: Uint8Array): Op<number> {
    this.reads++;
    this.reading++;
    try {
      yield* Fiber.yield();
      const chunk = this.chunks.shift();
      if (!chunk) {
        if (this.last) throw this.last.error;
        throw new EndOfFile();
      }
      const length = Math.min(buffer.length, chunk.length);
      buffer.set(chunk.subarray(0, length));
      if (length < chunk.length) this.chunks.unshift(chunk.subarray(length));
      this.given += length;
      return length;
    } finally {
      this.reading--;
    }
  }
}

/** Never gives anything; takes `steps` turns to stop, and says when it has. */
export class Endless implements Source {
  readonly log: string[];
  private readonly steps: number;

  constructor(log: string[], steps = 3) {
    this.log = log;
    this.steps = steps;
  }

  *read(): Op<number> {
    this.log.push("reading");
    try {
      return yield* Fiber.awaitCancel();
    } catch (error) {
      this.log.push(`cancelled: ${error instanceof Cancelled ? String(error.reason) : "?"}`);
      throw error;
    } finally {
      for (let i = 0; i < this.steps; i++) yield* Cancel.protect(() => Fiber.yield());
      this.log.push("stopped");
    }
  }
}

/** Collects what is written; waits at `gate` before it takes anything. */
export class Collector implements Sink {
  readonly chunks: string[] = [];
  closed = 0;
  writing = 0;
  readonly log: string[] = [];
  private readonly gate: (() => Op<unknown>) | undefined;

  constructor(gate?: () => Op<unknown>) {
    this.gate = gate;
  }

  *write(chunk: Uint8Array): Op<void> {
    this.writing++;
    try {
      if (this.gate) yield* this.gate();
      this.chunks.push(text(chunk));
    } catch (error) {
      if (error instanceof Cancelled) this.log.push(`write cancelled: ${String(error.reason)}`);
      throw error;
    } finally {
      this.writing--;
    }
  }

  *close(): Op<void> {
    yield* Fiber.yield();
    this.closed++;
    this.log.push("closed");
  }
}

/** Everything that `source` gives until its end, in reads of at most `size`. */
export function* readAll(source: Source, size = 64): Op<string> {
  let all = "";
  const buffer = new Uint8Array(size);
  const decoder = new TextDecoder();
  try {
    for (;;) all += decoder.decode(buffer.subarray(0, yield* source.read(buffer)), { stream: true });
  } catch (error) {
    if (error instanceof EndOfFile) return all;
    throw error;
  }
}

/** What one read gives, as a word: text, "end", or the error. */
export function* attempt(source: Source, size = 64): Op<string> {
  const buffer = new Uint8Array(size);
  try {
    const length = yield* source.read(buffer);
    return text(buffer.subarray(0, length));
  } catch (error) {
    if (error instanceof EndOfFile) return "end";
    if (error instanceof Cancelled) throw error;
    const { code, message } = error as { code?: string; message?: string };
    return `error ${code ?? message ?? String(error)}`;
  }
}
