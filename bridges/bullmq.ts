// Jobs over a queue of BullMQ: the same jobs as in other threads, done by workers in other processes and on other machines.
//
// |             | the side that submits (`queueTransport`)                    | the side that works (`serveQueue`)                  |
// |-------------|-------------------------------------------------------------|-----------------------------------------------------|
// | cancel      | a job that waits is taken out of the queue; one that runs   | the fiber of the job; its end is the answer         |
// |             | is told to stop, and waited for, at most for `grace`        |                                                     |
// | owner       | the switch closes the connections                           | the fiber: its jobs go back into the queue          |
// | error       | a copy: class, code, steps, cause, stack; `DomainLost` when | what the job throws; tried again while there are    |
// |             | the workers that had it were lost                           | `attempts` left                                     |
// | how often   | at least once: a job whose worker is lost is done again     | -                                                   |
// | buffer      | in Redis                                                    | `concurrency` jobs at once                          |

import { deserialize, serialize } from "node:v8";
import {
  Queue,
  QueueEvents,
  QueueEventsProducer,
  UnrecoverableError,
  WaitingError,
  Worker,
  type ConnectionOptions,
  type Job as QueuedJob,
} from "bullmq";
import {
  Cancelled,
  ClosedError,
  DomainLost,
  Fiber,
  reportUnhandled,
  startRoot,
  Switch,
  type Env,
  type Job,
  type JobRunner,
  type JobTransport,
  type ModuleJob,
  type Op,
  type OpenDomainOptions,
  type Result,
  type RootFiber,
} from "trestle";
import { expectModuleJob, expectSendable, moduleOf, notCopied } from "trestle/job";
import { registerKnownErrors } from "trestle/known-errors";
import { decodeThrown, encodeThrown } from "trestle/message";
import { AbortError } from "./crossing/abort-error.js";
import { ownedCall } from "./crossing/owned-call.js";
import { awaitValue } from "./crossing/reaction.js";
import { expectOptions, expectSwitch, refuse } from "./crossing/refuse.js";

/** The event by which workers are told to stop a job. */
const CANCEL = "trestle:cancel";
/** How many events are kept; as many as BullMQ keeps itself. */
const EVENTS_KEPT = 10_000;
/** From the first event that is kept on: what happens before a listener has its connection is not missed. */
const FROM_THE_FIRST = "0-0";
/** How long a job stays in Redis that nobody has fetched, in seconds. */
const KEPT = 86_400;

/** What both sides say about the queue. */
export interface QueueOptions {
  /** The name of the queue. */
  name: string;
  /** Where Redis is: what BullMQ takes. */
  connection: ConnectionOptions;
  /** What all keys in Redis begin with. Default: that of BullMQ. */
  prefix?: string;
}

/** A job in the queue. Arguments, results and errors are texts, of what a structured clone has. */
interface Data {
  readonly module: string;
  readonly name: string;
  readonly args: string;
  /** How the latest attempt has failed. */
  readonly failure?: string;
}

function pack(where: string, what: string, value: unknown): string {
  expectSendable(where, what, value);
  try {
    return serialize(value).toString("base64");
  } catch (error) {
    throw notCopied(where, what, error);
  }
}

function unpack(text: string): unknown {
  return deserialize(Buffer.from(text, "base64"));
}

function packError(thrown: unknown): string {
  return serialize(encodeThrown(thrown)).toString("base64");
}

function unpackError(text: string): unknown {
  return decodeThrown(unpack(text));
}

function expectQueue(where: string, options: QueueOptions): void {
  expectOptions(where, options, "prefix");
  const { name, connection } = (options ?? {}) as Partial<Record<keyof QueueOptions, unknown>>;
  if (typeof name !== "string") refuse(where, "options.name", "a string", name);
  if (typeof connection !== "object" || connection === null)
    refuse(where, "options.connection", "what BullMQ takes, such as { host, port }", connection);
}

/** What BullMQ is told of the queue. */
function baseOf({ connection, prefix }: QueueOptions): { connection: ConnectionOptions; prefix?: string } {
  return prefix === undefined ? { connection } : { connection, prefix };
}

/** BullMQ connects again by itself, and tells of each time that it cannot. */
function ignoreErrorsOf(part: unknown): void {
  (part as { on(event: string, listener: () => void): void }).on("error", () => {});
}

// --- the side that submits ---

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
  /** It is in the queue; undefined until then. */
  added: boolean;
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
    for (const part of [this.queue, this.events, this.producer])
      yield* awaitValue("queueTransport: the end of the connection to Redis", part.close());
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
      const pending: Pending = { where: `queueTransport (${name})`, resolve, reject, added: false };
      this.pending.set(jobId, pending);
      const added = this.queue.add(name, data, { jobId }).then(
        () => {
          pending.added = true;
        },
        (error: unknown) => this.settle(jobId)?.reject(error),
      );
      signal.addEventListener("abort", () => {
        const { reason } = signal as { reason: AbortError };
        added.then(() => this.cancel(jobId, reason)).catch(reportUnhandled);
        if (grace !== undefined) setTimeout(() => this.settle(jobId)?.reject(reason), grace * 1000).unref();
      });
    });
  }

  private async cancel(jobId: string, reason: AbortError): Promise<void> {
    if (!this.pending.has(jobId)) return;
    // What a worker is at is locked.
    const removed = await this.queue.remove(jobId);
    if (removed === 1) this.settle(jobId)?.reject(reason);
    else await this.producer.publishEvent({ eventName: CANCEL, jobId, reason: packError(reason.cause) }, EVENTS_KEPT);
  }

  private completed(jobId: string, value: string): void {
    const pending = this.settle(jobId);
    if (!pending) return;
    pending.resolve(unpack(value));
    this.forget(jobId);
  }

  private failed(jobId: string, why: string): void {
    const pending = this.pending.get(jobId);
    if (!pending) return;
    this.queue.getJob(jobId).then(
      (job) => {
        const failure = job?.data.failure;
        // It may have failed in one attempt, and been lost in the next.
        const error =
          failure === undefined || /stalled/.test(why)
            ? new DomainLost(`${pending.where}: ${why}`)
            : unpackError(failure);
        this.settle(jobId)?.reject(error);
        this.forget(jobId);
      },
      (error: unknown) => this.settle(jobId)?.reject(error),
    );
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
 * cancelled, and waits for its end; with `grace`, no longer than that. It is not tried again.
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

// --- the side that works ---

/** The options of {@link serveQueue}. */
export interface ServeQueueOptions extends QueueOptions {
  /** What the modules of jobs export, by the module that the jobs name. Nothing else can be called. */
  modules: Readonly<Record<string, object>>;
  /** The capabilities that the functions are given. */
  env: Partial<Env>;
  /** How many jobs are done at once. Default 1. */
  concurrency?: number;
  /** After how many seconds without a sign of life another worker does a job again. Default 30. */
  lockDuration?: number;
}

/** How many cancellations are remembered of jobs that nobody here does: one may come before its job. */
const REMEMBERED = 1_000;

class Serving {
  private readonly options: ServeQueueOptions;
  private readonly sw: Switch;
  private readonly underWay = new Map<string, RootFiber>();
  private readonly cancelled = new Map<string, string>();

  constructor(sw: Switch, options: ServeQueueOptions) {
    this.sw = sw;
    this.options = options;
  }

  cancel(jobId: string, reason: string): void {
    const root = this.underWay.get(jobId);
    if (root) {
      root.cancel(unpackError(reason));
      return;
    }
    this.cancelled.set(jobId, reason);
    if (this.cancelled.size <= REMEMBERED) return;
    const [oldest] = this.cancelled.keys();
    this.cancelled.delete(oldest!);
  }

  /** What BullMQ calls. */
  async perform(queued: QueuedJob<Data, string>, token: string | undefined): Promise<string> {
    const outcome = await this.outcomeOf(queued);
    const jobId = queued.id!;
    this.underWay.delete(jobId);
    if (outcome.ok) return outcome.value;
    if (this.sw.getError()) {
      // It has not failed: nobody here does jobs any more.
      await queued.moveToWait(token);
      throw new WaitingError();
    }
    const { error } = outcome;
    await queued.updateData({ ...queued.data, failure: packError(error) });
    throw error instanceof Cancelled ? new UnrecoverableError(String(error)) : new Error(String(error));
  }

  private outcomeOf(queued: QueuedJob<Data, string>): Promise<Result<string>> {
    return new Promise((resolve) => {
      try {
        const { name } = queued.data;
        const root = startRoot(() => this.doing(queued.data), { name, sw: this.sw, onDone: resolve });
        this.underWay.set(queued.id!, root);
        const reason = this.cancelled.get(queued.id!);
        if (reason !== undefined) root.cancel(unpackError(reason));
      } catch (error) {
        resolve({ ok: false, error });
      }
    });
  }

  private *doing({ module, name, args }: Data): Op<string> {
    const { modules, env } = this.options;
    const exported = Object.hasOwn(modules, module) ? (modules[module] as Record<string, unknown>) : {};
    const fn = Object.hasOwn(exported, name) ? exported[name] : undefined;
    if (typeof fn !== "function")
      throw new TypeError(`serveQueue: there is no function ${JSON.stringify(name)} of the module ${module}`);
    const value = yield* (fn as (...args: readonly unknown[]) => Op<unknown>)(env, ...(unpack(args) as unknown[]));
    return pack("the job", "its result", value);
  }
}

/**
 * Does the jobs of a queue of BullMQ, each in a fiber of its own, until it is cancelled: then the jobs under way are cancelled, and go back into the
 * queue, where another worker finds them. They name their functions by module and name; only what is in `modules` can be called.
 *
 * A job that fails is tried again by whoever comes next, as often as the side that submits it has said; one that is cancelled there is cancelled
 * here. A job whose worker has died is done again by another one when its lock has run out.
 *
 * A cancellation point; it does not return.
 *
 * @example
 * function* main(env: Env): Op<void> {
 *   yield* serveQueue({
 *     name: "digests",
 *     connection: { port: 6379 },
 *     modules: { digests: { digest } },
 *     env,
 *     concurrency: 4,
 *   });
 * }
 *
 * @param options.modules  exports by the module that jobs name
 * @param options.env  the capabilities that the functions are given
 * @param options.concurrency  jobs at once; default 1
 * @param options.lockDuration  seconds after which a worker that gives no sign of life counts as lost; default 30
 */
export function* serveQueue(options: ServeQueueOptions): Op<never> {
  const where = "serveQueue";
  expectQueue(where, options);
  const { modules, env, concurrency, lockDuration } = options as Partial<Record<keyof ServeQueueOptions, unknown>>;
  if (typeof modules !== "object" || modules === null) refuse(where, "options.modules", "an object", modules);
  if (typeof env !== "object" || env === null) refuse(where, "options.env", "the capabilities of the functions", env);
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && (concurrency as number) > 0))
    refuse(where, "options.concurrency", "a positive integer", concurrency);
  if (lockDuration !== undefined && !(typeof lockDuration === "number" && lockDuration > 0))
    refuse(where, "options.lockDuration", "a positive number of seconds", lockDuration);
  registerKnownErrors();
  return yield* Switch.run((sw) => serving(sw, options), { name: where });
}

function* serving(sw: Switch, options: ServeQueueOptions): Op<never> {
  const { name, concurrency = 1, lockDuration = 30 } = options;
  const state = new Serving(sw, options);
  const events = new QueueEvents(name, { ...baseOf(options), lastEventId: FROM_THE_FIRST });
  const worker = new Worker<Data, string>(name, (job, token) => state.perform(job, token), {
    ...baseOf(options),
    concurrency,
    lockDuration: lockDuration * 1000,
    stalledInterval: lockDuration * 1000,
  });
  for (const part of [events, worker]) ignoreErrorsOf(part);
  events.on(
    CANCEL as never,
    (({ jobId, reason }: { jobId: string; reason: string }) => state.cancel(jobId, reason)) as never,
  );
  sw.addHook(function* () {
    for (const part of [worker, events])
      yield* awaitValue("serveQueue: the end of the connection to Redis", part.close());
  });
  // No further job is begun; those under way are waited for.
  sw.context.onCancel(() => void worker.pause(true).catch(() => {}));
  return yield* Fiber.awaitCancel();
}
