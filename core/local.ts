// Values that belong to a fiber and are inherited by those it forks: request ids, loggers, deadlines.

import { block } from "./engine/block.js";
import { requireFiber } from "./engine/drive.js";
import { expectBody, refuse } from "./engine/describe.js";
import { Frame, returning, type Binding, type FiberCore, type Step } from "./engine/fiber-core.js";
import type { Body, Op } from "./engine/op.js";

/** Names a fiber-local value; made by {@link createKey}. */
export class Key<T> {
  readonly name: string | undefined;
  /** The type of the value; there is no such property at run time. */
  declare readonly type: T;

  /** @internal */
  constructor(name: string | undefined) {
    this.name = name;
  }
}

const HIDDEN: unique symbol = Symbol("hidden");

/** @internal Binds `key` for what is above it on the stack. */
export class BindingFrame extends Frame {
  private readonly fiber: FiberCore;
  private readonly outer: Binding | undefined;

  constructor(fiber: FiberCore, key: object, value: unknown) {
    super();
    this.fiber = fiber;
    this.outer = fiber.bindings;
    fiber.bindings = { key, value, outer: fiber.bindings };
  }

  next(value: unknown): Step {
    this.fiber.bindings = this.outer;
    return returning(value);
  }

  throw(error: unknown): never {
    this.fiber.bindings = this.outer;
    throw error;
  }
}

function bind<R>(called: string, key: object, value: unknown, body: Body<R>): Op<R> {
  return block(called, (fiber) => {
    fiber.pushFrame(new BindingFrame(fiber, key, value));
    return fiber.call(body, undefined);
  });
}

function expectKey(where: string, key: unknown): void {
  if (!(key instanceof Key)) refuse(where, "key", "a key made by Fiber.createKey", key);
}

/**
 * A new key for fiber-local values.
 *
 * @example
 * const requestId = Fiber.createKey<string>("requestId");
 * yield* Fiber.withBinding(requestId, "r-17", () => handle(request));
 *
 * @param name  shown when a key is printed
 */
export function createKey<T>(name?: string): Key<T> {
  if (name !== undefined && typeof name !== "string") refuse("Fiber.createKey", "name", "a string", name);
  return new Key<T>(name);
}

/**
 * The value bound to `key` in the current fiber, or undefined.
 *
 * @example
 * const requestId = Fiber.createKey<string>();
 * Fiber.get(requestId); // => undefined
 *
 * @throws NotInFiberError outside of fibers
 */
export function get<T>(key: Key<T>): T | undefined {
  expectKey("Fiber.get", key);
  return valueIn(requireFiber("Fiber.get"), key);
}

/** @internal The value bound to `key` in a fiber, or undefined. */
export function valueIn<T>(fiber: FiberCore, key: Key<T>): T | undefined {
  for (let { bindings: binding } = fiber; binding; binding = binding.outer) {
    if (binding.key === key) return binding.value === HIDDEN ? undefined : (binding.value as T);
  }
  return undefined;
}

/**
 * Runs `body` with `key` bound to `value`, and gives its result. Fibers forked inside inherit the binding and keep it for their
 * whole life; the fiber itself has the former value back afterwards. Not a cancellation point.
 *
 * @example
 * const requestId = Fiber.createKey<string>();
 * yield* Fiber.withBinding(requestId, "r-17", function* () {
 *   Fiber.get(requestId); // => "r-17"
 * });
 * Fiber.get(requestId); // => undefined
 */
export function withBinding<T, R>(key: Key<T>, value: T, body: Body<R>): Op<R> {
  expectKey("Fiber.withBinding", key);
  expectBody("Fiber.withBinding", "body", body);
  return bind("Fiber.withBinding", key, value, body);
}

/**
 * Runs `body` with `key` unbound, and gives its result. Not a cancellation point.
 *
 * @example
 * const requestId = Fiber.createKey<string>();
 * yield* Fiber.withBinding(requestId, "r-17", function* () {
 *   yield* Fiber.withoutBinding(requestId, () => work());
 * });
 */
export function withoutBinding<T, R>(key: Key<T>, body: Body<R>): Op<R> {
  expectKey("Fiber.withoutBinding", key);
  expectBody("Fiber.withoutBinding", "body", body);
  return bind("Fiber.withoutBinding", key, HIDDEN, body);
}
