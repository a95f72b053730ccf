// `trestle/web`: the entry point and the capabilities of pages and web workers.

export { run, type RunOptions } from "./run.js";
export type { Env } from "../env.js";
export { workerManager, type WebWorker, type WebWorkerEvent } from "./domain.js";
export { serveDomain } from "./serve-domain.js";
