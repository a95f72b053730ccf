// The standard input and outputs of the process, and its source of randomness.

import { getRandomValues } from "node:crypto";
import type { Op } from "../engine/op.js";
import type { Sink, Source } from "../flow.js";
import { yieldNow } from "../turns.js";
import { StreamSink, StreamSource } from "./stream-flow.js";

/** Looked at when it is first used: merely asking Node for its standard input changes how it is read. */
class StandardInput implements Source {
  /** Its descriptor, for child processes. */
  readonly fd = 0;
  private source: StreamSource | undefined = undefined;

  *read(buffer: Uint8Array): Op<number> {
    return yield* this.held(() => this.stream().read(buffer));
  }

  *lend(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    return yield* this.held(() => this.stream().lend(take));
  }

  private stream(): StreamSource {
    return (this.source ??= new StreamSource(process.stdin, "stdin"));
  }

  /** The process may end while nobody reads. */
  private *held<T>(body: () => Op<T>): Op<T> {
    const input = process.stdin as { ref?(): void; unref?(): void };
    input.ref?.();
    try {
      return yield* body();
    } finally {
      input.unref?.();
    }
  }
}

class StandardOutput implements Sink {
  /** Its descriptor, for child processes. */
  readonly fd: number;
  private readonly stream: () => StreamSink;

  constructor(name: "stdout" | "stderr") {
    this.fd = name === "stdout" ? 1 : 2;
    let sink: StreamSink | undefined;
    this.stream = () => (sink ??= new StreamSink(process[name], name));
  }

  write(bytes: Uint8Array): Op<void> {
    return this.stream().write(bytes);
  }

  writeSome(buffers: readonly Uint8Array[]): Op<number> {
    return this.stream().writeSome(buffers);
  }

  /** The process goes on using it. */
  *close(): Op<void> {}
}

/** The most that Node gives at once. */
const MOST_RANDOM = 65536;

const secureRandom: Source = {
  *read(buffer) {
    yield* yieldNow();
    for (let at = 0; at < buffer.length; at += MOST_RANDOM) getRandomValues(buffer.subarray(at, at + MOST_RANDOM));
    return buffer.length;
  },
};

/** What every program on Node is given of these. */
export const standardStreams = {
  stdin: new StandardInput() as Source,
  stdout: new StandardOutput("stdout") as Sink,
  stderr: new StandardOutput("stderr") as Sink,
  secureRandom,
};
