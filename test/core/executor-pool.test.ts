/** ExecutorPool: weighted jobs over several domains, in the mock world, where what happens when is exact. */
import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  ExecutorPool,
  Fiber,
  InvalidArgument,
  Switch,
  traceln,
  type JobTransport,
  type Op,
  type Result,
} from "trestle";
import { MockDomainManager, run, type MockEnv } from "trestle/mock";
import { failureOf } from "./transcript.js";

interface World {
  readonly env: MockEnv;
  readonly domainMgr: MockDomainManager;
  readonly sw: Switch;
  /** Writes a line with the domain and the time in milliseconds. */
  readonly note: (line: string) => void;
  /** A job that takes so long. */
  readonly job: (name: string, ms: number) => () => Op<string>;
}

/** Runs `body` as domain 0, and gives what was noted. */
function transcript(body: (world: World) => Op<unknown>): string[] {
  const lines: string[] = [];
  run(
    (env) =>
      MockDomainManager.run((domainMgr) =>
        Switch.run(function* (sw) {
          const note = (line: string): void => traceln("%s @%s", line, Math.round(env.clock.now() * 1000));
          const job = (name: string, ms: number) =>
            function* (): Op<string> {
              note(`${name} starts`);
              yield* env.clock.sleep(ms / 1000);
              return name;
            };
          yield* body({ env, domainMgr, sw, note, job });
        }),
      ),
    { traceln: (line) => lines.push(line) },
  );
  return lines;
}

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe("ExecutorPool", () => {
  it("EP-01 starts its domains at creation; they do not keep the switch open, and end with it", () => {
    const lines: string[] = [];
    const transport: JobTransport = {
      *open({ sw, name }) {
        lines.push(`open ${name}`);
        yield* sw.onRelease(() => void lines.push(`close ${name}`));
        return { run: () => Fiber.awaitCancel() };
      },
    };
    run(function* () {
      yield* Switch.run(function* (sw) {
        yield* ExecutorPool.create(transport, { sw, domainCount: 2, name: "pool" });
        lines.push("created");
      });
      lines.push("ended");
    });
    expect(lines).toEqual(["open pool 1", "open pool 2", "created", "close pool 1", "close pool 2", "ended"]);
  });

  it("EP-01 EP-06 cancels jobs that are under way when its switch ends, and tells who waits for them", () => {
    const lines = transcript(function* ({ domainMgr, env, note, sw }) {
      const outcome = yield* Switch.run(function* (inner) {
        const pool = yield* ExecutorPool.create(domainMgr, { sw: inner, domainCount: 1 });
        const outcome = yield* Fiber.forkPromise(sw, () =>
          pool.submit(function* () {
            note("starts");
            try {
              yield* Fiber.awaitCancel();
            } finally {
              note("cleans up");
            }
          }),
        );
        yield* env.clock.sleep(0.01);
        return outcome;
      });
      note("the switch has ended");
      const { ok, error } = (yield* outcome.awaitOrThrow()) as { ok: boolean; error: unknown };
      note(`${ok} ${String(error)}`);
    });
    expect(lines).toEqual([
      "[1] starts @0",
      "[1] cleans up @10",
      "[0] the switch has ended @10",
      "[0] false Cancelled: Exit: the other fibers of the switch have ended @10",
    ]);
  });

  it("EP-02 a domain takes jobs while those it is at weigh less than 1; the last one may take it above", () => {
    const lines = transcript(function* ({ domainMgr, sw, job }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      yield* Fiber.forEach(numbers(4), (i) => pool.submitOrThrow(job(String(i), 50), { weight: 0.6 }));
    });
    expect(lines).toEqual(["[1] 1 starts @0", "[1] 2 starts @0", "[1] 3 starts @50", "[1] 4 starts @50"]);
  });

  it("EP-02 counts weights exactly: ten tenths are a whole", () => {
    const lines = transcript(function* ({ domainMgr, sw, job }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      yield* Fiber.forEach(numbers(11), (i) => pool.submitOrThrow(job(String(i), 50), { weight: 0.1 }));
    });
    expect(lines.filter((line) => line.endsWith("@0")).length).toBe(10);
    expect(lines.at(-1)).toBe("[1] 11 starts @50");
  });

  it("EP-03 refuses weights that are not within 0 and 1", () => {
    transcript(function* ({ domainMgr, sw, job }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      for (const weight of [-5, 1.1, NaN, Infinity]) {
        for (const submitted of [
          pool.submit(job("never", 1), { weight }),
          pool.submitOrThrow(job("never", 1), { weight }),
          pool.submitFork(job("never", 1), { sw, weight }),
        ]) {
          expect(yield* failureOf(submitted)).toBe(
            `InvalidArgument: Executor_pool: weight ${weight} not >= 0.0 && <= 1.0`,
          );
        }
      }
      for (const weight of [0, 1]) expect(yield* pool.submitOrThrow(job("a", 1), { weight })).toBe("a");
      expect(yield* failureOf(pool.submit(job("a", 1), { weight: "1" as never }))).toBe(
        'TypeError: ExecutorPool.submit: "options.weight" must be a number, got the string "1"',
      );
    });
  });

  it.each([
    { weight: 1, domains: 2, ends: 150, starts: ["1@0", "2@0", "3@50", "4@50", "5@100"] },
    { weight: 0.5, domains: 1, ends: 150, starts: ["1@0", "2@0", "3@50", "4@50", "5@100"] },
    { weight: 0.5, domains: 2, ends: 100, starts: ["1@0", "2@0", "3@0", "4@0", "5@50"] },
  ])("EP-04 five jobs of 50 ms and weight $weight on $domains take $ends ms, in order of submission", (given) => {
    const lines = transcript(function* ({ domainMgr, sw, job, note }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: given.domains });
      const results = yield* Fiber.map(numbers(5), (i) =>
        pool.submitOrThrow(job(String(i), 50), { weight: given.weight }),
      );
      note(`got ${results.join()}`);
    });
    expect(lines.slice(0, -1).map((line) => line.replace(/^\[\d\] (\d) starts /, "$1"))).toEqual(given.starts);
    expect(lines.at(-1)).toBe(`[0] got 1,2,3,4,5 @${given.ends}`);
  });

  it("EP-05 spreads jobs over the domains", () => {
    const lines = transcript(function* ({ domainMgr, sw, job }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 2 });
      yield* Fiber.forEach(numbers(4), (i) => pool.submitOrThrow(job(String(i), 50), { weight: 0.25 }));
    });
    expect(lines).toEqual(["[1] 1 starts @0", "[2] 2 starts @0", "[1] 3 starts @0", "[2] 4 starts @0"]);
  });

  it("EP-06 a job that fails harms neither its domain nor other jobs", () => {
    const outcomes: unknown[] = [];
    transcript(function* ({ domainMgr, sw, job }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      const failure = new Error("simulated");
      const fail = function* (): Op<never> {
        yield* Fiber.yield();
        throw failure;
      };
      const [other, failed] = yield* Fiber.pair(
        () => pool.submit(job("other", 50), { weight: 0.5 }),
        () => pool.submit(fail, { weight: 0.5 }),
      );
      outcomes.push(other, failed, yield* pool.submit(job("next", 10)));
      expect((failed as { error: unknown }).error).toBe(failure);
    });
    expect(outcomes).toEqual([
      { ok: true, value: "other" },
      { ok: false, error: new Error("simulated") },
      { ok: true, value: "next" },
    ]);
  });

  it("EP-07 submitOrThrow throws what the job throws; a list of them stops, and what was not accepted never starts", () => {
    const lines = transcript(function* ({ domainMgr, sw, job, note }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      const failure = new Error("simulated");
      const fail = function* (): Op<never> {
        note("fails");
        throw failure;
      };
      const work = function* (): Op<unknown> {
        return yield* Fiber.map(numbers(4), (i) => pool.submitOrThrow(i === 2 ? fail : job(String(i), 50)));
      };
      expect(yield* failureOf(work())).toBe("Error: simulated");
      yield* pool.submitExn(job("later", 10));
    });
    expect(lines).toEqual(["[1] 1 starts @0", "[1] fails @50", "[1] later starts @50"]);
  });

  it("EP-08 submitFork returns at once, although the queue has no room", () => {
    const lines = transcript(function* ({ domainMgr, sw, job, note }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      const cells = [];
      for (const i of numbers(3)) cells.push(yield* pool.submitFork(job(String(i), 50), { sw, weight: 1 }));
      note("submitted");
      for (const cell of cells) note(yield* cell.awaitOrThrow());
    });
    expect(lines).toEqual([
      "[0] submitted @0",
      "[1] 1 starts @0",
      "[1] 2 starts @50",
      "[0] 1 @50",
      "[1] 3 starts @100",
      "[0] 2 @100",
      "[0] 3 @150",
    ]);
  });

  it("EP-09 a second job waits for the first where there is one domain", () => {
    const lines = transcript(function* ({ domainMgr, sw, job, note }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      yield* pool.submitFork(job("first", 50), { sw });
      yield* pool.submitOrThrow(function* () {
        note("second");
      });
    });
    expect(lines).toEqual(["[1] first starts @0", "[1] second @50"]);
  });

  it("EP-10 refuses jobs after its switch has ended", () => {
    transcript(function* ({ domainMgr, sw, job }) {
      const pool = yield* Switch.run((inner) => ExecutorPool.create(domainMgr, { sw: inner, domainCount: 1 }));
      const submit = [
        pool.submit(job("late", 1)),
        pool.submitOrThrow(job("late", 1)),
        (yield* pool.submitFork(job("late", 1), { sw })).awaitOrThrow(),
      ];
      for (const late of submit) {
        let thrown: unknown;
        try {
          yield* late;
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toBeInstanceOf(InvalidArgument);
        expect((thrown as Error).message).toBe("Stream closed");
      }
    });
  });

  it("EP-10 submitters that still wait when its switch ends are told so", () => {
    const lines = transcript(function* ({ domainMgr, sw, job, note }) {
      const cells = yield* Switch.run(function* (inner) {
        const pool = yield* ExecutorPool.create(domainMgr, { sw: inner, domainCount: 1 });
        yield* pool.submitFork(job("first", 50), { sw });
        const waiting = yield* pool.submitFork(job("second", 50), { sw });
        yield* Fiber.yield();
        return [waiting];
      });
      for (const cell of cells) note(yield* failureOf(cell.awaitOrThrow()));
    });
    expect(lines).toEqual(["[1] first starts @0", "[0] StreamClosed: Stream closed @0"]);
  });

  it("EP-11 RB-42 a job that is handed to a domain that is being cancelled is answered with the error of the switch", () => {
    const lines = transcript(function* ({ domainMgr, sw, job, note }) {
      let cell: { awaitOrThrow(): Op<unknown> } | undefined;
      const failed = Switch.run(function* (inner) {
        const pool = yield* ExecutorPool.create(domainMgr, { sw: inner, domainCount: 1 });
        // The domain waits for a job: it is handed this one, and cancelled before it runs.
        cell = yield* Fiber.forkPromise(sw, () => pool.submitOrThrow(job("never", 1)));
        inner.fail(new Error("no more"));
      });
      note(yield* failureOf(failed));
      note(yield* failureOf(cell!.awaitOrThrow()));
    });
    expect(lines).toEqual(["[0] Error: no more @0", "[0] Cancelled: Error: no more @0"]);
  });

  it("EP-12 a cancelled submitter withdraws a job that is not accepted yet; one that is accepted runs on", () => {
    const lines = transcript(function* ({ domainMgr, env, sw, note }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      const work = (name: string) =>
        function* (): Op<void> {
          note(`${name} starts`);
          yield* env.clock.sleep(0.05);
          note(`${name} ends`);
        };
      const cancelled = yield* Fiber.forkPromise(sw, () =>
        Cancel.sub(function* (cc) {
          yield* Fiber.fork(sw, function* () {
            yield* env.clock.sleep(0.02);
            cc.cancel(new Error("enough"));
          });
          yield* Fiber.both(
            () => pool.submit(work("accepted")),
            () => pool.submit(work("withdrawn")),
          );
        }),
      );
      note(yield* failureOf(cancelled.awaitOrThrow()));
      yield* pool.submit(work("later"));
    });
    expect(lines).toEqual([
      "[1] accepted starts @0",
      "[0] Cancelled: Error: enough @20",
      "[1] accepted ends @50",
      "[1] later starts @50",
      "[1] later ends @100",
    ]);
  });

  it("EP-13 18 jobs of mixed weights on 2 domains start in three waves", () => {
    const weights = [...numbers(10).map(() => 0.25), 1, ...numbers(7).map(() => 0.25)];
    const lines = transcript(function* ({ domainMgr, sw, job }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 2 });
      yield* Fiber.forEach(weights, (weight) => pool.submitOrThrow(job("job", 100), { weight }));
    });
    const starting = (ms: number): number => lines.filter((line) => line.endsWith(` @${ms}`)).length;
    expect([0, 100, 200].map(starting)).toEqual([8, 6, 4]);
    expect(lines.length).toBe(18);
  });

  it("a domain that cannot be opened fails the switch", () => {
    const transport: JobTransport = {
      *open() {
        throw new Error("no threads");
      },
    };
    expect(() =>
      run(() =>
        Switch.run(function* (sw) {
          yield* ExecutorPool.create(transport, { sw, domainCount: 1 });
          yield* Fiber.awaitCancel();
        }),
      ),
    ).toThrow("no threads");
  });

  it("a cancellation that a job throws by itself is its outcome, and nobody else's", () => {
    const outcomes: Result<unknown>[] = [];
    transcript(function* ({ domainMgr, sw, job }) {
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      outcomes.push(
        yield* pool.submit(function* () {
          throw new Cancelled("by myself");
        }),
      );
      outcomes.push(yield* pool.submit(job("next", 1)));
    });
    expect(outcomes).toMatchObject([
      { ok: false, error: { reason: "by myself" } },
      { ok: true, value: "next" },
    ]);
  });

  it("refuses what is no transport, no switch, no number of domains and no job", () => {
    transcript(function* ({ domainMgr, sw }) {
      const create = (transport: unknown, options: unknown): Op<string> =>
        failureOf(ExecutorPool.create(transport as never, options as never));
      expect(yield* create({}, { sw, domainCount: 1 })).toBe(
        'TypeError: ExecutorPool.create: "transport" must be a DomainManager, or something else with an open method, got an object',
      );
      expect(yield* create(domainMgr, { domainCount: 1 })).toMatch(/"options.sw" must be a Switch, got undefined/);
      expect(yield* create(domainMgr, undefined)).toMatch(/"options" must be an object, got undefined/);
      expect(yield* create(domainMgr, { sw, domainCount: 1.5 })).toMatch(/"options.domainCount" must be an integer/);
      expect(yield* create(domainMgr, { sw, domainCount: 0 })).toBe(
        "InvalidArgument: Executor_pool: domain count 0 not >= 1",
      );
      expect(yield* create(domainMgr, { sw, domainCount: 1, grace: -1 })).toMatch(/"options.grace" must be a number/);
      expect(yield* create(domainMgr, { sw, domainCount: 1, maxMemory: 0 })).toMatch(/"options.maxMemory" must be/);
      const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
      expect(yield* failureOf(pool.submit(42 as never))).toBe(
        'TypeError: ExecutorPool.submit: "job" must be a job: { module, name, args }, got the number 42',
      );
      expect(yield* failureOf(pool.submitFork((() => {}) as never, {} as never))).toMatch(
        /"options.sw" must be a Switch/,
      );
    });
  });
});
