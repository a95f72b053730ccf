/**
 * Stands in for the analysis: plans from the real files of a folder, by plain text replacement. `async function` becomes
 * `function*` unless its line says `keep`. Every function is a group of its own.
 */

import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { PlanRequest } from "../../../codemods/migrate.js";
import { ExitCode, MigrationError } from "../../../codemods/failure.js";
import type { Candidate, FileChange, MigrationPlan } from "../../../codemods/plan.js";

export async function planMigration({
  cwd,
  paths,
  project,
  leave = [],
  onProgress,
}: PlanRequest): Promise<MigrationPlan> {
  const root = project === undefined ? cwd : dirname(resolve(cwd, project));
  const names = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => realpathSync(join(root, name)) === join(root, name))
    .sort();
  if (!names.includes("tsconfig.json")) {
    throw new MigrationError(ExitCode.usage, `no tsconfig.json in ${root}; pass one with -p`);
  }
  const files = names
    .filter((name) => name.endsWith(".ts") && !name.includes("node_modules"))
    .filter((name) => paths.length === 0 || paths.some((path) => join(root, name).startsWith(resolve(cwd, path))));
  const candidates: Candidate[] = [];
  const changes: FileChange[] = [];
  for (const [index, name] of files.entries()) {
    onProgress?.({ phase: "analyse", done: index + 1, total: files.length });
    const path = join(root, name);
    const before = readFileSync(path, "utf8");
    const isLeft = (start: number) => leave.find((place) => place.file === path && place.start === start);
    for (const found of candidatesIn(path, before)) {
      const left = isLeft(found.start);
      const group = found.kind === "function" ? { group: candidates.length } : {};
      candidates.push({ ...found, ...group, ...(left && { disposition: "leave", reasons: [left.reason] }) });
    }
    const rewritten = before.replace(
      /^(.*)async function (?!.*keep)/gm,
      (whole: string, lead: string, offset: number) => (isLeft(offset + lead.length) ? whole : `${lead}function* `),
    );
    const after = rewritten === before ? before : rewritten.replaceAll("await ", "yield* ");
    if (after !== before) changes.push({ path, before, after });
  }
  return {
    root,
    filesScanned: files.length,
    candidates,
    changes,
    packages: changes.length > 0 ? ["trestle"] : [],
    verification: { rounds: 1, demoted: 0 },
  };
}

function candidatesIn(file: string, text: string): Candidate[] {
  return [...text.matchAll(/async function (\w+).*|await \w+/g)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    const column = match.index - text.lastIndexOf("\n", match.index - 1);
    const place = { file, line, column, start: match.index, end: match.index + match[0].length };
    const kept = match[0].includes("keep");
    return match[1] === undefined
      ? { pattern: "CM-A02", kind: "await", name: match[0], ...place, disposition: "rewrite", reasons: [] }
      : {
          pattern: "CM-A01",
          kind: "function",
          name: match[1],
          ...place,
          disposition: kept ? "leave" : "rewrite",
          reasons: kept ? [{ code: "TR1201", message: `${match[1]} is passed to foreign code` }] : [],
        };
  });
}
