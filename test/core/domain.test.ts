/** DomainManager in the mock world, where domains take turns in one thread. */
import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  Condition,
  Deferred,
  Fiber,
  Lazy,
  Mutex,
  Pool,
  Semaphore,
  Stream,
  Switch,
  jobOf,
  traceln,
  type Env,
  type Op,
} from "trestle";
import { Handler, MockDomainManager, MockFlow, MockListeningSocket, run, type MockEnv } from "trestle/mock";
import { failureOf } from "./transcript.js";

type Note = (line: string) => void;

function transcript(body: (domainMgr: MockDomainManager, env: MockEnv, note: Note) => Op<unknown>): string[] {
  const lines: string[] = [];
  run(
    (env) =>
      MockDomainManager.run(function* (domainMgr) {
        try {
          yield* body(domainMgr, env, (line) => traceln("%s", line));
        } catch (error) {
          if (error instanceof Error && error.name === "AssertionError") throw error;
          traceln("threw %s", error);
        }
      }),
    { traceln: (line) => lines.push(line) },
  );
  return lines;
}

function* double(_env: Partial<Env>, n: number): Op<number> {
  return 2 * n;
}

describe("a domain of the mock", () => {
  it("DM-01 gives the result of the job, and throws what it throws", () => {
    const failure = new Error("simulated");
    const lines = transcript(function* (domainMgr, _env, note) {
      note(
        yield* domainMgr.run(function* () {
          yield* Fiber.yield();
          return "tea";
        }),
      );
      let thrown: unknown;
      try {
        yield* domainMgr.run(function* (): Op<never> {
          throw failure;
        });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBe(failure);
    });
    expect(lines).toEqual(["[0] tea"]);
  });

  it("DM-02 lets other fibers run meanwhile", () => {
    const lines = transcript(function* (domainMgr, _env, note) {
      yield* Fiber.both(
        () =>
          domainMgr.run(function* () {
            note("begins");
            yield* Fiber.yield();
            note("ends");
          }),
        function* () {
          note("meanwhile");
        },
      );
    });
    expect(lines).toEqual(["[1] begins", "[0] meanwhile", "[1] ends"]);
  });

  it("DM-03 cancels the job along with the caller, who waits for its end; both see one reason", () => {
    const lines = transcript(function* (domainMgr, _env, note) {
      const reason = new Error("enough");
      yield* Fiber.both(
        function* () {
          try {
            yield* domainMgr.run(function* () {
              try {
                yield* Fiber.awaitCancel();
              } catch (error) {
                note(`cancelled ${String((error as Cancelled).reason === reason)}`);
                yield* Cancel.protect(() => Fiber.yield());
                note("cleaned up");
                throw error;
              }
            });
          } catch (error) {
            note(`outside ${String((error as Cancelled).reason === reason)}`);
            throw error;
          }
        },
        function* () {
          throw reason;
        },
      );
    });
    expect(lines).toEqual(["[1] cancelled true", "[1] cleaned up", "[0] outside true", "[0] threw Error: enough"]);
  });

  it("DM-04 starts nothing in a cancelled context", () => {
    const lines = transcript(function* (domainMgr, _env, note) {
      yield* Cancel.sub(function* (cc) {
        cc.cancel("enough");
        for (const start of [domainMgr.run(job), domainMgr.runRaw(job)]) note(yield* failureOf(start));
        function* job(): Op<void> {
          note("started");
        }
      });
    });
    expect(lines).toEqual(["[0] Cancelled: enough", "[0] Cancelled: enough"]);
  });

  it("DM-07 a release handler that another domain registers runs in the switch's own", () => {
    const lines = transcript(function* (domainMgr, _env, note) {
      yield* Switch.run(function* (sw) {
        const [first, second] = yield* domainMgr.run(function* () {
          yield* sw.onRelease(() => note("released"));
          const first = yield* sw.onReleaseCancellable(() => note("never"));
          return [first, yield* sw.onReleaseCancellable(() => note("released, too"))];
        });
        note(String([first.tryRemove(), first.tryRemove()]));
        expect(second).toBeDefined();
      });
    });
    expect(lines).toEqual(["[0] true,false", "[0] released, too", "[0] released"]);
  });

  it("DM-08 does not inherit fiber-locals", () => {
    const key = Fiber.createKey<string>("request");
    const lines = transcript(function* (domainMgr, _env, note) {
      yield* Fiber.withBinding(key, "r-17", function* () {
        const inside = yield* domainMgr.run(function* () {
          return Fiber.get(key);
        });
        note(`inside ${inside}, outside ${Fiber.get(key)}`);
      });
    });
    expect(lines).toEqual(["[0] inside undefined, outside r-17"]);
  });

  it("DM-09 runRaw is not cancelled while it runs; the cancellation comes later", () => {
    const lines = transcript(function* (domainMgr, env, note) {
      yield* Cancel.sub(function* (cc) {
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, function* () {
            yield* env.clock.sleep(0.01);
            cc.cancel("enough");
          });
          note(
            yield* domainMgr.runRaw(function* () {
              yield* env.clock.sleep(0.02);
              return "done";
            }),
          );
          note(yield* failureOf(Fiber.yield()));
        });
      });
    });
    expect(lines).toEqual(["[0] done", "[0] Cancelled: enough"]);
  });

  it("DM-11 reports the cancellation when the job ends normally in spite of it", () => {
    const lines = transcript(function* (domainMgr, _env, note) {
      yield* Cancel.sub(function* (cc) {
        const job = function* (): Op<string> {
          cc.cancel("enough");
          note("goes on");
          return "done";
        };
        note(yield* failureOf(domainMgr.run(job)));
      });
    });
    expect(lines).toEqual(["[1] goes on", "[0] Cancelled: enough"]);
  });

  it("MK-21 counts from 1 on, is in one thread, and says which one it is", () => {
    const lines = transcript(function* (domainMgr, _env, note) {
      const seen: (string | undefined)[] = [Fiber.get(MockDomainManager.id)];
      const look = function* (): Op<void> {
        seen.push(Fiber.get(MockDomainManager.id));
        note("here");
      };
      yield* domainMgr.run(look);
      yield* domainMgr.run(function* () {
        yield* look();
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, look);
          yield* domainMgr.runRaw(look);
        });
      });
      yield* look();
      expect(seen).toEqual(["0", "1", "2", "2", "3", "0"]);
    });
    expect(lines).toEqual(["[1] here", "[2] here", "[2] here", "[3] here", "[0] here"]);
  });

  it("MK-21 writes where lines go by default, with one prefix", () => {
    const prefixes: string[] = [];
    const domainMgr = new MockDomainManager();
    run(
      () =>
        domainMgr.run(() =>
          domainMgr.run(function* () {
            traceln("inner");
          }),
        ),
      { traceln: (line) => prefixes.push(line) },
    );
    expect(prefixes).toEqual(["[2] inner"]);
  });

  it("MK-22 two domains and this one that accept from one socket take turns", () => {
    const lines = transcript(function* (domainMgr, _env, note) {
      const socket = new MockListeningSocket("server");
      const connection = (i: number) => [new MockFlow(`client ${i}`), socket.address] as const;
      const turns = new Handler<readonly [MockFlow, typeof socket.address]>({ run: () => Fiber.awaitCancel() });
      turns.seq([1, 2, 3].map((i) => ({ yieldThen: { return: connection(i) } })));
      socket.onAccept.setHandler(() => turns.run());
      const serve = () =>
        socket.serve(
          function* (flow) {
            note(`handles ${(flow as MockFlow).label}`);
            yield* Fiber.yield();
          },
          { onError: (error) => note(String(error)) },
        );
      yield* Fiber.first<unknown>(
        () => Fiber.all([() => domainMgr.run(serve), () => domainMgr.run(serve), serve] as (() => Op<unknown>)[]),
        function* () {
          for (let i = 0; i < 10; i++) yield* Fiber.yield();
        },
      );
    });
    expect(lines.filter((line) => line.includes("handles"))).toEqual([
      "[1] handles client 1",
      "[2] handles client 2",
      "[0] handles client 3",
    ]);
  });

  it("runs what its modules export, with copies of the arguments, and its env", () => {
    const given: unknown[] = [];
    const modules = {
      "/srv/jobs.js": {
        double,
        *keep(env: Partial<Env>, list: string[]): Op<string[]> {
          given.push(env.backendId, list);
          return list;
        },
        plain: (a: number, b: number) => a + b,
      },
    };
    run(function* (env) {
      const domainMgr = new MockDomainManager({ modules, env });
      expect(yield* domainMgr.run(jobOf<typeof double>("/srv/jobs.js", "double", [21]))).toBe(42);
      const list = ["tea"];
      const kept = yield* domainMgr.run<string[]>({ module: "/srv/jobs.js", name: "keep", args: [list] });
      expect(given).toEqual(["mock", ["tea"]]);
      expect([kept, given[1] === list, kept === given[1]]).toEqual([["tea"], false, false]);
      expect(yield* domainMgr.runRaw({ module: "/srv/jobs.js", name: "plain", args: [1, 2] })).toBe(3);
      expect(yield* failureOf(domainMgr.run({ module: "/srv/jobs.js", name: "other" }))).toBe(
        'TypeError: DomainManager.run: the module /srv/jobs.js has no function "other"',
      );
    });
  });

  it("DM-05 DM-06 DM-10 refuses what real domains refuse: what belongs to the fibers of one of them, by its name", () => {
    run(function* (env) {
      const modules = {
        m: {
          double,
          *gives(): Op<unknown> {
            return { stream: new Stream(1) };
          },
        },
      };
      const domainMgr = new MockDomainManager({ modules, env });
      const [cell, resolver] = Deferred.create<number>();
      yield* Switch.run(function* (sw) {
        const bound: [unknown, string][] = [
          [sw.context, "Cancellation context"],
          [sw, "Switch"],
          [Switch.nullHook, "Hook"],
          [cell, "Deferred"],
          [resolver, "Resolver"],
          [new Stream(1), "Stream"],
          [new Semaphore(1), "Semaphore"],
          [new Mutex(), "Mutex"],
          [new Condition(), "Condition"],
          [Lazy.fromVal(1), "Lazy"],
          [new Pool(1, () => double({}, 1)), "Pool"],
        ];
        for (const [value, name] of bound) {
          for (const args of [[value], [1, { deep: [value] }], [new Map([["key", value]])], [new Set([value])]]) {
            expect(yield* failureOf(domainMgr.run({ module: "m", name: "double", args }))).toBe(
              `InvalidArgument: ${name} accessed from wrong domain!`,
            );
          }
        }
      });
      expect(yield* failureOf(domainMgr.run({ module: "m", name: "gives" }))).toBe(
        "InvalidArgument: Stream accessed from wrong domain!",
      );
    });
  });

  it("refuses arguments that cannot be copied, and says which", () => {
    run(function* (env) {
      const domainMgr = new MockDomainManager({ modules: { m: { double } }, env });
      const failure = (...args: unknown[]): Op<string> =>
        failureOf(domainMgr.run({ module: "m", name: "double", args }));
      expect(yield* failure(1, { list: [0, () => 1] })).toBe(
        'TypeError: DomainManager.run: "job.args[1].list[1]" must be something that can be copied to another domain, got a function',
      );
      expect(yield* failure(Symbol("s"))).toMatch(/"job.args\[0\]" must be .*, got a symbol/);
      expect(yield* failure(Promise.resolve())).toMatch(
        /^TypeError: DomainManager.run: its arguments must be something that can be copied to another domain: DataCloneError: /,
      );
      const cycle: unknown[] = [];
      cycle.push(cycle);
      expect(yield* failureOf(domainMgr.run({ module: "m", name: "double", args: cycle }))).toBe("nothing was thrown");
    });
  });

  it("refuses what is no job", () => {
    run(function* () {
      const domainMgr = new MockDomainManager();
      const failure = (job: unknown, options?: unknown): Op<string> =>
        failureOf(domainMgr.run(job as never, options as never));
      expect(yield* failure(null)).toBe(
        'TypeError: DomainManager.run: "job" must be a job: { module, name, args }, got null',
      );
      expect(yield* failure({ name: "x" })).toMatch(
        /"job.module" must be the URL or the path of a module, got undefined/,
      );
      expect(yield* failure({ module: "m" })).toMatch(/"job.name" must be a string/);
      expect(yield* failure({ module: "m", name: "x", args: 1 })).toMatch(/"job.args" must be an array/);
      expect(yield* failure({ module: "m", name: "x", transfer: 1 })).toMatch(/"job.transfer" must be an array/);
      expect(yield* failure(async () => {})).toMatch(/"job" must be a function returning an op, got an async function/);
      expect(yield* failure(() => double({}, 1), { grace: NaN })).toMatch(
        /"options.grace" must be a number of seconds/,
      );
      expect(yield* failureOf(domainMgr.open({} as never))).toMatch(/"options.sw" must be a Switch/);
    });
  });
});
