// What bridges say to debug mode: which promises are made of fiber code, and which are waited for.

import { probe } from "./engine/probe.js";

/**
 * For authors of bridges: says that `promise` is that of fiber code, so that debug mode can tell a fiber that waits for it itself.
 *
 * @example
 * const promise = Promise.resolve(1);
 * promiseMade(promise, "toPromise");
 *
 * @param by  the function that its user called
 */
export function promiseMade(promise: object, by: string): void {
  probe?.promiseMade(promise, by);
}

/**
 * For authors of bridges: says that a fiber is to wait for `promise`.
 *
 * @example
 * const promise = Promise.resolve(1);
 * promiseAwaited(promise, "fromPromise");
 *
 * @param by  the function that its user called
 */
export function promiseAwaited(promise: object, by: string): void {
  probe?.promiseAwaited(promise, by);
}
