// Streams against a small model: random programs, with cancellations and a close at any point.

import fc from "fast-check";
import { expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, Stream, StreamClosed, Switch, type CancelContext, type Op } from "trestle";
import { run } from "trestle/mock";

type Kind = "add" | "take" | "next";

type Command =
  /** Starts an operation in a fiber of its own; a doomed one has been cancelled before. */
  | { type: "start"; kind: Kind; doomed: boolean }
  | { type: "cancel"; which: number }
  | { type: "tryAdd" | "tryTake" | "turn" | "close" };

const commands = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("start" as const),
        kind: fc.constantFrom<Kind>("add", "take", "next"),
        doomed: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("cancel" as const), which: fc.nat(20) }) },
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constantFrom<"tryAdd" | "tryTake" | "turn">("tryAdd", "tryTake", "turn") }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("close" as const) }) },
  ),
  { maxLength: 40 },
) as fc.Arbitrary<Command[]>;

/** An operation in the model: what becomes of it is known as soon as it is decided, before its fiber resumes. */
interface Pending {
  readonly kind: Kind;
  readonly item: number;
  outcome: string | undefined;
}

class Model {
  readonly capacity: number;
  readonly queue: number[] = [];
  readers: Pending[] = [];
  writers: Pending[] = [];
  closed = false;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  tryAdd(item: number): string {
    if (this.closed) return "closed";
    const reader = this.readers.shift();
    if (reader) reader.outcome = `item ${item}`;
    else if (this.queue.length < this.capacity) this.queue.push(item);
    else return "full";
    return "added";
  }

  tryTake(): number | undefined {
    const writer = this.writers.shift();
    if (writer) {
      writer.outcome = "added";
      this.queue.push(writer.item);
    }
    return this.queue.shift();
  }

  start(pending: Pending, doomed: boolean): void {
    if (pending.kind === "add") {
      const result = this.tryAdd(pending.item);
      if (result !== "full") pending.outcome = result;
      else if (doomed) pending.outcome = "cancelled";
      else this.writers.push(pending);
      return;
    }
    const item = this.tryTake();
    if (item !== undefined) pending.outcome = `item ${item}`;
    else if (this.closed) pending.outcome = "closed";
    else if (doomed) pending.outcome = "cancelled";
    else this.readers.push(pending);
  }

  cancel(pending: Pending): void {
    pending.outcome ??= "cancelled";
    this.readers = this.readers.filter((other) => other !== pending);
    this.writers = this.writers.filter((other) => other !== pending);
  }

  close(): void {
    this.closed = true;
    for (const pending of [...this.writers, ...this.readers]) pending.outcome = "closed";
    this.readers = this.writers = [];
  }
}

/** A started operation: its place in the model, and what it has really done. */
interface Started {
  readonly pending: Pending;
  context: CancelContext;
  real: string | undefined;
}

function* operate(stream: Stream<number>, { kind, item }: Pending): Op<string> {
  try {
    if (kind === "add") {
      yield* stream.add(item);
      return "added";
    }
    if (kind === "take") return `item ${yield* stream.take()}`;
    const items = stream.iterate();
    return (yield* items.next()) ? `item ${items.value}` : "closed";
  } catch (error) {
    if (error instanceof Cancelled) return "cancelled";
    if (error instanceof StreamClosed) return "closed";
    throw error;
  }
}

function tryAdd(stream: Stream<number>, item: number): string {
  try {
    return stream.tryAdd(item) ? "added" : "full";
  } catch (error) {
    if (error instanceof StreamClosed) return "closed";
    throw error;
  }
}

function waitingOn(stream: Stream<number>): [writers: number, readers: number] {
  const match = /(\d+) waiting to add, (\d+) to take$/.exec(stream.dump())!;
  return [Number(match[1]), Number(match[2])];
}

it("ST-23 RB-40 a stream does what its model does, whatever is cancelled and whenever it is closed", () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2, 5, Infinity), commands, (capacity, program) => {
      run(() =>
        Switch.run(function* (sw) {
          const stream = new Stream<number>(capacity);
          const model = new Model(capacity);
          const started: Started[] = [];
          let nextItem = 1;
          for (const command of program) {
            switch (command.type) {
              case "start": {
                const pending: Pending = { kind: command.kind, item: nextItem++, outcome: undefined };
                model.start(pending, command.doomed);
                yield* Fiber.fork(sw, () =>
                  Cancel.sub(function* (context) {
                    const one: Started = { pending, context, real: undefined };
                    started.push(one);
                    if (command.doomed) context.cancel("doomed");
                    one.real = yield* operate(stream, pending);
                  }),
                );
                break;
              }
              case "cancel": {
                const one = started[command.which];
                if (!one || one.context.isFinished) break;
                model.cancel(one.pending);
                one.context.cancel("cancel");
                break;
              }
              case "tryAdd":
                expect(tryAdd(stream, nextItem)).toBe(model.tryAdd(nextItem));
                nextItem++;
                break;
              case "tryTake":
                expect(stream.tryTake()?.value).toBe(model.tryTake());
                break;
              case "turn":
                yield* Fiber.yield();
                // Whatever was decided before the turn has come about in it.
                for (const { pending, real } of started) expect(real).toBe(pending.outcome);
                break;
              case "close":
                stream.close();
                model.close();
            }
            expect([stream.length, stream.isEmpty(), stream.isClosed()]).toEqual([
              model.queue.length,
              model.queue.length === 0,
              model.closed,
            ]);
            const [writers, readers] = waitingOn(stream);
            expect([writers, readers]).toEqual([model.writers.length, model.readers.length]);
            expect(Math.min(writers, readers)).toBe(0);
          }
          for (const { context, pending } of started) {
            if (context.isFinished) continue;
            model.cancel(pending);
            context.cancel("the end");
          }
          yield* Fiber.yield();
          for (const { pending, real } of started) expect(real).toBe(pending.outcome);
          expect(waitingOn(stream)).toEqual([0, 0]);
        }),
      );
    }),
    { numRuns: 2000 },
  );
});

// How many turns to wait before each attempt, and how many turns an attempt may take before it is given up.
const attempts = fc.array(fc.tuple(fc.nat(3), fc.nat(6)), { maxLength: 12 });

function* turns(count: number): Op<void> {
  for (let i = 0; i < count; i++) yield* Fiber.yield();
}

it("ST-23 PT-04 what was sent and reported is what was received, however many attempts are given up", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 0, 1, 3),
      fc.array(attempts, { minLength: 1, maxLength: 4 }),
      fc.array(attempts, { minLength: 1, maxLength: 4 }),
      (capacity, producers, consumers) => {
        const stream = new Stream<number>(capacity);
        const sent: number[] = [];
        const received: number[] = [];
        let nextItem = 1;
        const attempt = (operation: () => Op<void>, patience: number) => Fiber.first(operation, () => turns(patience));
        run(() =>
          Fiber.all([
            ...producers.map(
              (script) =>
                function* (): Op<void> {
                  for (const [pause, patience] of script) {
                    yield* turns(pause);
                    const item = nextItem++;
                    yield* attempt(function* () {
                      yield* stream.add(item);
                      sent.push(item);
                    }, patience);
                  }
                },
            ),
            ...consumers.map(
              (script) =>
                function* (): Op<void> {
                  const items = stream.iterate();
                  for (const [pause, patience] of script) {
                    yield* turns(pause);
                    yield* attempt(function* () {
                      if (yield* items.next()) received.push(items.value);
                    }, patience);
                  }
                },
            ),
          ]),
        );
        expect(waitingOn(stream)).toEqual([0, 0]);
        for (let item = stream.tryTake(); item; item = stream.tryTake()) received.push(item.value);
        expect(received.sort((a, b) => a - b)).toEqual(sent.sort((a, b) => a - b));
      },
    ),
    { numRuns: 1000 },
  );
});

it("ST-22 one producer puts A and closes, two consumers take: one gets A and the other the end, in every order", () => {
  const outcomes = new Set<string>();
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  for (const capacity of [0, 1]) {
    for (const order of orders) {
      for (let delays = 0; delays < 4 ** 4; delays++) {
        const delay = (which: number) => turns((delays >> (2 * which)) & 3);
        const stream = new Stream<string>(capacity);
        const got = ["", ""];
        const consumer = (which: number) =>
          function* (): Op<void> {
            yield* delay(which);
            try {
              got[which] = yield* stream.take();
            } catch (error) {
              got[which] = String(error);
            }
          };
        const fibers = [
          consumer(0),
          consumer(1),
          function* (): Op<void> {
            yield* delay(2);
            yield* stream.add("A");
            yield* delay(3);
            stream.close();
          },
        ];
        run(() => Fiber.all(order.map((which) => fibers[which]!)));
        outcomes.add(got.join(", "));
      }
    }
  }
  const closed = "StreamClosed: Stream closed";
  expect([...outcomes].sort()).toEqual([`A, ${closed}`, `${closed}, A`]);
});
