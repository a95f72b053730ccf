import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../codemods/failure.js";
import { addDependencies, findManifest } from "../../../codemods/manifest.js";
import { installCommand } from "../../../codemods/package-manager.js";
import { temporaryFolder, writeFiles, type Files } from "./project-on-disk.js";

function added(text: string, packages: readonly string[] = ["trestle"]): string | undefined {
  const root = temporaryFolder();
  writeFiles(root, { "package.json": text });
  return addDependencies(join(root, "package.json"), packages, "^0.1.0")?.change.after;
}

describe("adding dependencies", () => {
  it.each([
    [
      "in alphabetical order",
      '{\n  "dependencies": {\n    "rxjs": "7.8.2",\n    "zod": "^4.0.0"\n  }\n}\n',
      '{\n  "dependencies": {\n    "@trestle/bridges": "^0.1.0",\n    "rxjs": "7.8.2",\n    "trestle": "^0.1.0",\n    "zod": "^4.0.0"\n  }\n}\n',
    ],
    [
      "last when the others are in no order",
      '{\n  "dependencies": {\n    "zod": "^4.0.0",\n    "rxjs": "7.8.2"\n  }\n}\n',
      '{\n  "dependencies": {\n    "zod": "^4.0.0",\n    "rxjs": "7.8.2",\n    "@trestle/bridges": "^0.1.0",\n    "trestle": "^0.1.0"\n  }\n}\n',
    ],
    [
      "with tabs, CRLF and no last line end",
      '{\r\n\t"name": "x",\r\n\t"dependencies": {\r\n\t\t"a": "1"\r\n\t}\r\n}',
      '{\r\n\t"name": "x",\r\n\t"dependencies": {\r\n\t\t"@trestle/bridges": "^0.1.0",\r\n\t\t"a": "1",\r\n\t\t"trestle": "^0.1.0"\r\n\t}\r\n}',
    ],
    [
      "into an empty object",
      '{\n    "name": "x",\n    "dependencies": {},\n    "files": ["dist", "src"]\n}\n',
      '{\n    "name": "x",\n    "dependencies": {\n        "@trestle/bridges": "^0.1.0",\n        "trestle": "^0.1.0"\n    },\n    "files": ["dist", "src"]\n}\n',
    ],
    [
      "into an empty object that is broken over lines",
      '{\n  "dependencies": {\n  }\n}\n',
      '{\n  "dependencies": {\n    "@trestle/bridges": "^0.1.0",\n    "trestle": "^0.1.0"\n  }\n}\n',
    ],
    [
      "into a new object before the development ones",
      '{\n  "name": "x",\n  "devDependencies": {\n    "vitest": "4"\n  }\n}\n',
      '{\n  "name": "x",\n  "dependencies": {\n    "@trestle/bridges": "^0.1.0",\n    "trestle": "^0.1.0"\n  },\n  "devDependencies": {\n    "vitest": "4"\n  }\n}\n',
    ],
    [
      "into a new object at the end",
      '{\n  "name": "x"\n}\n',
      '{\n  "name": "x",\n  "dependencies": {\n    "@trestle/bridges": "^0.1.0",\n    "trestle": "^0.1.0"\n  }\n}\n',
    ],
    [
      "on one line",
      '{"name":"x","dependencies":{"a":"1"}}',
      '{"name":"x","dependencies":{"@trestle/bridges":"^0.1.0","a":"1","trestle":"^0.1.0"}}',
    ],
    [
      "on one line with spaces",
      '{ "dependencies": { "a": "1", "z": "2" } }\n',
      '{ "dependencies": { "@trestle/bridges": "^0.1.0", "a": "1", "trestle": "^0.1.0", "z": "2" } }\n',
    ],
    [
      "on one line with spaces, without others",
      '{ "name": "x", "type": "module" }',
      '{ "name": "x", "type": "module", "dependencies": { "@trestle/bridges": "^0.1.0", "trestle": "^0.1.0" } }',
    ],
    [
      "on one line without others",
      '{"name":"x"}\n',
      '{"name":"x","dependencies":{"@trestle/bridges":"^0.1.0","trestle":"^0.1.0"}}\n',
    ],
    [
      "to nothing at all",
      "{}\n",
      '{\n  "dependencies": {\n    "@trestle/bridges": "^0.1.0",\n    "trestle": "^0.1.0"\n  }\n}\n',
    ],
  ])("puts them %s", (_, before, after) => {
    expect(added(before, ["trestle", "@trestle/bridges"])).toBe(after);
    expect(added(after, ["trestle", "@trestle/bridges"])).toBeUndefined();
  });

  it("is not led astray by braces and names inside strings", () => {
    const text =
      '{\n  "description": "\\"dependencies\\": { } \\\\",\n  "scripts": {\n    "dependencies": "{"\n  },\n  "dependencies": {\n    "a": "}"\n  }\n}\n';
    expect(added(text)).toBe(text.replace('"a": "}"', '"a": "}",\n    "trestle": "^0.1.0"'));
  });

  it.each(["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"])(
    "leaves a package alone that is in %s, whatever its version",
    (section) => {
      expect(added(JSON.stringify({ [section]: { trestle: "file:../trestle.tgz" } }))).toBeUndefined();
    },
  );

  it.each([
    ["{ oops", /package\.json is not valid JSON/],
    ["[]", /must hold an object/],
    ['{ "dependencies": [] }', /"dependencies" in .*package\.json must be an object/],
  ])("refuses %s and says what is wrong", (text, message) => {
    expect(() => added(text)).toThrow(MigrationError);
    expect(() => added(text)).toThrow(message);
  });

  it("tells which packages were missing", () => {
    const root = temporaryFolder();
    writeFiles(root, { "package.json": '{ "dependencies": { "trestle": "1" } }' });
    const change = addDependencies(join(root, "package.json"), ["trestle", "@trestle/bridges"], "^0.1.0");
    expect(change?.added).toEqual(["@trestle/bridges"]);
  });
});

describe("finding the package.json", () => {
  it("takes the nearest one above, but none above the repository", () => {
    const root = temporaryFolder();
    writeFiles(root, {
      "package.json": "{}",
      "repository/src/a.ts": "",
      "repository/part/package.json": "{}",
      "repository/part/src/a.ts": "",
    });
    mkdirSync(join(root, "repository/.git"));
    expect(findManifest(join(root, "repository/part/src"))).toBe(join(root, "repository/part/package.json"));
    expect(findManifest(join(root, "repository/src"))).toBeUndefined();
    expect(existsSync(join(root, "repository/package.json"))).toBe(false);
  });
});

describe("the install command", () => {
  const cases: [string, Files][] = [
    ["npm install", { "package.json": "{}" }],
    ["npm install", { "package-lock.json": "{}" }],
    ["pnpm install", { "pnpm-lock.yaml": "" }],
    ["yarn install", { "yarn.lock": "" }],
    ["bun install", { "bun.lock": "" }],
    ["bun install", { "bun.lockb": "" }],
    ["pnpm install", { "package.json": '{ "packageManager": "pnpm@10.0.0" }', "package-lock.json": "{}" }],
  ];
  it.each(cases)("is %s with %o at the top of the workspace", (command, files) => {
    const root = temporaryFolder();
    writeFiles(root, { ...files, "packages/part/package.json": "{}" });
    expect(installCommand(join(root, "packages/part"))).toBe(command);
  });
});
