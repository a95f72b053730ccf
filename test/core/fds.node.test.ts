// Node only: descriptors by their numbers, ours and those of processes.

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Fiber, Flow, IpAddress, Switch, type Child, type Op, type ProcessManager, type StreamSocket } from "trestle";
import { MockFlow, MockNet } from "trestle/mock";
import {
  fdOf,
  openPty,
  receiveDescriptors,
  run,
  sendDescriptors,
  spawnUnix,
  type NodeEnv,
  type SpawnUnixOptions,
} from "trestle/node";
import { failureOf } from "./transcript.js";

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "trestle-fds-")));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const isLinux = process.platform === "linux";
const isRoot = process.getuid?.() === 0;
const create = { create: { orTruncate: 0o600 } } as const;
const free = { type: "tcp", ip: IpAddress.v4.loopback, port: 0 } as const;

let names = 0;
const fresh = () => join(folder, `f${names++}`);

const inSwitch = (body: (sw: Switch, env: NodeEnv) => Op<unknown>) => run((env) => Switch.run((sw) => body(sw, env)));

/** What a descriptor of ours leads to. */
const targetOf = (fd: number) => fs.readlinkSync(`/proc/self/fd/${fd}`);
const isOpen = (fd: number): boolean => {
  try {
    fs.fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

/** Both ends of a connection. */
function* connection({ net }: NodeEnv, sw: Switch): Op<[client: StreamSocket, accepted: StreamSocket]> {
  const server = yield* net.listen(free, { sw });
  const [client, [accepted]] = yield* Fiber.pair(
    () => net.connect(server.address, { sw }),
    () => server.accept({ sw }),
  );
  yield* server.close();
  return [client, accepted];
}

/** The descriptors of a process that is started so, by their numbers, and where they lead to. */
function* tableOf(mgr: ProcessManager, options: Omit<SpawnUnixOptions, "sw">): Op<Record<number, string>> {
  const stdout = Flow.bufferSink();
  yield* Switch.run(function* (sw) {
    const child = yield* spawnUnix(mgr, ["ls", "-l", "/proc/self/fd"], { stdout, ...options, sw });
    expect(yield* child.await()).toEqual({ exited: 0 });
  });
  const table: Record<number, string> = {};
  for (const [, fd, target] of stdout.text.matchAll(/ (\d+) -> (.*)$/gm)) {
    // The directory that it looks at is not one of them.
    if (!/^\/proc\/\d+\/fd$/.test(target!)) table[Number(fd)] = target!;
  }
  return table;
}

describe("fdOf", () => {
  it.runIf(isLinux)("UX-06 what is of the system has a number, as long as it is open", () =>
    inSwitch(function* (sw, env) {
      const { fs: files, net, stdin, stdout, stderr, descriptors } = env;
      expect([stdin, stdout, stderr].map(fdOf)).toEqual([0, 1, 2]);
      const path = fresh();
      const file = yield* files.join(path).openOut({ ...create, sw });
      expect(targetOf(fdOf(file)!)).toBe(path);
      execFileSync("mkfifo", [`${path}-fifo`]);
      const fifo = yield* files.join(`${path}-fifo`).openIn({ sw });
      expect(targetOf(fdOf(fifo)!)).toBe(`${path}-fifo`);
      const [client] = yield* connection(env, sw);
      const server = yield* net.listen({ type: "unix", path: `${path}-socket` }, { sw });
      const datagrams = yield* net.datagramSocket("udp4", { sw });
      const sockets = [client, server, datagrams];
      for (const socket of sockets) expect(targetOf(fdOf(socket)!)).toMatch(/^socket:/);
      expect(new Set(sockets.map((socket) => targetOf(fdOf(socket)!))).size).toBe(3);
      yield* client.destroy();
      yield* server.close();
      yield* datagrams.close();
      yield* file.close();
      yield* fifo.close();
      expect([...sockets, file, fifo].map(fdOf)).toEqual([undefined, undefined, undefined, undefined, undefined]);
      expect(fdOf(descriptors)).toBe(undefined);
    }),
  );

  it("UX-06 what is not of the system has none", () =>
    inSwitch(function* (sw, { processMgr }) {
      const [source, sink] = yield* processMgr.pipe({ sw });
      const others = [Flow.stringSource("x"), Flow.bufferSink(), new MockFlow("a"), new MockNet("net"), source, sink];
      expect(others.map(fdOf)).toEqual(others.map(() => undefined));
      expect(() => fdOf(3 as never)).toThrow(/^fdOf: "resource" must be a flow, a file or a socket, got/);
    }));
});

describe.skipIf(process.platform === "win32")("spawnUnix", () => {
  it.runIf(isLinux)("PS-23 PT-12 any plan: the process has what it was given, by these numbers, and nothing else", () =>
    inSwitch(function* (sw, { fs: files, processMgr }) {
      const opened = yield* Fiber.map([...Array(6).keys()], () => files.join(fresh()).openOut({ ...create, sw }));
      // What whoever started us has left open, too.
      const before = yield* tableOf(processMgr, {});
      // Numbers that our own descriptors have, too: plans that exchange them, or leave them as they are.
      const ours = opened.map((file) => fdOf(file)!);
      const number = fc.oneof(fc.integer({ min: 3, max: 12 }), fc.constantFrom(...ours), fc.nat(60));
      const pair = fc.tuple(number, fc.nat(opened.length - 1));
      const plans = fc.sample(fc.uniqueArray(pair, { maxLength: 8, selector: ([fd]) => fd }), 100);
      plans.push(
        ours.map((fd, i) => [fd, i]),
        ours.map((fd, i) => [fd, (i + 1) % ours.length]),
        ours.map((fd, i) => [fd, ours.length - 1 - i]),
      );
      for (const plan of plans) {
        const numbers = plan.map(([fd]) => fd);
        // Standard output is what the process says it by.
        const mapping = plan.filter(([fd]) => fd !== 1).map(([fd, i]) => [fd, opened[i]!] as const);
        const expected = { ...before };
        for (const [fd, file] of mapping) expected[fd] = targetOf(fdOf(file)!);
        const table = yield* tableOf(processMgr, { fds: mapping });
        // Its standard output is a pipe of its own.
        expect({ ...table, 1: "" }, String(numbers)).toEqual({ ...expected, 1: "" });
      }
    }),
  );

  it("PS-23 PT-12 a number that is assigned twice is refused, also by a standard stream", () =>
    inSwitch(function* (sw, { processMgr, stdin, stderr }) {
      const pairs = fc.array(fc.tuple(fc.nat(9), fc.constant(stderr)), { minLength: 1, maxLength: 6 });
      for (const fds of fc.sample(pairs, 50)) {
        const numbers = fds.map(([fd]) => fd);
        const twice = numbers.find((fd, i) => numbers.indexOf(fd) < i);
        if (twice === undefined) fds.push([numbers[0]!, stdin as never]);
        expect(yield* failureOf(spawnUnix(processMgr, ["false"], { sw, fds }))).toBe(
          `InvalidArgument: FD ${twice ?? numbers[0]} assigned twice!`,
        );
      }
      for (const [i, name] of (["stdin", "stdout", "stderr"] as const).entries()) {
        const options = { sw, fds: [[i, stdin]], [name]: name === "stdin" ? stdin : stderr } as SpawnUnixOptions;
        expect(yield* failureOf(spawnUnix(processMgr, ["false"], options))).toBe(
          `InvalidArgument: FD ${i} assigned twice!`,
        );
      }
    }));

  it("PS-23 PS-05 files are read on from where they are; what is copied otherwise, is; ours stays open", () =>
    inSwitch(function* (sw, { fs: files, processMgr }) {
      const file = yield* files.join(fresh()).openOut({ ...create, sw });
      yield* Flow.copyString("one two three", file);
      yield* file.seek(4, "set");
      const stdout = Flow.bufferSink();
      yield* Switch.run(function* (inner) {
        const stdin = Flow.stringSource("input");
        const command = ["sh", "-c", "cat <&7; echo; cat"];
        yield* (yield* spawnUnix(processMgr, command, { sw: inner, stdin, stdout, fds: [[7, file]] })).await();
      });
      expect(stdout.text).toBe("two three\ninput");
      expect((yield* file.stat()).size).toBe(13);
    }));

  it("PS-23 what is closed, or has no descriptor, is not handed over, and nothing is started", () =>
    inSwitch(function* (sw, env) {
      const [client] = yield* connection(env, sw);
      yield* client.destroy();
      for (const resource of [client, Flow.bufferSink(), new MockFlow("flow")])
        expect(yield* failureOf(spawnUnix(env.processMgr, ["true"], { sw, fds: [[3, resource]] }))).toBe(
          "InvalidArgument: FD 3: what has no descriptor, or is closed, cannot be handed over",
        );
    }));

  it.runIf(isRoot)("PS-25 runs as another user and group", () =>
    inSwitch(function* (_, { processMgr }) {
      const stdout = Flow.bufferSink();
      yield* Switch.run(function* (sw) {
        const child = yield* spawnUnix(processMgr, ["sh", "-c", "id -u; id -g"], { sw, stdout, uid: 4711, gid: 4712 });
        yield* child.await();
      });
      expect(stdout.text).toBe("4711\n4712\n");
    }),
  );

  it.skipIf(isRoot)("PS-25 a user that we may not become is an error", () =>
    inSwitch(function* (sw, { processMgr }) {
      expect(yield* failureOf(spawnUnix(processMgr, ["true"], { sw, uid: 0 }))).toMatch(/starting command: true$/);
    }),
  );

  it.runIf(isLinux)("PS-25 a process group of its own", () =>
    inSwitch(function* (_, { processMgr }) {
      const stdout = Flow.bufferSink();
      const group = 'echo $$; cut -d " " -f 5 /proc/$$/stat';
      for (const options of [{}, { pgid: 0 }])
        yield* Switch.run(function* (sw) {
          yield* (yield* spawnUnix(processMgr, ["sh", "-c", group], { sw, stdout, ...options })).await();
        });
      const [pid, theirs, leader, own] = stdout.text.split("\n");
      expect(theirs).not.toBe(pid);
      expect(own).toBe(leader);
    }),
  );

  it("PS-25 other groups, terminals, and ids that there cannot be", () =>
    inSwitch(function* (sw, { processMgr, stdin }) {
      const notAvailable = "IoError: Not_available, starting command: true";
      const cases: [object, string | RegExp][] = [
        [{ pgid: 1 }, notAvailable],
        [{ loginTty: stdin }, notAvailable],
        [{ uid: -1 }, "InvalidArgument: spawnUnix: uid -1 is out of range"],
        [{ gid: 2 ** 31 }, "InvalidArgument: spawnUnix: gid 2147483648 is out of range"],
        [{ uid: 1.5 }, "InvalidArgument: spawnUnix: uid 1.5 is out of range"],
        [{ gid: "root" }, /^TypeError: spawnUnix: "options.gid" must be a number, got the string/],
        [{ fds: [[-1, stdin]] }, "RangeError: spawnUnix: the numbers of descriptors are between 0 and 1023, not -1"],
        [{ fds: [[2.5, stdin]] }, /^RangeError/],
        [{ fds: [[1024, stdin]] }, /^RangeError/],
        [{ fds: [["3", stdin]] }, /^TypeError: spawnUnix: "options.fds" must be pairs that begin with a number, got/],
        [{ fds: [[3, 4]] }, /^TypeError: spawnUnix: "options.fds" must be files, flows or sockets behind the numbers/],
        [{ fds: [3] }, /^TypeError: spawnUnix: "options.fds" must be an array of pairs/],
        [{ fds: stdin }, /^TypeError: spawnUnix: "options.fds" must be an array of pairs/],
      ];
      for (const [options, message] of cases) {
        const failure = yield* failureOf(spawnUnix(processMgr, ["true"], { sw, ...options }));
        expect(failure).toMatch(message);
        if (typeof message === "string") expect(failure).toBe(message);
      }
      expect(yield* failureOf(spawnUnix({} as never, ["true"], { sw }))).toMatch(
        /"processMgr" must be a ProcessManager/,
      );
    }));
});

describe.skipIf(process.platform === "win32")("descriptors that are open already", () => {
  /** A program in a process of its own, that is given descriptors from 3 on. */
  function* started(
    env: NodeEnv,
    sw: Switch,
    resources: object[],
    body: string,
  ): Op<{ child: Child; said: () => string }> {
    // Where the packages are found.
    const program = join(import.meta.dirname, "..", `fds-${process.pid}-${names++}.mjs`);
    fs.writeFileSync(
      program,
      `import { BufRead, Fiber, Flow, Switch } from "trestle";
      import { fdOf, run } from "trestle/node";
      await run((env) => Switch.run(function* (sw) {
        const { descriptors, stdout } = env;
        ${body}
      }));`,
    );
    sw.addHook(function* () {
      fs.rmSync(program);
    });
    const output = Flow.bufferSink();
    const child = yield* spawnUnix(env.processMgr, [process.execPath, program], {
      sw,
      stdout: output,
      stderr: output,
      fds: resources.map((resource, i) => [3 + i, resource]),
    });
    return { child, said: () => output.text };
  }

  it("UX-08 a listening socket that the parent has opened", () =>
    inSwitch(function* (sw, env) {
      const tcp = yield* env.net.listen(free, { sw });
      const path = fresh();
      const unix = yield* env.net.listen({ type: "unix", path }, { sw });
      const { child, said } = yield* started(
        env,
        sw,
        [tcp, unix],
        `const onError = (error) => console.log(error);
        const hello = function* (client) {
          const line = yield* new BufRead(client, { maxSize: 100 }).line();
          yield* Flow.copyString("hello " + line, client);
        };
        for (const fd of [3, 4]) yield* Switch.run(function* (inner) {
          const server = yield* descriptors.listening(fd, { sw: inner });
          console.log(server.address.type, server.address.port, fdOf(server) === fd);
          yield* server.acceptFork({ sw: inner, onError }, hello);
        });`,
      );
      // Who connects from here on is theirs, for nobody else accepts.
      yield* tcp.close();
      const answers: string[] = [];
      for (const address of [tcp.address, unix.address]) {
        if (address.type === "unix") {
          // Closing it would remove its file.
          fs.linkSync(path, `${path}-kept`);
          yield* unix.close();
          fs.renameSync(`${path}-kept`, path);
        }
        const client = yield* env.net.connect(address, { sw });
        yield* Flow.copyString("world\n", client);
        answers.push(yield* Flow.readAll(client));
      }
      expect(answers).toEqual(["hello world", "hello world"]);
      expect(yield* child.await(), said()).toEqual({ exited: 0 });
      const port = tcp.address.type === "tcp" ? tcp.address.port : 0;
      expect(said()).toBe(`tcp ${port} true\nunix undefined true\n`);
      // It was not theirs to remove.
      expect(fs.existsSync(path)).toBe(true);
    }));

  it("UX-08 UX-05 a connection, a pipe, a file and a socket for datagrams", () =>
    inSwitch(function* (sw, env) {
      const [client, accepted] = yield* connection(env, sw);
      const fifoName = fresh();
      execFileSync("mkfifo", [fifoName]);
      const reader = yield* env.fs.join(fifoName).openIn({ sw });
      const writer = yield* env.fs.join(fifoName).openOut({ create: "never", sw });
      const file = yield* env.fs.join(fresh()).openOut({ ...create, append: true, sw });
      yield* Flow.copyString("before ", file);
      const datagrams = yield* env.net.datagramSocket({ type: "udp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
      const { child, said } = yield* started(
        env,
        sw,
        [accepted, reader, writer, file, datagrams],
        `const connection = yield* descriptors.stream(3, { sw });
        const reader = yield* descriptors.file(4, { sw });
        const writer = yield* descriptors.file(5, { sw });
        const file = yield* descriptors.file(6, { sw });
        const datagrams = yield* descriptors.datagrams(7, { sw, type: "udp4" });
        console.log([connection, reader, writer, file, datagrams].map(fdOf).join(" "));
        yield* Flow.copyString("through a pipe", writer);
        yield* writer.close();
        const text = yield* Flow.readAll(reader);
        yield* file.seek(0, "set");
        yield* Flow.copyString("after " + text, file);
        const buffer = new Uint8Array(100);
        const { from, length } = yield* datagrams.receive(buffer);
        yield* datagrams.send([buffer.subarray(0, length)], { to: from });
        yield* Flow.copy(connection, connection);`,
      );
      yield* accepted.destroy();
      yield* reader.close();
      yield* writer.close();
      const { address } = datagrams;
      yield* datagrams.close();
      const ours = yield* env.net.datagramSocket({ type: "udp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
      yield* ours.send([new TextEncoder().encode("ping")], { to: address });
      const buffer = new Uint8Array(10);
      const { length } = yield* ours.receive(buffer);
      expect(new TextDecoder().decode(buffer.subarray(0, length))).toBe("ping");
      yield* Flow.copyString("echo", client);
      yield* client.shutdown("send");
      expect(yield* Flow.readAll(client)).toBe("echo");
      expect(yield* child.await(), said()).toEqual({ exited: 0 });
      expect(said()).toBe("3 4 5 6 7\n");
      yield* file.seek(0, "set");
      expect(yield* Flow.readAll(file)).toBe("before after through a pipe");
    }));

  it("UX-08 a socket for datagrams of the other kind of address", () =>
    inSwitch(function* (sw, env) {
      const datagrams = yield* env.net.datagramSocket("udp4", { sw });
      const { child, said } = yield* started(
        env,
        sw,
        [datagrams],
        `try {
          yield* descriptors.datagrams(3, { sw, type: "udp6" });
        } catch (error) {
          console.log(String(error));
        }`,
      );
      expect(yield* child.await(), said()).toEqual({ exited: 0 });
      expect(said()).toBe("InvalidArgument: Descriptors.datagrams: descriptor 3 is not for udp6\n");
    }));

  it("UX-05 with `close: false`, closing leaves the descriptor open; otherwise it does not", () =>
    inSwitch(function* (sw, { descriptors }) {
      const fd = fs.openSync(fresh(), "w+");
      fs.writeSync(fd, "12345");
      const lent = yield* descriptors.file(fd, { sw, close: false });
      yield* Flow.copyString("6789", lent);
      yield* lent.close();
      expect(yield* failureOf(lent.stat())).toMatch(/used after calling close!$/);
      yield* Switch.run((inner) => descriptors.file(fd, { sw: inner, close: false }));
      expect(isOpen(fd)).toBe(true);
      const buffer = Buffer.alloc(20);
      expect(buffer.toString("utf8", 0, fs.readSync(fd, buffer, 0, 20, 0))).toBe("123456789");
      yield* Switch.run((inner) => descriptors.file(fd, { sw: inner }));
      expect(isOpen(fd)).toBe(false);
    }));

  it("UX-08 which end of a pipe it is, and where a file is written, the system knows", () =>
    inSwitch(function* (sw, { descriptors }) {
      const name = fresh();
      execFileSync("mkfifo", [name]);
      const reader = yield* descriptors.file(fs.openSync(name, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK), {
        sw,
      });
      const writer = yield* descriptors.file(fs.openSync(name, "w"), { sw });
      yield* Flow.copyString("through", writer);
      yield* writer.close();
      expect(yield* Flow.readAll(reader)).toBe("through");
      const log = yield* descriptors.file(fs.openSync(fresh(), "a+"), { sw });
      yield* Flow.copyString("12345", log);
      yield* log.seek(1, "set");
      yield* Flow.copyString("678", log);
      if (isLinux) expect(yield* log.seek(0, "cur")).toBe(8);
    }));

  it("UX-11 what comes too late for its switch is left alone", () =>
    inSwitch(function* (_, { descriptors }) {
      const ended = yield* Switch.run(function* (sw) {
        return sw;
      });
      const fd = fs.openSync(fresh(), "w");
      for (const op of [descriptors.file(fd, { sw: ended }), descriptors.stream(fd, { sw: ended })])
        expect(yield* failureOf(op)).toMatch(/^SwitchFinishedError/);
      expect(isOpen(fd)).toBe(true);
      fs.closeSync(fd);
    }));

  it("UX-08 what is of another kind is refused, and stays open", () =>
    inSwitch(function* (sw, env) {
      const { descriptors, net } = env;
      const name = fresh();
      execFileSync("mkfifo", [`${name}-fifo`]);
      const file = fs.openSync(name, "w");
      const fifo = fs.openSync(`${name}-fifo`, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
      const directory = fs.openSync(folder, "r");
      const datagrams = fdOf(yield* net.datagramSocket("udp4", { sw }))!;
      const tcp = fdOf((yield* connection(env, sw))[0])!;
      const cases: [Op<unknown>, string | RegExp][] = [
        [descriptors.file(datagrams, { sw }), `InvalidArgument: Descriptors.file: descriptor ${datagrams} is a socket`],
        [
          descriptors.file(directory, { sw }),
          `InvalidArgument: Descriptors.file: descriptor ${directory} is a directory`,
        ],
        [
          descriptors.file(fifo, { sw, close: false }),
          `InvalidArgument: Descriptors.file: descriptor ${fifo} is a pipe, which cannot be left open`,
        ],
        [
          descriptors.stream(file, { sw }),
          `InvalidArgument: Descriptors.stream: descriptor ${file} is no such socket: it is a regular file`,
        ],
        [
          descriptors.listening(fifo, { sw }),
          `InvalidArgument: Descriptors.listening: descriptor ${fifo} is no such socket: it is a pipe`,
        ],
        [
          descriptors.stream(datagrams, { sw }),
          `InvalidArgument: Descriptors.stream: descriptor ${datagrams} is no such socket`,
        ],
        [
          descriptors.datagrams(tcp, { sw, type: "udp4" }),
          `InvalidArgument: Descriptors.datagrams: descriptor ${tcp} is no such socket`,
        ],
        [descriptors.listening(datagrams, { sw }), /^IoError: .*, listening on descriptor \d+$/],
        [descriptors.file(987654, { sw }), /^IoError: .*EBADF.*, examining descriptor 987654$/],
        [
          descriptors.file(-1, { sw }),
          /^RangeError: Descriptors.file: "fd" must be a whole number of at least 0, not -1/,
        ],
        [descriptors.stream(2 ** 31, { sw }), /^RangeError/],
        [descriptors.stream("3" as never, { sw }), /^TypeError: Descriptors.stream: "fd" must be a number/],
        [descriptors.file(file, {} as never), /^TypeError: Descriptors.file: "options.sw" must be a Switch/],
        [descriptors.file(file, undefined as never), /^TypeError: Descriptors.file/],
        [
          descriptors.file(file, { sw, close: 1 as never }),
          /^TypeError: Descriptors.file: "options.close" must be a bool/,
        ],
        [descriptors.datagrams(3, { sw } as never), /"options.type" must be "udp4" or "udp6"/],
      ];
      for (const [op, message] of cases) {
        const failure = yield* failureOf(op);
        expect(failure).toMatch(message);
      }
      for (const fd of [file, fifo, directory]) {
        expect(isOpen(fd)).toBe(true);
        fs.closeSync(fd);
      }
      expect([datagrams, tcp].map(isOpen)).toEqual([true, true]);
    }));
});

it("UX-09 UX-10 what takes native code says that it is not there", () =>
  inSwitch(function* (sw, env) {
    const [client] = yield* connection(env, sw);
    expect(yield* failureOf(sendDescriptors(client, [], { fds: [client] }))).toBe(
      "IoError: Not_available, sending descriptors",
    );
    expect(yield* failureOf(receiveDescriptors(client, new Uint8Array(1), { sw, maxFds: 1 }))).toBe(
      "IoError: Not_available, receiving descriptors",
    );
    expect(yield* failureOf(openPty({ sw }))).toBe("IoError: Not_available, opening a terminal");
  }));
