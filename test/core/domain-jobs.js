// @ts-check
// What jobs do in tests of domains that are the same in Node and in a page.

import { addContext, Cancel, Cancelled, EndOfFile, Fiber, IoError, Multiple, Stream, Switch, Timeout } from "trestle";

/** @typedef {import("trestle").Env} Env */
/** @typedef {import("./domain-suite.js").Port} Port */
/** @template T @typedef {import("trestle").Op<T>} Op */

/** @param {Env} _env @param {number} a @param {number} b @returns {Op<number>} */
export function* add(_env, a, b) {
  return a + b;
}

/** @param {number} a @param {number} b */
export const addNow = (a, b) => a + b;

export async function asyncJob() {
  return 1;
}

/** @param {Env} env @returns {Op<string>} */
export function* world(env) {
  yield* env.clock.sleep(0.001);
  return env.backendId;
}

/** @param {Env} _env @param {ArrayBuffer} buffer @returns {Op<number>} */
export function* size(_env, buffer) {
  return buffer.byteLength;
}

const key = Fiber.createKey("key");

/** @returns {Op<unknown>} */
export function* local() {
  return Fiber.get(key) ?? "unbound";
}

/** @param {Env} _env @param {string} kind @returns {Op<never>} */
export function* fail(_env, kind) {
  yield* Fiber.yield();
  if (kind === "steps")
    throw addContext(new IoError({ area: "Fs", kind: "Not_found" }, ["opening a.txt"]), "running the job");
  if (kind === "own")
    throw Object.assign(new RangeError("out of luck", { cause: new TypeError("why") }), { code: "NO" });
  if (kind === "multiple") throw new Multiple([new EndOfFile(), new Timeout(1)]);
  if (kind === "cancelled") throw new Cancelled("by itself");
  throw kind;
}

/**
 * Says on a port when it has started, and when it has cleaned up after it was cancelled.
 * @param {Env} _env @param {Port} port @param {string} [then] @returns {Op<unknown>}
 */
export function* wait(_env, port, then) {
  port.postMessage("started");
  try {
    return yield* Fiber.awaitCancel();
  } catch (error) {
    yield* Cancel.protect(() => Fiber.yield());
    if (then === "throws") throw new Error(`stopped: ${String(/** @type {Cancelled} */ (error).reason)}`);
    if (then === "goes on") return "done";
    throw error;
  } finally {
    port.postMessage("cleaned up");
  }
}

/**
 * Ends when it is told to on a port.
 * @param {Env} _env @param {Port} port @returns {Op<string>}
 */
export function* untilTold(_env, port) {
  const told = new Stream(1);
  port.onmessage = ({ data }) => void told.tryAdd(data);
  port.postMessage("started");
  const word = yield* told.take();
  port.close();
  return `told ${String(word)}`;
}

/** @param {Env} _env @param {Port} port @returns {Op<never>} */
export function* spin(_env, port) {
  port.postMessage("started");
  // What was said is on its way before the thread is kept.
  yield* Fiber.yield();
  for (;;);
}

/** @returns {Op<never>} */
export function* crash() {
  setTimeout(() => {
    throw new RangeError("out of luck");
  });
  return yield* Fiber.awaitCancel();
}

/** @returns {Op<never>} */
export function* reject() {
  void Promise.reject(new RangeError("unheard"));
  return yield* Fiber.awaitCancel();
}

/** @returns {Op<never>} */
export function* exit() {
  const { close } = /** @type {{ close?: () => void }} */ (/** @type {unknown} */ (globalThis));
  if (close) close();
  else process.exit(0);
  return yield* Fiber.awaitCancel();
}

/** @param {Env} _env @param {string} what @returns {Op<unknown>} */
export function* give(_env, what) {
  if (what === "function") return () => 1;
  if (what === "stream") return new Stream(1);
  return yield* Switch.run(function* (sw) {
    return sw;
  });
}

export const notAFunction = 42;
