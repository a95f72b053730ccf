// What the tests of the bridges share: transcripts, ladders of promise ticks, and a watch on unhandled rejections.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect } from "vitest";

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

/** Lets the platform run a macrotask, after which it has reported unhandled rejections. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
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

type RejectionListener = (reason: unknown, promise: Promise<unknown>) => void;

/** Runs `fn` and gives the rejections that the platform reported as unhandled meanwhile, instead of failing the run. */
export async function unhandledDuring(fn: () => unknown): Promise<unknown[]> {
  return await during("unhandledRejection", fn);
}

/** The same for errors thrown from macrotasks. */
export async function uncaughtDuring(fn: () => unknown): Promise<unknown[]> {
  return await during("uncaughtException", fn);
}

async function during(event: "unhandledRejection" | "uncaughtException", fn: () => unknown): Promise<unknown[]> {
  const seen: unknown[] = [];
  const others = process.listeners(event as "unhandledRejection");
  process.removeAllListeners(event);
  process.on(event as "unhandledRejection", ((reason) => void seen.push(reason)) as RejectionListener);
  try {
    await fn();
    await macrotask();
    await macrotask();
    await new Promise((resolve) => setTimeout(resolve, 2));
  } finally {
    process.removeAllListeners(event);
    for (const other of others) process.on(event as "unhandledRejection", other);
  }
  return seen;
}

/** Fails the file if the platform reports an unhandled rejection while its tests run. */
export function expectNoUnhandledRejections(): void {
  const seen: unknown[] = [];
  const listener: RejectionListener = (reason) => void seen.push(reason);
  beforeAll(() => void process.on("unhandledRejection", listener));
  afterAll(async () => {
    await macrotask();
    process.off("unhandledRejection", listener);
    expect(seen).toEqual([]);
  });
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes in use after collecting garbage. */
export async function heapUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await macrotask();
    collect();
  }
  return process.memoryUsage().heapUsed;
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
