// A function written with callbacks, and the façade that stands in its place, must be the same to whoever calls them: each test runs
// both and compares their logs.
import { describe, expect, it } from "vitest";
import { Cancelled, onUnhandledError, Wait, startRoot, type Op } from "trestle";
import { fromNode, fromPromise, toCallback } from "@trestle/bridges";
import { expectNoUnhandledRejections, macrotask } from "./world.js";

expectNoUnhandledRejections();

type Done = (error: unknown, value?: number) => void;
/** A foreign function that calls back. */
type Source = (n: number, done: Done) => void;
type Work = (source: Source, n: number, done: Done) => void;

/** Adds the answers for `n` and for that answer. */
const plain: Work = (source, n, done) => {
  if (n === 13) throw new RangeError("thirteen");
  source(n, (error, first) => {
    if (error) return done(error);
    source(first!, (again, second) => {
      if (again) return done(again);
      done(null, first! + second!);
    });
  });
};

const ask = (source: Source) => fromNode(source as (n: number, done: (error: unknown, value: number) => void) => void);

function* workOp(source: Source, n: number): Op<number> {
  if (n === 13) throw new RangeError("thirteen");
  const first = yield* ask(source)(n);
  const second = yield* ask(source)(first);
  return first + second;
}

const facade: Work = (source, n, done) => void toCallback(() => workOp(source, n), done, { inline: true });

/** The logs of a program with the one and with the other. */
async function both(program: (work: Work, log: (line: unknown) => void) => void): Promise<unknown[][]> {
  const logs: unknown[][] = [];
  for (const work of [plain, facade]) {
    const lines: unknown[] = [];
    const log = (line: unknown) => void lines.push(line instanceof Error ? `${line.name}: ${line.message}` : line);
    onUnhandledError((error) => log(["unhandled", String(error)]));
    try {
      program(work, log);
    } catch (error) {
      log(["thrown", String(error)]);
    }
    log("returned");
    void Promise.resolve().then(() => log("microtask"));
    for (let i = 0; i < 3; i++) await macrotask();
    onUnhandledError(undefined);
    logs.push(lines);
  }
  return logs;
}

const atOnce: Source = (n, done) => done(null, n + 1);

describe("toCallback, inline", () => {
  it("BC-30 CM-C06 calls back inside the call when every function on the way does", async () => {
    const [before, after] = await both((work, log) => {
      work(atOnce, 1, (error, value) => log([error, value]));
    });
    expect(after).toEqual(before);
    expect(after).toEqual([[null, 5], "returned", "microtask"]);
  });

  it("BC-30 CM-C01 goes on and calls back inside the calls that end its waits", async () => {
    const [before, after] = await both((work, log) => {
      const waiting: (() => void)[] = [];
      work(
        (n, done) => waiting.push(() => done(null, n * 2)),
        1,
        (...args) => log(args),
      );
      void Promise.resolve().then(() => log("earlier microtask"));
      log("first answer");
      waiting.shift()?.();
      log(waiting.length);
      waiting.shift()?.();
      log("after the second answer");
    });
    expect(after).toEqual(before);
    expect(after?.slice(0, 4)).toEqual(["first answer", 1, [null, 6], "after the second answer"]);
  });

  it("BC-30 tells errors with one argument, in the same call", async () => {
    const [before, after] = await both((work, log) => {
      work(
        (_n, done) => done(new Error("no")),
        1,
        (...args: unknown[]) => log([args.length, String(args[0])]),
      );
    });
    expect(after).toEqual(before);
    expect(after?.[0]).toEqual([1, "Error: no"]);
  });

  it("BC-31 CM-C07 throws what the callback throws into the call that ended the wait", async () => {
    const [before, after] = await both((work, log) => {
      let answer!: () => void;
      work(
        (n, done) => {
          if (n === 1) done(null, 2);
          else answer = () => done(null, 3);
        },
        1,
        () => {
          throw new Error("of the callback");
        },
      );
      try {
        answer();
      } catch (error) {
        log(error);
      }
    });
    expect(after).toEqual(before);
    expect(after?.[0]).toBe("Error: of the callback");
  });

  it("BC-31 throws what the callback throws into its own call, when nothing was waited for", async () => {
    const [before, after] = await both((work) => {
      work(atOnce, 1, () => {
        throw new Error("of the callback");
      });
    });
    expect(after).toEqual(before);
    expect(after?.[0]).toEqual(["thrown", "Error: of the callback"]);
  });

  it("BC-34 CM-C07 throws at the call what the body throws before its first wait", async () => {
    const [before, after] = await both((work, log) => work(atOnce, 13, log));
    expect(after).toEqual(before);
    expect(after?.[0]).toEqual(["thrown", "RangeError: thirteen"]);
  });

  it("BC-07 throws what a called function throws where it always came out, at once and later", async () => {
    const refusing: Source = () => {
      throw new TypeError("refused");
    };
    const first = await both((work, log) => work(refusing, 1, log));
    expect(first[1]).toEqual(first[0]);
    expect(first[1]?.[0]).toEqual(["thrown", "TypeError: refused"]);

    const second = await both((work, log) => {
      let answer!: () => void;
      work(
        (n, done) => {
          if (n === 1) answer = () => done(null, 2);
          else refusing(n, done);
        },
        1,
        log,
      );
      try {
        answer();
      } catch (error) {
        log(["out of the answer", String(error)]);
      }
    });
    expect(second[1]).toEqual(second[0]);
    expect(second[1]?.[0]).toEqual(["out of the answer", "TypeError: refused"]);
  });

  it("BC-07 lets no catch clause of the fiber take for an answer what a function threw instead", async () => {
    const lenient = (source: Source, done: Done) => {
      source(1, (error, value) => done(null, error ? -1 : value));
    };
    const facadeOf = (source: Source, done: Done) =>
      void toCallback(
        function* () {
          try {
            return yield* ask(source)(1);
          } catch (error) {
            if (error instanceof Cancelled) throw error;
            return -1;
          }
        },
        done,
        { inline: true },
      );
    const refusing: Source = () => {
      throw new TypeError("refused");
    };
    const failing: Source = (_n, done) => done(new Error("no"));
    for (const work of [lenient, facadeOf]) {
      const told: unknown[] = [];
      expect(() => work(refusing, (...args) => told.push(args))).toThrow("refused");
      work(failing, (...args) => told.push(args));
      await macrotask();
      expect(told).toEqual([[null, -1]]);
    }
  });

  it("BC-30 keeps the order of one façade inside another, and of a fiber that is running meanwhile", async () => {
    const [before, after] = await both((work, log) => {
      const waiting: (() => void)[] = [];
      work(
        (n, done) => work(atOnce, n, done),
        1,
        (_error, value) => {
          log(["inner", value]);
          work(
            (n, done) => waiting.push(() => done(null, n)),
            7,
            (...args) => log(args),
          );
        },
      );
      // The fiber of somebody else makes the calls.
      startRoot(
        function* () {
          waiting.shift()?.();
          log("between");
          waiting.shift()?.();
          log("behind");
          yield* fromPromise(Promise.resolve());
        },
        { onDone: () => log("the other fiber is done") },
      );
    });
    expect(after).toEqual(before);
    expect(after?.slice(0, 4)).toEqual([["inner", 18], "between", [null, 14], "behind"]);
  });

  it("BC-08 counts the first of several calls", async () => {
    const calls: unknown[] = [];
    facade(
      (n, done) => {
        done(null, n);
        done(null, 100);
        done(new Error("late"));
      },
      1,
      (...args) => calls.push(args),
    );
    await macrotask();
    expect(calls).toEqual([[null, 2]]);
  });

  it("BC-31 reports what the callback throws when the last wait was for a promise", async () => {
    const seen: unknown[] = [];
    onUnhandledError((error) => seen.push(String(error)));
    toCallback(
      function* () {
        yield* fromPromise(Promise.resolve());
      },
      () => {
        throw new Error("to nobody");
      },
      { inline: true },
    );
    await macrotask();
    onUnhandledError(undefined);
    expect(seen).toEqual(["Error: to nobody"]);
  });

  it("BC-33 is cancelled by its handle: the callback gets an AbortError", () => {
    const seen: string[] = [];
    const handle = toCallback(
      () => fromNode((_done: (error: unknown, value: void) => void) => undefined)(),
      (error) => seen.push((error as Error).name),
      { inline: true },
    );
    handle.cancel();
    return macrotask().then(() => expect(seen).toEqual(["AbortError"]));
  });
});

describe("Wait.wakeWithin", () => {
  class Call extends Wait<unknown> {
    private readonly register: (wait: Call) => void;
    constructor(register: (wait: Call) => void) {
      super("call");
      this.register = register;
    }
    protected again(): Call {
      return new Call(this.register);
    }
    protected enter(): void {
      this.register(this);
    }
    protected leave(): void {}
  }

  it("BG-03 gives the result when enter has returned, without a turn", () => {
    const log: unknown[] = [];
    startRoot(
      function* () {
        log.push(
          yield* new Call((wait) => {
            log.push(wait.wakeWithin("value"), wait.wakeWithin("again"), wait.wake("again"));
          }),
        );
      },
      { onDone: (outcome) => log.push(outcome.ok) },
    );
    expect(log).toEqual([true, false, false, "value", true]);
  });

  it("BG-06 keeps the result, and reports the error, when enter throws after it", () => {
    const log: unknown[] = [];
    onUnhandledError((error) => log.push(String(error)));
    startRoot(
      function* () {
        log.push(
          yield* new Call((wait) => {
            wait.wakeWithin("value");
            throw new Error("late");
          }),
        );
      },
      { onDone: (outcome) => log.push(outcome.ok) },
    );
    onUnhandledError(undefined);
    expect(log).toEqual(["Error: late", "value", true]);
  });
});
