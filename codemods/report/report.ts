/**
 * The report of a run: one versioned value, printed as JSON for programs and as text for people. Paths in it are
 * relative to its root and have forward slashes, so that the same project gives the same report anywhere.
 */

import { relative, sep } from "node:path";
import type { FileEdit } from "../file-edit.js";
import type { Batch, Candidate, CandidateKind, Disposition, IdleComment, MigrationPlan } from "../plan.js";
import { reasons, type ReasonCode } from "../reasons.js";
import { version } from "../version.js";

/** Counts up when a reader of the former shape would be misled. */
export const reportVersion = 1;

export interface Report {
  readonly version: typeof reportVersion;
  readonly tool: { readonly name: string; readonly version: string };
  readonly command: "scan" | "plan" | "migrate";
  /** Absolute. */
  readonly root: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether the files below were replaced; otherwise they would be. */
  readonly written: boolean;
  readonly totals: Totals;
  /** Why candidates were left, bridged or suspected; the most frequent first. */
  readonly topReasons: readonly ReasonCount[];
  /** What to know about candidates that were rewritten; the most frequent first. */
  readonly notes: readonly ReasonCount[];
  readonly candidates: readonly ReportedCandidate[];
  readonly files: readonly ReportedFile[];
  /** What the changed files import. */
  readonly packages: readonly string[];
  readonly install: InstallStep;
  readonly verification: MigrationPlan["verification"];
  /** Only of `plan`. */
  readonly batches?: readonly ReportedBatch[];
  /** Comments for the migrator that direct nothing. */
  readonly idleComments: readonly IdleComment[];
}

export interface Totals {
  readonly functions: {
    readonly found: number;
    /** Became fiber functions. */
    readonly converted: number;
    /** Those of the converted that kept a promise façade under the old name. */
    readonly facade: number;
    readonly left: number;
    /** Not among those found: direct style before this run. */
    readonly already: number;
  };
  /** Adds up to the number of candidates. */
  readonly byDisposition: Readonly<Record<Disposition, number>>;
  readonly byKind: Readonly<Record<CandidateKind, number>>;
  readonly bridgedSites: number;
  /** `changed` counts source files, not a package.json. */
  readonly files: { readonly scanned: number; readonly changed: number };
  readonly seconds: number;
}

export interface ReasonCount {
  readonly code: ReasonCode;
  readonly name: string;
  readonly count: number;
  readonly first: { readonly file: string; readonly line: number; readonly column: number; readonly message: string };
}

export interface ReportedCandidate extends Omit<Candidate, "reasons"> {
  readonly reasons: readonly { readonly code: ReasonCode; readonly name: string; readonly message: string }[];
}

/** Of the façades and bridges, those that stand when this batch and the ones before it are done. */
export interface ReportedBatch extends Omit<Batch, "functions"> {
  readonly functions: readonly {
    readonly name: string;
    readonly file: string;
    readonly line: number;
    readonly column: number;
  }[];
}

export interface ReportedFile {
  readonly path: string;
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly beforeHash: string;
  readonly afterHash: string;
}

/** What the project must depend on once it is migrated. */
export interface InstallStep {
  /** The package.json that gets the packages; absent when the project has none. */
  readonly manifest?: string;
  /** The packages that it did not have. */
  readonly added: readonly string[];
  /** Fetches them; absent when there is nothing to fetch. */
  readonly command?: string;
}

export interface ReportInput {
  readonly command: Report["command"];
  readonly options: Readonly<Record<string, unknown>>;
  readonly plan: MigrationPlan;
  readonly edits: readonly FileEdit[];
  /** With an absolute path. */
  readonly install: InstallStep;
  readonly seconds: number;
}

/** Of a run that has not written; throws if the sums do not add up. */
export function createReport({ command, options, plan, edits, install, seconds }: ReportInput): Report {
  const path = (file: string) => relative(plan.root, file).split(sep).join("/");
  const candidates = plan.candidates.map((candidate) => ({
    ...candidate,
    file: path(candidate.file),
    reasons: candidate.reasons.map(({ code, message }) => ({ code, name: reasons[code], message })),
  }));
  requireReasons(candidates);

  const byDisposition = count(dispositions, candidates, ({ disposition }) => disposition);
  const byKind = count(kinds, candidates, ({ kind }) => kind);
  const isFunction = ({ kind }: ReportedCandidate) => kind === "function";
  const functions = count(dispositions, candidates.filter(isFunction), ({ disposition }) => disposition);
  const { rewrite, facade, bridge, leave, suspect } = functions;
  const source = new Set(plan.changes.map((change) => change.path));
  return {
    version: reportVersion,
    tool: { name: "@trestle/codemods", version },
    command,
    root: plan.root,
    options,
    written: false,
    totals: {
      functions: {
        found: sum(functions),
        converted: rewrite + functions["rewrite+note"] + facade,
        facade,
        left: bridge + leave + suspect,
        already: plan.already ?? 0,
      },
      byDisposition,
      byKind,
      bridgedSites: byDisposition.bridge,
      files: { scanned: plan.filesScanned, changed: edits.filter((edit) => source.has(edit.path)).length },
      seconds,
    },
    topReasons: countReasons(candidates.filter(needsReason)),
    notes: countReasons(candidates.filter((candidate) => !needsReason(candidate))),
    candidates,
    files: edits.map((edit) => ({
      path: path(edit.path),
      beforeHash: edit.beforeHash,
      afterHash: edit.afterHash,
    })),
    packages: plan.packages,
    install: install.manifest === undefined ? install : { ...install, manifest: path(install.manifest) },
    verification: plan.verification,
    ...(plan.batches && { batches: plan.batches.map((batch) => reportedBatch(batch, candidates, path)) }),
    idleComments: (plan.idleComments ?? []).map((comment) => ({ ...comment, file: path(comment.file) })),
  };
}

function reportedBatch(
  batch: Batch,
  candidates: readonly ReportedCandidate[],
  path: (file: string) => string,
): ReportedBatch {
  const places = new Set(batch.functions.map(({ file, start }) => `${start} ${path(file)}`));
  const functions = candidates
    .filter(({ kind, file, start }) => kind === "function" && places.has(`${start} ${file}`))
    .map(({ name, file, line, column }) => ({ name, file, line, column }));
  return { ...batch, functions, files: batch.files.map(path) };
}

/** The same report once the files are in place. */
export function asWritten(report: Report, seconds: number): Report {
  return { ...report, written: true, totals: { ...report.totals, seconds } };
}

/** The most frequent first, and of equally frequent ones the lower code. */
export function countReasons(candidates: readonly ReportedCandidate[]): ReasonCount[] {
  const counts = new Map<ReasonCode, ReasonCount>();
  for (const { reasons, file, line, column } of candidates) {
    for (const { code, name, message } of reasons) {
      const { count, first } = counts.get(code) ?? { count: 0, first: { file, line, column, message } };
      counts.set(code, { code, name, count: count + 1, first });
    }
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
}

/** Whether the candidate did not become direct style, which is never without a reason. */
export function needsReason({ disposition }: Pick<Candidate, "disposition">): boolean {
  return disposition === "leave" || disposition === "suspect" || disposition === "bridge";
}

const dispositions: readonly Disposition[] = ["rewrite", "rewrite+note", "bridge", "facade", "leave", "suspect"];

const kinds: readonly CandidateKind[] = [
  "function",
  "await",
  "chain",
  "combinator",
  "constructor",
  "observable",
  "emitter",
  "callback",
  "limiter",
  "signal",
  "promise",
];

/** How many candidates there are of each of `keys`; that there is no candidate of another is asserted. */
function count<K extends string>(
  keys: readonly K[],
  candidates: readonly ReportedCandidate[],
  keyOf: (candidate: ReportedCandidate) => K,
): Record<K, number> {
  const counts = Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
  for (const key of candidates.map(keyOf)) if (key in counts) counts[key]++;
  if (sum(counts) !== candidates.length) {
    throw new Error(`${candidates.length} candidates, but only ${sum(counts)} of them are one of ${keys.join(", ")}`);
  }
  return counts;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function requireReasons(candidates: readonly ReportedCandidate[]): void {
  for (const candidate of candidates) {
    const where = `${candidate.disposition} of ${candidate.name} at ${candidate.file}:${candidate.line}`;
    if (needsReason(candidate) && candidate.reasons.length === 0) throw new Error(`${where} has no reason`);
    const unknown = candidate.reasons.find(({ name }) => name === undefined);
    if (unknown !== undefined) throw new Error(`${where} has the unknown reason ${unknown.code}`);
  }
}
