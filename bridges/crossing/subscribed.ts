// What a source of many values looks like to the fibers that take from it.

import type { Op } from "trestle";
import type { AsyncDisposableLike } from "./platform.js";

/** What `next` gives when there will be no more values. */
export const Done: unique symbol = Symbol.for("trestle.done") as never;
/** The type of {@link Done}. */
export type Done = typeof Done;

/** How a source that cannot wait is buffered. */
export interface BufferOptions {
  /** How many values may wait to be taken: a positive integer, or `"unbounded"`. Default 16. */
  buffer?: number | "unbounded";
  /**
   * What to do with one more. `"error"`, the default: stop the source, and throw an `OverflowError` after the buffered values.
   * `"drop-oldest"`, `"drop-newest"`: lose one, counted in `dropped`. `"latest"`: keep only the newest value, whatever `buffer` says.
   * `"block"`: the source waits; only for what `toObservable` gives, whose `emit` can, and with no operator in between.
   */
  overflow?: "error" | "drop-oldest" | "drop-newest" | "latest" | "block";
  /** How many values may come while subscribing, on top of `buffer`. They exist in memory anyway. Default 65,536. */
  syncLimit?: number;
  /** On an error, throw it at once and drop what is buffered. Default false. */
  errorFirst?: boolean;
}

/**
 * A live subscription, for fibers. Several fibers may take from one: each value goes to one of them. It can be declared with `await using`,
 * which closes it.
 */
export interface Subscribed<T> extends AsyncDisposableLike {
  /**
   * The next value, waiting for it if there is none; {@link Done} after the last one. A cancellation point when it has to wait.
   *
   * @throws the error of the source, once
   */
  next(): Op<T | Done>;
  /** Stops the source and drops what is buffered. A fiber that waits in `next` gets {@link Done}. Does nothing the second time. */
  close(): void;
  /** How many values were lost to `overflow`. */
  readonly dropped: number;
}
