// Costly things used again and again: connections, workers, buffers. At most so many exist, and fibers wait for one in turn.

import { block, ScopeFrame } from "./engine/block.js";
import { expectBody, expectFunction, expectOptions, refuse } from "./engine/describe.js";
import { Frame, returning, yielding, type FiberCore, type Step } from "./engine/fiber-core.js";
import { mintId } from "./engine/ids.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import { combine } from "./engine/multiple.js";
import type { Body, Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { Ring } from "./engine/ring.js";
import { Waiter, Waiters } from "./engine/waiters.js";

/** The options of a {@link Pool}. */
export interface PoolOptions<T> {
  /**
   * Says whether an item can be used again; called before each use but the first. When it says no, or throws, the item is disposed. By
   * default all items can.
   */
  validate?: (item: T) => Op<boolean> | boolean;
  /**
   * Gives up an item that is not used any more. It runs to its end even in a cancelled fiber. By default nothing is done.
   */
  dispose?: (item: T) => Op<void> | void;
  /** Shown in dead-lock reports. */
  name?: string;
}

/** The options of {@link Pool.use}. */
export interface PoolUseOptions {
  /** When all items are in use, makes one more instead of waiting, and disposes it after the use. */
  neverBlock?: boolean;
}

/** What a user is given when there is a place for an item, but no item in it. */
const VACANT: unique symbol = Symbol("vacant");

/**
 * At most `n` items that are made when they are needed and then used again and again. Who finds all of them in use waits; fibers are
 * served in the order in which they began to wait, items in the order in which they were returned.
 *
 * A fiber that uses an item and asks the same pool for another one may wait for itself.
 *
 * @example
 * const connections = new Pool(4, () => connect("db:5432"), {
 *   validate: (connection) => connection.isOpen,
 *   dispose: (connection) => connection.close(),
 * });
 * const rows = yield* connections.use((connection) => connection.query("select 1"));
 */
export class Pool<T> {
  /** Unique in its scheduler. */
  readonly id: number = mintId();
  readonly name: string | undefined;
  /** @internal */
  readonly alloc: Body<T>;
  /** @internal */
  readonly validate: PoolOptions<T>["validate"];
  /** @internal */
  readonly dispose: PoolOptions<T>["dispose"];

  private readonly n: number;
  /** Places for items, at most `n`: each is free, with its item in `free`, or it is somebody's. */
  private places = 0;
  private readonly free = new Ring<T>();
  // Users wait only while nothing is free and there are `n` places.
  private readonly waiters = new Waiters();

  /**
   * Makes nothing yet.
   *
   * @param n  the most items that exist at once, those of `neverBlock` aside
   * @param alloc  makes an item, in the fiber and the cancellation context of whoever needs it
   * @throws InvalidArgument when `n` is not positive
   */
  constructor(n: number, alloc: Body<T>, options?: PoolOptions<T>) {
    if (typeof n !== "number" || !Number.isInteger(n)) refuse("new Pool", "n", "an integer", n);
    if (n <= 0) throw new InvalidArgument("Pool.create: max_size is <= 0");
    expectBody("new Pool", "alloc", alloc);
    expectOptions("new Pool", options);
    const { validate, dispose, name } = options ?? {};
    if (validate !== undefined) expectFunction("new Pool", "options.validate", validate);
    if (dispose !== undefined) expectFunction("new Pool", "options.dispose", dispose);
    this.n = n;
    this.alloc = alloc;
    this.validate = validate;
    this.dispose = dispose;
    this.name = name;
    probe?.objectCreated(this, "Pool", name);
  }

  /**
   * Runs `fn` with an item, which is returned to the pool however `fn` ends.
   *
   * A free item is used at once, without switching fibers and without a check. Making one where there is room for it is a cancellation
   * point before `alloc` runs, and so is waiting for one when all are in use. An item that was handed over before the cancellation is
   * used all the same. When `alloc` fails its place is not lost: whoever waits next tries again.
   *
   * @example
   * const connections = new Pool(1, () => connect("db:5432"));
   * yield* connections.use((connection) => connection.query("select 1"), { neverBlock: true });
   *
   * @throws the error of `fn`, `alloc`, `validate` or `dispose`, unchanged; `Multiple` when disposing after another failure fails, too
   */
  use<R>(fn: (item: T) => Op<R>, options?: PoolUseOptions): Op<R> {
    expectBody("Pool.use", "fn", fn);
    expectOptions("Pool.use", options);
    const neverBlock: unknown = options?.neverBlock ?? false;
    if (typeof neverBlock !== "boolean") refuse("Pool.use", "options.neverBlock", "a boolean", neverBlock);
    return block<R>("Pool.use", (fiber) => {
      const item = this.tryTake();
      const extra = item === VACANT && neverBlock && this.places === this.n;
      fiber.pushFrame(new UseFrame(this, fn, extra));
      if (item !== VACANT || extra) return fiber.succeed(item);
      return new Place(this).perform(fiber);
    });
  }

  /** For people: id, name, how many items there are, and how many fibers wait. */
  dump(): string {
    const name = this.name === undefined ? "" : ` ${JSON.stringify(this.name)}`;
    return `Pool ${this.id}${name}: ${this.places} of ${this.n} items, ${this.free.length} free, ${this.waiters.length} waiting`;
  }

  private tryTake(): T | typeof VACANT {
    return this.free.length > 0 ? this.free.shift() : VACANT;
  }

  /** @internal Makes room for an item, if there may be one more. */
  tryGrow(): boolean {
    if (this.places === this.n) return false;
    this.places++;
    return true;
  }

  /** @internal Ends the use of a place, with what is in it now. */
  giveBack(item: T | typeof VACANT): void {
    probe?.put(this);
    if (this.waiters.wakeOne(item)) return;
    if (item === VACANT) this.places--;
    else this.free.push(item);
  }

  /** @internal */
  get queue(): Waiters {
    return this.waiters;
  }
}

/** Waits for a place: somebody's, with its item, or a new one, for which the fiber goes through the run queue once. */
class Place<T> extends Waiter<T | typeof VACANT> {
  private readonly pool: Pool<T>;

  constructor(pool: Pool<T>) {
    super();
    this.pool = pool;
  }

  protected get called(): string {
    return "Pool.use";
  }

  protected again(): Place<T> {
    return new Place(this.pool);
  }

  protected get waiters(): Waiters {
    return this.pool.queue;
  }

  protected override enter(): void {
    if (this.pool.tryGrow()) {
      this.wake(VACANT);
      return;
    }
    probe?.tryGet(this.pool);
    super.enter();
  }

  override describeWait(): string {
    const { name, id } = this.pool;
    return `Pool.use ${name === undefined ? id : JSON.stringify(name)}`;
  }
}

const WAITING = 0;
const VALIDATING = 1;
/** Disposing an item, to make another in its place. */
const REPLACING = 2;
const ALLOCATING = 3;
const USING = 4;
/** Disposing an item, to end with what is known already. */
const DISCARDING = 5;

/** Entered with an item, with a place for one, or with the error that kept us from it. */
class UseFrame<T> extends Frame {
  private readonly pool: Pool<T>;
  private readonly fn: (item: T) => Op<unknown>;
  /** The item is none of the pool's. */
  private readonly extra: boolean;
  private state = WAITING;
  private item: T | typeof VACANT = VACANT;
  private failed = false;
  private outcome: unknown = undefined;

  constructor(pool: Pool<T>, fn: (item: T) => Op<unknown>, extra: boolean) {
    super();
    this.pool = pool;
    this.fn = fn;
    this.extra = extra;
  }

  next(value: unknown): Step {
    switch (this.state) {
      case WAITING:
        probe?.get(this.pool);
        if (value === VACANT) return this.go(ALLOCATING);
        this.item = value as T;
        return this.go(this.pool.validate ? VALIDATING : USING);
      case VALIDATING:
        return this.go(value ? USING : REPLACING);
      case REPLACING:
        return this.go(ALLOCATING);
      case ALLOCATING:
        this.item = value as T;
        return this.go(USING);
      case USING:
        return this.used(false, value);
      default:
        this.item = VACANT;
        return this.end();
    }
  }

  throw(error: unknown): Step {
    switch (this.state) {
      case WAITING:
        throw error;
      case VALIDATING:
        this.failed = true;
        this.outcome = error;
        return this.go(DISCARDING);
      case USING:
        return this.used(true, error);
      default:
        // What could not be disposed is gone all the same; what could not be made never was.
        this.item = VACANT;
        this.outcome = this.failed ? combine(this.outcome, error) : error;
        this.failed = true;
        return this.end();
    }
  }

  private go(state: number): Step {
    this.state = state;
    return yielding(this);
  }

  private used(failed: boolean, outcome: unknown): Step {
    this.failed = failed;
    this.outcome = outcome;
    return this.extra ? this.go(DISCARDING) : this.end();
  }

  private end(): Step {
    if (!this.extra) this.pool.giveBack(this.item);
    if (this.failed) throw this.outcome;
    return returning(this.outcome);
  }

  override perform(fiber: FiberCore): boolean {
    const { pool } = this;
    const item = this.item as T;
    switch (this.state) {
      case VALIDATING:
        return callEither(fiber, pool.validate!, item);
      case ALLOCATING:
        return fiber.call(pool.alloc, undefined);
      case USING:
        return fiber.call(this.fn, item);
      default:
        if (!pool.dispose) return fiber.succeed(undefined);
        fiber.pushFrame(new DisposeFrame(fiber, true, "Protect"));
        return callEither(fiber, pool.dispose, item);
    }
  }

  override describeFrame(): string {
    return "Pool.use";
  }
}

/** Keeps a cancellation from an item that is being disposed. */
class DisposeFrame extends ScopeFrame {}

/** Calls a function that may give its result at once. */
function callEither<T>(fiber: FiberCore, fn: (item: T) => unknown, item: T): true {
  try {
    const result = fn(item);
    if (result === undefined || typeof result === "boolean") return fiber.succeed(result);
    return fiber.call(() => result as Op<unknown>, undefined);
  } catch (error) {
    return fiber.fail(error);
  }
}
