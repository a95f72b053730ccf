// A fiber as a lazy sequence: it runs when somebody asks for an item, up to the next one, and waits in between.

import { Cursor } from "./cursor.js";
import { block } from "./engine/block.js";
import type { Cancelled } from "./engine/cancelled.js";
import { show } from "./engine/describe.js";
import { FiberCore, returning, yielding, type FiberOwner, type Step } from "./engine/fiber-core.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";
import { WaitingPrimitive } from "./engine/primitive.js";
import { expectForkArguments, siteOf, type ForkOptions } from "./fork.js";
import type { Switch } from "./switch.js";

/**
 * A sequence whose items are made when they are asked for, by a fiber; see {@link forkSeq}. Calling it asks for the next item: gives
 * that and the rest of the sequence, or undefined at the end. Nothing is remembered: an earlier node asks for the next item as well.
 *
 * @example
 * const lines = yield* Fiber.forkSeq<string>(sw, (yield_) => readLines(file, yield_));
 * const node = yield* lines();
 * if (node) {
 *   const [header, rest] = node;
 *   const items = rest.iterate();
 *   while (yield* items.next()) note(`${header}: ${items.value}`);
 * }
 */
export interface Seq<T> {
  (): Op<[item: T, rest: Seq<T>] | undefined>;
  /** Goes through the items that have not been asked for yet, with a plain loop; `next` does what a call of the sequence does. */
  iterate(): Cursor<T>;
}

type Producing<T> = (yield_: (item: T) => Op<void>) => Op<unknown>;

/** The producer waits for a request, in `producer`. */
const RESTING = 0;
/** The producer runs for a request, that of `consumer`. */
const ASKED = 1;
/** The producer runs, and whoever had asked has been cancelled. */
const ABANDONED = 2;
/** The producer has ended while another of its fibers waited for a request: nobody has been told the end. */
const ENDED = 3;
const FINISHED = 4;
const FAILED = 5;

const END: unique symbol = Symbol("end");

/** What the two sides share: whose turn it is. */
class Producer<T> implements FiberOwner {
  readonly body: Producing<T>;
  readonly name: string | undefined;
  private readonly sw: Switch;
  private state = RESTING;
  /** Defined exactly while resting. */
  private producer: Resting<T, unknown> | undefined = undefined;
  /** Defined exactly while asked. */
  private consumer: Request<T, unknown> | undefined = undefined;
  /** Why it was abandoned or failed. */
  private error: unknown = undefined;

  constructor(sw: Switch, body: Producing<T>, name: string | undefined) {
    this.sw = sw;
    this.body = body;
    this.name = name;
  }

  readonly yield_ = (item: T): Op<void> => new YieldItem(this, item);

  // --- the side of the consumer ---

  /** True once, when the end is to be told and the producer has gone before. */
  tellEnd(): boolean {
    if (this.state !== ENDED) return false;
    this.state = FINISHED;
    return true;
  }

  /** Why there can be no request now. */
  get noRequest(): Error | undefined {
    if (this.state === RESTING) return undefined;
    if (this.state === ASKED) return new InvalidArgument("Coroutine is still running!");
    return this.over;
  }

  /** The producer goes on, for `consumer`. */
  ask(consumer: Request<T, unknown>): void {
    const producer = this.producer!;
    this.producer = undefined;
    this.consumer = consumer;
    this.state = ASKED;
    producer.wake(undefined);
  }

  /** Whoever has asked was cancelled: the producer is told when it has an item. */
  abandon(error: Cancelled): void {
    this.consumer = undefined;
    this.state = ABANDONED;
    this.error = error;
  }

  // --- the side of the producer ---

  /** Why no item can be handed over now. */
  get noItem(): unknown {
    if (this.state === ASKED) return undefined;
    if (this.state === ABANDONED) return this.error;
    if (this.state === RESTING) return new InvalidArgument("Coroutine has already yielded!");
    return this.over;
  }

  /** `producer` waits for a request; an item goes to whoever has asked for one. */
  rest(producer: Resting<T, unknown>, item: T | typeof END): void {
    this.producer = producer;
    this.state = RESTING;
    if (item !== END) this.takeConsumer()?.wake(item);
  }

  /** The wait for a request was cancelled, or never began. */
  fail(error: unknown): void {
    this.producer = undefined;
    this.state = FAILED;
    this.error = error;
  }

  /** The body has ended. An error of its is told once: to whoever waits for an item, or else to the switch. */
  fiberEnded(_fiber: FiberCore, failed: boolean, value: unknown): void {
    const told = this.end(failed, value);
    this.sw.daemonEnded(failed && !told, value);
  }

  /** Whether the consumer has been told the outcome, or knows it. */
  private end(failed: boolean, value: unknown): boolean {
    const { state, producer } = this;
    if (state === ABANDONED) return value === this.error;
    if (state === FAILED) return false;
    this.error = value;
    if (state === ASKED) {
      this.state = failed ? FAILED : FINISHED;
      const consumer = this.takeConsumer()!;
      consumer.wake(failed ? value : END, failed);
      return true;
    }
    this.producer = undefined;
    this.state = failed ? FAILED : ENDED;
    producer!.wake(this.over, true);
    return false;
  }

  private takeConsumer(): Request<T, unknown> | undefined {
    const { consumer } = this;
    this.consumer = undefined;
    return consumer;
  }

  private get over(): Error {
    if (this.state !== FAILED && this.state !== ABANDONED)
      return new InvalidArgument("Coroutine has already finished!");
    return new InvalidArgument(`Coroutine has already failed: ${show(this.error)}`, { cause: this.error });
  }
}

const named = (name: string | undefined) => (name === undefined ? "a sequence" : `sequence ${JSON.stringify(name)}`);

abstract class SequenceOp<T, R> extends WaitingPrimitive<R> {
  protected readonly producer: Producer<T>;

  constructor(producer: Producer<T>) {
    super();
    this.producer = producer;
  }

  protected leave(): void {}
}

/** Asks for an item. */
abstract class Request<T, R> extends SequenceOp<T, R> {
  // A cancelled fiber is told that it is cancelled, whatever else is wrong.
  protected override begin(): Step {
    if (this.producer.tellEnd()) return this.deliver(END);
    const error = this.fiber!.context.interruption ? undefined : this.producer.noRequest;
    if (error) throw error;
    return yielding(this);
  }

  protected enter(): void {
    this.producer.ask(this);
  }

  override cancelWait(fiber: FiberCore, error: Cancelled): void {
    this.producer.abandon(error);
    super.cancelWait(fiber, error);
  }

  override describeWait(): string {
    return `the next item of ${named(this.producer.name)}`;
  }
}

class Pull<T> extends Request<T, [item: T, rest: Seq<T>] | undefined> {
  private readonly rest: Seq<T>;

  constructor(producer: Producer<T>, rest: Seq<T>) {
    super(producer);
    this.rest = rest;
  }

  protected get called(): string {
    return "Seq";
  }

  protected again(): Pull<T> {
    return new Pull(this.producer, this.rest);
  }

  protected override deliver(item: unknown): Step {
    return returning(item === END ? undefined : [item, this.rest]);
  }
}

class SeqCursor<T> extends Cursor<T> {
  ended = false;
  private readonly producer: Producer<T>;

  constructor(producer: Producer<T>) {
    super();
    this.producer = producer;
  }

  next(): Op<boolean> {
    return new Next(this.producer, this);
  }
}

class Next<T> extends Request<T, boolean> {
  private readonly cursor: SeqCursor<T>;

  constructor(producer: Producer<T>, cursor: SeqCursor<T>) {
    super(producer);
    this.cursor = cursor;
  }

  protected get called(): string {
    return "Seq.iterate";
  }

  protected again(): Next<T> {
    return new Next(this.producer, this.cursor);
  }

  protected override begin(): Step {
    return this.cursor.ended ? returning(false) : super.begin();
  }

  protected override deliver(item: unknown): Step {
    if (item !== END) return returning(this.cursor.moveTo(item as T));
    this.cursor.ended = true;
    return returning(this.cursor.moveToEnd());
  }
}

/** Waits for a request. */
abstract class Resting<T, R> extends SequenceOp<T, R> {
  override cancelWait(fiber: FiberCore, error: Cancelled): void {
    this.producer.fail(error);
    super.cancelWait(fiber, error);
  }

  override describeWait(): string {
    return `a request for an item of ${named(this.producer.name)}`;
  }
}

class YieldItem<T> extends Resting<T, void> {
  private readonly item: T;

  constructor(producer: Producer<T>, item: T) {
    super(producer);
    this.item = item;
  }

  protected get called(): string {
    return "yield_";
  }

  protected again(): YieldItem<T> {
    return new YieldItem(this.producer, this.item);
  }

  protected override begin(): Step {
    const error = this.fiber!.context.interruption ? undefined : this.producer.noItem;
    if (error) throw error;
    return yielding(this);
  }

  protected enter(): void {
    this.producer.rest(this, this.item);
  }
}

/** What the fiber of a sequence runs: the body, when the first item is asked for. */
class Start<T> extends Resting<T, unknown> {
  private asked = false;

  protected get called(): string {
    return "Fiber.forkSeq";
  }

  protected again(): Start<T> {
    return new Start(this.producer);
  }

  protected enter(): void {
    this.producer.rest(this, END);
  }

  protected override deliver(value: unknown): Step {
    if (this.asked) return returning(value);
    this.asked = true;
    return yielding(this);
  }

  override perform(fiber: FiberCore): boolean {
    return this.asked ? fiber.call(this.producer.body, this.producer.yield_) : super.perform(fiber);
  }
}

/**
 * A lazy sequence of the items that `body` hands to `yield_`. `body` runs in a daemon fiber of the switch, which starts when the first
 * item is asked for; after that it runs for each request up to its next `yield_`, where it waits for the next request, or up to its
 * end, which is the end of the sequence. A sequence that nobody reads to its end keeps no switch open: when the rest of the switch has
 * ended, `yield_` throws `Cancelled`, so that `finally` blocks run.
 *
 * An error of `body` is thrown to whoever waits for an item, and does not fail the switch; only when nobody waits does it. When the
 * waiting consumer is cancelled, its `Cancelled` is what the next `yield_` throws: the item that it would hand over belongs to nobody.
 *
 * Asking for an item is a cancellation point, and throws `InvalidArgument` when another fiber is waiting for one, when the end has
 * been told already, and when the sequence has failed, as by the end of its switch. Handing one over is a cancellation point too, and
 * throws `InvalidArgument` when nobody has asked: only one fiber of a body may be in `yield_` at a time. `forkSeq` itself is none.
 *
 * @example
 * const numbers = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
 *   for (let n = 1; ; n++) yield* yield_(n * n);
 * });
 * const items = numbers.iterate();
 * while (yield* items.next()) {
 *   if (items.value > 100) break;
 *   note(items.value);
 * }
 *
 * @throws SwitchFinishedError when the block of the switch has ended
 */
export function forkSeq<T>(
  sw: Switch,
  body: (yield_: (item: T) => Op<void>) => Op<unknown>,
  options?: ForkOptions,
): Op<Seq<T>> {
  expectForkArguments("Fiber.forkSeq", sw, body, options);
  const name = options?.name ?? (body.name || undefined);
  const site = siteOf(forkSeq);
  return block("Fiber.forkSeq", (fiber) => {
    const { context } = sw;
    if (context.isFinished) return fiber.fail(sw.getError());
    const producer = new Producer(sw, body, name);
    const seq: Seq<T> = Object.assign(() => new Pull(producer, seq), { iterate: () => new SeqCursor(producer) });
    fiber.succeed(seq);
    if (context.interruption) {
      producer.fail(context.interruption);
      return true;
    }
    sw.holdDaemon();
    return fiber.follow(new FiberCore(context, producer, () => new Start(producer), name, fiber.bindings, site));
  });
}
