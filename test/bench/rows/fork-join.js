// @ts-check
// Start many tasks, each of which gives way once, and wait for all.

import { Effect, Fiber as EffectFiber } from "effect";
import { spawn, run as runEffection, sleep } from "effection";
import { asapScheduler, count, lastValueFrom, mergeMap, range, scheduled } from "rxjs";
import { Fiber, Switch } from "trestle";
import { run } from "trestle/node";

let ended = 0;

function* fiberWorker() {
  yield* Fiber.yield();
  ended++;
}

/** @param {number} n */
async function trestle(n) {
  ended = 0;
  await run(() =>
    Switch.run(function* (sw) {
      for (let i = 0; i < n; i++) yield* Fiber.fork(sw, fiberWorker);
    }),
  );
  return ended;
}

async function asyncWorker() {
  await undefined;
  ended++;
}

/** @param {number} n */
async function asyncFunctions(n) {
  ended = 0;
  const tasks = [];
  for (let i = 0; i < n; i++) tasks.push(asyncWorker());
  await Promise.all(tasks);
  return ended;
}

const effectWorker = Effect.andThen(
  Effect.yieldNow,
  Effect.sync(() => {
    ended++;
  }),
);

/** @param {number} n */
async function effect(n) {
  ended = 0;
  await Effect.runPromise(
    Effect.gen(function* () {
      const fibers = [];
      for (let i = 0; i < n; i++) fibers.push(yield* Effect.forkChild(effectWorker));
      yield* EffectFiber.joinAll(fibers);
    }),
  );
  return ended;
}

function* effectionWorker() {
  yield* sleep(0);
  ended++;
}

/** @param {number} n */
async function effection(n) {
  ended = 0;
  await runEffection(function* () {
    const tasks = [];
    for (let i = 0; i < n; i++) tasks.push(yield* spawn(effectionWorker));
    for (const task of tasks) yield* task;
  });
  return ended;
}

/** @param {number} n */
async function rxjs(n) {
  return lastValueFrom(
    range(0, n).pipe(
      mergeMap(() => scheduled([1], asapScheduler)),
      count(),
    ),
  );
}

/** @type {import("../row.js").Row} */
export default {
  key: "fork-join",
  title: "fork, one yield, join",
  size: 100_000,
  of: "fibers",
  contenders: { trestle, "async functions": asyncFunctions, effect, effection, rxjs },
  expected: (n) => n,
  // More of them take more than their share of time.
  sizes: { effection: 2_000, rxjs: 10_000 },
  bars: [{ against: "async functions", most: 0.6 }],
};
