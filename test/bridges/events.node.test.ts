// Node only: the warning of too many listeners.

import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { once, toPromise } from "@trestle/bridges";
import { macrotask } from "./world.js";

it("BE-17 BG-51 a thousand fibers that wait for one event cause no warning", async () => {
  const emitter = new EventEmitter();
  const warnings: unknown[] = [];
  const onWarning = (warning: unknown) => warnings.push(warning);
  process.on("warning", onWarning);
  const all = Array.from({ length: 1000 }, () => toPromise(() => once(emitter, "x")));
  emitter.emit("x", "all");
  await Promise.all(all);
  await macrotask();
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});
