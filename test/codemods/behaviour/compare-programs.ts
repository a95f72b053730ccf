/**
 * Migrates many random programs at once and compares what each of them does before and after: as it is, and with some
 * of its functions kept async, so that the border between the two worlds runs somewhere else.
 */
import * as fc from "fast-check";
import { setDebug, type Finding } from "trestle";
import { migrate, strictOptions, type MigratedProject } from "../transform/migrated-project.js";
import { program, type Kind, type Program, type ProgramFiles, type Size } from "./random-program.js";
import { runProgram } from "./run-program.js";
import { worldDeclarations, type Run } from "./virtual-world.js";

export const kinds = ["sequential", "concurrent", "joined", "racy"] as const;

export interface Batch {
  readonly kind: Kind;
  readonly size: Size;
  readonly seed: number;
  readonly count: number;
  /** How many sets of functions are kept async in each program; the empty one is among them. */
  readonly borders: number;
}

/** One program of a batch, with the set of functions that are kept in it, as bits. */
export interface Variant {
  readonly batch: Batch;
  readonly index: number;
  readonly kept: number;
  readonly before: ProgramFiles;
  readonly after: ProgramFiles;
}

export interface Outcome {
  /** How many programs were run; of the others, the world says that they never end. */
  readonly compared: number;
  readonly functions: number;
  readonly converted: number;
  /** Functions whose fiber form did not type-check. */
  readonly broken: readonly string[];
  /** What does not do the same, with both texts and both runs. */
  readonly differences: readonly { readonly index: number; readonly text: string }[];
  readonly project: MigratedProject;
  readonly variants: readonly Variant[];
}

export function drawn({ kind, size, seed, count }: Batch): Program[] {
  return fc.sample(program(kind, size), { numRuns: count, seed, unbiased: true });
}

export async function compareBatch(batch: Batch): Promise<Outcome> {
  return comparePrograms(batch, drawn(batch));
}

export async function comparePrograms(batch: Batch, programs: readonly Program[]): Promise<Outcome> {
  const files: Record<string, string> = { "world.d.ts": worldDeclarations };
  const placed: { index: number; kept: number; before: ProgramFiles; folder: string }[] = [];
  for (const [index, one] of programs.entries()) {
    for (const kept of borders(one, batch, index)) {
      const folder = `${batch.kind}${index}-${kept}`;
      const before = one.files(kept);
      for (const [name, text] of Object.entries(before)) files[`${folder}/${name}.ts`] = text;
      placed.push({ index, kept, before, folder });
    }
  }
  const project = await migrate(files, {
    compilerOptions: { ...strictOptions, noUnusedLocals: false },
    allowBaselineErrors: true,
  });
  const variants = placed.map(({ index, kept, before, folder }): Variant => {
    const text = (name: string): string => project.after[`${folder}/${name}.ts`] ?? "";
    return { batch, index, kept, before, after: { main: text("main"), lib: text("lib") } };
  });
  const differences: { index: number; text: string }[] = [];
  const originals = new Map<number, Run | undefined>();
  let compared = 0;
  for (const variant of variants) {
    const { index } = variant;
    if (!originals.has(index)) originals.set(index, await runProgram(variant.before));
    const original = originals.get(index);
    if (original === undefined) continue;
    compared++;
    const { run: after, findings } = await debugged(() => runProgram(variant.after));
    if (findings.length > 0) differences.push({ index, text: `${described(variant)}\n// ${findings.join("\n// ")}` });
    const [wanted, got] = [original, after].map((run) =>
      JSON.stringify(run && view(batch.kind, run, original), null, 1),
    );
    if (wanted === got) continue;
    differences.push({ index, text: `${described(variant)}\n// before\n${wanted}\n// after\n${got}` });
  }
  const functions = project.plan.candidates.filter((c) => c.kind === "function");
  return {
    compared,
    functions: functions.length,
    converted: functions.filter((c) => c.disposition !== "leave").length,
    broken: functions.flatMap((c) =>
      c.reasons.filter(({ code }) => code === "TR1806").map(({ message }) => `${c.file}: ${message}`),
    ),
    differences,
    project,
    variants,
  };
}

/** What debug mode says of a run: no op may run twice, none may be made and left, and no body given away. */
async function debugged<T>(go: () => Promise<T>): Promise<{ run: T; findings: readonly string[] }> {
  const findings: string[] = [];
  // A promise of fiber code itself is waited for wherever it was held before.
  const mistakes: readonly Finding["kind"][] = ["op-never-run", "op-run-twice", "body-never-run"];
  const report = ({ kind, message }: Finding): void => {
    if (mistakes.includes(kind)) findings.push(message);
  };
  setDebug({ report, blockedAfter: Infinity });
  try {
    return { run: await go(), findings };
  } finally {
    setDebug(false);
  }
}

/** The sets of functions to keep: none, and then every other one, or as many as are asked for, each program's own. */
function borders({ units }: Program, batch: Batch, index: number): number[] {
  const all = 2 ** units;
  if (all <= batch.borders) return Array.from({ length: all }, (_, kept) => kept);
  const chosen = new Set([0]);
  for (let at = batch.seed + index; chosen.size < batch.borders; at++)
    chosen.add(Math.imul(at, 0x9e3779b1) >>> (32 - units));
  return [...chosen];
}

/** What of a run must be the same; `original` is the run before the migration. */
export function view(kind: Kind, run: Run, original: Run): unknown {
  if (kind === "sequential") return { log: run.log, outcome: run.outcome, at: run.settledAt, unhandled: run.unhandled };
  if (kind !== "racy") {
    return {
      tasks: byTask(run),
      outcome: run.outcome,
      at: run.settledAt,
      unhandled: run.unhandled,
      mostPending: run.mostPending,
    };
  }
  // A failure cancels siblings and waits for them: what they would have done next is missing then, and time has passed.
  const [whole, parts] = [byTask(original, false), byTask(run, false)];
  const prefixes = Object.fromEntries(
    Object.keys({ ...whole, ...parts }).map((task) => {
      const all = whole[task] ?? [];
      let some = parts[task] ?? [];
      // One that is cancelled cleans up, which it would have done later.
      const cleaned = some.findIndex((event, at) => /^"(clean up|finally|left)/.test(event) && event !== all[at]);
      if (cleaned >= 0) some = some.slice(0, cleaned);
      return [task, JSON.stringify(all.slice(0, some.length)) === JSON.stringify(some)];
    }),
  );
  return { prefixes, settled: run.outcome.split(" ")[0] };
}

/** What each task did; without times, and without saying which of several errors came first, where these may change. */
function byTask(run: Run, exact = true): Record<string, string[]> {
  const tasks: Record<string, string[]> = {};
  for (const { task, at, event } of run.log) {
    (tasks[task] ??= []).push(exact ? `${at}: ${event}` : event.replace(/^Error: .*/, "an error"));
  }
  return Object.fromEntries(Object.entries(tasks).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function described({ batch, index, kept, before, after }: Variant): string {
  const texts = (["lib", "main"] as const)
    .filter((name) => before[name] !== "export {}\n")
    .map((name) => `// ${name}.ts\n${before[name]}\n// becomes\n${after[name]}`);
  return `${batch.size} ${batch.kind} program ${index} of seed ${batch.seed}, kept ${kept}\n${texts.join("\n")}`;
}
