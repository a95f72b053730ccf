// The surface that programs are played on: the part of `trestle` that both the core and the model offer, under the same names.

import * as trestle from "trestle";
import type { Body, Op, Result } from "trestle";
import { run } from "trestle/mock";

/** A node of the cancellation tree. */
export interface ContextLike {
  readonly isFinished: boolean;
  cancel(reason: unknown): void;
  getError(): unknown;
  /** The tree from here down: a line a context, with its fibers. */
  dump(): string;
}

export interface FiberLike {
  readonly context: ContextLike;
}

export interface SwitchLike {
  readonly context: ContextLike;
  fail(error: unknown): void;
  getError(): unknown;
  onRelease(handler: () => Op<void> | void): Op<void>;
  onReleaseCancellable(handler: () => Op<void> | void): Op<HookLike>;
}

export interface HookLike {
  tryRemove(): boolean;
}

export interface DeferredLike<T> {
  await(): Op<T>;
  awaitOrThrow<U>(this: DeferredLike<Result<U>>): Op<U>;
  isResolved(): boolean;
}

export interface ResolverLike<T> {
  resolve(value: T): void;
  tryResolve(value: T): boolean;
}

export interface SemaphoreLike {
  acquire(): Op<void>;
  tryAcquire(): boolean;
  release(): void;
  use<T>(body: Body<T>): Op<T>;
  getValue(): number;
}

export interface StreamLike<T> {
  readonly length: number;
  add(item: T): Op<void>;
  take(): Op<T>;
  tryAdd(item: T): boolean;
  tryTake(): { readonly value: T } | undefined;
  iterate(): CursorLike<T>;
  close(): void;
  isClosed(): boolean;
}

export interface CursorLike<T> {
  next(): Op<boolean>;
  readonly value: T;
}

export interface MutexLike {
  lock(): Op<void>;
  tryLock(): boolean;
  unlock(): void;
  isLocked(): boolean;
  getError(): unknown;
  useRo<T>(body: Body<T>): Op<T>;
  useRw<T>(body: Body<T>, options: { protect: boolean }): Op<T>;
}

export interface ConditionLike {
  await(mutex: MutexLike): Op<void>;
  awaitNoMutex(): Op<void>;
  loopNoMutex<T>(update: () => Op<T | undefined>): Op<T>;
  broadcast(): void;
}

export interface LazyLike {
  force(): Op<unknown>;
}

export interface PoolLike {
  use<R>(fn: (item: unknown) => Op<R>, options?: { neverBlock?: boolean }): Op<R>;
}

export interface PoolParts {
  validate: (item: unknown) => Op<boolean>;
  dispose: (item: unknown) => Op<void>;
}

export interface ClockLike {
  now(): number;
  sleep(seconds: number): Op<void>;
  withTimeoutExn<T>(seconds: number, body: Body<T>): Op<T>;
  withTimeout<T, E>(seconds: number, body: Body<Result<T, E>>): Op<Result<T, E | "timeout">>;
  /** Calls `wake` from outside of all fibers. */
  startTimer(time: number, wake: () => void): () => void;
  tryAdvance(): boolean;
}

export interface Library {
  /** Who a trace comes from: "core" or "model". */
  readonly title: string;
  /**
   * Runs `main` to the end in a mock world.
   *
   * @param onSuspend  called each time that a fiber has stopped without having ended
   */
  run<T>(main: (env: { clock: ClockLike }) => Op<T>, onSuspend: (() => void) | undefined): T;
  currentFiber(): FiberLike;
  /** Marks a generator function, so that its calls are lifted onto the fiber's own stack; changes no behaviour. */
  fiber<F extends (...args: never[]) => Op<unknown>>(fn: F): F;

  readonly Fiber: {
    yield(): Op<void>;
    check(): void;
    isCancelled(): boolean;
    awaitCancel(): Op<never>;
    fork(sw: SwitchLike, body: Body<unknown>): Op<void>;
    forkDaemon(sw: SwitchLike, body: Body<unknown>): Op<void>;
    forkPromise<T>(sw: SwitchLike, body: Body<T>): Op<DeferredLike<Result<T>>>;
    both(f: Body<unknown>, g: Body<unknown>): Op<void>;
    pair(f: Body<unknown>, g: Body<unknown>): Op<[unknown, unknown]>;
    all(bodies: Body<unknown>[]): Op<unknown[]>;
    first(f: Body<unknown>, g: Body<unknown>, options?: Combine): Op<unknown>;
    any(bodies: Body<unknown>[], options?: Combine): Op<unknown>;
    nAny(bodies: Body<unknown>[]): Op<unknown[]>;
    map<A, B>(items: A[], work: (item: A) => Op<B>, options?: Limit): Op<B[]>;
    filter<A>(items: A[], work: (item: A) => Op<boolean>, options?: Limit): Op<A[]>;
    filterMap<A, B>(items: A[], work: (item: A) => Op<B | undefined>, options?: Limit): Op<B[]>;
    forEach<A>(items: A[], work: (item: A) => Op<unknown>, options?: Limit): Op<void>;
    createKey(): object;
    get(key: never): unknown;
    withBinding<R>(key: never, value: unknown, body: Body<R>): Op<R>;
    withoutBinding<R>(key: never, body: Body<R>): Op<R>;
  };
  readonly Switch: {
    run<T>(body: (sw: SwitchLike) => Op<T>): Op<T>;
    runProtected<T>(body: (sw: SwitchLike) => Op<T>): Op<T>;
  };
  readonly Cancel: {
    sub<T>(body: (context: ContextLike) => Op<T>): Op<T>;
    protect<T>(body: Body<T>): Op<T>;
  };
  readonly Deferred: { create<T>(): [DeferredLike<T>, ResolverLike<T>] };
  readonly Semaphore: new (permits: number) => SemaphoreLike;
  readonly Stream: new (capacity: number) => StreamLike<string>;
  readonly Mutex: new () => MutexLike;
  readonly Condition: new () => ConditionLike;
  readonly Lazy: {
    fromFun(fn: Body<unknown>, options: { cancel: LazyCancel }): LazyLike;
    fromVal(value: unknown): LazyLike;
  };
  readonly Pool: new (n: number, alloc: Body<unknown>, options: PoolParts) => PoolLike;
}

export interface Combine {
  combine?: (earlier: unknown, later: unknown) => unknown;
}

export type LazyCancel = "restart" | "record" | "protect";

export interface Limit {
  maxFibers?: number;
}

/** The real thing. A step of a fiber is seen from around it, where a bridge would put a fiber's surroundings. */
export const core: Library = {
  ...trestle,
  title: "core",
  run(main, onSuspend) {
    if (!onSuspend) return run(main);
    trestle.setSurroundings(() => (step) => {
      const ended: unknown = step();
      // Waits are taken back in here, too: they are no steps, and end nothing.
      if (ended === false) onSuspend();
      return ended as ReturnType<typeof step>;
    });
    try {
      return run(main);
    } finally {
      trestle.setSurroundings(undefined);
    }
  },
};
