// Several failures at once, and who reports them.

export { combine, Multiple } from "./engine/multiple.js";
export { onUnhandledError, reportUnhandled } from "./engine/unhandled.js";

/**
 * Something could not be done with the values at hand: a number out of range, text that does not parse.
 *
 * @example
 * yield* Fiber.map(urls, download, { maxFibers: 0 }); // throws Failure: max_fibers must be positive (got 0)
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code = "FAILURE";
}
