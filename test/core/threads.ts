// What tests with jobs in other threads share with those: cells, and how many threads there are.

import { suspend, type ModuleJob, type Op } from "trestle";
import type * as jobs from "./jobs.js";

/** The module of the jobs. */
export const module = new URL("./jobs.js", import.meta.url);

/** One of them. */
export const job = <T>(name: Exclude<keyof typeof jobs, number | symbol>, ...args: unknown[]): ModuleJob<T> => ({
  module,
  name,
  args,
});

/** Cells that threads share, see `wait` of the jobs. */
export function shared(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(12));
}

/** Waits until so many jobs have started. */
export function started(seen: Int32Array, n = 1): Op<void> {
  return suspend<void>("the start of a job", (ctx, enqueue) => {
    const timer = setInterval(() => {
      if (Atomics.load(seen, 0) < n) return;
      clearInterval(timer);
      enqueue({ ok: true, value: undefined });
    }, 1);
    ctx.setCancelFn((error) => {
      clearInterval(timer);
      enqueue({ ok: false, error });
    });
  });
}

/** How many threads there are besides this one. */
export function threads(): number {
  return (process.report.getReport() as unknown as { workers: unknown[] }).workers.length;
}
