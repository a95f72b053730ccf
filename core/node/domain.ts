// Domains on Node: worker threads.

import { Worker, type MessagePort, type ResourceLimits } from "node:worker_threads";
import { protect } from "../cancel.js";
import {
  Domain,
  DomainCrashed,
  DomainExited,
  DomainLost,
  DomainManager,
  DomainOutOfMemory,
  DomainTerminated,
  type DomainOptions,
} from "../domain.js";
import { Cancelled } from "../engine/cancelled.js";
import type { Op, Result } from "../engine/op.js";
import { suspend, type Enqueue, type SuspendContext } from "../engine/suspend.js";
import { expectModuleJob, moduleOf, notCopied, type Job, type ModuleJob } from "../job.js";
import { decodeThrown, encodeThrown, envelope, isMessage } from "../message.js";
import type { Switch } from "../switch.js";
import { check } from "../turns.js";
import { registerKnownErrors } from "../known-errors.js";

/** The methods that are called over the port of a thread. */
const RUN = "run";
export const RUN_RAW = "runRaw";

/**
 * The program of a thread. It loads this library as the parent has it, or else as the module of the first job would; and it can `import`, which
 * this file cannot in all of its formats.
 */
const PROGRAM = `
const { parentPort, workerData } = require("node:worker_threads");
const { createRequire } = require("node:module");
const { isAbsolute } = require("node:path");
const { pathToFileURL } = require("node:url");
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

/** One thread, from its start to its end. */
class Thread {
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

  constructor({ name = "domain", grace, maxMemory }: DomainOptions) {
    registerKnownErrors();
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

  private terminate(): void {
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

class ThreadDomain extends Domain {
  private readonly options: DomainOptions;
  /** The last one does the jobs; those before it were lost, and may not have ended yet. */
  private threads: Thread[] = [];

  constructor(options: DomainOptions) {
    super();
    this.options = options;
  }

  /** Starts a thread, unless there is one that does jobs. */
  start(): Thread {
    const thread = this.threads.at(-1);
    if (thread?.works) return thread;
    this.threads = this.threads.filter((thread) => !thread.ended);
    const started = new Thread(this.options);
    this.threads.push(started);
    return started;
  }

  *run<T>(job: Job<T>): Op<T> {
    return yield* this.doing("Domain.run", RUN, job);
  }

  *runRaw<T>(job: Job<T>): Op<T> {
    check();
    return yield* protect(() => this.doing("Domain.runRaw", RUN_RAW, job));
  }

  private doing<T>(where: string, method: string, job: Job<T>): Op<T> {
    expectModuleJob(where, job);
    return suspend<T>(`${where} (${job.name})`, (ctx: SuspendContext, enqueue) => {
      const thread = this.start();
      const id = thread.begin(where, method, job, enqueue as Enqueue<unknown>);
      ctx.setCancelFn((error) => thread.cancel(id, error));
    });
  }

  *end(): Op<void> {
    for (const thread of this.threads) yield* thread.end();
  }
}

class ThreadManager extends DomainManager {
  protected start(sw: Switch, options: DomainOptions): Domain {
    const domain = new ThreadDomain(options);
    sw.addHook(() => domain.end());
    domain.start();
    return domain;
  }
}

/** The threads of this process. */
export const threadManager: DomainManager = new ThreadManager();
