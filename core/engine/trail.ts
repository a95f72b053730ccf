// The way of an error through frames and fibers: kept beside the error, never in it. Written only while an error passes.

import { Cancelled } from "./cancelled.js";
import { Frame, type CallFrame, type FiberCore } from "./fiber-core.js";
import { formatForkSite, type ForkSite } from "./fork-site.js";

/** One step on the way of an error, see `trailOf`. */
export type TrailStep =
  | {
      /** A combinator, or a function marked with `fiber`, that the error came out of. */
      readonly kind: "frame";
      /** `Switch.run "server"`, `Fiber.map`, `walk`. */
      readonly name: string;
      /** How many such frames in a row, as in a recursion. */
      readonly times: number;
    }
  | {
      /** A fiber that the error ended. */
      readonly kind: "fiber";
      readonly id: number;
      readonly name: string | undefined;
      /** File, line and column of the fork, where known. */
      readonly forkedAt: string | undefined;
    }
  | {
      /** Steps that were not kept. */
      readonly kind: "omitted";
      readonly count: number;
    };

interface PassedFrame {
  readonly name: string;
  times: number;
}

interface PassedFiber {
  readonly id: number;
  readonly name: string | undefined;
  readonly site: ForkSite | undefined;
}

type Passed = PassedFrame | PassedFiber;

/** Steps that are kept at each end of a long trail. */
const KEPT = 32;

class Trail {
  private readonly first: Passed[] = [];
  private readonly last: Passed[] = [];
  private omitted = 0;

  addFrame(name: string): void {
    const before = this.last[this.last.length - 1] ?? this.first[this.first.length - 1];
    if (before && "times" in before && before.name === name) before.times++;
    else this.add({ name, times: 1 });
  }

  add(step: Passed): void {
    if (this.first.length < KEPT) {
      this.first.push(step);
      return;
    }
    this.last.push(step);
    if (this.last.length < 2 * KEPT) return;
    this.last.splice(0, KEPT);
    this.omitted += KEPT;
  }

  copy(): Trail {
    const copy = new Trail();
    for (const step of this.first) copy.first.push({ ...step });
    for (const step of this.last) copy.last.push({ ...step });
    copy.omitted = this.omitted;
    return copy;
  }

  steps(): TrailStep[] {
    const steps = this.first.map(publish);
    const surplus = Math.max(0, this.last.length - KEPT);
    const omitted = this.omitted + surplus;
    if (omitted > 0) steps.push({ kind: "omitted", count: omitted });
    for (const step of this.last.slice(surplus)) steps.push(publish(step));
    return steps;
  }
}

function publish(step: Passed): TrailStep {
  if ("times" in step) return { kind: "frame", name: step.name, times: step.times };
  return { kind: "fiber", id: step.id, name: step.name, forkedAt: formatForkSite(step.site) };
}

const trails = new WeakMap<object, Trail>();

/** The trail to write on; undefined for values that cannot have one, and for cancellations, which are no failures. */
function trailFor(error: unknown): Trail | undefined {
  if (typeof error !== "object" || error === null || error instanceof Cancelled) return undefined;
  let trail = trails.get(error);
  if (!trail) trails.set(error, (trail = new Trail()));
  return trail;
}

/** On the prototype of a marked generator function: its name. */
export const MARKED: unique symbol = Symbol("marked");

/** Notes that `error` came out of `frame`, if that is one that says its name. */
export function noteFrame(frame: CallFrame, error: unknown): void {
  if (error instanceof Cancelled) return;
  const name = frame instanceof Frame ? frame.describeFrame() : (frame as { [MARKED]?: string })[MARKED];
  if (name) trailFor(error)?.addFrame(name);
}

/** Notes that `error` ended `fiber`. */
export function noteFiber(fiber: FiberCore, error: unknown): void {
  trailFor(error)?.add({ id: fiber.id, name: fiber.name, site: fiber.site });
}

/** Lets `heir`, which stands for `error` from now on, go on with its trail. */
export function inheritTrail(heir: object, error: object): void {
  const trail = trails.get(error);
  if (trail) trails.set(heir, trail.copy());
}

/**
 * Which combinators and fibers an error came out of, innermost first: `Switch.run`, `Fiber.map`, a function marked with `fiber`, the
 * fiber it ended and where that was forked. Empty for an error that has passed none, for a `Cancelled`, and for values that are no
 * objects. The error itself and its stack are not touched.
 *
 * Of a very long trail the first 32 and the last 32 steps are kept, with one of kind `"omitted"` in between. An object that is thrown
 * more than once has one trail for all its ways.
 *
 * @example
 * try {
 *   yield* Switch.run(() => Fiber.all([() => fail("disk full")]), { name: "save" });
 * } catch (error) {
 *   trailOf(error).map((step) => step.kind === "frame" && step.name); // => ["Fiber.all", 'Switch.run "save"']
 * }
 */
export function trailOf(error: unknown): readonly TrailStep[] {
  return (typeof error === "object" && error !== null && trails.get(error)?.steps()) || [];
}
