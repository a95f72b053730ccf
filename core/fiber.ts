// The namespace `Fiber`: everything that creates, combines and asks fibers.

export { fork, forkDaemon, forkPromise, type ForkOptions } from "./fork.js";
export { forkSeq, type Seq } from "./fork-seq.js";
export { all, both, pair, type Results } from "./combine.js";
export { any, first, nAny, type RaceOptions } from "./race.js";
export { filter, filterMap, forEach, map, type CollectOptions } from "./collect.js";
export { awaitCancel, check, isCancelled, yield, yieldNow } from "./turns.js";
export { createKey, get, withBinding, withoutBinding, type Key } from "./local.js";
