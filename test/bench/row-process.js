// @ts-check
// Measures one row, in a process of its own: the contenders take turns, round by round, so that a noisy machine hits all alike.

import { setImmediate } from "node:timers/promises";
import { fieldFor } from "./field.js";
import { rows } from "./rows/index.js";

/** @type {{ key: string, scale: number, who?: string[], rounds: number, warmups: number, clock: "wall" | "cpu" }} */
const { key, scale, who, rounds, warmups, clock } = JSON.parse(process.argv[2] ?? "");

/** Milliseconds: on the wall, or that the process, its collector of garbage included, had a processor. */
const now = clock === "cpu" ? cpuTime : () => performance.now();

function cpuTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The time that one contender takes, in milliseconds, or the name of the error it may end with. */
async function time(/** @type {import("./field.js").Entrant} */ { run, size, expected, mayFail, name }) {
  /** @type {number | undefined} */
  let stopped;
  let started = now();
  const watch = {
    start() {
      started = now();
    },
    stop() {
      stopped = now();
    },
  };
  try {
    const result = await run(size, watch);
    const elapsed = (stopped ?? now()) - started;
    if (result !== expected) throw new Error(`${name}: gave ${String(result)} instead of ${String(expected)}`);
    return elapsed;
  } catch (error) {
    if (mayFail && error instanceof RangeError) return error.name;
    throw error;
  }
}

const row = rows.find((candidate) => candidate.key === key);
if (!row) throw new Error(`there is no row ${key}`);
const field = fieldFor(row, scale, who);

/** @type {Map<import("./field.js").Entrant, (number | string)[]>} */
const samples = new Map(field.map((entrant) => [entrant, []]));
for (let round = -warmups; round < rounds; round++) {
  // Forth and back, so that nobody always comes after the same one, and meets its garbage.
  for (const entrant of round % 2 === 0 ? field : field.toReversed()) {
    // What the one before has left in the event loop is not this one's to run.
    await setImmediate();
    const sample = await time(entrant);
    if (round >= 0) samples.get(entrant)?.push(sample);
  }
}
process.send?.([...samples.values()]);
process.disconnect?.();
