/**
 * What programs with observables do, before and after: when they subscribe and unsubscribe, what they get, and in which
 * order those that wait go on. The two logs must be the same, to the millisecond.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";
import { migrateTitled, type TitledPrograms } from "./titled-programs.js";

const sources = `
import { concatMap, defer, exhaustMap, firstValueFrom, from, lastValueFrom, map, mergeMap, Observable, of, Subject, switchMap, take, throwError, toArray } from "rxjs";
void [concatMap, defer, exhaustMap, firstValueFrom, from, lastValueFrom, map, mergeMap, Observable, of, Subject, switchMap, take, throwError, toArray];

function ticking(t: string, count: number, ms: number, error?: string): Observable<number> {
  return new Observable((observer) => {
    log(t, "subscribed");
    let n = 0;
    let timer: object | undefined;
    const tick = (): void => {
      if (n === count) {
        if (error === undefined) observer.complete();
        else observer.error(new Error(error));
        return;
      }
      log(t, "emits " + n);
      observer.next(n++);
      log(t, "emitted");
      timer = setTimeout(tick, ms);
    };
    timer = setTimeout(tick, ms);
    return () => {
      clearTimeout(timer);
      log(t, "unsubscribed");
    };
  });
}
`;

const programs: Readonly<Record<string, string>> = {
  "CM-R01 CM-R02 values, errors and unsubscription": `
export async function first(t: string, ms: number): Promise<number> {
  const n = await firstValueFrom(ticking(t, 3, ms));
  log(t, "first " + n);
  return n;
}
export async function main() {
  const promise = first("a", 2);
  log("m", "called");
  log("m", await promise);
  log("m", await lastValueFrom(ticking("b", 3, 2).pipe(map((n) => n * 2))));
  log("m", await ticking("c", 2, 1).toPromise());
  log("m", String(await ticking("d", 0, 1).toPromise()));
  log("m", await firstValueFrom(ticking("e", 0, 1), { defaultValue: -1 }));
  log("m", await lastValueFrom(ticking("f", 0, 1), { defaultValue: -2 }));
  for (const t of ["g", "h"]) {
    try {
      log("m", await lastValueFrom(ticking(t, 2, 1, "broken " + t)));
    } catch (error) {
      log("m", String(error));
    }
  }
  try {
    await firstValueFrom(ticking("i", 0, 1));
  } catch (error) {
    log("m", String(error));
  }
  await lastValueFrom(throwError(() => new Error("at once")));
}
`,
  "CM-R01 TR1309 a value at once is seen a turn later": `
async function quick(t: string) {
  log(t, "begins");
  log(t, await firstValueFrom(of(1, 2)));
  log(t, await lastValueFrom(of(1, 2)));
  log(t, "ends");
}
export async function main() {
  const both = [quick("a"), quick("b")];
  log("m", "called");
  await Promise.all(both);
  const subject = new Subject<number>();
  const waiting = (async () => {
    log("w", await firstValueFrom(subject));
    log("w", await firstValueFrom(subject));
  })();
  subject.next(1);
  log("m", "emitted");
  subject.next(2);
  await sleep(1, 0);
  subject.next(3);
  log("m", "emitted again");
  await waiting;
}
`,
  "CM-R01 CM-R13 observables that are waited for together": `
export async function main() {
  const [a, b] = await Promise.all([firstValueFrom(ticking("a", 3, 3)), lastValueFrom(ticking("b", 2, 1))]);
  log("m", [a, b]);
}
`,
  "CM-R03 a promise that only subscribes": `
export async function main() {
  await sleep(1, 0);
  await new Promise<void>((resolve, reject) => {
    ticking("a", 2, 2).subscribe({ next: (n) => log("a", n), error: reject, complete: resolve });
  });
  log("m", "a is over");
  try {
    await new Promise<void>((resolve, reject) => {
      ticking("b", 1, 2, "broken").subscribe((n) => log("b", n), reject, resolve);
    });
  } catch (error) {
    log("m", String(error));
  }
  log("m", await new Promise<number>((resolve) => of(7, 8).subscribe({ next: resolve })));
}
`,
  "CM-R09 CM-R10 CM-R11 CM-R12 CM-R18 async functions inside of operators": `
async function work(t: string, n: number, ms: number): Promise<string> {
  log(t, "begins " + n);
  await sleep(ms, 0);
  log(t, "ends " + n);
  return t + n;
}
export async function main() {
  const numbers = of(3, 1, 2);
  log("m", await lastValueFrom(numbers.pipe(concatMap(async (n) => await work("concat", n, n)), toArray())));
  log("m", await lastValueFrom(numbers.pipe(mergeMap(async (n) => await work("merge", n, n), 2), toArray())));
  log("m", await lastValueFrom(ticking("t", 4, 3).pipe(switchMap(async (n) => await work("switch", n, 4)), toArray())));
  log("m", await lastValueFrom(ticking("u", 4, 3).pipe(exhaustMap(async (n) => await work("exhaust", n, 4)), toArray())));
  const deferred = defer(async () => await work("defer", 1, 1));
  log("m", await firstValueFrom(deferred));
  log("m", await firstValueFrom(deferred));
  log("m", await firstValueFrom(from(work("from", 1, 1))));
  log("m", await firstValueFrom(ticking("v", 9, 1).pipe(take(2), toArray())));
}
`,
};

let migrated: TitledPrograms;

beforeAll(async () => {
  migrated = await migrateTitled(sources, programs);
}, 120_000);

describe("observables", () => {
  it.each(Object.keys(programs))("%s", async (title) => {
    const { before, after } = migrated.of(title);
    expect(after).toMatch(title.startsWith("CM-R03") ? /subscription\.unsubscribe\(\)/ : /\b(firstOf|lastOf)\(/);
    const run = await runProgram({ main: before });
    expect(run?.log.length).toBeGreaterThan(4);
    expect(await runProgram({ main: after }), after).toEqual(run);
  });

  it("CM-R01 CM-R03 cancelling the wait unsubscribes", async () => {
    const main = `
      import { Fiber } from "trestle";
      import { fromPromise, toPromise } from "@trestle/bridges";
      import { firstOp } from "./lib";
      export const main = () =>
        toPromise(function* () {
          yield* Fiber.first(
            () => firstOp("a", 5),
            function* () {
              yield* fromPromise(sleep(1, 0));
              log("m", "over");
            },
          );
          log("m", "behind it");
        });
    `;
    const run = await runProgram({ main, lib: migrated.of(Object.keys(programs)[0] as string).after });
    expect(run?.log.map(({ at, task, event }) => `${at} ${task} ${event}`)).toEqual([
      '0 a "subscribed"',
      '1 m "over"',
      '1 a "unsubscribed"',
      '1 m "behind it"',
    ]);
  });
});
