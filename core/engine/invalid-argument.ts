// The error of a programming mistake that depends on state: a finished scope used, a cell resolved twice.

import { KIND, KnownError } from "./known-error.js";

/**
 * A call that can never be right in the present state, such as resolving a cell twice. Arguments of a wrong type are refused with a
 * `TypeError` instead.
 *
 * @example
 * const [, resolver] = Deferred.create<number>();
 * resolver.resolve(1);
 * resolver.resolve(2); // throws InvalidArgument: Can't resolve already-resolved promise
 */
export class InvalidArgument extends KnownError {
  override readonly name: string = "InvalidArgument";
  readonly code: string = "INVALID_ARGUMENT";

  /** @internal */
  get [KIND](): string {
    return "INVALID_ARGUMENT";
  }
}
