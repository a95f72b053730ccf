// Which programs are tried: fast-check trees with weights, and a shrinker that knows what a program is.

import fc from "fast-check";
import type { Program } from "./program.js";

type Arb = fc.Arbitrary<Program>;

const few = fc.nat(2);
const error = fc.nat(3);
/** Mostly the innermost switch. */
const sw = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(4) });
const seconds = fc.constantFrom(-1, 0, 1, 1, 2, 3);
const limit = fc.constantFrom(0, 1, 1, 2, 2, 3, Infinity);

const weighted = (weight: number, ...parts: (string | fc.Arbitrary<unknown>)[]) => ({
  weight,
  arbitrary: fc.tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part))) as unknown as Arb,
});

/** A wait for a condition by somebody who holds the mutex, as it should be. */
const waitWithLock = ([condition, mutex]: [number, number]): Program => [
  "useRo",
  mutex,
  ["awaitWith", condition, mutex],
];

const leaf: Arb = fc.oneof(
  weighted(3, "note"),
  weighted(8, "yield"),
  weighted(4, "await", few),
  weighted(3, "tryResolve", few),
  weighted(1, "resolve", few),
  weighted(4, "acquire", few),
  weighted(4, "release", few),
  weighted(1, "tryAcquire", few),
  weighted(4, "add", few),
  weighted(4, "take", few),
  weighted(1, "next", few),
  weighted(1, "tryAdd", few),
  weighted(1, "tryTake", few),
  weighted(1, "close", few),
  weighted(2, "lock", fc.nat(1)),
  weighted(1, "unlock", fc.nat(1)),
  weighted(1, "tryLock", fc.nat(1)),
  weighted(1, "awaitWith", fc.nat(1), fc.nat(1)),
  { weight: 4, arbitrary: fc.tuple(fc.nat(1), fc.nat(1)).map(waitWithLock) },
  weighted(2, "awaitNoMutex", fc.nat(1)),
  weighted(3, "broadcast", fc.nat(1)),
  weighted(4, "force", few),
  weighted(4, "sleep", seconds),
  weighted(5, "throw", error),
  weighted(3, "cancel", fc.nat(5), error),
  weighted(1, "cancelOwn", error),
  weighted(3, "fail", sw, error),
  weighted(1, "check"),
  weighted(1, "isCancelled"),
  weighted(2, "awaitCancel"),
  weighted(1, "rethrow"),
  weighted(1, "state", fc.nat(4)),
  weighted(1, "removeHook", few),
  weighted(1, "isResolved", few),
  weighted(1, "get", fc.nat(1)),
  weighted(1, "outcome", few),
  weighted(2, "outcomeOrThrow", few),
);

const trees = fc.letrec<{ tree: Program; some: readonly Program[] }>((tie) => {
  const tree = tie("tree");
  const some = tie("some");
  return {
    some: fc.array(tree, { minLength: 1, maxLength: 4, depthIdentifier: "tree" }),
    tree: fc.oneof(
      { maxDepth: 6, depthIdentifier: "tree", depthSize: "max" },
      { weight: 100, arbitrary: leaf },
      weighted(24, "seq", some),
      weighted(8, "catch", tree, tree),
      weighted(6, "finally", tree, tree),
      weighted(2, "lifted", tree),
      weighted(5, "sub", tree),
      weighted(6, "protect", tree),
      weighted(8, "switch", tree),
      weighted(2, "protectedSwitch", tree),
      weighted(4, "use", few, tree),
      weighted(2, "useRo", fc.nat(1), tree),
      weighted(2, "useRw", fc.nat(1), tree),
      weighted(2, "useRwProtected", fc.nat(1), tree),
      weighted(3, "loop", fc.nat(1), tree),
      weighted(3, "lazy", fc.nat(2), tree),
      weighted(2, "pool", fc.integer({ min: 1, max: 2 }), tree, tree, tree),
      weighted(4, "usePool", few, tree),
      weighted(2, "useExtra", few, tree),
      weighted(1, "bind", fc.nat(1), tree),
      weighted(1, "unbind", fc.nat(1), tree),
      weighted(4, "timeout", seconds, tree),
      weighted(2, "timeoutResult", seconds, tree),
      weighted(8, "both", tree, tree),
      weighted(2, "pair", tree, tree),
      weighted(5, "first", tree, tree),
      weighted(2, "firstJoined", tree, tree),
      weighted(5, "all", some),
      weighted(2, "any", some),
      weighted(1, "anyJoined", some),
      weighted(3, "nAny", some),
      weighted(3, "map", limit, some),
      weighted(1, "filter", limit, some),
      weighted(1, "filterMap", limit, some),
      weighted(2, "forEach", limit, some),
      weighted(10, "fork", sw, tree),
      weighted(4, "daemon", sw, tree),
      weighted(5, "promise", sw, tree),
      weighted(5, "onRelease", sw, tree),
      weighted(3, "hook", sw, tree),
    ),
  };
});

/** At least two fibers, that something can happen between them. */
export const programs: Arb = fc.oneof(
  weighted(1, "both", trees.tree, trees.tree),
  weighted(1, "all", fc.array(trees.tree, { minLength: 3, maxLength: 3 })),
  weighted(1, "seq", fc.tuple(weighted(1, "fork", fc.constant(0), trees.tree).arbitrary, trees.tree, trees.tree)),
);
