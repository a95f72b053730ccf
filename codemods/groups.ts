/** The functions of a plan by the groups that are converted together. */

import type { Candidate, MigrationPlan } from "./plan.js";

export interface Group {
  readonly id: number;
  /** Of its functions. */
  readonly name: string;
  readonly functions: readonly Candidate[];
}

/** Leaves first; without what is left. */
export function convertedGroups(plan: MigrationPlan): Group[] {
  const groups = new Map<number, Candidate[]>();
  for (const candidate of plan.candidates) {
    if (candidate.kind !== "function" || candidate.group === undefined) continue;
    if (candidate.disposition === "leave" || candidate.disposition === "suspect") continue;
    groups.set(candidate.group, [...(groups.get(candidate.group) ?? []), candidate]);
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([id, functions]) => ({ id, functions, name: functions.map(({ name }) => name).join(", ") }));
}
