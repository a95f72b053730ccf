import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ExitCode, MigrationError } from "../../../codemods/failure.js";
import { hashOf } from "../../../codemods/file-edit.js";
import type { Report } from "../../../codemods/report/report.js";
import { version } from "../../../codemods/version.js";
import { watchedFileSystem } from "./faulty-file-system.js";
import { trestle, type InvokeOptions } from "./invoke.js";
import {
  committedProject,
  contents,
  git,
  project,
  smallProject,
  snapshot,
  temporaryFolder,
  writeFiles,
} from "./project-on-disk.js";
import { planMigration } from "./stand-in.js";

async function json(root: string, args: readonly string[], options?: InvokeOptions): Promise<Report> {
  const { stdout } = await trestle(root, [...args, "--format", "json"], options);
  return JSON.parse(stdout) as Report;
}

describe("usage", () => {
  it.each([[["--help"]], [["-h"]], [["help"]], [["migrate", "--help"]], [["help", "migrate"]], [["scan", "-h"]]])(
    "O-22 %j prints help with examples and exit codes on stdout and exits 0",
    async (args) => {
      const { code, stdout, stderr } = await trestle("/", args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain("Usage: trestle");
      expect(stdout).toContain("trestle migrate src/jobs --write");
      for (const exitCode of [0, 2, 3, 4, 5, 6, 70, 130])
        expect(stdout).toMatch(new RegExp(`^  ${exitCode} +\\w`, "m"));
    },
  );

  it("O-22 --version prints the version and exits 0", async () => {
    expect(await trestle("/", ["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it.each([
    [["migrate", "--wirte"], "unknown option '--wirte'", "--write"],
    [["migrat"], "unknown command 'migrat'", "migrate"],
    [["scan", "--write"], "unknown option '--write'", ""],
    [["migrate", "--format", "yaml"], "'yaml' is invalid", "text, json"],
    [["migrate", "--project"], "argument missing", "--project <tsconfig>"],
    [["recover", "everything"], "too many arguments", ""],
  ])("O-22 %j exits 2, names the mistake and suggests", async (args, message, suggestion) => {
    const { code, stdout, stderr } = await trestle("/", args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^trestle: /);
    expect(stderr).toContain(message);
    expect(stderr).toContain(suggestion);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it("O-22 without a command it prints help on stderr and exits 2", async () => {
    const { code, stdout, stderr } = await trestle("/", []);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: trestle");
  });

  it("O-22 a failure the user can mend is one line on stderr with its own exit code", async () => {
    const root = project({ "a.ts": "" });
    expect(await trestle(root, ["scan"])).toEqual({
      code: 2,
      stdout: "",
      stderr: `trestle: no tsconfig.json in ${root}; pass one with -p\n`,
    });
  });

  it("O-22 a bug exits 70, says that it is one, and has a stack only on demand", async () => {
    const root = project();
    const engine = { planMigration: () => Promise.reject(new TypeError("x is not a function")) };
    const quiet = await trestle(root, ["scan"], { engine });
    expect(quiet.code).toBe(70);
    expect(quiet.stderr).toContain("internal error: x is not a function");
    expect(quiet.stderr).toContain("bug in trestle");
    expect(quiet.stderr).not.toMatch(/^ +at /m);
    expect((await trestle(root, ["scan", "-v"], { engine })).stderr).toMatch(/^ +at /m);
    expect((await trestle(root, ["scan"], { engine, env: { TRESTLE_DEBUG: "1" } })).stderr).toMatch(/^ +at /m);
  });
});

describe("dry run", () => {
  it("O-22 writes nothing and prints a diff that git applies to the same result as --write", async () => {
    const root = committedProject();
    const before = snapshot(root);
    const { code, stdout } = await trestle(root, ["migrate"]);
    expect(code).toBe(0);
    expect(snapshot(root)).toEqual(before);

    const other = committedProject();
    const patch = join(project({ "dry-run.patch": stdout }), "dry-run.patch");
    git(other, "apply", patch);
    expect((await trestle(root, ["migrate", "--write"])).code).toBe(0);
    expect(contents(other)).toEqual(contents(root));
  });

  it("O-22 needs no git and leaves dirty files be", async () => {
    const { code, stdout } = await trestle(project(), ["migrate"]);
    expect(code).toBe(0);
    expect(stdout).toContain("nothing was written");
    expect(stdout).toContain("trestle migrate --write");
  });

  it("O-22 --quiet leaves out the diff and everything on stderr", async () => {
    const { stdout, stderr } = await trestle(project(), ["migrate", "-q"]);
    expect(stderr).toBe("");
    expect(stdout).not.toContain("@@");
    expect(stdout).toContain("3 to be converted");
  });

  it("repeats the arguments in its advice, quoted for a shell", async () => {
    const root = project({ ...smallProject, "my code/it's.ts": "async function f() {}\n" });
    const { stdout } = await trestle(root, ["migrate", "my code", "-p", "tsconfig.json"]);
    expect(stdout).toContain("`trestle migrate 'my code' -p tsconfig.json --write`");
  });

  it("works below a path only", async () => {
    const report = await json(project(), ["migrate", "src/load.ts"]);
    expect(report.files.map(({ path }) => path)).toEqual(["src/load.ts", "package.json"]);
  });

  it("says that there is nothing to do", async () => {
    const { code, stdout } = await trestle(project({ "tsconfig.json": "{}", "a.ts": "1;\n" }), ["migrate", "--write"]);
    expect(code).toBe(0);
    expect(stdout).toContain("Nothing to change");
  });

  it("O-22 zero-byte files, binary files beside, very long lines and circular links are no trouble", async () => {
    const root = committedProject({
      "tsconfig.json": "{}",
      "empty.ts": "",
      "image.png": Buffer.from([0, 255, 254, 1]),
      "long.ts": `export async function long() { return "${"x".repeat(1_000_000)}"; }\n`,
    });
    symlinkSync(root, join(root, "circle"));
    const before = snapshot(root);
    const report = await json(root, ["migrate", "--write", "--allow-dirty"]);
    expect(report.totals.files).toEqual({ scanned: 2, changed: 1 });
    expect(report.files.map(({ path }) => path)).toEqual(["long.ts"]);
    const after = snapshot(root);
    expect(Object.keys(after).filter((path) => after[path] !== before[path])).toEqual(["long.ts"]);
  });
});

describe("scan", () => {
  it("O-22 writes nothing, counts, and says how to go on", async () => {
    const root = committedProject();
    const before = snapshot(root);
    const { code, stdout } = await trestle(root, ["scan"]);
    expect(code).toBe(0);
    expect(snapshot(root)).toEqual(before);
    expect(stdout).toContain("4 found, 3 to be converted (75 %), 1 left");
    expect(stdout).toMatch(/TR1201 +foreign-callback +1 +first src\/foreign\.ts:1:8/);
    expect(stdout).toContain("`trestle migrate`");
    expect(stdout).not.toContain("@@");
  });
});

describe("the JSON report", () => {
  it("O-06 is one versioned document whose candidates add up", async () => {
    const root = committedProject();
    const report = await json(root, ["migrate"]);
    const { byDisposition, byKind, functions } = report.totals;
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, count) => total + count, 0);
    expect(report).toMatchObject({ version: 1, tool: { version }, command: "migrate", root, written: false });
    expect(sum(byDisposition)).toBe(report.candidates.length);
    expect(sum(byKind)).toBe(report.candidates.length);
    expect(functions).toEqual({ found: 4, converted: 3, facade: 0, left: 1, already: 0 });
    expect(functions.converted + functions.left).toBe(functions.found);
    expect(report.totals.files).toEqual({ scanned: 4, changed: 2 });
    for (const candidate of report.candidates) {
      const size = readFileSync(join(root, candidate.file), "utf8").length;
      expect(candidate.start).toBeLessThan(candidate.end);
      expect(candidate.end).toBeLessThanOrEqual(size);
    }
    expect(report.options).toEqual({
      paths: [],
      format: "json",
      write: false,
      allowDirty: false,
      allowNoGit: false,
      allowBaselineErrors: false,
      quiet: false,
    });
  });

  it("O-06 names the bytes of every file before and after, and what to install", async () => {
    const root = committedProject();
    const dry = await json(root, ["migrate"]);
    expect(dry.install).toEqual({ manifest: "package.json", added: ["trestle"], command: "npm install" });
    const written = await json(root, ["migrate", "--write"]);
    expect(written.written).toBe(true);
    expect(written.files).toEqual(dry.files);
    const again = await json(root, ["migrate"]);
    expect(again.files).toEqual([]);
    for (const { beforeHash, afterHash } of dry.files) expect(beforeHash).not.toBe(afterHash);
  });

  it("O-13 is the same from another folder, apart from the root and the time", async () => {
    const timeless = ({ totals: { seconds: _, ...totals }, root: __, ...rest }: Report) => ({ ...rest, totals });
    expect(timeless(await json(project(), ["scan"]))).toEqual(timeless(await json(project(), ["scan"])));
  });
});

describe("--write", () => {
  it("O-04 changes what the report says and nothing else, and a second run changes nothing", async () => {
    const root = committedProject();
    const before = snapshot(root);
    const { code, stdout } = await trestle(root, ["migrate", "--write"]);
    expect(code).toBe(0);
    expect(stdout).toContain("run `npm install` to fetch trestle");
    const after = snapshot(root);
    const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
    expect(changed).toEqual(["package.json", "src/load.ts", "src/main.ts"]);
    expect(readFileSync(join(root, "src/load.ts"), "utf8")).toContain("export function* load()");
    expect(readFileSync(join(root, "package.json"), "utf8")).toBe(
      smallProject["package.json"]!.toString().replace('"zod"', `"trestle": "^${version}",\n    "zod"`),
    );

    git(root, "commit", "--all", "--quiet", "-m", "migrated");
    expect((await trestle(root, ["migrate", "--write"])).code).toBe(0);
    expect(snapshot(root)).toEqual(after);
  });

  it("O-22 outside of git exits 3, and --allow-no-git or --allow-dirty writes", async () => {
    for (const flag of ["--allow-no-git", "--allow-dirty"]) {
      const root = project();
      const before = snapshot(root);
      const { code, stdout, stderr } = await trestle(root, ["migrate", "--write"]);
      expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
      expect(stderr).toContain("--allow-no-git");
      expect(snapshot(root)).toEqual(before);
      expect((await trestle(root, ["migrate", "--write", flag])).code).toBe(0);
      expect(readFileSync(join(root, "src/main.ts"), "utf8")).toContain("function* main");
    }
  });

  it.each(["src/main.ts", "package.json"])("O-22 exits 3 when %s is not committed", async (name) => {
    const root = committedProject();
    writeFileSync(join(root, name), `${readFileSync(join(root, name), "utf8")}\n`);
    const before = snapshot(root);
    const { code, stderr } = await trestle(root, ["migrate", "--write"]);
    expect(code).toBe(3);
    expect(stderr).toContain(`trestle: ${name} has changes that are not committed`);
    expect(snapshot(root)).toEqual(before);
    expect((await trestle(root, ["migrate", "--write", "--allow-dirty"])).code).toBe(0);
  });

  it("O-22 warns of other dirty files on stderr and writes", async () => {
    const root = committedProject();
    writeFileSync(join(root, "src/plain.ts"), "export const plain = 2;\n");
    const { code, stderr } = await trestle(root, ["migrate", "--write"]);
    expect(code).toBe(0);
    expect(stderr).toContain("1 other file has uncommitted changes");
  });

  it("O-22 exits 6 when a file changes after it was analysed", async () => {
    const root = committedProject();
    const engine = {
      planMigration: async (request: Parameters<typeof planMigration>[0]) => {
        const plan = await planMigration(request);
        writeFileSync(join(root, "src/main.ts"), "// edited meanwhile\n");
        return plan;
      },
    };
    const { code, stderr } = await trestle(root, ["migrate", "--write"], { engine });
    expect(code).toBe(6);
    expect(stderr).toContain(`${join(root, "src/main.ts")} changed since it was read`);
    expect(readFileSync(join(root, "src/load.ts"), "utf8")).toBe(smallProject["src/load.ts"]);
  });

  it("O-22 exits 6 for a read-only file and changes nothing", async () => {
    const root = committedProject();
    chmodSync(join(root, "src/main.ts"), 0o444);
    const before = snapshot(root);
    const { code, stderr } = await trestle(root, ["migrate", "--write"]);
    expect(code).toBe(6);
    expect(stderr).toContain("src/main.ts: the file is read-only");
    expect(snapshot(root)).toEqual(before);
  });

  it("O-14 exits 5 when writing fails half-way, with every file put back", async () => {
    const root = committedProject();
    const before = contents(root);
    let renames = 0;
    const fs = watchedFileSystem((_, name) => {
      if (name === "rename" && ++renames === 2) throw new Error("EIO: i/o error, rename");
    });
    const { code, stdout, stderr } = await trestle(root, ["migrate", "--write"], { engine: { fs } });
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toContain("could not write src/main.ts: EIO: i/o error, rename; every file was put back");
    expect(contents(root)).toEqual(before);
  });

  it("O-14 exits 130 when interrupted before or while writing, with every file as it was", async () => {
    const root = committedProject();
    const before = contents(root);
    const early = new AbortController();
    const engine = {
      planMigration: () => {
        setTimeout(() => early.abort());
        return new Promise<never>(() => undefined);
      },
    };
    const first = await trestle(root, ["migrate", "--write"], { signal: early.signal, engine });
    expect(first).toMatchObject({ code: 130, stdout: "" });
    expect(first.stderr).toContain("interrupted; nothing was changed");

    const late = new AbortController();
    const fs = watchedFileSystem((_, name) => {
      if (name === "rename") late.abort();
    });
    const second = await trestle(root, ["migrate", "--write"], { signal: late.signal, engine: { fs } });
    expect(second).toMatchObject({ code: 130, stdout: "" });
    expect(second.stderr).toContain("interrupted; every file was put back as it was");
    expect(contents(root)).toEqual(before);
  });

  it("O-06 asserts the sums before the first byte is written", async () => {
    const root = committedProject();
    const before = snapshot(root);
    const engine = {
      planMigration: async (request: Parameters<typeof planMigration>[0]) => {
        const plan = await planMigration(request);
        return {
          ...plan,
          candidates: plan.candidates.map((candidate) => ({ ...candidate, disposition: "leave" as const })),
        };
      },
    };
    const { code } = await trestle(root, ["migrate", "--write"], { engine });
    expect(code).toBe(70);
    expect(snapshot(root)).toEqual(before);
  });

  it("O-22 a package.json that is not JSON exits 4 and names it", async () => {
    const root = committedProject({ ...smallProject, "package.json": "{ oops" });
    const { code, stderr } = await trestle(root, ["migrate", "--write"]);
    expect(code).toBe(4);
    expect(stderr).toContain("package.json is not valid JSON");
  });

  it("without a package.json it writes the sources and says what is needed", async () => {
    const { "package.json": _, ...files } = smallProject;
    const root = committedProject(files);
    const { code, stdout } = await trestle(root, ["migrate", "--write"]);
    expect(code).toBe(0);
    expect(stdout).toContain("no package.json was found: make trestle available");
    expect(Object.keys(contents(root))).not.toContain("package.json");
  });
});

describe("after an interrupted run", () => {
  /** Leaves a journal, half of the files new, and the process that wrote it gone. */
  async function interrupted(pid = 2 ** 30): Promise<{ root: string; before: Record<string, string> }> {
    const root = committedProject();
    const before = contents(root);
    let renames = 0;
    const fs = watchedFileSystem((_, name) => {
      if (name === "rename" && ++renames > 1) throw new Error("EIO");
    });
    expect((await trestle(root, ["migrate", "--write"], { engine: { fs } })).code).toBe(6);
    const journal = join(root, ".trestle/journal");
    const lines = readFileSync(journal, "utf8").split("\n");
    lines[0] = lines[0]!.replace(`"pid":${process.pid}`, `"pid":${pid}`);
    const body = lines.slice(0, -2).map((line) => `${line}\n`);
    const end = JSON.stringify({ end: hashOf(Buffer.from(body.join(""))) });
    writeFileSync(journal, `${body.join("")}${end}\n`);
    return { root, before };
  }

  it("O-14 scan and dry run refuse with exit 6 and name the way out", async () => {
    const { root } = await interrupted();
    const torn = snapshot(root);
    for (const command of ["scan", "migrate"]) {
      const { code, stderr } = await trestle(join(root, "src"), [command]);
      expect(code).toBe(6);
      expect(stderr).toContain(`an earlier run was interrupted while it wrote to ${root}; run \`trestle recover\``);
    }
    expect(snapshot(root)).toEqual(torn);
  });

  it("O-14 recover puts every file back, and then has nothing to do", async () => {
    const { root, before } = await interrupted();
    const { code, stdout } = await trestle(join(root, "src"), ["recover"]);
    expect(code).toBe(0);
    expect(stdout).toContain("1 file was put back");
    expect(contents(root)).toEqual(before);
    expect((await trestle(root, ["recover"])).stdout).toBe("There is nothing to recover.\n");
  });

  it("O-14 migrate --write puts every file back first and then migrates", async () => {
    const { root } = await interrupted();
    const { code, stderr } = await trestle(root, ["migrate", "--write"]);
    expect(code).toBe(0);
    expect(stderr).toContain("1 file was put back");
    const other = committedProject();
    await trestle(other, ["migrate", "--write"]);
    expect(contents(root)).toEqual(contents(other));
  });

  it("O-14 finds the journal when the root is known only after the analysis", async () => {
    const { root } = await interrupted();
    const engine = {
      planMigration: (request: Parameters<typeof planMigration>[0]) => planMigration({ ...request, cwd: root }),
    };
    const { code, stderr } = await trestle(temporaryFolder(), ["migrate", "--write"], { engine });
    expect(code).toBe(0);
    expect(stderr).toContain("1 file was put back");
  });

  it("O-14 refuses while the run that wrote it may be alive, unless forced", async () => {
    const { root, before } = await interrupted(process.ppid);
    const torn = snapshot(root);
    for (const args of [["migrate", "--write"], ["recover"]]) {
      const { code, stderr } = await trestle(root, args);
      expect(code).toBe(6);
      expect(stderr).toContain(`another run (process ${process.ppid} on`);
      expect(snapshot(root)).toEqual(torn);
    }
    expect((await trestle(root, ["recover", "--force"])).code).toBe(0);
    expect(contents(root)).toEqual(before);
  });

  it("O-14 refuses when a file was edited since, and does not touch that edit", async () => {
    const { root } = await interrupted();
    writeFileSync(join(root, "src/load.ts"), "// my edit\n");
    const torn = snapshot(root);
    const { code, stderr } = await trestle(root, ["migrate", "--write"]);
    expect(code).toBe(6);
    expect(stderr).toContain(`${join(root, "src/load.ts")} changed after it`);
    expect(snapshot(root)).toEqual(torn);
  });

  it("O-14 a journal that was itself cut short is dropped, since nothing was touched yet", async () => {
    const { root } = await interrupted();
    const journal = readFileSync(join(root, ".trestle/journal"), "utf8");
    for (const length of [0, 10, journal.indexOf("\n") + 1, journal.length >> 1, journal.length - 1]) {
      const untouched = committedProject();
      const before = contents(untouched);
      writeFiles(untouched, { ".trestle/journal": journal.slice(0, length) });
      expect(await trestle(untouched, ["recover"])).toMatchObject({ code: 0 });
      expect(contents(untouched), `journal of ${length} bytes`).toEqual(before);
    }
  });
});

describe("output", () => {
  it("O-22 is plain where there is no terminal: stdout has the report only, stderr a line per step", async () => {
    const { stdout, stderr } = await trestle(project(), ["scan"]);
    expect(stderr).toBe("analysing\n");
    expect(stdout).not.toContain("analysing");
    expect(`${stdout}${stderr}`).not.toContain("\u001B");
  });

  it("O-22 has colours and a bar on a terminal, and no colours with NO_COLOR", async () => {
    const coloured = await trestle(project(), ["migrate"], { terminal: true });
    expect(coloured.stdout).toContain("\u001B[32m+");
    expect(coloured.stderr).toContain("analysing [");
    const grey = await trestle(project(), ["migrate"], { terminal: true, env: { NO_COLOR: "1" } });
    expect(grey.stdout).not.toContain("\u001B");
  });

  it("a failure is printed after the bar is gone", async () => {
    const engine = {
      planMigration: async (request: Parameters<typeof planMigration>[0]) => {
        await planMigration(request);
        throw new MigrationError(ExitCode.badInput, "a.ts does not parse");
      },
    };
    const { code, stderr } = await trestle(project(), ["scan"], { engine, terminal: true });
    expect(code).toBe(4);
    expect(stderr).toMatch(/trestle: a\.ts does not parse\n$/);
  });
});
