import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  Fiber,
  Multiple,
  Semaphore,
  Switch,
  explain,
  fiber,
  startRoot,
  trailOf,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import { run as runOnNode } from "trestle/node";
import { heapUsedNow } from "../heap.js";
import { thrownBy } from "./transcript.js";

function* failWith(error: unknown): Op<never> {
  yield* Fiber.yield();
  throw error;
}

/** The trail in short: frames by name, fibers in angle brackets. */
const trail = (error: unknown): string[] =>
  trailOf(error).map((step) =>
    step.kind === "frame"
      ? `${step.name}${step.times > 1 ? ` x${step.times}` : ""}`
      : step.kind === "fiber"
        ? `<${step.name ?? ""}>`
        : `... ${step.count}`,
  );

const sites = (error: unknown) => trailOf(error).map((step) => (step.kind === "fiber" ? step.forkedAt : undefined));

describe("EX-19 RB-19 an error crosses fibers as it is, and trailOf knows its way", () => {
  it.each<[string, (error: Error) => Op<unknown>, string[]]>([
    [
      "fork",
      (error) =>
        Switch.run((sw) => Fiber.fork(sw, () => failWith(error), { name: "worker" }), {
          name: "server",
        }),
      ["<worker>", 'Switch.run "server"', "<main>"],
    ],
    [
      "forkDaemon in a protected switch",
      (error) =>
        Switch.runProtected(function* (sw) {
          yield* Fiber.forkDaemon(sw, () => failWith(error), { name: "daemon" });
          yield* Fiber.awaitCancel();
        }),
      ["<daemon>", "Switch.runProtected", "<main>"],
    ],
    [
      "forkPromise, thrown on by who waits for it",
      (error) =>
        Switch.run(function* (sw) {
          const job = yield* Fiber.forkPromise(sw, () => failWith(error), { name: "job" });
          yield* job.awaitOrThrow();
        }),
      ["<job>", "Switch.run", "<main>"],
    ],
    [
      "a branch of both",
      (error) =>
        Fiber.both(
          function* left() {
            yield* failWith(error);
          },
          () => Fiber.awaitCancel(),
        ),
      ["<left>", "Fiber.both", "<main>"],
    ],
    [
      "the last job, in the caller's own fiber",
      (error) => Fiber.map([1], () => failWith(error)),
      ["Fiber.map", "<main>"],
    ],
    [
      "a branch of a race",
      (error) =>
        Fiber.any([
          function* mirror() {
            yield* failWith(error);
          },
          () => Fiber.awaitCancel(),
        ]),
      ["<mirror>", "Fiber.any", "<main>"],
    ],
    [
      "frames inside one another",
      (error) => Cancel.sub(() => Cancel.protect(() => new Semaphore(1).use(() => failWith(error)))),
      ["Semaphore.use", "Cancel.protect", "Cancel.sub", "<main>"],
    ],
  ])("out of %s", (_, body, expected) => {
    const error = new Error("disk full");
    const { stack } = error;
    const thrown = thrownBy(() =>
      run(function* main() {
        yield* body(error);
      }),
    );
    expect(thrown).toBe(error);
    expect(trail(error)).toEqual(expected);
    expect(error.stack).toBe(stack);
    expect(Reflect.ownKeys(error).sort()).toEqual(["message", "stack"]);
  });

  it("says where fibers were forked", () => {
    const error = new Error("disk full");
    thrownBy(() => run(() => Switch.run((sw) => Fiber.fork(sw, () => failWith(error)))));
    expect(trailOf(error)[0]).toMatchObject({ kind: "fiber", name: undefined });
    expect(sites(error)[0]).toMatch(/explain\.test\.ts:\d+:\d+/);
  });

  it("the limits on time are in it, and functions marked with fiber by name; a recursion is one step", () => {
    const error = new Error("deep");
    const descend = fiber(function* descend(depth: number): Op<void> {
      if (depth > 1) return yield* descend(depth - 1);
      yield* failWith(error);
    });
    thrownBy(() => run(({ clock }) => clock.withTimeoutExn(1, () => descend(10_000))));
    expect(trail(error)).toEqual(["descend x10000", "Clock.withTimeoutExn", "<main>"]);
  });

  it("keeps the two ends of a long trail, and says how much it left out", () => {
    const error = new Error("deep");
    function* generation(n: number): Op<void> {
      if (n === 0) yield* failWith(error);
      yield* Switch.run((sw) => Fiber.fork(sw, () => generation(n - 1), { name: `${n - 1}` }));
    }
    thrownBy(() => run(() => generation(1_000)));
    const steps = trail(error);
    expect(steps).toHaveLength(65);
    expect(steps.slice(0, 3)).toEqual(["<0>", "Switch.run", "<1>"]);
    expect(steps[32]).toBe("... 1937");
    expect(steps.slice(-3)).toEqual(["<999>", "Switch.run", "<main>"]);
  });

  it("a trail stays small, however many frames the error came out of", () => {
    const even = fiber(function* even(depth: number): Op<void> {
      if (depth === 0) yield* failWith(new Error("deep"));
      else yield* odd(depth - 1);
    });
    const odd: (depth: number) => Op<void> = fiber(function* odd(depth: number): Op<void> {
      yield* even(depth - 1);
    });
    const fail = (depth: number) => thrownBy(() => run(() => even(depth)));
    fail(2);
    const before = heapUsedNow();
    const error = fail(200_000);
    expect(heapUsedNow() - before).toBeLessThan(1_000_000);
    expect(trail(error)).toHaveLength(65);
  });

  it("a cancellation and values that are no objects have none; frozen errors have", () => {
    const cancelled = thrownBy(() =>
      run(() =>
        Cancel.sub(function* (cc) {
          cc.cancel("stop");
          yield* Fiber.yield();
        }),
      ),
    );
    expect(cancelled).toBeInstanceOf(Cancelled);
    expect(trailOf(cancelled)).toEqual([]);
    expect(thrownBy(() => run(() => failWith("text")))).toBe("text");
    expect(trailOf("text")).toEqual([]);
    expect(trailOf(new Error("never thrown"))).toEqual([]);
    const frozen = Object.freeze(new Error("frozen"));
    expect(thrownBy(() => run(() => failWith(frozen)))).toBe(frozen);
    expect(trail(frozen)).toEqual(["<main>"]);
  });

  it("is there for those outside: the promise of run, and the outcome of startRoot", async () => {
    const error = new Error("a");
    await runOnNode(function* main() {
      yield* failWith(error);
    }).catch(() => {});
    expect(trail(error)).toEqual(["<main>"]);
    expect(sites(error)[0]).toMatch(/explain\.test\.ts/);
    const other = new Error("b");
    startRoot(
      function* () {
        throw other;
      },
      { name: "root", onDone: () => {} },
    );
    expect(trail(other)).toEqual(["<root>"]);
  });

  it("RB-20 fail leaves the error it is given as it is: no stack, and no way of its caller", () => {
    const error = new Error("elsewhere");
    const { stack } = error;
    const thrown = thrownBy(() =>
      run(function* main() {
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(
            sw,
            function* () {
              yield* Cancel.sub(function* () {
                sw.fail(error);
                yield* Fiber.yield();
              });
            },
            { name: "whistle-blower" },
          );
          yield* Fiber.awaitCancel();
        });
      }),
    );
    expect(thrown).toBe(error);
    expect(error.stack).toBe(stack);
    expect(trail(error)).toEqual(["Switch.run", "<main>"]);
    const bare = { toString: () => "no error" };
    const body = (sw: Switch) =>
      Cancel.protect(function* () {
        sw.fail(bare);
      });
    expect(thrownBy(() => run(() => Switch.run(body)))).toBe(bare);
    expect(Reflect.ownKeys(bare)).toEqual(["toString"]);
  });

  it("an error that is caught, kept and thrown on goes on with its trail", () => {
    const error = new Error("a");
    thrownBy(() =>
      run(function* main() {
        let kept: unknown;
        try {
          yield* Cancel.sub(() => failWith(error));
        } catch (e) {
          kept = e;
        }
        yield* Fiber.yield();
        yield* Cancel.protect(() => failWith(kept));
      }),
    );
    expect(trail(error)).toEqual(["Cancel.sub", "Cancel.protect", "<main>"]);
  });
});

describe("explain", () => {
  const withoutPlaces = (text: string) =>
    text
      .split("\n")
      .filter((line) => !/^\s+at /.test(line))
      .map((line) => line.replace(/fiber \d+/, "fiber N").replace(/, forked at .*/, ", forked"));

  it("gives the stack of the error itself, then its trail", () => {
    const thrown = thrownBy(() =>
      run(function* main() {
        yield* Switch.run((sw) => Fiber.fork(sw, () => failWith(new RangeError("too far")), { name: "worker" }), {
          name: "server",
        });
      }),
    ) as Error;
    const text = explain(thrown);
    expect(text).toContain(thrown.stack);
    expect(text).toMatch(/forked at .*explain\.test\.ts:\d+:\d+/);
    expect(withoutPlaces(text)).toEqual([
      "RangeError: too far",
      '  in fiber N "worker", forked',
      '  in Switch.run "server"',
      '  in fiber N "main"',
    ]);
  });

  it("tells the parts of a Multiple, and causes", () => {
    const thrown = thrownBy(() =>
      run(function* main() {
        yield* Fiber.both(
          function* left() {
            yield* Cancel.protect(() => failWith(new Error("l", { cause: new TypeError("root") })));
          },
          function* right() {
            yield* Cancel.protect(() => failWith("r"));
          },
        );
      }),
    );
    expect(thrown).toBeInstanceOf(Multiple);
    expect(withoutPlaces(explain(thrown))).toEqual([
      "Multiple exceptions:",
      "- Error: l",
      "- r",
      "  in Fiber.both",
      '  in fiber N "main"',
      "  1 of 2: Error: l",
      "    in Cancel.protect",
      '    in fiber N "left", forked',
      "    caused by: TypeError: root",
      "  2 of 2: r",
    ]);
  });

  it("prints any value, in bounded space, and the name of an error whose stack lacks it", () => {
    expect(explain("text")).toBe("text");
    expect(explain(undefined)).toBe("undefined");
    expect(explain(Object.create(null))).toBe("an object");
    class Refused extends Error {
      override readonly name = "Refused";
    }
    expect(explain(new Refused("no"))).toMatch(/^Refused: no\n\s+at /);
    const bare = new Error("bare");
    delete bare.stack;
    expect(explain(bare)).toBe("Error: bare");
    const loop = new Error("loop");
    loop.cause = loop;
    expect(withoutPlaces(explain(loop))).toEqual(["Error: loop", "  caused by: Error: loop (see above)"]);
    const chain = Array.from({ length: 10_000 }).reduce<Error>((cause) => new Error("x", { cause }), new Error("0"));
    expect(withoutPlaces(explain(chain))).toHaveLength(51);
    const many = new AggregateError(
      Array.from({ length: 1_000 }, (_, i) => `error ${i}`),
      "many",
    );
    expect(withoutPlaces(explain(many)).slice(-2)).toEqual(["  50 of 1000: error 49", "  and 950 more"]);
  });
});
