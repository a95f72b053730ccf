/** `tail -f` of tail.ts, unchanged, in a world without files, signals and time: what happens, and when, is the test's to say. */
import { describe, expect, it } from "vitest";
import { Fiber, type Op } from "trestle";
import { run, type MockEnv, type MockRunOptions } from "trestle/mock";
import { tail } from "./tail.js";

/** Follows the log while `body` does things to it and the clock goes on; gives what was traced. */
function following(options: MockRunOptions, body: (env: MockEnv) => Op<void>): string[] {
  const lines: string[] = [];
  run(
    function* (env) {
      yield* Fiber.both(
        () => tail(env.cwd.join("log"), env, { lines: 1, every: 10 }),
        function* () {
          yield* body(env);
          env.signals.raise("SIGTERM");
        },
      );
      expect(env.files.opened).toEqual([]);
    },
    { ...options, cwd: "/var", traceln: (line) => void lines.push(line) },
  );
  return lines;
}

const outputs = (lines: readonly string[]) => lines.filter((line) => !line.startsWith("fs: "));

describe("tail -f, without the world", () => {
  it("looks every ten seconds, and at once at SIGHUP; the whole hour takes no time", () => {
    const lines = following(
      { files: { var: { log: "one\ntwo\n" } }, trace: true },
      function* ({ clock, files, signals }) {
        yield* clock.sleep(5);
        files.seed({ var: { log: "one\ntwo\nthree\n" } }); // another file of the same name
        yield* clock.sleep(1);
        signals.raise("SIGHUP");
        yield* clock.sleep(3600);
      },
    );
    expect(outputs(lines)).toEqual([
      'stdout: wrote "two\\n"',
      "signals: SIGHUP",
      'stdout: wrote "one\\ntwo\\nthree\\n"',
      "signals: SIGTERM",
    ]);
    // Each look asks for the name twice, and for the size; nothing is read while nothing is new.
    expect(lines.filter((line) => line === "fs: read /var/log")).toHaveLength(3);
  });

  it("ends with the error of a disk that fails, steps included, and closes what it has opened", () => {
    const lines: string[] = [];
    const failing = () =>
      run(
        function* (env) {
          env.files.fail("read", "/log", "EIO", { nth: 2 });
          yield* tail(env.cwd.join("log"), env, { lines: 1, every: 10 });
        },
        { files: { log: "one\n" }, trace: true, traceln: (line) => void lines.push(line) },
      );
    expect(failing).toThrow("EIO: read /log");
    expect(lines.slice(-2)).toEqual(["fs: read /log: EIO", "fs: close /log"]);
  });

  it("is not led out of its directory", () => {
    expect(() =>
      run(
        function* (env) {
          yield* env.cwd.join("log").symlink("/etc/shadow");
          yield* tail(env.cwd.join("log"), env, { lines: 1, every: 10 });
        },
        { files: { etc: { shadow: "secret" } }, cwd: "/var" },
      ),
    ).toThrow(/Permission_denied/);
  });
});
