// Programs that must compile, and lines that must not.

import {
  Cancel,
  Condition,
  Deferred,
  Fiber,
  IoError,
  Lazy,
  Mutex,
  Semaphore,
  Stream,
  Switch,
  addContext,
  dispose,
  fiber,
  startRoot,
  suspend,
  type Body,
  type Held,
  type Op,
  type Permit,
  type Poisoned,
  type Request,
  type Result,
  type RootFiber,
} from "trestle";
import * as Namespace from "trestle/fiber";
import { Handler, mapAction, run as runMock, runAction, type Action } from "trestle/mock";
import { run } from "trestle/node";

declare function same<T>(): <U>(value: U & ([T] extends [U] ? ([U] extends [T] ? unknown : never) : never)) => void;

declare function g(): Op<number>;

export function* annotated(): Op<number> {
  const x = yield* g();
  same<number>()(x);
  return x;
}

export function* inferred() {
  const x = yield* g();
  const s = yield* Deferred.createResolved("s").await();
  return [x, s] as const;
}

export const asOp: Op<readonly [number, string]> = inferred();
export const asBody: Body<number> = annotated;

export function* combined() {
  const [a, b] = yield* Fiber.pair(annotated, inferred);
  same<number>()(a);
  const all = yield* Fiber.all([annotated, () => inferred(), () => Fiber.yield()]);
  same<[number, readonly [number, string], void]>()(all);
  const many = yield* Fiber.all(
    [1, 2].map(
      (n) =>
        function* () {
          yield* Fiber.yield();
          return n;
        },
    ),
  );
  same<number[]>()(many);
  const mapped = yield* Fiber.map(["a"], function* (item, index) {
    same<string>()(item);
    same<number>()(index);
    return item.length;
  });
  same<number[]>()(mapped);
  const first = yield* Fiber.first(annotated, () => Namespace.awaitCancel());
  same<number>()(first);
  const size = yield* Switch.run(
    function* (sw) {
      const job = yield* Fiber.forkPromise(sw, annotated);
      same<Deferred<Result<number>>>()(job);
      const n = yield* job.awaitOrThrow();
      same<number>()(n);
      return n;
    },
    { name: "block" },
  );
  same<number>()(size);
  const key = Fiber.createKey<string>();
  same<string | undefined>()(Fiber.get(key));
  const bound = yield* Fiber.withBinding(key, "x", annotated);
  same<number>()(bound);
  const ctx = yield* Cancel.sub(function* (cc) {
    cc.cancel(1);
    return yield* new Semaphore(1).use(annotated);
  });
  same<number>()(ctx);
  const suspended = yield* suspend<string>("x", (_ctx, enqueue) => enqueue({ ok: true, value: "x" }));
  same<string>()(suspended);
  return b;
}

export const deep = fiber(function* (n: number): Op<number> {
  return n === 0 ? 0 : 1 + (yield* deep(n - 1));
});

export const promise: Promise<number> = run(function* (env) {
  yield* env.clock.sleep(1);
  return yield* annotated();
});
export const value: number = runMock(annotated);

export function* excluded(mutex: Mutex, condition: Condition, slots: Semaphore) {
  same<number>()(yield* mutex.useRw(annotated));
  same<number>()(yield* mutex.useRw(annotated, { protect: false }));
  same<readonly [number, string]>()(yield* mutex.useRo(inferred));
  same<Poisoned | undefined>()(mutex.getError());
  using held = yield* mutex.hold();
  same<Held>()(held);
  using permit = slots.tryHold();
  same<Permit | undefined>()(permit);
  using _stream = new Stream<number>(1);
  using request = condition.registerImmediate(() => {});
  same<Request>()(request);
  const disposables: Disposable[] = [held, request, yield* slots.hold()];
  // What `update` gives when it gives something.
  const found = yield* condition.loopNoMutex(function* () {
    const n = yield* annotated();
    return n > 1 ? n : undefined;
  });
  same<number>()(found);
  const nullable = yield* condition.loopNoMutex(function* (): Op<string | null | undefined> {
    return null;
  });
  same<string | null>()(nullable);
  const lazy = Lazy.fromFun(annotated, { cancel: "restart" });
  same<Lazy<number>>()(lazy);
  same<number>()(yield* lazy.force());
  same<string>()(yield* Lazy.fromVal("x").force());
  return disposables;
}

export function* owned(sw: Switch, disposable: Disposable & { readonly size: number }, closing: AsyncDisposable) {
  same<Disposable & { readonly size: number }>()(yield* sw.own(disposable));
  same<AsyncDisposable>()(yield* sw.own(closing));
  const root = yield* sw.own(startRoot(annotated, { onDone() {} }));
  same<RootFiber>()(root);
  const ending: AsyncDisposable = root;
  using hook = yield* sw.onReleaseCancellable(() => {});
  const taken: Disposable = hook;
  same<typeof Symbol.dispose>()(dispose);
  // @ts-expect-error -- nothing disposes of it
  yield* sw.own({ close() {} });
  // @ts-expect-error -- a promise of a resource is not one
  yield* sw.own(Promise.resolve(disposable));
  return [ending, taken];
}

// @ts-expect-error -- there is no default
void Lazy.fromFun(annotated, {});

// @ts-expect-error -- not one of the three
void Lazy.fromFun(annotated, { cancel: "retry" });

// @ts-expect-error -- an async function is not a body
void new Mutex().useRw(async () => 1);

// @ts-expect-error -- a semaphore is not a mutex
void new Condition().await(new Semaphore(1));

// @ts-expect-error -- an operation that may wait is an op
void new Mutex().lock().then;

// @ts-expect-error -- only instructions may be yielded: yield* was meant
export const noStar: Body<number> = function* () {
  yield g();
  return 1;
};

// @ts-expect-error -- an op is not a body
void Fiber.both(g(), g());

// @ts-expect-error -- an async function is not a body
void Fiber.both(async () => 1, g);

// @ts-expect-error -- the result is a number
export const wrongResult: Body<string> = annotated;

export function* wrongKey() {
  yield* Fiber.yield();
  // @ts-expect-error -- the key is of strings
  yield* Fiber.withBinding(Fiber.createKey<string>(), 1, annotated);
  // @ts-expect-error -- the cell holds a number, not a Result
  yield* Deferred.createResolved(1).awaitOrThrow();
}

declare module "trestle/io-error" {
  interface IoErrAreas {
    Db: { readonly area: "Db"; readonly kind: "Locked"; readonly table: string; readonly backend?: unknown };
  }
}

export function areas(error: unknown): string | undefined {
  if (!(error instanceof IoError)) return undefined;
  const { err } = error;
  if (err.area === "Fs") {
    same<"Not_found" | "Already_exists" | "Permission_denied" | "No_space" | "Not_native">()(err.kind);
    return String(err.backend);
  }
  if (err.area === "Net" && err.kind === "Connection_failure") return err.reason;
  if (err.area === "Db") return err.table;
  if (err.kind === "Multiple_io") return err.errors.map(areas).join();
  // @ts-expect-error -- no such area
  return err.area === "Moon" ? "" : undefined;
}

export const locked = new IoError({ area: "Db", kind: "Locked", table: "users" }, ["saving"]);
// @ts-expect-error -- no such kind in this area
export const nonsense = new IoError({ area: "Fs", kind: "Connection_reset" });
export const extended: IoError = addContext(locked, "step");
export const anything: unknown = addContext(undefined as unknown, "step");

export function* scripted() {
  const handler = new Handler<number>({ raise: new Error("down") });
  handler.seq([
    { return: 1 },
    { yieldThen: { await: Deferred.createResolved<Result<number>>({ ok: true, value: 1 }) } },
  ]);
  handler.seq([{ run: annotated }]);
  // @ts-expect-error -- a handler of numbers
  handler.seq([{ return: "one" }]);
  same<number>()(yield* handler.run());
  same<string>()(yield* Handler.make({ return: "text" }).run());
  const mapped = mapAction({ return: 2 }, (n) => String(n));
  same<Action<string>>()(mapped);
  same<string>()(yield* runAction(mapped));
}
