/**
 * Random programs of observables and limiters do the same before and after their migration: each task the same things at
 * the same times, subscribing and unsubscribing included, with the same result. `TRESTLE_PROGRAMS` sets how many are
 * tried, `TRESTLE_SEED` where the drawing starts.
 */
import * as fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { migrate, strictOptions, type MigratedProject } from "../transform/migrated-project.js";
import { streamProgram } from "./random-streams.js";
import { runProgram } from "./run-program.js";
import { worldDeclarations, type Run } from "./virtual-world.js";

const count = Number(process.env["TRESTLE_PROGRAMS"] ?? 40);
const seed = Number(process.env["TRESTLE_SEED"] ?? 20_240);
const programs = fc.sample(streamProgram, { numRuns: count, seed });
let project: MigratedProject;

beforeAll(async () => {
  const files: Record<string, string> = { "world.d.ts": worldDeclarations };
  for (const [index, text] of programs.entries()) files[`p${index}/main.ts`] = text;
  project = await migrate(files, { compilerOptions: { ...strictOptions, noUnusedLocals: false } });
}, 300_000);

it(`O-09 O-15 programs of observables and limiters behave the same (seed ${seed})`, { timeout: 300_000 }, async () => {
  let compared = 0;
  for (const index of programs.keys()) {
    const path = `p${index}/main.ts`;
    const [before, after] = [project.before[path] ?? "", project.after[path] ?? ""];
    const run = await runProgram({ main: before });
    if (run === undefined) continue;
    expect
      .soft(byTask(await runProgram({ main: after })), `program ${index}\n${before}\n${after}`)
      .toEqual(byTask(run));
    compared++;
  }
  expect(compared).toBeGreaterThan(count / 2);
});

it("O-02 hardly any wait for an observable or a limiter stays", () => {
  const text = Object.values(project.after).join("\n");
  const stays = [...text.matchAll(/await |yield\* \w+\((firstValueFrom|lastValueFrom)\(/g)].length;
  expect(stays / [...text.matchAll(/\b(firstOf|lastOf|limit\.use)\(/g)].length).toBeLessThan(0.1);
});

/** What each task did, and when: where two tasks meet in an instant, their order is not compared. */
function byTask(run: Run | undefined): unknown {
  const tasks: Record<string, string[]> = {};
  for (const { task, at, event } of run?.log ?? []) (tasks[task] ??= []).push(`${at}: ${event}`);
  return { tasks, outcome: run?.outcome, at: run?.settledAt, unhandled: run?.unhandled, mostPending: run?.mostPending };
}
