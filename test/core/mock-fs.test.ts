import { describe, expect, it } from "vitest";
import { Deferred, EndOfFile, Fiber, Flow, IoError, Switch, type Op, type Result } from "trestle";
import { MockFs, MockLink, run, type MockTree } from "trestle/mock";
import { failureOf, testPaths } from "./path-suite.js";
import { tracedBy } from "./traced.js";
import { thrownBy } from "./transcript.js";

let files: MockFs;

testPaths({
  inFresh: (body) =>
    run(function* () {
      files = new MockFs({ work: { d1: {} }, etc: { passwd: "" } }, { cwd: "/work" });
      yield* body(files.cwd.join("d1"), { cwd: files.cwd, fs: files.root, name: "d1" });
    }),
  inCurrent: (body) =>
    run(function* () {
      files = new MockFs({}, { cwd: "/here" });
      yield* body({ cwd: files.cwd, fs: files.root });
    }),
  countOpen: () => files.opened.length,
});

const overwrite = { create: { orTruncate: 0o644 } } as const;

function* codeOf(op: Op<unknown>): Op<unknown> {
  try {
    yield* op;
    return "done";
  } catch (error) {
    return error instanceof IoError ? (error.cause as { code?: unknown }).code : String(error);
  }
}

describe("trees as objects", () => {
  it("what is given is there, and what is there is given: text, bytes, links, directories", () => {
    const tree: MockTree = {
      "a.txt": "é\n",
      "a.bin": Uint8Array.of(0xff, 0),
      "to a": new MockLink("a.txt"),
      empty: {},
      deep: { deeper: { x: "" } },
    };
    run(function* () {
      const files = new MockFs(tree);
      expect(files.tree()).toEqual(tree);
      expect(yield* files.cwd.join("to a").load()).toBe("é\n");
      files.seed({ deep: { y: "y" }, empty: "not any more", "to a": { z: "z" } });
      expect(files.tree()).toEqual({
        ...tree,
        deep: { deeper: { x: "" }, y: "y" },
        empty: "not any more",
        "to a": { z: "z" },
      });
      expect(files.tree("/deep/deeper")).toEqual({ x: "" });
      expect((yield* files.cwd.stat({ follow: true })).nlink).toBe(4);
    });
  });

  it("the current directory is made, and cannot be left", () =>
    run(function* () {
      const files = new MockFs({ etc: { passwd: "root" } }, { cwd: "/home/ada/" });
      expect(files.tree()).toEqual({ etc: { passwd: "root" }, home: { ada: {} } });
      expect(yield* failureOf(files.cwd.join("../../etc/passwd").load())).toMatch(/^IoError: Fs Permission_denied/);
      expect(yield* files.root.join("../../etc/passwd").load()).toBe("root");
    }));

  it("changes have the time of the clock", () =>
    run(function* ({ clock }) {
      const files = new MockFs({ a: "" }, { clock });
      const { mtime, mtimeNs } = yield* files.cwd.join("a").stat({ follow: true });
      expect([mtime.getTime(), mtimeNs]).toEqual([0, 0n]);
      yield* clock.sleep(1.5);
      yield* files.cwd.join("a").save("x", { create: "never" });
      expect((yield* files.cwd.join("a").stat({ follow: true })).mtimeNs).toBe(1_500_000_000n);
    }));

  it.each([
    [() => new MockFs({ "a/b": "" }), /"a\/b" is not the name of a file/],
    [() => new MockFs({ a: { "..": "" } }), /"\.\." is not the name of a file/],
    [() => new MockFs({ a: 1 as never }), /"tree\["a"\]" must be a string, bytes, a MockLink or an object/],
    [() => new MockFs(null as never), /"tree" must be an object/],
    [() => new MockFs({}, { cwd: "home" }), /"options.cwd" must be a string that begins with a slash/],
    [() => new MockFs({}, { umask: -1 }), /"options.umask" must be a whole number/],
    [() => new MockFs({}, { trace: 1 as never }), /"options.trace" must be a boolean/],
    [() => new MockFs().tree("/missing"), /Not_found/],
    [() => new MockFs().before("wriet" as never, "/a"), /"operation" must be the name of an operation/],
    [() => new MockFs().before("write", "a"), /"path" must be "\*" or a string that begins with a slash/],
    [() => new MockFs().fail("write", "/a", "no space"), /"error" must be a code such as "ENOSPC", or an Error/],
    [() => new MockFs().fail("write", "/a", "EIO", { nth: 0 }), /"options.nth" must be a whole number of at least 1/],
    [() => new MockLink(1 as never), /"target" must be a string/],
  ])("wrong arguments: %s", (body, message) => expect(String(thrownBy(body))).toMatch(message));
});

describe("faults", () => {
  it("MK-06 the next time, the nth time, or from then on", () =>
    run(function* () {
      const files = new MockFs({ a: "", b: "" });
      const [a, b] = [files.cwd.join("a"), files.cwd.join("b")];
      const outcomes = function* (path: typeof a) {
        const all: unknown[] = [];
        for (let i = 0; i < 4; i++) all.push(yield* codeOf(path.save("x", overwrite)));
        return all;
      };
      files.fail("write", "/a", "ENOSPC");
      expect(yield* outcomes(a)).toEqual(["ENOSPC", "done", "done", "done"]);
      files.fail("open", "/a", "EMFILE", { nth: 2 });
      expect([yield* outcomes(a), yield* outcomes(b)]).toEqual([
        ["done", "EMFILE", "done", "done"],
        ["done", "done", "done", "done"],
      ]);
      files.fail("write", "*", "EIO", { nth: 3, always: true });
      expect(yield* outcomes(b)).toEqual(["done", "done", "EIO", "EIO"]);
      files.fail("write", "/b", new Error("of its own"));
      expect(yield* codeOf(b.save("x", overwrite))).toBe("Error: of its own");
    }));

  it("what fails is as from the system, changes nothing, and nothing stays open", () =>
    run(function* () {
      const files = new MockFs({ notes: { "today.txt": "old" } });
      const path = files.cwd.join("notes/./today.txt");
      files.fail("open", "/notes/today.txt", "EACCES");
      expect(yield* failureOf(path.save("new", overwrite))).toBe(
        "IoError: Fs Permission_denied, opening <cwd:notes/./today.txt>",
      );
      files.fail("write", "/notes/today.txt", "ENOSPC");
      expect(yield* failureOf(path.save("new", { create: "never" }))).toMatch(/^IoError/);
      expect(files.tree("/notes")).toEqual({ "today.txt": "old" });
      expect(files.opened).toEqual([]);
    }));

  it("a disk that is full keeps the old file when the new one is written beside it", () =>
    run(function* () {
      const files = new MockFs({ a: "old" });
      for (const operation of ["open", "write", "sync", "rename"] as const) {
        files.fail(operation, "*", "ENOSPC");
        expect(yield* codeOf(files.cwd.join("a").save("new", { ...overwrite, atomic: true }))).toBe("ENOSPC");
        expect(files.tree()).toEqual({ a: "old" });
      }
    }));

  it("MK-07 a script lets, delays, and hangs; what waits can be cancelled, and has not begun", () =>
    run(function* ({ clock }) {
      const files = new MockFs({ a: "" });
      const [answer, resolver] = Deferred.create<Result<void>>();
      files
        .before("write", "/a")
        .seq([{ run: () => clock.sleep(5) }, { await: answer }, { run: () => Fiber.awaitCancel() }]);
      const save = (text: string) => files.cwd.join("a").save(text, { create: "never" });
      yield* save("1");
      expect([clock.now(), files.tree()]).toEqual([5, { a: "1" }]);
      yield* Fiber.both(
        () => save("2"),
        function* () {
          expect(files.tree()).toEqual({ a: "1" });
          resolver.resolveOk(undefined);
        },
      );
      expect(files.tree()).toEqual({ a: "2" });
      yield* Fiber.first<unknown, void>(
        () => save("3"),
        () => clock.sleep(1),
      );
      expect([files.tree(), files.opened]).toEqual([{ a: "2" }, []]);
    }));

  it("who reads and writes at the position does so in turn, also when the disk is slow", () =>
    run(function* ({ clock }) {
      const files = new MockFs({ a: "abcdef" });
      files.before("read", "/a").seq([{ run: () => clock.sleep(5) }]);
      yield* files.cwd.join("a").withOpenIn(function* (file) {
        const take = () => Flow.readExact(file, new Uint8Array(2));
        yield* Fiber.both(take, take);
        expect(yield* file.seek(0, "cur")).toBe(4);
      });
    }));

  it("a file that is closed while an operation waits is not used any more", () =>
    run(function* ({ clock }) {
      const files = new MockFs({ a: "" });
      files.before("write", "/a").seq([{ run: () => clock.sleep(5) }]);
      yield* files.cwd.join("a").withOpenOut({ create: "never" }, function* (file) {
        const [failure] = yield* Fiber.pair(
          () => failureOf(Flow.copyString("x", file)),
          () => file.close(),
        );
        expect(failure).toMatch(/^InvalidArgument: write: .* after calling close!$/);
      });
      expect(files.tree()).toEqual({ a: "" });
    }));
});

describe("traces", () => {
  it("MK-08 one line for each operation, with what it did, or the code of what went wrong", () => {
    let opened: readonly string[] = [];
    const lines = tracedBy(function* () {
      const files = new MockFs({ notes: { old: "12345" } }, { trace: true, cwd: "/notes" });
      const { cwd } = files;
      yield* cwd.join("new").save("hello", { ...overwrite, atomic: true });
      expect(yield* codeOf(cwd.join("x/y").mkdir({ perm: 0o700 }))).toBe("ENOENT");
      yield* cwd.join("old").withOpenOut({ create: "never" }, function* (file) {
        opened = files.opened;
        yield* file.read(new Uint8Array(3));
        yield* file.truncate(0);
      });
      yield* cwd.join("link").symlink("old");
      yield* cwd.join("sub").mkdirs({ perm: 0o700 });
      yield* cwd.join("sub").withSubtree((sub) => cwd.join("link").rename(sub.join("./moved")));
      yield* cwd.join("sub").rmtree();
    });
    expect(opened).toEqual(["/notes/old"]);
    expect(lines).toEqual([
      "fs: open /notes/.new.1",
      "fs: write /notes/.new.1 (5 bytes)",
      "fs: sync /notes/.new.1",
      "fs: close /notes/.new.1",
      "fs: rename /notes/.new.1 to /notes/new",
      "fs: mkdir /notes/x/y: ENOENT",
      "fs: open /notes/old",
      "fs: read /notes/old",
      "fs: truncate /notes/old to 0",
      "fs: close /notes/old",
      "fs: symlink /notes/link -> old",
      "fs: mkdir /notes/sub",
      "fs: openSubtree /notes/sub",
      "fs: rename /notes/link to /notes/sub/moved",
      "fs: close /notes/sub",
      "fs: stat /notes/sub",
      "fs: openSubtree /notes/sub",
      "fs: readDir /notes/sub",
      "fs: close /notes/sub",
      "fs: stat /notes/sub/moved",
      "fs: unlink /notes/sub/moved",
      "fs: close /notes/sub",
      "fs: rmdir /notes/sub",
    ]);
  });
});

describe("permissions", () => {
  it("FS-41 matter for whoever is not 0", () =>
    run(function* () {
      const files = new MockFs({ home: {}, etc: { shadow: "secret" } }, { uid: 1000, cwd: "/home" });
      const own = files.cwd.join("own");
      yield* own.save("x", { create: { exclusive: 0o200 } });
      expect(yield* codeOf(own.load())).toBe("EACCES");
      yield* own.chmod({ perm: 0o600, follow: true });
      expect(yield* own.load()).toBe("x");
      yield* files.cwd.join("closed/inner").mkdirs({ perm: 0o700 });
      yield* files.cwd.join("closed").chmod({ perm: 0o600, follow: true });
      expect(yield* codeOf(files.cwd.join("closed/inner").stat({ follow: true }))).toBe("EACCES");
      expect(yield* files.cwd.join("closed").readDir()).toEqual(["inner"]);
      expect(yield* codeOf(own.chown({ uid: 0, follow: true }))).toBe("EPERM");
      yield* files.cwd.chmod({ perm: 0o500, follow: true });
      for (const change of [
        own.unlink(),
        own.rename(files.cwd.join("b")),
        files.cwd.join("new").mkdir({ perm: 0o700 }),
      ])
        expect(yield* codeOf(change)).toBe("EACCES");
    }));
});

it("files are flows, and end", () =>
  run(function* () {
    const files = new MockFs({ a: "one\ntwo" });
    yield* Switch.run(function* (sw) {
      const file = yield* files.cwd.join("a").openIn({ sw });
      expect(yield* Flow.readAll(file)).toBe("one\ntwo");
      let end: unknown;
      try {
        yield* file.read(new Uint8Array(1));
      } catch (error) {
        end = error;
      }
      expect(end).toBeInstanceOf(EndOfFile);
      expect(yield* codeOf(Flow.copyString("x", file))).toBe("EBADF");
    });
  }));
