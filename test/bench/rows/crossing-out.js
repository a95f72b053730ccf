// @ts-check
// An async function that waits for a fiber, and one that waits for another async function.

import { toPromise } from "@trestle/bridges";
import { Fiber } from "trestle";

/** @param {number} x */
function* fiberJob(x) {
  yield* Fiber.yield();
  return x;
}

/** @param {number} n */
async function trestle(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += await toPromise(() => fiberJob(i));
  return sum;
}

/** @param {number} x */
async function asyncJob(x) {
  await undefined;
  return x;
}

/** @param {number} n */
async function awaiting(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += await asyncJob(i);
  return sum;
}

/** @type {import("../row.js").Row} */
export default {
  key: "crossing-out",
  title: "toPromise of a fiber that waits a turn",
  size: 100_000,
  of: "calls",
  contenders: { trestle, await: awaiting },
  expected: (n) => (n * (n - 1)) / 2,
  bars: [{ against: "await", most: 1 }],
};
