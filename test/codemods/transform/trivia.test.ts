/** What no table can show: line ends, byte-order marks, tabs and other bytes that have to stay as they are. */
import { beforeAll, describe, expect, it } from "vitest";
import { migrate } from "./migrated-project.js";

const plain = `import { other } from "./other";

export async function load(id: string): Promise<number> {
  try {
    return (await read(id)) + other;
  } catch {
    return 0;
  }
}
`;

const samples = {
  plain,
  crlf: plain.replaceAll("\n", "\r\n"),
  mixed: plain.replace("number> {\n", "number> {\r\n"),
  marked: `\uFEFF${plain}`,
  markedWithoutImports: '\uFEFFexport async function f() {\n  await read("a");\n}\n',
  unended: plain.trimEnd(),
  blanks: 'export {};\n\f\n\texport async function f() { \t\n\t\tawait read("a");  \n\t}\n',
  hashbang: '#!/usr/bin/env node\nasync function f() {\n  await read("a");\n}\nvoid f();\n',
  astral: '// 𝒳🎉\nexport async function f() {\n  use("🎉", await read("𝒳"), /* 🎉 */ 1);\n}\n',
  directive: "'use client';\n\nexport async function f() {\n  await read('a');\n}\n",
  forTools:
    "export async function f() {\n  // @ts-expect-error no such argument\n  use(await read(1));\n" +
    '  /* istanbul ignore next */\n  if (flag) await read("b");\n}\n',
};
type Name = keyof typeof samples;

let after: Record<Name, string>;

beforeAll(async () => {
  const files = Object.fromEntries(Object.entries(samples).map(([name, text]) => [`src/${name}.ts`, text]));
  const project = await migrate({ ...files, "src/other.ts": "export const other = 1;\n" });
  after = Object.fromEntries(
    Object.keys(samples).map((name) => [name, project.after[`src/${name}.ts`] ?? ""]),
  ) as Record<Name, string>;
}, 120_000);

describe("bytes outside of edits", () => {
  it("CM-F01 a file with CRLF has CRLF throughout", () => {
    expect(after.crlf.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect(after.crlf.replaceAll("\r\n", "\n")).toBe(after.plain);
  });

  it("CM-F01 a file with mixed line ends keeps each of them", () => {
    expect(after.mixed.split("\r\n")).toHaveLength(2);
    expect(after.mixed.replaceAll("\r\n", "\n")).toBe(after.plain);
  });

  it("CM-F01 a byte-order mark stays first", () => {
    expect(after.marked).toBe(`\uFEFF${after.plain}`);
    expect(after.markedWithoutImports.lastIndexOf("\uFEFF")).toBe(0);
  });

  it("CM-F01 a file without a line end at its end stays without", () => {
    expect(after.unended).toBe(after.plain.trimEnd());
  });

  it("CM-F01 form feeds, tabs and trailing blanks stay", () => {
    expect(after.blanks).toContain("\n\f\n\t");
    expect(after.blanks).toContain("{ \t\n\t\tyield* ");
    expect(after.blanks).toContain(";  \n\t}\n");
  });

  it("CM-F01 a hashbang stays the first line", () => {
    expect(after.hashbang).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(after.hashbang.indexOf("#!", 1)).toBe(-1);
    expect(after.hashbang.indexOf("import")).toBeGreaterThan(0);
  });

  it("CM-F01 astral characters do not shift edits", () => {
    expect(after.astral).toContain('  use("🎉", yield* fromPromise(read("𝒳")), /* 🎉 */ 1);\n');
    expect(after.astral).toContain("// 𝒳🎉\n");
  });

  it("CM-F01 directives stay the first statements, and quotes follow the file", () => {
    expect(after.directive).toMatch(/^'use client';\n/);
    expect(after.directive).not.toContain('"');
  });

  it("CM-F04 a comment for a tool stays in front of its line", () => {
    expect(after.forTools).toContain("  // @ts-expect-error no such argument\n  use(yield* ");
    expect(after.forTools).toContain("  /* istanbul ignore next */\n  if (flag) yield* ");
  });
});
