// Node only: its streams.
/** Bytes that go through streams and fibers in any pieces, broken off anywhere: what arrives is a beginning of what was sent. */
import { Readable, Writable } from "node:stream";
import fc from "fast-check";
import { describe, it } from "vitest";
import { Cancel, Cancelled, EndOfFile, Fiber, Switch, type Op, type Sink, type Source } from "trestle";
import { fromPromise, toPromise } from "@trestle/bridges";
import { fromReadable, fromWritable, toReadable, toWritable } from "@trestle/bridges/streams";
import {
  fromReadableStream,
  fromWritableStream,
  toReadableStream,
  toTransform,
  toWritableStream,
} from "@trestle/bridges/web-streams";
import { expectNoUnhandledRejections, macrotask } from "./world.js";

expectNoUnhandledRejections();

interface Plan {
  readonly world: "node" | "web" | "through";
  /** The sizes of what is sent. */
  readonly chunks: readonly number[];
  readonly buffer: number;
  readonly highWaterMark: number;
  /** What each step waits for: nothing, other fibers, a macrotask. */
  readonly pauses: readonly (0 | 1 | 2)[];
  readonly broken: "not" | "source fails" | "sink fails" | "fiber cancelled" | "input destroyed" | "output destroyed";
  /** After how many bytes at that place. */
  readonly after: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  world: fc.constantFrom("node", "web", "through"),
  chunks: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 8 }),
  buffer: fc.integer({ min: 1, max: 50 }),
  highWaterMark: fc.integer({ min: 1, max: 64 }),
  pauses: fc.array(fc.constantFrom(0, 1, 2), { minLength: 1, maxLength: 6 }),
  broken: fc.constantFrom(
    "not",
    "source fails",
    "sink fails",
    "fiber cancelled",
    "input destroyed",
    "output destroyed",
  ),
  after: fc.nat({ max: 150 }),
});

class Broken extends Error {}

class Run {
  private readonly plan: Plan;
  private step = 0;
  sent: number[] = [];
  got: number[] = [];
  copied = 0;
  busy = 0;
  private left: number[];
  private next = 0;
  private breakOff: () => void = () => {};

  constructor(plan: Plan) {
    this.plan = plan;
    this.left = [...plan.chunks];
  }

  *pause(): Op<void> {
    const { pauses } = this.plan;
    const kind = pauses[this.step++ % pauses.length];
    if (kind === 1) yield* Fiber.yield();
    if (kind === 2) yield* fromPromise(macrotask());
  }

  private reached(place: Plan["broken"], count: number): boolean {
    return this.plan.broken === place && count >= this.plan.after;
  }

  readonly source = {
    read: (buffer: Uint8Array) => this.read(buffer),
  };

  private *read(buffer: Uint8Array): Op<number> {
    this.busy++;
    try {
      yield* this.pause();
      if (this.reached("source fails", this.sent.length)) throw new Broken();
      const size = this.left[0];
      if (size === undefined) throw new EndOfFile();
      const length = Math.min(size, buffer.length);
      for (let i = 0; i < length; i++) this.sent.push((buffer[i] = this.next++ % 251));
      if (length < size) this.left[0] = size - length;
      else this.left.shift();
      return length;
    } finally {
      this.busy--;
    }
  }

  readonly sink = {
    write: (bytes: Uint8Array) => this.write(bytes),
    close: () => this.pause(),
  };

  private *write(bytes: Uint8Array): Op<void> {
    this.busy++;
    try {
      yield* this.pause();
      if (this.reached("sink fails", this.got.length)) throw new Broken();
      this.got.push(...bytes);
    } finally {
      this.busy--;
    }
  }

  private *copy(source: Source, sink: Sink, context: Cancel.Context, destroy: (end: "in" | "out") => void): Op<void> {
    this.breakOff = () => {
      if (this.reached("fiber cancelled", this.copied)) context.cancel(new Broken());
      if (this.reached("input destroyed", this.copied)) destroy("in");
      if (this.reached("output destroyed", this.copied)) destroy("out");
    };
    const buffer = new Uint8Array(this.plan.buffer);
    try {
      for (;;) {
        // Also while a read or a write is under way.
        if (this.step % 2) this.breakOff();
        else setImmediate(() => this.breakOff());
        const length = yield* source.read(buffer);
        yield* sink.write(buffer.subarray(0, length));
        this.copied += length;
      }
    } catch (error) {
      if (!(error instanceof EndOfFile)) throw error;
    }
    yield* sink.close();
  }

  /** Runs all; gives what is wrong in the end. */
  *whole(streams: (Readable | Writable)[]): Op<"ended" | "broken off"> {
    const { highWaterMark, world } = this.plan;
    try {
      yield* Cancel.sub((context) =>
        Switch.run((sw) => {
          if (world === "node") {
            const input = toReadable(this.source, { highWaterMark });
            const output = toWritable(this.sink, { highWaterMark });
            streams.push(input, output);
            return this.copy(fromReadable(sw, input), fromWritable(sw, output), context, (end) =>
              end === "in" ? input.destroy(new Broken()) : output.destroy(new Broken()),
            );
          }
          let input = toReadableStream(this.source, { chunkSize: highWaterMark });
          if (world === "through") input = input.pipeThrough(toTransform(unchanged));
          const output = toWritableStream(this.sink);
          const source = fromReadableStream(sw, input);
          const sink = fromWritableStream(sw, output);
          // A locked stream can be broken off by nobody but us.
          return this.copy(source, sink, context, () => {
            if (!sw.getError()) sw.fail(new Broken());
          });
        }),
      );
      return "ended";
    } catch (error) {
      if (error instanceof Broken || (error instanceof Cancelled && error.reason instanceof Broken))
        return "broken off";
      throw error;
    } finally {
      this.breakOff = () => {};
    }
  }
}

function* unchanged(source: Source, sink: Sink): Op<void> {
  const buffer = new Uint8Array(7);
  for (;;) yield* sink.write(buffer.subarray(0, yield* source.read(buffer)));
}

const watched = ["readable", "data", "end", "error", "close", "drain", "finish"];

async function check(plan: Plan): Promise<void> {
  const run = new Run(plan);
  const streams: (Readable | Writable)[] = [];
  const outcome = await toPromise(() => run.whole(streams));
  await macrotask();
  await macrotask();
  const total = plan.chunks.reduce((sum, size) => sum + size, 0);
  if (outcome === "ended" && run.got.length !== total) throw new Error(`${run.got.length} of ${total} bytes arrived`);
  if (outcome === "broken off" && plan.broken === "not") throw new Error("broken off for no reason");
  if (!run.got.every((byte, i) => byte === i % 251))
    throw new Error("the bytes that arrived are not those that were sent");
  if (run.got.length > run.sent.length) throw new Error("more arrived than was sent");
  if (run.busy !== 0) throw new Error("a fiber is left");
  for (const stream of streams) {
    const left = watched.filter((event) => stream.listenerCount(event) > 0);
    if (left.length > 0) throw new Error(`listeners left for ${left.join(", ")}`);
    if (!stream.closed) throw new Error("a stream is left open");
  }
}

describe("streams in any pieces", () => {
  it("BS-06 BS-22 BS-24 BS-37 BS-42 BG-50 what arrives is a beginning of what was sent, and nothing is left behind", async () => {
    await fc.assert(fc.asyncProperty(plans, check), { numRuns: 300 });
  });
});
