// @ts-check
// Where a package is exercised: keeps the transcript of what happened, and a time of its own that passes only when
// nothing else is left to do, so that the same code always gives the same transcript.

import { inspect } from "node:util";

/** @typedef {(subject: any, stage: Stage) => unknown} Check what to do with a loaded module */
/** @typedef {{ name: string, lines: string[] }} Transcript */

export class Stage {
  /** @type {string[]} */
  lines = [];
  /** @type {{ at: number, wake: () => void }[]} */
  #sleepers = [];
  #now = 0;
  #running = 0;
  #stepping = false;

  /** @param {string} sandbox a folder for files; transcripts call it `<dir>` */
  constructor(sandbox) {
    this.sandbox = sandbox;
  }

  /** @param {unknown[]} parts text is written as it is, any other value described */
  note(...parts) {
    const line = parts.map((part) => (typeof part === "string" ? part : describe(part))).join(" ");
    this.lines.push(line.replaceAll(this.sandbox, "<dir>"));
  }

  /**
   * A promise of `value` after so many virtual milliseconds.
   * @template T
   * @param {number} ms
   * @param {T} [value]
   * @returns {Promise<T | undefined>}
   */
  after(ms, value) {
    return new Promise((resolve) => {
      const at = this.#now + ms;
      const later = this.#sleepers.findIndex((sleeper) => sleeper.at > at);
      this.#sleepers.splice(later === -1 ? this.#sleepers.length : later, 0, { at, wake: () => resolve(value) });
      this.#step();
    });
  }

  /**
   * An async function that notes when it starts and ends and how many like it run; fails when `result` is an error.
   * @param {string} name
   * @param {number} ms
   * @param {unknown} [result]
   */
  job(name, ms, result = name) {
    return async () => {
      this.#running += 1;
      this.note(`start ${name}, ${this.#running} running`);
      await this.after(ms);
      this.#running -= 1;
      this.note(`end ${name}`);
      if (result instanceof Error) throw result;
      return result;
    };
  }

  /**
   * Notes how a call ends: with a value, a rejection, or a throw before any promise was returned.
   * @param {string} label
   * @param {() => unknown} call
   */
  async outcome(label, call) {
    let result;
    try {
      result = call();
    } catch (error) {
      this.note(`${label} threw at once`, error);
      return;
    }
    if (!(result instanceof Promise)) {
      this.note(`${label} returned`, result);
      return;
    }
    try {
      this.note(`${label} =>`, await result);
    } catch (error) {
      this.note(`${label} rejected`, error);
    }
  }

  /**
   * Notes what kind of thing each export is: its type, its name, the number of its parameters.
   * @param {any} subject
   * @param {string[]} names
   */
  shape(subject, names) {
    for (const name of names) {
      const value = subject[name];
      this.note(`${name}:`, typeof value === "function" ? `function ${value.name}(${value.length})` : describe(value));
    }
  }

  /** Wakes one sleeper at a time, after the event loop has turned often enough for its consequences to be over. */
  #step(turns = 4) {
    if (this.#stepping) return;
    this.#stepping = true;
    const turn = () => {
      if (turns-- > 0) return void setImmediate(turn);
      this.#stepping = false;
      const next = this.#sleepers.shift();
      if (next === undefined) return;
      this.#now = next.at;
      next.wake();
      if (this.#sleepers.length > 0) this.#step();
    };
    setTimeout(turn, 1);
  }
}

/**
 * A value in one line, without anything that differs from run to run: errors have a name and a message, but no stack.
 * @param {unknown} value
 * @returns {string}
 */
export function describe(value) {
  if (value instanceof Error) return describeError(value);
  if (Array.isArray(value)) return `[${value.map(describe).join(", ")}]`;
  if (value instanceof Map)
    return `Map {${[...value].map(([key, held]) => `${describe(key)} => ${describe(held)}`).join(", ")}}`;
  if (typeof value === "object" && value !== null && isPlain(value)) {
    const fields = Reflect.ownKeys(value).map((key) => `${String(key)}: ${describe(Reflect.get(value, key))}`);
    return `{${fields.join(", ")}}`;
  }
  return inspect(value, { breakLength: Infinity });
}

/** @param {object} value */
function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/**
 * @param {Error} error
 * @returns {string}
 */
function describeError(error) {
  const details = Object.entries(error)
    .filter(([key]) => key !== "stack" && key !== "name" && key !== "message")
    .map(([key, value]) => `${key}: ${describe(value)}`);
  if (error instanceof AggregateError) details.push(`errors: ${describe(error.errors)}`);
  if (error.cause !== undefined) details.push(`cause: ${describe(error.cause)}`);
  return `${error.constructor.name}/${error.name}: ${error.message}${details.length > 0 ? ` {${details.join(", ")}}` : ""}`;
}
