// `trestle/node`: the entry point and the capabilities of Node.

export { run } from "./run.js";
export type { Env } from "../env.js";
