// Numbers for fibers, switches, contexts and cells, so that reports can tell them apart.
// Each scheduler counts from 1: a program under the mock prints the same numbers on every run.

/** A source of numbers; schedulers are sources. */
export interface IdSource {
  nextId: number;
}

const outside: IdSource = { nextId: 1 };
let source: IdSource = outside;

/** Makes `next` the source of new numbers and gives back the one used so far, which the caller restores. */
export function swapIdSource(next: IdSource): IdSource {
  const previous = source;
  source = next;
  return previous;
}

/** A number that no other object of the same scheduler has. */
export function mintId(): number {
  return source.nextId++;
}
