// @ts-check
// Two tasks that give way to each other all the time.

import { Effect } from "effect";
import { Fiber } from "trestle";
import { run } from "trestle/node";

/** Counts the turns, and sees to it that they alternate. */
class Table {
  turns = 0;

  /** @param {number} player */
  hit(player) {
    if (this.turns++ % 2 !== player) throw new Error(`player ${player} hit twice`);
  }
}

/** @param {Table} table @param {number} player @param {number} n */
function* fiberPlayer(table, player, n) {
  for (let i = 0; i < n; i++) {
    table.hit(player);
    yield* Fiber.yield();
  }
}

/** @param {number} n */
async function trestle(n) {
  const table = new Table();
  await run(() =>
    Fiber.both(
      () => fiberPlayer(table, 0, n),
      () => fiberPlayer(table, 1, n),
    ),
  );
  return table.turns;
}

/** @param {Table} table @param {number} player @param {number} n */
async function asyncPlayer(table, player, n) {
  for (let i = 0; i < n; i++) {
    table.hit(player);
    await undefined;
  }
}

/** @param {number} n */
async function asyncFunctions(n) {
  const table = new Table();
  await Promise.all([asyncPlayer(table, 0, n), asyncPlayer(table, 1, n)]);
  return table.turns;
}

const effectPlayer = Effect.fnUntraced(function* (/** @type {Table} */ table, player, n) {
  for (let i = 0; i < n; i++) {
    table.hit(player);
    yield* Effect.yieldNow;
  }
});

/** @param {number} n */
async function effect(n) {
  const table = new Table();
  await Effect.runPromise(
    Effect.all([effectPlayer(table, 0, n), effectPlayer(table, 1, n)], { concurrency: "unbounded" }),
  );
  return table.turns;
}

/** @type {import("../row.js").Row} */
export default {
  key: "ping-pong",
  title: "yield ping-pong of two fibers",
  size: 100_000,
  of: "yields each",
  contenders: { trestle, "async functions": asyncFunctions, effect },
  expected: (n) => 2 * n,
  bars: [{ against: "async functions", most: 1.2 }],
};
