/** `trestle doctor`: what it finds in projects that lack something. */

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { trestle } from "./invoke.js";
import { commitAll, contents, project, writeFiles, type Files } from "./project-on-disk.js";

const sound: Files = {
  "tsconfig.json":
    '{ "compilerOptions": { "target": "es2022", "lib": ["es2022"], "module": "esnext", "moduleResolution": "bundler", "strict": true, "types": [] } }\n',
  "package.json": '{ "name": "sound", "private": true }\n',
  ".gitignore": "node_modules\n",
  "src/a.ts": "export async function a(): Promise<void> {}\n",
};

const compilerOptions = (options: object) =>
  JSON.stringify({
    compilerOptions: {
      lib: ["es2022"],
      module: "esnext",
      moduleResolution: "bundler",
      strict: true,
      types: [],
      ...options,
    },
  });

function withLibraries(files: Files): string {
  const root = project(files);
  const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
  mkdirSync(join(root, "node_modules/@trestle"), { recursive: true });
  symlinkSync(at("core"), join(root, "node_modules/trestle"));
  symlinkSync(at("bridges"), join(root, "node_modules/@trestle/bridges"));
  return root;
}

describe("doctor", () => {
  it("O-22 finds nothing amiss where nothing is, and writes nothing", async () => {
    const root = withLibraries(sound);
    commitAll(root);
    const before = contents(root);
    const { code, stdout } = await trestle(root, ["doctor"]);
    expect(code).toBe(0);
    for (const line of stdout.trimEnd().split("\n")) expect(line).toMatch(/^ok {4}/);
    for (const part of [
      "Node 2",
      "git, and everything",
      "tsconfig.json",
      "TypeScript ",
      "type-checks",
      "trestle is installed",
      "1 async functions in 1 files",
    ])
      expect(stdout).toContain(part);
    expect(contents(root)).toEqual(before);
  });

  it.each([
    ["warn", "a type error", { "src/b.ts": "export const n: number = '';\n" }, "1 type error already"],
    ["warn", "loose types", { "tsconfig.json": compilerOptions({ strict: false }) }, '"strict" is off'],
    ["fail", "a file that does not parse", { "src/b.ts": "export const = 1;\n" }, "src/b.ts:1"],
    ["fail", "a wrong key in the configuration", { "trestle.config.json": '{ "foo": 1 }' }, 'unknown key "foo"'],
    ["fail", "an interrupted run", { ".trestle/journal": "{" }, "trestle recover"],
    ["warn", "nothing to migrate", { "src/a.ts": "export const a = 1;\n" }, "0 async functions"],
    ["fail", "no tsconfig that lists files", { "tsconfig.json": '{ "files": [] }' }, "tsconfig.json"],
  ])("O-22 %s: %s", async (level, _, files, message) => {
    const { code, stdout } = await trestle(project({ ...sound, ...files }), ["doctor"]);
    expect(code).toBe(level === "fail" ? 1 : 0);
    const line = stdout.split(/\n(?=\w)/).find((each) => each.includes(message));
    expect(line, stdout).toMatch(new RegExp(`^${level} `));
  });

  it("O-22 TR1811 an old target without the option that it needs", async () => {
    const old = { target: "es5", ignoreDeprecations: "6.0", moduleResolution: "bundler" };
    const { code, stdout } = await trestle(project({ ...sound, "tsconfig.json": compilerOptions(old) }), ["doctor"]);
    expect(code).toBe(1);
    expect(stdout).toContain("TR1811");
  });

  it("O-22 missing packages, files that are not committed, and no repository", async () => {
    const root = project(sound);
    const { code, stdout } = await trestle(root, ["doctor"]);
    expect(code).toBe(0);
    expect(stdout).toContain("warn  trestle is not installed yet");
    expect(stdout).toContain("warn  @trestle/bridges is not installed yet");
    expect(stdout).toContain("warn  no commit of a git repository");
    commitAll(root);
    writeFileSync(join(root, "src/new.ts"), "");
    expect((await trestle(root, ["doctor"])).stdout).toContain("git has 1 uncommitted file;");
  });

  it("O-22 a compiler of the project that is too old, or that cannot be used", async () => {
    for (const [version, level] of [
      ["4.6.4", "fail"],
      ["7.0.0", "warn"],
    ] as const) {
      const root = project(sound);
      const main = `module.exports = { version: "${version}" };\n`;
      writeFiles(root, {
        "node_modules/typescript/package.json": `{ "version": "${version}" }`,
        "node_modules/typescript/index.js": main,
      });
      const { stdout } = await trestle(root, ["doctor"]);
      expect(stdout).toMatch(new RegExp(`^${level} +TypeScript ${version.replaceAll(".", "\\.")} of the project`, "m"));
    }
  });
});
