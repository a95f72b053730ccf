// Node only: the storage that follows asynchronous calls.

import { AsyncLocalStorage } from "node:async_hooks";
import pLimit from "p-limit";
import { expect, it } from "vitest";
import { Semaphore } from "trestle";
import { toLimit } from "@trestle/bridges";

it("BL-11 each call sees the store of whoever made it, as with p-limit", async () => {
  const store = new AsyncLocalStorage<string>();
  for (const limit of [pLimit(1), toLimit(new Semaphore(1))]) {
    const seen = ["a", "b", "c"].map((name) => store.run(name, () => limit(async () => store.getStore())));
    expect(await Promise.all(seen)).toEqual(["a", "b", "c"]);
  }
});
