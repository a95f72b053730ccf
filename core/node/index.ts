// `trestle/node`: the entry point and the capabilities of Node.

export { run, type RunOptions } from "./run.js";
export { writeTrace, type Recorded } from "./trace-file.js";
export type { Env } from "../env.js";
export type { NodeEnv } from "./env.js";
export { Descriptor, type DescriptorOptions } from "./descriptor.js";
export type { SignalName, Signals } from "../signals.js";
export { runInThread, sleep } from "./run-in-thread.js";
export { serveDomain } from "./serve-domain.js";
export { spawnUnix, type SpawnUnixOptions } from "./spawn-unix.js";
export { fdOf } from "./fd.js";
export {
  Descriptors,
  type ImportDatagramOptions,
  type ImportFileOptions,
  type ImportListeningOptions,
} from "./descriptors.js";
export { openPty, receiveDescriptors, sendDescriptors, type Pty } from "./native.js";
