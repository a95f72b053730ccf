// Random trees of scopes, with cancellations injected at suspension points: whatever happens, every `finally` runs once, every scope
// is left, and nothing stays behind in a queue.

import fc from "fast-check";
import { expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  Deferred,
  Fiber,
  Semaphore,
  Switch,
  currentFiber,
  type CancelContext,
  type Op,
} from "trestle";
import { run, type MockEnv } from "trestle/mock";

type Tree =
  | { kind: "yield" | "sleep" | "acquire" | "await" | "throw" | "cancel" | "resolve"; n: number }
  | { kind: "both" | "first" | "map" | "seq"; children: Tree[] }
  | { kind: "protect" | "sub" | "switch" | "use" | "timeout" | "fork" | "daemon"; n: number; child: Tree };

const leaf = fc.record({
  kind: fc.constantFrom("yield", "yield", "sleep", "acquire", "await", "throw", "cancel", "resolve"),
  n: fc.nat(5),
}) as fc.Arbitrary<Tree>;

const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.record({
      kind: fc.constantFrom("both", "first", "map", "seq"),
      children: fc.array(tie("tree"), { minLength: 2, maxLength: 3 }),
    }) as fc.Arbitrary<Tree>,
    fc.record({
      kind: fc.constantFrom("protect", "sub", "switch", "use", "timeout", "fork", "daemon"),
      n: fc.nat(5),
      child: tie("tree"),
    }) as fc.Arbitrary<Tree>,
  ),
})).tree;

class World {
  entered = 0;
  left = 0;
  readonly sem = new Semaphore(2);
  readonly cells = Array.from({ length: 3 }, () => Deferred.create<void>());
  readonly contexts: CancelContext[] = [];
  readonly env: MockEnv;

  constructor(env: MockEnv) {
    this.env = env;
  }

  *play(tree: Tree, sw: Switch): Op<void> {
    this.entered++;
    const { context } = currentFiber();
    try {
      yield* this.act(tree, sw);
    } finally {
      expect(currentFiber().context).toBe(context);
      this.left++;
    }
  }

  private act(tree: Tree, sw: Switch): Op<unknown> {
    const play = (child: Tree, inside = sw) => this.play(child, inside);
    switch (tree.kind) {
      case "yield":
        return Fiber.yield();
      case "sleep":
        return this.env.clock.sleep(tree.n);
      case "acquire":
        return this.withPermit(() => Fiber.yield());
      case "await":
        return this.cells[tree.n % 3]![0].await();
      case "throw":
        return this.fail(tree.n);
      case "cancel":
        return this.cancelOne(tree.n);
      case "resolve":
        return this.resolveOne(tree.n);
      case "both":
        return Fiber.all(tree.children.map((child) => () => play(child)));
      case "first":
        return Fiber.any(tree.children.map((child) => () => play(child)));
      case "map":
        return Fiber.forEach(tree.children, (child) => play(child), { maxFibers: 2 });
      case "seq":
        return this.sequence(tree.children, sw);
      case "protect":
        return Cancel.protect(() => play(tree.child));
      case "sub":
        return this.inSub(tree.child, sw);
      case "switch":
        return this.inSwitch(tree.child);
      case "use":
        return this.withPermit(() => play(tree.child));
      case "timeout":
        return this.env.clock.withTimeoutExn(tree.n, () => play(tree.child));
      case "fork":
        return Fiber.fork(sw, () => play(tree.child));
      case "daemon":
        return Fiber.forkDaemon(sw, () => play(tree.child));
    }
  }

  // A fiber that wants a third permit while it holds two would wait for ever.
  private withPermit(body: () => Op<void>): Op<void> {
    return this.env.clock.withTimeoutExn(50, () => this.sem.use(body));
  }

  private *fail(n: number): Op<void> {
    yield* Fiber.yield();
    throw new Error(`error ${n}`);
  }

  private *cancelOne(n: number): Op<void> {
    yield* Fiber.yield();
    const context = this.contexts[n];
    if (context && !context.isFinished) context.cancel(new Error(`cancel ${n}`));
  }

  private *resolveOne(n: number): Op<void> {
    this.cells[n % 3]![1].tryResolve();
    yield* Fiber.yield();
  }

  private *sequence(children: Tree[], sw: Switch): Op<void> {
    for (const child of children) {
      try {
        yield* this.play(child, sw);
      } catch (error) {
        if (error instanceof Cancelled) throw error;
      }
    }
  }

  private inSub(child: Tree, sw: Switch): Op<void> {
    const { play, contexts } = { play: () => this.play(child, sw), contexts: this.contexts };
    return Cancel.sub((cc) => {
      contexts.push(cc);
      return play();
    });
  }

  private inSwitch(child: Tree): Op<void> {
    return Switch.run((sw) => {
      this.contexts.push(sw.context);
      return this.body(sw, child);
    });
  }

  private *body(sw: Switch, child: Tree): Op<void> {
    this.entered++;
    yield* sw.onRelease(() => {
      this.left++;
    });
    yield* this.play(child, sw);
  }
}

it("PT-07 PT-10 every scope entered is left once, and nothing is left in any queue", () => {
  fc.assert(
    fc.property(trees, fc.array(fc.nat(6), { maxLength: 4 }), (tree, cancels) => {
      let world: World | undefined;
      run(function* (env) {
        world = new World(env);
        const { cells, contexts, sem } = world;
        const before = currentFiber().context.dump();
        try {
          yield* Fiber.both(
            () =>
              Switch.run((sw) => {
                contexts.push(sw.context);
                return world!.play(tree, sw);
              }),
            function* () {
              for (const n of cancels) {
                yield* Fiber.yield();
                const context = contexts[n];
                if (context && !context.isFinished) context.cancel(new Error(`injected ${n}`));
              }
              // Nothing may wait for ever: what is still shut is opened in the end.
              yield* env.clock.sleep(100);
              for (const [, resolver] of cells) resolver.tryResolve();
            },
          );
        } catch {
          // Failing is allowed; leaving something behind is not.
        }
        expect(currentFiber().context.dump()).toBe(before);
        expect(sem.getValue()).toBe(2);
        expect((sem as unknown as { waiters: { isEmpty: boolean } }).waiters.isEmpty).toBe(true);
        for (const [deferred] of cells) {
          const { waiters } = deferred as unknown as { waiters?: { isEmpty: boolean } };
          expect(waiters?.isEmpty ?? true).toBe(true);
        }
        expect(env.clock.tryAdvance()).toBe(false);
        for (const context of contexts) expect(context.isFinished).toBe(true);
      });
      expect(world!.left).toBe(world!.entered);
    }),
    { numRuns: 1000, verbose: 1 },
  );
});
