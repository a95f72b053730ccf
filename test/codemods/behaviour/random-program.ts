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

/** A small program is checked in a fraction of the time of a large one; what goes wrong in large ones mostly does so in small ones. */
export type Size = "small" | "large";

export type ProgramFiles = Readonly<Record<"main" | "lib", string>>;

export interface Program {
  readonly kind: Kind;
  /** How many functions can be told to stay async. */
  readonly units: number;
  /** Whether a `return` or the like may stand in a `finally`, which ends a cancellation. */
  readonly leavesCleanup: boolean;
  /** Its texts; the bits of `kept` are the functions that a comment keeps async. */
  files(kept?: number): ProgramFiles;
}

type Draw = fc.GeneratorValue;

interface Callable {
  /** The text that calls it, given a task and a number. */
  call(task: string, n: string): string;
  /** The text of a reference to it, when it is a plain function of a task and a number. */
  readonly reference: string | undefined;
}

/** An async generator of numbers. */
type Source = (task: string, n: string) => string;

interface Written {
  readonly text: string;
  /** Undefined for a generator. */
  readonly callable: Callable | undefined;
  readonly name: string;
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
  readonly sources: readonly Source[];
  /** The functions of the other module, for `import()`. */
  readonly inLib: readonly string[];
  /** Numbers in sight. */
  readonly numbers: readonly string[];
  /** Whether `this.k` is a number here. */
  readonly hasThis: boolean;
  /** Whether a statement here may return or throw. */
  readonly mayLeave: boolean;
}

export const program = (kind: Kind, size: Size = "large"): fc.Arbitrary<Program> =>
  fc.gen().map((draw) => new Writer(draw, kind, size === "small").program());

class Writer {
  #fresh = 0;
  #units = 0;
  #leavesCleanup = false;
  readonly #sources: Source[] = [];
  readonly #inLib: string[] = [];
  readonly #throws: boolean;
  readonly #concurrent: boolean;
  readonly #joins: boolean;
  readonly #end: string;

  constructor(
    private readonly draw: Draw,
    private readonly kind: Kind,
    private readonly small: boolean,
  ) {
    this.#throws = kind !== "joined";
    this.#concurrent = kind !== "sequential";
    this.#joins = kind === "joined" || kind === "racy";
    this.#end = this.#chance(30) ? "" : ";";
  }

  program(): Program {
    const count = this.small ? 1 + this.#int(2) : 2 + this.#int(4);
    const shared = this.#int(count);
    const callables: Callable[] = [];
    const lib: string[] = [];
    const main: string[] = [];
    const imported: string[] = [];
    for (let i = 0; i < count; i++) {
      const inLib = i < shared;
      const { text, callable, name } = this.#chance(20)
        ? this.#generator(callables, inLib)
        : this.#function(callables, inLib);
      (inLib ? lib : main).push(text);
      if (inLib) imported.push(name);
      if (callable === undefined) continue;
      callables.push(callable);
      if (inLib && callable.reference !== undefined) this.#inLib.push(callable.reference);
    }
    const head = imported.length === 0 ? "" : `import { ${imported.join(", ")} } from "./lib"${this.#end}\n\n`;
    const scope = { ...rootScope, task: '"m"', callables, sources: this.#sources, inLib: this.#inLib };
    const body = this.#body(scope);
    const used = imported.map((name) => `void ${name}${this.#end}\n`).join("");
    main.push(`${this.#keep()}export async function main(): Promise<number> ${body}`);
    const units = Math.min(this.#units, mostUnits);
    const libText = lib.length === 0 ? "export {}\n" : `${lib.join("\n\n")}\n`;
    const mainText = `${head}${imported.length === 0 ? "" : `${used}\n`}${main.join("\n\n")}\n`;
    return {
      kind: this.kind,
      units,
      leavesCleanup: this.#leavesCleanup,
      files: (kept = 0) => ({ lib: withKept(libText, kept), main: withKept(mainText, kept) }),
    };
  }

  /** A place for the comment that keeps a function async. */
  #keep(): string {
    return `/*?${this.#units++}*/`;
  }

  // ------------------------------------------------------------------ functions in their forms

  /** An async generator that gives a few numbers, and says when it is left. */
  #generator(callables: readonly Callable[], exported: boolean): Written {
    const id = this.#name("g");
    const scope: Scope = { ...rootScope, callables, sources: this.#sources, numbers: ["n"], depth: 1, mayLeave: false };
    const end = this.#end;
    const lines: string[] = [];
    for (let i = 1 + this.#int(2); i > 0; i--) {
      lines.push(
        this.#one([
          `yield ${this.#value(scope)}${end}`,
          `yield await ${this.#promise(scope)}${end}`,
          `log(t, ${this.#value(scope)})${end}`,
          ...(this.#sources.length > 0 ? [`yield* ${this.#one(this.#sources)("t", "n")}${end}`] : []),
        ]),
        `yield ${this.#plain(scope)}${end}`,
      );
    }
    const guarded = this.#chance(60);
    const inner = lines.map((line) => `${guarded ? "    " : "  "}${this.#guarded(line)}`).join("\n");
    const body = guarded ? `  try {\n${inner}\n  } finally {\n    log(t, "left")${end}\n  }` : inner;
    const text = `${this.#keep()}${exported ? "export " : ""}async function* ${id}(t: string, n: number) {\n${body}\n}`;
    this.#sources.push((t, n) => `${id}(${t}, ${n})`);
    return { text, callable: undefined, name: id };
  }

  #function(callables: readonly Callable[], exported: boolean): Written {
    const id = this.#name("f");
    const scope: Scope = {
      ...rootScope,
      callables,
      sources: this.#sources,
      inLib: exported ? [] : this.#inLib,
      numbers: ["n"],
    };
    const recursive = this.#chance(20);
    const ex = exported || this.#chance(25) ? "export " : "";
    const keep = (): string => this.#keep();
    const params = "t: string, n: number";
    const form = this.#one(forms);
    const plain = (text: string): Written => ({
      text: `${keep()}${ex}${text}`,
      callable: { call: (t, n) => `${id}(${t}, ${n})`, reference: id },
      name: id,
    });
    const member = (text: string, call: string, rest = ""): Written => ({
      text: `${ex}${text}`,
      callable: { call: (t, n) => `${call}(${t}, ${n})${rest}`, reference: undefined },
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
        return plain(
          `function ${id}(${params}): Promise<number> {\n  return ${this.#promise({ ...scope, inLib: [] })}${this.#end}\n}`,
        );
      case "generic": {
        const text = `async function ${id}<T extends number>(t: string, n: T): Promise<number> ${this.#body({ ...scope, numbers: ["n"] })}`;
        return {
          text: `${keep()}${ex}${text}`,
          callable: { call: (t, n) => `${id}(${t}, ${n})`, reference: id },
          name: id,
        };
      }
      case "destructured":
        return plain(
          `async function ${id}(t: string, n: number, { d = n }: { d?: number } = {})${annotation} ${this.#body({ ...scope, numbers: ["n", "d"] })}`,
        );
      case "higherOrder": {
        const given = callables.flatMap(({ reference }) => reference ?? []);
        const passed = given.length === 0 ? "(t, n) => sleep(n, n)" : this.#one(given);
        const inner: Callable = { call: (t, n) => `go(${t}, ${n})`, reference: "go" };
        const own: Scope = { ...scope, callables: [...callables, inner, inner] };
        const type = "(t: string, n: number) => Promise<number>";
        return {
          text: `${keep()}${ex}async function ${id}(go: ${type}, ${params})${annotation} ${this.#body(own)}`,
          callable: { call: (t, n) => `${id}(${passed}, ${t}, ${n})`, reference: undefined },
          name: id,
        };
      }
      case "mutual": {
        const other = `${id}Other`;
        const go = (to: string): ((inner: Scope) => string) => {
          return (inner) => `if (n > 0 && n < 3) ${this.#statementOf(`log(t, await ${to}(t, n - 1))`, inner)}`;
        };
        const first = `${keep()}async function ${other}(${params}): Promise<number> ${this.#body(scope, go(id))}`;
        const second = `${keep()}${ex}async function ${id}(${params}): Promise<number> ${this.#body(scope, go(other))}`;
        return {
          text: `${first}\n${second}`,
          callable: { call: (t, n) => `${id}(${t}, ${n})`, reference: id },
          name: id,
        };
      }
      case "getter":
        return member(
          `class ${id} {\n  constructor(readonly t: string, readonly k: number) {}\n  get go(): Promise<number> {\n    return this.#go(this.t, this.k)${this.#end}\n  }\n  ${keep()}async #go(${params})${annotation} ${this.#body({ ...scope, hasThis: true })}\n}`,
          `new ${id}`,
          ".go",
        );
      case "cached":
        return plain(
          `function ${id}(${params}): Promise<number> {\n  let p = ${id}Cache.get(n)${this.#end}\n  if (!p) {\n    p = ${this.#promise({ ...scope, inLib: [] })}${this.#end}\n    ${id}Cache.set(n, p)${this.#end}\n  }\n  return p${this.#end}\n}\nconst ${id}Cache = new Map<number, Promise<number>>()${this.#end}`,
        );
      case "method":
        return member(
          `class ${id} {\n  k = 2${this.#end}\n  ${keep()}async go(${params})${annotation} ${bodyFor("this.go", true)}\n}`,
          `new ${id}().go`,
        );
      case "private": {
        const inner = `${keep()}async #go(${params})${annotation} ${bodyFor("this.#go", true)}`;
        const outer = `${keep()}async go(${params}): Promise<number> {\n  return await this.#go(t, n)${this.#end}\n}`;
        return member(`class ${id} {\n  k = 2${this.#end}\n  ${inner}\n  ${outer}\n}`, `new ${id}().go`);
      }
      case "static":
        return member(
          `class ${id} {\n  ${keep()}static async go(${params})${annotation} ${bodyFor(`${id}.go`)}\n}`,
          `${id}.go`,
        );
      case "field":
        return member(
          `class ${id} {\n  k = 2${this.#end}\n  ${keep()}go = async (${params}): Promise<number> => ${this.#body({ ...scope, hasThis: true })}${this.#end}\n}`,
          `new ${id}().go`,
        );
      case "literal":
        return member(
          `const ${id} = {\n  ${keep()}async go(${params}): Promise<number> ${bodyFor(`${id}.go`)},\n}${this.#end}`,
          `${id}.go`,
        );
      case "property":
        return member(
          `const ${id} = {\n  ${keep()}go: async (${params}): Promise<number> => ${bodyFor(`${id}.go`)},\n}${this.#end}`,
          `${id}.go`,
        );
      case "override": {
        const base = `${id}Base`;
        const first = `class ${base} {\n  k = 2${this.#end}\n  ${keep()}async go(${params}): Promise<number> ${this.#body({ ...scope, hasThis: true })}\n}`;
        const superCall = (inner: Scope): string => this.#statementOf(`log(t, await super.go(t, n))`, inner);
        const second = `class ${id} extends ${base} {\n  ${keep()}override async go(${params}): Promise<number> ${this.#body({ ...scope, hasThis: true }, superCall)}\n}`;
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
      ...this.#statements(inner, 1 + this.#int(this.small ? 2 : 4)),
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
    const deep = scope.depth > (this.small ? 2 : 4);
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
        [1, () => ({ text: this.#closures(scope) })],
        [1, () => ({ text: [this.#labelled(scope)] })],
        [1, () => ({ text: this.#assignment(scope) })],
        [scope.sources.length > 0 ? 3 : 0, () => ({ text: this.#forAwait(scope) })],
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
    // The counter moves at the head of the body, so that `continue` cannot skip it; tasks are named by what it was then.
    const counted = { ...inner, indices: [...scope.indices, `${index}k`] };
    const body = this.#nested(counted).replace("{", `{ const ${index}k = ${index}++;`);
    const declared = `let ${index} = 0${this.#end}`;
    const condition = this.#chance(30) ? `await ${this.#resolved(`${index} < ${bound}`)}` : `${index} < ${bound}`;
    return form === "while"
      ? [declared, `${prefix}while (${condition}) ${body}`]
      : [declared, `${prefix}do ${body} while (${condition})${this.#end}`];
  }

  #tryStatement(scope: Scope): string {
    const outer = { ...scope, depth: scope.depth };
    const mark = this.#name("try");
    const say = (what: string): string => `{ log(${scope.task}, "${what} ${mark}");`;
    const body = this.#nested(outer);
    const error = this.#name("x");
    const handler = this.#chance(25)
      ? ` catch ${this.#nested(scope)}`
      : ` catch (${error}) ${this.#nested(scope).replace("{", `{ log(${scope.task}, ${error});`)}`;
    const mayLeave = scope.mayLeave && this.#chance(20);
    const cleanup = ` finally ${this.#nested({ ...scope, mayLeave, inLoop: mayLeave && scope.inLoop })}`;
    const shape = this.#int(3);
    if (shape === 0) return `try ${body}${handler}`;
    if (mayLeave) this.#leavesCleanup = true;
    const [marked, cleaned] = [body.replace("{", say("enter")), cleanup.replace("{", say("clean up"))];
    return `try ${marked}${shape !== 1 ? handler : ""}${cleaned}`;
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

  /** Functions that keep what they saw of a loop. */
  #closures(scope: Scope): string[] {
    const [index, list, one] = [this.#name("i"), this.#name("fs"), this.#name("f")];
    const inner = { ...withoutJumps(scope), depth: scope.depth + 1, numbers: [...scope.numbers, index] };
    const end = this.#end;
    const body = this.#chance(50) ? this.#value(inner) : this.#body(inner);
    return [
      `const ${list}: (() => Promise<number>)[] = []${end}`,
      `for (let ${index} = 0; ${index} < 2; ${index}++) ${list}.push(async () => ${body})${end}`,
      `for (const ${one} of ${list}) log(${scope.task}, await ${one}())${end}`,
    ];
  }

  #labelled(scope: Scope): string {
    const label = this.#name("block");
    const leave = `if (${this.#condition(scope)}) break ${label}${this.#end}`;
    const inner = { ...scope, depth: scope.depth + 1 };
    return `${label}: ${this.#block([leave, ...this.#statements(inner, 1 + this.#int(2))], scope.depth)}`;
  }

  #assignment(scope: Scope): string[] {
    const name = this.#name("a");
    const end = this.#end;
    const value = `await ${this.#promise({ ...scope, depth: scope.depth + 1 })}`;
    const said = (expression: string): string => `log(${scope.task}, ${expression})${end}`;
    return this.#one<() => string[]>([
      () => [`let ${name}: number = ${this.#plain(scope)}${end}`, `${name} += ${value}${end}`, said(name)],
      () => [`const ${name} = { k: 1 }${end}`, `${name}.k = ${value}${end}`, said(`${name}.k`)],
      () => [`const ${name} = [1, 2]${end}`, `${name}[${value} > 1 ? 1 : 0] += ${value}${end}`, said(name)],
      () => [`const { q: ${name} = ${value} }: { q?: number } = {}${end}`, said(name)],
      () => [
        `let ${name} = 0, ${name}b = 1${end}`,
        `[${name}, ${name}b] = [${value}, ${name}]${end}`,
        said(`${name} + ${name}b`),
      ],
      () => [`let ${name}: number | undefined${end}`, `${name} ??= ${value}${end}`, said(name)],
    ])();
  }

  #forAwait(scope: Scope): string[] {
    const item = this.#name("w");
    // Items may be equal, so they tell no tasks apart that the body starts; a counter does.
    const count = this.#name("i");
    const inner = {
      ...scope,
      inLoop: true,
      indices: [...scope.indices, `${count}k`],
      numbers: [...scope.numbers, item],
    };
    const source = this.#one(scope.sources)(scope.task, this.#plain(scope));
    const body = this.#nested(inner).replace("{", `{ const ${count}k = ${count}++;`);
    return [`let ${count} = 0${this.#end}`, `for await (const ${item} of ${source}) ${body}`];
  }

  #nested(scope: Scope): string {
    const inner = { ...scope, depth: scope.depth + 1 };
    return this.#block(this.#statements(inner, 1 + this.#int(this.small ? 1 : 2)), scope.depth);
  }

  // ------------------------------------------------------------------ expressions that are numbers

  #value(scope: Scope): string {
    if (scope.depth > (this.small ? 3 : 6) || this.#chance(25)) return this.#plain(scope);
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
      () => `await maybe(${this.#plain(scope)})`,
      () => `Number(await (${awaited.slice("await ".length)} as any))`,
      () => `((await (${this.#plain(scope)} > 3 ? undefined : ${awaited.slice("await ".length)})) ?? ${n})`,
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
    if (scope.depth < (this.small ? 4 : 6)) {
      const arm = (): string => this.#promise(deeper);
      choices.push(
        [1, () => `(${this.#condition({ ...deeper, depth: 9 })} ? ${arm()} : ${arm()})`],
        [1, () => `${this.#call(deeper)}.then((r) => r + ${this.#int(5)})`],
        [2, () => this.#chain(deeper)],
        [
          1,
          () =>
            `new Promise<number>((${this.#throws ? "ok, bad" : "ok"}) => setTimeout(() => ${this.#throws ? `${this.#plain(scope)} > 4 ? bad(new Error("${this.#name("late")}")) : ` : ""}ok(${this.#plain(scope)}), ${this.#duration()}))`,
        ],
        ...(scope.inLib.length > 0
          ? [
              [1, () => `(await import("./lib")).${this.#one(scope.inLib)}(${scope.task}, ${this.#plain(scope)})`] as [
                number,
                () => string,
              ],
            ]
          : []),
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

  /** A chain with callbacks of every shape. */
  #chain(scope: Scope): string {
    const end = this.#end;
    let text = this.#call(scope);
    for (let links = 1 + this.#int(this.small ? 2 : 3); links > 0; links--) {
      const v = this.#name("r");
      const inner = { ...withoutJumps(scope), numbers: [...scope.numbers, v] };
      const saying = `log(${scope.task}, "${this.#name("c")}")`;
      const handlers = [
        `(${v}) => ${v} + 1`,
        `(${v}) => { ${saying}${end === "" ? "; " : "; "}return ${v}${end} }`,
        `(${v}) => { if (${v} > 2) return ${v}; ${saying}; return ${this.#plain(inner)}${end} }`,
        `async (${v}) => { ${saying}; return await ${this.#call(inner)}${end} }`,
        `(${v}) => ${this.#call(inner)}`,
        `async (${v}) => ${v}`,
      ];
      const recovery = [
        `() => ${this.#plain(scope)}`,
        `() => ${this.#call(scope)}`,
        `(e) => { log(${scope.task}, e); return 1${end} }`,
      ];
      text += this.#one([
        `.then(${this.#one(handlers)})`,
        `.then(${this.#one(handlers)})`,
        ...(this.#throws
          ? [`.catch(${this.#one(recovery)})`, `.then(${this.#one(handlers)}, ${this.#one(recovery)})`]
          : []),
        `.finally(() => ${saying.replace(', "', ', "finally ')})`,
        `.finally(() => ${this.#call(scope)})`,
        `.finally(() => { ${saying.replace(', "', ', "finally ')} })`,
      ]);
    }
    return text;
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
  "generic",
  "destructured",
  "higherOrder",
  "mutual",
  "getter",
  "cached",
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
  sources: [],
  inLib: [],
  numbers: [],
  hasThis: false,
  mayLeave: true,
};

/** Beyond these, functions are never told to stay. */
const mostUnits = 6;

function withKept(text: string, kept: number): string {
  return text.replace(/\/\*\?(\d+)\*\//g, (_, unit) =>
    Number(unit) < mostUnits && ((kept >> Number(unit)) & 1) === 1 ? "/* trestle-keep-async */ " : "",
  );
}

function withoutJumps(scope: Scope): Scope {
  return { ...scope, inLoop: false, labels: [] };
}
