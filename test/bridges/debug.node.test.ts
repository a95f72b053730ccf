// Node only: it adopts a stream of Node.

import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { Subject } from "rxjs";
import { afterEach, describe, expect, it } from "vitest";
import { Fiber, setDebug, Switch, type Finding, type Op } from "trestle";
import { adopt, events, fromAsync, fromObservable, fromPromise, toAsync, toPromise } from "@trestle/bridges";
import { fromReadable } from "@trestle/bridges/streams";
import { run } from "trestle/node";

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
