// Domains in pages: web workers.

import { DomainExited, type DomainManager, type DomainOptions } from "../domain.js";
import { expectFunction } from "../engine/describe.js";
import { IoError } from "../io-error.js";
import { JobThread, ThreadManager } from "../job-thread.js";

/** What an event of a worker may have. */
export interface WebWorkerEvent {
  readonly data?: unknown;
  readonly message?: string;
  readonly error?: unknown;
  preventDefault(): void;
}

/** What is used of a `Worker`: not every project has its type. */
export interface WebWorker {
  postMessage(message: unknown, transfer: never[]): void;
  terminate(): void;
  addEventListener(type: string, listener: (event: WebWorkerEvent) => void): void;
}

/** What a worker says before it closes itself: pages are not told. */
export const CLOSING = "trestle: this worker closes itself";

class WorkerThread extends JobThread {
  private readonly worker: WebWorker;

  constructor(options: DomainOptions, startWorker: (options: { name: string }) => WebWorker) {
    super(options);
    if (options.maxMemory !== undefined)
      throw new IoError({ area: "Io", kind: "Not_available" }, ["limiting the memory of a worker"]);
    this.worker = startWorker({ name: this.name });
    this.worker.addEventListener("message", ({ data }) => {
      if (data === CLOSING) this.stop();
      else this.heard(data);
    });
    this.worker.addEventListener("messageerror", () => this.broken("a message that cannot be read"));
    this.worker.addEventListener("error", (event) => {
      // It is the caller of the job who is told, and not the page, as some browsers do.
      event.preventDefault();
      this.broken(event.error ?? event.message ?? "its program cannot be loaded");
    });
  }

  protected post(message: object, transfer: readonly object[] | undefined): void {
    this.worker.postMessage(message, [...(transfer ?? [])] as never[]);
  }

  /** A page stays as it is. */
  protected hold(): void {}

  /** Nobody says when it has stopped, but it says nothing any more. */
  protected stop(): void {
    this.worker.terminate();
    this.gone(() => new DomainExited(`${this.name}: the worker has closed itself`, 0));
  }

  private broken(error: unknown): void {
    this.crashed(error);
    this.stop();
  }
}

/**
 * Domains in a page or a web worker: each is a worker, which `startWorker` starts. Its program calls `serveDomain`; what jobs there are, is up to
 * that. What a job is given first is the `env` of `trestle/web`.
 *
 * As on Node, with these differences: the memory of a worker cannot be limited (`maxMemory` is `Io Not_available`), and one that uses up its
 * memory takes the page with it. The `cause` of a `DomainCrashed` is the text that the browser gives.
 *
 * @example
 * // startWorker: ({ name }) => new Worker(new URL("./domain.js", import.meta.url), { type: "module", name })
 * function* digests(startWorker: (options: { name: string }) => WebWorker, words: readonly string[]): Op<number[]> {
 *   const domainMgr = workerManager(startWorker);
 *   return yield* Switch.run(function* (sw) {
 *     const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 4 });
 *     return yield* Fiber.map(words, (word) =>
 *       pool.submitOrThrow<number>({ module: "./digest.js", name: "digest", args: [word] }),
 *     );
 *   });
 * }
 *
 * @param startWorker  starts a worker; `name` is that of the domain
 * @throws TypeError  unless `startWorker` is a function
 */
export function workerManager(startWorker: (options: { name: string }) => WebWorker): DomainManager {
  expectFunction("workerManager", "startWorker", startWorker);
  return new ThreadManager((options) => new WorkerThread(options, startWorker));
}
