// @ts-check
// An emitter that emits a few events at a time, and somebody who takes them in order.

import { EventEmitter, on } from "node:events";
import { setImmediate } from "node:timers/promises";
import { Done, events, toPromise } from "@trestle/bridges";
import { Switch } from "trestle";

const AT_ONCE = 16;

/** @param {EventEmitter} emitter @param {number} n */
async function emit(emitter, n) {
  for (let i = 0; i < n; i++) {
    emitter.emit("value", i);
    if (i % AT_ONCE === AT_ONCE - 1) await setImmediate();
  }
  emitter.emit("end");
}

/** @param {Switch} sw @param {EventEmitter} emitter */
function* taking(sw, emitter) {
  const values = yield* events(sw, emitter, "value", { until: "end" });
  let sum = 0;
  for (let value = yield* values.next(); value !== Done; value = yield* values.next()) {
    sum += /** @type {number} */ (value[0]);
  }
  return sum;
}

/** @param {number} n */
async function trestle(n) {
  const emitter = new EventEmitter();
  const sum = toPromise(() => Switch.run((sw) => taking(sw, emitter)));
  await emit(emitter, n);
  return await sum;
}

/** @param {EventEmitter} emitter */
async function iterate(emitter) {
  let sum = 0;
  for await (const [value] of on(emitter, "value", { close: ["end"] })) sum += value;
  return sum;
}

/** @param {number} n */
async function eventsOn(n) {
  const emitter = new EventEmitter();
  const sum = iterate(emitter);
  await emit(emitter, n);
  return await sum;
}

/** @type {import("../row.js").Row} */
export default {
  key: "events",
  title: `events, ${AT_ONCE} at a time`,
  size: 100_000,
  of: "events",
  contenders: { trestle, "events.on": eventsOn },
  expected: (n) => (n * (n - 1)) / 2,
  bars: [{ against: "events.on", most: 1 }],
};
