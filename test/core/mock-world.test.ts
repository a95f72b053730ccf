import { describe, expect, it } from "vitest";
import {
  Cancel,
  DeadlockDetected,
  ExecutorPool,
  Failure,
  Fiber,
  Flow,
  IoError,
  overrideEnv,
  Switch,
  type Child,
  type Op,
  type SystemEnv,
} from "trestle";
import {
  MockFlow,
  MockFs,
  MockProcessManager,
  MockRandom,
  MockSignals,
  mockEnv,
  run,
  type MockProcess,
} from "trestle/mock";
import { tracedBy } from "./traced.js";
import { failureOf, thrownBy } from "./transcript.js";

const line = (text: string) => `${text}\n`;

/** A manager, and a switch. */
const managed = (body: (mgr: MockProcessManager, sw: Switch) => Op<unknown>) =>
  tracedBy(() => Switch.run((sw) => body(new MockProcessManager("proc"), sw)));

describe("MockProcessManager", () => {
  it("PS-01 PS-06 PS-08 MK-13 commands read, write and end as scripted, and are traced", () => {
    const lines = managed(function* (mgr, sw) {
      mgr.on(["wc", "-l"], { stdin: "one\ntwo\n", stdout: "2\n" });
      mgr.on("sh", { stderr: "oh\n", status: 3 });
      const [out, err] = [Flow.bufferSink(), Flow.bufferSink()];
      yield* mgr.run(["wc", "-l"], { stdin: Flow.stringSource("one\ntwo\n"), stdout: out });
      expect(out.text).toBe("2\n");
      expect(yield* failureOf(mgr.run(["sh", "-c", "exit 3"], { stderr: err }))).toBe(
        'IoError: Process Child_error Exited (code 3), running command: sh -c "exit 3"',
      );
      expect(err.text).toBe("oh\n");
      const child = yield* mgr.spawn(["sh"], { sw });
      expect(yield* Fiber.map([1, 2], () => child.await())).toEqual([{ exited: 3 }, { exited: 3 }]);
    });
    expect(lines).toEqual([
      "proc: spawn wc -l",
      "proc: wc -l: Exited (code 0)",
      'proc: spawn sh -c "exit 3"',
      'proc: sh -c "exit 3": Exited (code 3)',
      "proc: spawn sh",
      "proc: sh: Exited (code 3)",
    ]);
  });

  it("PS-13 PS-14 PS-16 what nobody has scripted is not found", () =>
    void managed(function* (mgr, sw) {
      mgr.on("known", {});
      expect(yield* failureOf(mgr.spawn(["unknown", "x"], { sw }))).toBe(
        'IoError: Process Executable_not_found "unknown", starting command: unknown x',
      );
      yield* mgr.run(["called so", "x"], { executable: "known" });
      expect(yield* failureOf(mgr.run([]))).toMatch(/Arguments list is empty/);
    }));

  it("MK-06 a script goes call by call; all arguments go before the program alone", () =>
    void managed(function* (mgr) {
      mgr.on("git", { stdout: "whatever" });
      mgr
        .on(["git", "pull"], { stdout: "done" })
        .seq([
          { return: { status: 1 } },
          { raise: new IoError({ area: "Process", kind: "Permission_denied", executable: "git" }) },
          { yieldThen: { return: { status: { signaled: "SIGSEGV" } } } },
        ]);
      const outputs: string[] = [];
      for (const args of [
        ["git", "pull"],
        ["git", "pull"],
        ["git", "pull"],
        ["git", "pull"],
        ["git", "push"],
      ])
        outputs.push(yield* gives(mgr.parseOut((reader) => reader.takeAll(), args)));
      expect(outputs).toEqual([
        "IoError: Process Child_error Exited (code 1), running command: git pull",
        'IoError: Process Permission_denied "git", running command: git pull',
        "IoError: Process Child_error Exited (signal SIGSEGV), running command: git pull",
        "done",
        "whatever",
      ]);
    }));

  it("what is written to it is checked, and a difference fails the switch", () =>
    void managed(function* (mgr) {
      mgr.on("wc", { stdin: "expected" });
      const thrown = yield* gives(mgr.run(["wc", "-l"], { stdin: Flow.stringSource("given") }));
      expect(thrown).toBe('Failure: proc: the standard input of wc -l is "given", not "expected"');
    }));

  it("PS-02 PS-03 PS-20 what still runs when its switch ends is killed; signals are heard or end it", () => {
    let forgotten: Child | undefined;
    const lines = tracedBy(function* ({ clock }) {
      const mgr = new MockProcessManager("proc");
      mgr.on("sleep", () => Fiber.awaitCancel());
      mgr.on("server", function* ({ signals, args }: MockProcess) {
        expect(args).toEqual(["-p", "80"]);
        yield* signals.next("SIGTERM");
        return 5;
      });
      yield* Switch.run(function* (sw) {
        const sleeper = yield* mgr.spawn(["sleep", "9"], { sw });
        yield* Fiber.first<unknown, void>(
          () => sleeper.await(),
          () => clock.sleep(1),
        );
        sleeper.signal(0);
        sleeper.signal("SIGWINCH");
        sleeper.signal(15);
        sleeper.signal("SIGTERM");
        expect(yield* sleeper.await()).toEqual({ signaled: "SIGTERM" });
        sleeper.signal("SIGKILL");
        expect(() => sleeper.signal(99)).not.toThrow();
        const server = yield* mgr.spawn(["server", "-p", "80"], { sw });
        yield* clock.sleep(1);
        expect(() => server.signal(99)).toThrow(TypeError);
        server.signal("SIGTERM");
        expect(yield* server.await()).toEqual({ exited: 5 });
        forgotten = yield* mgr.spawn(["sleep", "1000"], { sw });
      });
      expect(yield* forgotten!.await()).toEqual({ signaled: "SIGKILL" });
    });
    expect(lines).toEqual([
      "proc: spawn sleep 9",
      "proc: sleep 9: SIGWINCH",
      "proc: sleep 9: SIGTERM",
      "proc: sleep 9: Exited (signal SIGTERM)",
      "proc: spawn server -p 80",
      "proc: server -p 80: SIGTERM",
      "proc: server -p 80: Exited (code 5)",
      "proc: spawn sleep 1000",
      "proc: sleep 1000: SIGKILL",
      "proc: sleep 1000: Exited (signal SIGKILL)",
    ]);
  });

  it("PS-02 a cancelled switch leaves it alone until those who clean up are done", () => {
    const lines = tracedBy(function* ({ clock }) {
      const mgr = new MockProcessManager("proc");
      mgr.on("server", function* ({ signals }) {
        yield* signals.next("SIGTERM");
        yield* clock.sleep(2);
      });
      yield* Fiber.first<void, void>(
        () =>
          Switch.run(function* (sw) {
            const server = yield* mgr.spawn(["server"], { sw });
            try {
              yield* server.await();
            } finally {
              yield* Cancel.protect(function* () {
                server.signal("SIGTERM");
                expect(yield* server.await()).toEqual({ exited: 0 });
              });
            }
          }),
        () => clock.sleep(1),
      );
      expect(clock.now()).toBe(3);
    });
    expect(lines).toEqual(["proc: spawn server", "proc: server: SIGTERM", "proc: server: Exited (code 0)"]);
  });

  it("PS-05 PS-07 PS-24 pipes between commands; a reader sees the end", () =>
    void managed(function* (mgr) {
      mgr.on("yes", function* ({ stdout }) {
        for (;;) yield* Flow.copyString("yes\n", stdout);
      });
      mgr.on("head", function* ({ stdin, stdout }) {
        const buffer = new Uint8Array(4);
        yield* Flow.readExact(stdin, buffer);
        yield* Flow.write(stdout, [buffer]);
      });
      const output = Flow.bufferSink();
      yield* Switch.run(function* (sw) {
        const [source, sink] = yield* mgr.pipe({ sw });
        const yes = yield* mgr.spawn(["yes"], { sw, stdout: sink });
        yield* sink.close();
        const head = yield* mgr.spawn(["head"], { sw, stdin: source, stdout: output });
        yield* source.close();
        expect(yield* head.await()).toEqual({ exited: 0 });
        // Nobody reads any more.
        expect(yield* yes.await()).toEqual({ signaled: "SIGPIPE" });
      });
      expect(output.text).toBe("yes\n");
    }));

  it("a command that does not read all it is offered is no failure; one that fails to be offered it is", () =>
    void managed(function* (mgr) {
      mgr.on("true", {});
      yield* mgr.run(["true"], { stdin: Flow.stringSource("x".repeat(200_000)) });
      const broken = new MockFlow("broken");
      broken.onRead.seq([{ raise: new Error("the source is broken") }]);
      mgr.on("cat", { stdin: "" });
      expect(yield* gives(mgr.run(["cat"], { stdin: broken }))).toBe("Error: the source is broken");
    }));

  it("PS-11 a parser that fails has the command killed", () => {
    const lines = managed(function* (mgr) {
      mgr.on("chat", function* ({ stdout }) {
        yield* Flow.copyString("no number\n", stdout);
        yield* Fiber.awaitCancel();
      });
      expect(yield* gives(mgr.parseOut((reader) => reader.char("7"), ["chat"]))).toMatch(/^Failure/);
    });
    expect(lines).toEqual(["proc: spawn chat", "proc: chat: SIGKILL", "proc: chat: Exited (signal SIGKILL)"]);
  });

  it("PS-18 the directory is a capability, and has to be one", () => {
    const lines = tracedBy(function* ({ processMgr, files, cwd }) {
      files.seed({ srv: { file: "" } });
      processMgr.on("pwd", function* ({ directory, stdout }) {
        yield* Flow.copyString(String(directory), stdout);
      });
      const output = Flow.bufferSink();
      yield* processMgr.run(["pwd"], { cwd: cwd.join("srv"), stdout: output });
      expect(output.text).toBe("./srv");
      const where = (path: string) => failureOf(processMgr.run(["pwd"], { cwd: cwd.join(path) }));
      expect(yield* where("missing")).toMatch(/^IoError: Fs Not_found .*, running command: pwd$/);
      expect(yield* where("../srv")).toMatch(/^IoError: Fs Permission_denied .*, running command: pwd$/);
      expect(yield* where("srv/file")).toMatch(/^IoError: ENOTDIR: .*, running command: pwd$/);
    });
    expect(lines.slice(0, 3)).toEqual([
      "proc: spawn pwd in ./srv",
      "proc: pwd: Exited (code 0)",
      "proc: spawn pwd in ./missing",
    ]);
  });

  it("PS-04 PS-17 streams and variables are those of the program, unless others are given", () =>
    void tracedBy(function* () {
      const env = mockEnv({ stdin: "ours", vars: { HOME: "/home" } });
      env.processMgr.on("env", function* ({ vars, stdin, stdout, stderr }) {
        yield* Flow.copyString(line(JSON.stringify(vars)), stdout);
        yield* Flow.copyString(yield* Flow.readAll(stdin), stderr);
      });
      yield* env.processMgr.run(["env"]);
      yield* env.processMgr.run(["env"], { env: { PATH: "/bin" } });
      expect(env.stdout.text).toBe('{"HOME":"/home"}\n{"PATH":"/bin"}\n');
      expect(env.stderr.text).toBe("ours");
    }));

  it("PS-19 in a cancelled context nothing is started", () => {
    const lines = tracedBy(function* () {
      const mgr = new MockProcessManager("proc");
      mgr.on("true", {});
      yield* gives(
        Cancel.sub(function* (context) {
          context.cancel("enough");
          yield* mgr.run(["true"]);
        }),
      );
    });
    expect(lines).toEqual([]);
  });

  it.each([
    [() => new MockProcessManager(1 as never), /"label" must be a string/],
    [() => new MockProcessManager().on(1 as never), /"command" must be a string or an array of strings/],
    [() => new MockProcessManager().on("ls", { out: "" } as never), /"program" must be a fiber function, or an object/],
    [() => new MockProcessManager().on("ls", "text" as never), /"program" must be a fiber function, or an object/],
  ])("wrong arguments: %s", (body, message) => expect(String(thrownBy(body))).toMatch(message));
});

/** What it gives, or what it throws. */
function* gives(op: Op<unknown>): Op<string> {
  try {
    return String(yield* op);
  } catch (error) {
    return String(error);
  }
}

describe("MockSignals", () => {
  it("SG-01 SG-03 SG-04 handlers are called at once, until they are taken off; those who wait are woken", () => {
    const lines = tracedBy(function* ({ signals }) {
      const heard: string[] = [];
      yield* Switch.run(function* (sw) {
        const stop = signals.listen(sw, "SIGHUP", () => heard.push("first"));
        signals.listen(sw, "SIGHUP", () => heard.push("second"));
        signals.raise("SIGHUP");
        stop();
        signals.raise("SIGHUP");
        expect(heard).toEqual(["first", "second", "second"]);
        yield* Fiber.all([
          () => signals.next("SIGTERM"),
          () => signals.next("SIGTERM"),
          function* () {
            signals.raise("SIGTERM");
          },
        ]);
        yield* Fiber.first(
          () => signals.next("SIGTERM"),
          () => Fiber.yield(),
        );
        expect([signals.isHeard("SIGTERM"), signals.isHeard("SIGHUP")]).toEqual([false, true]);
      });
      expect(signals.isHeard("SIGHUP")).toBe(false);
      expect(thrownBy(() => signals.raise("SIGHUP"))).toBeInstanceOf(Failure);
    });
    expect(lines).toEqual(["signals: SIGHUP", "signals: SIGHUP", "signals: SIGTERM"]);
  });

  it("a wait for a signal that nobody sends is a dead-lock that says so", () => {
    const thrown = thrownBy(() => run(({ signals }) => signals.next("SIGUSR1")));
    expect(thrown).toBeInstanceOf(DeadlockDetected);
    expect(String(thrown)).toContain("signal SIGUSR1");
  });

  it.each([
    [(s: MockSignals) => s.raise("TERM" as never), /"signal" must be the name of a signal/],
    [(s: MockSignals) => s.next(15 as never), /"signal" must be the name of a signal/],
    [(s: MockSignals) => s.listen(undefined as never, "SIGHUP", () => {}), /"sw" must be a Switch/],
    [() => new MockSignals(1 as never), /"label" must be a string/],
  ])("wrong arguments: %s", (body, message) =>
    expect(String(thrownBy(() => body(new MockSignals())))).toMatch(message),
  );
});

describe("MockRandom", () => {
  const bytesOf = (seed: number, sizes: readonly number[]) =>
    run(function* () {
      const source = new MockRandom(seed);
      const all: number[] = [];
      for (const size of sizes) {
        const buffer = new Uint8Array(size);
        expect(yield* source.read(buffer)).toBe(size);
        all.push(...buffer);
      }
      return all;
    });

  it("the same bytes for the same seed, however they are read; others for another", () => {
    expect(bytesOf(1, [1, 7, 2])).toEqual(bytesOf(1, [10]));
    expect(bytesOf(1, [10])).not.toEqual(bytesOf(2, [10]));
    expect(new Set(bytesOf(0, [4096])).size).toBe(256);
    expect(thrownBy(() => new MockRandom(0.5))).toBeInstanceOf(TypeError);
  });
});

describe("the environment", () => {
  /** Written for a system. */
  function* main(env: SystemEnv): Op<bigint> {
    const { args, vars, cwd, fs, stdin, stdout, stderr, secureRandom, clock, processMgr } = env;
    const name = args[0] ?? "none";
    yield* cwd.join(name).save(yield* Flow.readAll(stdin), { create: { exclusive: 0o600 } });
    yield* clock.sleep(60);
    const found = (yield* fs.join(`/home/${name}`).load()).length;
    yield* Flow.copyString(`${vars["GREETING"]} ${found}\n`, stdout);
    yield* Flow.copyString(line(String(yield* Flow.readExact(secureRandom, new Uint8Array(2)))), stderr);
    yield* processMgr.run(["sync"]);
    return env.monoClock.now();
  }

  it("EN-01 EN-02 MK-03 MK-04 is whole: a program for a system runs in it unchanged", () => {
    const lines: string[] = [];
    const time = run(
      function* (env) {
        env.processMgr.on("sync", {});
        const ended = yield* main(env);
        expect(env.files.tree()).toEqual({ home: { notes: "some text" } });
        expect([env.stdout.text, env.stderr.text, env.backendId]).toEqual(["hello 9\n", "undefined\n", "mock"]);
        return ended;
      },
      {
        args: ["notes"],
        vars: { GREETING: "hello" },
        stdin: "some text",
        cwd: "/home",
        trace: true,
        traceln: (text) => void lines.push(text),
      },
    );
    expect(time).toBe(60_000_000_000n);
    expect(lines).toEqual([
      "fs: open /home/notes",
      "fs: write /home/notes (9 bytes)",
      "fs: close /home/notes",
      "fs: open /home/notes",
      "fs: stat /home/notes",
      "fs: read /home/notes",
      "fs: read /home/notes",
      "fs: close /home/notes",
      'stdout: wrote "hello 9\\n"',
      'stderr: wrote "undefined\\n"',
      "proc: spawn sync",
      "proc: sync: Exited (code 0)",
    ]);
  });

  it("has files, a clock and sources of one's own, if they are given", () =>
    run(function* (outer) {
      const files = new MockFs({ srv: { a: "x" } }, { cwd: "/srv", clock: outer.clock });
      const env = mockEnv({ files, clock: outer.clock, stdin: Flow.stringSource("in"), seed: 3 });
      expect([env.files, env.clock]).toEqual([files, outer.clock]);
      expect([yield* env.cwd.join("a").load(), yield* Flow.readAll(env.stdin)]).toEqual(["x", "in"]);
      expect(overrideEnv(env, { args: ["b"] }).args).toEqual(["b"]);
      yield* outer.clock.sleep(2);
      yield* env.cwd.join("b").save("", { create: { exclusive: 0o600 } });
      expect((yield* env.cwd.join("b").stat({ follow: true })).mtime.getTime()).toBe(2000);
    }));

  it("DM-01 jobs of modules are given it, too", () => {
    const modules = {
      "jobs.js": {
        *load({ cwd }: SystemEnv, name: string): Op<string> {
          return yield* cwd.join(name).load();
        },
      },
    };
    const value = run(
      ({ domainMgr }) =>
        Switch.run(function* (sw) {
          const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 2 });
          return yield* pool.submitOrThrow<string>({ module: "jobs.js", name: "load", args: ["a"] });
        }),
      { modules, files: { a: "text of a" } },
    );
    expect(value).toBe("text of a");
  });

  it.each([
    [{ args: "x" }, /mock\.run: "options.args" must be an array of strings/],
    [{ vars: null }, /mock\.run: "options.vars" must be an object/],
    [{ stdin: 1 }, /mock\.run: .*must be a source/],
    [{ trace: "yes" }, /mock\.run: "options.trace" must be a boolean/],
    [{ files: 1 }, /"tree" must be an object/],
    [{ seed: "a" }, /"seed" must be a whole number/],
  ])("wrong arguments: %j", (options, message) =>
    expect(
      String(
        thrownBy(() =>
          run(function* () {
            yield* Fiber.yield();
          }, options as never),
        ),
      ),
    ).toMatch(message),
  );
});
