// Runs a body in the mock world and gives back what it noted, in order: tests of scheduling compare transcripts.

import { Fiber, type Op } from "trestle";
import { run, type MockEnv } from "trestle/mock";

export type Note = (line: string) => void;

export function transcript(body: (note: Note, env: MockEnv) => Op<unknown>): string[] {
  const lines: string[] = [];
  run(function* (env) {
    try {
      yield* body((line) => void lines.push(line), env);
    } catch (error) {
      lines.push(`threw ${String(error)}`);
    }
  });
  return lines;
}

/** Notes `name1`, yields, notes `name2`, and so on. */
export function* steps(note: Note, name: string, count: number): Op<void> {
  for (let i = 1; i <= count; i++) {
    if (i > 1) yield* Fiber.yield();
    note(`${name}${i}`);
  }
}

/** What `body` throws. */
export function thrownBy(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** What `op` throws, as text. */
export function* failureOf(op: Op<unknown>): Op<string> {
  try {
    yield* op;
    return "nothing was thrown";
  } catch (error) {
    return String(error);
  }
}
