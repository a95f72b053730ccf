// The side of a queue that submits jobs, and waits for them.

import { Queue, QueueEvents, QueueEventsProducer } from "bullmq";
import {
  ClosedError,
  DomainLost,
  Fiber,
  type Job,
  type JobRunner,
  type JobTransport,
  type ModuleJob,
  type Op,
  type OpenDomainOptions,
  type Switch,
} from "trestle";
import { expectModuleJob, moduleOf } from "trestle/job";
import { registerKnownErrors } from "trestle/known-errors";
import type { AbortError } from "../crossing/abort-error.js";
import { ownedCall } from "../crossing/owned-call.js";
import { expectSwitch, refuse } from "../crossing/refuse.js";
import {
  baseOf,
  CANCEL,
  endOf,
  expectQueue,
  FROM_THE_FIRST,
  ignoreErrorsOf,
  isConnected,
  pack,
  packError,
  unpack,
  unpackError,
  type Data,
  type QueueOptions,
} from "./queue.js";

/** How many events are kept; as many as BullMQ keeps itself. */
const EVENTS_KEPT = 10_000;
/** How long a job stays in Redis that nobody has fetched, in seconds. */
const KEPT = 86_400;

/** The options of {@link queueTransport}. */
export interface QueueTransportOptions extends QueueOptions {
  /** How often a job that fails is done at most. Default 1. */
  attempts?: number;
  /** How many seconds go by before the second attempt; twice as many before each later one. Default 0. */
  backoff?: number;
  /** Every how many seconds it is looked whether the end of a job was missed. Default 5. */
  checkInterval?: number;
}

interface Pending {
  readonly where: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** It is in the queue. */
  added: boolean;
  /** Its end is known. */
  ended: boolean;
  /** It is to stop, for this reason. */
  cancelled: AbortError | undefined;
}

class QueueTransport implements JobTransport {
  private readonly queue: Queue<Data, string>;
  private readonly events: QueueEvents;
  private readonly producer: QueueEventsProducer;
  private readonly pending = new Map<string, Pending>();
  private timer: NodeJS.Timeout | undefined;

  constructor(options: QueueTransportOptions) {
    const { name, attempts = 1, backoff = 0, checkInterval = 5 } = options;
    const base = baseOf(options);
    this.queue = new Queue(name, {
      ...base,
      defaultJobOptions: {
        attempts,
        removeOnComplete: { age: KEPT },
        removeOnFail: { age: KEPT },
        ...(backoff > 0 && { backoff: { type: "exponential", delay: backoff * 1000 } }),
      },
    });
    this.events = new QueueEvents(name, { ...base, lastEventId: FROM_THE_FIRST });
    this.producer = new QueueEventsProducer(name, base);
    for (const part of [this.queue, this.events, this.producer]) ignoreErrorsOf(part);
    this.events.on("completed", ({ jobId, returnvalue }) => this.completed(jobId, returnvalue as string));
    this.events.on("failed", ({ jobId, failedReason }) => this.failed(jobId, failedReason));
    this.queue.on("ioredis:close", () => this.giveUpCancelled());
    this.timer = setInterval(() => this.checkAll(), checkInterval * 1000);
    this.timer.unref();
  }

  *ready(): Op<void> {
    for (const part of [this.queue, this.events, this.producer])
      yield* ownedCall<unknown>({
        fn: () => part.waitUntilReady(),
        label: "queueTransport: the connection to Redis",
        abandon: true,
        cancel: undefined,
        discard: undefined,
      });
  }

  *close(): Op<void> {
    clearInterval(this.timer);
    for (const id of [...this.pending.keys()])
      this.settle(id)?.reject(new ClosedError("queueTransport: the switch of the transport has ended"));
    yield* endOf("queueTransport: the end of the connection to Redis", [this.queue, this.events, this.producer]);
  }

  *open({ grace }: OpenDomainOptions): Op<JobRunner> {
    return { run: (job) => this.run(job, grace) };
  }

  private *run<T>(job: Job<T>, grace: number | undefined): Op<T> {
    expectModuleJob("queueTransport", job);
    return yield* ownedCall<T>({
      fn: (signal) => this.submit(job, grace, signal) as Promise<T>,
      label: `queueTransport (${job.name})`,
      abandon: false,
      cancel: undefined,
      discard: undefined,
    });
  }

  private submit(job: ModuleJob<unknown>, grace: number | undefined, signal: AbortSignal): Promise<unknown> {
    const { name, args = [] } = job;
    const data: Data = { module: moduleOf(job), name, args: pack("queueTransport", "the arguments of a job", args) };
    const jobId = crypto.randomUUID();
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        where: `queueTransport (${name})`,
        resolve,
        reject,
        added: false,
        ended: false,
        cancelled: undefined,
      };
      this.pending.set(jobId, pending);
      const added = this.queue.add(name, data, { jobId }).then(
        () => {
          pending.added = true;
        },
        (error: unknown) => this.settle(jobId)?.reject(error),
      );
      signal.addEventListener("abort", () => {
        const { reason } = signal as { reason: AbortError };
        pending.cancelled = reason;
        added
          .then(() => this.cancel(jobId, pending, reason))
          .catch((error: unknown) => this.settle(jobId)?.reject(error));
        if (!isConnected(this.queue)) this.giveUpCancelled();
        if (grace !== undefined) setTimeout(() => this.settle(jobId)?.reject(reason), grace * 1000).unref();
      });
    });
  }

  /** Redis cannot be reached: nobody knows when those who do the jobs learn that they are to stop. */
  private giveUpCancelled(): void {
    for (const [jobId, { cancelled }] of this.pending) if (cancelled) this.settle(jobId)?.reject(cancelled);
  }

  /** Also when nobody waits for it any more. */
  private async cancel(jobId: string, pending: Pending, reason: AbortError): Promise<void> {
    if (pending.ended) return;
    // What a worker is at is locked.
    const removed = await this.queue.remove(jobId);
    if (removed === 1) this.settle(jobId)?.reject(reason);
    else await this.producer.publishEvent({ eventName: CANCEL, jobId, reason: packError(reason.cause) }, EVENTS_KEPT);
  }

  private completed(jobId: string, value: string): void {
    const pending = this.settle(jobId);
    if (!pending) return;
    pending.ended = true;
    try {
      pending.resolve(unpack(value));
    } catch (cause) {
      pending.reject(new TypeError(`${pending.where}: the worker gave a result that cannot be read`, { cause }));
    }
    this.forget(jobId);
  }

  private failed(jobId: string, why: string): void {
    const pending = this.pending.get(jobId);
    if (!pending) return;
    pending.ended = true;
    this.queue
      .getJob(jobId)
      .then((job) => {
        const failure = job?.data.failure;
        // It may have failed in one attempt, and been lost in the next.
        const error =
          failure === undefined || /stalled/.test(why)
            ? new DomainLost(`${pending.where}: ${why}`)
            : unpackError(failure);
        this.settle(jobId)?.reject(error);
        this.forget(jobId);
      })
      .catch((error: unknown) => this.settle(jobId)?.reject(error));
  }

  private settle(jobId: string): Pending | undefined {
    const pending = this.pending.get(jobId);
    this.pending.delete(jobId);
    return pending;
  }

  private forget(jobId: string): void {
    // If that fails, it goes when its time has come.
    this.queue.remove(jobId).catch(() => {});
  }

  private checkAll(): void {
    for (const [jobId, { added }] of this.pending) if (added) this.check(jobId).catch(() => {});
  }

  /** In case its event was lost: Redis keeps only so many. */
  private async check(jobId: string): Promise<void> {
    const job = await this.queue.getJob(jobId);
    if (!job) {
      const pending = this.settle(jobId);
      pending?.reject(new DomainLost(`${pending.where}: the job has been taken out of the queue`));
    } else if (await job.isCompleted()) this.completed(jobId, job.returnvalue);
    else if (await job.isFailed()) this.failed(jobId, job.failedReason);
  }
}

/**
 * A transport for an `ExecutorPool` over a queue of BullMQ: its jobs are done by whoever serves the queue, see {@link serveQueue}, in other processes and on
 * other machines. The `domainCount` of the pool says how many jobs of weight 1 are in the queue at once from here.
 *
 * A job is done **at least once**: when the process that does it is lost, another one does it again, so what it does must bear that. What a job throws is
 * thrown here, a copy with class, code and steps, when the `attempts` are used up. Cancelling a job takes it out of the queue, or has the fiber that does it
 * cancelled, and waits for its end; with `grace`, no longer than that, and while Redis cannot be reached, not at all: then it is stopped when Redis is back.
 * It is not tried again.
 *
 * Arguments and results are copied as between threads, except that nothing can be shared or handed over (`transfer` copies).
 *
 * A cancellation point: waits until Redis is there.
 *
 * @example
 * function* digests(words: readonly string[]): Op<string[]> {
 *   return yield* Switch.run(function* (sw) {
 *     const transport = yield* queueTransport(sw, { name: "digests", connection: { port: 6379 }, attempts: 3 });
 *     const pool = yield* ExecutorPool.create(transport, { sw, domainCount: 100 });
 *     return yield* Fiber.map(words, (word) =>
 *       pool.submitOrThrow<string>({ module: "digests", name: "digest", args: [word] }),
 *     );
 *   });
 * }
 *
 * @param sw  closes the connections when it ends; jobs that still wait fail with `ClosedError`
 * @param options.attempts  how often a job that fails is done at most; default 1
 * @param options.backoff  seconds before the second attempt, then twice as many each time; default 0
 */
export function* queueTransport(sw: Switch, options: QueueTransportOptions): Op<JobTransport> {
  const where = "queueTransport";
  expectSwitch(where, sw);
  expectQueue(where, options);
  const { attempts, backoff, checkInterval } = options as Partial<Record<keyof QueueTransportOptions, unknown>>;
  if (attempts !== undefined && !(Number.isInteger(attempts) && (attempts as number) > 0))
    refuse(where, "options.attempts", "a positive integer", attempts);
  if (backoff !== undefined && !(typeof backoff === "number" && backoff >= 0))
    refuse(where, "options.backoff", "a number of seconds that is not negative", backoff);
  if (checkInterval !== undefined && !(typeof checkInterval === "number" && checkInterval > 0))
    refuse(where, "options.checkInterval", "a positive number of seconds", checkInterval);
  Fiber.check();
  sw.check();
  registerKnownErrors();
  const transport = new QueueTransport(options);
  sw.addHook(() => transport.close());
  yield* transport.ready();
  return transport;
}
