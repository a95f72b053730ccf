import { afterEach, describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  Fiber,
  IoError,
  Multiple,
  Switch,
  addContext,
  combine,
  explain,
  fromSystemError,
  registerPrinter,
  rethrowWithContext,
  showBackend,
  trailOf,
  type IoErr,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import { thrownBy } from "./transcript.js";

const notFound = { area: "Fs", kind: "Not_found" } as const;
const reset = { area: "Net", kind: "Connection_reset" } as const;
const refused = { area: "Net", kind: "Connection_failure", reason: "Refused" } as const;

const systemError = (code: string) => Object.assign(new Error(`${code}: no such luck, open 'a.txt'`), { code });

/** The errors of a sum. */
function partsOf(error: unknown): readonly IoError[] {
  const { err } = error as IoError;
  if (err.kind !== "Multiple_io") throw new Error("no sum of I/O errors");
  return err.errors;
}

afterEach(() => showBackend(true));

describe("combining", () => {
  const a = new IoError(notFound, ["opening a"]);
  const b = new IoError(reset);
  const c = new IoError(refused, ["connecting"]);
  const ordinary = new Error("ordinary");

  it("EX-06 an IoError and an ordinary error give a Multiple, whichever came first", () => {
    for (const [first, second] of [
      [a, ordinary],
      [ordinary, a],
    ]) {
      const both = combine(first, second);
      expect(both).toBeInstanceOf(Multiple);
      expect((both as Multiple).errors).toEqual([first, second]);
    }
  });

  it("EX-07 two IoErrors give one of kind Multiple_io, oldest first; the same one twice, or with a Cancelled, is itself", () => {
    const both = combine(a, b);
    expect(both).toBeInstanceOf(IoError);
    expect(both).not.toBeInstanceOf(Multiple);
    expect((both as IoError).err).toEqual({ area: "Io", kind: "Multiple_io", errors: [a, b] });
    expect(combine(a, a)).toBe(a);
    expect(combine(new Cancelled("stop"), a)).toBe(a);
    expect(combine(a, new Cancelled("stop"))).toBe(a);
  });

  it("EX-08 a sum is one error of the next sum, and each keeps its own context", () => {
    const inner = addContext(combine(a, b), "reading");
    const outer = addContext(combine(inner, c), "starting");
    expect(partsOf(outer)).toEqual([inner, c]);
    expect(partsOf(partsOf(outer)[0])).toEqual([a, b]);
    expect((outer as IoError).context).toEqual(["starting"]);
    expect((inner as IoError).context).toEqual(["reading"]);
    expect(partsOf(combine(c, inner))).toEqual([c, inner]);
  });

  it("EX-07 the failures of one scope are one sum, and an ordinary one among them makes it a Multiple", () => {
    const failing = (...errors: unknown[]) =>
      thrownBy(() =>
        run(() =>
          Switch.run(function* (sw) {
            for (const error of errors)
              yield* Fiber.fork(sw, () =>
                Cancel.protect(function* () {
                  yield* Fiber.yield();
                  throw error;
                }),
              );
          }),
        ),
      );
    expect(partsOf(failing(a, b, a, c))).toEqual([a, b, c]);
    const mixed = failing(a, b, ordinary, c) as Multiple;
    expect(mixed).toBeInstanceOf(Multiple);
    expect(mixed.errors.slice(1)).toEqual([ordinary, c]);
    expect(partsOf(mixed.errors[0])).toEqual([a, b]);
    expect((failing(ordinary, a, b) as Multiple).errors).toEqual([ordinary, a, b]);
  });

  it("many failures of one scope are collected in linear time", () => {
    const errors = Array.from({ length: 100_000 }, () => new IoError(reset));
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          for (const error of errors) sw.fail(error);
          yield* Fiber.yield();
        }),
      ),
    );
    expect(partsOf(thrown)).toHaveLength(100_000);
    expect(String(thrown).split("\n")).toHaveLength(22);
  });
});

describe("context", () => {
  it("EX-09 addContext gives a new IoError with an outermost step, and any other error back", () => {
    const cause = new Error("cause");
    const error = new IoError(notFound, ["opening a"], { cause });
    const extended = addContext(addContext(error, "loading"), "starting");
    expect(extended).toBeInstanceOf(IoError);
    expect(extended.err).toBe(error.err);
    expect(extended.context).toEqual(["opening a", "loading", "starting"]);
    expect(extended.cause).toBe(cause);
    expect(error.context).toEqual(["opening a"]);
    expect("cause" in addContext(new IoError(reset), "x")).toBe(false);
    for (const other of [new Error("a"), "text", undefined, new Cancelled("stop"), new Multiple([1, 2])])
      expect(addContext(other, "step")).toBe(other);
  });

  it("EX-10 EX-19 rethrowWithContext throws the extended error with the places and the trail of the first one", () => {
    function* innermost(): Op<void> {
      yield* Fiber.yield();
      throw new IoError(notFound);
    }
    const thrown = thrownBy(() =>
      run(function* main() {
        try {
          yield* Switch.run(() => innermost(), { name: "files" });
        } catch (error) {
          rethrowWithContext(error, "reading");
        }
      }),
    ) as IoError;
    const [head, place] = thrown.stack!.split("\n");
    expect(head).toBe("IoError: Fs Not_found, reading");
    expect(place).toMatch(/innermost .*io-error\.test\.ts/);
    expect(trailOf(thrown).map((step) => step.kind !== "omitted" && step.name)).toEqual(['Switch.run "files"', "main"]);
    const ordinary = new Error("ordinary");
    expect(thrownBy(() => rethrowWithContext(ordinary, "reading"))).toBe(ordinary);
  });

  it("the stack of an extended error can be replaced, as tools do", () => {
    const error = addContext(new IoError(notFound), "step");
    error.stack = "replaced";
    expect(error.stack).toBe("replaced");
  });
});

describe("printing", () => {
  it("EX-11 the code, then the steps, innermost first", () => {
    const error = addContext(addContext(new IoError(refused), "connecting to tcp:127.0.0.1:80"), "fetching /");
    const text = "IoError: Net Connection_failure Refused, connecting to tcp:127.0.0.1:80, fetching /";
    expect(String(error)).toBe(text);
    expect(`${error.name}: ${error.message}`).toBe(text);
  });

  it("EX-16 codes nest by area, and the area alone can be matched", () => {
    const areas = [
      new IoError(notFound),
      new IoError(refused),
      new IoError(reset),
      combine(new IoError(reset), new IoError(notFound)),
    ];
    expect(areas.map((error) => error instanceof IoError && error.err.area)).toEqual(["Fs", "Net", "Net", "Io"]);
  });

  it.each<[string, IoErr]>([
    ["Fs Already_exists", { area: "Fs", kind: "Already_exists" }],
    ["Net Connection_failure Timeout", { area: "Net", kind: "Connection_failure", reason: "Timeout" }],
    ["Net Address_lookup_failed NONAME", { area: "Net", kind: "Address_lookup_failed", reason: "NONAME" }],
    ['Process Executable_not_found "sh"', { area: "Process", kind: "Executable_not_found", executable: "sh" }],
    ['Process Permission_denied "sh"', { area: "Process", kind: "Permission_denied", executable: "sh" }],
    ["Process Child_error Exited (code 3)", { area: "Process", kind: "Child_error", status: { exited: 3 } }],
    ["Not_available", { area: "Io", kind: "Not_available" }],
    ["Not_available signals", { area: "Io", kind: "Not_available", backend: "signals" }],
    ["EIO: no such luck, open 'a.txt'", { area: "Io", kind: "X", backend: systemError("EIO") }],
    ["TypeError: no code", { area: "Io", kind: "X", backend: new TypeError("no code") }],
  ])("%s", (text, err) => {
    expect(String(new IoError(err))).toBe(`IoError: ${text}`);
  });

  it("EX-12 a sum prints one entry an error, oldest first, inner sums indented", () => {
    const inner = addContext(combine(new IoError(notFound, ["opening a"]), new IoError(reset)), "reading");
    expect(String(combine(inner, new IoError(refused)))).toBe(
      [
        "IoError: Multiple_io",
        "- Multiple_io, reading",
        "  - Fs Not_found, opening a",
        "  - Net Connection_reset",
        "- Net Connection_failure Refused",
      ].join("\n"),
    );
    expect(String(combine(inner, new Error("ordinary")))).toBe(
      [
        "Multiple exceptions:",
        "- IoError: Multiple_io, reading",
        "  - Fs Not_found, opening a",
        "  - Net Connection_reset",
        "- Error: ordinary",
      ].join("\n"),
    );
  });

  it("EX-12 sums of sums print in bounded space", () => {
    let deep: unknown = new IoError(notFound);
    for (let i = 0; i < 1_000; i++) deep = combine(deep, new IoError(reset));
    expect(String(deep).length).toBeLessThan(2_000);
  });

  it("EX-13 a Cancelled prints its reason", () => {
    expect(String(new Cancelled(new IoError(notFound, ["opening a"])))).toBe(
      "Cancelled: IoError: Fs Not_found, opening a",
    );
  });

  it("EX-14 what the system said prints as _ when that is switched off, and as ? when nobody can print it", () => {
    const known = fromSystemError(systemError("ENOENT"));
    const unknown = new IoError({ area: "Io", kind: "X", backend: { number: 5 } });
    expect(String(known)).toBe("IoError: Fs Not_found ENOENT: no such luck, open 'a.txt'");
    expect(String(unknown)).toBe("IoError: ?");
    showBackend(false);
    expect(String(known)).toBe("IoError: Fs Not_found _");
    expect(fromSystemError(systemError("ENOENT")).message).toBe("Fs Not_found _");
    expect(String(unknown)).toBe("IoError: _");
    expect(String(new IoError(notFound))).toBe("IoError: Fs Not_found");
  });

  it("EX-15 the printer registered last that knows the code wins, for whole codes and for what the system said", () => {
    const error = new IoError({ area: "Io", kind: "X", backend: { number: 5 } });
    const unregister = [
      registerPrinter((code) => ((code as { number?: number }).number === 5 ? "five" : undefined)),
      registerPrinter((code) => ((code as { number?: number }).number === 5 ? "FIVE" : undefined)),
      registerPrinter((code) => ((code as { kind?: string }).kind === "Connection_reset" ? "hung up" : undefined)),
    ];
    expect(String(error)).toBe("IoError: FIVE");
    expect(String(new IoError(reset, ["reading"]))).toBe("IoError: hung up, reading");
    expect(String(combine(new IoError(reset), error))).toBe("IoError: Multiple_io\n- hung up\n- FIVE");
    showBackend(false);
    expect(String(error)).toBe("IoError: _");
    showBackend(true);
    const failing = registerPrinter(() => {
      throw new Error("printer");
    });
    expect(String(error)).toBe("IoError: FIVE");
    failing();
    unregister[1]!();
    expect(String(error)).toBe("IoError: five");
    unregister[0]!();
    unregister[2]!();
    expect(String(error)).toBe("IoError: ?");
  });

  it("explain tells the parts of a sum, each with its own way", () => {
    const failing = function* (error: IoError) {
      yield* Cancel.protect(() => Fiber.yield());
      throw error;
    };
    const thrown = thrownBy(() =>
      run(() =>
        Fiber.both(
          () => failing(new IoError(notFound)),
          () => failing(new IoError(reset)),
        ),
      ),
    );
    const told = explain(thrown).split("\n");
    expect(told.filter((line) => /of 2/.test(line))).toEqual([
      "  1 of 2: IoError: Fs Not_found",
      "  2 of 2: IoError: Net Connection_reset",
    ]);
    expect(told).toContain("  in Fiber.both");
  });
});

describe("EX-17 RB-39 fromSystemError", () => {
  it.each<[string, IoErr]>([
    ["ECONNREFUSED", refused],
    ["ECONNRESET", reset],
    ["EPIPE", reset],
    ["ECONNABORTED", reset],
    ["ENOPROTOOPT", { area: "Net", kind: "Invalid_option" }],
    ["ENOSYS", { area: "Io", kind: "Not_available" }],
    ["EOPNOTSUPP", { area: "Io", kind: "Not_available" }],
    ["ENOTSUP", { area: "Io", kind: "Not_available" }],
    ["EEXIST", { area: "Fs", kind: "Already_exists" }],
    ["ENOENT", notFound],
    ["EXDEV", { area: "Fs", kind: "Permission_denied" }],
    ["EACCES", { area: "Fs", kind: "Permission_denied" }],
    ["EPERM", { area: "Fs", kind: "Permission_denied" }],
    ["ENOTCAPABLE", { area: "Fs", kind: "Permission_denied" }],
    ["ERR_ACCESS_DENIED", { area: "Fs", kind: "Permission_denied" }],
    ["ECANCELED", reset],
    ["ERR_STREAM_DESTROYED", reset],
    ["ERR_STREAM_WRITE_AFTER_END", reset],
    ["ERR_SOCKET_CLOSED", reset],
    ["ETIMEDOUT", { area: "Net", kind: "Connection_failure", reason: "Timeout" }],
    ["ENETUNREACH", { area: "Net", kind: "Connection_failure", reason: "Unreachable" }],
    ["EHOSTUNREACH", { area: "Net", kind: "Connection_failure", reason: "Unreachable" }],
    ["EADDRINUSE", { area: "Net", kind: "Address_in_use" }],
    ["ENOSPC", { area: "Fs", kind: "No_space" }],
    ["EDQUOT", { area: "Fs", kind: "No_space" }],
    ["EROFS", { area: "Fs", kind: "Permission_denied" }],
    ["EMFILE", { area: "Io", kind: "Too_many_files" }],
    ["ENFILE", { area: "Io", kind: "Too_many_files" }],
    ["EIO", { area: "Io", kind: "X" }],
  ])("%s", (code, err) => {
    const reported = systemError(code);
    const error = fromSystemError(reported);
    expect(error.err).toEqual({ ...err, backend: reported });
    expect(error.cause).toBe(reported);
    expect(error.context).toEqual([]);
  });

  it("any other value is reported as it is, and an IoError is itself", () => {
    for (const value of [new Error("no code"), "text", undefined, null])
      expect(fromSystemError(value).err).toEqual({ area: "Io", kind: "X", backend: value });
    const error = new IoError(notFound);
    expect(fromSystemError(error)).toBe(error);
  });
});

it.each<[string, () => unknown]>([
  ['new IoError: "err" must be an object with an area and a kind, got the string "x"', () => new IoError("x" as never)],
  ['new IoError: "err" must be an object with an area and a kind, got an object', () => new IoError({} as never)],
  ['new IoError: "context" must be an array of strings, got the string "x"', () => new IoError(notFound, "x" as never)],
  ['addContext: "step" must be a string, got the number 1', () => addContext(1, 1 as never)],
  ['showBackend: "show" must be a boolean, got undefined', () => showBackend(undefined as never)],
  ['registerPrinter: "print" must be a function, got the string "x"', () => registerPrinter("x" as never)],
])("%s", (message, call) => {
  expect(call).toThrow(new TypeError(message));
});
