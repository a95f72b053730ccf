// The network as a capability: connections, servers, datagrams, names.

import { Deferred } from "./deferred.js";
import { protect } from "./cancel.js";
import { expectBody, expectFunction, expectOptions, refuse } from "./engine/describe.js";
import { Cancelled } from "./engine/cancelled.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";
import { fork } from "./fork.js";
import type { Direction, TwoWay } from "./flow.js";
import { addContext, IoError } from "./io-error.js";
import { first } from "./race.js";
import { Semaphore } from "./semaphore.js";
import {
  expectAddress,
  showAddress,
  type DatagramAddress,
  type SocketAddress,
  type StreamAddress,
} from "./socket-address.js";
import { expectOption, type SocketOption, type SocketOptionName, type SocketOptions } from "./socket-option.js";
import { Switch } from "./switch.js";
import { TimeLimit } from "./time-limit.js";
import { check } from "./turns.js";

/** The options of {@link Net.connect}. */
export interface ConnectOptions {
  /** Closes the connection when it ends. */
  sw: Switch;
  /** The address that the connection comes from. Default: the system chooses. */
  bindTo?: StreamAddress;
  /** Set before connecting, in this order. */
  options?: readonly SocketOption[];
}

/** The options of {@link Net.listen}. */
export interface ListenOptions {
  /** Closes the socket when it ends. */
  sw: Switch;
  /** How many clients may wait to be accepted. Default 128. */
  backlog?: number;
  /** Take an address over that was just in use; the file of a Unix socket that nobody listens on any more, too. Default false. */
  reuseAddr?: boolean;
  /** Let others listen on the same address. Default false. */
  reusePort?: boolean;
}

/** The options of {@link Net.datagramSocket}. */
export interface DatagramOptions {
  /** Closes the socket when it ends. */
  sw: Switch;
  /** Take an address over that is in use. Default false. */
  reuseAddr?: boolean;
  /** Let others receive at the same address. Default false. */
  reusePort?: boolean;
}

/** The options of {@link Net.lookUp}. */
export interface LookUpOptions {
  /** The name or the number of a port. Default: port 0. */
  service?: string;
}

/** The options of {@link Net.withTcpConnect}. */
export interface TcpConnectOptions {
  /** A name, or an address. */
  host: string;
  /** The name or the number of a port. */
  service: string;
  /** For each attempt. Default: none. */
  timeout?: TimeLimit;
}

/** A connection: bytes both ways. Closed by its switch, or by {@link destroy}. Used after that, it throws `InvalidArgument`. */
export interface StreamSocket extends TwoWay {
  shutdown(which: Direction): Op<void>;
  /** Ends the connection in both directions, at once. Does nothing the second time. */
  destroy(): Op<void>;
  /**
   * What an option was set to, or false, 0.
   *
   * @throws IoError  `Net Invalid_option` for one that there is not
   */
  getOption<N extends SocketOptionName>(name: N): SocketOptions[N];
  /**
   * Sets an option.
   *
   * @throws IoError  `Net Invalid_option` for one that there is not
   * @throws InvalidArgument for a value out of its range
   */
  setOption<N extends SocketOptionName>(name: N, value: SocketOptions[N]): void;
}

/** Sends and receives datagrams. Closed by its switch, or by {@link close}. */
export interface DatagramSocket {
  /** Where others can send to. */
  readonly address: DatagramAddress;
  /**
   * Sends one datagram: all of `buffers`, joined. A cancellation point.
   *
   * @param options.to  where to
   */
  send(buffers: readonly Uint8Array[], options: { to: DatagramAddress }): Op<void>;
  /**
   * Waits for a datagram, and puts it into the beginning of `buffer`; what does not fit is lost. It may have no bytes. A cancellation
   * point.
   */
  receive(buffer: Uint8Array): Op<{ from: DatagramAddress; length: number }>;
  setOption<N extends SocketOptionName>(name: N, value: SocketOptions[N]): void;
  getOption<N extends SocketOptionName>(name: N): SocketOptions[N];
  close(): Op<void>;
}

/** Serves one connection. */
export type ConnectionHandler = (connection: StreamSocket, from: StreamAddress) => Op<void>;

/** What connections that end badly are reported to. It must not wait; if it throws, that fails the switch. */
export type ConnectionErrorHandler = (error: unknown) => void;

/** The options of {@link ListeningSocket.serve}. */
export interface ServeOptions<S> {
  /** Is told when a connection ends badly. */
  onError: ConnectionErrorHandler;
  /** How many are served at once; the others wait. Default: any number. */
  maxConnections?: number;
  /** When it is resolved, nobody is accepted any more. Default: that never happens. */
  stop?: Deferred<S>;
}

/** Clients can connect to it. Closed by its switch, or by {@link close}. */
export abstract class ListeningSocket {
  /** Where clients connect to. */
  abstract readonly address: StreamAddress;

  /** @internal The next connection. */
  protected abstract takeConnection(sw: Switch): Op<[connection: StreamSocket, from: StreamAddress]>;

  /** Nobody can connect any more, and those who were not accepted are cut off. Does nothing the second time. */
  abstract close(): Op<void>;

  /**
   * Waits for the next client. A cancellation point: in a cancelled context nobody is accepted.
   *
   * @param options.sw  closes the connection when it ends
   */
  *accept(options: { sw: Switch }): Op<[connection: StreamSocket, from: StreamAddress]> {
    expectSwitch("ListeningSocket.accept", options);
    check();
    return yield* this.takeConnection(options.sw);
  }

  /**
   * Waits for the next client, and serves it in a fiber of its own; the connection is closed when `handler` is done. When that fails,
   * `onError` is told, after the connection was closed; a cancellation is no failure. A cancellation point.
   *
   * @example
   * const server = yield* env.net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
   * yield* Fiber.forkDaemon(sw, () => env.net.connect(server.address, { sw }));
   * const onError = (error: unknown) => traceln("%s", error);
   * yield* server.acceptFork({ sw, onError }, (connection) => Flow.copyString("hello", connection));
   */
  *acceptFork(options: { sw: Switch; onError: ConnectionErrorHandler }, handler: ConnectionHandler): Op<void> {
    expectSwitch("ListeningSocket.acceptFork", options);
    const { sw, onError } = options;
    expectFunction("ListeningSocket.acceptFork", "options.onError", onError);
    expectBody("ListeningSocket.acceptFork", "handler", handler);
    const [connection, from] = yield* this.accept({ sw });
    let started = false;
    try {
      yield* fork(
        sw,
        () => {
          started = true;
          return serving(connection, from, handler, onError);
        },
        { name: handler.name || "connection" },
      );
    } finally {
      if (!started) yield* protect(() => connection.destroy());
    }
  }

  /**
   * Serves clients, each in a fiber of its own, until `stop` is resolved; then waits for those who are being served, and gives the value
   * of `stop`. Cancelling it cancels them. A cancellation point.
   *
   * @example
   * const server = yield* env.net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
   * const [stop, resolver] = Deferred.create<string>();
   * resolver.resolve("stopped"); // on a signal, for instance
   * const onError = (error: unknown) => traceln("%s", error);
   * yield* server.serve((connection) => Flow.copy(connection, connection), { onError, stop }); // => "stopped"
   *
   * @throws InvalidArgument unless `maxConnections` is positive
   */
  *serve<S = never>(handler: ConnectionHandler, options: ServeOptions<S>): Op<S> {
    expectBody("ListeningSocket.serve", "handler", handler);
    if ((options as unknown) === undefined) refuse("ListeningSocket.serve", "options", "{ onError }", options);
    expectOptions("ListeningSocket.serve", options);
    const { onError, maxConnections = Infinity, stop } = options;
    expectFunction("ListeningSocket.serve", "options.onError", onError);
    if (typeof maxConnections !== "number")
      refuse("ListeningSocket.serve", "options.maxConnections", "a number", maxConnections);
    if (!(maxConnections > 0)) throw new InvalidArgument("max_connections");
    if (maxConnections !== Infinity && !Number.isInteger(maxConnections))
      refuse("ListeningSocket.serve", "options.maxConnections", "a whole number", maxConnections);
    if (stop !== undefined && !(stop instanceof Deferred))
      refuse("ListeningSocket.serve", "options.stop", "a Deferred", stop);
    const slots = maxConnections === Infinity ? undefined : new Semaphore(maxConnections);
    const acceptIn = (sw: Switch) => acceptForEver(this, sw, onError, slots, handler);
    return yield* Switch.run(
      (sw) =>
        stop
          ? first<S, never>(
              () => stop.await(),
              () => acceptIn(sw),
            )
          : acceptIn(sw),
      { name: "ListeningSocket.serve" },
    );
  }
}

function* serving(
  connection: StreamSocket,
  from: StreamAddress,
  handler: ConnectionHandler,
  onError: ConnectionErrorHandler,
): Op<void> {
  let failure: { error: unknown } | undefined;
  try {
    yield* handler(connection, from);
  } catch (error) {
    failure = { error };
  }
  yield* protect(() => connection.destroy());
  if (!failure) return;
  if (failure.error instanceof Cancelled) throw failure.error;
  onError(addContext(failure.error, `handling connection from ${showAddress(from)}`));
}

function* acceptForEver(
  socket: ListeningSocket,
  sw: Switch,
  onError: ConnectionErrorHandler,
  slots: Semaphore | undefined,
  handler: ConnectionHandler,
): Op<never> {
  for (;;) {
    if (!slots) yield* socket.acceptFork({ sw, onError }, handler);
    else yield* acceptInto(slots, socket, sw, onError, handler);
  }
}

function* acceptInto(
  slots: Semaphore,
  socket: ListeningSocket,
  sw: Switch,
  onError: ConnectionErrorHandler,
  handler: ConnectionHandler,
): Op<void> {
  yield* slots.acquire();
  let taken = false;
  try {
    yield* socket.acceptFork({ sw, onError }, function* connection(client, from) {
      taken = true;
      try {
        yield* handler(client, from);
      } finally {
        slots.release();
      }
    });
  } finally {
    if (!taken) slots.release();
  }
}

/**
 * The network. Everything that is opened belongs to a switch, which closes it.
 *
 * @example
 * function* ask(net: Net): Op<string> {
 *   return yield* net.withTcpConnect({ host: "example.org", service: "80" }, function* (connection) {
 *     yield* Flow.copyString("GET / HTTP/1.0\r\n\r\n", connection);
 *     yield* Flow.shutdown(connection, "send");
 *     return yield* Flow.readAll(connection);
 *   });
 * }
 */
export abstract class Net {
  /** @internal */
  protected abstract openStream(address: StreamAddress, options: ConnectOptions): Op<StreamSocket>;
  /** @internal */
  protected abstract openListener(address: StreamAddress, options: ListenOptions): Op<ListeningSocket>;
  /** @internal */
  protected abstract openDatagram(
    address: DatagramAddress | "udp4" | "udp6",
    options: DatagramOptions,
  ): Op<DatagramSocket>;
  /** @internal */
  protected abstract resolve(host: string, service: string): Op<readonly SocketAddress[]>;
  /** @internal */
  protected abstract reverse(address: SocketAddress): Op<{ host: string; service: string }>;

  /**
   * Connects to `address`. A cancellation point; a connection that is half made is closed then.
   *
   * @throws IoError  with the step `connecting to <address>`: `Net Connection_failure Refused`, `Fs Not_found` for a Unix socket, ...
   */
  *connect(address: StreamAddress, options: ConnectOptions): Op<StreamSocket> {
    expectAddress("Net.connect", ["tcp", "unix"], address);
    expectSwitch("Net.connect", options);
    if (options.bindTo !== undefined)
      expectAddress("Net.connect", [address.type], options.bindTo, "options.bindTo", true);
    if (options.options !== undefined) expectSocketOptions("Net.connect", options.options);
    try {
      return yield* this.openStream(address, options);
    } catch (error) {
      throw addContext(error, `connecting to ${showAddress(address)}`);
    }
  }

  /**
   * Listens on `address`; port 0 stands for one that is free. A cancellation point.
   *
   * @throws IoError  with the step `listening on <address>`
   */
  *listen(address: StreamAddress, options: ListenOptions): Op<ListeningSocket> {
    expectAddress("Net.listen", ["tcp", "unix"], address);
    expectSwitch("Net.listen", options);
    const { backlog } = options;
    if (backlog !== undefined && !(Number.isSafeInteger(backlog) && backlog > 0))
      refuse("Net.listen", "options.backlog", "a positive whole number", backlog);
    try {
      return yield* this.openListener(address, options);
    } catch (error) {
      throw addContext(error, `listening on ${showAddress(address)}`);
    }
  }

  /**
   * A socket for datagrams: at `address`, or with `"udp4"` and `"udp6"` at one that the system chooses. A cancellation point.
   *
   * @throws IoError
   */
  *datagramSocket(address: DatagramAddress | "udp4" | "udp6", options: DatagramOptions): Op<DatagramSocket> {
    if (address !== "udp4" && address !== "udp6") expectAddress("Net.datagramSocket", ["udp"], address);
    expectSwitch("Net.datagramSocket", options);
    try {
      return yield* this.openDatagram(address, options);
    } catch (error) {
      throw addContext(error, `opening ${typeof address === "string" ? address : showAddress(address)}`);
    }
  }

  /**
   * The addresses of a name, at least one, in the order in which to try them: for connections and for datagrams. A name that is an
   * address already needs no network. A cancellation point, which does not wait for the answer of the resolver.
   *
   * @throws IoError  `Net Address_lookup_failed`, with the step `looking up "<host>"`
   */
  *lookUp(host: string, options?: LookUpOptions): Op<readonly SocketAddress[]> {
    expectHost("Net.lookUp", "host", host);
    expectOptions("Net.lookUp", options);
    const { service } = options ?? {};
    if (service !== undefined && typeof service !== "string")
      refuse("Net.lookUp", "options.service", "a string", service);
    try {
      const addresses = yield* this.resolve(host, service ?? "0");
      if (addresses.length === 0) throw noName();
      return addresses;
    } catch (error) {
      const which = service === undefined ? "" : ` (service ${JSON.stringify(service)})`;
      throw addContext(error, `looking up ${JSON.stringify(host)}${which}`);
    }
  }

  /** Like {@link lookUp}, those for connections. */
  *lookUpStream(host: string, options?: LookUpOptions): Op<readonly StreamAddress[]> {
    return (yield* this.lookUp(host, options)).filter((address) => address.type !== "udp");
  }

  /** Like {@link lookUp}, those for datagrams. */
  *lookUpDatagram(host: string, options?: LookUpOptions): Op<readonly DatagramAddress[]> {
    return (yield* this.lookUp(host, options)).filter((address) => address.type === "udp");
  }

  /**
   * The names of a machine and of its service. A cancellation point.
   *
   * @throws IoError  `Net Address_lookup_failed`, with the step `looking up the name of <address>`
   */
  *nameOf(address: SocketAddress): Op<{ host: string; service: string }> {
    expectAddress("Net.nameOf", ["tcp", "udp", "unix"], address);
    try {
      return yield* this.reverse(address);
    } catch (error) {
      throw addContext(error, `looking up the name of ${showAddress(address)}`);
    }
  }

  /**
   * Connects to a name: to the first of its addresses that answers. Runs `body` with the connection, and closes it. A cancellation point.
   *
   * @throws IoError  that of the last address; `Net Connection_failure Timeout` when the time was up
   * @throws the failure of `body`, unchanged
   */
  *withTcpConnect<T>(options: TcpConnectOptions, body: (connection: StreamSocket) => Op<T>): Op<T> {
    if ((options as unknown) === undefined) refuse("Net.withTcpConnect", "options", "{ host, service }", options);
    expectOptions("Net.withTcpConnect", options);
    expectBody("Net.withTcpConnect", "body", body);
    const { host, service, timeout } = options;
    expectHost("Net.withTcpConnect", "options.host", host);
    if (timeout !== undefined && !(timeout instanceof TimeLimit))
      refuse("Net.withTcpConnect", "options.timeout", "a TimeLimit", timeout);
    if (typeof service !== "string") refuse("Net.withTcpConnect", "options.service", "a string", service);
    return yield* Switch.run((sw) => connected(this, sw, options, body), { name: "Net.withTcpConnect" });
  }
}

function* connected<T>(
  net: Net,
  sw: Switch,
  options: TcpConnectOptions,
  body: (connection: StreamSocket) => Op<T>,
): Op<T> {
  return yield* body(yield* connectToFirst(net, sw, options));
}

function* connectToFirst(net: Net, sw: Switch, { host, service, timeout }: TcpConnectOptions): Op<StreamSocket> {
  const step = `connecting to ${JSON.stringify(host)}:${service}`;
  try {
    const addresses = (yield* net.lookUp(host, { service })).filter((address) => address.type === "tcp");
    if (addresses.length === 0) throw noName();
    for (const [i, address] of addresses.entries()) {
      try {
        return yield* attempt(net, sw, address, timeout);
      } catch (error) {
        if (!(error instanceof IoError) || i === addresses.length - 1) throw error;
      }
    }
    throw noName();
  } catch (error) {
    throw addContext(error, step);
  }
}

function* attempt(net: Net, sw: Switch, address: StreamAddress, timeout: TimeLimit | undefined): Op<StreamSocket> {
  if (!timeout) return yield* net.connect(address, { sw });
  const outcome = yield* timeout.run(function* () {
    return { ok: true as const, value: yield* net.connect(address, { sw }) };
  });
  if (outcome.ok) return outcome.value;
  throw new IoError({ area: "Net", kind: "Connection_failure", reason: "Timeout" });
}

/** @internal */
export function noName(): IoError {
  return new IoError({
    area: "Net",
    kind: "Address_lookup_failed",
    reason: "NONAME (name or service is not known)",
  });
}

/** The system ends its strings at a NUL. */
function expectHost(where: string, argument: string, host: unknown): void {
  if (typeof host !== "string") refuse(where, argument, "a string", host);
  if (host.includes("\0")) throw new InvalidArgument(`${where}: ${JSON.stringify(host)} contains a NUL`);
}

function expectSocketOptions(where: string, options: unknown): void {
  if (!Array.isArray(options)) refuse(where, "options.options", "an array of [name, value]", options);
  for (const [i, option] of (options as unknown[]).entries()) {
    if (!Array.isArray(option)) refuse(where, `options.options[${i}]`, "[name, value]", option);
    const [name, value] = option as [name: string, value: unknown];
    expectOption(name, value);
  }
}

function expectSwitch(where: string, options: unknown): void {
  const sw = (options as { sw?: unknown } | undefined)?.sw;
  if (!(sw instanceof Switch)) refuse(where, "options.sw", "a Switch", sw);
}
