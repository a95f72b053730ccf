// @ts-check
// Who takes part in a row, and how large the work is for each.

/**
 * @typedef {object} Entrant
 * @property {string} name
 * @property {number} size
 * @property {import("./row.js").Contender} run
 * @property {unknown} expected
 * @property {boolean} mayFail
 */

/** @param {import("./row.js").Row} row */
export const oursIn = (row) => row.ours ?? "trestle";

/** @param {import("./row.js").Row} row */
export const doubledIn = (row) => `${oursIn(row)}, twice the size`;

/** How many times as long the double size may take; what is quadratic takes four times as long. */
const DOUBLED_AT_MOST = 2.8;

/**
 * @param {import("./row.js").Row} row
 * @param {number} scale  what the sizes are multiplied by
 * @param {readonly string[]} [who]  the contenders that are wanted; by default all
 * @returns {Entrant[]}
 */
export function fieldFor(row, scale, who) {
  const entrant = (
    /** @type {string} */ name,
    /** @type {number} */ size,
    /** @type {import("./row.js").Contender} */ run,
  ) => ({ name, size, run, expected: row.expected(size, oursOf(name)), mayFail: row.mayFail?.includes(name) ?? false });
  const oursOf = (/** @type {string} */ name) => (name === doubledIn(row) ? oursIn(row) : name);

  const field = Object.entries(row.contenders).map(([name, run]) =>
    entrant(name, Math.ceil((row.sizes?.[name] ?? row.size) * scale), run),
  );
  const ours = row.contenders[oursIn(row)];
  if (!ours) throw new Error(`row ${row.key} has no contender ${oursIn(row)}`);
  if (row.measures !== "heap") field.push(entrant(doubledIn(row), 2 * Math.ceil(row.size * scale), ours));
  return field.filter(({ name }) => who?.includes(name) ?? true);
}

/**
 * All bars of a row: its own, and that double the work takes about double the time.
 * @param {import("./row.js").Row} row
 */
export function barsOf(row) {
  const own = row.bars.map((bar) => ({ of: oursIn(row), ...bar }));
  if (row.measures === "heap") return own;
  return [...own, { of: doubledIn(row), against: oursIn(row), most: DOUBLED_AT_MOST }];
}
