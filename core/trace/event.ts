// What can be seen of a running program, one type an event.

import type { ContextKind } from "../engine/probe.js";

export type { ContextKind };

/**
 * One thing that happened. Numbers stand for fibers, contexts and objects, and are unique in their domain; `fiber` in an event about
 * something else is the fiber that did it, undefined for code outside of fibers.
 */
export type TraceEvent =
  | {
      readonly type: "fiber-created";
      readonly fiber: number;
      readonly context: number;
      /** The fiber that made it. */
      readonly parent: number | undefined;
      /** File, line and column of the fork, where known. */
      readonly forkedAt: string | undefined;
    }
  /** A step of the fiber begins. Steps nest when a callback inside one starts another fiber. */
  | { readonly type: "fiber-running"; readonly fiber: number; readonly name: string | undefined }
  /** The step is over. */
  | { readonly type: "fiber-stopped"; readonly fiber: number }
  /** The fiber waits for `operation`; its step is over soon. */
  | { readonly type: "fiber-suspended"; readonly fiber: number; readonly operation: string }
  /** The fiber is in the run queue again, put there by the fiber `by`, or by a timer or another callback. */
  | {
      readonly type: "fiber-woken";
      readonly fiber: number;
      readonly by: number | undefined;
      readonly cancelled: boolean;
    }
  /** `error` is the text of what the fiber threw. */
  | { readonly type: "fiber-ended"; readonly fiber: number; readonly error: string | undefined }
  | {
      readonly type: "context-created";
      readonly context: number;
      readonly kind: ContextKind;
      readonly parent: number | undefined;
      readonly fiber: number | undefined;
    }
  /** The context, and what is below it, was told to stop. */
  | {
      readonly type: "context-cancelled";
      readonly context: number;
      readonly reason: string;
      readonly fiber: number | undefined;
    }
  /** A failure became that of the scope. */
  | {
      readonly type: "context-failed";
      readonly context: number;
      readonly error: string;
      readonly fiber: number | undefined;
    }
  | { readonly type: "context-ended"; readonly context: number }
  /** A cell, lock or queue; `kind` is the name of its class. */
  | {
      readonly type: "object-created";
      readonly object: number;
      readonly kind: string;
      readonly fiber: number | undefined;
    }
  /** `try-get`: an operation has to wait for the object; `get`: it has what it wanted; `put`: something was released or resolved. */
  | { readonly type: "try-get" | "get" | "put"; readonly object: number; readonly fiber: number | undefined }
  /** A fiber, context or object has a name. */
  | { readonly type: "name"; readonly id: number; readonly name: string }
  | { readonly type: "log"; readonly message: string; readonly fiber: number | undefined }
  | { readonly type: "span-entered" | "span-left"; readonly label: string; readonly fiber: number | undefined }
  /** The scheduler gives the thread away, or has nothing to do; and takes it back. */
  | { readonly type: "loop-suspended" | "loop-resumed" }
  /** A scheduler began, such as a mock world. */
  | { readonly type: "domain-spawned" };

/** Is given each event, with its time in microseconds, and the number of the scheduler that it happened in. */
export type Subscriber = (time: number, event: TraceEvent, domain: number) => void;

/** An event with its circumstances. */
export interface RecordedEvent {
  /** Microseconds from an arbitrary zero; in a mock world from its begin. */
  readonly time: number;
  /** The scheduler: 0 is the process's, 1 and up are mock worlds in order of appearance. */
  readonly domain: number;
  readonly event: TraceEvent;
}
