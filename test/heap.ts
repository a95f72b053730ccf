// How much memory is in use, on Node and in Chromium; the latter is started with --expose-gc and --enable-precise-memory-info.

import { macrotask } from "./platform.js";

interface Heap {
  gc?: () => void;
  readonly performance: { readonly memory?: { readonly usedJSHeapSize: number } };
}

const heap = globalThis as Heap;

if (typeof process === "object") {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  heap.gc ??= runInNewContext("gc") as () => void;
}

/** Bytes in use after collecting garbage. */
export async function heapUsed(): Promise<number> {
  for (let i = 0; i < 2; i++) {
    heapUsedNow();
    await macrotask();
  }
  return heapUsedNow();
}

/** The same, of what is garbage in the midst of a job. */
export function heapUsedNow(): number {
  if (!heap.gc) throw new Error("the garbage collector is out of reach; start with --expose-gc");
  heap.gc();
  return heap.performance.memory?.usedJSHeapSize ?? process.memoryUsage().heapUsed;
}
