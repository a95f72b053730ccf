/**
 * Random programs do the same before and after their migration: the same log at the same times, task by task, the same
 * result or error, the same number of things under way at once.
 *
 * `TRESTLE_PROGRAMS` sets how many programs of each kind are tried, `TRESTLE_SEED` where the drawing starts.
 */
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { canonicalTree } from "../oracles/canonical-tree.js";
import { migrate, strictOptions, type MigratedProject } from "../transform/migrated-project.js";
import { program, type Kind, type Program } from "./random-program.js";
import { runProgram } from "./run-program.js";
import { worldDeclarations, type Run } from "./virtual-world.js";

const count = Number(process.env["TRESTLE_PROGRAMS"] ?? 40);
const seed = Number(process.env["TRESTLE_SEED"] ?? 20_240);
const kinds = ["sequential", "concurrent", "joined", "racy"] as const;

const programs = new Map(kinds.map((kind) => [kind, fc.sample(program(kind), { numRuns: count, seed })]));
let project: MigratedProject;

beforeAll(async () => {
  const files: Record<string, string> = { "world.d.ts": worldDeclarations };
  for (const [kind, drawn] of programs) {
    for (const [index, { files: own }] of drawn.entries()) {
      for (const [name, text] of Object.entries(own)) files[`${kind}${index}/${name}.ts`] = text;
    }
  }
  project = await migrate(files, { compilerOptions: { ...strictOptions, noUnusedLocals: false } });
}, 300_000);

describe("random programs", () => {
  it.each(kinds)(`O-09 O-15 %s programs behave the same (seed ${seed})`, { timeout: 300_000 }, async (kind) => {
    let compared = 0;
    for (const [index, one] of programs.get(kind)?.entries() ?? []) {
      const before = await runProgram(one.files);
      if (before === undefined) continue;
      const after = await runProgram(migratedFiles(kind, index));
      expect.soft(after && view(kind, after, before), explain(kind, index, one)).toEqual(view(kind, before, before));
      compared++;
    }
    expect(compared).toBeGreaterThan(count / 2);
  });

  it("O-07 the parser sees in them what was intended", () => {
    for (const [path, original] of Object.entries(project.before)) {
      const before =
        project.plan.changes.find((change) => change.path === `${project.root}/${path}`)?.between ?? original;
      const after = project.after[path] ?? "";
      expect.soft(canonicalTree(path, after), `${path} of seed ${seed}\n${after}`).toBe(canonicalTree(path, before));
    }
  });

  it("O-02 most of their functions are converted, and hardly any fails to type-check", () => {
    const functions = project.candidates().filter((c) => c.kind === "function");
    const converted = functions.filter((c) => c.disposition !== "leave");
    expect(converted.length / functions.length).toBeGreaterThan(0.7);
    const broken = functions.flatMap((c) =>
      c.reasons.filter((reason) => reason.code === "TR1806").map(({ message }) => `${c.file}: ${message}`),
    );
    expect(broken.length / functions.length, broken.join("\n")).toBeLessThan(0.02);
  });
});

function migratedFiles(kind: Kind, index: number): Program["files"] {
  const text = (name: string): string => project.after[`${kind}${index}/${name}.ts`] ?? "";
  return { main: text("main"), lib: text("lib") };
}

/** What of a run must be the same; `original` is the run before the migration. */
function view(kind: Kind, run: Run, original: Run): unknown {
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
      const [all, some] = [whole[task] ?? [], parts[task] ?? []];
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
  return tasks;
}

function explain(kind: Kind, index: number, { files }: Program): string {
  const after = migratedFiles(kind, index);
  return `${kind} program ${index} of seed ${seed}\n${(["lib", "main"] as const)
    .map((name) => `// ${name}.ts\n${files[name]}\n// becomes\n${after[name]}`)
    .join("\n")}`;
}
