// Ports and workers, of Node and of the web, by their shape: what they say, how they end, and how they are ended.

import { addListener, kindOf, type Listener } from "./listener.js";
import { refuse } from "./refuse.js";

/** A `MessagePort`, a `Worker`, or in a worker its end of the line to whoever started it; of Node or of the web. */
export interface Port {
  postMessage(message: never, transfer?: never): unknown;
}

/** A `URL`, by what it is known by: not every project has its type. */
export interface Address {
  readonly href: string;
}

/** Objects whose ownership goes with a message, such as an `ArrayBuffer` or a port. */
export type TransferList = readonly object[];

/** `MessagePort`, where the project has its type. */
export type PlatformPort = typeof globalThis extends { MessagePort: { prototype: infer P } } ? P : Port;

/** All that a port or a worker may have. */
interface AnyPort {
  postMessage(message: unknown, transfer?: readonly object[]): void;
  start?(): void;
  close?(): void;
  ref?(): void;
  unref?(): void;
  hasRef?(): boolean;
  terminate?(): unknown;
  readonly threadId?: number;
}

export function expectPort(where: string, argument: string, port: unknown): void {
  if (kindOf(port) !== undefined && typeof (port as AnyPort).postMessage === "function") return;
  refuse(where, argument, "a MessagePort or a Worker", port);
}

export function expectTransfer(where: string, transfer: unknown): void {
  if (transfer !== undefined && !Array.isArray(transfer)) refuse(where, "transfer", "an array of objects", transfer);
}

/** Whether it can be terminated: a worker, seen from outside. */
export function isWorker(port: Port): boolean {
  return typeof (port as AnyPort).terminate === "function";
}

/** Sees to it that what a worker throws is not an uncaught error of the process; gives what takes that back. */
export function hush(worker: Port): () => void {
  const ignore: Listener = () => {};
  return addListener(worker, "error", ignore, undefined);
}

/** Terminates a worker; the promise settles when it is gone. */
export function terminate(worker: Port): Promise<unknown> {
  return Promise.resolve((worker as unknown as AnyPort).terminate!());
}

/**
 * Posts. Throws the platform's `DataCloneError` for what cannot be sent; then nothing is sent.
 *
 * @param values  what the message is made of
 */
export function post(
  port: Port,
  message: unknown,
  transfer: TransferList | undefined,
  values: readonly unknown[] = [message],
): void {
  expectAttached(values, transfer);
  (port as unknown as AnyPort).postMessage(message, transfer);
}

/** Node sends an empty buffer in place of one that is gone. */
function expectAttached(values: readonly unknown[], transfer: TransferList | undefined): void {
  for (const value of [...values, ...(transfer ?? [])]) {
    if (isDetached(bufferOf(value))) throw cloneError("an ArrayBuffer was transferred before: it is detached");
  }
}

function bufferOf(message: unknown): unknown {
  return ArrayBuffer.isView(message) ? message.buffer : message;
}

function isDetached(value: unknown): boolean {
  if (!(value instanceof ArrayBuffer) || value.byteLength > 0) return false;
  try {
    new Uint8Array(value);
    return false;
  } catch {
    return true;
  }
}

export function cloneError(message: string): Error {
  if (typeof DOMException === "function") return new DOMException(message, "DataCloneError");
  return Object.assign(new Error(message), { name: "DataCloneError" });
}

/** What a port tells. After `closed` there is nothing more; `failed` may come before it. */
export interface Hearing {
  message(data: unknown): void;
  /** A message could not be read, or the worker has thrown. */
  failed(error: unknown): void;
  /** The other side has closed the port, or the worker has exited. */
  closed(end: End): void;
}

/** How a port has ended. */
export interface End {
  /** A worker has exited. Otherwise nobody listens at the other end. */
  readonly exited: boolean;
  /** What it exited with, if that was seen. */
  readonly code: number | undefined;
}

/** The ports that are known to be closed: the event is seen once, and not all platforms can be asked. */
const ends = new WeakMap<object, End>();

/** Notes that nobody listens at the other end any more. */
export function noteEnd(port: Port): End {
  const end: End = { exited: false, code: undefined };
  ends.set(port, end);
  return end;
}

/** Listens. The port is started when everything is listened to, so that what was sent before is heard. */
export function listenTo(port: Port, hearing: Hearing): () => void {
  const isTarget = kindOf(port) === "target";
  const failed: Listener = (event) => hearing.failed(isTarget ? errorOf(event as WorkerFailure) : event);
  // In a worker of the web, its own scope tells of what was not caught there: that is for the other side to hear.
  const own = port === (globalThis as unknown as Port);
  const removals = [
    ...(own ? [] : [addListener(port, "error", failed, undefined)]),
    addListener(
      port,
      "messageerror",
      (event) => hearing.failed(isTarget ? cloneError("a message could not be read") : event),
      undefined,
    ),
    addListener(port, "close", () => ended({ exited: false, code: undefined }), undefined),
    addListener(port, "exit", (code) => ended({ exited: true, code: Number(code) }), undefined),
    addListener(
      port,
      "message",
      (event) => hearing.message(isTarget ? (event as { data: unknown }).data : event),
      undefined,
    ),
  ];
  const ended = (end: End) => {
    ends.set(port, end);
    hearing.closed(end);
  };
  if (isTarget) (port as unknown as AnyPort).start?.();
  return () => {
    for (const remove of removals.splice(0)) remove();
  };
}

interface WorkerFailure {
  readonly error?: unknown;
  readonly message?: string;
  preventDefault?(): void;
}

/** The error of a worker of the web. It has a consumer now: the page need not report it. */
function errorOf(event: WorkerFailure): unknown {
  event.preventDefault?.();
  return event.error ?? new Error(event.message || "the worker could not be loaded");
}

/** Whether `port`, which is listened to, is closed, as far as one can know. */
export function endOf(port: Port): End | undefined {
  const end = ends.get(port);
  if (end) return end;
  const any = port as unknown as Required<AnyPort>;
  if (isWorker(port)) return any.threadId === -1 ? { exited: true, code: undefined } : undefined;
  if (typeof any.hasRef !== "function") return undefined;
  // A port of Node that is closed cannot be made to keep the process alive.
  if (any.hasRef()) return undefined;
  any.ref();
  if (!any.hasRef()) return noteEnd(port);
  any.unref();
  return undefined;
}

/** Closes our end, if it can be closed. */
export function closePort(port: Port): void {
  const any = port as unknown as AnyPort;
  any.unref?.();
  any.close?.();
  noteEnd(port);
}

// --- where workers come from ---

interface Threads {
  Worker: new (source: string | Address, options: object) => Port;
  readonly parentPort: Port | null;
  readonly workerData: unknown;
}

interface WorkerGlobals {
  readonly process?: { getBuiltinModule?: (name: string) => unknown };
  readonly Worker?: new (source: string | Address, options: object) => Port;
  readonly WorkerGlobalScope?: unknown;
}

/** Node's threads, asked for in the way in which a page can ask, too. */
function threadsOfNode(): Threads | undefined {
  return (globalThis as WorkerGlobals).process?.getBuiltinModule?.("node:worker_threads") as Threads | undefined;
}

/** How {@link startWorker} starts. */
export interface WorkerSource {
  readonly data?: unknown;
  readonly transfer?: TransferList | undefined;
  /** `source` is a program, not an address. */
  readonly eval?: boolean | undefined;
  readonly name?: string | undefined;
  /** For the platform's constructor. */
  readonly worker?: object | undefined;
}

/** Starts a worker with its data: Node's `workerData`, or the first message on the web. */
export function startWorker(where: string, source: string | Address, options: WorkerSource): Port {
  const { data, transfer, name } = options;
  expectAttached([data], transfer);
  const threads = threadsOfNode();
  if (threads) {
    const given: Record<string, unknown> = { ...options.worker, workerData: data };
    if (transfer) given["transferList"] = transfer;
    if (options.eval) given["eval"] = true;
    if (name !== undefined) given["name"] = name;
    return new threads.Worker(source, given);
  }
  const { Worker } = globalThis as WorkerGlobals;
  if (!Worker) throw new TypeError(`${where}: there are no workers on this platform`);
  const address = options.eval ? programAddress(source as string) : source;
  // As on Node, a text is a script and an address a module.
  const type = options.eval ? "classic" : "module";
  const worker = new Worker(address, { type, ...(name === undefined ? {} : { name }), ...options.worker });
  post(worker, data, transfer);
  return worker;
}

function programAddress(program: string): string {
  const { Blob, URL } = globalThis as unknown as {
    Blob: new (parts: string[], options: { type: string }) => object;
    URL: { createObjectURL(blob: object): string };
  };
  return URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
}

/** In a worker, the end of the line to whoever started it; and the data it was started with, where that is not the first message. */
export function lineToParent(): { readonly port: Port; readonly data?: { readonly value: unknown } } | undefined {
  const threads = threadsOfNode();
  if (threads)
    return threads.parentPort ? { port: threads.parentPort, data: { value: threads.workerData } } : undefined;
  const scope = globalThis as WorkerGlobals;
  return scope.WorkerGlobalScope === undefined ? undefined : { port: globalThis as unknown as Port };
}
