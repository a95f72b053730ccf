// The tree of cancellation contexts. Every fiber is in exactly one; cancelling a context reaches all below it, except what is
// protected.

import { Cancelled } from "./cancelled.js";
import { expectFunction, show } from "./describe.js";
import { InvalidArgument } from "./invalid-argument.js";
import { Membership, type Member } from "./membership.js";
import { Failures } from "./multiple.js";
import { probe } from "./probe.js";
import type { Holder } from "./root.js";

/** What a context needs to know of the scheduler that runs its fibers. */
export interface Home {
  /** The number of the next fiber, context, switch or cell. */
  nextId: number;
  /** What time it is there, in seconds, if that is not the time of the platform. */
  readonly now?: () => number;
}

/** A callback attached to a context; see {@link CancelContext.onCancel}. */
interface Hook {
  interrupt(error: Cancelled): void;
}

/**
 * A node of the cancellation tree: a scope that can be told to stop. `Cancel.sub`, `Cancel.protect` and `Switch.run` each make one
 * for the time of their body.
 *
 * @example
 * yield* Cancel.sub(function* (cc) {
 *   socket.once("close", () => cc.cancel(new Error("nobody waits for it any more")));
 *   return yield* download(url);
 * });
 */
export class CancelContext extends Membership {
  readonly id: number;
  /** @internal The scheduler whose fibers it holds. */
  readonly home: Home;
  /** The context this one was made in. */
  readonly parent: CancelContext | undefined;
  /** A protected context is not cancelled along with its parent. */
  readonly isProtected: boolean;

  /** Set once, by the first cancellation; kept when the context has finished. */
  private cancellation: Cancelled | undefined;
  private finished = false;
  /** @internal The switch whose context it is. */
  scope: Holder | undefined = undefined;

  // Children in order of arrival, as members are: the order in which cancellation is delivered.
  private firstChild: CancelContext | undefined;
  private lastChild: CancelContext | undefined;
  private previousSibling: CancelContext | undefined;
  private nextSibling: CancelContext | undefined;
  private hooks: Set<Hook> | undefined;

  /** @internal */
  constructor(home: Home, parent: CancelContext | undefined, isProtected: boolean) {
    super();
    this.id = home.nextId++;
    this.home = home;
    this.parent = parent;
    this.isProtected = isProtected;
    if (!parent) return;
    this.previousSibling = parent.lastChild;
    if (parent.lastChild) parent.lastChild.nextSibling = this;
    else parent.firstChild = this;
    parent.lastChild = this;
  }

  /** The shared `Cancelled` while cancelling, else undefined: the test every suspension makes. */
  get interruption(): Cancelled | undefined {
    return this.cancellation;
  }

  /** True once the body of the context has ended. */
  get isFinished(): boolean {
    return this.finished;
  }

  /**
   * Tells this context and all below it to stop, except protected ones. Fibers waiting there are woken with one shared
   * {@link Cancelled}; running ones notice at their next check. Nobody runs before this call returns. A second call does nothing.
   *
   * Order: everything is marked first; then waits are interrupted, descendants first, oldest first, and within one context in the
   * order in which fibers joined it.
   *
   * @param reason  becomes `.reason`; a `Cancelled` is passed on as it is, so that reasons do not nest
   * @throws InvalidArgument when the context has finished
   * @throws whatever clean-up callbacks threw, combined, after all of them were called
   */
  cancel(reason: unknown): void {
    if (this.finished) throw new InvalidArgument("Cancellation context finished!");
    if (this.cancellation) return;
    const error = reason instanceof Cancelled ? reason : new Cancelled(reason);
    probe?.contextCancelled(this, error);

    const order = this.mark(error);
    // Callbacks may be foreign code that starts or ends fibers: work on a snapshot, taken before the first of them.
    const calls: Hook[] = [];
    for (const context of order) {
      if (context.hooks) for (const hook of context.hooks) calls.push(hook);
      for (const member of context.members()) calls.push(member);
    }
    const failures = new Failures();
    for (const call of calls) {
      try {
        call.interrupt(error);
      } catch (thrown) {
        failures.add(thrown);
      }
    }
    if (!failures.none) throw failures.error;
  }

  /** Marks the tree and lists it, descendants before their ancestor. Not recursive: trees may be deep. */
  private mark(error: Cancelled): CancelContext[] {
    const order: CancelContext[] = [];
    let context: CancelContext = this;
    context.cancellation = error;
    for (;;) {
      let child = context.firstChild;
      while (child && (child.isProtected || child.cancellation)) child = child.nextSibling;
      if (child) {
        child.cancellation = error;
        context = child;
        continue;
      }
      for (;;) {
        order.push(context);
        if (context === this) return order;
        let sibling = context.nextSibling;
        while (sibling && (sibling.isProtected || sibling.cancellation)) sibling = sibling.nextSibling;
        if (sibling) {
          sibling.cancellation = error;
          context = sibling;
          break;
        }
        context = context.parent!;
      }
    }
  }

  /**
   * Throws {@link Cancelled} if this context is being cancelled.
   *
   * @throws InvalidArgument when the context has finished
   */
  check(): void {
    const error = this.getError();
    if (error) throw error;
  }

  /** The innermost switch around, which waits for what it holds; undefined when there is none. For bridges. */
  get holder(): Holder | undefined {
    let context: CancelContext | undefined = this;
    while (context && !context.scope) context = context.parent;
    return context?.scope;
  }

  /** The error that {@link check} would throw, or undefined. */
  getError(): Cancelled | InvalidArgument | undefined {
    return this.finished ? new InvalidArgument("Cancellation context finished!") : this.cancellation;
  }

  /**
   * Calls `fn` once, synchronously inside the `cancel` call that reaches this context, after the whole tree was marked and before
   * any fiber resumes. Not called when the context ends normally or is cancelled already.
   *
   * @returns a function that takes the callback back
   */
  onCancel(fn: (error: Cancelled) => void): () => void {
    expectFunction("CancelContext.onCancel", "fn", fn);
    const hook: Hook = { interrupt: fn };
    (this.hooks ??= new Set()).add(hook);
    return () => void this.hooks?.delete(hook);
  }

  /** @internal Ends the context: it leaves the tree and cannot be used any more. */
  finish(): void {
    this.finished = true;
    probe?.contextEnded(this);
    this.hooks = undefined;
    const { parent, previousSibling, nextSibling } = this;
    if (!parent) return;
    if (previousSibling) previousSibling.nextSibling = nextSibling;
    else parent.firstChild = nextSibling;
    if (nextSibling) nextSibling.previousSibling = previousSibling;
    else parent.lastChild = previousSibling;
    this.previousSibling = this.nextSibling = undefined;
  }

  /** @internal All fibers in this context and below, protected ones included, in order of the tree. */
  allMembers(): Member[] {
    const members: Member[] = [];
    const contexts: CancelContext[] = [this];
    for (let context = contexts.pop(); context; context = contexts.pop()) {
      for (const member of context.members()) members.push(member);
      for (let child = context.lastChild; child; child = child.previousSibling) contexts.push(child);
    }
    return members;
  }

  /** The tree from here down, for people: state, fibers and children. */
  dump(): string {
    const lines: string[] = [];
    const contexts: [CancelContext, string][] = [[this, ""]];
    for (let entry = contexts.pop(); entry; entry = contexts.pop()) {
      const [context, indent] = entry;
      const members = context.members().map((m) => (m.name ? `${m.id} (${m.name})` : String(m.id)));
      lines.push(`${indent}${context.describe()}${members.length > 0 ? ` [${members.join("; ")}]` : ""}`);
      for (let child = context.lastChild; child; child = child.previousSibling) contexts.push([child, `${indent}  `]);
    }
    return lines.join("\n");
  }

  private describe(): string {
    const state = this.finished
      ? "finished"
      : this.cancellation
        ? `cancelling(${show(this.cancellation.reason)})`
        : "on";
    return `context ${this.id}: ${state}${this.isProtected ? " (protected)" : ""}`;
  }
}
