// Node only: processes of the system.

import { spawn as spawnByNode } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  BufRead,
  Cancelled,
  Deferred,
  Fiber,
  Flow,
  InvalidArgument,
  IoError,
  showArgs,
  showStatus,
  Switch,
  type Child,
  type Op,
  type ProcessManager,
  type Source,
} from "trestle";
import { run, type NodeEnv } from "trestle/node";
import { failureOf } from "./transcript.js";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-process-")));
afterAll(() => rmSync(folder, { recursive: true }));

/** A fiber with a process manager and a switch. */
const managed = (body: (mgr: ProcessManager, sw: Switch, env: NodeEnv) => Op<unknown>) =>
  run((env) => Switch.run((sw) => body(env.processMgr, sw, env)));

const script = (text: string): string[] => ["sh", "-c", text];

/** What `text` prints. */
function* outputOf(mgr: ProcessManager, text: string, options: object = {}): Op<string> {
  const stdout = Flow.bufferSink();
  yield* mgr.run(script(text), { ...options, stdout });
  return stdout.text;
}

/** A file in our folder. */
function file(name: string, text: string, mode: number): string {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
  return join(folder, name);
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("the end of a process", () => {
  it("PS-01 is told as often as it is asked for, by its code or by the signal", () =>
    managed(function* (mgr, sw) {
      const child = yield* mgr.spawn(script("read line; exit 7"), { sw, stdin: Flow.stringSource("go\n") });
      const asked = yield* Fiber.map([1, 2, 3], () => child.await());
      expect(asked).toEqual([{ exited: 7 }, { exited: 7 }, { exited: 7 }]);
      expect(yield* child.await()).toEqual({ exited: 7 });
      const killed = yield* mgr.spawn(script("kill -TERM $$"), { sw });
      expect(yield* killed.await()).toEqual({ signaled: "SIGTERM" });
    }));

  it("PS-02 its switch kills it and waits until it is gone; the status stays", () =>
    managed(function* (mgr) {
      const child: Child = yield* Switch.run((sw) => mgr.spawn(["sleep", "1000"], { sw }));
      expect(isAlive(child.pid)).toBe(false);
      expect(yield* child.await()).toEqual({ signaled: "SIGKILL" });
    }));

  it("PS-02 also when the switch fails, and while its output is being copied", () =>
    managed(function* (mgr) {
      let child: Child | undefined;
      const outcome = yield* failureOf(
        Switch.run(function* (sw) {
          child = yield* mgr.spawn(script("trap '' TERM PIPE; exec sleep 1000"), { sw, stdout: Flow.bufferSink() });
          throw new Error("enough");
        }),
      );
      expect(outcome).toBe("Error: enough");
      expect(yield* child!.await()).toEqual({ signaled: "SIGKILL" });
    }));

  it("PS-03 a signal after the end goes to nobody", () =>
    managed(function* (mgr, sw) {
      const child = yield* mgr.spawn(["true"], { sw });
      yield* child.await();
      child.signal("SIGKILL");
      child.signal(9);
      expect(yield* child.await()).toEqual({ exited: 0 });
    }));

  it("a signal by its name or its number; one that there is not is refused", () =>
    managed(function* (mgr, sw) {
      for (const signal of ["SIGUSR1", 10] as const) {
        const child = yield* mgr.spawn(["sleep", "1000"], { sw });
        child.signal(signal);
        expect(yield* child.await()).toEqual({ signaled: "SIGUSR1" });
      }
      const child = yield* mgr.spawn(["sleep", "1000"], { sw });
      expect(() => child.signal("TERM" as never)).toThrow(
        new TypeError(
          'Child.signal: "signal" must be the name of a signal, such as "SIGTERM", or its number, got the string "TERM"',
        ),
      );
      expect(() => child.signal("SIGNONE")).toThrow(TypeError);
      expect(isAlive(child.pid)).toBe(true);
    }));

  it("PS-20 who stops waiting leaves the process alone", () =>
    managed(function* (mgr, sw) {
      const child = yield* mgr.spawn(["sleep", "1000"], { sw });
      const outcome = yield* Fiber.first<unknown>(
        () => child.await(),
        function* () {
          yield* Fiber.yield();
          return "stopped";
        },
      );
      expect(outcome).toBe("stopped");
      expect(isAlive(child.pid)).toBe(true);
      child.signal("SIGINT");
      expect(yield* child.await()).toEqual({ signaled: "SIGINT" });
    }));

  it("PS-22 RB-16 processes that others have started are theirs", () =>
    managed(function* (mgr, sw) {
      const other = spawnByNode("sh", ["-c", "read line; exit 5"], { stdio: ["pipe", "ignore", "ignore"] });
      const ended = once(other, "exit") as Promise<[number]>;
      yield* Switch.run(function* (inner) {
        yield* mgr.spawn(["sleep", "1000"], { sw: inner });
        yield* mgr.run(["true"]);
      });
      expect(isAlive(other.pid!)).toBe(true);
      other.stdin.end("go\n");
      const [seen, resolver] = Deferred.create<number>();
      void ended.then(([code]) => resolver.resolve(code));
      const child = yield* mgr.spawn(["true"], { sw });
      expect(yield* child.await()).toEqual({ exited: 0 });
      expect(yield* seen.await()).toBe(5);
    }));
});

describe("run", () => {
  it("PS-08 PS-09 RB-35 tells how it ended, and what was run", () =>
    managed(function* (mgr, sw) {
      expect(yield* failureOf(mgr.run(["sh", "-c", "exit 3", "", "foo", '"bar"']))).toBe(
        'IoError: Process Child_error Exited (code 3), running command: sh -c "exit 3" "" foo "\\"bar\\""',
      );
      yield* mgr.run(script("exit 3"), { isSuccess: (code) => code === 3 });
      expect(yield* failureOf(mgr.run(["true"], { isSuccess: (code) => code === 3 }))).toMatch(
        /Child_error Exited \(code 0\)/,
      );
      expect(yield* failureOf(mgr.run(script("kill -KILL $$"), { isSuccess: () => true }))).toMatch(
        /Child_error Exited \(signal SIGKILL\), running command: /,
      );
      const child = yield* mgr.spawn(script("exit 2"), { sw });
      expect(yield* failureOf(child.awaitOrThrow())).toBe("IoError: Process Child_error Exited (code 2)");
      yield* child.awaitOrThrow({ isSuccess: (code) => code === 2 });
    }));

  it("the status can be matched", () =>
    managed(function* (mgr) {
      try {
        yield* mgr.run(script("exit 3"));
      } catch (error) {
        if (!(error instanceof IoError)) throw error;
        expect(error.err).toEqual({ area: "Process", kind: "Child_error", status: { exited: 3 } });
      }
    }));

  it("PS-06 all of the output has arrived, also of a process that fails", () =>
    managed(function* (mgr) {
      const [stdout, stderr] = [Flow.bufferSink(), Flow.bufferSink()];
      const outcome = yield* failureOf(
        mgr.run(script("head -c 300000 /dev/zero; echo oh >&2; (sleep 0.1; echo late) & exit 1"), { stdout, stderr }),
      );
      expect(outcome).toMatch(/Child_error Exited \(code 1\)/);
      expect(stdout.text.slice(-5)).toBe("late\n");
      expect(stdout.bytes.length).toBe(300_005);
      expect(stderr.text).toBe("oh\n");
    }));

  it("PS-01 PS-02 a process has ended though one that it left behind holds its streams, which are let go with the switch", () =>
    managed(function* (mgr, sw) {
      const [source, sink] = yield* mgr.pipe({ sw });
      const endless: Source = {
        *read(buffer) {
          yield* Fiber.yield();
          return buffer.length;
        },
      };
      let left = 0;
      const failure = yield* failureOf(
        Switch.run(function* (inner) {
          const text = "sleep 1000 <&0 & echo $!; exit 4";
          const child = yield* mgr.spawn(script(text), { sw: inner, stdin: endless, stdout: sink });
          expect(yield* child.await()).toEqual({ exited: 4 });
          left = Number(yield* new BufRead(source, { maxSize: 20 }).line());
          throw new Error("enough");
        }),
      );
      expect(failure).toBe("Error: enough");
      // It was not ours to kill.
      expect(isAlive(left)).toBe(true);
      process.kill(left, "SIGKILL");
      // Nobody writes to it any more.
      yield* sink.close();
      expect(yield* Flow.readAll(source)).toBe("");
    }));

  it("PS-06 who does not want to wait for what a process left behind can be cancelled", () =>
    managed(function* (mgr, _sw, { clock }) {
      const written = join(folder, "left");
      const left = yield* Fiber.first(
        () =>
          mgr.run(script(`sleep 1000 & echo $! > ${written}.part; mv ${written}.part ${written}`), {
            stdout: Flow.bufferSink(),
          }),
        function* () {
          while (!existsSync(written)) yield* clock.sleep(0.005);
          return Number(readFileSync(written, "utf8"));
        },
      );
      expect(isAlive(left as number)).toBe(true);
      process.kill(left as number, "SIGKILL");
    }));

  it("cancelling it kills the process", () =>
    managed(function* (mgr, _sw, { clock }) {
      const started = join(folder, "started");
      yield* Fiber.first(
        () => mgr.run(script(`echo $$ > ${started}.part; mv ${started}.part ${started}; exec sleep 1000`)),
        function* () {
          while (!existsSync(started)) yield* clock.sleep(0.005);
        },
      );
      const pid = Number(yield* outputOf(mgr, `cat ${started}`));
      expect(pid).toBeGreaterThan(0);
      expect(isAlive(pid)).toBe(false);
    }));
});

it("PS-10 RB-35 arguments and statuses as text", () => {
  expect(showArgs(["sh", "-c", "exit 3", "", "foo", '"bar"'])).toBe('sh -c "exit 3" "" foo "\\"bar\\""');
  expect(showArgs(["it's", "a\\b", "tab\t", "é", "\u007f", "--plain=[x]*"])).toBe(
    '"it\'s" "a\\\\b" "tab\\t" "é" "\\u007f" --plain=[x]*',
  );
  expect(showStatus({ exited: 3 })).toBe("Exited (code 3)");
  expect(showStatus({ signaled: "SIGKILL" })).toBe("Exited (signal SIGKILL)");
  expect(showStatus({ stopped: "SIGSTOP" })).toBe("Stopped (signal SIGSTOP)");
  expect(() => showStatus({} as never)).toThrow(TypeError);
});

describe("parseOut", () => {
  it("PS-24 PS-11 input from memory, and an answer that is parsed", () =>
    managed(function* (mgr) {
      const stdin = Flow.stringSource("one\ntwo\nthree\n");
      expect((yield* mgr.parseOut((reader) => reader.line(), ["wc", "-l"], { stdin })).trim()).toBe("3");
    }));

  it("PS-11 the parser has to take all of it; the status is looked at after that", () =>
    managed(function* (mgr) {
      const line = (text: string, options = {}) => mgr.parseOut((reader) => reader.line(), script(text), options);
      expect(yield* failureOf(line("echo one; echo two"))).toBe("Failure: Unexpected data after parsing (at offset 4)");
      expect(yield* failureOf(line("echo one; exit 3"))).toBe(
        'IoError: Process Child_error Exited (code 3), running command: sh -c "echo one; exit 3"',
      );
      expect(yield* line("echo one; exit 3", { isSuccess: (code: number) => code === 3 })).toBe("one");
      expect(yield* failureOf(mgr.parseOut((reader) => reader.line(), ["no-such-program"]))).toBe(
        'IoError: Process Executable_not_found "no-such-program", running command: no-such-program',
      );
    }));

  it("PS-11 a process whose output does not parse is killed", () =>
    managed(function* (mgr) {
      let pid = 0;
      const outcome = yield* failureOf(
        mgr.parseOut(function* (reader) {
          pid = Number(yield* reader.line());
          throw new Error("nonsense");
        }, script("echo $$; exec sleep 1000")),
      );
      expect(outcome).toBe("Error: nonsense");
      expect(pid).toBeGreaterThan(0);
      expect(isAlive(pid)).toBe(false);
    }));
});

describe("what a process gets", () => {
  it("PS-04 PS-17 our environment and directory as they are then, unless it is given others", () =>
    managed(function* (mgr) {
      process.env["TRESTLE_COLOUR"] = "green";
      expect(yield* outputOf(mgr, "echo $TRESTLE_COLOUR; pwd")).toBe(`green\n${process.cwd()}\n`);
      process.env["TRESTLE_COLOUR"] = "blue";
      expect(yield* outputOf(mgr, "echo $TRESTLE_COLOUR")).toBe("blue\n");
      delete process.env["TRESTLE_COLOUR"];
      expect(yield* outputOf(mgr, 'echo "$A-$HOME"', { env: { A: "a", B: undefined } })).toBe("a-\n");
      expect(yield* outputOf(mgr, "pwd", { cwd: { native: () => folder } })).toBe(`${folder}\n`);
    }));

  it("PS-18 a path: any, or one that does not lead out of its directory", () =>
    managed(function* (mgr, sw, { fs }) {
      mkdirSync(join(folder, "base", "inner"), { recursive: true });
      symlinkSync("..", join(folder, "base", "up"));
      symlinkSync("../up", join(folder, "base", "inner", "out"));
      const base = yield* fs.join(join(folder, "base")).openSubtree({ sw });
      expect(yield* outputOf(mgr, "pwd", { cwd: fs.join(folder) })).toBe(`${folder}\n`);
      expect(yield* outputOf(mgr, "pwd", { cwd: base.join("inner") })).toBe(`${folder}/base/inner\n`);
      for (const step of ["..", "up", "inner/out", "/"]) {
        expect(yield* failureOf(mgr.run(["pwd"], { cwd: base.join(step) }))).toMatch(
          /^IoError: Fs Permission_denied.*, running command: pwd$/,
        );
      }
    }));

  it("PS-18 a directory that cannot be, or that refuses", () =>
    managed(function* (mgr) {
      const pwd = (cwd: object) => failureOf(mgr.run(["pwd"], { cwd: cwd as never }));
      expect(yield* pwd({ native: () => join(folder, "nowhere") })).toMatch(
        /^IoError: Fs Not_found .*, running command: pwd$/,
      );
      expect(yield* pwd({ native: () => undefined })).toMatch(/^IoError: Fs Not_native, /);
      expect(
        yield* pwd({
          native: () => folder,
          *stat() {
            throw new IoError({ area: "Fs", kind: "Permission_denied" }, ["examining <cwd:..>"]);
          },
        }),
      ).toBe("IoError: Fs Permission_denied, examining <cwd:..>, running command: pwd");
    }));

  it("PS-05 a flow with a descriptor is not copied: the process writes by itself", () =>
    managed(function* (mgr) {
      const name = join(folder, "written");
      const fd = openSync(name, "w+");
      const direct = {
        fd,
        *write() {
          throw new Error("copied");
        },
        *close() {},
      };
      yield* mgr.run(["echo", "hello"], { stdout: direct });
      closeSync(fd);
      expect(readFileSync(name, "utf8")).toBe("hello\n");
    }));

  it.runIf(process.platform === "linux")("PS-04 PS-05 streams with a descriptor as they are; others by a pipe", () =>
    managed(function* (mgr) {
      // In a process of its own, whose streams are ours to choose.
      const program = join(import.meta.dirname, "..", `streams-${process.pid}.mjs`);
      writeFileSync(
        program,
        `import { readlinkSync } from "node:fs";
        import { Flow } from "trestle";
        import { run } from "trestle/node";
        const names = "readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2";
        await run(function* ({ processMgr, stdin, stdout, stderr }) {
          const ours = [0, 1, 2].map((fd) => readlinkSync("/proc/self/fd/" + fd));
          yield* processMgr.run(["sh", "-c", names]);
          yield* processMgr.run(["sh", "-c", names], { stdin, stdout, stderr });
          yield* processMgr.run(["sh", "-c", names + " >&2"], { stderr: stdout, stdout: stderr });
          const bridged = Flow.bufferSink();
          yield* processMgr.run(["sh", "-c", names], { stdout: bridged });
          const [input, output, errors] = bridged.text.split("\\n");
          yield* Flow.copyString(JSON.stringify([ours, input === ours[0], output === ours[1], errors === ours[2]]), stdout);
        });`,
      );
      try {
        const [stdout, stderr] = [Flow.bufferSink(), Flow.bufferSink()];
        yield* mgr.run([process.execPath, program], { stdin: Flow.stringSource(""), stdout, stderr });
        const lines = stdout.text.split("\n");
        const [ours, ...same] = JSON.parse(lines.pop()!) as [string[], ...boolean[]];
        expect(lines).toEqual([...ours, ...ours, ours[0], ours[1], ours[1]]);
        expect(same).toEqual([true, false, true]);
      } finally {
        rmSync(program);
      }
    }),
  );

  it("PS-05 a process that reads nothing, or only some of it", () =>
    managed(function* (mgr) {
      const endless: Source = {
        *read(buffer) {
          yield* Fiber.yield();
          return buffer.length;
        },
      };
      yield* mgr.run(["true"], { stdin: endless });
      expect((yield* outputOf(mgr, "head -c 100000 | wc -c", { stdin: endless })).trim()).toBe("100000");
      const silent: Source = { read: () => Fiber.awaitCancel() };
      yield* mgr.run(["true"], { stdin: silent });
    }));

  it("a source or a sink that fails, fails the switch, and with it the process", () =>
    managed(function* (mgr) {
      const broken: Source = {
        *read() {
          throw new Error("no input");
        },
      };
      expect(yield* failureOf(mgr.run(["cat"], { stdin: broken, stdout: Flow.bufferSink() }))).toBe("Error: no input");
      const full = {
        *write() {
          throw new Error("no room");
        },
        *close() {},
      };
      expect(yield* failureOf(mgr.run(["yes"], { stdout: full }))).toBe("Error: no room");
    }));
});

describe("programs", () => {
  it("PS-12 RB-25 PATH is for names without a slash", () =>
    managed(function* (mgr) {
      mkdirSync(join(folder, "bin"));
      const program = file("bin/greet", "#!/bin/sh\necho hello from $PWD\n", 0o755);
      const before = process.env["PATH"];
      const stdout = Flow.bufferSink();
      try {
        process.env["PATH"] = join(folder, "bin");
        yield* mgr.run(["greet"], { stdout });
        process.env["PATH"] = folder;
        expect(yield* failureOf(mgr.run(["greet"]))).toMatch(/Executable_not_found "greet"/);
        // Would be found if PATH were searched.
        expect(yield* failureOf(mgr.run(["bin/greet"]))).toMatch(/Executable_not_found "bin\/greet"/);
        delete process.env["PATH"];
        yield* mgr.run(["true"]);
      } finally {
        process.env["PATH"] = before;
      }
      yield* mgr.run([program], { stdout });
      yield* mgr.run(["bin/greet"], { stdout, cwd: { native: () => folder } });
      const here = `hello from ${process.cwd()}\n`;
      expect(stdout.text).toBe(`${here}${here}hello from ${folder}\n`);
    }));

  it("PS-12 PS-13 the executable may have another name than it is told", () =>
    managed(function* (mgr) {
      const stdout = Flow.bufferSink();
      yield* mgr.run(["other name", "-c", "echo $0"], { executable: "sh", stdout });
      expect(stdout.text).toBe("other name\n");
      yield* mgr.run([], { executable: "true" });
      const empty = () => failureOf(mgr.run([]));
      expect(yield* empty()).toBe("InvalidArgument: Arguments list is empty and no executable given!");
    }));

  it("PS-14 PS-15 what cannot be started says why", () =>
    managed(function* (mgr, sw) {
      const start = (...args: string[]) => failureOf(mgr.spawn(args, { sw }));
      expect(yield* start("no-such-program", "x y")).toBe(
        'IoError: Process Executable_not_found "no-such-program", starting command: no-such-program "x y"',
      );
      expect(yield* start("")).toMatch(/^IoError: Process Executable_not_found ""/);
      const orphan = file("orphan", "#!/no/such/interpreter\n", 0o755);
      expect(yield* start(orphan)).toMatch(`IoError: Process Executable_not_found "${orphan}", `);
      const locked = file("locked", "#!/bin/sh\n", 0o644);
      expect(yield* start(locked)).toMatch(`IoError: Process Permission_denied "${locked}", `);
      expect(yield* start(folder)).toMatch(`IoError: Process Permission_denied "${folder}", `);
      for (const text of ["just text", ""]) {
        const plain = file("plain", text, 0o755);
        expect(yield* start(plain)).toMatch(`IoError: Process Executable_format_error "${plain}", `);
      }
      expect(yield* start("echo", "x".repeat(3_000_000))).toMatch(/^IoError: Process Argument_list_too_long, /);
    }));

  it.runIf(process.platform === "linux")("PS-07 PS-16 starts leave nothing open, whether or not they succeed", () =>
    managed(function* (mgr) {
      const descriptors = () => readdirSync("/proc/self/fd").length;
      yield* mgr.run(["true"], { stdout: Flow.bufferSink() });
      const before = descriptors();
      const orphan = file("orphan", "#!/no/such/interpreter\n", 0o755);
      for (const args of [["no-such-program"], [orphan], ["echo", "x".repeat(3_000_000)], ["true"]]) {
        yield* failureOf(
          mgr.run(args, { stdin: Flow.stringSource("in"), stdout: Flow.bufferSink(), stderr: Flow.bufferSink() }),
        );
      }
      expect(descriptors()).toBe(before);
    }),
  );

  it("PS-19 in a cancelled context nothing is started", () =>
    managed(function* (mgr, sw) {
      const made = join(folder, "made");
      const start = () => mgr.spawn(["touch", made], { sw });
      yield* Fiber.first(
        function* () {
          try {
            yield* Fiber.awaitCancel();
          } finally {
            expect(yield* failureOf(start())).toMatch(/^Cancelled/);
          }
        },
        function* () {
          yield* Fiber.yield();
        },
      );
      const failed = yield* failureOf(
        Switch.run(function* (inner) {
          inner.fail(new Error("off"));
          const thrown = yield* failureOf(mgr.spawn(["touch", made], { sw: inner }));
          expect(thrown).toMatch(/^Cancelled/);
        }),
      );
      expect(failed).toBe("Error: off");
      yield* mgr.run(["true"]);
      expect(existsSync(made)).toBe(false);
    }));

  it("PS-19 a switch that has ended takes no process", () =>
    managed(function* (mgr) {
      const kept = yield* Switch.run(function* (sw) {
        return sw;
      });
      expect(yield* failureOf(mgr.spawn(["sleep", "1000"], { sw: kept }))).toMatch(/^SwitchFinishedError/);
      // It is not even looked for.
      expect(yield* failureOf(mgr.spawn(["no-such-program"], { sw: kept }))).toMatch(/^SwitchFinishedError/);
    }));

  it("wrong arguments are refused", () =>
    managed(function* (mgr, sw) {
      const cases: [() => Op<unknown>, RegExp][] = [
        [
          () => mgr.run("ls" as never),
          /^TypeError: ProcessManager.run: "args" must be an array of strings, got the string/,
        ],
        [() => mgr.run(["a\0b"]), /"args" must be strings without null characters/],
        [() => mgr.spawn(["true"], {} as never), /ProcessManager.spawn: "options.sw" must be a Switch, got undefined/],
        [
          () => mgr.spawn(["true"], { sw, stdin: "text" as never }),
          /"options.stdin" must be a source .*got the string/,
        ],
        [() => mgr.run(["true"], { stdout: {} as never }), /"options.stdout" must be a sink/],
        [() => mgr.run(["true"], { cwd: "/" as never }), /"options.cwd" must be a Path/],
        [() => mgr.run(["true"], { env: "A=1" as never }), /"options.env" must be an object/],
        [() => mgr.run(["true"], { executable: 1 as never }), /"options.executable" must be a string/],
        [() => mgr.run(["true"], { isSuccess: 0 as never }), /"options.isSuccess" must be a function/],
        [() => mgr.parseOut(1 as never, ["true"]), /ProcessManager.parseOut: "parser" must be a function/],
        [() => mgr.pipe({} as never), /ProcessManager.pipe: "options.sw" must be a Switch/],
      ];
      for (const [op, message] of cases)
        expect(yield* failureOf({ [Symbol.iterator]: () => op()[Symbol.iterator]() })).toMatch(message);
    }));
});

describe("pipe", () => {
  it("FL-21 what is written can be read, and then comes the end", () =>
    managed(function* (mgr, sw) {
      const [source, sink] = yield* mgr.pipe({ sw });
      const sent = new Uint8Array(300_000).map((_, i) => i % 251);
      const [got] = yield* Fiber.pair(
        () => Flow.readAllBytes(source),
        function* () {
          const reused = sent.slice(0, 10);
          yield* sink.write(reused);
          reused.fill(0);
          yield* Flow.write(sink, [sent.subarray(10, 20), sent.subarray(20)]);
          yield* sink.close();
          yield* sink.close();
        },
      );
      expect(Buffer.compare(got, sent)).toBe(0);
      expect(yield* failureOf(Flow.singleRead(source, new Uint8Array(1)))).toMatch(/^EndOfFile/);
      expect(yield* failureOf(Flow.copyString("more", sink))).toMatch(
        /^InvalidArgument: write: .* after calling close!$/,
      );
    }));

  it("FL-21 a writer waits for room, and is told when nobody reads any more", () =>
    managed(function* (mgr, sw) {
      const [source, sink] = yield* mgr.pipe({ sw });
      let written = 0;
      const [outcome] = yield* Fiber.pair(
        () =>
          failureOf(
            (function* () {
              for (;;) {
                yield* sink.write(new Uint8Array(10_000));
                written += 10_000;
              }
            })(),
          ),
        function* () {
          for (let before = -1; before !== written;) {
            before = written;
            for (let i = 0; i < 10; i++) yield* Fiber.yield();
          }
          yield* source.close();
        },
      );
      expect(written).toBe(60_000);
      expect(outcome).toBe("IoError: Net Connection_reset, writing to a pipe");
    }));

  it("FL-21 a reader that is cancelled has lost nothing; two readers share what there is", () =>
    managed(function* (mgr, sw) {
      const [source, sink] = yield* mgr.pipe({ sw });
      yield* Fiber.first(
        () => Flow.readAll(source),
        () => Fiber.yield(),
      );
      const [a, b] = [Flow.bufferSink(), Flow.bufferSink()];
      yield* Fiber.all([
        () => Flow.copy(source, a),
        () => Flow.copy(source, b),
        function* () {
          for (let i = 0; i < 100; i++) {
            yield* Flow.copyString("x".repeat(100), sink);
            if (i % 7 === 0) yield* Fiber.yield();
          }
          yield* sink.close();
        },
      ]);
      expect(a.bytes.length + b.bytes.length).toBe(10_000);
    }));

  it("PS-07 from one process to the next: our ends can be closed, and the reader sees the end", () =>
    managed(function* (mgr, sw) {
      const [source, sink] = yield* mgr.pipe({ sw });
      const stdout = Flow.bufferSink();
      yield* Switch.run(function* (inner) {
        yield* mgr.spawn(script("sleep 0.05; echo b; echo a"), { sw: inner, stdout: sink });
        yield* sink.close();
        yield* mgr.spawn(["sort"], { sw: inner, stdin: source, stdout });
        yield* source.close();
      });
      expect(stdout.text).toBe("a\nb\n");
      // The same if nothing could be started.
      const [rest, unused] = yield* mgr.pipe({ sw });
      yield* failureOf(mgr.run(["echo", "x".repeat(3_000_000)], { stdout: unused }));
      yield* unused.close();
      expect(yield* Flow.readAll(rest)).toBe("");
    }));
});

it("PT-08 many at once, several times over", () =>
  managed(function* (mgr) {
    for (let round = 0; round < 3; round++) {
      const answers = yield* Fiber.map(
        Array.from({ length: 15 }, (_, i) => `${round}-${i}`),
        (text) => mgr.parseOut((reader) => reader.line(), ["echo", text]),
      );
      expect(answers).toEqual(Array.from({ length: 15 }, (_, i) => `${round}-${i}`));
    }
  }));

it("PS-21 from a worker, too", () =>
  managed(function* (mgr) {
    const program = join(import.meta.dirname, "..", `worker-${process.pid}.mjs`);
    writeFileSync(
      program,
      `import { isMainThread, Worker } from "node:worker_threads";
      import { run } from "trestle/node";
      if (isMainThread) new Worker(new URL(import.meta.url));
      else await run(function* ({ processMgr }) {
        console.log("worker got " + (yield* processMgr.parseOut((reader) => reader.line(), ["echo", "hello"])));
      });`,
    );
    try {
      expect(yield* mgr.parseOut((reader) => reader.line(), [process.execPath, program])).toBe("worker got hello");
    } finally {
      rmSync(program);
    }
  }));

it("a cancellation is a cancellation, whatever was going on", () =>
  managed(function* (mgr) {
    let seen: unknown;
    yield* Fiber.first(
      function* () {
        try {
          yield* mgr.run(["sleep", "1000"], { stdin: Flow.stringSource("x"), stdout: Flow.bufferSink() });
        } catch (error) {
          seen = error;
          throw error;
        }
      },
      () => mgr.run(["true"]),
    );
    expect(seen).toBeInstanceOf(Cancelled);
    expect(seen).not.toBeInstanceOf(InvalidArgument);
  }));
