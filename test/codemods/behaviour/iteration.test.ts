/**
 * Async generators and `for await`: each program prints what it does and in which order, and is run before and after;
 * the two logs must be the same.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { migrate, strictOptions, type MigratedProject } from "../transform/migrated-project.js";
import { runProgram } from "./run-program.js";
import { worldDeclarations, type Run } from "./virtual-world.js";

const numbers = `
async function* numbers(n: number): AsyncGenerator<number, string> {
  log("g", "begins");
  try {
    for (let i = 1; i <= n; i++) {
      yield await sleep(5, i);
      log("g", ["goes on", i]);
    }
    return "all";
  } finally {
    await sleep(3, 0);
    log("g", "ends");
  }
}
`;

const programs: Readonly<Record<string, string>> = {
  "CM-G01 CM-G02 a loop to the end": `${numbers}
export async function main() {
  log("m", "one");
  for await (const n of numbers(3)) log("m", n);
  log("m", "two");
  for await (const n of numbers(0)) log("m", n);
  log("m", "three");
}
`,
  "CM-G01 CM-G02 a consumer that stops runs the finally block first": `${numbers}
async function find(wanted: number): Promise<number> {
  for await (const n of numbers(5)) {
    if (n === wanted) return n;
    log("m", n);
  }
  return -1;
}
export async function main() {
  log("m", await find(2));
  for await (const n of numbers(5)) if (n > 1) break;
  log("m", "left");
  outer: for await (const n of numbers(3)) {
    for await (const m of numbers(3)) {
      if (m === 1) continue;
      if (n === 1) continue outer;
      log("m", [n, m]);
      break outer;
    }
  }
  log("m", "over");
}
`,
  "CM-G01 CM-G02 errors of the body, of the source and of the cleanup": `
async function* failing(where: string): AsyncGenerator<number> {
  try {
    yield 1;
    if (where === "source") throw new Error("source");
    yield 2;
  } finally {
    await sleep(2, 0);
    log("g", "ends");
    if (where.includes("cleanup")) throw new Error("cleanup");
  }
}
export async function main() {
  for (const where of ["source", "body", "cleanup", "body and cleanup", "break and cleanup"]) {
    try {
      for await (const n of failing(where)) {
        log("m", n);
        if (where.includes("body")) throw new Error("body");
        if (where.includes("break")) break;
      }
    } catch (error) {
      log("m", error);
    }
  }
}
`,
  "CM-G02 a generator that is asked by hand": `${numbers}
export async function main() {
  const g = numbers(3);
  log("m", "made");
  log("m", await Promise.all([g.next(), g.next()]));
  log("m", await g.return("left"));
  log("m", await g.next());
  const other = numbers(3);
  await other.next();
  try {
    await other.throw(new Error("thrown in"));
  } catch (error) {
    log("m", error);
  }
}
`,
  "CM-G02 yield of promises, of others' items, and their results": `${numbers}
async function* both(): AsyncGenerator<number> {
  try {
    yield sleep(4, 7);
    yield Promise.reject(new Error("rejected"));
  } catch (error) {
    log("g", error);
  }
  yield* [8, 9];
  log("g", yield* numbers(2));
}
export async function main() {
  for await (const n of both()) log("m", n);
  for await (const n of both()) if (n === 1) break;
  log("m", "over");
}
`,
  "CM-G02 this, parameters and defaults": `
class Book {
  constructor(readonly ids: number[]) {}
  async *pages(from = this.ids[0] ?? 0, { by } = { by: 1 }): AsyncGenerator<number> {
    for (const id of this.ids) yield await sleep(1, id * by + from);
  }
  async *[Symbol.asyncIterator]() {
    yield* this.pages(1);
  }
}
const shelf = { base: 5, async *pages(): AsyncGenerator<number> { yield this.base; } };
export async function main() {
  log("m", [Book.prototype.pages.name, Book.prototype.pages.length, shelf.pages.name]);
  for await (const n of new Book([1, 2]).pages()) log("m", n);
  for await (const n of new Book([1, 2])) log("m", n);
  for await (const n of shelf.pages()) log("m", n);
}
`,
  "CM-G01 what stands beside a loop keeps its place": `
async function* none(): AsyncGenerator<number> {}
async function drain(t: string, source: AsyncIterable<number>): Promise<void> {
  for await (const n of source) log(t, n);
  log(t, "drained");
}
export async function main() {
  const a = drain("a", none());
  log("m", "started");
  await a;
  const b = drain("b", none());
  const c = drain("c", none());
  log("m", "both");
  await Promise.all([b, c]);
}
`,
  "CM-G03 CM-G04 a generator that a foreign consumer pulls from, and leaves": `${numbers}
/** Pulls by hand, as a library would. */
function consume(items: AsyncIterable<number>, each: (item: number) => void): Promise<void> {
  const pulled = items[Symbol.asyncIterator]();
  const step = (): Promise<void> =>
    pulled.next().then((next) => {
      if (next.done === true) return;
      try {
        each(next.value);
      } catch (error) {
        return Promise.resolve(pulled.return?.()).then(() => Promise.reject(error));
      }
      return step();
    });
  return step();
}
export const given = { numbers };
export async function main() {
  const text: string[] = [];
  await consume(given.numbers(2), (n) => void text.push(String(n)));
  log("m", text);
  await consume(given.numbers(9), (n) => { if (n === 2) throw new Error("enough"); }).catch((error) => log("m", error));
}
`,
  "CM-G05 a stream is destroyed when its loop is left, and ends by itself when it is not": `
import { Readable } from "node:stream";
export async function main() {
  const left = Readable.from(["a", "b", "c"]);
  for await (const piece of left) {
    log("m", String(piece));
    if (piece === "b") break;
  }
  log("m", left.destroyed);
  const whole = Readable.from(["a", "b"]);
  for await (const piece of whole) log("m", String(piece));
  log("m", whole.readableEnded);
}
`,
  "CM-G01 TR1402 promises in an array": `
export async function main() {
  for await (const n of [sleep(5, 1), 2, sleep(1, 3)]) log("m", n);
  try {
    for await (const n of [sleep(1, 1), Promise.reject(new Error("no")), 3]) log("m", n);
  } catch (error) {
    log("m", error);
  }
}
`,
};

/** As much of Node's declarations as the programs need. */
const streams = `declare module "node:stream" {
  export class Readable implements AsyncIterable<unknown> {
    static from(items: Iterable<unknown>): Readable;
    readonly destroyed: boolean;
    readonly readableEnded: boolean;
    [Symbol.asyncIterator](): AsyncIterableIterator<unknown>;
  }
}
`;

let project: MigratedProject;

beforeAll(async () => {
  const files = Object.values(programs).map((text, index) => [`src/p${index}/main.ts`, text] as const);
  project = await migrate(Object.fromEntries([...files, ["virtual.d.ts", worldDeclarations], ["node.d.ts", streams]]), {
    compilerOptions: strictOptions,
  });
}, 120_000);

describe("async generators and for await behave as before: CM-G03 CM-G04 CM-G05 and others", () => {
  for (const [index, title] of Object.keys(programs).entries()) {
    it(title, async () => {
      const path = `src/p${index}/main.ts`;
      const before = project.before[path] as string;
      const after = project.after[path] as string;
      expect(after).not.toMatch(/for await|async function\*|async \*|await /);
      const run = (text: string): Promise<Run | undefined> => runProgram({ main: text });
      const seen = await run(before);
      expect(seen?.outcome).toBe("gave undefined");
      expect(await run(after), after).toEqual(seen);
    });
  }
});
