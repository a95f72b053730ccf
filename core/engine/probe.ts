// Where tracing and debug mode listen. Most of the time nobody does, and each report is one null check: `probe?.fiberWoken(this)`.
//
// The engine and the concepts report what they do, and never ask; a listener changes nothing.

import type { Cancelled } from "./cancelled.js";
import type { CancelContext, Home } from "./context.js";
import type { FiberCore } from "./fiber-core.js";

/** What a context was made for. */
export type ContextKind = "Switch" | "Protect" | "Sub" | "Root" | "Any";

/** A numbered thing that fibers share: a cell, a lock, a queue. */
export interface Traced {
  readonly id: number;
}

/** What can be heard. The running fiber, if there is one, is the one that did it. */
export interface Probe {
  /** Before its first step; the running fiber made it. */
  fiberCreated(fiber: FiberCore): void;
  /** A step begins. Steps of different fibers nest where foreign code starts a fiber inside a step. */
  fiberRunning(fiber: FiberCore): void;
  /** The step is over, and whoever waited for the fiber's end has been told. */
  fiberStopped(fiber: FiberCore): void;
  /** The fiber waits. Its step is not over yet, and it may be woken before. */
  fiberSuspended(fiber: FiberCore, waiting: { describeWait(): string }): void;
  /** The fiber is queued again; what it will be resumed with is in `failed` and `value`. */
  fiberWoken(fiber: FiberCore): void;
  /** The fiber's outcome is in `failed` and `value`; nobody knows yet. */
  fiberEnded(fiber: FiberCore): void;

  contextCreated(context: CancelContext, kind: ContextKind, name?: string): void;
  /** Once for each `cancel` call that takes effect, on the context that was told. */
  contextCancelled(context: CancelContext, error: Cancelled): void;
  /** A failure that becomes that of the context's scope. */
  contextFailed(context: CancelContext, error: unknown): void;
  contextEnded(context: CancelContext): void;

  objectCreated(object: Traced, kind: string, name?: string): void;
  /** An operation has to wait for the object. */
  tryGet(object: Traced): void;
  /** An operation has got what it wanted of the object, at once or after a wait. */
  get(object: Traced): void;
  /** Something was released, added or resolved. */
  put(object: Traced): void;

  /** Something foreign, which is `what`, belongs to a switch from now on, until the hook is removed. */
  hookNamed(hook: object, what: string): void;
  /** The switch is about to close what it has: `hooks`, the last one first. */
  switchReleasing(sw: { readonly id: number; readonly name: string | undefined }, hooks: readonly object[]): void;
  /** A bridge, `by` name, has made a promise of fiber code. */
  promiseMade(promise: object, by: string): void;
  /** A bridge, `by` name, is to wait for a promise. */
  promiseAwaited(promise: object, by: string): void;

  named(id: number, name: string): void;
  logged(message: string): void;
  spanEntered(label: string): void;
  spanLeft(label: string): void;

  /** The scheduler has given the thread away, or has nothing to do. */
  loopSuspended(home: Home): void;
  loopResumed(home: Home): void;
  /** Another scheduler begins to run fibers. */
  domainSpawned(home: Home): void;
}

/** Whoever listens; undefined when nobody does. */
export let probe: Probe | undefined = undefined;

const listeners: Partial<Probe>[] = [];

const REPORTS = [
  "fiberCreated",
  "fiberRunning",
  "fiberStopped",
  "fiberSuspended",
  "fiberWoken",
  "fiberEnded",
  "contextCreated",
  "contextCancelled",
  "contextFailed",
  "contextEnded",
  "objectCreated",
  "tryGet",
  "get",
  "put",
  "hookNamed",
  "switchReleasing",
  "promiseMade",
  "promiseAwaited",
  "named",
  "logged",
  "spanEntered",
  "spanLeft",
  "loopSuspended",
  "loopResumed",
  "domainSpawned",
] as const satisfies readonly (keyof Probe)[];

/** One probe that passes each report to those who want it. */
function fanOut(): Probe | undefined {
  if (listeners.length === 0) return undefined;
  const all: Partial<Record<keyof Probe, (...report: unknown[]) => void>> = {};
  for (const name of REPORTS) {
    const listening = listeners.filter((listener) => listener[name]) as Record<
      string,
      (...report: unknown[]) => void
    >[];
    all[name] = (...report) => {
      for (const listener of listening) listener[name]!(...report);
    };
  }
  return all as Probe;
}

/** Adds a listener, which must not throw. Returns what takes it away again. */
export function listen(listener: Partial<Probe>): () => void {
  listeners.push(listener);
  probe = fanOut();
  return () => {
    const at = listeners.indexOf(listener);
    if (at < 0) return;
    listeners.splice(at, 1);
    probe = fanOut();
  };
}
