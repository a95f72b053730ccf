// What runs inside a domain, on any platform: jobs come as messages, and each is a fiber.

import { describe } from "./engine/describe.js";
import { startRoot, type RootFiber } from "./engine/root.js";
import type { Op, Result } from "./engine/op.js";
import { expectSendable, notCopied } from "./job.js";
import { decodeThrown, encodeThrown, envelope, isMessage, type Message } from "./message.js";
import { RUN_RAW } from "./job-thread.js";
import { registerKnownErrors } from "./known-errors.js";

/** @internal What is used of the port to the parent. */
export interface JobPort {
  post(message: object): void;
  /** `heard` is called with every message from now on. */
  listen(heard: (data: unknown) => void): void;
}

type Exports = Readonly<Record<string, unknown>>;
type Call = Extract<Message, { kind: "call" }>;

/** A job that has come: while its module is loaded there is no fiber yet, but it can be cancelled. */
interface UnderWay {
  root: RootFiber | undefined;
  cancelled: { readonly reason: unknown } | undefined;
}

/**
 * @internal In a thread that does jobs: does those that come over `port`.
 *
 * @param load  imports a module
 * @param env  what each job is given
 * @returns what a message is to be given to that has come before
 */
export function serveJobs(
  port: JobPort,
  load: (module: string) => Promise<object>,
  env: object,
): (data: unknown) => void {
  registerKnownErrors();
  const loaded = new Map<string, Exports>();
  const underWay = new Map<number, UnderWay>();

  const heard = (data: unknown): void => {
    if (!isMessage(data)) return;
    if (data.kind === "call") begin(data);
    else if (data.kind === "cancel") cancel(data.id, decodeThrown(data.reason));
  };

  const begin = (call: Call): void => {
    const [module] = call.args as [string];
    const state: UnderWay = { root: undefined, cancelled: undefined };
    underWay.set(call.id, state);
    const exported = loaded.get(module);
    if (exported) return perform(call, state, exported);
    load(module).then(
      (exported) => {
        loaded.set(module, exported as Exports);
        perform(call, state, exported as Exports);
      },
      (error: unknown) => reply(call.id, { ok: false, error }),
    );
  };

  const perform = (call: Call, state: UnderWay, exported: Exports): void => {
    const { id, method } = call;
    const [module, name, args] = call.args as [string, string, readonly unknown[]];
    const fn = exported[name] as ((...args: readonly unknown[]) => unknown) | undefined;
    if (typeof fn !== "function") {
      const error = new TypeError(`the module ${module} exports no function ${JSON.stringify(name)}`);
      return reply(id, { ok: false, error });
    }
    if (method === RUN_RAW)
      return reply(
        id,
        attempt(() => plain(name, fn(...args))),
      );
    const root = startRoot(() => op(name, fn(env, ...args)), {
      name,
      onDone: (outcome) => reply(id, outcome),
    });
    state.root = root;
    if (state.cancelled) root.cancel(state.cancelled.reason);
  };

  const cancel = (id: number, reason: unknown): void => {
    const state = underWay.get(id);
    if (!state) return;
    state.cancelled = { reason };
    state.root?.cancel(reason);
  };

  const reply = (id: number, outcome: Result<unknown>): void => {
    underWay.delete(id);
    const sent = outcome.ok ? attempt(() => post(id, outcome.value)) : outcome;
    if (sent.ok) return;
    port.post(envelope({ kind: "reply", id, outcome: { ok: false, error: encodeThrown(sent.error) } }));
  };

  const post = (id: number, value: unknown): void => {
    expectSendable("the job", "its result", value);
    try {
      port.post(envelope({ kind: "reply", id, outcome: { ok: true, value } }));
    } catch (error) {
      throw notCopied("the job", "its result", error);
    }
  };

  port.listen(heard);
  return heard;
}

function attempt<T>(fn: () => T): Result<T> {
  try {
    return { ok: true, value: fn() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** A list, for instance, would be taken for an op until its first item is. */
function op(name: string, value: unknown): Op<unknown> {
  const iterator = (value as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator];
  if (typeof iterator === "function" && typeof value === "object" && !Array.isArray(value)) return value as Op<unknown>;
  throw new TypeError(
    `run: ${JSON.stringify(name)} must be a fiber function, and gave ${describe(value)}; "runRaw" calls plain functions`,
  );
}

/** Without a scheduler nobody would run an op, nor wait for a promise. */
function plain(name: string, value: unknown): unknown {
  const { then, next } = (typeof value === "object" && value !== null ? value : {}) as {
    then?: unknown;
    next?: unknown;
  };
  if (typeof then !== "function" && typeof next !== "function") return value;
  throw new TypeError(`runRaw: ${JSON.stringify(name)} must be a plain function; "run" runs fiber functions`);
}
