// `trestle/node`: the entry point and the capabilities of Node.

export { run, type RunOptions } from "./run.js";
export { writeTrace, type Recorded } from "./trace-file.js";
export type { Env } from "../env.js";
export type { NodeEnv } from "./env.js";
export { Descriptor, type DescriptorOptions } from "./descriptor.js";
export type { SignalName, Signals } from "../signals.js";
export { runInThread, sleep } from "./run-in-thread.js";
export { serveDomain } from "./serve-domain.js";
export { spawnUnix, type SpawnUnixOptions } from "./process.js";
