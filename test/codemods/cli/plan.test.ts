/** Batches: what `plan` lists, `migrate --batch` does, and `scan --check` holds. The real analysis at work. */

import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { packed } from "../../../codemods/batches.js";
import { planMigration } from "../../../codemods/migrate.js";
import type { Report } from "../../../codemods/report/report.js";
import { trestle } from "./invoke.js";
import { contents, project, type Files } from "./project-on-disk.js";

const engine = { planMigration };

const tsconfig = JSON.stringify({
  compilerOptions: {
    target: "es2022",
    lib: ["es2022"],
    module: "esnext",
    moduleResolution: "bundler",
    strict: true,
    noUnusedLocals: true,
    types: [],
    noEmit: true,
  },
});

/** Three storeys: `c` calls `b` calls `a`; `ping` and `pong` call each other; `Base` and `Derived` share a method. */
const storeys: Files = {
  "tsconfig.json": tsconfig,
  "package.json": '{ "name": "storeys", "private": true }\n',
  "src/c.ts": 'import { b } from "./b";\nexport async function c(): Promise<number> {\n  return (await b()) + 1;\n}\n',
  "src/b.ts": 'import { a } from "./a";\nexport async function b(): Promise<number> {\n  return (await a()) + 1;\n}\n',
  "src/a.ts": "export async function a(): Promise<number> {\n  return 1;\n}\n",
  "src/ring.ts":
    'import { a } from "./a";\nexport async function ping(n: number): Promise<number> {\n  return n === 0 ? await a() : await pong(n - 1);\n}\n' +
    "async function pong(n: number): Promise<number> {\n  return n === 0 ? 1 : await ping(n - 1);\n}\n",
  "src/classes.ts":
    "export class Base {\n  async run(): Promise<number> {\n    return 1;\n  }\n}\n" +
    "export class Derived extends Base {\n  override async run(): Promise<number> {\n    return (await super.run()) + 1;\n  }\n}\n",
  "src/kept.ts": "export const kept = (xs: number[]) => xs.filter(async (x) => x > 1);\n",
};

async function json(root: string, ...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await trestle(root, [...args, "--format", "json"], { engine });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
}

const namesOf = (report: Report): string[][] =>
  (report.batches ?? []).map(({ functions }) => functions.map(({ name }) => name));

const writeBatch = (root: string, ...more: string[]) =>
  trestle(root, ["migrate", "--batch", "1", "--write", "--allow-no-git", ...more], { engine });

describe("plan", () => {
  it("O-11 O-22 lists batches of whole groups, leaves first, and writes nothing", async () => {
    const root = project(storeys);
    const before = contents(root);
    const report = await json(root, "plan", "--batch-size", "2");
    expect(contents(root)).toEqual(before);
    const names = namesOf(report);
    const at = (name: string): number => names.findIndex((batch) => batch.includes(name));
    expect(names.flat().sort()).toEqual(["a", "b", "c", "ping", "pong", "run", "run"]);
    expect(at("a")).toBeLessThanOrEqual(at("b"));
    expect(at("b")).toBeLessThanOrEqual(at("c"));
    expect(at("ping")).toBe(at("pong"));
    expect(names.filter((batch) => batch.includes("run"))).toEqual([["run", "run"]]);
    expect(names.every((batch) => batch.length <= 2)).toBe(true);
    expect(report.batches?.map(({ number }) => number)).toEqual(names.map((_, index) => index + 1));
    expect(report.batches?.at(-1)?.functions[0]).toMatchObject({
      file: expect.any(String) as string,
      line: expect.any(Number) as number,
    });
  });

  it("O-11 counts the façades and bridges that stand after each batch, as a migration of that much gives them", async () => {
    const root = project(storeys);
    const { batches = [] } = await json(root, "plan", "--batch-size", "2");
    const done: string[] = [];
    for (const { functions, facades, bridges } of batches) {
      done.push(...functions.map(({ name }) => name));
      const alone = await json(root, "migrate", ...done.flatMap((name) => ["--symbol", name]));
      expect(alone.totals.functions.facade, done.join()).toBe(facades);
      expect(
        alone.candidates.filter(({ kind, disposition }) => kind === "await" && disposition === "bridge").length,
      ).toBe(bridges);
    }
    expect(done.length).toBe(7);
  });

  it("says for a person what to do next", async () => {
    const { stdout } = await trestle(project(storeys), ["plan", "src", "--batch-size", "3"], { engine });
    expect(stdout).toMatch(/^ +1 {2}[123] functions? in \d files?; then \d+ façades? and \d+ bridges? stand$/m);
    expect(stdout).toContain("`trestle migrate src --batch-size 3 --batch 1 --write`");
  });
});

describe("migrate --batch", () => {
  it("O-22 says how to write that batch, and no other", async () => {
    const { stdout } = await trestle(project(storeys), ["migrate", "--batch", "1", "--batch-size", "2"], { engine });
    expect(stdout).toContain("apply this with `trestle migrate --batch-size 2 --batch 1 --write`");
  });

  it.each([1, 2, 7])(
    "O-11 O-03 in batches of %i, each leaves a program that type-checks, until nothing is left",
    async (size) => {
      const root = project(storeys);
      const planned = namesOf(await json(root, "plan", "--batch-size", String(size)));
      for (const batch of planned) {
        // Every run checks the program as the run before has left it, and refuses it unless it is sound.
        const { code, stdout, stderr } = await writeBatch(root, "--batch-size", String(size), "--format", "json");
        expect(code, stderr).toBe(0);
        const report = JSON.parse(stdout) as Report;
        const done = report.candidates.filter(
          ({ kind, disposition }) => kind === "function" && disposition !== "leave" && disposition !== "suspect",
        );
        expect(done.map(({ name }) => name).sort()).toEqual([...batch].sort());
      }
      const end = await json(root, "scan");
      expect(end.totals.functions).toMatchObject({ found: 1, converted: 0, already: 7 });
      const settled = contents(root);
      expect((await writeBatch(root)).code).toBe(0);
      expect(contents(root)).toEqual(settled);
    },
  );

  it("O-11 a later batch can come first", async () => {
    const root = project(storeys);
    const planned = namesOf(await json(root, "plan", "--batch-size", "2"));
    for (let number = planned.length; number >= 1; number--) {
      const args = ["migrate", "--batch", String(number), "--batch-size", "2", "--write", "--allow-no-git"];
      expect((await trestle(root, args, { engine })).code).toBe(0);
    }
    expect((await json(root, "scan")).totals.functions.converted).toBe(0);
  });

  it("O-22 one that does not exist is refused", async () => {
    const { code, stdout, stderr } = await trestle(project(storeys), ["migrate", "--batch", "9"], { engine });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("there is no batch 9: the last is 1");
    for (const wrong of ["0", "-1", "two"])
      expect(await trestle("/", ["migrate", "--batch", wrong])).toMatchObject({ code: 2, stdout: "" });
  });

  it("O-22 works with --verify: the guilty stay, and no other batch is touched", async () => {
    const root = project(storeys);
    mkdirSync(join(root, "node_modules/@trestle"), { recursive: true });
    const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
    symlinkSync(at("core"), join(root, "node_modules/trestle"));
    symlinkSync(at("bridges"), join(root, "node_modules/@trestle/bridges"));
    const before = contents(root);
    const [first = []] = namesOf(await json(root, "plan", "--batch-size", "3"));
    expect(first).toContain("a");
    const { code, stderr } = await writeBatch(
      root,
      "--batch-size",
      "3",
      "--verify",
      "! grep -q 'function[*] a' src/a.ts",
    );
    expect(code, stderr).toBe(first.length > 1 ? 0 : 5);
    const after = contents(root);
    expect(after["src/a.ts"]).toContain("async function a");
    expect(after["src/ring.ts"]).toBe(before["src/ring.ts"]);
    expect(stderr).toContain("a: with it converted");
  });
});

describe("scan --check", () => {
  const scan = (root: string, ...args: string[]) => trestle(root, ["scan", "--check", ...args], { engine });

  it("O-22 exits 1 while something can be migrated, and 0 when nothing can", async () => {
    const root = project(storeys);
    const { code, stderr } = await scan(root);
    expect(code).toBe(1);
    expect(stderr).toContain("7 functions could be migrated");
    expect((await scan(root, "src/kept.ts")).code).toBe(0);
  });

  it("O-22 --min exits 1 below that share of direct functions and 0 at it", async () => {
    const root = project(storeys);
    expect((await trestle(root, ["scan", "--min", "0"], { engine })).code).toBe(0);
    const none = await trestle(root, ["scan", "--min", "0.01"], { engine });
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("0 of 8 functions are direct style (0 %); at least 1 % must be");
    await trestle(root, ["migrate", "--write", "--allow-no-git"], { engine });
    expect((await scan(root, "--min", "87.5%")).code).toBe(0);
    expect((await scan(root, "--min", "0.876")).code).toBe(1);
    expect((await scan(root)).code).toBe(0);
    expect((await trestle(root, ["scan"], { engine })).stdout).toContain("7 of 8 functions are direct style (88 %)");
  });

  it.each(["120%", "2", "most", "-1"])("O-22 --min %s is refused", async (min) => {
    expect(await trestle("/", ["scan", "--check", "--min", min])).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("packing", () => {
  it("fills batches in order, and breaks no group", () => {
    const unit = (size: number, name: string) => Array.from({ length: size }, () => name) as never[];
    const sizes = (batches: readonly (readonly (readonly unknown[])[])[]) => batches.map((b) => b.map((u) => u.length));
    expect(sizes(packed([unit(1, "a"), unit(1, "b"), unit(3, "c"), unit(1, "d")], 2))).toEqual([[1, 1], [3], [1]]);
    expect(packed([], 5)).toEqual([]);
  });
});
