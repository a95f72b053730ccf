/**
 * What programs do that hand async functions to others (emitters, timers, array methods), keep promises for several who
 * ask, race them, or abort them, before and after: when each part runs, with which `this` and parameters, and which
 * errors nobody looked at. The two logs must be the same, to the millisecond.
 */
import { beforeAll, describe, expect, it, vi } from "vitest";
import { migrate, strictOptions, type MigratedProject } from "../transform/migrated-project.js";
import { load, runProgram } from "./run-program.js";
import { worldDeclarations, type World } from "./virtual-world.js";

const nodeDeclarations = `
declare module "node:events" {
  type Listener = (this: EventEmitter, ...args: any[]) => unknown;
  export class EventEmitter {
    constructor(options?: object);
    on(event: string, listener: Listener): this;
    once(event: string, listener: Listener): this;
    off(event: string, listener: Listener): this;
    emit(event: string, ...args: unknown[]): boolean;
    listenerCount(event: string): number;
  }
  export function once(emitter: EventEmitter, event: string, options?: { signal?: AbortSignal }): Promise<any[]>;
  export function on(emitter: EventEmitter, event: string, options?: object): AsyncIterableIterator<any[]>;
}
declare module "node:async_hooks" {
  export class AsyncLocalStorage<T> {
    run<R>(store: T, go: () => R): R;
    getStore(): T | undefined;
  }
}
declare module "node:timers/promises" {
  export function setTimeout<T = void>(ms?: number, value?: T, options?: { signal?: AbortSignal }): Promise<T>;
}
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: any;
  throwIfAborted(): void;
  addEventListener(type: "abort", go: () => void, options?: object): void;
  removeEventListener(type: "abort", go: () => void): void;
}
declare var AbortSignal: { prototype: AbortSignal };
declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}
`;

const programs: Readonly<Record<string, string>> = {
  "CM-H08 CM-E05 CM-E07 a listener starts within the call, with its this, and its errors are nobody's": `
import { EventEmitter } from "node:events";
export async function main() {
  const emitter = new EventEmitter();
  const listener = async (id: string, n: number) => {
    log("l", ["begins", id, n]);
    await sleep(3, 1);
    log("l", ["ends", id]);
    if (n > 1) throw new Error("lost " + n);
  };
  emitter.on("row", listener);
  emitter.on("row", async function (id) {
    log("t", [this === emitter, id]);
    await sleep(1, 1);
    log("t", this === emitter);
  });
  log("m", listener.length);
  log("m", [emitter.emit("row", "a", 1), emitter.emit("row", "b", 2), emitter.emit("none")]);
  await sleep(10, 1);
}
`,
  "CM-E13 what a listener rejects with reaches the error listener of an emitter that captures rejections": `
import { EventEmitter } from "node:events";
export async function main() {
  const emitter = new EventEmitter({ captureRejections: true });
  emitter.on("error", (error) => log("e", String(error)));
  emitter.on("row", async (id: string) => {
    await sleep(2, 1);
    throw new Error("captured " + id);
  });
  emitter.emit("row", "a");
  await sleep(5, 1);
  log("m", "end");
}
`,
  "CM-E06 TR1601 a listener that is taken off hears no more": `
import { EventEmitter } from "node:events";
class Watcher {
  readonly heard = async (id: string) => {
    log("w", id);
    await sleep(1, 1);
    log("w", ["later", id]);
  };
  constructor(readonly emitter: EventEmitter) {
    emitter.on("row", this.heard);
  }
  async stop() {
    await sleep(1, 1);
    this.emitter.off("row", this.heard);
  }
}
async function named(id: string) {
  log("n", await sleep(1, id));
}
export async function main() {
  const emitter = new EventEmitter();
  const watcher = new Watcher(emitter);
  emitter.on("row", named);
  emitter.emit("row", "a");
  await watcher.stop();
  emitter.off("row", named);
  log("m", [emitter.emit("row", "b"), emitter.listenerCount("row")]);
  await sleep(5, 1);
}
`,
  "CM-E09 an error event that nobody hears is thrown where it is emitted": `
import { EventEmitter } from "node:events";
async function fail(emitter: EventEmitter) {
  await sleep(1, 1);
  emitter.emit("error", new Error("unheard"));
}
export async function main() {
  const emitter = new EventEmitter();
  try {
    await fail(emitter);
  } catch (error) {
    log("m", String(error));
  }
}
`,
  "CM-E01 CM-E02 CM-E03 waits for events, one and many": `
import { EventEmitter, on, once } from "node:events";
async function reader(emitter: EventEmitter) {
  let n = 0;
  for await (const [row] of on(emitter, "row")) {
    log("r", row);
    await sleep(2, 1);
    if (++n === 3) break;
  }
  log("r", emitter.listenerCount("row"));
}
export async function main() {
  const emitter = new EventEmitter();
  setTimeout(() => emitter.emit("ready", 1, 2), 3);
  log("m", await once(emitter, "ready"));
  setTimeout(() => emitter.emit("ready", "first", "second"), 2);
  log("m", await new Promise((resolve) => emitter.once("ready", resolve)));
  setTimeout(() => emitter.emit("error", new Error("instead")), 2);
  try {
    await once(emitter, "ready");
  } catch (error) {
    log("m", [String(error), emitter.listenerCount("ready")]);
  }
  const reading = reader(emitter);
  for (let i = 0; i < 4; i++) {
    emitter.emit("row", i);
    await sleep(1, 1);
  }
  await reading;
}
`,
  "CM-H04 CM-H06 CM-H03 forEach starts all, reduce one after the other, map collects": `
async function load(id: string, ms: number) {
  log(id, "load");
  return await sleep(ms, id + ms);
}
export async function main() {
  const ids = ["a", "b", "c"];
  ids.forEach(async (id, index) => {
    log(id, "begins");
    log(id, await load(id, 3 - index));
  });
  log("m", "started");
  const all = await ids.reduce(async (before, id) => {
    const known = await before;
    log(id, known.length);
    return [...known, await load(id, 2)];
  }, Promise.resolve([] as string[]));
  log("m", all);
  const started = ids.map(async (id) => await load(id, 1));
  log("m", "collected");
  log("m", await Promise.all(started));
}
`,
  "CM-H12 CM-T02 CM-T04 callbacks of timers overlap, and nobody waits for them": `
export async function main() {
  let ticks = 0;
  const tick = () => {
    if (++ticks < 4) setTimeout(tick, 2);
    setTimeout(async (n: number) => {
      log("t", ["begins", n]);
      await sleep(5, 1);
      log("t", ["ends", n]);
      if (n === 2) throw new Error("tick " + n);
    }, 1, ticks);
  };
  tick();
  await sleep(4, 1);
  log("m", "gone on");
}
`,
  "CM-H19 the store of AsyncLocalStorage follows a fiber": `
import { AsyncLocalStorage } from "node:async_hooks";
const storage = new AsyncLocalStorage<string>();
async function deep(t: string): Promise<void> {
  await sleep(1, 1);
  log(t, storage.getStore() ?? null);
  await new Promise<void>((resolve) => resolve());
  log(t, storage.getStore() ?? null);
}
async function request(t: string) {
  log(t, storage.getStore() ?? null);
  await deep(t);
  await Promise.all([deep(t), deep(t)]);
  log(t, storage.getStore() ?? null);
}
export async function main() {
  await Promise.all([storage.run("A", () => request("a")), storage.run("B", async () => await request("b")), request("c")]);
  log("m", storage.getStore() ?? null);
}
`,
  "CM-H14 CM-P21 one run serves all who ask for a promise that is kept": `
const memoize = <T>(fn: (id: string) => Promise<T>) => {
  const known = new Map<string, Promise<T>>();
  return (id: string) => {
    let one = known.get(id);
    if (!one) known.set(id, (one = fn(id)));
    return one;
  };
};
const load = memoize(async (id) => {
  log("load", id);
  return await sleep(3, id + "!");
});
class Cache {
  #row: Promise<string> | undefined;
  async row(t: string) {
    this.#row ??= load("row");
    const row = await this.#row;
    log(t, row);
    return row;
  }
}
export async function main() {
  const cache = new Cache();
  log("m", await Promise.all([cache.row("a"), cache.row("b"), load("x"), load("x")]));
  log("m", load("x") === load("x"));
  await cache.row("c");
}
`,
  "CM-P22 jobs in a queue of promises keep their order": `
class Queue {
  #tail: Promise<unknown> = Promise.resolve();
  async add(t: string, ms: number): Promise<string> {
    const before = this.#tail;
    let done = () => {};
    this.#tail = new Promise<void>((resolve) => (done = resolve));
    await before;
    log(t, "begins");
    await sleep(ms, 1);
    log(t, "ends");
    done();
    return t;
  }
}
export async function main() {
  const queue = new Queue();
  log("m", await Promise.all([queue.add("a", 3), queue.add("b", 1), queue.add("c", 2)]));
}
`,
  "CM-P15 CM-P27 CM-P16 whoever loses a race goes on": `
async function work(t: string, ms: number) {
  await sleep(ms, 1);
  log(t, "half");
  await sleep(ms, 1);
  log(t, "whole");
  return t;
}
const timeout = (ms: number) =>
  new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error("too slow")), ms);
  });
export async function main() {
  try {
    await Promise.race([work("slow", 5), timeout(7)]);
  } catch (error) {
    log("m", String(error));
  }
  log("m", await Promise.race([work("a", 2), work("b", 1)]));
  log("m", (await Promise.allSettled([work("c", 1), timeout(1)])).map((one) => one.status));
}
`,
  "CM-P18 CM-P23 a promise that is settled from elsewhere wakes its waiters in their order": `
export async function main() {
  let settle = (_value: string) => {};
  const answer = new Promise<string>((resolve) => {
    settle = resolve;
  });
  const waiter = async (t: string) => {
    log(t, await answer);
    log(t, await answer);
  };
  const all = [waiter("a"), waiter("b")];
  await sleep(2, 1);
  settle("yes");
  settle("no");
  log("m", "settled");
  await Promise.all(all);
  const failed = sleep(1, 1).then(() => Promise.reject(new Error("silent")));
  failed.catch(() => {});
  await sleep(3, 1);
}
`,
  "CM-T06 CM-T07 CM-T08 CM-T09 CM-T11 TR1606 an abort reaches whoever was handed the signal": `
async function load(t: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return await new Promise<string>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve(t);
    }, 5);
  });
}
async function task(t: string, signal: AbortSignal) {
  try {
    log(t, await load(t, signal));
    if (signal.aborted) log(t, "too late");
    log(t, await load(t + t, signal));
  } catch (error) {
    if ((error as Error).name === "AbortError") {
      log(t, "aborted");
      return;
    }
    throw error;
  }
}
export async function main() {
  const controller = new AbortController();
  const all = [task("a", controller.signal), task("b", controller.signal)];
  await sleep(7, 1);
  log("m", "abort");
  controller.abort();
  log("m", "after");
  await Promise.all(all);
  await task("c", controller.signal);
}
`,
};

let project: MigratedProject;

beforeAll(async () => {
  const files: Record<string, string> = { "world.d.ts": worldDeclarations + nodeDeclarations };
  for (const [index, text] of Object.values(programs).entries()) files[`p${index}/main.ts`] = text;
  project = await migrate(files, { compilerOptions: { ...strictOptions, noUnusedLocals: false } });
}, 120_000);

describe("waits of the platform", () => {
  const text = `
import { EventEmitter, once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
async function ready(emitter: EventEmitter) {
  await once(emitter, "ready");
}
async function fail() {
  await sleep(1, 1);
  throw new Error("gave up");
}
async function long() {
  await delay(60_000);
}
export async function main() {
  const emitter = new EventEmitter();
  try {
    await Promise.all([ready(emitter), long(), fail()]);
  } catch (error) {
    log("m", String(error));
  }
  log("m", [emitter.listenerCount("ready"), emitter.listenerCount("error")]);
}
`;

  it("CM-E01 CM-T01 a cancelled wait takes its listeners off and clears its timer, which no promise could", async () => {
    const files = { "world.d.ts": worldDeclarations + nodeDeclarations, "main.ts": text };
    const { after } = await migrate(files, { compilerOptions: strictOptions });
    const run = await runProgram({ main: after["main.ts"] ?? "" });
    expect(run?.log.map(({ event }) => event)).toEqual(['"Error: gave up"', "[0,0]"]);
  });
});

describe("timers that a test has replaced", () => {
  it("CM-T13 they drive the migrated program as they did the original", async () => {
    const text = `
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
export async function main() {
  log("m", "asleep");
  await pause(1000);
  log("m", "awake");
}
`;
    const files = { "world.d.ts": worldDeclarations, "main.ts": text };
    const { after } = await migrate(files, { compilerOptions: strictOptions });
    expect(after["main.ts"]).toContain("fromCallback");
    const loaded = await load({ main: after["main.ts"] ?? "" });
    vi.useFakeTimers();
    try {
      const seen: unknown[] = [];
      const world: World = {
        sleep: () => Promise.reject(new Error("not asked for")),
        maybe: (n) => n,
        log: (_task, event) => void seen.push(event),
        setTimeout: (go, ms, ...args) => setTimeout(go, ms, ...args),
        clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
      };
      const done = (loaded(world)["main"] as () => Promise<void>)();
      await vi.advanceTimersByTimeAsync(999);
      expect(seen).toEqual(["asleep"]);
      await vi.advanceTimersByTimeAsync(1);
      expect(seen).toEqual(["asleep", "awake"]);
      await done;
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("functions that are handed on, and promises that are kept", () => {
  it.each(Object.keys(programs).map((title, index) => [title, index] as const))("%s", async (_title, index) => {
    const path = `p${index}/main.ts`;
    const [before, after] = [project.before[path] ?? "", project.after[path] ?? ""];
    expect(after).not.toMatch(/\basync\b|\bawait\b(?!\w)/);
    expect(await runProgram({ main: after }), after).toEqual(await runProgram({ main: before }));
  });
});
