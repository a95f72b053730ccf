// Node only: the position of open files, and FIFOs.

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Fiber, Flow, IpAddress, Switch, type File, type Op, type Path, type Sink } from "trestle";
import { run, type NodeEnv } from "trestle/node";
import { failureOf } from "./transcript.js";

const folder = fs.mkdtempSync(join(tmpdir(), "trestle-file-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const isLinux = process.platform === "linux";
const create = { create: { orTruncate: 0o600 } } as const;

function* nothing(): Op<string> {
  return "nothing";
}

/** What `op` gives, or what goes wrong. */
function* failureOr(op: Op<string>): Op<string> {
  try {
    return yield* op;
  } catch (error) {
    return String(error);
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

let names = 0;
/** A name of a file that is not there yet, and that as a path. */
const withName = async (body: (at: Path, env: NodeEnv, name: string) => Op<unknown>): Promise<void> => {
  const name = join(folder, `f${names++}`);
  await run((env) => body(env.fs.join(name), env, name));
};

/** `count` bytes from where the position is. */
function* some(file: File, count: number): Op<string> {
  const buffer = new Uint8Array(count);
  const length = yield* file.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, length));
}

const openFiles = () => fs.readdirSync("/proc/self/fd").length;

const say = (text: string, file: File) => Flow.copyString(text, file);

describe("the position of a file", () => {
  it("PS-05 FS-20 a process goes on writing where we are, and we where it was", () =>
    withName((at, { processMgr }, name) =>
      at.withOpenOut(create, function* (file) {
        yield* say("ours\n", file);
        yield* processMgr.run(["echo", "theirs"], { stdout: file });
        yield* say("ours again\n", file);
        yield* processMgr.run(["sh", "-c", "echo theirs again; echo and >&2"], { stdout: file, stderr: file });
        expect(fs.readFileSync(name, "utf8")).toBe("ours\ntheirs\nours again\ntheirs again\nand\n");
        if (isLinux) expect(yield* file.seek(0, "cur")).toBe(fs.statSync(name).size);
      }),
    ));

  it("PS-05 FS-20 a process goes on reading where we are, and we where it was", () =>
    withName(function* (at, { processMgr }) {
      yield* at.save("one\ntwo\nthree\nfour\n", create);
      yield* at.withOpenIn(function* (file) {
        expect(yield* some(file, 4)).toBe("one\n");
        // A byte at a time: this shell reads no further than the line.
        yield* processMgr.run(["sh", "-c", 'read line; test "$line" = two'], { stdin: file });
        expect(yield* some(file, 6)).toBe("three\n");
        const rest = Flow.bufferSink();
        yield* processMgr.run(["cat"], { stdin: file, stdout: rest });
        expect(rest.text).toBe("four\n");
        expect(yield* failureOf(some(file, 1))).toMatch(/^EndOfFile/);
      });
    }));

  it.runIf(isLinux)(
    "FS-20 PS-05 a process that is given a file after seek goes on there: back, and a long way on",
    () =>
      withName((at, { processMgr }, name) =>
        at.withOpenOut(create, function* (file) {
          const text = "0123456789".repeat(20_000);
          yield* say(text, file);
          fs.unlinkSync(name);
          for (const position of [0, 3, 150_001, 7, 199_999, 200_000]) {
            yield* file.seek(position, "set");
            const output = Flow.bufferSink();
            yield* processMgr.run(["cat"], { stdin: file, stdout: output });
            expect(output.text).toBe(text.slice(position));
            // The position is the system's again, and shared.
            expect(yield* file.seek(0, "cur")).toBe(200_000);
          }
          yield* file.seek(100, "set");
          yield* file.seek(-10, "cur");
          yield* processMgr.run(["sh", "-c", "printf abc"], { stdout: file });
          yield* say("def", file);
          expect(yield* some(file, 6)).toBe("678901".slice(0, 6));
          yield* file.seek(88, "set");
          expect(yield* some(file, 10)).toBe("89abcdef67");
        }),
      ),
  );

  it.runIf(isLinux)(
    "FS-19 UX-07 who reads elsewhere while it is being handed over reads on, and nothing is left open",
    () =>
      withName(function* (at, { processMgr }) {
        const before = openFiles();
        yield* at.withOpenOut(create, function* (file) {
          const text = "0123456789".repeat(10_000);
          yield* say(text, file);
          yield* Fiber.both(
            function* () {
              for (let i = 0; i < 5; i++) {
                yield* file.seek(0, "set");
                yield* processMgr.run(["true"], { stdin: file });
              }
              while (openFiles() > before + 1) yield* file.stat();
            },
            () =>
              Fiber.forEach([...Array(20).keys()], function* (fiber) {
                const buffer = new Uint8Array(10);
                for (let i = 0; i < 50; i++) {
                  yield* file.preadExact([buffer], 100 * fiber + i);
                  expect(new TextDecoder().decode(buffer)).toBe(text.slice(i % 10, (i % 10) + 10));
                }
              }),
          );
        });
        expect(openFiles()).toBe(before);
      }),
  );

  it.runIf(isLinux)("FS-20 a position that the system cannot be brought to is not handed over", () =>
    withName((at, { processMgr }, name) =>
      at.withOpenOut(create, function* (file) {
        yield* say("short", file);
        yield* file.seek(100, "set");
        expect(yield* failureOf(processMgr.run(["cat"], { stdin: file }))).toBe(
          "IoError: Not_available, handing over a file whose position is beyond its end, running command: cat",
        );
        // It is where it was.
        yield* say("!", file);
        expect(fs.statSync(name).size).toBe(101);
      }),
    ),
  );

  it("FS-20 with `append`, what is written goes to the end, wherever the position is", () =>
    withName((at, { processMgr }, name) =>
      at.withOpenOut({ ...create, append: true }, function* (file) {
        yield* say("one ", file);
        yield* file.seek(0, "set");
        expect(yield* some(file, 2)).toBe("on");
        yield* say("two ", file);
        expect(yield* file.seek(0, "cur")).toBe(8);
        fs.appendFileSync(name, "three ");
        yield* file.seek(1, "set");
        yield* processMgr.run(["printf", "four "], { stdout: file });
        yield* say("five", file);
        expect(fs.readFileSync(name, "utf8")).toBe("one two three four five");
        expect(yield* file.seek(0, "cur")).toBe(23);
      }),
    ));

  it.each([false, true])("FL-25 fibers read and write in the order in which they came (after seek: %s)", (moved) =>
    withName(function* (at, _, name) {
      const parts = Array.from({ length: 200 }, (_unused, i) =>
        String(i)
          .padStart(5, "0")
          .repeat(1 + (i % 7)),
      );
      yield* at.withOpenOut(create, function* (file) {
        if (moved) yield* file.seek(0, "set");
        yield* Fiber.forEach(parts, (part) => say(part, file));
      });
      expect(fs.readFileSync(name, "utf8")).toBe(parts.join(""));
      yield* at.withOpenIn(function* (file) {
        if (moved) yield* file.seek(0, "set");
        expect(yield* Fiber.map(parts, (part) => some(file, part.length))).toEqual(parts);
      });
    }),
  );

  it("FL-24 who is cancelled while others have their turn has read nothing", () =>
    withName(function* (at) {
      yield* at.save("abcdef", create);
      yield* at.withOpenIn(function* (file) {
        const read = yield* Fiber.map([1, 2, 3], function* (which) {
          if (which !== 2) return yield* some(file, 2);
          return yield* Fiber.first(
            () => some(file, 2),
            function* () {
              yield* Fiber.yield();
              return "cancelled";
            },
          );
        });
        expect(read).toEqual(["ab", "cancelled", "cd"]);
        expect(yield* some(file, 10)).toBe("ef");
      });
    }));

  it("FS-20 UX-02 a file that is closed is not moved", () =>
    withName(function* (at) {
      const file = yield* at.withOpenOut(create, function* (opened) {
        return opened;
      });
      expect(yield* failureOf(file.seek(0, "set"))).toBe(
        "InvalidArgument: seek: file descriptor used after calling close!",
      );
    }));
});

describe("two that write to one flow", () => {
  /** Writes pieces of one letter each, of any size, from two fibers at once. */
  function* writeBoth(sink: Sink): Op<void> {
    yield* Fiber.forEach(["a", "b"], function* (letter) {
      for (let i = 1; i <= 60; i++) {
        const piece = bytes(letter.repeat(i * i));
        if (i % 3 === 0) yield* Flow.write(sink, [piece.subarray(0, i), piece.subarray(i)]);
        else yield* sink.write(piece);
      }
    });
  }
  const total = Array.from({ length: 60 }, (_, i) => (i + 1) ** 2).reduce((a, b) => a + b);
  const sorted = (text: string) => [...text].sort().join("");
  const expected = "a".repeat(total) + "b".repeat(total);

  it("FL-25 to a file, a pipe, a FIFO or a connection: each byte arrives once", () =>
    withName((at, { fs: everything, net, processMgr }, name) =>
      Switch.run(function* (sw) {
        yield* at.withOpenOut(create, writeBoth);
        expect(sorted(fs.readFileSync(name, "utf8"))).toBe(expected);

        const [source, sink] = yield* processMgr.pipe({ sw });
        const server = yield* net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
        const [client, [accepted]] = yield* Fiber.pair(
          () => net.connect(server.address, { sw }),
          () => server.accept({ sw }),
        );
        execFileSync("mkfifo", [`${name}-fifo`]);
        const fifo = everything.join(`${name}-fifo`);
        const [reader, writer] = [yield* fifo.openIn({ sw }), yield* fifo.openOut({ create: "never", sw })];
        for (const [from, to] of [
          [source, sink],
          [accepted, client],
          [reader, writer],
        ] as const) {
          const [text] = yield* Fiber.pair(
            () => Flow.readAll(from),
            function* () {
              yield* writeBoth(to);
              yield* to.close();
            },
          );
          expect(sorted(text)).toBe(expected);
        }
      }),
    ));
});

describe.skipIf(process.platform === "win32")("FIFOs", () => {
  const withFifo = (body: (at: Path, env: NodeEnv, name: string) => Op<unknown>) =>
    withName((at, env, name) => {
      execFileSync("mkfifo", [name]);
      return body(at, env, name);
    });
  /** What somebody else has opened to be written. There has to be a reader. */
  const otherWriter = (name: string) => fs.openSync(name, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
  const otherReader = (name: string) => fs.openSync(name, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);

  it("FL-23 RB-26 opening one that nobody writes does not wait; reading does, and ends after the last writer", () =>
    withFifo((at, _, name) =>
      at.withOpenIn(function* (file) {
        const seen: string[] = [];
        yield* Fiber.both(
          function* () {
            for (let i = 0; i < 3; i++) seen.push(yield* failureOr(some(file, 100)));
          },
          function* () {
            // All of these go through Node's loop while the reader waits.
            for (let i = 0; i < 20; i++) expect((yield* file.stat()).kind).toBe("fifo");
            expect(seen).toEqual([]);
            const [one, two] = [otherWriter(name), otherWriter(name)];
            fs.writeSync(one, "hello");
            fs.closeSync(one);
            while (seen.length < 1) yield* file.stat();
            for (let i = 0; i < 20; i++) yield* file.stat();
            expect(seen).toEqual(["hello"]);
            fs.writeSync(two, "last");
            fs.closeSync(two);
          },
        );
        expect(seen).toEqual(["hello", "last", "EndOfFile: end of file"]);
        expect(yield* failureOr(some(file, 1))).toBe("EndOfFile: end of file");
      }),
    ));

  it("FL-23 any number of readers and writers that wait keep nobody else from the disk", () =>
    withName(function* (at, { fs: everything }) {
      yield* at.mkdir({ perm: 0o700 });
      const fifos = Array.from({ length: 12 }, (_, i) => at.join(`fifo${i}`));
      execFileSync(
        "mkfifo",
        fifos.map((fifo) => fifo.native()!),
      );
      const outcome = yield* Fiber.any<string>([
        ...fifos.map((fifo, i) =>
          i % 2 === 0 ? () => fifo.load() : () => fifo.withOpenOut({ create: "never" }, () => nothing()),
        ),
        function* () {
          for (let i = 0; i < 50; i++) yield* everything.join("/").stat({ follow: true });
          return "the disk answers";
        },
      ]);
      expect(outcome).toBe("the disk answers");
    }));

  it("FL-23 FL-20 who opens one to write it waits for a reader, then for room, and is told when the reader has gone", () =>
    withFifo(function* (at) {
      const log: string[] = [];
      yield* Fiber.both(
        () =>
          at.withOpenOut(create, function* (file) {
            log.push("opened");
            yield* file.write(new Uint8Array(300_000));
            log.push("written");
            // What the pipe still has room for does not fail.
            const failure = yield* failureOf(file.write(new Uint8Array(300_000)));
            log.push(failure);
          }),
        function* () {
          for (let i = 0; i < 20; i++) yield* at.stat({ follow: true });
          expect(log).toEqual([]);
          yield* at.withOpenIn(function* (file) {
            while (log.length === 0) yield* file.stat();
            for (let i = 0; i < 20; i++) yield* file.stat();
            expect(log).toEqual(["opened"]);
            yield* Flow.readExact(file, new Uint8Array(300_000));
            while (log.length === 1) yield* file.stat();
          });
        },
      );
      expect(log).toEqual(["opened", "written", expect.stringMatching(/^IoError: Net Connection_reset/)]);
    }));

  it("FL-23 waiting for a reader looks to no other writer as if there were one", () =>
    withFifo((at, { processMgr }, name) =>
      Switch.run(function* (sw) {
        const other = yield* processMgr.spawn(["sh", "-c", 'echo theirs > "$0"', name], { sw });
        let reader = -1;
        yield* Fiber.both(
          () => at.withOpenOut({ create: "never" }, (file) => say("ours\n", file)),
          function* () {
            for (let i = 0; i < 200; i++) yield* at.stat({ follow: true });
            reader = otherReader(name);
          },
        );
        expect(yield* other.await()).toEqual({ exited: 0 });
        const buffer = Buffer.alloc(100);
        const text = buffer.toString("utf8", 0, fs.readSync(reader, buffer));
        fs.closeSync(reader);
        expect(text.split("\n").sort()).toEqual(["", "ours", "theirs"]);
      }),
    ));

  it.runIf(isLinux)("FL-24 RS-08 who is cancelled while waiting has lost nothing, and leaves nothing open", () =>
    withFifo(function* (at, _, name) {
      const before = openFiles();
      const given = function* (op: () => Op<string>): Op<string> {
        return yield* Fiber.first(op, function* () {
          for (let i = 0; i < 5; i++) yield* at.stat({ follow: true });
          return "cancelled";
        });
      };
      expect(yield* given(() => at.withOpenOut({ create: "never" }, () => nothing()))).toBe("cancelled");
      expect(openFiles()).toBe(before);
      yield* at.withOpenIn(function* (file) {
        expect(yield* given(() => some(file, 10))).toBe("cancelled");
        const writer = otherWriter(name);
        fs.writeSync(writer, "late");
        expect(yield* some(file, 2)).toBe("la");
        expect(yield* some(file, 10)).toBe("te");
        expect(yield* given(() => some(file, 10))).toBe("cancelled");
        fs.closeSync(writer);
      });
      expect(openFiles()).toBe(before);
    }),
  );

  it("FL-23 is loaded, and copied; a process that is given it reads by itself", () =>
    withFifo(function* (at, { processMgr }, name) {
      const write = function* (): Op<void> {
        yield* at.withOpenOut({ create: "never" }, (file) => say("one\ntwo\n", file));
      };
      const [loaded] = yield* Fiber.pair(() => at.load(), write);
      expect(loaded).toBe("one\ntwo\n");
      yield* at.withOpenIn(function* (file) {
        const writer = otherWriter(name);
        fs.writeSync(writer, "three");
        fs.closeSync(writer);
        const output = Flow.bufferSink();
        yield* processMgr.run(["cat"], { stdin: file, stdout: output });
        expect(output.text).toBe("three");
      });
    }));

  it("FL-23 says what it cannot do, as the system does", () =>
    withFifo(function* (at) {
      const buffer = [new Uint8Array(1)];
      yield* at.withOpenIn(function* (file) {
        const codes: string[] = [];
        for (const op of [
          file.write(buffer[0]!),
          file.seek(0, "set"),
          file.pread(buffer, 0),
          file.pwriteSome(buffer, 0),
          file.truncate(0),
          file.sync(),
        ])
          codes.push(/ E[A-Z]+/.exec(yield* failureOf(op))![0].trim());
        expect(codes).toEqual(["EBADF", "ESPIPE", "ESPIPE", "ESPIPE", "EINVAL", "EINVAL"]);
        yield* at.withOpenOut({ create: "never" }, function* (writer) {
          expect(yield* failureOf(writer.read(buffer[0]!))).toContain("EBADF");
        });
      });
    }));

  it("FL-23 who closes one that is being read ends the reader", () =>
    withFifo((at) =>
      Switch.run(function* (sw) {
        const file = yield* at.openIn({ sw });
        const [end] = yield* Fiber.pair(
          () => failureOr(some(file, 1)),
          () => file.close(),
        );
        expect(end).toBe("EndOfFile: end of file");
        expect(yield* failureOf(file.stat())).toBe("InvalidArgument: stat: file descriptor used after calling close!");
        expect(yield* failureOf(some(file, 1))).toBe(
          "InvalidArgument: read: file descriptor used after calling close!",
        );
      }),
    ));
});
