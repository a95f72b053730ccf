/**
 * Cuts a migration into batches, each of which leaves a program that type-checks and behaves as before. Functions are
 * taken leaves first, in whole groups, so that a batch needs few bridges to what comes later.
 */
import type { AsyncFunction } from "./analyse/functions.js";
import type { Unit } from "./analyse/units.js";
import type { Batch } from "./plan.js";

/** Functions in a batch, as many as a reviewer takes in at once. */
export const defaultBatchSize = 25;

/** Only a group that is larger by itself makes a batch larger than `size`. */
export function packed(units: readonly Unit[], size: number): Unit[][] {
  const batches: Unit[][] = [];
  let room = 0;
  for (const unit of units) {
    if (unit.length > room || batches.length === 0) {
      batches.push([]);
      room = size;
    }
    batches.at(-1)?.push(unit);
    room -= unit.length;
  }
  return batches;
}

/** What stands between the two worlds once this batch and those before it are migrated. */
export interface Border {
  readonly facades: number;
  readonly bridges: number;
}

export function describeBatch(number: number, batch: readonly Unit[], border: Border): Batch {
  const functions = batch.flat();
  return {
    number,
    functions: functions.map((fn: AsyncFunction) => ({ file: fn.file.fileName, start: fn.node.getStart(fn.file) })),
    files: [...new Set(functions.map((fn) => fn.file.fileName))].sort(),
    ...border,
  };
}
