/** The part of guides/lint.md that the rules write themselves. */
import { format, resolveConfig } from "prettier";
import type { Preset } from "../../../codemods/lint/rule.js";
import { rules } from "../../../codemods/lint/rules/index.js";
import { exampleOf } from "./tester.js";

const sections: readonly (readonly [Preset, string])[] = [
  ["recommended", "Rules of every preset"],
  ["migration", "Rules of `migration` and `strict`"],
  ["strict", "Rules of `strict`"],
  ["off", "Rules of no preset"],
];

const block = (texts: readonly string[]): string => `\`\`\`ts\n${texts.join("\n\n")}\n\`\`\`\n`;

/** The page with its part between the two marks written anew. */
export async function pageOf(page: string): Promise<string> {
  const of = (preset: Preset) => Object.entries(rules).filter(([, { meta }]) => meta.docs!.preset === preset);
  const parts = sections
    .filter(([preset]) => of(preset).length > 0)
    .map(([preset, heading]) => `## ${heading}\n\n${of(preset).map(ruleOf).join("\n")}`);
  const text = page.replace(
    /(<!-- rules -->\n)[\s\S]*(<!-- \/rules -->)/,
    (_, from: string, to: string) => `${from}\n${parts.join("\n")}\n${to}`,
  );
  const config = await resolveConfig(new URL("../../../guides/lint.md", import.meta.url).pathname);
  return format(text, { ...config, parser: "markdown" });
}

function ruleOf([name, { meta }]: typeof rules extends Readonly<Record<string, infer R>>
  ? [string, R]
  : never): string {
  const { description, why, bad, good } = meta.docs!;
  const marks = [meta.fixable ? "fixes" : "", meta.hasSuggestions ? "suggests" : ""].filter(Boolean).join(", ");
  return [
    `### \`${name}\`\n`,
    `${description}${marks === "" ? "" : ` _(${marks})_`}\n`,
    `${why}\n`,
    `Reported:\n`,
    block(bad.map((example) => exampleOf(example).code)),
    `Right:\n`,
    block(good.map((example) => exampleOf(example).code)),
  ].join("\n");
}
