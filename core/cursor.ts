// Going through a sequence with a plain loop: streams and lazy sequences both give cursors.

import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";

const NONE: unique symbol = Symbol("none");

/**
 * A place in a sequence of items that arrive over time. `next` goes to the following item and says whether there is one; `value` is
 * that item. `break`, `continue` and `return` do what they do in any loop: a cursor holds nothing that would have to be given back.
 *
 * A cursor is for one fiber: `value` is the item of the last `next`, whoever ran it. Each fiber makes its own.
 *
 * @example
 * jobs.close(); // what is in it can still be taken
 * const items = jobs.iterate();
 * while (yield* items.next()) {
 *   note(items.value); // => first job
 * }
 */
export abstract class Cursor<T> {
  private item: T | typeof NONE = NONE;

  /**
   * Goes to the next item: true when there is one, and then `value` is it; false at the end, and from then on. Whether it waits, and
   * what it throws, is as for the operation of the sequence that gives one item.
   */
  abstract next(): Op<boolean>;

  /**
   * The item that the last `next` went to.
   *
   * @throws InvalidArgument before the first item and after the last one; so `while (items.next())`, where the `yield*` was forgotten,
   *   does not loop for ever
   */
  get value(): T {
    if (this.item === NONE)
      throw new InvalidArgument("Cursor.value: there is no item here; go to one with yield* cursor.next()");
    return this.item;
  }

  /** @internal */
  moveTo(item: T): true {
    this.item = item;
    return true;
  }

  /** @internal */
  moveToEnd(): false {
    this.item = NONE;
    return false;
  }
}
