// @ts-check
// All values of a source that emits as fast as it can, added up by whoever takes them.

import { Done, fromObservable } from "@trestle/bridges";
import { range } from "rxjs";
import { eachValueFrom } from "rxjs-for-await";
import { Switch } from "trestle";
import { run } from "trestle/node";

/** @param {Switch} sw @param {number} n */
function* taking(sw, n) {
  const values = yield* fromObservable(sw, range(0, n), { syncLimit: Infinity });
  let sum = 0;
  for (let value = yield* values.next(); value !== Done; value = yield* values.next()) sum += value;
  return sum;
}

/** @param {number} n */
async function trestle(n) {
  return await run(() => Switch.run((sw) => taking(sw, n)));
}

/** @param {number} n */
async function forAwait(n) {
  let sum = 0;
  for await (const value of eachValueFrom(range(0, n))) sum += value;
  return sum;
}

/** @param {number} n */
async function subscribe(n) {
  let sum = 0;
  range(0, n).subscribe((value) => {
    sum += value;
  });
  return sum;
}

/** @type {import("../row.js").Row} */
export default {
  key: "observable",
  title: "fromObservable",
  size: 100_000,
  of: "values",
  contenders: { trestle, "rxjs-for-await": forAwait, subscribe },
  expected: (n) => (n * (n - 1)) / 2,
  bars: [
    { against: "rxjs-for-await", most: 0.5 },
    { against: "subscribe", most: 4 },
  ],
};
