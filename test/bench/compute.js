// @ts-check
// What the threads of the row `executor-pool` compute.

/** @param {number} n @returns {number} */
export function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/** @param {import("trestle").Env} _env @param {number} n @returns {import("trestle").Op<number>} */
export function* fibOp(_env, n) {
  return fib(n);
}
