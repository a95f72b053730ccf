// Wrong arguments are refused at the door: the message names the argument, what was expected, what was received, and the way out.

/** "a Promise", "an async function", "the number 42": how messages speak of a value. Reads nothing that a getter could hide in. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "undefined") return "undefined";
  if (typeof value === "string")
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    return `the ${typeof value} ${String(value)}`;
  }
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "function") {
    if (isAsyncFunction(value)) return "an async function";
    return isGeneratorFunction(value) ? "a function*" : "a function";
  }
  return describeObject(value);
}

function describeObject(value: object): string {
  if ("then" in value) return "a promise";
  if (Array.isArray(value)) return "an array";
  return Symbol.iterator in value ? "an op (or another iterable)" : "an object";
}

/** Throws the `TypeError` for an argument that is not what `where` needs. `wayOut` says what to write instead. */
export function refuse(where: string, argument: string, expected: string, received: unknown, wayOut?: string): never {
  const instead = wayOut === undefined ? "" : `; ${wayOut}`;
  throw new TypeError(`${where}: "${argument}" must be ${expected}, got ${describe(received)}${instead}`);
}

/** Checks a plain callback; `undefined` passes where it is optional. */
export function expectFunction(where: string, argument: string, received: unknown, optional = false): void {
  if (typeof received === "function" || (optional && received === undefined)) return;
  refuse(where, argument, "a function", received);
}

/** Checks a function that is to return an op. */
export function expectBody(where: string, argument: string, received: unknown): void {
  if (typeof received !== "function" || isAsyncFunction(received)) {
    refuse(
      where,
      argument,
      "a function returning an op",
      received,
      "expected a generator function, as in function* () { ... }",
    );
  }
}

/** Checks the trailing options object and the texts in it. */
export function expectOptions(where: string, received: unknown, ...texts: readonly string[]): void {
  if (received === undefined) return;
  if (typeof received !== "object" || received === null) refuse(where, "options", "an object", received);
  for (const text of texts) {
    const value = (received as Record<string, unknown>)[text];
    if (value !== undefined && typeof value !== "string") refuse(where, `options.${text}`, "a string", value);
  }
}

/** Checks a switch by what a bridge needs of it. */
export function expectSwitch(where: string, sw: unknown): void {
  if (typeof (sw as { addHook?: unknown } | undefined | null)?.addHook !== "function")
    refuse(where, "sw", "a Switch", sw);
}

/** Checks bytes; a `Buffer` is one, and so is a `Uint8Array` of another realm. */
export function expectBytes(where: string, argument: string, received: unknown): asserts received is Uint8Array {
  if (tagOfObject(received) !== "Uint8Array") refuse(where, argument, "a Uint8Array", received);
}

function tagOfObject(value: unknown): unknown {
  return ArrayBuffer.isView(value) ? (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] : undefined;
}

/** Whether `value` came from `async function` or `async function*`. */
export function isAsyncFunction(value: unknown): boolean {
  const tag = tagOf(value);
  return tag === "AsyncFunction" || tag === "AsyncGeneratorFunction";
}

/** Whether `value` came from `function*`. */
export function isGeneratorFunction(value: unknown): boolean {
  return tagOf(value) === "GeneratorFunction";
}

function tagOf(value: unknown): unknown {
  return typeof value === "function" ? (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] : undefined;
}
