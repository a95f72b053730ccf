/** Real processes that are really killed, at every step and at random moments, and what is found afterwards. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ending, startNode } from "./child-process.js";
import { compiledSources } from "./compiled-sources.js";
import { trestle } from "./invoke.js";
import { project, contents, smallProject, type Files } from "./project-on-disk.js";

const sources = compiledSources();

function start(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return startNode(sources.path("test/codemods/cli/child-cli.ts"), args, cwd, env);
}

/** Enough files that writing them takes a while. */
const wideProject: Files = {
  ...smallProject,
  ...Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`src/wide/f${index}.ts`, `export async function f${index}() {}\n`]),
  ),
};

async function migrated(files: Files): Promise<Record<string, string>> {
  const root = project(files);
  expect((await trestle(root, ["migrate", "--write", "--allow-no-git"])).code).toBe(0);
  return contents(root);
}

/** The same numbers for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 32);

describe("a killed process", () => {
  it("O-14 killed at any step, it leaves a tree that is all new or that recovery makes all old", async () => {
    const after = await migrated(smallProject);
    const outcomes = { old: 0, new: 0 };
    const tryStep = async (step: number): Promise<boolean> => {
      const root = project();
      const before = contents(root);
      const { code, signal } = await ending(
        start(root, ["migrate", "--write", "--allow-no-git"], { DIE_AT_STEP: String(step) }),
      );
      if (code === 0) return false;
      expect(signal).toBe("SIGKILL");
      expect(await trestle(root, ["recover"])).toMatchObject({ code: 0, stderr: "" });
      const tree = contents(root);
      delete tree[".trestle"]; // empty
      const outcome = tree["src/main.ts"] === after["src/main.ts"] ? "new" : "old";
      outcomes[outcome]++;
      expect(tree, `killed at step ${step}`).toEqual(outcome === "new" ? after : before);
      return true;
    };
    const atOnce = 8;
    for (let step = 0; ; step += atOnce) {
      const killed = await Promise.all(Array.from({ length: atOnce }, (_, index) => tryStep(step + index)));
      if (killed.includes(false)) break;
    }
    expect(outcomes.old).toBeGreaterThan(30);
    expect(outcomes.new).toBeGreaterThan(0);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const)(
    `O-14 stopped by %s at random moments (seed ${seed}), the tree is all old or all new`,
    async (signal) => {
      const after = await migrated(wideProject);
      const random = randomNumbers(seed);
      for (let round = 0; round < 6; round++) {
        // Before the first file is touched, or while they are written.
        const [moment, delay] = round % 3 === 0 ? ["analysing", random() * 50] : ["writing files", random() * 120];
        const root = project(wideProject);
        const before = contents(root);
        const child = start(root, ["migrate", "--write", "--allow-no-git"]);
        const end = ending(child);
        await new Promise<void>((ready) => {
          child.stderr.on("data", (chunk: Buffer) => chunk.toString().includes(moment) && ready());
        });
        await new Promise((elapsed) => setTimeout(elapsed, delay));
        child.kill(signal);
        const { code, stderr } = await end;

        if (signal === "SIGKILL") await trestle(root, ["recover"]);
        else expect([0, 130], stderr).toContain(code);
        const tree = contents(root);
        delete tree[".trestle"];
        const isNew = tree["src/main.ts"] === after["src/main.ts"];
        if (signal !== "SIGKILL") expect(isNew).toBe(code === 0);
        expect(tree, `${signal} after ${delay} ms, seed ${seed}`).toEqual(isNew ? after : before);
        expect(existsSync(join(root, ".trestle/journal"))).toBe(false);
      }
    },
  );

  it("O-22 a reader that closes the pipe early does no harm to it", async () => {
    const root = project(wideProject);
    const child = start(root, ["migrate", "--format", "json"]);
    child.stdout.once("data", () => child.stdout.destroy());
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((done) => child.on("exit", done));
    expect(code).toBe(0);
    expect(stderr).toBe("analysing\n");
  });
});
