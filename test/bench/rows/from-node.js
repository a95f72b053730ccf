// @ts-check
// Calls of a function that takes an error-first callback, one after the other.

import { promisify } from "node:util";
import { fromNode } from "@trestle/bridges";
import { run } from "trestle/node";

/** @param {number} x @param {(error: Error | null, value: number) => void} callback */
function later(x, callback) {
  process.nextTick(callback, null, x);
}

const laterOp = fromNode(later);
const laterAsync = promisify(later);

/** @param {number} n */
function* calling(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += /** @type {number} */ (yield* laterOp(i));
  return sum;
}

/** @param {number} n */
async function trestle(n) {
  return await run(() => calling(n));
}

/** @param {number} n */
async function promisified(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += await laterAsync(i);
  return sum;
}

/** @type {import("../row.js").Row} */
export default {
  key: "from-node",
  title: "fromNode of a callback function",
  size: 100_000,
  of: "calls",
  contenders: { trestle, "util.promisify": promisified },
  expected: (n) => (n * (n - 1)) / 2,
  bars: [{ against: "util.promisify", most: 1 }],
};
