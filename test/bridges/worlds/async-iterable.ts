// Async iterables, for the conformance suites.

import type { Op } from "trestle";
import { fromAsyncIterable } from "@trestle/bridges";
import { Cell } from "../world.js";
import type { Source } from "../incoming.js";
import type { Sides } from "./world.js";

/** The first item of an iteration of its own. */
class First implements Op<unknown> {
  private readonly iterable: AsyncIterable<unknown>;

  constructor(iterable: AsyncIterable<unknown>) {
    this.iterable = iterable;
  }

  *[Symbol.iterator]() {
    const pull = fromAsyncIterable(this.iterable);
    yield* pull.next();
    return pull.value;
  }
}

function pulled(): Source {
  const cell = new Cell<unknown>();
  let touched = 0;
  let over = false;
  const iterator = {
    next: () => {
      touched++;
      return cell.promise.then((value) => ({ done: false as const, value }));
    },
  };
  return {
    op: new First({ [Symbol.asyncIterator]: () => iterator }),
    settle: (value) => ((over = true), cell.resolve(value)),
    fail: (error) => ((over = true), cell.reject(error)),
    touched: () => touched,
    registered: () => (over ? 0 : touched),
  };
}

export const asyncIterable: Sides = {
  incoming: { fromAsyncIterable: [pulled, { answersLater: true }] },
  outgoing: {},
};
