// The network of Node.

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { lookup, lookupService, type LookupAddress } from "node:dns";
import { lstat, unlink } from "node:fs";
import { createServer, Socket, type AddressInfo, type Server } from "node:net";
import { dirname } from "node:path";
import { Condition } from "../condition.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import { suspend } from "../engine/suspend.js";
import { expectBuffers, expectBytes, expectDirection, lengthOf, type Direction } from "../flow.js";
import { addContext, fromSystemError, IoError } from "../io-error.js";
import {
  ListeningSocket,
  Net,
  type ConnectOptions,
  type DatagramOptions,
  type DatagramSocket,
  type ListenOptions,
  type StreamSocket,
} from "../net.js";
import {
  expectAddress,
  IpAddress,
  showAddress,
  type DatagramAddress,
  type SocketAddress,
  type StreamAddress,
} from "../socket-address.js";
import {
  expectOption,
  showOption,
  unsupported,
  type SocketOption,
  type SocketOptionName,
  type SocketOptions,
} from "../socket-option.js";
import type { Hook, Switch } from "../switch.js";
import { yieldNow } from "../turns.js";
import { systemError } from "../walk.js";
import { call, system, type Done } from "./call.js";
import { fdOfHandle, SYSTEM_FD, type WithSystemFd } from "./fd.js";
import { closed, StreamSink, StreamSource } from "./stream-flow.js";

// --- connections ---

class Connection implements StreamSocket, WithSystemFd {
  private readonly socket: Socket;
  private readonly source: StreamSource;
  private readonly sink: StreamSink;
  private readonly hook: Hook;
  private readonly name: string;
  private readonly options = new Map<SocketOptionName, boolean | number>();
  private open = true;

  /** @throws SwitchFinishedError  when the switch has ended; the socket is the caller's then */
  constructor(socket: Socket, sw: Switch, name: string, peer: StreamAddress) {
    this.hook = sw.addHook(() => this.destroy());
    this.socket = socket;
    this.name = name;
    const subject = () => showAddress(peer);
    this.source = new StreamSource(socket, name, subject);
    this.sink = new StreamSink(socket, name, subject);
  }

  private expectOpen(operation: string): void {
    if (!this.open) throw new InvalidArgument(`${operation}: file descriptor used after calling close!`);
  }

  get [SYSTEM_FD](): number | undefined {
    return fdOfHandle((this.socket as { _handle?: unknown })._handle);
  }

  read(buffer: Uint8Array): Op<number> {
    this.expectOpen("read");
    return this.source.read(buffer);
  }

  lend(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    this.expectOpen("read");
    return this.source.lend(take);
  }

  write(bytes: Uint8Array): Op<void> {
    this.expectOpen("write");
    return this.sink.write(bytes);
  }

  writeSome(buffers: readonly Uint8Array[]): Op<number> {
    this.expectOpen("write");
    return this.sink.writeSome(buffers);
  }

  close(): Op<void> {
    return this.shutdown("send");
  }

  *shutdown(which: Direction): Op<void> {
    expectDirection("shutdown", which);
    this.expectOpen("shutdown");
    if (which !== "send") this.source.shut();
    if (which === "receive") return;
    try {
      yield* this.sink.close();
    } catch (error) {
      // What is not connected any more has ended both ways already.
      if (!(error instanceof IoError)) throw error;
    }
  }

  *destroy(): Op<void> {
    if (!this.open) return;
    this.open = false;
    this.hook.remove();
    this.source.shut();
    this.socket.destroy();
    yield* closed(this.socket, `${this.name}: the end of the connection`);
  }

  getOption<N extends SocketOptionName>(name: N): SocketOptions[N] {
    this.expectOpen("getsockopt");
    if (!isStreamOption(name)) throw unsupported("getting", String(name));
    return (this.options.get(name) ?? (name === "TCP_KEEPIDLE" ? 0 : false)) as SocketOptions[N];
  }

  setOption<N extends SocketOptionName>(name: N, value: SocketOptions[N]): void {
    this.expectOpen("setsockopt");
    expectOption(name, value);
    setStreamOption(this.socket, [name, value] as unknown as SocketOption);
    this.options.set(name, value);
  }
}

function isStreamOption(name: string): boolean {
  return name === "TCP_NODELAY" || name === "SO_KEEPALIVE" || name === "TCP_KEEPIDLE";
}

function setStreamOption(socket: Socket, [name, value]: SocketOption): void {
  if (name === "TCP_NODELAY") socket.setNoDelay(value);
  else if (name === "SO_KEEPALIVE") socket.setKeepAlive(value);
  else if (name === "TCP_KEEPIDLE") socket.setKeepAlive(true, value * 1000);
  else throw unsupported("setting", showOption(name, value));
}

/** Nobody is told, and the process goes on: an error that no one listens for would end it. */
function ignoreErrors(emitter: Socket | Server | UdpSocket): void {
  emitter.on("error", () => {});
}

/**
 * Waits for one of `good`, or for an error; a cancellation makes `giveUp` happen first. Errors that come before somebody else listens are
 * of no interest here.
 */
export function settled(
  emitter: Socket | Server | UdpSocket,
  good: string,
  label: string,
  start: () => void,
  giveUp: () => void,
): Op<void> {
  ignoreErrors(emitter);
  return suspend<void>(label, (ctx, enqueue) => {
    const stop = () => {
      emitter.off(good, onGood);
      emitter.off("error", onError);
    };
    const onGood = () => {
      stop();
      enqueue({ ok: true, value: undefined });
    };
    const onError = (error: unknown) => {
      stop();
      enqueue({ ok: false, error: fromSystemError(error) });
    };
    emitter.once(good, onGood);
    emitter.on("error", onError);
    ctx.setCancelFn((error) => {
      stop();
      giveUp();
      enqueue({ ok: false, error });
    });
    start();
  });
}

// --- servers ---

interface Waiting {
  readonly socket: Socket;
  readonly from: StreamAddress;
}

/** Who has come and is not accepted yet. It is there before the first can come. */
export class ConnectionQueue {
  readonly waiting: Waiting[] = [];
  readonly arrived: Condition;
  failure: IoError | undefined = undefined;

  /** @param where  what it is called in reports */
  constructor(server: Server, where: string, backlog: number) {
    this.arrived = new Condition({ name: `connection to ${where}` });
    server.on("connection", (socket) => {
      // Node accepts whoever comes: as many as may wait, wait here.
      if (this.waiting.length >= backlog) return void socket.destroy();
      ignoreErrors(socket);
      this.waiting.push({ socket, from: peerOf(socket) });
      this.arrived.broadcast();
    });
  }

  cutOff(): void {
    for (const { socket } of this.waiting.splice(0)) socket.destroy();
  }
}

export class Listening extends ListeningSocket implements WithSystemFd {
  readonly address: StreamAddress;
  private readonly server: Server;
  private readonly hook: Hook;
  private readonly queue: ConnectionQueue;
  private open = true;

  constructor(server: Server, sw: Switch, address: StreamAddress, queue: ConnectionQueue) {
    super();
    this.hook = sw.addHook(() => this.close());
    this.server = server;
    this.address = address;
    this.queue = queue;
    // For instance too many open files: who accepts is told, and can go on.
    server.on("error", (error) => {
      queue.failure = addContext(fromSystemError(error), `accepting on ${showAddress(address)}`);
      queue.arrived.broadcast();
    });
  }

  get [SYSTEM_FD](): number | undefined {
    return fdOfHandle((this.server as { _handle?: unknown })._handle);
  }

  protected *takeConnection(sw: Switch): Op<[StreamSocket, StreamAddress]> {
    const { queue } = this;
    yield* yieldNow();
    for (;;) {
      if (!this.open) throw new InvalidArgument("accept: file descriptor used after calling close!");
      const { failure } = queue;
      queue.failure = undefined;
      if (failure) throw failure;
      const next = queue.waiting.shift();
      if (next && !next.socket.destroyed) {
        // The other end of a Unix socket has no address.
        const peer = next.from.type === "unix" ? this.address : next.from;
        return [yield* adoptSocket(next.socket, sw, "accepted connection", peer), next.from];
      }
      if (!next) yield* queue.arrived.awaitNoMutex();
    }
  }

  *close(): Op<void> {
    if (!this.open) return;
    this.open = false;
    this.hook.remove();
    this.queue.cutOff();
    this.queue.arrived.broadcast();
    // `close` calls back when the last connection has ended, which is not ours to wait for. It removes the file of a Unix socket at once.
    this.server.close();
  }
}

export function* adoptSocket(socket: Socket, sw: Switch, name: string, peer: StreamAddress): Op<StreamSocket> {
  try {
    return new Connection(socket, sw, name, peer);
  } catch (error) {
    socket.destroy();
    yield* closed(socket, `${name}: too late for its switch`);
    throw error;
  }
}

/** An address as Node gives it: those of one link come with the name of the link. */
function ipOf(text: string): IpAddress | undefined {
  return IpAddress.parse(text.replace(/%.*$/, ""));
}

/** Only those of the network tell where they lead. */
export function peerOf(socket: Socket): StreamAddress {
  const ip = socket.remoteAddress === undefined ? undefined : ipOf(socket.remoteAddress);
  if (!ip) return { type: "unix", path: "" };
  return { type: "tcp", ip, port: socket.remotePort ?? 0 };
}

// --- datagrams ---

/** How many datagrams wait to be received; more are lost, as datagrams may be. */
const DATAGRAM_QUEUE = 256;

export class Datagrams implements DatagramSocket, WithSystemFd {
  readonly address: DatagramAddress;
  private readonly socket: UdpSocket;
  private readonly hook: Hook;
  private readonly queue: { readonly bytes: Uint8Array; readonly from: DatagramAddress }[] = [];
  private readonly arrived = new Condition({ name: "datagram" });
  private readonly options = new Map<SocketOptionName, boolean | number>();
  private open = true;
  private failure: IoError | undefined = undefined;

  constructor(socket: UdpSocket, sw: Switch) {
    this.hook = sw.addHook(() => this.close());
    this.socket = socket;
    const { address, port } = socket.address();
    this.address = { type: "udp", ip: ipOf(address)!, port };
    socket.on("message", (bytes, { address: from, port: fromPort }) => {
      if (this.queue.length >= DATAGRAM_QUEUE) return;
      this.queue.push({ bytes, from: { type: "udp", ip: ipOf(from)!, port: fromPort } });
      this.arrived.broadcast();
    });
    socket.on("error", (error) => {
      this.failure = addContext(fromSystemError(error), `receiving on ${showAddress(this.address)}`);
      this.arrived.broadcast();
    });
  }

  private expectOpen(operation: string): void {
    if (!this.open) throw new InvalidArgument(`${operation}: file descriptor used after calling close!`);
  }

  get [SYSTEM_FD](): number | undefined {
    const { socket } = this;
    const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol");
    return state && fdOfHandle((socket as unknown as Record<symbol, { handle?: unknown } | undefined>)[state]?.handle);
  }

  *send(buffers: readonly Uint8Array[], options: { to: DatagramAddress }): Op<void> {
    this.expectOpen("send");
    expectBuffers("DatagramSocket.send", buffers);
    const { to } = options ?? { to: undefined as never };
    expectAddress("DatagramSocket.send", ["udp"], to, "options.to");
    if (to.port === 0) throw new InvalidArgument("DatagramSocket.send: nobody receives at port 0");
    yield* yieldNow();
    const bytes = new Uint8Array(lengthOf(buffers));
    let at = 0;
    for (const buffer of buffers) {
      bytes.set(buffer, at);
      at += buffer.length;
    }
    try {
      yield* system<number>("sending a datagram", (done) => this.socket.send(bytes, to.port, String(to.ip), done));
    } catch (error) {
      throw addContext(error, `sending to ${showAddress(to)}`);
    }
  }

  *receive(buffer: Uint8Array): Op<{ from: DatagramAddress; length: number }> {
    expectBytes("DatagramSocket.receive", "buffer", buffer);
    yield* yieldNow();
    for (;;) {
      this.expectOpen("receive");
      const next = this.queue.shift();
      if (next) {
        const bytes = next.bytes.subarray(0, buffer.length);
        buffer.set(bytes);
        return { from: next.from, length: bytes.length };
      }
      const { failure } = this;
      this.failure = undefined;
      if (failure) throw failure;
      yield* this.arrived.awaitNoMutex();
    }
  }

  getOption<N extends SocketOptionName>(name: N): SocketOptions[N] {
    this.expectOpen("getsockopt");
    if (name === "SO_SNDBUF") return this.socket.getSendBufferSize() as SocketOptions[N];
    if (name === "SO_RCVBUF") return this.socket.getRecvBufferSize() as SocketOptions[N];
    if (name !== "SO_BROADCAST" && name !== "IP_TTL") throw unsupported("getting", String(name));
    return (this.options.get(name) ?? (name === "IP_TTL" ? 64 : false)) as SocketOptions[N];
  }

  setOption<N extends SocketOptionName>(name: N, value: SocketOptions[N]): void {
    this.expectOpen("setsockopt");
    expectOption(name, value);
    const { socket } = this;
    const [which, to] = [name, value] as unknown as SocketOption;
    if (which === "SO_BROADCAST") socket.setBroadcast(to);
    else if (which === "IP_TTL") socket.setTTL(to);
    else if (which === "SO_SNDBUF") socket.setSendBufferSize(to);
    else if (which === "SO_RCVBUF") socket.setRecvBufferSize(to);
    else throw unsupported("setting", showOption(name, value));
    this.options.set(name, value);
  }

  *close(): Op<void> {
    if (!this.open) return;
    this.open = false;
    this.hook.remove();
    this.arrived.broadcast();
    yield* call<undefined>("closing a socket", (done) => this.socket.close(() => done(null)));
  }
}

// --- all together ---

class NodeNet extends Net {
  protected *openStream(address: StreamAddress, { sw, bindTo, options = [] }: ConnectOptions): Op<StreamSocket> {
    yield* yieldNow();
    sw.check();
    expectFits(address);
    const socket = new Socket({ allowHalfOpen: true });
    for (const option of options) setStreamOption(socket, option);
    const where =
      address.type === "unix"
        ? { path: address.path }
        : {
            host: String(address.ip),
            port: address.port,
            ...(bindTo?.type === "tcp" && { localAddress: String(bindTo.ip), localPort: bindTo.port }),
          };
    yield* settled(
      socket,
      "connect",
      `connection to ${showAddress(address)}`,
      () => socket.connect(where),
      () => socket.destroy(),
    );
    const connection = yield* adoptSocket(socket, sw, showAddress(address), address);
    for (const [name, value] of options) connection.setOption(name, value);
    return connection;
  }

  protected *openListener(
    address: StreamAddress,
    { sw, backlog = 128, reuseAddr = false, reusePort = false }: ListenOptions,
  ): Op<ListeningSocket> {
    yield* yieldNow();
    sw.check();
    expectFits(address);
    if (address.type === "unix" && reuseAddr) yield* removeStaleSocket(address.path);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const queue = new ConnectionQueue(server, showAddress(address), backlog);
    const where =
      address.type === "unix" ? { path: address.path } : { host: String(address.ip), port: address.port, reusePort };
    try {
      yield* settled(
        server,
        "listening",
        `listening on ${showAddress(address)}`,
        () => server.listen({ ...where, backlog }),
        () => stopListening(server, queue),
      );
    } catch (error) {
      throw address.type === "unix" ? yield* bindError(error, address.path) : error;
    }
    try {
      return new Listening(server, sw, addressOf(server, address), queue);
    } catch (error) {
      stopListening(server, queue);
      throw error;
    }
  }

  protected *openDatagram(
    address: DatagramAddress | "udp4" | "udp6",
    { sw, reuseAddr = false, reusePort = false }: DatagramOptions,
  ): Op<DatagramSocket> {
    yield* yieldNow();
    sw.check();
    const type = typeof address === "string" ? address : address.ip.version === 4 ? "udp4" : "udp6";
    const socket = createSocket({ type, reuseAddr, ...(reusePort && { reusePort }) });
    try {
      yield* settled(
        socket,
        "listening",
        "opening a socket",
        () => (typeof address === "string" ? socket.bind() : socket.bind(address.port, String(address.ip))),
        () => {},
      );
      return new Datagrams(socket, sw);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  protected *resolve(host: string, service: string): Op<readonly SocketAddress[]> {
    const port = portOf(service);
    const numeric = IpAddress.parse(host);
    const ips = numeric ? [numeric] : yield* ipsOf(host);
    return [
      ...ips.map((ip) => ({ type: "tcp", ip, port }) as const),
      ...ips.map((ip) => ({ type: "udp", ip, port }) as const),
    ];
  }

  protected *reverse(address: SocketAddress): Op<{ host: string; service: string }> {
    if (address.type === "unix") return { host: "", service: address.path };
    const { ip, port } = address;
    return yield* asking<{ host: string; service: string }>("looking up a name", (done) =>
      lookupService(String(ip), port, (error, host, service) => done(error, { host, service })),
    );
  }
}

/** Nobody comes any more, and who has come is cut off. */
export function stopListening(server: Server, queue: ConnectionQueue): void {
  server.close();
  queue.cutOff();
}

function addressOf(server: Server, asked: StreamAddress): StreamAddress {
  if (asked.type === "unix") return asked;
  const { address, port } = server.address() as AddressInfo;
  return { type: "tcp", ip: ipOf(address)!, port };
}

/** How many bytes the path of a Unix socket has room for. Node cuts off what is more. */
const MOST_PATH = process.platform === "linux" ? 107 : 103;

function expectFits(address: StreamAddress): void {
  if (address.type !== "unix" || process.platform === "win32") return;
  if (Buffer.byteLength(address.path) > MOST_PATH) throw fromSystemError(systemError("ENAMETOOLONG", address.path));
}

/** Node says that permission is denied when the directory is missing. */
function* bindError(error: unknown, path: string): Op<unknown> {
  if (!(error instanceof IoError) || (error.cause as { code?: unknown }).code !== "EACCES") return error;
  const missing = yield* call<unknown>(`examining ${path}`, (done) =>
    lstat(dirname(path), (problem) => done(null, problem?.code === "ENOENT" ? problem : undefined)),
  );
  return missing === undefined ? error : fromSystemError(missing);
}

/** The file of a Unix socket that may be left from a listener that is gone. Anything but a socket stays. */
function* removeStaleSocket(path: string): Op<void> {
  if (path.startsWith("\0")) return;
  const isSocket = yield* call<boolean>(`examining ${path}`, (done) =>
    lstat(path, (error, stats) => done(null, !error && stats.isSocket())),
  );
  if (isSocket) yield* call<undefined>(`removing ${path}`, (done) => unlink(path, () => done(null)));
}

/** The services that have a number of their own, as far as programs ask for them by name. */
const services: Readonly<Record<string, number>> = {
  ftp: 21,
  ssh: 22,
  smtp: 25,
  domain: 53,
  http: 80,
  ntp: 123,
  imap: 143,
  ldap: 389,
  https: 443,
  postgresql: 5432,
  redis: 6379,
};

function portOf(service: string): number {
  const port = /^\d+$/.test(service) ? Number(service) : services[service];
  if (port !== undefined && port <= 65535) return port;
  throw lookUpFailed("SERVICE (service not known)");
}

function lookUpFailed(reason: string, cause?: unknown): IoError {
  const backend = cause === undefined ? {} : { backend: cause };
  return new IoError({ area: "Net", kind: "Address_lookup_failed", reason, ...backend }, [], { cause });
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: "NONAME (name or service is not known)",
  EAI_NONAME: "NONAME (name or service is not known)",
  EAI_AGAIN: "AGAIN (temporary failure in name resolution)",
  EAI_FAIL: "FAIL (non-recoverable failure in name resolution)",
  EAI_MEMORY: "MEMORY (out of memory)",
};

function* ipsOf(host: string): Op<IpAddress[]> {
  const found = yield* lookUpAll(host);
  return found.map(({ address }) => ipOf(address)).filter((ip) => ip !== undefined);
}

function* lookUpAll(host: string): Op<LookupAddress[]> {
  if (host === "") return [];
  return yield* asking<LookupAddress[]>(`looking up ${host}`, (done) => lookup(host, { all: true }, done));
}

/** Asks the resolver. Who is cancelled does not wait for the answer: it opens nothing that could be lost. */
function* asking<T>(label: string, start: (done: Done<T>) => void): Op<T> {
  try {
    return yield* suspend<T>(label, (ctx, enqueue) => {
      ctx.setCancelFn((error) => enqueue({ ok: false, error }));
      start((error, value) => enqueue(error ? { ok: false, error } : { ok: true, value: value as T }));
    });
  } catch (error) {
    const { code } = error as { code?: unknown };
    // A wrong argument is no failure of the resolver, nor is a cancellation.
    if (typeof code !== "string" || !/^E(?!RR_)/.test(code)) throw error;
    throw lookUpFailed(reasons[code] ?? code, error);
  }
}

/** The network of this machine. */
export const nodeNet: Net = new NodeNet();
