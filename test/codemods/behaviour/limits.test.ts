/**
 * What programs with limiters do, before and after: in which order jobs begin and end, how many run at once, and what
 * runs before the caller goes on. The two logs must be the same, to the millisecond.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";
import { migrateTitled, type TitledPrograms } from "./titled-programs.js";
import { type Run } from "./virtual-world.js";

const work = `
import pLimit from "p-limit";
async function work(t: string, ms: number): Promise<string> {
  log(t, "begins");
  await sleep(ms, 0);
  log(t, "ends");
  return t + ms;
}
const names = ["a", "b", "c", "d", "e"];
`;

const programs: Readonly<Record<string, string>> = {
  "CM-L01 CM-L02 jobs begin in their order, so many at once": `
const limit = pLimit(2);
export async function main() {
  await sleep(1, 0);
  log("m", await Promise.all(names.map((name, index) => limit(() => work(name, 5 - index)))));
  log("m", await limit(async () => (await work("f", 1)) + (await work("g", 1))));
  const slots = pLimit(3);
  log("m", await Promise.all(names.map((name, index) => slots(async () => {
    log(name, "in its slot");
    return await work(name, index);
  }))));
}
`,
  "CM-L02 TR1310 no job begins before the caller goes on": `
const limit = pLimit(2);
async function all(): Promise<string[]> {
  return Promise.all(names.map((name, index) => limit(() => work(name, index + 1))));
}
const one = async (t: string): Promise<string> => await limit(async () => await work(t, 2));
async function two(t: string): Promise<string> {
  log(t, "asks");
  return await limit(async () => {
    return (await work(t, 1)) + "!";
  });
}
export async function main() {
  const started = [all(), one("f"), two("g")];
  log("m", "goes on");
  log("m", await Promise.all(started));
}
`,
  "CM-L02 a job that fails frees its slot": `
const limit = pLimit(1);
async function broken(t: string): Promise<string> {
  await work(t, 1);
  throw new Error("broken " + t);
}
async function task(t: string, n: number): Promise<void> {
  await sleep(n, 0);
  try {
    log(t, await limit(async () => {
      return n % 2 === 0 ? await broken(t) : await work(t, 3);
    }));
  } catch (error) {
    log(t, String(error));
  }
}
export async function main() {
  await Promise.all(names.map((name, index) => task(name, index)));
}
`,
  "CM-L02 a job keeps its this": `
class Store {
  readonly #limit = pLimit(1);
  n = 0;
  async add(by: number): Promise<number> {
    return await this.#limit(async () => {
      const before = this.n;
      await work("add" + by, by);
      this.n = before + by;
      return this.n;
    });
  }
  async twice(by: number): Promise<number> {
    return (await this.#limit(() => this.own(by))) + this.n;
  }
  private async own(by: number): Promise<number> {
    await work("own" + by, 1);
    return this.n + by;
  }
}
export async function main() {
  const store = new Store();
  const all = [store.add(3), store.add(2), store.twice(1)];
  log("m", "goes on");
  log("m", await Promise.all(all));
}
`,
};

let migrated: TitledPrograms;

beforeAll(async () => {
  migrated = await migrateTitled(work, programs);
}, 120_000);

/** What each task did, and when. */
function byTask(run: Run | undefined): unknown {
  const tasks: Record<string, string[]> = {};
  for (const { task, at, event } of run?.log ?? []) (tasks[task] ??= []).push(`${at}: ${event}`);
  return { ...run, log: tasks };
}

describe("limiters", () => {
  it.each(Object.keys(programs))("%s", async (title) => {
    const { before, after } = migrated.of(title);
    expect(after).toContain(".use(");
    expect(after).not.toContain("p-limit");
    const run = await runProgram({ main: before });
    expect(run?.log.length).toBeGreaterThan(7);
    const later = await runProgram({ main: after });
    const events = later?.log.map(({ event }) => event) ?? [];
    if (title.includes("TR1310")) expect(events.indexOf('"goes on"')).toBeLessThan(events.indexOf('"begins"'));
    // Where a job gives others a turn first, whoever waited for the one before it may go on earlier in the same instant.
    expect(title.includes("TR1310") ? byTask(later) : later, after).toEqual(
      title.includes("TR1310") ? byTask(run) : run,
    );
  });
});
