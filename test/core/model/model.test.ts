// Random programs, each played on the core and on the model, undisturbed and with a fault injected at every place where it could be.
//
// TRESTLE_PROGRAMS says how many (they are counted without the injections), TRESTLE_SEED repeats a run. A program that finds a defect is
// made smaller and printed as a line for `found.test.ts`.

import fc from "fast-check";
import { expect, it } from "vitest";
import { macrotask, processorTime, setting } from "../../platform.js";
import { compared, defectOf, shrink } from "./compare.js";
import { programs } from "./generate.js";
import { core } from "./library.js";
import { number, play } from "./program.js";

const PROGRAMS = Number(setting("TRESTLE_PROGRAMS") ?? 5_000);
const SEED = Number(setting("TRESTLE_SEED") ?? Math.floor(Math.random() * 2 ** 31));

/** Programs between two looks at the event loop: the test runner wants to hear of us. */
const CHUNK = 500;

it("PT-03 PT-07 SC-19 random programs do on the core what they do on the model, whatever is cancelled or thrown, and leave nothing behind", async () => {
  const start = processorTime();
  for (let done = 0; done < PROGRAMS; done += CHUNK) {
    const found = fc.check(
      fc.property(programs, (program) => defectOf(program) === undefined),
      { numRuns: Math.min(CHUNK, PROGRAMS - done), seed: SEED + done, endOnFailure: true },
    );
    if (found.failed) {
      const smallest = shrink(found.counterexample![0]);
      throw new Error(
        `TRESTLE_SEED=${SEED + done}: the core (+) does not do what the model (-) does\n${defectOf(smallest)}`,
      );
    }
    await macrotask();
  }
  const milliseconds = processorTime() - start;
  const { cancellations, throws } = compared;
  console.log(
    `${PROGRAMS} programs, and again with ${cancellations} cancellations and ${throws} throws injected, ` +
      `in ${Math.round(milliseconds / 1_000)} s of processor time; TRESTLE_PROGRAMS=${PROGRAMS} TRESTLE_SEED=${SEED}`,
  );
}, 3_600_000);

it("the programs come to every operation, and see each both succeed and fail", () => {
  const ends = new Map<string, { ok: number; failed: number }>();
  for (const program of fc.sample(programs, { numRuns: 8000, seed: 1 })) {
    for (const line of play(core, number(program), undefined, false).trace) {
      const match = /^f\d+ \d+ (\w+) ([=!])/.exec(line);
      if (!match) continue;
      const end = ends.get(match[1]!) ?? { ok: 0, failed: 0 };
      ends.set(match[1]!, end);
      if (match[2] === "=") end.ok++;
      else end.failed++;
    }
  }
  const never = (which: "ok" | "failed", than: readonly string[]) =>
    [...ends].filter(([op, end]) => !than.includes(op) && end[which] === 0).map(([op]) => op);
  expect([...ends.keys()].sort()).toEqual([...OPERATIONS].sort());
  expect(never("ok", ["throw", "awaitCancel"])).toEqual([]);
  expect(never("failed", ONLY_SUCCEED)).toEqual([]);
});

const ONLY_SUCCEED =
  "note isCancelled resolve tryResolve release tryAcquire tryAdd tryTake close unlock tryLock broadcast lazy pool cancel cancelOwn fail state removeHook get isResolved".split(
    " ",
  );

const OPERATIONS = [
  ...ONLY_SUCCEED,
  ..."check rethrow throw yield awaitCancel sleep await acquire add take next lock awaitWith awaitNoMutex force outcome outcomeOrThrow".split(
    " ",
  ),
  ..."seq catch finally lifted sub protect switch protectedSwitch use useRo useRw useRwProtected loop usePool useExtra bind unbind timeout timeoutResult".split(
    " ",
  ),
  ..."both pair first firstJoined all any anyJoined nAny map filter filterMap forEach".split(" "),
  ..."fork daemon promise onRelease hook".split(" "),
];
