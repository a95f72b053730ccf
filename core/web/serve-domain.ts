// What runs inside a domain of a page.

import { expectFunction } from "../engine/describe.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import { serveJobs } from "../serve-jobs.js";
import { CLOSING } from "./domain.js";
import { webEnv } from "./env.js";

/** What is used of the global object of a worker. */
interface WorkerScope {
  postMessage(message: unknown): void;
  close(): void;
  addEventListener(type: string, listener: (event: ScopeEvent) => void): void;
}

interface ScopeEvent {
  readonly data?: unknown;
  readonly reason?: unknown;
  preventDefault(): void;
}

/**
 * In a web worker that a `workerManager` has started: does the jobs that it is sent. To be called by the program of the worker, once and before that
 * waits for anything.
 *
 * @example
 * // domain.js. Bundlers have to know what modules there are.
 * function main(modules: Record<string, () => Promise<object>>): void {
 *   serveDomain((module) => modules[module]!());
 * }
 *
 * @param load  gives the module that a job names: without a bundler, what `import(module)` gives
 * @throws InvalidArgument  outside of a web worker
 * @throws TypeError  unless `load` is a function
 */
export function serveDomain(load: (module: string) => Promise<object>): void {
  expectFunction("serveDomain", "load", load);
  const scope = globalThis as unknown as WorkerScope & { WorkerGlobalScope?: unknown };
  if (typeof scope.WorkerGlobalScope !== "function")
    throw new InvalidArgument("serveDomain: there is nobody to do jobs for outside of a web worker");
  serveJobs(
    {
      post: (message) => scope.postMessage(message),
      listen: (heard) => scope.addEventListener("message", ({ data }) => heard(data)),
    },
    // What `load` throws at once is told as well.
    (module) => new Promise((resolve) => resolve(load(module))),
    webEnv,
  );
  // On Node, a rejection that nobody handles ends the thread. Here it would pass unseen.
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    setTimeout(() => {
      throw event.reason;
    });
  });
  const close = scope.close.bind(scope);
  scope.close = () => {
    scope.postMessage(CLOSING);
    close();
  };
}
