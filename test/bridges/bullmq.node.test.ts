// Node only: it starts Redis and worker processes.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serialize } from "node:v8";
import { Job, Queue, QueueEventsProducer, Worker } from "bullmq";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fromPromise } from "@trestle/bridges";
import {
  ClosedError,
  DomainLost,
  ExecutorPool,
  Fiber,
  IoError,
  Switch,
  suspend,
  type JobTransport,
  type Op,
} from "trestle";
import { run } from "trestle/node";
import {
  queueTransport,
  serveQueue,
  type QueueTransportOptions,
  type ServeQueueOptions,
} from "@trestle/bridges/bullmq";
import { failureOf } from "../core/transcript.js";
import * as jobs from "./queue-jobs.js";

const server = process.env["REDIS_SERVER"] ?? "redis-server";
const isThere = spawnSync(server, ["--version"]).status === 0;
if (!isThere)
  console.warn(
    `There is no ${server}: the jobs over BullMQ are not tested. Debian has it in the package redis-server.`,
  );

let folder: string;
let redis: ChildProcess;
let port: number;
const workers = new Set<ChildProcess>();

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

let queues = 0;
/** A queue of its own. */
function queue(): { name: string; connection: { host: string; port: number; maxRetriesPerRequest: null } } {
  return { name: `queue-${++queues}`, connection: { host: "127.0.0.1", port, maxRetriesPerRequest: null } };
}
type Where = ReturnType<typeof queue>;

/** A file that jobs in other processes write to. */
function notes(): { path: string; lines: () => string[] } {
  const path = join(folder, `notes-${++queues}`);
  writeFileSync(path, "");
  return { path, lines: () => readFileSync(path, "utf8").split("\n").slice(0, -1) };
}

/** Starts a process that serves the queue. */
async function worker(where: Where, options: Partial<ServeQueueOptions> = {}): Promise<ChildProcess> {
  const program = join(import.meta.dirname, "queue-worker.js");
  const child = spawn(process.execPath, [program, JSON.stringify({ ...where, ...options })], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  workers.add(child);
  child.on("exit", () => workers.delete(child));
  await once(child.stdout, "data");
  return child;
}

/** Waits until `seen` gives true. */
function until(what: string, seen: () => boolean): Op<void> {
  return suspend<void>(what, (ctx, enqueue) => {
    const timer = setInterval(() => {
      if (!seen()) return;
      clearInterval(timer);
      enqueue({ ok: true, value: undefined });
    }, 5);
    ctx.setCancelFn((error) => {
      clearInterval(timer);
      enqueue({ ok: false, error });
    });
  });
}

const job = (name: keyof typeof jobs, ...args: unknown[]) => ({ module: "jobs", name, args });

/** Runs `body` with a pool over the queue. */
function withPool<T>(
  where: Where,
  body: (pool: ExecutorPool, sw: Switch, transport: JobTransport) => Op<T>,
  options: Partial<QueueTransportOptions> & { grace?: number } = {},
): Promise<T> {
  const { grace, ...others } = options;
  return run(() =>
    Switch.run(function* (sw) {
      const transport = yield* queueTransport(sw, { ...where, checkInterval: 0.5, ...others });
      const pool = yield* ExecutorPool.create(transport, { sw, domainCount: 8, ...(grace !== undefined && { grace }) });
      return yield* body(pool, sw, transport);
    }),
  );
}

/** Starts a Redis that keeps nothing when it ends. */
async function startRedis(port: number): Promise<ChildProcess> {
  const started = spawn(
    server,
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let said = "";
  for await (const text of started.stdout) if (/Ready to accept connections/.test((said += String(text)))) break;
  return started;
}

beforeAll(async () => {
  if (!isThere) return;
  folder = mkdtempSync(join(tmpdir(), "trestle-redis-"));
  port = await freePort();
  redis = await startRedis(port);
});
afterEach(async () => {
  for (const child of workers) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
});
afterAll(async () => {
  if (!isThere) return;
  redis.kill();
  await once(redis, "exit");
  rmSync(folder, { recursive: true });
});

describe.runIf(isThere)("jobs over BullMQ", () => {
  it("are done in other processes, with arguments and results as between threads", async () => {
    const where = queue();
    const [a, b] = await Promise.all([worker(where), worker(where)]);
    await withPool(where, function* (pool) {
      const map = new Map([["tea", new Uint8Array([1, 2, 3])]]);
      expect(yield* pool.submitOrThrow(job("shape", map))).toEqual({
        backend: "node",
        map,
        when: new Date(0),
        big: 2n ** 70n,
      });
      const pids = yield* Fiber.map([1, 2, 3, 4, 5, 6], () => pool.submitOrThrow(job("sleep", 0.05)));
      expect(new Set(pids)).toEqual(new Set([a.pid, b.pid]));
    });
  });

  it("throw with class, code and steps", async () => {
    const where = queue();
    await worker(where);
    await withPool(where, function* (pool) {
      const { error } = (yield* pool.submit(job("fail"))) as { error: IoError };
      expect(error).toBeInstanceOf(IoError);
      expect(error.err).toMatchObject({ area: "Fs", kind: "Not_found" });
      expect(error.context).toEqual(["opening a.txt", "running the job"]);
      expect(error.stack).toMatch(/queue-jobs\.js:\d+/);
    });
  });

  it("are tried again as often as was said, and no more", async () => {
    const where = queue();
    await worker(where);
    const [three, two] = [notes(), notes()];
    await withPool(
      where,
      function* (pool) {
        expect(yield* pool.submitOrThrow(job("failTwice", three.path))).toBe(3);
      },
      { attempts: 3, backoff: 0.01 },
    );
    await withPool(
      where,
      function* (pool) {
        expect(yield* failureOf(pool.submitOrThrow(job("failTwice", two.path)))).toBe("RangeError: attempt 2");
      },
      { attempts: 2 },
    );
    expect([three.lines().length, two.lines().length]).toEqual([3, 2]);
  });

  it("are cancelled in the worker along with who waits, with the same reason, and not tried again", async () => {
    const where = queue();
    await worker(where);
    const { path, lines } = notes();
    await withPool(
      where,
      function* (_pool, sw, transport) {
        const runner = yield* transport.open({ sw });
        const failing = Switch.run(function* (inner) {
          yield* Fiber.fork(inner, () => runner.run(job("wait", path)));
          yield* until("the start of the job", () => lines().length === 1);
          inner.fail(new RangeError("enough"));
        });
        expect(yield* failureOf(failing)).toBe("RangeError: enough");
        expect(lines().slice(1)).toEqual(["stopped: RangeError: enough"]);
        expect(yield* runner.run(job("whoAmI"))).toBeGreaterThan(0);
      },
      { attempts: 3 },
    );
    expect(lines().length).toBe(2);
  });

  it("are taken out of the queue when they are cancelled before a worker has them", async () => {
    const where = queue();
    const { path, lines } = notes();
    await withPool(where, function* (_pool, sw, transport) {
      const runner = yield* transport.open({ sw });
      const [outcome] = yield* Fiber.pair(
        () =>
          Fiber.first<unknown>(
            () => runner.run(job("wait", path)),
            function* () {
              yield* until("a while", () => true);
              return "given up";
            },
          ),
        () => Fiber.yield(),
      );
      expect(outcome).toBe("given up");
    });
    const child = await worker(where);
    await withPool(where, (pool) => pool.submitOrThrow(job("whoAmI")));
    expect(child.pid).toBeDefined();
    expect(lines()).toEqual([]);
  });

  it("are not waited for longer than their grace when nobody stops them", async () => {
    const where = queue();
    const child = await worker(where);
    const { path, lines } = notes();
    await withPool(where, function* (_pool, sw, transport) {
      const runner = yield* transport.open({ sw, grace: 0.05 });
      yield* Fiber.first<unknown>(
        () => runner.run(job("wait", path)),
        function* () {
          yield* until("the start of the job", () => lines().length === 1);
          child.kill("SIGSTOP");
        },
      );
    });
    expect(lines().length).toBe(1);
  });

  it("are done at least once: when their worker is killed, another one does them again", async () => {
    const where = queue();
    const first = await worker(where, { lockDuration: 0.5 });
    const { path, lines } = notes();
    await withPool(where, function* (pool, sw) {
      const outcome = yield* pool.submitFork(job("handedOn", path), { sw });
      yield* until("the start of the job", () => lines().length === 1);
      first.kill("SIGKILL");
      let second: ChildProcess | undefined;
      void worker(where, { lockDuration: 0.5 }).then((child) => (second = child));
      const pid = yield* outcome.awaitOrThrow();
      yield* until("the second worker", () => second !== undefined);
      expect(pid).toBe(second!.pid);
      expect(lines()).toEqual([`started ${first.pid}`, `started ${second!.pid}`]);
    });
  });

  it("that lose worker after worker fail with DomainLost", async () => {
    const where = queue();
    const { path, lines } = notes();
    await withPool(where, function* (pool, sw) {
      const outcome = yield* pool.submitFork(job("wait", path), { sw });
      for (const n of [1, 2]) {
        let child: ChildProcess | undefined;
        void worker(where, { lockDuration: 0.3 }).then((started) => (child = started));
        yield* until("the start of the job", () => child !== undefined && lines().length === n);
        child!.kill("SIGKILL");
      }
      void worker(where, { lockDuration: 0.3 });
      const { error } = (yield* outcome.await()) as { error: unknown };
      expect(error).toBeInstanceOf(DomainLost);
      expect(String(error)).toMatch(/stalled/);
    });
  });

  it("go back into the queue when their worker stops serving", async () => {
    const where = queue();
    const first = await worker(where);
    const { path, lines } = notes();
    await withPool(where, function* (pool, sw) {
      const outcome = yield* pool.submitFork(job("handedOn", path), { sw });
      yield* until("the start of the job", () => lines().length === 1);
      first.stdin!.end();
      let second: ChildProcess | undefined;
      void worker(where).then((child) => (second = child));
      const pid = yield* outcome.awaitOrThrow();
      yield* until("the second worker", () => second !== undefined);
      expect(pid).toBe(second!.pid);
    });
    if (first.exitCode === null) await once(first, "exit");
    expect(first.exitCode).toBe(0);
  });

  it("name functions of modules that the worker has, and no others", async () => {
    const where = queue();
    await run((env) =>
      Fiber.first<unknown>(
        () => serveQueue({ ...where, env, modules: { jobs }, concurrency: 2 }),
        () =>
          Switch.run(function* (sw) {
            const transport = yield* queueTransport(sw, where);
            const runner = yield* transport.open({ sw });
            for (const [module, name] of [
              ["jobs", "noSuch"],
              ["jobs", "toString"],
              ["node:process", "exit"],
              ["toString", "call"],
            ] as const)
              expect(yield* failureOf(runner.run({ module, name }))).toBe(
                `TypeError: serveQueue: there is no function "${name}" of the module ${module}`,
              );
            expect(yield* runner.run(job("whoAmI"))).toBe(process.pid);
            expect(yield* failureOf(runner.run(job("bound")))).toBe(
              "InvalidArgument: Stream accessed from wrong domain!",
            );
          }),
      ),
    );
  });

  it("refuse what cannot be sent: closures, what belongs to fibers, shared memory", async () => {
    const where = queue();
    await withPool(where, function* (_pool, sw, transport) {
      const runner = yield* transport.open({ sw });
      expect(yield* failureOf(runner.run(() => Fiber.yield()))).toMatch(/^InvalidArgument: queueTransport: a closure/);
      expect(yield* failureOf(runner.run(job("whoAmI", sw)))).toBe(
        "InvalidArgument: Switch accessed from wrong domain!",
      );
      expect(yield* failureOf(runner.run(job("whoAmI", new SharedArrayBuffer(1))))).toMatch(
        /^TypeError: queueTransport: the arguments of a job must be something that can be copied/,
      );
    });
  });

  it("fail with ClosedError when the switch of their transport ends", async () => {
    const where = queue();
    await run(() =>
      Switch.run(function* (outer) {
        const outcome = yield* Switch.run(function* (sw) {
          const transport = yield* queueTransport(sw, where);
          const runner = yield* transport.open({ sw });
          return yield* Fiber.forkPromise(outer, () => runner.run(job("whoAmI")));
        });
        const { error } = (yield* outcome.await()) as { error: unknown };
        expect(error).toBeInstanceOf(ClosedError);
      }),
    );
  });
});

describe.runIf(isThere)("a Redis that goes away", () => {
  let own: ChildProcess;
  let where: Where;
  beforeEach(async () => {
    const ownPort = await freePort();
    own = await startRedis(ownPort);
    where = { ...queue(), connection: { host: "127.0.0.1", port: ownPort, maxRetriesPerRequest: null } };
  });
  afterEach(() => stopRedis());

  async function stopRedis(): Promise<void> {
    if (own.exitCode !== null || own.signalCode !== null) return;
    own.kill("SIGKILL");
    await once(own, "exit");
  }
  const startAgain = async () => void (own = await startRedis(where.connection.port));
  const serving = (started: string[]) =>
    serveQueue({
      ...where,
      env: {},
      lockDuration: 1,
      modules: {
        jobs: {
          *wait() {
            started.push("wait");
            yield* Fiber.awaitCancel();
          },
          *seven() {
            return 7;
          },
        },
      },
    });

  it("holds up neither the end of a switch nor a cancellation", async () => {
    const started: string[] = [];
    const log: string[] = [];
    await withPool(where, function* (pool, sw) {
      yield* Fiber.forkDaemon(sw, () => serving(started));
      yield* Fiber.forkDaemon(sw, function* () {
        try {
          yield* pool.submit(job("wait"));
        } finally {
          log.push("waited");
        }
      });
      yield* until("the start of the job", () => started.length > 0);
      yield* fromPromise(stopRedis());
    });
    expect(log).toEqual(["waited"]);
    // Neither does one that was never there.
    await run(() =>
      Switch.run((sw) =>
        Fiber.first(
          () => queueTransport(sw, where),
          () => Fiber.yield(),
        ),
      ),
    );
    await run(() =>
      Fiber.first(
        () => serving([]),
        () => Fiber.yield(),
      ),
    );
  });

  it("keeps no process alive that has stopped serving", async () => {
    await stopRedis();
    const program = `
      const { Fiber } = require("trestle");
      const { run, sleep } = require("trestle/node");
      const { serveQueue } = require("@trestle/bridges/bullmq");
      const options = ${JSON.stringify({ ...where, modules: {}, env: {} })};
      run(() => Fiber.first(() => serveQueue(options), () => sleep(0.5)));
    `;
    const child = spawn(process.execPath, ["-e", program], { cwd: import.meta.dirname, stdio: "ignore" });
    workers.add(child);
    const [code] = (await once(child, "exit")) as [number];
    workers.delete(child);
    expect(code).toBe(0);
  });

  it("is told of cancellations when it is back", () =>
    run(() =>
      Switch.run(function* (sw) {
        const transport = yield* queueTransport(sw, where);
        const runner = yield* transport.open({ sw });
        yield* fromPromise(stopRedis());
        yield* Fiber.first(
          () => runner.run(job("wait")),
          () => Fiber.yield(),
        );
        yield* fromPromise(startAgain());
        // It does one job at a time, and the other one was first: that is out of the queue, or has been stopped.
        yield* Fiber.forkDaemon(sw, () => serving([]));
        expect(yield* runner.run({ module: "jobs", name: "seven" })).toBe(7);
      }),
    ));

  it("loses jobs with what it forgets, and no worker for good", () =>
    withPool(where, function* (pool, sw) {
      const started: string[] = [];
      yield* Fiber.forkDaemon(sw, () => serving(started));
      const waiting = yield* pool.submitFork(job("wait"), { sw });
      yield* until("the start of the job", () => started.length > 0);
      yield* fromPromise(stopRedis());
      yield* fromPromise(startAgain());
      // It does one job at a time.
      expect(yield* pool.submitOrThrow({ module: "jobs", name: "seven" })).toBe(7);
      expect(yield* waiting.await()).toMatchObject({ ok: false, error: expect.any(DomainLost) as unknown });
    }));
});

describe.runIf(isThere)("what others put into a queue", () => {
  it("ends nothing but the job that it is about", async () => {
    const where = queue();
    await withPool(where, function* (pool, sw) {
      const other = new Worker(where.name, () => Promise.resolve("no result of ours"), where);
      const outcome = yield* pool.submit(job("whoAmI"));
      expect(String(outcome.ok ? outcome.value : outcome.error)).toBe(
        "TypeError: queueTransport (whoAmI): the worker gave a result that cannot be read",
      );
      yield* fromPromise(other.close());

      const producer = new QueueEventsProducer(where.name, where);
      const started: string[] = [];
      yield* Fiber.forkDaemon(sw, () =>
        serveQueue({
          ...where,
          env: {},
          modules: {
            jobs: {
              *wait() {
                started.push("wait");
                yield* Fiber.awaitCancel();
              },
            },
          },
        }),
      );
      const raw = new Queue(where.name, where);
      const added = yield* fromPromise(
        raw.add("wait", { module: "jobs", name: "wait", args: serialize([]).toString("base64") }),
      );
      yield* until("the start of the job", () => started.length > 0);
      yield* fromPromise(
        producer.publishEvent({ eventName: "trestle:cancel", jobId: added.id!, reason: "no reason of ours" }),
      );
      let failed = false;
      while (!failed) failed = yield* fromPromise(added.isFailed());
      expect((yield* fromPromise(Job.fromId(raw, added.id!)))?.failedReason).toBe(
        "Cancelled: Error: serveQueue: the reason of the cancellation cannot be read",
      );
      for (const part of [producer, raw]) yield* fromPromise(part.close());
    });
  });
});

describe("the options of jobs over BullMQ", () => {
  it("are checked", () =>
    run(() =>
      Switch.run(function* (sw) {
        const connection = { host: "127.0.0.1", port: 1 };
        const transport = (options: unknown): Op<string> => failureOf(queueTransport(sw, options as never));
        expect(yield* transport({ connection })).toMatch(/^TypeError: queueTransport: "options.name" must be a string/);
        expect(yield* transport({ name: "q" })).toMatch(/"options.connection" must be what BullMQ takes/);
        expect(yield* transport({ name: "q", connection, attempts: 0 })).toMatch(
          /"options.attempts" must be a positive/,
        );
        expect(yield* transport({ name: "q", connection, backoff: -1 })).toMatch(/"options.backoff" must be a number/);
        expect(yield* transport({ name: "q", connection, checkInterval: 0 })).toMatch(/"options.checkInterval" must/);
        const serve = (options: unknown): Op<string> => failureOf(serveQueue(options as never));
        expect(yield* serve({ name: "q", connection, env: {} })).toMatch(
          /^TypeError: serveQueue: "options.modules" must/,
        );
        expect(yield* serve({ name: "q", connection, modules: {} })).toMatch(/"options.env" must be the capabilities/);
        const both = { name: "q", connection, modules: {}, env: {} };
        expect(yield* serve({ ...both, concurrency: 0 })).toMatch(/"options.concurrency" must be a positive integer/);
        expect(yield* serve({ ...both, lockDuration: 0 })).toMatch(/"options.lockDuration" must be a positive number/);
      }),
    ));
});
