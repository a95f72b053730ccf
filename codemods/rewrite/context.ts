/** What the rewriters of one file share. */
import type { TS } from "../compiler.js";
import type { Analysis, Decision, Decisions, Run } from "../analyse/decide.js";
import type { AsyncFunction } from "../analyse/functions.js";
import type { Suspension } from "../analyse/suspension.js";
import type { Candidate, Reason } from "../plan.js";
import type { LimitedCall, Limiter } from "../limits/limiters.js";
import type { Edits } from "./edits.js";
import type { Imports } from "./imports.js";
import type { Style } from "./style.js";

/** What is the same for every file. */
export interface RewriteInput {
  readonly analysis: Analysis;
  readonly decisions: Decisions;
  /** Calls and callbacks that run a fiber function in place, in any file. */
  readonly runs: ReadonlyMap<TS.Node, Run>;
  /** Functions whose waits lost a type that was inferred from their surroundings: there the type is written. */
  readonly spelledOut: ReadonlySet<AsyncFunction>;
  /** What surely gives others a turn. */
  readonly suspension: Suspension;
  /** Twins that another file imports. */
  readonly sharedTwins: ReadonlySet<AsyncFunction>;
  /** The functions that a file imports. */
  readonly imported: ReadonlyMap<TS.SourceFile, ReadonlySet<AsyncFunction>>;
  /** Functions whose façade is to be known as theirs. */
  readonly paired: ReadonlySet<AsyncFunction>;
  /** Limiters that become semaphores. */
  readonly limiters: readonly Limiter[];
  /** Their uses, by the call and by the job. */
  readonly limited: ReadonlyMap<TS.Node, LimitedCall>;
}

export interface FileContext extends RewriteInput {
  readonly file: TS.SourceFile;
  readonly edits: Edits;
  readonly imports: Imports;
  readonly style: Style;
  readonly isTypeScript: boolean;
  /** Notes on a function that come up while it is rewritten. */
  note(fn: AsyncFunction, reason: Reason): void;
  /** A name of another package that an edit has taken out of the text. */
  retire(identifier: TS.Identifier): void;
  /** What became of one wait. */
  record(site: Omit<Candidate, "file" | "line" | "column" | "start" | "end" | "name">, node: TS.Node): void;
}

export function decisionOf(context: FileContext, fn: AsyncFunction): Decision {
  const decision = context.decisions.get(fn);
  if (decision === undefined) throw new Error(`${fn.label} was never decided (a defect of the analysis)`);
  return decision;
}

export function isConverted(context: FileContext, fn: AsyncFunction): boolean {
  return decisionOf(context, fn).shape !== "leave";
}

/** Whether a function value is run in place as a generator function, and so needs no promise around it. */
export function isRawValue(context: FileContext, fn: AsyncFunction): boolean {
  const { runnable, limiters } = context.analysis;
  if (limiters.some(({ uses }) => uses.some(({ job }) => job === fn.node))) return context.limited.has(fn.node);
  const site = runnable.get(fn.node) ?? (fn.invocation === undefined ? undefined : runnable.get(fn.invocation));
  return fn.form === "value" && site !== undefined && isConverted(context, site.fn);
}
