// Node's streams, for the conformance suites.

import { Duplex, Readable, Writable } from "node:stream";
import { EndOfFile, Switch, type Op, type Sink, type Source as Bytes } from "trestle";
import * as streamsOf from "@trestle/bridges/streams";
import { text, bytes } from "../flows.js";
import type { Flow, Source } from "../incoming.js";
import type { HandOver } from "../outgoing.js";
import type { Outcome, Sides } from "./world.js";

/** A stream of its own for each wait, and what is done with it. */
export interface Kind<S> {
  readonly make: () => S;
  readonly adopt: (sw: Switch, stream: S, owned: boolean) => () => Op<unknown>;
  readonly settle: (stream: S, value: unknown) => void;
  readonly fail: (stream: S, error: unknown) => void;
  readonly ended: (stream: S) => boolean;
  /** Whether a fiber waits for it. */
  readonly waiting: (stream: S) => boolean;
}

/** A source whose every wait has a stream of its own. */
export const streaming =
  <S>(kind: Kind<S>) =>
  (): Source => {
    const streams: S[] = [];
    const adopt = (sw: Switch, owned: boolean): Flow => {
      const stream = kind.make();
      streams.push(stream);
      return {
        step: kind.adopt(sw, stream, owned),
        settle: (value) => kind.settle(stream, value),
        fail: (error) => kind.fail(stream, error),
        ended: () => kind.ended(stream),
      };
    };
    return {
      op: new InSwitch((sw) => adopt(sw, false).step()),
      settle: (value) => {
        for (const stream of streams) kind.settle(stream, value);
      },
      fail: (error) => {
        for (const stream of streams) kind.fail(stream, error);
      },
      touched: () => streams.length,
      registered: () => streams.filter(kind.waiting).length,
      adopt,
    };
  };

class InSwitch implements Op<unknown> {
  private readonly body: (sw: Switch) => Op<unknown>;

  constructor(body: (sw: Switch) => Op<unknown>) {
    this.body = body;
  }

  [Symbol.iterator]() {
    return Switch.run((sw) => this.body(sw))[Symbol.iterator]();
  }
}

/** What one read gives, as text. */
export const reading = (source: Bytes) =>
  function* (): Op<string> {
    const buffer = new Uint8Array(64);
    return text(buffer.subarray(0, yield* source.read(buffer)));
  };

/** Somebody else listens for errors of a stream that is not owned. */
function heard<S extends Readable | Writable>(stream: S): S {
  stream.on("error", () => {});
  return stream;
}

const readable = (make: () => Readable, adopt: (sw: Switch, stream: Readable, owned: boolean) => () => Op<unknown>) =>
  streaming<Readable>({
    make: () => heard(make()),
    adopt,
    settle: (stream, value) => void (stream.readableEnded || stream.push(value)),
    fail: (stream, error) => void stream.destroy(error as Error),
    ended: (stream) => stream.destroyed,
    waiting: (stream) => stream.listenerCount("readable") > 0,
  });

/** Takes one chunk, and answers for it by hand. */
class Slow extends Writable {
  private answers: ((error?: Error | null) => void)[] = [];
  last: unknown;

  override _write(_chunk: unknown, _encoding: string, answer: (error?: Error | null) => void): void {
    this.answers.push(answer);
  }

  answer(error?: unknown): void {
    for (const answer of this.answers.splice(0)) answer(error as Error | undefined);
  }
}

const writable = streaming<Slow>({
  make: () => heard(new Slow({ highWaterMark: 1 })),
  adopt: (sw, stream, owned) => {
    const sink = streamsOf.fromWritable(sw, stream, { owned });
    return function* () {
      yield* sink.write(bytes("chunk"));
      return stream.last;
    };
  },
  settle: (stream, value) => {
    stream.last ??= value;
    stream.answer();
  },
  fail: (stream, error) => void (stream.destroy(error as Error), stream.answer(error)),
  ended: (stream) => stream.destroyed,
  waiting: (stream) => stream.listenerCount("drain") > 0,
});

/** A cursor, one item at a time. */
export const taking = (items: { next(): Op<boolean>; readonly value: unknown }) =>
  function* (): Op<unknown> {
    if (!(yield* items.next())) throw new EndOfFile();
    return items.value;
  };

/** A source whose one read is what `body` gives. */
export function sourceOf(body: () => Op<unknown>, value: (value: unknown) => void): Bytes {
  return {
    *read(buffer: Uint8Array): Op<number> {
      value(yield* body());
      buffer[0] = 1;
      return 1;
    },
  };
}

/** A sink whose one write does what `body` does. */
export function sinkOf(body: () => Op<unknown>, value: (value: unknown) => void): Sink {
  return {
    *write(): Op<void> {
      value(yield* body());
    },
    *close(): Op<void> {},
  };
}

/** Items of which the only one is what `body` gives. */
export function itemsOf(body: () => Op<unknown>) {
  let given = false;
  return {
    value: undefined as unknown,
    *next(): Op<boolean> {
      if (given) return false;
      given = true;
      this.value = yield* body();
      return true;
    },
  };
}

type Make = (body: () => Op<unknown>, value: (value: unknown) => void, options: { sw?: Switch }) => object;

/** Hands a stream over, has it work, and sees what it does. */
const streamed =
  (make: Make, work: (stream: Duplex, tell: (outcome: Outcome) => void) => void): HandOver =>
  (body, sw) => {
    let tell!: (outcome: Outcome) => void;
    const outcome = new Promise<Outcome>((resolve) => (tell = resolve));
    const stream = make(body, (value) => tell({ value }), sw ? { sw } : {}) as Duplex;
    let failed: unknown;
    stream.on("error", (error) => {
      failed = error;
      tell({ error });
    });
    work(stream, tell);
    const stopped = new Promise<unknown>((resolve) => stream.on("close", () => resolve(failed)));
    return { outcome, stop: () => void stream.destroy(), stopped };
  };

const read = (stream: Readable) => void stream.read();
const write = (stream: Writable) => void stream.write("x");

export const streams: Sides = {
  incoming: {
    fromReadable: [
      readable(
        () => new Readable({ read() {} }),
        (sw, stream, owned) => reading(streamsOf.fromReadable(sw, stream, { owned })),
      ),
      { answersLater: true, truthy: true, bytes: true },
    ],
    fromWritable: [writable, { answersLater: true, truthy: true }],
    fromDuplex: [
      readable(
        () => new Duplex({ read() {}, write() {} }),
        (sw, stream, owned) => reading(streamsOf.fromDuplex(sw, stream as Duplex, { owned })),
      ),
      { answersLater: true, truthy: true, bytes: true },
    ],
    fromObjects: [
      readable(
        () => new Readable({ objectMode: true, read() {} }),
        (sw, stream, owned) => taking(streamsOf.fromObjects(sw, stream, { owned })),
      ),
      { answersLater: true, truthy: true },
    ],
  },
  outgoing: {
    toReadable: [streamed((body, value, options) => streamsOf.toReadable(sourceOf(body, value), options), read)],
    toWritable: [streamed((body, value, options) => streamsOf.toWritable(sinkOf(body, value), options), write)],
    toDuplex: [
      streamed(
        (body, value, options) => streamsOf.toDuplex({ ...sourceOf(body, value), ...sinkOf(body, value) }, options),
        read,
      ),
    ],
    toObjectReadable: [
      streamed(
        (body, _value, options) => streamsOf.toObjectReadable(itemsOf(body), options),
        (stream, tell) => {
          stream.on("readable", () => {
            const value: unknown = stream.read();
            if (value !== null) tell({ value });
          });
        },
      ),
    ],
  },
};
