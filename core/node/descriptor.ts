// What the system lends us, and wants back once: a file, a socket, a pipe. Nobody uses it after that.

import { Condition } from "../condition.js";
import { protect } from "../cancel.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import type { Hook, Switch } from "../switch.js";

/** How a descriptor is given back. */
export interface DescriptorOptions<R> {
  /** Shown in reports. */
  readonly name: string;
  /** Closes it when it ends. Default: only `close` does. */
  readonly sw?: Switch | undefined;
  /** Gives it back to the system. */
  readonly release: (raw: R) => Op<void>;
}

/**
 * Something that has to be given back to the system once, however many fibers use it and close it: the last user gives it back. A switch
 * that ends closes it, those opened last first.
 *
 * @example
 * const notes = yield* Descriptor.own(fs.openSync("notes.txt", "r"), {
 *   name: "notes",
 *   sw,
 *   *release(fd) {
 *     fs.closeSync(fd);
 *   },
 * });
 * yield* notes.use("read", function* (fd) {
 *   return fs.readFileSync(fd, "utf8");
 * }); // => "the notes"
 * yield* notes.close();
 */
export class Descriptor<R> {
  readonly name: string;
  private readonly raw: R;
  private readonly release: (raw: R) => Op<void>;
  private readonly hook: Hook | undefined;
  private users = 0;
  private open = true;
  private taken = false;
  private readonly unused = new Condition({ name: "Descriptor" });

  /**
   * A descriptor that has just been opened. When its switch has ended meanwhile, it is given back at once.
   *
   * @throws SwitchFinishedError
   */
  static *own<R>(raw: R, options: DescriptorOptions<R>): Op<Descriptor<R>> {
    try {
      return new Descriptor(raw, options);
    } catch (error) {
      yield* protect(() => options.release(raw));
      throw error;
    }
  }

  constructor(raw: R, options: DescriptorOptions<R>) {
    this.raw = raw;
    this.name = options.name;
    this.release = options.release;
    this.hook = options.sw?.addHook(() => this.close());
  }

  /** Whether it can be used. */
  get isOpen(): boolean {
    return this.open;
  }

  /**
   * Runs `body` with the raw descriptor, which stays what it is until `body` is done, even if it is closed meanwhile.
   *
   * @param operation  for the error
   * @throws InvalidArgument when it is closed
   */
  *use<T>(operation: string, body: (raw: R) => Op<T>): Op<T> {
    this.expectOpen(operation);
    this.users++;
    try {
      return yield* body(this.raw);
    } finally {
      this.users--;
      if (!this.open && this.users === 0) yield* protect(() => this.giveBack());
    }
  }

  /** The raw descriptor, for an operation that does not wait. */
  now(operation: string): R {
    this.expectOpen(operation);
    return this.raw;
  }

  private expectOpen(operation: string): void {
    if (!this.open) throw new InvalidArgument(`${operation}: file descriptor used after calling close!`);
  }

  /** Nobody can use it from now on. It is given back when those who do are done: at once, if there are none. Does nothing the second time. */
  *close(): Op<void> {
    if (!this.open) return;
    this.shut();
    if (this.users === 0) yield* protect(() => this.giveBack());
  }

  /**
   * Nobody can use it from now on; waits for those who do, and gives the raw descriptor away: it is the caller's to close. Undefined when it
   * was closed before. Cannot be cancelled.
   */
  *remove(): Op<R | undefined> {
    if (!this.open) return undefined;
    this.shut();
    this.taken = true;
    yield* protect(() => this.untilUnused());
    return this.raw;
  }

  private *untilUnused(): Op<void> {
    while (this.users > 0) yield* this.unused.awaitNoMutex();
  }

  private shut(): void {
    this.open = false;
    this.hook?.remove();
  }

  private *giveBack(): Op<void> {
    if (this.taken) this.unused.broadcast();
    else yield* this.release(this.raw);
  }
}
