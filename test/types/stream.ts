// Streams: programs that must compile, and lines that must not.

import { Stream, StreamClosed, type Cursor, type InvalidArgument, type Op } from "trestle";

declare function same<T>(): <U>(value: U & ([T] extends [U] ? ([U] extends [T] ? unknown : never) : never)) => void;

type Job = { url: string } | undefined;

export function* used(jobs: Stream<Job>): Op<string> {
  const added = yield* jobs.add(undefined);
  same<void>()(added);
  const job = yield* jobs.take();
  same<Job>()(job);
  same<{ readonly value: Job } | undefined>()(jobs.tryTake());
  same<boolean>()(jobs.tryAdd({ url: "/" }));
  same<number>()(jobs.length);
  const items = jobs.iterate();
  same<Cursor<Job>>()(items);
  while (yield* items.next()) {
    same<Job>()(items.value);
    if (!items.value) continue;
    if (items.value.url === "/") return items.value.url;
  }
  return "";
}

export const error: InvalidArgument = new StreamClosed(undefined);
export const unlimited = new Stream<number>(Infinity, { name: "numbers" });
export const wider: Cursor<unknown> = unlimited.iterate();

// @ts-expect-error -- a stream has a capacity
export const unbounded = new Stream<number>();

// @ts-expect-error -- the name is a string
export const misnamed = new Stream<number>(1, { name: 1 });

// @ts-expect-error -- no such option
export const misspelt = new Stream<number>(1, { nome: "numbers" });

export function* misused(numbers: Stream<number>): Op<void> {
  // @ts-expect-error -- the items are numbers
  yield* numbers.add("one");
  // @ts-expect-error -- an op is not a promise
  const promise: PromiseLike<void> = numbers.add(1);
  // @ts-expect-error -- an op is not an item: yield* was meant
  const n: number = numbers.take();
  const items = numbers.iterate();
  // @ts-expect-error -- the value is read, not written
  items.value = n;
  void promise;
  // @ts-expect-error -- a stream is no iterable of JavaScript: its items arrive over time
  for (const item of numbers) void item;
  // @ts-expect-error -- neither the capacity nor the length can be set
  numbers.capacity = numbers.length = 2;
}
