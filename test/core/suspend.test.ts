import { afterEach, expect, it, vi } from "vitest";
import {
  Cancel,
  Fiber,
  Switch,
  onUnhandledError,
  suspend,
  suspendUnchecked,
  type Enqueue,
  type SuspendContext,
} from "trestle";
import { run } from "trestle/mock";
import { transcript } from "./transcript.js";

afterEach(() => onUnhandledError(undefined));

it("BG-01 BG-02 nothing is registered before the op is run, and each run registers anew", () => {
  const register = vi.fn((_ctx: SuspendContext, enqueue: Enqueue<number>) => enqueue({ ok: true, value: 1 }));
  run(function* () {
    const op = suspend("op", register);
    expect(register).not.toHaveBeenCalled();
    yield* op;
    yield* op;
    expect(register).toHaveBeenCalledTimes(2);
  });
});

it("BG-03 BG-04 SC-14 a settlement during registration counts once, later ones are ignored", () => {
  const log = transcript(function* (note) {
    let enqueue: Enqueue<string>;
    note(
      yield* suspend<string>("op", (_ctx, e) => {
        enqueue = e;
        e({ ok: true, value: "first" });
        e({ ok: false, error: new Error("second") });
      }),
    );
    yield* Fiber.yield();
    enqueue!({ ok: true, value: "late" });
    yield* Fiber.yield();
    note("end");
  });
  expect(log).toEqual(["first", "end"]);
});

it("BG-05 BG-30 BG-31 if registration throws, the op fails with that very value, and the cancel function is dropped", () => {
  for (const error of [new Error("register"), "a string", undefined]) {
    run(() =>
      Cancel.sub(function* (cc) {
        let thrown: unknown = "nothing";
        try {
          yield* suspend("op", (ctx) => {
            ctx.setCancelFn(() => expect.unreachable());
            throw error;
          });
        } catch (e) {
          thrown = e;
        }
        expect(thrown).toBe(error);
        cc.cancel("stop");
      }),
    );
  }
});

it("BG-06 if registration throws after it has settled, the result stands and the error is reported", () => {
  const reported: unknown[] = [];
  onUnhandledError((error) => reported.push(error));
  const error = new Error("late");
  run(function* () {
    expect(
      yield* suspend<number>("op", (_ctx, enqueue) => {
        enqueue({ ok: true, value: 1 });
        throw error;
      }),
    ).toBe(1);
  });
  expect(reported).toEqual([error]);
});

it("BG-08 given the fiber is cancelled during registration, the teardown runs once, after registration has returned", () => {
  const log = transcript((note) =>
    Cancel.sub((cc) =>
      suspend("op", (ctx, enqueue) => {
        cc.cancel("stop");
        ctx.setCancelFn((error) => {
          note("teardown");
          enqueue({ ok: false, error });
        });
        note(`registered: ${String(ctx.getError())}`);
      }),
    ),
  );
  expect(log).toEqual(["registered: Cancelled: stop", "teardown", "threw Cancelled: stop"]);
});

it("BG-10 BG-11 BG-15 the teardown runs inside the cancel call, before the fiber resumes; what it triggers is ignored", () => {
  const log = transcript((note) =>
    Cancel.sub((cc) =>
      Fiber.both(
        function* () {
          try {
            yield* suspend("op", (ctx, enqueue) => {
              ctx.setCancelFn((error) => {
                note("teardown");
                enqueue({ ok: false, error });
                enqueue({ ok: true, value: "closed" });
              });
            });
          } finally {
            note("finally");
          }
        },
        function* () {
          note("cancel");
          cc.cancel("stop");
          note("cancel has returned");
        },
      ),
    ),
  );
  expect(log).toEqual(["cancel", "teardown", "cancel has returned", "finally", "threw Cancelled: stop"]);
});

it("BG-14 a teardown that throws before it has settled the wait stops the fiber all the same", () => {
  const log = transcript((note) =>
    Switch.run(function* (sw) {
      yield* Fiber.fork(sw, function* () {
        try {
          yield* suspend("op", (ctx) => {
            ctx.setCancelFn(() => {
              throw new Error("teardown");
            });
          });
        } finally {
          note("finally");
        }
      });
      sw.fail(new Error("failed"));
    }),
  );
  expect(log).toEqual(["finally", "threw Multiple exceptions:\n- Error: failed\n- Error: teardown"]);
});

it("the teardown may let the fiber wait until the other side has wound down", () => {
  const log = transcript((note, { clock }) =>
    Cancel.sub((cc) =>
      Fiber.all([
        () =>
          suspend("op", (ctx, enqueue) => {
            ctx.setCancelFn((error) => {
              note("asked to stop");
              clock.startTimer(10, () => enqueue({ ok: false, error }));
            });
          }),
        function* () {
          yield* clock.sleep(1);
          cc.cancel("stop");
        },
      ]),
    ),
  );
  expect(log).toEqual(["asked to stop", "threw Cancelled: stop"]);
});

it("without a cancel function the wait goes on; clearCancelFn makes it so", () => {
  for (const clear of [false, true]) {
    const log = transcript((note, { clock }) =>
      Cancel.sub((cc) =>
        Fiber.both(
          function* () {
            note(
              yield* suspend<string>("op", (ctx, enqueue) => {
                if (clear) ctx.setCancelFn(() => note("never"));
                if (clear) ctx.clearCancelFn();
                clock.startTimer(1, () => enqueue({ ok: true, value: "value" }));
              }),
            );
          },
          function* () {
            cc.cancel("stop");
          },
        ),
      ),
    );
    expect(log).toEqual(["value"]);
  }
});

it("suspendUnchecked waits even in a cancelled context", () => {
  const log = transcript((note) =>
    Cancel.sub(function* (cc) {
      cc.cancel("stop");
      note(yield* suspendUnchecked<string>("op", (_ctx, enqueue) => enqueue({ ok: true, value: "value" })));
    }),
  );
  expect(log).toEqual(["value"]);
});
