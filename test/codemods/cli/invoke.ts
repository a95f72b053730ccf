/** Runs a command line in this process and collects what it prints. */

import { Writable } from "node:stream";
import { runCli, type CliIo, type Engine } from "../../../codemods/cli.js";
import { planMigration } from "./stand-in.js";

export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface InvokeOptions {
  readonly engine?: Partial<Engine>;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly stdin?: CliIo["stdin"];
  /** Sees what is printed on stderr as it comes. */
  readonly onStderr?: (text: string) => void;
  /** Makes both streams look like a terminal. */
  readonly terminal?: boolean;
}

export async function trestle(cwd: string, args: readonly string[], options: InvokeOptions = {}): Promise<Printed> {
  const { engine = {}, env = {}, signal, stdin, onStderr, terminal = false } = options;
  const [stdout, stderr] = [collector(terminal), collector(terminal, onStderr)];
  const io: CliIo = { stdin, stdout: stdout.stream, stderr: stderr.stream, cwd, env, signal };
  const code = await runCli(args, io, { planMigration, ...engine });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collector(isTTY: boolean, onText?: (text: string) => void) {
  const chunks: string[] = [];
  const write = (chunk: Buffer, _encoding: string, done: () => void) => {
    chunks.push(chunk.toString());
    onText?.(chunk.toString());
    done();
  };
  return { stream: Object.assign(new Writable({ write }), { isTTY, columns: 100 }), text: () => chunks.join("") };
}
