// A bounded queue between fibers. Who adds waits for room, who takes waits for an item; with capacity 0 they meet.

import { Cursor } from "./cursor.js";
import { expectOptions, refuse } from "./engine/describe.js";
import { dispose } from "./engine/disposable.js";
import { returning, type Step } from "./engine/fiber-core.js";
import { mintId } from "./engine/ids.js";
import { runningFiber } from "./engine/drive.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { Ring } from "./engine/ring.js";
import { Waiter, Waiters } from "./engine/waiters.js";

/**
 * A stream was used after it had been closed: an item added, or one taken when none was left.
 *
 * @example
 * const jobs = new Stream<string>(16, { name: "jobs" });
 * jobs.close();
 * jobs.tryAdd("late"); // throws StreamClosed: Stream closed ("jobs")
 */
export class StreamClosed extends InvalidArgument {
  override readonly name = "StreamClosed";
  override readonly code = "STREAM_CLOSED";

  constructor(streamName: string | undefined) {
    super(streamName === undefined ? "Stream closed" : `Stream closed (${JSON.stringify(streamName)})`);
  }
}

/** The options of a {@link Stream}. */
export interface StreamOptions {
  /** Shown in dead-lock reports and in the error about a closed stream. */
  name?: string;
}

// What a taker is given in place of an item.
const EMPTY: unique symbol = Symbol("empty");
const CLOSED: unique symbol = Symbol("closed");

/**
 * A queue of at most `capacity` items. Fibers that add wait while it is full, fibers that take wait while it is empty; both are
 * served in the order in which they began to wait, and nobody can overtake them. With capacity 0 nothing is ever queued: `add`
 * returns when somebody has taken the item.
 *
 * Closing a stream ends it: what is queued can still be taken, and then a loop over it ends.
 *
 * @example
 * const jobs = new Stream<string>(16);
 * yield* Fiber.both(
 *   function* () {
 *     for (const word of ["tea", "coffee"]) yield* jobs.add(word);
 *     jobs.close();
 *   },
 *   function* () {
 *     const items = jobs.iterate();
 *     while (yield* items.next()) log(items.value);
 *   },
 * );
 */
export class Stream<T> {
  /** Unique in its scheduler. */
  readonly id: number = mintId();
  readonly name: string | undefined;
  /** The most items that are queued at once. */
  readonly capacity: number;

  // Readers wait only while nothing is queued and no writer waits; writers only while the queue is full.
  private readonly items = new Ring<T>();
  private readonly readers = new Waiters();
  private readonly writers = new Waiters();
  private closed = false;
  private failure: { readonly error: unknown } | undefined = undefined;
  /** @internal An op that need not wait keeps nothing, and is handed out again. */
  idle: Op<T> | undefined = undefined;

  /**
   * @param capacity  how many items fit: 0 makes a meeting point, `Infinity` is no limit
   * @throws InvalidArgument when `capacity` is negative
   */
  constructor(capacity: number, options?: StreamOptions) {
    if (typeof capacity !== "number" || !(Number.isInteger(capacity) || capacity === Infinity))
      refuse("new Stream", "capacity", "an integer or Infinity", capacity);
    if (capacity < 0) throw new InvalidArgument("capacity < 0");
    expectOptions("new Stream", options);
    this.capacity = capacity;
    this.name = options?.name;
    probe?.objectCreated(this, "Stream", this.name);
  }

  /**
   * Adds an item at the end. If somebody waits for one, it goes straight to whoever has waited longest; else, if there is room, it is
   * queued: both neither switch fibers nor check cancellation. Otherwise waits for room, a cancellation point: an item whose `add` was
   * cancelled is never delivered, and one that was accepted before the cancellation is, with `add` returning normally.
   *
   * @example
   * for (const url of urls) yield* jobs.add(url);
   *
   * @throws StreamClosed when the stream is closed, or is closed while `add` waits; the item is then not delivered
   */
  add(item: T): Op<void> {
    return new Add(this, item);
  }

  /**
   * Takes the first item. If there is one, or with capacity 0 a fiber that adds one, neither switches fibers nor checks cancellation;
   * else waits, a cancellation point: an item that was handed over before the cancellation is returned all the same.
   *
   * @example
   * yield* Fiber.forkDaemon(sw, function* () {
   *   for (;;) yield* work(yield* jobs.take());
   * });
   *
   * @throws StreamClosed when the stream is closed and no item is left, or is closed while `take` waits; see {@link iterate} for a
   *   loop that just ends
   */
  take(): Op<T> {
    return (this.idle ??= new Take(this));
  }

  /**
   * Goes through the items as they come, taking each, until the stream is closed and none is left. `next` waits as {@link take} does.
   * Several cursors share the items; each item goes to one of them.
   *
   * @example
   * jobs.close();
   * const items = jobs.iterate();
   * while (yield* items.next()) {
   *   if (items.value === "skip") continue;
   *   yield* work(items.value);
   * }
   */
  iterate(): Cursor<T> {
    return new StreamCursor(this);
  }

  /**
   * {@link add} that does not wait: whether the item was accepted. Callable from anywhere.
   *
   * @throws StreamClosed when the stream is closed
   */
  tryAdd(item: T): boolean {
    if (this.closed) throw new StreamClosed(this.name);
    if (this.readers.isEmpty || !this.readers.wakeOne(item)) {
      if (this.items.length >= this.capacity) return false;
      this.items.push(item);
    }
    probe?.put(this);
    return true;
  }

  /**
   * {@link take} that does not wait: the item, in an object that tells it from its absence. Undefined too when the stream is closed
   * and no item is left. Callable from anywhere.
   *
   * @example
   * for (let job = jobs.tryTake(); job; job = jobs.tryTake()) log(job.value);
   */
  tryTake(): { readonly value: T } | undefined {
    const value = this.poll();
    if (value === EMPTY || value === CLOSED) return undefined;
    probe?.get(this);
    return { value };
  }

  /**
   * Ends the stream: nothing can be added any more. Fibers that wait to add get {@link StreamClosed}; items that are queued can still
   * be taken; fibers that wait for an item are told the end. A second call does nothing. Callable from anywhere.
   */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.writers.wakeAll(CLOSED);
    this.readers.wakeAll(CLOSED);
  }

  /** {@link close}, for `using`. */
  [dispose](): void {
    this.close();
  }

  /**
   * {@link close} for a producer that failed: once the queued items are taken, whoever takes gets `error`, the same object, instead of
   * the end. Does nothing when the stream is closed already. Callable from anywhere.
   *
   * @example
   * const readings = new Stream<number>(4);
   * readings.tryAdd(20);
   * readings.fail(new Error("sensor lost"));
   * yield* readings.take(); // => 20
   */
  fail(error: unknown): void {
    if (this.closed) return;
    this.failure = { error };
    this.close();
  }

  /**
   * Gives an item back that was taken and could not be dealt with. It comes first again: who has waited longest for an item gets it,
   * else it is queued before all others, even if the stream is full or closed. For bridges. Callable from anywhere.
   *
   * @example
   * const jobs = new Stream<string>(2);
   * jobs.tryAdd("tea");
   * jobs.putBack(yield* jobs.take());
   * jobs.length; // => 1
   */
  putBack(item: T): void {
    if (this.readers.isEmpty || !this.readers.wakeOne(item)) this.items.unshift(item);
    probe?.put(this);
  }

  /** @internal What a taker gets when no item will come any more. */
  get endError(): unknown {
    return this.failure ? this.failure.error : new StreamClosed(this.name);
  }

  /** @internal Whether the end is a failure. */
  get failed(): boolean {
    return this.failure !== undefined;
  }

  /** True once {@link close} was called, even while items are left. */
  isClosed(): boolean {
    return this.closed;
  }

  /** The number of items that are queued; those of fibers that wait to add do not count. */
  get length(): number {
    return this.items.length;
  }

  /** Whether no item is queued. */
  isEmpty(): boolean {
    return this.items.length === 0;
  }

  /** For people: id, name, how many items are queued, and how many fibers wait on each side. */
  dump(): string {
    const name = this.name === undefined ? "" : ` ${JSON.stringify(this.name)}`;
    const waiting = `${this.writers.length} waiting to add, ${this.readers.length} to take`;
    return `Stream ${this.id}${name}${this.closed ? ", closed" : ""}: ${this.length} of ${this.capacity} items, ${waiting}`;
  }

  /** @internal Takes the first item, if there is one. */
  poll(): T | typeof EMPTY | typeof CLOSED {
    const { items } = this;
    if (items.length > 0) {
      const item = items.shift();
      // What was put back may have overfilled it.
      if (!this.writers.isEmpty && items.length < this.capacity) {
        const writer = this.admit();
        if (writer) items.push(writer.item);
      }
      return item;
    }
    // Only with capacity 0 can there be a writer here.
    const writer = this.admit();
    if (writer) return writer.item;
    return this.closed ? CLOSED : EMPTY;
  }

  /** Lets the writer that has waited longest go on: its item counts as added from now on. */
  private admit(): Add<T> | undefined {
    const { writers } = this;
    for (let writer = writers.first; writer; writer = writers.first) {
      writers.remove(writer);
      if (writer.wake(undefined)) return writer as Add<T>;
    }
    return undefined;
  }

  /** @internal */
  get readerQueue(): Waiters {
    return this.readers;
  }

  /** @internal */
  get writerQueue(): Waiters {
    return this.writers;
  }
}

abstract class StreamWaiter<T, R> extends Waiter<R> {
  protected readonly stream: Stream<T>;

  constructor(stream: Stream<T>) {
    super();
    this.stream = stream;
  }

  protected override enter(): void {
    probe?.tryGet(this.stream);
    super.enter();
  }

  override describeWait(): string {
    const { name, id } = this.stream;
    return `${this.called} ${name === undefined ? id : JSON.stringify(name)}`;
  }
}

// The ops below decide in `next` itself whether they have to wait: most of them need not, and a call through the base class for
// each item is what a stream would spend most of its time on.

class Add<T> extends StreamWaiter<T, void> {
  readonly item: T;

  constructor(stream: Stream<T>, item: T) {
    super(stream);
    this.item = item;
  }

  protected get called(): string {
    return "Stream.add";
  }

  protected again(): Add<T> {
    return new Add(this.stream, this.item);
  }

  protected get waiters(): Waiters {
    return this.stream.writerQueue;
  }

  override next(value?: unknown): Step {
    if (!this.fiber && runningFiber() && this.stream.tryAdd(this.item)) return returning(undefined);
    return super.next(value);
  }

  protected override deliver(value: unknown): Step {
    if (value === CLOSED) throw new StreamClosed(this.stream.name);
    probe?.put(this.stream);
    return returning(undefined);
  }
}

/** Waits for an item, and makes something of it. */
abstract class Reader<T, R> extends StreamWaiter<T, R> {
  /** Who hands the op out while it is idle. */
  protected abstract readonly keeper: { idle: Op<R> | undefined };

  protected get waiters(): Waiters {
    return this.stream.readerQueue;
  }

  override next(value?: unknown): Step {
    if (!this.fiber && runningFiber()) {
      const item = this.stream.poll();
      if (item !== EMPTY) return this.deliver(item);
      // From now on it is its fiber's.
      this.keeper.idle = undefined;
    }
    return super.next(value);
  }
}

class Take<T> extends Reader<T, T> {
  protected get keeper(): Stream<T> {
    return this.stream;
  }

  protected get called(): string {
    return "Stream.take";
  }

  protected again(): Take<T> {
    return new Take(this.stream);
  }

  protected override deliver(item: unknown): Step {
    if (item === CLOSED) throw this.stream.endError;
    probe?.get(this.stream);
    return returning(item);
  }
}

/** @internal */
export class StreamCursor<T> extends Cursor<T> {
  idle: Op<boolean> | undefined = undefined;
  private readonly stream: Stream<T>;

  constructor(stream: Stream<T>) {
    super();
    this.stream = stream;
  }

  next(): Op<boolean> {
    return (this.idle ??= new Next(this.stream, this));
  }
}

class Next<T> extends Reader<T, boolean> {
  private readonly cursor: StreamCursor<T>;

  constructor(stream: Stream<T>, cursor: StreamCursor<T>) {
    super(stream);
    this.cursor = cursor;
  }

  protected get keeper(): StreamCursor<T> {
    return this.cursor;
  }

  protected get called(): string {
    return "Stream.iterate";
  }

  protected again(): Next<T> {
    return new Next(this.stream, this.cursor);
  }

  protected override deliver(item: unknown): Step {
    if (item === CLOSED) {
      this.cursor.moveToEnd();
      if (this.stream.failed) throw this.stream.endError;
      return returning(false);
    }
    probe?.get(this.stream);
    return returning(this.cursor.moveTo(item as T));
  }
}
