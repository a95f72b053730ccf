/** The sources as plain JavaScript in a folder of their own, for processes that are started and killed by the dozen. */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll } from "vitest";

const top = fileURLToPath(new URL("../../../", import.meta.url));

/** Call it outside of tests: the folder is removed after all of them. */
export function compiledSources(): { readonly path: (source: string) => string } {
  // Beside the packages, so that imports of them are found.
  const folder = mkdtempSync(join(top, "node_modules/.trestle-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const part of ["codemods", "test/codemods/cli"]) {
    for (const name of readdirSync(join(top, part), { recursive: true, encoding: "utf8" })) {
      if (/\.ts$/.test(name) && !/\.d\.ts$|(^|\/)(dist|node_modules)\/|\.test\.ts$/.test(name))
        compile(folder, join(part, name));
    }
  }
  cpSync(join(top, "codemods/package.json"), join(folder, "codemods/package.json"));
  return { path: (source) => join(folder, source.replace(/\.ts$/, ".js")) };
}

function compile(folder: string, source: string): void {
  const { outputText } = ts.transpileModule(readFileSync(join(top, source), "utf8"), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  const path = join(folder, source.replace(/\.ts$/, ".js"));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, outputText);
}
