/** `trestle revert`: every byte of a finished run goes back, or nothing does. */

import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ioError, watchedFileSystem } from "./faulty-file-system.js";
import { trestle, type InvokeOptions } from "./invoke.js";
import { commitAll, contents, git, project, smallProject, snapshot } from "./project-on-disk.js";

const migrate = (root: string, ...args: string[]) => trestle(root, ["migrate", "--write", "--allow-no-git", ...args]);
const revert = (root: string, args: readonly string[] = [], options?: InvokeOptions) =>
  trestle(root, ["revert", ...args], options);
const ids = async (root: string): Promise<string[]> =>
  (await revert(root, ["--list"])).stdout.split("\n").flatMap((line) => /^([0-9a-f]{8}) /.exec(line)?.[1] ?? []);

describe("revert", () => {
  it("O-14 O-22 puts every byte and mode back, and the run is gone", async () => {
    const root = project({ ...smallProject, "src/bom.ts": "\uFEFFexport async function bom() {}\r\n" });
    chmodSync(join(root, "src/load.ts"), 0o640);
    const before = contents(root);
    expect((await migrate(root)).code).toBe(0);
    expect(contents(root)).not.toEqual(before);
    const { code, stdout } = await revert(root);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Run [0-9a-f]{8} of .* is undone: 4 files are as before it\.\n$/);
    expect(contents(root)).toEqual(before);
    expect(statSync(join(root, "src/load.ts")).mode & 0o777).toBe(0o640);
    expect(await revert(root)).toEqual({ code: 0, stdout: "There is no run to revert.\n", stderr: "" });
  });

  it("O-22 works from a folder below, and leaves nothing for git to see", async () => {
    const root = project();
    commitAll(root);
    await migrate(root);
    expect((await revert(join(root, "src"))).code).toBe(0);
    expect(git(root, "status", "--porcelain")).toBe("");
  });

  it("O-14 O-22 undoes runs one after the other, last first, and lists them", async () => {
    const root = project();
    const first = contents(root);
    await migrate(root, "src/load.ts");
    const second = contents(root);
    await migrate(root, "src/main.ts");
    expect((await ids(root)).length).toBe(2);
    expect((await revert(root)).code).toBe(0);
    expect(contents(root)).toEqual(second);
    expect((await revert(root)).code).toBe(0);
    expect(contents(root)).toEqual(first);
  });

  it("O-22 undoes an earlier run by its id, if no later one changed the same", async () => {
    const root = project({ ...smallProject, "package.json": '{ "dependencies": { "trestle": "^0.1.0" } }\n' });
    await migrate(root, "src/load.ts");
    await migrate(root, "src/main.ts");
    const [first = "", second = ""] = await ids(root);
    expect((await revert(root, ["--run", first])).code).toBe(0);
    expect(contents(root)["src/load.ts"]).toContain("async function load");
    expect(contents(root)["src/main.ts"]).toContain("function* main");
    expect(await ids(root)).toEqual([second]);
  });

  it("O-22 names the later run that changed the same file", async () => {
    const root = project({ "tsconfig.json": "{}", "a.ts": "async function a() {}\n" });
    await migrate(root);
    writeFileSync(join(root, "a.ts"), `${readFileSync(join(root, "a.ts"), "utf8")}async function b() {}\n`);
    await migrate(root);
    const [first = "", second = ""] = await ids(root);
    const before = contents(root);
    const { code, stderr } = await revert(root, ["--run", first]);
    expect(code).toBe(6);
    expect(stderr).toContain(`run ${second} came later and changed the same: revert that first`);
    expect(contents(root)).toEqual(before);
  });

  it.each([
    ["edited", (path: string) => writeFileSync(path, `${readFileSync(path, "utf8")}// mine\n`)],
    ["deleted", (path: string) => rmSync(path)],
  ])("O-22 refuses when one file was %s since, and changes nothing", async (_, change) => {
    const root = project();
    await migrate(root);
    change(join(root, "src/main.ts"));
    const before = snapshot(root);
    const { code, stdout, stderr } = await revert(root);
    expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
    expect(stderr).toContain("src/main.ts changed since run");
    expect(stderr).not.toContain("src/load.ts");
    expect(snapshot(root)).toEqual(before);
    expect((await ids(root)).length).toBe(1);
  });

  it("takes a file that is as before already for what it is", async () => {
    const root = project();
    const before = contents(root);
    await migrate(root);
    writeFileSync(join(root, "src/main.ts"), smallProject["src/main.ts"] ?? "");
    const { code, stdout } = await revert(root);
    expect(code).toBe(0);
    expect(stdout).toContain("2 files are as before it");
    expect(contents(root)).toEqual(before);
  });

  it("O-22 an unknown id is refused, and what is no run is passed by", async () => {
    const root = project();
    await migrate(root);
    writeFileSync(join(root, ".trestle/runs/2000-notes.txt"), "no run\n");
    expect((await ids(root)).length).toBe(1);
    const { code, stderr } = await revert(root, ["--run", "deadbeef"]);
    expect(code).toBe(2);
    expect(stderr).toContain("there is no run deadbeef");
  });

  it("O-14 whichever step fails, the tree is all new or all old, and can be made old", async () => {
    const prepared = async () => {
      const root = project();
      const before = contents(root);
      await migrate(root);
      return { root, before, after: contents(root) };
    };
    const steps: string[] = [];
    await revert((await prepared()).root, [], { engine: { fs: watchedFileSystem((_, name) => steps.push(name)) } });
    expect(steps.length).toBeGreaterThan(20);
    for (let failing = 0; failing < steps.length; failing++) {
      const { root, before, after } = await prepared();
      const fs = watchedFileSystem((index) => {
        if (index === failing) throw ioError();
      });
      const { code } = await revert(root, [], { engine: { fs } });
      const left = contents(root);
      const isOld = left["src/main.ts"] === before["src/main.ts"];
      expect(left, `step ${failing} (${steps[failing]})`).toEqual(isOld ? before : after);
      if (code === 0) expect(isOld).toBe(true);
      expect((await revert(root)).code).toBe(0);
      expect(contents(root)).toEqual(before);
    }
  });

  it("O-14 keeps the last twenty runs", async () => {
    const root = project({ "tsconfig.json": "{}", "a.ts": "" });
    for (let n = 0; n < 22; n++) {
      writeFileSync(join(root, "a.ts"), `async function a${n}() {}\n`);
      expect((await migrate(root)).code).toBe(0);
    }
    expect(readdirSync(join(root, ".trestle/runs")).length).toBe(20);
    expect((await revert(root)).code).toBe(0);
    expect(contents(root)["a.ts"]).toContain("async function a21");
    expect(existsSync(join(root, ".trestle/journal"))).toBe(false);
  });
});
