/** What a command line selects, with the real analysis: paths, globs, names, revisions, levels and comments. */

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { planMigration } from "../../../codemods/migrate.js";
import type { Report } from "../../../codemods/report/report.js";
import { trestle } from "./invoke.js";
import { commitAll, git, project, writeFiles, type Files } from "./project-on-disk.js";

const engine = { planMigration };

const tsconfig = JSON.stringify({
  compilerOptions: {
    target: "es2022",
    lib: ["es2022"],
    module: "esnext",
    moduleResolution: "bundler",
    strict: true,
    types: [],
    noEmit: true,
  },
});

const shop: Files = {
  "tsconfig.json": tsconfig,
  "package.json": '{ "name": "shop", "private": true }\n',
  "src/read.ts": "export async function read(): Promise<number> {\n  return 1;\n}\n",
  "src/store/store.ts":
    'import { read } from "../read";\nexport class Store {\n  async load(): Promise<number> {\n    return await read();\n  }\n' +
    "  async save(): Promise<void> {\n    await read();\n  }\n}\n",
  "src/store/[id].ts": "export async function byId(): Promise<void> {}\n",
  "src/ring.ts":
    "export async function ping(n: number): Promise<number> {\n  return n === 0 ? 0 : await pong(n - 1);\n}\n" +
    "export async function pong(n: number): Promise<number> {\n  return n === 0 ? 1 : await ping(n - 1);\n}\n",
  "src/risky.ts":
    "export async function risky(work: () => Promise<void>): Promise<boolean> {\n" +
    '  try {\n    await work();\n    return true;\n  } catch ({ message }: any) {\n    return message === "";\n  }\n}\n',
};

async function report(root: string, ...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await trestle(root, [...args, "--format", "json"], { engine });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
}

const functions = ({ candidates }: Report) => candidates.filter(({ kind }) => kind === "function");

const chosen = (given: Report): string[] =>
  functions(given)
    .filter(({ disposition }) => disposition !== "leave" && disposition !== "suspect")
    .map(({ name }) => name);

describe("selection", () => {
  it.each([
    [["src/store"], ["byId", "load", "save"]],
    [["src/**/store.ts"], ["load", "save"]],
    [["src/*.ts", "!src/ri*.ts"], ["read"]],
    [["src/store/[id].ts"], ["byId"]],
    [["src", "--exclude", "src/store", "--exclude", "**/r{ing,isky}.ts"], ["read"]],
    [
      ["--symbol", "Store.*"],
      ["load", "save"],
    ],
    [
      ["--symbol", "load", "--symbol", "read"],
      ["read", "load"],
    ],
    // Half of a circle is not converted alone.
    [
      ["--symbol", "pong"],
      ["ping", "pong"],
    ],
    [
      ["--level", "safe"],
      ["ping", "pong", "read", "byId", "load", "save"],
    ],
    [
      ["--level", "standard"],
      ["ping", "pong", "read", "risky", "byId", "load", "save"],
    ],
  ])("O-22 O-24 `migrate %j` converts %j", async (args, expected) => {
    const root = project(shop);
    expect(chosen(await report(root, "migrate", ...args)).sort()).toEqual([...expected].sort());
  });

  it("TR1804 TR1813 what was not selected is left with a reason", async () => {
    const root = project(shop);
    const byName = functions(await report(root, "migrate", "--symbol", "read"));
    expect(byName.find(({ name }) => name === "load")?.reasons[0]).toMatchObject({
      code: "TR1804",
      name: "outside-scope",
    });
    const safe = functions(await report(root, "migrate", "--level", "safe"));
    expect(safe.find(({ name }) => name === "risky")?.reasons[0]?.code).toBe("TR1813");
  });

  it.each([
    [["--symbol", "lod"], "no async function in scope is called lod"],
    [["src/nowhere"], "src/nowhere does not exist"],
    [["nowhere/**"], "nowhere/** does not exist"],
    [["src/**/*.vue"], "No source file"],
    [["--since", "HEAD"], "no git repository"],
    [["--level", "reckless"], "'reckless' is invalid"],
  ])("O-22 `migrate %j` is refused: %s", async (args, message) => {
    const root = project(shop);
    const { code, stdout, stderr } = await trestle(root, ["migrate", ...args], { engine });
    expect({ code: code === 3 ? 2 : code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("O-22 --since takes the files that changed, new ones too, and has nothing to do when none did", async () => {
    const root = project(shop);
    commitAll(root);
    expect(chosen(await report(root, "migrate", "--since", "HEAD"))).toEqual([]);
    writeFiles(root, {
      "src/read.ts": `${String(shop["src/read.ts"])}// changed\n`,
      "src/new.ts": "export const n = async () => {};\n",
    });
    expect(chosen(await report(root, "migrate", "--since", "HEAD")).sort()).toEqual(["n", "read"]);
    git(root, "add", "--all");
    git(root, "commit", "--quiet", "--message", "second");
    expect(chosen(await report(root, "migrate", "--since", "HEAD~1", "src/read.ts"))).toEqual(["read"]);
    const unknown = await trestle(root, ["migrate", "--since", "nonsense"], { engine });
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain("git knows no revision nonsense");
  });

  it("O-22 repeats the selection in its advice", async () => {
    const root = project(shop);
    const { stdout } = await trestle(root, ["migrate", "--symbol", "Store.*", "--exclude", "src/ring.ts"], { engine });
    expect(stdout).toContain("`trestle migrate --exclude src/ring.ts --symbol 'Store.*' --write`");
  });
});

describe("comments", () => {
  const migrated = async (text: string): Promise<{ report: Report; text: string }> => {
    const root = project({ ...shop, "src/commented.ts": text });
    const given = await report(root, "migrate", "src/commented.ts");
    const { changes } = await planMigration({ cwd: root, paths: ["src/commented.ts"] });
    return { report: given, text: changes.find(({ path }) => path === join(root, "src/commented.ts"))?.after ?? text };
  };

  it.each([
    [
      "ignore-next-line",
      "// trestle-ignore-next-line -- its turn comes\nasync function f() {}\nvoid f;\nexport {};\n",
      "its turn comes",
    ],
    [
      "ignore-next-line before an export",
      "// trestle-ignore-next-line\nexport const f = async () => {};\n",
      "a comment asks",
    ],
    [
      "ignore-next-line before a callback",
      "export const f =\n  // trestle-ignore-next-line\n  async () => {};\n",
      "a comment asks",
    ],
    ["ignore-file", "/* trestle-ignore-file -- vendored */\nexport async function f() {}\n", "vendored"],
    ["keep-async", "/* trestle-keep-async */\nexport async function f() {}\n", "a comment asks"],
    [
      "keep-async in its documentation",
      "/**\n * Text.\n * trestle-keep-async\n */\nexport async function f() {}\n",
      "a comment asks",
    ],
    ["keep-async behind the export", "export /* trestle-keep-async */ async function f() {}\n", "a comment asks"],
  ])("O-24 TR1803 %s leaves the function", async (_, text, why) => {
    const { report } = await migrated(text);
    const [f] = functions(report);
    expect(f).toMatchObject({ name: "f", disposition: "leave", reasons: [{ code: "TR1803" }] });
    expect(f?.reasons[0]?.message).toContain(why);
    expect(report.files).toEqual([]);
    expect(report.idleComments).toEqual([]);
  });

  it("O-24 ignore-next-line before a call keeps that call going through the promise, and no other", async () => {
    const call = "  await read();\n";
    const { text, report } = await migrated(
      `async function read() {}\nexport async function f() {\n${call}  // trestle-ignore-next-line\n${call}}\n`,
    );
    expect(text).toMatch(
      /yield\* adopt\(readOp\(\)\);\n {2}\/\/ trestle-ignore-next-line\n {2}yield\* fromPromise\(read\(\)\);/,
    );
    expect(report.idleComments).toEqual([]);
  });

  it("O-24 facade keeps the promise under the old name though nobody needs it", async () => {
    const text = (comment: string) =>
      `${comment}async function inner() {}\nexport async function outer() {\n  await inner();\n}\n`;
    expect((await migrated(text(""))).text).toContain("function* inner()");
    const forced = await migrated(text("/* trestle-facade */\n"));
    expect(forced.text).toContain("function* innerOp()");
    expect(forced.text).toContain("function inner()");
    expect(forced.report.idleComments).toEqual([]);
  });

  it("O-24 with a code, the finding is known and not reported", async () => {
    const suspect = "export const f = (xs: number[]) =>\n  xs.filter(async (x) => x > 1);\n";
    const risky = String(shop["src/risky.ts"]);
    const code = (given: Report) => given.candidates.flatMap(({ reasons }) => reasons.map((reason) => reason.code));
    expect((await migrated(suspect)).report.totals.byDisposition.suspect).toBe(1);
    const known = await migrated(suspect.replace("  xs", "  // trestle-ignore-next-line TR1901 -- meant\n  xs"));
    expect(known.report.totals.byDisposition.suspect).toBe(0);
    expect(known.report.idleComments).toEqual([]);
    expect(code((await migrated(risky)).report)).toContain("TR1302");
    const note = await migrated(`// trestle-ignore-next-line TR1302, TR1206\n${risky}`);
    expect(code(note.report)).not.toContain("TR1302");
  });

  it.each([
    ["on no function", "export const n = 1; // trestle-keep-async\n", 1, "trestle-keep-async directs nothing here"],
    ["above an empty line", "// trestle-ignore-next-line\n\nexport async function f() {}\n", 1, "directs nothing here"],
    ["in a file without functions", "// trestle-ignore-file\nexport const n = 1;\n", 1, "trestle-ignore-file directs"],
    [
      "with a code that is not given",
      "\n// trestle-ignore-next-line TR1901\nexport async function f() {}\n",
      2,
      "directs nothing",
    ],
    [
      "with a code that does not exist",
      "// trestle-ignore-next-line TR9999\nexport async function f() {}\n",
      1,
      "no reason TR9999",
    ],
  ])("O-22 one %s is reported", async (_, text, line, message) => {
    const { report } = await migrated(text);
    expect(report.idleComments).toEqual([
      {
        file: "src/commented.ts",
        line,
        column: expect.any(Number) as number,
        message: expect.stringContaining(message) as string,
      },
    ]);
    const root = project({ ...shop, "src/commented.ts": text });
    const { stdout } = await trestle(root, ["scan"], { engine });
    expect(stdout).toContain(`src/commented.ts:${line}:`);
  });

  it("O-24 words in strings, templates and elements direct nothing and are not reported", async () => {
    const { report } = await migrated(
      'export const s = "// trestle-ignore-file";\nexport const t = `\n// trestle-ignore-next-line\n`;\nexport async function f() { return s + t; }\n',
    );
    expect(chosen(report)).toEqual(["f"]);
    expect(report.idleComments).toEqual([]);
  });
});
