/**
 * What calls through types reach at run time: members of interfaces, abstract methods, parameters, fields and tables, and
 * what stands in their place. Each program prints it, before and after; the two logs must be the same.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { migrate, strictOptions, type MigratedProject } from "../transform/migrated-project.js";
import { runProgram } from "./run-program.js";
import { worldDeclarations, type Run } from "./virtual-world.js";

const programs: Readonly<Record<string, string>> = {
  "CM-K03 whichever class, object or stand-in stands behind an interface is called on its own this": `
interface Shelf {
  fetchShelf(id: string): Promise<string>;
}
class Slow implements Shelf {
  constructor(private readonly name: string) {}
  async fetchShelf(id: string): Promise<string> {
    return this.name + (await sleep(2, id));
  }
}
class Quick extends Slow {
  override async fetchShelf(id: string): Promise<string> {
    return "quick " + (await super.fetchShelf(id));
  }
}
class Foreign implements Shelf {
  readonly n = 3;
  fetchShelf(id: string): Promise<string> {
    return Promise.resolve(id + this.n);
  }
}
const literal = {
  n: 4,
  async fetchShelf(id: string): Promise<string> {
    return "literal " + (await sleep(1, id));
  },
};
async function read(shelf: Shelf): Promise<string> {
  return (await shelf.fetchShelf("a")) + (await shelf.fetchShelf("b"));
}
export async function main() {
  const stubbed = new Slow("stubbed");
  stubbed.fetchShelf = (id) => Promise.resolve("stub " + id);
  const bound: Shelf = { fetchShelf: new Slow("bound").fetchShelf.bind(new Slow("other")) };
  for (const shelf of [new Slow("s"), new Quick("q"), new Foreign(), literal, stubbed, bound]) log("m", await read(shelf));
  const lying = new Slow("l");
  lying.fetchShelf = ((id: string) => id) as unknown as Shelf["fetchShelf"];
  log("m", await read(lying));
  const before = Slow.prototype.fetchShelf;
  const calls: string[] = [];
  Slow.prototype.fetchShelf = function (this: Slow, id) {
    calls.push(id);
    return before.call(this, id);
  };
  log("m", [await read(new Slow("spied")), await read(new Quick("spied")), ...calls]);
}
`,
  "CM-K03 an abstract method, called on this, reaches the subclass": `
abstract class Press<T> {
  abstract print(page: T): Promise<number>;
  protected abstract ink(page: T): Promise<number>;
  async both(page: T): Promise<number> {
    const one = await this.print(page);
    return one + (await this.ink(page));
  }
}
class TextPress extends Press<string> {
  readonly k = 10;
  async print(page: string): Promise<number> {
    return (await sleep(1, page.length)) + this.k;
  }
  protected async ink(page: string): Promise<number> {
    if (page === "bad") throw new Error("no ink");
    return await sleep(1, page.length * 100);
  }
}
export async function main() {
  log("m", await new TextPress().both("abc"));
  try {
    await new TextPress().both("bad");
  } catch (error) {
    log("m", String(error));
  }
}
`,
  "CM-K03 TR1309 what may end without waiting gives the others their turn": `
interface Meter {
  readMeter(id: string): Promise<number>;
}
class Fixed implements Meter {
  async readMeter(id: string): Promise<number> {
    log("fixed", id);
    return 1;
  }
}
class Slow implements Meter {
  async readMeter(id: string): Promise<number> {
    log("slow", id);
    return await sleep(1, 2);
  }
}
async function note(meter: Meter, id: string): Promise<void> {
  const n = await meter.readMeter(id);
  log("noted", [id, n]);
}
export async function main() {
  const all = [note(new Fixed(), "a"), note(new Slow(), "b"), note(new Fixed(), "c")];
  log("m", "started");
  await Promise.all(all);
}
`,
  "CM-H13 a function that takes a function: ours, one of others, one that throws, one that gives no promise": `
async function retry<T>(fn: (attempt: number) => Promise<T>): Promise<T> {
  try {
    return await fn(1);
  } catch (error) {
    log("r", String(error));
    return await fn(2);
  }
}
async function own(attempt: number): Promise<string> {
  if (attempt === 1) throw new Error("first " + (await sleep(1, attempt)));
  return "own " + attempt;
}
const holder = {
  n: 5,
  async times(this: { n: number }, attempt: number): Promise<number> {
    return (await sleep(1, attempt)) * this.n;
  },
};
export async function main() {
  log("m", await retry(own));
  log("m", await retry(async (attempt) => (await sleep(1, attempt)) * 3));
  log("m", await retry((attempt) => sleep(1, attempt)));
  log("m", await retry((attempt) => holder.times(attempt)));
  log("m", await retry(holder.times.bind({ n: 7 })));
  log("m", await retry(((attempt: number) => attempt) as unknown as (attempt: number) => Promise<number>));
  let calls = 0;
  const throwing = (): Promise<number> => {
    if (++calls === 1) throw new Error("at the call");
    return sleep(1, calls);
  };
  log("m", await retry(throwing));
}
`,
  "CM-H15 tables of functions, and what is put into them later": `
type Action = (n: number) => Promise<number>;
const record: Record<string, Action> = { one: async (n) => (await sleep(1, n)) + 1 };
const map = new Map<string, Action>([["two", async (n) => (await sleep(2, n)) + 2]]);
const list: Action[] = [async (n) => (await sleep(3, n)) + 3];
async function call(key: string, n: number): Promise<number> {
  return await record[key]!(n);
}
export async function main() {
  log("m", [await call("one", 10), await map.get("two")!(10)]);
  record["late"] = (n) => Promise.resolve(n * 100);
  record["own"] = async (n) => (await sleep(1, n)) * 1000;
  list.push(record["late"]);
  log("m", [await call("late", 10), await call("own", 10)]);
  for (const action of list) log("m", await action(10));
  try {
    await call("none", 1);
  } catch (error) {
    log("m", error instanceof TypeError);
  }
}
`,
  "CM-K08 a field that is an arrow function keeps its this, its name, its length and its identity": `
class Button {
  label = "ok";
  click = async (n: number, other = 1): Promise<string> => this.label + (await sleep(1, n + other));
}
async function press(click: (n: number) => Promise<string>): Promise<string> {
  return await click(1);
}
export async function main() {
  const { click } = new Button();
  const twice = new Button();
  log("m", [await press(click), await click(2, 3), click.name, click.length, twice.click === twice.click]);
  twice.label = "changed";
  log("m", await press(twice.click));
}
`,
};

describe("calls through types", () => {
  let project: MigratedProject;

  beforeAll(async () => {
    const files: Record<string, string> = { "world.d.ts": worldDeclarations };
    Object.values(programs).forEach((text, index) => (files[`p${index}.ts`] = text));
    project = await migrate(files, { compilerOptions: strictOptions });
  }, 60_000);

  for (const [index, title] of Object.keys(programs).entries()) {
    it(title, async () => {
      const before = programs[title] ?? "";
      const after = project.after[`p${index}.ts`] ?? "";
      expect(after).toContain("direct(");
      expect(essence(await runProgram({ main: after })), after).toEqual(essence(await runProgram({ main: before })));
    });
  }
});

function essence(run: Run | undefined): unknown {
  return run && { log: run.log, outcome: run.outcome, at: run.settledAt, unhandled: run.unhandled };
}
