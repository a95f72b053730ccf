/** What the names in examples mean, and so how an example becomes a module to check and a program to run. */
import { writeFileSync } from "node:fs";
import { Cancel, Fiber, setSurroundings, showBackend, Switch, type Env, type Op } from "trestle";
import * as mock from "trestle/mock";
import * as node from "trestle/node";
import type { NodeEnv } from "trestle/node";
import type { Checks } from "./checks.js";
import { programOf } from "./claims.js";
import { freeNamesOf, kindOf, type Example } from "./examples.js";
import { execute } from "./execute.js";
import { prelude, realWorld, type Given } from "./prelude.js";
import { exportsOf, type Piece } from "./type-check.js";

const NAMESPACES: Readonly<Record<string, string>> = {
  mock: "trestle/mock",
  Trace: "trestle/trace",
  fs: "node:fs",
};
/** The modules of all examples; the first one that has a name is meant. */
const MODULES = [
  "trestle",
  "trestle/node",
  "trestle/mock",
  "@trestle/bridges",
  "@trestle/bridges/worker",
  "rxjs",
  "trestle/trace",
  "trestle/traceln",
  "node:async_hooks",
  "node:fs",
  "node:stream/promises",
  "node:stream",
];
const PRELUDE = "./prelude.js";
const GIVEN = ["env", "sw", "cc"];

/** Where the names of an example come from. */
interface Names {
  /** By module. */
  readonly imported: ReadonlyMap<string, string[]>;
  readonly namespaces: string[];
  readonly fromPrelude: string[];
  readonly given: string[];
}

/** The module of an example's file, where its names are looked for first. */
function ownModules(file: string): string[] {
  const [, world] = /^core\/(node|web|mock|trace)\//.exec(file) ?? [];
  const [, bridge] = /^bridges\/([^/]+)(?:\/.*)?\.ts$/.exec(file) ?? [];
  if (bridge !== undefined && bridge !== "index" && bridge !== "crossing") return [`@trestle/bridges/${bridge}`];
  return world === undefined ? [] : [`trestle/${world}`];
}

/** The library of a bridge, for names that nothing of ours has. */
function libraryOf(file: string): string[] {
  const [, library] = /^bridges\/(effect|effection)\.ts$/.exec(file) ?? [];
  return library === undefined ? [] : [library];
}

/** Files whose examples are about the real world. */
const REAL = /^(bridges\/|core\/node\/|core\/(net|path|file|process|signals|domain|executor-pool)\.ts)/;

export class Vocabulary {
  private readonly exported: ReadonlyMap<string, ReadonlySet<string>>;
  private readonly prelude = new Set(Object.keys(prelude(realWorld)));

  /** @param files  those with examples */
  constructor(files: readonly string[]) {
    this.exported = exportsOf([
      ...new Set([...MODULES, ...files.flatMap(ownModules), ...files.flatMap(libraryOf), PRELUDE]),
    ]);
  }

  private namesOf({ file, text }: Example): Names {
    const imported = new Map<string, string[]>();
    const names = { imported, namespaces: [] as string[], fromPrelude: [] as string[], given: [] as string[] };
    for (const name of freeNamesOf(text)) {
      const modules = [...ownModules(file), ...MODULES, PRELUDE, ...libraryOf(file)];
      const module = modules.find((name_) => this.exported.get(name_)!.has(name));
      if (GIVEN.includes(name)) names.given.push(name);
      else if (name in NAMESPACES) names.namespaces.push(name);
      else if (this.prelude.has(name)) names.fromPrelude.push(name);
      else if (module !== undefined) imported.set(module, [...(imported.get(module) ?? []), name]);
    }
    return names;
  }

  /** The example with what it takes for granted, to be type-checked. */
  moduleOf(example: Example): Piece {
    const { file, text, firstLine } = example;
    const { imported, namespaces, fromPrelude, given } = this.namesOf(example);
    const head = [...imported].map(([module, names]) => `import { ${names.join(", ")} } from "${module}";`);
    for (const name of namespaces) head.push(`import * as ${name} from "${NAMESPACES[name]!}";`);
    const kind = kindOf(text);
    if (kind === "module") return { file, firstLine, added: 1, text: `${head.join(" ")}\n${text}` };
    head.push(`import * as prelude from "${PRELUDE}"; import type { Op as Op_ } from "trestle";`);
    head.push(
      kind === "fiber"
        ? `export function* example({ ${given.join(", ")} }: prelude.Given): Op_<unknown> {`
        : "export async function example(): Promise<unknown> {",
    );
    const world = kind === "async" ? "prelude.realWorld" : "null! as prelude.Given['env']";
    head.push(`const { ${fromPrelude.join(", ")} } = prelude.prelude(${world});`);
    return { file, firstLine, added: 1, text: `${head.join(" ")}\n${text}return; }` };
  }

  /** Runs an example: in the mock world, unless it is about another one. */
  async run(example: Example): Promise<Checks> {
    const { text, firstLine, file } = example;
    const { imported, namespaces, fromPrelude, given } = this.namesOf(example);
    const outside = new Map<string, unknown>();
    for (const name of namespaces) outside.set(name, await import(NAMESPACES[name]!));
    for (const [module, names] of imported) {
      const loaded = (await import(module)) as Record<string, unknown>;
      // Types are exported as well, and are nothing here.
      for (const name of names) if (name in loaded) outside.set(name, loaded[name]);
    }
    const inPrelude = (env: Env): unknown[] => {
      const values = prelude(env) as Record<string, unknown>;
      return fromPrelude.map((name) => values[name]);
    };
    const kind = kindOf(text);
    const inFiber = kind === "fiber";
    const program = await programOf(text, {
      kind: inFiber ? "fiber" : "async",
      firstLine,
      parameters: [...outside.keys(), ...fromPrelude, ...(inFiber ? given : [])],
    });
    try {
      return await execute(program, {
        realTime: REAL.test(file),
        start(main, docs) {
          writeFileSync("notes.txt", "the notes");
          const first = [...docs, ...outside.values()];
          if (!inFiber) return main(...first, ...inPrelude(realWorld));
          const [checks] = docs as [Checks];
          const body = (env: Env): Op<unknown> => {
            const example = (scopes: Given) => {
              const values = given.map((name) => scopes[name as keyof Given]);
              return main(...first, ...inPrelude(env), ...values) as Op<unknown>;
            };
            const print = (line: string) => checks.print(line);
            return Fiber.withBinding(env.debug.traceln, print, () => withScopes(given, env, example));
          };
          // Promises and timers need an event loop.
          const real = REAL.test(file) || freeNamesOf(text).has("setTimeout");
          return real ? node.run(body) : mock.run(body);
        },
      });
    } finally {
      setSurroundings(undefined);
      showBackend(true);
    }
  }
}

/** Runs `body` in the scopes that it names. */
function* withScopes(names: readonly string[], env: Env, body: (scopes: Given) => Op<unknown>): Op<unknown> {
  const scopes = { env: env as NodeEnv } as { -readonly [K in keyof Given]: Given[K] };
  let inside = () => body(scopes);
  if (names.includes("cc")) {
    const inner = inside;
    inside = () => Cancel.sub((cc) => ((scopes.cc = cc), inner()));
  }
  if (names.includes("sw")) {
    const inner = inside;
    inside = () => Switch.run((sw) => ((scopes.sw = sw), inner()));
  }
  return yield* inside();
}
