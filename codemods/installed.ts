/** Which packages a project has. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** Whether a package can be found from a directory, as Node looks for it. */
export function isInstalled(name: string, directory: string): boolean {
  if (existsSync(join(directory, "node_modules", name))) return true;
  const parent = dirname(directory);
  return parent !== directory && isInstalled(name, parent);
}
