import { afterEach, expect, it, vi } from "vitest";
import { Cancel, Cancelled, Fiber, NotInFiberError, onUnhandledError, startRoot, Wait, type Body } from "trestle";
import { run } from "trestle/mock";
import { transcript } from "./transcript.js";

afterEach(() => onUnhandledError(undefined));

interface Side {
  enter?: (wait: Call) => void;
  leave?: (wait: Call) => void;
}

/** A wait whose registration is given. */
class Call extends Wait<unknown> {
  private readonly side: Side;

  constructor(side: Side, called = "call") {
    super(called);
    this.side = side;
  }

  protected again(): Call {
    return new Call(this.side, this.called);
  }

  protected enter(): void {
    this.side.enter?.(this);
  }

  protected leave(): void {
    this.side.leave?.(this);
  }
}

function runOnLoop(body: Body<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    startRoot(body, { onDone: (outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)) });
  });
}

it("BG-01 BG-02 a wait registers when it is run, each time anew", () => {
  const enter = vi.fn((wait: Call) => void wait.wake(42));
  run(function* () {
    const call = new Call({ enter });
    expect(enter).not.toHaveBeenCalled();
    expect(yield* call).toBe(42);
    expect(yield* call).toBe(42);
  });
  expect(enter).toHaveBeenCalledTimes(2);
});

it("BG-03 BG-04 the first wake of a wait counts, whether it comes while registering or later", () => {
  const log = transcript(function* (tell) {
    const note = (seen: unknown) => tell(String(seen));
    let early!: Call;
    note(
      yield* new Call({
        enter(wait) {
          early = wait;
          note(wait.wake("first"));
          note(wait.wake("second"));
        },
      }),
    );
    let late!: Call;
    const enter = (wait: Call) => void (late = wait);
    yield* Fiber.both(
      function* () {
        note(yield* new Call({ enter }));
      },
      function* () {
        yield* Fiber.yield();
        note(early.wake("too late"));
        note(late.wake("woken"));
        note(late.wake("too late"));
      },
    );
  });
  expect(log).toEqual(["true", "false", "first", "false", "true", "false", "woken"]);
});

it("BG-30 BG-31 a wait can be ended with any error", () => {
  for (const error of [new Error("failed"), undefined]) {
    run(function* () {
      try {
        yield* new Call({ enter: (wait) => void wait.wake(error, true) });
        expect.unreachable();
      } catch (thrown) {
        expect(thrown).toBe(error);
      }
    });
  }
});

it("BG-05 what a registration throws ends the wait, also when it has cancelled its fiber", () => {
  const error = new Error("enter");
  const leave = vi.fn();
  run(() =>
    Cancel.sub(function* (cc) {
      let thrown: unknown;
      try {
        yield* new Call({
          leave,
          enter() {
            cc.cancel("stop");
            throw error;
          },
        });
      } catch (e) {
        thrown = e;
      }
      expect(thrown).toBe(error);
    }),
  );
  expect(leave).not.toHaveBeenCalled();
});

it("BG-06 what a registration throws when it has woken the fiber is reported", () => {
  const reported: unknown[] = [];
  onUnhandledError((error) => reported.push(error));
  const error = new Error("enter");
  run(function* () {
    expect(
      yield* new Call({
        enter(wait) {
          wait.wake(42);
          throw error;
        },
      }),
    ).toBe(42);
  });
  expect(reported).toEqual([error]);
});

it("BG-07 in a cancelled context a wait does not register", () => {
  const enter = vi.fn();
  run(() =>
    Cancel.sub(function* (cc) {
      cc.cancel("stop");
      try {
        yield* new Call({ enter });
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(Cancelled);
      }
    }),
  );
  expect(enter).not.toHaveBeenCalled();
});

it("BG-08 BG-10 cancelling takes the registration back, in the same turn; while registering, right after it", () => {
  const log = transcript(function* (tell) {
    const note = (seen: unknown) => tell(String(seen));
    try {
      yield* Cancel.sub(
        (cc) =>
          new Call({
            leave: () => note("leave"),
            enter(wait) {
              cc.cancel("while registering");
              note(wait.wake("too late"));
              note("entered");
            },
          }),
      );
    } catch (error) {
      note((error as Cancelled).reason);
    }
  });
  expect(log).toEqual(["false", "entered", "leave", "while registering"]);
});

it("BG-09 what taking back throws goes to whoever cancelled, and the fiber stops", () => {
  const error = new Error("leave");
  const log = transcript(function* (tell) {
    const note = (seen: unknown) => tell(String(seen));
    let cancel!: () => void;
    yield* Fiber.both(
      function* () {
        try {
          yield* Cancel.sub(function* (cc) {
            cancel = () => cc.cancel("stop");
            yield* new Call({
              leave() {
                throw error;
              },
            });
          });
        } catch (thrown) {
          note((thrown as Cancelled).reason);
        }
      },
      function* () {
        yield* Fiber.yield();
        expect(cancel).toThrow(error);
      },
    );
  });
  expect(log).toEqual(["stop"]);
});

it("BG-42 a fiber that is woken in a promise reaction goes on in the same microtask", async () => {
  const log: string[] = [];
  await runOnLoop(function* () {
    yield* new Call({
      enter(wait) {
        void Promise.resolve().then(() => {
          wait.wakeNow(undefined);
          log.push("reaction");
        });
      },
    });
    log.push("fiber");
  });
  expect(log).toEqual(["fiber", "reaction"]);
});

it("BG-42 a fiber that is woken by another runs after it, in whatever way it is woken", async () => {
  const log: string[] = [];
  let waiting!: Call;
  await runOnLoop(() =>
    Fiber.both(
      function* () {
        yield* new Call({ enter: (wait) => void (waiting = wait) });
        log.push("woken");
      },
      function* () {
        yield* Fiber.yield();
        waiting.wakeNow(undefined);
        log.push("waker");
      },
    ),
  );
  expect(log).toEqual(["waker", "woken"]);
});

it("BG-64 a dead-lock report names what is waited for", () => {
  expect(() => run(() => new Call({}, "the postman"))).toThrow("the postman");
});

it("BM-06 a wait is refused outside of fibers", () => {
  expect(() => new Call({}, "the postman")[Symbol.iterator]().next()).toThrow(NotInFiberError);
});
