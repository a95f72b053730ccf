// Resources that are opened, closed by hand and left to their switch in every way there is: whatever happens, each is released once.

import fc from "fast-check";
import { expect, it } from "vitest";
import { Cancel, Fiber, Switch, SwitchFinishedError, ReleaseError, dispose, type Hook, type Op } from "trestle";
import { run } from "trestle/mock";

type How = "onRelease" | "onReleaseCancellable" | "addHook" | "own";

type Action =
  | {
      kind: "open";
      how: How;
      /** How long the release takes. */
      yields: number;
      throws: boolean;
      /** What the release does besides. */
      then: Action[];
    }
  /** Closes by hand what has a hook that can still be removed; `using` does it at the end of a block. */
  | { kind: "close" | "using"; which: number }
  | { kind: "yield" | "fail" | "cancel" }
  | { kind: "fork"; then: Action[] };

const { actions } = fc.letrec<{ action: Action; actions: Action[] }>((tie) => ({
  actions: fc.array(tie("action"), { maxLength: 5 }),
  action: fc.oneof(
    { maxDepth: 3 },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("close", "close", "using"), which: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.constant({ kind: "yield" }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("fail", "cancel") }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("open"),
        how: fc.constantFrom<How[]>("onRelease", "onReleaseCancellable", "addHook", "own"),
        yields: fc.nat(2),
        throws: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
        then: tie("actions"),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fork"), then: tie("actions") }) },
  ),
}));

interface Resource {
  hook: Hook | undefined;
  released: number;
  removed: boolean;
}

class World {
  readonly resources: Resource[] = [];
  private readonly sw: Switch;
  private readonly cc: Cancel.Context;

  constructor(sw: Switch, cc: Cancel.Context) {
    this.sw = sw;
    this.cc = cc;
  }

  *play(actions: readonly Action[]): Op<void> {
    for (const action of actions) {
      try {
        yield* this.act(action);
      } catch (error) {
        if (!(error instanceof SwitchFinishedError || error instanceof ReleaseError)) throw error;
      }
    }
  }

  private act(action: Action): Op<unknown> {
    switch (action.kind) {
      case "open":
        return this.open(action);
      case "close":
      case "using":
        return this.close(action);
      case "yield":
        return Fiber.yield();
      case "fork":
        return Fiber.fork(this.sw, () => this.play(action.then));
      default:
        return this.disturb(action.kind);
    }
  }

  private *disturb(kind: "fail" | "cancel"): Op<void> {
    if (kind === "fail") this.sw.fail(new Error("failed"));
    else if (!this.cc.isFinished) this.cc.cancel("stop");
  }

  private *open({ how, yields, throws, then }: Action & { kind: "open" }): Op<void> {
    const { sw, resources } = this;
    const play = () => this.play(then);
    const resource: Resource = { hook: undefined, released: 0, removed: false };
    resources.push(resource);
    const end = () => {
      resource.released++;
      expect(resource.removed).toBe(false);
    };
    const handler = function* () {
      end();
      for (let i = 0; i < yields; i++) yield* Fiber.yield();
      yield* play();
      if (throws) throw new Error("release");
    };
    switch (how) {
      case "onRelease":
        return yield* sw.onRelease(handler);
      case "onReleaseCancellable":
        resource.hook = yield* sw.onReleaseCancellable(handler);
        return;
      case "addHook":
        try {
          resource.hook = sw.addHook(handler);
        } catch (error) {
          // Too late, and ours to release.
          try {
            yield* Cancel.protect(handler);
          } catch {
            // Ours to report as well.
          }
          throw error;
        }
        return;
      case "own":
        return void (yield* sw.own({
          [dispose]() {
            end();
            if (throws) throw new Error("release");
          },
        }));
    }
  }

  private *close({ kind, which }: { kind: "close" | "using"; which: number }): Op<void> {
    const resource = this.resources[which % this.resources.length];
    if (!resource?.hook) return;
    const { hook, released } = resource;
    const early = this.sw.takesHooks;
    let removed: boolean;
    if (kind === "using") {
      {
        using _hook = hook;
      }
      removed = early && released === 0;
    } else removed = hook.tryRemove();
    // Taking it back never runs it; and it can be taken back exactly while the switch has not taken it.
    expect([resource.released, removed]).toEqual([released, early && released === 0]);
    if (removed) this.release(resource);
  }

  private release(resource: Resource): void {
    resource.released++;
    resource.removed = true;
  }
}

it("PT-07 RB-33 SW-29 SW-30 SW-31 each resource is released once, by hand or by its switch, whenever either happens", () => {
  let opened = 0;
  let byHand = 0;
  fc.assert(
    fc.property(actions, fc.array(actions, { maxLength: 2 }), actions, (body, fibers, late) => {
      let world: World | undefined;
      run(function* () {
        try {
          yield* Cancel.sub((cc) =>
            Switch.run(function* (sw) {
              world = new World(sw, cc);
              for (const fiber of fibers) yield* Fiber.fork(sw, () => world!.play(fiber));
              yield* world.play(body);
            }),
          );
        } catch {
          // Failing is allowed.
        }
        expect(world!.resources.map(({ released }) => released)).toEqual(world!.resources.map(() => 1));
        yield* world!.play(late.filter(({ kind }) => kind !== "fail"));
      });
      expect(world!.resources.map(({ released }) => released)).toEqual(world!.resources.map(() => 1));
      opened += world!.resources.length;
      byHand += world!.resources.filter(({ removed }) => removed).length;
    }),
    { numRuns: 1000, verbose: 1 },
  );
  // The programs do what they are for.
  expect(opened).toBeGreaterThan(1000);
  expect(byHand).toBeGreaterThan(50);
});
