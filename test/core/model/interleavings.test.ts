// Up to three fibers at one primitive, in every order in which their steps and their cancellations can come; each order is a program, and
// the core must do with it what the model does.
//
// A fiber waits at a gate before each step; a controller opens gates and cancels fibers. Between two of its actions it either lets
// everything run until nothing moves, or goes on at once, so that a cancellation meets wake-ups that are still in the queue.

import { afterAll, describe, it } from "vitest";
import { defectOf } from "./compare.js";
import type { Program } from "./program.js";

/** The wait at a fiber's n-th gate. */
type Gate = (n: number) => Program;

/** What the fibers do, given their gates; `count` is how many gates they have. */
interface Fibers {
  readonly count: number;
  readonly gates: number;
  readonly body: (gate: Gate) => Program;
}

/** Something that the controller does, once all of `after` has been done. */
interface Action {
  readonly program: Program;
  readonly after: readonly Action[];
}

const FIRST_GATE = 10;
/** The root and the switch of the program come first. */
const FIRST_CONTEXT = 2;

const seq = (...steps: Program[]): Program => ["seq", steps];
const RUN_ALL: Program = ["sleep", 1];

function scenario(groups: readonly Fibers[], others: readonly Program[], cancelled: readonly number[]) {
  const fibers: Program[] = [];
  const actions: Action[] = others.map((program) => ({ program, after: [] }));
  let next = FIRST_GATE;
  for (const group of groups) {
    // Fibers that are all the same take their first step in order: other orders are the same one under other names.
    let arrival: readonly Action[] = [];
    for (let i = 0; i < group.count; i++) {
      const gates = Array.from({ length: group.gates }, () => next++);
      fibers.push(["catch", ["sub", group.body((n) => ["await", gates[n]!])], ["note"]]);
      let after = arrival;
      for (const gate of gates) {
        const action: Action = { program: ["tryResolve", gate], after };
        actions.push(action);
        after = [action];
        if (gate === gates[0]) arrival = after;
      }
    }
  }
  for (const i of cancelled) actions.push({ program: ["cancel", FIRST_CONTEXT + i, i], after: [] });
  return { fibers, actions };
}

function* ordersOf(actions: readonly Action[], done: readonly Action[] = []): Generator<readonly Action[]> {
  if (done.length === actions.length) yield done;
  for (const action of actions) {
    if (done.includes(action) || !action.after.every((earlier) => done.includes(earlier))) continue;
    yield* ordersOf(actions, [...done, action]);
  }
}

/**
 * When to run everything, after each of `count` actions: in all ways while they are few; for more, after each action but in one window
 * of two or three, wherever it is, or not at all.
 */
function* pausesOf(count: number): Generator<readonly boolean[]> {
  const places = Array.from({ length: count }, (_, i) => i);
  if (count <= 5) {
    for (let bits = 0; bits < 2 ** (count - 1); bits++) yield places.map((i) => (bits & (1 << i)) !== 0);
    return;
  }
  yield places.map(() => true);
  yield places.map(() => false);
  for (const window of count < 7 ? [2, 3] : [2])
    for (const start of places.slice(0, 1 - window)) yield places.map((i) => i < start || i >= start + window - 1);
}

let tried = 0;

function explore(
  groups: readonly Fibers[],
  others: readonly Program[],
  cancelled: readonly number[],
  before: Program,
): void {
  const { fibers, actions } = scenario(groups, others, cancelled);
  for (const order of ordersOf(actions)) {
    for (const pause of pausesOf(order.length)) {
      const controller = seq(...order.flatMap(({ program }, i) => (pause[i] ? [program, RUN_ALL] : [program])));
      const defect = defectOf(seq(before, ["all", [...fibers, controller]]), undefined);
      if (defect !== undefined) throw new Error(`the core (+) does not do what the model (-) does\n${defect}`);
      tried++;
    }
  }
}

const group = (count: number, gates: number, body: Fibers["body"]): Fibers[] => [{ count, gates, body }];

/** Whom to cancel: nobody, one, two or all of `count`. */
const subsets = (count: number) =>
  Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, i) => i).filter((i) => bits & (1 << i)),
  );

/** Explores with at most `most` fibers cancelled, each time after `before`. */
function exploreAll(
  groups: readonly Fibers[],
  others: readonly Program[],
  most: number,
  before: Program = ["note"],
): void {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  for (const cancelled of subsets(count)) if (cancelled.length <= most) explore(groups, others, cancelled, before);
}

afterAll(() => console.log(`${tried} orders of steps and cancellations`));

describe("every order of steps and cancellations", () => {
  it("PT-10 PR-03 PR-08 PR-11 Deferred: three fibers wait for a cell, it is resolved, any of them are cancelled", () => {
    const waiter = (gate: Gate) => seq(gate(0), ["await", 0]);
    exploreAll(group(3, 1, waiter), [["tryResolve", 0]], 3);
  });

  it("PT-10 SM-07 SM-08 SM-10 Semaphore: fibers take the one permit and give it back, any of them are cancelled", () => {
    const user = (gate: Gate) => seq(gate(0), ["use", 1, gate(1)]);
    exploreAll(group(3, 2, user), [], 1);
    exploreAll(group(2, 2, user), [], 2);
  });

  it("PT-10 SM-03 SM-04 SM-08 Semaphore: fibers acquire what others release, any of them are cancelled", () => {
    const taker = (gate: Gate) => seq(gate(0), ["acquire", 0]);
    const release: Program = ["release", 0];
    exploreAll(group(3, 1, taker), [seq(release, release)], 3);
    exploreAll(group(3, 1, taker), [release, release], 1);
  });

  it("PT-04 PT-10 ST-14 ST-18 ST-23 Stream of 0: fibers add and take, any of them are cancelled", () => {
    const writer = (gate: Gate) => seq(gate(0), ["add", 0]);
    const reader = (gate: Gate) => seq(gate(0), ["take", 0]);
    exploreAll([...group(2, 1, writer), ...group(1, 1, reader)], [["tryTake", 0]], 1);
    exploreAll([...group(1, 1, writer), ...group(2, 1, reader)], [["tryAdd", 0]], 1);
    exploreAll([...group(2, 1, writer), ...group(1, 1, reader)], [], 3);
    exploreAll([...group(1, 1, writer), ...group(2, 1, reader)], [], 3);
  });

  it("PT-10 ST-04 ST-06 ST-07 ST-08 ST-09 Stream of 1: fibers add and take twice, any of them are cancelled", () => {
    const writer = (gate: Gate) => seq(gate(0), ["add", 1], gate(1), ["add", 1]);
    const reader = (gate: Gate) => seq(gate(0), ["take", 1], gate(1), ["take", 1]);
    exploreAll([...group(2, 2, writer), ...group(1, 2, reader)], [], 1);
    exploreAll([...group(1, 2, writer), ...group(2, 2, reader)], [], 1);
    exploreAll([...group(1, 2, writer), ...group(1, 2, reader)], [], 2);
  });

  it("PT-10 ST-20 ST-21 ST-22 Stream of 0 and 1: it is closed while fibers add and take, any of them are cancelled", () => {
    for (const capacity of [0, 1]) {
      const writer = (gate: Gate) => seq(gate(0), ["add", capacity]);
      const reader = (gate: Gate) => seq(gate(0), ["take", capacity]);
      const close: Program = ["close", capacity];
      exploreAll([...group(2, 1, writer), ...group(1, 1, reader)], [close], 1);
      exploreAll([...group(1, 1, writer), ...group(2, 1, reader)], [close], 1);
    }
  });

  it("PT-10 MX-03 MX-06 MX-07 Mutex: fibers lock and unlock, any of them are cancelled", () => {
    const user = (gate: Gate) => seq(gate(0), ["lock", 0], ["finally", gate(1), ["unlock", 0]]);
    exploreAll(group(3, 2, user), [["tryLock", 0]], 0);
    exploreAll(group(3, 2, user), [], 1);
    exploreAll(group(2, 2, user), [], 2);
  });

  it("PT-10 MX-12 MX-13 MX-14 MX-15 MX-16 Mutex: fibers use it, one fails, any of them are cancelled", () => {
    for (const use of ["useRo", "useRw", "useRwProtected"] as const) {
      const user = (gate: Gate): Program => seq(gate(0), [use, 0, gate(1)]);
      const failing = (gate: Gate): Program => seq(gate(0), [use, 0, seq(gate(1), ["throw", 1])]);
      exploreAll([...group(2, 2, user), ...group(1, 1, failing)], [], 1);
      exploreAll([...group(1, 2, user), ...group(1, 2, failing)], [], 2);
    }
  });

  it("PT-10 CD-01 CD-02 CD-08 Condition: fibers wait without a mutex, it is broadcast twice, any of them are cancelled", () => {
    const waiter = (gate: Gate) => seq(gate(0), ["awaitNoMutex", 0]);
    exploreAll(group(3, 1, waiter), [["broadcast", 0]], 3);
    exploreAll(
      group(3, 1, waiter),
      [
        ["broadcast", 0],
        ["broadcast", 0],
      ],
      1,
    );
  });

  it("PT-10 CD-03 CD-04 CD-05 CD-06 Condition: fibers wait with a mutex that another one locks, any of them are cancelled", () => {
    const waiter = (gate: Gate): Program => seq(gate(0), ["useRo", 0, ["awaitWith", 0, 0]]);
    const user = (gate: Gate): Program => seq(gate(0), ["useRo", 0, seq(["broadcast", 0], gate(1))]);
    exploreAll([...group(2, 1, waiter), ...group(1, 2, user)], [], 2);
    exploreAll([...group(1, 1, waiter), ...group(1, 2, user)], [["broadcast", 0]], 2);
  });

  it("PT-10 CD-10 CD-12 CD-13 CD-15 Condition: fibers look again after each broadcast, any of them are cancelled", () => {
    const looking = (gate: Gate): Program => seq(gate(0), ["loop", 0, seq(gate(1), ["isResolved", 0])]);
    const change: Program = ["tryResolve", 0];
    exploreAll(group(2, 2, looking), [seq(change, ["broadcast", 0])], 2);
    exploreAll(group(1, 2, looking), [["broadcast", 0], change, ["broadcast", 0]], 1);
  });

  it("PT-10 LZ-02 LZ-04 LZ-05 LZ-06 Lazy: fibers force it while it is computed, any of them are cancelled", () => {
    for (const mode of [0, 1, 2] as const) {
      for (const fn of [["await", 0], seq(["await", 0], ["throw", 1])] as Program[]) {
        const forcing = (gate: Gate) => seq(gate(0), ["force", 0]);
        exploreAll(group(3, 1, forcing), [["tryResolve", 0]], 2, ["lazy", mode, fn]);
      }
    }
  });

  it("PT-05 PT-10 PL-03 PL-06 PL-10 PL-11 Pool of 1: fibers use it, making an item waits and may fail, any of them are cancelled", () => {
    const using = (gate: Gate) => seq(gate(0), ["usePool", 0, gate(1)]);
    const make: Program = ["await", 0];
    for (const alloc of [["note"], make, seq(make, ["throw", 1])] as Program[]) {
      const pool: Program = ["pool", 1, alloc, ["isCancelled"], ["yield"]];
      exploreAll(group(2, 2, using), [["tryResolve", 0]], 1, pool);
      exploreAll(group(3, 2, using), [], 0, seq(["tryResolve", 0], pool));
    }
    exploreAll(group(3, 2, using), [], 1, ["pool", 1, ["note"], ["isCancelled"], ["yield"]]);
  });
});
