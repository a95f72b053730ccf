// Node only: child processes and threads that do not end as they should.

import { describe, expect, it } from "vitest";
import {
  Deferred,
  ExecutorPool,
  Fiber,
  Flow,
  Switch,
  type Child,
  type ModuleJob,
  type Op,
  type Result,
  type Sink,
  type Source,
} from "trestle";
import { expectNoUnhandledRejections } from "../platform.js";
import { ioErrorOf, leavingNothing, program, told } from "./faults.js";
import { failureOf } from "./transcript.js";

expectNoUnhandledRejections();

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Never ends, and has always something. */
const endless: Source = {
  *read(buffer) {
    yield* Fiber.yield();
    return buffer.fill(97).length;
  },
};

/** Tells the first line that is written to it. */
function lineSink(): { sink: Sink; line: Op<string> } {
  const [line, resolver] = Deferred.create<string>();
  const output = Flow.bufferSink();
  const sink: Sink = {
    *write(bytes) {
      yield* output.write(bytes);
      const end = output.text.indexOf("\n");
      if (end >= 0) resolver.tryResolve(output.text.slice(0, end));
    },
    *close() {},
  };
  return { sink, line: line.await() };
}

describe("a child that is killed", () => {
  it("PS-08 PS-11 while its output is parsed: the status is told when what there is can be parsed", () =>
    leavingNothing(function* ({ processMgr }) {
      const error = yield* ioErrorOf(
        processMgr.parseOut((reader) => reader.line(), ["sh", "-c", "echo complete; kill -9 $$"]),
      );
      expect(told(error)).toBe('Process Child_error, no cause, running command: sh -c "echo complete; kill -9 $$"');
      expect(error.err).toMatchObject({ status: { signaled: "SIGKILL" } });
    }));

  it("PS-11 while its output is parsed: half of it is a failure of the parser", () =>
    leavingNothing(function* ({ processMgr }) {
      const parsed = processMgr.parseOut((reader) => reader.take(1000), ["sh", "-c", "echo half; kill -9 $$"]);
      let failure: unknown;
      try {
        yield* parsed;
      } catch (error) {
        failure = error;
      }
      expect(failure).toMatchObject({
        name: "Failure",
        message: expect.stringMatching(/^Unexpected end-of-file/) as string,
      });
    }));

  it("FL-20 PS-05 while we write to it: the end of the process is what is told", () =>
    leavingNothing(function* ({ processMgr }) {
      const error = yield* ioErrorOf(
        processMgr.run(["sh", "-c", "head -c 100000 >/dev/null; kill -9 $$"], { stdin: endless }),
      );
      expect(error.err).toMatchObject({ kind: "Child_error", status: { signaled: "SIGKILL" } });
    }));

  it("FL-20 while we write to it through a pipe: Connection_reset for the writer", () =>
    leavingNothing(({ processMgr }) =>
      Switch.run(function* (sw) {
        const [source, sink] = yield* processMgr.pipe({ sw });
        const child = yield* processMgr.spawn(["sh", "-c", "head -c 1000 >/dev/null; kill -9 $$"], {
          sw,
          stdin: source,
        });
        yield* source.close();
        expect(told(yield* ioErrorOf(Flow.copy(endless, sink)))).toBe(
          "Net Connection_reset, no cause, writing to a pipe",
        );
        expect(yield* child.await()).toEqual({ signaled: "SIGKILL" });
      }),
    ));

  it("PS-02 although it ignores SIGTERM", () =>
    leavingNothing(function* ({ processMgr }) {
      const { sink, line } = lineSink();
      let child: Child | undefined;
      const failure = yield* failureOf(
        Switch.run(function* (sw) {
          child = yield* processMgr.spawn(["sh", "-c", "trap '' TERM; echo ready; exec sleep 1000"], {
            sw,
            stdout: sink,
          });
          expect(yield* line).toBe("ready");
          child.signal("SIGTERM");
          expect(isAlive(child.pid)).toBe(true);
          throw new Error("enough");
        }),
      );
      expect(failure).toBe("Error: enough");
      expect(yield* child!.await()).toEqual({ signaled: "SIGKILL" });
      expect(isAlive(child!.pid)).toBe(false);
    }));

  it("PS-06 PS-20 that has left a process behind which holds its output open: who waits for that can stop", () =>
    leavingNothing(function* ({ processMgr }) {
      const { sink, line } = lineSink();
      let pid = 0;
      const outcome = yield* Fiber.first<unknown, string>(
        () => processMgr.run(["sh", "-c", "sleep 1000 & echo $!"], { stdout: sink }),
        function* () {
          pid = Number(yield* line);
          for (let i = 0; i < 100; i++) yield* Fiber.yield();
          return "stopped waiting";
        },
      );
      try {
        expect([outcome, isAlive(pid)]).toEqual(["stopped waiting", true]);
      } finally {
        process.kill(pid, "SIGKILL");
      }
    }));

  it("PS-06 PS-11 whose output goes on after its end is heard to the end", () =>
    leavingNothing(function* ({ processMgr }) {
      const both = yield* processMgr.parseOut(
        (reader) => reader.takeAll(),
        ["sh", "-c", "(sleep 0.05; echo later) & echo now"],
      );
      expect(both).toBe("now\nlater\n");
    }));

  it("PS-16 a sink that fails while the child writes: the child is killed, and the failure is told", () =>
    leavingNothing(function* ({ processMgr, fs: everything }) {
      const full = everything.join("/dev/full");
      const error = yield* ioErrorOf(
        full.withOpenOut({ create: "never" }, (file) =>
          processMgr.run(["yes"], {
            stdout: {
              write: (bytes) => file.write(bytes),
              *close() {},
            },
          }),
        ),
      );
      expect(told(error)).toBe("Fs No_space, ENOSPC, writing <fs:/dev/full>, running command: yes");
    }));
});

describe("a process that is at fault itself", () => {
  it("EX-18 RB-14 its standard streams: closed by whoever reads, or no streams at all", async () => {
    const copying =
      "await run((env) => Flow.copy({ *read(b) { yield* Fiber.yield(); return b.length; } }, env.stdout))";
    const gone = await program(
      `${copying}.catch((error) => console.error(told(error)));`,
      "PROGRAM | head -c 10 > /dev/null",
    );
    expect(gone.stderr).toBe("Net Connection_reset, EPIPE, writing to stdout\n");
    const full = await program(`${copying}.catch((error) => console.error(told(error)));`, "exec PROGRAM > /dev/full");
    expect(full.stderr).toBe("Fs No_space, ENOSPC, writing to stdout\n");
    const reading = "await run((env) => Flow.readAll(env.stdin)).catch(told)";
    const none = await program(`console.log(JSON.stringify(${reading}));`, "exec PROGRAM <&-");
    expect(none.lines).toEqual(['""']);
  });

  it("SG-01 a signal that no process can handle, or that there is not, is refused; nothing is left of it", () =>
    leavingNothing(({ signals }) =>
      Switch.run(function* (sw) {
        for (const signal of ["SIGKILL", "SIGSTOP", "SIGNAL"] as const) {
          expect(() => signals.listen(sw, signal, () => {})).toThrow(TypeError);
          expect(() => signals.next(signal)).toThrow(TypeError);
        }
        expect(process.listenerCount("SIGKILL")).toBe(0);
      }),
    ));
});

describe("threads", () => {
  const module = new URL("./jobs.js", import.meta.url);
  const job = (name: string, ...args: unknown[]): ModuleJob<number> => ({ module, name, args });

  it("EP-01 EP-06 whatever jobs do to their threads, the others are done and each is told its own", () =>
    leavingNothing(({ domainMgr }) =>
      Switch.run(function* (sw) {
        const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 2, grace: 0.05, maxMemory: 32 });
        const faults: readonly [ModuleJob<number>, string][] = [
          [job("exit", 3), "DOMAIN_EXITED"],
          [job("crash"), "DOMAIN_CRASHED"],
          [job("fillMemory"), "DOMAIN_OUT_OF_MEMORY"],
          [job("fail", "own"), "UNLUCKY"],
          [job("give", "function"), 'TypeError: the job: "its result" must be something that can be copied'],
          [job("throwUncopyable"), "Error: with a function"],
          [job("crashUncopyable"), "DOMAIN_CRASHED"],
        ];
        const outcomes = yield* Fiber.map(
          faults.flatMap(([fault]) => [job("add", 1, 2), fault]),
          (each) => pool.submit(each),
        );
        const shown = (outcome: Result<number>) =>
          outcome.ok ? outcome.value : ((outcome.error as { code?: unknown }).code ?? String(outcome.error));
        expect(outcomes.filter((_, i) => i % 2 === 0).map(shown)).toEqual(faults.map(() => 3));
        expect(outcomes.filter((_, i) => i % 2 === 1).map(shown)).toEqual(
          faults.map(([, expected]) => expect.stringContaining(expected) as string),
        );
      }),
    ));
});
