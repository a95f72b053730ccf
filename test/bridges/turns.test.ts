// Fibers take as many turns as async functions do: code that counts microtasks sees no difference.

/* eslint-disable @typescript-eslint/await-thenable -- what await does with plain values is what is compared */

import { describe, expect, it } from "vitest";
import type { Op } from "trestle";
import { adopt, fromAsync, fromPromise, toAsync, toPromise } from "@trestle/bridges";
import { Cell, expectNoUnhandledRejections, ladder, ticks } from "./world.js";

expectNoUnhandledRejections();

type Log = (event: string) => void;

/** Runs both beside a ladder of ticks, and expects the same transcript. */
async function same(native: (log: Log) => unknown, fibers: (log: Log) => unknown): Promise<void> {
  const transcripts: string[][] = [];
  for (const scene of [native, fibers]) {
    const log: string[] = [];
    const ladderEnd = ladder(log);
    const end = scene((event) => void log.push(event));
    log.push("started");
    await ladderEnd;
    await end;
    await ticks();
    transcripts.push(log);
  }
  expect(transcripts[1]).toEqual(transcripts[0]);
  expect(transcripts[0]!.length).toBeGreaterThan(13);
}

const thenable = <T>(value: T): PromiseLike<T> => ({
  then: ((ok: (value: T) => void) => ok(value)) as PromiseLike<T>["then"],
});

describe("as many turns as await takes", () => {
  it("BP-02 for a promise that has fulfilled", () =>
    same(
      async (log) => {
        log("a");
        log(`b ${await Promise.resolve(1)}`);
        log(`c ${await Promise.resolve(2)}`);
      },
      toAsync(function* (log: Log) {
        log("a");
        log(`b ${yield* fromPromise(Promise.resolve(1))}`);
        log(`c ${yield* fromPromise(Promise.resolve(2))}`);
      }),
    ));

  it("BP-10 for a thenable: later than a native promise awaited in the same turn", () =>
    same(
      (log) => {
        void (async () => log(`thenable ${String(await thenable(1))}`))();
        void (async () => log(`native ${await Promise.resolve(2)}`))();
      },
      (log) => {
        void toPromise(function* () {
          log(`thenable ${String(yield* fromPromise(thenable(1)))}`);
        });
        void toPromise(function* () {
          log(`native ${yield* fromPromise(Promise.resolve(2))}`);
        });
      },
    ));

  it("for a subclass of Promise, which await normalises", () => {
    class Own<T> extends Promise<T> {}
    return same(
      async (log) => log(`${await Own.resolve(1)}`),
      toAsync(function* (log: Log) {
        log(`${yield* fromPromise(Own.resolve(1))}`);
      }),
    );
  });

  it("for a rejection", () =>
    same(
      async (log) => {
        try {
          await Promise.reject(new Error("no"));
        } catch {
          log("caught");
        }
      },
      toAsync(function* (log: Log) {
        try {
          yield* fromPromise(Promise.reject(new Error("no")));
        } catch {
          log("caught");
        }
      }),
    ));

  it("for a plain value, through adopt", () =>
    same(
      async (log) => {
        log(`${await 1} ${await "x"} ${await null} ${await undefined}`);
        log(`${(await [1, 2]).length}`);
      },
      toAsync(function* (log: Log) {
        log(`${yield* adopt(1)} ${yield* adopt("x")} ${String(yield* adopt(null))} ${String(yield* adopt(undefined))}`);
        log(`${(yield* adopt([1, 2])).length}`);
      }),
    ));

  it("for a promise and a thenable, through adopt", () =>
    same(
      async (log) => log(`${await Promise.resolve(1)} ${String(await thenable(2))}`),
      toAsync(function* (log: Log) {
        log(`${yield* adopt(Promise.resolve(1))} ${yield* adopt(thenable(2))}`);
      }),
    ));

  it("for an op, through adopt: those of an async function, suspended or not", () => {
    const quick = async () => 1;
    const slow = async () => {
      await Promise.resolve();
      throw new Error("no");
    };
    function* quickOp() {
      return 1;
    }
    function* slowOp() {
      yield* fromPromise(Promise.resolve());
      throw new Error("no");
    }
    return same(
      async (log) => {
        log(`${await quick()}`);
        try {
          await slow();
        } catch {
          log("caught");
        }
      },
      toAsync(function* (log: Log) {
        log(`${yield* adopt(quickOp())}`);
        try {
          yield* adopt(slowOp());
        } catch {
          log("caught");
        }
      }),
    );
  });

  it("for an async function that is called and awaited", () => {
    const callee = async () => {
      await null;
      return 7;
    };
    return same(
      async (log) => log(`${await callee()}`),
      toAsync(function* (log: Log) {
        log(`${yield* fromAsync(callee)}`);
      }),
    );
  });

  it("for promises that settle later, in the order in which they were awaited", async () => {
    const run = async (wait: (cell: Cell<number>, log: Log) => void) => {
      const log: string[] = [];
      const cell = new Cell<number>();
      wait(cell, (event) => log.push(event));
      await ticks(3);
      cell.resolve(5);
      await ladder(log, 5);
      return log;
    };
    const native = await run((cell, log) => {
      void (async () => log(`a ${await cell.promise}`))();
      void cell.promise.then(() => log("then"));
      void (async () => log(`b ${await cell.promise}`))();
    });
    const fibers = await run((cell, log) => {
      const wait = toAsync(function* (name: string) {
        log(`${name} ${yield* fromPromise(cell.promise)}`);
      });
      void wait("a");
      void cell.promise.then(() => log("then"));
      void wait("b");
    });
    expect(native.slice(0, 3)).toEqual(["a 5", "then", "b 5"]);
    expect(fibers).toEqual(native);
  });
});

describe("as many turns as an async function takes", () => {
  const watch = (log: Log, name: string, promise: Promise<unknown>) => {
    promise.then(
      (value) => log(`${name} ${String(value)}`),
      (error) => log(`${name} threw ${String(error)}`),
    );
  };

  it("BP-40 BP-41 BP-42 to return and to throw, at once or later", () =>
    same(
      (log) => {
        watch(log, "value", (async () => 1)());
        watch(
          log,
          "throw",
          (async () => {
            throw "no";
          })(),
        );
        watch(
          log,
          "later",
          (async () => {
            await null;
            return 2;
          })(),
        );
      },
      (log) => {
        watch(
          log,
          "value",
          toPromise(function* () {
            return 1;
          }),
        );
        watch(
          log,
          "throw",
          toPromise(function* () {
            throw "no";
          }),
        );
        watch(
          log,
          "later",
          toPromise(function* () {
            yield* adopt(null);
            return 2;
          }),
        );
      },
    ));

  it("BP-41 to return a promise, without and with await", () =>
    same(
      (log) => {
        const p = Promise.resolve(1);
        watch(log, "return", (async () => p)());
        watch(log, "return await", (async () => await p)());
        watch(log, "return thenable", (async () => thenable(3))());
      },
      (log) => {
        const p = Promise.resolve(1);
        watch(
          log,
          "return",
          toPromise(function* () {
            return p;
          }),
        );
        watch(
          log,
          "return await",
          toPromise(function* () {
            return yield* fromPromise(p);
          }),
        );
        watch(
          log,
          "return thenable",
          toPromise(function* () {
            return thenable(3);
          }),
        );
      },
    ));

  it("for several tasks that call each other through promises", () => {
    const work = async (log: Log, name: string, n: number): Promise<number> => {
      for (let i = 0; i < n; i++) {
        log(`${name}${i}`);
        await null;
      }
      return n === 0 ? 0 : (await work(log, `${name}.`, n - 1)) + 1;
    };
    const fiberWork: typeof work = toAsync(function* (log: Log, name: string, n: number): Op<number> {
      for (let i = 0; i < n; i++) {
        log(`${name}${i}`);
        yield* adopt(null);
      }
      return n === 0 ? 0 : (yield* fromPromise(fiberWork(log, `${name}.`, n - 1))) + 1;
    });
    return same(
      (log) => Promise.all([work(log, "a", 3), work(log, "b", 2), work(log, "c", 3)]).then((all) => log(all.join())),
      (log) =>
        Promise.all([fiberWork(log, "a", 3), fiberWork(log, "b", 2), fiberWork(log, "c", 3)]).then((all) =>
          log(all.join()),
        ),
    );
  });
});
