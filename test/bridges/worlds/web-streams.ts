// The streams of the web, for the conformance suites.

import type { Op, Switch } from "trestle";
import * as streamsOf from "@trestle/bridges/web-streams";
import { bytes } from "../flows.js";
import type { HandOver } from "../outgoing.js";
import { itemsOf, reading, sinkOf, sourceOf, streaming, taking } from "./streams.js";
import { failure, settled, type Outcome, type Sides } from "./world.js";

/** A readable stream that is fed by hand. */
class Fed {
  controller!: ReadableStreamDefaultController<unknown>;
  cancelled = false;
  over = false;
  readonly stream = new ReadableStream<unknown>({
    start: (controller) => void (this.controller = controller),
    cancel: () => void (this.cancelled = true),
  });
}

const readable = (
  adopt: (sw: Switch, stream: ReadableStream<unknown>, owned: boolean) => () => Op<unknown>,
  chunk: (value: unknown) => unknown,
) =>
  streaming<Fed>({
    make: () => new Fed(),
    adopt: (sw, fed, owned) => adopt(sw, fed.stream, owned),
    settle: (fed, value) => void (fed.over || fed.controller.enqueue(chunk(value))),
    fail: (fed, error) => {
      fed.over = true;
      fed.controller.error(error);
    },
    ended: (fed) => fed.cancelled,
    waiting: (fed) => fed.stream.locked,
  });

/** A writable stream whose writes are answered by hand. */
class Taken {
  last: unknown;
  aborted = false;
  controller!: WritableStreamDefaultController;
  private answers: (() => void)[] = [];
  private answered = false;
  readonly stream = new WritableStream<Uint8Array>({
    start: (controller) => void (this.controller = controller),
    // A write may come a turn after the answer that is meant for it.
    write: () => (this.answered ? Promise.resolve() : new Promise<void>((resolve) => this.answers.push(resolve))),
    abort: () => void (this.aborted = true),
  });

  answer(): void {
    this.answered = true;
    for (const answer of this.answers.splice(0)) answer();
  }
}

const writable = streaming<Taken>({
  make: () => new Taken(),
  adopt: (sw, taken, owned) => {
    const sink = streamsOf.fromWritableStream(sw, taken.stream, { owned });
    return function* () {
      yield* sink.write(bytes("chunk"));
      return taken.last;
    };
  },
  settle: (taken, value) => {
    taken.last ??= value;
    taken.answer();
  },
  fail: (taken, error) => {
    taken.controller.error(error);
    taken.answer();
  },
  ended: (taken) => taken.aborted,
  waiting: (taken) => taken.stream.locked,
});

type Make<S> = (body: () => Op<unknown>, value: (value: unknown) => void, options: { sw?: Switch }) => S;

/** Hands a stream over, and has it work once. */
const streamed =
  <S>(
    make: Make<S>,
    work: (stream: S) => { readonly done: Promise<unknown>; readonly stop: (reason: unknown) => Promise<unknown> },
  ): HandOver =>
  (body, sw) => {
    let tell!: (outcome: Outcome) => void;
    const outcome = new Promise<Outcome>((resolve) => (tell = resolve));
    const { done, stop } = work(make(body, (value) => tell({ value }), sw ? { sw } : {}));
    void settled(done).then((ended) => "error" in ended && tell(ended));
    let stopped!: (error: unknown) => void;
    return {
      outcome,
      stop: (reason) => void failure(stop(reason)).then(stopped),
      stopped: new Promise<unknown>((resolve) => (stopped = resolve)),
    };
  };

const read = (stream: unknown) => {
  const reader = (stream as ReadableStream<unknown>).getReader();
  return { done: reader.read(), stop: (reason: unknown) => reader.cancel(reason) };
};

const write = (stream: unknown) => {
  const writer = (stream as WritableStream<Uint8Array>).getWriter();
  writer.closed.catch(() => {});
  return { done: writer.write(bytes("x")), stop: (reason: unknown) => writer.abort(reason) };
};

/** Items that say what they give. */
function telling(body: () => Op<unknown>, value: (value: unknown) => void) {
  return itemsOf(function* () {
    const item = yield* body();
    value(item);
    return item;
  });
}

export const webStreams: Sides = {
  incoming: {
    fromReadableStream: [
      readable(
        (sw, stream, owned) =>
          reading(streamsOf.fromReadableStream(sw, stream as ReadableStream<Uint8Array>, { owned })),
        (value) => bytes(String(value)),
      ),
      { answersLater: true },
    ],
    fromWritableStream: [writable, { answersLater: true }],
    fromObjects: [
      readable(
        (sw, stream, owned) => taking(streamsOf.fromObjects(sw, stream, { owned })),
        (value) => value,
      ),
      { answersLater: true },
    ],
  },
  outgoing: {
    toReadableStream: [
      streamed((body, value, options) => streamsOf.toReadableStream(sourceOf(body, value), options), read),
    ],
    toWritableStream: [
      streamed((body, value, options) => streamsOf.toWritableStream(sinkOf(body, value), options), write),
    ],
    toObjectStream: [streamed((body, value, options) => streamsOf.toObjectStream(telling(body, value), options), read)],
  },
};
