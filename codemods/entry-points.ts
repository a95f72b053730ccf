/** What a package runs as: the files that its manifest hands out. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The files that `main`, `exports` and `bin` of a package name, relative to it and as far as they exist. */
export function entryPoints(root: string): string[] {
  let manifest: Record<string, unknown>;
  try {
    manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
  } catch {
    return [];
  }
  const { main, exports, bin } = manifest;
  const named = [...stringsIn(main ?? (exports === undefined ? "index.js" : undefined)), ...stringsIn([exports, bin])];
  return [...new Set(named.flatMap((path) => fileAt(root, normalize(path)) ?? []))];
}

function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

/** The file that `require` would take for a path. */
function fileAt(root: string, path: string): string | undefined {
  return [path, `${path}.js`, join(path, "index.js")].find((candidate) => {
    const full = join(root, candidate);
    return existsSync(full) && statSync(full).isFile();
  });
}

/** Whether a JavaScript file is there in its own right, and not next to the TypeScript that it is made from. */
export function isWrittenByHand(root: string, file: string): boolean {
  const stem = join(root, dirname(file), file.replace(/^.*[\\/]/, "").replace(/\.[cm]?jsx?$/, ""));
  return ![".ts", ".tsx", ".mts", ".cts"].some((extension) => existsSync(`${stem}${extension}`));
}
