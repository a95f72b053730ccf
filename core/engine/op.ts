// What fiber code is made of: an op is a value that you `yield*` to get a result.

/** Marks instructions. The value is the version of the protocol between primitives and the driver. */
export const INSTRUCTION: unique symbol = Symbol.for("trestle.instruction") as never;

/** The protocol of this copy of the runtime; two copies with different numbers refuse each other's ops. */
export const PROTOCOL = 1;

/**
 * What an op yields to the scheduler when it has to stop. Opaque: only primitives make instructions, see `suspend`.
 */
export interface Instruction {
  readonly [INSTRUCTION]: number;
}

/**
 * A value that you `yield*` inside a fiber to get a `T`.
 *
 * An op is a description: nothing happens until it is run with `yield*`, and forgetting the star runs nothing. Calling a
 * `function*` that only `yield*`s ops gives one, so fiber functions call each other as ordinary functions do. Ops of this library
 * may be run more than once, each time anew; what a generator function returned can be run once.
 *
 * @example
 * function* twice(x: Op<number>): Op<number> {
 *   return 2 * (yield* x);
 * }
 * yield* twice(work()); // => 84
 */
export interface Op<T> {
  [Symbol.iterator](): Iterator<Instruction, T, unknown>;
}

/** A function returning an op: what combinators and forks take. Prefer hoisted fiber functions under a thin arrow, `() => work(1)`. */
export type Body<T> = () => Op<T>;

/** The outcome of something that may fail, as a value. */
export type Result<T, E = unknown> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };
