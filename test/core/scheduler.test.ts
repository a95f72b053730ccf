import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  DeadlockDetected,
  Deferred,
  Fiber,
  Semaphore,
  Switch,
  flush,
  startRoot,
  suspend,
} from "trestle";
import { run as runMock } from "trestle/mock";
import { run } from "trestle/node";
import { later } from "../platform.js";
import { steps, thrownBy, transcript } from "./transcript.js";

describe("order", () => {
  it("SC-01 no fiber runs between two suspension points, whatever is woken meanwhile", () => {
    const log = transcript(function* (note) {
      const [d, r] = Deferred.create<void>();
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* () {
          yield* d.await();
          note("woken");
        });
        r.resolve();
        note("still here");
        note("and here");
        yield* Fiber.yield();
        note("after yield");
      });
    });
    expect(log).toEqual(["still here", "and here", "woken", "after yield"]);
  });

  it("SC-02 SC-05 wake-ups append at the tail and the waker goes on first", () => {
    const log = transcript(function* (note) {
      const [d, r] = Deferred.create<string>();
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* () {
          note(yield* d.await());
        });
        yield* Fiber.fork(sw, () => steps(note, "other", 2));
        r.resolve("woken");
        note("waker");
      });
    });
    expect(log).toEqual(["other1", "waker", "other2", "woken"]);
  });

  it("SC-03 a fork runs the child at once and the parent next, ahead of what was queued", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, () => steps(note, "a", 2));
        yield* Fiber.fork(sw, () => steps(note, "b", 2));
        note("parent");
      });
    });
    expect(log).toEqual(["a1", "b1", "parent", "a2", "b2"]);
  });

  it("SC-04 run gives back the value of main, or fails with the very same error", async () => {
    const error = new Error("boom");
    expect(
      await run(function* () {
        yield* Fiber.yield();
        return 42;
      }),
    ).toBe(42);
    await expect(
      run(function* () {
        yield* Fiber.yield();
        throw error;
      }),
    ).rejects.toBe(error);
    expect(
      runMock(function* () {
        return 43;
      }),
    ).toBe(43);
    expect(
      thrownBy(() =>
        runMock(function* () {
          throw error;
        }),
      ),
    ).toBe(error);
  });

  it("SC-06 a yield lets every fiber already queued run once", () => {
    const log = transcript(function* (note) {
      yield* Fiber.all(["a", "b", "c"].map((name) => () => steps(note, name, 3)));
    });
    expect(log).toEqual(["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"]);
  });

  it("SC-07 BG-07 a wait that begins in a cancelled context registers nothing, and fails after the fibers queued earlier", () => {
    let registered = false;
    const log = transcript(function* (note) {
      yield* Cancel.sub(function* (cc) {
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, function* () {
            yield* Cancel.protect(() => Fiber.yield());
            note("queued earlier");
          });
          cc.cancel(new Error("stop"));
          try {
            yield* suspend("never", () => {
              registered = true;
            });
          } catch (error) {
            note(String(error));
          }
        });
      });
    });
    expect(log).toEqual(["queued earlier", "Cancelled: Error: stop"]);
    expect(registered).toBe(false);
  });

  it("SC-08 entry checks throw on the spot, with no trip through the run queue", () => {
    const log = transcript(function* (note) {
      yield* Cancel.sub(function* (cc) {
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, function* () {
            yield* Cancel.protect(() => Fiber.yield());
            note("queued");
          });
          cc.cancel("stop");
          const entries: [string, () => unknown][] = [
            ["sub", () => Cancel.sub(() => Fiber.yield())],
            ["run", () => Switch.run(() => Fiber.yield())],
          ];
          for (const [name, make] of entries) {
            try {
              yield* make() as ReturnType<typeof Fiber.yield>;
            } catch {
              note(name);
            }
          }
          try {
            Fiber.check();
          } catch {
            note("check");
          }
        });
      });
    });
    expect(log).toEqual(["sub", "run", "check", "queued", "threw Cancelled: stop"].slice(0, 4));
  });

  it("SC-09 operations that need not wait neither switch fibers nor check cancellation", () => {
    const log = transcript(function* (note) {
      yield* Cancel.sub(function* (cc) {
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, function* () {
            yield* Cancel.protect(() => Fiber.yield());
            note("other");
          });
          cc.cancel("stop");
          note(yield* Deferred.createResolved("resolved").await());
          const sem = new Semaphore(1);
          yield* sem.acquire();
          note("acquired");
        });
      });
    });
    expect(log).toEqual(["resolved", "acquired", "other"]);
  });

  it("SC-11 a fiber that was resumed with a value gets it although it is cancelled before it runs", () => {
    const log = transcript(function* (note) {
      const [d, r] = Deferred.create<string>();
      yield* Cancel.sub(function* (cc) {
        yield* Fiber.both(
          function* () {
            note(yield* d.await());
            note(String(Fiber.isCancelled()));
            Fiber.check();
          },
          function* () {
            r.resolve("value");
            cc.cancel("stop");
          },
        );
      });
    });
    expect(log).toEqual(["value", "true", "threw Cancelled: stop"]);
  });

  it("SC-12 a yield checks again just before it resumes", () => {
    const log = transcript(function* (note) {
      yield* Cancel.sub(function* (cc) {
        yield* Fiber.both(
          function* () {
            yield* Fiber.yield();
            note("not reached");
          },
          function* () {
            cc.cancel("stop");
          },
        );
      });
    });
    expect(log).toEqual(["threw Cancelled: stop"]);
  });

  it("SC-13 SC-14 RB-45 a cancel function runs at most once, and the first of value and cancellation decides", () => {
    for (const order of [
      ["wake", "cancel"],
      ["cancel", "wake"],
      ["wake", "wake", "cancel"],
      ["cancel", "cancel", "wake"],
    ]) {
      let cancelCalls = 0;
      let wake: (() => void) | undefined;
      const log = transcript(function* (note) {
        yield* Cancel.sub(function* (cc) {
          yield* Fiber.both(
            function* () {
              const value = yield* suspend<string>("test", (ctx, enqueue) => {
                wake = () => enqueue({ ok: true, value: "value" });
                ctx.setCancelFn((error) => {
                  cancelCalls++;
                  enqueue({ ok: false, error });
                });
              });
              note(value);
            },
            function* () {
              for (const step of order) {
                if (step === "wake") wake!();
                else cc.cancel("stop");
              }
            },
          );
        });
      });
      expect(log, order.join()).toEqual(order[0] === "wake" ? ["value"] : ["threw Cancelled: stop"]);
      expect(cancelCalls, order.join()).toBe(order[0] === "wake" ? 0 : 1);
    }
  });

  it("SC-19 the same program gives the same transcript on every run", () => {
    const once = () =>
      transcript(function* (note, { clock }) {
        yield* Fiber.map([3, 1, 2], function* (n) {
          yield* clock.sleep(n);
          note(`${n} at ${clock.now()}`);
          yield* steps(note, `s${n}.`, 3);
        });
      });
    expect(once()).toEqual(once());
  });

  it("SC-20 finished fibers leave their context", () => {
    runMock(function* () {
      yield* Switch.run(function* (sw) {
        for (let i = 0; i < 100_000; i++) yield* Fiber.fork(sw, () => Fiber.all([]));
        expect(sw.dump()).toMatch(/^Switch \d+ \(0 extra fibers\):\ncontext \d+: on \[2 \(main\)\]$/);
      });
    });
  });
});

describe("the event loop", () => {
  it("SC-15 SC-16 RB-11 a fiber that yields for ever keeps neither timers nor messages from coming", async () => {
    const seen = await run(function* ({ clock }) {
      const seen: string[] = [];
      yield* Fiber.first(
        function* () {
          for (;;) yield* Fiber.yield();
        },
        function* () {
          yield* clock.sleep(0.01);
          seen.push("timer");
          for (let i = 1; i <= 3; i++) {
            yield* suspend<void>("macrotask", (_ctx, enqueue) => later(() => enqueue({ ok: true, value: undefined })));
            seen.push(`message ${i}`);
          }
          // Two turns: it is fetched, and then read.
          const response = yield* suspend<Response>("fetch", (_ctx, enqueue) => {
            void fetch("data:,text").then((value) => enqueue({ ok: true, value }));
          });
          seen.push(
            yield* suspend<string>("text", (_ctx, enqueue) => {
              void response.text().then((value) => enqueue({ ok: true, value }));
            }),
          );
        },
      );
      return seen;
    });
    expect(seen).toEqual(["timer", "message 1", "message 2", "message 3", "text"]);
  });

  it("SC-17 timers with one deadline fire in order of registration, earlier deadlines first", () => {
    const log = transcript(function* (note, { clock }) {
      yield* Fiber.all(
        [
          ["c", 3],
          ["a", 1],
          ["b1", 2],
          ["b2", 2],
          ["b3", 2],
        ].map(
          ([name, at]) =>
            function* () {
              yield* clock.sleepUntil(at as number);
              note(name as string);
            },
        ),
      );
    });
    expect(log).toEqual(["a", "b1", "b2", "b3", "c"]);
  });

  it("SC-18 MK-02 nothing runnable, nobody asleep, main unfinished: an error that names each waiting fiber", () => {
    const [never] = Deferred.create<void>({ label: "ready" });
    const error = thrownBy(() =>
      runMock(function* () {
        yield* Switch.run(
          function* (sw) {
            yield* Fiber.fork(sw, () => never.await(), { name: "reader" });
            yield* new Semaphore(0).acquire();
          },
          { name: "block" },
        );
      }),
    ) as DeadlockDetected;
    expect(error).toBeInstanceOf(DeadlockDetected);
    expect(error.waiting).toEqual([
      { id: 2, name: "main", waitsFor: "Semaphore.acquire", forkedAt: undefined },
      expect.objectContaining({ name: "reader", waitsFor: 'Deferred "ready"' }),
    ]);
    expect(error.waiting[1]!.forkedAt).toMatch(/scheduler\.test\.ts:\d+:\d+/);
    expect(error.message).toMatch(/fiber \d+ "reader" waits for Deferred "ready", forked at .*scheduler\.test\.ts/);
  });

  it("SC-21 SC-22 a wake-up may come from outside any fiber, wakes an idle loop, and is ignored when the program is over", async () => {
    const [d, r] = Deferred.create<string>();
    setTimeout(() => r.resolve("from a timer"), 5);
    expect(await run(() => d.await())).toBe("from a timer");

    const [never, late] = Deferred.create<string>();
    const ran: string[] = [];
    expect(() =>
      runMock(function* () {
        ran.push(yield* never.await());
      }),
    ).toThrow(DeadlockDetected);
    late.resolve("too late");
    flush();
    expect(ran).toEqual([]);
  });

  it("RB-34 any number of wake-ups of an idle loop, and those after the end, come to one turn", async () => {
    const cells = Array.from({ length: 10_000 }, () => Deferred.create<number>());
    const [ended, late] = Deferred.create<void>();
    setTimeout(() => cells.forEach(([, resolver], i) => resolver.resolve(i)), 1);
    const values = await run(function* () {
      yield* Fiber.first(
        () => ended.await(),
        () => Fiber.yield(),
      );
      return yield* Fiber.map(cells, ([cell]) => cell.await());
    });
    expect(values).toEqual(cells.map((_, i) => i));
    late.resolve();
    for (let i = 0; i < 1_000; i++) startRoot(() => Fiber.yield(), { onDone: () => {} }).cancel("stop");
    expect(await run(() => Deferred.createResolved("again").await())).toBe("again");
  });

  it("SC-21 RB-36 a wake-up is not lost, whatever the loop is doing when it comes", async () => {
    const moments: ((wake: () => void) => void)[] = [
      (wake) => wake(),
      (wake) => queueMicrotask(wake),
      (wake) => void Promise.resolve().then(() => Promise.resolve().then(wake)),
      (wake) => later(wake),
      (wake) => void setTimeout(wake, 0),
    ];
    const woken = await run(function* () {
      let woken = 0;
      yield* Fiber.forEach(moments, function* (moment) {
        for (let i = 0; i < 50; i++) {
          yield* suspend<void>("moment", (_, enqueue) => moment(() => enqueue({ ok: true, value: undefined })));
          woken++;
          // The loop goes to rest in other states, too.
          if (i % 2 === 0) yield* Fiber.yield();
        }
      });
      return woken;
    });
    expect(woken).toBe(50 * moments.length);
  });

  it("SC-23 RB-15 given main throws while an operation that was cancelled winds down, run ends after it", async () => {
    const log: string[] = [];
    const error = new Error("main");
    await expect(
      run(() =>
        Switch.run(function* (sw) {
          yield* Fiber.fork(sw, () =>
            suspend<void>("slow", (ctx, enqueue) => {
              ctx.setCancelFn((cancelled) => {
                log.push("told to stop");
                setTimeout(() => {
                  log.push("has stopped");
                  enqueue({ ok: false, error: cancelled });
                }, 5);
              });
            }),
          );
          throw error;
        }),
      ).finally(() => log.push("run has ended")),
    ).rejects.toBe(error);
    expect(log).toEqual(["told to stop", "has stopped", "run has ended"]);
  });

  it("SC-23 a second run works with fresh state", async () => {
    await expect(
      run(function* ({ clock }) {
        yield* Fiber.both(
          () => clock.sleep(60),
          function* () {
            throw new Error("stop");
          },
        );
      }),
    ).rejects.toThrow("stop");
    expect(
      await run(function* ({ clock }) {
        yield* clock.sleep(0.001);
        return "again";
      }),
    ).toBe("again");
  });

  it("BG-44 a fiber looping on yield and an async function looping on await alternate", async () => {
    const log: string[] = [];
    const done = run(function* () {
      for (let i = 0; i < 5; i++) {
        log.push("fiber");
        yield* Fiber.yield();
      }
    });
    const loop = (async () => {
      for (let i = 0; i < 5; i++) {
        log.push("async");
        // eslint-disable-next-line @typescript-eslint/await-thenable -- a turn of microtasks
        await null;
      }
    })();
    await Promise.all([done, loop]);
    expect(log.join(" ")).toBe("fiber async fiber async fiber async fiber async fiber async");
  });

  it("BG-40 BG-41 BG-42 wake-ups from outside run after the waker, in order, before the next macrotask", async () => {
    const log: string[] = [];
    const pairs = ["a", "b", "c"].map((name) => {
      const [d, r] = Deferred.create<void>();
      startRoot(
        function* () {
          yield* d.await();
          log.push(name);
        },
        { onDone() {} },
      );
      return r;
    });
    await new Promise<void>((done) => {
      setTimeout(() => {
        later(() => {
          log.push("macrotask");
          done();
        });
        for (const r of [pairs[2]!, pairs[0]!, pairs[1]!]) r.resolve();
        log.push("waker");
      });
    });
    expect(log).toEqual(["waker", "c", "a", "b", "macrotask"]);
  });

  it("BG-43 flush runs what can run, at once; inside a fiber it is an error", () => {
    const log: string[] = [];
    const [d, r] = Deferred.create<void>();
    startRoot(
      function* () {
        yield* d.await();
        log.push("woken");
        yield* Fiber.yield();
        log.push("and again");
      },
      { onDone() {} },
    );
    r.resolve();
    expect(log).toEqual([]);
    flush();
    expect(log).toEqual(["woken", "and again"]);
    expect(() =>
      runMock(function* () {
        flush();
      }),
    ).toThrow("flush: called inside a fiber");
  });

  it("BG-45 BG-46 a start inside a step runs at once, the outer fiber is current again afterwards, and outside there is none", async () => {
    const { currentFiber } = await import("trestle");
    const log: string[] = [];
    runMock(function* () {
      log.push(`outer ${currentFiber().name}`);
      const done = () => log.push("inner done");
      startRoot(
        function* inner() {
          log.push(`inner ${currentFiber().name}`);
        },
        { onDone: done },
      );
      log.push(`outer again ${currentFiber().name}`);
      yield* Fiber.yield();
    });
    expect(log).toEqual(["outer main", "inner inner", "inner done", "outer again main"]);
    expect(() => currentFiber()).toThrow("needs a current fiber");
    const seen = await new Promise<unknown>((ok) => setTimeout(() => ok(thrownBy(() => currentFiber()))));
    expect(String(seen)).toMatch(/NotInFiberError/);
  });

  it("a start with many levels inside one another does not overflow the stack", async () => {
    let depth = 0;
    const deeper = (): void => {
      if (++depth < 10_000)
        startRoot(
          function* () {
            deeper();
          },
          { onDone() {} },
        );
    };
    deeper();
    flush();
    expect(depth).toBe(10_000);
  });

  it("a root fiber under a cancelled parent does not start, and one can be cancelled from outside", () => {
    const outcomes: unknown[] = [];
    runMock(function* () {
      yield* Cancel.sub(function* (cc) {
        cc.cancel("stop");
        startRoot(
          function* () {
            outcomes.push("started");
          },
          { parent: cc, onDone: (outcome) => outcomes.push(outcome) },
        );
      });
    });
    expect(outcomes).toEqual([{ ok: false, error: expect.any(Cancelled) as unknown }]);

    const log: string[] = [];
    const root = startRoot(
      function* () {
        try {
          yield* Fiber.awaitCancel();
        } finally {
          yield* Cancel.protect(() => Fiber.yield());
          log.push("cleaned");
        }
      },
      { onDone: (outcome) => log.push(outcome.ok ? "ok" : String(outcome.error)) },
    );
    root.cancel("enough");
    expect(log).toEqual([]);
    flush();
    root.cancel("ignored");
    expect(log).toEqual(["cleaned", "Cancelled: enough"]);
  });
});
