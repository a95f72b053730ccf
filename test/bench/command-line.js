// @ts-check
// What the two scripts share: options, and how they refuse.

import { parseArgs } from "node:util";

/**
 * The options given; prints the help and ends the process if that is asked for, or if an option is wrong.
 * @template {NonNullable<import("node:util").ParseArgsConfig["options"]>} T
 * @param {string} name @param {string} help @param {T} options
 */
export function optionsFor(name, help, options) {
  /** @type {(message: string) => never} */
  const refuse = (message) => {
    process.stderr.write(`${name}: ${message}\nSee npm run ${name} -- --help\n`);
    process.exit(2);
  };
  if (process.argv.includes("--help")) {
    process.stdout.write(help);
    process.exit(0);
  }
  try {
    const { values } = parseArgs({ options, allowPositionals: false });
    return { values, refuse };
  } catch (error) {
    return refuse(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}
