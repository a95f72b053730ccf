// @ts-check
// Work for processors, shared out among two threads.

import { Piscina } from "piscina";
import { ExecutorPool, Fiber, Switch } from "trestle";
import { run } from "trestle/node";

const THREADS = 2;
const N = 24;
const file = new URL("../compute.js", import.meta.url);

/** @param {number} jobs */
const inputs = (jobs) => Array.from({ length: jobs }, () => N);

/** @param {readonly number[]} results */
const sum = (results) => results.reduce((a, b) => a + b, 0);

/** @param {number} n @param {import("../row.js").Watch} watch */
function trestle(n, watch) {
  return run((env) =>
    Switch.run(function* (sw) {
      const pool = yield* ExecutorPool.create(env.domainMgr, { sw, domainCount: THREADS });
      const compute = (/** @type {number} */ x) =>
        /** @type {import("trestle").Op<number>} */ (pool.submitOrThrow({ module: file, name: "fibOp", args: [x] }));
      // The threads are there, and have loaded the function.
      yield* Fiber.map([1, 1, 1, 1], compute);
      watch.start();
      const result = sum(yield* Fiber.map(inputs(n), compute));
      watch.stop();
      return result;
    }),
  );
}

/** @param {number} n @param {import("../row.js").Watch} watch */
async function piscina(n, watch) {
  const pool = new Piscina({ filename: file.href, name: "fib", minThreads: THREADS, maxThreads: THREADS });
  const compute = (/** @type {number} */ x) => /** @type {Promise<number>} */ (pool.run(x));
  await Promise.all([1, 1, 1, 1].map(compute));
  watch.start();
  const result = sum(await Promise.all(inputs(n).map(compute)));
  watch.stop();
  await pool.destroy();
  return result;
}

/** @type {import("../row.js").Row} */
export default {
  key: "executor-pool",
  title: "CPU jobs through the executor pool, 2 threads",
  size: 2_000,
  of: "jobs",
  contenders: { trestle, piscina },
  expected: (n) => n * 46368,
  // At least 0.9 of the jobs a second.
  bars: [{ against: "piscina", most: 1.11 }],
};
