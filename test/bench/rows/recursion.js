// @ts-check
// Recursion that suspends at the bottom, deeper than the engine's own stack is.

import { Effect } from "effect";
import { run as runEffection, sleep } from "effection";
import { Fiber, fiber } from "trestle";
import { run } from "trestle/node";

/** @type {(depth: number) => import("trestle").Op<number>} */
const descend = fiber(function* (depth) {
  if (depth > 0) return 1 + (yield* descend(depth - 1));
  yield* Fiber.yield();
  return 0;
});

/** @param {number} depth */
function trestle(depth) {
  return run(() => descend(depth));
}

/**
 * @param {number} depth
 * @returns {Promise<number>}
 */
async function asyncFunctions(depth) {
  if (depth > 0) return 1 + (await asyncFunctions(depth - 1));
  await undefined;
  return 0;
}

/** @type {(depth: number) => Effect.Effect<number>} */
const effectDescent = Effect.fnUntraced(function* (depth) {
  if (depth > 0) return 1 + (yield* effectDescent(depth - 1));
  yield* Effect.yieldNow;
  return 0;
});

/** @param {number} depth */
function effect(depth) {
  return Effect.runPromise(effectDescent(depth));
}

/**
 * @param {number} depth
 * @returns {import("effection").Operation<number>}
 */
function* effectionDescent(depth) {
  if (depth > 0) return 1 + (yield* effectionDescent(depth - 1));
  yield* sleep(0);
  return 0;
}

/** @param {number} depth */
async function effection(depth) {
  return runEffection(() => effectionDescent(depth));
}

/** @type {import("../row.js").Row} */
export default {
  key: "recursion",
  title: "recursion that suspends at the bottom",
  size: 100_000,
  of: "calls deep",
  contenders: { trestle, "async functions": asyncFunctions, effect, effection },
  expected: (depth) => depth,
  mayFail: ["async functions", "effection"],
  bars: [{ completes: true }],
};
