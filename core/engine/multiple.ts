// Several failures at once: which of them is reported, and how they are put together.

import { Cancelled } from "./cancelled.js";
import { show } from "./describe.js";

/** How many errors a message spells out; all of them are in `errors`. */
const SPELT_OUT = 20;

// By its shape: a project with an older library does not know the name `AggregateError`, and its compiler reads our declarations.
type AggregateConstructor = new (
  errors: unknown[],
  message: string,
  options: { cause: unknown },
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in `AggregateError`
) => Error & { errors: any[] };
const Aggregate: AggregateConstructor = AggregateError;

/** On errors several of which are one error of the same kind: makes that one. */
export const JOIN: unique symbol = Symbol("join");

interface Joinable {
  [JOIN](errors: readonly unknown[]): unknown;
}

function isJoinable(error: unknown): error is Joinable {
  return typeof error === "object" && error !== null && JOIN in error;
}

/**
 * Two or more failures that happened together, oldest first in `errors`; `cause` is the first one. Echoes of cancellation are not
 * among them. The stacks are those of its parts: it has none of its own.
 *
 * @example
 * try {
 *   yield* Switch.run(function* (sw) {
 *     yield* sw.onRelease(() => {
 *       throw new Error("cannot close");
 *     });
 *     throw new Error("disk full");
 *   });
 * } catch (error) {
 *   if (error instanceof Multiple) error.errors.map(String); // => ["Error: disk full", "Error: cannot close"]
 * }
 */
export class Multiple extends Aggregate {
  override readonly name = "Multiple";
  readonly code = "MULTIPLE";

  constructor(errors: readonly unknown[]) {
    const spelt = errors.slice(0, SPELT_OUT).map((error) => `- ${show(error).replace(/\n/g, "\n  ")}`);
    if (errors.length > SPELT_OUT) spelt.push(`- and ${errors.length - SPELT_OUT} more`);
    // The stacks that matter are those of the parts.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super([...errors], ["Multiple exceptions:", ...spelt].join("\n"), { cause: errors[0] });
    Error.stackTraceLimit = limit;
  }

  /** `Multiple exceptions:` and one `- ...` entry an error, oldest first. */
  override toString(): string {
    return this.message;
  }
}

/**
 * Collects the failures of a scope one after another. The result is as if each were combined with those before it (see `combine`),
 * but adding is constant work however many there are.
 */
export class Failures {
  // Several real errors, in order of arrival, each once; unused while there is at most one.
  private several: Set<unknown> | undefined;
  /** All of `several` can be joined to one of their kind. */
  private alike = false;
  private one: unknown;
  private count = 0;

  /** True until the first `add`. */
  get none(): boolean {
    return this.count === 0;
  }

  add(error: unknown): void {
    if (this.several) {
      if (error instanceof Cancelled) return;
      if (!this.alike || isJoinable(error)) {
        this.several.add(error);
        return;
      }
      // Errors of one kind so far, and now another: they become one, and that one is the first of several.
      this.one = this.error;
    }
    if (this.count === 0 || this.one instanceof Cancelled) {
      this.one = error;
      this.count = 1;
    } else if (error !== this.one && !(error instanceof Cancelled)) {
      this.alike = isJoinable(this.one) && isJoinable(error);
      this.several = new Set<unknown>(this.one instanceof Multiple ? this.one.errors : [this.one]).add(error);
    }
  }

  /** The error to throw. Only meaningful when there is one. */
  get error(): unknown {
    if (this.several) {
      const errors = [...this.several];
      this.one = this.alike ? (errors[0] as Joinable)[JOIN](errors) : new Multiple(errors);
      this.several = undefined;
    }
    return this.one;
  }
}

/**
 * The one error that stands for `a` and, after it, `b`: an echo of cancellation gives way to the other, one object is not reported
 * twice, and two real errors give a {@link Multiple}, oldest first; two I/O errors give one `IoError`.
 *
 * @example
 * combine(new Cancelled("timeout"), new Error("disk full")); // => Error: disk full
 */
export function combine(a: unknown, b: unknown): unknown {
  const failures = new Failures();
  failures.add(a);
  failures.add(b);
  return failures.error;
}
