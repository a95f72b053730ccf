// What the tests of the bridges share: promises with their ends outside, outcomes as words, and ladders of promise ticks.

export { heapUsed } from "../heap.js";
export {
  allReported,
  expectNoUnhandledRejections,
  later,
  macrotask,
  uncaughtDuring,
  unhandledDuring,
} from "../platform.js";

/** A promise with its ends outside. */
export class Cell<T = unknown> {
  resolve!: (value: T | PromiseLike<T>) => void;
  reject!: (error: unknown) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** Lets `n` rounds of microtasks pass. */
export async function ticks(n = 20): Promise<void> {
  for (let i = 0; i < n; i++) await Promise.resolve();
}

/** Notes t1, t2, ... one microtask apart. */
export function ladder(log: string[], steps = 12): Promise<void> {
  let rung = Promise.resolve();
  for (let i = 1; i <= steps; i++) rung = rung.then(() => void log.push(`t${i}`));
  return rung;
}

/** The outcome of a promise as a word. */
export async function outcome(promise: PromiseLike<unknown>): Promise<string> {
  try {
    return `value ${show(await promise)}`;
  } catch (error) {
    return `error ${show(error)}`;
  }
}

export function show(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : String(value);
}

/** The number of abort listeners that a signal has. */
export function countAbortListeners(signal: AbortSignal): () => number {
  let count = 0;
  const addEventListener = signal.addEventListener.bind(signal);
  const removeEventListener = signal.removeEventListener.bind(signal);
  const listeners = new Set<unknown>();
  signal.addEventListener = (type: "abort", listener: never, options: never) => {
    if (!listeners.has(listener)) {
      listeners.add(listener);
      count++;
    }
    addEventListener(type, listener, options);
  };
  signal.removeEventListener = (type: "abort", listener: never, options: never) => {
    if (listeners.delete(listener)) count--;
    removeEventListener(type, listener, options);
  };
  return () => count;
}
