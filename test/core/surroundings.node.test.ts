// Node only: AsyncLocalStorage.

import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Deferred, Fiber, flush, setSurroundings, startRoot, withSurroundings } from "trestle";
import { transcript } from "./transcript.js";

const store = new AsyncLocalStorage<string>();
const here = () => store.getStore() ?? "-";

beforeEach(() => setSurroundings(() => AsyncLocalStorage.snapshot()));
afterEach(() => setSurroundings(undefined));

it("BK-01 BK-02 BK-03 BK-10 each step of a fiber runs in the store it was started in, whoever resumes it", () => {
  const log: string[] = [];
  const resolvers = ["A", "B"].map((name) => {
    const [d, r] = Deferred.create<void>();
    store.run(name, () =>
      startRoot(
        function* () {
          log.push(`${name}: ${here()}`);
          yield* d.await();
          log.push(`${name}: ${here()}`);
        },
        { onDone() {} },
      ),
    );
    return r;
  });
  store.run("resumer", () => {
    for (const r of resolvers) r.resolve();
    flush();
  });
  expect(log).toEqual(["A: A", "B: B", "A: A", "B: B"]);
});

it("BK-04 after a call in another store the fiber is back in its own", () => {
  const log = transcript(function* (note) {
    store.run("inner", () => note(here()));
    note(here());
    yield* Fiber.yield();
    note(here());
  });
  expect(log).toEqual(["inner", "-", "-"]);
});

it("BK-05 withSurroundings holds for all steps of its body and for children forked inside, and ends with it", () => {
  const inside = store.run("C", () => AsyncLocalStorage.snapshot());
  const log = transcript(function* (note) {
    const result = yield* withSurroundings(inside, function* () {
      note(here());
      yield* Fiber.both(
        function* () {
          yield* Fiber.yield();
          note(`child ${here()}`);
        },
        () => Fiber.yield(),
      );
      note(here());
      return "result";
    });
    note(`${result} ${here()}`);
    try {
      yield* withSurroundings(inside, function* () {
        yield* Fiber.yield();
        throw new Error(here());
      });
    } catch (error) {
      note(`${String(error)} ${here()}`);
    }
  });
  expect(log).toEqual(["C", "child C", "C", "result -", "Error: C -"]);
});
