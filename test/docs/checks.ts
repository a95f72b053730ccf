/** What a piece of documentation claims about its values, held against what they are. */
import { format, inspect, isDeepStrictEqual } from "node:util";

/** `text` where `pattern` may leave things out with `...`. */
export function matches(text: string, pattern: string): boolean {
  const parts = pattern.split("...").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*")}$`).test(text);
}

/** Collects the claims that fail. They are not thrown: the code around may catch errors. */
export class Checks {
  /** What was printed, a call each. */
  readonly printed: string[] = [];
  private readonly problems: string[] = [];
  private readonly unreached: Set<number>;

  /** @param lines  those with a claim */
  constructor(lines: Iterable<number>) {
    this.unreached = new Set(lines);
  }

  get allReached(): boolean {
    return this.unreached.size === 0;
  }

  /** What is wrong, a line each; empty when all is as claimed. */
  get found(): string[] {
    return [...this.problems, ...[...this.unreached].map((line) => `line ${line}: was never reached`)];
  }

  /** `value // => expected`, where what is expected is an expression. */
  value<T>(line: number, actual: T, expected: () => unknown): T {
    this.unreached.delete(line);
    try {
      const wanted = expected();
      if (!isDeepStrictEqual(actual, wanted)) this.differ(line, inspect(actual), inspect(wanted));
    } catch (error) {
      this.problems.push(`line ${line}: what is expected cannot be evaluated: ${String(error)}`);
    }
    return actual;
  }

  /** `value // => expected`, where what is expected is the value as a text. */
  text<T>(line: number, actual: T, expected: string): T {
    this.unreached.delete(line);
    this.compare(line, String(actual), expected);
    return actual;
  }

  /** `console.log(...) // => expected` */
  log(line: number, expected: string, ...args: unknown[]): void {
    this.unreached.delete(line);
    this.print(...args);
    this.compare(line, this.printed.at(-1)!, expected);
  }

  print(...args: unknown[]): void {
    this.printed.push(format(...args));
  }

  /** A statement that is to throw has thrown. */
  threw(line: number, error: unknown, expected: string): void {
    this.unreached.delete(line);
    const actual = expected.includes(":") ? String(error) : error instanceof Error ? error.name : typeof error;
    this.compare(line, actual, expected);
  }

  /** A statement that is to throw has not. */
  threwNothing(line: number, expected: string): void {
    this.unreached.delete(line);
    this.problems.push(`line ${line}: threw nothing, not ${expected}`);
  }

  private compare(line: number, actual: string, expected: string): void {
    if (!matches(actual, expected)) this.differ(line, actual, expected);
  }

  private differ(line: number, actual: string, expected: string): void {
    this.problems.push(`line ${line}: is ${actual}, not ${expected}`);
  }
}
