// The form of a rule: what it looks for, and the texts and examples that its page in the guide and its tests are made of.

import type { TSESLint } from "@typescript-eslint/utils";

/** A program that a rule reports, or does not. */
export interface Example {
  readonly code: string;
  /** What the fix makes of it; none when it is left out. */
  readonly fixed?: string;
  /** What the suggestions make of it, in their order. */
  readonly suggested?: readonly string[];
  /** How many things are found; by default one. */
  readonly found?: number;
  /** JavaScript, with its types in JSDoc. */
  readonly js?: boolean;
}

/** Where a rule is switched on. The migration preset has those of the recommended one, the strict preset those of all. */
export type Preset = "recommended" | "migration" | "strict" | "off";

export interface Docs {
  /** One sentence. */
  readonly description: string;
  /** Why, and what to do instead; Markdown. */
  readonly why: string;
  readonly preset: Preset;
  readonly bad: readonly (string | Example)[];
  readonly good: readonly (string | Example)[];
}

export type Rule<Message extends string = string> = TSESLint.RuleModule<Message, readonly unknown[], Docs>;
export type Context<Message extends string = string> = Readonly<TSESLint.RuleContext<Message, readonly unknown[]>>;

interface Definition<Message extends string> {
  readonly docs: Docs;
  readonly type?: "problem" | "suggestion";
  readonly fixable?: boolean;
  readonly suggests?: boolean;
  readonly schema?: TSESLint.RuleMetaData<Message>["schema"];
  readonly messages: Record<Message, string>;
  readonly create: (context: Context<Message>) => TSESLint.RuleListener;
}

export function rule<Message extends string>(definition: Definition<Message>): Rule<Message> {
  const { docs, type = "problem", fixable = false, suggests = false, schema = [], messages, create } = definition;
  return {
    meta: {
      type,
      docs,
      schema,
      messages,
      ...(fixable ? { fixable: "code" as const } : {}),
      ...(suggests ? { hasSuggestions: true } : {}),
    },
    defaultOptions: [],
    create,
  };
}
