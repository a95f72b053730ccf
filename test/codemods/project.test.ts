/** What is refused before anything is analysed, and what is accepted without a word of configuration. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { MigrationError } from "../../codemods/failure.js";
import { planMigration, type PlanRequest } from "../../codemods/migrate.js";
import { diagnosticKey } from "../../codemods/project.js";

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folderWith(files: Readonly<Record<string, string | object>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-project-")));
  made.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

async function refusal(cwd: string, request: Partial<PlanRequest> = {}): Promise<{ code: number; message: string }> {
  try {
    await planMigration({ cwd, paths: [], ...request });
  } catch (error) {
    if (error instanceof MigrationError) return { code: error.exitCode, message: error.message };
    throw error;
  }
  throw new Error("The project was accepted");
}

const tsconfig = { compilerOptions: { strict: true, target: "es2022", types: [] }, include: ["src"] };
const good = "export async function one(): Promise<number> {\n  return 1;\n}\n";

describe("bad input", () => {
  it("O-22 TypeScript without a tsconfig exits 2 and says how to make one", async () => {
    const { code, message } = await refusal(folderWith({ "one.ts": good }));
    expect(code).toBe(2);
    expect(message).toMatch(/No tsconfig\.json was found in .*-p/);
  });

  it("O-22 a tsconfig that matches nothing exits 2", async () => {
    const { code, message } = await refusal(folderWith({ "tsconfig.json": tsconfig, "package.json": {} }));
    expect(code).toBe(2);
    expect(message).toContain("matches no source files");
  });

  it("O-22 a tsconfig that extends something missing exits 2 and names what is missing", async () => {
    const broken = { ...tsconfig, extends: "./nowhere.json" };
    const { code, message } = await refusal(folderWith({ "tsconfig.json": broken, "src/one.ts": good }));
    expect(code).toBe(2);
    expect(message).toMatch(/tsconfig\.json is not valid: .*nowhere\.json/);
  });

  it("O-22 what a link out of the project leads to is never edited", async () => {
    const outside = folderWith({ "far.ts": good });
    const folder = folderWith({ "tsconfig.json": tsconfig, "src/one.ts": good.replace("one", "two") });
    symlinkSync(join(outside, "far.ts"), join(folder, "src/far.ts"));
    const plan = await planMigration({ cwd: folder, paths: [] });
    expect(plan.changes.map((change) => change.path)).toEqual([join(folder, "src/one.ts")]);
  });

  it("O-22 a file that does not parse exits 4 and names the place", async () => {
    const folder = folderWith({ "tsconfig.json": tsconfig, "src/one.ts": "export async function ( {" });
    const { code, message } = await refusal(folder);
    expect(code).toBe(4);
    expect(message).toMatch(/does not parse.*\n {2}src\/one\.ts:1:\d+/);
  });

  it("O-22 a program that does not type-check exits 4, names the place and the option", async () => {
    const folder = folderWith({ "tsconfig.json": tsconfig, "src/one.ts": `${good}export const s: string = 1;\n` });
    const { code, message } = await refusal(folder);
    expect(code).toBe(4);
    expect(message).toMatch(/src\/one\.ts:4:14 TS2322/);
    expect(message).toContain("--allow-baseline-errors");
    const plan = await planMigration({ cwd: folder, paths: [], allowBaselineErrors: true });
    expect(plan.changes).toHaveLength(1);
  });

  it("O-22 a path of another project exits 2, even though that project has a tsconfig of its own", async () => {
    const files = { "tsconfig.json": tsconfig, "src/one.ts": good };
    const [here, there] = [folderWith(files), folderWith(files)];
    const { code, message } = await refusal(here, { paths: [join(there, "src")] });
    expect(code).toBe(2);
    expect(message).toContain("outside the project");
  });

  it("O-22 a path that does not exist, and a tsconfig that does not, exit 2 and name it", async () => {
    const folder = folderWith({ "tsconfig.json": tsconfig, "src/one.ts": good });
    expect(await refusal(folder, { paths: ["nowhere"] })).toMatchObject({ code: 2 });
    expect((await refusal(folder, { project: "tsconfig.none.json" })).message).toContain("tsconfig.none.json");
  });
});

describe("accepted input", () => {
  it("O-22 errors that were there are known again, written once more for a fiber function, or in other words", async () => {
    const text = `declare function read(a: unknown): Promise<number>;
export async function one(a: Missing): Promise<number> {
  return await read(a);
}
`;
    const folder = folderWith({ "tsconfig.json": tsconfig, "src/one.ts": text });
    const plan = await planMigration({ cwd: folder, paths: [], allowBaselineErrors: true });
    expect(plan.changes[0]?.after).toContain("function* oneOp(a: Missing)");

    const key = (code: number, messageText: string) =>
      diagnosticKey({ code, messageText, category: 1, file: undefined, start: undefined, length: undefined }, folder);
    expect(key(2345, `Argument of type '"c"' is not assignable to parameter of type '"a" | "b"'.`)).toBe(
      key(2345, `Argument of type '"c"' is not assignable to parameter of type '"b" | "a"'.`),
    );
    expect(key(2304, "Cannot find name 'Walker'.")).toBe(
      key(2552, "Cannot find name 'Walker'. Did you mean 'walkers'?"),
    );
    expect(key(2304, "Cannot find name 'Walker'.")).not.toBe(key(2304, "Cannot find name 'Talker'."));
  });

  it("CM-M07 a JavaScript package needs no tsconfig", async () => {
    const folder = folderWith({
      "package.json": { type: "module" },
      "index.js": good.replace(": Promise<number>", ""),
    });
    const plan = await planMigration({ cwd: folder, paths: [] });
    expect(plan.changes.map((change) => change.path)).toEqual([join(folder, "index.js")]);
  });

  it("CM-M07 a JavaScript package needs no tsconfig for the TypeScript that is not what it hands out", async () => {
    const one = { "one.js": "export async function one() {\n  return 1;\n}\n", "typings.ts": "const n: number = 1;\n" };
    const folder = folderWith({ "package.json": { name: "a", type: "module", exports: { ".": "./one.js" } }, ...one });
    const plan = await planMigration({ cwd: folder, paths: [] });
    expect(plan.changes.map(({ path }) => path)).toEqual([join(folder, "one.js")]);
    // Made from TypeScript, or not there yet: then the TypeScript is the source.
    for (const files of [
      { "package.json": { name: "a", main: "one" }, "one.ts": good, ...one },
      { "package.json": { name: "a", exports: "./dist/one.js" }, "src/one.ts": good, "dist/one.js": "", ...one },
    ]) {
      expect((await refusal(folderWith(files))).message).toContain("No tsconfig.json was found");
    }
  });

  it("CM-M07 a tsconfig that only describes type tests does not hide the JavaScript beside it", async () => {
    const folder = folderWith({
      "package.json": {},
      "index.js": "async function one() {\n  return 1;\n}\nmodule.exports = { one };\n",
      "index.d.ts": "export function one(): Promise<number>;\n",
      "tsconfig.json": { compilerOptions: { types: [] }, files: ["index.d.ts"] },
    });
    const plan = await planMigration({ cwd: folder, paths: [] });
    expect(plan.changes.map((change) => change.path)).toEqual([join(folder, "index.js")]);
  });

  it("CM-M07 declarations beside JavaScript do not hide it, and calls across files go to what it holds", async () => {
    const folder = folderWith({
      "package.json": { type: "module", private: true },
      "tsconfig.json": {
        compilerOptions: { allowJs: true, checkJs: true, strict: true, target: "es2022", types: [] },
        include: ["**/*.js", "**/*.d.ts"],
      },
      "store.js":
        "export class Store {\n  async get(key) {\n    return await key;\n  }\n}\n" +
        "export async function open(path) {\n  return await new Store().get(path);\n}\n",
      "store.d.ts":
        "export class Store {\n  get(key: string): Promise<string>;\n}\n" +
        "export function open(path: string): Promise<string>;\n",
      "main.js":
        'import { open, Store } from "./store.js";\n' +
        'export async function main() {\n  return (await open("a")) + (await new Store().get("b"));\n}\n',
    });
    const plan = await planMigration({ cwd: folder, paths: [] });
    const after = (name: string) => plan.changes.find(({ path }) => path === join(folder, name))?.after;
    expect(after("store.js")).toContain("*getOp(key)");
    expect(after("main.js")).toContain('return (yield* direct(open)("a")) + (yield* direct(new Store(), "get")("b"));');
  });

  it("O-03 a project that was migrated and not installed yet type-checks, and has nothing left to do", async () => {
    const folder = folderWith({ "tsconfig.json": tsconfig, "src/one.ts": good });
    const [change] = (await planMigration({ cwd: folder, paths: [] })).changes;
    writeFileSync(change?.path ?? "", change?.after ?? "");
    expect((await planMigration({ cwd: folder, paths: [] })).changes).toEqual([]);
  });

  it("CM-M05 the compiler of the project judges where it is 4.7, which lacks what later ones are asked", async () => {
    const folder = folderWith({
      "tsconfig.json": { compilerOptions: { strict: true, target: "es2019", types: [], experimentalDecorators: true } },
      "one.ts":
        "declare const seen: (target: object, key: string) => void;\n" +
        "declare const read: (() => Promise<number>) | undefined;\n" +
        "export class One {\n  @seen public async two(): Promise<number> {\n    return (await read!()) as number;\n  }\n}\n",
    });
    const oldTools = createRequire(join(import.meta.dirname, "..", "packages", "old-tools", "package.json"));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(dirname(oldTools.resolve("typescript/package.json")), join(folder, "node_modules", "typescript"));
    const plan = await planMigration({ cwd: folder, paths: [] });
    expect(plan.changes[0]?.after).toContain("  @seen public two(): Promise<number> {\n");
    expect(plan.changes[0]?.after).toContain("  public *twoOp(): Op<number> {\n");
  });

  it("TR1811 CM-M05 nothing is converted where the compiler of the project cannot read the library", async () => {
    const folder = folderWith({
      "tsconfig.json": tsconfig,
      "src/one.ts": `${good}try {\n} catch (error) {\n  error.toString();\n}\n`,
      "node_modules/typescript/package.json": { version: "3.9.10", main: "typescript.js" },
      "node_modules/typescript/typescript.js": 'exports.version = "3.9.10";\n',
    });
    const { changes, candidates, remarks } = await planMigration({ cwd: folder, paths: [] });
    expect(changes).toEqual([]);
    expect(candidates[0]?.reasons).toMatchObject([{ code: "TR1811" }]);
    expect(candidates[0]?.reasons[0]?.message).toContain("TypeScript 3.9.10");
    // What it caught had the type any.
    expect(remarks).toEqual([]);
  });

  it("O-22 errors that only another compiler finds than the project's are none of its own", async () => {
    const folder = folderWith({
      "tsconfig.json": tsconfig,
      "src/one.ts": `${good}export const s: string = 1;\n`,
      "node_modules/typescript/package.json": { version: "7.0.2", main: "typescript.js" },
      "node_modules/typescript/typescript.js": 'exports.version = "7.0.2";\n',
    });
    const { changes, remarks } = await planMigration({ cwd: folder, paths: [] });
    expect(changes).toHaveLength(1);
    expect(remarks).toEqual([
      expect.stringMatching(/TypeScript 7\.0\.2 of the project .* finds type errors in it \(1\)/),
    ]);
  });
});
