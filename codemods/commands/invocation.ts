/** What every command is given: where it runs, where it prints, how it analyses, and how it is interrupted. */

import type { Readable } from "node:stream";
import type { Level, planMigration } from "../migrate.js";
import type { FileSystem } from "../file-system.js";
import type { OutputStream } from "../terminal.js";

/** The outside of the program, as the command line sees it. */
export interface CliIo {
  /** Carries the report and nothing else. */
  readonly stdout: OutputStream;
  /** Carries progress, remarks and failures. */
  readonly stderr: OutputStream;
  /** Where answers come from, if there is somebody to ask. */
  readonly stdin?: (NodeJS.ReadableStream & Readable & { readonly isTTY?: boolean | undefined }) | undefined;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted when the user interrupts. */
  readonly signal?: AbortSignal | undefined;
}

/** The parts that a test may replace. */
export interface Engine {
  readonly planMigration: typeof planMigration;
  readonly fs: FileSystem;
}

export interface Invocation {
  readonly io: CliIo;
  readonly engine: Engine;
}

export const formats = ["text", "json", "sarif", "html", "md"] as const;

export type Format = (typeof formats)[number];

/** Options that `scan` and `migrate` share. */
export interface ReadingOptions {
  readonly project?: string | undefined;
  /** `text` by default; files of `output` are written as their names say, unless this is given. */
  readonly format?: Format | undefined;
  readonly output?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly symbol?: readonly string[] | undefined;
  readonly level?: Level | undefined;
  readonly since?: string | undefined;
  readonly batchSize?: number | undefined;
  readonly allowBaselineErrors: boolean;
  readonly quiet: boolean;
  readonly verbose?: boolean | undefined;
}

export interface ScanOptions extends ReadingOptions {
  /** Fail if work remains, or, with `min`, if less than that share of functions is direct style. */
  readonly check: boolean;
  /** From 0 to 1. */
  readonly min?: number | undefined;
}

export interface MigrateOptions extends ReadingOptions {
  readonly batch?: number | undefined;
  readonly interactive?: boolean | undefined;
  readonly write: boolean;
  /** A shell command that must succeed with the changes. */
  readonly verify?: string | undefined;
  readonly allowDirty: boolean;
  readonly allowNoGit: boolean;
}

/** A remark for the user, which is not part of the report. */
export function remark({ io }: Invocation, { quiet }: Pick<ReadingOptions, "quiet">, text: string): void {
  if (!quiet) io.stderr.write(`trestle: ${text}\n`);
}
