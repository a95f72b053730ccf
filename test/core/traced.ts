// Runs a body in the mock world and gives back the lines that it traced.

import { type Op } from "trestle";
import { run, type MockEnv } from "trestle/mock";

export function tracedBy(body: (env: MockEnv) => Op<unknown>): string[] {
  const lines: string[] = [];
  run(body, { traceln: (message) => void lines.push(...message.split("\n")) });
  return lines;
}
