// Domains in one thread: jobs take turns, in an order that is the same each time.

import { check, protect, sub } from "../cancel.js";
import { Domain, DomainManager } from "../domain.js";
import { block } from "../engine/block.js";
import { expectBody, expectOptions, refuse } from "../engine/describe.js";
import { requireFiber } from "../engine/drive.js";
import { Frame, returning, type Binding, type FiberCore, type Step } from "../engine/fiber-core.js";
import type { Body, Op } from "../engine/op.js";
import type { Env } from "../env.js";
import { expectModuleJob, expectSendable, moduleOf, notCopied, type Job, type ModuleJob } from "../job.js";
import { createKey, valueIn, withBinding, type Key } from "../local.js";
import type { Switch } from "../switch.js";
import { debug, withTracePrefix, type TracelnFn } from "../traceln.js";

/** The options of {@link MockDomainManager}. */
export interface MockDomainManagerOptions {
  /** What the modules of jobs export, by the module that the jobs name. Default: there are none, and jobs are closures. */
  modules?: Readonly<Record<string, object>>;
  /** What functions of modules are given as their capabilities. Default: nothing. */
  env?: Partial<Env>;
}

const id: Key<string> = /* @__PURE__ */ createKey<string>("mock domain");
/** Where lines go without the prefixes of domains; null for where they go by default. */
const outside: Key<TracelnFn | null> = /* @__PURE__ */ createKey<TracelnFn | null>("traceln outside of mock domains");

/**
 * A domain manager for tests: each domain has a number, from 1 on, and runs its jobs in the thread of the test. What a job writes with
 * `traceln` begins with the number of its domain.
 *
 * A job may be a closure. One that names a module is looked up in `modules`, and its arguments and its result are copied as between threads,
 * so that what real domains refuse is refused here.
 *
 * @example
 * yield* MockDomainManager.run(function* (domainMgr) {
 *   traceln("starting"); // +[0] starting
 *   return yield* domainMgr.run(function* () {
 *     traceln("working"); // +[1] working
 *     return 42;
 *   });
 * }); // => 42
 */
export class MockDomainManager extends DomainManager {
  /** The number of the domain that a fiber is in, as a text. */
  static readonly id: Key<string> = id;

  private readonly modules: Readonly<Record<string, object>>;
  private readonly env: Partial<Env>;
  private last = 0;

  constructor(options?: MockDomainManagerOptions) {
    super();
    expectOptions("new MockDomainManager", options);
    const { modules = {}, env = {} } = options ?? {};
    for (const [name, value] of Object.entries({ modules, env })) {
      if (typeof value !== "object" || (value as unknown) === null)
        refuse("new MockDomainManager", `options.${name}`, "an object", value);
    }
    this.modules = modules;
    this.env = env;
  }

  /**
   * Runs `body`, as domain 0, with a new manager.
   *
   * @example
   * yield* MockDomainManager.run((domainMgr) => domainMgr.run(() => work())); // => 42
   */
  // The name of a method of the instances, too: this one makes the manager, those use it.
  static run<T>(body: (domainMgr: MockDomainManager) => Op<T>, options?: MockDomainManagerOptions): Op<T> {
    expectBody("MockDomainManager.run", "body", body);
    const domainMgr = new MockDomainManager(options);
    return inDomain("0", () => body(domainMgr));
  }

  protected start(_sw: Switch): Domain {
    return new MockDomain(String(++this.last), (job, raw) => this.bodyOf(job, raw));
  }

  /** What a job is, when it is run: a closure as it is, and what a module exports with copies of its arguments. */
  private bodyOf<T>(job: Job<T>, raw: boolean): Body<T> {
    if (typeof job === "function") return job;
    const where = raw ? "DomainManager.runRaw" : "DomainManager.run";
    expectModuleJob(where, job);
    const module = moduleOf(job);
    const exports = Object.hasOwn(this.modules, module) ? this.modules[module]! : {};
    const exported = Object.hasOwn(exports, job.name) ? (exports as Record<string, unknown>)[job.name] : undefined;
    if (typeof exported !== "function")
      throw new TypeError(`${where}: the module ${module} has no function ${JSON.stringify(job.name)}`);
    const args = copied(where, "its arguments", job.args ?? [], job);
    const { env } = this;
    return function* () {
      const given: unknown = (exported as (...args: readonly unknown[]) => unknown)(...(raw ? args : [env, ...args]));
      const value = isOp(given) ? yield* given : given;
      expectSendable(where, "the result", value);
      return copied(where, "its result", value as T);
    };
  }
}

function isOp(value: unknown): value is Op<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value && !Array.isArray(value);
}

function copied<T>(where: string, what: string, value: T, job?: ModuleJob<unknown>): T {
  if (typeof structuredClone !== "function") return value;
  try {
    return structuredClone(value, job?.transfer ? { transfer: job.transfer as never } : undefined);
  } catch (error) {
    throw notCopied(where, what, error);
  }
}

class MockDomain extends Domain {
  private readonly number: string;
  private readonly bodyOf: <T>(job: Job<T>, raw: boolean) => Body<T>;

  constructor(number: string, bodyOf: <T>(job: Job<T>, raw: boolean) => Body<T>) {
    super();
    this.number = number;
    this.bodyOf = bodyOf;
  }

  *run<T>(job: Job<T>): Op<T> {
    const body = this.bodyOf(job, false);
    const value = yield* inDomain(this.number, () => sub(() => body()));
    // The job has ended in spite of the cancellation.
    check(requireFiber("Domain.run").context);
    return value;
  }

  *runRaw<T>(job: Job<T>): Op<T> {
    const body = this.bodyOf(job, true);
    check(requireFiber("Domain.runRaw").context);
    return yield* inDomain(this.number, () => protect(body));
  }
}

/** Runs `body` without the fiber-locals of the caller. */
function inDomain<T>(number: string, body: Body<T>): Op<T> {
  return block("MockDomainManager", (fiber) => {
    const inside = valueIn(fiber, outside);
    const write = inside === undefined ? (valueIn(fiber, debug.traceln) ?? null) : inside;
    fiber.pushFrame(new BareFrame(fiber));
    const prefixed = () =>
      withTracePrefix(
        () => `[${number}] `,
        () => withBinding(id, number, body),
      );
    const lines = write ? () => withBinding(debug.traceln, write, prefixed) : prefixed;
    return fiber.call(() => withBinding(outside, write, lines), undefined);
  });
}

/** Has no bindings for what is above it on the stack. */
class BareFrame extends Frame {
  private readonly fiber: FiberCore;
  private readonly bindings: Binding | undefined;

  constructor(fiber: FiberCore) {
    super();
    this.fiber = fiber;
    this.bindings = fiber.bindings;
    fiber.bindings = undefined;
  }

  next(value: unknown): Step {
    this.fiber.bindings = this.bindings;
    return returning(value);
  }

  throw(error: unknown): never {
    this.fiber.bindings = this.bindings;
    throw error;
  }
}
