/**
 * Random programs of observables and limiters: sources that emit by time or at once, pipelines of operators, waits for
 * their first and last values, jobs in slots. All of them type-check, and all of them end.
 */
import * as fc from "fast-check";

type Draw = fc.GeneratorValue;

/** The names that programs use; each program has the whole head. */
export const streamsHead = `
import pLimit from "p-limit";
import { concatMap, exhaustMap, filter, firstValueFrom, lastValueFrom, map, mergeMap, Observable, of, scan, switchMap, take, toArray } from "rxjs";
void [pLimit, concatMap, exhaustMap, filter, firstValueFrom, lastValueFrom, map, mergeMap, Observable, of, scan, switchMap, take, toArray];

function ticking(t: string, count: number, ms: number, fails: boolean): Observable<number> {
  return new Observable((observer) => {
    log(t, "subscribed");
    let n = 0;
    let timer: object | undefined;
    const tick = (): void => {
      if (n < count) {
        observer.next(n++);
        timer = setTimeout(tick, ms);
      } else if (fails) observer.error(new Error("broken"));
      else observer.complete();
    };
    timer = setTimeout(tick, ms);
    return () => {
      clearTimeout(timer);
      log(t, "unsubscribed");
    };
  });
}

async function work(t: string, n: number, ms: number): Promise<number> {
  log(t, "begins " + n);
  await sleep(ms, 0);
  log(t, "ends " + n);
  return n + 1;
}
`;

/** The text of one program; what it does is one task after the other, or several tasks side by side. */
export const streamProgram: fc.Arbitrary<string> = fc.gen().map((draw) => new Writer(draw).program());

class Writer {
  #fresh = 0;
  /** Every time is another one, so that two tasks never meet in an instant by accident. */
  #time = 1;

  constructor(private readonly draw: Draw) {}

  program(): string {
    const tasks = Array.from({ length: 1 + this.#int(3) }, (_, index) => this.#task(index));
    const calls = tasks.map((_, index) => `task${index}()`);
    const limiter = `const limit = pLimit(${1 + this.#int(3)});\n`;
    const main = `
export async function main() {
  const all = [${calls.join(", ")}];
  log("m", "goes on");
  for (const one of all) log("m", await one);
}
`;
    return streamsHead + limiter + tasks.join("\n") + main;
  }

  #task(index: number): string {
    const t = `"t${index}"`;
    const body = Array.from({ length: 1 + this.#int(3) }, () => this.#statement(t));
    return `
async function task${index}(): Promise<string> {
  log(${t}, "task");
${body.map((line) => `  ${line}\n`).join("")}  return ${t};
}`;
  }

  #statement(t: string): string {
    const wait = this.#wait(t);
    const shown = `log(${t}, ${wait});`;
    return this.#pick([
      shown,
      shown,
      `try { ${shown} } catch (error) { log(${t}, String(error)); }`,
      `try { ${shown} } finally { log(${t}, "finally"); }`,
      `await sleep(${this.#ms()}, 0);`,
    ]);
  }

  #wait(t: string): string {
    switch (this.#int(8)) {
      case 0:
        return `await limit(() => work(${t}, ${this.#name()}, ${this.#ms()}))`;
      case 1:
        return `await limit(async () => (await work(${t}, ${this.#name()}, ${this.#ms()})) + ${this.#int(9)})`;
      case 2:
        return `await limit(async () => { log(${t}, "in a slot"); return await work(${t}, ${this.#name()}, ${this.#ms()}); })`;
      case 3:
        return `await ${this.#source(t, false)}.toPromise()`;
      case 4:
        return `await firstValueFrom(${this.#source(t)}, { defaultValue: ${this.#int(9)} })`;
      case 5:
        return `await lastValueFrom(${this.#source(t)}, { defaultValue: ${this.#int(9)} })`;
      case 6:
        return `await firstValueFrom(${this.#source(t)})`;
      default:
        return `await lastValueFrom(${this.#source(t)}.pipe(toArray()))`;
    }
  }

  #source(t: string, mayFail = true): string {
    const fails = mayFail && this.#int(4) === 0;
    const source =
      this.#int(3) === 0
        ? `of(${Array.from({ length: 1 + this.#int(3) }, () => this.#int(9)).join(", ")})`
        : `ticking(${t}, ${this.#int(4)}, ${this.#ms()}, ${fails})`;
    const operators = Array.from({ length: this.#int(3) }, () => this.#operator(t));
    return operators.length === 0 ? source : `${source}.pipe(${operators.join(", ")})`;
  }

  #operator(t: string): string {
    const call = `async (n) => await work(${t}, n, ${this.#ms()})`;
    return this.#pick([
      `map((n) => n * ${1 + this.#int(5)})`,
      `filter((n) => n % 2 === ${this.#int(2)})`,
      "scan((sum, n) => sum + n, 0)",
      `take(${1 + this.#int(3)})`,
      `concatMap(${call})`,
      `mergeMap(${call}, ${1 + this.#int(2)})`,
      `switchMap(${call})`,
      `exhaustMap(${call})`,
    ]);
  }

  #name(): number {
    return 100 * ++this.#fresh;
  }

  #ms(): number {
    this.#time = this.#time * 2 + 1;
    return this.#time % 997;
  }

  #pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.#int(choices.length)] ?? choices[0];
  }

  #int(below: number): number {
    return this.draw(fc.nat, { max: below - 1 });
  }
}
