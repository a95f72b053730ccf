/** `trestle doctor`: whether a migration could work here, and what would help it. Never writes. */

import { existsSync } from "node:fs";
import { loadConfig } from "../config.js";
import type { Finding } from "../environment.js";
import { ExitCode, MigrationError } from "../failure.js";
import { changedSince } from "../git.js";
import { findJournalRoot, journalPath } from "../journal.js";
import { paintFor, type Style } from "../terminal.js";
import type { Invocation } from "./invocation.js";

export interface DoctorOptions {
  readonly project?: string | undefined;
}

export async function doctor({ io }: Invocation, { project }: DoctorOptions): Promise<ExitCode> {
  const { examine } = await import("../environment.js");
  const config = await configuration(io.cwd);
  const findings = [
    { level: "ok" as const, text: `Node ${process.versions.node}` },
    ...config.findings,
    ...interrupted(io.cwd),
    await repository(io.cwd),
    ...examine({ cwd: io.cwd, paths: [], project: project ?? config.project }),
  ];
  const paint = paintFor(io.stdout, io.env);
  for (const { level, text } of findings) {
    io.stdout.write(`${paint(styles[level], level.padEnd(4))}  ${text.replaceAll("\n", "\n      ")}\n`);
  }
  return findings.some(({ level }) => level === "fail") ? ExitCode.workRemains : ExitCode.ok;
}

const styles: Record<Finding["level"], Style> = { ok: "green", warn: "cyan", fail: "red" };

async function configuration(cwd: string): Promise<{ findings: Finding[]; project?: string | undefined }> {
  try {
    const found = await loadConfig(cwd);
    if (found === undefined) return { findings: [] };
    return { findings: [{ level: "ok", text: `configuration ${found.path}` }], project: found.config.project };
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    return { findings: [{ level: "fail", text: error.message }] };
  }
}

function interrupted(cwd: string): Finding[] {
  const root = findJournalRoot([cwd]);
  if (root === undefined || !existsSync(journalPath(root))) return [];
  return [{ level: "fail", text: `a run was interrupted while it wrote to ${root}; run \`trestle recover\` there` }];
}

async function repository(cwd: string): Promise<Finding> {
  try {
    const { length } = await changedSince("HEAD", cwd);
    if (length === 0) return { level: "ok", text: "git, and everything is committed" };
    return {
      level: "warn",
      text: `git has ${length} uncommitted file${length === 1 ? "" : "s"}; commit before you migrate`,
    };
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    return {
      level: "warn",
      text: "no commit of a git repository holds the project; --write needs one, or --allow-no-git",
    };
  }
}
