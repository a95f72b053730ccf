/** Durations as reports show them. */

/** @param start and `end` in the milliseconds of `performance.now()`; to a thousandth */
export function secondsBetween(start: number, end: number): number {
  return Math.round(end - start) / 1000;
}
