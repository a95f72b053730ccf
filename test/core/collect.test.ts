import { describe, expect, it } from "vitest";
import { Cancel, Deferred, Failure, Fiber, type Op } from "trestle";
import { run } from "trestle/mock";
import { thrownBy, transcript } from "./transcript.js";

const operations = {
  map: Fiber.map<number, boolean>,
  filter: Fiber.filter<number>,
  filterMap: Fiber.filterMap<number, boolean>,
  forEach: Fiber.forEach<number>,
};

describe("concurrent lists", () => {
  it("FB-53 results are in the order of the items", () => {
    run(function* ({ clock }) {
      const late = function* (n: number, index: number) {
        yield* clock.sleep(10 - n);
        return `${n}@${index}`;
      };
      expect(yield* Fiber.map([3, 1, 2], late)).toEqual(["3@0", "1@1", "2@2"]);
      expect(yield* Fiber.map(new Set([3, 1]), late)).toEqual(["3@0", "1@1"]);
      const isOdd = function* (n: number) {
        yield* clock.sleep(10 - n);
        return n % 2 === 1;
      };
      expect(yield* Fiber.filter([1, 2, 3, 4, 5], isOdd)).toEqual([1, 3, 5]);
      const half = function* (n: number): Op<number | undefined> {
        yield* clock.sleep(10 - n);
        return n % 2 === 0 ? n / 2 : undefined;
      };
      expect(yield* Fiber.filterMap([1, 2, 3, 4], half)).toEqual([1, 2]);
      expect(yield* Fiber.forEach([1, 2], isOdd)).toBeUndefined();
    });
  });

  it("FB-54 all start in order, then all finish in order", () => {
    for (const [name, operation] of Object.entries(operations)) {
      const log = transcript(function* (note) {
        yield* operation([1, 2, 3, 4], function* (n) {
          note(`start ${n}`);
          yield* Fiber.yield();
          note(`finish ${n}`);
          return true;
        });
      });
      expect(log, name).toEqual([...[1, 2, 3, 4].map((n) => `start ${n}`), ...[1, 2, 3, 4].map((n) => `finish ${n}`)]);
    }
  });

  it("FB-55 given the third of four throws, the fourth is cancelled and the error is thrown", () => {
    for (const [name, operation] of Object.entries(operations)) {
      const log = transcript(function* (note) {
        yield* operation([1, 2, 3, 4], function* (n) {
          note(`start ${n}`);
          yield* Fiber.yield();
          note(`resume ${n}`);
          if (n === 3) throw new Error("three");
          return true;
        });
      });
      expect(log, name).toEqual([
        "start 1",
        "start 2",
        "start 3",
        "start 4",
        "resume 1",
        "resume 2",
        "resume 3",
        "threw Error: three",
      ]);
    }
  });

  it("FB-56 FB-57 never more than maxFibers at once; the next starts as soon as one ends, in order", () => {
    const log = transcript(function* (note) {
      const gates = [0, 1, 2, 3].map(() => Deferred.create<void>());
      let running = 0;
      let most = 0;
      const [results] = yield* Fiber.pair(
        () =>
          Fiber.map(
            gates,
            function* ([gate], i) {
              most = Math.max(most, ++running);
              note(`start ${i}`);
              yield* gate.await();
              running--;
              return i;
            },
            { maxFibers: 2 },
          ),
        function* () {
          for (const i of [1, 2, 0, 3]) {
            note(`end ${i}`);
            gates[i]![1].resolve();
            yield* Fiber.yield();
            yield* Fiber.yield();
          }
        },
      );
      note(`${results.join()}, at most ${most}`);
    });
    expect(log).toEqual([
      "start 0",
      "start 1",
      "end 1",
      "start 2",
      "end 2",
      "start 3",
      "end 0",
      "end 3",
      "0,1,2,3, at most 2",
    ]);
  });

  it("FB-58 given the first fails while the caller waits for a slot, the error is thrown", () => {
    const log = transcript((note) =>
      Fiber.map(
        [1, 2],
        function* (n) {
          note(`start ${n}`);
          yield* Fiber.yield();
          throw new Error(`failed ${n}`);
        },
        { maxFibers: 1 },
      ),
    );
    expect(log).toEqual(["start 1", "threw Error: failed 1"]);
  });

  it("FB-59 maxFibers must be positive", () => {
    for (const maxFibers of [0, -3]) {
      const thrown = thrownBy(() => run(() => Fiber.map([1], () => Fiber.yield(), { maxFibers })));
      expect(thrown).toBeInstanceOf(Failure);
      expect((thrown as Failure).message).toBe(`max_fibers must be positive (got ${maxFibers})`);
    }
  });

  it("FB-60 an empty list gives an empty one without a check of anything", () => {
    run(() =>
      Cancel.sub(function* (cc) {
        cc.cancel("stop");
        expect(yield* Fiber.map([], () => Fiber.yield(), { maxFibers: 0 })).toEqual([]);
        expect(yield* Fiber.filter([], operations.map as never, { maxFibers: 0 })).toEqual([]);
        expect(yield* Fiber.filterMap([], () => Fiber.yield(), { maxFibers: 0 })).toEqual([]);
        expect(yield* Fiber.forEach([], () => Fiber.yield(), { maxFibers: 0 })).toBeUndefined();
      }),
    );
  });

  it("a fiber that waits for a slot can be cancelled, and says what it waits for", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.both(
          () => Fiber.forEach([1, 2, 3], () => Fiber.awaitCancel(), { maxFibers: 1 }),
          function* () {
            cc.cancel("stop");
            note("cancelled");
          },
        ),
      ),
    );
    expect(log).toEqual(["cancelled", "threw Cancelled: stop"]);
    expect(() => run(() => Fiber.forEach([1, 2], () => Fiber.awaitCancel(), { maxFibers: 1 }))).toThrow(
      "waits for a free slot of Fiber.forEach (at most 1 fibers)",
    );
  });
});
