// Lines for the programmer: what `console.error` is for, in a form that a fiber can redirect and a trace keeps.

import { block } from "./engine/block.js";
import { describe, expectBody, expectFunction, refuse, show } from "./engine/describe.js";
import { runningFiber } from "./engine/drive.js";
import type { Body, Op } from "./engine/op.js";
import { probe } from "./engine/probe.js";
import { firstPlace } from "./engine/stack-text.js";
import { BindingFrame, createKey, valueIn, type Key } from "./local.js";

/** Takes a message, which may have several lines, somewhere. It must not suspend. */
export type TracelnFn = (message: string) => void;

/** What a program's capabilities have for the programmer. */
export interface Debug {
  /**
   * Binding this key replaces the function that `traceln` writes with, in a fiber and those it forks.
   *
   * @example
   * const lines: string[] = [];
   * yield* Fiber.withBinding(env.debug.traceln, (message) => lines.push(message), () => work());
   */
  readonly traceln: Key<TracelnFn>;
}

/** @internal What entry points put into their `env`. */
export const debug: Debug = { traceln: /* @__PURE__ */ createKey<TracelnFn>("traceln") };

/** A place in a source file: `"pool.ts:12"`, its parts, or an error that was made there. */
export type Position = string | { readonly file: string; readonly line: number } | Error;

interface WithStandardError {
  process?: { stderr?: { write?(text: string): unknown } };
}

/** Writes to the standard error output, or where there is none to the console: all lines at once, each after a `+`. */
const writeLines: TracelnFn = (message) => {
  const lines = message.split("\n").map((line) => `+${line}`);
  const stderr = (globalThis as WithStandardError).process?.stderr;
  if (typeof stderr?.write === "function") stderr.write(`${lines.join("\n")}\n`);
  else console.error(lines.join("\n"));
};

function writer(): TracelnFn {
  const fiber = runningFiber();
  return (fiber && valueIn(fiber, debug.traceln)) ?? writeLines;
}

function write(message: string): void {
  probe?.logged(message);
  writer()(message);
}

/**
 * Writes a line for the programmer to the standard error output, after a `+`; a message of several lines gets one on each. It never
 * switches fibers, so adding it changes no order. A recording has the message, too.
 *
 * In `format`, `%s` stands for the next argument as text, `%d` for it as a number, `%j` for it as JSON, `%o` for it as it is best
 * shown, and `%%` for a percent sign; arguments that are left follow after spaces. Works outside of fibers, too.
 *
 * @example
 * traceln("got %d rows from %s", rows.length, url);
 * traceln("state:", state);
 */
export function traceln(format: string, ...args: readonly unknown[]): void {
  if (typeof format !== "string") refuse("traceln", "format", "a string", format);
  write(formatted(format, args));
}

/**
 * {@link traceln} that appends where it was called: ` [pool.ts:12]`.
 *
 * @example
 * tracelnPos("pool.ts:12", "reusing %s", url);
 * tracelnPos(new Error(), "here"); // the place of `new Error()`
 */
export function tracelnPos(position: Position, format: string, ...args: readonly unknown[]): void {
  const place = placeOf(position);
  if (typeof format !== "string") refuse("tracelnPos", "format", "a string", format);
  write(`${formatted(format, args)} [${place}]`);
}

function placeOf(position: unknown): string {
  if (typeof position === "string") return position;
  if (position instanceof Error) {
    return (
      firstPlace(position.stack)
        ?.replace(/^file:\/\//, "")
        .replace(/:\d+$/, "") ?? "unknown place"
    );
  }
  const { file, line } = (position ?? {}) as { file?: unknown; line?: unknown };
  if (typeof file !== "string" || typeof line !== "number") {
    refuse("tracelnPos", "position", "a string, an object with file and line, or an Error", position);
  }
  return `${file}:${line}`;
}

/**
 * Runs `body` with a prefix before each message that `traceln` writes in it and in the fibers it forks; prefixes nest, outer ones
 * first. Not a cancellation point.
 *
 * @example
 * yield* withTracePrefix(
 *   () => `[${request.id}] `,
 *   () => handle(request),
 * );
 *
 * @param prefix  called for each message
 */
export function withTracePrefix<T>(prefix: () => string, body: Body<T>): Op<T> {
  expectFunction("withTracePrefix", "prefix", prefix);
  expectBody("withTracePrefix", "body", body);
  return block("withTracePrefix", (fiber) => {
    const outer = valueIn(fiber, debug.traceln) ?? writeLines;
    const prefixed: TracelnFn = (message) => outer(prefix() + message);
    fiber.pushFrame(new BindingFrame(fiber, debug.traceln, prefixed));
    return fiber.call(body, undefined);
  });
}

function formatted(format: string, args: readonly unknown[]): string {
  let used = 0;
  const text = format.replace(/%([sdjo%])/g, (directive, kind: string) => {
    if (kind === "%") return "%";
    if (used === args.length) return directive;
    const value = args[used++];
    switch (kind) {
      case "s":
        return show(value);
      case "d":
        return number(value);
      default:
        return kind === "o" ? shown(value) : json(value);
    }
  });
  return [text, ...args.slice(used).map(shown)].join(" ");
}

/** Text as it is, objects as JSON, errors and other values as they print themselves. */
function shown(value: unknown): string {
  const isPlain = (typeof value === "object" && !(value instanceof Error)) || typeof value === "function";
  return isPlain ? json(value) : show(value);
}

function number(value: unknown): string {
  // `Number` refuses symbols and rounds long integers.
  return typeof value === "bigint" || typeof value === "symbol" ? show(value) : String(Number(value));
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? describe(value);
  } catch {
    return describe(value);
  }
}
