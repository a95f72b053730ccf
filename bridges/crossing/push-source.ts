// Many values from a source that pushes: a bounded buffer between it and the fibers that take.
//
// | event                               | consequence                                                                     |
// |-------------------------------------|---------------------------------------------------------------------------------|
// | a value, a fiber waits              | it goes to the fiber that has waited longest                                    |
// | a value, nobody waits               | buffered; what comes while subscribing does not count against the buffer        |
// | a value, the buffer is full         | `overflow` decides; by default the source is stopped and the loss is an error   |
// | the end                             | needs no room: buffered values first, then `Done`, for ever                     |
// | an error                            | buffered values first, then the error once, then `Done`                         |
// | `close`, or the end of the switch   | the source is stopped in the same turn, the buffer dropped                      |
// | anything after the end              | ignored                                                                         |

import {
  asyncDispose,
  reportUnhandled,
  suspend,
  Wait,
  type Enqueue,
  type Instruction,
  type Op,
  type Switch,
  OverflowError,
} from "trestle";
import { bound } from "./bound.js";
import { requireFiber } from "./recipe.js";
import { refuse } from "./refuse.js";
import { Done, type BufferOptions, type Subscribed } from "./subscribed.js";

/** Starts a source that will call `push`, `fail` and `end`. What it returns stops the source, and is called once, in the end. */
export type Subscribe<T> = (source: PushSource<T>) => () => void;

const NOTHING: unique symbol = Symbol("nothing");
const SYNC_LIMIT = 65_536;

/** Checks the options that all push sources have. */
export function expectBuffer(where: string, options: BufferOptions | undefined, canWait = false): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) refuse(where, "options", "an object", options);
  const { buffer, overflow, syncLimit } = options as Record<string, unknown>;
  if (buffer !== undefined && buffer !== "unbounded" && !isPositiveInteger(buffer)) {
    refuse(where, "options.buffer", 'a positive integer or "unbounded"', buffer);
  }
  if (syncLimit !== undefined && syncLimit !== 0 && syncLimit !== Infinity && !isPositiveInteger(syncLimit)) {
    refuse(where, "options.syncLimit", "an integer that is not negative, or Infinity", syncLimit);
  }
  const known = ["error", "drop-oldest", "drop-newest", "latest"];
  if (overflow === undefined || known.includes(overflow as string)) return;
  if (overflow === "block" && canWait) return;
  const wayOut = overflow === "block" ? "this source cannot be made to wait" : undefined;
  refuse(where, "options.overflow", known.map((name) => `"${name}"`).join(", "), overflow, wayOut);
}

function isPositiveInteger(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}

/** As many items as a piece of a queue holds. */
const PIECE = 1024;

class Piece<T> {
  readonly items: (T | undefined)[] = [];
  next: Piece<T> | undefined = undefined;
}

/** A first-in first-out queue, in pieces: none is ever copied, and each is given back when it is empty. */
class Queue<T> {
  private first = new Piece<T>();
  private last = this.first;
  private head = 0;
  private tail = 0;
  size = 0;

  push(item: T): void {
    if (this.tail === PIECE) {
      this.last = this.last.next = new Piece<T>();
      this.tail = 0;
    }
    this.last.items[this.tail++] = item;
    this.size++;
  }

  shift(): T {
    const { items } = this.first;
    const item = items[this.head] as T;
    items[this.head++] = undefined;
    if (--this.size === 0) this.head = this.tail = 0;
    else if (this.head === PIECE) {
      this.first = this.first.next!;
      this.head = 0;
    }
    return item;
  }

  clear(): void {
    this.first = this.last = new Piece<T>();
    this.head = this.tail = this.size = 0;
  }
}

/** The buffer, its policy, and the fibers that wait for values. */
export class PushSource<T> implements Subscribed<T> {
  private readonly label: string;
  private readonly waitLabel: string;
  private readonly capacity: number;
  private readonly overflow: Exclude<BufferOptions["overflow"], undefined>;
  private readonly errorFirst: boolean;
  private readonly syncLimit: number;

  private readonly queue = new Queue<T>();
  /** Nonempty only while nothing is buffered. For {@link Take}. */
  readonly takers = new Set<Take<T>>();
  /** Who waits for room, when the source can. */
  private readonly waitingForRoom = new Set<Enqueue<void>>();
  /** How many values at the head of the queue came while subscribing. */
  private burst = 0;
  /** No more values will come, or are wanted. */
  private ended = false;
  /** To be thrown once, after the buffered values. */
  private failure: { error: unknown } | undefined = undefined;
  private subscribing = false;
  private stopSource: (() => void) | undefined = undefined;
  private detach: (() => void) | undefined = undefined;
  private readonly nextOp = new Next<T>(this);
  /** A run of `next` that has ended without waiting, and may be used again. */
  idle: NextRun<T> | undefined = undefined;
  dropped = 0;

  constructor(label: string, options: BufferOptions | undefined) {
    this.label = label;
    this.waitLabel = `${label}.next`;
    this.overflow = options?.overflow ?? "error";
    const buffer = options?.buffer ?? 16;
    this.capacity = this.overflow === "latest" ? 1 : buffer === "unbounded" ? Infinity : buffer;
    this.syncLimit = this.overflow === "latest" || this.overflow === "block" ? 0 : (options?.syncLimit ?? SYNC_LIMIT);
    this.errorFirst = options?.errorFirst === true;
  }

  /** Starts the source. If `subscribe` throws, nothing is left behind, and so does this. */
  start(subscribe: Subscribe<T>): this {
    this.subscribing = true;
    try {
      this.stopSource = subscribe(this);
    } catch (error) {
      this.ended = true;
      this.detached();
      throw error;
    } finally {
      this.subscribing = false;
    }
    if (this.ended) this.stop();
    return this;
  }

  /** Ties the source to a switch: stopped in the turn in which that is cancelled, closed when it ends. */
  attach(sw: Switch): this {
    const hook = sw.addHook(() => this.close(), this.label);
    const forget = sw.context.onCancel(bound(() => this.halt()));
    this.detach = () => {
      hook.remove();
      forget();
    };
    return this;
  }

  // --- the side of the source: nothing here throws, except what stopping the source throws ---

  /** True when values are no longer wanted. */
  get closed(): boolean {
    return this.ended;
  }

  push(value: T): void {
    if (this.ended) return;
    if (this.takers.size > 0) return this.handOver(value);
    if (this.hasRoom()) return this.queue.push(value);
    this.dropped++;
    if (this.overflow === "drop-newest") return;
    if (this.overflow === "error") {
      this.failure = { error: new OverflowError(this.label, this.capacity, this.dropped) };
      return this.finish();
    }
    this.queue.shift();
    if (this.burst > 0) this.burst--;
    this.queue.push(value);
  }

  /** To the fiber that has waited longest. */
  private handOver(value: T): void {
    const [taker] = this.takers;
    this.takers.delete(taker!);
    taker!.wake(value);
  }

  private hasRoom(): boolean {
    if (this.subscribing && this.burst < this.syncLimit) {
      this.burst++;
      return true;
    }
    return this.queue.size - this.burst < this.capacity;
  }

  fail(error: unknown): void {
    if (this.ended) return;
    const [taker] = this.takers;
    if (taker) {
      this.takers.delete(taker);
      taker.wake(error, true);
    } else {
      if (this.errorFirst) this.dropBuffer();
      this.failure = { error };
    }
    this.finish();
  }

  end(): void {
    if (!this.ended) this.finish();
  }

  private finish(): void {
    this.ended = true;
    this.releaseTakers();
    this.detached();
    if (this.subscribing) return;
    try {
      this.stop();
    } catch (error) {
      // We are inside the source's own call, which is not to blame for what its clean-up does.
      reportUnhandled(error);
    }
  }

  /** Whether a source that can wait is to do so, with {@link room}. */
  get full(): boolean {
    return this.overflow === "block" && !this.ended && this.queue.size >= this.capacity;
  }

  /** Waits until there may be room. */
  room(): Op<void> {
    return suspend<void>(`${this.label}: room`, (ctx, enqueue) => {
      this.waitingForRoom.add(enqueue);
      ctx.setCancelFn((error) => {
        this.waitingForRoom.delete(enqueue);
        enqueue({ ok: false, error });
      });
    });
  }

  private tellRoom(): void {
    for (const emitter of this.waitingForRoom) emitter({ ok: true, value: undefined });
    this.waitingForRoom.clear();
  }

  private releaseTakers(): void {
    this.tellRoom();
    for (const taker of this.takers) taker.wake(Done);
    this.takers.clear();
  }

  private detached(): void {
    const { detach } = this;
    this.detach = undefined;
    detach?.();
  }

  private stop(): void {
    const { stopSource } = this;
    this.stopSource = undefined;
    stopSource?.();
  }

  /** Stops the source and keeps what is buffered. Those who wait are left to the cancellation that is under way, or to `close`. */
  halt(): void {
    this.ended = true;
    this.tellRoom();
    if (!this.subscribing) this.stop();
  }

  // --- the side of the fibers ---

  next(): Op<T | Done> {
    return this.nextOp;
  }

  /** What `next` gives without waiting; `NOTHING` when it has to wait. */
  tryNext(): T | Done | typeof NOTHING {
    if (this.queue.size > 0) {
      if (this.burst > 0) this.burst--;
      if (this.waitingForRoom.size > 0) this.tellRoom();
      return this.queue.shift();
    }
    const { failure } = this;
    if (failure) {
      this.failure = undefined;
      throw failure.error;
    }
    return this.ended ? Done : NOTHING;
  }

  /** Waits until the source calls. */
  wait(): Op<T | Done> {
    return new Take(this.waitLabel, this);
  }

  close(): void {
    this.dropBuffer();
    this.failure = undefined;
    this.ended = true;
    this.releaseTakers();
    this.detached();
    if (!this.subscribing) this.stop();
  }

  private dropBuffer(): void {
    this.queue.clear();
    this.burst = 0;
  }

  /** {@link close}, for `await using`. */
  [asyncDispose](): PromiseLike<void> {
    this.close();
    return Promise.resolve();
  }
}

/** One wait for a value. */
class Take<T> extends Wait<T | Done> {
  private readonly source: PushSource<T>;

  constructor(label: string, source: PushSource<T>) {
    super(label);
    this.source = source;
  }

  protected again(): Take<T> {
    return new Take(this.called, this.source);
  }

  protected enter(): void {
    this.source.takers.add(this);
  }

  protected leave(): void {
    this.source.takers.delete(this);
  }
}

/** `next`: it has no state of its own, and may be run any number of times. */
class Next<T> implements Op<T | Done> {
  private readonly source: PushSource<T>;

  constructor(source: PushSource<T>) {
    this.source = source;
  }

  [Symbol.iterator](): Iterator<Instruction, T | Done, unknown> {
    const { source } = this;
    const run = source.idle ?? new NextRun(source);
    source.idle = undefined;
    return run;
  }
}

/** One run of `next`: without a suspension when there is something to take. */
class NextRun<T> implements Iterator<Instruction, T | Done, unknown> {
  private readonly source: PushSource<T>;
  private waiting: Iterator<Instruction, T | Done, unknown> | undefined = undefined;

  constructor(source: PushSource<T>) {
    this.source = source;
  }

  next(resumed?: unknown): IteratorResult<Instruction, T | Done> {
    if (this.waiting) return this.waiting.next(resumed);
    requireFiber("next");
    const { source } = this;
    const taken = source.tryNext();
    if (taken !== NOTHING) {
      source.idle = this;
      return { done: true, value: taken };
    }
    this.waiting = source.wait()[Symbol.iterator]();
    return this.waiting.next();
  }

  throw(error: unknown): IteratorResult<Instruction, T | Done> {
    return this.waiting!.throw!(error);
  }
}
