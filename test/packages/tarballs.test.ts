/** What is in the tarballs, and what those who check packages say of them. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderOf, Installation, node, workspace } from "./project.js";

const top = join(import.meta.dirname, "..", "..");

interface Manifest {
  readonly name: string;
  readonly exports: Record<string, unknown>;
  readonly typesVersions: Record<string, unknown>;
}

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.create();
}, 60_000);
afterAll(() => installation.remove());

describe.each([
  ["trestle", "core"],
  ["@trestle/bridges", "bridges"],
])("%s", (name, source) => {
  const tarball = () => installation.tarballs[source === "core" ? 0 : 1]!;
  const filesOf = () =>
    execFileSync("tar", ["-tzf", tarball()], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map((path) => path.replace("package/", ""))
      .sort();

  it("the subpaths in package.json are the modules at the top of its sources", async () => {
    const { subpathsOf } = (await import(join(top, ".ci", "build.mjs"))) as {
      subpathsOf: (name: string) => Pick<Manifest, "exports" | "typesVersions">;
    };
    const { exports, typesVersions } = manifestOf(join(top, source));
    expect({ exports, typesVersions }, "run `npm run build`, and commit package.json").toEqual(subpathsOf(source));
    // `types` is asked first, in each of the four ways in.
    const order = JSON.stringify(exports["."]).match(/"(node|module|require|default|types)":/g);
    expect(order?.join("")).toBe(
      '"node":"require":"types":"default":"default":"types":"default":' +
        '"module":"types":"default":"require":"types":"default":"default":"types":"default":',
    );
  });

  it("the tarball holds a readme, the licence, the build, a plain file a subpath, and nothing else", () => {
    const subpaths = Object.keys(manifestOf(join(top, source)).exports)
      .filter((key) => key !== "." && key !== "./package.json")
      .map((key) => key.slice(2));
    const files = filesOf();
    expect(files.filter((path) => !path.startsWith("dist/"))).toEqual(
      ["LICENSE", "README.md", "package.json", ...subpaths.map((subpath) => `${subpath}.js`)].sort(),
    );
    // One module in three forms: ES modules, CommonJS, and, of what can be imported, the ES module for Node.
    const built = (folder: string, ending: string) =>
      files
        .filter((path) => path.startsWith(`dist/${folder}/`) && path.endsWith(ending))
        .map((path) => path.slice(`dist/${folder}/`.length, -ending.length));
    const modules = built("cjs", ".js");
    expect(modules).toContain("index");
    expect(built("cjs", ".d.ts")).toEqual(modules);
    expect(built("esm", ".js")).toEqual(modules);
    expect(built("esm", ".d.ts")).toEqual(modules);
    const importable = modules.filter((module) => ["index", ...subpaths].includes(module.replace(/\/index$/, "")));
    expect(built("node", ".mjs")).toEqual(importable);
    expect(built("node", ".d.mts")).toEqual(importable);
    expect(files.filter((path) => path.startsWith("dist/"))).toHaveLength(
      4 * modules.length + 2 * importable.length + 2,
    );
  });

  // Both checkers, with all their rules: none has to be ignored.

  it("publint finds nothing to mend", async () => {
    const tarballData = Uint8Array.from(readFileSync(tarball())).buffer;
    const { messages, pkg } = await publint({ pack: { tarball: tarballData }, level: "suggestion", strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it("are-the-types-wrong finds that each subpath has the right types under each kind of resolution", async () => {
    const attw = join(folderOf(workspace, "@arethetypeswrong/cli"), "dist", "index.js");
    const { text } = await node(installation.folder, [attw, tarball(), "--format", "json", "--no-color"]);
    const { analysis, problems } = JSON.parse(text) as {
      analysis: { entrypoints: Record<string, { resolutions: Record<string, { resolution?: unknown }> }> };
      problems?: Record<string, unknown>;
    };
    expect(problems).toEqual({});
    expect(Object.keys(analysis.entrypoints).sort()).toEqual(Object.keys(manifestOf(join(top, source)).exports).sort());
    const unresolved = Object.entries(analysis.entrypoints).flatMap(([entry, { resolutions }]) =>
      Object.keys(resolutions)
        .filter((kind) => resolutions[kind]!.resolution === undefined)
        .map((kind) => `${name}${entry.slice(1)} under ${kind}`),
    );
    expect(unresolved).toEqual([]);
  });
});
