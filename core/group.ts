// The block under `both`, `all` and `map`: jobs started in order in a switch of their own, at most so many at once, the last one in
// the calling fiber itself.

import { block } from "./engine/block.js";
import type { Cancelled } from "./engine/cancelled.js";
import type { CancelContext } from "./engine/context.js";
import { FiberCore, yielding, type Binding, type FiberOwner, type Step } from "./engine/fiber-core.js";
import type { ForkSite } from "./engine/fork-site.js";
import type { Op } from "./engine/op.js";
import { Failure } from "./failure.js";
import { BlockFrame } from "./switch.js";

/** What a group does; one object a call. */
export interface Jobs<R> {
  readonly count: number;
  /** The most that may run at once. */
  readonly limit: number;
  /** Starts job `index`. */
  start(index: number): Op<unknown>;
  /** The name of the fiber of a job. */
  nameOf(index: number): string | undefined;
  /** Takes note of a job's value. */
  keep(index: number, value: unknown): void;
  /** The result of the group, when all jobs have succeeded. */
  readonly result: R;
}

const STARTING = 0;
const LAST = 1;
const ENDING = 2;

type StartJob = (index: number) => Op<unknown>;

/** A fiber that knows which job it does. */
class JobFiber extends FiberCore {
  readonly index: number;

  constructor(
    context: CancelContext,
    owner: FiberOwner,
    start: StartJob,
    index: number,
    name: string | undefined,
    bindings: Binding | undefined,
    site: ForkSite | undefined,
  ) {
    super(context, owner, start, name, bindings, site);
    this.index = index;
  }

  override begin(): void {
    this.call(this.value as StartJob, this.index);
  }
}

class GroupFrame<R> extends BlockFrame implements FiberOwner {
  private readonly jobs: Jobs<R>;
  private readonly site: ForkSite | undefined;
  private readonly startJob: StartJob;
  private phase = STARTING;
  private started = 0;
  private running = 0;
  private needsSlot = false;

  constructor(fiber: FiberCore, name: string, jobs: Jobs<R>, site: ForkSite | undefined) {
    super(fiber, false, name);
    this.jobs = jobs;
    this.site = site;
    this.startJob = (index) => jobs.start(index);
  }

  override next(value: unknown): Step {
    if (this.phase === ENDING) return super.next(value);
    if (this.phase === STARTING) return yielding(this);
    this.phase = ENDING;
    const { jobs } = this;
    jobs.keep(jobs.count - 1, value);
    return this.bodyReturned();
  }

  override throw(error: unknown): Step {
    if (this.phase === ENDING) return super.throw(error);
    this.phase = ENDING;
    return this.bodyThrew(error);
  }

  override perform(fiber: FiberCore): boolean {
    if (this.phase === ENDING) return super.perform(fiber);
    const { jobs, sw } = this;
    const failed = sw.context.interruption;
    if (failed) return fiber.fail(failed);
    if (this.running >= jobs.limit) {
      this.needsSlot = true;
      fiber.wait(this);
      return false;
    }
    const index = this.started++;
    if (index === jobs.count - 1) {
      this.phase = LAST;
      return fiber.call(this.startJob, index);
    }
    this.running++;
    sw.hold();
    fiber.succeed(undefined);
    return fiber.follow(
      new JobFiber(sw.context, this, this.startJob, index, jobs.nameOf(index), fiber.bindings, this.site),
    );
  }

  fiberEnded(fiber: FiberCore, failed: boolean, value: unknown): void {
    if (failed) this.sw.fail(value);
    else this.jobs.keep((fiber as JobFiber).index, value);
    this.running--;
    if (this.needsSlot) {
      this.needsSlot = false;
      this.fiber.settle(this, false, undefined);
    }
    this.sw.release();
  }

  protected override blockResult(): unknown {
    return this.jobs.result;
  }

  override cancelWait(fiber: FiberCore, error: Cancelled): void {
    if (!this.needsSlot) return;
    this.needsSlot = false;
    fiber.settle(this, true, error);
  }

  override describeFrame(): string {
    return this.sw.name!;
  }

  override describeWait(): string {
    return this.needsSlot
      ? `a free slot of ${this.sw.name!} (at most ${this.jobs.limit} fibers)`
      : super.describeWait();
  }
}

/** Runs jobs; each run of the op makes them anew. */
export function group<R>(called: string, makeJobs: () => Jobs<R>, site: ForkSite | undefined): Op<R> {
  return block(called, (fiber) => {
    const jobs = makeJobs();
    // Nothing to run needs no switch, hence no check of anything.
    if (jobs.count === 0) return fiber.succeed(jobs.result);
    if (!(jobs.limit > 0)) return fiber.fail(new Failure(`max_fibers must be positive (got ${jobs.limit})`));
    const { interruption } = fiber.context;
    if (interruption) return fiber.fail(interruption);
    fiber.pushFrame(new GroupFrame(fiber, called, jobs, site));
    return fiber.succeed(undefined);
  });
}
