// What fiber code and foreign code know of each other while they call one another: stores of `AsyncLocalStorage`, fiber-locals, and
// which fiber owns what foreign code starts.
//
// |             | `trackContext`                                 | `withStore`              | `captureBridge`, `createBridge`        |
// |-------------|------------------------------------------------|--------------------------|----------------------------------------|
// | stores      | each step of a fiber runs in those that it was | of the body, and of what | of the fiber that captured it          |
// |             | started in, whoever resumes it                 | it forks                 |                                        |
// | owner       | async code in `fromAsync` works for its fiber  | -                        | the captured fiber; the bridge         |
// |             | after it has waited, too                       |                          |                                        |
// | cancel      | with that fiber                                | -                        | with that fiber; `close`               |
// | afterwards  | `SwitchFinishedError`                          | -                        | `SwitchFinishedError`;                 |
// |             |                                                |                          | `RuntimeClosedError`                   |

import {
  asyncDispose,
  Cancelled,
  captureSurroundings,
  reportUnhandled,
  RuntimeClosedError,
  setSurroundings,
  startRoot,
  suspend,
  Switch,
  withSurroundings,
  type Body,
  type Op,
  type Surroundings,
} from "trestle";
import { callFor, CallingFiber, trackCallers, type Belonging, type Caller, type StoreLike } from "./crossing/caller.js";
import type { AsyncDisposableLike } from "./crossing/platform.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectFunction, expectOptions, refuse } from "./crossing/refuse.js";
import { toPromise, type ToPromiseOptions } from "./promise.js";

/** A store: `AsyncLocalStorage` of `node:async_hooks`, or what works like it. */
export interface AsyncStore<T> extends StoreLike<T> {
  enterWith?(value: T): void;
  disable?(): void;
}

/** The class `AsyncLocalStorage` of `node:async_hooks`, or what works like it. */
export interface AsyncStoreClass {
  new (): AsyncStore<never>;
  /** Gives what runs functions in the stores of this moment. */
  snapshot(): Surroundings;
}

type Snapshot = () => Surroundings;

/**
 * Whether what is entered in a snapshot stays in it: so it is where a store belongs to an asynchronous resource, and a snapshot is one.
 */
function snapshotsKeep(storage: AsyncStoreClass): boolean {
  const probe = new storage() as AsyncStore<unknown>;
  if (!probe.enterWith) return false;
  const snapshot = storage.snapshot();
  snapshot(() => probe.enterWith!(true));
  const kept = snapshot(() => probe.getStore()) === true;
  probe.disable?.();
  return kept;
}

const snapshots = new WeakMap<object, Snapshot>();

/** How to take a snapshot whose contents no step can change. */
function snapshotOf(storage: AsyncStoreClass): Snapshot {
  let take = snapshots.get(storage);
  if (take) return take;
  const plain = () => storage.snapshot();
  take = plain;
  if (snapshotsKeep(storage)) {
    take = () => {
      const kept = plain();
      return (step) => kept(() => plain()(step));
    };
  }
  snapshots.set(storage, take);
  return take;
}

function expectStorage(where: string, storage: unknown): asserts storage is AsyncStoreClass {
  if (typeof (storage as { snapshot?: unknown } | null | undefined)?.snapshot !== "function")
    refuse(where, "storage", "the class AsyncLocalStorage", storage);
}

/**
 * Has fibers and async code know each other's context from now on, through `AsyncLocalStorage`, which is given because browsers have
 * none. Call it once, where the program begins. It is off by default, as it makes each fiber and each step dearer.
 *
 * - Each fiber keeps the stores that it was started or forked in; all its steps, its clean-up and its listeners run in them, whoever
 *   resumes or cancels it. What a step enters with `enterWith` lasts to the end of that step.
 * - Async code that {@link fromAsync} has called works for the calling fiber also after it has waited: a fiber that it starts with
 *   {@link toPromise} has the fiber-locals of the calling one and is cancelled along with it. The calling fiber, or the switch around
 *   it, waits for it. When the calling fiber has ended, `toPromise` is rejected with `SwitchFinishedError`, unless it is given a switch
 *   or `{ inherit: false }`.
 *
 * Without it all of this holds only where the calling fiber is still on the stack; or through {@link captureBridge}.
 *
 * @example
 * trackContext(AsyncLocalStorage);
 * const answer = await requestStore.run(request, () => toPromise(() => handle(request)));
 * trackContext(undefined);
 *
 * @param storage  the class itself; `undefined` switches tracking off, for fibers made from then on
 */
export function trackContext(storage: AsyncStoreClass | undefined): void {
  if (storage === undefined) {
    setSurroundings(undefined);
    trackCallers(undefined);
    return;
  }
  expectStorage("trackContext", storage);
  const callers = new storage() as AsyncStore<unknown> as AsyncStore<Caller | undefined>;
  const take = snapshotOf(storage);
  trackCallers(callers);
  // A fiber is nobody's foreign code: what it calls in passing works for nobody, whoever started the fiber.
  setSurroundings(() => callers.run(undefined, take));
}

/**
 * Runs `body` with `store` holding `value` in all its steps and in those of the fibers that it forks, and gives its result; afterwards
 * the fiber has the former value back. `store.run(value, ...)` for fibers; it cannot be used itself, since it ends at the first
 * suspension. Not a cancellation point.
 *
 * @example
 * yield* withStore(requestStore, request, function* () {
 *   yield* clock.sleep(0.001);
 *   requestStore.getStore(); // => { id: "r-17", url: "/orders" }
 * });
 *
 * @param store  an `AsyncLocalStorage`
 */
export function withStore<S, T>(store: AsyncStore<S>, value: S, body: Body<T>): Op<T> {
  const storage: unknown = (store as object | null | undefined)?.constructor;
  if (typeof (store as Partial<AsyncStore<S>> | null | undefined)?.run !== "function")
    refuse("withStore", "store", "an AsyncLocalStorage", store);
  expectStorage("withStore", storage);
  expectBody("withStore", "body", body);
  const take = snapshotOf(storage);
  return new Recipe(() => withSurroundings(store.run(value, take), body, take())[Symbol.iterator](), "withStore");
}

/** By which foreign code starts fibers that have an owner, see {@link captureBridge} and {@link createBridge}. */
export interface Bridge {
  /** {@link toPromise} on behalf of the owner. */
  toPromise<T>(body: Body<T>, options?: ToPromiseOptions): Promise<T>;
  /**
   * Calls `fn` on behalf of the owner, and gives its result: what `fn` starts, with whichever bridge, belongs to the owner. Where context
   * is tracked, also after it has waited.
   */
  run<R>(fn: () => R): R;
}

function bridgeOf(caller: Caller, around: Surroundings | undefined): Bridge {
  const run = <R>(fn: () => R): R => (around ? around(() => callFor(caller, fn)) : callFor(caller, fn));
  return {
    toPromise: (body, options) => run(() => toPromise(body, options)),
    run(fn) {
      expectFunction("Bridge.run", "fn", fn);
      return run(fn);
    },
  };
}

/**
 * The calling fiber as something that foreign code can hold, to start fibers that belong to it: with its fiber-locals, cancelled along
 * with its present context, waited for by the innermost switch around it. It does by hand what {@link trackContext} does by itself, and
 * works where that cannot. Not a cancellation point.
 *
 * When the fiber has ended, or the context that it was captured in, `toPromise` of the bridge is rejected with `SwitchFinishedError`.
 *
 * @example
 * yield* Switch.run(function* () {
 *   const bridge = yield* captureBridge();
 *   socket.on("request", (url) => void bridge.toPromise(() => handle({ url })));
 *   yield* clock.sleep(0.01);
 * }); // the requests under way have been waited for
 */
export function captureBridge(): Op<Bridge> {
  return new Recipe(captured, "captureBridge");
}

function* captured(): Generator<never, Bridge> {
  return bridgeOf(new CallingFiber(requireFiber("captureBridge"), true), captureSurroundings());
}

/** A bridge that is its own owner, see {@link createBridge}. */
export interface OwningBridge extends Bridge, AsyncDisposableLike {
  /** Cancels all fibers of the bridge, and is fulfilled when they have ended. From now on the bridge starts no more. */
  close(): Promise<void>;
}

/** The options of {@link createBridge}. */
export interface BridgeOptions {
  /** Shown in reports and in the error about a closed bridge. */
  name?: string;
}

/** The reason by which fibers are cancelled when their bridge is closed. */
class BridgeClosed extends Error {
  override readonly name = "BridgeClosed";
  readonly code = "BRIDGE_CLOSED";

  constructor() {
    super("the bridge was closed");
  }
}

class Owner implements Caller {
  readonly fiber = undefined;
  private readonly name: string | undefined;
  private sw: Switch | undefined = undefined;
  private closing = false;
  private readonly cancel: (reason: unknown) => void;
  private readonly ended: Promise<void>;

  constructor(name: string | undefined) {
    this.name = name;
    let hasEnded!: () => void;
    this.ended = new Promise((resolve) => (hasEnded = resolve));
    const keeper = startRoot(() => Switch.run((sw) => this.keep(sw), { name }), {
      name: name ?? "createBridge",
      onDone(outcome) {
        hasEnded();
        if (!outcome.ok && !(outcome.error instanceof Cancelled)) reportUnhandled(outcome.error);
      },
    });
    this.cancel = (reason) => keeper.cancel(reason);
  }

  private keep(sw: Switch): Op<never> {
    this.sw = sw;
    return suspend<never>("the bridge to be closed", (ctx, enqueue) =>
      ctx.setCancelFn((error) => enqueue({ ok: false, error })),
    );
  }

  owner(where: string): Belonging {
    if (this.closing) throw new RuntimeClosedError(where, this.name);
    return { sw: this.sw! };
  }

  close(): Promise<void> {
    if (!this.closing) {
      this.closing = true;
      try {
        this.cancel(new BridgeClosed());
      } catch (error) {
        // What clean-up callbacks threw; whoever closes is not to blame.
        reportUnhandled(error);
      }
    }
    return this.ended;
  }
}

/**
 * A bridge for a part of a program that is not a fiber, such as a server made of callbacks: what it starts belongs to the bridge, and
 * ends with it. `close` cancels all of it, waits until the last finalizer is done, and only then is the bridge closed. Declared with
 * `await using` it is closed at the end of the block.
 *
 * After `close`, `toPromise` of the bridge is rejected with `RuntimeClosedError`, at once.
 *
 * @example
 * const bridge = createBridge({ name: "server" });
 * socket.on("request", (url) => void bridge.toPromise(() => handle({ url })));
 * // When the server is to stop:
 * await bridge.close();
 *
 * @param options.name  shown in reports
 */
export function createBridge(options?: BridgeOptions): OwningBridge {
  expectOptions("createBridge", options, "name");
  const owner = new Owner(options?.name);
  const close = () => owner.close();
  return { ...bridgeOf(owner, undefined), close, [asyncDispose]: close };
}
