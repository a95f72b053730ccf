// Following a program as it runs, and adding to the record what only the program knows.

import { block } from "../engine/block.js";
import { Cancelled } from "../engine/cancelled.js";
import type { CancelContext, Home } from "../engine/context.js";
import { expectBody, expectFunction, expectNumber, refuse, show } from "../engine/describe.js";
import { disposable, type DisposableLike } from "../engine/disposable.js";
import { runningFiber } from "../engine/drive.js";
import { Frame, returning, type FiberCore, type Step } from "../engine/fiber-core.js";
import { hostLoop } from "../engine/host-loop.js";
import type { Body, Op } from "../engine/op.js";
import { now } from "../engine/platform.js";
import { listen, probe, type ContextKind, type Probe, type Traced } from "../engine/probe.js";
import { reportUnhandled } from "../engine/unhandled.js";
import type { Subscriber, TraceEvent } from "./event.js";

export { mintId } from "../engine/ids.js";

/** A scheduler as a subscriber sees it. */
interface Domain {
  readonly number: number;
  /** The time of its last event. */
  time: number;
}

/** Turns reports into events. */
/** What a trace has no events for. */
type OfDebugMode = "hookNamed" | "switchReleasing" | "promiseMade" | "promiseAwaited";

class Subscription implements Omit<Probe, OfDebugMode> {
  private readonly subscriber: Subscriber;
  private readonly domains = new WeakMap<Home, Domain>([[hostLoop, { number: 0, time: -Infinity }]]);
  private nextDomain = 1;
  // The fibers whose steps are under way, innermost last; those that began before the subscription are not in it.
  private readonly steps: FiberCore[] = [];
  private telling = false;

  constructor(subscriber: Subscriber) {
    this.subscriber = subscriber;
  }

  private tell(home: Home, event: TraceEvent): void {
    // What the subscriber itself does is not part of the program.
    if (this.telling) return;
    let domain = this.domains.get(home);
    if (!domain) this.domains.set(home, (domain = { number: this.nextDomain++, time: -1 }));
    // A mock clock stands still while fibers run: there each event takes a microsecond, so that they can be told apart.
    domain.time = home.now ? Math.max(Math.round(home.now() * 1e6), domain.time + 1) : now() * 1000;
    this.telling = true;
    try {
      this.subscriber(domain.time, event, domain.number);
    } catch (error) {
      reportUnhandled(error);
    } finally {
      this.telling = false;
    }
  }

  /** The fiber that does what is reported; one that has ended still counts while those who waited for it are told. */
  private get actor(): FiberCore | undefined {
    return this.steps[this.steps.length - 1] ?? runningFiber();
  }

  /** Reports something that is not tied to a scheduler: it happens in that of the fiber that does it. */
  private tellHere(make: (fiber: number | undefined) => TraceEvent): void {
    const { actor } = this;
    this.tell(actor?.queue ?? hostLoop, make(actor?.id));
  }

  /** The number of the fiber that does it, if that is a fiber of the same scheduler. */
  private actorIn(home: Home): number | undefined {
    const { actor } = this;
    return actor?.queue === home ? actor.id : undefined;
  }

  fiberCreated(fiber: FiberCore): void {
    const { id, context, queue, name, forkedAt } = fiber;
    this.tell(queue, {
      type: "fiber-created",
      fiber: id,
      context: context.id,
      parent: this.actorIn(queue),
      forkedAt,
    });
    if (name) this.tell(queue, { type: "name", id, name });
  }

  fiberRunning(fiber: FiberCore): void {
    this.steps.push(fiber);
    this.tell(fiber.queue, { type: "fiber-running", fiber: fiber.id, name: fiber.name });
  }

  fiberStopped(fiber: FiberCore): void {
    const at = this.steps.lastIndexOf(fiber);
    if (at >= 0) this.steps.length = at;
    this.tell(fiber.queue, { type: "fiber-stopped", fiber: fiber.id });
  }

  fiberSuspended(fiber: FiberCore, waiting: { describeWait(): string }): void {
    this.tell(fiber.queue, { type: "fiber-suspended", fiber: fiber.id, operation: waiting.describeWait() });
  }

  fiberWoken(fiber: FiberCore): void {
    const cancelled = fiber.failed && fiber.value instanceof Cancelled;
    this.tell(fiber.queue, { type: "fiber-woken", fiber: fiber.id, by: this.actorIn(fiber.queue), cancelled });
  }

  fiberEnded(fiber: FiberCore): void {
    const error = fiber.failed ? show(fiber.value) : undefined;
    this.tell(fiber.queue, { type: "fiber-ended", fiber: fiber.id, error });
  }

  contextCreated(context: CancelContext, kind: ContextKind, name?: string): void {
    const { id, home, parent } = context;
    this.tell(home, {
      type: "context-created",
      context: id,
      kind,
      parent: parent?.id,
      fiber: this.actorIn(home),
    });
    if (name !== undefined) this.tell(home, { type: "name", id, name });
  }

  contextCancelled(context: CancelContext, error: Cancelled): void {
    const { id, home } = context;
    this.tell(home, {
      type: "context-cancelled",
      context: id,
      reason: show(error.reason),
      fiber: this.actorIn(home),
    });
  }

  contextFailed(context: CancelContext, error: unknown): void {
    // The echo of a cancellation is no failure of its own.
    if (error instanceof Cancelled) return;
    const { id, home } = context;
    this.tell(home, { type: "context-failed", context: id, error: show(error), fiber: this.actorIn(home) });
  }

  contextEnded(context: CancelContext): void {
    this.tell(context.home, { type: "context-ended", context: context.id });
  }

  objectCreated(object: Traced, kind: string, name?: string): void {
    const { id } = object;
    this.tellHere((fiber) => ({ type: "object-created", object: id, kind, fiber }));
    if (name !== undefined) this.named(id, name);
  }

  tryGet(object: Traced): void {
    this.tellHere((fiber) => ({ type: "try-get", object: object.id, fiber }));
  }

  get(object: Traced): void {
    this.tellHere((fiber) => ({ type: "get", object: object.id, fiber }));
  }

  put(object: Traced): void {
    this.tellHere((fiber) => ({ type: "put", object: object.id, fiber }));
  }

  named(id: number, name: string): void {
    this.tellHere(() => ({ type: "name", id, name }));
  }

  logged(message: string): void {
    this.tellHere((fiber) => ({ type: "log", message, fiber }));
  }

  spanEntered(label: string): void {
    this.tellHere((fiber) => ({ type: "span-entered", label, fiber }));
  }

  spanLeft(label: string): void {
    this.tellHere((fiber) => ({ type: "span-left", label, fiber }));
  }

  loopSuspended(home: Home): void {
    this.tell(home, { type: "loop-suspended" });
  }

  loopResumed(home: Home): void {
    this.tell(home, { type: "loop-resumed" });
  }

  domainSpawned(home: Home): void {
    this.tell(home, { type: "domain-spawned" });
  }
}

/** Ends a subscription; `using` calls it at the end of a block. */
export type Unsubscribe = (() => void) & DisposableLike;

/**
 * Has `fn` called at each event, in the order in which they happen, synchronously. It must not suspend, and should be quick; what it
 * sets off itself is not reported to it. An error that it throws goes to `onUnhandledError`, and the program goes on.
 *
 * The order in which fibers run is the same with and without subscribers. Without any, tracing costs a null check an event.
 *
 * @example
 * const unsubscribe = Trace.subscribe((time, event) => {
 *   if (event.type === "fiber-ended" && event.error) console.error(`fiber ${event.fiber}: ${event.error}`);
 * });
 * yield* work();
 * unsubscribe();
 *
 * @param fn  is given the time in microseconds, from an arbitrary zero; the event; and the number of the scheduler: 0 for the
 * process's, 1 and up for mock worlds. In a mock world times are those of its clock, plus one microsecond an event, so that they
 * are the same on every run.
 * @returns what ends the subscription
 */
export function subscribe(fn: Subscriber): Unsubscribe {
  expectFunction("Trace.subscribe", "fn", fn);
  const stop = listen(new Subscription(fn));
  return disposable(() => stop(), stop);
}

function expectText(where: string, argument: string, received: unknown): void {
  if (typeof received !== "string") refuse(where, argument, "a string", received);
}

/**
 * Adds a line to the record, at the running fiber if there is one. See `traceln` for one that is printed, too.
 *
 * @example
 * Trace.log(`cache has ${cache.size} entries`);
 */
export function log(message: string): void {
  expectText("Trace.log", "message", message);
  probe?.logged(message);
}

/**
 * Gives the fiber, switch or object with number `id` a name in the record, from now on.
 *
 * @example
 * Trace.name(currentFiber().id, `request ${request.url}`);
 */
export function name(id: number, name: string): void {
  expectNumber("Trace.name", "id", id);
  expectText("Trace.name", "name", name);
  probe?.named(id, name);
}

class SpanFrame extends Frame {
  private readonly label: string;

  constructor(label: string) {
    super();
    this.label = label;
  }

  next(value: unknown): Step {
    probe?.spanLeft(this.label);
    return returning(value);
  }

  throw(error: unknown): never {
    probe?.spanLeft(this.label);
    throw error;
  }

  override describeFrame(): string {
    return `Trace.withSpan ${JSON.stringify(this.label)}`;
  }
}

/**
 * Runs `body` and records how long it takes, waits included: a bar in the fiber's track, named `label`. Spans nest. The end is
 * recorded also when `body` throws or is cancelled. Not a cancellation point.
 *
 * @example
 * const page = yield* Trace.withSpan("the first page", () => download(url));
 */
export function withSpan<T>(label: string, body: Body<T>): Op<T> {
  expectText("Trace.withSpan", "label", label);
  expectBody("Trace.withSpan", "body", body);
  return block("Trace.withSpan", (fiber) => {
    if (probe) {
      probe.spanEntered(label);
      fiber.pushFrame(new SpanFrame(label));
    }
    return fiber.call(body, undefined);
  });
}
