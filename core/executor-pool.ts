// A fixed set of domains that take jobs from one queue, each job with the share of a domain that it needs.

import { Condition } from "./condition.js";
import { Deferred, type Resolver } from "./deferred.js";
import { expectDomainOptions, type DomainOptions, type JobRunner, type JobTransport } from "./domain.js";
import { expectOptions, refuse, show } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op, Result } from "./engine/op.js";
import { fork, forkDaemon, forkPromise } from "./fork.js";
import { expectJob, type Job } from "./job.js";
import { Stream } from "./stream.js";
import { Switch } from "./switch.js";
import { yieldNow } from "./turns.js";

/** The options of {@link ExecutorPool.create}. */
export interface ExecutorPoolOptions extends DomainOptions {
  /** Cancels the jobs and ends the domains when it ends; the pool does not keep it open. */
  sw: Switch;
  /** How many domains there are. */
  domainCount: number;
}

/** The options of {@link ExecutorPool.submit}. */
export interface SubmitOptions {
  /** The share of a domain that the job needs, from 0 to 1: 1 for one that computes all the time, less for one that waits. Default 1. */
  weight?: number;
}

/** The options of {@link ExecutorPool.submitFork}. */
export interface SubmitForkOptions extends SubmitOptions {
  /** Waits for the outcome. */
  sw: Switch;
}

/** A weight of 1. Sums of whole numbers are exact. */
const WHOLE = 1_000_000;

interface Queued {
  readonly job: Job<unknown>;
  readonly weight: number;
  readonly resolver: Resolver<Result<unknown>>;
}

/**
 * A fixed set of domains that take jobs from one queue, in order of submission. A domain takes jobs while the weights of those it is at are less than 1
 * together; so the last one taken may exceed that.
 *
 * A job that fails harms neither its domain nor other jobs; a domain that is lost is replaced.
 *
 * @example
 * function* digests(domainMgr: DomainManager, words: readonly string[]): Op<string[]> {
 *   return yield* Switch.run(function* (sw) {
 *     const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 4 });
 *     return yield* Fiber.map(words, (word) =>
 *       pool.submitOrThrow<string>({ module: "/srv/digest.js", name: "digest", args: [word] }),
 *     );
 *   });
 * }
 */
export class ExecutorPool {
  // Without room: a job is in it only while a domain takes it, and who submits may withdraw it until then.
  private readonly queue = new Stream<Queued>(0);

  /** @internal use {@link ExecutorPool.create} */
  constructor() {}

  /**
   * Starts the domains, as daemons of the switch: when its other fibers have ended, or it fails, jobs that are under way are cancelled, and
   * the domains end. Not a cancellation point.
   *
   * @example
   * const pool = yield* ExecutorPool.create(env.domainMgr, { sw, domainCount: 2, grace: 1 });
   *
   * @param transport  where jobs are done: `env.domainMgr`, or another transport
   * @throws InvalidArgument  when `domainCount` is less than 1
   */
  static *create(transport: JobTransport, options: ExecutorPoolOptions): Op<ExecutorPool> {
    const where = "ExecutorPool.create";
    if (typeof (transport as Partial<JobTransport> | undefined | null)?.open !== "function")
      refuse(where, "transport", "a DomainManager, or something else with an open method", transport);
    if ((options as unknown) === undefined) refuse(where, "options", "an object", options);
    expectDomainOptions(where, options);
    const { sw, domainCount, ...domain } = options;
    if (!((sw as unknown) instanceof Switch)) refuse(where, "options.sw", "a Switch", sw);
    if (!Number.isInteger(domainCount)) refuse(where, "options.domainCount", "an integer", domainCount);
    if (domainCount < 1) throw new InvalidArgument(`Executor_pool: domain count ${show(domainCount)} not >= 1`);
    sw.check();
    const pool = new ExecutorPool();
    const { name = "executor pool" } = domain;
    yield* sw.onRelease(() => pool.queue.close());
    for (let i = 1; i <= domainCount; i++) {
      const worker = new Worker(pool.queue, transport, { ...domain, name: `${name} ${i}` });
      yield* forkDaemon(sw, () => worker.run(), { name: `${name} ${i}` });
    }
    return pool;
  }

  /**
   * Has a job done, and gives its outcome. Waits until a domain has taken the job, and then until that is done.
   *
   * A cancellation point. When it is cancelled before a domain has taken the job, that is withdrawn and never starts; afterwards the job runs on, and
   * its outcome is dropped.
   *
   * @example
   * const pool = yield* ExecutorPool.create(env.domainMgr, { sw, domainCount: 2 });
   * yield* pool.submit<number>({ module: digests, name: "digest", args: ["tea"] }); // => { ok: true, value: 3 }
   *
   * @param options.weight  the share of a domain that it needs; default 1
   * @throws InvalidArgument  for a weight that is not within 0 and 1; with "Stream closed" when the switch of the pool has ended
   */
  *submit<T>(job: Job<T>, options?: SubmitOptions): Op<Result<T>> {
    return yield* (yield* this.enqueue("ExecutorPool.submit", job, options)).await();
  }

  /**
   * {@link submit} that gives the result of the job, or throws its error.
   *
   * @example
   * const pool = yield* ExecutorPool.create(env.domainMgr, { sw, domainCount: 2 });
   * const lengths = yield* Fiber.map(["tea", "coffee"], (word) =>
   *   pool.submitOrThrow<number>({ module: digests, name: "digest", args: [word] }, { weight: 0.5 }),
   * );
   * lengths; // => [3, 6]
   *
   * @throws what the job throws, and what {@link submit} throws
   */
  *submitOrThrow<T>(job: Job<T>, options?: SubmitOptions): Op<T> {
    return yield* (yield* this.enqueue("ExecutorPool.submitOrThrow", job, options)).awaitOrThrow();
  }

  /** The name of {@link submitOrThrow} in Eio. */
  submitExn<T>(job: Job<T>, options?: SubmitOptions): Op<T> {
    return this.submitOrThrow(job, options);
  }

  /**
   * {@link submit} in a fiber of `options.sw`: returns at once with a cell of the outcome. Not a cancellation point.
   *
   * @example
   * const pool = yield* ExecutorPool.create(env.domainMgr, { sw, domainCount: 1 });
   * const length = yield* pool.submitFork<number>({ module: digests, name: "digest", args: ["tea"] }, { sw });
   * yield* length.awaitOrThrow(); // => 3
   */
  *submitFork<T>(job: Job<T>, options: SubmitForkOptions): Op<Deferred<Result<T>>> {
    const where = "ExecutorPool.submitFork";
    expectSubmission(where, job, options);
    const sw: unknown = (options as Partial<SubmitForkOptions> | undefined)?.sw;
    if (!(sw instanceof Switch)) refuse(where, "options.sw", "a Switch", sw);
    return yield* forkPromise(sw, () => this.submitOrThrow(job, options), { name: where });
  }

  private *enqueue<T>(where: string, job: Job<T>, options: SubmitOptions | undefined): Op<Deferred<Result<T>>> {
    const weight = expectSubmission(where, job, options);
    const [outcome, resolver] = Deferred.create<Result<T>>({ label: where });
    yield* this.queue.add({ job, weight, resolver });
    return outcome;
  }
}

/** Gives the weight. */
function expectSubmission(where: string, job: Job<unknown>, options: SubmitOptions | undefined): number {
  expectJob(where, job);
  expectOptions(where, options);
  const weight: unknown = options?.weight ?? 1;
  if (typeof weight !== "number") refuse(where, "options.weight", "a number", weight);
  if (!(weight >= 0 && weight <= 1)) throw new InvalidArgument(`Executor_pool: weight ${weight} not >= 0.0 && <= 1.0`);
  return Math.round(weight * WHOLE);
}

/** One domain, and what it is at. */
class Worker {
  private readonly queue: Stream<Queued>;
  private readonly transport: JobTransport;
  private readonly options: DomainOptions;
  private readonly lighter = new Condition();
  /** The weights of the jobs under way, together. */
  private load = 0;

  constructor(queue: Stream<Queued>, transport: JobTransport, options: DomainOptions) {
    this.queue = queue;
    this.transport = transport;
    this.options = options;
  }

  run(): Op<void> {
    return Switch.run((sw) => this.takeJobs(sw), { name: this.options.name! });
  }

  private *takeJobs(sw: Switch): Op<void> {
    const runner = yield* this.transport.open({ ...this.options, sw });
    for (;;) {
      while (this.load >= WHOLE) yield* this.lighter.awaitNoMutex();
      const queued = yield* this.queue.take();
      // It may have been handed over before this fiber was cancelled: then nothing is forked any more, and whoever submitted it waits.
      const error = sw.getError();
      if (error) queued.resolver.resolveError(error);
      else {
        this.load += queued.weight;
        yield* fork(sw, () => this.perform(runner, queued));
      }
      // The next job is for another domain, if one waits for it.
      yield* yieldNow();
    }
  }

  private *perform(runner: JobRunner, { job, weight, resolver }: Queued): Op<void> {
    let outcome: Result<unknown>;
    try {
      outcome = { ok: true, value: yield* runner.run(job) };
    } catch (error) {
      outcome = { ok: false, error };
    }
    resolver.resolve(outcome);
    this.load -= weight;
    this.lighter.broadcast();
  }
}
