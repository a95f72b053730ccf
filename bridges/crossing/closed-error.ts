// What is said to those who use something that has ended.

/**
 * Something was used after its end: a message sent to a port that is closed, say.
 *
 * @example
 * const [here, there] = portPair();
 * there.close();
 * yield* call(here, "ping"); // throws ClosedError: call(ping): the port is closed
 */
export class ClosedError extends Error {
  override readonly name = "ClosedError";
  readonly code = "CLOSED";
}
