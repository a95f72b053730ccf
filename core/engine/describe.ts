// Wrong arguments are refused at the door, with a message that names the argument, what was expected and what was received.

import { hasOtherCopies, otherCopies } from "./copies.js";

/** "a Promise", "an async function", "the number 42": how error messages speak of a value. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "string":
      return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
    case "number":
    case "bigint":
      return `the number ${value}`;
    case "boolean":
      return `the boolean ${value}`;
    case "symbol":
      return "a symbol";
    case "function":
      return isAsyncFunction(value) ? "an async function" : "a function";
    default:
      return describeObject(value);
  }
}

function describeObject(value: object): string {
  if (typeof (value as { then?: unknown }).then === "function") return "a Promise";
  if (Array.isArray(value)) return "an array";
  if (typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === "function")
    return "an op (or another iterable)";
  const name = (value.constructor as { name?: string } | undefined)?.name;
  return name && name !== "Object" ? `an object of class ${name}` : "an object";
}

function isAsyncFunction(value: object): boolean {
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  return tag === "AsyncFunction" || tag === "AsyncGeneratorFunction";
}

/** Throws the `TypeError` for an argument that is not what `where` needs. */
export function refuse(where: string, argument: string, expected: string, received: unknown): never {
  const what = describe(received);
  const isNamesake = expected.replace(/^an? /, "an object of class ") === what;
  const why = isNamesake && hasOtherCopies() ? ` of another copy of trestle: ${otherCopies()}` : "";
  throw new TypeError(`${where}: "${argument}" must be ${expected}, got ${what}${why}`);
}

/** Checks a function that is to return an op. Async functions are refused before they start. */
export function expectBody(where: string, argument: string, received: unknown): void {
  if (typeof received !== "function" || isAsyncFunction(received))
    refuse(where, argument, "a function returning an op", received);
}

/** Checks a plain callback. */
export function expectFunction(where: string, argument: string, received: unknown): void {
  if (typeof received !== "function") refuse(where, argument, "a function", received);
}

/** Checks a number; `NaN` is refused. */
export function expectNumber(where: string, argument: string, received: unknown): void {
  if (typeof received !== "number" || Number.isNaN(received)) refuse(where, argument, "a number", received);
}

/** Checks the trailing options object, which may be left out, and its `name`. */
export function expectOptions(where: string, received: unknown): void {
  if (received === undefined) return;
  if (typeof received !== "object" || received === null) refuse(where, "options", "an object", received);
  const { name } = received as { name?: unknown };
  if (name !== undefined && typeof name !== "string") refuse(where, "options.name", "a string", name);
}

/** Any thrown value as text; printing never throws. */
export function show(value: unknown): string {
  try {
    return String(value);
  } catch {
    return describe(value);
  }
}
