// A cell that is written once, and the fibers that wait for it. (Not a JavaScript promise: see `fromPromise` for those.)

import { expectOptions, refuse } from "./engine/describe.js";
import { mintId } from "./engine/ids.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op, Result } from "./engine/op.js";
import { returning, yielding, type Step } from "./engine/fiber-core.js";
import { probe } from "./engine/probe.js";
import { Waiter, Waiters } from "./engine/waiters.js";

/** The options of {@link Deferred.create}. */
export interface DeferredOptions {
  /** Shown in dead-lock reports. */
  label?: string;
}

/**
 * A value that is not there yet. Any number of fibers can wait for it; its {@link Resolver} writes it, once. A failure is a value
 * too: a `Deferred<Result<T>>`, which `awaitOrThrow` unpacks. Nobody need wait for it, and nothing is reported if nobody does.
 *
 * @example
 * const [ready, resolver] = Deferred.create<number>();
 * yield* Fiber.both(
 *   function* () {
 *     note(yield* ready.await()); // => 42
 *   },
 *   function* () {
 *     resolver.resolve(42);
 *   },
 * );
 */
export class Deferred<T> {
  /** Unique in its scheduler. */
  readonly id: number;
  readonly label: string | undefined;
  private value: T | undefined = undefined;
  // Undefined from the moment of resolution on.
  private waiters: Waiters | undefined = new Waiters();

  private constructor(id: number, label: string | undefined) {
    this.id = id;
    this.label = label;
    probe?.objectCreated(this, "Deferred", label);
  }

  /**
   * A new cell and the end that writes it.
   *
   * @example
   * const [answer, resolver] = Deferred.create<string>({ label: "answer" });
   */
  static create<T>(options?: DeferredOptions): [deferred: Deferred<T>, resolver: Resolver<T>] {
    expectOptions("Deferred.create", options);
    const label: unknown = options?.label;
    if (label !== undefined && typeof label !== "string") refuse("Deferred.create", "options.label", "a string", label);
    return Deferred.numbered(mintId(), label);
  }

  /** @internal A cell with the number of something else. */
  static numbered<T>(id: number, label: string | undefined): [deferred: Deferred<T>, resolver: Resolver<T>] {
    const deferred = new Deferred<T>(id, label);
    return [deferred, new Resolver<T>(deferred)];
  }

  /**
   * A cell that has its value from the start.
   *
   * @example
   * Deferred.createResolved(1).isResolved(); // => true
   */
  static createResolved<T>(value: T): Deferred<T> {
    const deferred = new Deferred<T>(mintId(), undefined);
    deferred.write(value);
    return deferred;
  }

  /**
   * Waits for the value. When it is there already, neither switches fibers nor checks cancellation; else a cancellation point.
   * Fibers are woken in the order in which they began to wait.
   */
  await(): Op<T> {
    return new Await<T, T>(this, false);
  }

  /**
   * {@link await} for a cell of a `Result`: gives the value, or throws the stored error itself.
   *
   * @example
   * const job = yield* Fiber.forkPromise(sw, () => download(url));
   * const page = yield* job.awaitOrThrow();
   */
  awaitOrThrow<U>(this: Deferred<Result<U>>): Op<U> {
    return new Await<Result<U>, U>(this, true);
  }

  /** The name of {@link awaitOrThrow} in Eio. */
  awaitExn<U>(this: Deferred<Result<U>>): Op<U> {
    return new Await<Result<U>, U>(this, true);
  }

  /** The value, if it is there, in an object that tells it from its absence. */
  peek(): { readonly value: T } | undefined {
    return this.waiters ? undefined : { value: this.value as T };
  }

  /** True once the value is there. */
  isResolved(): boolean {
    return this.waiters === undefined;
  }

  /** @internal */
  get queue(): Waiters | undefined {
    return this.waiters;
  }

  /** @internal Only meaningful when resolved. */
  read(): T {
    return this.value as T;
  }

  /** @internal False when there is a value already. */
  write(value: T): boolean {
    const { waiters } = this;
    if (!waiters) return false;
    this.value = value;
    this.waiters = undefined;
    probe?.put(this);
    waiters.wakeAll(value);
    return true;
  }
}

/** The end that writes a {@link Deferred}. Its methods may be called from anywhere, inside fibers and out. */
export class Resolver<T> {
  private readonly deferred: Deferred<T>;

  /** @internal use {@link Deferred.create} */
  constructor(deferred: Deferred<T>) {
    this.deferred = deferred;
  }

  /**
   * Writes the value and wakes those who wait; they run after the caller has suspended or returned.
   *
   * @throws InvalidArgument when there is a value already; nothing changes
   */
  resolve(value: T): void {
    if (!this.deferred.write(value)) throw new InvalidArgument("Can't resolve already-resolved promise");
  }

  /** {@link resolve} that says whether it came first instead of throwing. */
  tryResolve(value: T): boolean {
    return this.deferred.write(value);
  }

  /** Resolves a cell of a `Result` to success. */
  resolveOk<U>(this: Resolver<Result<U>>, value: U): void {
    this.resolve({ ok: true, value });
  }

  /** Resolves a cell of a `Result` to a failure, which `awaitOrThrow` throws. */
  resolveError<U>(this: Resolver<Result<U>>, error: unknown): void {
    this.resolve({ ok: false, error });
  }
}

class Await<T, R> extends Waiter<R> {
  private readonly deferred: Deferred<T>;
  private readonly unpack: boolean;

  constructor(deferred: Deferred<T>, unpack: boolean) {
    super();
    this.deferred = deferred;
    this.unpack = unpack;
  }

  protected get called(): string {
    return "Deferred.await";
  }

  protected again(): Await<T, R> {
    return new Await(this.deferred, this.unpack);
  }

  protected get waiters(): Waiters {
    return this.deferred.queue!;
  }

  protected override begin(): Step {
    return this.deferred.isResolved() ? this.deliver(this.deferred.read()) : yielding(this);
  }

  protected override enter(): void {
    probe?.tryGet(this.deferred);
    super.enter();
  }

  protected override deliver(value: unknown): Step {
    probe?.get(this.deferred);
    if (!this.unpack) return returning(value);
    const result = value as Result<R>;
    if (!result.ok) throw result.error;
    return returning(result.value);
  }

  override describeWait(): string {
    const { id, label } = this.deferred;
    return label === undefined ? `Deferred ${id}` : `Deferred ${JSON.stringify(label)}`;
  }
}
