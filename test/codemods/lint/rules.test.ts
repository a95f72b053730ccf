/** The examples of the rules, which the guide shows, and more: what each rule reports, and what its fixes make of it. */
import * as eslint10 from "eslint";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { rules } from "../../../codemods/lint/rules/index.js";
import { cases } from "./cases.js";
import { complete, edited, exampleOf, lint, pieces, type Eslint } from "./tester.js";

const eslint9 = createRequire(import.meta.url)("eslint9") as Eslint;

const extensionOf = ({ js = false }: { js?: boolean }): string => (js ? ".js" : ".ts");

const table = Object.entries(rules).map(([name, { meta }]) => {
  const more = cases[name] ?? { bad: [], good: [] };
  const bad = [...meta.docs!.bad, ...more.bad].map(exampleOf);
  const good = [...meta.docs!.good, ...more.good].map(exampleOf);
  return { name, meta, bad, good };
});
// All before the first of them is looked at: they share a program.
for (const { bad, good } of table) {
  for (const example of [...bad, ...good]) {
    for (const text of [example.code, example.fixed, ...(example.suggested ?? [])]) {
      if (text !== undefined) pieces.add(complete(text), extensionOf(example));
    }
  }
}

describe.each(table)("$name", ({ name, meta, bad, good }) => {
  it.each(bad)("reports $code", (example) => {
    const { found = 1, fixed, suggested } = example;
    const extension = extensionOf(example);
    const code = complete(example.code);
    const messages = lint(eslint10, name, code, extension);
    expect(messages.map(({ message }) => message)).toHaveLength(found);
    // No hole is left in a message.
    for (const { message, ruleId } of messages) {
      expect(ruleId, message).toBe(`@trestle/${name}`);
      expect(message).not.toMatch(/\{\{|undefined|\[object/);
    }
    expect(lint(eslint9, name, code, extension)).toEqual(
      messages.map((message) => expect.objectContaining({ message: message.message, line: message.line }) as unknown),
    );
    const fixes = messages.flatMap(({ fix }) => (fix ? [fix] : []));
    expect(fixes.length > 0 ? edited(code, fixes) : undefined).toBe(fixed === undefined ? undefined : complete(fixed));
    if (fixes.length > 0) expect(meta.fixable).toBe("code");
    const outcomes = messages.flatMap(({ suggestions = [] }) => suggestions.map(({ fix }) => edited(code, [fix])));
    if (suggested) expect(outcomes).toEqual(suggested.map(complete));
    // What a fix or a suggestion makes parses, has no errors of types that were not there, and the rule is content with it.
    const before = pieces.errorsIn(pieces.add(code, extension));
    for (const outcome of [...outcomes, ...(fixes.length > 0 ? [edited(code, fixes)] : [])]) {
      const after = pieces.errorsIn(pieces.add(outcome, extension));
      expect(after.length, `${outcome}\n${after.join("\n")}`).toBeLessThanOrEqual(before.length);
      expect(lint(eslint10, name, outcome, extension).length, outcome).toBeLessThan(messages.length);
    }
  });

  it.each(good)("is content with $code", (example) => {
    const code = complete(example.code);
    const extension = extensionOf(example);
    expect(lint(eslint10, name, code, extension).map(({ message }) => message)).toEqual([]);
    expect(pieces.errorsIn(pieces.add(code, extension))).toEqual([]);
  });
});
