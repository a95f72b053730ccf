/**
 * What is converted together: functions that call each other in a circle, and methods that stand for one another. Any
 * set of whole units can be converted without the others; leaves come first.
 */
import type { Analysis } from "./decide.js";
import { components } from "./components.js";
import type { AsyncFunction } from "./functions.js";

export type Unit = readonly AsyncFunction[];

export function unitsOf({
  functions,
  references,
  groups,
}: Pick<Analysis, "functions" | "references" | "groups">): Unit[] {
  const edges = new Map<AsyncFunction, Set<AsyncFunction>>(functions.map((fn) => [fn, new Set()]));
  for (const [target, uses] of references) {
    for (const use of uses) for (const caller of use.within) edges.get(caller)?.add(target);
  }
  for (const fn of functions) {
    // A ring through the members makes a circle of them.
    const members = groups.membersOf(fn);
    const next = members[(members.indexOf(fn) + 1) % members.length];
    if (next !== undefined && next !== fn) edges.get(fn)?.add(next);
  }
  return components(functions, (fn) => edges.get(fn) ?? []);
}
