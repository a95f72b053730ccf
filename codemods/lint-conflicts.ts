/** Rules of the project's own ESLint that fiber functions break by what they are. */
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { forEachOwn } from "./analyse/syntax.js";
import { ts, type TS } from "./compiler.js";
import type { FileChange } from "./plan.js";

/** What versions 8 to 10 have in common. */
interface ESLint {
  calculateConfigForFile(path: string): Promise<{ readonly rules?: Readonly<Record<string, unknown>> } | undefined>;
}

interface Conflict {
  readonly rule: string;
  readonly why: string;
  /** Whether new text breaks the rule, as it is set. */
  isBroken(options: readonly unknown[], before: TS.SourceFile, after: TS.SourceFile): boolean;
}

const conflicts: readonly Conflict[] = [
  {
    rule: "require-yield",
    why: "a fiber function that never waits has no yield",
    isBroken: (_options, _before, after) => generatorsIn(after).some((node) => !yields(node)),
  },
  {
    rule: "func-style",
    why: "fiber functions are declared with `function*`",
    isBroken: ([style = "expression"], before, after) =>
      style === "expression" && declaredIn(after).length > declaredIn(before).length,
  },
  {
    rule: "no-restricted-syntax",
    why: "it forbids generators",
    isBroken: (options, _before, after) =>
      generatorsIn(after).length > 0 &&
      options.some((each) => /\bYieldExpression\b|\bgenerator\b/.test(selector(each))),
  },
];

/** One line for each rule that is on and is broken by the new texts, with the files and the way out. */
export async function lintConflicts(root: string, changes: readonly FileChange[]): Promise<string[]> {
  const eslint = eslintOf(root);
  if (eslint === undefined) return [];
  const broken = new Map<Conflict, string[]>();
  for (const { path, before, after } of changes) {
    const rules = await rulesFor(eslint, path);
    const parse = (text: string): TS.SourceFile => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    for (const conflict of conflicts) {
      const [level, ...options] = [rules[conflict.rule] ?? "off"].flat();
      if (level === "off" || level === 0 || !conflict.isBroken(options, parse(before), parse(after))) continue;
      broken.set(conflict, [...(broken.get(conflict) ?? []), relative(root, path)]);
    }
  }
  return [...broken].map(([{ rule, why }, files]) => {
    const others = files.length === 1 ? "" : ` and ${files.length - 1} more`;
    const wayOut =
      rule === "require-yield"
        ? "Switch it off there, as the presets of @trestle/eslint-plugin do."
        : "Switch it off there.";
    return `ESLint's ${rule} will report ${files[0]}${others}: ${why}. ${wayOut}`;
  });
}

function eslintOf(root: string): ESLint | undefined {
  try {
    const { ESLint } = createRequire(join(root, "package.json"))("eslint") as {
      ESLint: new (options: { cwd: string }) => ESLint;
    };
    return new ESLint({ cwd: root });
  } catch {
    return undefined;
  }
}

async function rulesFor(eslint: ESLint, path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await eslint.calculateConfigForFile(path))?.rules ?? {};
  } catch {
    // A configuration that does not load says nothing.
    return {};
  }
}

type Generator = TS.FunctionLikeDeclaration & { readonly body: TS.Block };

function generatorsIn(file: TS.SourceFile): Generator[] {
  const found: Generator[] = [];
  const visit = (node: TS.Node): void => {
    if (ts.isFunctionLike(node) && "asteriskToken" in node && node.asteriskToken !== undefined) {
      const { body } = node as Generator;
      if (body !== undefined && body.statements.length > 0) found.push(node as Generator);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function declaredIn(file: TS.SourceFile): Generator[] {
  return generatorsIn(file).filter((node) => ts.isFunctionDeclaration(node));
}

function yields({ body }: Generator): boolean {
  let found = false;
  forEachOwn(body, (node) => {
    found ||= ts.isYieldExpression(node);
  });
  return found;
}

function selector(option: unknown): string {
  if (typeof option === "string") return option;
  const { selector: text } = (option ?? {}) as { selector?: unknown };
  return typeof text === "string" ? text : "";
}
