/** Text edits of one file: insertions and replacements of short spans, composed by containment and applied once. */

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type Slot = "close" | "open" | "replace";

interface Entry extends Edit {
  readonly slot: Slot;
  /** The extent of the node an insertion wraps; wider openings come first, narrower closings come first. */
  readonly width: number;
  readonly sequence: number;
}

const slotOrder: Record<Slot, number> = { close: 0, open: 1, replace: 2 };

export class Edits {
  readonly #entries: Entry[] = [];

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  replace(start: number, end: number, text: string): void {
    this.#add({ start, end, text, slot: "replace", width: 0 });
  }

  remove(start: number, end: number): void {
    this.replace(start, end, "");
  }

  /** Puts `before` and `after` around the span; a later wrap of the same span goes inside an earlier one. */
  wrap(start: number, end: number, before: string, after: string): void {
    if (before !== "") this.#add({ start, end: start, text: before, slot: "open", width: end - start });
    if (after !== "") this.#add({ start: end, end, text: after, slot: "close", width: end - start });
  }

  /** Inserts in front of whatever starts at `position`, outside of everything that wraps it. */
  insertBefore(position: number, text: string): void {
    this.#add({ start: position, end: position, text, slot: "open", width: Number.MAX_SAFE_INTEGER });
  }

  /** Inserts in front of everything else that is inserted at `position`. */
  insertFirst(position: number, text: string): void {
    this.#add({ start: position, end: position, text, slot: "open", width: Infinity });
  }

  /** Inserts behind whatever ends at `position`, outside of everything that wraps it. */
  insertAfter(position: number, text: string): void {
    this.#add({ start: position, end: position, text, slot: "close", width: Number.MAX_SAFE_INTEGER });
  }

  /** The edits in the order of their places; they never overlap. */
  sorted(): Edit[] {
    const entries = [...this.#entries].sort(
      (a, b) =>
        a.start - b.start ||
        slotOrder[a.slot] - slotOrder[b.slot] ||
        (a.slot === "close" ? a.width - b.width || closingOrder(a, b) : wider(a, b) || a.sequence - b.sequence),
    );
    let end = -1;
    for (const entry of entries) {
      if (entry.start < end) {
        throw new Error(
          `Two edits overlap at ${entry.start}: ${JSON.stringify(entry.text)} (a defect of the rewriter)`,
        );
      }
      end = Math.max(end, entry.end);
    }
    return entries;
  }

  #add(entry: Omit<Entry, "sequence">): void {
    this.#entries.push({ ...entry, sequence: this.#entries.length });
  }
}

function wider(a: Entry, b: Entry): number {
  return a.width === b.width ? 0 : a.width < b.width ? 1 : -1;
}

/** Of two wraps of one span the later is the inner one; plain insertions keep the order in which they were made. */
function closingOrder(a: Entry, b: Entry): number {
  return a.width === Number.MAX_SAFE_INTEGER ? a.sequence - b.sequence : b.sequence - a.sequence;
}

/** Applies sorted edits and remembers which places of the output came from where. */
export function applyEdits(
  text: string,
  edits: readonly Edit[],
): { text: string; originOf: (position: number) => number } {
  let output = "";
  let at = 0;
  const pieces: { readonly output: number; readonly origin: number; readonly copied: boolean }[] = [];
  for (const edit of edits) {
    pieces.push({ output: output.length, origin: at, copied: true });
    output += text.slice(at, edit.start);
    pieces.push({ output: output.length, origin: edit.start, copied: false });
    output += edit.text;
    at = edit.end;
  }
  pieces.push({ output: output.length, origin: at, copied: true });
  output += text.slice(at);
  return {
    text: output,
    originOf(position) {
      let low = 0;
      let high = pieces.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((pieces[middle]?.output ?? 0) <= position) low = middle;
        else high = middle - 1;
      }
      const piece = pieces[low];
      if (piece === undefined) return position;
      return piece.copied ? piece.origin + (position - piece.output) : piece.origin;
    },
  };
}
