/**
 * Work in threads: fibers call fiber functions in workers, which a pool makes when they are needed. Threads are killed in the middle of their
 * work; whoever waited for one is told, nobody waits for ever, and the pool makes new ones.
 */
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { beforeAll, describe, expect, it } from "vitest";
import { Cancelled, Fiber, Pool, Switch, type Op } from "trestle";
import { fromPromise, toPromise } from "@trestle/bridges";
import { call, WorkerExitError } from "@trestle/bridges/worker";
import { bundle } from "../bundle.js";
import { expectNoUnhandledRejections, macrotask } from "../bridges/world.js";

expectNoUnhandledRejections();

/** What runs in each thread. */
const program = `
  import { createHash } from "node:crypto";
  import { workerData } from "node:worker_threads";
  import { Fiber, type Op } from "trestle";
  import { run } from "trestle/node";
  import { parentPort, servePort } from "@trestle/bridges/worker";

  const seen = new Int32Array(workerData as SharedArrayBuffer);

  const methods = {
    /** The digest of a text, many times over; others get a turn now and then. */
    *digest(text: string, rounds: number): Op<string> {
      for (let i = 0; i < rounds; i++) {
        text = createHash("sha256").update(text).digest("hex");
        if (i % 100 === 99) yield* Fiber.yield();
      }
      return text;
    },
    /** Never ends by itself. */
    *stuck(): Op<never> {
      Atomics.add(seen, 0, 1);
      try {
        return yield* Fiber.awaitCancel();
      } finally {
        Atomics.add(seen, 1, 1);
      }
    },
    *crash(): Op<void> {
      setImmediate(() => {
        throw new RangeError("out of luck");
      });
      yield* Fiber.awaitCancel();
    },
  };
  run(() => servePort(parentPort(), methods)).catch(() => {});
`;
let text: string;
beforeAll(async () => {
  text = await bundle(program, "worker");
});

/** Threads that are made when they are needed, and made anew when they have died. */
class Threads {
  /** In shared memory: how many stuck calls have started, and how many have run their finalizers. */
  readonly seen = new Int32Array(new SharedArrayBuffer(8));
  readonly made: Worker[] = [];
  private readonly pool: Pool<Worker>;

  constructor(sw: Switch, n: number) {
    this.pool = new Pool(n, () => this.start(), { validate: (worker) => worker.threadId !== -1, name: "threads" });
    sw.addHook(() => this.end());
  }

  private *start(): Op<Worker> {
    const worker = new Worker(text, { eval: true, workerData: this.seen.buffer });
    // An error is told to whoever waits for a reply; by itself it is not to end the process.
    worker.on("error", () => {});
    this.made.push(worker);
    return worker;
  }

  private *end(): Op<void> {
    for (const worker of this.made) yield* fromPromise(worker.terminate());
  }

  call<T>(method: string, ...args: unknown[]): Op<T> {
    return this.pool.use((worker) => call<T>(worker, method, args));
  }

  /** Waits until so many stuck calls are under way. */
  *started(n: number): Op<void> {
    while (Atomics.load(this.seen, 0) < n) yield* fromPromise(macrotask());
  }

  get alive(): number {
    return this.made.filter((worker) => worker.threadId !== -1).length;
  }
}

function inThreads<T>(n: number, body: (threads: Threads, sw: Switch) => Op<T>): Promise<T> {
  return toPromise(() => Switch.run((sw) => body(new Threads(sw, n), sw)));
}

function* outcome(body: () => Op<unknown>): Op<unknown> {
  try {
    return yield* body();
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    return error;
  }
}

function digest(text: string, rounds: number): string {
  for (let i = 0; i < rounds; i++) text = createHash("sha256").update(text).digest("hex");
  return text;
}

describe("work in threads", () => {
  it("is shared out among a few of them, and all of it is done", async () => {
    const words = Array.from({ length: 40 }, (_, i) => `word ${i}`);
    const threads = await inThreads(3, function* (threads) {
      const digests = yield* Fiber.map(words, (word) => threads.call<string>("digest", word, 500));
      expect(digests).toEqual(words.map((word) => digest(word, 500)));
      expect(threads.made.length).toBe(3);
      return threads;
    });
    expect(threads.alive).toBe(0);
  });

  it("fails with WorkerExitError for each call whose thread is killed, and goes on in new ones", () =>
    inThreads(3, function* (threads, sw) {
      const pending = [];
      for (let i = 0; i < 3; i++)
        pending.push(yield* Fiber.forkPromise(sw, () => outcome(() => threads.call("stuck"))));
      yield* threads.started(3);
      // Those wait for a thread: they are served by the ones that replace the dead.
      const queued = yield* Fiber.forkPromise(sw, () =>
        Fiber.map(["a", "b", "c", "d"], (word) => threads.call<string>("digest", word, 10)),
      );
      for (const worker of threads.made) void worker.terminate();
      for (const call of pending) expect(yield* call.awaitOrThrow()).toBeInstanceOf(WorkerExitError);
      expect(yield* queued.awaitOrThrow()).toEqual(["a", "b", "c", "d"].map((word) => digest(word, 10)));
      expect(threads.made.length).toBeGreaterThan(3);
      expect(threads.alive).toBeLessThanOrEqual(3);
    }));

  it("tells every call that one thread had, when that dies", () =>
    inThreads(1, function* (threads, sw) {
      yield* threads.call("digest", "warm", 1);
      const [worker] = threads.made;
      const calls = yield* Fiber.forkPromise(sw, () =>
        Fiber.map(Array.from({ length: 50 }), () => outcome(() => call(worker!, "stuck"))),
      );
      yield* threads.started(50);
      void worker!.terminate();
      const errors = yield* calls.awaitOrThrow();
      expect(errors.length).toBe(50);
      expect(errors.filter((error) => error instanceof WorkerExitError).length).toBe(50);
      expect(yield* threads.call("digest", "after", 1)).toBe(digest("after", 1));
    }));

  it("fails with the error of a thread that crashes", () =>
    inThreads(1, function* (threads) {
      expect(yield* outcome(() => threads.call("crash"))).toMatchObject({ name: "RangeError", message: "out of luck" });
      // The thread may not have ended yet; then the next call is told, and the one after that has a new thread.
      let answer: unknown;
      do answer = yield* outcome(() => threads.call("digest", "after", 1));
      while (answer instanceof WorkerExitError);
      expect(answer).toBe(digest("after", 1));
    }));

  it("is cancelled in the thread, too, before the caller goes on; the thread is used again", () =>
    inThreads(1, function* (threads) {
      const first = yield* Fiber.first<unknown>(
        () => threads.call("stuck"),
        function* () {
          yield* threads.started(1);
          return "given up";
        },
      );
      expect(first).toBe("given up");
      expect(Atomics.load(threads.seen, 1)).toBe(1);
      expect(yield* threads.call("digest", "after", 1)).toBe(digest("after", 1));
      expect(threads.made.length).toBe(1);
    }));

  it("a crowd that is cancelled while a thread is killed ends, every fiber of it", () =>
    inThreads(2, function* (threads) {
      let begun = 0;
      let ended = 0;
      const stuck = function* () {
        begun++;
        try {
          yield* threads.call("stuck");
        } finally {
          ended++;
        }
      };
      const crowd = Fiber.first<unknown>(
        () => Fiber.forEach(Array.from({ length: 20 }), stuck),
        function* () {
          yield* threads.started(2);
          void threads.made[0]!.terminate();
          return "given up";
        },
      );
      expect(yield* crowd).toBe("given up");
      expect([begun, ended]).toEqual([20, 20]);
      expect(yield* threads.call("digest", "after", 1)).toBe(digest("after", 1));
    }));
});
