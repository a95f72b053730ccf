// Pipes in memory, which behave like those of systems.

import { Condition } from "./condition.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";
import { after, EndOfFile, type Sink } from "./flow.js";
import { IoError } from "./io-error.js";
import type { PipeSource } from "./process.js";
import type { Hook, Switch } from "./switch.js";
import { yieldNow } from "./turns.js";

/** How many bytes wait in a pipe at most, as on Linux. */
const CAPACITY = 65536;

/** What the ends have in common. */
class Middle {
  readonly chunks: Uint8Array[] = [];
  /** How many bytes wait, those that are lent included. */
  size = 0;
  /** How many ends are open on either side. */
  sources = 0;
  sinks = 0;
  readonly changed = new Condition({ name: "pipe" });
}

abstract class End {
  protected readonly middle: Middle;
  private readonly hook: Hook | undefined;
  private open = true;

  constructor(middle: Middle, sw: Switch | undefined) {
    this.hook = sw?.addHook(() => this.close());
    this.middle = middle;
    this.count(1);
  }

  /** One more of these is open, or one fewer. */
  protected abstract count(more: 1 | -1): void;

  protected expectOpen(operation: string): void {
    if (!this.open) throw new InvalidArgument(`${operation}: file descriptor used after calling close!`);
  }

  *close(): Op<void> {
    if (!this.open) return;
    this.open = false;
    this.hook?.remove();
    this.count(-1);
    this.middle.changed.broadcast();
  }
}

class Out extends End implements PipeSource {
  protected count(more: 1 | -1): void {
    this.middle.sources += more;
  }

  /** Another end of the same pipe, as a child process gets one. */
  duplicate(): Out {
    this.expectOpen("read");
    return new Out(this.middle, undefined);
  }

  *read(buffer: Uint8Array): Op<number> {
    yield* this.filled();
    const { chunks } = this.middle;
    const bytes = chunks[0]!.subarray(0, buffer.length);
    buffer.set(bytes);
    chunks.splice(0, 1, ...after([chunks[0]!], bytes.length));
    this.consumed(bytes.length);
    return bytes.length;
  }

  *lend(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    yield* this.filled();
    const { chunks } = this.middle;
    // Another reader must not have them meanwhile.
    const lent = chunks.splice(0);
    let used = 0;
    try {
      used = yield* take(lent);
    } finally {
      chunks.unshift(...after(lent, used));
      this.consumed(used);
    }
  }

  private *filled(): Op<void> {
    const { middle } = this;
    yield* yieldNow();
    for (;;) {
      this.expectOpen("read");
      if (middle.chunks.length > 0) return;
      if (middle.sinks === 0 && middle.size === 0) throw new EndOfFile();
      yield* middle.changed.awaitNoMutex();
    }
  }

  private consumed(length: number): void {
    this.middle.size -= length;
    this.middle.changed.broadcast();
  }
}

class In extends End implements Sink {
  protected count(more: 1 | -1): void {
    this.middle.sinks += more;
  }

  /** Another end of the same pipe, as a child process gets one. */
  duplicate(): In {
    this.expectOpen("write");
    return new In(this.middle, undefined);
  }

  *write(bytes: Uint8Array): Op<void> {
    for (let at = 0; at < bytes.length;) at += yield* this.writeSome([bytes.subarray(at)]);
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    const { middle } = this;
    yield* yieldNow();
    for (;;) {
      this.expectOpen("write");
      if (middle.sources === 0) throw new IoError({ area: "Net", kind: "Connection_reset" }, ["writing to a pipe"]);
      const before = middle.size;
      for (const buffer of buffers) this.fill(buffer);
      if (middle.size > before) {
        middle.changed.broadcast();
        return middle.size - before;
      }
      yield* middle.changed.awaitNoMutex();
    }
  }

  /** As much of `buffer` as there is room for; a copy, since the caller goes on using it. */
  private fill(buffer: Uint8Array): void {
    const bytes = buffer.slice(0, CAPACITY - this.middle.size);
    if (bytes.length === 0) return;
    this.middle.chunks.push(bytes);
    this.middle.size += bytes.length;
  }
}

/** @internal A pipe whose ends `sw` closes, if it is given. */
export function openPipe(sw?: Switch): [source: PipeSource, sink: Sink] {
  const middle = new Middle();
  return [new Out(middle, sw), new In(middle, sw)];
}

/** @internal An end for a child process, that stays open when ours is closed; undefined for what is no end of a pipe. */
export function duplicateEnd(flow: unknown): Out | In | undefined {
  return flow instanceof Out || flow instanceof In ? flow.duplicate() : undefined;
}
