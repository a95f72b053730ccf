// How a source that can wait, and what it feeds, find each other: by symbols, because neither may import the other's library.

/** Marks an observable whose producer waits for room. */
export const WAITS: unique symbol = Symbol.for("trestle.waits") as never;
/** The method of an observer that gives an op which waits for room, when there is none. */
export const ROOM: unique symbol = Symbol.for("trestle.room") as never;

/** Whether the producer behind `source` can be made to wait. */
export function canWait(source: unknown): boolean {
  return (source as { [WAITS]?: unknown })[WAITS] === true;
}
