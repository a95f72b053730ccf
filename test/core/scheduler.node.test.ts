// Node only: the file system, ticks and signals.

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

it("SC-21 RB-36 a wake-up is not lost, be it by a tick, a check of the loop or a signal", async () => {
  const moments: ((wake: () => void) => void)[] = [
    (wake) => process.nextTick(wake),
    (wake) => void setImmediate(wake),
    (wake) => {
      process.once("SIGUSR2", wake);
      process.kill(process.pid, "SIGUSR2");
    },
  ];
  const woken = await run(function* () {
    let woken = 0;
    yield* Fiber.forEach(moments, function* (moment) {
      for (let i = 0; i < 50; i++) {
        yield* suspend<void>("moment", (_, enqueue) => moment(() => enqueue({ ok: true, value: undefined })));
        woken++;
        // The loop goes to rest in other states, too.
        if (i % 2 === 0) yield* Fiber.yield();
      }
    });
    return woken;
  });
  expect(woken).toBe(50 * moments.length);
});
