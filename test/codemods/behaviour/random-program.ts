/**
 * Random programs of async functions: every form a function can have, every place an `await` can stand in, loops with
 * labels, errors, promises that are held, floated and joined. All of them type-check, and all of them end.
 */
import * as fc from "fast-check";

/**
 * What a program may do decides how strictly its two versions can be compared.
 * `sequential`: one thing at a time, errors included. `concurrent`: promises are held, floated, raced and settled.
 * `joined`: `Promise.all` besides, but nothing ever throws. `racy`: everything, so that a failure may cancel siblings.
 */
export type Kind = "sequential" | "concurrent" | "joined" | "racy";

export interface Program {
  readonly kind: Kind;
  readonly files: Readonly<Record<"main" | "lib", string>>;
}

type Draw = fc.GeneratorValue;

interface Callable {
  /** The text that calls it, given a task and a number. */
  call(task: string, n: string): string;
  /** The text of a reference to it, when it is a plain function of a task and a number. */
  readonly reference: string | undefined;
}

interface Scope {
  /** The expression that names the task this code belongs to. */
  readonly task: string;
  readonly depth: number;
  readonly inLoop: boolean;
  readonly labels: readonly string[];
  /** Loop variables, which make the names of tasks started in loops differ. */
  readonly indices: readonly string[];
  readonly callables: readonly Callable[];
  /** Numbers in sight. */
  readonly numbers: readonly string[];
  /** Whether `this.k` is a number here. */
  readonly hasThis: boolean;
  /** Whether a statement here may return or throw. */
  readonly mayLeave: boolean;
}

export const program = (kind: Kind): fc.Arbitrary<Program> => fc.gen().map((draw) => new Writer(draw, kind).program());

class Writer {
  #fresh = 0;
  readonly #throws: boolean;
  readonly #concurrent: boolean;
  readonly #joins: boolean;
  readonly #end: string;

  constructor(
    private readonly draw: Draw,
    private readonly kind: Kind,
  ) {
    this.#throws = kind !== "joined";
    this.#concurrent = kind !== "sequential";
    this.#joins = kind === "joined" || kind === "racy";
    this.#end = this.#chance(30) ? "" : ";";
  }

  program(): Program {
    const count = 2 + this.#int(4);
    const shared = this.#int(count);
    const callables: Callable[] = [];
    const lib: string[] = [];
    const main: string[] = [];
    const imported: string[] = [];
    for (let i = 0; i < count; i++) {
      const inLib = i < shared;
      const { text, callable, name } = this.#function(callables, inLib);
      (inLib ? lib : main).push(text);
      if (inLib) imported.push(name);
      callables.push(callable);
    }
    const head = imported.length === 0 ? "" : `import { ${imported.join(", ")} } from "./lib"${this.#end}\n\n`;
    const body = this.#body({ ...rootScope, task: '"m"', callables });
    const used = (text: string) => imported.map((name) => `void ${name}${this.#end}\n`).join("") + text;
    main.push(`export async function main(): Promise<number> ${body}`);
    return {
      kind: this.kind,
      files: {
        lib: lib.length === 0 ? "export {}\n" : `${lib.join("\n\n")}\n`,
        main: `${head}${imported.length === 0 ? "" : `${used("")}\n`}${main.join("\n\n")}\n`,
      },
    };
  }

  // ------------------------------------------------------------------ functions in their forms

  #function(callables: readonly Callable[], exported: boolean): { text: string; callable: Callable; name: string } {
    const id = this.#name("f");
    const scope: Scope = { ...rootScope, callables, numbers: ["n"] };
    const recursive = this.#chance(20);
    const ex = exported || this.#chance(25) ? "export " : "";
    const keep = this.#chance(8) ? "/* trestle-keep-async */\n" : "";
    const params = "t: string, n: number";
    const form = this.#one(forms);
    const plain = (text: string): { text: string; callable: Callable; name: string } => ({
      text: `${keep}${ex}${text}`,
      callable: { call: (t, n) => `${id}(${t}, ${n})`, reference: id },
      name: id,
    });
    const member = (text: string, call: string): { text: string; callable: Callable; name: string } => ({
      text: `${ex}${text}`,
      callable: { call: (t, n) => `${call}(${t}, ${n})`, reference: undefined },
      name: id,
    });
    const bodyFor = (own: string, hasThis = false): string =>
      this.#body(
        { ...scope, hasThis },
        recursive
          ? (inner) => `if (n > 0 && n < 3) ${this.#statementOf(`log(t, await ${own}(t, n - 1))`, inner)}`
          : undefined,
      );
    const annotation = recursive || this.#chance(70) ? ": Promise<number>" : "";
    switch (form) {
      case "declaration":
        return plain(`async function ${id}(${params})${annotation} ${bodyFor(id)}`);
      case "defaults": {
        const text = `async function ${id}(${params}, d = 3)${annotation} ${this.#body({ ...scope, numbers: ["n", "d"] })}`;
        return plain(text);
      }
      case "expression":
        return plain(`const ${id} = async function (${params})${annotation} ${bodyFor(id)}${this.#end}`);
      case "named":
        return plain(
          `const ${id} = async function ${id}Inner(${params})${annotation} ${bodyFor(`${id}Inner`)}${this.#end}`,
        );
      case "arrow":
        return plain(`const ${id} = async (${params})${annotation} => ${bodyFor(id)}${this.#end}`);
      case "concise":
        return plain(`const ${id} = async (${params})${annotation} => ${this.#value(scope)}${this.#end}`);
      case "typed":
        return plain(
          `const ${id}: (t: string, n: number) => Promise<number> = async (t, n) => ${bodyFor(id)}${this.#end}`,
        );
      case "promiseReturning":
        return plain(`function ${id}(${params}): Promise<number> {\n  return ${this.#promise(scope)}${this.#end}\n}`);
      case "method":
        return member(
          `class ${id} {\n  k = 2${this.#end}\n  async go(${params})${annotation} ${bodyFor("this.go", true)}\n}`,
          `new ${id}().go`,
        );
      case "private": {
        const inner = `async #go(${params})${annotation} ${bodyFor("this.#go", true)}`;
        const outer = `async go(${params}): Promise<number> {\n  return await this.#go(t, n)${this.#end}\n}`;
        return member(`class ${id} {\n  k = 2${this.#end}\n  ${inner}\n  ${outer}\n}`, `new ${id}().go`);
      }
      case "static":
        return member(`class ${id} {\n  static async go(${params})${annotation} ${bodyFor(`${id}.go`)}\n}`, `${id}.go`);
      case "field":
        return member(
          `class ${id} {\n  k = 2${this.#end}\n  go = async (${params}): Promise<number> => ${this.#body({ ...scope, hasThis: true })}${this.#end}\n}`,
          `new ${id}().go`,
        );
      case "literal":
        return member(
          `const ${id} = {\n  async go(${params}): Promise<number> ${bodyFor(`${id}.go`)},\n}${this.#end}`,
          `${id}.go`,
        );
      case "property":
        return member(
          `const ${id} = {\n  go: async (${params}): Promise<number> => ${bodyFor(`${id}.go`)},\n}${this.#end}`,
          `${id}.go`,
        );
      case "override": {
        const base = `${id}Base`;
        const first = `class ${base} {\n  k = 2${this.#end}\n  async go(${params}): Promise<number> ${this.#body({ ...scope, hasThis: true })}\n}`;
        const superCall = (inner: Scope): string => this.#statementOf(`log(t, await super.go(t, n))`, inner);
        const second = `class ${id} extends ${base} {\n  override async go(${params}): Promise<number> ${this.#body({ ...scope, hasThis: true }, superCall)}\n}`;
        return {
          text: `${first}\n${ex}${second}`,
          callable: { call: (t, n) => `(new ${id}() as ${id}).go(${t}, ${n})`, reference: undefined },
          name: id,
        };
      }
    }
  }

  /** A block that ends by returning a number; `extra` puts a statement of its own somewhere near the start. */
  #body(scope: Scope, extra?: (scope: Scope) => string): string {
    const inner = { ...scope, depth: scope.depth + 1, mayLeave: true };
    // The first line is also what ends a program that would go on for ever.
    const lines = [
      `log(${scope.task}, "${this.#name("in")}")${this.#end}`,
      ...this.#statements(inner, 1 + this.#int(4)),
    ];
    if (extra !== undefined) lines.splice(Math.min(1, lines.length), 0, extra(inner));
    lines.push(`return ${this.#value(inner)}${this.#end}`);
    return this.#block(lines, scope.depth);
  }

  #block(lines: readonly string[], depth: number): string {
    const indent = "  ".repeat(depth + 1);
    const text = lines.map((line) => indent + this.#guarded(line)).join("\n");
    return `{\n${text}\n${"  ".repeat(depth)}}`;
  }

  /** Without semicolons a line must not start with what could continue the line before. */
  #guarded(line: string): string {
    return this.#end === "" && /^[([`+\-/]/.test(line) ? `;${line}` : line;
  }

  // ------------------------------------------------------------------ statements

  #statements(scope: Scope, count: number): string[] {
    const lines: string[] = [];
    let current = scope;
    for (let i = 0; i < count; i++) {
      const { text, declares } = this.#statement(current);
      lines.push(...text);
      if (declares !== undefined) current = { ...current, numbers: [...current.numbers, declares] };
    }
    return lines;
  }

  #statementOf(expression: string, _scope: Scope): string {
    return `${expression}${this.#end}`;
  }

  #statement(scope: Scope): { text: string[]; declares?: string } {
    const end = this.#end;
    const deep = scope.depth > 4;
    const choices: [number, () => { text: string[]; declares?: string }][] = [
      [3, () => ({ text: [`log(${scope.task}, ${this.#value(scope)})${end}`] })],
      [
        4,
        () => {
          const name = this.#name("v");
          return { text: [`const ${name} = ${this.#value(scope)}${end}`], declares: name };
        },
      ],
      [2, () => ({ text: [`await ${this.#promise(scope)}${end}`] })],
      [2, () => ({ text: [this.#awaitingStatement(scope)] })],
    ];
    if (!deep) {
      choices.push(
        [2, () => ({ text: [this.#ifStatement(scope)] })],
        [2, () => ({ text: this.#loop(scope) })],
        [2, () => ({ text: [this.#tryStatement(scope)] })],
        [1, () => ({ text: [this.#switchStatement(scope)] })],
      );
    }
    if (this.#throws && scope.mayLeave) {
      choices.push([
        1,
        () => ({ text: [`if (${this.#condition(scope)}) throw new Error("${this.#name("e")}")${end}`] }),
      ]);
    }
    if (scope.inLoop) {
      const jump = this.#one(["continue", "break", ...scope.labels.flatMap((l) => [`continue ${l}`, `break ${l}`])]);
      choices.push([1, () => ({ text: [`if (${this.#condition(scope)}) ${jump}${end}`] })]);
    }
    if (scope.mayLeave)
      choices.push([1, () => ({ text: [`if (${this.#condition(scope)}) return ${this.#returned(scope)}${end}`] })]);
    if (this.#concurrent) {
      choices.push([2, () => this.#heldPromise(scope)], [1, () => ({ text: [this.#floating(scope)] })]);
    }
    return this.#weighted(choices)();
  }

  /** A statement that begins with an await in an operator: what a file without semicolons can get wrong. */
  #awaitingStatement(scope: Scope): string {
    const awaited = `await ${this.#call(scope)}`;
    const say = `log(${scope.task}, "${this.#name("s")}")`;
    return this.#one([
      `${awaited} || ${say}${this.#end}`,
      `${awaited} && ${say}${this.#end}`,
      `${awaited} ? ${say} : ${say}${this.#end}`,
      `(${awaited}) + 1${this.#end}`,
      `${awaited} as unknown${this.#end}`,
    ]);
  }

  #ifStatement(scope: Scope): string {
    const head = `if (${this.#condition(scope)}) `;
    if (this.#chance(30)) return `${head}log(${scope.task}, ${this.#value(scope)})${this.#end}`;
    const then = this.#nested(scope);
    return this.#chance(50) ? `${head}${then}` : `${head}${then} else ${this.#nested(scope)}`;
  }

  #loop(scope: Scope): string[] {
    const index = this.#name("i");
    const label = this.#chance(30) ? this.#name("loop") : undefined;
    const inner: Scope = {
      ...scope,
      inLoop: true,
      labels: label === undefined ? scope.labels : [...scope.labels, label],
      indices: [...scope.indices, index],
      numbers: [...scope.numbers, index],
    };
    const prefix = label === undefined ? "" : `${label}: `;
    const bound = 1 + this.#int(2);
    const form = this.#one(["for", "of", "while", "do"]);
    if (form === "for") {
      const limit = this.#chance(30) ? `await ${this.#resolved(String(bound))}` : String(bound);
      return [
        `${prefix}for (let ${index} = 0; ${index} < ${this.#chance(50) ? `(${limit})` : limit}; ${index}++) ${this.#nested(inner)}`,
      ];
    }
    if (form === "of") {
      const items = Array.from({ length: bound }, (_, i) => i).join(", ");
      return [`${prefix}for (const ${index} of [${items}]) ${this.#nested(inner)}`];
    }
    // The counter moves at the head of the body, so that `continue` cannot skip it.
    const body = this.#nested(inner).replace("{", `{ ${index}++;`);
    const declared = `let ${index} = 0${this.#end}`;
    const condition = this.#chance(30) ? `await ${this.#resolved(`${index} < ${bound}`)}` : `${index} < ${bound}`;
    return form === "while"
      ? [declared, `${prefix}while (${condition}) ${body}`]
      : [declared, `${prefix}do ${body} while (${condition})${this.#end}`];
  }

  #tryStatement(scope: Scope): string {
    const outer = { ...scope, depth: scope.depth };
    const body = this.#nested(outer);
    const error = this.#name("x");
    const handler = this.#chance(25)
      ? ` catch ${this.#nested(scope)}`
      : ` catch (${error}) ${this.#nested(scope).replace("{", `{ log(${scope.task}, ${error});`)}`;
    const mayLeave = scope.mayLeave && this.#chance(20);
    const cleanup = ` finally ${this.#nested({ ...scope, mayLeave, inLoop: mayLeave && scope.inLoop })}`;
    const shape = this.#int(3);
    return `try ${body}${shape !== 1 ? handler : ""}${shape !== 0 ? cleanup : ""}`;
  }

  #switchStatement(scope: Scope): string {
    const cases = [0, 1].map((value) => {
      const test = this.#chance(30) ? `await ${this.#resolved(String(value))}` : String(value);
      const fall = this.#chance(30) ? "" : ` break${this.#end}`;
      return `case ${test}: ${this.#nested({ ...scope, inLoop: false })}${fall}`;
    });
    return `switch (${this.#value(scope)} % 3) {\n${cases.join("\n")}\ndefault: log(${scope.task}, "default")${this.#end}\n}`;
  }

  #heldPromise(scope: Scope): { text: string[] } {
    const name = this.#name("p");
    const started = this.#promise({ ...scope, task: this.#newTask(scope) });
    const lines = [`const ${name} = ${started}${this.#end}`];
    const times = this.#int(3);
    for (let i = 0; i < times; i++) {
      if (this.#chance(50)) lines.push(`log(${scope.task}, ${this.#value(scope)})${this.#end}`);
      lines.push(`log(${scope.task}, await ${name})${this.#end}`);
    }
    if (times === 0) lines.push(`void ${name}${this.#end}`);
    return { text: lines };
  }

  #floating(scope: Scope): string {
    const task = this.#newTask(scope);
    const call = this.#call({ ...scope, task });
    const name = this.#name("y");
    return this.#one([
      `${call}.catch((${name}) => log(${task}, ${name}))${this.#end}`,
      `void ${call}.then((${name}) => log(${task}, ${name}), () => log(${task}, "failed"))${this.#end}`,
    ]);
  }

  #nested(scope: Scope): string {
    const inner = { ...scope, depth: scope.depth + 1 };
    return this.#block(this.#statements(inner, 1 + this.#int(2)), scope.depth);
  }

  // ------------------------------------------------------------------ expressions that are numbers

  #value(scope: Scope): string {
    if (scope.depth > 6 || this.#chance(25)) return this.#plain(scope);
    const awaited = `await ${this.#promise({ ...scope, depth: scope.depth + 1 })}`;
    const n = this.#int(9);
    const write = this.#one<() => string>([
      () => `(${awaited})`,
      () => `(${awaited}) + ${n}`,
      () => `${n} - (${awaited})`,
      () => `(${awaited} + ${n})`,
      () => `(${n} * (${awaited}) % 7)`,
      () => `-(${awaited})`,
      () => `(${awaited} ? ${n} : ${awaited})`,
      () => `(${awaited} || ${n})`,
      () => `(${awaited} && ${n})`,
      () => `(${awaited} ?? ${n})`,
      () => `(${awaited} > ${n} ? 1 : 0)`,
      () => `[${awaited}, ${n}][0]!`,
      () => `[${n}, ${n + 1}][${awaited} > 1 ? 1 : 0]!`,
      () => `({ k: ${awaited} }).k`,
      () => `\`\${${awaited}}\`.length`,
      () => `Math.max(${n}, ${awaited})`,
      () => `Math.max(...[${awaited}, ${this.#plain(scope)}])`,
      () => `(${awaited} as number)`,
      () => `(${awaited})!`,
      () => `(typeof (${awaited})).length`,
      () => `Number(!(${awaited}))`,
      () => `(void ${this.#plain(scope)}, ${awaited})`,
      () => `Number(String(${awaited}).length)`,
      () => `(${awaited}).toFixed(1).length`,
      () => `(await ${this.#resolved(`(x: number) => x + ${n}`)})(${awaited})`,
      () => `new Array<number>(2).fill(${awaited})[1]!`,
      () => `Number((await ${this.#resolved('"n"')}) in { n: ${awaited} })`,
      ...(this.#concurrent ? [() => this.#settled(scope)] : []),
      ...(this.#joins ? [() => this.#joined(scope), () => this.#mapped(scope)] : []),
    ]);
    return write();
  }

  #plain(scope: Scope): string {
    const options = [String(this.#int(9)), ...scope.numbers, ...(scope.hasThis ? ["this.k"] : [])];
    return this.#one(options);
  }

  #condition(scope: Scope): string {
    return `${this.#chance(40) ? this.#value(scope) : this.#plain(scope)} ${this.#one(["<", ">", "==="])} Number(${this.#int(5)})`;
  }

  #resolved(value: string): string {
    return this.#chance(50) ? `Promise.resolve(${value})` : `sleep(${this.#duration()}, ${value})`;
  }

  #settled(scope: Scope): string {
    const parts = [0, 1].map(() => this.#promise({ ...scope, task: this.#newTask(scope) }));
    return `(await Promise.allSettled([${parts.join(", ")}])).filter((r) => r.status === "fulfilled").length`;
  }

  #joined(scope: Scope): string {
    const parts = [0, 1, 2].map(() => this.#promise({ ...scope, task: this.#newTask(scope) }));
    return `(await Promise.all([${parts.slice(0, 1 + this.#int(3)).join(", ")}])).reduce<number>((a, b) => a + b, 0)`;
  }

  #mapped(scope: Scope): string {
    const x = this.#name("x");
    const k = this.#name("k");
    const items = "[1, 2, 3]";
    const task = this.#newTask(scope, k);
    const inner: Scope = { ...scope, task, numbers: [...scope.numbers, x, k], inLoop: false, labels: [] };
    const callback = this.#one<() => string>([
      () => `async (${x}, ${k}) => ${this.#body(inner)}`,
      () => `async (${x}, ${k}) => ${this.#value(inner)}`,
      () => `(${x}, ${k}) => ${this.#call(inner)}`,
    ])();
    return `(await Promise.all(${items}.map(${callback}))).length`;
  }

  // ------------------------------------------------------------------ expressions that are promises of numbers

  #returned(scope: Scope): string {
    return this.#chance(40) ? this.#promise(scope) : this.#value(scope);
  }

  #promise(scope: Scope): string {
    const deeper = { ...scope, depth: scope.depth + 1 };
    const choices: [number, () => string][] = [
      [3, () => `sleep(${this.#duration()}, ${this.#plain(scope)})`],
      [6, () => this.#call(scope)],
      [1, () => `Promise.resolve(${this.#plain(scope)})`],
    ];
    if (scope.depth < 6) {
      const arm = (): string => this.#promise(deeper);
      choices.push(
        [1, () => `(${this.#condition({ ...deeper, depth: 9 })} ? ${arm()} : ${arm()})`],
        [1, () => `${this.#call(deeper)}.then((r) => r + ${this.#int(5)})`],
        [
          1,
          () =>
            `(async () => ${this.#chance(50) ? this.#value(withoutJumps(deeper)) : this.#body(withoutJumps(deeper))})()`,
        ],
        [1, () => `(async function (): Promise<number> ${this.#body({ ...withoutJumps(deeper), hasThis: false })})()`],
      );
      if (this.#throws) choices.push([1, () => `${this.#call(deeper)}.catch(() => ${this.#int(5)})`]);
      if (this.#throws && this.kind === "racy")
        choices.push([1, () => `Promise.reject<number>(new Error("${this.#name("r")}"))`]);
      // A failure that waits for the clean-up of siblings comes later than it did, and could lose a race that it won.
      if (this.#concurrent && this.kind !== "racy") {
        choices.push([
          1,
          () =>
            `Promise.race([sleep(${this.#duration()}, 1), ${this.#call({ ...deeper, task: this.#newTask(scope) })}, sleep(${this.#duration()}, 2)])`,
        ]);
      }
    }
    return this.#weighted(choices)();
  }

  #call(scope: Scope): string {
    const target = this.#one([...scope.callables, undefined, undefined].slice(0, scope.callables.length + 1));
    if (target === undefined) return `sleep(${this.#duration()}, ${this.#plain(scope)})`;
    return target.call(scope.task, this.#plain(scope));
  }

  // ------------------------------------------------------------------ drawing

  /** A name for a task that no other has, even when the code that starts it runs again. */
  #newTask(scope: Scope, ...more: string[]): string {
    const indices = [...scope.indices, ...more].map((i) => ` + "." + ${i}`).join("");
    return `${scope.task} + "/${this.#name("t")}"${indices}`;
  }

  #duration(): number {
    return 1 + this.draw(fc.nat, 1_000_000);
  }

  #name(prefix: string): string {
    return `${prefix}${++this.#fresh}`;
  }

  #int(below: number): number {
    return this.draw(fc.nat, Math.max(0, below - 1));
  }

  #chance(percent: number): boolean {
    return this.draw(fc.nat, 99) < percent;
  }

  #one<T>(options: readonly T[]): T {
    return options[this.#int(options.length)] as T;
  }

  #weighted<T>(choices: readonly (readonly [number, T])[]): T {
    let at = this.#int(choices.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, choice] of choices) {
      if (at < weight) return choice;
      at -= weight;
    }
    throw new Error("nothing to choose from");
  }
}

const forms = [
  "declaration",
  "declaration",
  "defaults",
  "expression",
  "named",
  "arrow",
  "concise",
  "typed",
  "promiseReturning",
  "method",
  "private",
  "static",
  "field",
  "literal",
  "property",
  "override",
] as const;

const rootScope: Scope = {
  task: "t",
  depth: 0,
  inLoop: false,
  labels: [],
  indices: [],
  callables: [],
  numbers: [],
  hasThis: false,
  mayLeave: true,
};

function withoutJumps(scope: Scope): Scope {
  return { ...scope, inLoop: false, labels: [] };
}
