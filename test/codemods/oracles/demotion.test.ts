/** A transform that emits nonsense costs the functions it touched, and nothing else; and planning ends. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { MigratedProject } from "../transform/migrated-project.js";

const files = {
  "src/a.ts": `
async function leaf(n: number): Promise<number> {
  return n + 1;
}

export async function waits(): Promise<number> {
  return (await leaf(1)) + (await read("a"));
}

export async function plain(): Promise<number> {
  return await leaf(2);
}

export class Counter {
  async next(): Promise<number> {
    return await this.#step();
  }
  async #step(): Promise<number> {
    return await read("step");
  }
}
`,
  "src/b.ts": `
import { plain, waits } from "./a";

export const main = async (): Promise<number> => (await plain()) + (await waits());
`,
};

/** Each spoils one line of what the migrator knows about the libraries. */
const sabotages = [
  [
    "fromPromise gives nothing",
    /function fromPromise<T>\([^\n]*\): Op<T>/,
    "function fromPromise(promise: unknown): void",
  ],
  ["fromPromise is not there", /export function fromPromise[^\n]*/, ""],
  ["toPromise gives no promise", /toPromise<T>([^\n]*?): Promise<T>/, "toPromise<T>$1: T[]"],
  ["an op cannot be iterated", /\[Symbol\.iterator\]\(\): Iterator<[^\n]*?>(?= )/, "readonly nothing: T"],
  ["toAsync takes no generator", /toAsync<This[^\n]*/, "toAsync(fn: () => number): () => number;"],
  ["there are no libraries at all", /^[\s\S]*$/, ""],
] as const;

afterEach(() => {
  vi.doUnmock("../../../codemods/runtime-names.js");
  vi.resetModules();
});

async function sabotaged(from: RegExp, to: string): Promise<MigratedProject> {
  vi.resetModules();
  vi.doMock("../../../codemods/runtime-names.js", async (original) => {
    const names = await original<typeof import("../../../codemods/runtime-names.js")>();
    expect(names.ambientDeclarations).toMatch(from);
    return { ...names, ambientDeclarations: names.ambientDeclarations.replace(from, to) };
  });
  const { migrate } = await import("../transform/migrated-project.js");
  return migrate(files);
}

describe("demotion", () => {
  it.each(sabotages)("O-23 ends type-correct when %s", async (_what, from, to) => {
    const { plan, before, after } = await sabotaged(from, to);
    expect(plan.verification.rounds).toBeLessThan(15);
    const functions = plan.candidates.filter((c) => c.kind === "function");
    const demoted = functions.filter((c) => c.reasons.some((reason) => reason.code === "TR1806"));
    expect(demoted.length).toBeGreaterThan(0);
    expect(plan.verification.demoted).toBeGreaterThanOrEqual(demoted.length);
    for (const one of demoted) expect(one.disposition).toBe("leave");
    if (demoted.length === functions.length) expect(after).toEqual(before);
  });

  it("O-23 O-24 TR1806 only what needs a spoilt bridge is given up", async () => {
    const [, from, to] = sabotages[0];
    const { plan } = await sabotaged(from, to);
    const left = plan.candidates.filter((c) => c.kind === "function" && c.disposition === "leave");
    // `next` and `main` wait for what is left, and so need the bridge too.
    expect(left.map((c) => c.name).sort()).toEqual(["#step", "main", "next", "waits"]);
  });
});
