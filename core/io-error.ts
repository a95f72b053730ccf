// Errors of the world outside: one class to catch, codes nested by area, and the steps that led there.

import { expectFunction, refuse, show } from "./engine/describe.js";
import { JOIN } from "./engine/multiple.js";
import { placesIn } from "./engine/stack-text.js";
import { inheritTrail } from "./engine/trail.js";
import { showStatus, type ExitStatus } from "./exit-status.js";

/** What the system said, where it said something: usually the error that Node gave. */
interface Reported {
  readonly backend?: unknown;
}

/** Files and directories. */
export type FsErr = Reported & {
  readonly area: "Fs";
  readonly kind: "Not_found" | "Already_exists" | "Permission_denied" | "No_space" | "Not_native";
};

/** The network. */
export type NetErr = Reported & { readonly area: "Net" } & (
    | { readonly kind: "Connection_reset" }
    | {
        readonly kind: "Connection_failure";
        readonly reason: "Refused" | "Timeout" | "Unreachable" | "No_matching_addresses";
      }
    | { readonly kind: "Address_in_use" }
    | { readonly kind: "Invalid_option" }
    | { readonly kind: "Address_lookup_failed"; readonly reason: string }
  );

/** Child processes. */
export type ProcessErr = Reported & { readonly area: "Process" } & (
    | {
        readonly kind: "Executable_not_found" | "Permission_denied" | "Executable_format_error";
        readonly executable: string;
      }
    | { readonly kind: "Argument_list_too_long" }
    | { readonly kind: "Child_error"; readonly status: ExitStatus }
  );

/** Errors of no area, or of several. */
export type GeneralErr =
  /** Several at once, oldest first. */
  | { readonly area: "Io"; readonly kind: "Multiple_io"; readonly errors: readonly IoError[] }
  /** This system cannot do it. */
  | (Reported & { readonly area: "Io"; readonly kind: "Not_available" })
  /** As many files, sockets and pipes are open as this process, or the system, may have. */
  | (Reported & { readonly area: "Io"; readonly kind: "Too_many_files" })
  /** Anything else that the system reported. */
  | (Reported & { readonly area: "Io"; readonly kind: "X" });

/**
 * The areas and their codes. Add your own by declaring them:
 *
 * @example
 * declare module "trestle/io-error" {
 *   interface IoErrAreas {
 *     Db: { readonly area: "Db"; readonly kind: "Locked"; readonly backend?: unknown };
 *   }
 * }
 */
export interface IoErrAreas {
  Fs: FsErr;
  Net: NetErr;
  Process: ProcessErr;
  Io: GeneralErr;
}

/** What went wrong: an `area`, in it a `kind`, and for some kinds more. */
export type IoErr = IoErrAreas[keyof IoErrAreas];

/** The options of {@link IoError}. */
export interface IoErrorOptions {
  /** The error that this one stands for. */
  cause?: unknown;
}

/**
 * Something outside of the program failed: a file, a connection, a process. `err` says what, so that it can be matched by area or more
 * closely; `context` says what was being done, innermost first.
 *
 * @example
 * try {
 *   yield* loadSettings();
 * } catch (error) {
 *   if (error instanceof IoError && error.err.area === "Fs" && error.err.kind === "Not_found") return "no settings";
 *   throw error;
 * }
 */
export class IoError extends Error {
  override readonly name = "IoError";
  readonly code = "IO_ERROR";
  readonly err: IoErr;
  /** The steps that were under way, innermost first; see {@link addContext}. */
  readonly context: readonly string[];

  constructor(err: IoErr, context: readonly string[] = [], options?: IoErrorOptions) {
    expectErr(err);
    if (!Array.isArray(context) || !context.every((step) => typeof step === "string"))
      refuse("new IoError", "context", "an array of strings", context);
    super(spell(err, context, { left: SPELT_OUT }), options);
    this.err = err;
    this.context = [...context];
  }

  /** `IoError: <err>, <first step>, <later step>`, as {@link showBackend} and {@link registerPrinter} have it now. */
  override toString(): string {
    return `${this.name}: ${spell(this.err, this.context, { left: SPELT_OUT })}`;
  }

  /** @internal */
  [JOIN](errors: readonly IoError[]): IoError {
    return withoutStack(() => new IoError({ area: "Io", kind: "Multiple_io", errors }));
  }
}

function expectErr(err: unknown): void {
  const { area, kind } = (typeof err === "object" && err !== null ? err : {}) as { area?: unknown; kind?: unknown };
  if (typeof area !== "string" || typeof kind !== "string")
    refuse("new IoError", "err", "an object with an area and a kind", err);
}

function withoutStack<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

// --- steps added on the way up ---

/**
 * An `IoError` like `error` with one more step, the outermost: for a `catch` that knows what was being done. The new error has the
 * stack of the old one, and goes on with its trail (see `trailOf`). Anything else than an `IoError` is returned as it is.
 *
 * @example
 * try {
 *   yield* loadSettings();
 * } catch (error) {
 *   throw addContext(error, "starting up"); // throws IoError: Fs Not_found, opening "settings.json", starting up
 * }
 */
export function addContext<E>(error: E, step: string): E;
export function addContext(error: unknown, step: string): unknown {
  if (typeof step !== "string") refuse("addContext", "step", "a string", step);
  if (!(error instanceof IoError)) return error;
  const options = "cause" in error ? { cause: error.cause } : undefined;
  const heir = withoutStack(() => new IoError(error.err, [...error.context, step], options));
  // Formatting a stack is slow, and most are never read.
  const setStack = (value: unknown) =>
    Object.defineProperty(heir, "stack", { configurable: true, writable: true, value });
  Object.defineProperty(heir, "stack", {
    configurable: true,
    get: () => [String(heir), ...placesIn(error.stack)].join("\n"),
    set: setStack,
  });
  inheritTrail(heir, error);
  return heir;
}

/**
 * Throws `error`, with one more step if it is an `IoError`; see {@link addContext}.
 *
 * @example
 * try {
 *   yield* loadSettings();
 * } catch (error) {
 *   rethrowWithContext(error, "starting up"); // throws IoError: Fs Not_found, opening "settings.json", starting up
 * }
 */
export function rethrowWithContext(error: unknown, step: string): never {
  throw addContext(error, step);
}

// --- printing ---

/** How many errors of a sum a message spells out; all of them are in `err.errors`. */
const SPELT_OUT = 20;

function spell(err: IoErr, context: readonly string[], budget: { left: number }): string {
  const steps = context.map((step) => `, ${step}`).join("");
  if (err.kind !== "Multiple_io") return printErr(err) + steps;
  const lines = [`Multiple_io${steps}`];
  for (const [i, part] of err.errors.entries()) {
    if (budget.left-- <= 0) {
      lines.push(`- and ${err.errors.length - i} more`);
      break;
    }
    lines.push(`- ${spell(part.err, part.context, budget).replace(/\n/g, "\n  ")}`);
  }
  return lines.join("\n");
}

/** The last part of a code that only tests of one system could rely on. */
let backendShown = true;

/**
 * Whether errors print what the system itself reported. Tests that run on several systems switch it off: then `_` stands there.
 *
 * @example
 * const error = Object.assign(new Error("no such file"), { code: "ENOENT" });
 * String(fromSystemError(error)); // => "IoError: Fs Not_found no such file"
 * showBackend(false);
 * String(fromSystemError(error)); // => "IoError: Fs Not_found _"
 */
export function showBackend(show: boolean): void {
  if (typeof show !== "boolean") refuse("showBackend", "show", "a boolean", show);
  backendShown = show;
}

type Printer = (code: unknown) => string | undefined;

const printers: Printer[] = [];

/**
 * Has `print` asked first how a code is to be printed: a whole `err`, or what a system reported. The one that was registered last
 * and gives a text wins.
 *
 * @example
 * const takeBack = registerPrinter((code) => (code instanceof RangeError ? `range: ${code.message}` : undefined));
 * String(fromSystemError(new RangeError("too far"))); // => "IoError: range: too far"
 * takeBack();
 *
 * @param print  gives undefined for codes that are not its own; throwing means the same
 * @returns a function that takes the printer back
 */
export function registerPrinter(print: (code: unknown) => string | undefined): () => void {
  expectFunction("registerPrinter", "print", print);
  const entry: Printer = (code) => print(code);
  printers.push(entry);
  return () => {
    const index = printers.indexOf(entry);
    if (index >= 0) printers.splice(index, 1);
  };
}

function printedByUser(code: unknown): string | undefined {
  for (let i = printers.length - 1; i >= 0; i--) {
    try {
      const text = printers[i]!(code);
      if (text !== undefined) return text;
    } catch {
      // Codes can be anything, and printers need not foresee it: this one is not theirs.
    }
  }
  return undefined;
}

function printErr(err: Exclude<IoErr, { readonly kind: "Multiple_io" }>): string {
  const printed = printedByUser(err);
  if (printed !== undefined) return printed;
  const words: string[] = [];
  if (err.area !== "Io") words.push(err.area);
  if (err.kind !== "X") words.push(err.kind);
  if (err.kind === "Connection_failure" || err.kind === "Address_lookup_failed") words.push(err.reason);
  if ("executable" in err) words.push(JSON.stringify(err.executable));
  if (err.kind === "Child_error") words.push(showStatus(err.status));
  if (err.backend !== undefined || err.kind === "X") words.push(printBackend(err.backend));
  return words.join(" ");
}

function printBackend(backend: unknown): string {
  if (!backendShown) return "_";
  const printed = printedByUser(backend);
  if (printed !== undefined) return printed;
  if (typeof backend === "string") return backend;
  if (!(backend instanceof Error)) return "?";
  // The message of a system error begins with its code; its name, `Error`, says nothing.
  return typeof (backend as { code?: unknown }).code === "string" ? backend.message : show(backend);
}

// --- what systems report ---

const codes = /* @__PURE__ */ new Map<unknown, IoErr>([
  ["ECONNREFUSED", { area: "Net", kind: "Connection_failure", reason: "Refused" }],
  ["ECONNRESET", { area: "Net", kind: "Connection_reset" }],
  ["EPIPE", { area: "Net", kind: "Connection_reset" }],
  ["ECONNABORTED", { area: "Net", kind: "Connection_reset" }],
  // A write that its socket was closed under.
  ["ECANCELED", { area: "Net", kind: "Connection_reset" }],
  // Node's own words for it: what it was to write to has been closed, or ended.
  ["ERR_STREAM_DESTROYED", { area: "Net", kind: "Connection_reset" }],
  ["ERR_STREAM_WRITE_AFTER_END", { area: "Net", kind: "Connection_reset" }],
  ["ERR_SOCKET_CLOSED", { area: "Net", kind: "Connection_reset" }],
  ["ETIMEDOUT", { area: "Net", kind: "Connection_failure", reason: "Timeout" }],
  ["ENETUNREACH", { area: "Net", kind: "Connection_failure", reason: "Unreachable" }],
  ["EHOSTUNREACH", { area: "Net", kind: "Connection_failure", reason: "Unreachable" }],
  ["EADDRINUSE", { area: "Net", kind: "Address_in_use" }],
  ["ENOPROTOOPT", { area: "Net", kind: "Invalid_option" }],
  ["ENOSYS", { area: "Io", kind: "Not_available" }],
  ["EOPNOTSUPP", { area: "Io", kind: "Not_available" }],
  // The same number as the one above, under the name that Node gives it.
  ["ENOTSUP", { area: "Io", kind: "Not_available" }],
  ["EEXIST", { area: "Fs", kind: "Already_exists" }],
  ["ENOENT", { area: "Fs", kind: "Not_found" }],
  ["ENOSPC", { area: "Fs", kind: "No_space" }],
  ["EDQUOT", { area: "Fs", kind: "No_space" }],
  ["EMFILE", { area: "Io", kind: "Too_many_files" }],
  ["ENFILE", { area: "Io", kind: "Too_many_files" }],
  ["EROFS", { area: "Fs", kind: "Permission_denied" }],
  ["EXDEV", { area: "Fs", kind: "Permission_denied" }],
  ["EACCES", { area: "Fs", kind: "Permission_denied" }],
  ["EPERM", { area: "Fs", kind: "Permission_denied" }],
  ["ENOTCAPABLE", { area: "Fs", kind: "Permission_denied" }],
  // Node's own permissions.
  ["ERR_ACCESS_DENIED", { area: "Fs", kind: "Permission_denied" }],
]);

/**
 * The `IoError` for an error that the system gave, by its `code`; that error is its `cause`, and the `backend` of its `err`. An `IoError`
 * is returned as it is.
 *
 * @example
 * try {
 *   readFileSync("/nowhere");
 * } catch (error) {
 *   fromSystemError(error).err; // => { area: "Fs", kind: "Not_found", backend: error }
 * }
 */
export function fromSystemError(error: unknown): IoError {
  if (error instanceof IoError) return error;
  const code: unknown = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  const known = codes.get(code) ?? ({ area: "Io", kind: "X" } as const);
  return new IoError({ ...known, backend: error } as IoErr, [], { cause: error });
}
