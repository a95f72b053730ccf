/**
 * What callers that were not migrated can see of a converted function: its name and length, when it starts, how it
 * fails, what `this` is. Each program prints it, before and after; the two logs must be the same.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { migrate, strictOptions, type MigratedProject } from "../transform/migrated-project.js";
import { runProgram } from "./run-program.js";
import { worldDeclarations, type Run } from "./virtual-world.js";

const programs: Readonly<Record<string, string>> = {
  "TR1301 what is handed on from inside try is waited for by the caller": `
const untyped = (n: number): any => (async () => {
  const m = await sleep(1, n);
  if (m > 9) throw new Error("big");
  return m;
})();
async function own(n: number): Promise<any> {
  try {
    return n === 0 ? 0 : untyped(n);
  } catch {
    log("own", "never");
    return 0;
  } finally {
    log("own", "left");
  }
}
class Base {
  async load(n: number): Promise<any> {
    return await sleep(1, n);
  }
  async twice(n: number): Promise<any[]> {
    await sleep(1, 0);
    return [await this.load(n), ...(await Promise.all([this.load(n), own(n)]))];
  }
}
class Derived extends Base {
  override async load(n: number): Promise<any> {
    try {
      return untyped(n);
    } catch {
      log("load", "never");
    }
  }
}
async function caught(n: number): Promise<any> {
  try {
    return await own(n);
  } catch (error) {
    return String(error);
  }
}
const onwards = async (n: number): Promise<any> => own(n);
export async function main() {
  log("m", [await caught(0), await caught(1), await caught(10), (await own(2)) + 1, await onwards(3)]);
  log("m", await onwards(11).catch(String));
  log("m", [await new Base().twice(4), await new Derived().twice(5)]);
}
`,
  "O-19 name and length of a declaration": `
export async function load(id: string, n: number, ...rest: string[]): Promise<number> {
  return await sleep(1, id.length + n + rest.length);
}
async function defaults(a: number, b = 2, c?: number): Promise<number> {
  return await sleep(1, a + b + (c ?? 0));
}
async function destructured({ a }: { a: number }, [b]: number[]): Promise<number> {
  return await sleep(1, a + (b ?? 0));
}
export async function main() {
  for (const f of [load, defaults, destructured]) log("m", [f.name, f.length]);
  log("m", [await load("ab", 1, "x"), await defaults(1), await destructured({ a: 1 }, [2])]);
}
`,
  "O-19 name and length of function values": `
const arrow = async (a: number, b: number): Promise<number> => await sleep(1, a + b);
const plain = async function (a: number): Promise<number> {
  return await sleep(1, a);
};
const named = async function inner(a: number): Promise<number> {
  return await sleep(1, a);
};
const table = {
  async method(a: number): Promise<number> {
    return await sleep(1, a);
  },
  property: async (a: number, b: number): Promise<number> => await sleep(1, a + b),
  async "a name"(): Promise<number> {
    return await sleep(1, 1);
  },
};
export async function main() {
  for (const f of [arrow, plain, named, table.method, table.property, table["a name"]]) {
    log("m", [f.name, f.length]);
  }
}
`,
  "O-19 the name that an assignment gives": `
let assigned: (n: number) => Promise<number>;
assigned = async (n) => await sleep(1, n);
export async function main() {
  log("m", assigned.name);
}
`,
  "O-19 name and length of methods": `
class A {
  async m(a: number): Promise<number> {
    return await sleep(1, a);
  }
  static async s(a: number, b: number): Promise<number> {
    return await sleep(1, a + b);
  }
  field = async (a: number): Promise<number> => await sleep(1, a);
}
export async function main() {
  const a = new A();
  for (const f of [a.m, A.s, a.field]) log("m", [f.name, f.length]);
  log("m", Object.keys(a));
}
`,
  "O-19 a call runs up to its first wait before it gives its promise": `
async function work(t: string): Promise<void> {
  log(t, "one");
  await sleep(5, 1);
  log(t, "two");
}
class A {
  async m(): Promise<void> {
    log("a", "one");
    await sleep(3, 1);
    log("a", "two");
  }
}
const arrow = async (): Promise<void> => {
  log("b", "one");
};
export async function main() {
  log("m", "before");
  const all = [work("w"), new A().m(), arrow()];
  log("m", "after");
  await Promise.all(all);
  log("m", "end");
}
`,
  "O-19 what a default or a pattern throws is a rejection": `
function fail(): number {
  throw new Error("default");
}
async function defaults(a: number = fail()): Promise<number> {
  return await sleep(1, a);
}
async function pattern({ a }: { a: number }): Promise<number> {
  return await sleep(1, a);
}
const arrow = async ({ a }: { a: number }, b: number = a): Promise<number> => await sleep(1, a + b);
class A {
  async m(a = fail()): Promise<number> {
    return await sleep(1, a);
  }
}
const none = undefined as unknown as { a: number };
export async function main() {
  const calls = [() => defaults(), () => pattern(none), () => arrow(none), () => new A().m()];
  for (const call of calls) {
    let promise: Promise<number> | undefined;
    try {
      promise = call();
    } catch (error) {
      log("m", "thrown at the call");
    }
    await promise?.catch((error: unknown) => log("m", error instanceof Error ? error.name : "?"));
  }
}
`,
  "O-19 a rejection is the very error that was thrown": `
class Odd extends Error {
  override readonly name = "Odd";
  constructor(readonly code: number) {
    super("odd");
  }
}
const one = new Odd(1);
async function fails(value: unknown): Promise<void> {
  await sleep(1, 1);
  throw value;
}
export async function main() {
  for (const value of [one, 0, undefined, null, "text", { a: 1 }]) {
    const held = fails(value);
    log("m", await held.catch((error: unknown) => error === value));
    try {
      await fails(value);
    } catch (error) {
      log("m", error === value);
    }
  }
}
`,
  "O-19 this of a function, of a bound function and of a callback": `
async function self(this: { k: number }, by: number): Promise<number> {
  return (await sleep(1, by)) * this.k;
}
class A {
  k = 3;
  async m(by: number): Promise<number> {
    return (await sleep(1, by)) * this.k;
  }
  field = async (by: number): Promise<number> => (await sleep(1, by)) * this.k;
}
export async function main() {
  const a = new A();
  const { field } = a;
  log("m", await self.call({ k: 2 }, 5));
  log("m", await self.apply({ k: 2 }, [6]));
  log("m", await self.bind({ k: 2 })(7));
  log("m", await field(4));
  log("m", await Promise.all([1, 2].map(field)));
}
`,
  "O-19 a method called on an object of another class": `
class A {
  k = 3;
  async m(by: number): Promise<number> {
    return (await sleep(1, by)) * this.k;
  }
}
export async function main() {
  log("m", await new A().m.call({ k: 10 } as A, 1));
}
`,
  "O-19 a method that does not use this works without it": `
class A {
  async m(a: number): Promise<number> {
    return await sleep(1, a);
  }
  static async s(a: number): Promise<number> {
    return await sleep(1, a);
  }
}
export async function main() {
  const { m } = new A();
  const { s } = A;
  log("m", [await s(2), await m(1)]);
  log("m", await Promise.all([1, 2].map(new A().m)));
}
`,
  "CM-K04 overrides of every kind, super and stand-ins are called as often as before, in the same order": `
class Base {
  k = 1;
  async find(id: string): Promise<string> {
    log("m", "Base " + id + this.k);
    return await sleep(1, "base " + id);
  }
  async all(): Promise<string> {
    return (await this.find("a")) + " " + (await this.find("b"));
  }
  static async open(k: number): Promise<Base> {
    const made = new this();
    made.k = await sleep(1, k);
    return made;
  }
}
class Own extends Base {
  override async find(id: string): Promise<string> {
    log("m", "Own " + id);
    return (await super.find("own " + id)) + "!";
  }
  async other(): Promise<string> {
    return await super.find("other");
  }
}
class Plain extends Base {
  override find(id: string): Promise<string> {
    log("m", "Plain " + id);
    return super.find("plain " + id);
  }
}
class Last extends Own {
  override find(id: string): Promise<string> {
    log("m", "Last " + id);
    return super.find("last " + id).then((text) => text + "?");
  }
}
async function use(base: Base): Promise<void> {
  log("m", await base.all());
  log("m", await base.find("direct"));
}
export async function main() {
  for (const made of [await Base.open(1), await Own.open(2), await Plain.open(3), await Last.open(4)]) await use(made);
  log("m", await new Own().other());
  const one = new Own();
  one.find = (id) => Promise.resolve("stand-in " + id);
  await use(one);
  Base.prototype.find = async (id) => "for all " + id;
  await use(new Base());
  await use(new Own());
  Base.open = () => Promise.resolve(one);
  await use(await Base.open(5));
}
`,
  "O-19 an override of a façade by assignment is what callers reach": `
class A {
  async m(): Promise<number> {
    return await sleep(1, 1);
  }
  async twice(): Promise<number> {
    return (await this.m()) * 2;
  }
}
export async function main() {
  const a = new A();
  log("m", await a.twice());
  a.m = () => Promise.resolve(10);
  log("m", await a.m());
}
`,
  "O-19 a promise can be awaited twice, and compared": `
async function load(): Promise<number> {
  log("l", "loading");
  return await sleep(1, 1);
}
const cache = new Map<string, Promise<number>>();
function cached(): Promise<number> {
  let held = cache.get("k");
  if (held === undefined) cache.set("k", (held = load()));
  return held;
}
export async function main() {
  log("m", cached() === cached());
  log("m", [await cached(), await cached(), cached() instanceof Promise]);
}
`,
  "S05 a promise that nobody looks at is an unhandled rejection still": `
async function fails(): Promise<void> {
  await sleep(1, 1);
  throw new Error("nobody");
}
export async function main() {
  void fails();
  await sleep(5, 1);
  log("m", "on");
}
`,
  "O-15 what is started before it is awaited overlaps": `
async function work(t: string, ms: number): Promise<number> {
  log(t, "start");
  const n = await sleep(ms, ms);
  log(t, "end");
  return n;
}
export async function main() {
  const a = work("a", 30);
  const b = work("b", 20);
  const c = work("c", 10);
  log("m", (await a) + (await b) + (await c));
  log("m", await Promise.all([work("d", 3), work("e", 2), work("f", 1)]));
  log("m", await Promise.all([4, 5, 6].map((n) => work("g" + n, n))));
  log("m", await Promise.allSettled([work("h", 3), work("i", 2)]));
  log("m", await Promise.race([work("j", 3), work("k", 2)]));
}
`,
  "CM-A13 operands that are nothing, and calls that are optional": `
type Hook = { go?: (n: number) => Promise<number> };
async function own(): Promise<number> {
  return await sleep(1, 7);
}
export async function main() {
  const hooks: (Hook | undefined)[] = [undefined, {}, { go: (n) => sleep(1, n) }];
  for (const hook of hooks) log("m", (await hook?.go?.(1)) ?? "nothing");
  for (const c of [true, false]) {
    log("m", await (c && own()));
    log("m", await (c ? own() : 0));
    log("m", await ((c ? undefined : 3) ?? own()));
    log("m", await (c || own()));
  }
  log("m", [await maybe(1), await maybe(2), await undefined, await null]);
}
`,
  "CM-A14 the left side of an assignment is read before the wait": `
async function bump(box: { n: number }): Promise<number> {
  box.n += 10;
  return await sleep(1, 1);
}
export async function main() {
  const box = { n: 1 };
  box.n += await bump(box);
  log("m", box.n);
  const list = [1, 2, 3];
  let i = 0;
  list[i++] = (await bump(box)) + i++;
  log("m", [list, i, box.n]);
}
`,
  "CM-A11 finally, return and throw in every combination": `
async function run(how: number): Promise<number> {
  for (let i = 0; i < 2; i++) {
    try {
      log("r", ["try", how, await sleep(1, i)]);
      if (how === 0) return await sleep(1, 100);
      if (how === 1) throw new Error("thrown");
      if (how === 2) continue;
      if (how === 3) break;
    } catch (error) {
      log("r", error);
      if (i === 0) throw await sleep(1, new Error("again"));
    } finally {
      log("r", ["finally", await sleep(1, i)]);
      if (how === 4) return 5;
    }
  }
  return -1;
}
export async function main() {
  for (const how of [0, 1, 2, 3, 4]) {
    log("m", await run(how).catch((error: unknown) => String(error)));
    try {
      log("m", await run(how));
    } catch (error) {
      log("m", error);
    }
  }
}
`,
};

let project: MigratedProject;

beforeAll(async () => {
  const files: Record<string, string> = { "world.d.ts": worldDeclarations };
  Object.values(programs).forEach((text, index) => (files[`p${index}.ts`] = text));
  project = await migrate(files, { compilerOptions: { ...strictOptions, noUnusedLocals: false } });
}, 120_000);

describe("O-19 façades", () => {
  for (const [index, title] of Object.keys(programs).entries()) {
    it(title, async () => {
      const [before, after] = [project.before[`p${index}.ts`] ?? "", project.after[`p${index}.ts`] ?? ""];
      expect(after).not.toBe(before);
      const seen = await runProgram({ main: before });
      expect(seen?.outcome).toBe("gave undefined");
      expect(essence(await runProgram({ main: after })), after).toEqual(essence(seen));
    });
  }

  it("CM-A09 a function value with a default that says its type is converted", async () => {
    const text = "export const f = async (a: number, b = 2) => (await sleep(1, a)) + b;\n";
    const one = await migrate({ "world.d.ts": worldDeclarations, "f.ts": text });
    expect(one.after["f.ts"]).toContain("function*");
  });

  it("TR1203 in a library, a method called through super runs that of the base, and not itself again", async () => {
    const text = `
export class Base {
  k = 1;
  async go(): Promise<number> {
    return (await sleep(1, 1)) + this.k;
  }
}
export class Derived extends Base {
  override async go(): Promise<number> {
    return (await super.go()) * 10;
  }
}
export async function main() {
  log("m", await new Derived().go());
}
`;
    const files = { "world.d.ts": worldDeclarations, "main.ts": text };
    const library = await migrate(files, { manifest: { name: "library", main: "main.js" } });
    const after = library.after["main.ts"] ?? "";
    expect(after).not.toBe(text);
    expect(essence(await runProgram({ main: after })), after).toEqual(essence(await runProgram({ main: text })));
  });

  it("O-02 none of these programs has a function that was given up", () => {
    const left = project.plan.candidates.filter((c) => c.kind === "function" && c.disposition === "leave");
    expect(left.map((c) => `${c.name}: ${c.reasons.map((reason) => reason.message).join()}`)).toEqual([]);
  });
});

function essence(run: Run | undefined): unknown {
  return run && { log: run.log, outcome: run.outcome, at: run.settledAt, unhandled: run.unhandled };
}
