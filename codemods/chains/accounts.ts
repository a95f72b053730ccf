/** The report speaks of the files as they are on the disk: takes candidates back through the first stage. */
import type { Decisions } from "../analyse/decide.js";
import type { AsyncFunction } from "../analyse/functions.js";
import { isOwnScope } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { Candidate, Explanation, IdleComment } from "../plan.js";
import { shortened } from "../rewrite/wait.js";
import type { UnchainedFile } from "./file-plan.js";
import { keyOf, placeOf } from "./places.js";
import type { Unchained } from "./stage.js";

/** The functions that the first stage changed and the second left; they are to be kept as they were. */
export function halfConverted(
  unchained: Unchained,
  functions: readonly AsyncFunction[],
  decisions: Decisions,
): string[] {
  const keys: string[] = [];
  for (const fn of functions) {
    const file = unchained.files.get(fn.file.fileName);
    if (file === undefined || decisions.get(fn)?.shape !== "leave") continue;
    for (let node: TS.Node = fn.node; !ts.isSourceFile(node); node = node.parent) {
      if (!isOwnScope(node) || !ts.isFunctionLike(node)) continue;
      const place = placeOf(node);
      if (file.composed.isNew(place)) continue; // a function of the first stage: the one around it counts
      const origin = file.composed.originOf(place);
      if (file.touched.has(origin)) keys.push(keyOf(fn.file.fileName, origin));
      break;
    }
  }
  return keys;
}

/** Where a function stands in the project as it was; undefined for a function that the first stage made. */
export function placeIn(unchained: Unchained, fn: AsyncFunction): string | undefined {
  const place = placeOf(fn.node);
  const file = unchained.files.get(fn.file.fileName);
  if (file === undefined) return keyOf(fn.file.fileName, place);
  return file.composed.isNew(place) ? undefined : keyOf(fn.file.fileName, file.composed.originOf(place));
}

/** Every function that the first stage changed. */
export function allTouched(unchained: Unchained): string[] {
  return [...unchained.files].flatMap(([name, { touched }]) => [...touched.keys()].map((place) => keyOf(name, place)));
}

export function inOriginalTerms(candidates: readonly Candidate[], unchained: Unchained): Candidate[] {
  const result: Candidate[] = [];
  const byFile = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const known = byFile.get(candidate.file);
    if (known === undefined) byFile.set(candidate.file, [candidate]);
    else known.push(candidate);
  }
  for (const [name, file] of unchained.files) result.push(...chainSites(file, byFile.get(name) ?? []));
  for (const candidate of candidates) {
    const file = unchained.files.get(candidate.file);
    const original = file === undefined ? candidate : taken(candidate, file);
    if (original !== undefined) result.push(explained(original, unchained));
  }
  return result;
}

/** Comments that directed nothing in either stage. */
export function idleInBoth(idle: readonly IdleComment[], unchained: Unchained): IdleComment[] {
  const inFirst = new Set(unchained.idle.map(({ file, line, column }) => `${file} ${line} ${column}`));
  return idle
    .map((comment) => lineInOriginal(comment, unchained))
    .filter(({ file, line, column }) => inFirst.has(`${file} ${line} ${column}`));
}

export function explainedInOriginal(explanation: Explanation, unchained: Unchained): Explanation {
  return {
    ...startInOriginal(explanation, unchained),
    ties: explanation.ties.map((tie) => lineInOriginal(tie, unchained)),
    uses: explanation.uses.map((use) => lineInOriginal(use, unchained)),
  };
}

export function startInOriginal<T extends { readonly file: string; readonly start: number }>(
  place: T,
  unchained: Unchained,
): T {
  const file = unchained.files.get(place.file);
  return file === undefined ? place : { ...place, start: file.composed.originOf(place.start) };
}

function lineInOriginal<T extends { readonly file: string; readonly line: number; readonly column: number }>(
  place: T,
  unchained: Unchained,
): T {
  const file = unchained.files.get(place.file);
  const seen = unchained.project.program.getSourceFile(place.file);
  if (file === undefined || seen === undefined) return place;
  const position = seen.getPositionOfLineAndCharacter(place.line - 1, place.column - 1);
  const { line, character } = file.original.getLineAndCharacterOfPosition(file.composed.originOf(position));
  return { ...place, line: line + 1, column: character + 1 };
}

/** The chains of one file that are written out; where a wait in one stays a bridge, that is noted. */
function chainSites(file: UnchainedFile, candidates: readonly Candidate[]): Candidate[] {
  const { composed, sites } = file;
  const bridged = candidates.filter((c) => c.kind === "await" && c.disposition === "bridge" && composed.isNew(c.start));
  return sites.map((site) => {
    const reasons = bridged
      .filter((c) => site.start <= composed.originOf(c.start) && composed.originOf(c.start) <= site.end)
      .flatMap((c) => c.reasons);
    return reasons.length === 0 ? site : { ...site, disposition: "rewrite+note", reasons };
  });
}

function taken(candidate: Candidate, file: UnchainedFile): Candidate | undefined {
  const { composed, original, touched } = file;
  const start = composed.originOf(candidate.start);
  const known = candidate.kind === "function" ? [...touched.values()].find((one) => one.start === start) : undefined;
  if (composed.isNew(candidate.start) && known?.wasPromising !== true) return undefined;
  const end = known?.end ?? composed.originOf(candidate.end - 1) + 1;
  const { line, character } = original.getLineAndCharacterOfPosition(start);
  const reread = (text: string): string =>
    text.replace(/^(function at .*):\d+/, (_, head: string) => `${head}:${line + 1}`);
  return {
    ...candidate,
    pattern: known?.wasPromising === true ? "CM-A29" : candidate.pattern,
    name: candidate.kind === "function" ? reread(candidate.name) : shortened(original.text.slice(start, end)),
    reasons:
      candidate.kind === "function"
        ? candidate.reasons.map((reason) => ({ ...reason, message: reread(reason.message) }))
        : candidate.reasons,
    start,
    end,
    line: line + 1,
    column: character + 1,
  };
}

/** A chain that stays has the reason that the first stage found. */
function explained(candidate: Candidate, unchained: Unchained): Candidate {
  if (candidate.kind !== "chain" || candidate.disposition === "rewrite") return candidate;
  const reason = unchained.left.get(keyOf(candidate.file, candidate.start));
  return reason === undefined ? candidate : { ...candidate, reasons: [reason] };
}
