/**
 * The one table of the names of Trestle that the rules know. A name is what a program writes behind the import: `Fiber.fork`,
 * `fromPromise`. Renaming a function of the libraries touches this file and the texts of the rules.
 */

/** What a call of a function gives. */
export type Gives = "op" | "promise" | "other";

export interface Known {
  readonly module: "trestle" | "trestle/node" | "@trestle/bridges";
  readonly gives: Gives;
  /** The parameters that are bodies, functions that return an op and take nothing, or a switch. */
  readonly bodies?: readonly number[];
  /** The parameter that is an array of bodies. */
  readonly bodyList?: number;
  /** The parameter that is called once for each item. */
  readonly perItem?: number;
  /** The parameter that is a switch. */
  readonly sw?: number;
}

const core = (gives: Gives, more: Omit<Known, "module" | "gives"> = {}): Known => ({
  module: "trestle",
  gives,
  ...more,
});
const bridge = (gives: Gives, more: Omit<Known, "module" | "gives"> = {}): Known => ({
  module: "@trestle/bridges",
  gives,
  ...more,
});

const table = {
  "Fiber.fork": core("op", { sw: 0, bodies: [1] }),
  "Fiber.forkPromise": core("op", { sw: 0, bodies: [1] }),
  "Fiber.forkDaemon": core("op", { sw: 0, bodies: [1] }),
  "Fiber.both": core("op", { bodies: [0, 1] }),
  "Fiber.pair": core("op", { bodies: [0, 1] }),
  "Fiber.first": core("op", { bodies: [0, 1] }),
  "Fiber.all": core("op", { bodyList: 0 }),
  "Fiber.any": core("op", { bodyList: 0 }),
  "Fiber.nAny": core("op", { bodyList: 0 }),
  "Fiber.map": core("op", { perItem: 1 }),
  "Fiber.filter": core("op", { perItem: 1 }),
  "Fiber.filterMap": core("op", { perItem: 1 }),
  "Fiber.forEach": core("op", { perItem: 1 }),
  "Fiber.yield": core("op"),
  "Fiber.yieldNow": core("op"),
  "Fiber.awaitCancel": core("op"),
  "Fiber.withBinding": core("op", { bodies: [2] }),
  "Fiber.withoutBinding": core("op", { bodies: [1] }),
  "Switch.run": core("op", { bodies: [0] }),
  "Switch.runProtected": core("op", { bodies: [0] }),
  "Cancel.sub": core("op", { bodies: [0] }),
  "Cancel.protect": core("op", { bodies: [0] }),
  run: { module: "trestle/node", gives: "promise", bodies: [0] },
  fromPromise: bridge("op"),
  fromAsyncIterable: bridge("other"),
  fromAsync: bridge("op"),
  adopt: bridge("op"),
  fromCallback: bridge("op"),
  cancelSignal: bridge("op"),
  withSignal: bridge("op", { bodies: [1] }),
  once: bridge("op"),
  firstOf: bridge("op"),
  lastOf: bridge("op"),
  singleOf: bridge("op"),
  collect: bridge("op"),
  latest: bridge("op", { sw: 0 }),
  fromObservable: bridge("op", { sw: 0 }),
  toPromise: bridge("promise", { bodies: [0] }),
  toAsync: bridge("other"),
  toCallback: bridge("other", { bodies: [0] }),
  toNode: bridge("other"),
  promiseOf: bridge("promise"),
} as const satisfies Record<string, Known>;

export type Name = keyof typeof table;

export const names: Readonly<Record<Name, Known>> = table;

export function isName(text: string): text is Name {
  return Object.hasOwn(names, text);
}

/** Whether a module is one of ours. */
export function isOurs(module: string): boolean {
  return /^(trestle|@trestle\/bridges)(\/|$)/.test(module);
}

/** What a namespace is when it is imported as a module of its own: `import * as Fiber from "trestle/fiber"`. */
export const subpaths: Readonly<Record<string, string>> = {
  "trestle/fiber": "Fiber",
  "trestle/cancel": "Cancel",
};
