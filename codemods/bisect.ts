/** Finds which of many parts spoil a whole, and the largest whole that is sound without them. */

export interface Bisection<T> {
  readonly sound: readonly T[];
  /** In the order they were found. */
  readonly guilty: readonly T[];
}

/**
 * Keeps of `parts`, in their order, all that `isSound` accepts together. The last set it accepted is the answer, so
 * nothing is kept that was not tried. With `g` guilty parts of `n` it asks about `2 g log2 n` times.
 *
 * @param parts known not to be sound all together
 */
export async function bisect<T>(
  parts: readonly T[],
  isSound: (parts: readonly T[]) => Promise<boolean>,
): Promise<Bisection<T>> {
  const guilty: T[] = [];
  /** @returns `base` with as many of `added` as are sound with it; `knownRed` when all of them are known not to be */
  const extend = async (base: readonly T[], added: readonly T[], knownRed: boolean): Promise<readonly T[]> => {
    if (added.length === 0) return base;
    if (!knownRed && (await isSound([...base, ...added]))) return [...base, ...added];
    if (added.length === 1) {
      guilty.push(...added);
      return base;
    }
    const half = Math.ceil(added.length / 2);
    const left = await extend(base, added.slice(0, half), false);
    // If the whole left half is fine, the fault that is known is in the right one.
    const leftIsFine = left.length === base.length + half;
    return extend(left, added.slice(half), leftIsFine);
  };
  return { sound: await extend([], parts, true), guilty };
}
