/**
 * What version control knows about the files that are to be changed. A migration is undone with git, so before
 * writing every file it touches must have its present content committed.
 */

import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ExitCode, MigrationError } from "./failure.js";
import { errorCode } from "./file-system.js";

export interface GitState {
  /** Files that no repository holds. */
  readonly outside: readonly string[];
  /** Files whose content is not committed: changed, new, or ignored. */
  readonly uncommitted: readonly string[];
  /** How many other files have uncommitted changes in the repositories that are touched. */
  readonly unrelated: number;
}

export interface GitPolicy {
  readonly allowDirty: boolean;
  readonly allowNoGit: boolean;
}

/** Throws unless git could bring every one of the files back; returns what the user should hear about otherwise. */
export async function requireCommitted(
  files: readonly string[],
  policy: GitPolicy,
  cwd: string,
): Promise<readonly string[]> {
  const state = await inspect(files, policy);
  if (state.outside.length > 0 && !policy.allowNoGit && !policy.allowDirty) {
    throw new MigrationError(
      ExitCode.dirtyTree,
      `no git repository holds ${listed(state.outside, cwd)}, so the changes could not be undone; ` +
        "run `git init` and commit, or pass --allow-no-git",
    );
  }
  if (state.uncommitted.length > 0 && !policy.allowDirty) {
    throw new MigrationError(
      ExitCode.dirtyTree,
      `${listed(state.uncommitted, cwd)} ${state.uncommitted.length === 1 ? "has" : "have"} changes that are not committed; ` +
        "commit or stash them, or pass --allow-dirty",
    );
  }
  if (state.unrelated === 0) return [];
  const others = state.unrelated === 1 ? "1 other file has" : `${state.unrelated} other files have`;
  return [`${others} uncommitted changes; they are not touched, but will show up beside the migration in git`];
}

async function inspect(files: readonly string[], policy: GitPolicy): Promise<GitState> {
  const outside: string[] = [];
  /** Per repository, each file's real path and the name it was given by. */
  const repositories = new Map<string, Map<string, string>>();
  for (const file of files) {
    const target = realpathSync(file);
    const repository = repositoryOf(dirname(target));
    if (repository === undefined) outside.push(file);
    else repositories.set(repository, (repositories.get(repository) ?? new Map<string, string>()).set(target, file));
  }

  const uncommitted: string[] = [];
  let unrelated = 0;
  for (const [repository, touched] of repositories) {
    try {
      const dirty = await uncommittedIn(repository);
      const ignored = await ignoredIn(repository, [...touched.keys()]);
      for (const [target, file] of touched) if (dirty.has(target) || ignored.has(target)) uncommitted.push(file);
      unrelated += [...dirty].filter((file) => !touched.has(file)).length;
    } catch (error) {
      // Without git's answer the files are as good as outside of it.
      if (!(error instanceof MigrationError) || !(policy.allowNoGit || policy.allowDirty)) throw error;
    }
  }
  return { outside, uncommitted: uncommitted.sort(), unrelated };
}

/** The nearest directory above with a `.git`: a folder, or a file in a work tree or submodule. */
function repositoryOf(directory: string): string | undefined {
  if (existsSync(join(directory, ".git"))) return directory;
  const parent = dirname(directory);
  return parent === directory ? undefined : repositoryOf(parent);
}

/** The files, by absolute path, that differ from what they were at `ref`, or are new; deleted ones are not there. */
export async function changedSince(ref: string, cwd: string): Promise<readonly string[]> {
  if (ref.startsWith("-")) throw new MigrationError(ExitCode.usage, `--since ${ref} is no git revision`);
  const repository = repositoryOf(realpathSync(cwd));
  if (repository === undefined) {
    throw new MigrationError(ExitCode.dirtyTree, `--since ${ref} needs git, and no git repository holds ${cwd}`);
  }
  const known = await git(repository, ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`], "", [0, 1]);
  if (known.output.trim() === "") {
    throw new MigrationError(ExitCode.usage, `git knows no revision ${ref}; name a branch, a tag or a commit`);
  }
  const changed = await git(repository, ["diff", "--name-only", "--no-renames", "-z", "--diff-filter=d", ref, "--"]);
  const added = await git(repository, ["ls-files", "--others", "--exclude-standard", "-z"]);
  return [...records(changed.output), ...records(added.output)].map((path) => resolve(repository, path));
}

async function uncommittedIn(repository: string): Promise<Set<string>> {
  const { output } = await git(repository, ["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"]);
  // Two letters of state and a space come before each path.
  return new Set(records(output).map((record) => resolve(repository, record.slice(3))));
}

async function ignoredIn(repository: string, files: readonly string[]): Promise<Set<string>> {
  const input = files.map((file) => `${relative(repository, file)}\0`).join("");
  const { output } = await git(repository, ["check-ignore", "-z", "--stdin"], input, [0, 1]);
  return new Set(records(output).map((path) => resolve(repository, path)));
}

function records(output: string): string[] {
  return output.split("\0").filter((record) => record !== "");
}

function git(cwd: string, args: readonly string[], input = "", accepted = [0]): Promise<{ output: string }> {
  // Inside a hook, git's own variables point at the repository of the hook.
  const { GIT_DIR: _dir, GIT_WORK_TREE: _tree, GIT_INDEX_FILE: _index, ...env } = process.env;
  return new Promise((done, fail) => {
    const child = spawn("git", ["--no-optional-locks", ...args], { cwd, env: { ...env, LC_ALL: "C" } });
    const output: Buffer[] = [];
    const complaint: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => complaint.push(chunk));
    child.on("error", (error) => {
      const message =
        errorCode(error) === "ENOENT"
          ? "git is not installed, so the changes could not be undone; install it, or pass --allow-no-git"
          : `cannot run git: ${error.message}`;
      fail(new MigrationError(ExitCode.dirtyTree, message, { cause: error }));
    });
    child.on("close", (code) => {
      if (accepted.includes(code ?? -1)) return done({ output: Buffer.concat(output).toString() });
      const why = Buffer.concat(complaint).toString().trim() || `it ended with code ${code}`;
      const message = `git cannot tell whether the files in ${cwd} are committed: ${why}\nMend that, or pass --allow-no-git`;
      fail(new MigrationError(ExitCode.dirtyTree, message));
    });
    // Git may end before it has read everything; its exit code tells.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

function listed(files: readonly string[], cwd: string): string {
  const shown = 10;
  const names = files.slice(0, shown).map((file) => relative(cwd, file));
  return files.length > shown ? `${names.join(", ")} and ${files.length - shown} more` : names.join(", ");
}
