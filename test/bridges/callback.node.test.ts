// Node only: its own callback functions, and its timers, which are objects.

import { execFile } from "node:child_process";
import { closeSync, exists, openSync, read } from "node:fs";
import { expect, it } from "vitest";
import { Cancel, type Op } from "trestle";
import { fromCallback, fromNode, toPromise } from "@trestle/bridges";
import { outcome } from "./world.js";

it("BC-03 honours what Node's functions declare for promisify", async () => {
  const there = fromNode(exists) as unknown as (path: string) => Op<boolean>;
  expect(await toPromise(() => there(import.meta.filename))).toBe(true);
  const run = fromNode(execFile) as unknown as (file: string, args: string[]) => Op<{ stdout: string; stderr: string }>;
  const result = await toPromise(() => run(process.execPath, ["-e", "console.log('out')"]));
  expect(result).toEqual({ stdout: "out\n", stderr: "" });
  const file = openSync(import.meta.filename, "r");
  const bytes = fromNode(read) as unknown as (...args: unknown[]) => Op<{ bytesRead: number; buffer: Buffer }>;
  const got = await toPromise(() => bytes(file, Buffer.alloc(7), 0, 7, 0));
  closeSync(file);
  expect(got.bytesRead).toBe(7);
  expect(got.buffer.toString()).toBe("// Node");
});

it("BC-10 undoes a timer", async () => {
  const log: string[] = [];
  const timer = setTimeout(() => log.push("timer fired"), 0);
  const ended = toPromise(() =>
    Cancel.sub(function* (cc) {
      yield* fromCallback(() => {
        queueMicrotask(() => cc.cancel("stop"));
        return timer;
      });
    }),
  );
  expect(await outcome(ended)).toBe("error AbortError: The operation was aborted");
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(log).toEqual([]);
});
