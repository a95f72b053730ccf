// Lazy sequences: programs that must compile, and lines that must not.

import { Fiber, type Cursor, type Op, type Switch } from "trestle";

declare function same<T>(): <U>(value: U & ([T] extends [U] ? ([U] extends [T] ? unknown : never) : never)) => void;

function* squares(yield_: (n: number) => Op<void>): Op<void> {
  for (let n = 1; n <= 10; n++) yield* yield_(n * n);
}

export function* read(sw: Switch): Op<number> {
  const seq = yield* Fiber.forkSeq(sw, squares, { name: "squares" });
  same<Fiber.Seq<number>>()(seq);
  const node = yield* seq();
  same<[number, Fiber.Seq<number>] | undefined>()(node);
  if (!node) return 0;
  const [first, rest] = node;
  same<number>()(first);
  const items = rest.iterate();
  same<Cursor<number>>()(items);
  let sum = 0;
  while (yield* items.next()) sum += items.value;
  const words = yield* Fiber.forkSeq<string>(sw, function* (yield_) {
    yield* yield_("a");
    // @ts-expect-error -- the items are strings
    yield* yield_(1);
  });
  same<Fiber.Seq<string>>()(words);
  const asked: () => Op<[string, Fiber.Seq<string>] | undefined> = words;
  yield* asked();
  return sum;
}

export function* misused(sw: Switch): Op<void> {
  // @ts-expect-error -- the body is a function of yield_, not an op
  yield* Fiber.forkSeq(sw, squares(Fiber.yield));
  // @ts-expect-error -- an async function is not a body
  yield* Fiber.forkSeq<number>(sw, async (yield_) => yield_(1));
  // @ts-expect-error -- yield_ was called with yield instead of yield*
  yield* Fiber.forkSeq<number>(sw, function* (yield_) {
    yield yield_(1);
  });
  // @ts-expect-error -- the switch comes first
  yield* Fiber.forkSeq(squares);
}
