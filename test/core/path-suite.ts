/** What paths do, whatever file system is below them: the suite runs over the system's own files and over those of the mock. */
import { describe, expect, it } from "vitest";
import { EndOfFile, Fiber, Flow, Path, showBackend, Switch, type Dir, type Op } from "trestle";

/** What a test is given. */
export interface Place {
  readonly cwd: Path;
  readonly fs: Path;
  /** The name of the fresh directory in the current one. */
  readonly name: string;
}

/** A file system to be tested. */
export interface FileWorld {
  /** Runs `body` with a fresh directory, as a path from `cwd`. */
  inFresh(body: (at: Path, place: Place) => Op<unknown>): Promise<void> | void;
  /** Runs `body` in a fresh directory: the current one. */
  inCurrent(body: (place: Omit<Place, "name">) => Op<unknown>): Promise<void> | void;
  /** How much is open. */
  countOpen(): number;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk);
export const create = (perm: number) => ({ create: { orTruncate: perm } }) as const;

/** What goes wrong, without what the system itself says. */
export function* failureOf(op: Op<unknown>): Op<string> {
  try {
    yield* op;
    return "nothing was thrown";
  } catch (error) {
    showBackend(false);
    try {
      return String(error).replace(/ _(?=,|$)/, "");
    } finally {
      showBackend(true);
    }
  }
}

/** A tree with links inside and outside; `base` is what may be reached, and `outside` what may not. */
export function* plantTree(at: Path): Op<void> {
  yield* at.join("base/foo/bar").mkdirs({ perm: 0o755 });
  yield* at.join("outside").mkdir({ perm: 0o755 });
  yield* at.join("outside/secret").save("secret", create(0o644));
  yield* at.join("base/foo/bar/file").save("inside", create(0o644));
  const links = {
    "foo/up": "..",
    "foo/root": "/",
    escape: "../outside",
    leak: "../outside/secret",
    short: "foo/bar",
    loop1: "loop2",
    loop2: "loop1",
    dangling: "nowhere",
  };
  for (const [link, target] of Object.entries(links)) yield* at.join("base").join(link).symlink(target);
}

export function testPaths(world: FileWorld): void {
  const inFresh: FileWorld["inFresh"] = (body) => world.inFresh(body);

  describe("files", () => {
    it("FS-08 what was saved is loaded; a new file has the permissions, but for the umask", () =>
      inFresh(function* (at) {
        const file = at.join("a");
        yield* file.save("hello é", create(0o666));
        expect(yield* file.load()).toBe("hello é");
        expect(yield* file.loadBytes()).toEqual(bytes("hello é"));
        expect((yield* file.stat({ follow: true })).perm).toBe(0o644);
      }));

    it("FS-09 FS-10 FS-11 FS-12 FS-13 what becomes of a file that is there, or is not", () =>
      inFresh(function* (at, { name }) {
        const file = at.join("a");
        expect(yield* failureOf(file.save("x", { create: "never" }))).toBe(
          `IoError: Fs Not_found, opening <cwd:${name}/a>`,
        );
        yield* file.save("a longer text", { create: { exclusive: 0o600 } });
        expect(yield* failureOf(file.save("x", { create: { exclusive: 0o600 } }))).toBe(
          `IoError: Fs Already_exists, opening <cwd:${name}/a>`,
        );
        yield* file.save("overwrite", { create: { ifMissing: 0o600 } });
        expect(yield* file.load()).toBe("overwritetext");
        yield* file.save("short", { create: { orTruncate: 0o600 } });
        expect(yield* file.load()).toBe("short");
        yield* file.save(" end", { create: "never", append: true });
        yield* file.withOpenOut({ create: "never", append: true }, function* (out) {
          yield* Flow.copyString("!", out);
          yield* Flow.copyString("!", out);
        });
        expect(yield* file.load()).toBe("short end!!");
      }));

    it("FS-13 after an addition the position is the end", () =>
      inFresh(function* (at) {
        yield* at.join("a").save("12345", create(0o600));
        yield* at.join("a").withOpenOut({ create: "never", append: true }, function* (file) {
          expect(yield* file.read(new Uint8Array(2))).toBe(2);
          yield* Flow.copyString("6", file);
          expect(yield* file.seek(0, "cur")).toBe(6);
          yield* file.pwrite([bytes("7")], 0);
          expect(yield* file.seek(0, "cur")).toBe(6);
        });
        expect(yield* at.join("a").load()).toBe("1234567");
      }));

    it("FS-15 errors say whether it was opening or loading", () =>
      inFresh(function* (at, { name }) {
        expect(yield* failureOf(at.join("missing").load())).toBe(
          `IoError: Fs Not_found, opening <cwd:${name}/missing>`,
        );
        expect(yield* failureOf(at.load())).toMatch(/, loading <cwd:d\d+>$/);
      }));

    it("a file that is not UTF-8 is loaded as bytes", () =>
      inFresh(function* (at) {
        yield* at.join("a").save(Uint8Array.of(0xff), create(0o600));
        expect(yield* failureOf(at.join("a").load())).toMatch(/^TypeError/);
        expect(yield* at.join("a").loadBytes()).toEqual(Uint8Array.of(0xff));
      }));

    it("FS-16 RS-05 RS-08 closed when the body is done; what is opened for writing can be read", () =>
      inFresh(function* (at) {
        const descriptors = world.countOpen();
        const file = yield* at.join("a").withOpenOut(create(0o600), function* (out) {
          yield* Flow.copyString("hello", out);
          yield* out.seek(0, "set");
          expect(yield* Flow.readAll(out)).toBe("hello");
          yield* Flow.copyString("", out);
          return out;
        });
        expect(yield* failureOf(file.read(new Uint8Array(1)))).toBe(
          "InvalidArgument: read: file descriptor used after calling close!",
        );
        yield* at.join("a").withOpenIn(function* (opened) {
          yield* opened.close();
          yield* opened.close();
        });
        expect(world.countOpen()).toBe(descriptors);
      }));

    it("FS-17 FS-18 FS-19 RB-13 RB-32 reading and writing anywhere leaves the position alone", () =>
      inFresh((at) =>
        at.join("a").withOpenOut(create(0o600), function* (file) {
          yield* Flow.copyString("+-!", file);
          yield* file.pwrite([bytes("abc"), bytes("123")], 2);
          const buffers = [new Uint8Array(3), new Uint8Array(4)];
          yield* file.preadExact(buffers, 1);
          expect(buffers.map(text)).toEqual(["-ab", "c123"]);
          const short = new Uint8Array(10);
          expect(yield* file.pread([short], 6)).toBe(2);
          for (const offset of [8, 100]) {
            let end: unknown;
            try {
              yield* file.pread([short], offset);
            } catch (error) {
              end = error;
            }
            expect(end).toBeInstanceOf(EndOfFile);
          }
          expect(yield* failureOf(file.preadExact([short], 0))).toMatch(/^EndOfFile/);
          yield* Flow.copyString("*", file);
          yield* file.seek(0, "set");
          expect(yield* Flow.readAll(file)).toBe("+-a*c123".slice(0, 3) + "*c123".slice(0, 1) + "c123");
        }),
      ));

    it("FS-20 truncate, seek, sync", () =>
      inFresh((at) =>
        at.join("a").withOpenOut(create(0o600), function* (file) {
          yield* file.truncate(10);
          expect((yield* file.stat()).size).toBe(10);
          expect([yield* file.seek(3, "set"), yield* file.seek(2, "cur"), yield* file.seek(-1, "end")]).toEqual([
            3, 5, 9,
          ]);
          yield* file.sync();
          expect(yield* failureOf(file.seek(-1, "set"))).toMatch(/^RangeError/);
        }),
      ));

    it("FS-21 lines of any length, as they are asked for, and what follows the last end", () =>
      inFresh(function* (at) {
        const long = "x".repeat(200_000);
        yield* at.join("a").save(`one\n${long}\nlast`, create(0o600));
        const lines = yield* at.join("a").withLines(function* (cursor) {
          const all: string[] = [];
          while (yield* cursor.next()) all.push(cursor.value);
          return all;
        });
        expect(lines).toEqual(["one", long, "last"]);
      }));

    it("FS-22 FS-37 stat, of a link and of what it leads to", () =>
      inFresh(function* (at, { name }) {
        yield* at.join("a").save("12345", create(0o640));
        yield* at.join("link").symlink("a");
        const file = yield* at.join("link").stat({ follow: true });
        expect([file.kind, file.size, file.perm, file.nlink]).toEqual(["regular", 5, 0o640, 1]);
        expect(file.mtimeNs / 1_000_000n).toBe(BigInt(file.mtime.getTime()));
        expect((yield* at.join("link").stat({ follow: false })).kind).toBe("symlink");
        expect((yield* at.stat({ follow: true })).kind).toBe("directory");
        yield* at.join("dangling").symlink("nowhere");
        expect(yield* failureOf(at.join("dangling").stat({ follow: true }))).toBe(
          `IoError: Fs Not_found, examining <cwd:${name}/dangling>`,
        );
      }));

    it("atomic: others see the old file or the new one, and nothing stays when it fails", () =>
      inFresh(function* (at) {
        yield* at.join("a").save("old", create(0o600));
        yield* at.join("a").save("new", { ...create(0o600), atomic: true });
        expect([yield* at.join("a").load(), yield* at.readDir()]).toEqual(["new", ["a"]]);
        yield* at.join("dir").mkdir({ perm: 0o700 });
        expect(yield* failureOf(at.join("dir").save("x", { ...create(0o600), atomic: true }))).toMatch(/^IoError/);
        expect(yield* at.readDir()).toEqual(["a", "dir"]);
      }));

    it.each([
      [
        "create",
        (at: Path, sw: Switch) => at.openOut({ sw, create: "sometimes" as never }),
        /"options.create" must be "never"/,
      ],
      ["sw", (at: Path) => at.openIn({ sw: undefined as never }), /"sw" must be a Switch/],
      ["data", (at: Path) => at.save(1 as never, create(0o600)), /"data" must be a string or a Uint8Array/],
    ])("wrong arguments: %s", (_, op, message) =>
      inFresh((at) =>
        Switch.run(function* (sw) {
          let thrown: unknown;
          try {
            yield* op(at.join("a"), sw) as Op<unknown>;
          } catch (error) {
            thrown = error;
          }
          expect(String(thrown)).toMatch(message);
        }),
      ),
    );
  });

  describe("directories", () => {
    it("FS-23 mkdir", () =>
      inFresh(function* (at, { name }) {
        yield* at.join("a").mkdir({ perm: 0o755 });
        yield* at.join("b/").mkdir({ perm: 0o755 });
        expect(yield* failureOf(at.join("a").mkdir({ perm: 0o755 }))).toBe(
          `IoError: Fs Already_exists, creating directory <cwd:${name}/a>`,
        );
        expect(yield* failureOf(at.join("x/y").mkdir({ perm: 0o755 }))).toBe(
          `IoError: Fs Not_found, creating directory <cwd:${name}/x/y>`,
        );
      }));

    it("FS-24 FS-25 FS-26 mkdirs", () =>
      inFresh((top, { cwd }) =>
        top.withSubtree(function* (at) {
          yield* at.join("a//b/c").mkdirs({ perm: 0o700 });
          expect(yield* at.join("a/b/c").isDirectory()).toBe(true);
          yield* at.join("a/b/c").mkdirs({ perm: 0o700, existsOk: true });
          expect(yield* failureOf(at.join("a/b/c").mkdirs({ perm: 0o700 }))).toMatch(/^IoError: Fs Already_exists/);
          yield* at.join("file").save("", create(0o600));
          expect(yield* failureOf(at.join("file").mkdirs({ perm: 0o700, existsOk: true }))).toMatch(
            /^IoError: Fs Already_exists/,
          );
          for (const self of [".", "././"])
            expect(yield* failureOf(at.join(self).mkdirs({ perm: 0o700 }))).toMatch(/^IoError: Fs Already_exists/);
          expect(yield* failureOf(at.join("..").mkdirs({ perm: 0o700 }))).toMatch(/^IoError: Fs Permission_denied/);
          expect(yield* failureOf(cwd.join("../out/side").mkdirs({ perm: 0o700 }))).toMatch(
            /^IoError: Fs Permission_denied.*, examining <cwd:\.\.\/out>, creating directory <cwd:\.\.\/out\/side>$/,
          );
        }),
      ));

    it("FS-27 FS-28 what is in a directory", () =>
      inFresh(function* (at) {
        for (const name of ["b", "é", "a", "Z"]) yield* at.join(name).save("", create(0o600));
        yield* at.join("dir").mkdir({ perm: 0o700 });
        expect(yield* at.readDir()).toEqual(["Z", "a", "b", "dir", "é"]);
        expect((yield* at.readDirEntries()).map(({ kind }) => kind)).toEqual([
          "regular",
          "regular",
          "regular",
          "directory",
          "regular",
        ]);
        const descriptors = world.countOpen();
        const failed = yield* failureOf(
          at.withDirEntries(function* (entries) {
            expect(yield* entries.next()).toBe(true);
            throw new Error("of the body");
          }),
        );
        expect(failed).toBe("Error: of the body");
        expect(world.countOpen()).toBe(descriptors);
      }));

    it("FS-29 FS-30 unlink and rmdir", () =>
      inFresh(function* (at, { name }) {
        yield* at.join("a").save("", create(0o600));
        yield* at.join("link").symlink("a");
        yield* at.join("link").unlink();
        expect(yield* at.join("a").isFile()).toBe(true);
        yield* at.join("a").unlink();
        expect(yield* failureOf(at.join("a").unlink())).toBe(`IoError: Fs Not_found, removing file <cwd:${name}/a>`);
        yield* at.join("a").unlink({ missingOk: true });
        yield* at.join("dir/sub").mkdirs({ perm: 0o700 });
        expect(yield* failureOf(at.join("dir").rmdir())).toMatch(/, removing directory <cwd:d\d+\/dir>$/);
        yield* at.join("dir/sub").rmdir();
        yield* at.join("dir/").rmdir();
        expect(yield* at.readDir()).toEqual([]);
      }));

    it("FS-31 FS-32 rmtree follows no link; two can run at once", () =>
      inFresh(function* (at, { name }) {
        yield* at.join("keep").mkdir({ perm: 0o700 });
        yield* at.join("keep/file").save("", create(0o600));
        const grow = function* () {
          for (const sub of ["a/b", "c/d", "e"]) yield* at.join("tree").join(sub).mkdirs({ perm: 0o700 });
          for (const file of ["a/1", "a/b/2", "3"]) yield* at.join("tree").join(file).save("", create(0o600));
          yield* at.join("tree/link").symlink("../keep");
        };
        yield* grow();
        yield* at.join("tree").rmtree();
        yield* grow();
        yield* Fiber.both(
          () => at.join("tree").rmtree({ missingOk: true }),
          () => at.join("tree").rmtree({ missingOk: true }),
        );
        expect(yield* at.join("keep").readDir()).toEqual(["file"]);
        expect(yield* failureOf(at.join("tree").rmtree())).toBe(
          `IoError: Fs Not_found, removing file <cwd:${name}/tree>`,
        );
        yield* at.join("tree").rmtree({ missingOk: true });
      }));

    it("FS-33 FS-34 rename replaces, also into another directory; not into one of another kind", () =>
      inFresh(function* (at, { name, fs: everything }) {
        yield* at.join("a").save("new", create(0o600));
        yield* at.join("b").save("old", create(0o600));
        yield* at.join("a").rename(at.join("b"));
        expect([yield* at.join("b").load(), yield* at.readDir()]).toEqual(["new", ["b"]]);
        yield* at.join("b").rename(everything.join(name).join("c"));
        expect(yield* at.readDir()).toEqual(["c"]);
        expect(yield* failureOf(at.join("x").rename(at.join("y")))).toBe(
          `IoError: Fs Not_found, renaming <cwd:${name}/x> to <cwd:${name}/y>`,
        );
        const other = Path.ofDir({ label: "other" } as Dir);
        expect(yield* failureOf(at.join("c").rename(other.join("z")))).toMatch(/^InvalidArgument: rename: other/);
      }));

    it("FS-35 FS-36 links", () =>
      inFresh(function* (at, { name }) {
        yield* at.join("link").symlink("anything at all");
        expect(yield* at.join("link").readLink()).toBe("anything at all");
        expect(yield* failureOf(at.join("link").symlink("again"))).toBe(
          `IoError: Fs Already_exists, creating symlink <cwd:${name}/link> -> again`,
        );
        yield* at.join("file").save("", create(0o600));
        expect(yield* failureOf(at.join("file").readLink())).toMatch(/, reading target of symlink <cwd:d\d+\/file>$/);
      }));

    it("FS-38 kind, isFile, isDirectory", () =>
      inFresh(function* (at) {
        yield* at.join("file").save("", create(0o600));
        yield* at.join("link").symlink("file");
        yield* at.join("dangling").symlink("nowhere");
        expect(yield* at.join("nothing").kind({ follow: true })).toBe("not_found");
        expect(yield* at.join("link").kind({ follow: false })).toBe("symlink");
        expect([yield* at.join("link").isFile(), yield* at.join("dangling").isFile(), yield* at.isDirectory()]).toEqual(
          [true, false, true],
        );
      }));

    it("FS-39 FS-40 chmod and chown", () =>
      inFresh(function* (at, { name }) {
        yield* at.join("file").save("", create(0o600));
        yield* at.join("link").symlink("file");
        yield* at.join("link").chmod({ perm: 0o640, follow: true });
        expect((yield* at.join("file").stat({ follow: true })).perm).toBe(0o640);
        yield* at.join("file").chmod({ perm: 0o600, follow: false });
        expect((yield* at.join("file").stat({ follow: true })).perm).toBe(0o600);
        expect(yield* failureOf(at.join("link").chmod({ perm: 0o600, follow: false }))).toBe(
          `IoError: Not_available, chmoding file <cwd:${name}/link>`,
        );
        const { uid, gid } = yield* at.join("file").stat({ follow: true });
        yield* at.join("link").chown({ uid, follow: true });
        yield* at.join("link").chown({ gid, follow: false });
        expect(yield* failureOf(at.join("missing").chown({ uid, follow: true }))).toBe(
          `IoError: Fs Not_found, changing ownership of <cwd:${name}/missing>`,
        );
      }));

    it("FS-41 FS-42 FS-43 subtrees that are not there, or not any more", () =>
      inFresh(function* (at, { name }) {
        expect(yield* failureOf(at.join("missing").readDir())).toBe(
          `IoError: Fs Not_found, reading directory <cwd:${name}/missing>`,
        );
        expect(yield* failureOf(at.join("missing").withSubtree(() => expect.unreachable()))).toBe(
          `IoError: Fs Not_found, opening directory <cwd:${name}/missing>`,
        );

        const escaped = yield* at.withSubtree(function* (subtree) {
          return subtree;
        });
        expect(yield* failureOf(escaped.join("a").load())).toMatch(
          /^InvalidArgument: subtree: .* after calling close!/,
        );
      }));

    it("temporary directories go with their switch, and all that is in them", () =>
      inFresh(function* (at) {
        yield* Switch.run(function* (sw) {
          const scratch = yield* at.openTemporary({ sw });
          yield* scratch.join("sub").mkdir({ perm: 0o700 });
          yield* scratch.join("sub/file").save("", create(0o600));
          expect((yield* at.readDir()).length).toBe(1);
        });
        expect(yield* at.readDir()).toEqual([]);
      }));
  });

  describe("the sandbox", () => {
    const inTree = (body: (base: Path, place: Place & { outside: Path }) => Op<unknown>) =>
      inFresh(function* (top, place) {
        const from = place.fs.join(place.name);
        yield* plantTree(from);
        yield* top.join("base").withSubtree((base) => body(base, { ...place, outside: from.join("outside") }));
      });

    const operations: readonly (readonly [string, (path: Path, base: Path, sw: Switch) => Op<unknown>])[] = [
      ["load", (path) => path.load()],
      ["save", (path) => path.save("x", { create: { ifMissing: 0o600 } })],
      ["save exclusively", (path) => path.save("x", { create: { exclusive: 0o600 } })],
      ["mkdir", (path) => path.mkdir({ perm: 0o700 })],
      ["unlink", (path) => path.unlink()],
      ["rmdir", (path) => path.rmdir()],
      ["rename from", (path, base) => path.rename(base.join("moved"))],
      ["rename to", (path, base) => base.join("short").rename(path)],
      ["readDir", (path) => path.readDir()],
      ["stat", (path) => path.stat({ follow: true })],
      ["stat of a link", (path) => path.stat({ follow: false })],
      ["symlink", (path) => path.symlink("x")],
      ["readLink", (path) => path.readLink()],
      ["chmod", (path) => path.chmod({ perm: 0o600, follow: true })],
      ["chown", (path) => path.chown({ uid: 0, follow: true })],
      ["openSubtree", (path, _, sw) => path.openSubtree({ sw })],
    ];

    it.each(operations)("FS-45 FS-46 FS-48 FS-50 RB-38 no way out: %s", (_, operation) =>
      inTree((base, { outside }) =>
        Switch.run(function* (sw) {
          for (const path of [
            "../outside/secret",
            "foo/../../outside/secret",
            "/etc/passwd",
            "escape/secret",
            "foo/root/etc/passwd",
            "foo/root/..",
            "foo/up/../../outside/secret",
            "short/../../../outside/secret",
          ]) {
            expect([path, yield* failureOf(operation(base.join(path), base, sw))]).toEqual([
              path,
              expect.stringMatching(/^IoError: Fs Permission_denied/),
            ]);
          }
          expect(yield* outside.join("secret").load()).toBe("secret");
          expect(yield* outside.readDir()).toEqual(["secret"]);
        }),
      ),
    );

    it("FS-47 FS-49 FS-51 `..` is resolved where one is, and may be used inside", () =>
      inTree(function* (base) {
        for (const path of [
          "foo/bar/..",
          "foo/bar/../bar/file",
          "foo/up/foo/bar/file",
          "short/file",
          "short/../bar/file",
        ])
          expect([path, yield* base.join(path).kind({ follow: true })]).toEqual([
            path,
            path.endsWith("file") ? "regular" : "directory",
          ]);
        expect(yield* failureOf(base.join("foo/up/../bar").stat({ follow: true }))).toMatch(
          /^IoError: Fs Permission_denied/,
        );
      }));

    it("FS-52 what acts on the entry itself does not follow it", () =>
      inTree(function* (base) {
        expect(yield* base.join("leak").readLink()).toBe("../outside/secret");
        expect((yield* base.join("leak").stat({ follow: false })).kind).toBe("symlink");
        yield* base.join("leak").rename(base.join("moved"));
        yield* base.join("moved").unlink();
        expect(yield* failureOf(base.join("escape").mkdir({ perm: 0o700 }))).toMatch(/^IoError: Fs Already_exists/);
        yield* base.join("escape").unlink();
      }));

    it("FS-53 mkdir through a link", () =>
      inTree(function* (base) {
        yield* base.join("short/new").mkdir({ perm: 0o700 });
        expect(yield* base.join("foo/bar/new").isDirectory()).toBe(true);
        expect(yield* failureOf(base.join("dangling").mkdir({ perm: 0o700 }))).toMatch(/^IoError: Fs Already_exists/);
        expect(yield* failureOf(base.join("dangling/new").mkdir({ perm: 0o700 }))).toMatch(/^IoError: Fs Not_found/);
      }));

    it("FS-54 following a link that leads out changes nothing there; `fs` may", () =>
      inTree(function* (base, { outside }) {
        const secret = outside.join("secret");
        expect(yield* failureOf(base.join("leak").chmod({ perm: 0o600, follow: true }))).toMatch(
          /^IoError: Fs Permission_denied/,
        );
        expect((yield* secret.stat({ follow: false })).perm).toBe(0o644);
        yield* secret.chmod({ perm: 0o600, follow: true });
        expect((yield* secret.stat({ follow: false })).perm).toBe(0o600);
      }));

    it("FS-48 FS-54 FS-57 nor does a slash after the name of a link lead out, which the system would follow", () =>
      inTree(function* (base, { outside }) {
        const { uid } = yield* outside.stat({ follow: false });
        for (const path of ["escape/", "escape//", "escape/.", "foo/root/"]) {
          const entry = base.join(path);
          for (const operation of [
            entry.stat({ follow: false }),
            entry.chmod({ perm: 0o700, follow: false }),
            entry.chown({ uid: uid + 1, follow: false }),
            entry.readLink(),
          ])
            expect(yield* failureOf(operation)).toMatch(/^IoError: Fs Permission_denied/);
        }
        const after = yield* outside.stat({ follow: false });
        expect([after.perm, after.uid]).toEqual([0o755, uid]);
        yield* base.join("short/").chmod({ perm: 0o700, follow: false });
        expect((yield* base.join("foo/bar").stat({ follow: false })).perm).toBe(0o700);
      }));

    it("FS-55 a subtree narrows; the larger one still sees what is made there", () =>
      inTree((base) =>
        base.join("foo").withSubtree(function* (foo) {
          expect(String(foo)).toBe("<foo>");
          expect(yield* failureOf(foo.join("../short").readLink())).toMatch(/^IoError: Fs Permission_denied/);
          yield* foo.join("new").save("new", { create: { exclusive: 0o600 } });
          expect(yield* base.join("foo/new").load()).toBe("new");
        }),
      ));

    it("FS-56 FS-57 RB-37 loops are errors; what ends in a slash has to be a directory", () =>
      inTree(function* (base) {
        expect(yield* failureOf(base.join("loop1").load())).toMatch(/^IoError:/);
        expect(yield* failureOf(base.join("loop1/x").load())).toMatch(/^IoError:/);
        for (const path of ["foo/bar/file/", "foo/bar/file/."]) {
          expect(yield* failureOf(base.join(path).load())).toMatch(/^IoError:/);
          expect(yield* failureOf(base.join(path).stat({ follow: true }))).toMatch(/^IoError:/);
          expect(yield* failureOf(base.join(path).unlink())).toMatch(/^IoError:/);
        }
        expect((yield* base.join("short/").stat({ follow: false })).kind).toBe("directory");
        expect(yield* base.join("foo/bar/").readDir()).toEqual(["file"]);
      }));

    it("FS-58 nothing is created through a link that leads out", () =>
      inTree(function* (base, { outside }) {
        yield* outside.join("../base/create").symlink("../outside/new");
        for (const how of [{ exclusive: 0o600 }, { ifMissing: 0o600 }, { orTruncate: 0o600 }] as const) {
          expect(yield* failureOf(base.join("create").save("x", { create: how }))).toMatch(
            /^IoError: Fs (Permission_denied|Already_exists)/,
          );
        }
        expect(yield* outside.readDir()).toEqual(["secret"]);
        yield* base.join("dangling").save("made", { create: { ifMissing: 0o600 } });
        expect(yield* base.join("nowhere").load()).toBe("made");
      }));
  });

  describe("without limits", () => {
    it("FS-61 FS-62 RB-23 the empty path is the directory itself", () =>
      world.inCurrent(function* ({ fs: everything }) {
        expect(yield* failureOf(everything.mkdir({ perm: 0o700 }))).toMatch(/^IoError: Fs Already_exists/);
        expect(yield* everything.readDir()).toEqual([]);
        expect((yield* everything.stat({ follow: true })).kind).toBe("directory");
        yield* everything.chmod({ perm: 0o755, follow: true });
        yield* everything.chown({ follow: true });
        yield* everything.withSubtree((subtree) => subtree.readDir());
        expect(yield* failureOf(everything.readLink())).toMatch(/^IoError/);
        yield* everything.join("a/b").mkdirs({ perm: 0o700 });
        expect(yield* everything.readDir()).toEqual(["a"]);
      }));
  });
}
