// Node only: it adopts a stream of Node.

import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { Subject } from "rxjs";
import { afterEach, describe, expect, it } from "vitest";
import { Fiber, setDebug, Switch, type Finding, type Op } from "trestle";
import {
  adopt,
  events,
  fromAsync,
  fromNode,
  fromObservable,
  fromPromise,
  once,
  toAsync,
  toPromise,
} from "@trestle/bridges";
import { fromReadable } from "@trestle/bridges/streams";
import { run } from "trestle/node";
import { subscribe } from "trestle/trace";

afterEach(() => setDebug(false));

function watched(options: { owned?: boolean } = {}): Finding[] {
  const findings: Finding[] = [];
  setDebug({ ...options, report: (finding) => findings.push(finding) });
  return findings;
}

function* answer(): Op<number> {
  yield* Fiber.yield();
  return 42;
}

describe("the wrong world", () => {
  it("BM-15 a fiber that waits for a promise that it made of fiber code is told where, once for a place", async () => {
    const findings = watched();
    const load = toAsync(answer);
    await run(function* main() {
      for (let i = 0; i < 2; i++) expect(yield* fromPromise(toPromise(answer))).toBe(42);
      expect(yield* adopt(load())).toBe(42);
    });
    expect(findings.map(({ kind }) => kind)).toEqual(["wrong-world", "wrong-world"]);
    expect(findings[0]!.message).toMatch(
      /^fiber \d+ "main" waits with fromPromise for the promise of toPromise, made at .*:\d+:\d+: it is in fiber code already; run the body with yield\*, or fork it$/,
    );
    expect(findings[1]!.message).toMatch(/waits with adopt for the promise of answer/);
    expect(findings[0]!.place).toMatch(/\.ts:\d+:\d+$/);
  });

  it("BM-15 foreign code in between, another fiber, and code outside of fibers are all right", async () => {
    const findings = watched();
    await run(function* () {
      yield* fromAsync(async () => await toPromise(answer));
      const promise = toPromise(answer);
      yield* Fiber.both(
        () => fromPromise(promise),
        () => Fiber.yield(),
      );
      yield* fromPromise(Promise.resolve(1));
    });
    await toPromise(answer);
    expect(findings).toEqual([]);
  });
});

describe("what a switch still has when it ends", () => {
  const inSwitch = (body: (sw: Switch) => Op<unknown>) => run(() => Switch.run(body, { name: "page" }));

  it("BG-50 each thing that was not closed is told, with the place where it was made", async () => {
    const findings = watched({ owned: true });
    await inSwitch(function* (sw) {
      yield* events(sw, new EventEmitter(), "click");
      yield* Fiber.yield();
      fromReadable(sw, new Readable({ read() {} }));
      const closed = yield* fromObservable(sw, new Subject<number>());
      closed.close();
    });
    const told = findings.filter(({ kind }) => kind === "left-to-switch").map(({ message }) => message);
    expect(told).toEqual([
      expect.stringMatching(
        /^fromReadable, made at .*:\d+:\d+, was still there when switch "page" ended, which closes it now$/,
      ),
      expect.stringMatching(/^events\(click\), made at .*:\d+:\d+, was still there/),
    ]);
  });

  it("BG-50 nothing is told unless it was asked for", async () => {
    const findings = watched();
    await inSwitch(function* (sw) {
      yield* events(sw, new EventEmitter(), "click");
    });
    expect(findings).toEqual([]);
    expect(() => setDebug({ owned: 1 as never })).toThrow(/"options\.owned" must be a boolean/);
  });
});

describe("without debug mode", () => {
  /** Some of everything that goes one way or the other. */
  function* crossings(count: number): Op<void> {
    const emitter = new EventEmitter();
    const node = fromNode((value: number, done: (error: null, value: number) => void) => {
      setImmediate(done, null, value);
    });
    for (let i = 0; i < count; i++) {
      yield* fromPromise(Promise.resolve(i));
      yield* fromAsync(() => Promise.resolve(i));
      yield* node(i);
      setImmediate(() => emitter.emit("ready", i));
      yield* once(emitter, "ready");
      yield* adopt(i);
    }
  }

  /** How many errors and stacks are made meanwhile. */
  async function stacksMade(body: () => Op<void>): Promise<number> {
    const Real = globalThis.Error;
    let made = 0;
    await run(function* () {
      globalThis.Error = new Proxy(Real, {
        construct(target, args, newTarget: unknown) {
          made++;
          return Reflect.construct(
            target,
            args as [],
            newTarget === globalThis.Error ? target : (newTarget as typeof Error),
          );
        },
        get(target, key) {
          if (key === "captureStackTrace") made++;
          return Reflect.get(target, key) as unknown;
        },
      });
      try {
        yield* body();
      } finally {
        globalThis.Error = Real;
      }
    });
    return made;
  }

  it("BG-62 no crossing makes an error to know where it is", async () => {
    expect(await stacksMade(() => crossings(100))).toBe(0);
    setDebug(true);
    expect(await stacksMade(() => crossings(100))).toBeGreaterThan(100);
  });

  it("BG-63 a trace shows each crossing: who waits for what, from the wait to the wake", async () => {
    const lines: string[] = [];
    const unsubscribe = subscribe((_time, event) => {
      if (event.type === "fiber-suspended") lines.push(`enter ${event.operation}`);
      if (event.type === "fiber-woken") lines.push("exit");
    });
    try {
      await run(() => crossings(1));
    } finally {
      unsubscribe();
    }
    const names = ["fromPromise", "fromAsync", "fromNode", "once", "adopt"];
    expect(lines.filter((line) => line === "exit").length).toBeGreaterThanOrEqual(names.length);
    expect(names.filter((name) => !lines.some((line) => line.includes(name)))).toEqual([]);
  });
});
