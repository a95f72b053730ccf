import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ExitCode, MigrationError } from "../../../codemods/failure.js";
import { prepareEdits } from "../../../codemods/file-edit.js";
import { nodeFileSystem, type FileSystem } from "../../../codemods/file-system.js";
import { readJournal, restoreJournal } from "../../../codemods/journal.js";
import type { FileChange } from "../../../codemods/plan.js";
import { replaceFiles } from "../../../codemods/transaction.js";
import { ioError, watchedFileSystem } from "./faulty-file-system.js";
import { contents, snapshot, temporaryFolder, writeFiles } from "./project-on-disk.js";

const files = { "a.ts": "a before\n", "deep/b.ts": "b before\n", "deep/c.ts": "c before\n", "other.txt": "other\n" };

function folder(): { root: string; changes: FileChange[] } {
  const root = temporaryFolder();
  writeFiles(root, files);
  chmodSync(join(root, "deep/b.ts"), 0o755);
  const changes = ["a.ts", "deep/b.ts", "deep/c.ts"].map((name) => {
    const path = join(root, name);
    return { path, before: readFileSync(path, "utf8"), after: readFileSync(path, "utf8").replace("before", "after") };
  });
  return { root, changes };
}

async function write(
  root: string,
  changes: readonly FileChange[],
  fs: FileSystem,
  signal?: AbortSignal,
): Promise<void> {
  await replaceFiles(await prepareEdits(changes, nodeFileSystem), { root, fs, signal });
}

async function failureOf(work: Promise<unknown>): Promise<MigrationError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MigrationError);
  return error as MigrationError;
}

/** What the tree is after an undisturbed run, and how many steps that takes. */
async function undisturbed(): Promise<{ after: Record<string, string>; steps: string[] }> {
  const { root, changes } = folder();
  const steps: string[] = [];
  await write(
    root,
    changes,
    watchedFileSystem((_, name) => steps.push(name)),
  );
  return { after: contents(root), steps };
}

describe("writing", () => {
  it("O-04 replaces the changed files, keeps their modes, and leaves the others with their times", async () => {
    const { root, changes } = folder();
    const before = snapshot(root);
    await write(root, changes, nodeFileSystem);

    const after = snapshot(root);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(after["other.txt"]).toBe(before["other.txt"]);
    expect(readFileSync(join(root, "deep/b.ts"), "utf8")).toBe("b after\n");
    expect(statSync(join(root, "deep/b.ts")).mode & 0o7777).toBe(0o755);
  });

  it("O-04 writes through a link to the file it leads to, and the link stays", async () => {
    const { root } = folder();
    const elsewhere = temporaryFolder();
    writeFiles(elsewhere, { "real.ts": "real before\n" });
    symlinkSync(join(elsewhere, "real.ts"), join(root, "link.ts"));
    const change = { path: join(root, "link.ts"), before: "real before\n", after: "real after\n" };
    await write(root, [change], nodeFileSystem);

    expect(contents(root)["link.ts"]).toBe(`link ${join(elsewhere, "real.ts")}`);
    expect(readFileSync(join(elsewhere, "real.ts"), "utf8")).toBe("real after\n");
  });

  it("O-04 keeps a byte order mark that the reader of the file dropped, and line ends", async () => {
    const root = temporaryFolder();
    writeFiles(root, { "bom.ts": "\uFEFFone\r\ntwo\r\n" });
    await write(
      root,
      [{ path: join(root, "bom.ts"), before: "one\r\ntwo\r\n", after: "1\r\ntwo\r\n" }],
      nodeFileSystem,
    );
    expect(readFileSync(join(root, "bom.ts"), "utf8")).toBe("\uFEFF1\r\ntwo\r\n");
  });

  it("O-04 a change that changes nothing does not touch its file", async () => {
    const { root } = folder();
    const before = snapshot(root);
    await write(root, [{ path: join(root, "a.ts"), before: "a before\n", after: "a before\n" }], nodeFileSystem);
    expect(snapshot(root)).toEqual(before);
  });

  it("refuses a file that is not UTF-8, rather than damaging it", async () => {
    const root = temporaryFolder();
    writeFiles(root, { "latin.ts": Buffer.from("caf\xe9\n", "latin1") });
    const change = { path: join(root, "latin.ts"), before: "caf\uFFFD\n", after: "tea\n" };
    const failure = await failureOf(write(root, [change], nodeFileSystem));
    expect(failure.exitCode).toBe(ExitCode.badInput);
    expect(failure.message).toContain("latin.ts is not UTF-8");
  });

  it("refuses a file that is not what was analysed any more, or is gone", async () => {
    const { root, changes } = folder();
    writeFileSync(join(root, "a.ts"), "edited\n");
    const before = snapshot(root);
    const failure = await failureOf(write(root, changes, nodeFileSystem));
    expect(failure).toMatchObject({
      exitCode: ExitCode.conflict,
      message: expect.stringContaining("a.ts changed") as string,
    });
    const gone = await failureOf(
      write(root, [{ path: join(root, "gone.ts"), before: "x", after: "y" }], nodeFileSystem),
    );
    expect(gone).toMatchObject({
      exitCode: ExitCode.conflict,
      message: expect.stringContaining("gone.ts is gone") as string,
    });
    expect(snapshot(root)).toEqual(before);
  });

  it("refuses two links to one file that would change in two ways, and writes once if they agree", async () => {
    const { root } = folder();
    symlinkSync(join(root, "a.ts"), join(root, "twin.ts"));
    const change = (name: string, after: string) => ({ path: join(root, name), before: "a before\n", after });
    const failure = await failureOf(write(root, [change("a.ts", "1\n"), change("twin.ts", "2\n")], nodeFileSystem));
    expect(failure.message).toContain("links to one file");
    await write(root, [change("a.ts", "1\n"), change("twin.ts", "1\n")], nodeFileSystem);
    expect(readFileSync(join(root, "a.ts"), "utf8")).toBe("1\n");
  });

  it.each([
    ["deep/b.ts", 0o444, "file is read-only"],
    ["deep", 0o555, "directory cannot be written to"],
  ])("refuses when %s has mode %o, also for a superuser", async (name, mode, message) => {
    const { root, changes } = folder();
    chmodSync(join(root, name), mode);
    const before = snapshot(root);
    const failure = await failureOf(write(root, changes, nodeFileSystem));
    expect(failure.exitCode).toBe(ExitCode.conflict);
    expect(failure.message).toContain(message);
    expect(failure.message).toContain(join(root, name));
    expect(snapshot(root)).toEqual(before);
    chmodSync(join(root, name), 0o755);
  });

  it("refuses when something that is not a folder is where the journal goes", async () => {
    const { root, changes } = folder();
    writeFiles(root, { ".trestle": "mine" });
    const before = snapshot(root);
    const failure = await failureOf(write(root, changes, nodeFileSystem));
    expect(failure).toMatchObject({
      exitCode: ExitCode.conflict,
      message: expect.stringContaining("journal") as string,
    });
    expect(snapshot(root)).toEqual(before);
  });

  it("leaves alone what else is in the .trestle folder", async () => {
    const { root, changes } = folder();
    writeFiles(root, { ".trestle/notes": "mine" });
    await write(root, changes, nodeFileSystem);
    expect(Object.keys(contents(root)).filter((path) => path.startsWith(".trestle"))).toEqual([
      ".trestle",
      ".trestle/notes",
    ]);
  });
});

describe("failures while writing", () => {
  it("O-14 whichever step fails, the tree is all old or all new and nothing else is left", async () => {
    const { after, steps } = await undisturbed();
    expect(steps.length).toBeGreaterThan(30);
    for (const [failing, name] of steps.entries()) {
      const { root, changes } = folder();
      const before = contents(root);
      const fs = watchedFileSystem((index) => {
        if (index === failing) throw ioError();
      });
      const outcome = await write(root, changes, fs).catch((error: unknown) => error);
      const tree = contents(root);
      delete tree[".trestle"]; // an empty folder may stay
      expect(existsSync(join(root, ".trestle/journal")), `journal after step ${failing} (${name})`).toBe(false);
      expect(tree, `step ${failing} (${name})`).toEqual(outcome === undefined ? after : before);
      if (outcome !== undefined) expect(outcome, `step ${failing} (${name})`).toBeInstanceOf(MigrationError);
    }
  });

  it("O-14 a step that fails without end leaves a tree that recovery makes all old", async () => {
    const { after, steps } = await undisturbed();
    for (const [failing, name] of steps.entries()) {
      const { root, changes } = folder();
      const before = contents(root);
      const fs = watchedFileSystem((index) => {
        if (index >= failing) throw ioError();
      });
      const outcome = await write(root, changes, fs).catch((error: unknown) => error);
      const leftover = await readJournal(root, nodeFileSystem);
      if (leftover?.journal !== undefined) await restoreJournal(leftover.journal, nodeFileSystem);
      const tree = contents(root);
      delete tree[".trestle"];
      delete tree[".trestle/journal"]; // not complete, so nothing was touched
      expect(tree, `step ${failing} (${name})`).toEqual(outcome === undefined ? after : before);
    }
  });

  it("O-14 a full disk is told apart by name and everything is put back", async () => {
    const { root, changes } = folder();
    const before = contents(root);
    let writes = 0;
    const fs = watchedFileSystem((_, name) => {
      if (name === "handle.writeFile" && ++writes === 3) throw new Error("ENOSPC: no space left on device, write");
    });
    const failure = await failureOf(write(root, changes, fs));
    expect(failure.exitCode).toBe(ExitCode.rolledBack);
    expect(failure.message).toMatch(
      /could not write (a|deep\/[bc])\.ts: ENOSPC: no space left on device, write; every file was put back/,
    );
    expect(contents(root)).toEqual(before);
  });

  it("O-14 an interruption at any step ends with exit code 130 and the old tree, or comes too late", async () => {
    const { after, steps } = await undisturbed();
    for (const [interrupting, name] of steps.entries()) {
      const { root, changes } = folder();
      const before = contents(root);
      const interruption = new AbortController();
      const fs = watchedFileSystem((index) => {
        if (index === interrupting) interruption.abort();
      });
      const outcome = await write(root, changes, fs, interruption.signal).catch((error: unknown) => error);
      expect(contents(root), `step ${interrupting} (${name})`).toEqual(outcome === undefined ? after : before);
      if (outcome !== undefined) expect(outcome).toMatchObject({ exitCode: ExitCode.interrupted });
    }
  });

  it("a file that somebody edits while the others are written keeps that edit, and the others are put back", async () => {
    const { root, changes } = folder();
    const before = contents(root);
    let renames = 0;
    const fs = watchedFileSystem((_, name) => {
      if (name === "rename" && ++renames === 1) writeFileSync(join(root, "deep/c.ts"), "edited\n");
    });
    const failure = await failureOf(write(root, changes, fs));
    expect(failure).toMatchObject({
      exitCode: ExitCode.conflict,
      message: expect.stringContaining("c.ts changed") as string,
    });
    expect(contents(root)).toEqual({ ...before, "deep/c.ts": before["deep/c.ts"]!.replace("c before", "edited") });
  });

  it("when putting back fails too, says so, and the originals stay in the journal", async () => {
    const { root, changes } = folder();
    const before = contents(root);
    let renames = 0;
    const fs = watchedFileSystem((_, name) => {
      if (name === "rename" && ++renames > 1) throw ioError();
    });
    const failure = await failureOf(write(root, changes, fs));
    expect(failure.exitCode).toBe(ExitCode.conflict);
    expect(failure.message).toContain("run `trestle recover`");
    const leftover = await readJournal(root, nodeFileSystem);
    await restoreJournal(leftover!.journal!, nodeFileSystem);
    expect(contents(root)).toEqual(before);
  });

  it("a second run does not start while the journal of another is there", async () => {
    const { root, changes } = folder();
    mkdirSync(join(root, ".trestle"));
    writeFileSync(join(root, ".trestle/journal"), "");
    const before = contents(root);
    const failure = await failureOf(write(root, changes, nodeFileSystem));
    expect(failure).toMatchObject({
      exitCode: ExitCode.conflict,
      message: expect.stringContaining("another run") as string,
    });
    expect(contents(root)).toEqual(before);
  });
});
