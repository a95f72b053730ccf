// Callbacks, for the conformance suites.

import type { Op } from "trestle";
import { fromCallback, fromNode, fromNodeAll, toCallback, toNode, type CancelHandle } from "@trestle/bridges";
import type { Source } from "../incoming.js";
import type { HandOver } from "../outgoing.js";
import type { Outcome, Sides } from "./world.js";

type Register = (ok: (value: unknown) => void, fail: (error: unknown) => void) => () => void;

/** `register` is called by the adapter with the two ends, and gives what takes them back. */
const callbacks = (wait: (register: Register, onDiscard?: (value: unknown) => void) => Op<unknown>) => (): Source => {
  const ends: Parameters<Register>[] = [];
  let live = 0;
  const answer = (i: 0 | 1, value: unknown) => {
    live = 0;
    // A source without manners: it goes on calling those who have left.
    for (const end of ends) end[i](value);
  };
  const register: Register = (ok, fail) => {
    ends.push([ok, fail]);
    live++;
    return () => void live--;
  };
  return {
    op: wait(register),
    discarding: (onDiscard) => wait(register, onDiscard),
    settle: (value) => answer(0, value),
    fail: (error) => answer(1, error),
    touched: () => ends.length,
    registered: () => live,
  };
};

type NodeStyle = (callback: (error: unknown, value: unknown) => void) => void;

const errorFirst =
  (register: Register): NodeStyle =>
  (callback) =>
    // Error-first callbacks cannot fail with a falsy value: those travel in a box.
    register(
      (value) => callback(null, value),
      (error) => callback({ box: error }, undefined),
    );

const calledBack =
  (
    start: (body: () => Op<unknown>, callback: (error: unknown, value?: unknown) => void, sw: object) => CancelHandle,
  ): HandOver =>
  (body, sw) => {
    let tell!: (outcome: Outcome) => void;
    const outcome = new Promise<Outcome>((resolve) => (tell = resolve));
    const handle = start(body, (error, value) => tell(error === null ? { value } : { error }), sw ? { sw } : {});
    return {
      outcome,
      stop: (reason) => handle.cancel(reason),
      stopped: outcome.then((ended) => ("error" in ended ? ended.error : undefined)),
    };
  };

export const callback: Sides = {
  incoming: {
    fromCallback: [callbacks((register, onDiscard) => fromCallback(register, onDiscard ? { onDiscard } : {}))],
    fromNode: [callbacks((register) => fromNode(errorFirst(register))()), { boxed: true }],
    fromNodeAll: [callbacks((register) => fromNodeAll(errorFirst(register))()), { boxed: true }],
  },
  outgoing: {
    toCallback: [calledBack((body, tell, options) => toCallback(body, tell, options))],
    toNode: [calledBack((body, tell, options) => toNode(body, options)(tell))],
  },
};
