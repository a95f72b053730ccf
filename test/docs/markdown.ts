/** The code blocks of a guide. */

/** A fenced block of code. */
export interface Block {
  /** The first word after the fence: `ts`, `sh`, `text`. */
  readonly language: string;
  /** The other words: `run`, `file=first.mjs`. */
  readonly words: readonly string[];
  /** The text of the nearest heading above. */
  readonly heading: string;
  readonly text: string;
  /** Where the text begins, counted from 1. */
  readonly line: number;
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = "";
  let fence: { readonly mark: string; readonly info: readonly string[]; readonly line: number } | undefined;
  let text: string[] = [];
  markdown.split("\n").forEach((line, index) => {
    const [, mark, info] = /^(`{3,})(.*)$/.exec(line) ?? [];
    if (fence) {
      if (mark !== fence.mark || info !== "") text.push(line);
      else {
        const [language = "", ...words] = fence.info;
        blocks.push({ language, words, heading, text: `${text.join("\n")}\n`, line: fence.line });
        fence = undefined;
      }
    } else if (mark !== undefined) {
      fence = { mark, info: info!.trim().split(/\s+/), line: index + 2 };
      text = [];
    } else {
      heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    }
  });
  if (fence) throw new Error(`the block that begins at line ${fence.line} does not end`);
  return blocks;
}

/** The value of a word `key=value`. */
export function wordOf(block: Block, key: string): string | undefined {
  return block.words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
}

const PLACE = "// a block of this page";

/** The program that a block `in=x` is part of: the block `around=x`, with the block in the place of a comment. */
export function around(block: Block, blocks: readonly Block[]): { readonly text: string; readonly added: number } {
  const outer = blocks.find((other) => wordOf(other, "around") === wordOf(block, "in"));
  const [before, after] = outer?.text.split(PLACE) ?? [];
  if (before === undefined || after === undefined) throw new Error(`line ${block.line} stands in nothing`);
  return { text: `${before}\n${block.text}${after}`, added: before.split("\n").length };
}
