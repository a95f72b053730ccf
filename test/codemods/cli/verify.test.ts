/** `migrate --write --verify`: what a command accepts is written, and what it does not is found and left. */

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bisect } from "../../../codemods/bisect.js";
import { runCommand } from "../../../codemods/verify-command.js";
import type { Report } from "../../../codemods/report/report.js";
import { ioError, watchedFileSystem } from "./faulty-file-system.js";
import { trestle, type InvokeOptions } from "./invoke.js";
import { contents, project, writeFiles, type Files } from "./project-on-disk.js";

const names = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"];

const zoo: Files = {
  "tsconfig.json": "{}\n",
  ...Object.fromEntries(names.map((name) => [`src/${name}.ts`, `export async function ${name}() {}\n`])),
};

/** With the library in place, and a command that fails while one of `guilty` is a generator. */
function zooWith(guilty: readonly string[], extra = ""): { root: string; command: string } {
  const root = project(zoo);
  mkdirSync(join(root, "node_modules/trestle"), { recursive: true });
  writeFiles(root, {
    "check.mjs":
      'import { appendFileSync, readdirSync, readFileSync } from "node:fs";\n' +
      'const texts = readdirSync("src").map((name) => readFileSync("src/" + name, "utf8"));\n' +
      'appendFileSync("node_modules/runs", ".");\n' +
      `const bad = ${JSON.stringify(guilty)}.filter((name) => texts.some((text) => text.includes("function* " + name)));\n` +
      `${extra}\n` +
      'if (bad.length > 0) { console.log("broken: " + bad); process.exit(3); }\n',
  });
  return { root, command: `"${process.execPath}" check.mjs` };
}

const migrate = (root: string, command: string, options?: InvokeOptions, ...more: string[]) =>
  trestle(root, ["migrate", "--write", "--allow-no-git", "--verify", command, ...more], options);

const converted = (root: string): string[] =>
  names.filter((name) => readFileSync(join(root, `src/${name}.ts`), "utf8").includes("function*"));

const runs = (root: string): number => readFileSync(join(root, "node_modules/runs"), "utf8").length;

describe("migrate --verify", () => {
  it("O-22 writes everything when the command succeeds, after it succeeded without", async () => {
    const { root, command } = zooWith([]);
    expect((await migrate(root, command)).code).toBe(0);
    expect(converted(root)).toEqual(names);
    expect(runs(root)).toBe(2);
  });

  it.each([[["elk"]], [["ant", "hen"]], [["bee", "cat", "gnu"]]])(
    "O-22 O-24 TR1812 with %j guilty, it leaves them with a reason and writes the rest",
    async (guilty) => {
      const { root, command } = zooWith(guilty);
      const { code, stdout, stderr } = await migrate(root, command, {}, "--format", "json");
      expect(code).toBe(0);
      expect(converted(root)).toEqual(names.filter((name) => !guilty.includes(name)));
      const report = JSON.parse(stdout) as Report;
      const left = report.candidates.filter(({ disposition }) => disposition === "leave");
      expect(left.map(({ name, reasons }) => [name, reasons[0]?.code])).toEqual(guilty.map((name) => [name, "TR1812"]));
      expect(left[0]?.reasons[0]?.message).toContain("ended with exit code 3");
      expect(report.options["quiet"]).toBe(false);
      expect(stderr).toContain("broken: ");
      expect(existsSync(join(root, ".trestle/journal"))).toBe(false);
      // Once without, once with all, and then about twice the depth of the tree of halves for each.
      expect(runs(root)).toBeLessThanOrEqual(2 + 2 * 3 * guilty.length + 1);
    },
  );

  it("O-22 exits 5 and puts every byte back when nothing is accepted", async () => {
    const { root, command } = zooWith(names);
    const before = contents(root);
    delete before["node_modules/runs"];
    const { code, stdout, stderr } = await migrate(root, command);
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toContain("accepts none of the changes");
    const after = contents(root);
    delete after["node_modules/runs"];
    delete after[".trestle"];
    expect(after).toEqual(before);
  });

  it("O-22 exits 4 without a change when the command fails before any", async () => {
    const { root } = zooWith([]);
    const { code, stderr } = await migrate(root, "echo it was broken before; exit 7");
    expect(code).toBe(4);
    expect(stderr).toContain("ended with exit code 7 before anything was changed");
    expect(stderr).toContain("it was broken before");
    expect(converted(root)).toEqual([]);
  });

  it("O-22 says so when the library is not installed, instead of searching", async () => {
    const root = project(zoo);
    const { code, stderr } = await migrate(root, "! grep -q 'function[*]' src/ant.ts");
    expect(code).toBe(5);
    expect(stderr).toContain("trestle is not installed");
    expect(converted(root)).toEqual([]);
  });

  it("runs nothing without --write", async () => {
    const { root, command } = zooWith([]);
    const { code, stderr } = await trestle(root, ["migrate", "--verify", command]);
    expect(code).toBe(0);
    expect(stderr).toContain("nothing is verified without --write");
    expect(existsSync(join(root, "node_modules/runs"))).toBe(false);
  });

  it("O-14 an interruption while the command runs ends it, with exit code 130 and the old tree", async () => {
    const { root, command } = zooWith([], 'if (texts.some((text) => text.includes("*"))) setInterval(() => {}, 1000);');
    const before = contents(root);
    const interruption = new AbortController();
    const run = migrate(root, command, { signal: interruption.signal });
    while (!existsSync(join(root, "node_modules/runs")) || runs(root) < 2)
      await new Promise((turn) => setTimeout(turn, 5));
    expect(converted(root)).toEqual(names);
    expect(existsSync(join(root, ".trestle/journal"))).toBe(true);
    interruption.abort();
    expect((await run).code).toBe(130);
    const after = contents(root);
    for (const tree of [before, after]) for (const path of ["node_modules/runs", ".trestle"]) delete tree[path];
    expect(after).toEqual(before);
  });

  it("O-14 a command that changes a file itself is not overwritten, and the originals are kept", async () => {
    const { root, command } = zooWith(["elk"], 'if (bad.length > 0) appendFileSync("src/ant.ts", "// formatted\\n");');
    const { code, stderr } = await migrate(root, command);
    expect(code).toBe(6);
    expect(stderr).toContain("ant.ts changed after it");
    expect(existsSync(join(root, ".trestle/journal"))).toBe(true);
  });

  it("O-14 whichever step of the file system fails, the tree is as it was, or recovery makes it so", async () => {
    const steps: string[] = [];
    const undisturbed = zooWith(["elk"]);
    await migrate(undisturbed.root, undisturbed.command, {
      engine: { fs: watchedFileSystem((_, name) => steps.push(name)) },
    });
    expect(steps.length).toBeGreaterThan(300);
    // Every thirteenth of them: each run starts a dozen processes.
    for (let failing = 5; failing < steps.length; failing += 97) {
      const { root, command } = zooWith(["elk"]);
      const before = contents(root);
      const fs = watchedFileSystem((index) => {
        if (index === failing) throw ioError();
      });
      const { code } = await migrate(root, command, { engine: { fs } });
      if (code !== 0) await trestle(root, ["recover", "--force"]);
      const kept = converted(root);
      const after = contents(root);
      for (const tree of [before, after]) for (const path of ["node_modules/runs", ".trestle"]) delete tree[path];
      if (code === 0) expect(kept, `step ${failing}`).toEqual(names.filter((name) => name !== "elk"));
      else expect(after, `step ${failing} (${steps[failing]})`).toEqual(before);
    }
  });
});

describe("running a command", () => {
  it("ends one that takes too long, with all that it started", async () => {
    const { root } = zooWith([]);
    const outcome = await runCommand("(sleep 60; echo never) & wait", { cwd: root, limit: 0.1 });
    expect(outcome).toMatchObject({ green: false, ending: "did not end within 0.1 seconds", output: "" });
  });

  it("counts one that cannot be started, or is killed, as failed", async () => {
    expect(await runCommand("no-such-command-here", { cwd: "/" })).toMatchObject({ green: false });
    expect(await runCommand("kill -9 $$", { cwd: "/" })).toMatchObject({ green: false });
  });
});

describe("bisection", () => {
  it("keeps the largest set it can prove, whichever parts are guilty, alone or together", async () => {
    const parts = [0, 1, 2, 3, 4, 5];
    for (let mask = 1; mask < 2 ** parts.length; mask++) {
      const bad = parts.filter((part) => (mask & (1 << part)) !== 0);
      const tried: string[] = [];
      const { sound, guilty } = await bisect(parts, async (set) => {
        tried.push(set.join());
        return !set.some((part) => bad.includes(part));
      });
      expect(guilty).toEqual(bad);
      expect(sound).toEqual(parts.filter((part) => !bad.includes(part)));
      if (sound.length > 0) expect(tried).toContain(sound.join());
    }
    // Two that are only wrong together: one of them goes.
    const { sound } = await bisect(parts, async (set) => !(set.includes(1) && set.includes(4)));
    expect(sound).toEqual([0, 1, 2, 3, 5]);
  });
});
