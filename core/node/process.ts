// The child processes of Node.

import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { protect } from "../cancel.js";
import { Deferred } from "../deferred.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import { suspend } from "../engine/suspend.js";
import type { ExitStatus } from "../exit-status.js";
import { copy, type Sink, type Source } from "../flow.js";
import { fork } from "../fork.js";
import { fromSystemError, IoError } from "../io-error.js";
import { duplicateEnd, openPipe } from "../pipe.js";
import {
  Child,
  ProcessManager,
  type PipeSource,
  type SignalId,
  type SpawnOptions,
  type StartDirectory,
} from "../process.js";
import { first } from "../race.js";
import { Hook, Switch } from "../switch.js";
import { yieldNow } from "../turns.js";
import { translated } from "./call.js";
import { fdOf } from "./fd.js";
import { NodeFile } from "./file.js";
import { expectSpare } from "./spare.js";
import { closed, StreamSink, StreamSource } from "./stream-flow.js";

// --- flows that the system does not know ---

/** A flow, and how to let go of it. */
interface Held {
  readonly flow: Source | Sink;
  readonly close: () => Op<void>;
}

function hold(flow: Source | Sink): Held {
  const end = duplicateEnd(flow);
  return end ? { flow: end, close: () => end.close() } : { flow, *close() {} };
}

/** One of the streams of a process, and our flow that it is copied from or to. */
abstract class Bridge {
  abstract readonly name: string;
  protected readonly held: Held;
  protected readonly stream: Readable | Writable;

  constructor(held: Held, stream: Readable | Writable) {
    this.held = held;
    this.stream = stream;
  }

  abstract copy(ended: Deferred<ExitStatus>): Op<void>;

  /** Does nothing the second time. */
  *close(): Op<void> {
    this.stream.destroy();
    yield* closed(this.stream, `${this.name}: the end of the pipe`);
    yield* this.held.close();
  }
}

class Input extends Bridge implements Sink {
  readonly name = "stdin";
  private readonly pipe: StreamSink;
  private refused = false;

  constructor(held: Held, stream: Writable) {
    super(held, stream);
    this.pipe = new StreamSink(stream, this.name);
  }

  /** Nobody reads it when the process has ended. */
  *copy(ended: Deferred<ExitStatus>): Op<void> {
    yield* first<void, ExitStatus>(
      () => this.feed(),
      () => ended.await(),
    );
  }

  private *feed(): Op<void> {
    try {
      yield* copy(this.held.flow as Source, this);
      yield* this.attempt(() => this.pipe.close());
    } catch (error) {
      // A process need not read all that it is offered.
      if (!this.refused) throw error;
    }
  }

  write(bytes: Uint8Array): Op<void> {
    return this.attempt(() => this.pipe.write(bytes));
  }

  writeSome(buffers: readonly Uint8Array[]): Op<number> {
    return this.attempt(() => this.pipe.writeSome(buffers));
  }

  private *attempt<T>(body: () => Op<T>): Op<T> {
    try {
      return yield* body();
    } catch (error) {
      this.refused ||= error instanceof IoError;
      throw error;
    }
  }
}

class Output extends Bridge {
  readonly name: "stdout" | "stderr";
  private readonly pipe: StreamSource;

  constructor(held: Held, stream: Readable, name: "stdout" | "stderr") {
    super(held, stream);
    this.name = name;
    this.pipe = new StreamSource(stream, name);
  }

  copy(): Op<void> {
    return copy(this.pipe, this.held.flow as Sink);
  }
}

const STREAMS = ["stdin", "stdout", "stderr"] as const;

/** A descriptor, what is to be bridged, or undefined for ours. */
type Attached = number | Held | undefined;

function attach(flow: Source | Sink | undefined): Attached {
  if (flow === undefined) return undefined;
  const { fd } = flow as { fd?: unknown };
  return typeof fd === "number" ? fd : hold(flow);
}

/** A process goes on where we are. */
function* handOver(flow: unknown): Op<void> {
  if (flow instanceof NodeFile) yield* flow.handOver();
}

function stdioOf(attached: Attached, position: number): number | "pipe" {
  if (typeof attached === "object") return "pipe";
  return attached ?? position;
}

type Stdio = number | "pipe" | "ignore";

/** With what is to have these numbers; those in between are closed. */
function withMore(streams: readonly Stdio[], fds: readonly (readonly [fd: number, resource: object])[]): Stdio[] {
  const stdio = [...streams];
  for (const [fd, resource] of fds) {
    while (stdio.length < fd) stdio.push("ignore");
    const ours = fdOf(resource);
    if (ours === undefined)
      throw new InvalidArgument(`FD ${fd}: what has no descriptor, or is closed, cannot be handed over`);
    stdio[fd] = ours;
  }
  return stdio;
}

// --- a process ---

class NodeChild extends Child {
  private readonly raw: ChildProcess;
  private readonly ended: Deferred<ExitStatus>;
  readonly bridges: readonly Bridge[];
  private hook: Hook = Switch.nullHook;
  /** Keep the hook: the process, and what is copied. */
  private unfinished: number;
  private failure: IoError | undefined = undefined;

  /** Listens from the first moment on: a process may end before anybody asks for it. */
  constructor(raw: ChildProcess, attached: readonly Attached[], name: string) {
    super();
    this.raw = raw;
    this.bridges = STREAMS.flatMap((stream, i): Bridge[] => {
      const held = attached[i];
      // There are no streams if there were no descriptors left for them.
      if (typeof held !== "object" || !raw[stream]) return [];
      return [stream === "stdin" ? new Input(held, raw.stdin!) : new Output(held, raw[stream], stream)];
    });
    this.unfinished = 1 + this.bridges.length;
    const [ended, resolver] = Deferred.create<ExitStatus>({ label: `end of ${name}` });
    this.ended = ended;
    raw.on("exit", (code, signal) => {
      resolver.resolve(signal === null ? { exited: code! } : { signaled: signal });
      this.finishOne();
    });
    raw.on("error", (error) => {
      this.failure = fromSystemError(error);
    });
  }

  get pid(): number {
    return this.raw.pid!;
  }

  await(): Op<ExitStatus> {
    return this.ended.await();
  }

  protected send(signal: SignalId): void {
    this.failure = undefined;
    this.raw.kill(signal as NodeJS.Signals | number);
    // Node reports it by an event that comes before `kill` returns.
    const failure = this.failure as IoError | undefined;
    if (failure) throw failure;
  }

  /** Lets `sw` own it. */
  *belongTo(sw: Switch): Op<void> {
    try {
      this.hook = sw.addHook(() => this.end());
    } catch (error) {
      yield* protect(() => this.end());
      throw error;
    }
    // It may have ended while its start was being waited for.
    this.unhook();
    for (const bridge of this.bridges) yield* fork(sw, () => this.copying(bridge), { name: bridge.name });
  }

  private *copying(bridge: Bridge): Op<void> {
    try {
      yield* bridge.copy(this.ended);
    } finally {
      yield* protect(() => bridge.close());
      this.finishOne();
    }
  }

  private finishOne(): void {
    this.unfinished--;
    this.unhook();
  }

  private unhook(): void {
    if (this.unfinished === 0) this.hook.remove();
  }

  /** Kills it, if it still runs, and waits until nothing is left of it but its status. */
  private *end(): Op<void> {
    this.raw.kill("SIGKILL");
    yield* this.ended.await();
    yield* this.closeBridges();
  }

  *closeBridges(): Op<void> {
    for (const bridge of this.bridges) yield* bridge.close();
  }
}

// --- programs ---

type Look = "runnable" | "missing" | "denied" | "unrunnable" | "directory";

/** What a file is, and what the system said about it. */
interface Looked {
  readonly look: Look;
  readonly cause?: unknown;
}

/** How much of a program tells what it is. */
const HEAD_SIZE = 256;

/** Waits for the disk, as `spawn` itself does while the system loads the program. */
function lookAt(path: string): Looked {
  try {
    if (!statSync(path).isFile()) return { look: "directory" };
    accessSync(path, constants.X_OK);
  } catch (cause) {
    return { look: (cause as { code?: string }).code === "EACCES" ? "denied" : "missing", cause };
  }
  return { look: isText(path) ? "unrunnable" : "runnable" };
}

/**
 * Text that names no interpreter. Node would have a shell run it, whatever it is: all formats that systems run have a zero byte early on.
 */
function isText(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    // What may be run need not be readable.
    return false;
  }
  try {
    const head = new Uint8Array(HEAD_SIZE);
    const length = readSync(fd, head, 0, HEAD_SIZE, 0);
    const hasInterpreter = head[0] === 0x23 && head[1] === 0x21;
    return !hasInterpreter && !head.subarray(0, length).includes(0);
  } finally {
    closeSync(fd);
  }
}

/** The file to run. */
function programOf(name: string, directory: string | undefined): string {
  // There, names have endings that need not be written.
  if (process.platform === "win32") return name;
  if (name.includes("/")) {
    expectRunnable(name, lookAt(resolve(directory ?? "", name)));
    return name;
  }
  let denied: Looked | undefined;
  for (const place of name === "" ? [] : (process.env["PATH"] ?? "/bin:/usr/bin").split(":")) {
    const path = resolve(place, name);
    const looked = lookAt(path);
    const { look } = looked;
    if (look === "denied") denied ??= looked;
    if (look === "missing" || look === "directory" || look === "denied") continue;
    expectRunnable(name, looked);
    return path;
  }
  return expectRunnable(name, denied ?? { look: "missing" }) as never;
}

function expectRunnable(executable: string, { look, cause }: Looked): void {
  if (look === "runnable") return;
  if (look === "missing") throw processError("Executable_not_found", executable, cause);
  throw processError(look === "unrunnable" ? "Executable_format_error" : "Permission_denied", executable, cause);
}

function processError(
  kind: "Executable_not_found" | "Permission_denied" | "Executable_format_error",
  executable: string,
  cause?: unknown,
): IoError {
  return new IoError({ area: "Process", kind, executable }, [], cause === undefined ? {} : { cause });
}

/** What the system said when it was to start `executable`, whose directory has been looked at. */
function startError(error: unknown, executable: string): unknown {
  const { code } = error as { code?: unknown };
  if (code === "ENOENT") return processError("Executable_not_found", executable, error);
  if (code === "EACCES") return processError("Permission_denied", executable, error);
  if (code === "ENOEXEC") return processError("Executable_format_error", executable, error);
  if (code === "E2BIG") return new IoError({ area: "Process", kind: "Argument_list_too_long" }, [], { cause: error });
  return translated(error);
}

/** The path of a directory to start in. A missing one must not be mistaken for a missing program. */
function* directoryOf(cwd: StartDirectory): Op<string> {
  if (cwd.stat) yield* cwd.stat({ follow: true });
  const path = cwd.native();
  if (path === undefined) throw new IoError({ area: "Fs", kind: "Not_native" }, ["naming the directory to start in"]);
  try {
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(`ENOTDIR: ${path}`), { code: "ENOTDIR" });
    accessSync(path, constants.X_OK);
  } catch (error) {
    throw fromSystemError(error);
  }
  return path;
}

// --- all together ---

/** What only some systems can do. */
export interface UnixStart {
  /** The descriptors of the process, but for the standard streams, and what is behind them. */
  readonly fds?: readonly (readonly [fd: number, resource: object])[];
  readonly uid?: number;
  readonly gid?: number;
  readonly detached?: boolean;
}

/** An option of those who know of it: {@link UnixStart}. */
export const UNIX = Symbol("trestle.unix");

export class NodeProcessManager extends ProcessManager {
  protected *start(args: readonly string[], options: SpawnOptions & { [UNIX]?: UnixStart }): Op<Child> {
    yield* yieldNow();
    const { sw, cwd, env, executable = args[0]!, [UNIX]: { fds = [], ...more } = {} } = options;
    sw.check();
    const directory = cwd && (yield* directoryOf(cwd));
    const attached: Attached[] = [];
    let child: NodeChild | undefined;
    try {
      const program = programOf(executable, directory);
      // First, so that nobody can close one of them before the process has it.
      for (const flow of [...STREAMS.map((name) => options[name]), ...fds.map(([, flow]) => flow)])
        yield* handOver(flow);
      for (const name of STREAMS) attached.push(attach(options[name]));
      const pipes = attached.filter((each) => typeof each === "object").length;
      yield* suspend<void>(`start of ${executable}`, (_, enqueue) => {
        // Two of each pipe, and two by which the system tells how the start went.
        if (pipes > 0) expectSpare(2 * pipes + 2);
        const raw = spawn(program, args.slice(1), {
          argv0: args[0] ?? executable,
          stdio: withMore(attached.map(stdioOf), fds),
          ...(directory !== undefined && { cwd: directory }),
          ...(env && { env }),
          ...more,
        });
        child = new NodeChild(raw, attached, executable);
        raw.once("spawn", () => enqueue({ ok: true, value: undefined }));
        raw.once("error", (error) => enqueue({ ok: false, error }));
      });
    } catch (error) {
      yield* protect(() => letGo(child, attached));
      throw startError(error, executable);
    }
    yield* child!.belongTo(sw);
    return child!;
  }

  protected *openPipe(sw: Switch): Op<[source: PipeSource, sink: Sink]> {
    return openPipe(sw);
  }
}

/** After a start that failed. */
function* letGo(child: NodeChild | undefined, attached: readonly Attached[]): Op<void> {
  if (child) yield* child.closeBridges();
  for (const held of attached) if (typeof held === "object") yield* held.close();
}

/** The child processes of this machine. */
export const nodeProcessManager: ProcessManager = new NodeProcessManager();
