/**
 * What a migration found and what it would change: the value that analysis returns and that the command line
 * prints, checks and writes. Nothing here touches the disk.
 */

import type { ReasonCode } from "./reasons.js";

/** What became of one candidate; every candidate gets exactly one. */
export type Disposition = "rewrite" | "rewrite+note" | "bridge" | "facade" | "leave" | "suspect";

/** The kind of place a candidate is. Only `function` candidates count as "functions found". */
export type CandidateKind =
  | "function" // an async function of any form
  | "await" // one `await` of a converted function, or at the top level of a module
  | "chain" // `.then`, `.catch`, `.finally`
  | "combinator" // Promise.all, race, any, allSettled
  | "constructor" // new Promise(...)
  | "observable" // an RxJS subscription or pipeline
  | "emitter" // an event listener or a wait for an event
  | "callback" // an error-first callback API
  | "limiter" // p-limit and its like
  | "signal" // an abort signal
  | "promise"; // a promise that is kept, or used as if it were its value

/** Why a candidate was left or bridged, or what a reader should know about a rewrite. */
export interface Reason {
  readonly code: ReasonCode;
  /** One sentence that names the thing. */
  readonly message: string;
}

/** One place the migration looked at. Offsets are UTF-16 positions in the original file. */
export interface Candidate {
  /** The id of the transform that applies, for instance `CM-A01`. */
  readonly pattern: string;
  readonly kind: CandidateKind;
  /** The function's name, or the text of the site, shortened. */
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
  /** One-based. */
  readonly column: number;
  readonly start: number;
  readonly end: number;
  readonly disposition: Disposition;
  /** At least one for `leave`, `suspect` and `bridge`; may hold notes for the others. */
  readonly reasons: readonly Reason[];
  /** For functions: those with the same number are converted together or not at all; leaves have the lowest. */
  readonly group?: number;
}

/** Where a function begins in the original text of its file. */
export interface Place {
  /** Absolute path. */
  readonly file: string;
  readonly start: number;
}

/** One step of a migration that is done in several, each of which leaves a sound program. */
export interface Batch {
  /** From one; the first is the next to be done. */
  readonly number: number;
  readonly functions: readonly Place[];
  /** Absolute paths of the files that the functions are in. */
  readonly files: readonly string[];
  /** Façades that stand when this batch and those before it are done. */
  readonly facades: number;
  /** Places that are bridged then. */
  readonly bridges: number;
}

/** What stands behind the decision about one function. */
export interface Explanation extends Place {
  /** What a person may call it. */
  readonly names: readonly string[];
  /** What ties it to the others of its group. */
  readonly ties: readonly (Site & { readonly text: string })[];
  readonly uses: readonly (Site & {
    /** Run as a fiber function, and not through its promise. */
    readonly direct: boolean;
    readonly exported: boolean;
    /** The async function around it. */
    readonly within: string | undefined;
  })[];
}

interface Site {
  /** Absolute path. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
  /** One-based. */
  readonly column: number;
}

/** A comment that was meant to direct the migration and directs nothing. */
export interface IdleComment {
  /** Absolute path. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
  /** One-based. */
  readonly column: number;
  readonly message: string;
}

/** The new text of one file. */
export interface FileChange {
  /** Absolute path. */
  readonly path: string;
  readonly before: string;
  /** The text that the first stage made of it, if any: promise chains written out as waits. */
  readonly between?: string;
  readonly after: string;
}

/** The whole outcome of analysing one project. */
export interface MigrationPlan {
  /** The directory that relative paths in reports are relative to. */
  readonly root: string;
  /** Source files that were looked at. */
  readonly filesScanned: number;
  /** Ordered by file path, then position. */
  readonly candidates: readonly Candidate[];
  /** Ordered by file path; files without a change are absent. */
  readonly changes: readonly FileChange[];
  /** Packages the changed files import and that the project must depend on, e.g. `trestle`. */
  readonly packages: readonly string[];
  /** What the user should know about how the project was read. */
  readonly remarks?: readonly string[];
  /** When they were asked for. */
  readonly batches?: readonly Batch[];
  /** When they were asked for; one for every function. */
  readonly explanations?: readonly Explanation[];
  /** How many functions in scope are direct style already. */
  readonly already?: number;
  /** Comments for the migrator that direct nothing. */
  readonly idleComments?: readonly IdleComment[];
  /** How many times the edited program was type-checked, and how many functions were demoted on the way. */
  readonly verification: { readonly rounds: number; readonly demoted: number };
}

/** A step of long work, reported as it happens. `done` counts up to `total`. */
export interface Progress {
  readonly phase: "load" | "check" | "analyse" | "rewrite" | "verify" | "write" | "prove" | "survey";
  readonly done: number;
  readonly total: number;
}
