// @ts-check
// A function of which at most ten calls run at once, called for all items at the same time.

import { limited } from "@trestle/bridges";
import pLimit from "p-limit";
import { Fiber } from "trestle";
import { run } from "trestle/node";

const AT_ONCE = 10;

/** @param {number} n */
const items = (n) => Array.from({ length: n }, (_, i) => i);

/** @param {number[]} results */
const sum = (results) => results.reduce((a, b) => a + b, 0);

/** @param {number} x */
function* fiberJob(x) {
  yield* Fiber.yield();
  return 2 * x;
}

/** @param {number} n */
async function trestle(n) {
  const job = limited(AT_ONCE, fiberJob);
  return sum(await run(() => Fiber.map(items(n), job)));
}

/** @param {number} x */
async function asyncJob(x) {
  await undefined;
  return 2 * x;
}

/** @param {number} n */
async function throughLimit(n) {
  const limit = pLimit(AT_ONCE);
  return sum(await Promise.all(items(n).map((x) => limit(asyncJob, x))));
}

/** @type {import("../row.js").Row} */
export default {
  key: "limit",
  title: `limited, ${AT_ONCE} at once`,
  size: 100_000,
  of: "calls",
  contenders: { trestle, "p-limit": throughLimit },
  expected: (n) => n * (n - 1),
  bars: [{ against: "p-limit", most: 1 }],
};
