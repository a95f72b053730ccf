/** Projects in a temporary folder, what is in them to the last bit, and git repositories around them. */

import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

export type Files = Readonly<Record<string, string | Buffer>>;

/** Removed when the test ends. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-cli-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeFiles(root: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** A small project that the stand-in has something to do in. */
export const smallProject: Files = {
  "tsconfig.json": "{}\n",
  "package.json": '{\n  "name": "small",\n  "dependencies": {\n    "zod": "^4.0.0"\n  }\n}\n',
  "src/load.ts":
    "export async function load(): Promise<number> {\n  return await read();\n}\nasync function read() {\n  return 1;\n}\n",
  "src/main.ts":
    'import { load } from "./load.js";\n\nexport async function main(): Promise<void> {\n  console.log(await load());\n}\n',
  "src/foreign.ts": "export async function foreign() { /* keep */ }\n",
  "src/plain.ts": "export const plain = 1;\n",
};

export function project(files: Files = smallProject): string {
  const root = temporaryFolder();
  writeFiles(root, files);
  return root;
}

export function git(cwd: string, ...args: string[]): string {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
  return execFileSync("git", [...identity, ...args], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export function commitAll(root: string): void {
  git(root, "init", "--quiet");
  git(root, "add", "--all");
  git(root, "commit", "--quiet", "--message", "first");
}

export function committedProject(files: Files = smallProject): string {
  const root = project(files);
  commitAll(root);
  return root;
}

/** Every file and link below a folder, except in `.git` and among the kept runs: its mode, time and content. */
export function snapshot(root: string): Record<string, string> {
  return describeTree(root, true);
}

/** The same without the times. */
export function contents(root: string): Record<string, string> {
  return describeTree(root, false);
}

const isKept = (name: string): boolean => name === "runs" || name === ".gitignore";

function describeTree(root: string, withTimes: boolean): Record<string, string> {
  const tree: Record<string, string> = {};
  const visit = (folder: string): void => {
    for (const name of readdirSync(join(root, folder)).sort()) {
      const path = join(folder, name);
      if (path === ".git" || path === ".trestle/runs" || path === ".trestle/.gitignore") continue;
      const stats = lstatSync(join(root, path), { bigint: true });
      if (path === ".trestle" && stats.isDirectory() && readdirSync(join(root, path)).every(isKept)) continue;
      const time = withTimes && !stats.isDirectory() ? ` ${stats.mtimeNs}` : "";
      const mode = (stats.mode & 0o7777n).toString(8);
      if (stats.isSymbolicLink()) tree[path] = `link${time} ${readlinkSync(join(root, path))}`;
      else if (stats.isDirectory()) {
        tree[path] = `folder ${mode}`;
        visit(path);
      } else tree[path] = `file ${mode}${time} ${readFileSync(join(root, path), "latin1")}`;
    }
  };
  visit("");
  return tree;
}
