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
  if (!heap.gc) throw new Error("heapUsed: the garbage collector is out of reach; start with --expose-gc");
  for (let i = 0; i < 3; i++) {
    await macrotask();
    heap.gc();
  }
  return heap.performance.memory?.usedJSHeapSize ?? process.memoryUsage().heapUsed;
}
