import { describe, expect, it } from "vitest";
import { Deferred, Fiber, Switch, type Op, type Result } from "trestle";
import { Handler, mapAction, run, runAction, type Action } from "trestle/mock";
import { thrownBy, transcript } from "./transcript.js";

const unknownHost = new Error("unknown host");

describe("Handler", () => {
  it("MK-06 seq does one action a call, then the default action for ever", () => {
    const log = transcript(function* (note) {
      const handler = Handler.make<string>({ return: "default" });
      note(yield* handler.run());
      handler.seq([{ return: "1" }, { return: "2" }, { raise: unknownHost }]);
      for (let i = 0; i < 5; i++) {
        try {
          note(yield* handler.run());
        } catch (error) {
          note(String(error));
        }
      }
      handler.seq([{ return: "again" }]);
      note(yield* handler.run());
      note(yield* handler.run());
    });
    expect(log).toEqual(["default", "1", "2", "Error: unknown host", "default", "default", "again", "default"]);
  });

  it("MK-06 an action is used up by the call that runs, in the order in which calls run; changing the list later does nothing", () => {
    const log = transcript(function* (note) {
      const handler = new Handler<string>({ return: "default" });
      const actions: Action<string>[] = [{ return: "1" }, { return: "2" }];
      handler.seq(actions);
      actions.length = 0;
      const [a, b] = [handler.run(), handler.run()];
      handler.run();
      note(`${yield* b} ${yield* a}`);
    });
    expect(log).toEqual(["1 2"]);
  });

  it("setHandler replaces what is left; the default action can still be asked for", () => {
    const log = transcript(function* (note) {
      const handler = new Handler<number>({ return: 0 });
      handler.seq([{ return: 1 }]);
      let calls = 10;
      handler.setHandler(function* () {
        yield* Fiber.yield();
        return calls++;
      });
      note(`${yield* handler.run()} ${yield* handler.run()} ${yield* handler.runDefaultAction()}`);
    });
    expect(log).toEqual(["10 11 0"]);
  });
});

describe("runAction", () => {
  const course = (action: Action<string>, meanwhile: () => void = () => {}) =>
    transcript((note) =>
      Fiber.both(
        function* () {
          try {
            note(`gave ${yield* runAction(action)}`);
          } catch (error) {
            note(`threw ${String(error)}`);
          }
        },
        function* () {
          meanwhile();
          note("the other");
          yield* Fiber.yield();
          note("the other again");
        },
      ),
    );

  it("MK-07 return and raise take no turn, yieldThen gives the others one before its action", () => {
    expect(course({ return: "a" })).toEqual(["gave a", "the other", "the other again"]);
    expect(course({ raise: unknownHost })).toEqual(["threw Error: unknown host", "the other", "the other again"]);
    expect(course({ yieldThen: { return: "a" } })).toEqual(["the other", "gave a", "the other again"]);
    expect(course({ yieldThen: { raise: unknownHost } })).toEqual([
      "the other",
      "threw Error: unknown host",
      "the other again",
    ]);
    expect(course({ yieldThen: { yieldThen: { return: "a" } } })).toEqual(["the other", "the other again", "gave a"]);
  });

  it("MK-07 await waits for a cell of a result, run does what its body does", () => {
    for (const [outcome, line] of [
      [{ ok: true, value: "a" }, "gave a"],
      [{ ok: false, error: unknownHost }, "threw Error: unknown host"],
    ] as [Result<string>, string][]) {
      const [cell, resolver] = Deferred.create<Result<string>>();
      expect(course({ await: cell }, () => resolver.resolve(outcome))).toEqual(["the other", line, "the other again"]);
    }
    function* body(): Op<string> {
      yield* Fiber.yield();
      yield* Fiber.yield();
      return "a";
    }
    expect(course({ run: body })).toEqual(["the other", "the other again", "gave a"]);
  });

  it("MK-07 mapAction changes the value and keeps the course", () => {
    const shout = (text: string) => `${text}!`;
    expect(course(mapAction({ return: "a" }, shout))).toEqual(["gave a!", "the other", "the other again"]);
    expect(course(mapAction({ raise: unknownHost }, shout))[0]).toBe("threw Error: unknown host");
    expect(course(mapAction({ yieldThen: { return: "a" } }, shout))[1]).toBe("gave a!");
    const [cell, resolver] = Deferred.create<Result<string>>();
    const log = course(mapAction({ await: cell }, shout), () => resolver.resolveOk("a"));
    expect(log).toEqual(["the other", "gave a!", "the other again"]);
    const failing = mapAction({ return: "a" }, () => {
      throw unknownHost;
    });
    expect(course(failing)[0]).toBe("threw Error: unknown host");
  });

  it("a cancelled stand-in stops where it waits", () => {
    const log = transcript(function* (note) {
      const [never] = Deferred.create<Result<string>>();
      const handler = new Handler<string>({ await: never });
      yield* Switch.run(function* (sw) {
        yield* Fiber.forkDaemon(sw, function* () {
          try {
            yield* handler.run();
          } finally {
            note("stopped");
          }
        });
      });
    });
    expect(log).toEqual(["stopped"]);
  });
});

it.each<[string, () => unknown]>([
  ['new Handler: "defaultAction" must be an action', () => new Handler({} as never)],
  ['new Handler: "defaultAction" must be an action', () => Handler.make({ return: 1, raise: 2 })],
  [
    'Handler.seq: "actions" must be an array of actions, got an object',
    () => new Handler({ return: 1 }).seq({} as never),
  ],
  ['Handler.seq: "actions[1]" must be an action', () => new Handler({ return: 1 }).seq([{ return: 1 }, 2 as never])],
  [
    'Handler.setHandler: "body" must be a function returning an op',
    () => new Handler({ return: 1 }).setHandler(1 as never),
  ],
  ['runAction: "action" must be an action', () => runAction({ yieldThen: "x" } as never)],
  [
    'runAction: "action.await" must be a Deferred, got a Promise',
    () => runAction({ await: Promise.resolve() } as never),
  ],
  ['runAction: "action.run" must be a function', () => runAction({ run: 1 } as never)],
  ['mapAction: "fn" must be a function', () => mapAction({ return: 1 }, 1 as never)],
])("%s", (message, call) => {
  const thrown = thrownBy(call);
  expect(thrown).toBeInstanceOf(TypeError);
  expect((thrown as Error).message).toContain(message);
  expect(run(() => new Handler({ return: "sound" }).run())).toBe("sound");
});
