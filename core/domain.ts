// Domains: other threads with fibers of their own, which do jobs for those of this one.

import { expectOptions, refuse } from "./engine/describe.js";
import { KIND, KnownError } from "./engine/known-error.js";
import type { Op } from "./engine/op.js";
import { expectJob, type Job } from "./job.js";
import { Switch } from "./switch.js";
import { check } from "./turns.js";

/**
 * A domain was lost in the middle of a job: its thread has crashed, has exited, has used up its memory, or was terminated. What the job has
 * done up to then is done. Each kind has a class of its own.
 *
 * @example
 * function* patiently<T>(domainMgr: DomainManager, job: Job<T>): Op<T> {
 *   for (;;) {
 *     try {
 *       return yield* domainMgr.run(job);
 *     } catch (error) {
 *       if (!(error instanceof DomainLost)) throw error;
 *     }
 *   }
 * }
 */
export class DomainLost extends KnownError {
  override readonly name: string = "DomainLost";
  readonly code: string = "DOMAIN_LOST";

  /** @internal */
  get [KIND](): string {
    return "DOMAIN_LOST";
  }
}

/** Something in the thread threw, outside of the job's fibers: a callback, for instance. `cause` is what was thrown. */
export class DomainCrashed extends DomainLost {
  override readonly name = "DomainCrashed";
  override readonly code = "DOMAIN_CRASHED";

  /** @internal */
  override get [KIND](): string {
    return "DOMAIN_CRASHED";
  }
}

/** The thread has exited by itself. */
export class DomainExited extends DomainLost {
  override readonly name = "DomainExited";
  override readonly code = "DOMAIN_EXITED";
  /** The code that it exited with. */
  readonly exitCode: number;

  /** @internal */
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }

  /** @internal */
  override get [KIND](): string {
    return "DOMAIN_EXITED";
  }
}

/** The thread has used up the memory that it was allowed; see {@link DomainOptions.maxMemory}. */
export class DomainOutOfMemory extends DomainLost {
  override readonly name = "DomainOutOfMemory";
  override readonly code = "DOMAIN_OUT_OF_MEMORY";

  /** @internal */
  override get [KIND](): string {
    return "DOMAIN_OUT_OF_MEMORY";
  }
}

/** The thread was terminated, as another job in it had not stopped in time; see {@link DomainOptions.grace}. */
export class DomainTerminated extends DomainLost {
  override readonly name = "DomainTerminated";
  override readonly code = "DOMAIN_TERMINATED";

  /** @internal */
  override get [KIND](): string {
    return "DOMAIN_TERMINATED";
  }
}

/** How a domain is to be. */
export interface DomainOptions {
  /** Shown in reports, and given to the thread. */
  name?: string;
  /**
   * How many seconds a cancelled job has to end. Then the thread is terminated, and with it all that runs in it. Default: as many as it takes,
   * since a thread that is terminated runs no finalizers.
   */
  grace?: number;
  /**
   * How much memory the program in it may use, in megabytes. Default: what the platform allows. A few are not enough for any program: such a
   * domain is out of memory from the start.
   */
  maxMemory?: number;
}

/** The options of {@link DomainManager.open}. */
export interface OpenDomainOptions extends DomainOptions {
  /** Ends the domain when it ends. */
  sw: Switch;
}

/** Somewhere jobs can be done: a thread, or whatever a {@link JobTransport} makes of it. */
export interface JobRunner {
  /**
   * Does a job and gives its result; several may be under way at once. Cancelling it cancels the job, and waits until that has ended. A
   * cancellation point.
   *
   * @throws what the job throws
   */
  run<T>(job: Job<T>): Op<T>;
}

/** How jobs get to where they are done; what an `ExecutorPool` is built on. Every `DomainManager` is one. */
export interface JobTransport {
  /** Opens one place where jobs can be done; `options.sw` ends it. */
  open(options: OpenDomainOptions): Op<JobRunner>;
}

/** A domain that stays, and does one job after the other, or several at once. One that was lost is replaced at the next job. */
export abstract class Domain implements JobRunner {
  /**
   * Does a job in the domain; see {@link DomainManager.run}. A cancellation point.
   *
   * @example
   * const domain = yield* env.domainMgr.open({ sw });
   * yield* domain.run<number>({ module: digests, name: "digest", args: ["tea"] }); // => 3
   */
  abstract run<T>(job: Job<T>): Op<T>;

  /** {@link DomainManager.runRaw} in the domain. */
  abstract runRaw<T>(job: Job<T>): Op<T>;
}

/**
 * Runs jobs in other domains: threads, each with a scheduler of its own. A job is a fiber function that a module exports (see `ModuleJob`); it is
 * called there with the capabilities of that domain, and with copies of its arguments.
 *
 * What belongs to the fibers of a domain stays in it: switches, cancellation contexts, cells, streams, semaphores, mutexes, conditions. Sending one is
 * refused. Fiber-local values are not inherited.
 *
 * @example
 * function* digests(domainMgr: DomainManager, words: readonly string[]): Op<string[]> {
 *   return yield* Fiber.map(words, (word) =>
 *     domainMgr.run<string>({ module: "/srv/digest.js", name: "digest", args: [word] }),
 *   );
 * }
 */
export abstract class DomainManager implements JobTransport {
  /** @internal Starts a domain. */
  protected abstract start(sw: Switch, options: DomainOptions): Domain;

  /**
   * Starts a domain, which `options.sw` ends: jobs that are under way then are cancelled first. Not a cancellation point.
   *
   * @example
   * yield* Switch.run(function* (sw) {
   *   const domain = yield* env.domainMgr.open({ sw, name: "digests" });
   * }); // its thread is gone here
   */
  *open(options: OpenDomainOptions): Op<Domain> {
    const sw: unknown = (options as Partial<OpenDomainOptions> | undefined)?.sw;
    if (!(sw instanceof Switch)) refuse("DomainManager.open", "options.sw", "a Switch", sw);
    expectDomainOptions("DomainManager.open", options);
    sw.check();
    return this.start(sw, options);
  }

  /**
   * Runs a job in a domain of its own, and gives its result; what it throws is thrown here, a copy with its class, code, steps and stack. Other
   * fibers run meanwhile. The domain is gone when it returns.
   *
   * A cancellation point; in a cancelled context no domain is started. Cancelling it cancels the job, with the same reason, and waits until that
   * has ended: the outcome then is this `Cancelled`, even if the job gave a result in spite of it. A job that neither ends nor waits holds the caller,
   * unless there is a `grace`.
   *
   * @example
   * // `digests` is new URL("./digests.js", import.meta.url), and there: export function* digest(env: Env, text: string): Op<number> { ... }
   * yield* env.domainMgr.run(jobOf<typeof digest>(digests, "digest", ["tea"])); // => 3
   *
   * @throws InvalidArgument  for a closure, and for arguments that belong to this domain
   * @throws TypeError  for other arguments that cannot be copied, and for a name that the module does not export
   * @throws DomainLost  one of its classes, when the thread has ended before the job
   * @throws IoError  `Io Too_many_files`, when no thread can be started
   */
  *run<T>(job: Job<T>, options: DomainOptions = {}): Op<T> {
    return yield* this.within("DomainManager.run", job, options, (domain) => domain.run(job));
  }

  /**
   * Runs a plain function that a module exports in a thread of its own, with nothing but its arguments: no scheduler, no capabilities. Once it has
   * begun it cannot be cancelled: the caller waits, gets the result, and meets the cancellation later. In a cancelled context it does not begin.
   *
   * @example
   * yield* env.domainMgr.runRaw<number>({ module: digests, name: "digestNow", args: ["tea"] }); // => 3
   *
   * @throws as {@link run}
   */
  *runRaw<T>(job: Job<T>, options: DomainOptions = {}): Op<T> {
    return yield* this.within("DomainManager.runRaw", job, options, (domain) => domain.runRaw(job));
  }

  private *within<T>(where: string, job: Job<T>, options: DomainOptions, work: (domain: Domain) => Op<T>): Op<T> {
    expectJob(where, job);
    expectDomainOptions(where, options);
    check();
    return yield* Switch.run((sw) => work(this.start(sw, options)), { name: where });
  }
}

/** @internal */
export function expectDomainOptions(where: string, options: DomainOptions): void {
  expectOptions(where, options);
  const { grace, maxMemory } = (options ?? {}) as {
    grace?: unknown;
    maxMemory?: unknown;
  };
  if (grace !== undefined && (typeof grace !== "number" || !(grace >= 0)))
    refuse(where, "options.grace", "a number of seconds that is not negative", grace);
  if (maxMemory !== undefined && (typeof maxMemory !== "number" || !(maxMemory > 0)))
    refuse(where, "options.maxMemory", "a positive number of megabytes", maxMemory);
}
