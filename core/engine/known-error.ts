// Errors that are known by what they are, not by which copy of the library made them: two versions in one program must not make
// `instanceof` lie.

import { hasOtherCopies } from "./copies.js";

/** On the prototype of an error class: its code. A global symbol, so that all copies look for the same. */
export const KIND: unique symbol = Symbol.for("trestle.error") as never;

/** Base of the errors that programs look for. A subclass of the user's is known by its own copy alone. */
export abstract class KnownError extends Error {
  /** @internal */
  abstract get [KIND](): string;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isKin(this, value);
  }
}

function isKin(Class: { prototype: object }, value: unknown): boolean {
  const ours = Class.prototype;
  if (typeof value !== "object" || value === null) return false;
  if (Object.prototype.isPrototypeOf.call(ours, value)) return true;
  if (!hasOtherCopies()) return false;
  const kind = kindOf(ours);
  if (kind === undefined) return false;
  for (let proto = parent(value); proto; proto = parent(proto)) if (kindOf(proto) === kind) return true;
  return false;
}

const parent = (object: object) => Object.getPrototypeOf(object) as object | null;

function kindOf(prototype: object): unknown {
  return Object.getOwnPropertyDescriptor(prototype, KIND)?.get?.call(prototype);
}
