/** The programs of the first guide run as its readers run them: from files, with the packed packages, by Node alone. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocksOf, wordOf } from "../docs/markdown.js";
import { folderOf, Installation, node, workspace } from "./project.js";

const guide = blocksOf(readFileSync(join(import.meta.dirname, "../../guides/start.md"), "utf8"));
const programs = guide.filter((block) => wordOf(block, "file") !== undefined);
const fileOf = (program: (typeof programs)[number]): string => wordOf(program, "file")!;

/** What a program prints: the block behind it, or the comments behind its `console.log`. */
function outputOf(program: (typeof programs)[number]): string {
  const next = guide[guide.indexOf(program) + 1];
  if (next?.words.includes("output")) return next.text;
  return [...program.text.matchAll(/console\.log\(.*\/\/ => (.*)$/gm)].map(([, text]) => `${text}\n`).join("");
}

let installation: Installation;
let folder: string;

beforeAll(async () => {
  installation = await Installation.create();
  const files = Object.fromEntries(programs.map((program) => [fileOf(program), program.text]));
  // What `npm init -y` makes, as far as it matters.
  folder = installation.project("hello", { "package.json": { name: "hello", type: "commonjs" }, ...files });
}, 60_000);
afterAll(() => installation.remove());

// In real time, on a machine that may be busy.
describe("guides/start.md", { retry: 2 }, () => {
  it.each(programs.filter((program) => /\.[cm]js$/.test(fileOf(program))))("line $line: $heading", async (program) => {
    const test = fileOf(program).includes(".test.");
    const printed = await node(folder, [...(test ? ["--test"] : []), fileOf(program)]);
    expect(printed.code, printed.text).toBe(0);
    const expected = outputOf(program).trimEnd().split("\n");
    if (test) expect(printed.text).toMatch(/pass 1\b[^]*fail 0\b/);
    // What is printed in between stands in the guide only where it matters.
    else expect(printed.text.split("\n").filter((line) => expected.includes(line))).toEqual(expected);
  });

  it.each(programs.filter((program) => fileOf(program).endsWith(".mts")))("line $line: $heading", async (program) => {
    const compiler = join(folderOf(workspace, "typescript"), "bin", "tsc");
    const options = guide.map(({ text }) => /^npx tsc (.*) \S+ &&/m.exec(text)?.[1]).find(Boolean)!;
    const compiled = await node(folder, [compiler, ...options.split(" "), fileOf(program)]);
    expect(compiled).toEqual({ code: 0, text: "" });
    const printed = await node(folder, [fileOf(program).replace(/\.mts$/, ".mjs")]);
    expect(printed).toEqual({ code: 0, text: outputOf(program) });
  });
});
