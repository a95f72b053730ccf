/** Migrated programs that are cancelled at each of their suspensions, at random. */
import { describe, expect, it } from "vitest";
import { cancelBatch } from "./cancel-programs.js";

const seed = Number(process.env["TRESTLE_SEED"] ?? 20_240);

describe("migrated programs", () => {
  it.each([
    ["small", 120],
    ["large", 25],
  ] as const)(
    `O-18 clean up once when they are cancelled, swallow nothing and leave nothing running (%s, seed ${seed})`,
    { timeout: 300_000 },
    async (size, count) => {
      const { cancelled, mistakes } = await cancelBatch({ kind: "sequential", size, seed, count, borders: 1 });
      expect(mistakes).toEqual([]);
      expect(cancelled).toBeGreaterThan(count / 5);
    },
  );
});
