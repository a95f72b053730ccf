// Random programs: what they are made of, and how one is played on a library. Everything a program does leaves a line in its trace.

import type { Op, Result } from "trestle";
import type {
  ClockLike,
  ConditionLike,
  ContextLike,
  DeferredLike,
  HookLike,
  LazyLike,
  Library,
  MutexLike,
  PoolLike,
  ResolverLike,
  SemaphoreLike,
  StreamLike,
  SwitchLike,
} from "./library.js";

/**
 * A program is a tree of arrays, so that what is printed can be pasted. Numbers choose among what there is: cells, semaphores, errors;
 * or, for switches, 0 is the innermost one around, and n the n-th that was opened, modulo how many there are.
 */
export type Program =
  // doing something at once
  | readonly ["note" | "check" | "isCancelled" | "rethrow"]
  | readonly ["throw", error: number]
  | readonly [
      (
        | "resolve"
        | "tryResolve"
        | "release"
        | "tryAcquire"
        | "tryAdd"
        | "tryTake"
        | "close"
        | "unlock"
        | "tryLock"
        | "broadcast"
      ),
      which: number,
    ]
  | readonly ["cancel" | "fail", scope: number, error: number]
  | readonly ["cancelOwn", error: number]
  | readonly ["state" | "removeHook" | "get" | "isResolved", which: number]
  // waiting
  | readonly ["yield" | "awaitCancel"]
  | readonly ["sleep", seconds: number]
  | readonly [
      "await" | "acquire" | "add" | "take" | "next" | "lock" | "awaitNoMutex" | "force" | "outcome" | "outcomeOrThrow",
      which: number,
    ]
  | readonly ["awaitWith", condition: number, mutex: number]
  // control
  | readonly ["seq", steps: readonly Program[]]
  | readonly ["catch" | "finally", body: Program, handler: Program]
  | readonly ["lifted", body: Program]
  // scopes
  | readonly ["sub" | "protect" | "switch" | "protectedSwitch", body: Program]
  | readonly ["useRo" | "useRw" | "useRwProtected" | "loop", which: number, body: Program]
  | readonly ["usePool" | "useExtra", which: number, body: Program]
  | readonly ["use" | "bind" | "unbind" | "timeout" | "timeoutResult", which: number, body: Program]
  // several at once
  | readonly ["both" | "pair" | "first" | "firstJoined", f: Program, g: Program]
  | readonly ["all" | "any" | "anyJoined" | "nAny", bodies: readonly Program[]]
  | readonly ["map" | "filter" | "filterMap" | "forEach", maxFibers: number, bodies: readonly Program[]]
  // for later
  | readonly ["lazy", mode: 0 | 1 | 2, body: Program]
  | readonly ["pool", n: number, alloc: Program, validate: Program, dispose: Program]
  // things of a switch
  | readonly ["fork" | "daemon" | "promise" | "onRelease" | "hook", sw: number, body: Program];

/** What is done to a run from outside, besides running it. */
export type Fault =
  | undefined
  /** The root context is cancelled when a fiber has suspended for the n-th time. */
  | { readonly cancelAt: number }
  /** An error is thrown at the n-th point, that is where the n-th node of the program begins. */
  | { readonly throwAt: number };

/** Everything that can be seen of a run. */
export interface Run {
  readonly trace: readonly string[];
  readonly outcome: string;
  readonly suspensions: number;
  readonly points: number;
  readonly world: World;
}

/** When everything that still waits is told to stop, in the seconds of the mock clock; programs that wait for ever are common. */
const CURFEW = 1000;

// What there is when a program refers to something of its kind before it has made one.
const LAZY: Program & { 0: "lazy" } = ["lazy", 0, ["await", 0]];
const POOL: Program & { 0: "pool" } = ["pool", 1, ["yield"], ["isCancelled"], ["yield"]];

/** From here on every node fails: a pool whose items need an item of that pool never comes to an end. */
const MOST_POINTS = 150;

/** A failure of a program; one object for each number, so that the same error can come from several sides. */
class Thrown extends Error {
  override readonly name = "Thrown";
}

/** Numbers the nodes in the order in which they are printed. The nodes are copied: a node may stand in a program twice. */
export function number(program: Program): { program: Program; labels: ReadonlyMap<Program, string> } {
  const labels = new Map<Program, string>();
  const copy = (node: Program): Program => {
    const twin: unknown[] = [];
    labels.set(twin as unknown as Program, `${labels.size} ${node[0]}`);
    for (const part of node as readonly unknown[]) twin.push(Array.isArray(part) ? copyPart(part) : part);
    return twin as unknown as Program;
  };
  // A node begins with its name; anything else is a list of nodes.
  const copyPart = (part: readonly unknown[]): unknown =>
    typeof part[0] === "string" ? copy(part as Program) : (part as Program[]).map(copy);
  return { program: copy(program), labels };
}

/** Where a node is played. */
interface Place {
  readonly sw: SwitchLike;
  /** What the innermost handler around has caught. */
  readonly caught: { readonly error: unknown } | undefined;
}

export class World {
  readonly trace: string[] = [];
  readonly cells: [DeferredLike<string>, ResolverLike<string>][] = [];
  readonly semaphores: SemaphoreLike[] = [];
  readonly streams: StreamLike<string>[] = [];
  readonly mutexes: MutexLike[] = [];
  readonly conditions: ConditionLike[] = [];
  readonly lazies: LazyLike[] = [];
  readonly pools: PoolLike[] = [];
  /** Permits given back less permits taken, by hand. */
  readonly balance = [0, 0, 0];
  readonly contexts: ContextLike[] = [];
  readonly switches: SwitchLike[] = [];
  readonly outcomes: DeferredLike<Result<unknown>>[] = [];
  readonly hooks: HookLike[] = [];
  /** Nodes that have begun and not ended. */
  open = 0;
  points = 0;
  suspensions = 0;
  /** Release handlers that were registered, less those that have ended or were taken back. */
  unreleased = 0;

  /** What is left below the root at the end: its own fiber apart. */
  tree: string | undefined;
  /** Whether a timer is left at the end. */
  sleepers = false;

  private readonly lib: Library;
  private readonly labels: ReadonlyMap<Program, string>;
  private readonly fault: Fault;
  private readonly keys: never[];
  private readonly errors: Thrown[] = [];
  private readonly fibers = new Map<unknown, number>();
  private readonly seen = new Map<unknown, number>();
  private clock!: ClockLike;
  private root!: ContextLike;

  constructor(lib: Library, labels: ReadonlyMap<Program, string>, fault: Fault) {
    this.lib = lib;
    this.labels = labels;
    this.fault = fault;
    this.keys = [0, 1].map(() => lib.Fiber.createKey() as never);
  }

  // --- the whole ---

  *main(program: Program, clock: ClockLike): Op<unknown> {
    this.clock = clock;
    this.root = this.lib.currentFiber().context;
    this.contexts.push(this.root);
    const stop = clock.startTimer(CURFEW, () => this.root.cancel("curfew"));
    try {
      return yield* this.lib.Switch.run((sw) => this.inSwitch(sw, program));
    } finally {
      stop();
      const tree = this.root.dump();
      if (tree.includes("\n") || tree.includes(";")) this.tree = tree;
      this.sleepers = clock.tryAdvance();
    }
  }

  suspended(): void {
    this.suspensions++;
    if (this.fault && "cancelAt" in this.fault && this.fault.cancelAt === this.suspensions) {
      this.trace.push("-- the root is cancelled");
      this.root.cancel(this.error(9));
    }
  }

  private point(): void {
    this.points++;
    if (this.points > MOST_POINTS) throw this.error(8);
    if (this.fault && "throwAt" in this.fault && this.fault.throwAt === this.points) throw this.error(9);
  }

  // --- what is written down ---

  private note(label: string, what: string): void {
    this.trace.push(`f${this.fiberNumber(this.lib.currentFiber())} ${label}${what}`);
  }

  /** What is no part of the program, but of what it finds there, has no number. */
  private labelOf(node: Program): string {
    return this.labels.get(node) ?? node[0];
  }

  private fiberNumber(fiber: unknown): number {
    let ordinal = this.fibers.get(fiber);
    if (ordinal === undefined) this.fibers.set(fiber, (ordinal = this.fibers.size));
    return ordinal;
  }

  /** A value or an error for the trace. Objects whose identity matters have a number, in order of appearance. */
  show(value: unknown): string {
    if (Array.isArray(value)) return `[${value.map((item) => this.show(item)).join(", ")}]`;
    if (value instanceof Error) return this.showError(value as Error & Record<string, unknown>);
    if (typeof value === "object" && value !== null && "ok" in value) {
      const result = value as Result<unknown>;
      return result.ok ? `ok(${this.show(result.value)})` : `error(${this.show(result.error)})`;
    }
    return String(value);
  }

  private showError(error: Error & Record<string, unknown>): string {
    switch (error.name) {
      case "Thrown":
        return `Thrown(${error.message})`;
      case "Cancelled": {
        let ordinal = this.seen.get(error);
        if (ordinal === undefined) this.seen.set(error, (ordinal = this.seen.size));
        return `Cancelled#${ordinal}(${this.show(error.reason)})`;
      }
      case "Multiple":
        return `Multiple(${(error.errors as unknown[]).map((e) => this.show(e)).join(", ")})`;
      case "Exit":
      case "NotFirst":
        return error.name;
      case "Poisoned":
        return `Poisoned(${this.show(error.reason)})`;
      case "Timeout":
        return `Timeout(${String(error.seconds)})`;
      case "ReleaseError":
        return `ReleaseError(${this.show(error.error)}, ${this.show(error.cause)})`;
      case "DeadlockDetected":
        return `DeadlockDetected(${(error.waiting as { id?: number }[]).map((w) => `f${this.ordinalOf(w)}`).join(", ")})`;
      case "InvalidArgument":
      case "SwitchFinishedError":
      case "StreamClosed":
      case "SysError":
      case "Failure":
        return `${error.name}(${error.message})`;
      default:
        // Nothing else is ever thrown on purpose.
        return `unexpected ${error.stack}`;
    }
  }

  /** The core reports waiting fibers by id, the model as they are. A fiber that never noted anything has no number. */
  private ordinalOf(waiting: { id?: number }): string {
    for (const [fiber, ordinal] of this.fibers) {
      if (fiber === waiting || (waiting.id !== undefined && (fiber as { id?: number }).id === waiting.id))
        return `${ordinal}`;
    }
    return "?";
  }

  /** Where everything stands, when nothing runs any more. */
  state(): string {
    const lines: string[] = [];
    this.semaphores.forEach((semaphore, n) => lines.push(`semaphore ${n}: ${semaphore.getValue()}`));
    this.streams.forEach((stream, n) =>
      lines.push(`stream ${n}: ${stream.length}${stream.isClosed() ? ", closed" : ""}`),
    );
    this.mutexes.forEach((mutex, n) =>
      lines.push(`mutex ${n}: ${this.show(mutex.getError() ?? (mutex.isLocked() ? "locked" : "free"))}`),
    );
    return `-- ${lines.join("; ")}`;
  }

  // --- what programs refer to ---

  private error(n: number): Thrown {
    return (this.errors[n] ??= new Thrown(String(n)));
  }

  cell(n: number): [DeferredLike<string>, ResolverLike<string>] {
    return (this.cells[n] ??= this.lib.Deferred.create<string>());
  }

  /** The n-th semaphore has n permits, the n-th stream a capacity of n; each is made when it is first used. */
  private semaphore(n: number): SemaphoreLike {
    return (this.semaphores[n] ??= new this.lib.Semaphore(n));
  }

  private stream(n: number): StreamLike<string> {
    return (this.streams[n] ??= new this.lib.Stream(n));
  }

  private mutex(n: number): MutexLike {
    return (this.mutexes[n] ??= new this.lib.Mutex());
  }

  private condition(n: number): ConditionLike {
    return (this.conditions[n] ??= new this.lib.Condition());
  }

  private switchAt(n: number, place: Place): SwitchLike {
    return n === 0 ? place.sw : this.switches[(n - 1) % this.switches.length]!;
  }

  // --- nodes ---

  *play(node: Program, place: Place): Op<unknown> {
    const { lib } = this;
    const label = this.labelOf(node);
    this.open++;
    this.note(label, "");
    try {
      this.point();
      const value = yield* this.act(node, place);
      this.note(label, ` = ${this.show(value)}`);
      return value;
    } catch (error) {
      this.note(label, ` ! ${this.show(error)}${lib.Fiber.isCancelled() ? " (cancelled)" : ""}`);
      throw error;
    } finally {
      this.open--;
    }
  }

  private act(node: Program, place: Place): Op<unknown> {
    const { lib, clock } = this;
    const { Fiber, Cancel, Switch } = lib;
    const bodyOf = (body: Program) => () => this.play(body, place);
    switch (node[0]) {
      case "note":
        return done(undefined);
      case "check":
        return doing(() => Fiber.check());
      case "isCancelled":
        return doing(() => Fiber.isCancelled());
      case "rethrow":
        return doing(() => {
          if (place.caught) throw place.caught.error;
        });
      case "throw":
        return doing(() => {
          throw this.error(node[1]);
        });
      case "resolve":
        return telling(() => this.cell(node[1])[1].resolve(this.labelOf(node)));
      case "tryResolve":
        return doing(() => this.cell(node[1])[1].tryResolve(this.labelOf(node)));
      case "isResolved":
        return doing(() => this.cell(node[1])[0].isResolved() || undefined);
      case "release":
        return doing(() => {
          this.balance[node[1]]!++;
          this.semaphore(node[1]).release();
        });
      case "tryAcquire":
        return doing(() => {
          const taken = this.semaphore(node[1]).tryAcquire();
          if (taken) this.balance[node[1]]!--;
          return taken;
        });
      case "tryAdd":
        return telling(() => this.stream(node[1]).tryAdd(this.labelOf(node)));
      case "tryTake":
        return doing(() => this.stream(node[1]).tryTake()?.value);
      case "close":
        return doing(() => this.stream(node[1]).close());
      case "unlock":
        return telling(() => this.mutex(node[1]).unlock());
      case "tryLock":
        return telling(() => this.mutex(node[1]).tryLock());
      case "broadcast":
        return doing(() => this.condition(node[1]).broadcast());
      case "lazy":
        return doing(() => this.lazies.push(this.lazyOf(node, place)));
      case "pool":
        return doing(() => this.pools.push(this.poolOf(node, place)));
      case "cancel":
        return telling(() => this.contexts[node[1] % this.contexts.length]!.cancel(this.error(node[2])));
      case "cancelOwn":
        return telling(() => lib.currentFiber().context.cancel(this.error(node[1])));
      case "fail":
        return telling(() => this.switchAt(node[1], place).fail(this.error(node[2])));
      case "state":
        return doing(() => [
          this.switchAt(node[1], place).getError(),
          this.contexts[node[1] % this.contexts.length]!.getError(),
        ]);
      case "removeHook":
        return doing(() => {
          const hook = this.hooks[node[1] % this.hooks.length];
          const removed = hook?.tryRemove();
          if (removed) this.unreleased--;
          return removed;
        });
      case "get":
        return doing(() => Fiber.get(this.keys[node[1]]!));

      case "yield":
        return Fiber.yield();
      case "awaitCancel":
        return Fiber.awaitCancel();
      case "sleep":
        return clock.sleep(node[1]);
      case "await":
        return this.cell(node[1])[0].await();
      case "acquire":
        return this.acquire(node[1]);
      case "add":
        return this.stream(node[1]).add(this.labelOf(node));
      case "take":
        return this.stream(node[1]).take();
      case "next":
        return this.nextOf(node[1]);
      case "lock":
        return this.mutex(node[1]).lock();
      case "awaitNoMutex":
        return this.condition(node[1]).awaitNoMutex();
      case "awaitWith":
        return this.condition(node[1]).await(this.mutex(node[2]));
      case "force":
        if (this.lazies.length === 0) this.lazies.push(this.lazyOf(LAZY, place));
        return this.lazies[node[1] % this.lazies.length]!.force();
      case "outcome":
        return this.outcomes[node[1] % this.outcomes.length]?.await() ?? done(undefined);
      case "outcomeOrThrow":
        return this.outcomes[node[1] % this.outcomes.length]?.awaitOrThrow() ?? done(undefined);

      case "seq":
        return this.sequence(node[1], place);
      case "catch":
        return this.catching(node[1], node[2], place);
      case "finally":
        return this.finalizing(node[1], node[2], place);
      case "lifted":
        return liftedPlay(lib)(this, node[1], place);

      case "sub":
        return Cancel.sub((context) => {
          this.contexts.push(context);
          return this.play(node[1], place);
        });
      case "protect":
        return Cancel.protect(() => this.play(node[1], place));
      case "switch":
        return Switch.run((sw) => this.inSwitch(sw, node[1]));
      case "protectedSwitch":
        return Switch.runProtected((sw) => this.inSwitch(sw, node[1]));
      case "use":
        return this.semaphore(node[1]).use(() => this.play(node[2], place));
      case "useRo":
        return this.mutex(node[1]).useRo(() => this.play(node[2], place));
      case "useRw":
        return this.mutex(node[1]).useRw(() => this.play(node[2], place), { protect: false });
      case "useRwProtected":
        return this.mutex(node[1]).useRw(() => this.play(node[2], place), { protect: true });
      case "loop":
        return this.loop(node[1], node[2], place);
      case "usePool":
      case "useExtra":
        return this.usePool(node, place);
      case "bind":
        return Fiber.withBinding(this.keys[node[1]]!, this.labelOf(node), () => this.play(node[2], place));
      case "unbind":
        return Fiber.withoutBinding(this.keys[node[1]]!, () => this.play(node[2], place));
      case "timeout":
        return clock.withTimeoutExn(node[1], () => this.play(node[2], place));
      case "timeoutResult":
        return clock.withTimeout(node[1], () => succeeding(this.play(node[2], place)));

      case "both":
        return Fiber.both(bodyOf(node[1]), bodyOf(node[2]));
      case "pair":
        return Fiber.pair(bodyOf(node[1]), bodyOf(node[2]));
      case "first":
        return Fiber.first(bodyOf(node[1]), bodyOf(node[2]));
      case "firstJoined":
        return Fiber.first(bodyOf(node[1]), bodyOf(node[2]), { combine: join });
      case "all":
        return Fiber.all(node[1].map(bodyOf));
      case "any":
        return Fiber.any(node[1].map(bodyOf));
      case "anyJoined":
        return Fiber.any(node[1].map(bodyOf), { combine: join });
      case "nAny":
        return Fiber.nAny(node[1].map(bodyOf));
      case "map":
        return Fiber.map(node[2].map(bodyOf), (body) => body(), { maxFibers: node[1] });
      case "filter":
        return Fiber.filter(node[2].map(bodyOf), (body) => truth(body()), { maxFibers: node[1] });
      case "filterMap":
        return Fiber.filterMap(node[2].map(bodyOf), (body) => body(), { maxFibers: node[1] });
      case "forEach":
        return Fiber.forEach(node[2].map(bodyOf), (body) => body(), { maxFibers: node[1] });

      case "fork":
        return Fiber.fork(this.switchAt(node[1], place), () => this.play(node[2], place));
      case "daemon":
        return Fiber.forkDaemon(this.switchAt(node[1], place), () => this.play(node[2], place));
      case "promise":
        return this.forkPromise(this.switchAt(node[1], place), node[2], place);
      case "onRelease":
        return this.onRelease(this.switchAt(node[1], place), node[2], place, false);
      case "hook":
        return this.onRelease(this.switchAt(node[1], place), node[2], place, true);
    }
  }

  private *inSwitch(sw: SwitchLike, body: Program): Op<unknown> {
    this.switches.push(sw);
    this.contexts.push(sw.context);
    return yield* this.play(body, { sw, caught: undefined });
  }

  private *acquire(n: number): Op<void> {
    yield* this.semaphore(n).acquire();
    this.balance[n]!--;
  }

  private lazyOf([, mode, body]: Program & { 0: "lazy" }, place: Place): LazyLike {
    const cancel = (["restart", "record", "protect"] as const)[mode];
    return this.lib.Lazy.fromFun(() => this.play(body, place), { cancel });
  }

  private poolOf([, n, alloc, validate, dispose]: Program & { 0: "pool" }, place: Place): PoolLike {
    let made = 0;
    return new this.lib.Pool(n, () => giving(this.play(alloc, place), () => `item ${++made}`), {
      validate: () => truth(this.play(validate, place)),
      dispose: () => giving(this.play(dispose, place), () => undefined),
    });
  }

  private usePool([op, which, body]: Program & { 0: "usePool" | "useExtra" }, place: Place): Op<unknown> {
    if (this.pools.length === 0) this.pools.push(this.poolOf(POOL, place));
    const pool = this.pools[which % this.pools.length]!;
    const use = (item: unknown) => giving(this.play(body, place), () => item);
    return pool.use(use, { neverBlock: op === "useExtra" });
  }

  /** Three updates are enough: one that broadcasts itself would never end. */
  private loop(n: number, body: Program, place: Place): Op<unknown> {
    let updates = 0;
    const update = () => (++updates > 3 ? done("enough") : this.play(body, place));
    return this.condition(n).loopNoMutex(update);
  }

  private *nextOf(n: number): Op<string> {
    const items = this.stream(n).iterate();
    return (yield* items.next()) ? items.value : "end";
  }

  private *sequence(steps: readonly Program[], place: Place): Op<unknown> {
    let value: unknown;
    for (const step of steps) value = yield* this.play(step, place);
    return value;
  }

  private *catching(body: Program, handler: Program, place: Place): Op<unknown> {
    try {
      return yield* this.play(body, place);
    } catch (error) {
      return yield* this.play(handler, { ...place, caught: { error } });
    }
  }

  private *finalizing(body: Program, cleanup: Program, place: Place): Op<unknown> {
    try {
      return yield* this.play(body, place);
    } finally {
      yield* this.play(cleanup, place);
    }
  }

  private *forkPromise(sw: SwitchLike, body: Program, place: Place): Op<boolean> {
    const outcome = yield* this.lib.Fiber.forkPromise(sw, () => this.play(body, place));
    this.outcomes.push(outcome);
    return outcome.isResolved();
  }

  private *onRelease(sw: SwitchLike, body: Program, place: Place, removable: boolean): Op<void> {
    // A handler that does nothing but note is a plain function; others may suspend.
    const handler =
      body[0] === "note"
        ? () => {
            this.note(this.labelOf(body), " released");
            this.unreleased--;
          }
        : () => this.released(body, place);
    this.unreleased++;
    if (removable) this.hooks.push(yield* sw.onReleaseCancellable(handler));
    else yield* sw.onRelease(handler);
  }

  private *released(body: Program, place: Place): Op<void> {
    try {
      yield* this.play(body, place);
    } finally {
      this.unreleased--;
    }
  }
}

function* done<T>(value: T): Op<T> {
  return value;
}

function* doing<T>(act: () => T): Op<T> {
  return act();
}

/** The error of a call that may come too late is a value: it must not end the program. */
function* telling(act: () => unknown): Op<unknown> {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

function* giving<T>(op: Op<unknown>, result: () => T): Op<T> {
  yield* op;
  return result();
}

function* succeeding(op: Op<unknown>): Op<Result<unknown>> {
  return { ok: true, value: yield* op };
}

function* truth(op: Op<unknown>): Op<boolean> {
  return (yield* op) !== undefined;
}

const join = (earlier: unknown, later: unknown) => [earlier, later];

type LiftedPlay = (world: World, node: Program, place: Place) => Op<unknown>;
const lifted = new Map<Library, LiftedPlay>();

/** {@link World.play} as a generator function whose calls are lifted onto the fiber's stack; marked once. */
function liftedPlay(lib: Library): LiftedPlay {
  let play = lifted.get(lib);
  if (!play) {
    play = lib.fiber(function* (world: World, node: Program, place: Place): Op<unknown> {
      return yield* world.play(node, place);
    });
    lifted.set(lib, play);
  }
  return play;
}

/** Plays a numbered program to its end. */
export function play(
  lib: Library,
  { program, labels }: ReturnType<typeof number>,
  fault: Fault,
  observed: boolean,
): Run {
  const world = new World(lib, labels, fault);
  let outcome: string;
  // Nobody reads where errors were made and fibers forked, and to look would take half of the time.
  const stacks = Error as { stackTraceLimit: number; captureStackTrace?: unknown };
  const { stackTraceLimit, captureStackTrace } = stacks;
  stacks.stackTraceLimit = 0;
  stacks.captureStackTrace = undefined;
  try {
    const value = lib.run(({ clock }) => world.main(program, clock), observed ? () => world.suspended() : undefined);
    outcome = `= ${world.show(value)}`;
  } catch (error) {
    outcome = `! ${world.show(error)}`;
  } finally {
    stacks.stackTraceLimit = stackTraceLimit;
    stacks.captureStackTrace = captureStackTrace;
  }
  world.trace.push(world.state());
  return { trace: world.trace, outcome, suspensions: world.suspensions, points: world.points, world };
}
