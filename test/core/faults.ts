// What tests of faults share: nothing may be left of a program that failed, neither descriptors nor handles.

import { readdirSync, readlinkSync } from "node:fs";
import { expect } from "vitest";
import { IoError, type Op } from "trestle";
import { run, type NodeEnv } from "trestle/node";

const isLinux = process.platform === "linux";

/** The descriptors of this process that a program can have opened, with what is behind them. */
export function descriptors(): string[] {
  if (!isLinux) return [];
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      // The listing itself has one.
      return /^\/proc\/\d+\/fd$/.test(target) ? [] : [`${fd} ${target}`];
    } catch {
      return [];
    }
  });
}

/** What keeps the process running; the timers are the test runner's. */
function handles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name !== "Timeout" && name !== "Immediate")
    .sort();
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
    for (let i = 0; i < TURNS && String(handles()) !== String(before.handles); i++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(handles()).toEqual(before.handles);
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
