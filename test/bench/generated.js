// @ts-check
// A project of a wanted size, for measuring the migrator.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LINES_OF_A_MODULE = 100;

/**
 * Writes modules of about a hundred lines, in storeys: each imports from some of the storey below, as programs do.
 * @param {string} root  an empty folder
 * @param {number} lines  how many in all, about
 * @returns {number} how many lines there are
 */
export function generate(root, lines) {
  mkdirSync(join(root, "src"), { recursive: true });
  const options = { target: "es2022", module: "esnext", moduleResolution: "bundler", strict: true, types: [] };
  writeFileSync(join(root, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["src"] }));
  writeFileSync(join(root, "package.json"), '{ "name": "generated", "private": true, "type": "module" }\n');
  let written = 0;
  for (let index = 0; index < Math.round(lines / LINES_OF_A_MODULE); index++) {
    const text = moduleText(index);
    written += text.split("\n").length - 1;
    writeFileSync(join(root, "src", `m${index}.ts`), text);
  }
  return written;
}

const WIDTH = 10;

/** @param {number} index */
function moduleText(index) {
  const below = index < WIDTH ? [] : [1, 2, 3].map((step) => Math.floor(index / WIDTH) * WIDTH - step);
  const imports = below.map((other) => `import { load${other}, Store${other} } from "./m${other}";`);
  const uses = below.map((other) => `  rows.push(...(await load${other}(path + "/${other}")));`);
  const stores = below.map((other) => `  await new Store${other}().put(path, 1);`);
  let text = `${imports.join("\n")}
export interface Row${index} {
  readonly id: number;
  readonly name: string;
  readonly tags: readonly string[];
}

export async function load${index}(path: string): Promise<Row${index}[]> {
  const reply = await fetch(path);
  const rows = (await reply.json()) as Row${index}[];
${uses.join("\n")}
  return rows.filter((row) => row.id > 0);
}

export class Store${index} {
  private readonly rows = new Map<string, number>();

  async put(key: string, value: number): Promise<void> {
    await this.flush(key);
    this.rows.set(key, value);
  }

  async get(key: string): Promise<number | undefined> {
    try {
      await this.flush(key);
      return this.rows.get(key);
    } catch (error) {
      console.error(error);
      throw error;
    }
  }

  private async flush(key: string): Promise<void> {
    if (key === "") throw new RangeError("empty");
    await fetch("/flush/" + key, { method: "POST" });
  }
}

export async function all${index}(path: string): Promise<number> {
${stores.join("\n")}
  const found = await Promise.all([load${index}(path), load${index}(path + "/more")]);
  return found.flat().length;
}

export function text${index}(path: string): Promise<string> {
  return fetch(path)
    .then((reply) => reply.text())
    .then((text) => text.trim())
    .catch(() => "");
}
`.replace(/\n{2,}/g, "\n\n");
  for (let part = 0; text.split("\n").length < LINES_OF_A_MODULE; part++) {
    text += `
export function score${index}_${part}(rows: readonly Row${index}[], least: number): number {
  let sum = 0;
  for (const { id, name, tags } of rows) {
    if (id < least || name.length === 0) continue;
    sum += tags.reduce((most, tag) => Math.max(most, tag.length), 0) * id;
  }
  return sum;
}
`;
  }
  return text;
}
