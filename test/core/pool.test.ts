import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Cancel,
  Deferred,
  DeadlockDetected,
  Fiber,
  InvalidArgument,
  Multiple,
  Pool,
  Switch,
  currentFiber,
  type Op,
  type PoolOptions,
  type Resolver,
  type Result,
} from "trestle";
import { run } from "trestle/mock";
import { listen } from "../../core/engine/probe.js";
import { steps, thrownBy, transcript, type Note } from "./transcript.js";

/** A pool of numbers, counted from 1, that notes what is done to them. */
function numbered(note: Note, n: number, options?: PoolOptions<number>): Pool<number> {
  let last = 0;
  return new Pool(
    n,
    function* () {
      note(`making ${++last}`);
      return last;
    },
    {
      dispose(item) {
        note(`disposing ${item}`);
      },
      ...options,
    },
  );
}

/** Uses an item for some turns. */
function* user(note: Note, pool: Pool<number>, name: string, turns = 1, neverBlock = false): Op<void> {
  try {
    yield* pool.use(
      function* (item) {
        note(`${name} has ${item}`);
        for (let i = 0; i < turns; i++) yield* Fiber.yield();
        note(`${name} is done`);
      },
      { neverBlock },
    );
  } catch (error) {
    note(`${name}: ${String(error)}`);
  }
}

/** A pool whose `alloc` waits to be told what to do: a script entry for each call. */
function scripted(note: Note, n: number, options?: PoolOptions<string>) {
  const calls: Resolver<Result<string>>[] = [];
  const pool = new Pool<string>(
    n,
    function* () {
      const call = calls.length;
      note(`making ${call}`);
      const [made, resolver] = Deferred.create<Result<string>>();
      calls.push(resolver);
      try {
        return yield* made.awaitOrThrow();
      } catch (error) {
        note(`making ${call} failed: ${String(error)}`);
        throw error;
      }
    },
    options,
  );
  return { pool, calls };
}

function* uses(note: Note, pool: Pool<string>, name: string): Op<void> {
  try {
    yield* pool.use(function* (item) {
      note(`${name} has ${item}`);
    });
  } catch (error) {
    note(`${name}: ${String(error)}`);
  }
}

function* turns(count: number): Op<void> {
  for (let i = 0; i < count; i++) yield* Fiber.yield();
}

describe("Pool", () => {
  it("PL-01 a size that is not positive is refused, and nothing is made at creation", () => {
    for (const n of [0, -1]) {
      const thrown = thrownBy(() => new Pool(n, () => Fiber.yield()));
      expect(thrown).toBeInstanceOf(InvalidArgument);
      expect((thrown as Error).message).toBe("Pool.create: max_size is <= 0");
    }
    const wrong = (value: unknown) => value as never;
    const alloc = () => Fiber.yield();
    expect(() => new Pool(1.5, alloc)).toThrow('new Pool: "n" must be an integer, got the number 1.5');
    expect(() => new Pool(1, wrong(Promise.resolve()))).toThrow('new Pool: "alloc" must be a function returning an op');
    expect(() => new Pool(1, alloc, wrong(1))).toThrow('new Pool: "options" must be an object');
    expect(() => new Pool(1, alloc, { validate: wrong(true) })).toThrow('"options.validate" must be a function');
    expect(() => new Pool(1, alloc, { dispose: wrong({}) })).toThrow('"options.dispose" must be a function');
    const pool = new Pool(1, alloc);
    expect(() => pool.use(wrong(1))).toThrow('Pool.use: "fn" must be a function returning an op, got the number 1');
    expect(() => pool.use(alloc, { neverBlock: wrong("yes") })).toThrow('"options.neverBlock" must be a boolean');
    const log = transcript(function* (note) {
      numbered(note, 1);
      yield* Fiber.yield();
    });
    expect(log).toEqual([]);
  });

  it("PL-02 PL-17 makes an item only when none is free and there is room; free ones are used in the order of their return", () => {
    const log = transcript(function* (note) {
      const pool = numbered(note, 3);
      yield* Fiber.all([
        () => user(note, pool, "a", 3),
        () => user(note, pool, "b", 1),
        () => user(note, pool, "c", 2),
      ]);
      note("all are free");
      yield* Fiber.all(["d", "e", "f"].map((name) => () => user(note, pool, name)));
    });
    expect(log).toEqual([
      ...["making 1", "a has 1", "making 2", "b has 2", "making 3", "c has 3"],
      ...["b is done", "c is done", "a is done", "all are free"],
      ...["d has 2", "e has 3", "f has 1", "d is done", "e is done", "f is done"],
    ]);
  });

  it("PL-03 with one item the second user waits for it; with two items they run side by side", () => {
    const two = (n: number) =>
      transcript(function* (note) {
        const pool = numbered(note, n);
        yield* Fiber.both(
          () => user(note, pool, "a"),
          () => user(note, pool, "b"),
        );
      });
    expect(two(1)).toEqual(["making 1", "a has 1", "a is done", "b has 1", "b is done"]);
    expect(two(2)).toEqual(["making 1", "a has 1", "making 2", "b has 2", "a is done", "b is done"]);
  });

  it("PL-04 the item is returned on success and on error; the value is the result, the error is thrown as it is", () => {
    run(function* () {
      const pool = numbered(() => {}, 1);
      expect(yield* pool.use((item) => Fiber.map([item], (n) => turnsThen(n * 10)))).toEqual([10]);
      const failure = new Error("use");
      let thrown: unknown;
      try {
        yield* pool.use(function* () {
          yield* Fiber.yield();
          throw failure;
        });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBe(failure);
      expect(pool.dump()).toMatch(/1 of 1 items, 1 free, 0 waiting$/);
    });
  });

  it("PL-05 PL-06 RB-41 when making an item fails, that use fails, and the next waiting user makes one", () => {
    const log = transcript(function* (note) {
      const { pool, calls } = scripted(note, 1);
      yield* Fiber.all([
        () => uses(note, pool, "a"),
        () => uses(note, pool, "b"),
        function* () {
          yield* Fiber.yield();
          calls[0]!.resolveError(new Error("no luck"));
          yield* turns(2);
          calls[1]!.resolveOk("item");
        },
      ]);
      yield* uses(note, pool, "c");
    });
    expect(log).toEqual([
      ...["making 0", "making 0 failed: Error: no luck", "a: Error: no luck"],
      ...["making 1", "b has item", "c has item"],
    ]);
  });

  it("PL-05 when making an item fails and nobody waits, the place is not lost", () => {
    const log = transcript(function* (note) {
      const { pool, calls } = scripted(note, 1);
      for (const outcome of ["fails", "works"]) {
        yield* Fiber.both(
          () => uses(note, pool, outcome),
          function* () {
            yield* Fiber.yield();
            if (outcome === "fails") calls[0]!.resolveError(new Error("no luck"));
            else calls[1]!.resolveOk("item");
          },
        );
        note(pool.dump().replace(/^.*: /, ""));
      }
    });
    expect(log).toEqual([
      ...["making 0", "making 0 failed: Error: no luck", "fails: Error: no luck", "0 of 1 items, 0 free, 0 waiting"],
      ...["making 1", "works has item", "1 of 1 items, 1 free, 0 waiting"],
    ]);
  });

  it("PL-07 PL-08 an item is validated before each re-use; one that is not valid is disposed, and another made for that use", () => {
    for (const asOp of [false, true]) {
      const log = transcript(function* (note) {
        const verdicts = [true, false, true];
        const pool = numbered(note, 1, {
          validate(item) {
            note(`validating ${item}`);
            const verdict = verdicts.shift()!;
            return asOp ? turnsThen(verdict) : verdict;
          },
          dispose(item) {
            note(`disposing ${item}`);
            return asOp ? Fiber.yield() : undefined;
          },
        });
        for (const name of ["a", "b", "c", "d"]) yield* user(note, pool, name, 0);
      });
      expect(log).toEqual([
        ...["making 1", "a has 1", "a is done"],
        ...["validating 1", "b has 1", "b is done"],
        ...["validating 1", "disposing 1", "making 2", "c has 2", "c is done"],
        ...["validating 2", "d has 2", "d is done"],
      ]);
    }
  });

  it("an item whose validation throws is disposed, the use fails with that error, and the next one makes another", () => {
    const log = transcript(function* (note) {
      const pool = numbered(note, 1, {
        validate() {
          throw new Error("validate");
        },
      });
      for (const name of ["a", "b", "c"]) yield* user(note, pool, name, 0);
    });
    expect(log).toEqual([
      ...["making 1", "a has 1", "a is done"],
      ...["disposing 1", "b: Error: validate"],
      ...["making 2", "c has 2", "c is done"],
    ]);
  });

  it("PL-09 when disposing throws, the use fails with that error, and the item is gone", () => {
    for (const dispose of [
      () => {
        throw new Error("dispose");
      },
      function* (): Op<void> {
        yield* Fiber.yield();
        throw new Error("dispose");
      },
    ]) {
      const log = transcript(function* (note) {
        const pool = numbered(note, 1, { validate: () => false, dispose });
        for (const name of ["a", "b", "c"]) yield* user(note, pool, name, 0);
      });
      expect(log).toEqual([
        ...["making 1", "a has 1", "a is done", "b: Error: dispose"],
        ...["making 2", "c has 2", "c is done"],
      ]);
    }
  });

  it("PL-10 waiting users are served in order, and a cancelled one swallows no item", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const pool = numbered(note, 1);
        yield* Fiber.fork(sw, () => user(note, pool, "a", 4));
        yield* Fiber.yield();
        yield* Cancel.sub(function* (cc) {
          yield* Fiber.fork(sw, () => user(note, pool, "b"));
          yield* Fiber.both(
            () => user(note, pool, "cancelled"),
            function* () {
              yield* Fiber.fork(sw, () => user(note, pool, "c"));
              cc.cancel("stop");
              note(pool.dump().replace(/^.*: /, ""));
              yield* user(note, pool, "too late");
            },
          );
        });
      }),
    );
    expect(log).toEqual([
      ...["making 1", "a has 1", "1 of 1 items, 0 free, 2 waiting"],
      ...["cancelled: Cancelled: stop", "too late: Cancelled: stop"],
      ...["a is done", "b has 1", "b is done", "c has 1", "c is done"],
    ]);
  });

  it("a user that was handed an item and is cancelled before it resumes has it, and returns it", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        const pool = numbered(note, 1);
        yield* Fiber.both(
          function* () {
            yield* pool.use(() => turns(2));
            cc.cancel("stop");
          },
          () => user(note, pool, "b"),
        );
        note(pool.dump().replace(/^.*: /, ""));
      }),
    );
    expect(log).toEqual(["making 1", "b has 1", "b: Cancelled: stop", "1 of 1 items, 1 free, 0 waiting"]);
  });

  it("PL-11 cancelling both the fiber that makes an item and the one that waits leaves the pool usable", () => {
    const log = transcript(function* (note) {
      const { pool, calls } = scripted(note, 1);
      yield* Cancel.sub((cc) =>
        Fiber.all([
          () => uses(note, pool, "a"),
          () => uses(note, pool, "b"),
          function* () {
            yield* Fiber.yield();
            cc.cancel("stop");
          },
        ]),
      );
      yield* Fiber.both(
        () => uses(note, pool, "c"),
        function* () {
          yield* Fiber.yield();
          calls[1]!.resolveOk("item");
        },
      );
      note(pool.dump().replace(/^.*: /, ""));
    });
    expect(log).toEqual([
      ...["making 0", "making 0 failed: Cancelled: stop", "a: Cancelled: stop", "b: Cancelled: stop"],
      ...["making 1", "c has item", "1 of 1 items, 1 free, 0 waiting"],
    ]);
  });

  it("PL-12 neverBlock with all items in use: an extra one is made, used and disposed, also on error", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const pool = numbered(note, 1);
        yield* Fiber.fork(sw, () => user(note, pool, "a", 4));
        yield* Fiber.yield();
        yield* user(note, pool, "b", 1, true);
        try {
          yield* pool.use(
            function* () {
              throw new Error("use");
            },
            { neverBlock: true },
          );
        } catch (error) {
          note(String(error));
        }
      }),
    );
    expect(log).toEqual([
      ...["making 1", "a has 1"],
      ...["making 2", "b has 2", "b is done", "disposing 2"],
      ...["making 3", "disposing 3", "Error: use"],
      "a is done",
    ]);
  });

  it("PL-12 errors of an extra item are told: of making it, of disposing it, and both of using and disposing it", () => {
    run(() =>
      Switch.run(function* (sw) {
        const failures = { alloc: new Error("alloc"), use: new Error("use"), dispose: new Error("dispose") };
        let failing = { alloc: false, use: false, dispose: false };
        const pool = new Pool<void>(
          1,
          function* () {
            if (failing.alloc) throw failures.alloc;
          },
          {
            dispose() {
              if (failing.dispose) throw failures.dispose;
            },
          },
        );
        yield* Fiber.forkDaemon(sw, () => pool.use(() => Fiber.awaitCancel()));
        yield* Fiber.yield();
        const attempt = function* (change: Partial<typeof failing>): Op<unknown> {
          failing = { alloc: false, use: false, dispose: false, ...change };
          try {
            return yield* pool.use(
              function* () {
                if (failing.use) throw failures.use;
                return "used";
              },
              { neverBlock: true },
            );
          } catch (error) {
            return error;
          }
        };
        expect(yield* attempt({})).toBe("used");
        expect(yield* attempt({ alloc: true })).toBe(failures.alloc);
        expect(yield* attempt({ dispose: true })).toBe(failures.dispose);
        const both = yield* attempt({ use: true, dispose: true });
        expect(both).toBeInstanceOf(Multiple);
        expect((both as Multiple).errors).toEqual([failures.use, failures.dispose]);
        expect(pool.dump()).toMatch(/1 of 1 items, 0 free, 0 waiting$/);
      }),
    );
  });

  it("PL-13 neverBlock with room, or with a free item, is a normal use", () => {
    const log = transcript(function* (note) {
      const pool = numbered(note, 1);
      yield* user(note, pool, "a", 1, true);
      yield* user(note, pool, "b", 1, true);
      note(pool.dump().replace(/^.*: /, ""));
    });
    expect(log).toEqual([
      ...["making 1", "a has 1", "a is done", "b has 1", "b is done"],
      "1 of 1 items, 1 free, 0 waiting",
    ]);
  });

  it("PL-14 a free item is used without switching fibers or a check; making one goes through the run queue once", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.both(
          () => Cancel.protect(() => steps(note, "other", 3)),
          function* () {
            const pool = numbered(note, 2);
            yield* user(note, pool, "a", 0);
            cc.cancel("stop");
            yield* user(note, pool, "b", 0);
            yield* pool.use(function* () {
              // The place for a second one is not taken by a cancelled fiber.
              yield* user(note, pool, "c", 0);
            });
            note(pool.dump().replace(/^.*: /, ""));
          },
        ),
      ),
    );
    expect(log).toEqual([
      ...["other1", "other2", "making 1", "a has 1", "a is done"],
      ...["b has 1", "b is done", "other3", "c: Cancelled: stop"],
      "1 of 2 items, 1 free, 0 waiting",
    ]);
  });

  it("PL-14 items may be handed out in another order than they were asked for", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const pool = numbered(note, 2);
        const [done, resolver] = Deferred.create<void>();
        yield* Fiber.fork(sw, function* () {
          yield* pool.use(() => done.await());
          yield* user(note, pool, "again", 0);
        });
        yield* Fiber.yield();
        resolver.resolve();
        note("another user asks");
        yield* user(note, pool, "another", 0);
      }),
    );
    expect(log).toEqual([
      ...["making 1", "another user asks"],
      ...["again has 1", "again is done", "making 2", "another has 2", "another is done"],
    ]);
  });

  it("PL-15 one item, users A and B that never block, C and D that do: two items are made, the extra one is disposed", () => {
    const log = transcript(function* (note) {
      const pool = numbered(note, 1);
      yield* Fiber.all([
        () => user(note, pool, "A", 2, true),
        () => user(note, pool, "B", 2, true),
        () => user(note, pool, "C"),
        () => user(note, pool, "D"),
      ]);
    });
    expect(log).toEqual([
      ...["making 1", "B has 1", "making 2", "A has 2"],
      ...["B is done", "disposing 1", "A is done", "C has 2", "C is done", "D has 2", "D is done"],
    ]);
  });

  it("PL-16 alloc runs in the fiber and in the context of whoever calls use", () => {
    run(() =>
      Cancel.sub(function* () {
        let maker: unknown;
        const pool = new Pool(1, function* () {
          maker = [currentFiber().id, currentFiber().context];
        });
        yield* pool.use(function* () {});
        expect(maker).toEqual([currentFiber().id, currentFiber().context]);
        expect((maker as unknown[])[1]).toBe(currentFiber().context);
      }),
    );
  });

  it("an item is disposed to the end in a cancelled fiber", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const pool = numbered(note, 1, {
          *dispose(item) {
            yield* Fiber.yield();
            note(`disposed ${item}`);
          },
        });
        yield* Fiber.forkDaemon(sw, () => pool.use(() => Fiber.awaitCancel()));
        yield* Fiber.yield();
        yield* Fiber.first(
          () => user(note, pool, "a", 9, true),
          () => turns(1),
        );
      }),
    );
    expect(log).toEqual([
      ...["making 1", "making 2", "a has 2", "disposed 2", "a: Cancelled: NotFirst: another branch came first"],
    ]);
  });

  it("without validate and dispose, items are taken as they are and dropped", () => {
    run(() =>
      Switch.run(function* (sw) {
        let made = 0;
        const pool = new Pool(1, function* () {
          return ++made;
        });
        yield* Fiber.forkDaemon(sw, () => pool.use(() => Fiber.awaitCancel()));
        yield* Fiber.yield();
        for (let i = 2; i < 4; i++) expect(yield* pool.use((item) => turnsThen(item), { neverBlock: true })).toBe(i);
      }),
    );
  });

  it("says in a dead-lock report who waits for which pool, and tells listeners about items taken and returned", () => {
    const log: string[] = [];
    const stop = listen({
      objectCreated: (_pool, kind, name) => log.push(`${kind} ${name}`),
      get: () => log.push("get"),
      put: () => log.push("put"),
      tryGet: () => log.push("has to wait"),
    });
    let id = 0;
    const report = thrownBy(() =>
      run(function* () {
        const pool = new Pool(1, () => turnsThen(1), { name: "connections" });
        yield* pool.use(() => Fiber.yield());
        const other = new Pool(1, () => turnsThen(1));
        id = other.id;
        yield* Fiber.both(
          () => pool.use(() => pool.use(() => Fiber.yield())),
          () => other.use(() => other.use(() => Fiber.yield())),
        );
      }),
    ) as DeadlockDetected;
    stop();
    expect(report).toBeInstanceOf(DeadlockDetected);
    expect(report.waiting.map((fiber) => fiber.waitsFor)).toEqual([`Pool.use ${id}`, 'Pool.use "connections"']);
    expect(log).toEqual([
      ...["Pool connections", "get", "put", "Pool undefined"],
      ...["get", "has to wait", "get", "has to wait"],
    ]);
  });
});

function* turnsThen<T>(value: T): Op<T> {
  yield* Fiber.yield();
  return value;
}

interface Client {
  /** Turns before the use, turns of the use, and turns after which it is given up. */
  readonly pause: number;
  readonly turns: number;
  readonly patience: number;
  readonly neverBlock: boolean;
  readonly fails: boolean;
}

const clients = fc.array(
  fc.record<Client>({
    pause: fc.nat(4),
    turns: fc.nat(3),
    patience: fc.nat(12),
    neverBlock: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    fails: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 8 },
);

// What happens in `alloc`, `validate` and `dispose`, call by call: how many turns they take, and how they end.
const events = fc.array(fc.tuple(fc.nat(2), fc.constantFrom("well", "well", "well", "throws", "invalid")), {
  maxLength: 12,
});

it("PT-05 RB-41 whatever is cancelled and whatever fails, every client ends, no item is shared, and the count is right", () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 1, 2), clients, events, (n, script, happens) => {
      const made = new Set<object>();
      const inUse = new Set<object>();
      let extra = 0;
      let event = 0;
      const act = function* (): Op<string> {
        const [count, end] = happens[event++] ?? [0, "well"];
        yield* turns(count);
        if (end === "throws") throw new Error("event");
        return end;
      };
      const pool = new Pool<object>(
        n,
        function* () {
          yield* act();
          const item = {};
          made.add(item);
          expect(made.size).toBeLessThanOrEqual(n + extra);
          return item;
        },
        {
          *validate(item) {
            expect(made.has(item) && !inUse.has(item)).toBe(true);
            return (yield* act()) !== "invalid";
          },
          *dispose(item) {
            expect(made.delete(item) && !inUse.has(item)).toBe(true);
            yield* act();
          },
        },
      );
      let ended = 0;
      run(function* () {
        yield* Fiber.all(
          script.map(
            (client) =>
              function* (): Op<void> {
                yield* turns(client.pause);
                if (client.neverBlock) extra++;
                try {
                  yield* Fiber.first(
                    () =>
                      pool.use(
                        function* (item) {
                          expect(made.has(item) && !inUse.has(item)).toBe(true);
                          inUse.add(item);
                          try {
                            yield* turns(client.turns);
                            if (client.fails) throw new Error("use");
                          } finally {
                            inUse.delete(item);
                          }
                        },
                        { neverBlock: client.neverBlock },
                      ),
                    () => turns(client.patience),
                  );
                } catch (error) {
                  expect(String(error)).toMatch(/^(Error: (use|event)|Multiple exceptions:\n- Error: (use|event))/);
                }
                if (client.neverBlock) extra--;
                ended++;
              },
          ),
        );
        const [, places, free, waiting] = /: (\d) of \d items, (\d) free, (\d) waiting$/.exec(pool.dump())!;
        expect([Number(places), Number(free), Number(waiting)]).toEqual([made.size, made.size, 0]);
        // All places can be used again.
        happens.length = 0;
        const all = yield* Fiber.map(Array.from({ length: n }), () => pool.use((item) => turnsThen(item)));
        expect(new Set(all).size).toBe(n);
      });
      expect(ended).toBe(script.length);
    }),
    { numRuns: 1500 },
  );
});
