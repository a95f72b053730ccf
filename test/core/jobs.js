// @ts-check
// What jobs in other threads do in tests.

import { threadId } from "node:worker_threads";
import { addContext, Cancel, Cancelled, EndOfFile, Fiber, IoError, Multiple, Stream, Switch, Timeout } from "trestle";

/** @typedef {import("trestle/node").NodeEnv} Env */
/** @template T @typedef {import("trestle").Op<T>} Op */

/** @param {Env} _env @param {number} a @param {number} b @returns {Op<number>} */
export function* add(_env, a, b) {
  return a + b;
}

/** @param {number} a @param {number} b */
export const addNow = (a, b) => a + b;

/** @param {Env} env @param {number} seconds @returns {Op<number>} */
export function* sleep(env, seconds) {
  yield* env.clock.sleep(seconds);
  return threadId;
}

/** @returns {Op<number>} */
export function* thread() {
  return threadId;
}

export const threadNow = () => threadId;

/** @param {Env} env @returns {Op<string[]>} */
export function* capabilities(env) {
  return Object.keys(env);
}

const key = Fiber.createKey("key");

/** @returns {Op<unknown>} */
export function* local() {
  return Fiber.get(key);
}

class Unlucky extends RangeError {
  constructor() {
    super("out of luck", { cause: new TypeError("the cause") });
    this.name = "Unlucky";
    this.code = "UNLUCKY";
    this.places = [1, 2];
  }
}

/** @param {Env} _env @param {string} kind @returns {Op<never>} */
export function* fail(_env, kind) {
  yield* Fiber.yield();
  if (kind === "steps")
    throw addContext(new IoError({ area: "Fs", kind: "Not_found" }, ["opening a.txt"]), "running the job");
  if (kind === "own") throw new Unlucky();
  if (kind === "multiple") throw new Multiple([new EndOfFile(), new Timeout(1)]);
  if (kind === "cancelled") throw new Cancelled("by itself");
  throw kind;
}

/** @returns {never} */
export function failNow() {
  throw new Unlucky();
}

/**
 * Waits to be cancelled; cells of `seen`: 0 how many have started, 1 how many have cleaned up.
 * @param {Env} _env @param {Int32Array} seen @param {string} [then] @returns {Op<unknown>}
 */
export function* wait(_env, seen, then) {
  Atomics.add(seen, 0, 1);
  Atomics.notify(seen, 0);
  try {
    return yield* Fiber.awaitCancel();
  } catch (error) {
    yield* Cancel.protect(() => Fiber.yield());
    if (then === "reason") throw new Error(`stopped: ${String(/** @type {Cancelled} */ (error).reason)}`);
    if (then === "goes on") return "done";
    throw error;
  } finally {
    Atomics.add(seen, 1, 1);
  }
}

/**
 * Keeps the thread until cell 2 is set.
 * @param {Env} _env @param {Int32Array} seen @returns {Op<string>}
 */
export function* compute(_env, seen) {
  return computeNow(seen);
}

/** @param {Int32Array} seen */
export function computeNow(seen) {
  Atomics.add(seen, 0, 1);
  Atomics.notify(seen, 0);
  Atomics.wait(seen, 2, 0);
  return "computed";
}

/** @param {Env} _env @param {Int32Array} seen @returns {Op<never>} */
export function* spin(_env, seen) {
  Atomics.add(seen, 0, 1);
  Atomics.notify(seen, 0);
  for (;;);
}

/** @returns {Op<never>} */
export function* crash() {
  setImmediate(() => {
    throw new Unlucky();
  });
  return yield* Fiber.awaitCancel();
}

/** @param {Env} _env @param {number} code @returns {Op<never>} */
export function* exit(_env, code) {
  process.exit(code);
}

/** @param {number} code @returns {never} */
export function exitNow(code) {
  process.exit(code);
}

/** @returns {Op<never>} */
export function* fillMemory() {
  const all = [];
  for (;;) all.push(new Array(100_000).fill(0.5));
}

/** @param {Env} _env @param {string} what @returns {Op<unknown>} */
export function* give(_env, what) {
  if (what === "function") return () => 1;
  if (what === "promise") return { promise: Promise.resolve() };
  if (what === "stream") return new Stream(1);
  if (what === "switch")
    return yield* Switch.run(function* (sw) {
      return sw;
    });
  return what;
}

/** @returns {Op<never>} */
export function* throwUncopyable() {
  throw Object.assign(new Error("with a function"), { fn: () => 1, cause: { port: Symbol("no copy") } });
}

/** @returns {Op<never>} */
export function* crashUncopyable() {
  setImmediate(() => {
    throw { fn: () => 1 };
  });
  return yield* Fiber.awaitCancel();
}

export async function asyncJob() {
  return 1;
}

/** @param {Env} _env @param {ArrayBuffer} buffer @returns {Op<number>} */
export function* size(_env, buffer) {
  return buffer.byteLength;
}

/**
 * Answers on a port, as long as it is asked.
 * @param {Env} _env @param {import("node:worker_threads").MessagePort} port @returns {Op<void>}
 */
export function* answer(_env, port) {
  port.postMessage("hello");
  port.close();
}

export const notAFunction = 42;
