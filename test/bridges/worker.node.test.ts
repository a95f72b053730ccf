// Node only: real threads, and what Node's ports tell that others do not.

import { Worker } from "node:worker_threads";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { Cancel, Cancelled, Fiber, IoError, Switch, type Op } from "trestle";
import { fromPromise, toPromise } from "@trestle/bridges";
import {
  call,
  ClosedError,
  Done,
  fromPort,
  portPair,
  registerError,
  runWorker,
  servePort,
  toPort,
  transferring,
  WorkerExitError,
  type Port,
  type Subscribed,
} from "@trestle/bridges/worker";
import { bundle } from "../bundle.js";
import { expectNoUnhandledRejections, later, macrotask } from "./world.js";

expectNoUnhandledRejections();

const inSwitch = <T>(body: (sw: Switch) => Op<T>): Promise<T> => toPromise(() => Switch.run(body));
const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

/** What is left to take, as an array. */
function* takeAll<T>(recv: Subscribed<T>): Op<T[]> {
  const all: T[] = [];
  for (let value = yield* recv.next(); value !== Done; value = yield* recv.next()) all.push(value);
  return all;
}

function* caught(body: () => Op<unknown>): Op<unknown> {
  try {
    return yield* body();
  } catch (error) {
    return error;
  }
}

const LISTENED = ["message", "messageerror", "close", "error", "exit"];
const listeners = (port: unknown) =>
  LISTENED.reduce((n, name) => n + (port as { listenerCount(name: string): number }).listenerCount(name), 0);

/** A file that workers are made of: its text is bundled from the sources. */
async function workerText(body: string): Promise<string> {
  return bundle(
    `import { Cancel, Fiber, IoError, Switch, type Op } from "trestle";
    import { run } from "trestle/node";
    import { fromPort, parentPort, registerError, servePort, toWorker, transferring } from "@trestle/bridges/worker";
    ${body}`,
    "worker",
  );
}

describe("a port", () => {
  it("BZ-01 gives what was sent before it was adopted, in order, and then the rest", async () => {
    const [here, there] = portPair();
    for (const n of [1, 2, 3]) there.postMessage(n);
    await soon();
    const got = await inSwitch(function* (sw) {
      const { recv } = yield* fromPort<number, never>(sw, here);
      there.postMessage(4);
      there.close();
      return yield* takeAll(recv);
    });
    expect(got).toEqual([1, 2, 3, 4]);
  });

  it("BZ-02 throws DataCloneError in the fiber that sends, and sends nothing", async () => {
    await inSwitch(function* (sw) {
      const [here, there] = portPair();
      const left = yield* fromPort(sw, here, { credit: 1 });
      const right = yield* fromPort(sw, there, { credit: 1 });
      expect(yield* caught(() => left.send(() => {}))).toMatchObject({ name: "DataCloneError" });
      // Its credit was not used up.
      yield* left.send("whole");
      expect(yield* right.recv.next()).toBe("whole");
    });
  });

  it("BZ-02 takes what is transferred away, and says so when it is used again", async () => {
    await inSwitch(function* (sw) {
      const [here, there] = portPair();
      const left = yield* fromPort<never, unknown>(sw, here);
      const right = yield* fromPort<ArrayBuffer, never>(sw, there);
      const buffer = new Uint8Array([1, 2, 3]).buffer;
      yield* left.send(buffer, [buffer]);
      expect(buffer.byteLength).toBe(0);
      const again = [
        () => left.send("text", [buffer]),
        () => left.send(buffer),
        () => call(here, "any", [buffer], { transfer: [buffer] }),
      ];
      for (const body of again) {
        const error = yield* caught(body);
        expect(error).toMatchObject({ name: "DataCloneError" });
        expect(String(error)).toMatch(/transferred before/);
      }
      expect(((yield* right.recv.next()) as ArrayBuffer).byteLength).toBe(3);
      left.close();
      expect(yield* right.recv.next()).toBe(Done);
    });
  });

  it("BZ-04 has a message that cannot be read be an error of recv", async () => {
    // What can be sent can be read between two threads; the platform's event is given by hand.
    await inSwitch(function* (sw) {
      const [here] = portPair();
      const { recv } = yield* fromPort(sw, here);
      const broken = new Error("cannot be read");
      (here as unknown as { emit(name: string, error: Error): void }).emit("messageerror", broken);
      expect(yield* caught(() => recv.next())).toBe(broken);
      expect(yield* recv.next()).toBe(Done);
    });
  });

  it("BZ-05 gives what had come when the other side closes, then the end; sending fails with ClosedError", async () => {
    const [here, there] = portPair();
    await inSwitch(function* (sw) {
      const { recv, send, closed } = yield* fromPort(sw, here);
      there.postMessage("a");
      there.postMessage("b");
      there.close();
      yield* closed();
      expect(yield* takeAll(recv)).toEqual(["a", "b"]);
      expect(yield* caught(() => send("late"))).toBeInstanceOf(ClosedError);
    });
    // What the platform does by itself.
    expect(there.postMessage("nobody")).toBeUndefined();
  });

  it("BZ-05 frees senders that wait for credit when the other side closes", async () => {
    await inSwitch(function* (sw) {
      const [here, there] = portPair();
      const left = yield* fromPort(sw, here, { credit: 1 });
      const right = yield* fromPort(sw, there, { credit: 1 });
      yield* left.send(1);
      const waiting = yield* Fiber.forkPromise(sw, () => caught(() => left.send(2)));
      yield* Fiber.yield();
      right.close();
      expect(yield* waiting.awaitOrThrow()).toBeInstanceOf(ClosedError);
    });
  });

  it("BZ-10 holds senders back: never more than the credit is under way", async () => {
    await inSwitch(function* (sw) {
      const [here, there] = portPair();
      const left = yield* fromPort<never, number>(sw, here, { credit: 4 });
      const right = yield* fromPort<number, never>(sw, there, { credit: 4 });
      let sent = 0;
      yield* Fiber.fork(sw, function* () {
        for (let i = 0; i < 100; i++) {
          yield* left.send(i);
          sent++;
        }
        left.close();
      });
      const got: number[] = [];
      let most = 0;
      for (;;) {
        yield* sleep();
        most = Math.max(most, sent - got.length);
        const value = yield* right.recv.next();
        if (value === Done) break;
        got.push(value);
      }
      expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i));
      expect(most).toBe(4);
      expect(right.recv.dropped).toBe(0);
    });
  });

  it("BZ-10 serves senders in order, and one that is cancelled sends nothing", async () => {
    await inSwitch(function* (sw) {
      const [here, there] = portPair();
      const left = yield* fromPort<never, string>(sw, here, { credit: 1 });
      const right = yield* fromPort<string, never>(sw, there, { credit: 1 });
      yield* left.send("0");
      const contexts: Cancel.Context[] = [];
      for (const name of ["1", "2", "3"]) {
        yield* Fiber.fork(sw, () =>
          caught(() =>
            Cancel.sub(function* (cc) {
              contexts.push(cc);
              yield* left.send(name);
            }),
          ),
        );
      }
      contexts[1]!.cancel("not this one");
      expect([yield* right.recv.next(), yield* right.recv.next(), yield* right.recv.next()]).toEqual(["0", "1", "3"]);
    });
  });

  it("BZ-10 without credit nothing is held back, and more than the buffer holds is an error", async () => {
    await inSwitch(function* (sw) {
      const [here, there] = portPair();
      const { send } = yield* fromPort(sw, there);
      const { recv } = yield* fromPort<unknown, never>(sw, here, { buffer: 2 });
      for (let i = 0; i < 4; i++) yield* send(i);
      yield* sleep();
      expect([yield* recv.next(), yield* recv.next()]).toEqual([0, 1]);
      expect(yield* caught(() => recv.next())).toMatchObject({ code: "OVERFLOW", capacity: 2 });
    });
  });

  it("BZ-10 says so when only one side counts", async () => {
    await inSwitch(function* (sw) {
      const [here, there] = portPair();
      const counting = yield* fromPort(sw, here, { credit: 1 });
      const plain = yield* fromPort(sw, there);
      yield* plain.send("raw");
      expect(yield* caught(() => counting.recv.next())).toBeInstanceOf(TypeError);
      expect(yield* caught(() => plain.recv.next())).toBeInstanceOf(TypeError);
    });
  });

  it("BZ-11 leaves nothing behind when the switch ends or is cancelled", async () => {
    for (const credit of [undefined, 2]) {
      const [here, there] = portPair();
      const { port: other, told } = watched(there);
      await inSwitch(function* (sw) {
        yield* fromPort(sw, here, credit === undefined ? {} : { credit });
        expect(listeners(here)).toBeGreaterThan(0);
      });
      expect(listeners(here)).toBe(0);
      expect((here as unknown as { hasRef(): boolean }).hasRef()).toBe(false);
      await told;
      other.close();
    }
    const [here, there] = portPair();
    const { told } = watched(there);
    const stop = new Error("stop");
    const ended = inSwitch(function* (sw) {
      yield* fromPort(sw, here);
      later(() => {
        sw.fail(stop);
        // In the very turn.
        expect(listeners(here)).toBe(0);
      });
      yield* Fiber.awaitCancel();
    });
    await expect(ended).rejects.toBe(stop);
    await told;
  });

  it("BZ-11 leaves a port that is not owned open", async () => {
    const [here, there] = portPair();
    await inSwitch((sw) => fromPort(sw, here, { owned: false }));
    expect(listeners(here)).toBe(0);
    const heard = new Promise((resolve) => (there as unknown as NodePort).once("message", resolve));
    here.postMessage("still there");
    expect(await heard).toBe("still there");
    there.close();
  });

  it("refuses what is no port, and what options cannot be", async () => {
    expect(() => fromPort({} as Switch, {} as Port)).toThrow(TypeError);
    await inSwitch(function* (sw) {
      expect(() => fromPort(sw, {} as Port)).toThrow(/"port" must be a MessagePort or a Worker/);
      const [here, there] = portPair();
      expect(() => fromPort(sw, here, { credit: 0 })).toThrow(/"options.credit"/);
      expect(() => call(here, "x", {} as never)).toThrow(/"args"/);
      expect(() => servePort(here, { x: 1 } as never)).toThrow(/"methods.x"/);
      expect(() => runWorker(1 as never)).toThrow(/"source"/);
      expect(() => runWorker("x", { grace: -1 })).toThrow(/"options.grace"/);
      there.close();
    });
  });
});

interface NodePort {
  start(): void;
  once(name: string, listener: (value: unknown) => void): void;
  close(): void;
}

function watched(port: unknown): { port: NodePort; told: Promise<unknown> } {
  const own = port as NodePort;
  // A port that was not started is told nothing.
  own.start();
  return { port: own, told: new Promise((resolve) => own.once("close", () => resolve(undefined))) };
}

/** Lets messages arrive. */
function* sleep(): Op<void> {
  for (let i = 0; i < 3; i++) yield* fromPromise(macrotask());
}

/** Registered on both sides. */
class NoSuchPage extends Error {
  override readonly name = "NoSuchPage";
  constructor(readonly page: string) {
    super(`no page ${page}`);
  }
}
registerError(NoSuchPage);

let server: string;
beforeAll(async () => {
  server = await workerText(`
    class NoSuchPage extends Error {
      name = "NoSuchPage";
      constructor(page) { super("no page " + page); this.page = page; }
    }
    registerError(NoSuchPage);
    class Strange extends TypeError { name = "Strange"; }
    const log = [];
    const methods = {
      *add(a, b) { return a + b; },
      *fail(kind) {
        yield* Fiber.yield();
        const cause = Object.assign(new RangeError("deep"), { code: "DEEP" });
        if (kind === "page") throw Object.assign(new NoSuchPage("home"), { cause });
        if (kind === "strange") throw Object.assign(new Strange("odd"), { code: "ODD", cause, fn() {}, box: { cause } });
        if (kind === "many") throw new AggregateError([new TypeError("a"), "b"], "many");
        if (kind === "io") throw new IoError({ area: "Fs", kind: "Not_found" }, ["opening"]);
        if (kind === "dom") throw new DOMException("gone", "NotFoundError");
        if (kind === "loop") { const e = new Error("loop"); e.cause = e; throw e; }
        if (kind === "text") throw "just text";
        if (kind === "null") throw null;
        if (kind === "function") throw () => {};
      },
      *wait(name) {
        log.push("start " + name);
        try { yield* Fiber.awaitCancel(); }
        catch (error) { log.push(name + " cancelled: " + String(error.reason?.message ?? error.reason)); throw error; }
        finally {
          yield* Cancel.protect(function* () { for (let i = 0; i < 5; i++) yield* Fiber.yield(); });
          log.push(name + " ended");
        }
      },
      *log() { return log.splice(0); },
      *zeros(n) { const a = new Uint8Array(n); return transferring(a, [a.buffer]); },
      *unsendable() { return () => {}; },
      *die(how) {
        if (how === "exit") process.exit(7);
        if (how === "quietly") process.exit(0);
        setImmediate(() => { throw Object.assign(new TypeError("worker broken"), { code: "BROKEN" }); });
        yield* Fiber.awaitCancel();
      },
    };
    run(() => servePort(parentPort(), methods)).catch(() => {});
  `);
});

/** Runs `body` with a worker of `server`, which is gone afterwards. */
async function withWorker<T>(body: (worker: Worker) => Op<T>): Promise<T> {
  const worker = new Worker(server, { eval: true });
  const before = listeners(worker);
  try {
    const result = await toPromise(() => body(worker));
    expect(listeners(worker)).toBe(before);
    return result;
  } finally {
    await worker.terminate();
  }
}

describe("calls", () => {
  it("run methods in a worker, many at once, and hand things over", () =>
    withWorker(function* (worker) {
      const sums = yield* Fiber.map([1, 2, 3, 4, 5], (n) => call<number>(worker, "add", [n, n]), { maxFibers: 3 });
      expect(sums).toEqual([2, 4, 6, 8, 10]);
      expect((yield* call<Uint8Array>(worker, "zeros", [1000])).length).toBe(1000);
      expect(yield* caught(() => call(worker, "unsendable"))).toMatchObject({ name: "DataCloneError" });
      expect(yield* caught(() => call(worker, "toString"))).toMatchObject({
        name: "TypeError",
        message: 'call: the other side has no method "toString"',
      });
    }));

  it("BZ-03 errors arrive with class, code, cause and errors; registered classes as themselves", () =>
    withWorker(function* (worker) {
      const fail = (kind: string) => caught(() => call(worker, "fail", [kind]));
      const page = (yield* fail("page")) as NoSuchPage;
      expect(page).toBeInstanceOf(NoSuchPage);
      expect(page).toMatchObject({ name: "NoSuchPage", message: "no page home", page: "home" });
      expect(page.stack).toMatch(/no page home[\s\S]+fail/);
      expect(page.cause).toBeInstanceOf(RangeError);
      expect(page.cause).toMatchObject({ message: "deep", code: "DEEP" });

      const strange = (yield* fail("strange")) as TypeError;
      expect(strange).toBeInstanceOf(TypeError);
      expect(strange).toMatchObject({ name: "Strange", message: "odd", code: "ODD" });
      expect(String(strange)).toBe("Strange: odd");
      expect("fn" in strange).toBe(false);
      expect((strange as unknown as { box: { cause: unknown } }).box.cause).toBe(strange.cause);

      const many = (yield* fail("many")) as AggregateError;
      expect(many).toBeInstanceOf(AggregateError);
      expect(many.errors[0]).toBeInstanceOf(TypeError);
      expect(many.errors[1]).toBe("b");

      const io = (yield* fail("io")) as IoError;
      expect(io).toBeInstanceOf(IoError);
      expect(io.err).toEqual({ area: "Fs", kind: "Not_found" });
      expect(String(io)).toBe("IoError: Fs Not_found, opening");

      const dom = yield* fail("dom");
      expect(dom).toBeInstanceOf(DOMException);
      expect(dom).toMatchObject({ name: "NotFoundError", message: "gone" });

      const loop = (yield* fail("loop")) as Error;
      expect(loop.cause).toBe(loop);
      expect(yield* fail("text")).toBe("just text");
      expect(yield* fail("null")).toBe(null);
      expect(yield* fail("function")).toMatchObject({ message: "a function was thrown, and cannot be sent" });
    }));

  it("BZ-03 the platform alone would lose the code and the class", async () => {
    const copy = structuredClone(Object.assign(new NoSuchPage("x"), { code: "C", cause: new TypeError("t") }));
    expect(copy).not.toBeInstanceOf(NoSuchPage);
    expect("code" in copy).toBe(false);
    expect(copy.cause).toBeInstanceOf(TypeError);
  });

  it("BZ-03 classes with a constructor of their own are revived by it", async () => {
    class Sealed extends Error {
      readonly #secret: string;
      constructor(secret: string) {
        super("sealed");
        this.name = "Sealed";
        this.#secret = secret;
      }
      get secret(): string {
        return this.#secret;
      }
    }
    registerError(Sealed, { revive: ({ hint }) => new Sealed(String(hint)) });
    expect(() => registerError(class extends Error {}, { name: "Sealed" })).toThrow(/a name that no other class has/);
    const error = await inSwitch(function* (sw) {
      const port = yield* toPort(sw, {
        *fail() {
          throw Object.assign(new Sealed("x"), { hint: "y" });
        },
      });
      return yield* caught(() => call(port, "fail"));
    });
    expect((error as Sealed).secret).toBe("y");
  });

  it("BZ-08 cancelling a call cancels the remote fiber, with the reason, and waits for its finalizers", () =>
    withWorker(function* (worker) {
      const seen = yield* caught(() =>
        Cancel.sub(function* (cc) {
          setTimeout(() => cc.cancel(new Error("enough")), 20);
          yield* call(worker, "wait", ["a"]);
        }),
      );
      expect(seen).toBeInstanceOf(Cancelled);
      expect(yield* call(worker, "log")).toEqual(["start a", "a cancelled: enough", "a ended"]);
    }));

  it("BZ-08 an abandoned call goes on at once, and its late reply is ignored", () =>
    withWorker(function* (worker) {
      // It listens already, so that the worker has started.
      yield* call(worker, "add", [1, 1]);
      const before = listeners(worker);
      const log: string[] = [];
      yield* caught(() =>
        Cancel.sub(function* (cc) {
          later(() => {
            cc.cancel("enough");
            expect(listeners(worker)).toBe(before);
            later(() => log.push("macrotask"));
          });
          try {
            yield* call(worker, "wait", ["a"], { onCancel: "abandon" });
          } finally {
            log.push("gone on");
          }
        }),
      );
      yield* sleep();
      expect(log).toEqual(["gone on", "macrotask"]);
      expect(yield* call(worker, "log")).toEqual(["start a", "a cancelled: enough", "a ended"]);
    }));

  it("BZ-08 one that is cancelled before it is sent is never sent", () =>
    withWorker(function* (worker) {
      yield* caught(() =>
        Cancel.sub(function* (cc) {
          cc.cancel("before");
          yield* call(worker, "wait", ["a"]);
        }),
      );
      expect(yield* call(worker, "log")).toEqual([]);
    }));

  it.each([
    ["exit", { name: "WorkerExitError", exitCode: 7 }],
    ["quietly", { name: "WorkerExitError", exitCode: 0 }],
    ["throws", { name: "TypeError", message: "worker broken" }],
  ])("BZ-09 BZ-06 every call that waits fails when the worker dies: %s", (how, expected) =>
    withWorker(function* (worker) {
      const errors = yield* Fiber.map(["wait", "wait", "wait", "die"], (method) =>
        caught(() => call(worker, method, [how])),
      );
      for (const error of errors) expect(error).toMatchObject(expected);
      if (how === "throws") expect(new Set(errors).size).toBe(1);
      // From now on there is nobody to answer.
      yield* sleep();
      while (worker.threadId !== -1) yield* sleep();
      expect(yield* caught(() => call(worker, "add", [1, 1]))).toBeInstanceOf(WorkerExitError);
    }),
  );

  it("BZ-09 they fail when the port is closed, also those that come later", async () => {
    await inSwitch(function* (sw) {
      const [here, there] = portPair();
      const pending = yield* Fiber.forkPromise(sw, () => caught(() => call(here, "x")));
      yield* sleep();
      there.close();
      expect(yield* pending.awaitOrThrow()).toBeInstanceOf(ClosedError);
      expect(yield* caught(() => call(here, "x"))).toBeInstanceOf(ClosedError);
      const [closedLong, other] = portPair();
      other.close();
      yield* sleep();
      expect(yield* caught(() => call(closedLong, "x"))).toBeInstanceOf(ClosedError);
    });
  });

  it("BZ-09 a cancelled call whose worker is killed ends as cancelled", () =>
    withWorker(function* (worker) {
      yield* call(worker, "add", [1, 1]);
      const seen = yield* caught(() =>
        Cancel.sub(function* (cc) {
          later(() => {
            void worker.terminate();
            cc.cancel("enough");
          });
          yield* call(worker, "wait", ["a"]);
        }),
      );
      expect(seen).toBeInstanceOf(Cancelled);
    }));

  it("toPort ends with its switch: calls under way are aborted, the finalizers run first", async () => {
    const log: string[] = [];
    let pending!: Promise<unknown>;
    await inSwitch(function* (sw) {
      const port = yield* toPort(sw, {
        *stuck() {
          try {
            yield* Fiber.awaitCancel();
          } finally {
            log.push("finalizer");
          }
        },
      });
      pending = toPromise(() => caught(() => call(port, "stuck"))).finally(() => log.push("answered"));
      yield* sleep();
    });
    log.push("switch ended");
    expect(await pending).toMatchObject({ name: "AbortError" });
    expect(log).toEqual(["finalizer", "switch ended", "answered"]);
  });

  it("BZ-11 toPort closes its port in the end", async () => {
    const { told } = watched(await inSwitch((sw) => toPort(sw, {})));
    await told;
  });

  it("serve cancels what it runs when the caller has gone", async () => {
    const log: string[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        const [here, there] = portPair();
        yield* Fiber.fork(sw, () =>
          servePort(there, {
            *stuck() {
              log.push("started");
              try {
                yield* Fiber.awaitCancel();
              } catch (error) {
                log.push(String((error as Cancelled).reason));
                throw error;
              }
            },
          }),
        );
        void toPromise(() => caught(() => call(here, "stuck")));
        while (log.length === 0) yield* sleep();
        here.close();
      }),
    );
    expect(log).toEqual(["started", "ClosedError: servePort: the caller has gone"]);
  });
});

describe("runWorker", () => {
  let sleeper: string;
  let answers: string;
  beforeAll(async () => {
    answers = await workerText(`
      toWorker(function* ({ a, b, fail }) {
        yield* Fiber.yield();
        if (fail) throw Object.assign(new RangeError("refused"), { code: "NO" });
        return a + b;
      });`);
    sleeper = await workerText(`
      toWorker(function* (shared) {
        const seen = new Int32Array(shared);
        seen[0] = 1;
        try { yield* Fiber.awaitCancel(); }
        catch (error) { if (error.reason === "enough") seen[1] = 1; throw error; }
        finally { yield* Cancel.protect(function* () { for (let i = 0; i < 5; i++) yield* Fiber.yield(); }); seen[2] = 1; }
      });`);
  });

  it("gives what the body returns, or what plain code posts first", async () => {
    expect(await toPromise(() => runWorker(answers, { eval: true, data: { a: 40, b: 2 } }))).toBe(42);
    const plain = `const { parentPort, workerData } = require("node:worker_threads");
      parentPort.on("message", () => {}); parentPort.postMessage(workerData * 2); parentPort.postMessage("more");`;
    expect(await toPromise(() => runWorker(plain, { eval: true, data: 21 }))).toBe(42);
  });

  it("BZ-03 throws what the body throws", async () => {
    const error: unknown = await toPromise(() =>
      caught(() => runWorker(answers, { eval: true, data: { fail: true } })),
    );
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: "refused", code: "NO" });
  });

  it.each([
    ["process.exit(3)", { name: "WorkerExitError", exitCode: 3 }],
    ["process.exit(0)", { name: "WorkerExitError", exitCode: 0 }],
    ["", { name: "WorkerExitError", exitCode: 0 }],
    ["throw new TypeError('broken')", { name: "TypeError", message: "broken" }],
  ])("BZ-06 fails once, and says how the worker ended: %s", async (program, expected) => {
    const error: unknown = await toPromise(() => caught(() => runWorker(program, { eval: true })));
    expect(error).toMatchObject(expected);
  });

  it("BZ-06 an error of a worker and its exit are one failure of recv", async () => {
    await inSwitch(function* (sw) {
      const worker = new Worker("throw new TypeError('broken')", { eval: true });
      const { recv, closed } = yield* fromPort(sw, worker);
      expect(yield* caught(() => recv.next())).toMatchObject({ name: "TypeError", message: "broken" });
      expect(yield* recv.next()).toBe(Done);
      yield* closed();
      const exits = yield* fromPort(sw, new Worker("process.exit(4)", { eval: true }));
      expect(yield* caught(() => exits.recv.next())).toMatchObject({ name: "WorkerExitError", exitCode: 4 });
      const ends = yield* fromPort(sw, new Worker("", { eval: true }));
      expect(yield* ends.recv.next()).toBe(Done);
    });
  });

  const view = () => new Int32Array(new SharedArrayBuffer(12));

  /** Runs a worker that is cancelled once it has set the first number. */
  function* cancelled(program: string, seen: Int32Array, grace?: number): Op<unknown> {
    return yield* caught(() =>
      Cancel.sub(function* (cc) {
        yield* Fiber.first<unknown>(
          () => runWorker(program, { eval: true, data: seen.buffer, ...(grace === undefined ? {} : { grace }) }),
          function* () {
            while (seen[0] === 0) yield* sleep();
            cc.cancel("enough");
            return yield* Fiber.awaitCancel();
          },
        );
      }),
    );
  }

  it("BZ-07 cancels the body first, and Cancelled comes when the worker is gone", async () => {
    const seen = view();
    const started = performance.now();
    // A grace that would be noticed, were it used up.
    const error = await toPromise(() => cancelled(sleeper, seen, 100));
    expect(error).toBeInstanceOf(Cancelled);
    expect([...seen]).toEqual([1, 1, 1]);
    expect(performance.now() - started).toBeLessThan(50_000);
  });

  it("BZ-07 terminates a worker that goes on, after the grace, and has waited for that", async () => {
    const seen = view();
    const program = `const seen = new Int32Array(require("node:worker_threads").workerData);
      seen[0] = 1; for (;;) seen[1]++;`;
    const log: string[] = [];
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called on the worker
    const { terminate } = Worker.prototype;
    const terminating = vi.spyOn(Worker.prototype, "terminate").mockImplementation(async function (this: Worker) {
      const code = await terminate.call(this);
      await soon();
      log.push("terminated");
      return code;
    });
    const error = await toPromise(() => cancelled(program, seen, 0.05));
    expect(error).toBeInstanceOf(Cancelled);
    log.push("Cancelled");
    expect(log).toEqual(["terminated", "Cancelled"]);
    terminating.mockRestore();
  });

  it("BZ-07 tells plain code, too, and in a cancelled fiber starts nothing", async () => {
    const seen = view();
    const program = `const { parentPort, workerData } = require("node:worker_threads");
      const seen = new Int32Array(workerData);
      parentPort.on("message", ({ kind, reason }) => { if (kind === "cancel" && reason === "enough") { seen[1] = 1; process.exit(0); } });
      seen[0] = 1;`;
    expect(await toPromise(() => cancelled(program, seen, 100))).toBeInstanceOf(Cancelled);
    expect(seen[1]).toBe(1);
    const never = view();
    await toPromise(() =>
      caught(() =>
        Cancel.sub(function* (cc) {
          cc.cancel("before");
          yield* runWorker(program, { eval: true, data: never.buffer });
        }),
      ),
    );
    await soon();
    expect(never[0]).toBe(0);
  });

  it("BZ-10 counts credit between threads", async () => {
    const sending = await workerText(`
      import { workerData } from "node:worker_threads";
      const sent = new Int32Array(workerData);
      run(() => Switch.run(function* (sw) {
        const flow = yield* fromPort(sw, parentPort(), { credit: 3 });
        for (let i = 0; i < 50; i++) { yield* flow.send(i); sent[0]++; }
      }));`);
    const sent = view();
    const worker = new Worker(sending, { eval: true, workerData: sent.buffer });
    await inSwitch(function* (sw) {
      const { recv } = yield* fromPort<number, never>(sw, worker, { credit: 3 });
      // It goes on until its credit is used up, and waits.
      while (sent[0]! < 3) yield* sleep();
      for (let i = 0; i < 50; i++) {
        yield* sleep();
        expect(sent[0]! - i).toBeLessThanOrEqual(3);
        expect(yield* recv.next()).toBe(i);
      }
      expect(yield* recv.next()).toBe(Done);
    });
    await worker.terminate();
  });

  it("BZ-11 a worker that is owned is gone when the switch has ended, one that is not goes on", async () => {
    const program = 'setInterval(() => {}, 1000); require("node:worker_threads").parentPort.on("message", () => {})';
    const owned = new Worker(program, { eval: true });
    const other = new Worker(program, { eval: true });
    await inSwitch(function* (sw) {
      yield* fromPort(sw, owned, { owned: true });
      yield* fromPort(sw, other);
    });
    expect(owned.threadId).toBe(-1);
    expect(other.threadId).toBeGreaterThan(0);
    expect(listeners(owned) + listeners(other)).toBe(0);
    await other.terminate();
  });
});

it("transferring and toWorker refuse what they cannot do", async () => {
  expect(() => transferring(1, 2 as never)).toThrow(/"transfer" must be an array/);
  const { toWorker, parentPort } = await import("@trestle/bridges/worker");
  // This suite may itself run in a thread of the test runner: then there is a line to it.
  const inThread = (await import("node:worker_threads")).parentPort !== null;
  if (!inThread) {
    expect(() => toWorker(function* () {})).toThrow("toWorker: this is not a worker");
    expect(() => parentPort()).toThrow("parentPort: this is not a worker");
  }
  expect(() => toWorker((async () => {}) as never)).toThrow(TypeError);
});
