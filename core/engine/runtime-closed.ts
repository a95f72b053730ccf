// The error of a bridge that is closed.

/**
 * A bridge was used after it had been closed, or while it was being closed.
 *
 * @example
 * const bridge = createBridge({ name: "server" });
 * await bridge.close();
 * await bridge.toPromise(work); // throws RuntimeClosedError: toPromise: the bridge "server" is closed
 */
export class RuntimeClosedError extends Error {
  override readonly name = "RuntimeClosedError";
  readonly code = "RUNTIME_CLOSED";

  /** @param where  the function that was called, as its user wrote it */
  constructor(where: string, bridgeName?: string) {
    super(`${where}: the bridge${bridgeName === undefined ? "" : ` ${JSON.stringify(bridgeName)}`} is closed`);
  }
}
