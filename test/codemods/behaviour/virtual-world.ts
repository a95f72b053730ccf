/**
 * A world in which a program of promises or fibers can be watched: time that moves only when nothing else can happen,
 * and a log of what every task did, and when.
 */

export interface Entry {
  readonly task: string;
  readonly at: number;
  readonly event: string;
}

export interface Run {
  readonly log: readonly Entry[];
  /** What became of the program's promise. */
  readonly outcome: string;
  /** When it was settled. */
  readonly settledAt: number;
  /** How much had been logged by then. */
  readonly settledAfter: number;
  /** Errors of promises that nobody looked at, sorted. */
  readonly unhandled: readonly string[];
  /** The most sleeps that were pending at one time. */
  readonly mostPending: number;
}

/** What programs may call. */
export interface World {
  readonly sleep: <T>(ms: number, value: T) => Promise<T>;
  readonly log: (task: string, event: unknown) => void;
  readonly setTimeout: (go: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => object;
  readonly clearTimeout: (timer: unknown) => void;
  /** A value that is only sometimes a promise. */
  readonly maybe: (n: number) => number | Promise<number>;
}

/** Declares the names of {@link World} to the compiler. */
export const worldDeclarations = `
declare function sleep<T>(ms: number, value: T): Promise<T>;
declare function setTimeout(go: (...args: any[]) => void, ms?: number, ...args: unknown[]): object;
declare function clearTimeout(timer: unknown): void;
declare function log(task: string, event: unknown): void;
declare function maybe(n: number): number | Promise<number>;
declare const untyped: any;
`;

const longestLog = 1500;

/** Thrown by the world when a program goes on for too long to be worth comparing. */
export class TooLong extends Error {
  override readonly name = "TooLong";
}

/** `beforeStep` is called each time that nothing but time can go on, with the number of such times before. */
export async function watch(
  start: (world: World) => Promise<unknown>,
  beforeStep?: (step: number, log: readonly Entry[]) => void,
): Promise<Run | undefined> {
  const timers: { at: number; resolve: () => void }[] = [];
  const log: Entry[] = [];
  const unhandled: string[] = [];
  let now = 0;
  let mostPending = 0;
  let tooLong = false;
  const world: World = {
    sleep: (ms, value) =>
      new Promise((resolve) => {
        if (tooLong) return;
        timers.push({ at: now + ms, resolve: () => resolve(value) });
        mostPending = Math.max(mostPending, timers.length);
      }),
    setTimeout(go, ms = 0, ...args) {
      const timer = { at: now + ms, resolve: () => go(...args) };
      if (!tooLong) timers.push(timer);
      return timer;
    },
    clearTimeout(timer) {
      const index = timers.findIndex((one) => one === timer);
      if (index >= 0) timers.splice(index, 1);
    },
    log(task, event) {
      if (log.length >= longestLog) {
        tooLong = true;
        throw new TooLong();
      }
      log.push({ task, at: now, event: describe(event) });
    },
    maybe: (n) => (n % 2 === 0 ? n : Promise.resolve(n)),
  };

  // A rejection that nobody handles is part of what a program does; here it must not end the test.
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (reason) => unhandled.push(describe(reason)));
  try {
    let outcome = "pending";
    let settledAt = Number.NaN;
    let settledAfter = Number.NaN;
    const settle = (text: string): void => {
      outcome = text;
      settledAt = now;
      settledAfter = log.length;
    };
    start(world).then(
      (value) => settle(`gave ${describe(value)}`),
      (error: unknown) => settle(`threw ${describe(error)}`),
    );
    for (let step = 0; ; step++) {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      const next = earliest(timers);
      if (next === undefined || tooLong) break;
      now = next.at;
      if (beforeStep !== undefined) {
        beforeStep(step, log);
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
      next.resolve();
    }
    return tooLong ? undefined : { log, outcome, settledAt, settledAfter, unhandled: unhandled.sort(), mostPending };
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
}

function earliest<T extends { at: number }>(timers: T[]): T | undefined {
  let best = 0;
  for (let i = 1; i < timers.length; i++) if ((timers[i]?.at ?? 0) < (timers[best]?.at ?? 0)) best = i;
  return timers.splice(best, 1)[0];
}

function describe(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return JSON.stringify(value) ?? String(value);
}
