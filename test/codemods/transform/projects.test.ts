/** Decisions that depend on more than the files that are migrated: tests, the manifest, what is selected. */
import { describe, expect, it } from "vitest";
import { migrate, strictOptions, type MigratedProject } from "./migrated-project.js";

const codesOf = (project: MigratedProject, name: string): string[] =>
  project.plan.candidates
    .filter((c) => c.kind === "function" && c.name === name)
    .flatMap((c) => c.reasons.map((reason) => reason.code));

const api = `export async function load(id: string): Promise<number> {
  return await read(id);
}
export async function save(): Promise<number> {
  return await load("s");
}
`;

describe("tests of a project", () => {
  it("TR1209 a function that a test replaces is run as what stands under its own name", async () => {
    const test = 'declare const vi: any;\nvi.spyOn({}, "load").mockResolvedValue(1);\n';
    const project = await migrate({ "src/api.ts": api, "test/api.test.ts": test });
    expect(codesOf(project, "load")).toContain("TR1209");
    expect(project.after["src/api.ts"]).toContain('yield* direct(load)("s")');
  });

  it.each(["../src/api", "../src/api.js", "../src/./api.ts"])(
    "TR1209 every function of a module that a test replaces as a whole, here as %s, is looked up",
    async (specifier) => {
      const main = 'import { save } from "./api";\nexport const main = async () => await save();\n';
      const test = `declare const jest: any;\njest.mock("${specifier}");\n`;
      const project = await migrate({ "src/api.ts": api, "src/main.ts": main, "test/api.test.ts": test });
      expect(codesOf(project, "save")).toContain("TR1209");
      expect(project.after["src/main.ts"]).toContain("yield* direct(save)()");
      const other = await migrate({ "src/api.ts": api, "src/main.ts": main, "test/a.ts": test.replace("api", "b") });
      expect(other.after["src/main.ts"]).toContain("yield* saveOp()");
    },
  );

  it("TR1209 a private method of a replaced module is run directly, because its name is its own", async () => {
    const source = `export class Store {
  async get(id: string): Promise<string> {
    return await this.#read(id);
  }
  async #read(id: string): Promise<string> {
    return await Promise.resolve(id);
  }
  static warm(store: Store): void {
    void store.#read("a");
  }
}
`;
    const test = 'declare const vi: any;\nvi.mock("../src/store", () => ({}));\n';
    const project = await migrate({ "src/store.ts": source, "test/store.test.ts": test });
    expect(project.after["src/store.ts"]).toContain("return yield* this.#readOp(id);");
  });

  it("TR1209 a function in the factory of a replaced module does too", async () => {
    const test = 'declare const vi: any;\nvi.mock("../src/api", () => ({ load: async () => 1 }));\n';
    const project = await migrate({ "src/api.ts": api, "test/api.test.ts": test });
    expect(codesOf(project, "load")).toContain("TR1209");
  });

  it("TR1208 tests are never edited", async () => {
    const test = 'import { load } from "../src/api";\nexport const t = async () => {\n  await load("a");\n};\n';
    const project = await migrate({ "src/api.ts": api, "test/api.test.ts": test });
    expect(project.after["test/api.test.ts"]).toBe(test);
    expect(project.plan.changes.map((change) => change.path.slice(project.root.length))).toEqual(["/src/api.ts"]);
  });
});

describe("reflection", () => {
  const router = `import { types } from "./util";
import { load, save } from "./api";
export const routes = [load].map((handler) => (types.isAsyncFunction(handler) ? handler : undefined));
export const main = async () => await save();
`;
  const util = "export const types = { isAsyncFunction: (value: unknown): boolean => Boolean(value) };\n";

  it("TR1109 CM-A22 in a program that asks functions whether they are async, those it hands out stay", async () => {
    const project = await migrate({ "src/api.ts": api, "src/util.ts": util, "src/router.ts": router });
    expect(codesOf(project, "load")).toEqual(["TR1109"]);
    expect(project.after["src/api.ts"]).toContain("export async function load(");
    expect(codesOf(project, "save")).not.toContain("TR1109");
    const other = await migrate({
      "src/api.ts": api,
      "src/router.ts": router.replaceAll("isAsyncFunction", "is"),
      "src/util.ts": util.replace("isAsyncFunction", "is"),
    });
    expect(codesOf(other, "load")).not.toContain("TR1109");
  });

  it("TR1109 CM-A22 what the tests may ask whether it is async stays", async () => {
    const test =
      'import { load, save } from "../src/api";\nvoid save;\n\nexport const t = load.constructor.name === "AsyncFunction";\n';
    const project = await migrate({ "src/api.ts": api, "test/api.test.ts": test });
    expect(codesOf(project, "load")).toEqual(["TR1109"]);
    expect(codesOf(project, "save")).not.toContain("TR1109");
  });
});

describe("libraries", () => {
  const classes = `export class Base {
  async run(): Promise<number> {
    return await read("base");
  }
  async twice(): Promise<number> {
    return (await this.run()) * 2;
  }
}
`;

  it("TR1206 methods of an exported class may be overridden elsewhere: an override is what runs", async () => {
    const project = await migrate({ "src/base.ts": classes }, { manifest: { name: "lib", main: "index.js" } });
    expect(codesOf(project, "run")).toContain("TR1206");
    expect(project.after["src/base.ts"]).toContain("yield* this.runOp()");
    expect(project.after["src/base.ts"]).toContain('pairMethods(Base.prototype, { run: "runOp" });');
  });

  it("TR1206 in a program of its own they are called directly", async () => {
    const project = await migrate({ "src/base.ts": classes });
    expect(project.after["src/base.ts"]).toContain("yield* this.runOp()");
    expect(project.after["src/base.ts"]).not.toContain("pairMethods");
  });
});

describe("what is selected", () => {
  it("CM-M05 files outside the selected paths are not edited, and still reach what they import", async () => {
    const main = 'import { load } from "./api";\nexport const main = async () => await load("a");\n';
    const project = await migrate({ "src/api.ts": api, "src/main.ts": main }, { paths: ["src/api.ts"] });
    expect(project.after["src/main.ts"]).toBe(main);
    expect(project.after["src/api.ts"]).toContain("export function load(id: string): Promise<number> {");
  });

  it("TR1804 a global script cannot import the fiber library", async () => {
    const text = "async function script(): Promise<number> {\n  return await read('a');\n}\nvoid script();\n";
    const options = { ...strictOptions, moduleDetection: "auto", isolatedModules: false };
    const project = await migrate({ "src/script.ts": text }, { compilerOptions: options });
    expect(codesOf(project, "script")).toEqual(["TR1804"]);
    expect(project.plan.changes).toEqual([]);
  });

  it("TR1801 generated files are not edited", async () => {
    const text = `// @generated by a tool\n${api}`;
    const project = await migrate({ "src/api.ts": text, "src/one.ts": "export {};\n" });
    expect(project.after["src/api.ts"]).toBe(text);
  });

  it.each([
    ["a file that does not parse", { "src/a.ts": "export async function f( {\n" }, /does not parse/],
    ["a program that does not type-check", { "src/a.ts": "export const a: number = '';\n" }, /does not type-check/],
  ])("TR1805 %s stops the migration", async (_what, files, message) => {
    await expect(migrate(files)).rejects.toThrow(message);
  });
});

describe("what is not migrated", () => {
  it("CM-Y12 declarations are never edited, and what they declare is waited for as a promise", async () => {
    const declared = "export declare function far(): Promise<number>;\n";
    const main = 'import { far } from "./far";\nexport const main = async () => await far();\n';
    const project = await migrate({ "src/far.d.ts": declared, "src/main.ts": main });
    expect(project.after["src/far.d.ts"]).toBe(declared);
    expect(project.after["src/main.ts"]).toContain("yield* fromPromise(far())");
  });

  it("CM-M04 whoever loads a module by a computed name finds the promise names in it", async () => {
    const main = "export const main = async (name: string) => (await import(`./${name}`)).load() as number;\n";
    const project = await migrate({ "src/api.ts": api, "src/main.ts": main });
    expect(project.after["src/api.ts"]).toContain("export function load(id: string): Promise<number> {");
    expect(project.after["src/main.ts"]).toContain("fromPromise(import(`./${name}`))");
  });
});

describe("packages", () => {
  it("CM-M10 the plan names the packages that the new texts import", async () => {
    expect((await migrate({ "src/api.ts": api })).plan.packages).toEqual(["@trestle/bridges", "trestle"]);
    expect((await migrate({ "src/api.ts": "export const a = 1;\n" })).plan.packages).toEqual([]);
  });
});

describe("compiler options", () => {
  it("TR1811 CM-Y17 nothing is converted where `yield*` would not compile, and the reason names the option", async () => {
    // What compiles to ES5 today is refused; a newer compiler warns that the target is going away.
    const compilerOptions = { target: "es5", ignoreDeprecations: "6.0" };
    const project = await migrate({ "src/api.ts": api }, { compilerOptions });
    expect(project.plan.changes).toEqual([]);
    expect(codesOf(project, "load")).toEqual(["TR1811"]);
    expect(JSON.stringify(project.candidates())).toContain("downlevelIteration");
  });

  it("CM-Y11 in checked JavaScript a fiber function beside its façade has the documented types too", async () => {
    const source = `/**
 * Doubles.
 * @param {number} n
 * @returns {Promise<number>}
 */
export async function double(n) {
  return (await Promise.resolve(n)) * 2;
}
`;
    const compilerOptions = { allowJs: true, checkJs: true };
    const project = await migrate({ "src/double.js": source }, { compilerOptions });
    expect(codesOf(project, "double")).not.toContain("TR1806");
    expect(project.after["src/double.js"]).toContain('@returns {import("trestle").Op<number>}');
    expect(project.after["src/double.js"]).toContain("@returns {Promise<number>}");
  });

  it("CM-Y11 in checked JavaScript a function with the type of a promise function is beside one of a fiber function", async () => {
    const source = `/** @typedef {(this: Box, text: string, path: string) => Promise<{ size: number }>} Loader */
class Box {
  /** @param {string} path */
  async run(path) {
    return await loadJson.call(this, "x", path);
  }
}
/** @type {Loader} */
async function loadJson(text, path) {
  return this === undefined ? loadYaml(text) : { size: path.length };
}
/** @type {(text: string) => Promise<{ size: number }>} */
async function loadYaml(text) {
  return JSON.parse(text);
}
/** @type {Loader} */
const other = async (text, ...rest) => ({ size: (await loadYaml(text)).size + rest.length });
export const all = [new Box(), loadJson, other];
`;
    const compilerOptions = { allowJs: true, checkJs: true, strict: true };
    const project = await migrate({ "src/load.js": source }, { compilerOptions });
    expect(project.plan.candidates.filter((c) => c.disposition === "leave")).toEqual([]);
    expect(project.plan.verification.rounds).toBe(1);
    expect(project.after["src/load.js"]).toContain(
      '(this: ThisParameterType<Loader>, arg0: Parameters<Loader>[0], arg1: Parameters<Loader>[1]) => import("trestle").Op<Awaited<ReturnType<Loader>>>',
    );
    expect(project.after["src/load.js"]).toContain("const other = toAsync(");
  });

  it("CM-A09 in checked JavaScript the façade has the parameters that comments name", async () => {
    const source = `/**
 * @param {string[]} names
 * @param {number} limit
 * @param {{ deep?: boolean }} [options]
 */
export async function read(names, limit = 3, { deep } = {}) {
  return (await Promise.all(names)).slice(0, deep ? limit : 1);
}
`;
    const compilerOptions = { allowJs: true, checkJs: true, strict: true };
    const project = await migrate({ "src/read.js": source }, { compilerOptions });
    expect(codesOf(project, "read")).not.toContain("TR1806");
    expect(project.after["src/read.js"]).toContain(
      `function read(names, limit = /** @type {any} */ (undefined), options = undefined) {
  return toPromise(() => readOp(names, limit, options));`,
    );
  });

  it("CM-M11 an import that a default value in a pattern still uses is kept", async () => {
    const use = `import { load } from "./api";
export async function run({ get = load }: { get?: (id: string) => Promise<number> }): Promise<number> {
  const first = await load("a");
  return (await get("b")) + first;
}
`;
    const project = await migrate({ "src/api.ts": api, "src/use.ts": use });
    expect(codesOf(project, "run")).not.toContain("TR1806");
    expect(project.after["src/use.ts"]).toMatch(/import \{ load, loadOp \}/);
    expect(project.after["src/use.ts"]).toContain('yield* loadOp("a")');
  });
});
