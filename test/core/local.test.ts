import { expect, it } from "vitest";
import { Fiber, Switch } from "trestle";
import { run } from "trestle/mock";
import { transcript } from "./transcript.js";

const key = Fiber.createKey<string>("key");
const read = () => Fiber.get(key) ?? "-";

it("FB-61 an unbound key reads as undefined", () => {
  run(function* () {
    expect(Fiber.get(key)).toBeUndefined();
  });
});

it("FB-62 a binding holds during its body, shadows an outer one, and ends with it, also when the body throws", () => {
  const log = transcript(function* (note) {
    yield* Fiber.withBinding(key, "outer", function* () {
      note(read());
      try {
        yield* Fiber.withBinding(key, "inner", function* () {
          note(read());
          yield* Fiber.yield();
          note(read());
          throw new Error();
        });
      } catch {
        note(read());
      }
    });
    note(read());
  });
  expect(log).toEqual(["outer", "inner", "inner", "outer", "-"]);
});

it("FB-63 a forked fiber inherits the bindings that the forking one has at that time", () => {
  const log = transcript((note) =>
    Fiber.withBinding(key, "creator", () =>
      Switch.run(function* (sw) {
        yield* Fiber.withBinding(key, "forker", () =>
          Fiber.fork(sw, function* () {
            yield* Fiber.yield();
            note(read());
          }),
        );
        note(read());
      }),
    ),
  );
  expect(log).toEqual(["creator", "forker"]);
});

it("FB-64 withoutBinding hides the key during its body", () => {
  const log = transcript((note) =>
    Fiber.withBinding(key, "value", function* () {
      yield* Fiber.withoutBinding(key, function* () {
        note(read());
      });
      note(read());
    }),
  );
  expect(log).toEqual(["-", "value"]);
});

it("FB-65 a fiber forked into an outer switch keeps the value after the withBinding has returned", () => {
  const log = transcript((note) =>
    Switch.run(function* (sw) {
      yield* Fiber.withBinding(key, "value", function* () {
        yield* Fiber.fork(sw, function* () {
          yield* Fiber.yield();
          yield* Fiber.yield();
          note(read());
        });
      });
      note(read());
    }),
  );
  expect(log).toEqual(["-", "value"]);
});
