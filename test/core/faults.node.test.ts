// Node only: each operation on the world outside, with something in its way.

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Flow, Switch, type Op, type Path } from "trestle";
import type { NodeEnv } from "trestle/node";
import { canRun, ioErrorOf, leavingNothing, program, told } from "./faults.js";

const folder = fs.mkdtempSync(join(tmpdir(), "trestle-faults-"));
const tree = join(folder, "tree");
const long = "n".repeat(300);

beforeAll(() => {
  for (const name of ["dir", "full/below", "../outside"]) fs.mkdirSync(join(tree, name), { recursive: true });
  for (const name of ["file", "../outside/file"]) fs.writeFileSync(join(tree, name), "text");
  fs.writeFileSync(join(tree, "script"), "#!/no/such/interpreter\n", { mode: 0o755 });
  fs.writeFileSync(join(tree, "text"), "echo hello\n", { mode: 0o755 });
  fs.symlinkSync("loop2", join(tree, "loop1"));
  fs.symlinkSync("loop1", join(tree, "loop2"));
  fs.symlinkSync("../outside", join(tree, "out"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const create = { orTruncate: 0o644 } as const;
const writing = (file: Path, body: (file: Parameters<Parameters<Path["withOpenOut"]>[1]>[0]) => Op<unknown>) =>
  file.withOpenOut({ create: "never" }, body);

type Row = readonly [operation: string, told: string, attempt: (base: Path, env: NodeEnv) => Op<unknown>];

/** Names that differ each time. */
const fixed = (text: string) => text.replace(/(tmp-|\.dir\.)\w{10}/g, "$1_");

const rows: readonly Row[] = [
  ["load", "Fs Not_found, ENOENT, opening <tree:missing>", (base) => base.join("missing").load()],
  ["load", "Io X, EISDIR, reading <tree:dir>, loading <tree:dir>", (base) => base.join("dir").load()],
  ["loadBytes", "Io X, ENOTDIR, opening <tree:file/below>", (base) => base.join("file/below").loadBytes()],
  ["load", "Io X, ELOOP, opening <tree:loop1>", (base) => base.join("loop1").load()],
  ["load", `Io X, ENAMETOOLONG, opening <tree:${long}>`, (base) => base.join(long).load()],
  ["load", "Fs Permission_denied, ENOTCAPABLE, opening <tree:out/file>", (base) => base.join("out/file").load()],
  ["load", "Fs Permission_denied, ENOTCAPABLE, opening <tree:..>", (base) => base.join("..").load()],
  ["save", "Io X, EISDIR, opening <tree:dir>", (base) => base.join("dir").save("x", { create })],
  [
    "save exclusively",
    "Fs Already_exists, EEXIST, opening <tree:file>",
    (base) => base.join("file").save("x", { create: { exclusive: 0o644 } }),
  ],
  ["save", "Fs Not_found, ENOENT, opening <tree:no/file>", (base) => base.join("no/file").save("x", { create })],
  [
    "save atomically",
    "Io X, EISDIR, renaming <tree:.dir._> to <tree:dir>, saving <tree:dir>",
    (base) => base.join("dir").save("x", { create, atomic: true }),
  ],
  [
    "withLines",
    "Fs Not_found, ENOENT, opening <tree:no>",
    (base) => base.join("no").withLines((lines) => lines.next()),
  ],
  ["withLines", "Io X, EISDIR, reading <tree:dir>", (base) => base.join("dir").withLines((lines) => lines.next())],
  ["openIn", "Fs Not_found, ENOENT, opening <tree:no>", (base) => Switch.run((sw) => base.join("no").openIn({ sw }))],
  [
    "openOut",
    "Fs Not_found, ENOENT, opening <tree:no>",
    (base) => Switch.run((sw) => base.join("no").openOut({ sw, create: "never" })),
  ],
  [
    "mkdir",
    "Fs Already_exists, EEXIST, creating directory <tree:dir>",
    (base) => base.join("dir").mkdir({ perm: 0o700 }),
  ],
  ["mkdir", "Io X, ENOTDIR, creating directory <tree:file/x>", (base) => base.join("file/x").mkdir({ perm: 0o700 })],
  [
    "mkdirs",
    "Fs Already_exists, EEXIST, creating directory <tree:dir>",
    (base) => base.join("dir").mkdirs({ perm: 0o700 }),
  ],
  [
    "mkdirs",
    "Fs Permission_denied, ENOTCAPABLE, examining <tree:out/x>, creating directory <tree:out/x/y>",
    (base) => base.join("out/x/y").mkdirs({ perm: 0o700 }),
  ],
  ["readDir", "Io X, ENOTDIR, reading directory <tree:file>", (base) => base.join("file").readDir()],
  ["readDirEntries", "Fs Not_found, ENOENT, reading directory <tree:no>", (base) => base.join("no").readDirEntries()],
  [
    "withDirEntries",
    "Fs Permission_denied, ENOTCAPABLE, reading directory <tree:out>",
    (base) => base.join("out").withDirEntries((entries) => entries.next()),
  ],
  [
    "openSubtree",
    "Io X, ENOTDIR, opening directory <tree:file>",
    (base) => Switch.run((sw) => base.join("file").openSubtree({ sw })),
  ],
  [
    "withSubtree",
    "Fs Not_found, ENOENT, opening directory <tree:no>",
    (base) => base.join("no").withSubtree((sub) => sub.load()),
  ],
  [
    "openTemporary",
    "Fs Not_found, ENOENT, creating directory <tree:no/tmp-_>",
    (base) => Switch.run((sw) => base.join("no").openTemporary({ sw })),
  ],
  ["stat", "Fs Not_found, ENOENT, examining <tree:no>", (base) => base.join("no").stat({ follow: true })],
  ["stat", "Io X, ELOOP, examining <tree:loop1>", (base) => base.join("loop1").stat({ follow: true })],
  [
    "kind",
    "Fs Permission_denied, ENOTCAPABLE, examining <tree:out/file>",
    (base) => base.join("out/file").kind({ follow: true }),
  ],
  ["isFile", "Fs Permission_denied, ENOTCAPABLE, examining <tree:out>", (base) => base.join("out").isFile()],
  ["readLink", "Io X, EINVAL, reading target of symlink <tree:file>", (base) => base.join("file").readLink()],
  ["unlink", "Fs Not_found, ENOENT, removing file <tree:no>", (base) => base.join("no").unlink()],
  ["unlink", "Io X, ENOTDIR, removing file <tree:file/>", (base) => base.join("file/").unlink()],
  ["rmdir", "Io X, ENOTEMPTY, removing directory <tree:full>", (base) => base.join("full").rmdir()],
  ["rmdir", "Io X, ENOTDIR, removing directory <tree:file>", (base) => base.join("file").rmdir()],
  ["rmtree", "Fs Not_found, ENOENT, removing file <tree:no>", (base) => base.join("no").rmtree()],
  ["rename", "Fs Not_found, ENOENT, renaming <tree:no> to <tree:x>", (base) => base.join("no").rename(base.join("x"))],
  [
    "rename",
    "Io X, ENOTEMPTY, renaming <tree:dir> to <tree:full>",
    (base) => base.join("dir").rename(base.join("full")),
  ],
  [
    "rename",
    "Io X, EINVAL, renaming <tree:dir> to <tree:dir/x>",
    (base) => base.join("dir").rename(base.join("dir/x")),
  ],
  [
    "symlink",
    "Fs Already_exists, EEXIST, creating symlink <tree:file> -> dir",
    (base) => base.join("file").symlink("dir"),
  ],
  [
    "chmod",
    "Fs Not_found, ENOENT, chmoding file <tree:no>",
    (base) => base.join("no").chmod({ perm: 0o600, follow: true }),
  ],
  [
    "chown",
    "Fs Not_found, ENOENT, changing ownership of <tree:no>",
    (base) => base.join("no").chown({ uid: 0, follow: true }),
  ],
  [
    "write",
    "Io X, EBADF, writing <tree:file>",
    (base) => base.join("file").withOpenIn((file) => Flow.copyString("x", file)),
  ],
  [
    "pwrite",
    "Io X, EBADF, writing <tree:file>",
    (base) => base.join("file").withOpenIn((file) => file.pwrite([new Uint8Array(1)], 0)),
  ],
  [
    "truncate",
    "Io X, EINVAL, truncating <tree:file>",
    (base) => base.join("file").withOpenIn((file) => file.truncate(1)),
  ],
  [
    "truncate",
    "Io X, EINVAL, truncating <fs:/dev/null>",
    (_base, env) => writing(env.fs.join("/dev/null"), (file) => file.truncate(1)),
  ],
  [
    "sync",
    "Io X, EINVAL, syncing <fs:/dev/null>",
    (_base, env) => writing(env.fs.join("/dev/null"), (file) => file.sync()),
  ],
  [
    "seek",
    "Io X, ESPIPE, seeking in <fs:/dev/null>",
    (_base, env) => writing(env.fs.join("/dev/null"), (file) => file.seek(1, "set")),
  ],
  [
    "spawn",
    "Process Executable_not_found, no cause, starting command: no-such-program",
    (_base, { processMgr }) => Switch.run((sw) => processMgr.spawn(["no-such-program"], { sw })),
  ],
  [
    "run",
    `Process Executable_not_found, ENOENT, running command: ${tree}/no`,
    (_base, { processMgr }) => processMgr.run([`${tree}/no`], { stdout: Flow.bufferSink() }),
  ],
  [
    "run",
    `Process Executable_not_found, ENOENT, running command: ${tree}/script`,
    (_base, { processMgr }) => processMgr.run([`${tree}/script`], { stdin: Flow.stringSource("x") }),
  ],
  [
    "run",
    `Process Executable_not_found, ENAMETOOLONG, running command: ${tree}/${long}`,
    (_base, { processMgr }) => processMgr.run([`${tree}/${long}`]),
  ],
  [
    "parseOut",
    `Process Permission_denied, EACCES, running command: ${tree}/file`,
    (_base, { processMgr }) => processMgr.parseOut((reader) => reader.line(), [`${tree}/file`]),
  ],
  [
    "run",
    `Process Permission_denied, no cause, running command: ${tree}/dir`,
    (_base, { processMgr }) => processMgr.run([`${tree}/dir`]),
  ],
  [
    "run",
    `Process Executable_format_error, no cause, running command: ${tree}/text`,
    (_base, { processMgr }) => processMgr.run([`${tree}/text`]),
  ],
  [
    "run",
    `Process Argument_list_too_long, E2BIG, running command: true ${"x".repeat(200_000)}`,
    (_base, { processMgr }) =>
      processMgr.run(["true", "x".repeat(200_000)], { stdin: Flow.stringSource("x"), stdout: Flow.bufferSink() }),
  ],
  [
    "run in a directory",
    "Fs Not_found, ENOENT, examining <tree:no>, running command: true",
    (base, { processMgr }) => processMgr.run(["true"], { cwd: base.join("no") }),
  ],
  [
    "run in a directory",
    "Fs Permission_denied, ENOTCAPABLE, examining <tree:out>, running command: true",
    (base, { processMgr }) => processMgr.run(["true"], { cwd: base.join("out") }),
  ],
];

describe.skipIf(process.platform !== "linux")(
  "EX-18 all that goes wrong is an IoError that says what, and where",
  () => {
    it.each(rows)("EX-18 %s: %s", async (_operation, expected, attempt) => {
      const error = await leavingNothing((env) =>
        env.fs.join(tree).withSubtree((base) => ioErrorOf(attempt(base, env))),
      );
      expect(fixed(told(error))).toBe(expected);
      // What Node said, if it was Node who said it.
      if (!expected.includes("no cause")) expect(error.cause).toBeInstanceOf(Error);
      expect(fs.readdirSync(tree).sort()).toEqual(
        ["dir", "file", "full", "loop1", "loop2", "out", "script", "text"].sort(),
      );
    });

    const isRoot = process.getuid?.() === 0;

    it.skipIf(!isRoot)("EX-18 FS-41 another user may do nothing of this", async () => {
      const closed = join(folder, "closed");
      fs.mkdirSync(closed, { mode: 0o700 });
      fs.writeFileSync(join(closed, "file"), "text", { mode: 0o600 });
      fs.writeFileSync(join(folder, "own"), "text", { mode: 0o600 });
      fs.chmodSync(folder, 0o755);
      const { lines, stderr } = await program(`
      process.setgid(65534);
      process.setuid(65534);
      await run(function* ({ fs: everything, processMgr, net }) {
        const own = everything.join(${JSON.stringify(join(folder, "own"))});
        const closed = everything.join(${JSON.stringify(closed)});
        const create = { orTruncate: 0o644 };
        const tries = {
          load: own.load(),
          "load below": closed.join("file").load(),
          save: own.save("x", { create }),
          "save a new one": closed.join("new").save("x", { create }),
          "atomic save": closed.join("new").save("x", { create, atomic: true }),
          readDir: closed.readDir(),
          mkdir: closed.join("new").mkdir({ perm: 0o700 }),
          unlink: closed.join("file").unlink(),
          rmtree: closed.rmtree(),
          rename: own.rename(closed.join("own")),
          symlink: closed.join("link").symlink("x"),
          chmod: own.chmod({ perm: 0o777, follow: true }),
          chown: own.chown({ uid: 65534, follow: true }),
          stat: closed.join("file").stat({ follow: false }),
          openSubtree: closed.withSubtree((sub) => sub.load()),
          run: processMgr.run(["true"], { cwd: closed }),
          listen: Switch.run((sw) => net.listen({ type: "unix", path: closed.native() + "/socket" }, { sw })),
        };
        for (const [name, attempt] of Object.entries(tries)) {
          const outcome = yield* outcomeOf(attempt);
          if (!/^Fs Permission_denied, (EACCES|EPERM), ./.test(outcome)) console.log(name, outcome);
        }
      });`);
      expect([lines, stderr]).toEqual([[], ""]);
      expect(fs.readdirSync(closed)).toEqual(["file"]);
    });

    const canMount = canRun(
      `mkdir -p ${join(folder, "m")} && mount -t tmpfs none ${join(folder, "m")} && umount ${join(folder, "m")}`,
    );

    it.skipIf(!canMount)("EX-17 EX-18 a file system that cannot be written to, and one next to it", async () => {
      const place = join(folder, "m");
      execFileSync("mount", ["-t", "tmpfs", "none", place]);
      try {
        fs.writeFileSync(join(place, "file"), "text");
        const crossed = await leavingNothing(({ fs: everything }) =>
          ioErrorOf(everything.join(join(tree, "file")).rename(everything.join(join(place, "new")))),
        );
        expect(told(crossed)).toBe(`Fs Permission_denied, EXDEV, renaming <fs:${tree}/file> to <fs:${place}/new>`);
        execFileSync("mount", ["-o", "remount,ro", place]);
        await leavingNothing(function* ({ fs: everything }) {
          const file = everything.join(join(place, "file"));
          const tries: readonly Op<unknown>[] = [
            file.save("x", { create: "never" }),
            file.save("x", { create, atomic: true }),
            file.unlink(),
            file.chmod({ perm: 0o600, follow: true }),
            everything.join(join(place, "new")).mkdir({ perm: 0o700 }),
            everything.join(place).rmtree(),
          ];
          for (const attempt of tries)
            expect(told(yield* ioErrorOf(attempt))).toMatch(/^Fs Permission_denied, EROFS, ./);
          expect(yield* file.load()).toBe("text");
        });
      } finally {
        execFileSync("umount", [place]);
      }
    });

    it("EX-18 FS-59 a current directory that was removed", async () => {
      const gone = JSON.stringify(join(folder, "gone"));
      const { lines, stderr } = await program(`
      fs.mkdirSync(${gone});
      process.chdir(${gone});
      fs.rmdirSync(${gone});
      await run(function* ({ cwd, fs: everything, processMgr }) {
        const create = { orTruncate: 0o644 };
        for (const attempt of [
          cwd.join("x").load(),
          cwd.join("x").save("x", { create }),
          cwd.join("x").save("x", { create, atomic: true }),
          cwd.join("x").mkdir({ perm: 0o700 }),
          everything.join("x").load(),
          processMgr.run(["./x"]),
          processMgr.run(["true"]),
        ])
          console.log((yield* outcomeOf(attempt)).replace(/\\.x\\.\\w+/, ".x._"));
      });`);
      expect([lines, stderr]).toEqual([
        [
          "Fs Not_found, ENOENT, opening <cwd:x>",
          "Fs Not_found, ENOENT, opening <cwd:x>",
          "Fs Not_found, ENOENT, opening <cwd:.x._>, saving <cwd:x>",
          "Fs Not_found, ENOENT, creating directory <cwd:x>",
          "Fs Not_found, ENOENT, opening <fs:x>",
          "Process Executable_not_found, ENOENT, running command: ./x",
          "done",
        ],
        "",
      ]);
    });
  },
);
