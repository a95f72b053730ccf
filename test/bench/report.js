// @ts-check
// From samples to medians, ratios and verdicts.

import { barsOf, doubledIn, oursIn } from "./field.js";
import { workOf } from "./rows/index.js";

/**
 * @param {import("./row.js").Row} row
 * @param {number} scale  what the sizes were multiplied by
 * @param {readonly import("./field.js").Entrant[]} field
 * @param {readonly (readonly (number | string)[])[]} samples  a list an entrant, a sample a round; an error's name for a failure
 * @returns {import("./row.js").Report}
 */
export function reportOn(row, scale, field, samples) {
  const size = Math.ceil(row.size * scale);
  const named = new Map(field.map((entrant, i) => [entrant.name, { entrant, samples: samples[i] ?? [] }]));

  /**
   * The median over the rounds of one contender's measure over another's, by the item.
   * @param {string} a @param {string} b
   */
  const ratioOf = (a, b) => {
    const [first, second] = [named.get(a), named.get(b)];
    if (!first || !second) return undefined;
    const ratios = first.samples.map((sample, round) => {
      const other = second.samples[round];
      if (typeof sample !== "number" || typeof other !== "number") return NaN;
      return sample / first.entrant.size / (other / second.entrant.size);
    });
    return ratios.some(Number.isNaN) ? undefined : median(ratios);
  };

  const outcomes = field.map((entrant, i) => {
    const { name: contender, size } = entrant;
    const failed = samples[i]?.find((sample) => typeof sample === "string");
    if (typeof failed === "string") return { contender, size, failed };
    const numbers = /** @type {number[]} */ (samples[i]);
    const ratio = contender === oursIn(row) ? undefined : ratioOf(oursIn(row), contender);
    return {
      contender,
      size,
      median: median(numbers),
      spread: spread(numbers),
      ...(ratio === undefined ? {} : { ratio }),
    };
  });

  const bars = barsOf(row).filter((bar) => named.has(bar.of) && (!("against" in bar) || named.has(bar.against)));
  const verdicts = bars.map((bar) => {
    if ("completes" in bar) return { of: bar.of, ok: outcomes.some((o) => o.contender === bar.of && !("failed" in o)) };
    const ratio = ratioOf(bar.of, bar.against);
    if (ratio === undefined) return { of: bar.of, against: bar.against, most: bar.most, ok: false };
    // Double the work is compared as a whole, not by the item.
    const shown = bar.of === doubledIn(row) ? 2 * ratio : ratio;
    return { of: bar.of, against: bar.against, most: bar.most, ratio: shown, ok: shown <= bar.most };
  });
  return {
    key: row.key,
    title: workOf({ ...row, size }),
    size,
    unit: row.measures === "heap" ? "bytes" : "ms",
    outcomes,
    verdicts,
  };
}

/** @param {readonly number[]} numbers */
export const median = (numbers) => quantile(numbers, 0.5);

/** @param {readonly number[]} numbers */
function spread(numbers) {
  return (quantile(numbers, 0.75) - quantile(numbers, 0.25)) / 2 / median(numbers);
}

/** @param {readonly number[]} numbers @param {number} share */
function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? NaN;
  const above = sorted[Math.ceil(at)] ?? NaN;
  return below + (above - below) * (at - Math.floor(at));
}
