// What compiles at the borders, and what must not.

import { EventEmitter } from "node:events";
import { readFile, stat } from "node:fs";
import pLimit from "p-limit";
import { BehaviorSubject, of, type Observable } from "rxjs";
import { describe, expectTypeOf, it } from "vitest";
import type { Deferred, Op, Result, Switch } from "trestle";
import {
  adopt,
  cancelSignal,
  events,
  firstOf,
  forEachOf,
  fromAsync,
  fromCallback,
  fromLimit,
  fromNode,
  fromObservable,
  fromPromise,
  limited,
  once,
  promiseOf,
  toAsync,
  toPromise,
  withSignal,
  type Done,
  type Subscribed,
} from "@trestle/bridges";

/** Declares a value that has a type only; the functions of this file are compiled and never called. */
declare function some<T>(): T;
const compiled = (_body: () => unknown) => {};

describe("types of promises", () => {
  it("fromPromise and fromAsync", () => {
    compiled(() => {
      expectTypeOf(fromPromise(some<Promise<number>>())).toEqualTypeOf<Op<number>>();
      expectTypeOf(fromPromise(some<PromiseLike<string | undefined>>())).toEqualTypeOf<Op<string | undefined>>();
      expectTypeOf(fromPromise(some<Promise<void>>())).toEqualTypeOf<Op<void>>();
      // @ts-expect-error -- a plain value is not a promise
      fromPromise(42);
      // @ts-expect-error -- a function is called by fromAsync
      fromPromise(() => Promise.resolve(1));
      expectTypeOf(fromAsync(async () => 1)).toEqualTypeOf<Op<number>>();
      expectTypeOf(fromAsync((signal) => fetch("x", { signal }))).toEqualTypeOf<Op<Response>>();
      expectTypeOf(fromAsync(() => "plain")).toEqualTypeOf<Op<string>>();
      fromAsync(async () => 1, { onDiscard: (value) => expectTypeOf(value).toEqualTypeOf<number>() });
      // @ts-expect-error -- there is no such mode
      fromAsync(async () => 1, { onCancel: "detach" });
    });
  });

  it("fromPromise keeps an open type parameter", () => {
    compiled(() => {
      function* wait<T>(promise: Promise<T>): Op<T> {
        return yield* fromPromise(promise);
      }
      return wait;
    });
  });

  it("adopt", () => {
    compiled(() => {
      expectTypeOf(adopt(some<Op<number>>())).toEqualTypeOf<Op<number>>();
      expectTypeOf(adopt(some<Op<number> | undefined>())).toEqualTypeOf<Op<number | undefined>>();
      expectTypeOf(adopt(some<Op<number> | null | undefined>())).toEqualTypeOf<Op<number | null | undefined>>();
      expectTypeOf(adopt(some<Promise<number>>())).toEqualTypeOf<Op<number>>();
      expectTypeOf(adopt(some<number | Promise<string>>())).toEqualTypeOf<Op<number | string>>();
      expectTypeOf(adopt(some<number[]>())).toEqualTypeOf<Op<number[]>>();
      expectTypeOf(adopt(some<[number, string]>())).toEqualTypeOf<Op<[number, string]>>();
      expectTypeOf(adopt(some<readonly string[]>())).toEqualTypeOf<Op<readonly string[]>>();
      expectTypeOf(adopt("text")).toEqualTypeOf<Op<string>>();
      expectTypeOf(adopt(some<Map<string, number>>())).toEqualTypeOf<Op<Map<string, number>>>();
      expectTypeOf(adopt(some<Generator<never, number>>())).toEqualTypeOf<Op<number>>();
      function* result() {
        // eslint-disable-next-line @typescript-eslint/no-explicit-any
        return (yield* adopt(some<any>())) as unknown extends infer U ? U : never;
      }
      // eslint-disable-next-line @typescript-eslint/no-explicit-any
      expectTypeOf(adopt(some<any>())).toEqualTypeOf<Op<any>>();
      return result;
    });
  });

  it("toPromise and promiseOf", () => {
    compiled(() => {
      expectTypeOf(toPromise(() => some<Op<number>>())).toEqualTypeOf<Promise<number>>();
      expectTypeOf(
        toPromise(function* () {
          return yield* fromPromise(some<Promise<string>>());
        }),
      ).toEqualTypeOf<Promise<string>>();
      expectTypeOf(promiseOf(some<Deferred<Result<number>>>())).toEqualTypeOf<Promise<number>>();
      // @ts-expect-error -- an async function is no fiber function
      void toPromise(async () => 1);
      // @ts-expect-error -- there is no such option
      void toPromise(function* () {}, { timeout: 1 });
    });
  });

  it("toAsync keeps this, parameters, context and type parameters", () => {
    compiled(() => {
      expectTypeOf(
        toAsync(function* (x: number, ...rest: string[]) {
          return rest.length + x;
        }),
      ).toEqualTypeOf<(this: unknown, x: number, ...rest: string[]) => Promise<number>>();

      const typed: (x: number) => Promise<string> = toAsync(function* (x) {
        return x.toFixed();
      });
      const mapped = ["a"].map(
        toAsync(function* (x, i) {
          return `${x}${i.toFixed()}`;
        }),
      );
      expectTypeOf(mapped).toEqualTypeOf<Promise<string>[]>();

      const generic = toAsync(function* <T>(x: T, other: Promise<T>) {
        return [x, yield* fromPromise(other)];
      });
      expectTypeOf(generic(1, Promise.resolve(2))).toEqualTypeOf<Promise<number[]>>();
      expectTypeOf(generic("a", Promise.resolve("b"))).toEqualTypeOf<Promise<string[]>>();

      const method = toAsync(function* (this: { base: number }, x: number) {
        return this.base + x;
      });
      expectTypeOf(method).toEqualTypeOf<(this: { base: number }, x: number) => Promise<number>>();
      const object: { base: number; add(x: number): Promise<number> } = { base: 1, add: method };
      // @ts-expect-error -- a string is no number
      void typed("x");
      // @ts-expect-error -- an async function is async already
      toAsync(async () => 1);
      return object;
    });
  });
});

describe("types of other borders", () => {
  it("signals", () => {
    compiled(() => {
      expectTypeOf(cancelSignal()).toEqualTypeOf<Op<AbortSignal>>();
      expectTypeOf(withSignal(some<AbortSignal | undefined>(), () => some<Op<number>>())).toEqualTypeOf<Op<number>>();
      // @ts-expect-error -- a controller is no signal
      withSignal(new AbortController(), () => some<Op<number>>());
    });
  });

  it("observables", () => {
    compiled(() => {
      expectTypeOf(firstOf(of("a"))).toEqualTypeOf<Op<string>>();
      expectTypeOf(firstOf(of("a"), { default: undefined })).toEqualTypeOf<Op<string | undefined>>();
      expectTypeOf(fromObservable(some<Switch>(), new BehaviorSubject(1))).toEqualTypeOf<Op<Subscribed<number>>>();
      expectTypeOf(some<Subscribed<number>>().next()).toEqualTypeOf<Op<number | Done>>();
      forEachOf(some<Observable<{ id: number }>>(), function* (value) {
        expectTypeOf(value).toEqualTypeOf<{ id: number }>();
      });
      // @ts-expect-error -- a promise is no observable
      firstOf(Promise.resolve(1));
    });
  });

  it("events", () => {
    compiled(() => {
      expectTypeOf(once(new EventEmitter(), "x")).toEqualTypeOf<Op<unknown[]>>();
      expectTypeOf(once(new EventTarget(), "x")).toEqualTypeOf<Op<Event>>();
      expectTypeOf(once<MessageEvent>(new EventTarget(), "x")).toEqualTypeOf<Op<MessageEvent>>();
      expectTypeOf(events(some<Switch>(), new EventEmitter(), "x")).toEqualTypeOf<Op<Subscribed<unknown[]>>>();
      // @ts-expect-error -- nothing to listen to
      once({}, "x");
    });
  });

  it("callbacks", () => {
    compiled(() => {
      expectTypeOf(fromCallback<number>((ok) => ok(1))).toEqualTypeOf<Op<number>>();
      // @ts-expect-error -- not the type of the value
      fromCallback<number>((ok) => ok("1"));
      const div = (a: number, b: number, cb: (error: Error | null, value: number) => void) => cb(null, a / b);
      expectTypeOf(fromNode(div)(4, 2)).toEqualTypeOf<Op<number>>();
      // @ts-expect-error -- one argument is missing
      fromNode(div)(4);
      fromNode(stat);
      fromNode(readFile);
      const plain = (cb: (error?: Error | null) => void) => cb();
      expectTypeOf(fromNode(plain)()).toExtend<Op<unknown>>();
      const object = { get: (key: string, cb: (error: Error | null, value: Date) => void) => cb(null, new Date(key)) };
      expectTypeOf(fromNode(object, "get")("x")).toEqualTypeOf<Op<Date>>();
      const client = {
        connect(_port: number, done: (error: Error | null) => void) {
          done(null);
        },
      };
      expectTypeOf(fromNode(client, "connect")(80)).toEqualTypeOf<Op<void>>();
      // @ts-expect-error -- a port is missing
      fromNode(client, "connect")();
    });
  });

  it("limits", () => {
    compiled(() => {
      const load = limited(2, function* (url: string, _tries?: number) {
        return url.length;
      });
      expectTypeOf(load).toEqualTypeOf<(url: string, _tries?: number) => Op<number>>();
      expectTypeOf(fromLimit(pLimit(2)).withPermit(() => some<Op<number>>())).toEqualTypeOf<Op<number>>();
    });
  });
});
