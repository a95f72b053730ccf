// The model: a second implementation of the core's surface, written from the facts alone, to be compared with the first.
//
// It is meant to be read as an executable specification, so it is slow and plain where the core is fast:
// - the run queue is an array of pairs (thread, what it is resumed with); the head is index 0;
// - a thread is one native generator that delegates with `yield*` all the way down; it yields when it stops, and is resumed with an
//   outcome. There are no frames, no instructions and no driver;
// - every queue of waiters is an array, a cancellation context holds arrays, and what is cancelled is searched for;
// - combinators are written in terms of simpler ones, as the facts describe them: `both` is a switch with a fork in it, a timeout is
//   a race with a sleeper.
// Whatever suspends is built on two things: `park`, which stops the running thread, and `resume`, which puts one at the tail.
//
// It shares no code with the core (the type of an op apart). Ids in comments are those of the facts that a line follows from.

import type { Body, Op, Result } from "trestle";
import type { ClockLike, Combine, LazyCancel, Library, Limit, PoolParts } from "./library.js";

// --- errors ---

export class Cancelled extends Error {
  override readonly name = "Cancelled";
  readonly reason: unknown;
  constructor(reason: unknown) {
    super();
    this.reason = reason;
  }
}

export class Multiple extends Error {
  override readonly name = "Multiple";
  readonly errors: readonly unknown[];
  constructor(errors: readonly unknown[]) {
    super();
    this.errors = errors;
  }
}

function named(name: string, message = ""): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

class DeadlockDetected extends Error {
  override readonly name = "DeadlockDetected";
  /** The threads that wait, outer scopes first. */
  readonly waiting: readonly Thread[];
  constructor(waiting: readonly Thread[]) {
    super();
    this.waiting = waiting;
  }
}

const finishedContext = () => named("InvalidArgument", "Cancellation context finished!");
const finishedSwitch = () => named("SwitchFinishedError", "Switch finished!");
const closedStream = () => named("StreamClosed", "Stream closed");
const EXIT = named("Exit");
const NOT_FIRST = named("NotFirst");

/** What stands for two failures, the first one older. */
function combine(a: unknown, b: unknown): unknown {
  if (a === b) return a; // EX-01
  if (a instanceof Cancelled) return b; // EX-02, EX-03
  if (b instanceof Cancelled) return a; // EX-02
  if (!(a instanceof Multiple)) return new Multiple([a, b]); // EX-04, EX-05
  return a.errors.includes(b) ? a : new Multiple([...a.errors, b]); // EX-05; SW-13: one object is reported once
}

/** The failures of a scope in order of arrival. */
class Failures {
  private readonly list: unknown[] = [];
  add(error: unknown): void {
    this.list.push(error);
  }
  get none(): boolean {
    return this.list.length === 0;
  }
  get error(): unknown {
    return this.list.reduce(combine);
  }
}

// --- threads and the run queue (SC) ---

type Outcome = Result<unknown>;

const DONE: Outcome = { ok: true, value: undefined };
const failure = (error: unknown): Outcome => ({ ok: false, error });

class Thread {
  /** What undoes the registration of the present wait; set only while the thread waits and may be cancelled (SC-13). */
  giveUp: (() => void) | undefined;
  context: Context;
  readonly steps: Iterator<unknown, unknown, unknown>;
  locals: ReadonlyMap<unknown, unknown>;
  readonly ended: (outcome: Outcome) => void;
  /** True from the moment it parks until it is resumed: for the report of a dead-lock. */
  parked = false;

  constructor(context: Context, body: Body<unknown>, locals: Thread["locals"], ended: Thread["ended"]) {
    this.context = context;
    this.steps = begin(body);
    this.locals = locals;
    this.ended = ended;
    context.threads.push(this);
  }
}

// A body may do something before it gives its op: that, too, is for the thread to do.
function* begin(body: Body<unknown>): Op<unknown> & Iterator<unknown, unknown, unknown> {
  return yield* body();
}

let queue: { thread: Thread; outcome: Outcome }[] = [];
let current: Thread | undefined;

function running(): Thread {
  if (!current) throw new Error("outside of all threads");
  return current;
}

/** SC-02, SC-05: a wake-up appends at the tail; SC-14: from here on nothing else resumes the thread, or interrupts it. */
function resume(thread: Thread, outcome: Outcome): void {
  thread.giveUp = undefined;
  thread.parked = false;
  queue.push({ thread, outcome });
}

/** Stops the running thread; who resumes it has been arranged before. */
function* park(): Op<never> {
  running().parked = true;
  return give((yield undefined as never) as Result<never>);
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}

interface Registration<Brought> {
  readonly thread: Thread;
  brought: Brought;
}

/** Threads that wait for the same thing, each with what it brought along; first come, first served. */
class Waiters<Brought = undefined> {
  private list: Registration<Brought>[] = [];

  /** A cancellation point. */
  *wait<T>(brought: Brought): Op<T> {
    this.register(brought);
    return yield* park();
  }

  /** What comes before parking: the thread is in the list, or in a cancelled context in the run queue, with the error. */
  register(brought: Brought): void {
    const thread = running();
    if (thread.context.cancelled) return resume(thread, failure(thread.context.cancelled)); // SC-07
    const registration = this.add(thread, brought);
    thread.giveUp = () => this.remove(registration);
  }

  /** The same for a wait that is no cancellation point, and cannot be given up. */
  registerFirmly(brought: Brought): void {
    this.add(running(), brought);
  }

  add(thread: Thread, brought: Brought): Registration<Brought> {
    const registration = { thread, brought };
    this.list.push(registration);
    return registration;
  }

  remove(registration: Registration<Brought>): void {
    remove(this.list, registration);
  }

  takeAll(): Registration<Brought>[] {
    const all = this.list;
    this.list = [];
    return all;
  }

  /** Takes out the first waiter and resumes it. */
  wakeFirst(outcome: Outcome): Registration<Brought> | undefined {
    const first = this.list.shift();
    if (first) resume(first.thread, outcome);
    return first;
  }

  wakeAll(outcome: Outcome): void {
    while (this.wakeFirst(outcome));
  }
}

/** SC-03: the parent goes to the head, and the child starts immediately. */
function* start(context: Context, body: Body<unknown>, ended: Thread["ended"]): Op<void> {
  const parent = running();
  const child = new Thread(context, body, parent.locals, ended); // FB-63
  queue.unshift({ thread: child, outcome: DONE }, { thread: parent, outcome: DONE });
  yield* park();
}

function step(thread: Thread, outcome: Outcome, onSuspend: () => void): void {
  let result: Outcome | undefined;
  current = thread;
  try {
    const { done, value } = thread.steps.next(outcome);
    if (done) result = { ok: true, value };
  } catch (error) {
    result = failure(error);
  }
  current = undefined;
  if (!result) return onSuspend();
  remove(thread.context.threads, thread); // SC-20
  thread.ended(result);
}

function run<T>(main: (env: { clock: ClockLike }) => Op<T>, onSuspend = () => {}): T {
  queue = [];
  const clock = new Clock();
  const root = new Context(undefined, false);
  let result: Outcome | undefined;
  const thread = new Thread(
    root,
    () => main({ clock }),
    new Map(),
    (outcome) => {
      root.finish();
      result = outcome;
    },
  );
  queue.push({ thread, outcome: DONE });
  for (;;) {
    const next = queue.shift();
    if (next) step(next.thread, next.outcome, onSuspend);
    else if (result) break;
    else if (!clock.tryAdvance()) throw new DeadlockDetected(root.allThreads().filter((other) => other.parked)); // SC-18, MK-02
  }
  return give(result) as T; // SC-04
}

// --- cancellation contexts (CN) ---

class Context {
  readonly isProtected: boolean;
  private readonly parent: Context | undefined;
  private children: Context[] = [];
  readonly threads: Thread[] = [];
  /** The shared error, once it is being cancelled; kept when it has finished. */
  cancelled: Cancelled | undefined;
  isFinished = false;

  constructor(parent: Context | undefined, isProtected: boolean) {
    this.parent = parent;
    this.isProtected = isProtected;
    parent?.children.push(this);
  }

  cancel(reason: unknown): void {
    if (this.isFinished) throw finishedContext(); // CN-05
    if (this.cancelled) return; // CN-04
    const error = reason instanceof Cancelled ? reason : new Cancelled(reason); // CN-07, CN-20
    const reached = this.reached();
    for (const context of reached) context.cancelled = error; // CN-03: all are marked, and then told
    for (const thread of reached.flatMap((context) => context.threads)) {
      if (!thread.giveUp) continue; // CN-18, SC-11: it runs, or its operation has completed
      thread.giveUp();
      resume(thread, failure(error));
    }
  }

  /** CN-02, CN-06: descendants first, oldest first, protected ones left out. */
  private reached(): Context[] {
    const open = this.children.filter((child) => !child.isProtected && !child.cancelled);
    return [...open.flatMap((child) => child.reached()), this];
  }

  getError(): unknown {
    return this.isFinished ? finishedContext() : this.cancelled; // CN-14
  }

  finish(): void {
    this.isFinished = true;
    if (this.parent) remove(this.parent.children, this);
  }

  /** CN-19, roughly: enough to see whether something is left. */
  dump(): string {
    return [`[${this.threads.map(() => "thread").join("; ")}]`, ...this.children.map((child) => child.dump())].join(
      "\n",
    );
  }

  allThreads(): Thread[] {
    return [...this.threads, ...this.children.flatMap((child) => child.allThreads())];
  }
}

function moveTo(context: Context): void {
  const thread = running();
  remove(thread.context.threads, thread);
  thread.context = context;
  context.threads.push(thread);
}

/** CN-01: runs `body` in `inner` and comes back, whatever happens. */
function* within<T>(inner: Context, body: Body<T>): Op<T> {
  const outer = running().context;
  moveTo(inner);
  try {
    return yield* body();
  } finally {
    moveTo(outer);
    inner.finish();
  }
}

/** SC-08: throws on the spot. */
function check(): void {
  const { cancelled } = running().context;
  if (cancelled) throw cancelled;
}

function* sub<T>(body: (context: Context) => Op<T>): Op<T> {
  check(); // CN-11
  const inner = new Context(running().context, false);
  return yield* within(inner, () => body(inner)); // CN-12, CN-13: no check on exit
}

function* protect<T>(body: Body<T>): Op<T> {
  return yield* within(new Context(running().context, true), body); // CN-09, CN-10: no check at all
}

// --- fibers (FB): giving way, forking ---

/** SC-06: to the tail, whatever the state; SC-12: and checks again before it goes on. */
function* giveWay(): Op<void> {
  const thread = running();
  const { cancelled } = thread.context;
  resume(thread, cancelled ? failure(cancelled) : DONE); // SC-07
  yield* park();
  check();
}

function* awaitCancel(): Op<never> {
  return yield* new Waiters().wait<never>(undefined); // FB-42
}

function* fork(sw: Switch, body: Body<unknown>): Op<void> {
  if (!sw.admits()) return; // FB-04, FB-05
  sw.fibers++;
  yield* start(sw.context, body, (outcome) => {
    if (!outcome.ok) sw.fail(outcome.error); // FB-06
    sw.fiberEnded();
  });
}

function* forkDaemon(sw: Switch, body: Body<unknown>): Op<void> {
  if (!sw.admits()) return; // FB-50
  sw.fibers++;
  sw.daemons++;
  yield* start(sw.context, body, (outcome) => {
    const stopped = !outcome.ok && outcome.error === sw.context.cancelled && sw.context.cancelled?.reason === EXIT;
    if (!outcome.ok && !stopped) sw.fail(outcome.error); // FB-47, FB-48
    sw.daemons--;
    sw.fiberEnded();
  });
}

function* forkPromise<T>(sw: Switch, body: Body<T>): Op<Deferred<Result<T>>> {
  const [promise, resolver] = Deferred.create<Result<T>>();
  if (!sw.admits()) {
    resolver.resolve({ ok: false, error: sw.context.cancelled }); // FB-44
    return promise;
  }
  sw.fibers++;
  yield* start(sw.context, body, (outcome) => {
    resolver.resolve(outcome as Result<T>); // FB-43
    sw.fiberEnded();
  });
  return promise;
}

// --- switches (SW) ---

class Switch {
  readonly context: Context;
  /** Threads that the switch waits for: the block itself, and forks, daemons among them. */
  fibers = 1;
  daemons = 0;
  private readonly failures = new Failures();
  private handlers: Hook[] = [];
  private releasing = false;
  /** The thread of the block, while it waits for the others. */
  private waiting: Thread | undefined;

  constructor(context: Context) {
    this.context = context;
  }

  static *run<T>(body: (sw: Switch) => Op<T>): Op<T> {
    check(); // SW-05
    return yield* new Switch(new Context(running().context, false)).block(body);
  }

  static *runProtected<T>(body: (sw: Switch) => Op<T>): Op<T> {
    return yield* new Switch(new Context(running().context, true)).block(body); // SW-06
  }

  private *block<T>(body: (sw: Switch) => Op<T>): Op<T> {
    const outcome = yield* within(this.context, () => this.live(body));
    if (!this.failures.none) throw this.failures.error; // SW-04, SW-12, SW-13
    return (outcome as { value: T }).value; // SW-01
  }

  private *live(body: (sw: Switch) => Op<unknown>): Op<Outcome> {
    const outcome = yield* attempt(() => body(this));
    if (!outcome.ok) this.fail(outcome.error); // SW-04
    this.fibers--;
    for (;;) {
      yield* this.othersEnded();
      this.releasing = true;
      const batch = this.handlers.reverse().map((hook) => hook.take()); // SW-22, SW-30
      this.handlers = [];
      if (batch.length === 0) return outcome;
      for (const handler of batch) {
        const released = yield* attempt(() => protect(() => opOf(handler))); // SW-23
        if (!released.ok) this.fail(released.error); // SW-24
      }
      // SW-28: fibers that the handlers forked are waited for.
    }
  }

  /** SW-02, SW-03: cannot be given up. */
  private *othersEnded(): Op<void> {
    for (;;) {
      this.stopLoneDaemons();
      if (this.fibers === 0) return;
      this.waiting = running();
      yield* park();
    }
  }

  fiberEnded(): void {
    this.fibers--;
    this.stopLoneDaemons();
    const { waiting } = this;
    if (this.fibers > 0 || !waiting) return;
    this.waiting = undefined;
    resume(waiting, DONE);
  }

  /** FB-46, FB-51. */
  private stopLoneDaemons(): void {
    if (this.daemons > 0 && this.fibers === this.daemons) this.context.cancel(EXIT);
  }

  /** Whether a fork may start: SW-08, FB-04, FB-05. */
  admits(): boolean {
    if (this.context.isFinished) throw finishedSwitch();
    return !this.context.cancelled;
  }

  fail(error: unknown): void {
    if (this.context.isFinished) throw finishedSwitch(); // SW-10
    this.failures.add(error);
    this.context.cancel(error); // SW-11
  }

  getError(): unknown {
    return this.context.isFinished ? finishedSwitch() : this.context.cancelled; // SW-09
  }

  check(): void {
    const error = this.getError();
    if (error) throw error;
  }

  *onRelease(handler: Handler): Op<void> {
    yield* this.onReleaseCancellable(handler);
  }

  *onReleaseCancellable(handler: Handler): Op<Hook> {
    if (this.releasing || this.context.isFinished) {
      const released = yield* attempt(() => protect(() => opOf(handler))); // SW-25, SW-27
      if (!released.ok) throw Object.assign(named("ReleaseError"), { error: released.error, cause: finishedSwitch() }); // SW-26
      throw finishedSwitch();
    }
    const hook = new Hook(this.handlers, handler);
    this.handlers.push(hook);
    return hook;
  }
}

type Handler = () => Op<void> | void;

function* opOf(handler: Handler): Op<void> {
  const op = handler();
  if (op) yield* op;
}

class Hook {
  private readonly list: Hook[];
  private readonly handler: Handler;
  private taken = false;

  constructor(list: Hook[], handler: Handler) {
    this.list = list;
    this.handler = handler;
  }

  take(): Handler {
    this.taken = true;
    return this.handler;
  }

  /** SW-29: true once, and then the handler never runs. */
  tryRemove(): boolean {
    if (this.taken) return false;
    this.take();
    remove(this.list, this);
    return true;
  }
}

function* doing<T>(act: () => T): Op<T> {
  return act();
}

function give<T>(outcome: Result<T>): T {
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

/** How `body` ended. */
function* attempt<T>(body: Body<T>): Op<Result<T>> {
  try {
    return { ok: true, value: yield* body() };
  } catch (error) {
    return { ok: false, error };
  }
}

// --- several at once (FB) ---

/** `count` jobs in a switch of their own, at most `max` of them at once; what they return, in order. */
function* group<T>(count: number, max: number, job: (index: number) => Op<T>): Op<T[]> {
  if (count === 0) return []; // FB-15, FB-60: not even a check
  if (!(max > 0)) throw named("Failure", `max_fibers must be positive (got ${max})`); // FB-59
  return yield* Switch.run((sw) => jobs(sw, count, max, job));
}

function* jobs<T>(sw: Switch, count: number, max: number, job: (index: number) => Op<T>): Op<T[]> {
  const results = new Array<T>(count); // FB-17, FB-53
  const slots = new Waiters();
  let active = 0;
  for (let index = 0; index < count; index++) {
    sw.check(); // FB-16
    if (active >= max) {
      yield* slots.wait(undefined); // FB-56, FB-58
      sw.check();
    }
    if (index === count - 1) {
      results[index] = yield* job(index); // FB-14
      continue;
    }
    active++;
    sw.fibers++;
    const ended = (outcome: Outcome) => {
      if (outcome.ok) results[index] = outcome.value as T;
      else sw.fail(outcome.error); // FB-11, FB-13
      active--;
      slots.wakeFirst(DONE);
      sw.fiberEnded();
    };
    yield* start(sw.context, () => job(index), ended);
  }
  return results;
}

const all = (bodies: Body<unknown>[]) => group(bodies.length, Infinity, (index) => bodies[index]!());

function* map<A, B>(items: A[], work: (item: A) => Op<B>, options?: Limit): Op<B[]> {
  return yield* group(items.length, options?.maxFibers ?? Infinity, (index) => work(items[index]!));
}

/** Makes the result of a further success from the result so far, if there is one. */
type Join = (earlier: { value: unknown } | undefined, later: unknown) => unknown;

function* race(bodies: Body<unknown>[], join: Join): Op<unknown> {
  check(); // FB-20
  if (bodies.length === 0) return yield* awaitCancel(); // FB-38
  return yield* new Race(join).run(bodies);
}

class Race {
  private readonly join: Join;
  private readonly outer = running().context;
  private readonly context = new Context(this.outer, false);
  private result: { value: unknown } | undefined;
  private readonly failures = new Failures();
  private active = 0;
  private waiting: Thread | undefined;

  constructor(join: Join) {
    this.join = join;
  }

  *run(bodies: Body<unknown>[]): Op<unknown> {
    yield* within(this.context, () => this.branches(bodies));
    if (!this.failures.none) {
      if (this.outer.cancelled) this.failures.add(this.outer.cancelled); // FB-33
      throw this.failures.error;
    }
    if (this.result) return this.result.value; // FB-32
    throw this.outer.cancelled ?? this.context.cancelled; // FB-31
  }

  private *branches(bodies: Body<unknown>[]): Op<void> {
    for (const body of bodies.slice(0, -1)) {
      this.active++;
      // FB-23: whatever became of the branches before it.
      yield* start(this.context, body, (outcome) => {
        this.branchEnded(outcome);
        this.active--;
        if (this.active === 0 && this.waiting) resume(this.waiting, DONE);
      });
    }
    this.branchEnded(yield* attempt(bodies.at(-1)!));
    if (this.active === 0) return;
    this.waiting = running(); // FB-34: cannot be given up
    yield* park();
  }

  private branchEnded(outcome: Outcome): void {
    if (outcome.ok) {
      if (!this.failures.none) return; // FB-27
      this.result = { value: this.join(this.result, outcome.value) }; // FB-24, FB-25, FB-39, FB-40
      this.context.cancel(NOT_FIRST); // FB-22
    } else if (!(outcome.error instanceof Cancelled && this.context.cancelled)) {
      this.failures.add(outcome.error); // FB-26, FB-28, FB-30
      this.context.cancel(outcome.error);
    }
  }
}

function any(bodies: Body<unknown>[], options?: Combine): Op<unknown> {
  const { combine: joinTwo = (earlier: unknown) => earlier } = options ?? {};
  return race(bodies, (earlier, later) => (earlier ? joinTwo(earlier.value, later) : later));
}

const nAny = (bodies: Body<unknown>[]) =>
  race(bodies, (earlier, later) => [...((earlier?.value as unknown[] | undefined) ?? []), later]);

// --- fiber-local values (FB-61 to FB-65) ---

function* withLocals<T>(locals: Thread["locals"], body: Body<T>): Op<T> {
  const thread = running();
  const before = thread.locals;
  thread.locals = locals;
  try {
    return yield* body();
  } finally {
    thread.locals = before;
  }
}

// --- cells and permits (PR, SM) ---

class Deferred<T> {
  private readonly waiters = new Waiters();
  private written: { value: T } | undefined;

  static create<T>(): [Deferred<T>, Resolver<T>] {
    const deferred = new Deferred<T>();
    return [deferred, new Resolver((value) => deferred.write(value))];
  }

  *await(): Op<T> {
    return this.written ? this.written.value : yield* this.waiters.wait<T>(undefined); // PR-01, PR-02, PR-08
  }

  *awaitOrThrow<U>(this: Deferred<Result<U>>): Op<U> {
    return give(yield* this.await()); // PR-09
  }

  isResolved(): boolean {
    return this.written !== undefined;
  }

  private write(value: T): boolean {
    if (this.written) return false; // PR-06
    this.written = { value };
    this.waiters.wakeAll({ ok: true, value }); // PR-03
    return true;
  }
}

class Resolver<T> {
  readonly tryResolve: (value: T) => boolean;
  constructor(tryResolve: (value: T) => boolean) {
    this.tryResolve = tryResolve;
  }
  resolve(value: T): void {
    if (!this.tryResolve(value)) throw named("InvalidArgument", "Can't resolve already-resolved promise"); // PR-05
  }
}

class Semaphore {
  private readonly waiters = new Waiters();
  private permits: number;

  constructor(permits: number) {
    this.permits = permits;
  }

  *acquire(): Op<void> {
    if (!this.tryAcquire()) yield* this.waiters.wait(undefined); // SM-02, SM-03, SM-09
  }

  tryAcquire(): boolean {
    if (this.permits === 0) return false;
    this.permits--;
    return true;
  }

  release(): void {
    if (!this.waiters.wakeFirst(DONE)) this.permits++; // SM-03, SM-04
  }

  *use<T>(body: Body<T>): Op<T> {
    yield* this.acquire();
    try {
      return yield* body();
    } finally {
      this.release();
    }
  }

  getValue(): number {
    return this.permits; // SM-05
  }
}

// --- streams (ST) ---

class Stream<T> {
  private readonly capacity: number;
  private readonly items: T[] = [];
  private readonly readers = new Waiters();
  private readonly writers = new Waiters<T>();
  private closed = false;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  *add(item: T): Op<void> {
    if (!this.tryAdd(item)) yield* this.writers.wait(item); // ST-04, ST-07, ST-09, ST-14
  }

  tryAdd(item: T): boolean {
    if (this.closed) throw closedStream(); // ST-21
    if (this.readers.wakeFirst({ ok: true, value: item })) return true; // ST-03, ST-06, ST-16
    if (this.items.length >= this.capacity) return false;
    this.items.push(item); // ST-01, ST-02
    return true;
  }

  *take(): Op<T> {
    const item = this.tryTake();
    if (item) return item.value;
    if (this.closed) throw closedStream(); // ST-21
    return yield* this.readers.wait<T>(undefined); // ST-03, ST-08
  }

  tryTake(): { value: T } | undefined {
    const writer = this.writers.wakeFirst(DONE);
    if (writer) this.items.push(writer.brought); // ST-04, ST-11, ST-17: with capacity 0 it is taken at once
    return this.items.length > 0 ? { value: this.items.shift()! } : undefined;
  }

  /** Going through the items is taking them, except that the end is no error. */
  iterate(): { value: T; next: () => Op<boolean> } {
    const cursor = { value: undefined as T, next: () => this.moveOn(cursor) };
    return cursor;
  }

  private *moveOn(cursor: { value: T }): Op<boolean> {
    try {
      cursor.value = yield* this.take();
      return true;
    } catch (error) {
      if ((error as Error).name !== "StreamClosed") throw error;
      return false;
    }
  }

  close(): void {
    if (this.closed) return; // ST-21
    this.closed = true;
    // ST-20; each operation fails on its own.
    while (this.writers.wakeFirst(failure(closedStream())));
    while (this.readers.wakeFirst(failure(closedStream())));
  }

  get length(): number {
    return this.items.length; // ST-12
  }

  isClosed(): boolean {
    return this.closed;
  }
}

// --- locks (MX, CD) ---

class Mutex {
  private locked = false;
  private poisoned: Error | undefined;
  private readonly waiters = new Waiters();

  *lock(): Op<void> {
    if (!this.tryLock()) yield* this.waiters.wait(undefined); // MX-02, MX-05, MX-06
  }

  /** {@link lock} that cannot be given up. */
  *relock(): Op<void> {
    if (this.tryLock()) return;
    this.waiters.registerFirmly(undefined);
    yield* park();
  }

  tryLock(): boolean {
    if (this.poisoned) throw this.poisoned; // MX-09
    if (this.locked) return false; // MX-17
    this.locked = true;
    return true;
  }

  unlock(): void {
    if (this.poisoned) throw this.poisoned; // MX-09
    if (!this.locked) {
      const error = named("SysError", "Eio.Mutex.unlock: already unlocked!"); // MX-08
      this.poison(error);
      throw error;
    }
    if (!this.waiters.wakeFirst(DONE)) this.locked = false; // MX-03, MX-07
  }

  private poison(reason: unknown): void {
    if (this.poisoned) return;
    this.poisoned = Object.assign(named("Poisoned"), { reason });
    this.locked = false;
    this.waiters.wakeAll(failure(this.poisoned)); // MX-12
  }

  isLocked(): boolean {
    return this.locked;
  }

  getError(): unknown {
    return this.poisoned;
  }

  *useRo<T>(body: Body<T>): Op<T> {
    yield* this.lock(); // MX-18
    const outcome = yield* attempt(body);
    if (outcome.ok) {
      this.unlock();
      return outcome.value;
    }
    if (this.poisoned) throw outcome.error;
    const unlocked = yield* attempt(() => doing(() => this.unlock())); // MX-16
    throw unlocked.ok ? outcome.error : combine(outcome.error, unlocked.error);
  }

  *useRw<T>(body: Body<T>, options: { protect: boolean }): Op<T> {
    yield* this.lock(); // MX-15
    const outcome = yield* attempt(options.protect ? () => protect(body) : body); // MX-13
    if (outcome.ok) {
      this.unlock(); // MX-10
      return outcome.value;
    }
    this.poison(outcome.error); // MX-11, MX-14
    throw outcome.error;
  }
}

class Condition {
  private readonly waiters = new Waiters<(() => void) | undefined>();

  *await(mutex: Mutex): Op<void> {
    if (!mutex.isLocked()) return mutex.unlock(); // which throws
    this.waiters.register(undefined); // CD-03, CD-06: in a cancelled context, too, the mutex is unlocked
    mutex.unlock();
    const outcome = yield* attempt(park);
    yield* mutex.relock(); // CD-04, CD-05
    if (!outcome.ok) throw outcome.error;
  }

  *awaitNoMutex(): Op<void> {
    yield* this.waiters.wait(undefined); // CD-08
  }

  *loopNoMutex<T>(update: () => Op<T | undefined>): Op<T> {
    for (;;) {
      let told = false;
      const registration = this.waiters.add(running(), () => (told = true));
      const outcome = yield* attempt(update); // CD-09
      if (!outcome.ok || outcome.value !== undefined) {
        this.waiters.remove(registration); // CD-14
        return give(outcome) as T;
      }
      const thread = running();
      if (thread.context.cancelled) {
        this.waiters.remove(registration);
        resume(thread, failure(thread.context.cancelled)); // CD-15
      } else if (told) {
        resume(thread, DONE); // CD-10, CD-11: others have their turn before the next run
      } else {
        registration.brought = undefined; // from now on it is a thread that waits, in its old place
        thread.giveUp = () => this.waiters.remove(registration); // CD-12
      }
      yield* park(); // CD-13
    }
  }

  broadcast(): void {
    const present = this.waiters.takeAll(); // CD-01, CD-02
    for (const { thread, brought: callback } of present) {
      if (callback) callback();
      else resume(thread, DONE);
    }
  }
}

// --- values on demand (LZ) ---

class Lazy {
  private readonly fn: Body<unknown>;
  private readonly cancel: LazyCancel;
  private computing = false;
  private outcome: Outcome | undefined;
  private readonly waiters = new Waiters();

  constructor(fn: Body<unknown>, cancel: LazyCancel) {
    this.fn = fn;
    this.cancel = cancel;
  }

  static fromFun(fn: Body<unknown>, options: { cancel: LazyCancel }): Lazy {
    return new Lazy(fn, options.cancel);
  }

  static fromVal(value: unknown): Lazy {
    const lazy = new Lazy(awaitCancel, "protect");
    lazy.outcome = { ok: true, value }; // LZ-08
    return lazy;
  }

  *force(): Op<unknown> {
    if (this.computing) yield* this.waiters.wait(undefined); // LZ-02, LZ-09
    return give(this.outcome ?? (yield* this.compute())); // LZ-01, LZ-03, LZ-04
  }

  /** Whoever is told while there is no outcome is the next to compute: nobody else begins, as `computing` has stayed true (LZ-06). */
  private *compute(): Op<Outcome> {
    this.computing = true;
    const outcome = yield* attempt(this.cancel === "protect" ? () => protect(this.fn) : this.fn); // LZ-05
    const stopped = !outcome.ok && outcome.error instanceof Cancelled && running().context.cancelled; // LZ-07
    if (stopped && this.cancel === "restart") {
      this.computing = this.waiters.wakeFirst(DONE) !== undefined;
    } else {
      this.computing = false;
      this.outcome = outcome;
      this.waiters.wakeAll(DONE);
    }
    return outcome;
  }
}

// --- pools (PL) ---

const VACANT = Symbol("a place without an item");

class Pool {
  private readonly n: number;
  private readonly alloc: Body<unknown>;
  private readonly parts: PoolParts;
  /** Those that are in use, free, or about to be made. */
  private places = 0;
  private readonly free: unknown[] = [];
  private readonly waiters = new Waiters();

  constructor(n: number, alloc: Body<unknown>, parts: PoolParts) {
    this.n = n;
    this.alloc = alloc;
    this.parts = parts;
  }

  *use<R>(fn: (item: unknown) => Op<R>, options?: { neverBlock?: boolean }): Op<R> {
    if (this.free.length > 0) return yield* this.occupy(this.free.shift(), fn); // PL-13, PL-14, PL-17
    if (options?.neverBlock && this.places === this.n) return yield* this.useExtra(fn);
    return yield* this.occupy(yield* this.place(), fn);
  }

  /** A place for an item: a new one, or what somebody gives back. */
  private *place(): Op<unknown> {
    const thread = running();
    if (this.places === this.n || thread.context.cancelled) return yield* this.waiters.wait(undefined); // PL-03, PL-10
    this.places++; // PL-02
    resume(thread, { ok: true, value: VACANT }); // PL-14
    return yield* park();
  }

  private *occupy<R>(given: unknown, fn: (item: unknown) => Op<R>): Op<R> {
    const place = { item: given };
    const outcome = yield* attempt(() => this.useIn(place, fn));
    const { item } = place; // PL-04, PL-05, PL-06: an item, or room for one
    if (!this.waiters.wakeFirst({ ok: true, value: item })) {
      if (item === VACANT) this.places--;
      else this.free.push(item);
    }
    return give(outcome);
  }

  private *useIn<R>(place: { item: unknown }, fn: (item: unknown) => Op<R>): Op<R> {
    const { item } = place;
    if (item !== VACANT) {
      const valid = yield* attempt(() => this.parts.validate(item)); // PL-07
      if (!valid.ok || !valid.value) {
        place.item = VACANT; // PL-09: whether or not it can be disposed
        yield* this.disposeAfter(valid, item); // PL-08
      }
    }
    if (place.item === VACANT) place.item = yield* this.alloc(); // PL-16
    return yield* fn(place.item);
  }

  /** PL-12. */
  private *useExtra<R>(fn: (item: unknown) => Op<R>): Op<R> {
    const item = yield* this.alloc();
    return yield* this.disposeAfter(yield* attempt(() => fn(item)), item);
  }

  /** PL-11: protected. Gives the outcome of what came before, but for a failure of its own. */
  private *disposeAfter<T>(outcome: Result<T>, item: unknown): Op<T> {
    const disposed = yield* attempt(() => protect(() => this.parts.dispose(item)));
    if (!disposed.ok) throw outcome.ok ? disposed.error : combine(outcome.error, disposed.error);
    return give(outcome);
  }
}

// --- time (TM, MK) ---

class Clock implements ClockLike {
  private time = 0;
  private timers: { deadline: number; wake: () => void }[] = [];

  now(): number {
    return this.time;
  }

  startTimer(deadline: number, wake: () => void): () => void {
    const timer = { deadline, wake };
    if (deadline < Infinity) this.timers.push(timer); // TM-14
    return () => remove(this.timers, timer);
  }

  /** MK-03: to the next deadline; SC-17, MK-17: those that are due fire in order of registration. */
  tryAdvance(): boolean {
    if (this.timers.length === 0) return false;
    const next = Math.min(...this.timers.map((timer) => timer.deadline));
    const due = this.timers.filter((timer) => timer.deadline === next);
    this.timers = this.timers.filter((timer) => timer.deadline > next);
    for (const timer of due) timer.wake();
    this.time = next;
    return true;
  }

  *sleep(seconds: number): Op<void> {
    if (!(seconds > 0)) return yield* giveWay(); // TM-03
    const sleeper = new Waiters();
    const stop = this.startTimer(this.time + seconds, () => void sleeper.wakeFirst(DONE));
    try {
      yield* sleeper.wait(undefined);
    } finally {
      stop(); // TM-02, TM-08
    }
  }

  withTimeoutExn<T>(seconds: number, body: Body<T>): Op<T> {
    return any([() => this.expire(seconds), body]) as Op<T>; // TM-07: the sleeper first
  }

  withTimeout<T, E>(seconds: number, body: Body<Result<T, E>>): Op<Result<T, E | "timeout">> {
    return any([() => this.giveTimeout(seconds), body]) as Op<Result<T, E | "timeout">>;
  }

  private *expire(seconds: number): Op<never> {
    yield* this.sleep(seconds);
    throw Object.assign(named("Timeout"), { seconds }); // TM-05
  }

  private *giveTimeout(seconds: number): Op<Result<never, "timeout">> {
    yield* this.sleep(seconds);
    return { ok: false, error: "timeout" }; // TM-06
  }
}

// --- the surface ---

export const model: Library = {
  title: "model",
  run,
  currentFiber: running,
  fiber: (fn) => fn,
  Fiber: {
    yield: giveWay,
    check,
    isCancelled: () => running().context.cancelled !== undefined,
    awaitCancel,
    fork,
    forkDaemon,
    forkPromise,
    *both(f, g) {
      yield* all([f, g]); // FB-07
    },
    *pair(f, g) {
      return (yield* all([f, g])) as [unknown, unknown];
    },
    all,
    first: (f, g, options) => any([f, g], options), // FB-21
    any,
    nAny: nAny as Library["Fiber"]["nAny"],
    map,
    *filter(items, work, options) {
      const wanted = yield* map(items, work, options);
      return items.filter((_, index) => wanted[index]);
    },
    *filterMap<A, B>(items: A[], work: (item: A) => Op<B | undefined>, options?: Limit) {
      return (yield* map(items, work, options)).filter((value) => value !== undefined) as B[];
    },
    *forEach(items, work, options) {
      yield* map(items, work, options);
    },
    createKey: () => ({}),
    get: (key) => running().locals.get(key), // FB-61
    *withBinding(key, value, body) {
      return yield* withLocals(new Map(running().locals).set(key, value), body); // FB-62
    },
    *withoutBinding(key, body) {
      return yield* withLocals(new Map(running().locals).set(key, undefined), body); // FB-64
    },
  },
  Switch,
  Cancel: { sub, protect },
  Deferred,
  Semaphore,
  Stream: Stream<string>,
  Mutex,
  Condition: Condition,
  Lazy,
  Pool,
};
