// What trace viewers are given: slices that nest, arrows with two ends, marks, and names for every track.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  Cancel,
  Deferred,
  Fiber,
  Semaphore,
  Switch,
  currentFiber,
  onUnhandledError,
  startRoot,
  suspend,
  type Clock,
  type Op,
  type Resolver,
} from "trestle";
import { run } from "trestle/mock";
import { run as runNode, writeTrace } from "trestle/node";
import * as Trace from "trestle/trace";
import { toChromeTrace, type ChromeEvent, type ChromeTrace, type RecordedEvent } from "trestle/trace";
import * as engine from "../../core/engine/probe.js";

/** Throws unless a viewer can make sense of it: what the trace-event format demands. */
function validate({ traceEvents, displayTimeUnit }: ChromeTrace): void {
  expect(displayTimeUnit).toBe("ms");
  const open = new Map<string, string[]>();
  const times = new Map<string, number>();
  const arrows = new Map<string, string>();
  const scopes = new Map<string, string>();
  const named = new Set<string>();
  for (const event of traceEvents) {
    const must = (holds: boolean, what: string) => {
      if (!holds) throw new Error(`${what}: ${JSON.stringify(event)}`);
    };
    const { ph, name, ts, pid, tid } = event;
    must(typeof name === "string", "names are strings");
    must(Number.isInteger(pid) && pid > 0, "processes are numbered from 1");
    must(Number.isInteger(tid) && tid > 0 && tid < 2 ** 31, "tracks are numbered from 1");
    const track = `${pid}/${tid}`;
    if (ph === "M") {
      if (name === "thread_name") named.add(track);
      must(Object.keys(event.args ?? {}).length > 0, "titles say something");
      continue;
    }
    must(named.has(track), "each track is named first");
    must(Number.isFinite(ts) && ts >= (times.get(track) ?? -Infinity), "time goes forward");
    times.set(track, ts);
    const stack = open.get(track) ?? [];
    open.set(track, stack);
    const key = `${event.cat} ${event.id}`;
    switch (ph) {
      case "B":
        stack.push(name);
        break;
      case "E":
        must(stack.pop() === name, "slices end in the reverse order of their begins");
        break;
      case "s":
        must(stack.at(-1) === "running" && !arrows.has(key), "arrows begin in a slice, once");
        arrows.set(key, name);
        break;
      case "f":
        must(stack.at(-1) === "running" && event.bp === "e", "arrows end at the slice around");
        must(arrows.get(key) === name, "arrows have two ends");
        arrows.delete(key);
        break;
      case "b":
        must(!scopes.has(key), "scopes begin once");
        scopes.set(key, name);
        break;
      case "e":
        must(scopes.get(key) === name, "scopes end after their begin");
        scopes.delete(key);
        break;
      case "i":
        must(event.s === "p" || event.s === "t", "marks belong to a track or to a process");
        break;
    }
  }
  for (const stack of open.values()) expect(stack).toEqual([]);
  expect([...arrows.keys(), ...scopes.keys()]).toEqual([]);
}

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

function* asking(ready: Deferred<void>): Op<void> {
  yield* Trace.withSpan("ask", function* () {
    yield* Trace.withSpan("twice", () => ready.await());
    yield* Fiber.yield();
  });
}

function* answering(resolver: Resolver<void>): Op<void> {
  yield* Fiber.yield();
  Trace.log("now");
  resolver.resolve();
}

const answered = () =>
  run(function* main() {
    const [ready, resolver] = Deferred.create<void>({ label: "ready" });
    yield* Switch.run(
      function* (sw) {
        yield* Fiber.fork(sw, () => asking(ready), { name: "asks" });
        yield* Fiber.fork(sw, () => answering(resolver), { name: "answers" });
      },
      { name: "both" },
    );
  });

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

describe("in Node", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "trestle-trace-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as ChromeTrace;

  it("writeTrace writes what the recorder has, an event a line", () => {
    using recorder = Trace.startRecording();
    answered();
    writeTrace(join(folder, "trace.json"), recorder);
    expect(read("trace.json")).toEqual(JSON.parse(JSON.stringify(recorder.toChromeTrace())));
    const lines = readFileSync(join(folder, "trace.json"), "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(recorder.toChromeTrace().traceEvents.length + 2);
  });

  it("run with a trace writes it when main has ended, well or not, and leaves nothing behind", async () => {
    const listeners = process.listenerCount("exit");
    const value = await runNode(
      function* ({ clock }) {
        yield* Trace.withSpan("good", () => clock.sleep(0.001));
        return 42;
      },
      { trace: join(folder, "good.json") },
    );
    expect(value).toBe(42);
    await expect(
      runNode(
        () =>
          Trace.withSpan("bad", function* () {
            yield* Fiber.yield();
            throw new Error("main failed");
          }),
        { trace: join(folder, "bad.json") },
      ),
    ).rejects.toThrow("main failed");
    for (const name of ["good", "bad"]) {
      const trace = read(`${name}.json`);
      validate(trace);
      expect(trace.traceEvents.filter((event: ChromeEvent) => event.name === name)).toHaveLength(2);
    }
    expect(process.listenerCount("exit")).toBe(listeners);
    // Nobody listens any more.
    expect(engine.probe).toBeUndefined();
  });

  it("run with a trace writes it when the process is told to exit, and when all fibers wait for each other", () => {
    const program = (main: string) => `
      import { Deferred, Fiber } from "trestle";
      import { run } from "trestle/node";
      await run(${main}, { trace: process.argv[1] }).catch(() => void (process.exitCode = 0));
    `;
    const exit = "function* () { yield* Fiber.yield(); process.exit(0); }";
    const stuck = '() => Deferred.create({ label: "never" })[0].await()';
    for (const [name, main] of [
      ["exit", exit],
      ["stuck", stuck],
    ] as const) {
      const file = join(folder, `${name}.json`);
      execFileSync(process.execPath, ["--input-type=module", "-e", program(main), file], { cwd: import.meta.dirname });
      validate(read(`${name}.json`));
    }
    expect(read("stuck.json").traceEvents.map((event) => event.name)).toContain('Deferred "never"');
  });

  it("a trace that cannot be written is reported, and the result of main stands", async () => {
    const errors: unknown[] = [];
    onUnhandledError((error) => errors.push(error));
    const value = await runNode(
      function* () {
        return 42;
      },
      { trace: join(folder, "missing", "trace.json") },
    );
    onUnhandledError(undefined);
    expect(value).toBe(42);
    expect(errors.map(String)).toEqual([expect.stringContaining("ENOENT")]);
  });

  it("arguments are checked", () => {
    expect(() => runNode(() => Fiber.yield(), { trace: 1 as never })).toThrow(
      'run: "options.trace" must be the path of a file, got the number 1',
    );
    expect(() => writeTrace(1 as never, { toChromeTrace: () => toChromeTrace([]) })).toThrow(
      'writeTrace: "path" must be a string, got the number 1',
    );
    expect(() => writeTrace("x", [] as never)).toThrow('writeTrace: "recorder" must be a recorder, got an array');
  });
});
