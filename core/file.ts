// Open files: flows with a position, that can also be read and written anywhere.

import { expectNumber, refuse } from "./engine/describe.js";
import type { Op } from "./engine/op.js";
import { after, expectBuffers, expectBytes, lengthOf, type Sink, type Source } from "./flow.js";

/** What something in the file system is. */
export type FileKind = "regular" | "directory" | "symlink" | "fifo" | "socket" | "character" | "block" | "unknown";

/** What the file system knows about something. Times are cut to milliseconds, never rounded; `...Ns` has all of them. */
export interface FileStat {
  readonly kind: FileKind;
  /** The permission bits, such as `0o644`. */
  readonly perm: number;
  /** In bytes. */
  readonly size: number;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: bigint;
  readonly blksize: number;
  readonly blocks: number;
  readonly atime: Date;
  readonly mtime: Date;
  readonly ctime: Date;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** Where {@link File.seek} counts from. */
export type SeekFrom = "set" | "cur" | "end";

/**
 * An open file. As a flow it is read and written where its position is, which goes on: by one fiber at a time, in the order in which they
 * came. A process that is given the file goes on there, too, and moves it. `pread` and `pwrite` leave it alone, and wait for nobody.
 * Closed by its switch, or by `close`; used after that, it throws `InvalidArgument`.
 *
 * One that is a FIFO has no positions. Who reads it waits for a writer, and meets the end when the last writer has closed it.
 *
 * @example
 * yield* env.cwd.join("notes.txt").withOpenIn(function* (file) {
 *   const { size } = yield* file.stat();
 *   return size;
 * }); // => 9
 */
export abstract class File implements Source, Sink {
  abstract read(buffer: Uint8Array): Op<number>;
  abstract writeSome(buffers: readonly Uint8Array[]): Op<number>;
  abstract close(): Op<void>;
  abstract stat(): Op<FileStat>;
  /** The number of the descriptor, for processes that are to have it. */
  abstract readonly fd: number;

  /**
   * Reads into `buffers`, from `offset` on; gives the number of bytes, at least one. A cancellation point.
   *
   * @throws EndOfFile at the end of the file, and beyond
   */
  abstract pread(buffers: readonly Uint8Array[], offset: number): Op<number>;

  /** Writes some of `buffers` at `offset`; gives the number of bytes. A cancellation point. */
  abstract pwriteSome(buffers: readonly Uint8Array[], offset: number): Op<number>;

  /**
   * Moves the position; gives what it is from the beginning. A cancellation point.
   *
   * @throws RangeError  for a place before the beginning
   */
  abstract seek(offset: number, from: SeekFrom): Op<number>;

  /** Makes the file `size` bytes long. */
  abstract truncate(size: number): Op<void>;

  /** Returns when what was written is on the disk. */
  abstract sync(): Op<void>;

  *write(bytes: Uint8Array): Op<void> {
    expectBytes("File.write", "bytes", bytes);
    for (let left: readonly Uint8Array[] = [bytes]; lengthOf(left) > 0;)
      left = after(left, yield* this.writeSome(left));
  }

  /**
   * Fills `buffers` from `offset` on. A cancellation point.
   *
   * @throws EndOfFile when there is less
   */
  *preadExact(buffers: readonly Uint8Array[], offset: number): Op<void> {
    expectBuffers("File.preadExact", buffers);
    expectOffset("File.preadExact", offset);
    yield* throughout(buffers, offset, (left, at) => this.pread(left, at));
  }

  /** Writes all of `buffers` at `offset`. A cancellation point. */
  *pwrite(buffers: readonly Uint8Array[], offset: number): Op<void> {
    expectBuffers("File.pwrite", buffers);
    expectOffset("File.pwrite", offset);
    yield* throughout(buffers, offset, (left, at) => this.pwriteSome(left, at));
  }
}

/** Has `part` deal with some of `buffers` at an offset, again and again, until nothing is left. */
function* throughout(
  buffers: readonly Uint8Array[],
  offset: number,
  part: (left: readonly Uint8Array[], at: number) => Op<number>,
): Op<void> {
  let at = offset;
  for (let left = after(buffers, 0); lengthOf(left) > 0;) {
    const length = yield* part(left, at);
    at += length;
    left = after(left, length);
  }
}

/** @internal */
export function expectOffset(where: string, offset: number, argument = "offset"): void {
  expectNumber(where, argument, offset);
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new RangeError(`${where}: "${argument}" must be a whole number of at least 0, not ${offset}`);
}

/** @internal */
export function expectSeek(offset: number, from: SeekFrom): void {
  if (!Number.isSafeInteger(offset)) refuse("File.seek", "offset", "a whole number", offset);
  const isKnown: boolean = from === "set" || from === "cur" || from === "end";
  if (!isKnown) refuse("File.seek", "from", '"set", "cur" or "end"', from);
}
