// Open files of Node.
//
// It is the system that keeps the position of a file, as long as nobody has moved it: so a process that is given the file goes on where we
// are, and we go on where it was. Node cannot move the system's position. After a `seek` we keep the position ourselves, until the file
// is handed over.

import { fstat, fsync, ftruncate, open, read, readFile, readv, write, writev } from "node:fs";
import type { Op } from "../engine/op.js";
import { expectOffset, expectSeek, File, type FileStat, type SeekFrom } from "../file.js";
import { EndOfFile, expectBuffers, expectBytes } from "../flow.js";
import { addContext, fromSystemError, IoError } from "../io-error.js";
import { Semaphore } from "../semaphore.js";
import type { Switch } from "../switch.js";
import { yieldNow } from "../turns.js";
import { system } from "./call.js";
import { Descriptor } from "./descriptor.js";
import { SYSTEM_FD, type WithSystemFd } from "./fd.js";
import { statOf } from "./file-stat.js";
import { closeFd } from "./walk.js";

const isLinux = process.platform === "linux";

/** The most that the system takes at once. */
const MOST_BUFFERS = 1024;

/** How much is read at once, for nothing but the position. */
const SKIPPED_AT_ONCE = 65536;

/** The options of {@link NodeFile}. */
export interface NodeFileOptions {
  /** What it belongs to, as the descriptor does. */
  readonly sw: Switch;
  /** Devices have no positions. */
  readonly hasPositions: boolean;
  /** Whether the system writes at the end, wherever the position is. */
  readonly appends: boolean;
}

/** A file, or a device. */
export class NodeFile extends File implements WithSystemFd {
  private descriptor: Descriptor<number>;
  private readonly sw: Switch;
  private readonly hasPositions: boolean;
  private readonly appends: boolean;
  /** Where the next read or write begins; undefined when that is where the system says. */
  private position: number | undefined = undefined;
  /** Where the system's position is, for systems that do not tell: as far as we know. */
  private moved = 0;
  /** Whose turn it is to use the position. */
  private readonly turn = new Semaphore(1, { name: "position of a file" });

  constructor(descriptor: Descriptor<number>, { sw, hasPositions, appends }: NodeFileOptions) {
    super();
    this.descriptor = descriptor;
    this.sw = sw;
    this.hasPositions = hasPositions;
    this.appends = appends;
  }

  get fd(): number {
    return this.descriptor.now("fd");
  }

  get [SYSTEM_FD](): number | undefined {
    return this.descriptor.isOpen ? this.fd : undefined;
  }

  // --- where the position is ---

  *read(buffer: Uint8Array): Op<number> {
    expectBytes("File.read", "buffer", buffer);
    yield* yieldNow();
    if (!this.hasPositions) return yield* this.readAt("read", [buffer], null);
    yield* this.turn.acquire();
    try {
      return this.advance(yield* this.readAt("read", [buffer], this.position ?? null));
    } finally {
      this.turn.release();
    }
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    expectBuffers("File.writeSome", buffers);
    yield* yieldNow();
    if (!this.hasPositions) return yield* this.writeAt("write", buffers, null);
    yield* this.turn.acquire();
    try {
      return yield* this.appends ? this.append(buffers) : this.overwrite(buffers);
    } finally {
      this.turn.release();
    }
  }

  private *overwrite(buffers: readonly Uint8Array[]): Op<number> {
    return this.advance(yield* this.writeAt("write", buffers, this.position ?? null));
  }

  /** The system moves its position to the end. */
  private *append(buffers: readonly Uint8Array[]): Op<number> {
    const length = yield* this.writeAt("write", buffers, null);
    if (length > 0) this.position = undefined;
    if (!isLinux) this.moved = (yield* this.stat()).size;
    return length;
  }

  private advance(length: number): number {
    if (this.position === undefined) this.moved += length;
    else this.position += length;
    return length;
  }

  *seek(offset: number, from: SeekFrom): Op<number> {
    expectSeek(offset, from);
    this.descriptor.now("seek");
    if (!this.hasPositions) throw this.failed("seeking in", illegalSeek());
    yield* this.turn.acquire();
    try {
      const position = (yield* this.startOf(from)) + offset;
      expectOffset("File.seek", position);
      this.position = position;
      return position;
    } finally {
      this.turn.release();
    }
  }

  private *startOf(from: SeekFrom): Op<number> {
    if (from === "set") return 0;
    return from === "end" ? (yield* this.stat()).size : (this.position ?? (yield* this.systemPosition()));
  }

  /** Others may have moved it. */
  private *systemPosition(): Op<number> {
    return isLinux ? (yield* this.infoOf()).position : this.moved;
  }

  private infoOf(): Op<{ position: number; flags: number }> {
    return this.operate("seek", "seeking in", infoOf);
  }

  // --- for other processes ---

  /**
   * Makes the position the system's again, for a process that is given the descriptor and goes on where we are.
   *
   * @throws IoError  `Io Not_available` when its position cannot be brought to where ours is
   */
  *handOver(): Op<void> {
    yield* this.turn.acquire();
    try {
      if (this.position !== undefined) yield* this.bringTo(this.position);
      this.position = undefined;
    } finally {
      this.turn.release();
    }
  }

  private *bringTo(position: number): Op<void> {
    let at = yield* this.systemPosition();
    if (position < at) {
      yield* this.openAgain();
      at = 0;
    }
    const scrap = new Uint8Array(SKIPPED_AT_ONCE);
    while (at < position) {
      const wanted = Math.min(position - at, MOST_BUFFERS * SKIPPED_AT_ONCE);
      const buffers = Array.from({ length: Math.ceil(wanted / SKIPPED_AT_ONCE) }, (_, i) =>
        scrap.subarray(0, wanted - i * SKIPPED_AT_ONCE),
      );
      const length = yield* this.operate("read", "reading", (fd) =>
        system<number>("read", (done) => readv(fd, buffers, null, done)),
      );
      if (length === 0) throw notAvailable("handing over a file whose position is beyond its end");
      at += length;
    }
    this.moved = at;
  }

  /** With another descriptor, whose position is at the beginning. Those who use this one at the moment do so to the end. */
  private *openAgain(): Op<void> {
    if (!isLinux) throw notAvailable("handing over a file that was moved back");
    const { flags } = yield* this.infoOf();
    const before = this.descriptor;
    const fd = yield* this.operate("open", "opening", (old) =>
      system<number>("opening again", (done) => open(`/proc/self/fd/${old}`, flags, done)),
    );
    this.descriptor = yield* Descriptor.own(fd, { name: before.name, sw: this.sw, release: closeFd });
    yield* before.close();
  }

  // --- anywhere ---

  pread(buffers: readonly Uint8Array[], offset: number): Op<number> {
    expectBuffers("File.pread", buffers);
    expectOffset("File.pread", offset);
    return inTurn(() => this.readAt("pread", buffers, offset));
  }

  private *readAt(operation: string, buffers: readonly Uint8Array[], at: number | null): Op<number> {
    const buffer = buffers.find((some) => some.length > 0);
    if (!buffer) return 0;
    try {
      const length = yield* this.descriptor.use(operation, (fd) =>
        system<number>(operation, (done) => read(fd, buffer, 0, buffer.length, at, done)),
      );
      if (length > 0) return length;
    } catch (error) {
      throw this.failed("reading", error);
    }
    throw new EndOfFile();
  }

  pwriteSome(buffers: readonly Uint8Array[], offset: number): Op<number> {
    expectBuffers("File.pwriteSome", buffers);
    expectOffset("File.pwriteSome", offset);
    return inTurn(() => this.writeAt("pwrite", buffers, offset));
  }

  private *writeAt(operation: string, buffers: readonly Uint8Array[], at: number | null): Op<number> {
    const full = buffers.filter((buffer) => buffer.length > 0).slice(0, MOST_BUFFERS);
    const only = full[0];
    if (!only) return 0;
    try {
      return yield* this.descriptor.use(operation, (fd) =>
        system<number>(operation, (done) => {
          if (full.length === 1) write(fd, only, 0, only.length, at, done);
          else writev(fd, full, at, done);
        }),
      );
    } catch (error) {
      throw this.failed("writing", error);
    }
  }

  stat(): Op<FileStat> {
    return this.operate("stat", "examining", (fd) => statOf("stat", (done) => fstat(fd, { bigint: true }, done)));
  }

  *truncate(size: number): Op<void> {
    expectOffset("File.truncate", size, "size");
    yield* this.operate("truncate", "truncating", (fd) =>
      system<void>("truncate", (done) => ftruncate(fd, size, done)),
    );
  }

  *sync(): Op<void> {
    yield* this.operate("sync", "syncing", (fd) => system<void>("sync", (done) => fsync(fd, done)));
  }

  private *operate<T>(operation: string, step: string, body: (fd: number) => Op<T>): Op<T> {
    try {
      return yield* this.descriptor.use(operation, body);
    } catch (error) {
      throw this.failed(step, error);
    }
  }

  private failed(step: string, error: unknown): unknown {
    return addContext(error, `${step} ${this.descriptor.name}`);
  }

  close(): Op<void> {
    return this.descriptor.close();
  }
}

/** What Linux knows of a descriptor. */
export function* infoOf(fd: number): Op<{ position: number; flags: number }> {
  const text = yield* system<string>("seek", (done) => readFile(`/proc/self/fdinfo/${fd}`, "latin1", done));
  const numberOf = (name: string, radix: number) =>
    parseInt(new RegExp(`^${name}:\\s*(\\d+)$`, "m").exec(text)![1]!, radix);
  return { position: numberOf("pos", 10), flags: numberOf("flags", 8) };
}

/** Lets others have their turn first, so that loops over fast files stop when they are told to. */
function* inTurn<T>(body: () => Op<T>): Op<T> {
  yield* yieldNow();
  return yield* body();
}

/** What the system says of what has no positions. */
function illegalSeek(): IoError {
  return fromSystemError(Object.assign(new Error("ESPIPE: illegal seek"), { code: "ESPIPE" }));
}

function notAvailable(step: string): IoError {
  return new IoError({ area: "Io", kind: "Not_available" }, [step]);
}
