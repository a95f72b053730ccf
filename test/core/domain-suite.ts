// What domains do, in Node and in a page alike: each case gives something that can be compared there and sent from here.

import {
  Cancel,
  Condition,
  Deferred,
  DomainCrashed,
  DomainExited,
  DomainTerminated,
  EndOfFile,
  ExecutorPool,
  Fiber,
  IoError,
  Multiple,
  Mutex,
  Semaphore,
  Stream,
  Switch,
  Timeout,
  type DomainManager,
  type ModuleJob,
  type Op,
} from "trestle";
import type * as jobs from "./domain-jobs.js";

type Name = Exclude<keyof typeof jobs, number | symbol>;

/** One end of a `MessageChannel`, which Node and pages have in common. */
export interface Port {
  onmessage: ((event: { data: string }) => void) | null;
  postMessage(message: string): void;
  close(): void;
}

/** What a case is given. */
export interface Given {
  readonly domainMgr: DomainManager;
  /** Where the jobs are. */
  readonly module: string;
}

/** One case: its title, what it comes to, and what it does. */
export interface Case {
  readonly title: string;
  readonly expected: unknown;
  readonly body: (domainMgr: DomainManager, job: <T>(name: Name, ...args: unknown[]) => ModuleJob<T>) => Op<unknown>;
}

/** What `op` comes to, as text. */
function* outcome(op: Op<unknown>): Op<string> {
  try {
    return `gives ${String(yield* op)}`;
  } catch (error) {
    return String(error);
  }
}

/** What `op` throws, as what it has to be. */
function* thrownBy<E = unknown>(op: Op<unknown>): Op<E> {
  try {
    yield* op;
  } catch (error) {
    return error as E;
  }
  throw new Error("nothing was thrown");
}

/** A port for a job, and what is said at our end. */
function portPair(): { theirs: Port; ours: Port; said: Stream<string>; all: string[] } {
  const { port1, port2 } = new MessageChannel() as unknown as { port1: Port; port2: Port };
  const said = new Stream<string>(100);
  const all: string[] = [];
  port1.onmessage = ({ data }) => {
    all.push(data);
    said.tryAdd(data);
  };
  return { theirs: port2, ours: port1, said, all };
}

/** Runs a job that waits, and cancels it when it has started. */
function* cancelled(
  domainMgr: DomainManager,
  make: (port: Port) => ModuleJob<unknown>,
): Op<{ text: string; reasonIsOurs: boolean; said: string[] }> {
  const { theirs, ours, said, all } = portPair();
  const reason = new Error("enough");
  const thrown = yield* thrownBy<Error & { reason?: unknown }>(
    Cancel.sub(function* (cc) {
      yield* Fiber.both(
        () => domainMgr.run({ ...make(theirs), transfer: [theirs] }),
        function* () {
          yield* said.take();
          cc.cancel(reason);
        },
      );
    }),
  );
  ours.close();
  return { text: String(thrown), reasonIsOurs: thrown.reason === reason, said: all };
}

export const cases: readonly Case[] = [
  {
    title: "DM-01 gives the result of the job, whose arguments are copied or go over",
    expected: [3, 8, 0, 3],
    *body(domainMgr, job) {
      const buffer = new ArrayBuffer(8);
      return [
        yield* domainMgr.run(job("add", 1, 2)),
        yield* domainMgr.run({ ...job("size", buffer), transfer: [buffer] }),
        buffer.byteLength,
        yield* domainMgr.runRaw(job("addNow", 1, 2)),
      ];
    },
  },
  {
    title: "DM-01 throws what the job throws, with its class, code, steps and stack",
    expected: [
      [true, "Not_found", ["opening a.txt", "running the job"], true],
      [true, "NO", "out of luck", true],
      [true, true, true],
      ["Cancelled: by itself", "a text"],
    ],
    *body(domainMgr, job) {
      return yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        const io = yield* thrownBy<IoError>(domain.run(job("fail", "steps")));
        const own = yield* thrownBy<RangeError & { code: string }>(domain.run(job("fail", "own")));
        const both = yield* thrownBy<Multiple>(domain.run(job("fail", "multiple")));
        return [
          [io instanceof IoError, io.err.kind, io.context, io.stack!.includes("fail")],
          [own instanceof RangeError, own.code, own.message, own.cause instanceof TypeError],
          [both instanceof Multiple, both.errors[0] instanceof EndOfFile, both.errors[1] instanceof Timeout],
          [yield* outcome(domain.run(job("fail", "cancelled"))), yield* thrownBy(domain.run(job("fail", "a text")))],
        ];
      });
    },
  },
  {
    title: "DM-02 lets other fibers run meanwhile, and domains talk over ports",
    expected: ["told now", ["started"]],
    *body(domainMgr, job) {
      const { theirs, ours, said, all } = portPair();
      const [result] = yield* Fiber.pair(
        () => domainMgr.run({ ...job<string>("untilTold", theirs), transfer: [theirs] }),
        function* () {
          yield* said.take();
          ours.postMessage("now");
        },
      );
      ours.close();
      return [result, all];
    },
  },
  {
    title: "DM-03 DM-11 cancels the job along with the caller, with the same reason, and waits for its end",
    expected: [
      { text: "Cancelled: Error: enough", reasonIsOurs: true, said: ["started", "cleaned up"] },
      { text: "Cancelled: Error: enough", reasonIsOurs: true, said: ["started", "cleaned up"] },
      { text: "Error: stopped: Error: enough", reasonIsOurs: false, said: ["started", "cleaned up"] },
    ],
    *body(domainMgr, job) {
      const results: unknown[] = [];
      for (const then of [undefined, "goes on", "throws"])
        results.push(yield* cancelled(domainMgr, (port) => job("wait", port, then)));
      return results;
    },
  },
  {
    title: "DM-04 starts nothing in a cancelled context",
    expected: ["Cancelled: enough", "Cancelled: enough", []],
    *body(domainMgr, job) {
      const { theirs, ours, all } = portPair();
      const results: unknown[] = [];
      yield* Cancel.sub(function* (cc) {
        cc.cancel("enough");
        results.push(yield* outcome(domainMgr.run({ ...job("wait", theirs), transfer: [theirs] })));
        results.push(yield* outcome(domainMgr.runRaw(job("addNow", 1, 2))));
      });
      yield* domainMgr.run(job("add", 1, 2));
      ours.close();
      return [...results, all];
    },
  },
  {
    title: "DM-05 DM-06 DM-07 DM-10 refuses what belongs to the fibers of one domain, in both directions",
    expected: [
      "Cancellation context",
      "Switch",
      "Stream",
      "Semaphore",
      "Mutex",
      "Condition",
      "Deferred",
      "Stream",
      "Switch",
    ].map((name) => `InvalidArgument: ${name} accessed from wrong domain!`),
    *body(domainMgr, job) {
      return yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        const bound = [sw.context, sw, new Stream(1), new Semaphore(1), new Mutex(), new Condition()];
        const results: string[] = [];
        for (const value of [...bound, Deferred.createResolved(1)])
          results.push(yield* outcome(domain.run(job("add", { value }))));
        for (const what of ["stream", "switch"]) results.push(yield* outcome(domain.run(job("give", what))));
        return results;
      });
    },
  },
  {
    title: "DM-08 does not inherit fiber-locals",
    expected: "unbound",
    *body(domainMgr, job) {
      const key = Fiber.createKey<string>("key");
      return yield* Fiber.withBinding(key, "bound", () => domainMgr.run(job("local")));
    },
  },
  {
    title: "DM-09 runRaw refuses fiber functions and async ones, run refuses async ones",
    expected: [
      'TypeError: runRaw: "add" must be a plain function; "run" runs fiber functions',
      'TypeError: runRaw: "asyncJob" must be a plain function; "run" runs fiber functions',
      true,
    ],
    *body(domainMgr, job) {
      return yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        return [
          yield* outcome(domain.runRaw(job("add", 1, 2))),
          yield* outcome(domain.runRaw(job("asyncJob"))),
          (yield* outcome(domain.run(job("asyncJob")))).startsWith(
            'TypeError: run: "asyncJob" must be a fiber function, and gave',
          ),
        ];
      });
    },
  },
  {
    title: "closures, what cannot be copied, and names that there are not",
    expected: [true, true, true, true, true],
    *body(domainMgr, job) {
      return yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        const failures = [
          yield* outcome(domain.run(() => Fiber.yield())),
          yield* outcome(domain.run(job("add", () => 1))),
          yield* outcome(domain.run(job("give", "function"))),
          yield* outcome(domain.run(job("notAFunction"))),
          yield* outcome(domain.run(job("missing" as never))),
        ];
        const texts = [
          /^InvalidArgument: Domain.run: a closure cannot be sent/,
          /^TypeError: Domain.run: "job.args\[0\]" must be something that can be copied/,
          /^TypeError: the job: "its result" must be something that can be copied/,
          /exports no function "notAFunction"$/,
          /exports no function "missing"$/,
        ];
        return failures.map((failure, i) => texts[i]!.test(failure) || failure);
      });
    },
  },
  {
    title:
      "what is thrown or rejected outside of its fibers crashes a domain: all of its jobs are told, and it is replaced",
    expected: [true, true, true, true, 3],
    *body(domainMgr, job) {
      return yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw, name: "domain 7" });
        const results: unknown[] = [];
        for (const [name, text] of [
          ["crash", "out of luck"],
          ["reject", "unheard"],
        ] as const) {
          const { theirs, ours, said } = portPair();
          const errors = yield* Fiber.pair(
            () => thrownBy(domain.run({ ...job("wait", theirs), transfer: [theirs] })),
            function* () {
              yield* said.take();
              return yield* thrownBy(domain.run(job(name)));
            },
          );
          ours.close();
          for (const error of errors) {
            const isIt = error instanceof DomainCrashed && error.message.startsWith("domain 7: ");
            results.push((isIt && error.message.includes(text)) || String(error));
          }
        }
        return [...results, yield* domain.run(job("add", 1, 2))];
      });
    },
  },
  {
    title: "a domain that ends by itself",
    expected: [true, 3],
    *body(domainMgr, job) {
      return yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        const error = yield* thrownBy(domain.run(job("exit")));
        return [error instanceof DomainExited || String(error), yield* domain.run(job("add", 1, 2))];
      });
    },
  },
  {
    title: "a job that neither ends nor waits is terminated after its grace, and others there with it",
    expected: ["Cancelled: Error: enough", true, 3],
    *body(domainMgr, job) {
      return yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw, grace: 0.02 });
        const { theirs, ours, said } = portPair();
        const other = portPair();
        const errors = yield* Fiber.pair(
          () =>
            thrownBy(
              Cancel.sub(function* (cc) {
                yield* other.said.take();
                yield* Fiber.both(
                  () => domain.run({ ...job("spin", theirs), transfer: [theirs] }),
                  function* () {
                    yield* said.take();
                    cc.cancel(new Error("enough"));
                  },
                );
              }),
            ),
          () => thrownBy(domain.run({ ...job("wait", other.theirs), transfer: [other.theirs] })),
        );
        ours.close();
        other.ours.close();
        const told = errors[1] instanceof DomainTerminated || String(errors[1]);
        return [String(errors[0]), told, yield* domain.run(job("add", 1, 2))];
      });
    },
  },
  {
    title: "EP-01 a pool shares jobs out among its domains",
    expected: [3, 5, 7, 9],
    *body(domainMgr, job) {
      return yield* Switch.run(function* (sw) {
        const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 2 });
        return yield* Fiber.map([1, 2, 3, 4], (n) => pool.submitOrThrow<number>(job("add", n, n + 1)));
      });
    },
  },
];

/** Runs a case. */
export function* perform(title: string, { domainMgr, module }: Given): Op<unknown> {
  const { body } = cases.find((some) => some.title === title)!;
  return yield* body(domainMgr, (name, ...args) => ({ module, name, args }));
}
