// A worker thread, from its start to its end: jobs go in as messages, and their outcomes come back.

import { Worker, type MessagePort, type ResourceLimits } from "node:worker_threads";
import {
  DomainCrashed,
  DomainExited,
  DomainOutOfMemory,
  DomainTerminated,
  type DomainLost,
  type DomainOptions,
} from "../domain.js";
import { Cancelled } from "../engine/cancelled.js";
import type { Op, Result } from "../engine/op.js";
import { suspend, type Enqueue } from "../engine/suspend.js";
import { addContext } from "../io-error.js";
import { moduleOf, notCopied, type ModuleJob } from "../job.js";
import { registerKnownErrors } from "../known-errors.js";
import { decodeThrown, encodeThrown, envelope, isMessage } from "../message.js";
import { expectSpare } from "./spare.js";

/** The methods that are called over the port of a thread. */
export const RUN = "run";
export const RUN_RAW = "runRaw";

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

interface Pending {
  readonly enqueue: Enqueue<unknown>;
  /** Set when the fiber was cancelled: it waits for the end of the job all the same. */
  cancelled: Cancelled | undefined;
}

/** The longest time that a timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** How many descriptors a thread takes to begin with, and some more to load what it runs. */
const SPARE = 8;

/** One thread. */
export class Thread {
  private readonly worker: Worker;
  private readonly name: string;
  private readonly grace: number | undefined;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private failure: DomainLost | undefined = undefined;
  private terminated = false;
  private readonly graces = new Set<NodeJS.Timeout>();
  private readonly waiting: (() => void)[] = [];
  /** It is gone. */
  ended = false;

  /** @throws IoError  `Io Too_many_files` */
  constructor({ name = "domain", grace, maxMemory }: DomainOptions) {
    registerKnownErrors();
    try {
      expectSpare(SPARE);
    } catch (error) {
      throw addContext(error, `starting ${name}`);
    }
    this.name = name;
    this.grace = grace;
    const resourceLimits: ResourceLimits | undefined =
      maxMemory === undefined ? undefined : { maxOldGenerationSizeMb: maxMemory };
    this.worker = new Worker(PROGRAM, {
      eval: true,
      name,
      workerData: { from },
      ...(resourceLimits && { resourceLimits }),
    });
    this.worker
      .on("message", (data: unknown) => this.heard(data))
      .on("error", (error: unknown) => this.failed(error))
      .on("messageerror", (error) => this.failed(error))
      .on("exit", (code) => this.exited(code))
      // A thread that waits for jobs keeps no process alive.
      .unref();
  }

  /** Whether it does jobs: one that has crashed may not be gone yet. */
  get works(): boolean {
    return !this.ended && !this.terminated && !this.failure;
  }

  /** Has a job done; `enqueue` is called once. */
  begin(where: string, method: string, job: ModuleJob<unknown>, enqueue: Enqueue<unknown>): number {
    const id = this.nextId++;
    const { name, args = [], transfer } = job;
    const message = envelope({ kind: "call", id, method, args: [moduleOf(job), name, args] });
    try {
      this.worker.postMessage(message, transfer as readonly MessagePort[] | undefined);
    } catch (error) {
      throw notCopied(where, "the arguments of a job", error);
    }
    if (this.pending.size === 0) this.worker.ref();
    this.pending.set(id, { enqueue, cancelled: undefined });
    return id;
  }

  cancel(id: number, error: Cancelled): void {
    const pending = this.pending.get(id);
    if (!pending) return;
    pending.cancelled = error;
    this.worker.postMessage(envelope({ kind: "cancel", id, reason: encodeThrown(error.reason) }));
    const { grace } = this;
    if (grace === undefined) return;
    const timer = setTimeout(
      () => {
        this.graces.delete(timer);
        if (this.pending.has(id)) this.terminate();
      },
      Math.min(grace * 1000, LONGEST),
    );
    this.graces.add(timer);
  }

  private heard(data: unknown): void {
    if (!isMessage(data) || data.kind !== "reply") return;
    const pending = this.pending.get(data.id);
    if (!pending) return;
    this.pending.delete(data.id);
    if (this.pending.size === 0) this.rest();
    const { outcome } = data;
    this.settle(pending, outcome.ok ? outcome : { ok: false, error: decodeThrown(outcome.error) });
  }

  private rest(): void {
    this.worker.unref();
    for (const timer of this.graces) clearTimeout(timer);
    this.graces.clear();
  }

  private settle({ enqueue, cancelled }: Pending, outcome: Result<unknown>): void {
    const isEcho = outcome.ok || outcome.error instanceof Cancelled;
    enqueue(cancelled && isEcho ? { ok: false, error: cancelled } : outcome);
  }

  private failed(error: unknown): void {
    if (this.failure || this.terminated) return;
    const isMemory = (error as { code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY";
    this.failure = isMemory
      ? new DomainOutOfMemory(`${this.name}: the thread has used up its memory`, { cause: error })
      : new DomainCrashed(`${this.name}: an error was not caught in the thread: ${String(error)}`, { cause: error });
  }

  private exited(code: number): void {
    this.ended = true;
    this.rest();
    const lost = [...this.pending.values()];
    this.pending.clear();
    for (const pending of lost) {
      // It has stopped, if not in the way it was asked to.
      if (pending.cancelled) pending.enqueue({ ok: false, error: pending.cancelled });
      else pending.enqueue({ ok: false, error: this.lossOf(code) });
    }
    for (const wake of this.waiting.splice(0)) wake();
  }

  private lossOf(code: number): DomainLost {
    if (this.failure) return this.failure;
    if (this.terminated) return new DomainTerminated(`${this.name}: the thread was terminated`);
    return new DomainExited(`${this.name}: the thread has exited with code ${code}`, code);
  }

  /** Ends the thread; see {@link end}. */
  terminate(): void {
    this.terminated = true;
    void this.worker.terminate();
  }

  /** Ends the thread, and waits until it is gone. */
  end(): Op<void> {
    return suspend<void>(`end of ${this.name}`, (_ctx, enqueue) => {
      if (this.ended) return enqueue({ ok: true, value: undefined });
      this.waiting.push(() => enqueue({ ok: true, value: undefined }));
      this.worker.ref();
      this.terminate();
    });
  }
}
