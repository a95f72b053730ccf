/**
 * Random programs do the same before and after their migration: the same log at the same times, task by task, the same
 * result or error, the same number of things under way at once; and also when some of their functions stay async.
 *
 * `TRESTLE_PROGRAMS` sets how many programs of each kind are tried, `TRESTLE_SEED` where the drawing starts. For many
 * more there is `npm run programs`.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { canonicalTree } from "../oracles/canonical-tree.js";
import { compareBatch, kinds, type Batch, type Outcome } from "./compare-programs.js";

const count = Number(process.env["TRESTLE_PROGRAMS"] ?? 25);
const seed = Number(process.env["TRESTLE_SEED"] ?? 20_240);

const batches = kinds.flatMap((kind): Batch[] => [
  { kind, size: "large", seed, count, borders: 1 },
  { kind, size: "small", seed, count: 2 * count, borders: 3 },
]);
const outcomes = new Map<Batch, Outcome>();

beforeAll(async () => {
  for (const batch of batches) outcomes.set(batch, await compareBatch(batch));
}, 600_000);

describe.each(batches.map((batch) => [`${batch.size} ${batch.kind}`, batch] as const))(
  "%s programs",
  (_name, batch) => {
    const outcome = (): Outcome => outcomes.get(batch) ?? expect.unreachable("it was not compared");

    it(`O-09 O-15 O-17 behave the same, wherever the border runs, and leave no op unrun or run twice (seed ${seed})`, () => {
      expect(outcome().differences.map(({ text }) => text)).toEqual([]);
      expect(outcome().compared).toBeGreaterThan(count / 2);
    });

    it("O-07 are for the parser what was intended", () => {
      const { project } = outcome();
      for (const [path, original] of Object.entries(project.before)) {
        const before =
          project.plan.changes.find((change) => change.path === `${project.root}/${path}`)?.between ?? original;
        // Loops and generators change their shape.
        if (/\bfor\b[^\n]*\bawait\b|\basync\b[^\n]*\*/.test(before)) continue;
        const after = project.after[path] ?? "";
        expect.soft(canonicalTree(path, after), `${path} of seed ${seed}\n${after}`).toBe(canonicalTree(path, before));
      }
    });

    it("O-02 are converted for the most part, and hardly any function fails to type-check", () => {
      const { functions, converted, broken } = outcome();
      expect(converted / functions).toBeGreaterThan(batch.size === "large" ? 0.7 : 0.6);
      expect(broken.length / functions, broken.join("\n")).toBeLessThan(0.02);
    });
  },
);
