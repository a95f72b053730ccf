/** Runs the command that proves a migration, such as the project's own tests, and judges by its exit code. */

import { spawn, type ChildProcess } from "node:child_process";
import { secondsBetween } from "./seconds.js";

export interface CommandOutcome {
  readonly green: boolean;
  /** In words: how it ended. */
  readonly ending: string;
  /** The end of what it printed, on both streams. */
  readonly output: string;
  readonly seconds: number;
}

export interface CommandOptions {
  readonly cwd: string;
  /** Ends the command and everything it started; the outcome is then an error. */
  readonly signal?: AbortSignal | undefined;
  /** Seconds after which a command that goes on counts as failed: a migrated program may wait for ever. */
  readonly limit?: number | undefined;
}

/** As much of the output as is worth showing. */
const keptCharacters = 8000;

/** @throws what the signal was aborted with */
export async function runCommand(command: string, options: CommandOptions): Promise<CommandOutcome> {
  const { cwd, signal, limit } = options;
  signal?.throwIfAborted();
  const start = performance.now();
  const ownGroup = process.platform !== "win32";
  const child = spawn(command, { cwd, shell: true, stdio: ["ignore", "pipe", "pipe"], detached: ownGroup });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-keptCharacters);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);

  let tooLate = false;
  const end = (): void => endAll(child, ownGroup);
  const timer =
    limit === undefined
      ? undefined
      : setTimeout(() => {
          tooLate = true;
          end();
        }, limit * 1000);
  signal?.addEventListener("abort", end, { once: true });
  try {
    const ending = await new Promise<{ code: number | null; how: string }>((done) => {
      child.on("error", (error) => done({ code: null, how: `could not be started: ${error.message}` }));
      child.on("close", (code, by) =>
        done({ code, how: code === null ? `was ended by ${by}` : `ended with exit code ${code}` }),
      );
    });
    signal?.throwIfAborted();
    return {
      green: ending.code === 0,
      ending: tooLate ? `did not end within ${limit} seconds` : ending.how,
      output,
      seconds: secondsBetween(start, performance.now()),
    };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

function endAll(child: ChildProcess, ownGroup: boolean): void {
  if (child.pid === undefined) return;
  try {
    if (ownGroup) process.kill(-child.pid, "SIGKILL");
    else child.kill();
  } catch {
    // It has ended by itself.
  }
}
