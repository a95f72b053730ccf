// Node only: it starts processes, and uses their standard streams and signals.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Condition, Fiber, Flow, overrideEnv, Switch, type Env, type Op } from "trestle";
import { MockClock, MockFlow, run as runMock } from "trestle/mock";
import { run } from "trestle/node";
import { run as runWeb } from "trestle/web";

/** Runs a program of its own; `use` may write to it, and signal it. */
async function program(body: string, use: (child: ReturnType<typeof start>) => Promise<void> | void = () => {}) {
  // In the workspace, so that the packages resolve as they do for a user.
  const file = join(import.meta.dirname, "..", `environment-${process.pid}-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(
    file,
    `import { BufRead, Condition, Fiber, Flow, Switch } from "trestle"; import { run } from "trestle/node"; ${body}`,
  );
  try {
    const child = start(file);
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].on("data", (chunk) => (output[name] += String(chunk)));
    const ended = once(child, "close");
    await use(child);
    const [code, signal] = (await ended) as [number | null, string | null];
    return { code, signal, ...output };
  } finally {
    rmSync(file);
  }
}

const start = (file: string) =>
  spawn(process.execPath, [file, "--flag", "value"], { stdio: ["pipe", "pipe", "pipe"], env: { COLOUR: "green" } });

/** Until the child has said `word`. */
const said = (child: ReturnType<typeof start>, word: string) =>
  new Promise<void>((resolve) => {
    let all = "";
    child.stdout.on("data", (chunk) => {
      all += String(chunk);
      if (all.includes(word)) resolve();
    });
  });

describe("the standard streams", () => {
  it("EN-05 EN-01 are flows, and closing them closes nothing", async () => {
    const { stdout, stderr, code } = await program(
      `await run(function* (env) {
        yield* Flow.copy(env.stdin, env.stdout);
        yield* env.stdout.close();
        yield* Flow.copyString("to the end\\n", env.stdout);
        yield* Flow.copyString("errors\\n", env.stderr);
        console.log(env.args.join(" "), env.vars.COLOUR);
      });`,
      (child) => {
        child.stdin.write("one\n");
        child.stdin.end("two\n");
      },
    );
    expect([stdout, stderr, code]).toEqual(["one\ntwo\nto the end\n--flag value green\n", "errors\n", 0]);
  });

  it("the process ends although nobody has read the standard input to its end", async () => {
    let done = false;
    const { stdout, code } = await program(
      `await run(function* (env) {
        const reader = new BufRead(env.stdin, { maxSize: 100 });
        console.log("got " + (yield* reader.line()));
      });`,
      async (child) => {
        child.stdin.write("one\ntwo\n");
        await once(child, "exit");
        done = true;
      },
    );
    expect([stdout, code, done]).toEqual(["got one\n", 0, true]);
  });

  it("FL-20 writing where nobody reads is an error, not the end of the process", async () => {
    const { stderr, code } = await program(
      `await run(function* (env) {
        const chunk = "x".repeat(65536);
        try {
          for (let i = 0; i < 1000; i++) yield* Flow.copyString(chunk, env.stdout);
        } catch (error) {
          console.error(error.err.area, error.err.kind);
        }
      });`,
      (child) => {
        child.stdout.destroy();
      },
    );
    expect([stderr, code]).toEqual(["Net Connection_reset\n", 0]);
  });

  it("FL-26 RB-47 random bytes are there at once, all of them, and never the same", async () => {
    await run(function* ({ secureRandom }) {
      const [a, b, large] = [new Uint8Array(8), new Uint8Array(8), new Uint8Array(200_000)];
      expect([
        yield* Flow.singleRead(secureRandom, a),
        yield* Flow.singleRead(secureRandom, b),
        yield* Flow.singleRead(secureRandom, large),
      ]).toEqual([8, 8, 200_000]);
      expect(a).not.toEqual(b);
      expect(new Set(large.subarray(199_000)).size).toBeGreaterThan(200);
    });
  });
});

describe("overrideEnv", () => {
  it("EN-02 replaces what it is given, in a record of its own", () => {
    runMock(function* (env) {
      const stdout = new MockFlow("stdout");
      const clock = new MockClock();
      const other = overrideEnv({ ...env, stdout: Flow.null }, { stdout, clock });
      expect([other.stdout, other.clock, other.backendId]).toEqual([stdout, clock, "mock"]);
      expect(env.clock).not.toBe(clock);
      yield* Fiber.yield();
    });
    expect(() => overrideEnv<object>(undefined as never, {})).toThrow(/"env" must be an object/);
    expect(() => overrideEnv<object>({}, null as never)).toThrow(/"fields" must be an object/);
  });
});

it("EN-03 `backendId` names the entry point, whatever the environment variables say", async () => {
  process.env["EIO_BACKEND"] = "no-such";
  try {
    const name = function* ({ backendId }: Env): Op<string> {
      return backendId;
    };
    expect([await run(name), runMock(name), await runWeb(name)]).toEqual(["node", "mock", "web"]);
  } finally {
    delete process.env["EIO_BACKEND"];
  }
});

describe("signals", () => {
  it("SG-01 SG-04 SG-06 a handler may wake fibers; afterwards all is as it was", async () => {
    const before = process.listenerCount("SIGUSR2");
    await run(function* ({ signals }) {
      expect(process.listenerCount("SIGUSR2")).toBe(before);
      yield* Switch.run(function* (sw) {
        const changed = new Condition();
        let count = 0;
        const stop = signals.listen(sw, "SIGUSR2", () => {
          count++;
          changed.broadcast();
        });
        yield* Fiber.both(
          () => changed.awaitNoMutex(),

          function* () {
            process.kill(process.pid, "SIGUSR2");
          },
        );
        expect(count).toBe(1);
        stop();
        expect(process.listenerCount("SIGUSR2")).toBe(before);
        signals.listen(sw, "SIGUSR2", () => {});
        expect(process.listenerCount("SIGUSR2")).toBe(before + 1);
      });
      expect(process.listenerCount("SIGUSR2")).toBe(before);
    });
  });

  it("SG-02 SG-03 who waits is ready before the signal is sent; several become one, and none is missed", async () => {
    await run(({ signals, clock }) =>
      Switch.run(function* (sw) {
        const changed = new Condition();
        let arrived = 0;
        signals.listen(sw, "SIGUSR2", () => {
          arrived++;
          changed.broadcast();
        });
        let looks = 0;
        yield* Fiber.first(
          () =>
            changed.loopNoMutex<never>(function* () {
              looks++;
              yield* Fiber.yield();
              return undefined;
            }),
          function* () {
            expect(looks).toBe(1);
            yield* Fiber.yield();
            for (let i = 0; i < 4; i++) process.kill(process.pid, "SIGUSR2");
            yield* clock.sleep(0.1);
          },
        );
        expect(arrived).toBeGreaterThanOrEqual(1);
        expect(looks).toBeGreaterThan(1);
        expect(looks).toBeLessThanOrEqual(1 + arrived);
      }),
    );
  });

  it("SG-05 RB-36 waiting for a signal keeps the process alive, and is not a dead-lock", async () => {
    const { stdout, code } = await program(
      `await run(function* (env) {
        yield* Fiber.both(() => env.signals.next("SIGTERM"), function* () { console.log("ready"); });
        console.log("stopped in order");
      });`,
      async (child) => {
        await said(child, "ready");
        child.kill("SIGTERM");
      },
    );
    expect([stdout, code]).toEqual(["ready\nstopped in order\n", 0]);
  });

  it("SG-04 SG-06 a signal that nobody waits for any more does what it always did", async () => {
    const { signal } = await program(
      `await run(function* (env) {
        yield* Fiber.first(() => env.signals.next("SIGTERM"), () => env.clock.sleep(0.001));
        console.log("ready");
        yield* env.clock.sleep(60);
      });`,
      async (child) => {
        await said(child, "ready");
        child.kill("SIGTERM");
      },
    );
    expect(signal).toBe("SIGTERM");
  });

  it("wrong arguments are refused", async () => {
    await run(function* ({ signals }) {
      expect(() => signals.next("TERM" as never)).toThrow(/"signal" must be the name of a signal/);
      expect(() => signals.listen(undefined as never, "SIGHUP", () => {})).toThrow(/"sw" must be a Switch/);
      yield* Fiber.yield();
    });
  });
});
