/** The ESLint plugin as a project has it: installed from its tarball, in a flat configuration, under both versions of ESLint. */
import { execFileSync } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderOf, node, workspace } from "./project.js";

const top = join(import.meta.dirname, "..", "..");
let folder: string;
let tarball: string;

const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const link = (name: string, target: string): void => {
  mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true });
  symlinkSync(target, join(folder, "node_modules", name), "junction");
};

const typed = (load: string) => `${load}
  ...tseslint.configs.recommendedTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: __dirname } } },
  trestle.configs.migration,
  { rules: { "@typescript-eslint/no-unsafe-call": "off" } },
];`;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-lint-")));
  execFileSync(process.execPath, [join(top, ".ci", "pack.mjs"), join(folder, "packed"), "codemods/lint"]);
  tarball = join(
    folder,
    "packed",
    readdirSync(join(folder, "packed")).find((file) => file.endsWith(".tgz"))!,
  );
  const installed = join(folder, "node_modules", "@trestle", "eslint-plugin");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  for (const name of ["@typescript-eslint/utils", "@typescript-eslint/type-utils", "typescript-eslint", "typescript"]) {
    link(name, folderOf(workspace, name));
  }
  link("trestle", join(top, "core"));
  put(
    "tsconfig.json",
    JSON.stringify({ compilerOptions: { strict: true, module: "nodenext", target: "es2022", types: [] } }),
  );
  put(
    "main.ts",
    `import type { Op } from "trestle";\nfunction* load(): Op<number> {\n  return 1;\n}\nexport function* main(): Op<void> {\n  load();\n}\n`,
  );
  put(
    "plain.js",
    `const { Fiber } = require("trestle");\nmodule.exports = function* (sw) {\n  Fiber.fork(sw, () => Fiber.yield());\n};\n`,
  );
  put(
    "esm.config.mjs",
    typed(
      `import trestle from "@trestle/eslint-plugin";\nimport tseslint from "typescript-eslint";\nconst __dirname = import.meta.dirname;\nexport default [`,
    ),
  );
  put(
    "cjs.config.cjs",
    typed(
      `const trestle = require("@trestle/eslint-plugin");\nconst tseslint = require("typescript-eslint");\nmodule.exports = [`,
    ),
  );
  put(
    "untyped.config.mjs",
    `import trestle from "@trestle/eslint-plugin";\nexport default [trestle.configs["recommended-untyped"]];`,
  );
  put(
    "missing.config.mjs",
    `import trestle from "@trestle/eslint-plugin";\nexport default [trestle.configs.recommended];`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("the tarball holds a readme, the licence and the build", () => {
  const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  expect(files.filter((path) => !path.startsWith("package/dist/")).sort()).toEqual(
    ["LICENSE", "README.md", "package.json"].map((name) => `package/${name}`),
  );
  expect(files).toContain("package/dist/index.d.ts");
  expect(files).toContain("package/dist/rules/no-floating-op.js");
});

it("publint finds nothing to mend", async () => {
  const tarballData = Uint8Array.from(readFileSync(tarball)).buffer;
  const { messages, pkg } = await publint({ pack: { tarball: tarballData }, level: "suggestion", strict: true });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

describe.each(["eslint9", "eslint"])("%s", (version) => {
  const run = async (config: string, file: string) => {
    const eslint = join(folderOf(workspace, version), "bin", "eslint.js");
    return node(folder, [eslint, "--no-config-lookup", "--config", config, "--format", "json", file]);
  };
  const found = ({ text }: { text: string }): (string | null)[] =>
    (JSON.parse(text) as { messages: { ruleId: string | null; message: string }[] }[]).flatMap(({ messages }) =>
      messages.map(({ ruleId, message }) => ruleId ?? message),
    );

  it.each(["esm.config.mjs", "cjs.config.cjs"])("loads the plugin from %s, and asks types", async (config) => {
    expect(found(await run(config, "main.ts"))).toEqual(["@trestle/no-floating-op"]);
  });

  it("lints JavaScript without types", async () => {
    expect(found(await run("untyped.config.mjs", "plain.js"))).toEqual(["@trestle/no-floating-op"]);
  });

  it("says what is missing when there are no types to ask", async () => {
    const { code, text } = await run("missing.config.mjs", "plain.js");
    expect(code).toBe(2);
    expect(text).toMatch(/requires type information|type-aware/i);
  });
});
