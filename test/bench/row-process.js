// @ts-check
// Measures one row, in a process of its own: the contenders take turns, round by round, so that a noisy machine hits all alike.

import { setImmediate } from "node:timers/promises";
import { fieldFor } from "./field.js";
import { rows } from "./rows/index.js";

/** The time that one contender takes, in milliseconds, or the name of the error it may end with. */
async function time(/** @type {import("./field.js").Entrant} */ { run, size, expected, mayFail, name }) {
  /** @type {number | undefined} */
  let stopped;
  let started = performance.now();
  const watch = {
    start() {
      started = performance.now();
    },
    stop() {
      stopped = performance.now();
    },
  };
  try {
    const result = await run(size, watch);
    const elapsed = (stopped ?? performance.now()) - started;
    if (result !== expected) throw new Error(`${name}: gave ${String(result)} instead of ${String(expected)}`);
    return elapsed;
  } catch (error) {
    if (mayFail && error instanceof RangeError) return error.name;
    throw error;
  }
}

const [key = "", rounds, warmups, scale] = process.argv.slice(2);
const row = rows.find((candidate) => candidate.key === key);
if (!row) throw new Error(`there is no row ${key}`);
const field = fieldFor(row, Number(scale));

for (let i = 0; i < Number(warmups); i++) for (const entrant of field) await time(entrant);

/** @type {(number | string)[][]} */
const samples = field.map(() => []);
for (let round = 0; round < Number(rounds); round++) {
  for (const [i, entrant] of field.entries()) {
    // What the one before has left in the event loop is not this one's to run.
    await setImmediate();
    samples[i]?.push(await time(entrant));
  }
}
process.send?.(samples);
process.disconnect?.();
