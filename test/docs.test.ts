/** README and the guides run: their programs give what they say, and README's migration gives the text that it shows. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { planMigration } from "../codemods/migrate.js";
import { matches } from "./docs/checks.js";
import { programOf } from "./docs/claims.js";
import { examplesOf } from "./docs/examples.js";
import { execute } from "./docs/execute.js";
import { around, blocksOf, wordOf } from "./docs/markdown.js";
import { typeErrors } from "./docs/type-check.js";
import { Vocabulary } from "./docs/vocabulary.js";

const top = join(import.meta.dirname, "..");
const guides = readdirSync(join(top, "guides")).filter((file) => file.endsWith(".md"));
const documents = ["README.md", ...guides.map((file) => `guides/${file}`)].map((file) => {
  const blocks = blocksOf(readFileSync(join(top, file), "utf8"));
  return { file, blocks, runnable: blocks.filter((block) => block.words.includes("run")) };
});

const examples = readdirSync(top, { recursive: true, encoding: "utf8" })
  .filter((file) => /^(core|bridges)\/(?!.*(dist|node_modules)\/).*\.ts$/.test(file))
  .flatMap(examplesOf);

describe.each(documents.filter(({ runnable }) => runnable.length > 0))("$file", ({ blocks, runnable }) => {
  it.each(runnable)("line $line: $heading", async (block) => {
    const program = await programOf(block.text, { firstLine: block.line });
    const checks = await execute(program, { realTime: block.words.includes("real-time") });
    expect(checks.found).toEqual([]);
    const next = blocks[blocks.indexOf(block) + 1];
    if (next?.words.includes("output")) {
      const printed = checks.printed.map((line) => `${line}\n`).join("");
      if (!matches(printed, next.text)) expect(printed).toBe(next.text);
    }
  });
});

it("what README and the guides link to is there", () => {
  const links = documents.flatMap(({ file }) =>
    [...readFileSync(join(top, file), "utf8").matchAll(/\]\((?!\w+:)([^)#]+)/g)].map(([, to]) => ({ file, to: to! })),
  );
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter(({ file, to }) => !existsSync(join(top, file, "..", to)))).toEqual([]);
});

describe("guides/rosetta.md", () => {
  const { blocks } = documents.find(({ file }) => file === "guides/rosetta.md")!;
  const columns = blocks.filter((block) => wordOf(block, "in") !== undefined);
  const tasks = [...new Set(columns.map((block) => block.heading))];

  it.each(tasks)("%s: the same result in each column", async (task) => {
    const results: Record<string, readonly string[]> = {};
    for (const block of columns.filter(({ heading }) => heading === task)) {
      const { printed } = await execute(await programOf(around(block, blocks).text));
      results[wordOf(block, "in")!] = printed;
    }
    expect(results.trestle).toHaveLength(1);
    expect(results).toEqual(Object.fromEntries(Object.keys(results).map((column) => [column, results.trestle])));
  });
});

it("the programs of README and the guides type-check", () => {
  const pieces = documents.flatMap(({ file, blocks }) =>
    blocks.flatMap((block) => {
      const { language, words, line: firstLine, text } = block;
      if (language !== "ts") return [];
      if (words.includes("run")) return { file, firstLine, text: `${text}export {};` };
      return wordOf(block, "in") === undefined ? [] : { file, firstLine, ...around(block, blocks) };
    }),
  );
  expect(typeErrors(pieces)).toEqual([]);
});

describe("examples of doc comments", () => {
  const vocabulary = new Vocabulary(examples.map(({ file }) => file));

  it("type-check", () => {
    expect(typeErrors(examples.map((example) => vocabulary.moduleOf(example)))).toEqual([]);
  });

  it.each(examples)("run: $of, $file:$firstLine", async (example) => {
    expect((await vocabulary.run(example)).found).toEqual([]);
  });
});

it("README's migration gives the text that README shows", async () => {
  const blocks = blocksOf(readFileSync(join(top, "README.md"), "utf8"));
  const marked = (word: string): string => blocks.find((block) => block.words.includes(word))!.text;
  const folder = mkdtempSync(join(tmpdir(), "trestle-readme-"));
  try {
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { strict: true, target: "es2022" } }),
    );
    writeFileSync(join(folder, "prices.ts"), marked("before"));
    const plan = await planMigration({ cwd: folder, paths: [] });
    expect(plan.changes.map((change) => change.after)).toEqual([marked("after")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
