/** Which package manager a project uses, told by its lock file or by the `packageManager` field. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const lockFiles = {
  "pnpm-lock.yaml": "pnpm",
  "yarn.lock": "yarn",
  "bun.lock": "bun",
  "bun.lockb": "bun",
  "package-lock.json": "npm",
  "npm-shrinkwrap.json": "npm",
} as const;

type PackageManager = (typeof lockFiles)[keyof typeof lockFiles];

/** The command that installs what the package.json in `directory` asks for. A workspace's lock file is further up. */
export function installCommand(directory: string): string {
  return `${packageManagerOf(directory)} install`;
}

function packageManagerOf(directory: string): PackageManager {
  const declared = declaredIn(directory);
  if (declared !== undefined) return declared;
  for (const [file, manager] of Object.entries(lockFiles)) if (existsSync(join(directory, file))) return manager;
  const parent = dirname(directory);
  return parent === directory ? "npm" : packageManagerOf(parent);
}

function declaredIn(directory: string): PackageManager | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    const { packageManager } = manifest as { packageManager?: unknown };
    return Object.values(lockFiles).find((name) => String(packageManager).startsWith(`${name}@`));
  } catch {
    // No package.json, or not one to be understood here.
    return undefined;
  }
}
