import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Report } from "../../../codemods/report/report.js";
import { ending, startNode, type Ending } from "./child-process.js";
import { compiledSources } from "./compiled-sources.js";
import { contents, project, type Files } from "./project-on-disk.js";

const sources = compiledSources();
const script = sources.path("test/codemods/cli/child-executable.ts");

const run = (cwd: string, ...args: string[]): Promise<Ending> => ending(startNode(script, args, cwd));

const realProject: Files = {
  "tsconfig.json": '{ "compilerOptions": { "strict": true, "types": [], "noEmit": true }, "include": ["src"] }\n',
  "package.json": '{\n  "name": "real",\n  "type": "module"\n}\n',
  "src/main.ts":
    "async function one(): Promise<number> {\n  return 1;\n}\n\nexport async function two(): Promise<number> {\n  return (await one()) + 1;\n}\n",
};

describe("the executable", () => {
  it("O-22 analyses a project in a thread of its own and prints the report", async () => {
    const root = project(realProject);
    const before = contents(root);
    const { code, stdout, stderr } = await run(root, "migrate", "--format", "json");
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(report.totals.functions.found).toBe(2);
    expect(report.files.map(({ path }) => path)).toContain("src/main.ts");
    expect(contents(root)).toEqual(before);
  });

  it.each([
    [
      "a project that does not type-check",
      { ...realProject, "src/wrong.ts": 'export const n: number = "1";\n' },
      4,
      "src/wrong.ts:1",
    ],
    ["a project that does not parse", { ...realProject, "src/wrong.ts": "export const = ;\n" }, 4, "src/wrong.ts:1"],
    ["a folder without a tsconfig.json", { "a.ts": "" }, 2, "tsconfig.json"],
  ])("O-22 %s ends with one clear message", async (_, files, expected, named) => {
    const { code, stdout, stderr } = await run(project(files), "migrate");
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toContain("trestle: ");
    expect(stderr).toContain(named);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it("O-22 is interrupted at once with exit code 130, however busy the compiler is", async () => {
    const root = project(realProject);
    const child = startNode(script, ["migrate", "--write", "--allow-no-git"], root);
    const end = ending(child);
    await new Promise((ready) => child.stderr.once("data", ready));
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toContain("interrupted; nothing was changed");
    expect(contents(root)["src/main.ts"]).toContain("async function one");
  });

  it("O-22 starts the build, or says how to build it", async () => {
    const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
    const { code, stderr } = await ending(startNode(at("../../../codemods/bin/trestle.js"), ["--version"], "/"));
    if (existsSync(at("../../../codemods/dist/cli.js"))) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    else expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("npx tsc -b") as string });
  });
});
