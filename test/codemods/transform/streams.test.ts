/** Where observables and limiters stay as they are: the report names each place, with a reason of its own. */
import { beforeAll, describe, expect, it } from "vitest";
import { migrate, strictOptions, type MigratedProject } from "./migrated-project.js";

const rxjs: Readonly<Record<string, readonly [text: string, name: RegExp, pattern: string, code: string]>> = {
  "CM-R03 an observer is called in the turn of whoever emits": [
    "of(1).subscribe(use);",
    /subscribe/,
    "CM-R03",
    "TR1309",
  ],
  "CM-R04 new Observable": ["use(new Observable((o) => o.next(1)));", /^new/, "CM-R04", "TR1504"],
  "CM-R05 Subject": ["use(new Subject());", /^new/, "CM-R05", "TR1503"],
  "CM-R05 a subject is subscribed to": ["new Subject().subscribe(use);", /subscribe/, "CM-R03", "TR1503"],
  "CM-R06 BehaviorSubject": ["use(new BehaviorSubject(1));", /^new/, "CM-R06", "TR1503"],
  "CM-R07 ReplaySubject": ["use(new ReplaySubject(1));", /^new/, "CM-R07", "TR1503"],
  "CM-R07 shareReplay": ["use(of(1).pipe(shareReplay(1)));", /^shareReplay/, "CM-R07", "TR1503"],
  "CM-R07 what is shared is subscribed to": ["of(1).pipe(share()).subscribe(use);", /subscribe/, "CM-R03", "TR1503"],
  "CM-R08 an operator of the program": ["of(1).pipe(own).subscribe(use);", /subscribe/, "CM-R03", "TR1501"],
  "CM-R13 combineLatest": ["use(combineLatest([of(1), of(2)]));", /^combineLatest/, "CM-R13", "TR1501"],
  "CM-R14 retry": ["use(of(1).pipe(retry(2)));", /^retry/, "CM-R14", "TR1501"],
  "CM-R15 takeUntil": ["use(of(1).pipe(takeUntil(of(2))));", /^takeUntil/, "CM-R15", "TR1504"],
  "CM-R15 a subscription that is kept": [
    "const s = of(1).subscribe(use); s.unsubscribe();",
    /subscribe\(use/,
    "CM-R15",
    "TR1504",
  ],
  "CM-R16 debounceTime": ["use(of(1).pipe(debounceTime(5)));", /^debounceTime/, "CM-R16", "TR1502"],
  "CM-R17 groupBy": ["use(of(1).pipe(groupBy((n) => n)));", /^groupBy/, "CM-R17", "TR1501"],
  "CM-R18 fromEvent": ['use(fromEvent(target, "x"));', /^fromEvent/, "CM-R18", "TR1504"],
  "CM-R18 from a promise": ['use(from(read("a")));', /^from/, "CM-R18", "TR1809"],
  "CM-R19 observeOn": ["use(of(1).pipe(observeOn(asapScheduler)));", /^observeOn/, "CM-R19", "TR1502"],
  "CM-R19 a scheduler": ["use(asapScheduler);", /^asapScheduler/, "CM-R19", "TR1502"],
  "CM-R20 an operator of the program itself": ["use(own);", /source/, "CM-R20", "TR1504"],
  "CM-R21 a function that gives an observable": [
    "export function give() { return of(1); }",
    /give/,
    "CM-R21",
    "TR1504",
  ],
  "CM-R22 a subscription inside of another": [
    "of(1).subscribe((n) => { of(n).subscribe(use); });",
    /^of\(n\)/,
    "CM-R22",
    "TR1309",
  ],
};

const names =
  "asapScheduler, BehaviorSubject, combineLatest, debounceTime, from, fromEvent, groupBy, map, Observable, observeOn, of, ReplaySubject, retry, share, shareReplay, Subject, takeUntil";

/** How a limiter is made, how it is used in an async function, and why it stays. */
const limits: Readonly<Record<string, readonly [head: string, use: string, why: RegExp]>> = {
  "CM-L02 a number that is not written": [
    "const l = pLimit(ids.length);",
    'use(await l(() => read("a")));',
    /not a number/,
  ],
  "CM-L02 a limiter that others can have": [
    "export const l = pLimit(1);",
    'use(await l(() => read("a")));',
    /one file/,
  ],
  "CM-L02 a limiter that is handed on": ["const l = pLimit(1);", 'use(l, await l(() => read("a")));', /handed on/],
  "CM-L03 arguments of a job": ["const l = pLimit(1);", 'use(await l(read, "a"));', /arguments/],
  "CM-L04 map": ["const l = pLimit(1);", "use(await l.map(ids, read));", /`map`/],
  "CM-L05 limitFunction": ["const l = limitFunction(read, { concurrency: 1 });", 'use(await l("a"));', /others call/],
  "CM-L06 pendingCount": ["const l = pLimit(1);", 'use(l.pendingCount, await l(() => read("a")));', /`pendingCount`/],
  "CM-L07 a job that nobody waits for": ["const l = pLimit(1);", 'void l(() => read("a"));', /waited for at once/],
  "CM-L08 a job inside of another": [
    "const l = pLimit(1);",
    'use(await l(async () => l(() => read("a"))));',
    /never start/,
  ],
  "CM-L10 the permit of a mutex": [
    "const l = new Mutex();",
    "const release = await l.acquire(); release();",
    /`acquire`/,
  ],
  "CM-L09 p-queue": ["const l = new PQueue();", 'use(await l.add(() => read("a")));', /priorities/],
  "CM-L09 p-map": ["", "use(await pMap(ids, read));", /in its own way/],
};

let project: MigratedProject;

beforeAll(async () => {
  const files: Record<string, string> = {};
  for (const [index, [text]] of Object.values(rxjs).entries()) {
    files[`src/rx${index}.ts`] = `
import { ${names} } from "rxjs";
type Go = ((event: number) => void) | null;
declare const target: { addEventListener(type: string, go: Go): void; removeEventListener(type: string, go: Go): void };
const own = (source: Observable<number>) => source.pipe(map((n) => n + 1));
${text}
`;
  }
  for (const [index, [made, used]] of Object.values(limits).entries()) {
    files[`src/limit${index}.ts`] = `
import { Mutex } from "async-mutex";
import pLimit, { limitFunction } from "p-limit";
import pMap from "p-map";
import PQueue from "p-queue";
${made}
export async function main(): Promise<void> {
  ${used}
}
`;
  }
  Object.assign(files, packages);
  project = await migrate(files, { compilerOptions: { ...strictOptions, noUnusedLocals: false } });
}, 120_000);

const packages = {
  "node_modules/async-mutex/index.d.ts":
    "export declare class Mutex { acquire(): Promise<() => void>; runExclusive<T>(job: () => Promise<T>): Promise<T>; }",
  "node_modules/p-map/index.d.ts":
    "export default function pMap<A, B>(items: readonly A[], fn: (item: A) => Promise<B>): Promise<B[]>;",
  "node_modules/p-queue/index.d.ts": "export default class PQueue { add<T>(job: () => Promise<T>): Promise<T>; }",
};

describe("limiters that stay: CM-L05 CM-L09 and others", () => {
  it.each(Object.keys(limits).map((title, index) => [title, index] as const))("TR1605 %s", (title, index) => {
    const [, , why] = limits[title] ?? [];
    const found = project.candidates(`src/limit${index}.ts`).filter((one) => one.kind === "limiter");
    expect(found.map(({ pattern }) => pattern.slice(0, 4))).toEqual(["CM-L"]);
    expect(found[0]?.disposition).not.toMatch(/^rewrite/);
    expect(found[0]?.reasons).toEqual([{ code: "TR1605", message: expect.stringMatching(why ?? /^$/) as string }]);
    expect(project.after[`src/limit${index}.ts`]).not.toContain("Semaphore");
  });
});

describe("observables that stay: CM-R04 CM-R05 CM-R06 CM-R07 CM-R14 CM-R15 CM-R16 CM-R17 CM-R19 CM-R20 CM-R21 CM-R22 TR1501 TR1502 TR1503 TR1504", () => {
  it.each(Object.keys(rxjs).map((title, index) => [title, index] as const))("%s", (title, index) => {
    const [, name, pattern, code] = rxjs[title] ?? [];
    const found = project.candidates(`src/rx${index}.ts`).filter((one) => one.kind === "observable");
    const named = found.filter((one) => one.pattern === pattern && name?.test(one.name) === true);
    expect(named.map((one) => [one.disposition, ...one.reasons.map((reason) => reason.code)])).toEqual([
      ["leave", code],
    ]);
    expect(project.after[`src/rx${index}.ts`]).toBe(project.before[`src/rx${index}.ts`]);
  });

  it("CM-R01 TR1504 an error that is known by the class of RxJS keeps its promise", async () => {
    const text = `
import { EmptyError, firstValueFrom, lastValueFrom, type Observable } from "rxjs";

export async function main(n$: Observable<number>): Promise<number> {
  try {
    return await firstValueFrom(n$);
  } catch (error) {
    if (error instanceof EmptyError) return 0;
    return await lastValueFrom(n$, { defaultValue: 1 });
  }
}
`;
    const { after, plan } = await migrate({ "src/one.ts": text });
    expect(after["src/one.ts"]).toContain("yield* fromPromise(firstValueFrom(n$))");
    expect(after["src/one.ts"]).toContain("lastOf(n$, { default: 1 })");
    const waits = plan.candidates.filter((one) => one.kind === "await" && one.disposition === "bridge");
    expect(waits.map((one) => one.reasons.map((reason) => reason.code))).toEqual([["TR1504"]]);
  });
});
