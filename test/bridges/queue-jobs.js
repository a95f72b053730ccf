// @ts-check
// What jobs over a queue do in tests. What they leave behind they write to a file, one line each.

import { appendFileSync, readFileSync } from "node:fs";
import { addContext, Fiber, IoError, Stream } from "trestle";

/** @typedef {import("trestle/node").NodeEnv} Env */
/** @template T @typedef {import("trestle").Op<T>} Op */

/** @param {Env} env @param {Map<string, Uint8Array>} map @returns {Op<unknown>} */
export function* shape(env, map) {
  return { backend: env.backendId, map, when: new Date(0), big: 2n ** 70n };
}

/** @returns {Op<number>} */
export function* whoAmI() {
  yield* Fiber.yield();
  return process.pid;
}

/** @param {Env} env @param {number} seconds @returns {Op<number>} */
export function* sleep(env, seconds) {
  yield* env.clock.sleep(seconds);
  return process.pid;
}

/** @returns {Op<never>} */
export function* fail() {
  yield* Fiber.yield();
  throw addContext(new IoError({ area: "Fs", kind: "Not_found" }, ["opening a.txt"]), "running the job");
}

/** Fails twice. @param {Env} _env @param {string} file @returns {Op<number>} */
export function* failTwice(_env, file) {
  appendFileSync(file, "attempt\n");
  const attempts = readFileSync(file, "utf8").split("\n").length - 1;
  if (attempts < 3) throw new RangeError(`attempt ${attempts}`);
  return attempts;
}

/** @param {Env} _env @param {string} file @returns {Op<unknown>} */
export function* wait(_env, file) {
  appendFileSync(file, `started ${process.pid}\n`);
  try {
    return yield* Fiber.awaitCancel();
  } catch (error) {
    const { reason } = /** @type {{ reason: unknown }} */ (error);
    appendFileSync(file, `stopped: ${String(reason)}\n`);
    throw error;
  }
}

/** Waits in the first process that does it, and gives the number of the second. @param {Env} _env @param {string} file @returns {Op<number>} */
export function* handedOn(_env, file) {
  const before = readFileSync(file, "utf8");
  appendFileSync(file, `started ${process.pid}\n`);
  if (before === "") yield* Fiber.awaitCancel();
  return process.pid;
}

/** @returns {Op<unknown>} */
export function* bound() {
  return new Stream(1);
}
