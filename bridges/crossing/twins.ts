// Which fiber function stands behind an async one: the memory of toAsync, pair and pairMethods.

import type { Op } from "trestle";

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
export type FiberFunction = (this: unknown, ...args: unknown[]) => Op<unknown>;

// Weak, and no property of the function: what lists or copies properties sees nothing of it.
const twins = new WeakMap<object, FiberFunction>();

export function remember(facade: object, twin: FiberFunction): void {
  twins.set(facade, twin);
}

export function twinOf(facade: object): FiberFunction | undefined {
  return twins.get(facade);
}
