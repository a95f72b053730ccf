// Several bodies at once, of which the first to succeed decides.

import { checkedBlock, ScopeFrame } from "./engine/block.js";
import { Cancelled } from "./engine/cancelled.js";
import { expectBody, expectFunction, expectOptions } from "./engine/describe.js";
import { FiberCore, returning, yielding, type FiberOwner, type Step, type Waiting } from "./engine/fiber-core.js";
import type { ForkSite } from "./engine/fork-site.js";
import { Failures } from "./engine/multiple.js";
import type { Body, Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { expectBodies } from "./combine.js";
import { siteOf } from "./fork.js";
import { awaitCancel } from "./turns.js";

/** The reason that the losers of a race are cancelled with. */
export class NotFirst extends Error {
  override readonly name = "NotFirst";
  readonly code = "NOT_FIRST";

  constructor() {
    super("another branch came first");
  }
}

const NOT_FIRST = /* @__PURE__ */ new NotFirst();

/** The options of {@link first} and {@link any}. */
export interface RaceOptions<T> {
  /**
   * Joins two results when more than one branch succeeds before its cancellation reaches it: the earlier one and the later one. By
   * default the earlier one is the result.
   */
  combine?: (earlier: T, later: T) => T;
}

/** How results become the outcome: the first one, then each further one. */
interface Joining {
  start(value: unknown): unknown;
  join(earlier: unknown, later: unknown): unknown;
}

const STARTING = 0;
const LAST = 1;
const WAITING = 2;

class RaceFrame extends ScopeFrame implements FiberOwner, Waiting {
  private readonly bodies: readonly Body<unknown>[];
  private readonly joining: Joining;
  private readonly site: ForkSite | undefined;
  private readonly called: string;
  private phase = STARTING;
  private started = 0;
  private running = 0;
  private succeeded = false;
  private outcome: unknown = undefined;
  private failures: Failures | undefined = undefined;

  constructor(
    called: string,
    fiber: FiberCore,
    bodies: readonly Body<unknown>[],
    joining: Joining,
    site: ForkSite | undefined,
  ) {
    super(fiber, false, "Any", called);
    this.called = called;
    this.bodies = bodies;
    this.joining = joining;
    this.site = site;
  }

  override next(value: unknown): Step {
    if (this.phase === LAST) this.branchReturned(value);
    return this.proceed();
  }

  override throw(error: unknown): Step {
    this.branchThrew(error);
    return this.proceed();
  }

  private proceed(): Step {
    if (this.phase === STARTING) return yielding(this);
    this.phase = WAITING;
    return this.running > 0 ? yielding(this) : this.decide();
  }

  override perform(fiber: FiberCore): boolean {
    if (this.phase === WAITING) {
      fiber.wait(this);
      return false;
    }
    // Unlike in `both`, each branch is started, whatever became of those before it.
    const body = this.bodies[this.started++]!;
    if (this.started === this.bodies.length) {
      this.phase = LAST;
      return fiber.call(body, undefined);
    }
    this.running++;
    fiber.succeed(undefined);
    return fiber.follow(new FiberCore(this.context, this, body, body.name || undefined, fiber.bindings, this.site));
  }

  fiberEnded(_fiber: FiberCore, failed: boolean, value: unknown): void {
    if (failed) this.branchThrew(value);
    else this.branchReturned(value);
    this.running--;
    if (this.running === 0) this.fiber.settle(this, false, undefined);
  }

  private branchReturned(value: unknown): void {
    if (this.failures) return;
    try {
      if (this.succeeded) {
        this.outcome = this.joining.join(this.outcome, value);
      } else {
        this.outcome = this.joining.start(value);
        this.succeeded = true;
        this.context.cancel(NOT_FIRST);
      }
    } catch (error) {
      (this.failures = new Failures()).add(error);
      probe?.contextFailed(this.context, error);
    }
  }

  private branchThrew(error: unknown): void {
    // The answer to our own request, or to the parent's, which is looked at in the end.
    if (error instanceof Cancelled && this.context.interruption) return;
    (this.failures ??= new Failures()).add(error);
    probe?.contextFailed(this.context, error);
    try {
      this.context.cancel(error);
    } catch (thrown) {
      this.failures.add(thrown);
    }
  }

  private decide(): Step {
    const { interruption } = this.context;
    this.leave();
    const { failures } = this;
    const cancelled = this.outer.interruption;
    if (failures) {
      if (cancelled) failures.add(cancelled);
      throw failures.error;
    }
    // A value in hand is not dropped because a cancellation arrived as well.
    if (this.succeeded) return returning(this.outcome);
    throw cancelled ?? interruption;
  }

  /** The wait for the losers cannot be given up: they have been told to end. */
  cancelWait(_fiber: FiberCore, _error: Cancelled): void {}

  override describeFrame(): string {
    return this.called;
  }

  describeWait(): string {
    return `the other branches of ${this.called} to end`;
  }
}

function raceOf<T>(
  called: string,
  bodies: readonly Body<unknown>[],
  joining: Joining,
  site: ForkSite | undefined,
): Op<T> {
  return checkedBlock(called, (fiber) => {
    if (bodies.length === 0) return fiber.call(awaitCancel, undefined);
    fiber.pushFrame(new RaceFrame(called, fiber, bodies, joining, site));
    return fiber.succeed(undefined);
  });
}

function joinWith<T>(where: string, options: RaceOptions<T> | undefined): Joining {
  expectOptions(where, options);
  const combine = options?.combine;
  if (combine === undefined) return firstOnly;
  expectFunction(where, "options.combine", combine);
  return { start: (value) => value, join: combine };
}

const firstOnly: Joining = { start: (value) => value, join: (earlier) => earlier };

const allOfThem: Joining = {
  start: (value) => [value],
  join(earlier, later) {
    (earlier as unknown[]).push(later);
    return earlier;
  },
};

/** @internal A race under another name: the first of `bodies` decides. */
export function race<T>(called: string, bodies: readonly Body<T>[], site: ForkSite | undefined): Op<T> {
  return raceOf<T>(called, bodies, firstOnly, site);
}

/**
 * Runs `f` and `g` at once and gives the result of the first to return; the other is cancelled, with reason {@link NotFirst}, and
 * waited for. `f` starts immediately, then `g`, in the calling fiber itself; `g` is started even if `f` has returned, and runs up to
 * its first check. A failure beats a success, an earlier one included.
 *
 * Both can succeed, when the loser was past its last check: `combine` then joins the results, so that nothing is lost.
 *
 * Cancellation point on entry, and while waiting in the bodies; a result that is there is returned in spite of a cancellation.
 *
 * @example
 * const page = yield* Fiber.first(
 *   () => download(mirrorA),
 *   () => download(mirrorB),
 * );
 *
 * @throws the failure of a branch, unchanged; `Multiple` when both fail with real errors
 */
export function first<T, U = T>(f: Body<T>, g: Body<U>, options?: RaceOptions<T | U>): Op<T | U> {
  expectBody("Fiber.first", "f", f);
  expectBody("Fiber.first", "g", g);
  return raceOf<T | U>("Fiber.first", [f, g], joinWith("Fiber.first", options), siteOf(first));
}

/**
 * {@link first} for any number of bodies. With none it waits until it is cancelled.
 *
 * @example
 * const page = yield* Fiber.any(mirrors.map((mirror) => () => download(mirror)));
 */
export function any<T>(bodies: readonly Body<T>[], options?: RaceOptions<T>): Op<T> {
  expectBodies("Fiber.any", bodies);
  return raceOf<T>("Fiber.any", [...bodies], joinWith("Fiber.any", options), siteOf(any));
}

/**
 * {@link any}, giving the results of all branches that succeeded, in order of completion: those that were past their last check when
 * the first one returned.
 *
 * @example
 * const taken = yield* Fiber.nAny([() => jobs.take(), () => urgent.take()]); // one item, or both
 * taken; // => ["first job", "urgent job"]
 */
export function nAny<T>(bodies: readonly Body<T>[]): Op<T[]> {
  expectBodies("Fiber.nAny", bodies);
  return raceOf<T[]>("Fiber.nAny", [...bodies], allOfThem, siteOf(nAny));
}
