/**
 * The one table from what a rewrite needs to where the run-time libraries export it. Renaming a library function
 * touches this file and no transform.
 */

export const runtimeNames = {
  Op: { module: "trestle", typeOnly: true },
  Fiber: { module: "trestle", typeOnly: false },
  Semaphore: { module: "trestle", typeOnly: false },
  Cancel: { module: "trestle", typeOnly: false },
  Cancelled: { module: "trestle", typeOnly: false },
  fromPromise: { module: "@trestle/bridges", typeOnly: false },
  fromCallback: { module: "@trestle/bridges", typeOnly: false },
  firstOf: { module: "@trestle/bridges", typeOnly: false },
  lastOf: { module: "@trestle/bridges", typeOnly: false },
  fromNode: { module: "@trestle/bridges", typeOnly: false },
  fromNodeAll: { module: "@trestle/bridges", typeOnly: false },
  toCallback: { module: "@trestle/bridges", typeOnly: false },
  adopt: { module: "@trestle/bridges", typeOnly: false },
  fromAsync: { module: "@trestle/bridges", typeOnly: false },
  toPromise: { module: "@trestle/bridges", typeOnly: false },
  toAsync: { module: "@trestle/bridges", typeOnly: false },
  direct: { module: "@trestle/bridges", typeOnly: false },
  pair: { module: "@trestle/bridges", typeOnly: false },
  fromAsyncIterable: { module: "@trestle/bridges", typeOnly: false },
  toAsyncGenerator: { module: "@trestle/bridges", typeOnly: false },
  emit: { module: "@trestle/bridges", typeOnly: false },
  emitAll: { module: "@trestle/bridges", typeOnly: false },
  pairMethods: { module: "@trestle/bridges", typeOnly: false },
} as const;

export type RuntimeName = keyof typeof runtimeNames;

export const runtimeModules = [...new Set(Object.values(runtimeNames).map((entry) => entry.module))];

/**
 * Declarations of the table's names, for checking an edited program in a project that does not have the libraries yet.
 * A test holds them against the libraries' own declarations.
 */
export const ambientDeclarations = `
declare module "trestle" {
  const instruction: unique symbol;
  export interface Instruction { readonly [instruction]: true }
  export interface Op<T> { [Symbol.iterator](): Iterator<Instruction, T, unknown> }
  export class Cancelled extends Error { readonly reason: unknown }
  export class Semaphore {
    constructor(n: number, options?: { name?: string });
    use<T>(body: () => Op<T>): Op<T>;
  }
  export namespace Cancel {
    export function protect<T>(body: () => Op<T>): Op<T>;
  }
  export namespace Fiber {
    export function all<B extends readonly (() => Op<unknown>)[] | []>(
      bodies: B,
    ): Op<{ -readonly [K in keyof B]: B[K] extends () => Op<infer T> ? T : never }>;
    export function map<A, B>(items: Iterable<A>, fn: (item: A, index: number) => Op<B>, options?: { maxFibers?: number }): Op<B[]>;
    function yieldNow(): Op<void>;
    export { yieldNow as yield };
  }
}
declare module "@trestle/bridges" {
  import type { Instruction, Op } from "trestle";
  export function fromPromise<T>(promise: PromiseLike<T>): Op<T>;
  export function fromCallback<T>(
    register: (ok: (value: T) => void, fail: (error: unknown) => void) => void | (() => void),
  ): Op<T>;
  export interface ObserverLike<T> {
    next(value: T): void;
    error(error: unknown): void;
    complete(): void;
  }
  export type ObservableLike<T> =
    | { subscribe(observer: ObserverLike<T>): unknown }
    | { subscribe(next?: ((value: T) => void) | null): unknown };
  export interface FirstOfOptions<D> { default?: D }
  export function firstOf<T>(source: ObservableLike<T>, options?: undefined): Op<T>;
  export function firstOf<T, D = never>(source: ObservableLike<T>, options: FirstOfOptions<D> | undefined): Op<T | D>;
  export function lastOf<T>(source: ObservableLike<T>, options?: undefined): Op<T>;
  export function lastOf<T, D = never>(source: ObservableLike<T>, options: FirstOfOptions<D> | undefined): Op<T | D>;
  export function fromNode<This, A extends unknown[], R = void>(
    fn: (this: This, ...args: [...args: A, callback: (error: unknown, value: R) => void]) => unknown,
  ): (this: This, ...args: A) => Op<R>;
  export function fromNodeAll<This, A extends unknown[], R extends unknown[]>(
    fn: (this: This, ...args: [...args: A, callback: (error: unknown, ...values: R) => void]) => unknown,
  ): (this: This, ...args: A) => Op<R>;
  export function toCallback<T>(
    body: () => Op<T>,
    callback: (error: unknown, value?: T) => void,
    options?: { inline?: boolean },
  ): { cancel(reason?: unknown): void };
  export function adopt<T extends readonly unknown[]>(value: T): Op<T>;
  export function adopt<T>(value: Op<T>): Op<T>;
  export function adopt<T>(value: Op<T> | undefined): Op<T | undefined>;
  export function adopt<T>(value: Op<T> | null | undefined): Op<T | null | undefined>;
  export function adopt<T>(value: T): Op<Awaited<T>>;
  export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : object;
  export function fromAsync<T>(fn: (signal: Signal) => PromiseLike<T> | T): Op<Awaited<T>>;
  export function toPromise<T>(body: () => Op<T>, options?: { name?: string }): Promise<T>;
  export function toAsync<This, A extends unknown[], T>(fn: (this: This, ...args: A) => Op<T>, options?: { name?: string }): (this: This, ...args: A) => Promise<T>;
  export type Direct<F> = F extends (...args: infer A) => infer R ? (...args: A) => Op<Awaited<R>> : never;
  export function direct<A extends unknown[], R>(fn: (...args: A) => R, self?: object): (...args: A) => Op<Awaited<R>>;
  export function direct<O extends object, K extends keyof O>(object: O, name: K): Direct<O[K]>;
  export function pair(facade: (...args: never[]) => unknown, twin: (...args: never[]) => Op<unknown>): void;
  export function pairMethods(holder: object, names: Readonly<Record<string, string>>): void;
  const item: unique symbol;
  export interface Item<T> { readonly [item]: T }
  export type ItemOf<Y> = Y extends Item<infer T> ? T : never;
  export interface Yielding<Y extends Instruction | Item<unknown>, R> { [Symbol.iterator](): Iterator<Y, R, unknown> }
  export interface Producing<T, R = void> { [Symbol.iterator](): Iterator<Instruction | Item<T>, R, unknown> }
  export interface Pull<T> {
    next(): Op<boolean>;
    readonly value: T;
    close(): Op<void>;
    closeAfter(error: unknown): Op<unknown>;
  }
  export function fromAsyncIterable<T>(source: AsyncIterable<T>): Pull<T>;
  export function fromAsyncIterable<T>(source: Iterable<T>): Pull<Awaited<T>>;
  export function fromAsyncIterable<T>(source: AsyncIterable<T> | Iterable<T | PromiseLike<T>>): Pull<T>;
  export function emit<T>(item: T | PromiseLike<T>): Producing<T>;
  export function emitAll<T, R>(source: AsyncGenerator<T, R, unknown>): Producing<T, R>;
  export function emitAll<T>(source: AsyncIterable<T>): Producing<T, unknown>;
  export function emitAll<T>(source: Iterable<T>): Producing<Awaited<T>, unknown>;
  export function emitAll<T>(source: AsyncIterable<T> | Iterable<T | PromiseLike<T>>): Producing<T, unknown>;
  export function toAsyncGenerator<Y extends Instruction | Item<unknown>, R>(
    body: () => Yielding<Y, R>,
    options?: { name?: string },
  ): AsyncGenerator<ItemOf<Y>, R, unknown>;
}
`;
