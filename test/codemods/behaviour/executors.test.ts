/**
 * What programs that make promises of callbacks do, before and after: what the callback gives and throws, in which order
 * those that wait go on, and what an executor does at the call. The two logs must be the same, to the millisecond.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";
import { migrateTitled, type TitledPrograms } from "./titled-programs.js";

const apis = `
function later(ms: number, done: (error: Error | null, value: string) => void): void {
  log("api", ms);
  setTimeout(() => (ms > 50 ? done(new Error("too long"), "") : done(null, "after " + ms)), ms);
}
function atOnce(done: (value: number) => void): void {
  done(1);
}
`;

const programs: Readonly<Record<string, string>> = {
  "CM-P17 values and errors of a callback, the first of which counts": `
function wait(ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    log("m", "executor");
    later(ms, (error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
    setTimeout(() => {
      resolve("late");
      reject(new Error("later"));
    }, ms + 1);
  });
}
export async function main() {
  const promise = wait(3);
  log("m", "called");
  log("m", await promise);
  log("m", await wait(4));
  try {
    await wait(60);
  } catch (error) {
    log("m", String(error));
  }
  log("m", await Promise.all([wait(9), wait(2)]));
  await wait(70);
}
`,
  "CM-P17 what throws in an executor is thrown by the wait for it": `
function refusing(): number {
  throw new Error("executor");
}
function broken(): Promise<number> {
  return new Promise((resolve) => {
    refusing();
    atOnce(resolve);
  });
}
async function caught() {
  try {
    await new Promise<void>((resolve) => setTimeout(resolve, refusing()));
  } catch (error) {
    log("c", String(error));
  }
}
export async function main() {
  const promise = broken();
  log("m", "no throw at the call");
  log("m", await promise.catch((error) => error.message));
  await caught();
  await broken();
}
`,
  "CM-P17 TR1309 an answer at once is seen a turn later": `
async function quick(t: string) {
  const n = await new Promise<number>((resolve) => atOnce(resolve));
  log(t, n);
  const m = await new Promise<number>((resolve) => resolve(2));
  log(t, m);
  await new Promise<number>((resolve) => {
    if (n === 1) return resolve(3);
    atOnce(resolve);
  });
  log(t, "left");
}
async function around(t: string) {
  await quick(t);
  log(t, "end");
}
export async function main() {
  const both = [around("a"), around("b")];
  log("m", "called");
  await Promise.all(both);
  await quick("c");
}
`,
  "CM-P19 sleeps of one length end in the order in which they began": `
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
async function task(t: string, ms: number) {
  for (let i = 0; i < 3; i++) {
    await pause(ms);
    log(t, i);
    await new Promise<void>((resolve) => {
      setTimeout(() => {
        log(t, "in the timer");
        resolve();
        log(t, "behind it");
      }, 2);
    });
    log(t, "after");
  }
}
export async function main() {
  await Promise.all([task("a", 2), task("b", 2), task("c", 3), task("d", 1)]);
  log("m", [pause.name, pause.length]);
}
`,
  "TR1306 a rejection at once comes a turn later": `
async function task(t: string) {
  for (const how of [1, 2]) {
    try {
      await new Promise<number>((resolve, reject) => {
        if (how === 1) return reject(new Error("refused"));
        throw new Error("thrown");
      });
    } catch (error) {
      log(t, String(error));
    }
  }
  log(t, "end");
}
export async function main() {
  const both = [task("a"), task("b")];
  log("m", "called");
  await Promise.all(both);
}
`,
  "TR1306 a promise that is resolved with another waits for it": `
export async function main() {
  log("m", await new Promise((resolve) => setTimeout(() => resolve(sleep(5, "inner")), 2)));
  log("m", await new Promise<unknown>((resolve) => resolve(maybe(1))));
  log("m", await new Promise<void>((resolve) => {
    resolve();
    throw new Error("nobody sees this");
  }));
}
`,
};

let migrated: TitledPrograms;

beforeAll(async () => {
  migrated = await migrateTitled(apis, programs);
}, 120_000);

describe("promises of callbacks", () => {
  it.each(Object.keys(programs))("%s", async (title) => {
    const { before, after } = migrated.of(title);
    if (title.startsWith("CM")) expect(after).toContain("fromCallback");
    else expect(after).not.toContain("fromCallback");
    expect(await runProgram({ main: after }), after).toEqual(await runProgram({ main: before }));
  });

  it("TR1306 CM-P17 the report tells which are ops now, and why others are not", () => {
    const waits = migrated.project.candidates().filter((c) => c.kind === "await" && c.name.includes("new Promise"));
    const bridged = waits.filter((c) => c.disposition === "bridge");
    expect(bridged.map((c) => c.reasons.map((reason) => reason.code))).toEqual(bridged.map(() => ["TR1306"]));
    expect(bridged.length).toBe(4);
    const written = migrated.project
      .candidates()
      .filter((c) => c.kind === "constructor" && c.disposition === "rewrite");
    expect(written.length).toBeGreaterThan(6);
  });
});
