// An async function and the fiber function behind it, known as a pair.
//
// The async one keeps its name for those who wait for promises, replace it in a subclass or stub it in a test. Fibers that call through
// `direct` or through a paired method run the fiber function itself as long as nobody has replaced the async one.

import type { Op } from "trestle";
import { adopt, toPromise } from "./promise.js";
import { isThenable, Recipe } from "./crossing/recipe.js";
import { expectBody, expectFunction, refuse } from "./crossing/refuse.js";
import { remember, twinOf, type AnyFunction, type FiberFunction } from "./crossing/twins.js";

/** A function that gives a promise or a value, as a fiber function. */
export type Direct<F> = F extends (...args: infer A) => infer R ? (...args: A) => Op<Awaited<R>> : never;

/**
 * The fiber function behind an async one: that of {@link toAsync} or {@link pair}, or of the paired method `name` of `object`. For any
 * other function, such as a stub that a test has put in its place, a fiber function that calls it and waits as {@link adopt} does.
 *
 * What `direct` gives is lazy: the function is called when the op is run, each time anew.
 *
 * Of a method, `direct(store, "get")` calls it on `store`. So does `direct(store.get, store)`, which keeps the type parameters of
 * the method and may name a private one.
 *
 * @example
 * const size = toAsync(function* (address: string): Op<number> {
 *   return (yield* download(address)).text.length;
 * });
 * const length = yield* direct(size)(url); // runs in this fiber, without a promise
 *
 * @param fn  gives a promise, or a value at once
 * @param self  what `fn` is called on; nothing by default
 * @throws TypeError at once, when there is no such function
 */
export function direct<A extends unknown[], R>(fn: (...args: A) => R, self?: object): (...args: A) => Op<Awaited<R>>;
export function direct<O extends object, K extends keyof O>(object: O, name: K): Direct<O[K]>;
export function direct(holder: unknown, nameOrSelf?: unknown): FiberFunction {
  const isMethod = isKey(nameOrSelf);
  const fn = isMethod ? (holder as Record<PropertyKey, unknown>)[nameOrSelf] : holder;
  if (isMethod && typeof fn !== "function") refuse("direct", String(nameOrSelf), "a method of the object", fn);
  expectFunction("direct", "fn", fn);
  const twin = twinOf(fn as object);
  const self = isMethod ? holder : nameOrSelf;
  return (...args) => {
    return twin === undefined ? callLater(fn as AnyFunction, self, args) : outcomeOf(twin.apply(self, args));
  };
}

/** What an async function returns it waits for, whatever its declared type. */
function* outcomeOf(op: Op<unknown>): Op<unknown> {
  const value = yield* op;
  return isThenable(value) ? yield* adopt(value) : value;
}

function isKey(value: unknown): value is PropertyKey {
  return typeof value === "string" || typeof value === "symbol" || typeof value === "number";
}

/**
 * Makes a pair of an async function and the fiber function behind it, for {@link direct}. {@link toAsync} does so by itself.
 *
 * @example
 * function* loadOp(id: string): Op<string> {
 *   return (yield* download(id)).text;
 * }
 * function load(id: string): Promise<string> {
 *   return toPromise(() => loadOp(id));
 * }
 * pair(load, loadOp);
 * yield* direct(load)(url); // => "the text of https://example.org/a"
 *
 * @param facade  does the same as `twin`, and gives a promise of it
 * @param twin  a fiber function with the same parameters
 * @throws TypeError when one of them is not such a function
 */
export function pair(facade: (...args: never[]) => unknown, twin: (...args: never[]) => Op<unknown>): void {
  expectFunction("pair", "facade", facade);
  expectBody("pair", "twin", twin);
  remember(facade, twin as FiberFunction);
}

/**
 * Makes pairs of the methods of a class, so that fibers may call the fiber methods and still respect whoever replaces the async ones.
 * Calling `getOp` runs it, unless `get` is another on that object: overridden in a subclass, stubbed, or set on the object. Then that
 * one is called, and waited for as {@link adopt} does. `get` itself, also through `super`, runs the `getOp` of its own class.
 *
 * @example
 * class Store {
 *   get(id: string): Promise<string> {
 *     return toPromise(() => this.getOp(id));
 *   }
 *   *getOp(id: string): Op<string> {
 *     return (yield* download(id)).text;
 *   }
 * }
 * pairMethods(Store.prototype, { get: "getOp" });
 * class Memory extends Store {
 *   override async get(id: string): Promise<string> {
 *     return `remembered ${id}`;
 *   }
 * }
 * yield* new Memory().getOp("a"); // => "remembered a"
 *
 * @param holder  the prototype that has the methods, or the class for its static ones
 * @param names  for each async method the name of the fiber method
 * @throws TypeError when `holder` lacks one of them
 */
export function pairMethods(holder: object, names: Readonly<Record<string, string>>): void {
  if ((typeof holder !== "object" && typeof holder !== "function") || holder === null) {
    refuse("pairMethods", "holder", "the prototype of a class, or a class", holder);
  }
  for (const [name, twinName] of Object.entries(names)) pairMethod(holder as Methods, name, twinName);
}

type Methods = Record<string, AnyFunction | undefined>;

function pairMethod(holder: Methods, name: string, twinName: string): void {
  const written = ownMethod(holder, name);
  const body = ownMethod(holder, twinName) as FiberFunction;
  // Methods, because methods know `this` and cannot be called with `new`.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { facade, twin } = {
    facade(this: unknown, ...args: unknown[]): Promise<unknown> {
      return toPromise(() => body.apply(this, args), { name });
    },
    twin(this: Methods, ...args: unknown[]): Op<unknown> {
      // Called as `super.getOp()` from the fiber method of a subclass, it is not for that subclass to answer again.
      const current = this[twinName] === twin ? this[name] : holder[name];
      return current === facade ? body.apply(this, args) : callLater(current as AnyFunction, this, args);
    },
  };
  replace(holder, name, facade, written);
  replace(holder, twinName, twin as AnyFunction, body);
  remember(facade, body);
}

function ownMethod(holder: Methods, name: string): AnyFunction {
  const method = Object.getOwnPropertyDescriptor(holder, name)?.value as unknown;
  if (typeof method !== "function") refuse("pairMethods", name, "a method of the holder itself", method);
  return method as AnyFunction;
}

/** The descriptor stays: a method of a class is not listed. */
function replace(holder: Methods, name: string, method: AnyFunction, like: AnyFunction): void {
  Object.defineProperty(method, "name", { value: like.name, configurable: true });
  Object.defineProperty(method, "length", { value: like.length, configurable: true });
  Object.defineProperty(holder, name, { value: method });
}

function callLater(fn: AnyFunction, self: unknown, args: unknown[]): Op<unknown> {
  return new Recipe(() => adopt(fn.apply(self, args))[Symbol.iterator](), "direct");
}
