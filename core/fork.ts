// Starting fibers in a switch.

import { captureForkSite, type ForkSite } from "./engine/fork-site.js";
import { runningFiber } from "./engine/drive.js";
import { Deferred, type Resolver } from "./deferred.js";
import { expectBody, expectOptions, refuse } from "./engine/describe.js";
import { FiberCore, type FiberOwner } from "./engine/fiber-core.js";
import type { Body, Op, Result } from "./engine/op.js";
import { mintId } from "./engine/ids.js";
import { Primitive } from "./engine/primitive.js";
import { Switch } from "./switch.js";

/** The options of forks. */
export interface ForkOptions {
  /** Shown in reports; by default the name of the body. */
  name?: string;
}

/** @internal */
export function expectForkArguments(where: string, sw: unknown, body: unknown, options: unknown): void {
  if (!(sw instanceof Switch)) refuse(where, "sw", "a Switch", sw);
  expectBody(where, "body", body);
  expectOptions(where, options);
}

/** @internal Where the caller of `above` stands, as often as that is affordable. */
export function siteOf(above: { name: string }): ForkSite | undefined {
  return captureForkSite(above, runningFiber()?.queue.siteAllowance);
}

abstract class ForkOp<T> extends Primitive<T> {
  protected readonly sw: Switch;
  protected readonly body: Body<unknown>;
  protected readonly name: string | undefined;
  protected readonly site: ForkSite | undefined;

  constructor(sw: Switch, body: Body<unknown>, name: string | undefined, site: ForkSite | undefined) {
    super();
    this.sw = sw;
    this.body = body;
    this.name = name;
    this.site = site;
  }

  protected start(parent: FiberCore, owner: FiberOwner): false {
    const { body, site } = this;
    const name = this.name ?? (body.name || undefined);
    return parent.follow(new FiberCore(this.sw.context, owner, body, name, parent.bindings, site));
  }
}

class Fork extends ForkOp<void> {
  protected get called(): string {
    return "Fiber.fork";
  }

  protected again(): Fork {
    return new Fork(this.sw, this.body, this.name, this.site);
  }

  perform(fiber: FiberCore): boolean {
    const { sw } = this;
    if (sw.context.isFinished) return fiber.fail(sw.getError());
    fiber.succeed(undefined);
    if (sw.context.interruption) return true;
    sw.hold();
    return this.start(fiber, sw);
  }
}

class ForkDaemon extends ForkOp<void> implements FiberOwner {
  protected get called(): string {
    return "Fiber.forkDaemon";
  }

  protected again(): ForkDaemon {
    return new ForkDaemon(this.sw, this.body, this.name, this.site);
  }

  perform(fiber: FiberCore): boolean {
    const { sw } = this;
    if (sw.context.isFinished) return fiber.fail(sw.getError());
    fiber.succeed(undefined);
    if (sw.context.interruption) return true;
    sw.holdDaemon();
    return this.start(fiber, this);
  }

  fiberEnded(_fiber: FiberCore, failed: boolean, value: unknown): void {
    this.sw.daemonEnded(failed, value);
  }
}

class ForkPromise<T> extends ForkOp<Deferred<Result<T>>> implements FiberOwner {
  private resolver: Resolver<Result<T>> | undefined = undefined;

  protected get called(): string {
    return "Fiber.forkPromise";
  }

  protected again(): ForkPromise<T> {
    return new ForkPromise<T>(this.sw, this.body, this.name, this.site);
  }

  perform(fiber: FiberCore): boolean {
    const { sw } = this;
    if (sw.context.isFinished) return fiber.fail(sw.getError());
    const { interruption, home } = sw.context;
    // The cell has the number of its fiber, which is created next.
    const [deferred, resolver] = Deferred.numbered<Result<T>>(interruption ? mintId() : home.nextId, this.name);
    fiber.succeed(deferred);
    if (interruption) {
      resolver.resolveError(interruption);
      return true;
    }
    this.resolver = resolver;
    sw.hold();
    return this.start(fiber, this);
  }

  fiberEnded(_fiber: FiberCore, failed: boolean, value: unknown): void {
    this.resolver!.resolve(failed ? { ok: false, error: value } : { ok: true, value: value as T });
    this.sw.release();
  }
}

/**
 * Starts `body` as a new fiber of `sw`: it runs at once, up to its first suspension; then the caller goes on, ahead of everything
 * queued. The switch waits for the fiber, and an error of the fiber fails the switch. The fiber is in the cancellation context of
 * `sw`, and inherits the fiber-local values of the caller.
 *
 * When the switch has failed already, `body` is not started and the call returns normally. Not a cancellation point.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   for (const url of urls) yield* Fiber.fork(sw, () => download(url), { name: url });
 * }); // all downloads have ended here
 *
 * @throws SwitchFinishedError when the block of the switch has ended
 */
export function fork(sw: Switch, body: Body<unknown>, options?: ForkOptions): Op<void> {
  expectForkArguments("Fiber.fork", sw, body, options);
  return new Fork(sw, body, options?.name, siteOf(fork));
}

/**
 * {@link fork}, giving a cell with the outcome of the fiber: its value, or its error, which then does not fail the switch.
 *
 * When the switch has failed already, the cell holds its `Cancelled`, and `body` is not started.
 *
 * @example
 * const job = yield* Fiber.forkPromise(sw, () => download(url));
 * log("meanwhile");
 * const page = yield* job.awaitOrThrow();
 *
 * @throws SwitchFinishedError when the block of the switch has ended
 */
export function forkPromise<T>(sw: Switch, body: Body<T>, options?: ForkOptions): Op<Deferred<Result<T>>> {
  expectForkArguments("Fiber.forkPromise", sw, body, options);
  return new ForkPromise<T>(sw, body, options?.name, siteOf(forkPromise));
}

/**
 * {@link fork} for a fiber that serves the others: the switch does not stay open for it. When only daemons are left they are
 * cancelled, and the switch ends when they have. An error of a daemon fails the switch; a daemon that returns simply ends.
 *
 * @example
 * yield* Fiber.forkDaemon(sw, function* () {
 *   for (;;) {
 *     yield* clock.sleep(60);
 *     cache.clear();
 *   }
 * });
 *
 * @throws SwitchFinishedError when the block of the switch has ended
 */
export function forkDaemon(sw: Switch, body: Body<unknown>, options?: ForkOptions): Op<void> {
  expectForkArguments("Fiber.forkDaemon", sw, body, options);
  return new ForkDaemon(sw, body, options?.name, siteOf(forkDaemon));
}
