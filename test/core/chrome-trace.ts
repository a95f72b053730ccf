// What the tests of trace files share: a program to record, and what a viewer demands of a file.

import { expect } from "vitest";
import { Deferred, Fiber, Switch, type Op, type Resolver } from "trestle";
import { run } from "trestle/mock";
import * as Trace from "trestle/trace";
import type { ChromeTrace } from "trestle/trace";

/** Throws unless a viewer can make sense of it: what the trace-event format demands. */
export function validate({ traceEvents, displayTimeUnit }: ChromeTrace): void {
  expect(displayTimeUnit).toBe("ms");
  const open = new Map<string, string[]>();
  const times = new Map<string, number>();
  const arrows = new Map<string, string>();
  const scopes = new Map<string, string>();
  const named = new Set<string>();
  for (const event of traceEvents) {
    const must = (holds: boolean, what: string) => {
      if (!holds) throw new Error(`${what}: ${JSON.stringify(event)}`);
    };
    const { ph, name, ts, pid, tid } = event;
    must(typeof name === "string", "names are strings");
    must(Number.isInteger(pid) && pid > 0, "processes are numbered from 1");
    must(Number.isInteger(tid) && tid > 0 && tid < 2 ** 31, "tracks are numbered from 1");
    const track = `${pid}/${tid}`;
    if (ph === "M") {
      if (name === "thread_name") named.add(track);
      must(Object.keys(event.args ?? {}).length > 0, "titles say something");
      continue;
    }
    must(named.has(track), "each track is named first");
    must(Number.isFinite(ts) && ts >= (times.get(track) ?? -Infinity), "time goes forward");
    times.set(track, ts);
    const stack = open.get(track) ?? [];
    open.set(track, stack);
    const key = `${event.cat} ${event.id}`;
    switch (ph) {
      case "B":
        stack.push(name);
        break;
      case "E":
        must(stack.pop() === name, "slices end in the reverse order of their begins");
        break;
      case "s":
        must(stack.at(-1) === "running" && !arrows.has(key), "arrows begin in a slice, once");
        arrows.set(key, name);
        break;
      case "f":
        must(stack.at(-1) === "running" && event.bp === "e", "arrows end at the slice around");
        must(arrows.get(key) === name, "arrows have two ends");
        arrows.delete(key);
        break;
      case "b":
        must(!scopes.has(key), "scopes begin once");
        scopes.set(key, name);
        break;
      case "e":
        must(scopes.get(key) === name, "scopes end after their begin");
        scopes.delete(key);
        break;
      case "i":
        must(event.s === "p" || event.s === "t", "marks belong to a track or to a process");
        break;
    }
  }
  for (const stack of open.values()) expect(stack).toEqual([]);
  expect([...arrows.keys(), ...scopes.keys()]).toEqual([]);
}

function* asking(ready: Deferred<void>): Op<void> {
  yield* Trace.withSpan("ask", function* () {
    yield* Trace.withSpan("twice", () => ready.await());
    yield* Fiber.yield();
  });
}

function* answering(resolver: Resolver<void>): Op<void> {
  yield* Fiber.yield();
  Trace.log("now");
  resolver.resolve();
}

/** Two fibers, of which one waits for the other. */
export const answered = () =>
  run(function* main() {
    const [ready, resolver] = Deferred.create<void>({ label: "ready" });
    yield* Switch.run(
      function* (sw) {
        yield* Fiber.fork(sw, () => asking(ready), { name: "asks" });
        yield* Fiber.fork(sw, () => answering(resolver), { name: "answers" });
      },
      { name: "both" },
    );
  });
