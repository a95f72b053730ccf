/** With which arguments a function tells its callback of a success, and what its fiber function gives in their place. */
import { type TS } from "../compiler.js";
import type { Nothing, Read } from "./flow.js";
import { forEachComplete, outcomeOf } from "./handling.js";

export type Shape =
  /** `cb(null)`: nothing. */
  | { readonly kind: "none"; readonly nothing: Nothing }
  /** `cb(null, value)`: the value. */
  | { readonly kind: "one"; readonly nothing: Nothing }
  /** `cb(null, a, b)`: an array of the values. */
  | { readonly kind: "tuple"; readonly nothing: Nothing }
  /** It is not the same on every path: an array of all arguments. */
  | { readonly kind: "all" };

/** Kinds of arguments, as `null 1`. */
export type Tellings = ReadonlySet<string>;

export function ownTellings(read: Read, checker: TS.TypeChecker): Set<string> {
  const found = new Set<string>();
  forEachComplete(read.flow, new Map(), checker, (complete, known) => {
    if (outcomeOf(complete, known, checker) === "error") return;
    found.add(`${complete.nothing} ${complete.values.length}`);
  });
  for (const { callee, callback } of read.waits) {
    if (callback === undefined && callee.own === undefined) found.add(`null ${callee.results ?? 0}`);
  }
  return found;
}

export function shapeOf(tellings: Tellings): Shape {
  const [only, ...more] = tellings;
  if (only === undefined) return { kind: "none", nothing: "null" };
  if (more.length > 0) return { kind: "all" };
  const [nothing = "null", count = "0"] = only.split(" ") as [Nothing, string];
  return { kind: count === "0" ? "none" : count === "1" ? "one" : "tuple", nothing };
}
