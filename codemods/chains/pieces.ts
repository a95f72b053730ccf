/** Text put together from parts of a file and from new text, which remembers where each part came from. */

/** A run of text: copied from `origin` of the file, or new. */
export interface Piece {
  readonly text: string;
  readonly origin: number | undefined;
}

export interface Composed {
  readonly text: string;
  /** Where a position came from; what is new came from the end of the copy in front of it. */
  originOf(position: number): number;
  /** Whether the character at a position is new. */
  isNew(position: number): boolean;
}

export function fresh(text: string): Piece {
  return { text, origin: undefined };
}

export function textOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => piece.text).join("");
}

export function compose(pieces: readonly Piece[]): Composed {
  const starts: number[] = [];
  const kept: Piece[] = [];
  let text = "";
  for (const piece of pieces) {
    if (piece.text === "") continue;
    starts.push(text.length);
    kept.push(piece);
    text += piece.text;
  }
  const indexAt = (position: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    text,
    originOf(position) {
      let index = indexAt(position);
      const piece = kept[index];
      if (piece?.origin !== undefined) return piece.origin + (position - (starts[index] ?? 0));
      while (index >= 0 && kept[index]?.origin === undefined) index--;
      const before = kept[index];
      return before?.origin === undefined ? 0 : before.origin + before.text.length;
    },
    isNew: (position) => kept[indexAt(position)]?.origin === undefined,
  };
}

/** Without the white space around it. */
export function trimmed(pieces: readonly Piece[]): Piece[] {
  const result = [...pieces];
  for (let first = result[0]; first !== undefined; first = result[0]) {
    const rest = first.text.trimStart();
    if (rest === first.text) break;
    const gone = first.text.length - rest.length;
    if (rest !== "") result[0] = { text: rest, origin: first.origin === undefined ? undefined : first.origin + gone };
    else result.shift();
    if (rest !== "") break;
  }
  for (let last = result.at(-1); last !== undefined; last = result.at(-1)) {
    const rest = last.text.trimEnd();
    if (rest === last.text) break;
    if (rest !== "") result[result.length - 1] = { text: rest, origin: last.origin };
    else result.pop();
    if (rest !== "") break;
  }
  return result;
}

/**
 * Moves copied lines from one indentation to another. `isFixed` says of a line break, by where it was copied from,
 * that what follows must stay as it is.
 */
export function reindented(
  pieces: readonly Piece[],
  from: string,
  to: string,
  isFixed: (lineBreak: number) => boolean,
): Piece[] {
  if (from === to) return [...pieces];
  return pieces.flatMap(({ text, origin }) => {
    const parts: Piece[] = [];
    let at = 0;
    for (let line = text.indexOf("\n"); line >= 0; line = text.indexOf("\n", line + 1)) {
      if ((origin !== undefined && isFixed(origin + line)) || !text.startsWith(from, line + 1)) continue;
      // A blank line has nothing to move.
      if (/^[ \t]*\r?\n/.test(text.slice(line + 1))) continue;
      parts.push({ text: text.slice(at, line + 1), origin: shifted(origin, at) }, fresh(to));
      at = line + 1 + from.length;
    }
    parts.push({ text: text.slice(at), origin: shifted(origin, at) });
    return parts;
  });
}

function shifted(origin: number | undefined, by: number): number | undefined {
  return origin === undefined ? undefined : origin + by;
}
