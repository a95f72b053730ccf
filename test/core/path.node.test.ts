// Node only: files of the system.

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import fc from "fast-check";
import { Fiber, Flow, InvalidArgument, type Op, type Path } from "trestle";
import { run, type NodeEnv } from "trestle/node";
import { create, failureOf, plantTree, testPaths } from "./path-suite.js";

const folder = fs.mkdtempSync(join(tmpdir(), "trestle-path-"));
const before = process.cwd();
beforeAll(() => {
  process.chdir(folder);
  process.umask(0o022);
});
afterAll(() => {
  process.chdir(before);
  fs.rmSync(folder, { recursive: true });
});

const bytes = (text: string) => new TextEncoder().encode(text);
let nextName = 0;
/** A fresh directory below the current one, as a path from `cwd` and from `fs`. */
const inFresh = async (body: (at: Path, env: NodeEnv & { name: string }) => Op<unknown>): Promise<void> => {
  const name = `d${nextName++}`;
  fs.mkdirSync(name);
  await run((env) => body(env.cwd.join(name), { ...env, name }));
};

testPaths({
  inFresh,
  inCurrent: (body) =>
    inFresh(function* (_, env) {
      process.chdir(env.name);
      try {
        yield* body(env);
      } finally {
        process.chdir(folder);
      }
    }),
  countOpen: () => fs.readdirSync("/proc/self/fd").length,
});

describe("files of the system", () => {
  it("FS-14 RB-24 files that say nothing about their size are loaded, too", () =>
    run(function* ({ fs: everything }) {
      expect(yield* everything.join("/proc/self/cmdline").load()).toContain("node");
    }));

  it("FS-22 times are not rounded up", () =>
    inFresh(function* (at, { name }) {
      yield* at.join("a").save("12345", create(0o640));
      fs.utimesSync(`${name}/a`, 1_700_000_000.9999, 1_700_000_000.9999);
      const file = yield* at.join("a").stat({ follow: true });
      expect(Math.floor(file.mtime.getTime() / 1000)).toBe(1_700_000_000);
      expect(file.mtimeNs / 1_000_000n).toBe(BigInt(file.mtime.getTime()));
    }));

  it("FS-44 RB-27 SC-10 reads that never have to wait stop soon after a cancellation", () =>
    run(function* ({ fs: everything }) {
      const outcome = yield* Fiber.first(
        () =>
          everything.join("/dev/zero").withOpenIn(function* (zero) {
            const buffer = new Uint8Array(10);
            for (;;) yield* zero.read(buffer);
          }),
        function* () {
          yield* Fiber.yield();
          return "stopped";
        },
      );
      expect(outcome).toBe("stopped");
    }));
});

describe("the sandbox", () => {
  const inTree = (body: (base: Path, env: NodeEnv & { name: string }) => Op<unknown>) =>
    inFresh(function* (top, env) {
      yield* plantTree(top);
      yield* top.join("base").withSubtree((base) => body(base, env));
    });

  it("RB-38 a directory that is exchanged for a link meanwhile leads nowhere", () =>
    inTree(function* (base, { name, clock }) {
      fs.mkdirSync(`${name}/base/swap`);
      fs.writeFileSync(`${name}/base/swap/secret`, "decoy");
      fs.symlinkSync("../outside", `${name}/base/evil`);
      let exchanging = true;
      const seen = new Set<string>();
      yield* Fiber.both(
        function* () {
          for (let i = 0; i < 300; i++) {
            seen.add(yield* contents(base.join("swap/secret")));
          }
          exchanging = false;
        },
        function* () {
          while (exchanging) {
            fs.renameSync(`${name}/base/swap`, `${name}/base/aside`);
            fs.renameSync(`${name}/base/evil`, `${name}/base/swap`);
            yield* clock.sleep(0.0005);
            fs.renameSync(`${name}/base/swap`, `${name}/base/evil`);
            fs.renameSync(`${name}/base/aside`, `${name}/base/swap`);
            yield* clock.sleep(0.0005);
          }
        },
      );
      expect(seen.has("secret")).toBe(false);
      expect(seen.has("decoy")).toBe(true);
    }));

  function* contents(path: Path): Op<string> {
    try {
      return yield* path.load();
    } catch {
      return "refused";
    }
  }

  it("PT-11 any path: what stays inside is what the system finds, what leads out is refused", () =>
    inTree(function* (base, { name }) {
      const part = fc.constantFrom(
        "..",
        ".",
        "foo",
        "bar",
        "file",
        "up",
        "short",
        "root",
        "escape",
        "leak",
        "dangling",
        "",
      );
      const paths = fc.sample(fc.array(part, { minLength: 1, maxLength: 6 }), { numRuns: 200, seed: 7 });
      const root = fs.realpathSync(`${name}/base`);
      for (const parts of paths) {
        const path = parts.join("/").replace(/^\/+/, "");
        if (path === "") continue;
        const inside = insideOf(root, path);
        const kind = yield* outcomeOf(base.join(path));
        if (inside === "out") expect([path, kind]).toEqual([path, "refused"]);
        else expect([path, kind]).toEqual([path, inside]);
      }
    }));

  function* outcomeOf(path: Path): Op<string> {
    try {
      return yield* path.kind({ follow: true });
    } catch (error) {
      return /Permission_denied/.test(String(error)) ? "refused" : "error";
    }
  }

  /** The same by a plain walk over names and links. */
  function insideOf(root: string, path: string): string {
    const at: string[] = [];
    const left = path.split("/");
    let wantsDirectory = /(^|\/)\.?$/.test(path);
    for (let links = 0; left.length > 0;) {
      const name = left.shift()!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (at.length === 0) return "out";
        at.pop();
        continue;
      }
      const here = join(root, ...at, name);
      const stats = fs.lstatSync(here, { throwIfNoEntry: false });
      if (!stats) return "not_found";
      if (stats.isSymbolicLink()) {
        if (++links > 40) return "error";
        const target = fs.readlinkSync(here);
        if (target.startsWith("/")) return "out";
        left.unshift(...target.split("/"));
        continue;
      }
      if (!stats.isDirectory() && (left.length > 0 || wantsDirectory)) return "error";
      at.push(name);
    }
    wantsDirectory = false;
    return fs.statSync(join(root, ...at)).isDirectory() ? "directory" : "regular";
  }
});

describe("without limits", () => {
  it("FS-06 native names", () =>
    run(function* ({ fs: everything, cwd }) {
      expect([
        everything.native(),
        everything.join("/").native(),
        everything.join("/etc").native(),
        everything.join("foo/bar").native(),
        cwd.join("..").native(),
        cwd.join("/foo").native(),
      ]).toEqual([".", "/", "/etc", "./foo/bar", "./..", "/foo"]);
      fs.mkdirSync("native/sub", { recursive: true });
      yield* cwd.join("native").withSubtree(function* (subtree) {
        expect([subtree.nativeOrThrow(), subtree.join("a").nativeOrThrow()]).toEqual(["./native", "./native/a"]);
        yield* Fiber.yield();
      });
    }));

  it("FS-04 where it seems to be Windows, backslashes separate, and what is no name there leads out", () =>
    inFresh(function* (at, { name, processMgr }) {
      yield* at.join("inside").mkdir({ perm: 0o700 });
      yield* at.join("secret").save("secret", create(0o600));
      yield* at.join("inside/file").save("text", create(0o600));
      fs.symlinkSync("..\\secret", `${name}/inside/link`);
      fs.symlinkSync(".\\file", `${name}/inside/good`);
      const program = join(before, "test", `windows-${process.pid}.mjs`);
      fs.writeFileSync(
        program,
        `Object.defineProperty(process, "platform", { value: "win32" });
        const { run } = await import("trestle/node");
        await run(({ cwd, fs }) => cwd.join(process.argv[2]).withSubtree(function* (inside) {
          for (const path of JSON.parse(process.argv[3])) {
            try {
              console.log(yield* inside.join(path).load());
            } catch (error) {
              console.log(error.err.kind, String(error).replace(/^IoError: .*, opening/, "opening"));
            }
          }
          console.log(fs.join("C:\\\\x").native(), fs.join("\\\\\\\\host\\\\x").native(), fs.join("x").native());
        }));`,
      );
      try {
        const good = ["file", ".\\file", "good"];
        const bad = [
          "..\\secret",
          ".\\..\\secret",
          "link",
          "C:\\secret",
          "c:secret",
          "\\secret",
          "\\\\?\\C:\\x",
          "file:stream",
          ".. \\secret",
          "file.",
          "NUL",
          "com1.txt",
        ];
        const missing = ["inside\\file", "console"];
        const output = Flow.bufferSink();
        const paths = JSON.stringify([...good, ...bad, ...missing]);
        const args = [process.execPath, program, `${name}/inside`, paths];
        yield* processMgr.run(args, { stdout: output });
        expect(output.text.trimEnd().split("\n")).toEqual([
          ...good.map(() => "text"),
          ...bad.map((path) => `Permission_denied opening <inside:${path}>`),
          ...missing.map((path) => `Not_found opening <inside:${path}>`),
          "C:\\x \\\\host\\x ./x",
        ]);
      } finally {
        fs.rmSync(program);
      }
    }));

  it("FS-59 FS-60 both begin in the current directory; a subtree stays where it was", () =>
    inFresh((at, { name, cwd, fs: everything }) =>
      at.withSubtree(function* (subtree) {
        yield* subtree.join("file").save("here", create(0o600));
        process.chdir(name);
        try {
          expect(yield* cwd.join("file").load()).toBe("here");
          expect(yield* everything.join("file").load()).toBe("here");
          expect(yield* everything.join(`../${name}/file`).load()).toBe("here");
          expect(yield* everything.join(join(folder, name, "file")).load()).toBe("here");
          expect(yield* subtree.join("file").load()).toBe("here");
        } finally {
          process.chdir(folder);
        }
      }),
    ));

  it("FS-63 the null device, for those who may reach it", () =>
    run(function* ({ fs: everything, cwd }) {
      expect(yield* everything.join("/dev/null").load()).toBe("");
      expect(yield* failureOf(cwd.join("/dev/null").load())).toMatch(/^IoError: Fs Permission_denied/);
    }));

  it("UX-12 RB-43 children do not inherit what is open", () =>
    inFresh((at) =>
      at.join("a").withOpenOut(create(0o600), function* (file) {
        const { execFileSync } = yield* required();
        const listed = execFileSync("ls", ["-l", "/proc/self/fd"]).toString();
        expect(listed).not.toContain(folder);
        expect(file.fd).toBeGreaterThan(2);
        expect(() => file.pread([bytes("a")], -1)).toThrow(RangeError);
        expect(InvalidArgument.name).toBe("InvalidArgument");
      }),
    ));

  function* required(): Op<typeof import("node:child_process")> {
    return process.getBuiltinModule("node:child_process");
  }
});
