/** Runs the TypeScript modules of one small program in this process, with a given world in the place of globals. */
import { compileFunction } from "node:vm";
import ts from "typescript";
import * as bridges from "@trestle/bridges";
import * as trestle from "trestle";
import { watch, type Run, type World } from "./virtual-world.js";

/** Module texts by path without extension, such as `main` and `lib`. */
export type Modules = Readonly<Record<string, string>>;

/** Calls `main` of the module `main`. Undefined when the program was too long to be watched. */
export function runProgram(modules: Modules): Promise<Run | undefined> {
  return watch(async (world) => {
    const { main } = load(modules, world);
    if (main === undefined) throw new Error("The program has no main");
    return main();
  });
}

function load(modules: Modules, world: World): { main?: () => unknown } {
  const loaded = new Map<string, object>();
  const require = (name: string): object => {
    if (name === "trestle") return trestle;
    if (name === "@trestle/bridges") return bridges;
    const path = name.replace(/^\.\//, "");
    const known = loaded.get(path);
    if (known !== undefined) return known;
    const exports = {};
    loaded.set(path, exports);
    const text = modules[path];
    if (text === undefined) throw new Error(`The program has no module ${name}`);
    const script = ts.transpileModule(text, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
    }).outputText;
    const evaluate = compileFunction(script, [
      "require",
      "exports",
      "sleep",
      "log",
      "maybe",
      "setTimeout",
      "clearTimeout",
    ]) as (...values: unknown[]) => void;
    evaluate(require, exports, world.sleep, world.log, world.maybe, world.setTimeout, world.clearTimeout);
    return exports;
  };
  return require("./main");
}
