// A network without machines: what each call gives is scripted, and what is asked of it is traced.

import { refuse } from "../engine/describe.js";
import type { Op } from "../engine/op.js";
import { Failure } from "../failure.js";
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
  IpAddress,
  showAddress,
  type DatagramAddress,
  type SocketAddress,
  type StreamAddress,
} from "../socket-address.js";
import type { Hook, Switch } from "../switch.js";
import { traceln } from "../traceln.js";
import type { MockFlow } from "./flow.js";
import { Handler } from "./handler.js";

function unset<T>(what: string): Handler<T> {
  return new Handler<T>({ raise: new Failure(`Mock ${what} handler not configured`) });
}

/**
 * A network for tests: a test says what each call gives, and `traceln` says what was asked.
 *
 * @example
 * const net = new MockNet("net");
 * net.onConnect.seq([{ return: new MockFlow("server") }]);
 * yield* net.connect({ type: "tcp", ip: IpAddress.v4.loopback, port: 80 }, { sw });
 * // +net: connect to tcp:127.0.0.1:80
 */
export class MockNet extends Net {
  readonly label: string;
  readonly onConnect = unset<MockFlow>("connect");
  readonly onListen = unset<MockListeningSocket>("listen");
  readonly onDatagramSocket = unset<DatagramSocket>("datagram_socket");
  readonly onLookUp = unset<readonly SocketAddress[]>("getaddrinfo");
  readonly onNameOf = unset<{ host: string; service: string }>("getnameinfo");

  /** @param label  begins each line of the trace */
  constructor(label: string) {
    super();
    if (typeof label !== "string") refuse("new MockNet", "label", "a string", label);
    this.label = label;
  }

  protected *openStream(address: StreamAddress, { sw, bindTo, options = [] }: ConnectOptions): Op<StreamSocket> {
    const from = bindTo ? ` (bind to ${showAddress(bindTo)})` : "";
    traceln("%s: connect to %s%s", this.label, showAddress(address), from);
    const flow = yield* this.onConnect.run();
    for (const [name, value] of options) flow.setOption(name, value);
    return flow.attachTo(sw);
  }

  protected *openListener(address: StreamAddress, { sw }: ListenOptions): Op<ListeningSocket> {
    traceln("%s: listen on %s", this.label, showAddress(address));
    return (yield* this.onListen.run()).attachTo(sw);
  }

  protected *openDatagram(address: DatagramAddress | "udp4" | "udp6", _options: DatagramOptions): Op<DatagramSocket> {
    const where = address === "udp4" ? "UDPv4" : address === "udp6" ? "UDPv6" : showAddress(address);
    traceln("%s: datagram_socket %s", this.label, where);
    return yield* this.onDatagramSocket.run();
  }

  protected *resolve(host: string, service: string): Op<readonly SocketAddress[]> {
    traceln("%s: getaddrinfo ~service:%s %s", this.label, service, host);
    return yield* this.onLookUp.run();
  }

  protected *reverse(address: SocketAddress): Op<{ host: string; service: string }> {
    traceln("%s: getnameinfo %s", this.label, showAddress(address));
    return yield* this.onNameOf.run();
  }
}

/**
 * A listening socket for tests: a test says who connects.
 *
 * @example
 * const socket = new MockListeningSocket("server");
 * socket.onAccept.seq([{ return: [new MockFlow("client"), socket.address] }]);
 * const [client] = yield* socket.accept({ sw });
 * // +server: accepted connection from tcp:127.0.0.1:80
 */
export class MockListeningSocket extends ListeningSocket {
  readonly label: string;
  readonly address: StreamAddress;
  readonly onAccept = unset<readonly [MockFlow, StreamAddress]>("accept");
  private hook: Hook | undefined = undefined;
  private ended = false;

  /**
   * @param label  begins each line of the trace
   * @param address  where clients connect to. Default: port 80 of this machine
   */
  constructor(label: string, address: StreamAddress = { type: "tcp", ip: IpAddress.v4.loopback, port: 80 }) {
    super();
    if (typeof label !== "string") refuse("new MockListeningSocket", "label", "a string", label);
    this.label = label;
    this.address = address;
  }

  protected *takeConnection(sw: Switch): Op<[StreamSocket, StreamAddress]> {
    const [flow, from] = yield* this.onAccept.run();
    traceln("%s: accepted connection from %s", this.label, showAddress(from));
    return [flow.attachTo(sw), from];
  }

  /** From now on `sw` closes it, if nobody has done so before. */
  attachTo(sw: Switch): this {
    this.hook = sw.addHook(() => this.close());
    return this;
  }

  *close(): Op<void> {
    if (this.ended) return;
    this.ended = true;
    this.hook?.remove();
    traceln("%s: closed", this.label);
  }
}
