// @ts-check
// Tables for terminals and for Markdown.

/**
 * Columns aligned, the first to the left; a column of figures to the right.
 * @param {readonly string[]} header  a title that begins with a space is that of a column of figures
 * @param {readonly (readonly string[] | undefined)[]} lines  undefined for an empty line
 */
export function table(header, lines) {
  const widths = widthsOf(header, lines);
  const print = (/** @type {readonly string[]} */ cells) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0, isFigures(header[i])))
      .join("  ")
      .trimEnd();
  return [print(header.map((title) => title.trim())), ...lines.map((cells) => (cells ? print(cells) : ""))].join("\n");
}

/**
 * The same for Markdown, in the shape that the formatter leaves alone.
 * @param {readonly string[]} header @param {readonly (readonly string[])[]} lines
 */
export function markdown(header, lines) {
  const titles = header.map((title) => title.trim());
  const widths = widthsOf(titles, lines).map((width) => Math.max(width, 3));
  const print = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell, i) => pad(cell, widths[i] ?? 0, isFigures(header[i]))).join(" | ")} |`;
  const rule = widths.map((width, i) => (isFigures(header[i]) ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  return [print(titles), `| ${rule.join(" | ")} |`, ...lines.map(print)].join("\n");
}

/** @param {string | undefined} title */
const isFigures = (title) => title?.startsWith(" ") ?? false;

/** @param {string} cell @param {number} width @param {boolean} right */
const pad = (cell, width, right) => (right ? cell.padStart(width) : cell.padEnd(width));

/** @param {readonly string[]} header @param {readonly (readonly string[] | undefined)[]} lines */
function widthsOf(header, lines) {
  return header.map((title, i) => Math.max(title.trim().length, ...lines.map((cells) => cells?.[i]?.length ?? 0)));
}
