// Node only: it loads the library twice, which a page does not.

import { describe, expect, it, vi } from "vitest";
import * as here from "trestle";
import * as bridges from "@trestle/bridges";
import * as rxjs from "@trestle/bridges/rxjs";

type ErrorClass = new (...args: unknown[]) => Error & { code: string };
type Classes = Record<string, ErrorClass>;

/** How to make each, and its code. */
const ERRORS: Record<string, [code: string, ...args: unknown[]]> = {
  Cancelled: ["CANCELLED", "why"],
  NotInFiberError: ["NOT_IN_FIBER", "here"],
  InvalidArgument: ["INVALID_ARGUMENT", "wrong"],
  SwitchFinishedError: ["SWITCH_FINISHED", "name"],
  RuntimeClosedError: ["RUNTIME_CLOSED", "here"],
  EmptyError: ["EMPTY"],
  TooManyError: ["TOO_MANY"],
  OverflowError: ["OVERFLOW", "source", 16, 1],
  ClosedError: ["CLOSED", "message"],
  ReentrantLimitError: ["REENTRANT_LIMIT"],
};

const ours = here as unknown as Classes;

describe("the errors of the borders", () => {
  it("each has one class, exported from the core, with its name and a code", () => {
    for (const [name, [code, ...args]] of Object.entries(ERRORS)) {
      const error = new ours[name]!(...args);
      expect(error).toMatchObject({ name, code });
      expect(error).toBeInstanceOf(Error);
      for (const module of [bridges, rxjs] as unknown as Classes[])
        if (name in module) expect(module[name]).toBe(ours[name]);
    }
  });

  it("instanceof tells them from each other, and from everything else", () => {
    for (const [name, [, ...args]] of Object.entries(ERRORS)) {
      const error = new ours[name]!(...args);
      const families = Object.keys(ERRORS).filter((other) => error instanceof ours[other]!);
      expect(families).toEqual(name === "SwitchFinishedError" ? ["InvalidArgument", name] : [name]);
      for (const other of [new Error(name), { name }, name, null, undefined, Object.create(null)])
        expect(other instanceof ours[name]!).toBe(false);
    }
    class Mine extends here.Cancelled {}
    expect(new Mine("why")).toBeInstanceOf(here.Cancelled);
    expect(new here.Cancelled("why")).not.toBeInstanceOf(Mine);
  });

  it("instanceof knows the errors of another copy of the library", async () => {
    vi.resetModules();
    const theirs = (await import("trestle")) as unknown as Classes;
    for (const [name, [, ...args]] of Object.entries(ERRORS)) {
      expect(theirs[name]).not.toBe(ours[name]);
      const error = new theirs[name]!(...args);
      const families = Object.keys(ERRORS).filter((other) => error instanceof ours[other]!);
      expect(families).toEqual(name === "SwitchFinishedError" ? ["InvalidArgument", name] : [name]);
      expect(new ours[name]!(...args)).toBeInstanceOf(theirs[name]!);
      expect(new Error(name)).not.toBeInstanceOf(ours[name]!);
    }
    class Mine extends here.Cancelled {}
    expect(new theirs["Cancelled"]!("why")).not.toBeInstanceOf(Mine);
  });
});
