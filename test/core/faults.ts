// What tests of faults share: nothing may be left of a program that failed, neither descriptors nor handles.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "vitest";
import { IoError, type Op } from "trestle";
import { run, type NodeEnv } from "trestle/node";

const workspace = join(import.meta.dirname, "..", "..", "/");
const isLinux = process.platform === "linux";

/** The descriptors of this process that a program can have opened, with what is behind them. */
export function descriptors(): string[] {
  if (!isLinux) return [];
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      // The listing itself has one, and the test runner may be loading something.
      return /^\/proc\/\d+\/fd$/.test(target) || target.startsWith(workspace) ? [] : [`${fd} ${target}`];
    } catch {
      return [];
    }
  });
}

/** What keeps the process running; the timers are the test runner's. */
function handles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate");
}

/** What is in `all`, but for one of each in `some`. */
function without(all: readonly string[], some: readonly string[]): string[] {
  const left = [...all];
  for (const each of some) if (left.includes(each)) left.splice(left.indexOf(each), 1);
  return left;
}

/** Events of closing come in turns that are soon over; this many are enough, however slow the machine is. */
const TURNS = 200;

/** Runs `body` and expects that it leaves nothing behind, however it ends; gives what it gave, or throws what it threw. */
export async function nothingLeftBy<T>(body: () => Promise<T>): Promise<T> {
  const before = { descriptors: new Set(descriptors()), handles: handles() };
  try {
    return await body();
  } finally {
    // What the program waits for is closed now. Handles are taken off the list in a later turn.
    expect(descriptors().filter((each) => !before.descriptors.has(each))).toEqual([]);
    const left = () => without(handles(), before.handles);
    for (let i = 0; i < TURNS && left().length > 0; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(left()).toEqual([]);
  }
}

/** {@link nothingLeftBy} a program. */
export function leavingNothing<T>(main: (env: NodeEnv) => Op<T>): Promise<T> {
  return nothingLeftBy(() => run(main));
}

/** The `IoError` that `op` throws. */
export function* ioErrorOf(op: Op<unknown>): Op<IoError> {
  try {
    yield* op;
  } catch (error) {
    if (error instanceof IoError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** What an error says without the numbers and names that differ each time: its kind, the code of its cause, and its steps. */
export function told(error: IoError): string {
  const { area, kind } = error.err;
  const reason = "reason" in error.err ? ` ${error.err.reason}` : "";
  const { code } = (error.cause ?? {}) as { code?: string };
  return [`${area} ${kind}${reason}`, code ?? "no cause", ...error.context].join(", ");
}

/** What a program of its own has done. */
export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it printed, line by line. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

const IMPORTS = `
import * as fs from "node:fs";
import * as net from "node:net";
import { Cancel, Deferred, ExecutorPool, Fiber, Flow, IoError, IpAddress, Switch, Timeout } from "trestle";
import { run } from "trestle/node";
const loopback = { type: "tcp", ip: IpAddress.v4.loopback, port: 0 };
const told = (error) => [error.err ? error.err.area + " " + error.err.kind : String(error), error.cause?.code, ...error.context ?? []].join(", ");
function* outcomeOf(op) {
  try {
    yield* op;
    return "done";
  } catch (error) {
    return told(error);
  }
}
`;

/**
 * Runs a program of its own, in the workspace, so that the packages resolve as they do for a user. `command` is what a shell runs, where
 * `PROGRAM` stands for Node and the file.
 */
export async function program(body: string, command = "exec PROGRAM"): Promise<Ran> {
  const name = `faults-${process.pid}-${Math.random().toString(36).slice(2)}.mjs`;
  const file = join(import.meta.dirname, "..", name);
  writeFileSync(file, IMPORTS + body);
  try {
    const program = `${JSON.stringify(process.execPath)} ${JSON.stringify(file)}`;
    const child = spawn("bash", ["-c", command.replace("PROGRAM", program)], { stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => text(stream));
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return { code, signal, lines: (await stdout!).split("\n").filter((line) => line !== ""), stderr: await stderr! };
  } finally {
    rmSync(file);
  }
}

/** Whether a shell may do this here: some of it takes privileges. */
export function canRun(command: string): boolean {
  return spawnSync("bash", ["-c", command], { stdio: "ignore" }).status === 0;
}
