/**
 * Files that hold script and are not read: components, pages, notebooks. What one of them mentions has a user whom the
 * program does not show, and a script that a page loads can import nothing.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { skippedFolders } from "./scope.js";

export interface UnreadFiles {
  /** How many there are, by extension, the most frequent first. */
  readonly counts: ReadonlyMap<string, number>;
  /** Whether one of them holds a name, as a word. */
  mentions(name: string): boolean;
  /** Scripts that a page loads, and not as modules: absolute paths. */
  readonly pageScripts: ReadonlySet<string>;
}

const extensions = new Set([".vue", ".svelte", ".astro", ".mdx", ".html", ".htm", ".ipynb"]);
const isPage = (path: string): boolean => /\.html?$/.test(path);
const scriptTag = /<script\b([^>]*)>/gi;

export function findUnread(root: string): UnreadFiles {
  const files = unreadUnder(root).map((path) => ({ path, text: readFileSync(path, "utf8") }));
  const pageScripts = new Set<string>();
  const texts: string[] = [];
  const counts = new Map<string, number>();
  for (const { path, text } of files) {
    if (isPage(path)) for (const script of scriptsOf(path, text, root)) pageScripts.add(script);
    // A page without script of its own, such as a report, uses no names.
    if (isPage(path) && !/<script\b(?![^>]*\bsrc\b)|\son\w+\s*=/i.test(text)) continue;
    texts.push(text);
    counts.set(extname(path), (counts.get(extname(path)) ?? 0) + 1);
  }
  const words = new Set(texts.flatMap((text) => text.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu) ?? []));
  return {
    counts: new Map([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))),
    mentions: (name) => words.has(name),
    pageScripts,
  };
}

/** The files of `<script src="...">`, but not those of modules. */
function scriptsOf(page: string, text: string, root: string): string[] {
  return [...text.matchAll(scriptTag)].flatMap(([, attributes = ""]) => {
    if (/\btype\s*=\s*["']?(?!text\/javascript|application\/javascript)[\w-]/i.test(attributes)) return [];
    const [, , source] = /\bsrc\s*=\s*(["']?)([^"'\s>?#]+)/i.exec(attributes) ?? [];
    if (source === undefined || /^(\w+:)?\/\//.test(source)) return [];
    return [source.startsWith("/") ? join(root, source) : resolve(dirname(page), source)];
  });
}

function unreadUnder(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory())
      return skippedFolders.has(entry.name) || entry.name.startsWith(".") ? [] : unreadUnder(path);
    return entry.isFile() && extensions.has(extname(entry.name)) ? [path] : [];
  });
}

/** "12 .vue and 1 .html" */
export function countsText(counts: ReadonlyMap<string, number>): string {
  const each = [...counts].map(([extension, count]) => `${count} ${extension}`);
  return each.length < 2 ? each.join("") : `${each.slice(0, -1).join(", ")} and ${each.at(-1)}`;
}
