// What the engine takes of the platform, where there is such a thing: the language alone has neither clocks nor timers.
//
// Taken at load time: a test that fakes the timers does not stop the engine.

/** Milliseconds, on a clock that only goes forward where the platform has one. */
export const now: () => number = typeof performance === "object" ? performance.now.bind(performance) : Date.now;

const timeout = typeof setTimeout === "function" ? setTimeout : undefined;
const settled = Promise.resolve();

/** Has `callback` called soon, in a macrotask. Where there are none, nothing waits for its turn behind microtasks, and one will do. */
export function later(callback: () => void): void {
  if (timeout) timeout(callback, 0);
  else void settled.then(callback);
}
