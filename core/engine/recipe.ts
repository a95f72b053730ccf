// Ops that are made of other ops: what bridges are built of.

import type { Instruction, Op } from "./op.js";

/** Marks recipes, those of another copy of the library, too. */
const RECIPE: unique symbol = Symbol.for("trestle.recipe") as never;

/** Nothing; debug mode comes between it and {@link Recipe}. */
class Base {}

/**
 * An op that starts an iterator each time it is run; so it can be run any number of times, each time anew. For authors of bridges.
 *
 * @example
 * function* sleepTwice(): Op<void> {
 *   yield* clock.sleep(0.001);
 *   yield* clock.sleep(0.001);
 * }
 * const nap = new Recipe(() => sleepTwice()[Symbol.iterator](), "nap");
 * yield* nap;
 * yield* nap;
 *
 * @param start  makes the iterator, as by calling a generator function
 * @param called  what the user called, for messages
 */
export class Recipe<T> extends Base implements Op<T> {
  /** What the user called. */
  readonly called: string;
  private readonly start: () => Iterator<Instruction, T, unknown>;

  constructor(start: () => Iterator<Instruction, T, unknown>, called = "an op") {
    super();
    this.called = called;
    this.start = start;
  }

  get [RECIPE](): true {
    return true;
  }

  [Symbol.iterator](): Iterator<Instruction, T, unknown> {
    return this.start();
  }
}
