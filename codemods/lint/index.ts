// `@trestle/eslint-plugin`: what the compiler does not see of fibers.

import type { TSESLint } from "@typescript-eslint/utils";
import { presetsOf, type PresetName } from "./presets.js";
import type { Rule } from "./rule.js";
import { rules } from "./rules/index.js";
import { version } from "./version.js";

/** The plugin, as a flat configuration of ESLint takes it. */
export interface Plugin {
  readonly meta: { readonly name: string; readonly version: string };
  readonly rules: Readonly<Record<string, Rule>>;
  readonly configs: Readonly<Record<PresetName, TSESLint.FlatConfig.Config>>;
}

const meta = { name: "@trestle/eslint-plugin", version };
const plugin: Plugin = { meta, rules, configs: presetsOf({ meta, rules: { ...rules } }) };

export default plugin;
// What `require` gives, where Node can require ES modules.
export { plugin as "module.exports" };
export type { Docs, Example, Preset, Rule } from "./rule.js";
export type { Settings } from "./op.js";
