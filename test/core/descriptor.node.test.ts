// Node only: descriptors belong to trestle/node.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Deferred, Fiber, InvalidArgument, Switch, SwitchFinishedError, type Op } from "trestle";
import { run } from "trestle/mock";
import { Descriptor } from "trestle/node";
import { transcript, type Note } from "./transcript.js";

const opened = (note: Note, name: string, sw?: Switch) =>
  new Descriptor(name, {
    name,
    sw,
    *release(raw) {
      yield* Fiber.yield();
      note(`${raw} given back`);
    },
  });

/** What goes wrong. */
function* outcome(op: Op<unknown>): Op<string> {
  try {
    return String(yield* op);
  } catch (error) {
    return String(error);
  }
}

describe("Descriptor", () => {
  it("RS-04 RS-05 UX-02 UX-03 RB-08 closed once, and not used after", () => {
    const log = transcript(function* (note) {
      const file = opened(note, "file");
      note(yield* file.use("read", useOf));
      yield* file.close();
      yield* file.close();
      note(`open: ${file.isOpen}`);
      note(yield* outcome(file.use("read", () => expect.unreachable())));
      expect(() => file.now("stat")).toThrow(new InvalidArgument("stat: file descriptor used after calling close!"));
    });
    expect(log).toEqual([
      "used file",
      "file given back",
      "open: false",
      "InvalidArgument: read: file descriptor used after calling close!",
    ]);
  });

  it("RS-06 UX-01 UX-07 RB-28 while somebody uses it, closing waits for the last user", () => {
    const log = transcript(function* (note) {
      const file = opened(note, "file");
      const [gate, open] = Deferred.create<void>();
      const user = (name: string) => () =>
        file.use(name, function* (raw) {
          yield* gate.await();
          note(`${name} still has ${raw}`);
        });
      yield* Fiber.all([
        user("a"),
        user("b"),
        function* () {
          yield* file.close();
          note("closed");
          note(yield* outcome(file.use("read", () => expect.unreachable())));
          open.resolve();
        },
      ]);
    });
    expect(log).toEqual([
      "closed",
      "InvalidArgument: read: file descriptor used after calling close!",
      "a still has file",
      "b still has file",
      "file given back",
    ]);
  });

  it("RS-08 a switch closes what was opened with it, last opened first; what was closed before is not its any more", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        for (const name of ["a", "b", "c"]) {
          const file = opened(note, name, sw);
          if (name === "b") yield* file.close();
        }
        note("end");
      });
    });
    expect(log).toEqual(["b given back", "end", "c given back", "a given back"]);
  });

  it("UX-11 what comes too late for its switch is given back before that throws", () => {
    const log = transcript(function* (note) {
      let late: Switch | undefined;
      yield* Switch.run(function* (sw) {
        late = sw;
        yield* Fiber.yield();
      });
      const op = Descriptor.own("file", {
        name: "file",
        sw: late!,
        *release(raw) {
          yield* Fiber.yield();
          note(`${raw} given back`);
        },
      });
      try {
        yield* op;
      } catch (error) {
        note(error instanceof SwitchFinishedError ? "too late" : "?");
      }
    });
    expect(log).toEqual(["file given back", "too late"]);
  });

  it("UX-04 remove waits for those who use it, gives it away, and the switch forgets it", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        const file = opened(note, "file", sw);
        yield* Fiber.all([
          () =>
            file.use("a", function* () {
              yield* Fiber.yield();
              note("used");
            }),
          function* () {
            note(`removed ${yield* file.remove()}`);
            note(String(yield* file.remove()));
          },
        ]);
        const other = opened(note, "other", sw);
        yield* other.close();
        note(String(yield* other.remove()));
      });
    });
    expect(log).toEqual(["used", "removed file", "undefined", "other given back", "undefined"]);
  });

  it("PT-09 whoever uses and closes it, in whatever order: given back once, never used after", () => {
    const step = fc.record({ close: fc.boolean(), before: fc.nat(4), during: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let released = 0;
        run(function* () {
          yield* Switch.run(function* (sw) {
            const file = new Descriptor("file", {
              name: "file",
              sw,
              *release() {
                yield* Fiber.yield();
                released++;
              },
            });
            yield* Fiber.forEach(steps, function* ({ close, before, during }) {
              for (let i = 0; i < before; i++) yield* Fiber.yield();
              if (close) yield* file.close();
              else if (file.isOpen) {
                yield* file.use("work", function* () {
                  for (let i = 0; i < during; i++) {
                    expect(released).toBe(0);
                    yield* Fiber.yield();
                  }
                });
              }
            });
          });
        });
        expect(released).toBe(1);
      }),
    );
  });
});

function* useOf(raw: string): Op<string> {
  yield* Fiber.yield();
  return `used ${raw}`;
}
