/**
 * What programs of promise chains do, before and after: in which order callbacks run, what they are given, where errors
 * go, what runs at the call. Each program prints it; the two logs must be the same, to the millisecond.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";
import { migrateTitled, type TitledPrograms } from "./titled-programs.js";

const load = `
async function load(n: number): Promise<number> {
  log("load", n);
  await sleep(n, 0);
  if (n > 50) throw new Error(\`load \${n}\`);
  return n;
}
`;

const programs: Readonly<Record<string, string>> = {
  "CM-P01 callbacks run one after the other, each with what the one before gave": `
function chained(n: number): Promise<string> {
  log("m", "start");
  return load(n)
    .then((a) => {
      log("m", a);
      return load(a + 1);
    })
    .then((b) => sleep(2, b * 2))
    .then((c) => {
      log("m", c);
    })
    .then((nothing) => \`\${nothing}\`);
}
export async function main() {
  const promise = chained(1);
  log("m", "called");
  log("m", await promise);
}
`,
  "CM-P02 a function that is named gets the value, alone": `
function all(...args: unknown[]): number {
  log("all", args);
  return args.length;
}
const none = (): string => "none";
export async function main() {
  log("m", await load(1).then(all));
  log("m", await load(2).then(none));
  log("m", await load(3).then(load).then(String));
}
`,
  "CM-P03 a return in the middle of a callback leaves the callback only": `
export async function main() {
  for (let n = 0; n < 4; n++) {
    const what = await load(n).then((a) => {
      for (const b of [1, 2]) if (a === b) return \`\${b} of the list\`;
      if (a > 2) return "large";
      log("m", "neither");
      return "small";
    });
    log("m", what);
    await load(n).then((a) => {
      if (a > 1) return;
      log("m", "not above 1");
    });
  }
  return "end";
}
`,
  "CM-P04 CM-P05 a catch sees errors of what is in front of it, and what follows it goes on": `
function caught(n: number): Promise<string> {
  return load(n)
    .then((a) => {
      if (a > 20) throw new Error("callback");
      return a;
    })
    .catch((error) => {
      log("m", error.message);
      if (n > 60) throw error;
      return -1;
    })
    .then((a) => {
      log("m", a);
      return \`got \${a}\`;
    });
}
export async function main() {
  for (const n of [1, 30, 55]) log("m", await caught(n));
  await caught(70);
}
`,
  "CM-P04 an error of what follows a catch is not for it": `
function late(n: number): Promise<number> {
  return load(n)
    .catch(() => {
      log("m", "early");
      return 0;
    })
    .then((a) => {
      if (a === 0) throw new Error("late");
      return a;
    });
}
export async function main() {
  log("m", await late(3));
  log("m", await late(60).catch((error) => error.message));
}
`,
  "CM-P06 an error of the first of two callbacks is not for the second": `
function both(n: number): Promise<string> {
  return load(n).then(
    (a) => {
      if (a > 10) throw new Error("mine");
      return "value";
    },
    (error) => {
      log("m", error.message);
      return "error";
    },
  );
}
export async function main() {
  log("m", await both(1));
  log("m", await both(60));
  const third = await both(20).then((s) => s, (error) => "outer " + error.message);
  log("m", third);
  await load(1).then((a) => log("m", a), () => log("m", "never"));
}
`,
  "CM-P07 a finally runs either way, is waited for, and changes nothing unless it fails": `
function cleaned(n: number): Promise<number> {
  return load(n).finally(() => {
    log("m", "clean " + n);
    return sleep(5, "ignored");
  });
}
function failing(n: number): Promise<number> {
  return load(n).finally(() => {
    throw new Error("clean-up");
  });
}
export async function main() {
  log("m", await cleaned(1));
  log("m", await cleaned(60).catch((error) => error.message));
  log("m", await failing(1).catch((error) => error.message));
  log("m", await failing(60).catch((error) => error.message));
}
`,
  "CM-P08 what is no function is passed by": `
export async function main() {
  log("m", await load(1).then().catch(undefined).finally(null));
  log("m", await load(60).then(null, undefined).catch((error) => error.message));
}
`,
  "CM-P11 a rejection that a callback gives": `
function positive(n: number): Promise<number> {
  return load(n).then((a) => (a > 0 ? a : Promise.reject(new Error("zero"))));
}
function strict(n: number): Promise<number> {
  return load(n)
    .then((a) => {
      if (a > 0) return a;
      return Promise.reject(new Error("zero"));
    })
    .catch((error) => {
      log("m", error.message);
      return 9;
    });
}
export async function main() {
  log("m", [await positive(1), await positive(0).catch((error) => error.message)]);
  log("m", [await strict(1), await strict(0)]);
}
`,
  "CM-P30 a callback may be async": `
export async function main() {
  const a = await load(1).then(async (n) => {
    log("m", n);
    const b = await load(n + 1).then(async (m) => m * 2);
    return b + (await load(3));
  });
  log("m", a);
}
`,
  "CM-P01 names, closures and this stay what they are": `
class Sum {
  total = 0;
  add(n: number): Promise<this> {
    return load(n).then((total) => {
      this.total += total;
      return this;
    });
  }
}
export async function main() {
  const n = 100;
  const later: (() => number)[] = [];
  for (const i of [1, 2, 3]) {
    await load(i).then((n) => {
      later.push(() => n);
    });
  }
  log("m", [n, later.map((f) => f())]);
  const sum = new Sum();
  log("m", (await (await sum.add(1)).add(2)).total);
  const i = await load(4).then((i) => ({ i, n })).then(({ i, n }) => i + n);
  log("m", i);
}
`,
  "CM-A29 a function that gives a promise runs up to its first wait at the call, as it did": `
function first(t: string): Promise<string> {
  log(t, "in");
  return load(2).then(() => {
    log(t, "out");
    return t;
  });
}
const second = (t: string): Promise<string> => first(t).then((s) => s + s);
export async function main() {
  const all = [first("a"), second("b")];
  log("m", "called");
  log("m", await Promise.all(all));
  log("m", [first.name, first.length, second.name, second.length]);
}
`,
  "TR1309 what is thrown at the call is thrown at the call": `
function checked(n: number): Promise<number> {
  if (n < 0) throw new RangeError("negative");
  return load(n).then((a) => a + 1);
}
function start(n: number): Promise<number> {
  return checked(n).catch((error) => {
    log("m", "caught " + error.message);
    return 0;
  });
}
export async function main() {
  log("m", await checked(1));
  for (const call of [() => checked(-1), () => start(-1), () => start(60)]) {
    try {
      const promise = call();
      log("m", "a promise");
      log("m", await promise.catch((error) => error.message));
    } catch (error) {
      log("m", \`thrown \${error}\`);
    }
  }
  try {
    await checked(-2).catch(() => log("m", "never"));
  } catch (error) {
    log("m", \`around \${error}\`);
  }
}
`,
  "TR1005 a promise that is handed out twice is the same": `
let ready: Promise<number> | undefined;
function get(): Promise<number> {
  ready ??= load(3);
  return ready;
}
export async function main() {
  log("m", get() === get());
  log("m", await get().then((n) => n + 1));
}
`,
  "TR1301 a chain that is returned from inside try is not waited for there": `
async function inside(n: number): Promise<number> {
  try {
    return load(n).then((a) => a + 1);
  } catch {
    log("m", "never");
    return 0;
  } finally {
    log("m", "left");
  }
}
async function awaited(n: number): Promise<number> {
  try {
    return await load(n).then((a) => a + 1);
  } catch {
    log("m", "here");
    return 0;
  }
}
export async function main() {
  log("m", await inside(1));
  log("m", await inside(60).catch((error) => error.message));
  log("m", [await awaited(1), await awaited(60)]);
}
`,
};

let migrated: TitledPrograms;

beforeAll(async () => {
  migrated = await migrateTitled(load, programs);
}, 120_000);

describe("promise chains", () => {
  it.each(Object.keys(programs))("%s", async (title) => {
    const { before, after } = migrated.of(title);
    expect(after).not.toBe(before);
    expect(await runProgram({ main: after }), after).toEqual(await runProgram({ main: before }));
  });

  it("CM-P01 hardly a chain is left in them", () => {
    const chains = migrated.project.candidates().filter((c) => c.kind === "chain");
    const left = chains.filter((c) => c.disposition === "leave" || c.disposition === "bridge");
    expect(left.length / chains.length, left.map((c) => c.name).join("\n")).toBeLessThan(0.3);
  });
});
