import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ExitCode, MigrationError } from "../../../codemods/failure.js";
import { requireCommitted } from "../../../codemods/git.js";
import { commitAll, committedProject, git, project, temporaryFolder, writeFiles } from "./project-on-disk.js";

const strict = { allowDirty: false, allowNoGit: false };

async function refusal(root: string, names: readonly string[], policy = strict): Promise<string> {
  const files = names.map((name) => join(root, name));
  const error: unknown = await requireCommitted(files, policy, root).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(MigrationError);
  expect((error as MigrationError).exitCode).toBe(ExitCode.dirtyTree);
  return (error as MigrationError).message;
}

async function warnings(root: string, names: readonly string[], policy = strict): Promise<readonly string[]> {
  return requireCommitted(
    names.map((name) => join(root, name)),
    policy,
    root,
  );
}

describe("git", () => {
  it("says nothing about committed files", async () => {
    expect(await warnings(committedProject(), ["src/main.ts", "package.json"])).toEqual([]);
  });

  it("refuses files outside of any repository and names the ways out", async () => {
    const root = project();
    const message = await refusal(root, ["src/main.ts"]);
    expect(message).toContain("no git repository holds src/main.ts");
    expect(message).toContain("git init");
    expect(message).toContain("--allow-no-git");
    expect(await warnings(root, ["src/main.ts"], { ...strict, allowNoGit: true })).toEqual([]);
    expect(await warnings(root, ["src/main.ts"], { ...strict, allowDirty: true })).toEqual([]);
  });

  it.each([
    ["changed", (root: string) => writeFileSync(join(root, "src/main.ts"), "changed\n")],
    [
      "staged",
      (root: string) => {
        writeFileSync(join(root, "src/main.ts"), "changed\n");
        git(root, "add", "--all");
      },
    ],
    ["untracked", (root: string) => git(root, "rm", "--cached", "--quiet", "src/main.ts")],
    [
      "ignored",
      (root: string) => {
        git(root, "rm", "--cached", "--quiet", "src/main.ts");
        writeFileSync(join(root, ".gitignore"), "src/main.ts\n");
        git(root, "add", "--all");
        git(root, "commit", "--quiet", "-m", "ignore");
      },
    ],
    [
      "renamed",
      (root: string) => {
        git(root, "mv", "src/plain.ts", "src/old.ts");
        git(root, "mv", "src/main.ts", "src/plain.ts");
        renameSync(join(root, "src/plain.ts"), join(root, "src/main.ts"));
        writeFileSync(join(root, "src/main.ts"), "not the same\n");
      },
    ],
  ])("refuses a file that is %s, and --allow-dirty allows it", async (_, spoil) => {
    const root = committedProject();
    spoil(root);
    const message = await refusal(root, ["src/main.ts", "src/load.ts"]);
    expect(message).toMatch(
      /^src\/main\.ts has changes that are not committed; commit or stash them, or pass --allow-dirty$/,
    );
    await warnings(root, ["src/main.ts"], { ...strict, allowDirty: true });
  });

  it("refuses in a repository without a commit", async () => {
    const root = project();
    git(root, "init", "--quiet");
    expect(await refusal(root, ["src/main.ts"])).toContain("src/main.ts has changes");
  });

  it("only warns of other dirty files", async () => {
    const root = committedProject();
    writeFiles(root, { "src/plain.ts": "changed\n", "new file.txt": "" });
    expect(await warnings(root, ["src/main.ts"])).toEqual([
      expect.stringContaining("2 other files have uncommitted changes"),
    ]);
  });

  it("understands names with spaces, quotes, line ends and other scripts", async () => {
    const names = ["a b.ts", 'quo"te.ts', "новый.ts", "line\nend.ts", "-dash.ts", "#hash.ts"];
    const root = committedProject(Object.fromEntries(names.map((name) => [name, "1\n"])));
    expect(await warnings(root, names)).toEqual([]);
    for (const name of names) writeFileSync(join(root, name), "2\n");
    const message = await refusal(root, names);
    for (const name of names) expect(message).toContain(name);
  });

  it("asks each repository for its own files, such as that of a submodule", async () => {
    const root = committedProject();
    mkdirSync(join(root, "nested"));
    writeFiles(root, { "nested/inner.ts": "1\n" });
    commitAll(join(root, "nested"));
    writeFileSync(join(root, "nested/inner.ts"), "2\n");
    expect(await refusal(root, ["src/main.ts", "nested/inner.ts"])).toMatch(/^nested\/inner\.ts has/);
  });

  it("is not confused by the variables that git sets for a hook", async () => {
    const root = committedProject();
    vi.stubEnv("GIT_DIR", join(temporaryFolder(), "elsewhere"));
    try {
      expect(await warnings(root, ["src/main.ts"])).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("passes on why git cannot answer", async () => {
    const root = project();
    mkdirSync(join(root, ".git"));
    const message = await refusal(root, ["src/main.ts"]);
    expect(message).toContain("not a git repository");
    expect(message).toContain("--allow-no-git");
    expect(await warnings(root, ["src/main.ts"], { ...strict, allowNoGit: true })).toEqual([]);
  });

  it("says so when git is not installed", async () => {
    const root = committedProject();
    vi.stubEnv("PATH", temporaryFolder());
    try {
      expect(await refusal(root, ["src/main.ts"])).toContain("git is not installed");
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
