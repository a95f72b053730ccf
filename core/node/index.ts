// `trestle/node`: the entry point and the capabilities of Node.

export { run, type RunOptions } from "./run.js";
export { writeTrace, type Recorded } from "./trace-file.js";
export type { Env } from "../env.js";
