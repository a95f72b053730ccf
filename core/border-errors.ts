// What goes wrong at a border between fibers and another world. One class each for all bridges, so that a program that catches one of
// them need not know which bridge threw it.

import { KIND, KnownError } from "./engine/known-error.js";

/**
 * A source was empty: an observable completed without a value. It has the name and the message that RxJS gives its own.
 *
 * @example
 * try {
 *   return yield* firstOf(user$);
 * } catch (error) {
 *   if (error instanceof Error && error.name === "EmptyError") return undefined;
 *   throw error;
 * }
 */
export class EmptyError extends KnownError {
  override readonly name = "EmptyError";
  readonly code = "EMPTY";

  constructor() {
    super("no elements in sequence");
  }

  /** @internal */
  get [KIND](): string {
    return "EMPTY";
  }
}

/**
 * A source that was to give one value gave a second one.
 *
 * @example
 * try {
 *   return yield* singleOf(user$);
 * } catch (error) {
 *   if (error instanceof TooManyError) return undefined;
 *   throw error;
 * }
 */
export class TooManyError extends KnownError {
  override readonly name = "TooManyError";
  readonly code = "TOO_MANY";

  constructor() {
    super("more than one element in sequence");
  }

  /** @internal */
  get [KIND](): string {
    return "TOO_MANY";
  }
}

/**
 * A source pushed more than was taken, and its buffer is full. Take faster, enlarge `buffer`, or choose another `overflow`.
 *
 * @example
 * const keys = yield* fromObservable(sw, keys$, { overflow: "latest" });
 */
export class OverflowError extends KnownError {
  override readonly name = "OverflowError";
  readonly code = "OVERFLOW";
  /** The values that fit. */
  readonly capacity: number;
  /** The values that were lost up to now. */
  readonly dropped: number;

  constructor(source: string, capacity: number, dropped: number) {
    super(
      `${source}: more than ${capacity} values wait to be taken; the source was stopped. ` +
        'Take faster, raise "buffer", or choose an "overflow" that may lose values',
    );
    this.capacity = capacity;
    this.dropped = dropped;
  }

  /** @internal */
  get [KIND](): string {
    return "OVERFLOW";
  }
}

/**
 * The other side was closed: an emitter by the event that means failure, without an error to throw; or an observable had ended when a
 * value was emitted.
 *
 * @example
 * yield* Fiber.both(
 *   () => once(socket, "message", { error: "close" }),
 *   function* () {
 *     socket.emit("close");
 *   },
 * ); // throws ClosedError: "close" was emitted while waiting for once(message)
 */
export class ClosedError extends KnownError {
  override readonly name = "ClosedError";
  readonly code = "CLOSED";

  constructor(message: string) {
    super(message);
  }

  /** @internal */
  get [KIND](): string {
    return "CLOSED";
  }
}

/**
 * A fiber asked for a second slot of a limit while it held one: with all slots held so, nothing could ever go on. Pass
 * `{ reentrant: true }` to `fromLimit` to run such calls in the slot that is held.
 */
export class ReentrantLimitError extends KnownError {
  override readonly name = "ReentrantLimitError";
  readonly code = "REENTRANT_LIMIT";

  constructor() {
    super(
      "withPermit: called inside a withPermit of the same limit; pass { reentrant: true } to run it in the slot that is held",
    );
  }

  /** @internal */
  get [KIND](): string {
    return "REENTRANT_LIMIT";
  }
}

/**
 * A bridge was used after it had been closed, or while it was being closed.
 *
 * @example
 * const bridge = createBridge({ name: "server" });
 * await bridge.close();
 * await bridge.toPromise(work); // throws RuntimeClosedError: toPromise: the bridge "server" is closed
 */
export class RuntimeClosedError extends KnownError {
  override readonly name = "RuntimeClosedError";
  readonly code = "RUNTIME_CLOSED";

  /** @param where  the function that was called, as its user wrote it */
  constructor(where: string, bridgeName?: string) {
    super(`${where}: the bridge${bridgeName === undefined ? "" : ` ${JSON.stringify(bridgeName)}`} is closed`);
  }

  /** @internal */
  get [KIND](): string {
    return "RUNTIME_CLOSED";
  }
}
