// @ts-check
// Trivial jobs, one an item, at most ten at once.

import { Effect } from "effect";
import pLimit from "p-limit";
import { from, lastValueFrom, mergeMap, toArray } from "rxjs";
import { Fiber } from "trestle";
import { run } from "trestle/node";

const AT_ONCE = 10;

/** @param {number} n */
const items = (n) => Array.from({ length: n }, (_, i) => i);

/** @param {number[]} results */
const sum = (results) => results.reduce((a, b) => a + b, 0);

/** @param {number} x */
function* fiberJob(x) {
  return 2 * x;
}

/** @param {number} n */
async function trestle(n) {
  return sum(await run(() => Fiber.map(items(n), fiberJob, { maxFibers: AT_ONCE })));
}

/** @param {number} x */
async function asyncJob(x) {
  return 2 * x;
}

/** @param {number} n */
async function limited(n) {
  const limit = pLimit(AT_ONCE);
  return sum(await limit.map(items(n), asyncJob));
}

/** @param {number} n */
async function effect(n) {
  const job = (/** @type {number} */ x) => Effect.sync(() => 2 * x);
  return sum(await Effect.runPromise(Effect.forEach(items(n), job, { concurrency: AT_ONCE })));
}

/** @param {number} n */
async function rxjs(n) {
  return sum(await lastValueFrom(from(items(n)).pipe(mergeMap(asyncJob, AT_ONCE), toArray())));
}

/** @type {import("../row.js").Row} */
export default {
  key: "map",
  title: "Fiber.map of trivial jobs, 10 at once",
  size: 100_000,
  of: "jobs",
  contenders: { trestle, "p-limit": limited, effect, rxjs },
  expected: (n) => n * (n - 1),
  bars: [{ against: "p-limit", most: 0.3 }],
};
