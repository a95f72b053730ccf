// Node only: a process that may open no more files.

import { describe, expect, it } from "vitest";
import { canRun, program } from "./faults.js";

/** In a program: takes all descriptors but some, and gives them back. */
const HOARD = `
const held = [];
const fill = (leave) => {
  try {
    for (;;) held.push(fs.openSync("/dev/null"));
  } catch {}
  for (let i = 0; i < leave; i++) fs.closeSync(held.pop());
};
const empty = () => {
  for (const fd of held.splice(0)) fs.closeSync(fd);
};
const count = () => fs.readdirSync("/proc/self/fd").length;
`;

const limited = "ulimit -n 60; exec PROGRAM";
const jobs = JSON.stringify(new URL("./jobs.js", import.meta.url).href);
const isLinux = process.platform === "linux";

describe.skipIf(!isLinux || !canRun("ulimit -n 60"))("too many open files", () => {
  it("RB-14 EX-17 EX-18 PS-16 are told to whoever asked for one more, whatever that was, and nothing stays open", async () => {
    const { lines, stderr, code } = await program(
      `${HOARD}
      await run((env) => Switch.run(function* (sw) {
        const server = yield* env.net.listen(loopback, { sw });
        yield* Fiber.forkDaemon(sw, () => server.serve(function* () {}, { onError() {} }));
        const told = {
          load: () => env.fs.join("/etc/passwd").load(),
          "load below cwd": () => env.cwd.join("package.json").load(),
          readDir: () => env.cwd.readDir(),
          "openSubtree": () => Switch.run((sw) => env.cwd.openSubtree({ sw })),
          save: () => env.fs.join("/tmp/nothing").save("x", { create: { ifMissing: 0o600 } }),
          "atomic save": () => env.fs.join("/tmp/nothing").save("x", { create: { orTruncate: 0o600 }, atomic: true }),
          listen: () => Switch.run((sw) => env.net.listen(loopback, { sw })),
          connect: () => Switch.run((sw) => env.net.connect(server.address, { sw })),
          datagramSocket: () => Switch.run((sw) => env.net.datagramSocket("udp4", { sw })),
          spawn: () => env.processMgr.run(["true"]),
          "spawn with pipes": () =>
            env.processMgr.run(["cat"], { stdin: Flow.stringSource("x"), stdout: Flow.bufferSink() }),
          parseOut: () => env.processMgr.parseOut((reader) => reader.line(), ["echo", "x"]),
          thread: () => env.domainMgr.run({ module: ${jobs}, name: "add", args: [1, 2] }),
        };
        // Each once without trouble, for what is opened by the first one and kept.
        for (const op of Object.values(told)) yield* outcomeOf(op());
        for (let leave = 0; leave <= 12; leave++)
          for (const [name, op] of Object.entries(told)) {
            const before = count();
            fill(leave);
            const outcome = yield* outcomeOf(op());
            empty();
            // The server closes its end in its own time.
            for (let i = 0; i < 20 && count() > before; i++) yield* env.clock.sleep(0.001 * i);
            if (outcome !== "done" && leave === 0) console.log(name + ": " + outcome.replace(/\\d{4,}|\\.nothing\\.\\w+/g, "_"));
            if (outcome !== "done" && !/EMFILE/.test(outcome)) console.log(leave, name, outcome);
            if (outcome !== "done" && leave === 12) console.log(leave, name, outcome);
            if (count() !== before) console.log(leave, name, "keeps", count() - before);
          }
      }));
      fs.rmSync("/tmp/nothing");`,
      limited,
    );
    expect([stderr, code]).toEqual(["", 0]);
    expect(lines).toEqual([
      "load: Io Too_many_files, EMFILE, opening <fs:/etc/passwd>",
      "load below cwd: Io Too_many_files, EMFILE, opening <cwd:package.json>",
      "readDir: Io Too_many_files, EMFILE, reading directory <cwd>",
      "openSubtree: Io Too_many_files, EMFILE, opening directory <cwd>",
      "save: Io Too_many_files, EMFILE, opening <fs:/tmp/nothing>",
      "atomic save: Io Too_many_files, EMFILE, opening <fs:/tmp/_>, saving <fs:/tmp/nothing>",
      "listen: Io Too_many_files, EMFILE, listening on tcp:127.0.0.1:0",
      "connect: Io Too_many_files, EMFILE, connecting to tcp:127.0.0.1:_",
      "datagramSocket: Io Too_many_files, EMFILE, opening udp4",
      "spawn: Io Too_many_files, EMFILE, running command: true",
      "spawn with pipes: Io Too_many_files, EMFILE, running command: cat",
      "parseOut: Io Too_many_files, EMFILE, running command: echo x",
      "thread: Io Too_many_files, EMFILE, starting domain",
    ]);
  });

  it("RB-14 a server that cannot accept goes on when it can", async () => {
    const { lines, stderr, code } = await program(
      `${HOARD}
      const errors = [];
      await run((env) => Switch.run(function* (sw) {
        const server = yield* env.net.listen(loopback, { sw });
        const [stop, resolver] = Deferred.create();
        const talk = function* () {
          const client = yield* env.net.connect(server.address, { sw });
          try {
            yield* Flow.copyString("hello", client);
            yield* client.shutdown("send");
            return yield* Flow.readAll(client);
          } finally {
            yield* client.destroy();
          }
        };
        yield* Fiber.pair(
          () => server.serve((connection) => Flow.copy(connection, connection), { onError: (e) => errors.push(told(e)), stop }),
          function* () {
            console.log(yield* talk());
            for (let i = 0; i < 20; i++) {
              // One for the client, and none for who accepts it.
              fill(1);
              const outcome = yield* outcomeOf(talk());
              empty();
              if (outcome !== "done" && !/^Net Connection_reset, /.test(outcome)) console.log(outcome);
            }
            console.log(yield* talk());
            resolver.resolve();
          },
        );
      }));
      console.log(errors.length);`,
      limited,
    );
    expect([lines, stderr, code]).toEqual([["hello", "hello", "0"], "", 0]);
  });

  it("a pool goes on when its threads could not be started", async () => {
    const { lines, stderr, code } = await program(
      `${HOARD}
      await run((env) => Switch.run(function* (sw) {
        fill(2);
        const pool = yield* ExecutorPool.create(env.domainMgr, { sw, domainCount: 2 });
        const submit = (a) => pool.submit({ module: ${jobs}, name: "add", args: [a, 1] });
        for (const { ok, error } of yield* Fiber.map([1, 2, 3], submit)) console.log(ok || error.code);
        empty();
        for (const { value } of yield* Fiber.map([1, 2, 3], submit)) console.log(value);
      }));`,
      limited,
    );
    expect([lines, stderr, code]).toEqual([["IO_ERROR", "IO_ERROR", "IO_ERROR", "2", "3", "4"], "", 0]);
  });
});
