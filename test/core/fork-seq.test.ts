import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, DeadlockDetected, Exit, Fiber, InvalidArgument, Switch, type Op } from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript, type Note } from "./transcript.js";

type Yield<T> = (item: T) => Op<void>;

/** Asks for an item and notes the answer. */
function* ask(note: Note, seq: Fiber.Seq<unknown>): Op<void> {
  try {
    const node = yield* seq();
    note(node ? `got ${String(node[0])}` : "got the end");
  } catch (error) {
    note(`asking: ${String(error)}`);
  }
}

/** A body that hands over 1, 2, and so on, and notes each step. */
const counting = (note: Note, count: number) =>
  function* (yield_: Yield<number>): Op<void> {
    note("body starts");
    for (let n = 1; n <= count; n++) {
      note(`yielding ${n}`);
      yield* yield_(n);
    }
    note("body ends");
  };

describe("Fiber.forkSeq", () => {
  it("FB-66 the body does not start until the first item is asked for", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq(sw, counting(note, 1));
        yield* Fiber.yield();
        note("asking");
        yield* ask(note, seq);
      }),
    );
    expect(log).toEqual(["asking", "body starts", "yielding 1", "got 1"]);
  });

  it("FB-67 consumer and producer alternate, and the end of the body is the end of the sequence", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq(sw, counting(note, 2));
        for (let rest: Fiber.Seq<number> | undefined = seq; rest;) {
          note("asking");
          const node: [number, Fiber.Seq<number>] | undefined = yield* rest();
          note(`got ${node?.[0]}`);
          rest = node?.[1];
        }
      }),
    );
    expect(log).toEqual([
      ...["asking", "body starts", "yielding 1", "got 1"],
      ...["asking", "yielding 2", "got 2"],
      ...["asking", "body ends", "got undefined"],
    ]);
  });

  it("a request puts the producer at the tail of the run queue, and an item the consumer", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq(sw, counting(note, 2));
        yield* Fiber.fork(sw, () => steps(note, "other", 5));
        yield* ask(note, seq);
        yield* ask(note, seq);
      }),
    );
    expect(log).toEqual([
      ...["other1", "other2", "body starts", "yielding 1", "other3", "got 1"],
      ...["other4", "yielding 2", "other5", "got 2"],
    ]);
  });

  it("FB-68 an error of the body goes to the waiting consumer as it is, and does not fail the switch", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const failure = new Error("body");
        const seq = yield* Fiber.forkSeq(sw, function* (yield_: Yield<number>) {
          yield* yield_(1);
          throw failure;
        });
        yield* ask(note, seq);
        let thrown: unknown;
        try {
          yield* seq();
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toBe(failure);
        yield* Fiber.yield();
        sw.check();
        note("the switch is on");
        yield* ask(note, seq);
      }),
    );
    expect(log).toEqual([
      "got 1",
      "the switch is on",
      "asking: InvalidArgument: Coroutine has already failed: Error: body",
    ]);
  });

  it("FB-69 asking again after the end throws", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq(sw, counting(note, 0));
        yield* ask(note, seq);
        yield* ask(note, seq);
        const thrown = yield* caught(seq);
        expect(thrown).toBeInstanceOf(InvalidArgument);
      }),
    );
    expect(log).toEqual([
      ...["body starts", "body ends", "got the end"],
      "asking: InvalidArgument: Coroutine has already finished!",
    ]);
  });

  it("FB-70 asking after the switch has ended throws, whether or not the producer had started", () => {
    const log = transcript(function* (note) {
      for (const starts of [false, true]) {
        const seq = yield* Switch.run(function* (sw) {
          const seq = yield* Fiber.forkSeq<number>(sw, (yield_) => yield_(1));
          if (starts) yield* ask(note, seq);
          return seq;
        });
        yield* ask(note, seq);
        const thrown = yield* caught(seq);
        expect(thrown).toBeInstanceOf(InvalidArgument);
        expect(((thrown as Error).cause as Cancelled).reason).toBeInstanceOf(Exit);
      }
    });
    const failed =
      "asking: InvalidArgument: Coroutine has already failed: " +
      "Cancelled: Exit: the other fibers of the switch have ended";
    expect(log).toEqual([failed, "got 1", failed]);
  });

  it("FB-71 when the switch ends, the producer sees Cancelled(Exit) in its yield_", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          try {
            yield* yield_(1);
          } catch (error) {
            expect((error as Cancelled).reason).toBeInstanceOf(Exit);
            note(`producer: ${String(error)}`);
            throw error;
          } finally {
            note("cleaned");
          }
        });
        yield* ask(note, seq);
        note("block ends");
      }),
    );
    expect(log).toEqual([
      ...["got 1", "block ends"],
      "producer: Cancelled: Exit: the other fibers of the switch have ended",
      "cleaned",
    ]);
  });

  it("FB-72 a second request while one is pending throws, and does not disturb the first", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          yield* Fiber.yield();
          yield* yield_(1);
        });
        yield* Fiber.both(
          () => ask(note, seq),
          () => ask(note, seq),
        );
      }),
    );
    expect(log).toEqual(["asking: InvalidArgument: Coroutine is still running!", "got 1"]);
  });

  it("FB-73 a second yield_ for one request throws", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, (yield_) =>
          Fiber.both(
            () => yield_(1),
            function* () {
              try {
                yield* yield_(2);
              } catch (error) {
                expect(error).toBeInstanceOf(InvalidArgument);
                note(`producer: ${String(error)}`);
              }
            },
          ),
        );
        yield* ask(note, seq);
        yield* ask(note, seq);
      }),
    );
    expect(log).toEqual(["producer: InvalidArgument: Coroutine has already yielded!", "got 1", "got the end"]);
  });

  it("FB-74 another fiber of the producer may call yield_; the end is that of the body", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, (yield_) =>
          Switch.run(function* (inner) {
            yield* Fiber.fork(inner, () => yield_(1));
            note("body goes on");
          }),
        );
        yield* ask(note, seq);
        yield* ask(note, seq);
      }),
    );
    expect(log).toEqual(["body goes on", "got 1", "got the end"]);
  });

  it("FB-74 a body that ends while another fiber is in yield_ is over: the end is told next, and that yield_ throws", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          yield* Fiber.fork(sw, function* () {
            for (const n of [1, 2]) {
              try {
                yield* yield_(n);
              } catch (error) {
                note(`yield_ ${n}: ${String(error)}`);
              }
            }
          });
        });
        yield* ask(note, seq);
        yield* ask(note, seq);
        yield* ask(note, seq);
      }),
    );
    const over = "InvalidArgument: Coroutine has already finished!";
    expect(log).toEqual(["got 1", "got the end", `asking: ${over}`, `yield_ 1: ${over}`, `yield_ 2: ${over}`]);
  });

  it("FB-75 when the consumer is cancelled while it waits, the next yield_ throws that very error", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        let atProducer: unknown;
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          yield* steps(() => {}, "a while", 6);
          note("has an item");
          try {
            yield* yield_(1);
          } catch (error) {
            atProducer = error;
            throw error;
          }
        });
        let atConsumer: unknown;
        yield* Cancel.sub((cc) =>
          Fiber.both(
            function* () {
              atConsumer = yield* caught(seq);
            },
            function* () {
              yield* Fiber.yield();
              cc.cancel("stop");
            },
          ),
        );
        note(`consumer: ${String(atConsumer)}`);
        yield* ask(note, seq);
        yield* steps(() => {}, "a while", 6);
        expect(atProducer).toBe(atConsumer);
        sw.check();
        yield* ask(note, seq);
      }),
    );
    const failed = "asking: InvalidArgument: Coroutine has already failed: Cancelled: stop";
    expect(log).toEqual(["consumer: Cancelled: stop", failed, "has an item", failed]);
  });

  it("an error that nobody waits for fails the switch", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* () {
          yield* Fiber.yield();
          yield* Fiber.yield();
          throw new Error("too late");
        });
        yield* Fiber.first(
          () => ask(note, seq),
          () => Fiber.yield(),
        );
        yield* Fiber.awaitCancel();
      }),
    );
    expect(log).toEqual(["asking: Cancelled: NotFirst: another branch came first", "threw Error: too late"]);
  });

  it("a body that ends well after its consumer was cancelled ends quietly", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* () {
          yield* Fiber.yield();
          yield* Fiber.yield();
          note("body ends");
        });
        yield* Fiber.first(
          () => ask(note, seq),
          () => Fiber.yield(),
        );
        yield* steps(() => {}, "a while", 4);
        yield* ask(note, seq);
      }),
    );
    expect(log).toEqual([
      "asking: Cancelled: NotFirst: another branch came first",
      "body ends",
      "asking: InvalidArgument: Coroutine has already failed: Cancelled: NotFirst: another branch came first",
    ]);
  });

  it("FB-76 when the switch is failed while the producer is queued, it runs to its next check, and the switch's error is reported", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          note("runs");
          try {
            yield* yield_(1);
          } catch (error) {
            note(`producer: ${String(error)}`);
            throw error;
          }
        });
        yield* Fiber.both(
          () => ask(note, seq),
          function* () {
            sw.fail(new Error("switch"));
          },
        );
      }),
    );
    expect(log).toEqual([
      "runs",
      "asking: Cancelled: Error: switch",
      "producer: Cancelled: Error: switch",
      "threw Error: switch",
    ]);
  });

  it("FB-77 a sequence that is not read to its end does not keep the switch open", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        yield* Fiber.forkSeq<number>(sw, (yield_) => yield_(0));
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          for (let n = 1; ; n++) yield* yield_(n);
        });
        yield* ask(note, seq);
        yield* Fiber.fork(sw, () => ask(note, seq));
      }),
    );
    expect(log).toEqual(["got 1", "got 2"]);
  });

  it("on a finished switch it throws, and on a failed one the sequence has failed already", () => {
    const log = transcript(function* (note) {
      const never = function* (): Op<void> {
        note("never");
      };
      const gone = yield* Switch.run(function* (sw) {
        return sw;
      });
      try {
        yield* Fiber.forkSeq(gone, never);
      } catch (error) {
        note(String(error));
      }
      yield* Cancel.protect(() =>
        Switch.run(function* (sw) {
          sw.fail(new Error("failed"));
          const seq = yield* Fiber.forkSeq(sw, never);
          yield* Cancel.protect(() => ask(note, seq));
        }),
      );
    });
    expect(log).toEqual([
      "SwitchFinishedError: Switch finished!",
      "asking: InvalidArgument: Coroutine has already failed: Cancelled: Error: failed",
      "threw Error: failed",
    ]);
  });

  it("a request while the producer cleans up after it was cancelled in yield_ is refused", () => {
    const log = transcript((note) =>
      Switch.run(function* (outer) {
        yield* Switch.run(function* (sw) {
          const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
            try {
              yield* yield_(1);
            } finally {
              yield* Cancel.protect(() => steps(note, "clean-up", 2));
            }
          });
          yield* ask(note, seq);
          yield* Fiber.fork(outer, function* () {
            yield* Fiber.yield();
            yield* ask(note, seq);
          });
        });
      }),
    );
    expect(log).toEqual([
      "got 1",
      "asking: InvalidArgument: Coroutine has already failed: Cancelled: Exit: the other fibers of the switch have ended",
      ...["clean-up1", "clean-up2"],
    ]);
  });

  it("a producer that goes on after it was cancelled in yield_ is cancelled again, and ends as a cancelled one", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          try {
            yield* yield_(1);
          } finally {
            note("one more");
            yield* yield_(2);
          }
        });
        yield* ask(note, seq);
      }),
    );
    expect(log).toEqual(["got 1", "one more"]);
  });

  it("a consumer that was handed an item and is cancelled before it resumes has it", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          yield* yield_(1);
          yield* yield_(2);
        });
        yield* Cancel.sub((cc) =>
          Fiber.both(
            () => ask(note, seq),
            function* () {
              yield* Cancel.protect(() => Fiber.yield());
              cc.cancel("stop");
            },
          ),
        );
        yield* ask(note, seq);
      }),
    );
    expect(log).toEqual(["got 1", "got 2"]);
  });

  it("a consumer that is cancelled and asks again is told that it is cancelled", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, () => Fiber.awaitCancel());
        yield* Cancel.sub((cc) =>
          Fiber.both(
            function* () {
              yield* ask(note, seq);
              yield* ask(note, seq);
            },
            function* () {
              cc.cancel("stop");
            },
          ),
        );
      }),
    );
    expect(log).toEqual(["asking: Cancelled: stop", "asking: Cancelled: stop"]);
  });

  it("the body inherits the fiber-local values of the fork, and has a name in reports", () => {
    const key = Fiber.createKey<string>();
    const report = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          const seq = yield* Fiber.withBinding(key, "inherited", () =>
            Fiber.forkSeq<string>(sw, (yield_) => yield_(Fiber.get(key) ?? "-"), { name: "lines" }),
          );
          expect((yield* seq())?.[0]).toBe("inherited");
          yield* Fiber.forkSeq(sw, function* words(_yield: Yield<string>) {});
          yield* Fiber.forkSeq<string>(sw, () => Fiber.yield());
          const slow = yield* Fiber.forkSeq(sw, () => Fiber.awaitCancel(), { name: "slow" });
          yield* Fiber.fork(sw, () => slow(), { name: "reader" });
          yield* Fiber.awaitCancel();
        }),
      ),
    ) as DeadlockDetected;
    expect(report).toBeInstanceOf(DeadlockDetected);
    expect(report.waiting.map(({ name, waitsFor }) => [name, waitsFor]).slice(1)).toEqual([
      ["lines", 'a request for an item of sequence "lines"'],
      ["words", 'a request for an item of sequence "words"'],
      [undefined, "a request for an item of a sequence"],
      ["slow", "Fiber.awaitCancel"],
      ["reader", 'the next item of sequence "slow"'],
    ]);
  });
});

/** What asking for an item throws. */
function* caught(seq: Fiber.Seq<unknown>): Op<unknown> {
  try {
    yield* seq();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("a loop over a sequence", () => {
  it("continue, break and return do what they do in any loop, and the rest can be read later", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq(
          sw,
          counting(() => {}, 7),
        );
        const items = seq.iterate();
        while (yield* items.next()) {
          if (items.value === 2) continue;
          note(`first: ${items.value}`);
          if (items.value === 3) break;
        }
        const node = yield* seq();
        note(`by hand: ${node?.[0]}`);
        const found = yield* (function* (): Op<number> {
          while (yield* items.next()) if (items.value === 5) return items.value;
          return -1;
        })();
        note(`found ${found}`);
        const rest = node![1].iterate();
        while (yield* rest.next()) note(`rest: ${rest.value}`);
        note(`again: ${yield* rest.next()}`);
        expect(() => rest.value).toThrow(InvalidArgument);
        note(`another cursor: ${String(yield* caught(seq))}`);
      }),
    );
    expect(log).toEqual([
      ...["first: 1", "first: 3", "by hand: 4", "found 5", "rest: 6", "rest: 7", "again: false"],
      "another cursor: InvalidArgument: Coroutine has already finished!",
    ]);
  });

  it("throws the error of the body, and is a cancellation point", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const seq = yield* Fiber.forkSeq<number>(sw, function* (yield_) {
          yield* yield_(1);
          throw new Error("body");
        });
        const items = seq.iterate();
        try {
          while (yield* items.next()) note(String(items.value));
        } catch (error) {
          note(String(error));
        }
        const slow = (yield* Fiber.forkSeq<number>(sw, () => Fiber.awaitCancel())).iterate();
        yield* Fiber.first(
          function* () {
            yield* slow.next();
          },
          () => Fiber.yield(),
        );
        note("given up");
      }),
    );
    expect(log).toEqual(["1", "Error: body", "given up"]);
  });
});
