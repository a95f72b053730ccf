// Runs a world's adapters through the suites, as its contract asks.

import { describe, expect, it } from "vitest";
import { columns, worlds, type Incoming, type Outgoing } from "./contract.js";
import { incoming } from "./incoming.js";
import { outgoing } from "./outgoing.js";
import type { Sides } from "./worlds/world.js";

/** Whether all that is said of an adapter is said in words of its own, which have tests of their own. */
const particular = (row: Incoming | Outgoing): boolean =>
  columns.every((column) => typeof row[column] === "object" || row[column] === "-");

/**
 * Runs the suites over a world.
 *
 * @param module  what the world's subpath exports
 */
export function conformance(subpath: string, sides: Sides | undefined, module: Record<string, unknown>): void {
  const world = worlds.find((candidate) => candidate.subpath === subpath);
  if (!world) throw new Error(`there is no contract of ${subpath}`);
  describe(subpath, () => {
    it("has a contract of each adapter, and a foreign side for each that shares clauses with others", () => {
      const contracts = { ...world.incoming, ...world.outgoing };
      const named = new Set(Object.keys(contracts).flatMap((name) => name.match(/\w+/g)!));
      const functions = Object.keys(module).filter((name) => /^[a-z]/.test(name) && typeof module[name] === "function");
      expect(functions.filter((name) => !named.has(name))).toEqual([]);
      for (const direction of ["incoming", "outgoing"] as const) {
        const shared = Object.entries<Incoming | Outgoing>(world[direction]).filter(([, row]) => !particular(row));
        expect(Object.keys(sides?.[direction] ?? {}).sort()).toEqual(
          shared
            .map(([name]) => name)
            .filter((name) => !elsewhere.has(name))
            .sort(),
        );
      }
    });
    for (const [name, [make, traits]] of Object.entries(sides?.incoming ?? {}))
      incoming(name, world.incoming[name]!, make, traits);
    for (const [name, [handOver, traits]] of Object.entries(sides?.outgoing ?? {}))
      outgoing(name, world.outgoing[name]!, handOver, traits);
  });
}

/** These give what a stream holds, not what a fiber does: their own tests show that they are made of the others. */
const elsewhere = new Set(["streamToObservable", "shareStream"]);
