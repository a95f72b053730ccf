/** The configuration file: where it is found, what it sets, and what is refused. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { PlanRequest } from "../../../codemods/migrate.js";
import type { MigrationPlan } from "../../../codemods/plan.js";
import { ioError, watchedFileSystem } from "./faulty-file-system.js";
import { trestle } from "./invoke.js";
import { project, smallProject, type Files } from "./project-on-disk.js";
import { planMigration } from "./stand-in.js";

/** What the analysis was asked for. */
async function requested(files: Files, args: readonly string[], folder = "."): Promise<PlanRequest> {
  const requests: PlanRequest[] = [];
  const engine = {
    planMigration: (request: PlanRequest): Promise<MigrationPlan> => {
      requests.push(request);
      return planMigration({ ...request, cwd: root, paths: [], project: undefined });
    },
  };
  const root = project({ ...smallProject, ...files });
  const { stderr } = await trestle(join(root, folder), args, { engine });
  expect(requests.length, stderr).toBeGreaterThan(0);
  return requests[0] as PlanRequest;
}

const all = {
  include: ["src"],
  exclude: ["src/plain.ts"],
  level: "safe",
  batchSize: 7,
  allowBaselineErrors: true,
  project: "tsconfig.json",
};

describe("configuration", () => {
  it.each([
    ["trestle.config.json", JSON.stringify(all)],
    ["trestle.config.ts", `const config: object = ${JSON.stringify(all)};\nexport default config;\n`],
    ["trestle.config.js", `module.exports = ${JSON.stringify(all)};\n`],
    ["trestle.config.mjs", `export default ${JSON.stringify(all)};\n`],
    ["package.json", JSON.stringify({ name: "configured", trestle: all })],
  ])("O-22 %s sets the defaults of the options", async (name, text) => {
    const request = await requested({ [name]: text }, ["scan"]);
    expect(request).toMatchObject({
      paths: ["src"],
      exclude: ["src/plain.ts"],
      level: "safe",
      batchSize: 7,
      allowBaselineErrors: true,
      project: "tsconfig.json",
    });
  });

  it("O-22 the command line wins, and exclusions add up", async () => {
    const args = ["migrate", "src/main.ts", "--level", "standard", "--batch-size", "3", "--exclude", "x", "-p", "src"];
    expect(await requested({ "trestle.config.json": JSON.stringify(all) }, args)).toMatchObject({
      paths: ["src/main.ts"],
      exclude: ["src/plain.ts", "x"],
      level: "standard",
      batchSize: 3,
      project: "src",
    });
  });

  it("O-22 from a folder below, its paths are still relative to the file", async () => {
    const files = {
      "trestle.config.json": JSON.stringify({ include: ["src", "!src/a"], exclude: ["lib/**"], project: "." }),
    };
    expect(await requested(files, ["scan"], "src")).toMatchObject({
      paths: ["../src", "!../src/a"],
      exclude: ["../lib/**"],
      project: "../.",
    });
  });

  it("O-22 that of another package does not count", async () => {
    const files = { "trestle.config.json": JSON.stringify(all), "inner/package.json": "{}", "inner/a.ts": "" };
    expect((await requested(files, ["scan"], "inner")).level).toBeUndefined();
  });

  it("O-22 sets the command that verifies, and the share that is held", async () => {
    const root = project({ ...smallProject, "trestle.config.json": '{ "verify": "exit 9", "min": 0.5 }' });
    const { code, stderr } = await trestle(root, ["migrate", "--write", "--allow-no-git"]);
    expect(code).toBe(4);
    expect(stderr).toContain("`exit 9` ended with exit code 9 before anything was changed");
    expect((await trestle(root, ["migrate"])).stderr).not.toContain("verified");
    expect((await trestle(root, ["scan", "--check"])).stderr).toContain("at least 50 % must be");
    expect((await trestle(root, ["scan"])).code).toBe(0);
  });

  it.each([
    [
      "an unknown key",
      { "trestle.config.json": '{ "exlude": [] }' },
      'unknown key "exlude"; there are project, include',
    ],
    ["a key of every object", { "trestle.config.json": '{ "toString": 1 }' }, 'unknown key "toString"'],
    ["a wrong value", { "trestle.config.json": '{ "level": "reckless" }' }, '"level" in'],
    ["a wrong list", { "trestle.config.json": '{ "include": "src" }' }, 'must be an array of texts, and is "src"'],
    ["no object", { "trestle.config.json": "[]" }, "must hold an object"],
    ["what does not parse", { "trestle.config.json": "{" }, "cannot be read"],
    ["what throws", { "trestle.config.mjs": 'throw new Error("no such luck");' }, "no such luck"],
    ["two of them", { "trestle.config.json": "{}", "trestle.config.mjs": "" }, "both configure trestle"],
    [
      "a file and a field",
      { "trestle.config.json": "{}", "package.json": '{ "trestle": {} }' },
      "both configure trestle",
    ],
  ])("O-22 %s is refused", async (_, files, message) => {
    const { code, stdout, stderr } = await trestle(project({ ...smallProject, ...files }), ["migrate", "--write"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("init", () => {
  it("O-22 writes a configuration that is read, sets nothing, and has every key", async () => {
    const root = project();
    const { code, stdout } = await trestle(root, ["init"]);
    expect(code).toBe(0);
    expect(stdout).toContain("trestle.config.ts is written");
    const text = readFileSync(join(root, "trestle.config.ts"), "utf8");
    for (const key of [...Object.keys(all), "verify", "min"]) expect(text).toMatch(new RegExp(`^  // ${key}: `, "m"));
    expect((await requested({ "trestle.config.ts": text }, ["scan"])).level).toBeUndefined();
    const set = await requested({ "trestle.config.ts": text.replace(/^( *)\/\/ (level|batchSize)/gm, "$1$2") }, [
      "scan",
    ]);
    expect(set).toMatchObject({ level: "standard", batchSize: 25 });
  });

  it("O-22 does not touch one that is there", async () => {
    const root = project({ ...smallProject, "trestle.config.json": "{}" });
    const { code, stderr } = await trestle(root, ["init"]);
    expect(code).toBe(6);
    expect(stderr).toContain("configures trestle already");
    expect(existsSync(join(root, "trestle.config.ts"))).toBe(false);
  });

  it("O-14 leaves nothing behind when a step fails", async () => {
    for (let failing = 0; failing < 4; failing++) {
      const root = project();
      const fs = watchedFileSystem((index) => {
        if (index === failing) throw ioError();
      });
      expect((await trestle(root, ["init"], { engine: { fs } })).code).toBe(6);
      expect(existsSync(join(root, "trestle.config.ts"))).toBe(false);
    }
  });
});
