/**
 * `tail -f`: the last lines of a file, and then whatever is added to it. A file that was cut is read from its beginning, one that was
 * put aside is left for the new one of its name; SIGHUP has it look at once, SIGTERM ends it. It can read below one directory, write to
 * one sink, wait and hear signals, and do nothing else.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { appendFile, rename, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Condition, Fiber, Flow, Switch, type File, type Op, type Path, type Sink } from "trestle";
import { fromPromise } from "@trestle/bridges";
import { run, type NodeEnv } from "trestle/node";

type Powers = Pick<NodeEnv, "clock" | "signals"> & { readonly stdout: Sink };

interface Options {
  /** How many lines of what is there already. */
  readonly lines: number;
  /** How often to look, in seconds. */
  readonly every: number;
}

/** Ends at SIGTERM. */
function* tail(path: Path, env: Powers, options: Options): Op<void> {
  yield* Fiber.first<void, never>(
    () => env.signals.next("SIGTERM"),
    () => follow(path, env, options),
  );
}

function* follow(path: Path, env: Powers, { lines, every }: Options): Op<never> {
  const woken = new Condition();
  return yield* Switch.run(function* (sw) {
    env.signals.listen(sw, "SIGHUP", () => woken.broadcast());
    const pause = () =>
      Fiber.first(
        () => env.clock.sleep(every),
        () => woken.awaitNoMutex(),
      );
    let from = yield* path.withOpenIn((file) => startOfLastLines(file, lines));
    for (;;) {
      yield* path.withOpenIn((file) => copyWhileNamed(path, file, from, env.stdout, pause));
      from = 0;
    }
  });
}

/** Copies what is in `file` from `from` on, and what is added, until the name stands for another file. */
function* copyWhileNamed(path: Path, file: File, from: number, out: Sink, pause: () => Op<void>): Op<void> {
  const { ino } = yield* file.stat();
  const buffer = new Uint8Array(65_536);
  for (let position = from; ; yield* pause()) {
    const replaced = !(yield* path.isFile()) || (yield* path.stat({ follow: true })).ino !== ino;
    let { size } = yield* file.stat();
    if (size < position) position = 0;
    // Nothing is added to a file that was put aside, once this has been read.
    for (; position < size; { size } = yield* file.stat()) {
      const count = yield* file.pread([buffer], position);
      yield* out.write(buffer.subarray(0, count));
      position += count;
    }
    if (replaced && (yield* path.isFile())) return;
  }
}

/** Where the last `count` lines begin: reads backwards, a piece at a time. */
function* startOfLastLines(file: File, count: number): Op<number> {
  const piece = new Uint8Array(4_096);
  const { size } = yield* file.stat();
  let seen = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - piece.length);
    const bytes = piece.subarray(0, end - start);
    yield* Flow.readExact(yield* at(file, start), bytes);
    for (let i = bytes.length - 1; i >= 0; i--) {
      // A newline at the very end ends the last line, and begins none.
      if (bytes[i] === 10 && start + i + 1 < size && ++seen === count) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

function* at(file: File, position: number): Op<File> {
  yield* file.seek(position, "set");
  return file;
}

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
