// Parsers as values: functions of a reader, and what is made of them.

import { BufferLimitExceeded, BufRead } from "./buf-read.js";
import type { Cursor } from "./cursor.js";
import { expectFunction, expectOptions, refuse } from "./engine/describe.js";
import type { Op, Result } from "./engine/op.js";
import { Failure } from "./failure.js";
import { EndOfFile, type Source } from "./flow.js";

/**
 * Reads a `T`: any fiber function that takes a reader. To parse one thing after the other, `yield*` one after the other.
 *
 * @example
 * function* header(reader: BufRead): Op<{ name: string; value: string }> {
 *   const name = yield* reader.takeWhile((byte) => byte !== 58);
 *   yield* reader.string(": ");
 *   return { name, value: yield* reader.line() };
 * }
 * const { name, value } = yield* Parser.parseStringOrThrow(header, "Host: example.org\n");
 * name; // => "Host"
 */
export type Parser<T> = (reader: BufRead) => Op<T>;

/** The options of {@link parse}. */
export interface ParseOptions {
  /** The size of the largest piece, in bytes: see `BufRead`. */
  maxSize: number;
}

/**
 * Parses all of `source`: the value, or what is wrong with the input, and where.
 *
 * @example
 * const outcome = yield* Parser.parse((reader) => reader.line(), source, { maxSize: 1000 });
 * if (!outcome.ok) log(outcome.error); // for instance: Unexpected data after parsing (at offset 12)
 *
 * @throws  whatever is not the fault of the input, such as an `IoError` of the source
 */
export function parse<T>(parser: Parser<T>, source: Source, options: ParseOptions): Op<Result<T, string>> {
  expectFunction("Parser.parse", "parser", parser);
  return formatErrors(whole(parser))(new BufRead(source, options));
}

/**
 * Like {@link parse}, and throws what is wrong.
 *
 * @throws Failure with the text that `parse` gives
 */
export function* parseOrThrow<T>(parser: Parser<T>, source: Source, options: ParseOptions): Op<T> {
  return valueOf(yield* parse(parser, source, options));
}

/**
 * Parses all of `text`; see {@link parse}.
 *
 * @example
 * yield* Parser.parseString((reader) => reader.line(), "one\ntwo\n");
 * // => { ok: false, error: "Unexpected data after parsing (at offset 4)" }
 */
export function parseString<T>(parser: Parser<T>, text: string): Op<Result<T, string>> {
  expectFunction("Parser.parseString", "parser", parser);
  if (typeof text !== "string") refuse("Parser.parseString", "text", "a string", text);
  return formatErrors(whole(parser))(BufRead.ofString(text));
}

/**
 * Like {@link parseString}, and throws what is wrong.
 *
 * @throws Failure with the text that `parseString` gives
 */
export function* parseStringOrThrow<T>(parser: Parser<T>, text: string): Op<T> {
  return valueOf(yield* parseString(parser, text));
}

function valueOf<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Failure(result.error);
  return result.value;
}

function whole<T>(parser: Parser<T>): Parser<T> {
  return function* (reader) {
    const value = yield* parser(reader);
    yield* reader.endOfInput();
    return value;
  };
}

/**
 * A parser that gives what `parser` gives, or what is wrong with the input as a text that says where. Everything else goes through.
 *
 * @example
 * const line = Parser.formatErrors((reader) => reader.line());
 * yield* line(BufRead.ofString("")); // => { ok: false, error: "Unexpected end-of-file at offset 0" }
 */
export function formatErrors<T>(parser: Parser<T>): Parser<Result<T, string>> {
  expectFunction("Parser.formatErrors", "parser", parser);
  return function* (reader) {
    try {
      return { ok: true, value: yield* parser(reader) };
    } catch (error) {
      return { ok: false, error: explained(error, reader) };
    }
  };
}

function explained(error: unknown, reader: BufRead): string {
  const at = reader.consumedBytes;
  if (error instanceof Failure) return `${error.message} (at offset ${at})`;
  if (error instanceof EndOfFile) return `Unexpected end-of-file at offset ${at + reader.bufferedBytes}`;
  if (error instanceof BufferLimitExceeded) return `Buffer size limit exceeded when reading at offset ${at}`;
  throw error;
}

/**
 * `first` and then `second`: both values. If `second` fails, what `first` has consumed is gone.
 *
 * @example
 * const both = Parser.pair((reader) => reader.line(), (reader) => reader.uint8());
 */
export function pair<A, B>(first: Parser<A>, second: Parser<B>): Parser<[A, B]> {
  expectFunction("Parser.pair", "first", first);
  expectFunction("Parser.pair", "second", second);
  return function* (reader) {
    return [yield* first(reader), yield* second(reader)];
  };
}

/** `fn` of what `parser` gives. */
export function map<A, B>(parser: Parser<A>, fn: (value: A) => B): Parser<B> {
  expectFunction("Parser.map", "parser", parser);
  expectFunction("Parser.map", "fn", fn);
  return function* (reader) {
    return fn(yield* parser(reader));
  };
}

/** `parser`, and then the parser that `fn` makes of its value. */
export function bind<A, B>(parser: Parser<A>, fn: (value: A) => Parser<B>): Parser<B> {
  expectFunction("Parser.bind", "parser", parser);
  expectFunction("Parser.bind", "fn", fn);
  return function* (reader) {
    const next = fn(yield* parser(reader));
    expectFunction("Parser.bind", "the result of fn", next);
    return yield* next(reader);
  };
}

/** `first` and then `second`: the value of the first. */
export function keepLeft<A>(first: Parser<A>, second: Parser<unknown>): Parser<A> {
  expectFunction("Parser.keepLeft", "first", first);
  expectFunction("Parser.keepLeft", "second", second);
  return map(pair(first, second), ([value]) => value);
}

/** `first` and then `second`: the value of the second. */
export function keepRight<B>(first: Parser<unknown>, second: Parser<B>): Parser<B> {
  expectFunction("Parser.keepRight", "first", first);
  expectFunction("Parser.keepRight", "second", second);
  return map(pair(first, second), ([, value]) => value);
}

/** A parser that consumes nothing, and gives `value`. */
export function succeed<T>(value: T): Parser<T> {
  return function* () {
    return value;
  };
}

/** A parser that gives the items of `BufRead.iterate`, as a cursor. */
export function seq<T>(parser: Parser<T>, options?: { stop?: Parser<boolean> }): Parser<Cursor<T>> {
  expectFunction("Parser.seq", "parser", parser);
  expectOptions("Parser.seq", options);
  if (options?.stop !== undefined) expectFunction("Parser.seq", "options.stop", options.stop);
  return function* (reader) {
    return reader.iterate(parser, options);
  };
}
