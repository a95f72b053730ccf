// Processes that a test plays: what each command does is scripted, and what is asked of it is traced.

import { protect } from "../cancel.js";
import { Deferred, type Resolver } from "../deferred.js";
import { expectOptions, refuse } from "../engine/describe.js";
import { requireFiber } from "../engine/drive.js";
import type { Op, Result } from "../engine/op.js";
import { startOn, type RootFiber } from "../engine/root.js";
import type { Scheduler } from "../engine/scheduler.js";
import type { SystemEnv } from "../env.js";
import { showStatus, type ExitStatus } from "../exit-status.js";
import { Failure } from "../failure.js";
import { copy, null as nullFlow, readAll, write, type Sink, type Source } from "../flow.js";
import { fork } from "../fork.js";
import { fromSystemError, IoError } from "../io-error.js";
import { duplicateEnd, openPipe } from "../pipe.js";
import {
  Child,
  ProcessManager,
  showArgs,
  type PipeSource,
  type SignalId,
  type SpawnOptions,
  type StartDirectory,
} from "../process.js";
import { first } from "../race.js";
import type { SignalName } from "../signals.js";
import { Switch, type Hook } from "../switch.js";
import { traceln } from "../traceln.js";
import { yieldNow } from "../turns.js";
import { systemError } from "../walk.js";
import { Handler } from "./handler.js";
import { MockSignals } from "./signals.js";

// --- what a command does ---

/** What a command is given that a test plays: what a program is, and how it was started. */
export interface MockProcess extends Pick<SystemEnv, "args" | "vars" | "stdin" | "stdout" | "stderr" | "signals"> {
  /** The program and its arguments; `args` are the arguments alone. */
  readonly command: readonly string[];
  /** The directory that it was started in, as the system calls it; undefined for ours. */
  readonly directory: string | undefined;
  readonly pid: number;
}

/** What a command does that reads, writes and ends. */
export interface MockAnswer {
  /** What it has to be given on its standard input, all of it. Default: it does not read it. */
  readonly stdin?: string;
  /** What it writes to its standard output. Default: nothing. */
  readonly stdout?: string | Uint8Array;
  /** What it writes to its standard error output. Default: nothing. */
  readonly stderr?: string | Uint8Array;
  /** How it ends: its exit code, or the signal that kills it. Default: 0. */
  readonly status?: number | ExitStatus;
}

/** What a command does: reads, writes and ends, or whatever a fiber function does, which gives the exit code. */
export type MockProgram = MockAnswer | ((process: MockProcess) => Op<number | ExitStatus | void>);

const answers: readonly string[] = ["stdin", "stdout", "stderr", "status"] satisfies readonly (keyof MockAnswer)[];

function expectProgram(where: string, argument: string, program: unknown): void {
  if (typeof program === "function") return;
  const isAnswer =
    typeof program === "object" && program !== null && Object.keys(program).every((key) => answers.includes(key));
  if (!isAnswer) refuse(where, argument, "a fiber function, or an object of stdin, stdout, stderr and status", program);
}

/** The body of a command. */
function* play(program: MockProgram, given: MockProcess, label: string): Op<ExitStatus> {
  if (typeof program === "function") return statusOf(yield* program(given));
  const { stdin, stdout = "", stderr = "", status } = program;
  if (stdin !== undefined) {
    const text = yield* readAll(given.stdin);
    if (text !== stdin)
      throw new Failure(
        `${label}: the standard input of ${showArgs(given.command)} is ${JSON.stringify(text)}, not ${JSON.stringify(stdin)}`,
      );
  }
  yield* write(given.stdout, [bytesOf(stdout)]);
  yield* write(given.stderr, [bytesOf(stderr)]);
  return statusOf(status);
}

function statusOf(status: number | ExitStatus | void): ExitStatus {
  return typeof status === "object" ? status : { exited: status ?? 0 };
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

// --- signals ---

const numbers: Readonly<Record<number, SignalName>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  6: "SIGABRT",
  9: "SIGKILL",
  10: "SIGUSR1",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
};
/** Those that end no process. */
const harmless: readonly SignalName[] = [
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGWINCH",
];

function nameOf(signal: SignalId): SignalName {
  const name = typeof signal === "number" ? numbers[signal] : signal;
  if (name === undefined) refuse("Child.signal", "signal", "a signal that the mock knows", signal);
  return name;
}

/** The reason by which the body of a command is stopped. */
class Killed extends Error {
  override readonly name = "Killed";
}

// --- standard streams ---

/** A standard stream of a command, and what has to be done for it. */
interface Attached<F> {
  readonly flow: F;
  /** Lets go of it at the end of the command. */
  readonly close: () => Op<void>;
  /** Copies from or to the flow that was given; until the end of the command, for its input. */
  readonly copy?: (ended: Deferred<ExitStatus>) => Op<void>;
  /** Ends that. */
  readonly closeOurs?: () => Op<void>;
}

function* nothing(): Op<void> {}

function isDirect(flow: object): boolean {
  return typeof (flow as { fd?: unknown }).fd === "number";
}

/** What belongs to the system, or is an end of a pipe, is used as it is; anything else by way of a pipe. */
function attachSource(given: Source | undefined, ours: Source): Attached<Source> {
  if (!given || isDirect(given)) return { flow: given ?? ours, close: nothing };
  const end = duplicateEnd(given);
  if (end) return { flow: end as PipeSource, close: () => end.close() };
  const [flow, sink] = openPipe();
  return {
    flow,
    close: () => flow.close(),
    *copy(ended) {
      yield* first<void, ExitStatus>(
        () => feed(given, sink),
        () => ended.await(),
      );
    },
    closeOurs: () => sink.close(),
  };
}

function* feed(source: Source, pipe: Sink): Op<void> {
  let refused = false;
  const sink: Sink = {
    *write(bytes) {
      try {
        yield* pipe.write(bytes);
      } catch (error) {
        refused ||= error instanceof IoError;
        throw error;
      }
    },
    close: () => pipe.close(),
  };
  try {
    yield* copy(source, sink);
  } catch (error) {
    // A process need not read all that it is offered.
    if (!refused) throw error;
  }
  yield* pipe.close();
}

function attachSink(given: Sink | undefined, ours: Sink): Attached<Sink> {
  if (!given || isDirect(given)) return { flow: given ?? ours, close: nothing };
  const end = duplicateEnd(given);
  if (end) return { flow: end as Sink, close: () => end.close() };
  const [source, flow] = openPipe();
  return {
    flow,
    close: () => flow.close(),
    copy: () => copy(source, given),
    closeOurs: () => source.close(),
  };
}

// --- a process ---

class MockChild extends Child {
  readonly pid: number;
  private readonly name: string;
  private readonly attached: readonly Attached<Source | Sink>[];
  private readonly signals: MockSignals;
  private readonly ended: Deferred<ExitStatus>;
  private readonly resolver: Resolver<ExitStatus>;
  private readonly hook: Hook;
  private root: RootFiber | undefined = undefined;
  private killedBy: SignalName | undefined = undefined;
  /** Keep the hook: the process, and what is copied. */
  private unfinished = 1;

  constructor(
    pid: number,
    name: string,
    attached: readonly Attached<Source | Sink>[],
    signals: MockSignals,
    sw: Switch,
  ) {
    super();
    this.pid = pid;
    this.name = name;
    this.attached = attached;
    this.signals = signals;
    [this.ended, this.resolver] = Deferred.create<ExitStatus>({ label: `end of ${name}` });
    this.hook = sw.addHook(() => this.end());
  }

  /** Nothing but a signal ends it from outside: it is a fiber of nobody. */
  *start(body: () => Op<ExitStatus>, sw: Switch): Op<void> {
    const onDone = (outcome: Result<ExitStatus>) => {
      this.resolver.resolve(outcome.ok ? outcome.value : { signaled: "SIGABRT" });
      this.finishOne();
    };
    const inherit = requireFiber("ProcessManager.spawn");
    const scheduler = sw.context.home as Scheduler;
    this.root = startOn(scheduler, () => this.live(body, sw), { name: this.name, inherit, onDone });
    const bridges = this.attached.filter((attached) => attached.copy !== undefined);
    this.unfinished += bridges.length;
    for (const bridge of bridges) yield* fork(sw, () => this.copying(bridge), { name: this.name });
  }

  private *live(body: () => Op<ExitStatus>, sw: Switch): Op<ExitStatus> {
    let status: ExitStatus;
    try {
      yield* yieldNow();
      status = yield* body();
    } catch (error) {
      status = { signaled: this.killedBy ?? (isBrokenPipe(error) ? "SIGPIPE" : "SIGABRT") };
      // The test has made a mistake, or found one.
      if (!this.killedBy && !isBrokenPipe(error)) sw.fail(error);
    } finally {
      yield* protect(() => closeAll(this.attached.map(({ close }) => close)));
    }
    traceln("%s: %s", this.signals.label, showStatus(status));
    return status;
  }

  private *copying(bridge: Attached<unknown>): Op<void> {
    try {
      yield* bridge.copy!(this.ended);
    } finally {
      yield* protect(() => bridge.closeOurs!());
      this.finishOne();
    }
  }

  private finishOne(): void {
    if (--this.unfinished === 0) this.hook.remove();
  }

  await(): Op<ExitStatus> {
    return this.ended.await();
  }

  protected send(signal: SignalId): void {
    if (signal === 0 || this.ended.isResolved() || this.killedBy) return;
    const name = nameOf(signal);
    if (name !== "SIGKILL" && this.signals.isHeard(name)) return this.signals.raise(name);
    traceln("%s: %s", this.signals.label, name);
    if (harmless.includes(name)) return;
    this.killedBy = name;
    this.root!.cancel(new Killed(name));
  }

  /** Kills it, if it still runs, and waits until nothing is left of it but its status. */
  private *end(): Op<void> {
    this.send("SIGKILL");
    yield* this.ended.await();
    yield* closeAll(this.attached.flatMap(({ closeOurs }) => closeOurs ?? []));
  }
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof IoError && error.err.kind === "Connection_reset";
}

function* closeAll(closes: readonly (() => Op<void>)[]): Op<void> {
  for (const one of closes) yield* one();
}

function* directoryOf(cwd: StartDirectory): Op<string> {
  const found = cwd.stat ? yield* cwd.stat({ follow: true }) : undefined;
  const path = cwd.native();
  if (path === undefined) throw new IoError({ area: "Fs", kind: "Not_native" }, ["naming the directory to start in"]);
  const { kind = "directory" } = (found ?? {}) as { kind?: unknown };
  if (kind !== "directory") throw fromSystemError(systemError("ENOTDIR", path));
  return path;
}

// --- all together ---

/** The options of {@link MockProcessManager}. */
export interface MockProcessManagerOptions {
  /** What commands read that are given no input. Default: nothing. */
  stdin?: Source;
  /** What commands write to that are given no output. Default: forgets it. */
  stdout?: Sink;
  /** Default: forgets it. */
  stderr?: Sink;
  /** The environment variables of commands that are given none. Default: there are none. */
  vars?: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts processes that a test plays: it says what each command does, and `traceln` says what was started, which signals it got, and how it
 * ended. Commands that nobody has said anything about are not found.
 *
 * @example
 * const processMgr = new MockProcessManager("proc");
 * processMgr.on("ls", { stdout: "a.txt\n" });
 * processMgr.on(["wc", "-l"], { stdin: "one\ntwo\n", stdout: "2\n" });
 * processMgr.on("sleep", () => Fiber.awaitCancel()); // until it is killed
 * yield* processMgr.parseOut((reader) => reader.line(), ["ls", "-l"]); // => "a.txt"
 * // +proc: spawn ls -l
 * // +proc: ls -l: Exited (code 0)
 * yield* processMgr.run(["lss"]); // throws IoError: Process Executable_not_found "lss", running command: lss
 * // +proc: spawn lss
 */
export class MockProcessManager extends ProcessManager {
  readonly label: string;
  private readonly stdin: Source;
  private readonly stdout: Sink;
  private readonly stderr: Sink;
  private readonly vars: Readonly<Record<string, string | undefined>>;
  private readonly commands = new Map<string, Handler<MockProgram>>();
  private lastPid = 0;

  /** @param label  begins each line of the trace */
  constructor(label = "proc", options?: MockProcessManagerOptions) {
    super();
    if (typeof label !== "string") refuse("new MockProcessManager", "label", "a string", label);
    expectOptions("new MockProcessManager", options);
    const { stdin = nullFlow, stdout = nullFlow, stderr = nullFlow, vars = {} } = options ?? {};
    this.label = label;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.vars = vars;
  }

  /**
   * The script of a command: what it does each time that it is started.
   *
   * @example
   * const processMgr = new MockProcessManager("proc");
   * processMgr.on("git", { stdout: "up to date\n" }).seq([{ return: { stderr: "no network\n", status: 1 } }]);
   * yield* processMgr.run(["git", "pull"]); // throws IoError: Process Child_error Exited (code 1), running command: git pull
   * yield* processMgr.run(["git", "pull"]);
   *
   * @param command  the program and all its arguments, or the program alone, whatever its arguments are. The former goes first
   * @param program  what it does, unless the script says something else. By default it is not found
   */
  on(command: string | readonly string[], program?: MockProgram): Handler<MockProgram> {
    if (typeof command !== "string" && !(Array.isArray(command) && command.every((arg) => typeof arg === "string")))
      refuse("MockProcessManager.on", "command", "a string or an array of strings", command);
    if (program !== undefined) expectProgram("MockProcessManager.on", "program", program);
    const key = JSON.stringify(command);
    const known = this.commands.get(key);
    if (known && !program) return known;
    const name = typeof command === "string" ? command : (command[0] ?? "");
    const handler = new Handler<MockProgram>(program ? { return: program } : { raise: notFound(name) });
    this.commands.set(key, handler);
    return handler;
  }

  protected *start(args: readonly string[], options: SpawnOptions): Op<Child> {
    yield* yieldNow();
    const { sw, cwd, env: vars = this.vars, executable = args[0]! } = options;
    sw.check();
    const native = cwd?.native();
    traceln("%s: spawn %s%s", this.label, showArgs(args), native === undefined ? "" : ` in ${native}`);
    const directory = cwd && (yield* directoryOf(cwd));
    const handler = this.commands.get(JSON.stringify(args)) ?? this.commands.get(JSON.stringify(executable));
    if (!handler) throw notFound(executable);
    const program = yield* handler.run();
    expectProgram("MockProcessManager", "the value of its script", program);
    sw.check();
    const stdin = attachSource(options.stdin, this.stdin);
    const stdout = attachSink(options.stdout, this.stdout);
    const stderr = attachSink(options.stderr, this.stderr);
    const signals = new MockSignals(`${this.label}: ${showArgs(args)}`);
    const child = new MockChild(++this.lastPid, showArgs(args), [stdin, stdout, stderr], signals, sw);
    const given: MockProcess = {
      command: args,
      args: args.slice(1),
      vars,
      stdin: stdin.flow,
      stdout: stdout.flow,
      stderr: stderr.flow,
      signals,
      directory,
      pid: child.pid,
    };
    yield* child.start(() => play(program, given, this.label), sw);
    return child;
  }

  protected *openPipe(sw: Switch): Op<[source: PipeSource, sink: Sink]> {
    return openPipe(sw);
  }
}

function notFound(executable: string): IoError {
  return new IoError({ area: "Process", kind: "Executable_not_found", executable });
}
