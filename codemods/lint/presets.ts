// The presets, and what they switch of the rules of others.

import type { TSESLint } from "@typescript-eslint/utils";
import type { Preset } from "./rule.js";
import { rules } from "./rules/index.js";

type Levels = TSESLint.FlatConfig.Rules;
type Config = TSESLint.FlatConfig.Config;

/** Rules of others that fiber functions break by what they are. */
export const off: Levels = {
  // A fiber function that never suspends is still a fiber function.
  "require-yield": "off",
};

/**
 * Rules of typescript-eslint for the async side. Run them before a migration: what they find is what the migrator has to leave.
 * `no-unsafe-finally` also reports `return yield* x` in `finally`.
 */
export const on: Levels = {
  "no-unsafe-finally": "error",
  "@typescript-eslint/no-floating-promises": "error",
  "@typescript-eslint/no-misused-promises": "error",
  "@typescript-eslint/return-await": ["error", "in-try-catch"],
};

export function presetsOf(plugin: TSESLint.FlatConfig.Plugin): Record<PresetName, Config> {
  const preset = (name: PresetName, typed: boolean, presets: readonly Preset[], more: Levels = {}): Config => ({
    name: `@trestle/${name}`,
    plugins: { "@trestle": plugin },
    settings: { trestle: { typed } },
    rules: { ...off, ...more, ...levelsOf(presets) },
  });
  return {
    recommended: preset("recommended", true, ["recommended"]),
    "recommended-untyped": preset("recommended-untyped", false, ["recommended"]),
    migration: preset("migration", true, ["recommended", "migration"]),
    strict: preset("strict", true, ["recommended", "migration", "strict"]),
    "before-migration": { name: "@trestle/before-migration", rules: on },
  };
}

export type PresetName = "recommended" | "recommended-untyped" | "migration" | "strict" | "before-migration";

function levelsOf(presets: readonly Preset[]): Levels {
  const levels: Levels = {};
  for (const [name, { meta }] of Object.entries(rules)) {
    if (presets.includes(meta.docs!.preset)) levels[`@trestle/${name}`] = "error";
  }
  return levels;
}
