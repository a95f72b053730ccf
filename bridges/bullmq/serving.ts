// The side of a queue that does jobs.

import { QueueEvents, UnrecoverableError, WaitingError, Worker, type Job as QueuedJob } from "bullmq";
import { Cancelled, Fiber, startRoot, Switch, type Env, type Op, type Result, type RootFiber } from "trestle";
import { registerKnownErrors } from "trestle/known-errors";
import { refuse } from "../crossing/refuse.js";
import {
  baseOf,
  CANCEL,
  endOf,
  expectQueue,
  FROM_THE_FIRST,
  ignoreErrorsOf,
  pack,
  packError,
  unpack,
  unpackError,
  type Data,
  type QueueOptions,
} from "./queue.js";

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

/** Whoever can write to the queue can cancel, in whatever words. */
function reasonOf(text: string): unknown {
  try {
    return unpackError(text);
  } catch (cause) {
    return new Error("serveQueue: the reason of the cancellation cannot be read", { cause });
  }
}

/** How many cancellations are remembered of jobs that nobody here does: one may come before its job. */
const REMEMBERED = 1_000;

/** A job that is being done here. */
interface UnderWay {
  root: RootFiber | undefined;
  isLost: boolean;
}

class Serving {
  private readonly options: ServeQueueOptions;
  private readonly sw: Switch;
  private readonly underWay = new Map<string, UnderWay>();
  private readonly cancelled = new Map<string, string>();

  constructor(sw: Switch, options: ServeQueueOptions) {
    this.sw = sw;
    this.options = options;
  }

  cancel(jobId: string, reason: string): void {
    const underWay = this.underWay.get(jobId);
    if (underWay) return underWay.root?.cancel(reasonOf(reason));
    this.cancelled.set(jobId, reason);
    if (this.cancelled.size <= REMEMBERED) return;
    const [oldest] = this.cancelled.keys();
    this.cancelled.delete(oldest!);
  }

  /** Its lock is gone, and so it is another worker's by now, or will be. */
  lose(jobId: string): void {
    const underWay = this.underWay.get(jobId);
    if (!underWay) return;
    underWay.isLost = true;
    underWay.root?.cancel(new Error("serveQueue: the lock of the job is lost: another worker does it"));
  }

  /** What BullMQ calls. */
  async perform(queued: QueuedJob<Data, string>, token: string | undefined): Promise<string> {
    const jobId = queued.id!;
    const underWay: UnderWay = { root: undefined, isLost: false };
    this.underWay.set(jobId, underWay);
    const outcome = await this.outcomeOf(queued, underWay);
    // One that was lost may be here again already.
    if (this.underWay.get(jobId) === underWay) this.underWay.delete(jobId);
    if (underWay.isLost) throw new Error("serveQueue: the lock of the job was lost");
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

  private outcomeOf(queued: QueuedJob<Data, string>, underWay: UnderWay): Promise<Result<string>> {
    return new Promise((resolve) => {
      try {
        const { name } = queued.data;
        const root = startRoot(() => this.doing(queued.data), { name, sw: this.sw, onDone: resolve });
        underWay.root = root;
        const reason = this.cancelled.get(queued.id!);
        if (reason !== undefined) root.cancel(reasonOf(reason));
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
 * here. A job whose worker has died, or has lost Redis, is done again by another one when its lock has run out; a worker that learns of it cancels its own.
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
  worker.on("lockRenewalFailed", (jobIds) => jobIds.forEach((jobId) => state.lose(jobId)));
  events.on(
    CANCEL as never,
    (({ jobId, reason }: { jobId: string; reason: string }) => state.cancel(jobId, reason)) as never,
  );
  sw.addHook(() => endOf("serveQueue: the end of the connection to Redis", [worker, events]));
  // No further job is begun; those under way are waited for.
  sw.context.onCancel(() => void worker.pause(true).catch(() => {}));
  return yield* Fiber.awaitCancel();
}
