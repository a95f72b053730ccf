// What runs inside a domain of Node.

import { serveJobs } from "../serve-jobs.js";
import { nodeEnv } from "./env.js";

/** What is used of the port to the parent. Declarations are read where there are no types of Node. */
interface ParentPort {
  on(event: "message", listener: (data: unknown) => void): unknown;
  postMessage(message: object): void;
}

/**
 * In a thread that a `DomainManager` has started: does the jobs that come over `port`, until that is closed. The program of the thread calls it.
 *
 * @param load  imports a module; who calls this has what the format of this file may not have
 * @returns what a message is to be given to that has come before
 * @internal
 */
export function serveDomain(port: ParentPort, load: (module: string) => Promise<object>): (data: unknown) => void {
  return serveJobs(
    { post: (message) => port.postMessage(message), listen: (heard) => void port.on("message", heard) },
    load,
    nodeEnv,
  );
}
