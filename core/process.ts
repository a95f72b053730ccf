// Child processes as a capability.

import { check } from "./turns.js";
import { expectFunction, expectOptions, refuse } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";
import type { ExitStatus } from "./exit-status.js";
import { expectSize, type Sink, type Source } from "./flow.js";
import { addContext, IoError } from "./io-error.js";
import { parseOrThrow, type Parser } from "./parser.js";
import { Switch } from "./switch.js";

/** A signal, by its name or its number on this system. */
export type SignalId = `SIG${string}` | number;

/** A directory to start a process in: a `Path`, for instance. */
export interface StartDirectory {
  /** What the system calls it; undefined for a directory that the system does not know. */
  native(): string | undefined;
  /** If it is there, it is asked first, and what it throws keeps the process from starting. */
  stat?(options: { follow: boolean }): Op<unknown>;
}

/** What is started, and what with. */
export interface CommandOptions {
  /** The directory that the process starts in. Default: ours. */
  cwd?: StartDirectory;
  /** The standard input. Default: ours. */
  stdin?: Source;
  /** The standard output. Default: ours. */
  stdout?: Sink;
  /** The standard error output. Default: ours. */
  stderr?: Sink;
  /** All of the environment variables. Default: ours, as they are at the start. */
  env?: Readonly<Record<string, string | undefined>>;
  /** The program. Default: the first of the arguments. */
  executable?: string;
}

/** The options of {@link ProcessManager.spawn}. */
export interface SpawnOptions extends CommandOptions {
  /** Kills the process when it ends. */
  sw: Switch;
}

/** Which ends are good ones. */
export interface SuccessOptions {
  /** Whether an exit code means success. Default: 0 does. Death by a signal never is a success. */
  isSuccess?: (code: number) => boolean;
}

/** The options of {@link ProcessManager.run}. */
export interface CommandRunOptions extends CommandOptions, SuccessOptions {}

/** The options of {@link ProcessManager.parseOut}. */
export interface ParseOutOptions extends Omit<CommandRunOptions, "stdout"> {
  /** The size of the largest piece, in bytes: see `BufRead`. Default: no limit. */
  maxSize?: number;
}

/** A source with an end of its own that can be closed. */
export interface PipeSource extends Source {
  /** Nobody reads any more: who writes is told so. Does nothing the second time. */
  close(): Op<void>;
}

/** A child process. It belongs to a switch, which kills it when it ends, and waits until it is gone. */
export abstract class Child {
  /** Its number; another process can have it when this one has ended. */
  abstract readonly pid: number;

  /**
   * Waits until it has ended: any number of times, by any number of fibers, also after its switch has ended. Cancelling it leaves
   * the process alone. A cancellation point.
   */
  abstract await(): Op<ExitStatus>;

  /** @internal Nothing, if it has ended. */
  protected abstract send(signal: SignalId): void;

  /**
   * Like {@link await}, and throws unless it ended well. A cancellation point.
   *
   * @example
   * const child = yield* env.processMgr.spawn(["sh", "-c", "exit 3"], { sw });
   * yield* child.awaitOrThrow({ isSuccess: (code) => code === 3 });
   * yield* child.awaitOrThrow(); // throws IoError: Process Child_error Exited (code 3)
   *
   * @throws IoError  `Process Child_error`
   */
  *awaitOrThrow(options?: SuccessOptions): Op<void> {
    expectSuccess("Child.awaitOrThrow", options);
    expectGood(yield* this.await(), options);
  }

  /**
   * Sends it a signal. Does nothing when it has ended, even if another process has its number now.
   *
   * @example
   * const child = yield* env.processMgr.spawn(["sleep", "1000"], { sw });
   * child.signal("SIGTERM");
   * yield* child.await(); // => { signaled: "SIGTERM" }
   *
   * @throws TypeError  for a signal that there is not
   * @throws IoError  when the system refuses it
   */
  signal(signal: SignalId): void {
    const isNumber = typeof signal === "number" && Number.isInteger(signal) && signal >= 0;
    if (!isNumber && !(typeof signal === "string" && signal.startsWith("SIG")))
      refuse("Child.signal", "signal", 'the name of a signal, such as "SIGTERM", or its number', signal);
    this.send(signal);
  }
}

/**
 * Starts processes.
 *
 * A program is looked for in `PATH` (ours; `/bin:/usr/bin` without one), unless there is a slash in its name; then it is a path, from
 * the directory that the process starts in. No shell takes part: arguments arrive as they are.
 *
 * Flows that belong to the system (`env.stdin`, `env.stdout`, `env.stderr`, whatever has a descriptor) are handed to the process, which
 * uses them directly. Others are bridged: a pipe, and a fiber in the switch of the process that copies. It closes the process's input
 * at the end of the source, and stops when the process has ended; it does not close the sinks.
 *
 * @example
 * function* lines(processMgr: ProcessManager, text: string): Op<number> {
 *   const counted = yield* processMgr.parseOut((reader) => reader.line(), ["wc", "-l"], { stdin: Flow.stringSource(text) });
 *   return Number(counted);
 * }
 * yield* lines(env.processMgr, "one\ntwo\nthree\n"); // => 3
 */
export abstract class ProcessManager {
  /** @internal */
  protected abstract start(args: readonly string[], options: SpawnOptions): Op<Child>;
  /** @internal */
  protected abstract openPipe(sw: Switch): Op<[source: PipeSource, sink: Sink]>;

  /**
   * Starts a process. The switch waits for what is copied from and to it; when all fibers of the switch have ended, or the switch fails,
   * a process that still runs is killed. A cancellation point; in a cancelled context nothing is started.
   *
   * @example
   * const output = Flow.bufferSink();
   * yield* Switch.run(function* (sw) {
   *   const child = yield* env.processMgr.spawn(["cat"], { sw, stdin: Flow.stringSource("hello"), stdout: output });
   *   return yield* child.await();
   * }); // => { exited: 0 }
   * output.text; // => "hello"
   *
   * @param args  the name of the program and its arguments
   * @throws IoError  with the step `starting command: <args>`: `Process Executable_not_found`, `Permission_denied`,
   *   `Executable_format_error` or `Argument_list_too_long`; `Fs ...` about `cwd`
   * @throws InvalidArgument  without arguments and `executable`
   */
  *spawn(args: readonly string[], options: SpawnOptions): Op<Child> {
    expectCommand("ProcessManager.spawn", args, options);
    const sw: unknown = (options as Partial<SpawnOptions> | undefined)?.sw;
    if (!(sw instanceof Switch)) refuse("ProcessManager.spawn", "options.sw", "a Switch", sw);
    check();
    try {
      return yield* this.start(args, options);
    } catch (error) {
      throw addContext(error, `starting command: ${showArgs(args)}`);
    }
  }

  /**
   * Starts a process, and waits until it has ended and all of its output has arrived. Cancelling it kills the process. A cancellation
   * point.
   *
   * @example
   * const output = Flow.bufferSink();
   * yield* env.processMgr.run(["echo", "hello"], { stdout: output });
   * output.text; // => "hello\n"
   * yield* env.processMgr.run(["sh", "-c", "exit 3"]);
   * // throws IoError: Process Child_error Exited (code 3), running command: sh -c "exit 3"
   *
   * @throws IoError  with the step `running command: <args>`: `Process Child_error`, and what {@link spawn} throws
   */
  *run(args: readonly string[], options: CommandRunOptions = {}): Op<void> {
    expectCommand("ProcessManager.run", args, options);
    expectSuccess("ProcessManager.run", options);
    try {
      const status = yield* Switch.run((sw) => this.ending(args, { ...options, sw }), { name: "ProcessManager.run" });
      expectGood(status, options);
    } catch (error) {
      throw runningContext(error, args);
    }
  }

  private *ending(args: readonly string[], options: SpawnOptions): Op<ExitStatus> {
    const child = yield* this.start(args, options);
    return yield* child.await();
  }

  /**
   * Starts a process, parses all of its output, waits until it has ended, and gives what `parser` gave. If parsing fails, the process is
   * killed. A cancellation point.
   *
   * @example
   * yield* env.processMgr.parseOut((reader) => reader.line(), ["echo", "hello"]); // => "hello"
   *
   * @throws IoError  with the step `running command: <args>`: as {@link run}
   * @throws Failure when the parser fails, or leaves something
   */
  *parseOut<T>(parser: Parser<T>, args: readonly string[], options: ParseOutOptions = {}): Op<T> {
    expectFunction("ProcessManager.parseOut", "parser", parser);
    expectCommand("ProcessManager.parseOut", args, options);
    expectSuccess("ProcessManager.parseOut", options);
    if (options.maxSize !== undefined)
      expectSize("ProcessManager.parseOut", "options.maxSize", "Max size", options.maxSize, Infinity);
    try {
      const { value, status } = yield* Switch.run((sw) => this.parsing(parser, args, options, sw), {
        name: "ProcessManager.parseOut",
      });
      expectGood(status, options);
      return value;
    } catch (error) {
      throw runningContext(error, args);
    }
  }

  private *parsing<T>(
    parser: Parser<T>,
    args: readonly string[],
    { maxSize = Infinity, ...options }: ParseOutOptions,
    sw: Switch,
  ): Op<{ value: T; status: ExitStatus }> {
    const [source, stdout] = yield* this.openPipe(sw);
    const child = yield* this.start(args, { ...options, stdout, sw });
    yield* stdout.close();
    const value = yield* parseOrThrow(parser, source, { maxSize });
    yield* source.close();
    return { value, status: yield* child.await() };
  }

  /**
   * A pipe: what is written to the sink can be read from the source; a reader waits for bytes, and a writer for room. Once the sink is
   * closed, the source gives the rest and then its end; once the source is closed, writing throws. A process that was given one of the
   * ends keeps it open, so close ours then. Not a cancellation point.
   *
   * @example
   * const [source, sink] = yield* env.processMgr.pipe({ sw });
   * yield* env.processMgr.spawn(["echo", "hello"], { sw, stdout: sink });
   * yield* sink.close();
   * yield* Flow.readAll(source); // => "hello\n"
   *
   * @param options.sw  closes both ends when it ends
   */
  *pipe(options: { sw: Switch }): Op<[source: PipeSource, sink: Sink]> {
    const sw: unknown = (options as Partial<SpawnOptions> | undefined)?.sw;
    if (!(sw instanceof Switch)) refuse("ProcessManager.pipe", "options.sw", "a Switch", sw);
    return yield* this.openPipe(sw);
  }
}

function runningContext(error: unknown, args: readonly string[]): unknown {
  return addContext(error, `running command: ${showArgs(args)}`);
}

/**
 * Arguments as text, quoted where that is needed to tell them apart.
 *
 * @example
 * showArgs(["sh", "-c", "exit 3", "", 'say "hi"']); // => 'sh -c "exit 3" "" "say \\"hi\\""'
 */
export function showArgs(args: readonly string[]): string {
  expectArgs("showArgs", args);
  return args.map((arg) => (/^[!#-&(-[\]-~]+$/.test(arg) ? arg : quoted(arg))).join(" ");
}

function quoted(arg: string): string {
  // Those that JSON leaves as they are, and a terminal does not show.
  return JSON.stringify(arg).replace(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function expectGood(status: ExitStatus, { isSuccess = isZero }: SuccessOptions = {}): void {
  if ("exited" in status && isSuccess(status.exited)) return;
  throw new IoError({ area: "Process", kind: "Child_error", status });
}

function isZero(code: number): boolean {
  return code === 0;
}

function expectArgs(where: string, args: unknown): asserts args is readonly string[] {
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === "string"))
    refuse(where, "args", "an array of strings", args);
}

function expectSuccess(where: string, options: SuccessOptions | undefined): void {
  expectOptions(where, options);
  if (options?.isSuccess !== undefined) expectFunction(where, "options.isSuccess", options.isSuccess);
}

function expectCommand(where: string, args: readonly string[], options: CommandOptions): void {
  expectArgs(where, args);
  expectOptions(where, options);
  const { cwd, stdin, stdout, stderr, env, executable } = (options as CommandOptions | undefined) ?? {};
  if (executable !== undefined && typeof executable !== "string")
    refuse(where, "options.executable", "a string", executable);
  // The system ends its strings there.
  const cut = args.find((text) => text.includes("\0"));
  if (cut !== undefined) refuse(where, "args", "strings without null characters", cut);
  if (executable?.includes("\0") === true)
    refuse(where, "options.executable", "a string without null characters", executable);
  if (cwd !== undefined && typeof (cwd as Partial<StartDirectory> | null)?.native !== "function")
    refuse(where, "options.cwd", "a Path (something with a native method)", cwd);
  expectFlow(where, "stdin", "a source", "read", stdin);
  expectFlow(where, "stdout", "a sink", "write", stdout);
  expectFlow(where, "stderr", "a sink", "write", stderr);
  if (env !== undefined) expectVariables(where, env);
  if (args.length === 0 && executable === undefined)
    throw new InvalidArgument("Arguments list is empty and no executable given!");
}

function expectVariables(where: string, env: unknown): void {
  if (typeof env !== "object" || env === null || Array.isArray(env)) refuse(where, "options.env", "an object", env);
  for (const [name, value] of Object.entries(env as Record<string, unknown>)) {
    if (name === "" || /[=\0]/.test(name))
      refuse(where, "options.env", "an object whose keys are names of variables", name);
    if (value !== undefined && (typeof value !== "string" || value.includes("\0")))
      refuse(where, `options.env.${name}`, "a string without null characters", value);
  }
}

function expectFlow(where: string, option: string, what: string, method: string, flow: unknown): void {
  if (flow === undefined || typeof (flow as Record<string, unknown> | null)?.[method] === "function") return;
  refuse(where, `options.${option}`, `${what} (something with a ${method} method)`, flow);
}
