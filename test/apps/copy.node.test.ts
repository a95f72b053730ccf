/**
 * A file is copied: a stream of Node, a fiber, a stream of the web, and a file again. Whoever is slow slows the others down, so that few
 * bytes are under way at any time; and whoever breaks off ends it all.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
  type ReadStream,
  type WriteStream,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EndOfFile, Fiber, Switch, type Op, type Sink, type Source } from "trestle";
import { fromAsync, fromPromise, toPromise } from "@trestle/bridges";
import { fromReadable, fromWritable } from "@trestle/bridges/streams";
import { fromWritableStream, toWritableStream } from "@trestle/bridges/web-streams";
import { expectNoUnhandledRejections, macrotask } from "../bridges/world.js";

expectNoUnhandledRejections();

const SIZE = 3_000_000;
const folder = mkdtempSync(join(tmpdir(), "copy-"));
const from = join(folder, "from");
const to = join(folder, "to");
const original = randomBytes(SIZE);
beforeAll(() => writeFileSync(from, original));
afterAll(() => rmSync(folder, { recursive: true }));

/** How many bytes have left the one file and not arrived at the other. */
class Meter {
  read = 0;
  written = 0;
  most = 0;

  get outstanding(): number {
    return this.read - this.written;
  }
}

type Pace = () => Op<unknown>;

/** Copies one flow to the other, and gives the digest of what went through. */
function* pump(source: Source, sink: Sink, meter: Meter, pace: Pace): Op<string> {
  const digest = createHash("sha256");
  const buffer = new Uint8Array(16_384);
  try {
    for (;;) {
      const bytes = buffer.subarray(0, yield* source.read(buffer));
      digest.update(bytes);
      meter.read += bytes.length;
      meter.most = Math.max(meter.most, meter.outstanding);
      yield* pace();
      yield* sink.write(bytes);
    }
  } catch (error) {
    if (!(error instanceof EndOfFile)) throw error;
  }
  yield* sink.close();
  return digest.digest("hex");
}

/** The file that is written to, at its own pace. */
function metered(sink: Sink, meter: Meter, pace: Pace): Sink {
  return {
    *write(bytes) {
      yield* pace();
      yield* sink.write(bytes);
      meter.written += bytes.length;
    },
    close: () => sink.close(),
  };
}

const files: (ReadStream | WriteStream)[] = [];

function opened<F extends ReadStream | WriteStream>(file: F): F {
  files.push(file);
  return file;
}

function copy(meter: Meter, reading: Pace, writing: Pace): Promise<string> {
  return toPromise(() =>
    Switch.run(function* (sw) {
      const source = fromReadable(sw, opened(createReadStream(from)));
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const file = toWritableStream(
        function* (sw) {
          yield* Fiber.yield();
          return metered(fromWritable(sw, opened(createWriteStream(to))), meter, writing);
        },
        { sw },
      );
      const [digest] = yield* Fiber.pair(
        () => pump(source, fromWritableStream(sw, writable), meter, reading),
        () => fromAsync((signal) => readable.pipeTo(file, { signal })),
      );
      return digest;
    }),
  );
}

const atOnce: Pace = () => Fiber.yield();
const slowly: Pace = () => fromPromise(macrotask());

/** Two chunks on the way between the streams of the web, one in the fiber, what the streams of Node hold. */
const BOUND = 4 * 16_384 + 2 * 16_384;

describe("a file copied through four streams", () => {
  it.each<[string, Pace, Pace]>([
    ["each at its best", atOnce, atOnce],
    ["a slow writer", atOnce, slowly],
    ["a slow reader", slowly, atOnce],
  ])("arrives whole, with few bytes under way: %s", async (_, reading, writing) => {
    const meter = new Meter();
    const digest = await copy(meter, reading, writing);
    expect(digest).toBe(createHash("sha256").update(original).digest("hex"));
    expect(readFileSync(to).equals(original)).toBe(true);
    expect(meter.outstanding).toBe(0);
    expect(meter.most).toBeGreaterThan(0);
    expect(meter.most).toBeLessThanOrEqual(BOUND);
  });

  it("broken off in the middle, leaves a beginning of the file, and nothing open", async () => {
    for (const at of ["reading", "writing"] as const) {
      const meter = new Meter();
      files.length = 0;
      const full = new Error("disk full");
      const failing: Pace = function* () {
        yield* Fiber.yield();
        if (meter.written > SIZE / 3) throw full;
      };
      const ended = copy(meter, at === "reading" ? failing : atOnce, at === "writing" ? failing : atOnce);
      await expect(ended).rejects.toBe(full);
      const copied = readFileSync(to);
      expect(copied.length).toBeLessThan(SIZE);
      expect(copied.equals(original.subarray(0, copied.length))).toBe(true);
      expect(files.map((file) => file.closed)).toEqual([true, true]);
    }
  });
});
