// What is to be done in another domain: a function, by the module that exports it, and what it is called with.

import { Condition, Request } from "./condition.js";
import { Deferred, Resolver } from "./deferred.js";
import { CancelContext } from "./engine/context.js";
import { expectBody, expectOptions, refuse, show } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Body, Op } from "./engine/op.js";
import { Lazy } from "./lazy.js";
import { Held, Mutex } from "./mutex.js";
import { Pool } from "./pool.js";
import { Permit, Semaphore } from "./semaphore.js";
import { Stream } from "./stream.js";
import { Hook, Switch } from "./switch.js";

/** A `URL`, by what it is known by: not every project has its type. */
export interface ModuleAddress {
  readonly href: string;
}

/**
 * A function that a module exports, and its arguments. It is a fiber function, and is called with the capabilities of the domain that
 * it runs in, and then with `args`.
 *
 * The arguments are copied as `structuredClone` does it: numbers, texts, bytes, plain objects, arrays, dates, maps, sets. `SharedArrayBuffer`s are
 * shared, and what is in `transfer` goes over and is gone here. Nothing that belongs to fibers can go: switches, cells, streams, locks; a message
 * port can, which is how two domains talk.
 */
export interface ModuleJob<T> {
  /** Where the module is: `new URL("./digest.js", import.meta.url)`, or the path of its file. */
  readonly module: string | ModuleAddress;
  /** By what name it exports the function. */
  readonly name: string;
  /** What the function is called with, after `env`. Default: nothing. */
  readonly args?: readonly unknown[];
  /** Objects among the arguments that go over instead of being copied, such as an `ArrayBuffer`. */
  readonly transfer?: readonly object[];
  /** The type of the result; there is no such property at run time. */
  readonly result?: T;
}

/** What is to be done in another domain. Closures are for domains that are in the same thread, as those of the mock are. */
export type Job<T> = ModuleJob<T> | Body<T>;

type ArgumentsOf<F> = F extends (env: never, ...args: infer A) => unknown ? A : never;
type ResultOf<F> = F extends (...args: never[]) => Op<infer T> ? T : never;

/** The options of {@link jobOf}. */
export interface JobOptions {
  /** Objects among the arguments that go over instead of being copied. */
  transfer?: readonly object[];
}

/**
 * A job whose arguments and result have the types of the function that it names.
 *
 * @example
 * function* digest(env: Env, text: string): Op<number> {
 *   return text.length;
 * }
 * const job = jobOf<typeof digest>("/srv/digest.js", "digest", ["tea"]);
 * job.args; // => ["tea"]
 *
 * @param module  where the module is: a URL, or the path of its file
 * @param name  by what name it exports the function
 * @param args  what it is called with, after `env`
 */
export function jobOf<F extends (env: never, ...args: never[]) => Op<unknown>>(
  module: string | ModuleAddress,
  name: string,
  args: ArgumentsOf<F>,
  options?: JobOptions,
): ModuleJob<ResultOf<F>> {
  expectOptions("jobOf", options);
  const job: ModuleJob<ResultOf<F>> = { module, name, args, ...options };
  expectJob("jobOf", job);
  return job;
}

/** @internal Checks a job of either kind. */
export function expectJob(where: string, job: unknown): void {
  if (typeof job === "function") return expectBody(where, "job", job);
  if (typeof job !== "object" || job === null) refuse(where, "job", "a job: { module, name, args }", job);
  const { module, name, args, transfer } = job as Partial<ModuleJob<unknown>>;
  if (typeof module !== "string" && typeof (module as Partial<ModuleAddress> | undefined | null)?.href !== "string")
    refuse(where, "job.module", "the URL or the path of a module", module);
  if (typeof name !== "string") refuse(where, "job.name", "a string", name);
  if (args !== undefined && !Array.isArray(args)) refuse(where, "job.args", "an array", args);
  if (transfer !== undefined && !Array.isArray(transfer)) refuse(where, "job.transfer", "an array", transfer);
  const given: readonly unknown[] = transfer ?? [];
  for (const [i, one] of given.entries())
    if (typeof one !== "object" || one === null)
      refuse(where, `job.transfer[${i}]`, "something that can be transferred", one);
}

/** @internal The module of a job as text. */
export function moduleOf({ module }: ModuleJob<unknown>): string {
  return typeof module === "string" ? module : module.href;
}

/** @internal Checks a job that goes to another thread. */
export function expectModuleJob<T>(where: string, job: Job<T>): asserts job is ModuleJob<T> {
  expectJob(where, job);
  if (typeof job === "function") {
    throw new InvalidArgument(
      `${where}: a closure cannot be sent to another domain; export the function, and name it by its module`,
    );
  }
  if (job.args) expectSendable(where, "job.args", job.args);
}

/**
 * What belongs to the fibers of one domain. A copy of it would be a thing of its own, without its methods. The keys are what they are called,
 * and not the names of the classes, which bundlers change.
 */
const BOUND = {
  Switch,
  Hook,
  Deferred,
  Resolver,
  Stream,
  Semaphore,
  Permit,
  Mutex,
  Held,
  Condition,
  Request,
  Lazy,
  Pool,
};

/**
 * @internal Refuses what is bound to this domain, and functions. What else cannot be copied the platform finds out.
 *
 * @param at  what `value` is called
 */
export function expectSendable(where: string, at: string, value: unknown): void {
  const left: [value: unknown, at: string][] = [[value, at]];
  let seen: Set<unknown> | undefined;
  for (let entry = left.pop(); entry; entry = left.pop()) {
    const [value, at] = entry;
    if (typeof value === "function" || typeof value === "symbol")
      refuse(where, at, "something that can be copied to another domain", value);
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen?.has(value)) continue;
    expectUnbound(value);
    (seen ??= new Set()).add(value);
    if (Array.isArray(value)) value.forEach((item, i) => left.push([item, `${at}[${i}]`]));
    else if (value instanceof Map) for (const [key, item] of value) left.push([key, at], [item, at]);
    else if (value instanceof Set) for (const item of value) left.push([item, at]);
    else if (isPlain(value)) for (const [key, item] of Object.entries(value)) left.push([item, `${at}.${key}`]);
  }
}

function expectUnbound(value: object): void {
  if (value instanceof CancelContext) throw new InvalidArgument("Cancellation context accessed from wrong domain!");
  for (const [name, type] of Object.entries(BOUND))
    if (value instanceof type) throw new InvalidArgument(`${name} accessed from wrong domain!`);
}

function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

/** @internal The error about what the platform found that it cannot copy. */
export function notCopied(where: string, what: string, cause: unknown): TypeError {
  return new TypeError(`${where}: ${what} must be something that can be copied to another domain: ${show(cause)}`, {
    cause,
  });
}
