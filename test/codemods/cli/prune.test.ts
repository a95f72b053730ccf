/** `trestle prune`: façades without users go, and fiber functions get their names back. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { planMigration } from "../../../codemods/migrate.js";
import { ioError, watchedFileSystem } from "./faulty-file-system.js";
import { trestle, type Printed } from "./invoke.js";
import { commitAll, contents, project, type Files } from "./project-on-disk.js";

const around: Files = {
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "es2022",
      lib: ["es2022"],
      module: "esnext",
      moduleResolution: "bundler",
      strict: true,
      noUnusedLocals: true,
      types: [],
    },
    include: ["src", "test"],
  }),
  "package.json":
    '{ "name": "program", "private": true, "dependencies": { "trestle": "*", "@trestle/bridges": "*" } }\n',
};

const inner = `import type { Op } from "trestle";
import { toPromise } from "@trestle/bridges";

/** Adds. */
function add(n: number): Promise<number> {
  return toPromise(() => addOp(n));
}

function* addOp(n: number): Op<number> {
  return n + 1;
}

export function* total(): Op<number> {
  const parts = { addOp };
  return (yield* addOp(1)) + (yield* parts.addOp(2));
}
`;

interface Pruned extends Printed {
  readonly root: string;
  readonly text: (path: string) => string;
}

async function prune(files: Files, ...args: string[]): Promise<Pruned> {
  const root = project({ ...around, ...files });
  const printed = await trestle(root, ["prune", "--write", "--allow-no-git", ...args]);
  return { ...printed, root, text: (path) => readFileSync(join(root, path), "utf8") };
}

describe("prune", () => {
  it("O-11 O-12 removes a façade without users, hands its documentation on, and drops the import it needed", async () => {
    const { code, stdout, text } = await prune({ "src/a.ts": inner });
    expect(code).toBe(0);
    expect(text("src/a.ts")).toBe(
      inner.replace('import { toPromise } from "@trestle/bridges";\n', "").replace(/function add\(n[^]*?\n}\n\n/, ""),
    );
    expect(text("src/a.ts")).toContain("/** Adds. */\nfunction* addOp");
    expect(stdout).toBe("Removed façades\n  add  src/a.ts:5  addOp stays\n");
  });

  it("O-11 O-20 --rename gives the plain name back, in other files and where it is a property, too", async () => {
    const user =
      'import { addOp } from "./a";\nimport type { Op } from "trestle";\nexport function* user(): Op<number> {\n  return yield* addOp(3);\n}\n';
    const files = { "src/a.ts": inner.replace("function* addOp", "export function* addOp"), "src/user.ts": user };
    const { text, stdout } = await prune(files, "--rename");
    expect(text("src/a.ts")).toContain("/** Adds. */\nexport function* add(n: number): Op<number> {");
    expect(text("src/a.ts")).toContain(
      "const parts = { addOp: add };\n  return (yield* add(1)) + (yield* parts.addOp(2));",
    );
    expect(text("src/user.ts")).toBe(user.replaceAll("addOp", "add"));
    expect(stdout).toContain("addOp is called add again");
  });

  it("O-20 --rename leaves a name that means something else where it is used", async () => {
    const user =
      'import { addOp } from "./a";\nimport type { Op } from "trestle";\nexport function* user(): Op<number> {\n  const add = 1;\n  return (yield* addOp(3)) + add;\n}\n';
    const { text, stdout } = await prune(
      { "src/a.ts": inner.replace("function* addOp", "export function* addOp"), "src/user.ts": user },
      "--rename",
    );
    expect(text("src/user.ts")).toBe(user);
    expect(stdout).toContain("add  src/a.ts:5  addOp stays");
  });

  it("O-11 removes constants and private methods", async () => {
    const constants =
      'import type { Op } from "trestle";\nimport { toAsync, toPromise } from "@trestle/bridges";\n' +
      'const loadOp = function* (): Op<number> { return 1; };\nconst load = toAsync(loadOp, { name: "load" });\n' +
      "export class Store {\n  private get(): Promise<number> {\n    return toPromise(() => this.getOp());\n  }\n\n" +
      "  private *getOp(): Op<number> {\n    return yield* loadOp();\n  }\n\n  *all(): Op<number> {\n    return yield* this.getOp();\n  }\n}\n";
    const { code, text } = await prune({ "src/a.ts": constants }, "--rename");
    expect(code).toBe(0);
    expect(text("src/a.ts")).toBe(
      'import type { Op } from "trestle";\nconst load = function* (): Op<number> { return 1; };\n' +
        "export class Store {\n  private *get(): Op<number> {\n    return yield* load();\n  }\n\n  *all(): Op<number> {\n    return yield* this.get();\n  }\n}\n",
    );
  });

  it.each([
    ["has a user", { "src/a.ts": `${inner}void add(1);\n` }, "it has a user"],
    ["is exported", { "src/a.ts": inner.replace("function add(", "export function add(") }, "--exported removes it"],
    ["is mentioned by a text", { "src/a.ts": inner, "src/b.ts": 'export const name = "add";\n' }, "a text mentions it"],
    [
      "is mentioned by a test",
      { "src/a.ts": inner, "test/a.test.ts": "// replaces add\nexport {};\n" },
      "tests mention it",
    ],
    [
      "hides a fiber function without users",
      {
        "src/a.ts": inner.replace(
          "const parts = { addOp };\n  return (yield* addOp(1)) + (yield* parts.addOp(2));",
          "return 1;",
        ),
      },
      "nobody uses its fiber function either",
    ],
  ])("O-10 one that %s stays", async (_, files, why) => {
    const { code, stdout, text } = await prune(files);
    expect(code).toBe(0);
    expect(text("src/a.ts")).toBe(files["src/a.ts"]);
    expect(stdout).toContain("There is no façade to remove.\nFaçades that stay\n  add  src/a.ts:5");
    expect(stdout).toContain(why);
  });

  it("O-10 --exported removes what nobody in the program uses, unless others install the package", async () => {
    const files = { "src/a.ts": inner.replace("function add(", "export function add(") };
    expect((await prune(files, "--exported")).text("src/a.ts")).not.toContain("function add(");
    const library = { ...files, "package.json": '{ "name": "library", "main": "src/a.js" }\n' };
    const { stdout } = await prune(library, "--exported");
    expect(stdout).toContain("the package is one that others install");
  });

  it("O-02 a façade that an interface asks for stays, and the others go", async () => {
    const text =
      `${inner}interface Loads {\n  load(): Promise<number>;\n}\nexport class Store implements Loads {\n  load(): Promise<number> {\n    return toPromise(() => this.loadOp());\n  }\n\n` +
      "  *loadOp(): Op<number> {\n    return yield* addOp(1);\n  }\n\n  *twice(): Op<number> {\n    return (yield* this.loadOp()) * 2;\n  }\n}\n";
    const { stdout, text: after } = await prune({ "src/a.ts": text }, "--exported");
    expect(stdout).toMatch(/Removed façades\n {2}add /);
    expect(stdout).toMatch(/load {2}src\/a\.ts:\d+ {2}without it the program does not type-check/);
    expect(after("src/a.ts")).toContain("load(): Promise<number> {\n    return toPromise(");
    expect(after("src/a.ts")).toContain("import { toPromise }");
  });

  it("O-22 is a dry run without --write, and needs a committed tree with it", async () => {
    const root = project({ ...around, "src/a.ts": inner });
    const before = contents(root);
    const dry = await trestle(root, ["prune"]);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain("-function add(n: number): Promise<number> {");
    expect(dry.stdout).toContain("--write does it");
    expect(contents(root)).toEqual(before);
    expect((await trestle(root, ["prune", "--write"])).code).toBe(3);
    commitAll(root);
    expect((await trestle(root, ["prune", "--write"])).code).toBe(0);
    expect((await trestle(root, ["revert"])).code).toBe(0);
    expect(contents(root)).toEqual(before);
  });

  it("O-14 whichever step fails, the tree is as it was", async () => {
    const steps: string[] = [];
    const run = (root: string, step: (index: number, name: string) => void) =>
      trestle(root, ["prune", "--write", "--allow-no-git"], { engine: { fs: watchedFileSystem(step) } });
    await run(project({ ...around, "src/a.ts": inner }), (_, name) => steps.push(name));
    for (let failing = 1; failing < steps.length; failing += 5) {
      const root = project({ ...around, "src/a.ts": inner });
      const before = contents(root);
      const { code } = await run(root, (index) => {
        if (index === failing) throw ioError();
      });
      if (code !== 0) expect(contents(root), `step ${failing}`).toEqual(before);
    }
  });

  it("O-11 what was migrated in batches is after prune without the bridges that the batches needed", async () => {
    const files = {
      ...around,
      "src/leaf.ts": "export async function leaf(): Promise<number> {\n  return 1;\n}\n",
      "src/a.ts":
        'import { leaf } from "./leaf";\nasync function middle(): Promise<number> {\n  return (await leaf()) + 1;\n}\n\n' +
        "const other = async (): Promise<number> => await leaf();\n\n" +
        "export async function main(): Promise<number> {\n  return (await middle()) + (await other());\n}\n",
    };
    const engine = { planMigration };
    const root = project(files);
    const flags = ["--write", "--allow-no-git"];
    for (const name of ["leaf", "middle", "other", "main"])
      expect((await trestle(root, ["migrate", "--symbol", name, ...flags], { engine })).code).toBe(0);
    expect(contents(root)["src/a.ts"]).toContain("yield* fromPromise(middle())");
    const { code, stdout } = await trestle(root, ["prune", "--rename", "--exported", ...flags]);
    expect(code).toBe(0);
    expect(stdout).toContain("Bridges taken away");
    const after = contents(root);
    expect(after["src/leaf.ts"]).toContain("export function* leaf(): Op<number> {");
    expect(after["src/a.ts"]).toContain('import { leaf } from "./leaf";');
    expect(after["src/a.ts"]).toContain("function* middle(): Op<number> {\n  return (yield* adopt(leaf())) + 1;");
    // A constant that was wrapped has no fiber function of its own to run.
    expect(after["src/a.ts"]).toContain("return (yield* adopt(middle())) + (yield* fromPromise(other()));");
    expect(after["src/a.ts"]).not.toMatch(/toPromise\(\(\) => middle/);
    // What is left type-checks, and there is nothing more to do.
    const again = await trestle(root, ["prune", "--rename", "--exported", ...flags]);
    expect(again.stdout).toContain("There is no façade to remove.");
    expect((await trestle(root, ["scan", "--check"], { engine })).code).toBe(0);
  });

  it.each([
    ["outside of a fiber", "export const later = (): Promise<number> => add(1);\n"],
    [
      "kept as a promise",
      "export function* user(): Op<number> {\n  const p = add(1);\n  return yield* fromPromise(p);\n}\n",
    ],
    [
      "where its fiber function is hidden",
      "export function* user(): Op<number> {\n  const addOp = function* (n: number): Op<number> {\n    return -n;\n  };\n  return (yield* fromPromise(add(1))) + (yield* addOp(1));\n}\n",
    ],
    [
      "where adopt is something else",
      "const adopt = 1;\nexport function* user(): Op<number> {\n  return (yield* fromPromise(add(adopt)));\n}\n",
    ],
  ])("O-09 a call of a façade %s stays", async (_, user) => {
    const text = inner.replace("{ toPromise }", "{ toPromise, fromPromise }") + user;
    const { code, text: after } = await prune({ "src/a.ts": text });
    expect(code).toBe(0);
    expect(after("src/a.ts")).toBe(text);
  });
});
