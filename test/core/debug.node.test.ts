// Node only: it collects garbage when asked, and it has processes that end.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Deferred, Fiber, Semaphore, setDebug, type Op } from "trestle";
import { run } from "trestle/mock";
import { run as runNode } from "trestle/node";

afterEach(() => setDebug(false));

/** What is found from now on, without the folder of this file. */
function findings(): string[] {
  const found: string[] = [];
  setDebug({ report: ({ message }) => found.push(message.replace(/[^\s(]*\/debug\.node\.test\.ts:\d+:\d+/g, "HERE")) });
  return found;
}

const collectGarbage = () => {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};

const NEVER_RUN = "and never run: put yield* before it";

describe("ops that nobody runs", () => {
  it("a fiber that lives on: the op is reported when it has been collected", async () => {
    const found = findings();
    const [stop, resolver] = Deferred.create<void>();
    const done = runNode(function* server() {
      forgetful();
      yield* Fiber.yield();
      yield* stop.await();
    });
    await vi.waitFor(() => {
      collectGarbage();
      expect(found).toHaveLength(1);
    });
    expect(found[0]).toMatch(/^Fiber.yield was made at HERE, in fiber \d+ "server", and never run/);
    resolver.resolve();
    await done;
    expect(found).toHaveLength(1);
  });

  it("an op made outside of fibers is reported when it has been collected, and not if it was run", async () => {
    const found = findings();
    const used: Op<void>[] = [];
    (() => {
      forgetful();
      used.push(new Semaphore(1).acquire());
    })();
    await Promise.resolve();
    run(() => used.pop()!);
    await vi.waitFor(() => {
      collectGarbage();
      expect(found).toEqual([
        "Fiber.yield was made at HERE, outside of fibers, and never run: run it in a fiber, with yield*; toPromise starts one",
      ]);
    });
  });
});

function forgetful(): void {
  Fiber.yield();
}

it("off, nothing listens to the end of the process", () => {
  const listening = () => [process.listenerCount("exit"), process.listenerCount("beforeExit")];
  const before = listening();
  findings();
  expect(listening()).toEqual(before.map((n) => n + 1));
  setDebug(false);
  expect(listening()).toEqual(before);
});

describe("a process in debug mode", () => {
  /** What a program writes to the standard error output, a line each. */
  function warnings(program: string, environment: Record<string, string> = { TRESTLE_DEBUG: "1" }): string[] {
    const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: import.meta.dirname,
      encoding: "utf8",
      env: { ...process.env, TRESTLE_DEBUG: "", ...environment },
    });
    return stderr
      .split("\n")
      .filter((text) => text !== "")
      .map((text) => text.replace(/\S*\[eval1\]:(\d+):\d+/, "LINE $1").replace(/fiber \d+/, "fiber N"));
  }

  const forgetting = `
    import { Fiber } from "trestle";
    import { run } from "trestle/node";
    await run(function* main() {
      Fiber.yield();
    });
  `;

  it("is asked for by the environment", () => {
    const found = [`trestle: Fiber.yield was made at LINE 5, in fiber N "main", ${NEVER_RUN}`];
    expect(warnings(forgetting)).toEqual(found);
    expect(warnings(forgetting.replace(`"trestle"`, `"trestle/fiber"`).replace("{ Fiber }", "* as Fiber"))).toEqual(
      found,
    );
    expect(warnings(forgetting, {})).toEqual([]);
    expect(warnings(forgetting, { TRESTLE_DEBUG: "0" })).toEqual([]);
  });

  it("tells at its end of fibers that wait unwatched, and of ops made outside of fibers that nobody has run", () => {
    const program = `
      import { Deferred, Semaphore, startRoot } from "trestle";
      import { run } from "trestle/node";
      const [never] = Deferred.create({ label: "reply" });
      startRoot(() => never.await(), { name: "unwatched", onDone() {} });
      setTimeout(() => new Semaphore(1).acquire(), 1);
      function* work() {}
      setTimeout(() => work(), 1);
      const used = new Semaphore(1).acquire();
      await run(() => used);
      run(() => never.await()).catch(() => {});
    `;
    // An op that is collected before is told of when that happens.
    expect(warnings(program).sort()).toEqual([
      "trestle: Semaphore.acquire was made at LINE 6, outside of fibers, and never run: run it in a fiber, with yield*; toPromise starts one",
      'trestle: fiber N "unwatched", started at LINE 5, still waits for Deferred "reply" as the process ends: nobody will wake it, ' +
        "and nobody would know; wait for it in the main fiber, or start it in a switch",
      "trestle: the op that a callback of setTimeout returned was made at LINE 8, outside of fibers, and never run: " +
        "run it in a fiber, with yield*; toPromise starts one",
    ]);
  });

  it("says nothing of fibers that wait when the program itself says that it is over", () => {
    const program = `
      import { Deferred, startRoot } from "trestle";
      const [never] = Deferred.create();
      startRoot(() => never.await(), { onDone() {} });
      process.exit();
    `;
    expect(warnings(program)).toEqual([]);
  });

  it("knows places in a bundle, where our code and the program's are in one file", () => {
    const folder = mkdtempSync(join(tmpdir(), "trestle-debug-"));
    try {
      const source = join(import.meta.dirname, `.bundled-${process.pid}.mjs`);
      const bundle = join(folder, "bundle.mjs");
      writeFileSync(source, forgetting.replace("Fiber.yield()", "Fiber.awaitCancel()"));
      try {
        const esbuild = join(import.meta.dirname, "../../node_modules/.bin/esbuild");
        execFileSync(esbuild, [source, "--bundle", "--format=esm", "--platform=node", `--outfile=${bundle}`], {
          stdio: "pipe",
        });
      } finally {
        rmSync(source);
      }
      const output = spawnSync(process.execPath, [bundle], {
        encoding: "utf8",
        env: { ...process.env, TRESTLE_DEBUG: "1" },
      });
      const place = /awaitCancel was made at .*:(\d+):\d+,/.exec(output.stderr)?.[1];
      const lines = readFileSync(bundle, "utf8").split("\n");
      expect(lines[Number(place) - 1], output.stderr).toMatch(/^ +\S*awaitCancel\(\);$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
