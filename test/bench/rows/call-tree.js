// @ts-check
// A tree of calls that never suspends: what it costs that a function could.

import { Effect } from "effect";
import { run as runEffection } from "effection";
import { fiber } from "trestle";
import { run } from "trestle/node";

const DEPTH = 18;

/**
 * @param {number} n
 * @returns {import("trestle").Op<number>}
 */
function* fib(n) {
  if (n < 2) return n;
  return (yield* fib(n - 1)) + (yield* fib(n - 2));
}

/** @type {(n: number) => import("trestle").Op<number>} */
const markedFib = fiber(function* (n) {
  if (n < 2) return n;
  return (yield* markedFib(n - 1)) + (yield* markedFib(n - 2));
});

/** @param {(n: number) => import("trestle").Op<number>} tree */
const fibers = (tree) => (/** @type {number} */ trees) =>
  run(function* () {
    let sum = 0;
    for (let i = 0; i < trees; i++) sum += yield* tree(DEPTH);
    return sum;
  });

/**
 * @param {number} n
 * @returns {Promise<number>}
 */
async function asyncFib(n) {
  if (n < 2) return n;
  return (await asyncFib(n - 1)) + (await asyncFib(n - 2));
}

/** @param {number} trees */
async function asyncFunctions(trees) {
  let sum = 0;
  for (let i = 0; i < trees; i++) sum += await asyncFib(DEPTH);
  return sum;
}

/** @type {(n: number) => Effect.Effect<number>} */
const effectFib = Effect.fnUntraced(function* (n) {
  if (n < 2) return n;
  return (yield* effectFib(n - 1)) + (yield* effectFib(n - 2));
});

/** @param {number} trees */
function effect(trees) {
  return Effect.runPromise(
    Effect.gen(function* () {
      let sum = 0;
      for (let i = 0; i < trees; i++) sum += yield* effectFib(DEPTH);
      return sum;
    }),
  );
}

/**
 * @param {number} n
 * @returns {import("effection").Operation<number>}
 */
function* effectionFib(n) {
  if (n < 2) return n;
  return (yield* effectionFib(n - 1)) + (yield* effectionFib(n - 2));
}

/** @param {number} trees */
async function effection(trees) {
  return runEffection(function* () {
    let sum = 0;
    for (let i = 0; i < trees; i++) sum += yield* effectionFib(DEPTH);
    return sum;
  });
}

/** @type {import("../row.js").Row} */
export default {
  key: "call-tree",
  title: "call tree that never suspends, fib(18)",
  size: 20,
  of: "trees",
  contenders: {
    trestle: fibers(fib),
    "trestle, fiber(fib)": fibers(markedFib),
    "async functions": asyncFunctions,
    effect,
    effection,
  },
  expected: (trees) => trees * 2584,
  bars: [{ against: "async functions", most: 0.7 }],
};
