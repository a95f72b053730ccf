/** What stands around the sources of a project, and what a migration makes of it: pages, generated code, linters, neighbours. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { planMigration } from "../../codemods/migrate.js";
import type { MigrationPlan } from "../../codemods/plan.js";
import { planPrune } from "../../codemods/prune/plan.js";

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

type Files = Readonly<Record<string, string | object>>;

const tsconfig = {
  compilerOptions: { strict: true, target: "es2022", module: "esnext", moduleResolution: "bundler", types: [] },
  include: ["src"],
};
const api = `declare function read(name: string): Promise<number>;
export async function load(id: string): Promise<number> {
  return await read(id);
}
export async function both(): Promise<number> {
  return (await load("a")) + (await load("b"));
}
`;

function folderWith(files: Files): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-surroundings-")));
  made.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

const planned = (files: Files): Promise<MigrationPlan> => planMigration({ cwd: folderWith(files), paths: [] });
const changed = ({ root, changes }: MigrationPlan): string[] => changes.map(({ path }) => path.slice(root.length + 1));
const reasonsOf = ({ candidates }: MigrationPlan): string[] => [
  ...new Set(candidates.filter(({ kind }) => kind === "function").flatMap(({ reasons }) => reasons.map((r) => r.code))),
];

describe("files that are not read", () => {
  const component = '<script setup lang="ts">\nimport { load } from "./api";\nawait load("x");\n</script>\n';

  it("CM-M08 components, pages and notebooks are counted and told of", async () => {
    const { remarks } = await planned({
      "tsconfig.json": tsconfig,
      "package.json": { private: true },
      "src/api.ts": api,
      "src/App.vue": component,
      "src/Other.vue": component,
      "src/Page.svelte": "<script>let a = 1;</script>",
      "src/post.mdx": "import { load } from './api'",
      "public/index.html": '<button onclick="go()">go</button>',
      "public/plain.html": "<p>nothing</p>",
      "node_modules/a/A.vue": component,
    });
    expect(remarks).toContain(
      "2 .vue, 1 .html, 1 .mdx and 1 .svelte with script in them are not read. What they import keeps its name and its promise.",
    );
  });

  it("CM-M08 a façade that one of them mentions is not pruned", async () => {
    const after = `import { toPromise } from "@trestle/bridges";
import type { Op } from "trestle";
export function load(id: string): Promise<number> {
  return toPromise(() => loadOp(id));
}
export function* loadOp(id: string): Op<number> {
  return id.length;
}
export function* both(): Op<number> {
  return (yield* loadOp("a")) + (yield* loadOp("b"));
}
`;
    const files = { "tsconfig.json": tsconfig, "package.json": { private: true }, "src/api.ts": after };
    const prune = (more: Files) => planPrune({ cwd: folderWith({ ...files, ...more }), paths: [], exported: true });
    expect((await prune({})).changes).toHaveLength(1);
    const kept = await prune({ "src/App.vue": component });
    expect(kept.changes).toEqual([]);
    expect(JSON.stringify(kept)).toContain("a file that is not read mentions it");
  });

  it("CM-M08 TR1804 a script that a page or a worker loads as such is left: it can import nothing", async () => {
    const script = "async function go() {\n  await load();\n}\nasync function load() {}\n";
    const files = { "package.json": { private: true }, "js/app.js": script };
    const page = (tag: string) => planned({ ...files, "index.html": `<body>${tag}</body>` });
    for (const tag of ['<script src="js/app.js"></script>', "<script defer src='/js/app.js?v=2'></script>"]) {
      const plan = await page(tag);
      expect(plan.changes).toEqual([]);
      expect(reasonsOf(plan)).toEqual(["TR1804"]);
    }
    for (const tag of ['<script type="module" src="js/app.js"></script>', '<script src="other.js"></script>']) {
      expect(changed(await page(tag))).toEqual(["js/app.js"]);
    }
    const worker = await planned({ ...files, "js/app.js": `importScripts("more.js");\n${script}` });
    expect(reasonsOf(worker)).toEqual(["TR1804"]);
  });
});

describe("code that is not written here", () => {
  it("CM-M09 TR1801 files marked as generated, by themselves or in .gitattributes, and copies are left", async () => {
    const folder = folderWith({
      "tsconfig.json": tsconfig,
      "package.json": { private: true },
      ".gitattributes": "src/client/*.ts linguist-generated\nsrc/client/mine.ts -linguist-generated\n",
      "src/api.ts": api,
      "src/client/calls.ts": api,
      "src/client/mine.ts": api,
      "src/header.ts": `// Code generated by a tool. DO NOT EDIT.\n${api}`,
      "src/vendor/library.ts": api,
    });
    execFileSync("git", ["init", "-q"], { cwd: folder });
    const plan = await planMigration({ cwd: folder, paths: [] });
    expect(changed(plan)).toEqual(["src/api.ts", "src/client/mine.ts"]);
    expect(plan.remarks).toContain(
      "src/client/calls.ts and 2 more: generated or copied here, and so left as they are (TR1801).",
    );
  });

  it("CM-M09 scripts that were made small are left, also where nobody says so", async () => {
    const plan = await planned({
      "package.json": {},
      "tsconfig.json": { compilerOptions: { allowJs: true, target: "es2022", types: [] }, include: ["*.js"] },
      "a.js": "exports.a = async () => 1;\n",
      "b.min.js": "exports.b=async()=>1;\n",
    });
    expect(changed(plan)).toEqual(["a.js"]);
  });
});

describe("the project's ESLint", () => {
  const eslint = dirname(createRequire(import.meta.url).resolve("eslint/package.json"));
  const remarksWith = async (rules: string): Promise<string[]> => {
    const folder = folderWith({
      "tsconfig.json": tsconfig,
      "package.json": { private: true },
      "eslint.config.mjs": `export default [{ files: ["**/*.ts"], rules: ${rules} }];\n`,
      "src/api.ts": `${api}export async function idle(): Promise<number> {\n  return 1;\n}\nexport async function busy() {\n  return await idle();\n}\n`,
    });
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(eslint, join(folder, "node_modules", "eslint"));
    const { remarks = [] } = await planMigration({ cwd: folder, paths: [] });
    return remarks.filter((text) => text.startsWith("ESLint"));
  };

  it("CM-M12 rules that fiber functions break are told of, with the files and the way out", async () => {
    const found = await remarksWith(
      `{ "require-yield": 2, "func-style": ["warn", "expression"], "no-restricted-syntax": ["error", { selector: "FunctionDeclaration[generator=true]" }] }`,
    );
    expect(found).toEqual([
      "ESLint's require-yield will report src/api.ts: a fiber function that never waits has no yield. Switch it off there, as the presets of @trestle/eslint-plugin do.",
      "ESLint's func-style will report src/api.ts: fiber functions are declared with `function*`. Switch it off there.",
      "ESLint's no-restricted-syntax will report src/api.ts: it forbids generators. Switch it off there.",
    ]);
  });

  it("CM-M12 rules that are off, or are not broken, are not told of", async () => {
    expect(
      await remarksWith(
        `{ "require-yield": "off", "require-await": 2, "prefer-arrow-callback": 2, "func-style": ["error", "declaration"], "no-restricted-syntax": ["error", "WithStatement"] }`,
      ),
    ).toEqual([]);
    expect(await remarksWith("nonsense(")).toEqual([]);
  });
});

describe("snapshots", () => {
  it("CM-F06 those that mention async functions are told of", async () => {
    const files = { "tsconfig.json": tsconfig, "package.json": { private: true }, "src/api.ts": api };
    const inline =
      'it("x", () => {\n  expect(a).toMatchInlineSnapshot(`[Function: a]`);\n  expect(load.toString()).toMatchInlineSnapshot(`\n    "async function load() {}"\n  `);\n});\n';
    const { remarks } = await planned({
      ...files,
      "test/api.test.ts": inline,
      "test/__snapshots__/more.test.ts.snap": "exports[`x 1`] = `1`;\n\nexports[`y 1`] = `[AsyncFunction: load]`;\n",
      "test/__snapshots__/plain.test.ts.snap": "exports[`x 1`] = `1`;\n",
    });
    expect(remarks).toEqual([
      "The snapshot at test/api.test.ts:3 and 1 more mentions async functions: where it shows one that is converted, it will differ.",
    ]);
    expect((await planned({ ...files, "test/api.test.ts": "it('async', async () => {});\n" })).remarks).toEqual([]);
  });
});

describe("several packages in one repository", () => {
  const store = `declare function read(name: string): Promise<number>;
export class Store {
  async load(id: string): Promise<number> {
    return await read(id);
  }
  async both(): Promise<number> {
    return (await this.load("a")) + (await this.load("b"));
  }
}
`;
  const user = `import { Store } from "@shop/store";
class Cached extends Store {
  override async load(id: string): Promise<number> {
    return id.length;
  }
}
export async function total(): Promise<number> {
  return await new Cached().both();
}
`;
  const repository = (): string => {
    const folder = folderWith({
      "package.json": { private: true, workspaces: ["packages/*"] },
      "packages/store/package.json": { name: "@shop/store", private: true, main: "src/index.ts" },
      "packages/store/tsconfig.json": tsconfig,
      "packages/store/src/index.ts": store,
      "packages/app/package.json": { name: "@shop/app", private: true },
      "packages/app/tsconfig.json": tsconfig,
      "packages/app/src/index.ts": user,
    });
    mkdirSync(join(folder, "node_modules/@shop"), { recursive: true });
    symlinkSync(join(folder, "packages/store"), join(folder, "node_modules/@shop/store"));
    return folder;
  };

  it("CM-M06 each is migrated by itself; what another one imports is a promise", async () => {
    const folder = repository();
    const app = await planMigration({ cwd: join(folder, "packages/app"), paths: [] });
    expect(app.changes.map(({ path }) => path)).toEqual([join(folder, "packages/app/src/index.ts")]);
    expect(app.changes[0]?.after).toContain("yield* fromPromise(new Cached().both())");
    const lib = await planMigration({ cwd: join(folder, "packages/store"), paths: [] });
    expect(lib.changes.map(({ path }) => path)).toEqual([join(folder, "packages/store/src/index.ts")]);
  });

  it("CM-M06 methods that a neighbour overrides are called, although the package is private", async () => {
    const folder = repository();
    const plan = await planMigration({ cwd: join(folder, "packages/store"), paths: [] });
    const text = plan.changes[0]?.after ?? "";
    expect(text).toContain('pairMethods(Store.prototype, { load: "loadOp" });');
    const alone = await planned({
      "package.json": { name: "store", private: true, main: "src/index.ts" },
      "tsconfig.json": tsconfig,
      "src/index.ts": store,
    });
    expect(alone.changes[0]?.after).not.toContain("pairMethods");
  });
});
