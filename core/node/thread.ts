// A worker thread of Node, that does jobs.

import { Worker, type MessagePort, type ResourceLimits } from "node:worker_threads";
import { DomainExited, DomainOutOfMemory, type DomainOptions } from "../domain.js";
import { addContext } from "../io-error.js";
import { JobThread } from "../job-thread.js";
import { expectSpare } from "./spare.js";

/**
 * The program of a thread. It loads this library as the parent has it, or else as the module of the first job would; and it can `import`, which
 * this file cannot in all of its formats. It is a script or a module, as the options of the process have it.
 */
const PROGRAM = `
const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
const { createRequire } = process.getBuiltinModule("node:module");
const { isAbsolute } = process.getBuiltinModule("node:path");
const { pathToFileURL } = process.getBuiltinModule("node:url");
const address = (module) => (isAbsolute(module) ? pathToFileURL(module).href : module);
const load = (module) => import(address(module));
const serve = (...places) => {
  let why;
  for (const place of places) {
    try {
      return createRequire(place)("trestle/node").serveDomain(parentPort, load);
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND" && error.code !== "ERR_INVALID_ARG_VALUE") throw error;
      why ??= error;
    }
  }
  throw why;
};
if (workerData.from === undefined) {
  parentPort.once("message", (first) => serve(address(first.args[0]), process.cwd() + "/")(first));
} else serve(workerData.from, process.cwd() + "/");
`;

/** In the format that Node loads it has this name. */
const from: string | undefined = typeof __filename === "string" ? __filename : undefined;

/** How many descriptors a thread takes to begin with, and some more to load what it runs. */
const SPARE = 8;

/** In megabytes. With less, newer versions of Node end the process and not the thread. */
const LEAST_MEMORY = 4;

/** One thread. */
export class Thread extends JobThread {
  private readonly worker: Worker;

  /** @throws IoError  `Io Too_many_files` */
  constructor(options: DomainOptions) {
    super(options);
    try {
      expectSpare(SPARE);
    } catch (error) {
      throw addContext(error, `starting ${this.name}`);
    }
    const { maxMemory } = options;
    const resourceLimits: ResourceLimits | undefined =
      maxMemory === undefined ? undefined : { maxOldGenerationSizeMb: Math.max(maxMemory, LEAST_MEMORY) };
    this.worker = new Worker(PROGRAM, {
      eval: true,
      name: this.name,
      workerData: { from },
      ...(resourceLimits && { resourceLimits }),
    });
    this.worker
      .on("message", (data: unknown) => this.heard(data))
      .on("error", (error: unknown) => this.broken(error))
      .on("messageerror", (error) => this.broken(error))
      .on("exit", (code) =>
        this.gone(() => new DomainExited(`${this.name}: the thread has exited with code ${code}`, code)),
      )
      // A thread that waits for jobs keeps no process alive.
      .unref();
  }

  protected post(message: object, transfer: readonly object[] | undefined): void {
    this.worker.postMessage(message, transfer as readonly MessagePort[] | undefined);
  }

  protected hold(holds: boolean): void {
    if (holds) this.worker.ref();
    else this.worker.unref();
  }

  protected stop(): void {
    void this.worker.terminate();
  }

  private broken(error: unknown): void {
    const isMemory = (error as { code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY";
    if (isMemory)
      this.failed(new DomainOutOfMemory(`${this.name}: the thread has used up its memory`, { cause: error }));
    else this.crashed(error);
  }
}
