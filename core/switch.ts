// Lifetimes: a switch owns the fibers and resources of a block, and the block ends when all of them are gone.

import { block, checkedBlock, ScopeFrame } from "./engine/block.js";
import { Cancelled } from "./engine/cancelled.js";
import type { CancelContext } from "./engine/context.js";
import { expectBody, expectFunction, expectOptions, refuse, show } from "./engine/describe.js";
import { dispose, disposer, type AsyncDisposableLike, type DisposableLike } from "./engine/disposable.js";
import {
  Frame,
  iterate,
  returning,
  yielding,
  type FiberCore,
  type FiberOwner,
  type Step,
  type Waiting,
} from "./engine/fiber-core.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import { KIND } from "./engine/known-error.js";
import { Failures } from "./engine/multiple.js";
import type { Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import type { Holder } from "./engine/root.js";

/** The reason by which daemons are stopped when the rest of their switch has ended. */
export class Exit extends Error {
  override readonly name = "Exit";
  readonly code = "EXIT";

  constructor() {
    super("the other fibers of the switch have ended");
  }
}

const EXIT = /* @__PURE__ */ new Exit();

/**
 * A switch was used after its block had ended.
 *
 * @example
 * const kept = yield* Switch.run(function* (sw) {
 *   return sw;
 * });
 * kept.check(); // throws SwitchFinishedError: Switch finished!
 */
export class SwitchFinishedError extends InvalidArgument {
  override readonly name = "SwitchFinishedError";
  override readonly code = "SWITCH_FINISHED";

  /** @param where  what was called, for adapters that were given the switch */
  constructor(switchName: string | undefined, where?: string) {
    const name = switchName === undefined ? "" : ` (${JSON.stringify(switchName)})`;
    super(`${where === undefined ? "" : `${where}: `}Switch finished!${name}`);
  }

  /** @internal */
  override get [KIND](): string {
    return "SWITCH_FINISHED";
  }
}

/**
 * A release handler that was registered too late, and therefore ran at once, failed as well. `error` is what the handler threw;
 * `cause` is the error about the late registration.
 */
export class ReleaseError extends Error {
  override readonly name = "ReleaseError";
  readonly code = "RELEASE_ERROR";
  readonly error: unknown;

  constructor(error: unknown, handling: unknown) {
    super(`release handler failed: ${show(error)}\nwhile handling: ${show(handling)}`, { cause: handling });
    this.error = error;
  }
}

/** What runs when a switch ends; it may suspend. */
export type ReleaseHandler = () => Op<void> | void;

/**
 * A registered release handler that can be taken back. With `using` it is taken back at the end of the block, without being run.
 *
 * @example
 * {
 *   using hook = yield* sw.onReleaseCancellable(() => socket.close());
 *   yield* serve(socket);
 * } // from here on the switch leaves the socket alone
 */
export class Hook {
  private owner: HookList | undefined;
  /** @internal */ handler: ReleaseHandler | undefined;
  /** @internal */ previous: Hook | undefined = undefined;
  /** @internal */ next: Hook | undefined = undefined;

  /** @internal */
  constructor(owner: HookList | undefined, handler: ReleaseHandler | undefined) {
    this.owner = owner;
    this.handler = handler;
  }

  /** Takes the handler back. True exactly once, and then the handler never runs; false when the switch has taken it to run it. */
  tryRemove(): boolean {
    if (!this.owner) return false;
    this.owner.remove(this);
    this.disarm();
    return true;
  }

  /** {@link tryRemove} for those who do not care. */
  remove(): void {
    this.tryRemove();
  }

  /** {@link remove}, for `using`. */
  [dispose](): void {
    this.tryRemove();
  }

  /** @internal The switch takes the handler: it can no longer be removed. */
  disarm(): ReleaseHandler | undefined {
    const { handler } = this;
    this.owner = this.handler = undefined;
    return handler;
  }
}

/** Handlers in order of registration, each removable in constant time. */
class HookList {
  private last: Hook | undefined = undefined;

  add(handler: ReleaseHandler): Hook {
    const hook = new Hook(this, handler);
    hook.previous = this.last;
    if (this.last) this.last.next = hook;
    this.last = hook;
    return hook;
  }

  remove(hook: Hook): void {
    const { previous, next } = hook;
    if (previous) previous.next = next;
    if (next) next.previous = previous;
    else this.last = previous;
    hook.previous = hook.next = undefined;
  }

  /** Those that are registered, the last one first. */
  all(): Hook[] {
    const hooks: Hook[] = [];
    for (let hook = this.last; hook; hook = hook.previous) hooks.push(hook);
    return hooks;
  }

  /** All handlers, last registered first; the list is empty afterwards. */
  takeAll(): ReleaseHandler[] {
    const handlers: ReleaseHandler[] = [];
    for (let hook = this.last; hook; hook = hook.previous) handlers.push(hook.disarm()!);
    this.last = undefined;
    return handlers;
  }
}

/** The options of {@link Switch.run}. */
export interface SwitchOptions {
  /** Shown in reports and in the error about a finished switch. */
  name?: string;
}

/**
 * A scope that owns fibers and resources. A function that starts something which outlives its call takes a switch; one that does not
 * takes none, and can leave nothing behind.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   yield* Fiber.fork(sw, () => serve(socket));
 *   yield* sw.onRelease(() => socket.close());
 * }); // both fibers have ended and the socket is closed here
 */
export class Switch implements Holder, FiberOwner {
  readonly name: string | undefined;
  /** The cancellation context of the block and of all fibers forked in it. */
  readonly context: CancelContext;

  // Fibers, the block itself included, that the switch waits for; daemons are among them.
  private fibers = 1;
  private daemons = 0;
  private readonly failures = new Failures();
  private hooks: HookList | undefined;
  private releasing = false;
  /** Resumes the fiber that runs the block, if that waits for the others to end. */
  private idle: BlockFrame | undefined;

  /** @internal use {@link Switch.run} */
  constructor(context: CancelContext, name: string | undefined) {
    this.context = context;
    this.name = name;
    context.scope = this;
  }

  /** Unique in its scheduler; that of its context, too. */
  get id(): number {
    return this.context.id;
  }

  /**
   * Runs `body` with a new switch, waits until every fiber attached to it has ended, runs the release handlers, last registered
   * first, and returns the value of `body`.
   *
   * If `body` throws, a fiber of the switch fails, or somebody calls `fail`, then everything inside is cancelled, and the failure is
   * thrown here, unchanged, once all is cleaned up; several failures come as one `Multiple`. Cancelling the caller cancels what runs
   * inside; `run` still waits for it. Cancellation point on entry only.
   *
   * @example
   * const size = yield* Switch.run(function* (sw) {
   *   const file = yield* dir.open(sw, "notes.txt");
   *   return yield* file.size();
   * }); // the file is closed here
   *
   * @throws Cancelled in a cancelled context, without calling `body`
   */
  static run<T>(body: (sw: Switch) => Op<T>, options?: SwitchOptions): Op<T> {
    expectBody("Switch.run", "body", body);
    expectOptions("Switch.run", options);
    return checkedBlock("Switch.run", (fiber) => runBlock(fiber, body, false, options?.name));
  }

  /**
   * {@link Switch.run}, except that cancellation from outside does not reach the block, which starts even in a cancelled context.
   * `fail` on the switch still cancels its own fibers. Not a cancellation point.
   *
   * @example
   * yield* Switch.runProtected(function* (sw) {
   *   yield* Fiber.fork(sw, () => upload("log.txt"));
   *   yield* upload("state.json");
   * });
   */
  static runProtected<T>(body: (sw: Switch) => Op<T>, options?: SwitchOptions): Op<T> {
    expectBody("Switch.runProtected", "body", body);
    expectOptions("Switch.runProtected", options);
    return block("Switch.runProtected", (fiber) => runBlock(fiber, body, true, options?.name));
  }

  /** A hook with nothing behind it, for a variable that holds a hook only sometimes. */
  static readonly nullHook: Hook = new Hook(undefined, undefined);

  /** Takes a release handler back; the same as `hook.tryRemove()`, see {@link Hook.tryRemove}. */
  static tryRemoveHook(hook: Hook): boolean {
    if (!(hook instanceof Hook)) refuse("Switch.tryRemoveHook", "hook", "a Hook", hook);
    return hook.tryRemove();
  }

  /** {@link Switch.tryRemoveHook} for those who do not care. */
  static removeHook(hook: Hook): void {
    if (!(hook instanceof Hook)) refuse("Switch.removeHook", "hook", "a Hook", hook);
    hook.tryRemove();
  }

  /**
   * Throws if the switch is not on.
   *
   * @throws Cancelled when it has failed or was cancelled
   * @throws SwitchFinishedError when its block has ended
   */
  check(): void {
    const error = this.getError();
    if (error) throw error;
  }

  /** The error that {@link check} would throw, or undefined while the switch is on. */
  getError(): Cancelled | SwitchFinishedError | undefined {
    return this.context.isFinished ? new SwitchFinishedError(this.name) : this.context.interruption;
  }

  /**
   * Records `error` as a failure of the switch and cancels everything inside, with `error` as the reason. Returns at once; the caller
   * goes on until it meets a check. `Switch.run` throws the error when all has ended. Callable from anywhere.
   *
   * @example
   * socket.on("error", (error) => sw.fail(error));
   *
   * @throws SwitchFinishedError when the block has ended
   */
  fail(error: unknown): void {
    if (this.context.isFinished) throw new SwitchFinishedError(this.name);
    this.failures.add(error);
    probe?.contextFailed(this.context, error);
    try {
      this.context.cancel(error);
    } catch (thrown) {
      this.failures.add(thrown);
    }
  }

  /**
   * Has `handler` run when the switch ends: after all its fibers, last registered first, one at a time, protected, on success and on
   * failure. What a handler throws fails the switch; the others still run.
   *
   * When the handlers run already, or the switch has finished, `handler` runs at once, protected, and then the call throws; so a
   * resource that arrives late is still released. Not a cancellation point.
   *
   * @example
   * const file = openFile("notes.txt");
   * yield* sw.onRelease(() => file.close());
   *
   * @throws SwitchFinishedError when it was too late
   * @throws ReleaseError when it was too late, and the handler threw as well
   */
  onRelease(handler: ReleaseHandler): Op<void> {
    expectBody("Switch.onRelease", "handler", handler);
    return block("Switch.onRelease", (fiber) => {
      if (!this.takesHooks) return runLate(fiber, this, handler);
      this.attach(handler);
      return fiber.succeed(undefined);
    });
  }

  /**
   * {@link onRelease}, giving the hook by which the handler can be taken back, as when the resource is closed by hand.
   *
   * @example
   * const hook = yield* sw.onReleaseCancellable(() => file.close());
   * file.close();
   * hook.remove();
   */
  onReleaseCancellable(handler: ReleaseHandler): Op<Hook> {
    expectBody("Switch.onReleaseCancellable", "handler", handler);
    return block("Switch.onReleaseCancellable", (fiber) =>
      this.takesHooks ? fiber.succeed(this.attach(handler)) : runLate(fiber, this, handler),
    );
  }

  /**
   * {@link onReleaseCancellable} for plain callbacks, as in the registration function of `suspend`: it cannot run a handler that
   * comes too late, and only throws.
   *
   * @param what  for bridges: what belongs to the switch from now on, told by debug mode if it is still there at the end
   * @throws SwitchFinishedError when the handlers run already or the switch has finished; `handler` is then the caller's to run
   */
  addHook(handler: ReleaseHandler, what?: string): Hook {
    expectFunction("Switch.addHook", "handler", handler);
    if (what !== undefined && typeof what !== "string") refuse("Switch.addHook", "what", "a string", what);
    if (!this.takesHooks) throw new SwitchFinishedError(this.name);
    const hook = this.attach(handler);
    if (what !== undefined) probe?.hookNamed(hook, what);
    return hook;
  }

  /**
   * Makes the switch the owner of `resource`, which is disposed of when the switch ends, and gives it back: {@link onRelease} for
   * anything that `using` or `await using` take. A promise that the disposal gives is waited for, protected; where both kinds of
   * disposal are there, it is the asynchronous one.
   *
   * When it is too late, `resource` is disposed of at once, and then the call throws. Not a cancellation point.
   *
   * @example
   * yield* Switch.run(function* (sw) {
   *   const held = yield* sw.own(yield* mutex.hold());
   *   yield* work();
   * }); // the lock is free again here
   *
   * @param resource  an object or a function with `Symbol.dispose` or `Symbol.asyncDispose`
   * @throws SwitchFinishedError when it was too late
   * @throws ReleaseError when it was too late, and the disposal failed as well
   */
  own<R extends DisposableLike | AsyncDisposableLike>(resource: R): Op<R> {
    const handler = disposer("Switch.own", resource);
    return block("Switch.own", (fiber) => {
      if (!this.takesHooks) return runLate(fiber, this, handler);
      this.attach(handler);
      return fiber.succeed(resource);
    });
  }

  /** For people: id, number of extra fibers, and the tree of cancellation contexts. */
  dump(): string {
    const name = this.name === undefined ? "" : ` ${JSON.stringify(this.name)}`;
    const extra = Math.max(0, this.fibers - 1);
    const daemons = this.daemons > 0 ? `, ${this.daemons} of them daemons` : "";
    return `Switch ${this.id}${name} (${extra} extra fibers${daemons}):\n${this.context.dump()}`;
  }

  // --- for those who run fibers in the switch ---

  /**
   * Keeps the block open until {@link release}: for an activity that belongs to the switch and is not a fiber of it.
   *
   * @throws SwitchFinishedError when the block has ended
   */
  hold(): void {
    if (this.context.isFinished) throw new SwitchFinishedError(this.name);
    this.fibers++;
  }

  /** Ends one {@link hold}. */
  release(): void {
    this.fibers--;
    this.stopLoneDaemons();
    if (this.fibers === 0) this.idle?.resume();
  }

  /** @internal */
  holdDaemon(): void {
    this.hold();
    this.daemons++;
  }

  /** @internal The end of a daemon; being stopped along with the switch is not a failure. */
  daemonEnded(failed: boolean, value: unknown): void {
    const stopped = value instanceof Cancelled && value.reason === EXIT && value === this.context.interruption;
    if (failed && !stopped) this.fail(value);
    this.daemons--;
    this.release();
  }

  /** @internal Daemons do not keep the switch open. */
  stopLoneDaemons(): void {
    if (this.daemons === 0 || this.fibers !== this.daemons) return;
    try {
      this.context.cancel(EXIT);
    } catch (thrown) {
      this.failures.add(thrown);
    }
  }

  /** @internal The end of a plain fork. */
  fiberEnded(_fiber: FiberCore, failed: boolean, value: unknown): void {
    if (failed) this.fail(value);
    this.release();
  }

  /** @internal */
  get isIdle(): boolean {
    return this.fibers === 0;
  }

  /** @internal */
  set onIdle(frame: BlockFrame) {
    this.idle = frame;
  }

  /** @internal False once the handlers have begun to run. */
  get takesHooks(): boolean {
    return !this.releasing && !this.context.isFinished;
  }

  /** @internal */
  attach(handler: ReleaseHandler): Hook {
    return (this.hooks ??= new HookList()).add(handler);
  }

  /** @internal From here on a new handler is late. */
  takeHandlers(): ReleaseHandler[] {
    this.releasing = true;
    if (probe && this.hooks) probe.switchReleasing(this, this.hooks.all());
    return this.hooks?.takeAll() ?? [];
  }

  /** @internal */
  get failure(): Failures {
    return this.failures;
  }
}

const BODY = 0;
const IDLE = 1;
const HANDLER = 2;

/**
 * The frame of a block with a switch: whatever `start` does, then the wait for all fibers, the handlers, and the result. Blocks that
 * start their bodies in other ways extend it.
 */
export abstract class BlockFrame extends ScopeFrame implements Waiting {
  readonly sw: Switch;
  private state = BODY;
  private handlers: ReleaseHandler[] = [];
  private nextHandler = 0;

  constructor(fiber: FiberCore, isProtected: boolean, name: string | undefined) {
    super(fiber, isProtected, "Switch", name);
    this.sw = new Switch(this.context, name);
  }

  /** The value of the block, if it succeeds. */
  protected abstract blockResult(): unknown;

  /** The body has returned. */
  protected bodyReturned(): Step {
    this.sw.release();
    return this.wind();
  }

  /** The body has thrown. */
  protected bodyThrew(error: unknown): Step {
    this.sw.fail(error);
    this.sw.release();
    return this.wind();
  }

  override next(_value: unknown): Step {
    return this.state === BODY ? this.bodyReturned() : this.wind();
  }

  override throw(error: unknown): Step {
    if (this.state === BODY) return this.bodyThrew(error);
    this.sw.fail(error);
    return this.wind();
  }

  /** Goes on towards the end of the block. Fibers that a handler forks are waited for after the remaining handlers. */
  private wind(): Step {
    if (this.nextHandler === this.handlers.length) {
      this.sw.stopLoneDaemons();
      if (!this.sw.isIdle) {
        this.state = IDLE;
        return yielding(this);
      }
      this.handlers = this.sw.takeHandlers();
      this.nextHandler = 0;
      if (this.handlers.length === 0) return this.end();
    }
    this.state = HANDLER;
    return yielding(this);
  }

  private end(): Step {
    this.leave();
    const { failure } = this.sw;
    if (!failure.none) throw failure.error;
    return returning(this.blockResult());
  }

  override perform(fiber: FiberCore): boolean {
    if (this.state === HANDLER) return runHandler(fiber, this.handlers[this.nextHandler++]!);
    fiber.wait(this);
    this.sw.onIdle = this;
    return false;
  }

  /** @internal */
  resume(): void {
    this.fiber.settle(this, false, undefined);
  }

  /** The wait for the fibers inside cannot be given up: they were cancelled themselves. */
  cancelWait(_fiber: FiberCore, _error: Cancelled): void {}

  describeWait(): string {
    const name = this.sw.name === undefined ? `${this.sw.id}` : `${this.sw.id} ${JSON.stringify(this.sw.name)}`;
    return `the fibers of switch ${name} to end`;
  }
}

class RunFrame extends BlockFrame {
  private returned = false;
  private result: unknown = undefined;

  override next(value: unknown): Step {
    if (!this.returned) this.result = value;
    this.returned = true;
    return super.next(value);
  }

  protected blockResult(): unknown {
    return this.result;
  }

  override describeFrame(): string {
    const { context, name } = this.sw;
    const called = context.isProtected ? "Switch.runProtected" : "Switch.run";
    return name === undefined ? called : `${called} ${JSON.stringify(name)}`;
  }
}

function runBlock(
  fiber: FiberCore,
  body: (sw: Switch) => Op<unknown>,
  isProtected: boolean,
  name: string | undefined,
): boolean {
  const frame = new RunFrame(fiber, isProtected, name);
  fiber.pushFrame(frame);
  return fiber.call(body, frame.sw);
}

/** Runs a handler that is too late to be registered. */
function runLate(fiber: FiberCore, sw: Switch, handler: ReleaseHandler): boolean {
  fiber.pushFrame(new LateFrame(new SwitchFinishedError(sw.name)));
  return runHandler(fiber, handler);
}

/** Makes an error of the end of a handler that came too late. */
class LateFrame extends Frame {
  private readonly late: SwitchFinishedError;

  constructor(late: SwitchFinishedError) {
    super();
    this.late = late;
  }

  next(): never {
    throw this.late;
  }

  throw(error: unknown): never {
    throw new ReleaseError(error, this.late);
  }
}

/** Each handler has a shelter of its own: one that cancels its context does not cancel those after it. */
class Shelter extends ScopeFrame {}

function runHandler(fiber: FiberCore, handler: ReleaseHandler): true {
  fiber.pushFrame(new Shelter(fiber, true, "Protect"));
  try {
    const op = handler();
    if (op !== undefined) fiber.pushFrame(iterate(op));
    return fiber.succeed(undefined);
  } catch (error) {
    return fiber.fail(error);
  }
}
