import { expect, it } from "vitest";
import { Cancel, Deferred, Fiber, InvalidArgument, Switch, type Result } from "trestle";
import { run } from "trestle/mock";
import { unhandledDuring } from "../platform.js";
import { steps, thrownBy, transcript } from "./transcript.js";

it("PR-01 await on a resolved cell returns immediately, without a switch and without a check", () => {
  const log = transcript((note) =>
    Cancel.sub((cc) =>
      Fiber.both(
        () => Cancel.protect(() => steps(note, "other", 2)),
        function* () {
          cc.cancel("stop");
          note(yield* Deferred.createResolved("value").await());
        },
      ),
    ),
  );
  expect(log).toEqual(["other1", "value", "other2"]);
});

it("PR-02 PR-03 waiters are woken in the order in which they began to wait, and the resolver goes on first", () => {
  const log = transcript((note) =>
    Switch.run(function* (sw) {
      const [d, r] = Deferred.create<string>();
      for (const name of ["a", "b", "c"]) {
        yield* Fiber.fork(sw, function* () {
          note(`${name}: ${yield* d.await()}`);
        });
      }
      r.resolve("value");
      note("resolver");
    }),
  );
  expect(log).toEqual(["resolver", "a: value", "b: value", "c: value"]);
});

it("PR-04 a woken fiber's own cell is unresolved until it has run", () => {
  run(() =>
    Switch.run(function* (sw) {
      const [d, r] = Deferred.create<void>();
      const job = yield* Fiber.forkPromise(sw, () => d.await());
      r.resolve();
      expect(job.isResolved()).toBe(false);
      yield* Fiber.yield();
      expect(job.isResolved()).toBe(true);
    }),
  );
});

it("PR-05 PR-06 a second resolve throws and changes nothing; tryResolve says whether it came first", () => {
  const [d, r] = Deferred.create<number>();
  expect(r.tryResolve(1)).toBe(true);
  expect(r.tryResolve(2)).toBe(false);
  const thrown = thrownBy(() => r.resolve(3));
  expect(thrown).toBeInstanceOf(InvalidArgument);
  expect((thrown as Error).message).toBe("Can't resolve already-resolved promise");
  expect(d.peek()).toEqual({ value: 1 });
});

it("PR-07 peek tells a value of undefined from none", () => {
  const [d, r] = Deferred.create<undefined>();
  expect(d.peek()).toBeUndefined();
  expect(d.isResolved()).toBe(false);
  r.resolve(undefined);
  expect(d.peek()).toEqual({ value: undefined });
  expect(d.isResolved()).toBe(true);
  const created = Deferred.createResolved(1);
  expect([created.peek(), created.isResolved()]).toEqual([{ value: 1 }, true]);
});

it("PR-08 a cancelled waiter is removed, and the others are unaffected", () => {
  const log = transcript(function* (note) {
    const [d, r] = Deferred.create<string>();
    yield* Fiber.all([
      function* () {
        note(`a: ${yield* d.await()}`);
      },
      () =>
        Fiber.first(
          function* () {
            note(`never: ${yield* d.await()}`);
          },
          () => Fiber.yield(),
        ),
      function* () {
        note(`c: ${yield* d.await()}`);
      },
      function* () {
        yield* Fiber.yield();
        yield* Fiber.yield();
        r.resolve("value");
      },
    ]);
  });
  expect(log).toEqual(["a: value", "c: value"]);
});

it("PR-09 awaitOrThrow throws the stored error itself, await gives the result without throwing", () => {
  run(function* () {
    const error = { not: "even an Error" };
    const [d, r] = Deferred.create<Result<number>>();
    r.resolveError(error);
    expect(yield* d.await()).toEqual({ ok: false, error });
    for (const op of [d.awaitOrThrow(), d.awaitExn()]) {
      let thrown: unknown;
      try {
        yield* op;
      } catch (e) {
        thrown = e;
      }
      expect(thrown).toBe(error);
    }
    const [good, resolver] = Deferred.create<Result<number>>();
    yield* Fiber.both(
      function* () {
        expect(yield* good.awaitOrThrow()).toBe(1);
      },
      function* () {
        resolver.resolveOk(1);
      },
    );
  });
});

it("PR-10 an error that nobody awaits is not an unhandled rejection", async () => {
  const seen = await unhandledDuring(() => {
    const [, r] = Deferred.create<Result<number>>();
    r.resolveError(new Error("nobody cares"));
  });
  expect(seen).toEqual([]);
});

it("PR-12 cancelling one waiter many times leaves none behind", () => {
  run(function* () {
    const [d, r] = Deferred.create<void>();
    let woken = 0;
    for (let i = 0; i < 100_000; i++) {
      yield* Fiber.first(
        function* () {
          yield* d.await();
          woken++;
        },
        () => Fiber.yield(),
      );
    }
    expect((d as unknown as { waiters: { isEmpty: boolean } }).waiters.isEmpty).toBe(true);
    r.resolve();
    expect(woken).toBe(0);
  });
});
