// A world as the conformance suites see it: a foreign side for each adapter of its contract.

import type { HandOver, Traits as OutgoingTraits } from "../outgoing.js";
import type { Source, Traits as IncomingTraits } from "../incoming.js";

export interface Sides {
  readonly incoming: Readonly<Record<string, readonly [make: () => Source, traits?: IncomingTraits]>>;
  readonly outgoing: Readonly<Record<string, readonly [handOver: HandOver, traits?: OutgoingTraits]>>;
}

export type Outcome = { value: unknown } | { error: unknown };

/** What came of a promise. */
export function settled(promise: PromiseLike<unknown>): Promise<Outcome> {
  return Promise.resolve(promise).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

/** What a promise failed with, if it did. */
export function failure(promise: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(promise).then(
    () => undefined,
    (error: unknown) => error,
  );
}
