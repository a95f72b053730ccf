// @ts-check
// Stop many suspended tasks at once, clean-up included; only the stopping is measured.

import { Effect, Fiber as EffectFiber } from "effect";
import { run as runEffection, sleep, spawn, suspend } from "effection";
import { NEVER, Subscription, finalize } from "rxjs";
import { Cancel, Fiber, Switch } from "trestle";
import { run } from "trestle/node";

let stopped = 0;

function* fiberSleeper() {
  try {
    yield* Fiber.awaitCancel();
  } finally {
    stopped++;
  }
}

/** @param {number} n @param {import("../row.js").Watch} watch */
async function trestle(n, watch) {
  stopped = 0;
  await run(() =>
    Switch.run(function* (sw) {
      for (let i = 0; i < n; i++) yield* Fiber.fork(sw, fiberSleeper);
      watch.start();
      Cancel.cancel(sw.context, "enough");
    }),
  ).catch((/** @type {unknown} */ error) => {
    if (!Cancel.isCancelled(error)) throw error;
  });
  watch.stop();
  return stopped;
}

/** @param {Promise<unknown>} aborted */
async function asyncSleeper(aborted) {
  try {
    await aborted;
  } finally {
    stopped++;
  }
}

/** @param {number} n @param {import("../row.js").Watch} watch */
async function asyncFunctions(n, watch) {
  stopped = 0;
  const controller = new AbortController();
  // One listener for all: a signal takes time in proportion to those it has for each that is added.
  const aborted = new Promise((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason), { once: true });
  });
  const tasks = [];
  for (let i = 0; i < n; i++) tasks.push(asyncSleeper(aborted));
  const ended = Promise.allSettled(tasks);
  watch.start();
  controller.abort();
  await ended;
  watch.stop();
  return stopped;
}

const effectSleeper = Effect.ensuring(
  Effect.never,
  Effect.sync(() => {
    stopped++;
  }),
);

/** @param {number} n @param {import("../row.js").Watch} watch */
async function effect(n, watch) {
  stopped = 0;
  await Effect.runPromise(
    Effect.gen(function* () {
      const fibers = [];
      for (let i = 0; i < n; i++) fibers.push(yield* Effect.forkChild(effectSleeper, { startImmediately: true }));
      watch.start();
      yield* EffectFiber.interruptAll(fibers);
      watch.stop();
    }),
  );
  return stopped;
}

function* effectionSleeper() {
  try {
    yield* suspend();
  } finally {
    stopped++;
  }
}

/** @param {number} n @param {import("../row.js").Watch} watch */
async function effection(n, watch) {
  stopped = 0;
  /** @type {(value: void) => void} */
  let ready = () => {};
  const forked = new Promise((resolve) => (ready = resolve));
  const task = runEffection(function* () {
    for (let i = 0; i < n; i++) yield* spawn(effectionSleeper);
    yield* sleep(0);
    ready();
    yield* suspend();
  });
  await forked;
  watch.start();
  await task.halt();
  watch.stop();
  return stopped;
}

/** @param {number} n @param {import("../row.js").Watch} watch */
async function rxjs(n, watch) {
  stopped = 0;
  const subscription = new Subscription();
  const sleeper = NEVER.pipe(finalize(() => stopped++));
  for (let i = 0; i < n; i++) subscription.add(sleeper.subscribe());
  watch.start();
  subscription.unsubscribe();
  watch.stop();
  return stopped;
}

/** @type {import("../row.js").Row} */
export default {
  key: "cancel",
  title: "cancel suspended fibers",
  size: 100_000,
  of: "fibers",
  contenders: { trestle, effect, "async functions": asyncFunctions, effection, rxjs },
  expected: (n) => n,
  sizes: { effection: 2_000 },
  bars: [{ against: "effect", most: 1 }],
};
