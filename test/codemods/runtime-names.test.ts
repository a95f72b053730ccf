/** The migrator's picture of the run-time libraries is held against the libraries themselves. */
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { ambientDeclarations, runtimeNames } from "../../codemods/runtime-names.js";

const top = join(import.meta.dirname, "../..");

// The instruction is the library's own: only what is built on it is compared.
const picture = ambientDeclarations
  .replace(/^ {2}(const instruction|export interface Instruction).*\n/gm, "")
  .replace(/^ {2}const item: .*\n/m, "")
  .replace(/^ {2}export interface Item<T> .*$/m, '  export type Item<T> = import("@trestle/bridges").Item<T>;')
  .replace("import type { Instruction, Op }", 'import type { Instruction } from "trestle"; import type { Op }')
  .replace(/^ {2}export interface Op<T>.*$/m, '  export type Op<T> = import("trestle").Op<T>;')
  .replaceAll('module "@trestle/bridges"', 'module "pictured-bridges"')
  .replaceAll('module "trestle"', 'module "pictured"')
  .replaceAll('from "trestle"', 'from "pictured"');

const comparison = `
import * as core from "trestle";
import * as bridges from "@trestle/bridges";
import * as pictured from "pictured";
import * as picturedBridges from "pictured-bridges";
declare const op: core.Op<number>;
export const someOp: pictured.Op<number> = op;
export const all: typeof pictured.Fiber.all = core.Fiber.all;
export const map: typeof pictured.Fiber.map = core.Fiber.map;
export const yieldNow: typeof pictured.Fiber.yield = core.Fiber.yield;
export const protect: typeof pictured.Cancel.protect = core.Cancel.protect;
export const isCancelled = (error: unknown): error is pictured.Cancelled => error instanceof core.Cancelled;
export const fromPromise: typeof picturedBridges.fromPromise = bridges.fromPromise;
export const fromCallback: typeof picturedBridges.fromCallback = bridges.fromCallback;
export const fromAsync: typeof picturedBridges.fromAsync = bridges.fromAsync;
export const semaphore: pictured.Semaphore = new core.Semaphore(1);
export const used: pictured.Op<number> = new core.Semaphore(1).use(() => op);
export const firstOf: typeof picturedBridges.firstOf = bridges.firstOf;
export const lastOf: typeof picturedBridges.lastOf = bridges.lastOf;
export const adopt: typeof picturedBridges.adopt = bridges.adopt;
export const toPromise: typeof picturedBridges.toPromise = bridges.toPromise;
export const toAsync: typeof picturedBridges.toAsync = bridges.toAsync;
export const direct: typeof picturedBridges.direct = bridges.direct;
export const pair: typeof picturedBridges.pair = bridges.pair;
export const fromAsyncIterable: typeof picturedBridges.fromAsyncIterable = bridges.fromAsyncIterable;
export const emit: typeof picturedBridges.emit = bridges.emit;
export const emitAll: typeof picturedBridges.emitAll = bridges.emitAll;
export const toAsyncGenerator: typeof picturedBridges.toAsyncGenerator = bridges.toAsyncGenerator;
export const pairMethods: typeof picturedBridges.pairMethods = bridges.pairMethods;
`;

it("every name that a rewrite emits exists in the libraries with the type that the migrator checks against", () => {
  const virtual = new Map([
    [join(top, "test/picture.d.ts"), picture],
    [join(top, "test/comparison.ts"), comparison],
  ]);
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
    types: ["node"],
    paths: { trestle: [join(top, "core/index.ts")], "@trestle/bridges": [join(top, "bridges/index.ts")] },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = { fileExists: host.fileExists.bind(host), readFile: host.readFile.bind(host) };
  host.fileExists = (name) => virtual.has(name) || fileExists(name);
  host.readFile = (name) => virtual.get(name) ?? readFile(name);
  const program = ts.createProgram({ rootNames: [...virtual.keys()], options, host });
  const messages = program
    .getSemanticDiagnostics(program.getSourceFile(join(top, "test/comparison.ts")))
    .map((d) => ts.flattenDiagnosticMessageText(d.messageText, "\n"));
  expect(messages).toEqual([]);
  for (const name of Object.keys(runtimeNames)) expect(ambientDeclarations).toMatch(new RegExp(`\\b${name}\\b`));
});
