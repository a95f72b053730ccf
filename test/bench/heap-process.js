// @ts-check
// Measures what one contender keeps of the heap, in a process of its own that may collect garbage.

import { setImmediate } from "node:timers/promises";
import { fieldFor } from "./field.js";
import { rows } from "./rows/index.js";

/** @type {{ key: string, scale: number, who: string }} */
const { key, scale, who: name } = JSON.parse(process.argv[2] ?? "");
const row = rows.find((candidate) => candidate.key === key);
const entrant = row && fieldFor(row, scale, [name])[0];
if (!entrant) throw new Error(`there is no contender ${name} in row ${key}`);
const unwatched = { start() {}, stop() {} };

// Once before, so that what is made at the first use is not counted.
const before = await entrant.run(1000, unwatched);
const empty = await heapUsed();
const result = /** @type {{ suspended: number }} */ (await entrant.run(entrant.size, unwatched));
const full = await heapUsed();
if (result.suspended !== entrant.expected) throw new Error(`${name}: only ${result.suspended} are suspended`);
process.send?.(full - empty, undefined, undefined, () => {
  // Now neither result is needed any more.
  process.exit(before && result ? 0 : 1);
});

async function heapUsed() {
  const gc = globalThis.gc;
  if (!gc) throw new Error("needs --expose-gc");
  // Weak references and microtasks that are under way keep things for a while.
  for (let i = 0; i < 3; i++) {
    await setImmediate();
    gc();
  }
  return process.memoryUsage().heapUsed;
}
