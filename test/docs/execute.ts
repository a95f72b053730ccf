/**
 * Runs the programs made of documentation against the sources, in a folder of their own, and in a time that goes on by itself: whenever
 * nothing else can happen the next timer is due.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as macrotask } from "node:timers/promises";
import { runInThisContext } from "node:vm";
import { vi } from "vitest";
import { captureAllForkSites } from "../../core/engine/fork-site.js";
import { Checks } from "./checks.js";
import type { Program } from "./claims.js";

type Test = () => unknown;

/** The checks of a program, and what its imports give. */
class Docs extends Checks {
  private readonly tests: Test[] = [];

  async load(name: string): Promise<unknown> {
    // A test runner inside ours: its tests run one after another, behind the program.
    if (name === "node:test") return { test: (_title: string, body: Test) => void this.tests.push(body) };
    return import(name);
  }

  async runTests(): Promise<void> {
    for (const test of this.tests) await test();
  }
}

/** How a program is run. */
export interface Execution {
  /** Given the program and its first arguments, starts it; by default it is an async function without further parameters. */
  readonly start?: (main: (...all: unknown[]) => unknown, docs: readonly unknown[]) => unknown;
  /** How long a claim in a callback may take to be reached, in milliseconds of the real time. */
  readonly patience?: number;
  /** For programs that wait for more than timers: the time is the real one. */
  readonly realTime?: boolean;
}

/** What the program may be doing meanwhile takes no more turns than this. */
const TURNS = 4;

/** How often the time of what a program has left running goes on, times its turns. */
const LEFTOVERS = 400;

async function sleepUntil(met: () => boolean, execution: Execution): Promise<void> {
  while (!met()) {
    for (let turn = 0; turn < TURNS && !met(); turn++) await macrotask();
    if (!execution.realTime && !met()) vi.advanceTimersToNextTimer();
  }
}

/**
 * Runs a program.
 *
 * @throws what it throws
 */
export async function execute(program: Program, execution: Execution = {}): Promise<Checks> {
  const { start = (main, docs) => main(...docs), patience = 5000, realTime = false } = execution;
  const docs = new Docs(program.lines);
  const print = docs.print.bind(docs);
  const quiet = { log: print, info: print, warn: print, error: print };
  const main = runInThisContext(program.code) as (...all: unknown[]) => unknown;
  const now = performance.now.bind(performance);
  const outside = process.cwd();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-docs-")));
  process.chdir(folder);
  // What pages show of reports is whole, however much was forked before.
  captureAllForkSites(true);
  if (!realTime) vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  try {
    let running = true;
    const ended = (async () => {
      try {
        await start(main, [docs, quiet]);
        await docs.runTests();
      } finally {
        running = false;
      }
    })();
    await Promise.all([ended, sleepUntil(() => !running, execution)]);
    const end = now() + patience;
    await sleepUntil(() => docs.allReached || now() > end, execution);
    // What the program has left running ends in its own time, not in that of the next one.
    let left = LEFTOVERS;
    await sleepUntil(() => realTime || vi.getTimerCount() === 0 || left-- < 0, execution);
  } finally {
    captureAllForkSites(false);
    vi.useRealTimers();
    process.chdir(outside);
    rmSync(folder, { recursive: true, force: true });
  }
  return docs;
}
