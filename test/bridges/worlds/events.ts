// Emitters, for the conformance suites.

import { EventEmitter } from "node:events";
import type { Op, Switch } from "trestle";
import { events as eventsOf, once } from "@trestle/bridges";
import { FirstTaken, type Live, type Source } from "../incoming.js";
import type { Sides } from "./world.js";

class Emitter extends EventEmitter {
  added = 0;

  constructor() {
    super();
    // Somebody else listens for errors, so that emitting one is never an uncaught error.
    this.on("error", () => {});
  }

  override on(event: string | symbol, listener: (...args: unknown[]) => void): this {
    if (event === "x") this.added++;
    return super.on(event, listener);
  }

  ours(): number {
    return this.listenerCount("x") + this.listenerCount("error") - 1;
  }
}

const emitted =
  (wait: (emitter: Emitter) => Op<unknown>, subscribe?: (sw: Switch, emitter: Emitter) => Op<Live>) => (): Source => {
    const emitter = new Emitter();
    const emit = (value: unknown) => void emitter.emit("x", value);
    return {
      op: wait(emitter),
      settle: emit,
      push: emit,
      fail: (error) => void emitter.emit("error", error),
      touched: () => emitter.added,
      registered: () => (emitter.ours() > 0 ? 1 : 0),
      ...(subscribe ? { subscribe: (sw: Switch) => subscribe(sw, emitter) } : {}),
    };
  };

const listening = (sw: Switch, emitter: Emitter) => eventsOf(sw, emitter, "x");

export const events: Sides = {
  incoming: {
    once: [emitted((emitter) => once(emitter, "x")), { shares: true }],
    events: [emitted((emitter) => new FirstTaken((sw) => listening(sw, emitter)), listening), { shares: true }],
  },
  outgoing: {},
};
