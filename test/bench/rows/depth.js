// @ts-check
// What one suspension costs at the bottom of a chain of calls.

import { Effect } from "effect";
import { Fiber, fiber } from "trestle";
import { run } from "trestle/node";

const DEPTHS = [1, 10, 50, 100, 1000];

/** @type {(depth: number, n: number) => import("trestle").Op<number>} */
const marked = fiber(function* (depth, n) {
  if (depth > 1) return 1 + (yield* marked(depth - 1, n));
  for (let i = 0; i < n; i++) yield* Fiber.yield();
  return 1;
});

/**
 * @param {number} depth @param {number} n
 * @returns {import("trestle").Op<number>}
 */
function* plain(depth, n) {
  if (depth > 1) return 1 + (yield* plain(depth - 1, n));
  for (let i = 0; i < n; i++) yield* Fiber.yield();
  return 1;
}

/**
 * @param {number} depth @param {number} n
 * @returns {Promise<number>}
 */
async function asyncDescent(depth, n) {
  if (depth > 1) return 1 + (await asyncDescent(depth - 1, n));
  for (let i = 0; i < n; i++) await undefined;
  return 1;
}

/** @type {(depth: number, n: number) => Effect.Effect<number>} */
const effectDescent = Effect.fnUntraced(function* (depth, n) {
  if (depth > 1) return 1 + (yield* effectDescent(depth - 1, n));
  for (let i = 0; i < n; i++) yield* Effect.yieldNow;
  return 1;
});

/** @type {Record<string, import("../row.js").Contender>} */
const contenders = {};
/** @type {Record<string, number>} */
const depths = {};

/** @param {string} who @param {number[]} at @param {(depth: number, n: number) => Promise<number>} descend */
function compete(who, at, descend) {
  for (const depth of at) {
    const name = `${who}, depth ${depth}`;
    depths[name] = depth;
    contenders[name] = (n) => descend(depth, n);
  }
}
compete("trestle", DEPTHS, (depth, n) => run(() => marked(depth, n)));
compete("trestle, unmarked", DEPTHS, (depth, n) => run(() => plain(depth, n)));
compete("async functions", [1, 50, 1000], asyncDescent);
compete("effect", [1, 50, 1000], (depth, n) => Effect.runPromise(effectDescent(depth, n)));

/** @type {import("../row.js").Row} */
export default {
  key: "depth",
  title: "one suspension at call depth 50",
  size: 10_000,
  of: "suspensions",
  ours: "trestle, depth 50",
  contenders,
  expected: (_n, contender) => depths[contender],
  bars: [{ against: "trestle, depth 1", most: 1.5 }],
};
