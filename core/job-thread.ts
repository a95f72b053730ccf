// A thread that does jobs, seen from the side that has them done, on any platform: jobs go in as messages, and their outcomes come back.

import { protect } from "./cancel.js";
import {
  Domain,
  DomainCrashed,
  DomainManager,
  DomainTerminated,
  type DomainLost,
  type DomainOptions,
} from "./domain.js";
import { Cancelled } from "./engine/cancelled.js";
import type { Op, Result } from "./engine/op.js";
import { suspend, type Enqueue, type SuspendContext } from "./engine/suspend.js";
import { IoError } from "./io-error.js";
import { expectModuleJob, moduleOf, notCopied, type Job, type ModuleJob } from "./job.js";
import { registerKnownErrors } from "./known-errors.js";
import { decodeThrown, encodeThrown, envelope, isMessage } from "./message.js";
import type { Switch } from "./switch.js";
import { check } from "./turns.js";

/** @internal The methods that are called over the port of a thread. */
export const RUN = "run";
/** @internal */
export const RUN_RAW = "runRaw";

interface Pending {
  readonly enqueue: Enqueue<unknown>;
  /** Set when the fiber was cancelled: it waits for the end of the job all the same. */
  cancelled: Cancelled | undefined;
}

/** The longest time that a timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** @internal One thread. What makes it one is the platform's. */
export abstract class JobThread {
  protected readonly name: string;
  private readonly grace: number | undefined;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private failure: DomainLost | undefined = undefined;
  private terminated = false;
  private readonly graces = new Set<ReturnType<typeof setTimeout>>();
  private readonly waiting: (() => void)[] = [];
  /** It is gone. */
  ended = false;

  constructor({ name = "domain", grace }: DomainOptions) {
    registerKnownErrors();
    this.name = name;
    this.grace = grace;
  }

  /** Throws for what cannot be copied. */
  protected abstract post(message: object, transfer: readonly object[] | undefined): void;
  /** Whether the program goes on because of it, from now on. */
  protected abstract hold(holds: boolean): void;
  /** Ends it; {@link gone} is called some time. */
  protected abstract stop(): void;

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
      this.post(message, transfer);
    } catch (error) {
      throw notCopied(where, "the arguments of a job", error);
    }
    if (this.pending.size === 0) this.hold(true);
    this.pending.set(id, { enqueue, cancelled: undefined });
    return id;
  }

  cancel(id: number, error: Cancelled): void {
    const pending = this.pending.get(id);
    if (!pending) return;
    pending.cancelled = error;
    this.post(envelope({ kind: "cancel", id, reason: encodeThrown(error.reason) }), undefined);
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

  /** A message from the thread. */
  protected heard(data: unknown): void {
    if (!isMessage(data) || data.kind !== "reply") return;
    const pending = this.pending.get(data.id);
    if (!pending) return;
    this.pending.delete(data.id);
    if (this.pending.size === 0) this.rest();
    const { outcome } = data;
    this.settle(pending, outcome.ok ? outcome : { ok: false, error: decodeThrown(outcome.error) });
  }

  private rest(): void {
    this.hold(false);
    for (const timer of this.graces) clearTimeout(timer);
    this.graces.clear();
  }

  private settle({ enqueue, cancelled }: Pending, outcome: Result<unknown>): void {
    const isEcho = outcome.ok || outcome.error instanceof Cancelled;
    enqueue(cancelled && isEcho ? { ok: false, error: cancelled } : outcome);
  }

  /** It is going to end, because of `failure`. */
  protected failed(failure: DomainLost): void {
    if (!this.failure && !this.terminated) this.failure = failure;
  }

  /** Something in it threw, outside of the fibers of jobs. */
  protected crashed(error: unknown): void {
    this.failed(
      new DomainCrashed(`${this.name}: an error was not caught in the thread: ${String(error)}`, { cause: error }),
    );
  }

  /** It has ended: by itself, unless there is another reason. */
  protected gone(byItself: () => DomainLost): void {
    if (this.ended) return;
    this.ended = true;
    this.rest();
    const lost = [...this.pending.values()];
    this.pending.clear();
    for (const pending of lost) {
      // It has stopped, if not in the way it was asked to.
      if (pending.cancelled) pending.enqueue({ ok: false, error: pending.cancelled });
      else pending.enqueue({ ok: false, error: this.lossOf(byItself) });
    }
    for (const wake of this.waiting.splice(0)) wake();
  }

  private lossOf(byItself: () => DomainLost): DomainLost {
    if (this.failure) return this.failure;
    return this.terminated ? new DomainTerminated(`${this.name}: the thread was terminated`) : byItself();
  }

  /** Ends the thread; see {@link end}. */
  terminate(): void {
    this.terminated = true;
    this.stop();
  }

  /** Ends the thread, and waits until it is gone. */
  end(): Op<void> {
    return suspend<void>(`end of ${this.name}`, (_ctx, enqueue) => {
      if (this.ended) return enqueue({ ok: true, value: undefined });
      this.waiting.push(() => enqueue({ ok: true, value: undefined }));
      this.hold(true);
      this.terminate();
    });
  }
}

class ThreadDomain extends Domain {
  private readonly startThread: () => JobThread;
  /** The last one does the jobs; those before it were lost, and may not have ended yet. */
  private threads: JobThread[] = [];

  constructor(startThread: () => JobThread) {
    super();
    this.startThread = startThread;
  }

  /** Starts a thread, unless there is one that does jobs. */
  start(): JobThread {
    const thread = this.threads.at(-1);
    if (thread?.works) return thread;
    this.threads = this.threads.filter((thread) => !thread.ended);
    const started = this.startThread();
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

/** @internal Domains that are threads. */
export class ThreadManager extends DomainManager {
  private readonly startThread: (options: DomainOptions) => JobThread;

  constructor(startThread: (options: DomainOptions) => JobThread) {
    super();
    this.startThread = startThread;
  }

  protected start(sw: Switch, options: DomainOptions): Domain {
    const domain = new ThreadDomain(() => this.startThread(options));
    sw.addHook(() => domain.end());
    try {
      domain.start();
    } catch (error) {
      // There may be descriptors again when there is a job; if not, the job is told.
      if (!(error instanceof IoError && error.err.kind === "Too_many_files")) throw error;
    }
    return domain;
  }
}
