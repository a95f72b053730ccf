/** Runs the TypeScript modules of one small program in this process, with a given world in the place of globals. */
import { createRequire } from "node:module";
import { compileFunction } from "node:vm";
import { transform } from "esbuild";
import pLimit from "p-limit";
import * as rxjs from "rxjs";
import * as bridges from "@trestle/bridges";
import * as trestle from "trestle";
import { watch, type Run, type World } from "./virtual-world.js";

/** Module texts by path without extension, such as `main` and `lib`. */
export type Modules = Readonly<Record<string, string>>;

const requireOfNode = createRequire(import.meta.url);

/** What programs may import. */
const known: Readonly<Record<string, object>> = {
  trestle,
  "@trestle/bridges": bridges,
  rxjs,
  "p-limit": { __esModule: true, default: pLimit },
};

/** Calls `main` of the module `main`. Undefined when the program was too long to be watched. */
export async function runProgram(modules: Modules): Promise<Run | undefined> {
  const loaded = await load(modules);
  return watch(async (world) => {
    const { main } = loaded(world);
    if (main === undefined) throw new Error("The program has no main");
    return (main as () => unknown)();
  });
}

/**
 * Compiles the modules of a program; what it gives evaluates them in a world, and answers what `main` exports. They see
 * `libraries` in the place of the real ones.
 */
export async function load(
  modules: Modules,
  libraries: Readonly<Record<string, object>> = {},
): Promise<(world: World) => Readonly<Record<string, unknown>>> {
  const scripts = new Map<string, string>();
  for (const [path, text] of Object.entries(modules)) scripts.set(path, await compile(text));
  return (world) => {
    const loaded = new Map<string, Record<string, unknown>>();
    const require = (name: string): object => {
      const library = libraries[name] ?? known[name];
      if (library !== undefined) return library;
      if (name.startsWith("node:")) return requireOfNode(name) as object;
      const path = name.replace(/^\.\//, "");
      const evaluated = loaded.get(path);
      if (evaluated !== undefined) return evaluated;
      const script = scripts.get(path);
      if (script === undefined) throw new Error(`The program has no module ${name}`);
      const module = { exports: {} };
      loaded.set(path, module.exports);
      const values = [world.sleep, world.log, world.maybe, world.setTimeout, world.clearTimeout];
      evaluator(script)(require, module, ...values);
      // Its exports are written at the start, or stay as they are.
      loaded.set(path, module.exports);
      return module.exports;
    };
    return require("./main") as Record<string, unknown>;
  };
}

async function compile(text: string): Promise<string> {
  const { code } = await transform(text, {
    loader: "ts",
    format: "cjs",
    target: "es2022",
    // Else a function in the scope of another of its name would get a new one.
    keepNames: true,
    supported: { "dynamic-import": false },
    tsconfigRaw: {},
  });
  return code;
}

type Evaluate = (...values: unknown[]) => void;

function evaluator(script: string): Evaluate {
  const names = ["require", "module", "sleep", "log", "maybe", "setTimeout", "clearTimeout"];
  return compileFunction(script, names) as Evaluate;
}
