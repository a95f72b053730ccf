/** Runs the programs made of documentation, in a folder of their own, against the sources. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runInThisContext } from "node:vm";
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
  /** How long a claim in a callback may take to be reached, in milliseconds. */
  readonly patience?: number;
}

/**
 * Runs a program.
 *
 * @throws what it throws
 */
export async function execute(program: Program, execution: Execution = {}): Promise<Checks> {
  const { start = (main, docs) => main(...docs), patience = 5000 } = execution;
  const docs = new Docs(program.lines);
  const print = docs.print.bind(docs);
  const quiet = { log: print, info: print, warn: print, error: print };
  const main = runInThisContext(program.code) as (...all: unknown[]) => unknown;
  const outside = process.cwd();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-docs-")));
  process.chdir(folder);
  try {
    await start(main, [docs, quiet]);
    await docs.runTests();
    for (const end = Date.now() + patience; !docs.allReached && Date.now() < end;) await sleep(1);
  } finally {
    process.chdir(outside);
    rmSync(folder, { recursive: true, force: true });
  }
  return docs;
}
