// What trace viewers are given: slices that nest, arrows with two ends, marks, and names for every track.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Cancel,
  Deferred,
  Fiber,
  Semaphore,
  Switch,
  currentFiber,
  startRoot,
  suspend,
  type Clock,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import * as Trace from "trestle/trace";
import { toChromeTrace, type ChromeTrace, type RecordedEvent } from "trestle/trace";
import { answered, validate } from "./chrome-trace.js";

function record(body: () => unknown, options?: Trace.RecordingOptions): RecordedEvent[] {
  using recorder = Trace.startRecording(options);
  body();
  return recorder.events();
}

/** The events of the track with this name, as text. */
function track({ traceEvents }: ChromeTrace, name: string): string[] {
  const title = traceEvents.find((event) => event.name === "thread_name" && event.args?.["name"] === name)!;
  expect(title, name).toBeDefined();
  return traceEvents
    .filter((event) => event.tid === title.tid && event.pid === title.pid && event.ph !== "M")
    .map((event) => `${event.ph} ${event.name}`);
}

const slices = (lines: string[]) => lines.filter((text) => /^[BE] /.test(text));

describe("toChromeTrace", () => {
  it("a track a fiber: slices say when it runs and what it waits for; spans are around them", () => {
    const trace = toChromeTrace(record(answered));
    validate(trace);
    expect(slices(track(trace, 'fiber 5 "asks"'))).toEqual([
      "B running",
      "E running",
      "B ask",
      "B running",
      "E running",
      "B twice",
      "B running",
      "E running",
      'B Deferred "ready"',
      'E Deferred "ready"',
      "B ready",
      "E ready",
      "B running",
      "E running",
      "E twice",
      "B running",
      "E running",
      "B Fiber.yield",
      "E Fiber.yield",
      "B running",
      "E running",
      "E ask",
      "B running",
      "E running",
    ]);
  });

  it("arrows lead from the fiber that forks or wakes to the slice in which the other one runs", () => {
    const { traceEvents } = toChromeTrace(record(answered));
    const names = new Map(
      traceEvents.filter((e) => e.name === "thread_name").map((e) => [e.tid, String(e.args?.["name"])]),
    );
    const arrows = traceEvents
      .filter((end) => end.ph === "f")
      .map((end) => {
        const begin = traceEvents.find((e) => e.ph === "s" && e.id === end.id)!;
        expect(begin.ts).toBeLessThan(end.ts);
        return `${end.name}: ${names.get(begin.tid)} -> ${names.get(end.tid)}`;
      });
    expect(arrows).toEqual([
      'fork: fiber 2 "main" -> fiber 5 "asks"',
      'fork: fiber 2 "main" -> fiber 6 "answers"',
      'wake: fiber 6 "answers" -> fiber 5 "asks"',
      'wake: fiber 5 "asks" -> fiber 2 "main"',
    ]);
  });

  it("logs, errors and cancellations are marks on the tracks; scopes are bars of their own", () => {
    const trace = toChromeTrace(
      record(() =>
        run(function* main() {
          try {
            yield* Switch.run(
              function* (sw) {
                yield* Fiber.fork(sw, () => Fiber.awaitCancel(), { name: "victim" });
                Trace.log("going to fail");
                sw.fail(new Error("enough"));
              },
              { name: "scope" },
            );
          } catch {
            // It is the trace that counts.
          }
        }),
      ),
    );
    validate(trace);
    expect(track(trace, 'fiber 2 "main"').filter((text) => !/^[BEs] /.test(text))).toEqual([
      'b Switch "scope"',
      "i going to fail",
      'i Switch "scope" failed: Error: enough',
      'i cancel Switch "scope": Error: enough',
      "f wake",
      'e Switch "scope"',
    ]);
    expect(track(trace, 'fiber 4 "victim"').filter((text) => text.startsWith("i "))).toEqual([
      "i cancelled",
      "i threw Cancelled: Error: enough",
    ]);
  });

  it("the scheduler's own track says when nothing could run; what no fiber did is there, too", () => {
    const trace = toChromeTrace(
      record(() => {
        const [, resolver] = Deferred.create<void>();
        run(({ clock }) => clock.sleep(1));
        resolver.resolve();
      }),
    );
    validate(trace);
    const titles = trace.traceEvents.filter((event) => event.name === "process_name");
    expect(titles.map(({ pid, args }) => [pid, args])).toEqual([
      [1, { name: "fibers" }],
      [2, { name: "fibers of world 1" }],
    ]);
    const loops = trace.traceEvents.filter((event) => event.ph !== "M" && event.tid === titles[0]!.tid);
    expect(loops.map(({ pid, ph, name }) => `${pid} ${ph} ${name.replace(/\d+/, "N")}`)).toEqual([
      "2 i started",
      '2 b Root "main"',
      "2 B suspended",
      "2 E suspended",
      '2 e Root "main"',
      "1 i put Deferred N",
    ]);
  });

  it("what is open at the last event ends there, and an arrow that arrives nowhere is left out", () => {
    const events = record(answered);
    for (let length = 0; length <= events.length; length++) validate(toChromeTrace(events.slice(0, length)));
  });

  it("a recording that begins in the middle, as a full ring does, or has no names, is as good", () => {
    const events = record(answered);
    for (let from = 0; from <= events.length; from++) validate(toChromeTrace(events.slice(from)));
    const late = toChromeTrace(events.filter(({ event }) => !/created|name/.test(event.type)));
    // Fibers say their names whenever they run.
    expect(slices(track(late, 'fiber 6 "answers"'))[0]).toBe("B running");
    const nameless = events.map((entry) =>
      entry.event.type === "fiber-running" ? { ...entry, event: { ...entry.event, name: undefined } } : entry,
    );
    const { traceEvents } = toChromeTrace(nameless.filter(({ event }) => event.type !== "name"));
    expect(traceEvents.map((event) => event.args?.["name"])).toContain("fiber 6");
  });

  it("a fiber that does something in the first step runs", () => {
    const events = record(answered);
    const logging = events.findIndex(({ event }) => event.type === "log");
    const trace = toChromeTrace(events.slice(logging));
    validate(trace);
    expect(track(trace, "fiber 6")).toEqual(["B running", "i now", "i put 3", "s wake", "E running"]);
  });

  it("a fiber that ends in the middle of the first step does nothing any more", () => {
    const events = record(answered);
    const ending = events.findIndex(({ event }) => event.type === "fiber-ended" && event.fiber === 5);
    expect(slices(track(toChromeTrace(events.slice(ending)), "fiber 5"))).toEqual([]);
  });

  it("a new name is that of the track; a fiber that wakes itself has no arrow", () => {
    const trace = toChromeTrace(
      record(() =>
        run(function* main() {
          Trace.name(currentFiber().id, "renamed");
          yield* suspend("nothing", (_ctx, enqueue) => enqueue({ ok: true, value: undefined }));
        }),
      ),
    );
    validate(trace);
    expect(track(trace, 'fiber 2 "renamed"')).toEqual([
      "B running",
      "E running",
      "B ready",
      "E ready",
      "B running",
      "E running",
    ]);
  });

  it("is well-formed for random programs and any window of their events", () => {
    fc.assert(
      fc.property(programs, fc.nat(300), fc.nat(300), (steps, from, length) => {
        const events = record(() => {
          try {
            run(({ clock }) => play(steps, new Semaphore(1), clock));
          } catch {
            // Failures and dead-locks are programs, too.
          }
        });
        validate(toChromeTrace(events));
        validate(toChromeTrace(events.slice(from, from + length)));
      }),
      { numRuns: 300 },
    );
  });

  it("times are microseconds, exact to the nanosecond", () => {
    const { traceEvents } = toChromeTrace([
      { time: 1000.1234567, domain: 0, event: { type: "log", message: "x", fiber: undefined } },
    ]);
    expect(traceEvents.at(-1)?.ts).toBe(1000.123);
  });
});

type Step =
  | { kind: "yield" | "sleep" | "lock" | "throw" | "cancel" | "root" }
  | { kind: "both" | "first" | "span" | "fork" | "protect" | "timeout"; inside: Step[] };

const { steps: programs } = fc.letrec<{ steps: Step[] }>((tie) => ({
  steps: fc.array(
    fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.record({ kind: fc.constantFrom("yield", "yield", "sleep", "lock", "throw", "cancel", "root") }),
      fc.record({
        kind: fc.constantFrom("both", "first", "span", "fork", "protect", "timeout"),
        inside: tie("steps"),
      }),
    ),
    { maxLength: 4 },
  ),
}));

function* play(steps: Step[], lock: Semaphore, clock: Clock): Op<void> {
  for (const step of steps) yield* act(step, lock, clock);
}

function act(step: Step, lock: Semaphore, clock: Clock): Op<unknown> {
  const inside = () => play("inside" in step ? step.inside : [], lock, clock);
  switch (step.kind) {
    case "yield":
      return Fiber.yield();
    case "sleep":
      return clock.sleep(1);
    case "lock":
      return lock.acquire();
    case "throw":
      return Trace.withSpan("throws", () => {
        throw new Error("thrown");
      });
    case "cancel":
      return Cancel.sub((context) => {
        context.cancel("stop");
        return Fiber.yield();
      });
    case "root":
      return Trace.withSpan("root", function* () {
        startRoot(() => clock.sleep(2), { parent: currentFiber().context, onDone: () => {} });
      });
    case "both":
      return Fiber.both(inside, inside);
    case "first":
      return Fiber.first(inside, inside);
    case "span":
      return Trace.withSpan("span", inside);
    case "fork":
      return Switch.run((sw) => Fiber.fork(sw, inside));
    case "protect":
      return Cancel.protect(inside);
    case "timeout":
      return clock.withTimeoutExn(1, inside);
  }
}
