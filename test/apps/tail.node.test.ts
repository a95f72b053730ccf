/** `tail -f` of tail.ts, over files and with signals of the system. */
import { mkdtempSync, rmSync } from "node:fs";
import { appendFile, rename, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Condition, Fiber, type Op, type Sink } from "trestle";
import { fromPromise } from "@trestle/bridges";
import { run } from "trestle/node";
import { tail, type Options } from "./tail.js";

const folder = mkdtempSync(join(tmpdir(), "trestle-tail-"));
afterAll(() => rmSync(folder, { recursive: true }));
const log = join(folder, "log");

/** Follows the log while `body` does things to it, and gives what came out; `heard` waits until the output ends with a text. */
function following(options: Options, body: (heard: (text: string) => Op<void>) => Op<void>): Promise<string> {
  return run(function* (env) {
    let output = "";
    const news = new Condition();
    const stdout: Sink = {
      *write(bytes) {
        output += new TextDecoder().decode(bytes);
        news.broadcast();
      },
      *close() {},
    };
    function* heard(text: string): Op<void> {
      while (!output.endsWith(text)) yield* news.awaitNoMutex();
    }
    yield* env.fs.join(folder).withSubtree(function* (directory) {
      yield* Fiber.both(
        () => tail(directory.join("log"), { clock: env.clock, signals: env.signals, stdout }, options),
        function* () {
          yield* body(heard);
          process.kill(process.pid, "SIGTERM");
        },
      );
    });
    return output;
  });
}

const soon: Options = { lines: 2, every: 0.005 };
const never: Options = { lines: 2, every: 1e6 };
const doing = <T>(promise: () => Promise<T>): Op<T> => fromPromise(promise());

describe("tail -f", () => {
  it("begins with the last lines, however long they are, and goes on with what is added", async () => {
    const long = "x".repeat(10_000);
    await writeFile(log, `one\ntwo\n${long}\nfour\n`);
    const output = await following(soon, function* (heard) {
      yield* heard("four\n");
      yield* doing(() => appendFile(log, "fi"));
      yield* heard("fi");
      yield* doing(() => appendFile(log, "ve\n"));
      yield* heard("five\n");
    });
    expect(output).toBe(`${long}\nfour\nfive\n`);
  });

  it("reads a file that was cut from its beginning", async () => {
    await writeFile(log, "one\ntwo\nthree\n");
    const output = await following(soon, function* (heard) {
      yield* heard("three\n");
      yield* doing(() => truncate(log));
      yield* doing(() => appendFile(log, "anew\n"));
      yield* heard("anew\n");
    });
    expect(output).toBe("two\nthree\nanew\n");
  });

  it("goes over to the new file of the name, after the end of the old one", async () => {
    await writeFile(log, "old\n");
    const output = await following(soon, function* (heard) {
      yield* heard("old\n");
      yield* doing(() => rename(log, join(folder, "log.1")));
      yield* doing(() => appendFile(join(folder, "log.1"), "last of the old\n"));
      yield* heard("last of the old\n");
      yield* doing(() => writeFile(log, "new\n"));
      yield* heard("new\n");
    });
    expect(output).toBe("old\nlast of the old\nnew\n");
  });

  it("looks at once when it is told to by SIGHUP", async () => {
    await writeFile(log, "old\n");
    const output = await following(never, function* (heard) {
      yield* heard("old\n");
      yield* doing(() => appendFile(log, "news\n"));
      process.kill(process.pid, "SIGHUP");
      yield* heard("news\n");
    });
    expect(output).toBe("old\nnews\n");
  });

  it("cannot be led out of its directory by a link of the file's name", async () => {
    rmSync(log);
    await run((env) =>
      env.fs.join(folder).withSubtree(function* (directory) {
        yield* directory.join("log").symlink("/etc/hostname");
        const sink: Sink = { *write() {}, *close() {} };
        yield* tail(directory.join("log"), { ...env, stdout: sink }, soon);
      }),
    ).then(
      () => expect.fail("it was led out"),
      (error: unknown) => expect(String(error)).toContain("Fs Permission_denied"),
    );
  });
});
