/** What a process of `npm run programs` does: see programs.js. It is given its part of the work as JSON. */
import * as fc from "fast-check";
import { compareBatch, comparePrograms, kinds, type Batch, type Outcome } from "./compare-programs.js";
import { program, type Size } from "./random-program.js";

/** The seeds from `from` up, every `step`-th of them, until `count` programs have been compared. */
interface Work {
  readonly from: number;
  readonly step: number;
  readonly count: number;
  readonly batch: number;
  readonly borders: number;
  readonly size: Size;
  readonly shrink: boolean;
}

const work = JSON.parse(process.argv[2] ?? "{}") as Work;

let left = work.count;
for (let seed = work.from; left > 0; seed += work.step) {
  const kind = kinds[seed % kinds.length] ?? "sequential";
  const count = Math.max(1, Math.min(work.batch, Math.ceil(left / work.borders)));
  const batch: Batch = { kind, size: work.size, seed, count, borders: work.borders };
  const outcome = await compareBatch(batch);
  left -= Math.max(1, outcome.compared);
  const { compared, functions, converted, broken } = outcome;
  for (const { text, index } of outcome.differences) {
    const smaller = work.shrink ? await shrunk(batch, index) : undefined;
    process.stdout.write(`${smaller ?? text}\n${"-".repeat(80)}\n`);
  }
  const line = { seed, compared, functions, converted, broken, differences: outcome.differences.length };
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

/** The smallest program that is still different, as far as it is found in a minute. */
async function shrunk(batch: Batch, index: number): Promise<string | undefined> {
  let last: Outcome["differences"][number] | undefined;
  const property = fc.asyncProperty(program(batch.kind, batch.size), async (one) => {
    const { differences } = await comparePrograms(batch, [one]);
    last = differences[0] ?? last;
    return differences.length === 0;
  });
  const path = String(index);
  await fc.check(property, { seed: batch.seed, path, numRuns: 1, unbiased: true, interruptAfterTimeLimit: 60_000 });
  return last && `Shrunk:\n${last.text}`;
}
