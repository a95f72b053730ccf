/**
 * A module of somebody's project, with what could trip a compiler. It is compiled here, and by the compilers of old projects with the
 * libraries of theirs; so it names nothing that an old library does not have.
 */
import {
  Cancel,
  Cancelled,
  Condition,
  Deferred,
  Fiber,
  IoError,
  Lazy,
  Multiple,
  Mutex,
  Poisoned,
  Semaphore,
  Switch,
  Timeout,
  addContext,
  asyncDispose,
  dispose,
  explain,
  fromSystemError,
  startRoot,
  trailOf,
  type Env,
  type Held,
  type Op,
  type Permit,
  type Resolver,
  type RootFiber,
} from "trestle";
import { map } from "trestle/fiber";
import { run as runMock } from "trestle/mock";
import { run } from "trestle/node";
import {
  adopt,
  cancelSignal,
  Done,
  events,
  firstOf,
  fromAsync,
  fromCallback,
  fromNode,
  fromObservable,
  limited,
  toAsync,
  toPromise,
  withSignal,
  type Subscribed,
} from "@trestle/bridges";
import { fromPromise } from "@trestle/bridges/promise";

declare module "trestle/io-error" {
  interface IoErrAreas {
    Db: { readonly area: "Db"; readonly kind: "Locked"; readonly table: string; readonly backend?: unknown };
  }
}

function areaOf(error: unknown): string {
  if (!(error instanceof IoError))
    return trailOf(error)
      .map((step) => step.kind)
      .join();
  const { err } = addContext(error, "asking");
  if (err.area === "Fs") return err.kind === "Not_found" ? String(err.backend) : err.kind;
  if (err.area === "Db") return err.table;
  return err.kind === "Multiple_io" ? err.errors.map(areaOf).join() : explain(fromSystemError(error));
}

function* twice(x: number): Op<number> {
  yield* Fiber.yield();
  return 2 * x;
}

function* scoped(env: Env): Op<string> {
  const [a, b] = yield* Fiber.pair(
    () => twice(1),
    () => adopt("text"),
  );
  const sum: number = a + b.length;
  const many: number[] = yield* map([1, 2, 3], twice, { maxFibers: 2 });
  return yield* Switch.run(function* (sw) {
    const [cell, resolver]: [Deferred<string>, Resolver<string>] = Deferred.create<string>();
    yield* Fiber.fork(sw, function* () {
      yield* env.clock.sleep(0.001);
      resolver.resolve("text");
    });
    const lock = new Semaphore(1);
    const text: string = yield* lock.use(() => cell.await());
    return `${sum} ${many.length} ${text}`;
  });
}

function* text(): Op<string> {
  yield* Fiber.yield();
  return "text";
}

function* locked(mutex: Mutex, changed: Condition, config: Lazy<string>): Op<number> {
  const slots = new Semaphore(2, { name: "slots" });
  const permit: Permit = yield* slots.hold();
  permit.release();
  const held: Held | undefined = mutex.tryHold();
  if (held) held.unlock();
  const length: number = yield* mutex.useRw(function* () {
    changed.broadcast();
    return (yield* config.force()).length;
  });
  const found: number = yield* changed.loopNoMutex(function* () {
    return length > 0 ? length : undefined;
  });
  return yield* Switch.run(function* (sw) {
    const owned: Permit = yield* sw.own(yield* slots.hold());
    const root: RootFiber = startRoot(() => twice(1), { sw, onDone() {} });
    const ended: PromiseLike<void> = root[asyncDispose]();
    owned[dispose]();
    // @ts-expect-error -- nothing disposes of a number
    void (() => sw.own(1));
    void ended;
    return found;
  });
}

interface Source {
  subscribe(observer: { next(value: number): void }): unknown;
}

interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

function show(n: number, done: (error: unknown, text: string) => void): void {
  done(undefined, String(n));
}

function* bordered(source: Source, emitter: Emitter): Op<string> {
  const text: string = yield* fromPromise(Promise.resolve("text"));
  const aborted: boolean = yield* fromAsync((signal) => Promise.resolve(signal.aborted));
  const signal = yield* cancelSignal();
  const inner: number = yield* withSignal(signal, () => twice(1));
  const called: number = yield* fromCallback<number>((ok) => {
    ok(1);
    return { cancel() {} };
  });
  const shown: string = yield* fromNode(show)(1);
  const first: number = yield* firstOf(source);
  return yield* Switch.run(function* (sw) {
    const values: Subscribed<number> = yield* fromObservable(sw, source);
    const value: number | Done = yield* values.next();
    values.close();
    const clicks = yield* events(sw, emitter, "click");
    const click: unknown[] | Done = yield* clicks.next();
    const known = click === Done ? 0 : click.length;
    return [text, aborted, inner, called, shown, first, value === Done ? 0 : value, known].join();
  });
}

export async function main(): Promise<string> {
  const doubled: (x: number) => Promise<number> = toAsync(twice);
  const promised: number = await toPromise(() => twice(1), { name: "once" });
  const mocked: number = runMock(() => twice(promised));
  try {
    const config = Lazy.fromFun(() => text(), { cancel: "restart" });
    const length: number = runMock(() => locked(new Mutex({ name: "config" }), new Condition(), config));
    return `${await run(scoped)} ${mocked + (await doubled(1)) + length}`;
  } catch (error) {
    if (error instanceof Multiple) return error.errors.map(String).join() + error.message;
    if (error instanceof Poisoned) return String(error.reason);
    if (error instanceof Timeout || error instanceof Cancelled) return error.message;
    throw error;
  }
}

/** Were the packages not found, all would be `any`, and these no errors. */
export function* wrong(source: Source): Op<void> {
  // @ts-expect-error -- a number
  const core: string = yield* twice(1);
  // @ts-expect-error -- a number
  const bridges: string = yield* firstOf(source);
  void [core, bridges];
}

export const others = { areaOf, bordered, sub: Cancel.sub, two: limited(2, twice) };
