// Bytes that arrive and bytes that leave: what everything that can be read from, or written to, looks like.

import type { Op } from "./engine/op.js";

/**
 * There are no more bytes: what reading throws at the end, each time.
 *
 * @example
 * const buffer = new Uint8Array(100);
 * try {
 *   for (;;) log(yield* source.read(buffer));
 * } catch (error) {
 *   if (!(error instanceof EndOfFile)) throw error;
 * }
 */
export class EndOfFile extends Error {
  override readonly name = "EndOfFile";
  readonly code = "END_OF_FILE";

  constructor() {
    super("end of file");
  }
}

/** Something to read bytes from. */
export interface Source {
  /**
   * Reads into the beginning of `buffer`, and gives the number of bytes: between 1 and `buffer.length`. A read that was cancelled has
   * consumed nothing. A cancellation point.
   *
   * @param buffer  at least one byte
   * @throws EndOfFile at the end, and from then on
   */
  read(buffer: Uint8Array): Op<number>;
}

/** Something to write bytes to. */
export interface Sink {
  /**
   * Writes all of `bytes`, waiting for room; they may be overwritten when it returns. After a cancellation some of them may have been
   * written. A cancellation point.
   */
  write(bytes: Uint8Array): Op<void>;
  /** Says that there will be no more, and returns when all that was written has been dealt with. Does nothing the second time. */
  close(): Op<void>;
}

/** Both at once, each direction with an end of its own: `close` is that of the bytes that leave. */
export interface TwoWay extends Source, Sink {}
