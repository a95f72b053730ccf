// @ts-check
// Waiting for an async function: a fiber through the bridge, and an async function by itself.

import { fromPromise } from "@trestle/bridges";
import { run } from "trestle/node";

/** @param {number} x */
async function job(x) {
  await undefined;
  return x;
}

/** @param {number} n */
function* crossing(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* fromPromise(job(i));
  return sum;
}

/** @param {number} n */
async function trestle(n) {
  return await run(() => crossing(n));
}

/** @param {number} n */
async function awaiting(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += await job(i);
  return sum;
}

/** @type {import("../row.js").Row} */
export default {
  key: "crossing-in",
  title: "fromPromise of an async call",
  size: 100_000,
  of: "calls",
  contenders: { trestle, await: awaiting },
  expected: (n) => (n * (n - 1)) / 2,
  bars: [{ against: "await", most: 1 }],
};
