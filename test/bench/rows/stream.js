// @ts-check
// One task adds items to a bounded queue, another takes them.

import { Effect, Queue } from "effect";
import { Fiber, Stream } from "trestle";
import { run } from "trestle/node";
import { PromiseQueue } from "./promise-queue.js";

const CAPACITY = 16;

/** Adds the items up, and sees to it that they come in order. */
class Total {
  sum = 0;
  next = 0;

  /** @param {number} item */
  receive(item) {
    if (item !== this.next++) throw new Error(`${item} came instead of ${this.next - 1}`);
    this.sum += item;
  }
}

/** @param {Stream<number>} stream @param {number} n */
function* fiberAdder(stream, n) {
  for (let i = 0; i < n; i++) yield* stream.add(i);
}

/** @param {Stream<number>} stream @param {number} n @param {Total} total */
function* fiberTaker(stream, n, total) {
  for (let i = 0; i < n; i++) total.receive(yield* stream.take());
}

/** @param {number} n */
async function trestle(n) {
  const stream = new Stream(CAPACITY);
  const total = new Total();
  await run(() =>
    Fiber.both(
      () => fiberAdder(stream, n),
      () => fiberTaker(stream, n, total),
    ),
  );
  return total.sum;
}

/** @param {PromiseQueue<number>} queue @param {number} n */
async function asyncAdder(queue, n) {
  for (let i = 0; i < n; i++) await queue.add(i);
}

/** @param {PromiseQueue<number>} queue @param {number} n @param {Total} total */
async function asyncTaker(queue, n, total) {
  for (let i = 0; i < n; i++) total.receive(await queue.take());
}

/** @param {number} n */
async function promiseQueue(n) {
  const queue = new PromiseQueue(CAPACITY);
  const total = new Total();
  await Promise.all([asyncAdder(queue, n), asyncTaker(queue, n, total)]);
  return total.sum;
}

/** @param {PromiseQueue<number>} queue @param {number} n */
async function sparingAdder(queue, n) {
  for (let i = 0; i < n; i++) {
    const accepted = queue.add(i);
    if (accepted) await accepted;
  }
}

/** @param {PromiseQueue<number>} queue @param {number} n @param {Total} total */
async function sparingTaker(queue, n, total) {
  for (let i = 0; i < n; i++) {
    const item = queue.take();
    total.receive(typeof item === "number" ? item : await item);
  }
}

/** @param {number} n */
async function sparingPromiseQueue(n) {
  const queue = new PromiseQueue(CAPACITY);
  const total = new Total();
  await Promise.all([sparingAdder(queue, n), sparingTaker(queue, n, total)]);
  return total.sum;
}

const effectAdder = Effect.fnUntraced(function* (/** @type {Queue.Queue<number>} */ queue, /** @type {number} */ n) {
  for (let i = 0; i < n; i++) yield* Queue.offer(queue, i);
});

const effectTaker = Effect.fnUntraced(
  /** @param {Queue.Queue<number>} queue @param {number} n @param {Total} total */
  function* (queue, n, total) {
    for (let i = 0; i < n; i++) total.receive(yield* Queue.take(queue));
  },
);

/** @param {number} n */
async function effect(n) {
  const total = new Total();
  await Effect.runPromise(
    Effect.gen(function* () {
      const queue = yield* Queue.bounded(CAPACITY);
      yield* Effect.all([effectAdder(queue, n), effectTaker(queue, n, total)], { concurrency: "unbounded" });
    }),
  );
  return total.sum;
}

/** @type {import("../row.js").Row} */
export default {
  key: "stream",
  title: `bounded stream of ${CAPACITY}`,
  size: 200_000,
  of: "items",
  contenders: {
    trestle,
    "promise queue": promiseQueue,
    "promise queue, awaited only where it has to be": sparingPromiseQueue,
    effect,
  },
  expected: (n) => (n * (n - 1)) / 2,
  bars: [
    { against: "promise queue", most: 0.5 },
    { against: "effect", most: 0.15 },
  ],
};
