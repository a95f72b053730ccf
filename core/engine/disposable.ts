// How `using` and `await using` end a lifetime, where the language has them or a compiler makes up for it.

import { block } from "./block.js";
import { describe, refuse } from "./describe.js";
import type { Op } from "./op.js";

/** The type of a symbol of the language, or of ours where the project's library does not know it. */
type Known<Name extends string, Ours extends symbol> = [Extract<Name, keyof SymbolConstructor>] extends [never]
  ? Ours
  : SymbolConstructor[Extract<Name, keyof SymbolConstructor>];

// What compilers that lower `using` look for when the platform has no such symbol.
const ourDispose: unique symbol = /* @__PURE__ */ Symbol.for("Symbol.dispose") as never;
const ourAsyncDispose: unique symbol = /* @__PURE__ */ Symbol.for("Symbol.asyncDispose") as never;

const platform = Symbol as { readonly dispose?: symbol; readonly asyncDispose?: symbol };

/**
 * `Symbol.dispose`; on platforms without it, the symbol that compilers which lower `using` take in its place.
 *
 * @example
 * const held = yield* mutex.hold();
 * held[dispose](); // what `using` does at the end of the block
 */
export const dispose: Known<"dispose", typeof ourDispose> = (platform.dispose ?? ourDispose) as never;

/**
 * `Symbol.asyncDispose`; on platforms without it, the symbol that compilers which lower `await using` take in its place.
 *
 * @example
 * const root = startRoot(() => work(), { onDone: log });
 * await root[asyncDispose](); // what `await using` does at the end of the block
 */
export const asyncDispose: Known<"asyncDispose", typeof ourAsyncDispose> = (platform.asyncDispose ??
  ourAsyncDispose) as never;

/** What `using` takes: the `Disposable` of projects whose library has it. */
export interface DisposableLike {
  [dispose](): void;
}

/** What `await using` takes: the `AsyncDisposable` of projects whose library has it. */
export interface AsyncDisposableLike {
  [asyncDispose](): PromiseLike<unknown>;
}

/** Lets `using` call `end` at the end of the block that holds `object`. */
export function disposable<T extends object>(object: T, end: () => void): T & DisposableLike {
  return Object.defineProperty(object, dispose, { value: end }) as T & DisposableLike;
}

/**
 * What `await using` would do at the end of a block that holds `resource`, for a fiber to run; a promise is waited for whatever
 * happens to the fiber.
 *
 * @throws TypeError when nothing ends the lifetime of `resource`
 */
export function disposer(where: string, resource: unknown): () => Op<void> | void {
  const end = methodOf(resource, asyncDispose, ourAsyncDispose);
  if (end) return () => settled(Reflect.apply(end, resource, []), resource);
  const endNow = methodOf(resource, dispose, ourDispose);
  if (!endNow) refuse(where, "resource", "an object with Symbol.dispose or Symbol.asyncDispose", resource);
  return () => void Reflect.apply(endNow, resource, []);
}

type Method = (this: unknown) => unknown;

/** The method under one of two symbols: somebody else's objects may have the compilers' one on any platform. */
function methodOf(resource: unknown, symbol: symbol, other: symbol): Method | undefined {
  if (resource === null || (typeof resource !== "object" && typeof resource !== "function")) return undefined;
  const methods = resource as Record<symbol, unknown>;
  const method = methods[symbol] ?? methods[other];
  return typeof method === "function" ? (method as Method) : undefined;
}

function settled(promise: unknown, resource: unknown): Op<void> | undefined {
  if (typeof (promise as PromiseLike<unknown> | null | undefined)?.then !== "function") return undefined;
  const called = `the disposal of ${describe(resource)}`;
  return block(called, (fiber) => {
    // Nothing interrupts this wait.
    const waiting = { cancelWait() {}, describeWait: () => called };
    fiber.wait(waiting);
    void Promise.resolve(promise).then(
      () => fiber.settle(waiting, false, undefined),
      (error: unknown) => fiber.settle(waiting, true, error),
    );
    return false;
  });
}
