// Callbacks that run in the surroundings (of `AsyncLocalStorage`, say) of the fiber that hands them out.

import { captureSurroundings } from "trestle";

/** `fn`, to be called by foreign code or by whoever cancels, in the surroundings of the code that runs now, if those are known. */
export function bound<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  const around = captureSurroundings();
  return around ? (...args) => around(() => fn(...args)) : fn;
}
