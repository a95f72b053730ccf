// Node only: it starts a compiler.

/** Lwt for real: an OCaml program, compiled by js_of_ocaml in this run, and fibers wait for, fail with and cancel each other's promises. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, onUnhandledError, Switch, type Op } from "trestle";
import { fromLwt, LwtCanceled, LwtError, toLwt, type LwtTask } from "@trestle/bridges/lwt";
import { toPromise } from "@trestle/bridges";
import { run } from "trestle/node";

interface Program {
  readonly log: string[];
  now(n: number): LwtTask<number>;
  pick(name: string): LwtTask<number>;
  work(): LwtTask<void>;
  forever(): LwtTask<void>;
  canceled(): LwtTask<void>;
  await(task: LwtTask<number>): LwtTask<string>;
  pass(task: LwtTask<number>): LwtTask<number>;
  limit(seconds: number, task: LwtTask<number>): LwtTask<string>;
  sum(a: LwtTask<number>, b: LwtTask<number>): LwtTask<number>;
}

const has = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: "ignore" }).status === 0;
const compilers =
  has("js_of_ocaml", "--version") && has("ocamlfind", "query", "js_of_ocaml-lwt", "js_of_ocaml-ppx", "lwt");
if (!compilers) {
  console.warn(
    "Lwt is not tested here: js_of_ocaml is missing " +
      "(apt-get install js-of-ocaml libjs-of-ocaml-dev liblwt-ocaml-dev ocaml-findlib ocaml-nox)",
  );
}

const top = join(import.meta.dirname, "..", "..");
let folder: string;
let program: Program;
let another: Program;

function compile(): void {
  folder = mkdtempSync(join(tmpdir(), "trestle-lwt-"));
  for (const name of ["trestle_lwt.mli", "trestle_lwt.ml"])
    copyFileSync(join(top, "bridges/ocaml", name), join(folder, name));
  copyFileSync(join(import.meta.dirname, "lwt/program.ml"), join(folder, "program.ml"));
  const inFolder = { cwd: folder, stdio: ["ignore", "inherit", "inherit"] as const };
  const packages = "js_of_ocaml,js_of_ocaml-lwt,js_of_ocaml-ppx,lwt";
  const sources = ["trestle_lwt.mli", "trestle_lwt.ml", "program.ml"];
  execFileSync(
    "ocamlfind",
    ["ocamlc", "-package", packages, "-linkpkg", ...sources, "-o", "program.byte"],
    inFolder as never,
  );
  for (const name of ["program.js", "another.js"])
    execFileSync("js_of_ocaml", ["program.byte", "-o", name], inFolder as never);
  const require = createRequire(join(folder, "main.js"));
  program = (require("./program.js") as { program: Program }).program;
  another = (require("./another.js") as { program: Program }).program;
}

const failing = (error: unknown) =>
  function* (): Op<number> {
    yield* Fiber.yield();
    throw error;
  };

function* forty(): Op<number> {
  yield* Fiber.yield();
  return 40;
}

const thrownBy = async (op: Op<unknown>): Promise<unknown> =>
  run(function* () {
    try {
      yield* op;
    } catch (error) {
      return error;
    }
    throw new Error("nothing was thrown");
  });

describe.skipIf(!compilers)("Lwt", () => {
  beforeAll(compile, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("a fiber waits for a promise that has ended, and for one that has not", async () => {
    const lengths = await run(function* () {
      return [yield* fromLwt(program.now(3)), yield* fromLwt(() => program.pick("apple"))];
    });
    expect(lengths).toEqual([3, 5]);
  });

  it("the fiber that a promise wakes runs after the code that woke it", async () => {
    const log: string[] = [];
    await run(function* (env) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* () {
          yield* fromLwt(program.now(1));
          log.push("resumed");
        });
        log.push("forked");
        yield* env.clock.sleep(0);
        log.push("later");
      });
    });
    expect(log).toEqual(["forked", "resumed", "later"]);
  });

  it("an exception keeps its constructor name and message", async () => {
    const outOfStock = await thrownBy(fromLwt(() => program.pick("nothing")));
    expect(outOfStock).toBeInstanceOf(LwtError);
    expect((outOfStock as LwtError).constructorName).toBe("Program.Out_of_stock");
    expect((outOfStock as LwtError).message).toBe('Program.Out_of_stock("nothing")');
    const failure = (await thrownBy(fromLwt(() => program.pick("broken")))) as LwtError;
    expect([failure.constructorName, failure.message]).toEqual(["Failure", "the shelf is broken"]);
  });

  it("Lwt.Canceled is Cancelled", async () => {
    const error = await thrownBy(fromLwt(program.canceled()));
    expect(error).toBeInstanceOf(Cancelled);
    expect((error as Cancelled).reason).toBeInstanceOf(LwtError);
  });

  it("a fiber that is cancelled cancels the promise that it has started, and waits for the clean-up", async () => {
    program.log.length = 0;
    await run(function* () {
      yield* Fiber.first(
        () => fromLwt(() => program.work()),
        function* () {
          yield* fromLwt(() => program.pick("apple"));
        },
      );
      program.log.push("the fiber goes on");
    });
    expect(program.log).toEqual(["work begins", "cleaned up", "the fiber goes on"]);
  });

  it("a promise that somebody else started is cancelled and not waited for", async () => {
    program.log.length = 0;
    const work = program.work();
    await run(function* () {
      yield* Fiber.first(
        () => fromLwt(work),
        function* () {
          yield* Fiber.yield();
        },
      );
      program.log.push("the fiber goes on");
      yield* fromLwt(() => program.pick("a while"));
    });
    expect(program.log).toEqual(["work begins", "the fiber goes on", "cleaned up"]);
  });

  it("a wait for a promise that cannot be cancelled is given up, again and again", async () => {
    const error = await thrownBy(
      Cancel.sub(function* (cc) {
        cc.cancel("enough");
        yield* fromLwt(program.forever());
      }),
    );
    expect((error as Cancelled).reason).toBe("enough");
    await run(function* () {
      for (let i = 0; i < 10_000; i++) yield* Fiber.first(() => fromLwt(program.forever()), Fiber.yieldNow);
    });
  });

  it("in a cancelled fiber nothing is called", async () => {
    let called = false;
    await thrownBy(
      Cancel.sub(function* (cc) {
        cc.cancel("enough");
        yield* fromLwt(() => {
          called = true;
          return program.now(1);
        });
      }),
    );
    expect(called).toBe(false);
  });

  it("OCaml code waits for a fiber", async () => {
    const texts = await run(function* () {
      return [
        yield* fromLwt(() => program.await(toLwt(forty))),
        yield* fromLwt(() =>
          program.await(
            toLwt(function* () {
              return 2;
            }),
          ),
        ),
        yield* fromLwt(() => program.sum(toLwt(forty), toLwt(forty))),
      ];
    });
    expect(texts).toEqual(["got 40", "got 2", 80]);
  });

  it("a fiber's body runs at once, up to its first suspension", () => {
    const log: string[] = [];
    toLwt(function* () {
      log.push("begun");
      yield* Fiber.yield();
    });
    log.push("after");
    expect(log).toEqual(["begun", "after"]);
  });

  it("a fiber's failure reaches OCaml by name and message, and comes back as the same object", async () => {
    const error = new RangeError("too far");
    const text = await run(() => fromLwt(() => program.await(toLwt(failing(error)))));
    expect(text).toBe("fiber failed: RangeError: too far");
    expect(await thrownBy(fromLwt(() => program.pass(toLwt(failing(error)))))).toBe(error);
    expect(await thrownBy(fromLwt(() => program.pass(toLwt(failing("a text")))))).toBe("a text");
  });

  it("an exception that comes home is the original one; to another program it is a failure like others", async () => {
    const outOfStock = await thrownBy(fromLwt(() => program.pick("nothing")));
    const home = await run(() => fromLwt(() => program.await(toLwt(failing(outOfStock)))));
    expect(home).toBe("out of stock: nothing");
    const abroad = await run(() => fromLwt(() => another.await(toLwt(failing(outOfStock)))));
    expect(abroad).toBe('fiber failed: Program.Out_of_stock: Program.Out_of_stock("nothing")');
  });

  it("Lwt.cancel cancels the fiber, whose clean-up runs", async () => {
    const log: string[] = [];
    const text = await run(() =>
      fromLwt(() =>
        program.limit(
          0.005,
          toLwt(function* () {
            try {
              return yield* Fiber.awaitCancel();
            } catch (error) {
              log.push(String((error as Cancelled).reason instanceof LwtCanceled));
              throw error;
            }
          }),
        ),
      ),
    );
    expect([text, log]).toEqual(["too late", ["true"]]);
  });

  it("a cancelled fiber is Lwt.Canceled, through OCaml and back", async () => {
    const cancelledFiber = () =>
      toLwt(() =>
        Cancel.sub(function* (cc) {
          cc.cancel("enough");
          yield* Fiber.yield();
          return 1;
        }),
      );
    expect(await run(() => fromLwt(() => program.await(cancelledFiber())))).toBe("canceled");
    expect(await thrownBy(fromLwt(() => program.pass(cancelledFiber())))).toBeInstanceOf(Cancelled);
  });

  it("cancelling a fiber reaches a fiber behind OCaml code, and each waits for the other's clean-up", async () => {
    const log: string[] = [];
    await run(function* () {
      yield* Fiber.first(
        function* () {
          yield* fromLwt(() =>
            program.pass(
              toLwt(function* () {
                try {
                  return yield* Fiber.awaitCancel();
                } finally {
                  log.push("inner stopped");
                }
              }),
            ),
          );
        },
        function* () {
          yield* fromLwt(() => program.pick("apple"));
        },
      );
      log.push("outer goes on");
    });
    expect(log).toEqual(["inner stopped", "outer goes on"]);
  });

  it("the switch of a task cancels it and waits for it", async () => {
    const task = await run(() =>
      Switch.run(function* (sw) {
        const inside = toLwt(() => Fiber.awaitCancel(), { sw });
        yield* Fiber.forkDaemon(sw, function* () {
          yield* Fiber.yield();
          sw.fail(new Error("enough"));
        });
        return inside;
      }),
    ).catch((error: unknown) => error);
    expect(String(task)).toBe("Error: enough");
  });

  it("a failure that nobody looks at is reported; one that OCaml code looks at is not", async () => {
    const reported: unknown[] = [];
    onUnhandledError((error) => reported.push(error));
    try {
      const lost = new Error("lost");
      toLwt(failing(lost));
      await run(() => fromLwt(() => program.await(toLwt(failing(new Error("seen"))))));
      await toPromise(() => Fiber.yield());
      expect(reported).toEqual([lost]);
    } finally {
      onUnhandledError(undefined);
    }
  });

  it("wrong arguments are refused, with the way out", async () => {
    expect(() => fromLwt(Promise.resolve() as never)).toThrow(
      'fromLwt: "source" must be a Lwt task, got a promise; convert the promise in OCaml with Trestle_lwt.to_js',
    );
    expect(() => fromLwt(program.now(1), { onCancel: "stop" as never })).toThrow(/options.onCancel/);
    expect(() => toLwt((async () => 1) as never)).toThrow(/a function returning an op, got an async function/);
    const error = await thrownBy(fromLwt(() => 42 as never));
    expect(String(error)).toMatch(/a function that gives a Lwt task, got the number 42/);
  });
});
