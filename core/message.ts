// What goes over a port between two sides that both know fibers: calls and replies, values against credit, and errors.
//
// | kind              | from, to           | meaning                                                                      |
// |-------------------|--------------------|------------------------------------------------------------------------------|
// | `call`            | caller, server     | run `method` with `args`; answered by exactly one `reply` with the same `id` |
// | `cancel`          | caller, server     | cancel that call; it is answered all the same, after its finalizers          |
// | `reply`           | server, caller     | how the call ended                                                           |
// | `value`           | sender, receiver   | one value; takes one from the sender's credit                                |
// | `credit`          | receiver, sender   | `n` more values may be sent                                                  |
// | `end`             | either             | the last message: nobody listens at this end any more                        |
//
// A message is a plain object with the key `trestle`; anything else is the user's. The body of a worker is a call that has been made
// already: its `id` is `MAIN`. This file knows nothing of ports.

import { ClosedError, OverflowError } from "./border-errors.js";
import { Cancelled } from "./engine/cancelled.js";
import { describe, expectFunction, expectOptions, refuse } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import { Multiple } from "./engine/multiple.js";
import { NotInFiberError } from "./engine/not-in-fiber.js";
import type { Result } from "./engine/op.js";
import { Failure } from "./failure.js";
import { IoError } from "./io-error.js";
import { StreamClosed } from "./stream.js";
import { SwitchFinishedError } from "./switch.js";

/** Changes when the messages do: two copies that differ do not take each other's. */
const VERSION = 1;

/** @internal The `id` of the body of a worker. */
export const MAIN = 0;

/** @internal How a call has ended; the error is encoded. */
export type Outcome = Result<unknown>;

/** @internal One of the table above. */
export type Message =
  | { kind: "call"; id: number; method: string; args: readonly unknown[] }
  | { kind: "cancel"; id: number; reason: unknown }
  | { kind: "reply"; id: number; outcome: Outcome }
  | { kind: "value"; value: unknown }
  | { kind: "credit"; n: number }
  | { kind: "end" };

/** @internal The form in which a message is posted. */
export function envelope(message: Message): object {
  return { trestle: VERSION, ...message };
}

/** @internal Whether what has come is one of our messages. */
export function isMessage(data: unknown): data is Message {
  return typeof data === "object" && data !== null && (data as { trestle?: unknown }).trestle === VERSION;
}

// --- errors ---

/** An error on the wire. May refer to itself: what clones messages knows how to deal with that. */
interface EncodedError {
  trestle: "error";
  /** The registered class that is nearest. */
  class: string;
  name: string;
  message: string;
  stack: string | undefined;
  cause?: unknown;
  errors?: unknown;
  own: Record<string, unknown>;
}

/** What {@link RegisterErrorOptions.revive} is given: the fields of an error that came over a port. */
export interface ErrorFields {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause?: unknown;
  /** The properties that the error itself had, without those above. */
  readonly [property: string]: unknown;
}

/** The options of {@link registerError}. */
export interface RegisterErrorOptions {
  /** By what name both sides know the class. Default: its own. */
  name?: string;
  /** Makes an error of the class. By default the constructor is not called: the error is given the prototype and its properties. */
  revive?: (fields: ErrorFields) => Error;
}

interface Known {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- constructors of all kinds
  readonly type: Function;
  readonly name: string;
  readonly revive: ((fields: ErrorFields) => Error) | undefined;
}

// The names are keys, and not those of the classes, which bundlers change.
const FROM_THE_BEGINNING = {
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
  Cancelled,
  Failure,
  InvalidArgument,
  IoError,
  Multiple,
  NotInFiberError,
  StreamClosed,
  SwitchFinishedError,
  ClosedError,
  OverflowError,
};

const known = /* @__PURE__ */ new Map<string, Known>(
  Object.entries(FROM_THE_BEGINNING).map(([name, type]) => [name, { type, name, revive: undefined }]),
);

/**
 * Has errors of a class arrive as such when they come over a port. Without it they arrive as the nearest class that is known: `name`,
 * `message`, `stack`, `code`, `cause`, `errors` and their other properties are there, but `instanceof` is not true. Both sides register. Known
 * from the beginning are the classes of the language and those of this library.
 *
 * @example
 * class NotFound extends Error {
 *   override name = "NotFound";
 * }
 * registerError(NotFound);
 *
 * @param type  the class
 * @param options.name  by default the name of the class; give one where a bundler shortens names
 * @param options.revive  for classes with private fields: makes an error of its fields
 * @throws TypeError when another class has that name
 */
export function registerError(type: new (...args: never[]) => Error, options?: RegisterErrorOptions): void {
  expectFunction("registerError", "type", type);
  expectOptions("registerError", options);
  if (options?.revive !== undefined) expectFunction("registerError", "options.revive", options.revive);
  const name = options?.name ?? type.name;
  const other = known.get(name);
  if (name === "" || (other && other.type !== type))
    refuse("registerError", "options.name", "a name that no other class has", name);
  known.set(name, { type, name, revive: options?.revive });
}

function nearest(error: object): string {
  const names = new Map([...known.values()].map(({ type, name }) => [type.prototype as unknown, name]));
  for (let proto: unknown = Object.getPrototypeOf(error); proto; proto = Object.getPrototypeOf(proto)) {
    const name = names.get(proto);
    if (name !== undefined) return name;
  }
  return "Error";
}

function isError(value: object): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

function isDomException(error: Error): boolean {
  return typeof DOMException === "function" && error instanceof DOMException;
}

function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

const LOST: unique symbol = Symbol("lost");

/** What was thrown, in a form that can be posted. What cannot be, such as a function among the properties of an error, is left out. */
export function encodeThrown(thrown: unknown): unknown {
  const encoded = encode(thrown, new Map());
  return encoded === LOST ? encodeThrown(new Error(`${describe(thrown)} was thrown, and cannot be sent`)) : encoded;
}

function encode(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value === "function" || typeof value === "symbol") return LOST;
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  if (isError(value)) return encodeError(value, seen);
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    seen.set(value, items);
    for (const item of value) {
      const encoded = encode(item, seen);
      items.push(encoded === LOST ? undefined : encoded);
    }
    return items;
  }
  if (isPlain(value)) {
    const fields: Record<string, unknown> = {};
    seen.set(value, fields);
    encodeFields(value, fields, seen);
    return fields;
  }
  try {
    structuredClone(value);
    return value;
  } catch {
    return LOST;
  }
}

function encodeFields(
  from: object,
  to: Record<string, unknown>,
  seen: Map<object, unknown>,
  without?: Set<string>,
): void {
  for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
    if (without?.has(key) || !("value" in descriptor)) continue;
    const encoded = encode(descriptor.value, seen);
    if (encoded !== LOST) to[key] = encoded;
  }
}

const APART = /* @__PURE__ */ new Set(["name", "message", "stack", "cause", "errors"]);

function encodeError(error: Error, seen: Map<object, unknown>): EncodedError {
  const encoded: EncodedError = {
    trestle: "error",
    class: isDomException(error) ? "DOMException" : nearest(error),
    name: String(error.name),
    message: String(error.message),
    stack: typeof error.stack === "string" ? error.stack : undefined,
    own: {},
  };
  seen.set(error, encoded);
  for (const key of ["cause", "errors"] as const) {
    if (!Object.hasOwn(error, key)) continue;
    const value = encode((error as { cause?: unknown; errors?: unknown })[key], seen);
    if (value !== LOST) encoded[key] = value;
  }
  encodeFields(error, encoded.own, seen, APART);
  return encoded;
}

/** What {@link encodeThrown} was given, or as near to it as can be. */
export function decodeThrown(encoded: unknown): unknown {
  return decode(encoded, new Map());
}

function decode(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    seen.set(value, items);
    for (const item of value) items.push(decode(item, seen));
    return items;
  }
  if (!isPlain(value)) return value;
  if ((value as { trestle?: unknown }).trestle === "error") return decodeError(value as EncodedError, seen);
  const fields: Record<string, unknown> = {};
  seen.set(value, fields);
  for (const [key, field] of Object.entries(value)) fields[key] = decode(field, seen);
  return fields;
}

const hide = (error: object, key: string, value: unknown) =>
  Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: false });

function decodeError(encoded: EncodedError, seen: Map<object, unknown>): unknown {
  const { name, message, stack, own } = encoded;
  const type = known.get(encoded.class);
  if (type?.revive) {
    const given: Record<string, unknown> = { name, message, stack };
    for (const key of ["cause", "errors"] as const) if (key in encoded) given[key] = decode(encoded[key], seen);
    for (const [key, value] of Object.entries(own)) given[key] = decode(value, seen);
    const revived = type.revive(given as unknown as ErrorFields);
    seen.set(encoded, revived);
    return revived;
  }
  const error = blank(encoded, type);
  seen.set(encoded, error);
  if (stack !== undefined) hide(error, "stack", stack);
  for (const key of ["cause", "errors"] as const) if (key in encoded) hide(error, key, decode(encoded[key], seen));
  for (const [key, value] of Object.entries(own))
    (error as unknown as Record<string, unknown>)[key] = decode(value, seen);
  if (error.name !== name) hide(error, "name", name);
  return error;
}

/** An error of the right class, made without its constructor. */
function blank({ class: key, name, message }: EncodedError, type: Known | undefined): Error {
  if (key === "DOMException" && typeof DOMException === "function") return new DOMException(message, name);
  const error = new Error(message);
  if (type) Object.setPrototypeOf(error, type.type.prototype as object);
  return error;
}
