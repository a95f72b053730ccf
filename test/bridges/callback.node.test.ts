// Node only: its own callback functions, and its timers, which are objects.

import { execFile } from "node:child_process";
import { closeSync, exists, openSync, read } from "node:fs";
import { callbackify, promisify } from "node:util";
import { expect, it } from "vitest";
import { Cancel, Fiber, type Op } from "trestle";
import { fromCallback, fromNode, toNode, toPromise } from "@trestle/bridges";
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

/** Calls `start` with a callback, and gives what that was called with. */
function called(start: (callback: (...args: unknown[]) => void) => void): Promise<unknown[]> {
  return new Promise((resolve) => start((...args) => resolve(args)));
}

const failingWith = (error: unknown) =>
  function* (): Op<never> {
    yield* Fiber.yield();
    throw error;
  };

function* triple(x: number): Op<number> {
  if (x > 1) yield* Fiber.yield();
  return 3 * x;
}

it("BC-32 the error is the same object, and a falsy one is wrapped as callbackify wraps it", async () => {
  const error = new Error("no");
  expect((await called((callback) => toNode(failingWith(error))(callback)))[0]).toBe(error);
  for (const falsy of [null, undefined, 0, ""]) {
    const [ours] = await called((callback) => toNode(failingWith(falsy))(callback));
    const [theirs] = await called((callback) => callbackify(() => Promise.reject(falsy))(callback));
    expect(ours).toMatchObject({ code: (theirs as { code: string }).code, reason: falsy });
  }
});

it("BC-35 promisify gives the async function, without a callback in between", async () => {
  const node = toNode(triple);
  const seen: unknown[] = [];
  const promised = promisify(node as never) as unknown as (x: number) => Promise<number>;
  expect(promised).toBe((node as never)[promisify.custom]);
  expect(await promised(2)).toBe(6);
  await promised(1).then((value) => seen.push(value));
  expect(seen).toEqual([3]);
});
