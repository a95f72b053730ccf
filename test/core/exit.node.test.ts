// Node only: it starts processes.

/** Programs that end while fibers still wait: real processes, as their users start them. */
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

// In the workspace, so that the packages resolve as they do for a user.
const folder = join(import.meta.dirname, "..");

function program(extension: "mjs" | "cjs", text: string) {
  const file = join(folder, `.exit-${process.pid}.${extension}`);
  const head =
    extension === "mjs"
      ? `import { Deferred, DeadlockDetected, Fiber, Semaphore, Switch } from "trestle"; import { run } from "trestle/node";`
      : `const { Deferred, DeadlockDetected, Fiber, Semaphore, Switch } = require("trestle"); const { run } = require("trestle/node");`;
  writeFileSync(file, `${head}\n${text}`);
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 30_000 });
    return { status, stdout, stderr: stderr.replaceAll(file, "FILE").replaceAll("file://", "") };
  } finally {
    rmSync(file);
  }
}

/** Three fibers that wait for one another; it has to be run. */
const stuck = `
function stuck() {
  return Switch.run(function* (sw) {
    const [reply] = Deferred.create({ label: "reply" });
    const slots = new Semaphore(0);
    yield* Fiber.fork(sw, () => reply.await(), { name: "client" });
    yield* Fiber.fork(sw, () => slots.acquire(), { name: "worker" });
    yield* Fiber.awaitCancel();
  }, { name: "shop" });
}
`;
const lines = [
  /fiber \d+ "stuck" waits for Fiber\.awaitCancel, forked at FILE:\d+:\d+/,
  /fiber \d+ "client" waits for Deferred "reply", forked at FILE:7:18/,
  /fiber \d+ "worker" waits for Semaphore\.acquire, forked at FILE:8:18/,
];

describe("SC-18 a process that ends with fibers still waiting fails, and says who waits for what", () => {
  it.each<[string, "mjs" | "cjs", string]>([
    ["an ES module that awaits run", "mjs", "await run(stuck);"],
    ["an ES module that does not", "mjs", "run(stuck);"],
    ["an ES module whose catch prints the error", "mjs", "await run(stuck).catch(console.error);"],
    ["an ES module in a try block", "mjs", "try { await run(stuck); } catch (e) { console.error(e.message); }"],
    ["a CommonJS module", "cjs", "run(stuck);"],
    ["a CommonJS module with an async main", "cjs", "(async () => { await run(stuck); })();"],
    ["a CommonJS module whose catch prints the error", "cjs", "run(stuck).catch((e) => console.error(String(e)));"],
    ["while an earlier run has ended well", "mjs", "await run(function* () {}); await run(stuck);"],
  ])("%s", (_, extension, text) => {
    const { status, stdout, stderr } = program(extension, stuck + text);
    for (const line of lines) expect(stderr).toMatch(line);
    expect(stderr).toMatch(/nothing can run any more, and the main fiber has not finished/);
    // The report itself, not where in this library it was made.
    expect(stderr).not.toMatch(/at .*dist|deadlock\.js/);
    expect(stderr.match(/"client"/g)).toHaveLength(1);
    expect(status).toBe(1);
    expect(stdout).toBe("");
  });

  it("two programs side by side are both reported", () => {
    const { status, stderr } = program(
      "mjs",
      `${stuck} const both = await Promise.allSettled([run(stuck), run(stuck)]);
       for (const { reason } of both) console.error(reason instanceof DeadlockDetected, reason.waiting.length);`,
    );
    expect(stderr).toBe("true 3\ntrue 3\n");
    expect(status).toBe(1);
  });

  it("who catches the error has the last word on the exit code", () => {
    const { status } = program("mjs", `${stuck} await run(stuck).catch(() => { process.exitCode = 0; });`);
    expect(status).toBe(0);
    expect(program("cjs", `${stuck} process.exitCode = 7; run(stuck).catch(() => {});`).status).toBe(7);
  });

  it("a program that ends well, after a timer and a foreign promise, exits with 0 and prints nothing", () => {
    const text = `await run(function* ({ clock }) {
      const [cell, resolver] = Deferred.create();
      setTimeout(() => resolver.resolve(), 20);
      yield* Fiber.both(() => cell.await(), () => clock.sleep(0.01));
    });`;
    expect(program("mjs", text)).toEqual({ status: 0, stdout: "", stderr: "" });
  });
});
