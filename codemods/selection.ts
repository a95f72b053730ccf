/** Which of the functions in scope a migration is to convert, and why not the others. */
import picomatch from "picomatch";
import type { Analysis } from "./analyse/decide.js";
import type { AsyncFunction } from "./analyse/functions.js";
import { enclosingClass } from "./analyse/syntax.js";
import { unitsOf, type Unit } from "./analyse/units.js";
import { ExitCode, MigrationError } from "./failure.js";
import type { Place, Reason } from "./plan.js";

export interface Selection {
  /** Names of functions, `Class.method` for methods; `*` and the like stand for any text. */
  readonly symbols?: readonly string[] | undefined;
  /** Only the functions at these places. */
  readonly only?: readonly Place[] | undefined;
  /** Functions to be left, for a reason that is known already. */
  readonly leave?: readonly (Place & { readonly reason: Reason })[] | undefined;
}

/** The functions to be left, with the reason. Whole units are selected, whichever of their functions is named. */
export function unselected(analysis: Analysis, selection: Selection): Map<AsyncFunction, Reason> {
  const units = unitsOf(analysis);
  const refused = new Map<AsyncFunction, Reason>();
  const { symbols, only, leave = [] } = selection;
  if (symbols !== undefined && symbols.length > 0) keep(byName(units, symbols), "it was not named");
  if (only !== undefined) {
    const places = new Set(only.map(placeKey));
    keep(new Set(units.filter((unit) => unit.some((fn) => places.has(placeKey(placeOf(fn)))))), "it was not selected");
  }
  const reasons = new Map(leave.map((place) => [placeKey(place), place.reason]));
  for (const fn of analysis.functions) {
    const reason = reasons.get(placeKey(placeOf(fn)));
    if (reason !== undefined) refused.set(fn, reason);
  }
  return refused;

  function keep(kept: ReadonlySet<Unit>, why: string): void {
    for (const unit of units) {
      if (kept.has(unit)) continue;
      for (const fn of unit) refused.set(fn, { code: "TR1804", message: `${fn.label}: ${why}` });
    }
  }
}

export function placeOf(fn: AsyncFunction): Place {
  return { file: fn.file.fileName, start: fn.node.getStart(fn.file) };
}

function placeKey({ file, start }: Place): string {
  return `${start} ${file}`;
}

function byName(units: readonly Unit[], symbols: readonly string[]): Set<Unit> {
  const kept = new Set<Unit>();
  for (const symbol of symbols) {
    const isMeant = picomatch(symbol);
    const found = units.filter((unit) => unit.some((fn) => namesOf(fn).some((name) => isMeant(name))));
    if (found.length === 0) {
      throw new MigrationError(ExitCode.usage, `no async function in scope is called ${symbol}; see \`trestle scan\``);
    }
    for (const unit of found) kept.add(unit);
  }
  return kept;
}

/** The names a person may know a function by. */
export function namesOf(fn: AsyncFunction): string[] {
  if (fn.name === undefined) return [];
  const owner = fn.form === "method" ? enclosingClass(fn.node)?.name?.text : undefined;
  return owner === undefined ? [fn.name] : [fn.name, `${owner}.${fn.name}`];
}
