// Node only: it writes files.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Fiber, onUnhandledError } from "trestle";
import { run as runNode, writeTrace } from "trestle/node";
import * as Trace from "trestle/trace";
import { toChromeTrace, type ChromeEvent, type ChromeTrace } from "trestle/trace";
import * as engine from "../../core/engine/probe.js";
import { answered, validate } from "./chrome-trace.js";

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
