/** Where a program limits, queues, repeats or locks with another package, and why that stays. */
import { libraryName } from "../analyse/library.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";

export interface LimiterSite {
  readonly pattern: string;
  readonly reason: Reason;
}

type Row = readonly [pattern: string, why: string];

/** By package: what it does that fibers would do in another order, or not at all. */
const packages: Readonly<Record<string, Row>> = {
  "p-limit": ["CM-L02", "its jobs are waited for in other ways than at once"],
  "p-map": ["CM-L09", "goes on, or stops, in its own way when one item fails"],
  "p-map-series": ["CM-L09", "waits for the items as well"],
  "p-each-series": ["CM-L09", "waits for the items as well"],
  "p-filter": ["CM-L09", "waits for the items as well"],
  "p-props": ["CM-L09", "waits for the values as well"],
  "p-all": ["CM-L09", "goes on, or stops, in its own way when one function fails"],
  "p-series": ["CM-L09", "hands each value on by promises"],
  "p-waterfall": ["CM-L09", "hands each value on by promises"],
  "p-queue": ["CM-L09", "has priorities, intervals and events"],
  "p-throttle": ["CM-L09", "goes by time of its own"],
  "p-debounce": ["CM-L09", "goes by time of its own"],
  "p-timeout": ["CM-L09", "lets go of what it does not wait for any longer"],
  "p-retry": ["CM-L09", "goes by time of its own between attempts"],
  "p-locate": ["CM-L09", "waits for the items as well"],
  bottleneck: ["CM-L09", "has priorities, reservoirs and events"],
  "async-mutex": ["CM-L10", "its permit is handed over by a promise"],
  "async-sema": ["CM-L10", "its permit is handed over by a promise"],
  "semaphore-async-await": ["CM-L10", "its permit is handed over by a promise"],
  "async-lock": ["CM-L10", "locks by key, with timeouts"],
};

export function limiterSite(node: TS.Node, checker: TS.TypeChecker): LimiterSite | undefined {
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
  const named = libraryName(node.expression, checker);
  const row = named && packages[named.module];
  if (named === undefined || row === undefined) return undefined;
  if (named.name === "limitFunction") {
    return {
      pattern: "CM-L05",
      reason: { code: "TR1605", message: "the limited function is a value that others call" },
    };
  }
  return { pattern: row[0], reason: { code: "TR1605", message: `${named.module}: ${row[1]}` } };
}
