/**
 * Adds packages to the `dependencies` of a package.json as a text edit, so that indent, line ends, order and everything
 * else in the file stay as they are.
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ExitCode, MigrationError } from "./failure.js";
import { errorMessage } from "./file-system.js";
import type { FileChange } from "./plan.js";

/** A package.json that has any of these for a package provides it already. */
const sections = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"] as const;

export interface ManifestChange {
  readonly change: FileChange;
  /** The packages that were missing. */
  readonly added: readonly string[];
}

/** The package.json at or above a directory, but not above its repository. */
export function findManifest(directory: string): string | undefined {
  const path = join(directory, "package.json");
  if (existsSync(path)) return path;
  const parent = dirname(directory);
  return parent === directory || existsSync(join(directory, ".git")) ? undefined : findManifest(parent);
}

/** Undefined when the package.json has all of the packages. */
export function addDependencies(
  path: string,
  packages: readonly string[],
  versionRange: string,
): ManifestChange | undefined {
  const before = read(path).replace(/^\uFEFF/, "");
  const manifest = parse(path, before);
  const added = packages.filter((name) => !sections.some((section) => name in (manifest[section] ?? {}))).sort();
  if (added.length === 0) return undefined;

  let after = before;
  for (const name of added) after = insertDependency(after, name, versionRange);
  return { change: { path, before, after }, added };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new MigrationError(ExitCode.badInput, `cannot read ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

type Manifest = Partial<Record<(typeof sections)[number], object>>;

function parse(path: string, text: string): Manifest {
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw new MigrationError(ExitCode.badInput, `${path} is not valid JSON (${errorMessage(error)}); mend it first`, {
      cause: error,
    });
  }
  if (!isObject(manifest)) throw new MigrationError(ExitCode.badInput, `${path} must hold an object; mend it first`);
  for (const section of sections) {
    if (section in manifest && !isObject(manifest[section])) {
      throw new MigrationError(ExitCode.badInput, `"${section}" in ${path} must be an object; mend it first`);
    }
  }
  return manifest;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function insertDependency(text: string, name: string, range: string): string {
  const member = (lead: Layout) => `${JSON.stringify(name)}:${lead.space}${JSON.stringify(range)}`;
  const [outer, middle, inner] = [layoutOf(text, 0), layoutOf(text, 1), layoutOf(text, 2)];
  const root = objectAt(text, text.indexOf("{"));
  // Where a key is given twice, the last one counts.
  const dependencies = root.members.findLast(({ key }) => key === "dependencies");
  if (dependencies === undefined) {
    const section = `"dependencies":${middle.space}{${inner.lead}${member(inner)}${middle.lead}}`;
    const next = root.members.find(({ key }) => (sections as readonly string[]).includes(key));
    return insertMember(text, root, section, next, middle, outer);
  }
  const span = objectAt(text, dependencies.valueStart);
  const isSorted = span.members.every(({ key }, index) => index === 0 || span.members[index - 1]!.key <= key);
  const next = isSorted ? span.members.find(({ key }) => key > name) : undefined;
  return insertMember(text, span, member(colonOf(text, span) ?? inner), next, inner, middle);
}

interface Member {
  readonly key: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

interface ObjectSpan {
  /** Just after the opening brace. */
  readonly innerStart: number;
  /** At the closing brace. */
  readonly innerEnd: number;
  readonly members: readonly Member[];
}

/** How members look at some depth: the white space before a key, and between its colon and the value. */
interface Layout {
  readonly lead: string;
  readonly space: string;
}

/** The layout of the file as a whole, told by the first member of the outermost object. */
function layoutOf(text: string, depth: number): Layout {
  const lead = /^\s*\{(\s*)"/.exec(text)?.[1] ?? "\n  ";
  const newline = /^\r?\n/.exec(lead)?.[0];
  const space = /^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:(\s*)/.exec(text)?.[1] ?? " ";
  if (newline === undefined) return { lead, space };
  return { lead: newline + lead.slice(newline.length).repeat(depth), space };
}

/** Before `next`, or at the end; beside other members with the white space that they have. */
function insertMember(
  text: string,
  { innerStart, innerEnd, members }: ObjectSpan,
  member: string,
  next: Member | undefined,
  inside: Layout,
  outside: Layout,
): string {
  if (next !== undefined) {
    return `${text.slice(0, next.keyStart)}${member},${leadOf(text, next)}${text.slice(next.keyStart)}`;
  }
  const last = members.at(-1);
  if (last !== undefined) {
    return `${text.slice(0, last.valueEnd)},${leadOf(text, last)}${member}${text.slice(last.valueEnd)}`;
  }
  return `${text.slice(0, innerStart)}${inside.lead}${member}${outside.lead}${text.slice(innerEnd)}`;
}

function colonOf(text: string, { members: [first] }: ObjectSpan): Layout | undefined {
  return first && { lead: "", space: /\s*$/.exec(text.slice(first.keyEnd, first.valueStart))![0] };
}

/** The white space just before a member, which another one beside it shall have too. */
function leadOf(text: string, { keyStart }: Member): string {
  return /\s*$/.exec(text.slice(0, keyStart))![0];
}

/** The members of the object that opens at `brace`, in a text that is known to be JSON. */
function objectAt(text: string, brace: number): ObjectSpan {
  const members: Member[] = [];
  let position = skipSpace(text, brace + 1);
  while (text[position] !== "}") {
    const keyStart = position;
    const keyEnd = endOfValue(text, keyStart);
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueStart);
    members.push({ key: JSON.parse(text.slice(keyStart, keyEnd)) as string, keyStart, keyEnd, valueStart, valueEnd });
    position = skipSpace(text, valueEnd);
    if (text[position] === ",") position = skipSpace(text, position + 1);
  }
  return { innerStart: brace + 1, innerEnd: position, members };
}

function skipSpace(text: string, from: number): number {
  let position = from;
  while (/\s/.test(text[position] ?? "")) position++;
  return position;
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\]]|[^\s"{}[\],:]+|[\s,:]+/y;

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let position = start;
  do {
    token.lastIndex = position;
    const [found] = token.exec(text)!;
    if (found === "{" || found === "[") depth++;
    if (found === "}" || found === "]") depth--;
    position += found.length;
  } while (depth > 0);
  return position;
}
