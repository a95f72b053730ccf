/**
 * What the examples of doc comments take for granted: small functions of a program that downloads pages and serves requests. Each
 * example gets its own.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter } from "node:events";
import pLimit from "p-limit";
import { of } from "rxjs";
import {
  BufWrite,
  Condition,
  EndOfFile,
  Fiber,
  Flow,
  IoError,
  Mutex,
  Semaphore,
  Stream,
  type Cancel,
  type Env,
  type Op,
  type Result,
  type Switch,
} from "trestle";
import { toLwt, type LwtTask } from "@trestle/bridges/lwt";
import { MockFlow } from "trestle/mock";
import { run, type NodeEnv } from "trestle/node";
import { digest } from "./digests.js";

export interface Page {
  readonly url: string;
  readonly text: string;
}

export interface Tree {
  readonly children: readonly Tree[];
}

/** The world of examples that no fiber runs. */
export const realWorld: Env = await run(function* (env): Op<Env> {
  return env;
});

/** What an example that a fiber runs has at hand, besides. */
export interface Given {
  readonly env: NodeEnv;
  readonly sw: Switch;
  readonly cc: Cancel.Context;
}

export interface Coordinates {
  readonly latitude: number;
}

export function prelude({ clock }: Env) {
  const log = (_line: unknown): void => {};
  const [mirrorA, mirrorB] = ["https://example.org/a", "https://example.net/a"] as const;
  const user = { id: "ada", name: "Ada" };

  function* after<T>(seconds: number, value: T): Op<T> {
    yield* clock.sleep(seconds);
    return value;
  }

  const jobs = new Stream<string>(8);
  jobs.tryAdd("first job");
  const urgent = new Stream<string>(8);
  urgent.tryAdd("urgent job");

  const report = [new TextEncoder().encode("all is well")];
  const source = {
    *read(buffer: Uint8Array): Op<number> {
      const bytes = yield* after(0.001, report.pop());
      if (!bytes) throw new EndOfFile();
      buffer.set(bytes);
      return bytes.length;
    },
  };
  const sink = { write: (_bytes: Uint8Array) => after(0.001, undefined), close: () => after(0.001, undefined) };

  const file = { size: () => after(0.001, 1024), close(): void {} };
  const download = (url: string): Op<Page> => after(0.003, { url, text: `the text of ${url}` });

  return {
    clock,
    log,
    note: log,
    report: log,
    rows: [1, 2, 3],
    state: { open: 2 },
    cache: new Map<string, string>(),

    // Pages.
    url: mirrorA,
    urls: [mirrorA, "https://example.org/b"],
    mirrorA,
    mirrorB,
    mirrors: [mirrorA, mirrorB],
    download,
    tryDownload: (url: string): Op<Result<Page, "not found">> => after(0.003, { ok: true, value: { url, text: "" } }),
    titleOf: (url: string): Op<string | undefined> => after(0.001, url === mirrorB ? undefined : `title of ${url}`),
    isAlive: (_url: string): Op<boolean> => after(0.001, true),
    fetch: (_url: string, _options?: { signal?: AbortSignal }) => Promise.resolve(new Response("text")),

    // Other threads.
    digests: new URL("./digests.js", import.meta.url),
    digest,

    // Files.
    file,
    files: ["a.txt", "b.txt"],
    openFile: (_name: string) => file,
    upload: (_name: string): Op<void> => after(0.002, undefined),
    dir: {
      *open(sw: Switch, _name: string): Op<typeof file> {
        yield* sw.onRelease(() => file.close());
        return file;
      },
    },
    *readLines(_file: unknown, yield_: (line: string) => Op<void>): Op<void> {
      for (const line of ["name", "Ada", "Grace"]) yield* yield_(line);
    },
    *loadSettings(): Op<string> {
      throw new IoError({ area: "Fs", kind: "Not_found" }, ['opening "settings.json"']);
    },

    // Work.
    work: (_job?: unknown): Op<number> => after(0.002, 42),
    slots: new Semaphore(2),
    jobs,
    urgent,
    *fail(message: string): Op<never> {
      yield* Fiber.yield();
      throw new Error(message);
    },

    readConfig: () => after(0.001, { port: 80 }),

    // Bytes.
    source,
    sink: Flow.bufferSink(),
    writer: new BufWrite(),
    connection: new MockFlow("connection"),
    openReport: (_sw: Switch) => after(0.001, source),
    openUpload: (_sw: Switch) => after(0.001, sink),
    dial: (_sw: Switch, _address: string) => after(0.001, { ...source, ...sink }),
    upperCase: (bytes: Uint8Array) => new TextEncoder().encode(new TextDecoder().decode(bytes).toUpperCase()),

    // What is shared.
    mutex: new Mutex(),
    changed: new Condition(),
    accounts: new Mutex({ name: "accounts" }),
    transfer: (_from: string, _to: string): Op<void> => after(0.002, undefined),
    withdraw: (_from: string, _amount: number): Op<void> => after(0.001, undefined),
    deposit: (_to: string, _amount: number): Op<void> => after(0.001, undefined),
    addUp: (): Op<number> => after(0.001, 30),

    connect: (_address: string) =>
      after(0.002, { isOpen: true, close(): void {}, query: (_text: string) => after(0.001, [1]) }),

    // Requests.
    request: { id: "r-17", url: "/orders" },
    handle: (request: { url: string }): Op<string> => after(0.002, `answer to ${request.url}`),
    requestStore: new AsyncLocalStorage<{ url: string }>(),
    socket: Object.assign(new EventEmitter(), { close(): void {}, flush: (): Op<void> => after(0.001, undefined) }),
    serve: (_socket: unknown): Op<void> => after(1, undefined),
    loadUser: (_id: string): Op<typeof user> => after(0.002, user),
    loadPosts: (id: string): Op<string[]> => after(0.001, [`a post of ${id}`]),

    isMainThread: true,

    // Older worlds.
    stopButton: { onclick(): void {} },
    geolocation: {
      getCurrentPosition: (ok: (position: Coordinates) => void, _fail: (error: Error) => void) => ok({ latitude: 48 }),
    },
    client: { connect: (_port: number, done: (error: Error | null) => void) => done(null) },
    runTool: (_option: string, done: (error: Error | null, stdout: string, stderr: string) => void) =>
      done(null, "1.0", ""),
    pLimit,
    plugin: { configure: (): string | Promise<string> | Op<string> => Promise.resolve("quiet") },
    program: {
      pick: (_fruit: string) => toLwt(() => after(0.002, 5)),
      limit: <T>(_seconds: number, task: LwtTask<T>) => task,
    },
    user$: of(user),
    keys$: of("a", "b"),
  };
}
