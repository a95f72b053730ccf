// @ts-check
// Jobs that wait one turn, so that ten of them really are under way at once.

import { Effect } from "effect";
import pLimit from "p-limit";
import { from, lastValueFrom, mergeMap, toArray } from "rxjs";
import { Fiber } from "trestle";
import { run } from "trestle/node";

const AT_ONCE = 10;

/** @param {number} n */
const items = (n) => Array.from({ length: n }, (_, i) => i);

/** How many jobs are under way, and the most there ever were. */
let running = 0;
let most = 0;

function enter() {
  if (++running > most) most = running;
}

/** @param {number[]} results */
function sum(results) {
  if (most !== AT_ONCE) throw new Error(`${most} jobs were under way at once`);
  most = 0;
  return results.reduce((a, b) => a + b, 0);
}

/** @param {number} x */
function* fiberJob(x) {
  enter();
  yield* Fiber.yield();
  running--;
  return 2 * x;
}

/** @param {number} n */
async function trestle(n) {
  return sum(await run(() => Fiber.map(items(n), fiberJob, { maxFibers: AT_ONCE })));
}

/** @param {number} x */
async function asyncJob(x) {
  enter();
  await undefined;
  running--;
  return 2 * x;
}

/** @param {number} n */
async function limited(n) {
  const limit = pLimit(AT_ONCE);
  return sum(await limit.map(items(n), asyncJob));
}

const effectJob = Effect.fnUntraced(function* (/** @type {number} */ x) {
  enter();
  yield* Effect.yieldNow;
  running--;
  return 2 * x;
});

/** @param {number} n */
async function effect(n) {
  return sum(await Effect.runPromise(Effect.forEach(items(n), effectJob, { concurrency: AT_ONCE })));
}

/** @param {number} n */
async function rxjs(n) {
  return sum(await lastValueFrom(from(items(n)).pipe(mergeMap(asyncJob, AT_ONCE), toArray())));
}

/** @type {import("../row.js").Row} */
export default {
  key: "map-turn",
  title: "Fiber.map of jobs that wait a turn, 10 at once",
  size: 100_000,
  of: "jobs",
  contenders: { trestle, "p-limit": limited, effect, rxjs },
  expected: (n) => n * (n - 1),
  bars: [{ against: "p-limit", most: 0.3 }],
};
