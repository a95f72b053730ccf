/** Everything the oracles are tried on: the tables of cases, and the fixture project if it is there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { casesOf, families, projectFilesOf } from "../transform/case-file.js";
import { scriptOptions, strictOptions, type Files } from "../transform/migrated-project.js";

export interface Input {
  readonly name: string;
  readonly files: Files;
  readonly compilerOptions: object;
}

const source = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** The libraries as they are, for programs that have been migrated. */
export const paths = {
  trestle: [source("core/index.ts")],
  "@trestle/bridges": [source("bridges/index.ts")],
};

const cases = families.flatMap(casesOf);

export const typed: Input = {
  name: "cases in TypeScript",
  files: projectFilesOf(cases, false),
  compilerOptions: strictOptions,
};

export const scripts: Input = {
  name: "cases in JavaScript",
  files: projectFilesOf(cases, true),
  compilerOptions: scriptOptions,
};

export const inputs: readonly Input[] = [typed, scripts, ...fixture("orders")];

function fixture(name: string): Input[] {
  const root = source(`test/fixtures/${name}`);
  if (!existsSync(root)) return [];
  const files: Record<string, string> = { "world.d.ts": "export {};\n" };
  for (const path of readdirSync(`${root}/src`, { recursive: true, encoding: "utf8" })) {
    if (path.endsWith(".ts")) files[`src/${path}`] = readFileSync(`${root}/src/${path}`, "utf8");
  }
  // Its dependencies are those of this repository.
  const options = {
    ...strictOptions,
    paths: { "*": [source("node_modules/*"), source("node_modules/@types/*")] },
    types: ["node"],
    typeRoots: [source("node_modules/@types")],
    noUnusedLocals: false,
    exactOptionalPropertyTypes: false,
  };
  return [{ name: `the fixture ${name}`, files, compilerOptions: options }];
}
