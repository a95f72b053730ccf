// What stands behind a live object that foreign code holds: it asks for one thing and another, and each is done by a fiber.
//
// | event                                | consequence                                                                     |
// |--------------------------------------|---------------------------------------------------------------------------------|
// | the first `ask`                      | the flow is opened, in a switch of its own; the job runs at once up to a wait   |
// | a job has ended, whichever way       | its callback runs in a microtask, in no fiber's step                            |
// | `stop`                               | all jobs and the switch are cancelled in the same turn                          |
// | `finish`                             | the switch ends when its jobs have                                              |
// | a job throws while it is stopped     | its error is what went wrong beside the stop                                    |
// | the switch has ended, finalizers done | the callbacks of `stop` and `finish` run, with what went wrong beside the stop |
// | the owner is cancelled               | so is the switch, and `broken` is called when it has ended                      |

import {
  Cancelled,
  findFiber,
  reportUnhandled,
  startRoot,
  suspend,
  Switch,
  type FiberHandle,
  type Op,
  type Result,
  type RootFiber,
} from "trestle";
import { abortErrorOf, isEcho } from "./abort-error.js";
import { belonging, type Belonging, type OwnerOptions } from "./caller.js";
import { expectOptions, refuse } from "./refuse.js";

/** A flow, or what opens one; the switch it is given ends along with the foreign object. */
export type Opened<S> = S | ((sw: Switch) => Op<S>);

/** The options of every live object that a flow is turned into. */
export interface ServingOptions extends OwnerOptions {
  /** The switch that waits for the fibers behind the object, and cancels them when it fails: the object then ends with an `AbortError`. */
  sw?: Switch;
  /** Shown in reports. */
  name?: string;
}

/** Is told of the end: what went wrong at it, if something did. */
export type Ended = (failure: { error: unknown } | undefined) => void;

/** Checks a flow by the methods that will be called. */
export function expectFlow(where: string, argument: string, flow: unknown, ...methods: readonly string[]): void {
  if (typeof flow === "function") return;
  const object = (typeof flow === "object" && flow !== null ? flow : {}) as Record<string, unknown>;
  if (methods.every((method) => typeof object[method] === "function")) return;
  refuse(where, argument, `an object with ${methods.join(" and ")}, or a function returning an op of one`, flow);
}

export class Serving<S> {
  private readonly where: string;
  private readonly target: Opened<S>;
  private readonly options: ServingOptions | undefined;
  private readonly broken: (error: unknown) => void;
  private readonly from: FiberHandle | undefined;
  private readonly owner: Belonging;

  private keeper: RootFiber | undefined = undefined;
  private started = false;
  private scope: Switch | undefined = undefined;
  private opened: { flow: S } | undefined = undefined;
  /** What was asked before the flow was open. */
  private early: { run: (flow: S) => void; refused: (error: unknown) => void }[] = [];
  private wake: (() => void) | undefined = undefined;
  /** The end was asked for from this side. */
  private expected = false;
  private finishing = false;
  private stopping: { reason: unknown } | undefined = undefined;
  /** What a job threw instead of stopping. */
  private late: { error: unknown } | undefined = undefined;
  private ended: { failure: { error: unknown } | undefined; error: unknown } | undefined = undefined;
  private watchers: Ended[] = [];

  /**
   * @param where  the function that is making the object
   * @param broken  called when the end has come without having been asked for
   */
  constructor(where: string, target: Opened<S>, options: ServingOptions | undefined, broken: (error: unknown) => void) {
    expectOptions(where, options, "name");
    this.where = where;
    this.target = target;
    this.options = options;
    this.broken = broken;
    options?.sw?.check();
    this.owner = belonging(where, options);
    this.from = this.owner.inherit ?? findFiber();
  }

  /** Has a fiber do `job`. `done` is called once, later; a cancellation is an `AbortError` there. */
  ask<R>(job: (flow: S) => Op<R>, done: (outcome: Result<R>) => void): void {
    const settled = (outcome: Result<R>) => {
      if (!outcome.ok && this.stopping) this.failedInStopping(outcome.error);
      const face: Result<R> =
        !outcome.ok && outcome.error instanceof Cancelled ? { ok: false, error: abortErrorOf(outcome.error) } : outcome;
      queueMicrotask(() => done(face));
    };
    const refused = (error: unknown) => settled({ ok: false, error });
    const run = (flow: S) => {
      const { name } = this;
      try {
        startRoot(() => job(flow), { name, sw: this.scope!, inherit: this.from, onDone: settled });
      } catch (error) {
        refused(error);
      }
    };
    if (this.opened) run(this.opened.flow);
    else if (this.ended) refused(this.ended.error);
    else {
      this.early.push({ run, refused });
      this.start();
    }
  }

  private get name(): string {
    return this.options?.name ?? this.where;
  }

  private start(): void {
    if (this.started) return;
    this.started = true;
    try {
      this.keeper = startRoot(() => Switch.run((sw) => this.keep(sw), { name: this.name }), {
        name: this.name,
        ...this.owner,
        inherit: this.from,
        onDone: (outcome) => this.onEnd(outcome),
      });
    } catch (error) {
      return this.onEnd({ ok: false, error });
    }
    if (this.stopping) this.cancel(this.stopping.reason);
  }

  private *keep(sw: Switch): Op<void> {
    this.scope = sw;
    const { target } = this;
    const flow = typeof target === "function" ? yield* (target as (sw: Switch) => Op<S>)(sw) : target;
    sw.check();
    this.opened = { flow };
    const { early } = this;
    this.early = [];
    for (const { run } of early) run(flow);
    if (!this.finishing)
      yield* suspend<void>(`${this.where}: the end of the stream`, (ctx, enqueue) => {
        this.wake = () => enqueue({ ok: true, value: undefined });
        ctx.setCancelFn((error) => enqueue({ ok: false, error }));
      });
  }

  /** Nobody waits for the job any more: what its finalizers threw is told at the end. */
  private failedInStopping(error: unknown): void {
    if (error instanceof Cancelled || isEcho(error, new Cancelled(this.stopping!.reason))) return;
    if (this.late || this.ended) reportUnhandled(error);
    else this.late = { error };
  }

  private onEnd(outcome: Result<void>): void {
    // A cancellation that was asked for is no failure, and one that came from the owner is for `broken` to tell.
    const failed = !outcome.ok && !(outcome.error instanceof Cancelled);
    const failure = failed ? { error: outcome.error } : this.late;
    if (failed && this.late && this.late.error !== outcome.error) reportUnhandled(this.late.error);
    const error = outcome.ok
      ? new Error(`${this.where}: the stream has ended`)
      : outcome.error instanceof Cancelled
        ? abortErrorOf(outcome.error)
        : outcome.error;
    this.opened = undefined;
    this.ended = { failure, error };
    const { early, expected, watchers } = this;
    this.early = [];
    this.watchers = [];
    for (const { refused } of early) refused(error);
    queueMicrotask(() => {
      for (const watcher of watchers) watcher(failure);
      if (!expected) this.broken(error);
      else if (failure && watchers.length === 0) reportUnhandled(failure.error);
    });
  }

  /** Cancels everything, now, and calls `ended` when all finalizers are done. */
  stop(reason: unknown, ended?: Ended): void {
    this.watch(ended);
    if (this.ended || this.stopping) return;
    this.stopping = { reason };
    if (this.keeper) this.cancel(reason);
    else if (!this.started) {
      this.started = true;
      this.onEnd({ ok: false, error: new Cancelled(reason) });
    }
  }

  private cancel(reason: unknown): void {
    try {
      this.keeper!.cancel(reason);
    } catch (error) {
      // What clean-up callbacks threw; the foreign side, which is on the stack, is not to blame.
      reportUnhandled(error);
    }
  }

  /** Lets the switch end, and calls `ended` when it has. */
  finish(ended?: Ended): void {
    this.watch(ended);
    if (this.ended || this.finishing) return;
    this.finishing = true;
    if (this.started) this.wake?.();
    else {
      this.started = true;
      this.onEnd({ ok: true, value: undefined });
    }
  }

  private watch(ended: Ended | undefined): void {
    this.expected = true;
    if (!ended) return;
    if (!this.ended) this.watchers.push(ended);
    else {
      const { failure } = this.ended;
      queueMicrotask(() => ended(failure));
    }
  }
}
