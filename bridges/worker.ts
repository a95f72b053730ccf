// Worker threads and message ports, of Node and of the web.
//
// |             | `fromPort`                             | `call`, `servePort`, `toPort`               | `runWorker`, `toWorker`              |
// |-------------|----------------------------------------|-----------------------------------------|--------------------------------------|
// | cancel      | of a fiber: its wait, nothing is lost; | the remote fiber, which is waited for   | a message, then a time of grace,     |
// |             | of the switch: stops listening         | (`onCancel: "abandon"`: not)            | then `terminate()`, waited for       |
// | owner       | the switch closes the port             | `servePort` closes the port in the end      | the fiber: the worker ends with it   |
// | error       | of a worker, or a message that cannot  | a copy: class, code, cause, stack, ...; | a copy; what the worker throws;      |
// |             | be read: after the values before it    | `ClosedError`, `WorkerExitError`        | `WorkerExitError`                    |
// | buffer      | 16 here, none on the wire; `credit`    | none; a late reply is ignored           | -                                    |
// |             | bounds both                            |                                         |                                      |
// | turns       | after the platform's event             | one microtask more                      | after the worker is gone             |

import {
  asyncDispose,
  Cancel,
  Cancelled,
  ClosedError,
  Fiber,
  reportUnhandled,
  suspend,
  Switch,
  type Enqueue,
  type Op,
  type Result,
  type RootFiber,
} from "trestle";
import {
  decodeThrown,
  encodeThrown,
  envelope,
  isMessage,
  MAIN,
  registerError,
  type Message,
  type Outcome,
} from "trestle/message";
import { abortErrorOf, AbortError } from "./crossing/abort-error.js";
import { drive } from "./crossing/drive.js";
import { ownedCall } from "./crossing/owned-call.js";
import {
  endOf,
  closePort,
  expectPort,
  expectTransfer,
  hush,
  isWorker,
  lineToParent,
  listenTo,
  noteEnd,
  post,
  startWorker,
  terminate,
  type Address,
  type End,
  type PlatformPort,
  type Port,
  type TransferList,
} from "./crossing/port.js";
import { expectBuffer, PushSource } from "./crossing/push-source.js";
import { awaitValue } from "./crossing/reaction.js";
import { isOp, Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectOptions, expectSwitch, refuse } from "./crossing/refuse.js";
import { Done, type BufferOptions, type Subscribed } from "./crossing/subscribed.js";

export { AbortError } from "./crossing/abort-error.js";
export { ClosedError, OverflowError } from "trestle";
export { registerError, type ErrorFields, type RegisterErrorOptions } from "trestle/message";
export type { Address, PlatformPort, Port, TransferList } from "./crossing/port.js";
export { Done, type BufferOptions, type Subscribed } from "./crossing/subscribed.js";

registerError(AbortError);

/**
 * A worker has exited before it was done: `code` is what it exited with, undefined if nobody was there to see it.
 *
 * @example
 * try {
 *   yield* runWorker("process.exit(3)", { eval: true });
 * } catch (error) {
 *   if (error instanceof WorkerExitError) log(error.exitCode);
 * }
 */
export class WorkerExitError extends Error {
  override readonly name = "WorkerExitError";
  readonly code = "WORKER_EXIT";
  /** The exit code. */
  readonly exitCode: number | undefined;

  constructor(where: string, exitCode: number | undefined) {
    super(`${where}: the worker has exited${exitCode === undefined ? "" : ` with code ${exitCode}`}`);
    this.exitCode = exitCode;
  }
}

function errorAtEnd(where: string, end: End): Error {
  return end.exited ? new WorkerExitError(where, end.code) : new ClosedError(`${where}: the port is closed`);
}

// --- values, one after the other ---

/** The options of {@link fromPort}. */
export interface FromPortOptions extends BufferOptions {
  /**
   * Count credit, on both sides: at most so many values of the other side are on their way or wait here, and its `send` waits while
   * there are that many. Both sides must say it; the numbers may differ. Default: values are neither counted nor held back.
   */
  credit?: number;
  /**
   * Whether the port is closed, or the worker terminated, when the switch ends. Default true for ports, false for workers. Otherwise only the
   * listeners come off.
   */
  owned?: boolean;
}

/** A port, for fibers; see {@link fromPort}. */
export interface PortFlow<In, Out> {
  /** What the other side sends, in order. */
  readonly recv: Subscribed<In>;
  /**
   * Sends `value`: at once, or with `credit` when the other side has room for it, a cancellation point; fibers that wait are served in
   * order. What is transferred is gone from here.
   *
   * @throws DataCloneError of the platform, when `value` cannot be sent or was transferred before; then nothing is sent
   * @throws ClosedError when the port is closed, or is closed while it waits
   */
  readonly send: (value: Out, transfer?: TransferList) => Op<void>;
  /** Waits until the port is closed, by either side. */
  readonly closed: () => Op<void>;
  /** Closes the port now. What was received and not taken is dropped. Does nothing the second time. */
  readonly close: () => void;
}

class Flow<In, Out> implements PortFlow<In, Out> {
  private readonly port: Port;
  private readonly credit: number | undefined;
  private readonly owned: boolean;
  private readonly source: PushSource<In>;
  readonly recv: Subscribed<In>;
  /** How many values may be sent; counted only if `credit` is given. */
  private allowed = 0;
  /** How many values were taken since credit was last given. */
  private taken = 0;
  private readonly waitingToSend = new Set<Enqueue<void>>();
  private readonly waitingForEnd = new Set<Enqueue<void>>();
  /** The other side has gone, or we have. */
  private over = false;
  private stopListening: (() => void) | undefined = undefined;
  private disown: (() => void) | undefined = undefined;

  constructor(port: Port, options: FromPortOptions | undefined) {
    this.port = port;
    this.credit = options?.credit;
    this.owned = options?.owned ?? !isWorker(port);
    const buffering = this.credit === undefined ? options : { ...options, buffer: this.credit, syncLimit: 0 };
    this.source = new PushSource<In>("fromPort", buffering);
    this.recv = this.credit === undefined ? this.source : new Counted(this.source, () => this.took());
  }

  start(sw: Switch): this {
    this.source.attach(sw).start((source) => {
      this.stopListening = listenTo(this.port, {
        message: (data) => this.heard(data),
        failed: (error) => source.fail(error),
        closed: (end) => {
          if (end.code) source.fail(errorAtEnd("fromPort", end));
          else source.end();
        },
      });
      if (this.credit !== undefined) this.tell({ kind: "credit", n: this.credit });
      // Also when the source ends by itself: nothing is heard any more then.
      return () => this.end();
    });
    if (endOf(this.port)) this.source.end();
    if (this.owned && isWorker(this.port) && !this.over) this.own(sw);
    return this;
  }

  /** Has the worker end with the switch. Its errors have a consumer until then. */
  private own(sw: Switch): void {
    const { port } = this;
    const listen = hush(port);
    const hook = sw.addHook(() => gone(port, listen), "a worker");
    this.disown = () => {
      hook.remove();
      listen();
    };
  }

  private heard(data: unknown): void {
    const { credit, source } = this;
    if (!isMessage(data)) {
      if (credit === undefined) source.push(data as In);
      else source.fail(new TypeError('fromPort: the other side does not count "credit", and this one does'));
    } else if (data.kind === "end") source.end();
    else if (data.kind === "value" || data.kind === "credit") {
      if (credit === undefined)
        source.fail(new TypeError('fromPort: the other side counts "credit", and this one does not'));
      else if (data.kind === "value") source.push(data.value as In);
      else this.allow(data.n);
    }
    // Calls and replies are for others that listen to the same port.
  }

  private allow(n: number): void {
    this.allowed += n;
    for (const sender of this.waitingToSend) {
      if (this.allowed === 0) return;
      // What it is given counts as used, in case others send before it runs.
      this.allowed--;
      this.waitingToSend.delete(sender);
      sender({ ok: true, value: undefined });
    }
  }

  private took(): void {
    if (this.over || ++this.taken < Math.max(1, Math.floor(this.credit! / 2))) return;
    this.tell({ kind: "credit", n: this.taken });
    this.taken = 0;
  }

  private tell(message: Message): void {
    post(this.port, envelope(message), undefined);
  }

  readonly send = (value: Out, transfer?: TransferList): Op<void> => {
    expectTransfer("send", transfer);
    return new Recipe(() => this.sending(value, transfer)[Symbol.iterator](), "send");
  };

  private *sending(value: Out, transfer: TransferList | undefined): Op<void> {
    requireFiber("send").context.check();
    this.check();
    if (this.credit === undefined) return post(this.port, value, transfer);
    if (this.allowed > 0) this.allowed--;
    else yield* this.waitForCredit();
    try {
      this.check();
      post(this.port, envelope({ kind: "value", value }), transfer);
    } catch (error) {
      this.allow(1);
      throw error;
    }
  }

  private check(): void {
    if (this.over) throw new ClosedError("send: the port is closed");
  }

  private waitForCredit(): Op<void> {
    return suspend<void>("send: credit", (ctx, enqueue) => {
      this.waitingToSend.add(enqueue);
      ctx.setCancelFn((error) => {
        this.waitingToSend.delete(enqueue);
        enqueue({ ok: false, error });
      });
    });
  }

  readonly closed = (): Op<void> =>
    suspend<void>("fromPort: the end of the port", (ctx, enqueue) => {
      if (this.over) return enqueue({ ok: true, value: undefined });
      this.waitingForEnd.add(enqueue);
      ctx.setCancelFn((error) => {
        this.waitingForEnd.delete(enqueue);
        enqueue({ ok: false, error });
      });
    });

  readonly close = (): void => this.source.close();

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.stopListening?.();
    if (endOf(this.port)) this.disown?.();
    else {
      if (this.credit !== undefined) this.tell({ kind: "end" });
      if (this.owned && !isWorker(this.port)) closePort(this.port);
    }
    for (const enqueue of this.waitingForEnd) enqueue({ ok: true, value: undefined });
    this.waitingForEnd.clear();
    for (const enqueue of this.waitingToSend)
      enqueue({ ok: false, error: new ClosedError("send: the port is closed") });
    this.waitingToSend.clear();
  }
}

/** Terminates a worker, and waits until it is gone. */
function* gone(worker: Port, listen: () => void): Op<void> {
  yield* awaitValue("fromPort: the end of the worker", terminate(worker));
  listen();
}

/** A subscription that says when something was taken from it. */
class Counted<T> implements Subscribed<T> {
  private readonly source: PushSource<T>;
  private readonly took: () => void;

  constructor(source: PushSource<T>, took: () => void) {
    this.source = source;
    this.took = took;
  }

  next(): Op<T | Done> {
    return new Recipe(() => this.taking()[Symbol.iterator](), "next");
  }

  private *taking(): Op<T | Done> {
    const value = yield* this.source.next();
    if (value !== Done) this.took();
    return value;
  }

  close(): void {
    this.source.close();
  }

  get dropped(): number {
    return this.source.dropped;
  }

  [asyncDispose](): PromiseLike<void> {
    return this.source[asyncDispose]();
  }
}

/**
 * Listens to a port or a worker, and gives it in a form for fibers: `recv` to take what comes, `send`. What was sent before is there,
 * in order: the port is started when everything is listened to.
 *
 * The switch owns the port: listeners come off in the turn in which it is cancelled, and then, or when it ends, the port is closed. When the other
 * side closes it, `recv` gives what had come, then `Done`, and `send` throws {@link ClosedError}. A worker that throws, a worker that
 * exits with another code than 0 and a message that cannot be read are errors of `recv`, each once.
 *
 * Nothing holds a sender back, and up to 16 values wait here; one more is an error unless `overflow` says otherwise. With `credit`
 * on both sides `send` waits instead.
 *
 * Not a cancellation point, but in a cancelled fiber or switch the port is not touched.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   const [here, there] = portPair();
 *   const left = yield* fromPort<never, string>(sw, here, { credit: 4 });
 *   const right = yield* fromPort<string, never>(sw, there, { credit: 4 });
 *   yield* left.send("tea");
 *   yield* right.recv.next(); // => "tea"
 * });
 *
 * @param port  a `MessagePort`, a `Worker`, or in a worker the port to its parent
 * @param options.credit  how many values of the other side may be under way; both sides must count
 * @param options.owned  whether the port ends with the switch
 * @param options.buffer  values that may wait; default 16
 * @param options.overflow  default `"error"`
 * @throws TypeError at once, when `port` is no port
 */
export function fromPort<In = unknown, Out = unknown>(
  sw: Switch,
  port: Port,
  options?: FromPortOptions,
): Op<PortFlow<In, Out>> {
  expectSwitch("fromPort", sw);
  expectPort("fromPort", "port", port);
  expectBuffer("fromPort", options);
  const credit: unknown = options?.credit;
  if (credit !== undefined && (typeof credit !== "number" || !Number.isInteger(credit) || credit < 1))
    refuse("fromPort", "options.credit", "a positive integer", credit);
  return new Recipe(() => adopted<In, Out>(sw, port, options)[Symbol.iterator](), "fromPort");
}

function* adopted<In, Out>(
  sw: Switch,
  port: Port,
  options: FromPortOptions | undefined,
): Generator<never, PortFlow<In, Out>> {
  requireFiber("fromPort").context.check();
  sw.check();
  return new Flow<In, Out>(port, options).start(sw);
}

// --- calls ---

/** The options of {@link call}. */
export interface CallOptions {
  /** Objects that go over to the other side. */
  transfer?: TransferList;
  /**
   * What a cancelled call does when it has told the other side. `"settle"`, the default: it waits until the remote fiber has ended, finalizers
   * included, or the other side is gone. `"abandon"`: it goes on at once.
   */
  onCancel?: "settle" | "abandon";
}

interface PendingCall {
  readonly where: string;
  readonly signal: AbortSignal;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The calls over one port that wait for their replies; the port is listened to while there are any. */
class Caller {
  private readonly port: Port;
  private readonly pending = new Map<number, PendingCall>();
  private stop: (() => void) | undefined = undefined;

  constructor(port: Port) {
    this.port = port;
  }

  call(method: string, args: readonly unknown[], options: CallOptions | undefined, made: PendingCall): void {
    const { port, pending } = this;
    const { signal } = made;
    const id = nextId++;
    pending.set(id, made);
    this.stop ??= listenTo(port, {
      message: (data) => this.heard(data),
      failed: (error) => this.endAll(() => error),
      closed: (end) => this.gone(end),
    });
    const end = endOf(port);
    if (end) return this.gone(end);
    try {
      post(port, envelope({ kind: "call", id, method, args }), options?.transfer, args);
    } catch (error) {
      this.settle(id);
      return made.reject(error);
    }
    signal.addEventListener("abort", () => {
      if (!pending.has(id)) return;
      const { cause } = signal.reason as AbortError;
      post(port, envelope({ kind: "cancel", id, reason: encodeThrown(cause) }), undefined);
      if (options?.onCancel === "abandon") this.settle(id);
    });
  }

  private heard(data: unknown): void {
    if (!isMessage(data)) return;
    if (data.kind === "end") return this.gone(noteEnd(this.port));
    if (data.kind !== "reply") return;
    const made = this.settle(data.id);
    if (!made) return;
    const { outcome } = data;
    if (outcome.ok) made.resolve(outcome.value);
    else made.reject(decodeThrown(outcome.error));
  }

  /** Removes a call, and stops listening after the last one. */
  private settle(id: number): PendingCall | undefined {
    const made = this.pending.get(id);
    this.pending.delete(id);
    if (this.pending.size === 0) {
      this.stop?.();
      this.stop = undefined;
    }
    return made;
  }

  /** The other side is gone. A call that was cancelled has been stopped thereby, and only says so. */
  private gone(end: End): void {
    this.endAll(({ where, signal }): unknown => (signal.aborted ? signal.reason : errorAtEnd(where, end)));
  }

  private endAll(errorOf: (made: PendingCall) => unknown): void {
    const calls = [...this.pending.values()];
    this.pending.clear();
    this.stop?.();
    this.stop = undefined;
    for (const made of calls) made.reject(errorOf(made));
  }
}

/** Does not begin with what another copy of this file begins with, should both call over one port. */
let nextId = MAIN + 1 + Math.floor(Math.random() * 2 ** 40);

const callers = new WeakMap<object, Caller>();

function callerOf(port: Port): Caller {
  let caller = callers.get(port);
  if (!caller) callers.set(port, (caller = new Caller(port)));
  return caller;
}

function expectOnCancel(where: string, onCancel: unknown): void {
  if (onCancel !== undefined && onCancel !== "settle" && onCancel !== "abandon")
    refuse(where, "options.onCancel", '"settle" or "abandon"', onCancel);
}

/**
 * Calls `method` at the other side of a port or in a worker, where {@link servePort} or {@link toPort} answers, and waits for the result.
 *
 * The arguments and the result are copied as messages are; `transfer` and {@link transferring} hand objects over. An error of the method is
 * thrown here: a copy with class, `message`, `stack`, `code`, `cause`, `errors` and the other properties; see {@link registerError} for classes of
 * your own. When the port is closed or the worker dies, every call that waits fails: with what the worker threw, or with
 * {@link WorkerExitError} or {@link ClosedError}.
 *
 * A cancellation point: in a cancelled fiber nothing is sent. Cancelling it cancels the remote fiber, with the same reason, and by default waits
 * for its end. A remote method that neither ends nor waits holds the call until its worker is terminated.
 *
 * The port is listened to while calls wait; in between, what a worker throws is the platform's to report.
 *
 * @example
 * const port = yield* toPort(sw, {
 *   *add(a: number, b: number) {
 *     return a + b;
 *   },
 * });
 * yield* call(port, "add", [1, 2]); // => 3
 *
 * @param port  a `MessagePort`, a `Worker`, or in a worker the port to its parent
 * @param args  the arguments; default none
 * @param options.transfer  objects among them that go over to the other side
 * @param options.onCancel  `"settle"` (default) or `"abandon"`
 * @throws DataCloneError of the platform, when an argument cannot be sent
 * @throws ClosedError, WorkerExitError when nobody is there to answer
 */
export function call<T = unknown>(
  port: Port,
  method: string,
  args: readonly unknown[] = [],
  options?: CallOptions,
): Op<T> {
  expectPort("call", "port", port);
  if (typeof method !== "string") refuse("call", "method", "a string", method);
  if (!Array.isArray(args)) refuse("call", "args", "an array", args);
  expectOptions("call", options);
  expectTransfer("call", options?.transfer);
  expectOnCancel("call", options?.onCancel);
  const where = `call(${method})`;
  const fn = (signal: AbortSignal) =>
    new Promise<T>((resolve, reject) => {
      const made = { where, signal, resolve: resolve as (value: unknown) => void, reject };
      callerOf(port).call(method, args, options, made);
    });
  const abandon = options?.onCancel === "abandon";
  const owned = { fn, label: where, abandon, cancel: undefined, discard: undefined };
  return new Recipe(() => ownedCall<T>(owned)[Symbol.iterator](), "call");
}

/** A result together with what goes over to the caller, see {@link transferring}. */
export class Transferring<T> {
  readonly value: T;
  readonly transfer: TransferList;

  /** @internal use {@link transferring} */
  constructor(value: T, transfer: TransferList) {
    this.value = value;
    this.transfer = transfer;
  }
}

/**
 * For a method or a worker's body: returns `value`, and hands over what is in `transfer` instead of copying it.
 *
 * @example
 * const port = yield* toPort(sw, {
 *   *zeros(n: number) {
 *     const bytes = new Uint8Array(n);
 *     return transferring(bytes, [bytes.buffer]);
 *   },
 * });
 * (yield* call<Uint8Array>(port, "zeros", [3])).length; // => 3
 */
export function transferring<T>(value: T, transfer: TransferList): Transferring<T> {
  expectTransfer("transferring", transfer);
  return new Transferring(value, transfer);
}

/** Posts how a call has ended; a value that cannot be sent is a failure. */
function reply(port: Port, id: number, outcome: Result<unknown>): void {
  try {
    if (!outcome.ok) throw outcome.error;
    const given = outcome.value;
    const { value, transfer } =
      given instanceof Transferring ? (given as Transferring<unknown>) : { value: given, transfer: undefined };
    post(port, envelope({ kind: "reply", id, outcome: { ok: true, value } }), transfer, [value]);
  } catch (thrown) {
    const error = encodeThrown(thrown instanceof Cancelled ? abortErrorOf(thrown) : thrown);
    const failed: Outcome = { ok: false, error };
    post(port, envelope({ kind: "reply", id, outcome: failed }), undefined);
  }
}

/** What can be called: fiber functions by name. They are called as methods of this object. */
export type Methods = Readonly<Record<string, (...args: never[]) => Op<unknown>>>;

function expectMethods(where: string, methods: unknown): void {
  if (typeof methods !== "object" || methods === null)
    refuse(where, "methods", "an object of fiber functions", methods);
  for (const [name, method] of Object.entries(methods)) expectBody(where, `methods.${name}`, method);
}

/** The options of {@link servePort}. */
export interface ServePortOptions {
  /** Close the port when the serving ends. Default true. */
  owned?: boolean;
}

/**
 * Answers the calls that come over `port`, each in a fiber of its own, until the other side has closed it: then calls that are under way are
 * cancelled, as nobody wants their results. In the end, however it comes, whoever still calls gets an error, and the port is closed.
 *
 * Only the object's own methods can be called. A message that cannot be read fails the serving, as nobody knows whose answer it should
 * have been.
 *
 * A cancellation point.
 *
 * @example
 * const [here, there] = portPair();
 * yield* Fiber.forkDaemon(sw, () =>
 *   servePort(there, {
 *     *sizeOf(address: string) {
 *       return (yield* download(address)).text.length;
 *     },
 *   }),
 * );
 * yield* call<number>(here, "sizeOf", [mirrorA]); // => 33
 *
 * @param methods  fiber functions by name
 * @param options.owned  close the port in the end; default true
 */
export function servePort(port: Port, methods: Methods, options?: ServePortOptions): Op<void> {
  expectPort("servePort", "port", port);
  expectMethods("servePort", methods);
  expectOptions("servePort", options);
  return new Recipe(() => serving(port, methods, options?.owned !== false)[Symbol.iterator](), "servePort");
}

type Call = Extract<Message, { kind: "call" }>;
type Running = Map<number, Cancel.Context>;

function* serving(port: Port, methods: Methods, owned: boolean): Op<void> {
  requireFiber("servePort").context.check();
  try {
    yield* Switch.run((sw) => answerAll(sw, port, methods), { name: "servePort" });
  } finally {
    if (!endOf(port)) post(port, envelope({ kind: "end" }), undefined);
    if (owned && !isWorker(port)) closePort(port);
  }
}

function* answerAll(sw: Switch, port: Port, methods: Methods): Op<void> {
  const running: Running = new Map();
  const incoming = new PushSource<Message>("servePort", { buffer: "unbounded" }).attach(sw).start((source) => {
    const stop = listenTo(port, {
      message: (data) => {
        if (isMessage(data)) source.push(data);
      },
      failed: (error) => source.fail(error),
      closed: () => source.end(),
    });
    if (endOf(port)) source.end();
    return stop;
  });
  for (let message = yield* incoming.next(); message !== Done; message = yield* incoming.next()) {
    if (message.kind === "call") {
      const made = message;
      yield* Fiber.fork(sw, () => answer(port, methods, made, running), { name: made.method });
    } else if (message.kind === "cancel") cancelCall(running, message.id, decodeThrown(message.reason));
    else if (message.kind === "end") break;
  }
  for (const id of [...running.keys()]) cancelCall(running, id, new ClosedError("servePort: the caller has gone"));
}

function cancelCall(running: Running, id: number, reason: unknown): void {
  try {
    running.get(id)?.cancel(reason);
  } catch (error) {
    // What clean-up callbacks threw: the fiber stops all the same.
    reportUnhandled(error);
  }
}

function* answer(port: Port, methods: Methods, { id, method, args }: Call, running: Running): Op<void> {
  let outcome: Result<unknown>;
  try {
    const value = yield* Cancel.sub(function* (context) {
      running.set(id, context);
      return yield* perform(methods, method, args);
    });
    outcome = { ok: true, value };
  } catch (error) {
    outcome = { ok: false, error };
  }
  running.delete(id);
  reply(port, id, outcome);
}

function* perform(methods: Methods, method: string, args: readonly unknown[]): Op<unknown> {
  const fn = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (typeof fn !== "function") throw new TypeError(`call: the other side has no method ${JSON.stringify(method)}`);
  const result: unknown = (fn as (...args: unknown[]) => unknown).apply(methods, [...args]);
  return isOp(result) ? yield* result : result;
}

/**
 * A port over which `methods` can be called: to be given to a worker, or to {@link call} here. Daemons of `sw` answer, see {@link servePort};
 * when the switch ends, calls under way are cancelled, and the port is closed.
 *
 * Not a cancellation point.
 *
 * @example
 * const port = yield* toPort(sw, { titleOf });
 * yield* call(port, "titleOf", [url]); // => "title of https://example.org/a"
 *
 * @param methods  fiber functions by name
 * @throws SwitchFinishedError when the block of `sw` has ended
 */
export function toPort(sw: Switch, methods: Methods): Op<PlatformPort> {
  expectSwitch("toPort", sw);
  expectMethods("toPort", methods);
  return new Recipe(() => portTo(sw, methods)[Symbol.iterator](), "toPort");
}

function* portTo(sw: Switch, methods: Methods): Op<PlatformPort> {
  sw.check();
  const [here, there] = portPair();
  yield* Fiber.forkDaemon(sw, () => servePort(here, methods), { name: "toPort" });
  return there;
}

/**
 * Two ports, each the other side of the other: what a `MessageChannel` has.
 *
 * @example
 * const [here, there] = portPair();
 * here.postMessage("tea");
 * const { recv } = yield* fromPort(sw, there);
 * yield* recv.next(); // => "tea"
 */
export function portPair(): [PlatformPort, PlatformPort] {
  const { MessageChannel } = globalThis as unknown as {
    MessageChannel: new () => Record<"port1" | "port2", PlatformPort>;
  };
  const { port1, port2 } = new MessageChannel();
  return [port1, port2];
}

// --- workers ---

/** The options of {@link runWorker}. */
export interface RunWorkerOptions {
  /** What the worker is started with: Node's `workerData`; on the web, where there is none, the first message. */
  data?: unknown;
  /** Objects in `data` that go over to the worker. */
  transfer?: TransferList;
  /** The first argument is not an address but a program: a script, as opposed to a module. Default false. */
  eval?: boolean;
  /** How many seconds a cancelled worker has to end by itself. Default 1. */
  grace?: number;
  /** Shown in reports, and given to the worker. */
  name?: string;
  /** Further options for the constructor of the platform, such as Node's `resourceLimits`. */
  worker?: object;
}

/**
 * Starts a worker, waits for its result, and sees to it that it is gone then. The result is what the body given to {@link toWorker}
 * returns there; for a worker of plain code, the first message that it posts.
 *
 * What the body throws is thrown here, a copy as with {@link call}; so is an uncaught error of the worker, once. One that exits before it
 * has given a result, with whatever code, is a {@link WorkerExitError}.
 *
 * A cancellation point: in a cancelled fiber no worker is started. Cancelling the fiber sends a message that cancels the body
 * (`{ kind: "cancel" }`, for plain code to listen to); a worker that has not ended after `grace` seconds is terminated. `Cancelled` is thrown when it is gone.
 *
 * @example
 * const program = 'require("node:worker_threads").parentPort.postMessage(6 * 7)';
 * yield* runWorker(program, { eval: true }); // => 42
 *
 * @param source  the address of the worker's file, or with `eval` its text
 * @param options.data  what the worker is started with
 * @param options.transfer  objects in it that go over
 * @param options.grace  in seconds; default 1
 * @param options.name  shown in reports
 * @throws WorkerExitError when it exits without a result
 */
export function runWorker<T = unknown>(source: string | Address, options?: RunWorkerOptions): Op<T> {
  if (typeof source !== "string" && Object.prototype.toString.call(source) !== "[object URL]")
    refuse("runWorker", "source", "a string or a URL", source);
  expectOptions("runWorker", options, "name");
  expectTransfer("runWorker", options?.transfer);
  const grace: unknown = options?.grace ?? 1;
  if (typeof grace !== "number" || !(grace >= 0))
    refuse("runWorker", "options.grace", "a number of seconds that is not negative", grace);
  const label = options?.name === undefined ? "runWorker" : `runWorker(${options.name})`;
  const fn = (signal: AbortSignal) => resultOf<T>(startWorker("runWorker", source, options ?? {}), grace, signal);
  const owned = { fn, label, abandon: false, cancel: undefined, discard: undefined };
  return new Recipe(() => ownedCall<T>(owned)[Symbol.iterator](), "runWorker");
}

/** The longest time that a timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** The first thing that a worker tells decides; then it is terminated, and the promise settles when it is gone. */
function resultOf<T>(worker: Port, grace: number, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let decided = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const decide = (settle: () => void) => {
      if (decided) return;
      decided = true;
      clearTimeout(timer);
      // What it still says on its way out is heard, and ignored.
      void terminate(worker).then(() => {
        stop();
        settle();
      }, reject);
    };
    const stop = listenTo(worker, {
      message(data) {
        if (!isMessage(data)) return decide(() => resolve(data as T));
        if (data.kind !== "reply" || data.id !== MAIN) return;
        const { outcome } = data;
        decide(() => (outcome.ok ? resolve(outcome.value as T) : reject(decodeThrown(outcome.error))));
      },
      failed: (error) => decide(() => reject(error)),
      closed: (end) => decide(() => reject(signal.aborted ? signal.reason : errorAtEnd("runWorker", end))),
    });
    signal.addEventListener("abort", () => {
      const giveUp = () => decide(() => reject(signal.reason));
      const { cause } = signal.reason as AbortError;
      post(worker, envelope({ kind: "cancel", id: MAIN, reason: encodeThrown(cause) }), undefined);
      timer = setTimeout(giveUp, Math.min(grace * 1000, LONGEST));
    });
  });
}

/**
 * In the file of a worker: runs `body` with the data that {@link runWorker} was given, and sends back what it returns or throws. When the
 * other side is cancelled, so is the body, with the same reason.
 *
 * @example
 * const sumOf = function* (numbers: number[]): Op<number> {
 *   return numbers.reduce((a, b) => a + b, 0);
 * };
 * if (!isMainThread) toWorker(sumOf);
 *
 * @param options.name  shown in reports; by default the name of `body`
 * @throws TypeError outside of a worker
 */
export function toWorker<Data = unknown>(body: (data: Data) => Op<unknown>, options?: { name?: string }): void {
  expectBody("toWorker", "body", body);
  expectOptions("toWorker", options, "name");
  const line = lineToParent();
  if (!line) throw new TypeError("toWorker: this is not a worker");
  const { port } = line;
  const name = options?.name ?? body.name;
  let running: RootFiber | undefined;
  const start = (data: unknown) => {
    const end = (outcome: Result<unknown>) => {
      stop();
      reply(port, MAIN, outcome);
    };
    running = drive(
      "toWorker",
      () => body(data as Data),
      { name },
      (value) => end({ ok: true, value }),
      (error) => end({ ok: false, error }),
    );
  };
  const stop = listenTo(port, {
    message(data) {
      if (!isMessage(data)) {
        if (!line.data && !running) start(data);
      } else if (data.kind === "cancel" && data.id === MAIN) running?.cancel(decodeThrown(data.reason));
    },
    failed: reportUnhandled,
    closed() {},
  });
  if (line.data) start(line.data.value);
}

/**
 * In a worker, the port to whoever has started it, for {@link servePort} and {@link fromPort}: Node's `parentPort`, or the worker itself on the web.
 *
 * @example
 * if (!isMainThread) await run(() => servePort(parentPort(), { titleOf }));
 *
 * @throws TypeError outside of a worker
 */
export function parentPort(): Port {
  const line = lineToParent();
  if (!line) throw new TypeError("parentPort: this is not a worker");
  return line.port;
}
