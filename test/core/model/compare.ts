// Whether the core does what the model does: the same program on both, undisturbed and with every fault, traces compared line by line.

import { core } from "./library.js";
import { number, play, type Fault, type Program, type Run } from "./program.js";
import { model } from "./reference.js";

type Numbered = ReturnType<typeof number>;

/** How many runs of the core have been compared so far. */
export const compared = { programs: 0, cancellations: 0, throws: 0 };

/** What is wrong with `program`, in words, or undefined. All faults are tried, or only the given one. */
export function defectOf(program: Program, ...only: Fault[]): string | undefined {
  const numbered = number(program);
  for (const fault of only) {
    const defect = check(numbered, fault);
    if (typeof defect === "string") return report(program, fault, defect);
  }
  if (only.length > 0) return undefined;

  compared.programs++;
  const undisturbed = check(numbered, undefined);
  if (typeof undisturbed === "string") return report(program, undefined, undisturbed);
  const differs = repeats(numbered, undisturbed);
  if (differs !== undefined) return report(program, undefined, differs);
  for (let n = 1; n <= undisturbed.suspensions; n++) {
    compared.cancellations++;
    const defect = check(numbered, { cancelAt: n });
    if (typeof defect === "string") return report(program, { cancelAt: n }, defect);
  }
  for (let n = 1; n <= undisturbed.points; n++) {
    compared.throws++;
    const defect = check(numbered, { throwAt: n });
    if (typeof defect === "string") return report(program, { throwAt: n }, defect);
  }
  return undefined;
}

/** A defect, or what the model did. */
function check(numbered: Numbered, fault: Fault): string | Run {
  const expected = play(model, numbered, fault, true);
  const cancels = fault !== undefined && "cancelAt" in fault;
  const actual = play(core, numbered, fault, cancels);
  const defect = difference(expected, actual) ?? leftBehind(actual);
  return defect ?? expected;
}

/** SC-19, and that the core suspends as often as the model does: injections count suspensions. */
function repeats(numbered: Numbered, expected: Run): string | undefined {
  const again = play(core, numbered, undefined, true);
  const differs = difference(expected, again);
  if (differs !== undefined) return `a second run of the core is another one (SC-19):\n${differs}`;
  if (again.suspensions !== expected.suspensions)
    return `the core suspends ${again.suspensions} times, the model ${expected.suspensions} times`;
  return undefined;
}

function difference(expected: Run, actual: Run): string | undefined {
  const wanted = [...expected.trace, expected.outcome];
  const got = [...actual.trace, actual.outcome];
  const at = wanted.findIndex((line, i) => line !== got[i]);
  if (at < 0 && wanted.length === got.length) return undefined;
  const from = at < 0 ? wanted.length : at;
  return [
    ...wanted.slice(0, from).map((line) => `    ${line}`),
    ...wanted.slice(from).map((line) => `  - ${line}`),
    ...got.slice(from).map((line) => `  + ${line}`),
  ].join("\n");
}

/** What a run of the core must leave as it was, whatever happened; a dead-lock excepted, which leaves all as it is. */
function leftBehind(run: Run): string | undefined {
  const { world, outcome } = run;
  if (outcome.startsWith("! DeadlockDetected")) return undefined;
  const left: string[] = [];
  if (world.open !== 0) left.push(`${world.open} nodes have not ended`);
  if (world.unreleased !== 0) left.push(`${world.unreleased} release handlers more were registered than run`);
  if (world.tree !== undefined) left.push(`fibers or contexts are left: ${world.tree}`);
  if (world.contexts.some((context) => !context.isFinished)) left.push("a context has not finished");
  if (world.sleepers) left.push("a timer is left");
  world.semaphores.forEach((semaphore, initial) => {
    const permits = initial + world.balance[initial]!;
    if (semaphore.getValue() !== permits)
      left.push(`semaphore ${initial} has ${semaphore.getValue()} permits instead of ${permits}`);
    if (waiters(semaphore, "queue")) left.push(`a waiter is left in semaphore ${initial}`);
  });
  world.streams.forEach((stream, capacity) => {
    if (waiters(stream, "readerQueue") || waiters(stream, "writerQueue"))
      left.push(`a waiter is left in the stream of ${capacity}`);
  });
  for (const [kind, list] of Object.entries({
    mutex: world.mutexes,
    condition: world.conditions,
    "lazy value": world.lazies,
    pool: world.pools,
  }))
    if (list.some((primitive) => waiters(primitive, "queue"))) left.push(`a waiter is left in a ${kind}`);
  world.cells.forEach(([cell], n) => {
    if (!cell.isResolved() && waiters(cell, "queue")) left.push(`a waiter is left in cell ${n}`);
  });
  return left.length > 0 ? [...run.trace.map((line) => `    ${line}`), outcome, ...left].join("\n") : undefined;
}

function waiters(primitive: object, property: string): boolean {
  const queue = (primitive as Record<string, { isEmpty?: unknown } | undefined>)[property];
  if (typeof queue?.isEmpty !== "boolean") throw new Error(`${property} is no queue: has it been renamed?`);
  return !queue.isEmpty;
}

/** A report that ends with a test to be pasted. */
function report(program: Program, fault: Fault, defect: string): string {
  const args = [program, ...(fault ? [fault] : [])].map((part) => JSON.stringify(part).replaceAll("null", "Infinity"));
  return `${defect}\n\n  it("...", () => same(${args.join(", ")}));\n`;
}

/** Throws what is wrong with `program`. */
export function same(program: Program, ...only: Fault[]): void {
  const defect = defectOf(program, ...only);
  if (defect !== undefined) throw new Error(`the core (+) does not do what the model (-) does\n${defect}`);
}

/** Smaller programs, the smallest first: a part in place of the whole, a part left out, a smaller number. */
function* smaller(node: Program): Generator<Program> {
  const parts = node as readonly unknown[];
  yield ["note"];
  for (const part of parts) if (isNode(part)) yield part;
  for (const [i, part] of parts.entries()) {
    const replaced = (by: unknown) => [...parts.slice(0, i), by, ...parts.slice(i + 1)] as unknown as Program;
    if (typeof part === "number") {
      if (part !== 0) yield replaced(0);
      if (part > 1) yield replaced(1);
      if (part > 2 && part < Infinity) yield replaced(part - 1);
    } else if (isNode(part)) {
      for (const less of smaller(part)) yield replaced(less);
    } else if (Array.isArray(part)) {
      const list = part as Program[];
      for (const item of list) yield item;
      if (list.length > 1) for (const [j] of list.entries()) yield replaced(list.filter((_, k) => k !== j));
      for (const [j, item] of list.entries())
        for (const less of smaller(item)) yield replaced(list.map((other, k) => (k === j ? less : other)));
    }
  }
}

const isNode = (part: unknown): part is Program => Array.isArray(part) && typeof part[0] === "string";

/** The smallest program to be found from `program` on that still has a defect. */
export function shrink(program: Program): Program {
  for (;;) {
    const less = [...smaller(program)].find(
      (candidate) => size(candidate) < size(program) && defectOf(candidate) !== undefined,
    );
    if (!less) return program;
    program = less;
  }
}

/** Length, with numbers counting too, so that shrinking comes to an end. */
const size = (program: Program) =>
  JSON.stringify(program).replaceAll(/\d+/g, (digits) => "x".repeat(1 + Number(digits))).length;
