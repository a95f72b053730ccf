/** Snapshots of tests in which the text of an async function may be written down. */
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { skippedFolders } from "./scope.js";

const inline =
  /\.\s*(?:toMatchInlineSnapshot|toThrowErrorMatchingInlineSnapshot)\s*\(\s*(?:\{[^}]*\}\s*,\s*)?`((?:[^`\\]|\\.)*)`/g;
const asynchronous = /\basync\b|\bAsync(Generator)?Function\b/;

/** The places, as `path:line`. */
export function snapshotsOfFunctions(root: string, tests: readonly { name: string; text: string }[]): string[] {
  const inTests = tests.flatMap(({ name, text }) =>
    [...text.matchAll(inline)]
      .filter(([, snapshot = ""]) => asynchronous.test(snapshot))
      .map(({ index }) => `${relative(root, name)}:${lineAt(text, index)}`),
  );
  const inFiles = snapshotFiles(root).flatMap((path) => {
    const text = readFileSync(path, "utf8");
    const at = text.search(asynchronous);
    return at < 0 ? [] : [`${relative(root, path)}:${lineAt(text, at)}`];
  });
  return [...inTests, ...inFiles];
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split("\n").length;
}

function snapshotFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory())
      return skippedFolders.has(entry.name) || entry.name.startsWith(".") ? [] : snapshotFiles(path);
    return entry.isFile() && entry.name.endsWith(".snap") ? [path] : [];
  });
}
