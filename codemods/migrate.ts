/**
 * Plans the migration of one project: analyse once, then decide, rewrite and type-check in memory, weakening decisions
 * until the edited program has no new diagnostic. Nothing is written here.
 */
import {
  analyse,
  convertedLimiters,
  decide,
  directRuns,
  pairedFunctions,
  type Analysis,
  type Decisions,
  type Run,
} from "./analyse/decide.js";
import { ts, type TS } from "./compiler.js";
import type { AsyncFunction } from "./analyse/functions.js";
import { findOtherSites } from "./analyse/sites.js";
import { unitsOf, type Unit } from "./analyse/units.js";
import { explanationsOf } from "./analyse/explanations.js";
import { countFibers } from "./analyse/fibers.js";
import { Suspension } from "./analyse/suspension.js";
import { defaultBatchSize, describeBatch, packed } from "./batches.js";
import {
  allTouched,
  explainedInOriginal,
  startInOriginal,
  halfConverted,
  idleInBoth,
  inOriginalTerms,
  placeIn,
} from "./chains/accounts.js";
import { unchain, wrongIn, type Unchained } from "./chains/stage.js";
import { ExitCode, MigrationError } from "./failure.js";
import { laidOut } from "./formatting.js";
import { lintConflicts } from "./lint-conflicts.js";
import type { Batch, Candidate, FileChange, MigrationPlan, Progress, Reason } from "./plan.js";
import type { LimitedCall } from "./limits/limiters.js";
import { loadProject, textOnDisk, type LoadRequest, type LoadedProject } from "./project.js";
import { rewriteFile, type RewrittenFile } from "./rewrite/file.js";
import { unselected, type Selection } from "./selection.js";
import { verify } from "./verify.js";

/** `safe` leaves every function whose conversion has a note; `standard` converts it and says so. */
export type Level = "safe" | "standard";

export interface PlanRequest extends LoadRequest, Selection {
  /** `standard` by default. */
  readonly level?: Level | undefined;
  /** Functions in a batch. */
  readonly batchSize?: number | undefined;
  /** Migrate this batch only, counted from one. */
  readonly batch?: number | undefined;
  /** Cut the migration into batches and check the program after each. */
  readonly survey?: boolean | undefined;
  /** Tell what stands behind each decision. */
  readonly explain?: boolean | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Aborting it stops the planning between two steps. */
  readonly signal?: AbortSignal | undefined;
}

/** More attempts than it takes to find the functions that only the second stage leaves. */
const patientAttempts = 4;

/** More rounds than a healthy run ever takes; past them a whole file's functions are given up at once. */
const patientRounds = 12;

export async function planMigration(request: PlanRequest): Promise<MigrationPlan> {
  const step = async (phase: Progress["phase"], done: number, total: number): Promise<void> => {
    request.onProgress?.({ phase, done, total });
    // Lets a pending Ctrl-C in.
    await new Promise((resolve) => setImmediate(resolve));
    request.signal?.throwIfAborted();
  };
  await step("load", 0, 1);
  const project = loadProject(request, request.onProgress);
  await step("load", 1, 1);
  let staged = await throughStages(project, request, step, new Set(), () => undefined);
  const { unchained, analysis, settled } = staged;
  const batches = (): Unit[][] =>
    packed(
      unitsOf(analysis).filter((unit) => unit.some((fn) => isConverted(settled.decisions, fn))),
      request.batchSize ?? defaultBatchSize,
    );
  if (request.batch !== undefined) {
    const all = batches();
    const wanted = all[request.batch - 1];
    if (wanted === undefined && (all.length > 0 || request.batch > 1)) {
      throw new MigrationError(
        ExitCode.usage,
        `there is no batch ${request.batch}: ${all.length === 0 ? "nothing is left to migrate" : `the last is ${all.length}`}`,
      );
    }
    const inside = new Set((wanted ?? []).flat().map((fn) => placeIn(unchained, fn)));
    const refused = new Map([...settled.refused].map(([fn, reason]) => [placeIn(unchained, fn), reason]));
    const kept = new Set(allTouched(unchained).filter((place) => !inside.has(place)));
    staged = await throughStages(project, request, step, kept, (fn, place) => {
      if (refused.has(place) || inside.has(place)) return refused.get(place);
      return { code: "TR1804", message: `${fn.label}: it is in another batch` };
    });
  }
  const outcome = report(project, staged);
  const changes = await laidOut(project, outcome.changes);
  const plan = {
    ...outcome,
    changes,
    remarks: [...(outcome.remarks ?? []), ...(await lintConflicts(project.root, changes))],
    ...(request.explain === true && {
      explanations: explanationsOf(staged.analysis, staged.settled.decisions).map((one) =>
        explainedInOriginal(one, staged.unchained),
      ),
    }),
  };
  return request.survey === true ? { ...plan, batches: await survey() } : plan;

  async function survey(): Promise<Batch[]> {
    const found: Batch[] = [];
    const all = batches();
    for (const [index, batch] of all.entries()) {
      request.onProgress?.({ phase: "survey", done: index, total: all.length });
      const later = functionsOutside(analysis, all.slice(0, index + 1).flat());
      const left = later.map((fn): [AsyncFunction, Reason] => [fn, { code: "TR1804", message: `${fn.label}: later` }]);
      const quiet: Step = () => step("survey", index, all.length);
      const then = await settle(analysis, new Map([...left, ...settled.refused]), request.level, quiet, () => false);
      if (then === undefined) continue;
      const waits = then.files.flatMap((file) => file.waits);
      const described = describeBatch(index + 1, batch, {
        facades: [...then.decisions.values()].filter(({ shape }) => shape === "twin" || shape === "wrapped").length,
        bridges: waits.filter(({ disposition }) => disposition === "bridge").length,
      });
      found.push({
        ...described,
        functions: described.functions.map((place) => startInOriginal(place, unchained)),
      });
    }
    return found;
  }
}

/** The project after the first stage, and what the second makes of that. */
interface Staged {
  readonly unchained: Unchained;
  readonly analysis: Analysis;
  readonly settled: Settled;
}

/**
 * Both stages, again and again until no function is changed by the first and left by the second. `kept` are functions
 * that the first has to leave, `refusal` says which the second has to.
 */
async function throughStages(
  project: LoadedProject,
  request: PlanRequest,
  step: Step,
  kept: Set<string>,
  refusal: (fn: AsyncFunction, place: string) => Reason | undefined,
): Promise<Staged> {
  for (let attempts = 0; ;) {
    await step("analyse", 0, 1);
    const unchained = unchain(project, kept, takesCallbacks(request));
    const analysis = analyse(unchained.project);
    await step("analyse", 1, 1);
    const chosen = new Map(unselected(analysis, request));
    for (const fn of analysis.functions) {
      const place = placeIn(unchained, fn);
      const reason = place === undefined ? undefined : refusal(fn, place);
      if (reason !== undefined && !chosen.has(fn)) chosen.set(fn, reason);
    }
    let wrong: readonly string[] = [];
    let half: readonly string[];
    try {
      // The outcome of the first stage is checked by itself only where something may be wrong with it.
      const isFirstWrong = (): boolean => (wrong = wrongIn(unchained)).length > 0;
      const settled = await settle(analysis, chosen, request.level, step, isFirstWrong);
      if (settled === undefined || (request.survey === true && isFirstWrong())) half = wrong;
      else {
        half = halfConverted(unchained, analysis.functions, settled.decisions);
        if (half.length === 0) return { unchained, analysis, settled };
        if (++attempts >= patientAttempts) half = allTouched(unchained);
      }
    } catch (error) {
      half = allTouched(unchained);
      if (!(error instanceof MigrationError) || half.length === 0) throw error;
    }
    for (const place of half) kept.add(place);
  }
}

/** Functions with callbacks have a note, and are in no selection. */
function takesCallbacks({ level, symbols = [], only }: PlanRequest): boolean {
  return level !== "safe" && symbols.length === 0 && only === undefined;
}

type Step = (phase: Progress["phase"], done: number, total: number) => Promise<void>;

/** Decisions whose result type-checks. */
interface Settled {
  readonly decisions: Decisions;
  readonly files: readonly RewrittenFile[];
  /** Every function that is left for a reason beyond its own text. */
  readonly refused: ReadonlyMap<AsyncFunction, Reason>;
  readonly verification: MigrationPlan["verification"];
}

/**
 * Decides, rewrites and checks until nothing new is wrong, starting from the functions in `chosen` being left; undefined
 * when `isHopeless` says so, which is asked when something is wrong for the first time.
 */
async function settle(
  analysis: Analysis,
  chosen: ReadonlyMap<AsyncFunction, Reason>,
  level: Level | undefined,
  step: Step,
  isHopeless: () => boolean,
): Promise<Settled | undefined> {
  const refused = new Map(chosen);
  const spelledOut = new Set<AsyncFunction>();
  /** By call: how many ways of writing it through `direct` did not type-check. */
  const failedForms = new Map<TS.Node, number>();
  let isFirstCleared = false;
  for (let round = 1; ; round++) {
    const decisions = decide(analysis, refused);
    const runs = directRuns(analysis, decisions, failedForms);
    const files = await rewriteAll(analysis, decisions, runs, spelledOut, step);
    const impossible = files.flatMap((file) => [...file.impossible]);
    if (impossible.length > 0) {
      for (const [fn, reason] of impossible) refused.set(fn, reason);
      continue;
    }
    const noted = level === "safe" ? notedFunctions(files) : new Map<AsyncFunction, Reason>();
    if (noted.size > 0) {
      for (const [fn, note] of noted) {
        refused.set(fn, { code: "TR1813", message: `${fn.label}: its conversion has the note ${note.code}` });
      }
      continue;
    }
    await step("verify", 0, 1);
    const { culprits, places, unexplained } = verify(analysis, decisions, files);
    await step("verify", 1, 1);
    if (culprits.size === 0 && unexplained.length === 0) {
      return { decisions, files, refused, verification: { rounds: round, demoted: refused.size - chosen.size } };
    }
    if (!isFirstCleared && isHopeless()) return undefined;
    isFirstCleared = true;
    const before = refused.size + spelledOut.size;
    // What a call through `direct` gives could not be typed: written in another way, it may. That may settle the others.
    if (failDispatches(runs, culprits, places) && round <= patientRounds) continue;
    for (const [fn, message] of culprits) {
      // The types that flow into what is behind `yield*` are others than behind `await`; written out, the former are kept.
      if (!spelledOut.has(fn)) spelledOut.add(fn);
      else demote(fn, message);
    }
    if (unexplained.length > 0 || round > patientRounds) {
      for (const fn of analysis.functions)
        if (!refused.has(fn)) demote(fn, unexplained[0] ?? "the check did not settle");
    }
    if (refused.size + spelledOut.size === before) {
      throw new MigrationError(
        ExitCode.rolledBack,
        `The migrated program does not type-check and the reason could not be traced; nothing was changed. First: ${unexplained[0] ?? [...culprits.values()][0] ?? ""}`,
      );
    }
  }

  /** Has the calls through `direct` in what does not type-check be written in another way. Answers false if there are none. */
  function failDispatches(
    runs: ReadonlyMap<TS.Node, Run>,
    culprits: ReadonlyMap<AsyncFunction, string>,
    places: ReadonlyMap<AsyncFunction, readonly number[]>,
  ): boolean {
    let failed = false;
    for (const fn of culprits.keys()) {
      // Those of functions inside it, too: what they give may be what does not fit.
      const calls = [...runs]
        .filter(
          ([call, run]) => run.dispatch !== undefined && run.site.fn.file === fn.file && contains(fn.node, call.pos),
        )
        .map(([call]) => call);
      const wrong = places.get(fn) ?? [];
      const inside = calls.filter((call) => wrong.some((place) => contains(call, place)));
      // Where something is wrong in a call, what is wrong around it may follow from that.
      const near = inside.length > 0 ? inside : wrong.flatMap((place) => nearest(calls, place));
      for (const call of near.length > 0 ? new Set(near) : calls) {
        failedForms.set(call, (failedForms.get(call) ?? 0) + 1);
        failed = true;
      }
    }
    return failed;
  }

  function demote(fn: AsyncFunction, message: string): void {
    if (refused.has(fn)) return;
    refused.set(fn, { code: "TR1806", message: `${fn.label}: its fiber form does not type-check (${message})` });
  }
}

function contains(node: TS.Node, place: number): boolean {
  return node.getStart() <= place && place <= node.end;
}

/** The calls in the narrowest expression or statement around `place` that has any. */
function nearest(calls: readonly TS.Node[], place: number): TS.Node[] {
  const around = calls.map((call) => {
    let node = call;
    while (!contains(node, place) && !ts.isSourceFile(node)) node = node.parent;
    return node;
  });
  const narrowest = Math.min(...around.map((node) => node.end - node.pos));
  return calls.filter((_, index) => {
    const node = around[index];
    return node !== undefined && !ts.isSourceFile(node) && node.end - node.pos === narrowest;
  });
}

function isConverted(decisions: Decisions, fn: AsyncFunction): boolean {
  return (decisions.get(fn)?.shape ?? "leave") !== "leave";
}

function functionsOutside({ functions }: Analysis, units: readonly Unit[]): AsyncFunction[] {
  const inside = new Set(units.flat());
  return functions.filter((fn) => !inside.has(fn));
}

async function rewriteAll(
  analysis: Analysis,
  decisions: Decisions,
  runs: ReadonlyMap<TS.Node, Run>,
  spelledOut: ReadonlySet<AsyncFunction>,
  step: Step,
): Promise<RewrittenFile[]> {
  const sharedTwins = new Set<AsyncFunction>();
  for (const { use } of runs.values()) {
    if (use !== undefined && use.file !== use.target.file) sharedTwins.add(use.target);
  }
  const paired = pairedFunctions(analysis, decisions, runs);
  const limiters = convertedLimiters(analysis, decisions);
  const limited = new Map<TS.Node, LimitedCall>();
  for (const use of limiters.flatMap(({ uses }) => uses)) limited.set(use.call, use).set(use.job, use);
  const suspension = new Suspension(analysis.checker, runs, analysis.byNode, limited);
  const imported = importedFunctions(analysis);
  const shared = { analysis, decisions, runs, spelledOut, suspension };
  const input = { ...shared, sharedTwins, imported, paired, limiters, limited };
  const byFile = groupByFile(analysis.functions);
  const { sources, uses } = analysis.project;
  const concerned = sources.filter((file) => byFile.has(file) || (uses?.get(file.fileName)?.size ?? 0) > 0);
  const rewritten: RewrittenFile[] = [];
  for (const file of concerned) {
    await step("rewrite", rewritten.length, concerned.length);
    rewritten.push(rewriteFile(input, file, byFile.get(file) ?? []));
  }
  await step("rewrite", concerned.length, concerned.length);
  return rewritten;
}

function importedFunctions({ references }: Analysis): Map<TS.SourceFile, Set<AsyncFunction>> {
  const imported = new Map<TS.SourceFile, Set<AsyncFunction>>();
  for (const [target, uses] of references) {
    for (const { role, file } of uses) {
      if (role !== "import") continue;
      const known = imported.get(file);
      if (known === undefined) imported.set(file, new Set([target]));
      else known.add(target);
    }
  }
  return imported;
}

/** Functions whose conversion a reader should know something about, with the first such thing. */
function notedFunctions(files: readonly RewrittenFile[]): Map<AsyncFunction, Reason> {
  const noted = new Map<AsyncFunction, Reason>();
  for (const file of files) {
    for (const [fn, [note]] of file.notes) if (note !== undefined) noted.set(fn, note);
  }
  return noted;
}

function groupByFile(functions: readonly AsyncFunction[]): Map<AsyncFunction["file"], AsyncFunction[]> {
  const groups = new Map<AsyncFunction["file"], AsyncFunction[]>();
  for (const fn of functions) {
    const group = groups.get(fn.file);
    if (group === undefined) groups.set(fn.file, [fn]);
    else group.push(fn);
  }
  return groups;
}

function report(project: LoadedProject, { unchained, analysis, settled }: Staged): MigrationPlan {
  const { decisions, files, verification } = settled;
  const notes = new Map(files.flatMap((file) => [...file.notes]));
  const groups = new Map(unitsOf(analysis).flatMap((unit, index) => unit.map((fn) => [fn, index] as const)));
  const found: Candidate[] = [
    ...analysis.functions.map((fn) => ({
      ...functionCandidate(fn, decisions, notes.get(fn) ?? []),
      group: groups.get(fn) ?? 0,
    })),
    ...files.flatMap((file) => file.waits),
    ...findOtherSites(
      analysis,
      decisions,
      files.flatMap((file) => file.waits),
    ),
  ];
  const candidates = [...inOriginalTerms(analysis.controls.acknowledge(found), unchained), ...unchained.callbacks].sort(
    (a, b) => (a.file === b.file ? a.start - b.start || b.end - a.end : a.file < b.file ? -1 : 1),
  );
  const changes: FileChange[] = [];
  const packages = new Set<string>();
  for (const file of files) {
    const first = unchained.files.get(file.file.fileName);
    if (file.text === (first?.original ?? file.file).text) continue;
    const before = textOnDisk(file.file.fileName);
    const mark = before.startsWith("\uFEFF") && !file.text.startsWith("\uFEFF") ? "\uFEFF" : "";
    const between = first && { between: mark + first.composed.text };
    changes.push({ path: file.file.fileName, before, ...between, after: mark + file.text });
    for (const library of file.libraries) packages.add(library);
    // Ops come from "trestle" wherever a bridge is used.
    if (file.libraries.length > 0) packages.add("trestle");
  }
  return {
    root: project.root,
    filesScanned: project.sources.length,
    candidates,
    changes,
    packages: [...packages].sort(),
    remarks: [...project.remarks, ...(changes.length === 0 ? [] : remarkOn(analysis.observed.snapshots))],
    already: countFibers(project.sources),
    idleComments: idleInBoth(analysis.controls.idle(), unchained),
    verification,
  };
}

function remarkOn(snapshots: readonly string[]): string[] {
  if (snapshots.length === 0) return [];
  const others = snapshots.length === 1 ? "" : ` and ${snapshots.length - 1} more`;
  return [
    `The snapshot at ${snapshots[0]}${others} mentions async functions: where it shows one that is converted, it will differ.`,
  ];
}

const patterns = { declaration: "CM-A01", variable: "CM-A05", method: "CM-K01", value: "CM-A02" } as const;

function functionCandidate(fn: AsyncFunction, decisions: Decisions, notes: readonly Reason[]): Candidate {
  const decision = decisions.get(fn);
  const start = fn.node.getStart(fn.file);
  const { line, character } = fn.file.getLineAndCharacterOfPosition(start);
  const reasons = [...(decision?.reasons ?? []), ...notes];
  const shape = decision?.shape ?? "leave";
  return {
    pattern: fn.node.asteriskToken === undefined ? patterns[fn.form] : "CM-G02",
    kind: "function",
    name: fn.label,
    file: fn.file.fileName,
    line: line + 1,
    column: character + 1,
    start,
    end: fn.node.end,
    disposition:
      shape === "leave"
        ? decision?.suspect === true
          ? "suspect"
          : "leave"
        : shape === "in-place"
          ? notes.length > 0
            ? "rewrite+note"
            : "rewrite"
          : "facade",
    reasons,
  };
}
