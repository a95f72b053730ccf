// All that a program on a system is given, without the system.

import { expectOptions, refuse } from "../engine/describe.js";
import type { Op } from "../engine/op.js";
import type { SystemEnv } from "../env.js";
import { bufferSink, bytesSource, expectSource, type BufferSink, type Source } from "../flow.js";
import { MonoClock } from "../time.js";
import { debug, traceln } from "../traceln.js";
import { MockClock } from "./clock.js";
import { MockDomainManager } from "./domain.js";
import { MockFs, type MockTree } from "./fs.js";
import { MockNet } from "./net.js";
import { MockProcessManager } from "./process.js";
import { MockRandom } from "./random.js";
import { MockSignals } from "./signals.js";

/**
 * What {@link run} of `trestle/mock` gives to its body: a `SystemEnv`, so that a program for `trestle/node` runs in it unchanged. Each part is
 * one that a test can script and look at.
 */
export interface MockEnv extends SystemEnv {
  readonly clock: MockClock;
  /** All that the program has written. */
  readonly stdout: BufferSink;
  /** The same for the standard error output. */
  readonly stderr: BufferSink;
  /** The same bytes each time. */
  readonly secureRandom: MockRandom;
  readonly net: MockNet;
  /** The files that `cwd` and `fs` lead to. */
  readonly files: MockFs;
  readonly processMgr: MockProcessManager;
  readonly domainMgr: MockDomainManager;
  readonly signals: MockSignals;
}

/** The options of {@link mockEnv}. */
export interface MockEnvOptions {
  /** The arguments of the command line, without the program. Default: none. */
  args?: readonly string[];
  /** The environment variables. Default: none. */
  vars?: Readonly<Record<string, string | undefined>>;
  /** The standard input: its text, its bytes, or a source such as a `MockFlow`. Default: it ends at once. */
  stdin?: string | Uint8Array | Source;
  /** What is there at first, from the root on; or files of one's own. Default: nothing. */
  files?: MockTree | MockFs;
  /** The current directory. Default: the root; not with files of one's own, which know it. */
  cwd?: string;
  /** What random bytes begin with. Default 0. */
  seed?: number;
  /** What the modules of jobs export; see `MockDomainManager`. Default: nothing. */
  modules?: Readonly<Record<string, object>>;
  /** Whether files and the standard outputs are traced, too, as the network, processes and signals always are. Default false. */
  trace?: boolean;
}

/** Keeps what is written, and traces it when asked. */
class Output implements BufferSink {
  private readonly kept = bufferSink();
  private readonly label: string;
  private readonly traces: boolean;

  constructor(label: string, traces: boolean) {
    this.label = label;
    this.traces = traces;
  }

  get bytes(): Uint8Array {
    return this.kept.bytes;
  }

  get text(): string {
    return this.kept.text;
  }

  *write(bytes: Uint8Array): Op<void> {
    yield* this.kept.write(bytes);
    if (this.traces && bytes.length > 0)
      traceln("%s: wrote %s", this.label, JSON.stringify(new TextDecoder().decode(bytes)));
  }

  /** The program goes on using it. */
  *close(): Op<void> {}
}

/**
 * All that a program on a system is given, without the system. `run` of `trestle/mock` makes one; this is for worlds within another one, and
 * for clocks of one's own.
 *
 * @example
 * function* main({ args, cwd, stdout }: SystemEnv): Op<void> {
 *   yield* Flow.copyString(yield* cwd.join(args[0]!).load(), stdout);
 * }
 * const env = mockEnv({ args: ["notes.txt"], files: { "notes.txt": "buy milk\n" } });
 * yield* main(env);
 * env.stdout.text; // => "buy milk\n"
 */
export function mockEnv(options: MockEnvOptions & { clock?: MockClock } = {}): MockEnv {
  expectEnvOptions("mockEnv", options);
  const {
    args = [],
    vars = {},
    stdin = "",
    files: given = {},
    cwd = "/",
    seed = 0,
    modules = {},
    trace = false,
  } = options;
  const { clock = new MockClock() } = options;
  if (!(clock instanceof MockClock)) refuse("mockEnv", "options.clock", "a MockClock", clock);
  const files = given instanceof MockFs ? given : new MockFs(given, { cwd, clock, trace });
  const streams = {
    stdin: sourceOf(stdin),
    stdout: new Output("stdout", trace),
    stderr: new Output("stderr", trace),
  };
  // Jobs are given all of it.
  const ofJobs: Partial<MockEnv> = {};
  const env: MockEnv = {
    clock,
    monoClock: new MonoClock(clock),
    debug,
    backendId: "mock",
    ...streams,
    secureRandom: new MockRandom(seed),
    net: new MockNet("net"),
    files,
    cwd: files.cwd,
    fs: files.root,
    processMgr: new MockProcessManager("proc", { ...streams, vars }),
    domainMgr: new MockDomainManager({ modules, env: ofJobs }),
    signals: new MockSignals("signals"),
    args,
    vars,
  };
  Object.assign(ofJobs, env);
  return env;
}

function sourceOf(stdin: string | Uint8Array | Source): Source {
  if (typeof stdin !== "string" && !(stdin instanceof Uint8Array)) return stdin;
  // There are places without a `TextEncoder`, and programs there that read nothing.
  if (stdin.length === 0) return bytesSource([]);
  return bytesSource([typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin]);
}

/** @internal */
export function expectEnvOptions(where: string, options: MockEnvOptions): void {
  expectOptions(where, options);
  const { args = [], vars = {}, stdin = "", trace = false } = options;
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === "string"))
    refuse(where, "options.args", "an array of strings", args);
  if (typeof vars !== "object" || (vars as unknown) === null) refuse(where, "options.vars", "an object", vars);
  if (typeof stdin !== "string" && !(stdin instanceof Uint8Array)) expectSource(where, stdin);
  if (typeof trace !== "boolean") refuse(where, "options.trace", "a boolean", trace);
}
