/** `explain` and `list`: why things are as they are. */

import { describe, expect, it } from "vitest";
import { planMigration } from "../../../codemods/migrate.js";
import { reasons } from "../../../codemods/reasons.js";
import { transforms } from "../../../codemods/transforms.js";
import { trestle } from "./invoke.js";
import { project, type Files } from "./project-on-disk.js";

const engine = { planMigration };

const shop: Files = {
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "es2022",
      lib: ["es2022"],
      module: "esnext",
      moduleResolution: "bundler",
      strict: true,
      types: [],
    },
  }),
  "package.json": '{ "name": "shop", "private": true }\n',
  "src/ring.ts":
    "export async function ping(n: number): Promise<number> {\n  return n === 0 ? 0 : await pong(n - 1);\n}\n" +
    "export async function pong(n: number): Promise<number> {\n  return n === 0 ? 1 : await ping(n - 1);\n}\n",
  "src/classes.ts":
    "export class Base {\n  async run(): Promise<number> {\n    return 1;\n  }\n}\n" +
    "export class Derived extends Base {\n  override async run(): Promise<number> {\n    return 2;\n  }\n}\n",
  "src/wrong.ts":
    "export const wrong = (xs: number[]) =>\n  xs.filter(async (x) => x > 1);\nexport const started = ping(1);\nimport { ping } from './ring';\n",
};

const explain = (what: string) => trestle(project(shop), ["explain", what], { engine });

describe("explain", () => {
  it("O-06 a function by its name: reasons, what they mean and what helps, what it is tied to, where it is used", async () => {
    const { code, stdout } = await explain("ping");
    expect(code).toBe(0);
    expect(stdout).toContain("ping  src/ring.ts:1:1\n");
    expect(stdout).toContain("becomes a fiber function, and its name keeps giving a promise");
    expect(stdout).toContain("TR1206 exported-api: ping is exported");
    expect(stdout).toMatch(/What helps: .+/);
    expect(stdout).toContain("Converted or left together with pong, because it\n    calls pong  src/ring.ts:2:30\n");
    expect(stdout).toContain("src/ring.ts:5:30  run directly, in pong");
    expect(stdout).toContain("src/wrong.ts:3:24  through its promise\n");
  });

  it("O-06 a method by its class, with those that stand for it", async () => {
    const { stdout } = await explain("Derived.run");
    expect(stdout).toMatch(/^run {2}src\/classes\.ts:7:3\n/);
    expect(stdout).toContain("stands for Base.run through inheritance  src/classes.ts:2:3");
    expect((await explain("run")).stdout.match(/^run /gm)).toHaveLength(2);
  });

  it.each([
    ["src/wrong.ts:2", "function at src/wrong.ts:2", "TR1901"],
    ["src/ring.ts:2:24", "await pong(n - 1)", "CM-A03"],
    ["src/ring.ts:3", "ping  src/ring.ts:1:1", "CM-A01"],
  ])("O-06 what is at %s", async (what, name, detail) => {
    const { code, stdout } = await explain(what);
    expect(code).toBe(0);
    expect(stdout).toContain(name);
    expect(stdout).toContain(detail);
  });

  it("O-06 a reason code, without reading a project", async () => {
    const { code, stdout } = await trestle("/", ["explain", "tr1301"]);
    expect(code).toBe(0);
    expect(stdout).toContain("TR1301 return-in-try-without-await");
    expect(stdout).toContain("What helps: Write `return await`");
  });

  it.each([
    ["TR9999", "there is no reason TR9999"],
    ["nobody", "no async function in scope is called nobody"],
    ["src/nowhere.ts:1", "src/nowhere.ts does not exist"],
    ["src/wrong.ts:4", "there is nothing asynchronous at src/wrong.ts:4"],
  ])("O-22 %s is refused", async (what, message) => {
    const { code, stdout, stderr } = await explain(what);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("list", () => {
  it("O-22 names every transform and every reason, for people and for programs", async () => {
    const { code, stdout } = await trestle("/", ["list"]);
    expect(code).toBe(0);
    for (const id of [...Object.keys(transforms), ...Object.keys(reasons)]) expect(stdout).toContain(`\n  ${id}  `);
    const json = JSON.parse((await trestle("/", ["list", "--json"])).stdout) as {
      transforms: { id: string }[];
      reasons: { code: string; name: string; text: string }[];
    };
    expect(json.reasons.map(({ code }) => code)).toEqual(Object.keys(reasons).sort());
    expect(json.transforms.map(({ id }) => id)).toEqual(Object.keys(transforms));
  });
});
