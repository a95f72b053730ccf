// Node only: the file system.

import { stat } from "node:fs";
import { expect, it } from "vitest";
import { Fiber, suspend, type Op } from "trestle";
import { run } from "trestle/node";

it("SC-15 RB-11 a fiber that yields for ever does not keep I/O from completing", async () => {
  const isFolder = await run(() =>
    Fiber.first(
      function* (): Op<never> {
        for (;;) yield* Fiber.yield();
      },
      () =>
        suspend<boolean>("stat", (_ctx, enqueue) => {
          stat(".", (_error, stats) => enqueue({ ok: true, value: stats.isDirectory() }));
        }),
    ),
  );
  expect(isFolder).toBe(true);
});
