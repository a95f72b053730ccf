import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Fiber, Switch, traceln, tracelnPos, withTracePrefix, type Op } from "trestle";
import { run } from "trestle/mock";
import { run as runNode } from "trestle/node";
import * as Trace from "trestle/trace";
import { captureErrorOutput } from "../platform.js";
import { steps, transcript } from "./transcript.js";

/** What is written to the standard error output, a write an element. */
let written: string[];

beforeEach(() => {
  written = [];
  captureErrorOutput((text) => written.push(text));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const capture = (lines: string[]) => (message: string) => void lines.push(message);

it("DB-01 DB-06 a line is written after a plus, one on each line of a message, in one write", () => {
  run(function* () {
    traceln("ready");
    traceln("one\ntwo\n");
  });
  expect(written).toEqual(["+ready\n", "+one\n+two\n+\n"]);
});

it("DB-02 a position is appended: as text, in parts, or that of an error", () => {
  tracelnPos("pool.ts:12", "reusing %s", "a");
  tracelnPos({ file: "pool.ts", line: 13 }, "closing");
  tracelnPos(new Error("here"), "of an error");
  const nowhere = new Error("nowhere");
  nowhere.stack = undefined;
  tracelnPos(nowhere, "from nowhere");
  nowhere.stack = "Error\n    at file:///app/pool.js:1:2";
  tracelnPos(nowhere, "of a module");
  expect(written.slice(0, 2)).toEqual(["+reusing a [pool.ts:12]\n", "+closing [pool.ts:13]\n"]);
  expect(written[2]).toMatch(/^\+of an error \[\/.*\/traceln\.test\.ts:\d+\]\n$/);
  expect(written.slice(3)).toEqual(["+from nowhere [unknown place]\n", "+of a module [/app/pool.js:1]\n"]);
});

it("DB-03 RB-46 it works outside of fibers: in callbacks, and before any program runs", async () => {
  traceln("before");
  await runNode(function* ({ debug }) {
    yield* Fiber.withBinding(debug.traceln, capture([]), function* () {
      setTimeout(() => traceln("in a callback"), 0);
    });
  });
  await vi.waitFor(() => expect(written).toEqual(["+before\n", "+in a callback\n"]));
});

it("DB-03 without a standard error output it goes to the console", () => {
  const log: unknown[] = [];
  vi.spyOn(console, "error").mockImplementation((...args) => void log.push(args));
  vi.stubGlobal("process", undefined);
  traceln("one\ntwo");
  vi.stubGlobal("process", { stderr: {} });
  traceln("three");
  vi.unstubAllGlobals();
  expect(log).toEqual([["+one\n+two"], ["+three"]]);
  expect(written).toEqual([]);
});

it("DB-04 binding the key replaces the function for that fiber and those it forks, and for nobody else", () => {
  const bound: string[] = [];
  run(({ debug }) =>
    Switch.run(function* (sw) {
      yield* Fiber.fork(sw, function* () {
        yield* Fiber.withBinding(debug.traceln, capture(bound), function* () {
          traceln("bound");
          yield* Fiber.fork(sw, function* () {
            traceln("forked");
            yield* Fiber.yield();
            traceln("forked, later");
          });
          yield* Fiber.withoutBinding(debug.traceln, function* () {
            traceln("unbound");
          });
        });
        traceln("after");
        yield* Fiber.yield();
      });
      traceln("sibling");
    }),
  );
  expect(bound).toEqual(["bound", "forked", "forked, later"]);
  expect(written).toEqual(["+unbound\n", "+after\n", "+sibling\n"]);
});

it("DB-04 the mock world can be given the function", () => {
  const lines: string[] = [];
  run(
    function* () {
      traceln("main");
      yield* Fiber.both(
        () => saying("one"),
        () => saying("two"),
      );
    },
    { traceln: capture(lines) },
  );
  traceln("afterwards");
  expect(lines).toEqual(["main", "one", "two"]);
  expect(written).toEqual(["+afterwards\n"]);
});

function* saying(message: string): Op<void> {
  traceln(message);
}

it("DB-05 prefixes are computed for each message, nest, and are inherited by forks", () => {
  const lines: string[] = [];
  run(
    () =>
      Switch.run(function* (sw) {
        let count = 0;
        yield* withTracePrefix(
          () => `[${++count}] `,
          function* () {
            traceln("outer");
            yield* withTracePrefix(
              () => "inner: ",
              function* () {
                traceln("two\nlines");
                yield* Fiber.fork(sw, function* () {
                  yield* Fiber.yield();
                  traceln("forked");
                });
              },
            );
            tracelnPos("a.ts:1", "outer again");
          },
        );
        traceln("outside");
      }),
    { traceln: capture(lines) },
  );
  expect(lines).toEqual([
    "[1] outer",
    "[2] inner: two\nlines",
    "[3] outer again [a.ts:1]",
    "outside",
    "[4] inner: forked",
  ]);
});

it("DB-05 a prefix holds for the default function, and is gone after an error and after a cancellation", () => {
  run(function* () {
    try {
      yield* withTracePrefix(
        () => "prefix: ",
        function* () {
          traceln("with");
          throw new Error("body");
        },
      );
    } catch {
      traceln("after the error");
    }
    yield* Fiber.first(
      () => withTracePrefix(() => "prefix: ", Fiber.awaitCancel),
      () => Fiber.yield(),
    );
    traceln("after the cancellation");
  });
  expect(written).toEqual(["+prefix: with\n", "+after the error\n", "+after the cancellation\n"]);
});

it("DB-06 adding it changes no order", () => {
  const program = (say: (line: string) => void) =>
    transcript((note) =>
      Fiber.all(
        ["a", "b", "c"].map(
          (name) => () =>
            steps(
              (line) => {
                say(line);
                note(line);
                say(line);
              },
              name,
              3,
            ),
        ),
      ),
    );
  expect(program(traceln)).toEqual(program(() => {}));
  expect(written).toHaveLength(18);
});

it("a recording has the message as the program gave it, with its position and without prefixes", () => {
  const heard: [string, number | undefined][] = [];
  using _unsubscribe = Trace.subscribe((_time, event) => {
    if (event.type === "log") heard.push([event.message, event.fiber]);
  });
  run(() =>
    withTracePrefix(
      () => "prefix: ",
      function* () {
        tracelnPos("a.ts:1", "n = %d", 1);
      },
    ),
  );
  traceln("outside");
  expect(heard).toEqual([
    ["n = 1 [a.ts:1]", 2],
    ["outside", undefined],
  ]);
});

describe("formats", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  it.each<[string, unknown[], string]>([
    ["%s and %s", ["text", 1], "text and 1"],
    ["%s", [{ toString: () => "its own text" }], "its own text"],
    ["%d, %d, %d, %d", ["5", 2n ** 70n, Symbol("s"), "x"], "5, 1180591620717411303424, Symbol(s), NaN"],
    ["%j, %j", ["text", { a: [1] }], '"text", {"a":[1]}'],
    ["%o, %o, %o", ["text", { a: [1] }, new TypeError("wrong")], 'text, {"a":[1]}, TypeError: wrong'],
    ["100%% of %s", ["it"], "100% of it"],
    ["%s of %s", ["one"], "one of %s"],
    ["50% of %x", [], "50% of %x"],
    ["%s", ["%s", "left"], "%s left"],
    ["state:", [{ a: 1 }, "b", null, undefined], 'state: {"a":1} b null undefined'],
    ["%o, %o, %j", [cyclic, () => {}, () => {}], "an object, a function, a function"],
  ])("%j with %o", (format, args, expected) => {
    const lines: string[] = [];
    run(
      function* () {
        traceln(format, ...args);
      },
      { traceln: capture(lines) },
    );
    expect(lines).toEqual([expected]);
  });
});

it("arguments are checked", () => {
  expect(() => traceln(1 as never)).toThrow('traceln: "format" must be a string, got the number 1');
  expect(() => tracelnPos("x:1", 1 as never)).toThrow('tracelnPos: "format" must be a string, got the number 1');
  expect(() => tracelnPos({ file: "x" } as never, "x")).toThrow(
    'tracelnPos: "position" must be a string, an object with file and line, or an Error, got an object',
  );
  expect(() => tracelnPos(undefined as never, "x")).toThrow("got undefined");
  expect(() => withTracePrefix("x" as never, () => Fiber.yield())).toThrow('"prefix" must be a function');
  expect(() => withTracePrefix(() => "x", 1 as never)).toThrow('"body" must be a function returning an op');
  expect(() => run(() => Fiber.yield(), { traceln: 1 as never })).toThrow(
    'mock.run: "options.traceln" must be a function, got the number 1',
  );
  expect(written).toEqual([]);
});
