// @ts-check
// Runs other programs and keeps what they print. All of them end when the demonstration is interrupted.

import { spawn } from "node:child_process";

const interruption = new AbortController();

/** Ends every program that runs, and refuses to start more. */
export function interrupt() {
  interruption.abort();
}

export class Interrupted extends Error {
  name = "Interrupted";
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
 */
export function run(program, args, { cwd, env = process.env }) {
  return new Promise((resolve, reject) => {
    if (interruption.signal.aborted) return reject(new Interrupted());
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const stop = () => child.kill();
    interruption.signal.addEventListener("abort", stop);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", (error) => reject(new Error(`cannot start ${program}: ${error.message}`)));
    child.on("close", (code, signal) => {
      interruption.signal.removeEventListener("abort", stop);
      if (interruption.signal.aborted) reject(new Interrupted());
      else resolve({ code: code ?? 128, stdout, stderr: signal ? `${stderr}ended by ${signal}\n` : stderr });
    });
  });
}
