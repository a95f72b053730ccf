/**
 * Checksums of the files of a directory, computed in several threads at once: each file is a job that reads it in pieces with the
 * capabilities of its own thread.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ExecutorPool, Fiber, IoError, jobOf, Switch, type DomainManager, type Op } from "trestle";
import { run } from "trestle/node";
import type * as jobs from "./checksum-jobs.js";

const module = new URL("./checksum-jobs.js", import.meta.url);

/** The program: the checksums of `files`, in their order, computed in `threads` threads. */
function* checksums(domainMgr: DomainManager, files: readonly string[], threads: number): Op<string[]> {
  return yield* Switch.run(function* (sw) {
    const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: threads, name: "checksum" });
    return yield* Fiber.map(files, (file) =>
      pool.submitOrThrow(jobOf<typeof jobs.checksum>(module, "checksum", [file])),
    );
  });
}

let folder: string;
const contents = new Map<string, Buffer>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trestle-checksum-"));
  for (let i = 0; i < 24; i++) {
    const bytes = Buffer.alloc(i === 7 ? 0 : 1_000 * 2 ** (i % 10), `file ${i} `);
    contents.set(join(folder, `${i}.bin`), bytes);
    writeFileSync(join(folder, `${i}.bin`), bytes);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("parallel checksums", () => {
  it("are those of the files, in their order", async () => {
    const files = [...contents.keys()];
    const sums = await run((env) => checksums(env.domainMgr, files, 3));
    expect(sums).toEqual(files.map((file) => createHash("sha256").update(contents.get(file)!).digest("hex")));
  });

  it("fail with the error of the file that cannot be read, steps included, and stop the others", async () => {
    const files = [...contents.keys(), join(folder, "no-such.bin"), ...contents.keys()];
    const failure: unknown = await run((env) => checksums(env.domainMgr, files, 2)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(IoError);
    expect((failure as IoError).err).toMatchObject({ area: "Fs", kind: "Not_found" });
    expect((failure as IoError).context.at(-1)).toBe(`checksum of ${join(folder, "no-such.bin")}`);
  });
});
