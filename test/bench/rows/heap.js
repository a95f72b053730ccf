// @ts-check
// What a suspended task keeps of the heap. Each contender is measured in a process of its own.

import { Deferred as EffectDeferred, Effect } from "effect";
import { run as runEffection, spawn, suspend } from "effection";
import { Deferred, Fiber, Switch } from "trestle";
import { run } from "trestle/node";

// Each contender resolves when its tasks are suspended; what it gives is kept until the heap has been looked at.

/** @param {number} n */
async function trestle(n) {
  const [cell] = Deferred.create();
  let suspended = 0;
  function* sleeper() {
    suspended++;
    yield* cell.await();
  }
  return new Promise((resolve) => {
    const done = run(() =>
      Switch.run(function* (sw) {
        for (let i = 0; i < n; i++) yield* Fiber.fork(sw, sleeper);
        resolve({ suspended, kept: () => done });
      }),
    );
  });
}

/** The same with a cell to wait for in each fiber. @param {number} n */
async function trestleCells(n) {
  /** @type {unknown[]} */
  const resolvers = [];
  let suspended = 0;
  function* sleeper() {
    const [cell, resolver] = Deferred.create();
    resolvers.push(resolver);
    suspended++;
    yield* cell.await();
  }
  return new Promise((resolve) => {
    const done = run(() =>
      Switch.run(function* (sw) {
        for (let i = 0; i < n; i++) yield* Fiber.fork(sw, sleeper);
        resolve({ suspended, kept: [resolvers, () => done] });
      }),
    );
  });
}

/** @param {number} n */
async function asyncFunctions(n) {
  const cell = new Promise(() => {});
  let suspended = 0;
  async function sleeper() {
    suspended++;
    await cell;
  }
  const tasks = [];
  for (let i = 0; i < n; i++) tasks.push(sleeper());
  return { suspended, kept: [cell, tasks] };
}

/** @param {number} n */
async function asyncPromises(n) {
  /** @type {unknown[]} */
  const resolvers = [];
  let suspended = 0;
  async function sleeper() {
    suspended++;
    await new Promise((resolve) => resolvers.push(resolve));
  }
  const tasks = [];
  for (let i = 0; i < n; i++) tasks.push(sleeper());
  return { suspended, kept: [resolvers, tasks] };
}

/** @param {number} n */
async function effect(n) {
  const cell = EffectDeferred.makeUnsafe();
  let suspended = 0;
  const sleeper = Effect.suspend(() => {
    suspended++;
    return EffectDeferred.await(cell);
  });
  return new Promise((resolve) => {
    const fiber = Effect.runFork(
      Effect.gen(function* () {
        for (let i = 0; i < n; i++) yield* Effect.forkChild(sleeper, { startImmediately: true });
        resolve({ suspended, kept: () => fiber });
        yield* Effect.never;
      }),
    );
  });
}

/** @param {number} n */
async function effection(n) {
  let suspended = 0;
  function* sleeper() {
    suspended++;
    yield* suspend();
  }
  return new Promise((resolve) => {
    const task = runEffection(function* () {
      for (let i = 0; i < n; i++) yield* spawn(sleeper);
      setTimeout(() => resolve({ suspended, kept: () => task }));
      yield* suspend();
    });
  });
}

/** @type {import("../row.js").Row} */
export default {
  key: "heap",
  title: "heap of a suspended fiber",
  size: 100_000,
  of: "fibers",
  measures: "heap",
  contenders: {
    trestle,
    "trestle, a Deferred each": trestleCells,
    "async functions": asyncFunctions,
    "async functions, a promise each": asyncPromises,
    effect,
    effection,
  },
  expected: (n) => n,
  sizes: { effection: 5_000 },
  bars: [{ against: "async functions", most: 0.6 }],
};
