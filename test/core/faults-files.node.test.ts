// Node only: files and directories of a system in which things go wrong.

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BufWrite, Fiber, Flow, IoError, Path, Switch, type Dir, type Op } from "trestle";
import { run, type NodeEnv } from "trestle/node";
import { ioErrorOf, leavingNothing, nothingLeftBy, told } from "./faults.js";

const folder = fs.mkdtempSync(join(tmpdir(), "trestle-faults-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Mounts a file system of a few kilobytes at `place`; false where one may not. */
function mountSmall(place: string): boolean {
  try {
    fs.mkdirSync(place, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", place], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const small = join(folder, "small");
const isMounted = mountSmall(small);
afterAll(() => {
  if (isMounted) execFileSync("umount", [small]);
});

const create = { orTruncate: 0o644 } as const;
const large = new Uint8Array(100_000).fill(97);

describe("a disk that is full", () => {
  type Write = (file: Path) => Op<void>;

  const ways: readonly [name: string, steps: readonly string[], write: Write][] = [
    ["save", ["writing", "saving"], (file) => file.save(large, { create })],
    ["save to what is there", ["writing", "saving"], (file) => file.save(large, { create: "never" })],
    ["append", ["writing", "saving"], (file) => file.save(large, { create: { ifMissing: 0o644 }, append: true })],
    [
      "Flow.copy",
      ["writing"],
      (file) => file.withOpenOut({ create }, (to) => Flow.copy(Flow.bytesSource([large, large]), to)),
    ],
    [
      "BufWrite",
      ["writing"],
      (file) =>
        file.withOpenOut({ create }, (to) =>
          BufWrite.withFlow(to, function* (writer) {
            for (let i = 0; i < 200; i++) writer.bytes(large.subarray(0, 1000));
            yield* writer.flush();
          }),
        ),
    ],
    ["pwrite", ["writing"], (file) => file.withOpenOut({ create }, (to) => to.pwrite([large, large], 0))],
  ];

  it.skipIf(!isMounted)("EX-18 RB-28 each way of writing says that there is no space, and closes the file", () =>
    leavingNothing(({ fs: everything }) =>
      Fiber.forEach(
        ways,
        function* ([name, steps, write]) {
          const file = everything.join(join(small, "file"));
          fs.writeFileSync(join(small, "file"), "old");
          const error = yield* ioErrorOf(write(file));
          expect([name, told(error)]).toEqual([
            name,
            ["Fs No_space", "ENOSPC", ...steps.map((step) => `${step} ${String(file)}`)].join(", "),
          ]);
          expect(fs.readdirSync(small)).toEqual(["file"]);
          fs.unlinkSync(join(small, "file"));
        },
        { maxFibers: 1 },
      ),
    ),
  );

  it.skipIf(!isMounted)("an atomic save leaves the old file as it was, and nothing beside it", () =>
    leavingNothing(function* ({ fs: everything }) {
      const file = everything.join(join(small, "file"));
      yield* file.save("old", { create });
      const error = yield* ioErrorOf(file.save(large, { create, atomic: true }));
      expect(told(error)).toMatch(
        /^Fs No_space, ENOSPC, writing <fs:.*\/small\/\.file\.\w{10}>, saving <fs:.*\/small\/file>$/,
      );
      expect(fs.readdirSync(small)).toEqual(["file"]);
      expect(yield* file.load()).toBe("old");
      // There is room again for what fits.
      yield* file.save("new", { create, atomic: true });
      expect(yield* file.load()).toBe("new");
    }),
  );

  it.skipIf(!isMounted)("a directory that can hold no more names", () =>
    leavingNothing(function* ({ fs: everything }) {
      const place = everything.join(small);
      fs.writeFileSync(join(small, "filler"), new Uint8Array(60_000));
      const error = yield* ioErrorOf(
        (function* () {
          for (let i = 0; ; i++) yield* place.join(`link${i}`).symlink("x".repeat(4000));
        })(),
      );
      expect(told(error)).toMatch(/^Fs No_space, ENOSPC, creating symlink <fs:.*\/link\d+> -> x+$/);
      for (const name of yield* place.readDir()) yield* place.join(name).unlink();
    }),
  );

  it.skipIf(!fs.existsSync("/dev/full"))("a device that is always full", () =>
    leavingNothing(function* ({ fs: everything }) {
      const full = everything.join("/dev/full");
      const error = yield* ioErrorOf(full.save("x", { create: "never" }));
      expect(told(error)).toBe("Fs No_space, ENOSPC, writing <fs:/dev/full>, saving <fs:/dev/full>");
    }),
  );
});

describe("somebody who exchanges what was found for a link", () => {
  /** What a thread does all the time: `dir` and `file` are one moment what they are called, and links to the outside the next. */
  const EXCHANGE = `
    const fs = require("node:fs");
    const { workerData: { base, stop } } = require("node:worker_threads");
    const at = (name) => base + "/" + name;
    const steps = [
      () => fs.renameSync(at("dir"), at("aside")),
      () => fs.symlinkSync("../outside", at("dir")),
      () => fs.symlinkSync("../outside/file", at("new")),
      () => fs.renameSync(at("new"), at("file")),
      () => fs.writeFileSync(at("new"), "inside"),
      () => fs.unlinkSync(at("dir")),
      () => fs.mkdirSync(at("aside")),
      () => fs.renameSync(at("aside"), at("dir")),
      () => fs.renameSync(at("new"), at("file")),
    ];
    while (Atomics.load(stop, 0) === 0)
      for (const step of steps) {
        try {
          step();
        } catch {
          // What is tried at the same time may have been first.
        }
      }`;

  /** Runs `body` while it goes on. */
  async function whileExchanged(base: string, body: () => Promise<void>): Promise<void> {
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Worker(EXCHANGE, { eval: true, workerData: { base, stop } });
    await new Promise((resolve) => thread.once("online", resolve));
    const exit = new Promise<number>((resolve, reject) => void thread.on("exit", resolve).on("error", reject));
    try {
      await body();
    } finally {
      Atomics.store(stop, 0, 1);
      expect(await exit).toBe(0);
    }
  }

  const outside = join(folder, "outside");
  const secrets = ["file", "secret"];
  /** All that can be seen of the outside. */
  const seen = () =>
    [".", ...secrets].map((name) => {
      const { mode, uid, ino, mtimeMs, size } = fs.statSync(join(outside, name));
      return { name, mode, uid, ino, mtimeMs, size, list: name === "." ? fs.readdirSync(outside) : [] };
    });

  const tries: readonly [name: string, attempt: (base: Path, i: number) => Op<unknown>][] = [
    ["load", (base) => base.join("file").load()],
    ["load below", (base) => base.join("dir/file").load()],
    ["readDir", (base) => base.join("dir").readDir()],
    ["withLines", (base) => base.join("file").withLines((lines) => lines.next())],
    [
      "stat",
      function* (base) {
        return (yield* base.join("file").stat({ follow: true })).ino;
      },
    ],
    [
      "stat of a directory",
      function* (base) {
        return (yield* base.join("dir").stat({ follow: true })).ino;
      },
    ],
    ["withSubtree", (base) => base.join("dir").withSubtree((sub) => sub.join("secret").load())],
    ["save", (base) => base.join("file").save("changed", { create: { orTruncate: 0o644 } })],
    ["save below", (base) => base.join("dir/file").save("changed", { create: { ifMissing: 0o644 } })],
    ["append", (base) => base.join("file").save("changed", { create: "never", append: true })],
    ["atomic save below", (base) => base.join("dir/mine").save("new", { create: { orTruncate: 0o644 }, atomic: true })],
    ["mkdir", (base, i) => base.join(`dir/new${i}`).mkdir({ perm: 0o755 })],
    ["mkdirs", (base, i) => base.join(`dir/deep${i}/er`).mkdirs({ perm: 0o755 })],
    ["symlink", (base, i) => base.join(`dir/link${i}`).symlink("file")],
    ["unlink", (base) => base.join("dir/secret").unlink()],
    ["rmdir", (base) => base.join("dir/empty").rmdir()],
    ["rmtree", (base) => base.join("dir").rmtree()],
    ["rename from", (base) => base.join("dir/secret").rename(base.join("taken"))],
    ["rename to", (base) => base.join("stays").rename(base.join("dir/secret"))],
    ["chmod", (base) => base.join("file").chmod({ perm: 0o600, follow: true })],
    ["chmod of the entry", (base) => base.join("file").chmod({ perm: 0o600, follow: false })],
    ["chmod of a directory", (base) => base.join("dir").chmod({ perm: 0o700, follow: true })],
    ["chown", (base) => base.join("file").chown({ uid: 1234, follow: true })],
    ["chown of a directory", (base) => base.join("dir").chown({ uid: 1234, follow: true })],
    ["openTemporary", (base) => Switch.run((sw) => base.join("dir").openTemporary({ sw }))],
  ];

  const TRIES = 300;
  const inside = join(folder, "inside");

  beforeAll(() => {
    fs.mkdirSync(join(outside, "empty"), { recursive: true });
    for (const name of secrets) fs.writeFileSync(join(outside, name), "a secret");
  });

  // Elsewhere there is a moment in between.
  it.skipIf(process.platform !== "linux").each(tries)(
    "RB-38 FS-51 nothing outside is read, written, created or removed: %s",
    async (_name, attempt) => {
      const before = seen();
      fs.rmSync(inside, { recursive: true, force: true });
      fs.mkdirSync(join(inside, "dir", "empty"), { recursive: true });
      for (const file of ["file", "stays", "dir/file"]) fs.writeFileSync(join(inside, file), "inside");
      const results = new Set<string>();
      let refused = 0;
      const main = (env: NodeEnv): Op<void> =>
        env.fs.join(inside).withSubtree(function* (base) {
          for (let i = 0; i < TRIES || (refused < 3 && i < 100 * TRIES); i++) {
            try {
              results.add(inspect(yield* attempt(base, i)));
            } catch (error) {
              if (!(error instanceof IoError)) throw error;
              if (/Permission_denied|Not_available|ELOOP|ENOTDIR/.test(String(error))) refused++;
            }
          }
        });
      await nothingLeftBy(() => whileExchanged(inside, () => run(main)));
      expect([...results].filter((result) => /secret/.test(result))).toEqual([]);
      for (const { ino } of before) expect([...results]).not.toContain(`${ino}n`);
      expect(seen()).toEqual(before);
      // The link was met.
      expect(refused).toBeGreaterThan(0);
    },
  );

  it.skipIf(process.platform !== "linux").each(["openSubtree", "openDir", "rmdir"] as const)(
    "RB-38 FS-32 rmtree empties no directory that a link leads to, also from `fs`, if it comes just before %s",
    async (moment) => {
      const before = seen();
      const home = join(folder, `home-${moment}`);
      fs.mkdirSync(join(home, "dir"), { recursive: true });
      fs.writeFileSync(join(home, "dir/mine"), "inside");
      let exchanged = false;
      const exchange = () => {
        if (exchanged) return;
        exchanged = true;
        fs.renameSync(join(home, "dir"), join(home, "aside"));
        fs.symlinkSync(outside, join(home, "dir"));
      };
      /** Does all that `dir` does, but for the exchange. */
      const watched = (dir: Dir): Dir =>
        new Proxy(dir, {
          get(_, key) {
            const value = Reflect.get(dir, key) as unknown;
            if (typeof value !== "function") return value;
            return function* (...args: unknown[]): Op<unknown> {
              if (key === moment) exchange();
              const result = (yield* (value as (...args: unknown[]) => Op<unknown>).apply(dir, args)) as Dir;
              return key === "openSubtree" ? watched(result) : result;
            };
          },
        });
      const error = await run(function* (env) {
        try {
          yield* Path.ofDir(watched(env.fs.dir)).join(join(home, "dir")).rmtree();
        } catch (thrown) {
          return thrown;
        }
        return undefined;
      });
      expect(error).toBeInstanceOf(IoError);
      expect(seen()).toEqual(before);
    },
  );
});
