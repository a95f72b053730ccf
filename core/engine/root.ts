// Fibers that no fiber forked: how code outside starts one.

import { CancelContext } from "./context.js";
import { asyncDispose } from "./disposable.js";
import { expectBody, expectFunction, refuse } from "./describe.js";
import { FiberCore, type Binding, type FiberHandle, type FiberOwner } from "./fiber-core.js";
import type { ForkSite } from "./fork-site.js";
import { captureForkSite } from "./fork-site.js";
import { hostLoop } from "./host-loop.js";
import type { Body, Result } from "./op.js";
import { probe } from "./probe.js";
import type { Scheduler } from "./scheduler.js";
import { reportUnhandled } from "./unhandled.js";

/** Holds a scope open while a fiber that is not forked in it belongs to it. Switches are such scopes. */
export interface Holder {
  readonly context: CancelContext;
  /** Throws when the scope has finished. */
  hold(): void;
  release(): void;
}

/** How {@link startRoot} starts. */
export interface RootOptions<T> {
  /** Shown in reports; by default the name of the body. */
  name?: string;
  /** The context under which the fiber gets its own; by default none. */
  parent?: CancelContext;
  /** A switch that waits for the fiber and cancels it; its context is the parent. A failure of the fiber does not fail it. */
  sw?: Holder;
  /** The fiber whose fiber-local values are inherited. */
  inherit?: FiberHandle;
  /** Called once, as a method of these options, when the fiber has ended, `finally` blocks included. */
  onDone(outcome: Result<T>): void;
}

/** The reason by which a root fiber is stopped at the end of the block that declared it with `await using`. */
export class Disposed extends Error {
  override readonly name = "Disposed";
  readonly code = "DISPOSED";

  constructor() {
    super("the block that the fiber belonged to has ended");
  }
}

/** A fiber seen by whoever started it from outside. With `await using` it ends with the block that declares it. */
export interface RootFiber {
  readonly fiber: FiberHandle;
  readonly context: CancelContext;
  /** Cancels the fiber and all below it; does nothing once it has ended. */
  cancel(reason: unknown): void;
  /**
   * Cancels the fiber, with reason {@link Disposed}, and waits for its end, for `await using`. The promise is never rejected: the
   * outcome goes to `onDone`, which has been called by then. A fiber that has ended is left alone.
   */
  [asyncDispose](): PromiseLike<void>;
}

// Each start within a start uses the engine's own stack; deeper ones wait for their turn in the queue.
const MAX_NESTED_STARTS = 200;
let nestedStarts = 0;

class Root<T> implements RootFiber, FiberOwner {
  readonly context: CancelContext;
  private readonly sw: Holder | undefined;
  private readonly options: Pick<RootOptions<T>, "onDone">;
  readonly fiber: FiberCore;
  private end: Promise<void> | undefined = undefined;
  private ended: (() => void) | undefined = undefined;

  constructor(scheduler: Scheduler, body: Body<T>, options: RootOptions<T>, site: ForkSite | undefined) {
    this.sw = options.sw;
    this.options = options;
    options.sw?.hold();
    this.context = new CancelContext(scheduler, options.sw?.context ?? options.parent, false);
    const bindings: Binding | undefined = (options.inherit as FiberCore | undefined)?.bindings;
    const name = options.name ?? (body.name || undefined);
    probe?.contextCreated(this.context, "Root", name);
    this.fiber = new FiberCore(this.context, this, body, name, bindings, site);
  }

  cancel(reason: unknown): void {
    if (!this.context.isFinished) this.context.cancel(reason);
  }

  fiberEnded(_fiber: FiberCore, failed: boolean, value: unknown): void {
    this.context.finish();
    try {
      this.options.onDone(failed ? { ok: false, error: value } : { ok: true, value: value as T });
    } catch (error) {
      reportUnhandled(error);
    }
    this.sw?.release();
    this.ended?.();
  }

  [asyncDispose](): Promise<void> {
    if (this.context.isFinished) return Promise.resolve();
    this.end ??= new Promise((resolve) => (this.ended = resolve));
    this.cancel(new Disposed());
    return this.end;
  }
}

/** Starts a fiber on a scheduler; its first step runs before this returns. */
export function startOn<T>(
  scheduler: Scheduler,
  body: Body<T>,
  options: RootOptions<T>,
  site?: ForkSite,
): RootFiber & { readonly fiber: FiberCore } {
  const root = new Root(scheduler, body, options, site);
  const interruption = root.context.parent?.interruption;
  if (interruption) {
    root.context.removeMember(root.fiber);
    root.fiber.fail(interruption);
    probe?.fiberEnded(root.fiber);
    root.fiberEnded(root.fiber, true, interruption);
    return root;
  }
  if (nestedStarts >= MAX_NESTED_STARTS) {
    scheduler.push(root.fiber);
    return root;
  }
  nestedStarts++;
  try {
    scheduler.runNow(root.fiber);
  } finally {
    nestedStarts--;
  }
  return root;
}

/**
 * Starts a fiber from ordinary code. For bridges; programs use `run`, `toPromise` or `Fiber.fork`.
 *
 * The first step runs synchronously, before this returns, as an async function's does; inside a step of another fiber too, which is
 * current again afterwards. It is run by the scheduler of its parent, or without one by the event loop. (Past 200 starts inside one another the fiber is queued instead.) The fiber has a cancellation context
 * of its own. Under a parent that is being cancelled the body does not start, and the outcome is that `Cancelled`.
 *
 * @example
 * const root = startRoot(() => download(url), {
 *   name: "download",
 *   onDone: (outcome) => (outcome.ok ? log(outcome.value) : report(outcome.error)),
 * });
 * stopButton.onclick = () => root.cancel(new Error("stopped by the user"));
 *
 * @throws InvalidArgument when `parent` or `sw` has finished
 */
export function startRoot<T>(body: Body<T>, options: RootOptions<T>): RootFiber {
  expectBody("startRoot", "body", body);
  if (typeof options !== "object" || options === null) refuse("startRoot", "options", "an object", options);
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is not called here
  expectFunction("startRoot", "options.onDone", options.onDone);
  const error = options.parent?.getError();
  if (error && options.parent!.isFinished) throw error;
  const parent = options.sw?.context ?? options.parent;
  const scheduler = parent ? (parent.home as Scheduler) : hostLoop;
  return startOn(scheduler, body, options, captureForkSite(startRoot, undefined));
}
