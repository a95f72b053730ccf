// @ts-check
// What the examples of doc comments run in other threads.

/** @param {import("trestle").Env} _env @param {string} text @returns {import("trestle").Op<number>} */
export function* digest(_env, text) {
  return text.length;
}

/** @param {string} text */
export const digestNow = (text) => text.length;
