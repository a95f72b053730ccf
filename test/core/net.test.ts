import { describe, expect, it } from "vitest";
import {
  Cancelled,
  Deferred,
  Failure,
  Fiber,
  Flow,
  InvalidArgument,
  IoError,
  IpAddress,
  showAddress,
  showOption,
  Switch,
  TimeLimit,
  type ConnectionHandler,
  type Op,
  type SocketAddress,
  type StreamAddress,
} from "trestle";
import { MockFlow, MockListeningSocket, MockNet, run } from "trestle/mock";
import { failureOf, thrownBy } from "./transcript.js";
import { tracedBy } from "./traced.js";

const tcp = (port: number, ip = IpAddress.v4.loopback): StreamAddress => ({ type: "tcp", ip, port });

describe("addresses", () => {
  it("NT-01 NT-02 print as one expects", () => {
    for (const text of [
      "127.0.0.1",
      "0.0.0.0",
      "::1",
      "::",
      "ab::",
      "1234:5678:9abc:def0:fedc:ba98:7654:3210",
      "1:0:0:2::3",
      "4:1::2:0:0:3",
      "::ffff:192.168.1.3",
    ]) {
      expect(String(IpAddress.parse(text))).toBe(text);
    }
    expect(String(IpAddress.parse("1:0:0:2:0:0:0:3"))).toBe("1:0:0:2::3");
    expect(String(IpAddress.parse("4:1:0:0:2:0:0:3"))).toBe("4:1::2:0:0:3");
    expect(String(IpAddress.parse("2001:DB8:0:1:1:1:1:1"))).toBe("2001:db8:0:1:1:1:1:1");
    expect(String(IpAddress.parse("::ffff:c0a8:103"))).toBe("::ffff:192.168.1.3");
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4.5",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "12345::",
    "g::",
  ])("NT-01 %j is none", (text) => {
    expect(IpAddress.parse(text)).toBe(undefined);
  });

  it("NT-03 of sockets", () => {
    expect([
      showAddress(tcp(8080)),
      showAddress(tcp(8080, IpAddress.v6.loopback)),
      showAddress({ type: "udp", ip: IpAddress.v4.any, port: 53 }),
      showAddress({ type: "unix", path: "/run/app.sock" }),
    ]).toEqual(["tcp:127.0.0.1:8080", "tcp:[::1]:8080", "udp:0.0.0.0:53", "unix:/run/app.sock"]);
  });

  it("NT-04 have 4 bytes or 16, copied", () => {
    for (const length of [0, 5, 15]) expect(() => IpAddress.ofBytes(new Uint8Array(length))).toThrow(InvalidArgument);
    const bytes = Uint8Array.of(10, 0, 0, 1);
    const ip = IpAddress.ofBytes(bytes);
    bytes[0] = 9;
    ip.bytes[0] = 8;
    expect([String(ip), ip.version, IpAddress.v6.any.version]).toEqual(["10.0.0.1", 4, 6]);
    expect(ip.equals(IpAddress.ofBytes(Uint8Array.of(10, 0, 0, 1)))).toBe(true);
    expect(ip.equals(IpAddress.v6.any)).toBe(false);
  });

  it("anything else is refused where an address is wanted", () => {
    const net = new MockNet("net");
    run(() =>
      Switch.run(function* (sw) {
        for (const address of [
          undefined,
          "127.0.0.1:80",
          { type: "tcp", ip: "127.0.0.1", port: 80 },
          tcp(65536),
          tcp(-1),
          tcp(1.5),
          { type: "unix", path: "" },
          { type: "udp", ip: IpAddress.v4.any, port: 1 },
        ]) {
          expect(yield* failureOf(net.connect(address as StreamAddress, { sw }))).toMatch(
            /^TypeError: Net\.connect: "address(\.\w+)?" must be /,
          );
        }
        expect(yield* failureOf(net.connect(tcp(1), {} as never))).toMatch(/"options\.sw" must be a Switch/);
      }),
    );
  });
});

describe("options", () => {
  it("NT-51 print with their value", () => {
    expect([showOption("TCP_NODELAY", true), showOption("IP_TTL", undefined), showOption("SO_MAGIC", 1)]).toEqual([
      "TCP_NODELAY = true",
      "IP_TTL = <none>",
      "UNKNOWN = 1",
    ]);
  });

  it("NT-50 values out of range are refused before the system is asked", () => {
    const flow = new MockFlow("flow");
    expect(() => flow.setOption("TCP_KEEPIDLE", -1)).toThrow(
      new InvalidArgument("TCP_KEEPIDLE must be a whole number of 0 to 32767, not -1"),
    );
    expect(() => flow.setOption("IP_TTL", 256)).toThrow(
      new InvalidArgument("IP_TTL must be a whole number of 1 to 255, not 256"),
    );
    expect(() => flow.setOption("TCP_NODELAY", 1 as never)).toThrow(InvalidArgument);
  });

  it("MK-16 NT-49 a mock has the usual ones, unset; others are an error that names them", () => {
    const flow = new MockFlow("flow");
    expect([flow.getOption("TCP_NODELAY"), flow.getOption("SO_KEEPALIVE"), flow.getOption("TCP_KEEPIDLE")]).toEqual([
      false,
      false,
      0,
    ]);
    expect(String(thrownBy(() => flow.getOption("SO_LINGER" as never)))).toBe(
      "IoError: Net Invalid_option, getting socket option SO_LINGER",
    );
    expect(String(thrownBy(() => flow.setOption("SO_LINGER" as never, 1 as never)))).toBe(
      "IoError: Net Invalid_option, setting socket option UNKNOWN = 1",
    );
  });
});

describe("MockNet", () => {
  it("MK-13 NT-09 traces what is asked of it; options are set in order", () => {
    const lines = tracedBy(() =>
      Switch.run(function* (sw) {
        const net = new MockNet("net");
        net.onConnect.seq([{ return: new MockFlow("flow") }]);
        net.onListen.seq([{ return: new MockListeningSocket("server") }]);
        net.onLookUp.seq([{ return: [tcp(80)] }]);
        net.onNameOf.seq([{ return: { host: "localhost", service: "http" } }]);
        yield* net.connect(tcp(80), {
          sw,
          bindTo: tcp(0),
          options: [
            ["SO_KEEPALIVE", true],
            ["TCP_NODELAY", true],
          ],
        });
        yield* net.listen({ type: "unix", path: "/tmp/s" }, { sw });
        yield* net.lookUp("example.org", { service: "http" });
        expect(yield* net.nameOf(tcp(80))).toEqual({ host: "localhost", service: "http" });
        for (const where of ["udp4", "udp6"] as const) yield* failureOf(net.datagramSocket(where, { sw }));
      }),
    );
    expect(lines).toEqual([
      "net: connect to tcp:127.0.0.1:80 (bind to tcp:127.0.0.1:0)",
      "flow: setsockopt SO_KEEPALIVE = true",
      "flow: setsockopt TCP_NODELAY = true",
      "net: listen on unix:/tmp/s",
      "net: getaddrinfo ~service:http example.org",
      "net: getnameinfo tcp:127.0.0.1:80",
      "net: datagram_socket UDPv4",
      "net: datagram_socket UDPv6",
      "server: closed",
      "flow: closed",
    ]);
  });

  it("MK-14 what nobody has scripted fails by name", () => {
    run(() =>
      Switch.run(function* (sw) {
        const net = new MockNet("net");
        expect(yield* failureOf(net.connect(tcp(80), { sw }))).toBe("Failure: Mock connect handler not configured");
        expect(yield* failureOf(net.listen(tcp(80), { sw }))).toBe("Failure: Mock listen handler not configured");
        expect(yield* failureOf(net.lookUp("host"))).toBe("Failure: Mock getaddrinfo handler not configured");
      }),
    );
  });

  it("MK-15 the switch closes what it was given, and not what was closed before", () => {
    const lines = tracedBy(() =>
      Switch.run(function* (sw) {
        const net = new MockNet("net");
        net.onConnect.seq([{ return: new MockFlow("a") }, { return: new MockFlow("b") }]);
        const a = yield* net.connect(tcp(1), { sw });
        yield* net.connect(tcp(2), { sw });
        yield* a.destroy();
      }),
    );
    expect(lines.slice(2)).toEqual(["a: closed", "b: closed"]);
  });
});

describe("accepting", () => {
  const client = (name: string, port: number) => ({ return: [new MockFlow(name), tcp(port)] as const });

  it("NT-14 in a cancelled context nobody is accepted", () => {
    const lines = tracedBy(() =>
      Switch.run(function* (sw) {
        const socket = new MockListeningSocket("server");
        socket.onAccept.seq([client("a", 1)]);
        yield* Fiber.first(
          function* () {
            try {
              yield* Fiber.awaitCancel();
            } finally {
              for (const op of [
                socket.accept({ sw }),
                socket.acceptFork({ sw, onError: () => {} }, () => Flow.null.close()),
              ]) {
                expect(yield* failureOf(op)).toMatch(/^Cancelled/);
              }
            }
          },
          () => Fiber.yield(),
        );
      }),
    );
    expect(lines).toEqual([]);
  });

  const forked = (handler: ConnectionHandler, onError: (error: unknown) => void = () => expect.unreachable()) =>
    tracedBy(() =>
      Switch.run(function* (sw) {
        const socket = new MockListeningSocket("server");
        socket.onAccept.seq([client("a", 1234)]);
        yield* socket.acceptFork({ sw, onError }, handler);
      }),
    );

  it("NT-15 the connection is closed when its handler is done", () => {
    expect(forked((connection) => Flow.copyString("hello", connection))).toEqual([
      "server: accepted connection from tcp:127.0.0.1:1234",
      'a: wrote "hello"',
      "a: closed",
    ]);
  });

  it("NT-16 a handler that fails: first the connection is closed, then onError is told, with the peer", () => {
    const told: string[] = [];
    const failing = (error: unknown) =>
      forked(
        function* () {
          throw error;
        },
        (e) => void told.push(String(e)),
      );
    expect(failing(new IoError({ area: "Net", kind: "Connection_reset" })).at(-1)).toBe("a: closed");
    failing(new Error("oops"));
    expect(told).toEqual(["IoError: Net Connection_reset, handling connection from tcp:127.0.0.1:1234", "Error: oops"]);
  });

  it("NT-17 RB-06 a cancellation is not reported", () => {
    const lines = tracedBy(function* () {
      yield* Fiber.first(
        () =>
          Switch.run(function* (sw) {
            const socket = new MockListeningSocket("server");
            socket.onAccept.seq([client("a", 1)]);
            yield* socket.acceptFork({ sw, onError: () => expect.unreachable() }, () => Fiber.awaitCancel());
            yield* Fiber.awaitCancel();
          }),
        () => Fiber.yield(),
      );
    });
    expect(lines.at(-1)).toBe("a: closed");
  });

  it("NT-18 RB-06 when the fork cannot start, the connection is closed all the same", () => {
    const lines = tracedBy(function* () {
      const error = yield* failureOf(
        Switch.run(function* (sw) {
          const socket = new MockListeningSocket("server");
          socket.onAccept.seq([
            {
              *run() {
                sw.fail(new Error("off"));
                return client("a", 1).return;
              },
            },
          ]);
          yield* socket.acceptFork({ sw, onError: () => {} }, () => expect.unreachable());
        }),
      );
      expect(error).toBe("Error: off");
    });
    expect(lines.filter((line) => line === "a: closed")).toEqual(["a: closed"]);
  });

  it("NT-19 an onError that throws fails the switch", () => {
    const error = new Error("told badly");
    const thrown = thrownBy(() =>
      forked(
        function* () {
          throw new Error("oops");
        },
        () => {
          throw error;
        },
      ),
    );
    expect(thrown).toBe(error);
  });

  it("NT-20 RB-07 a handler may close its connection itself", () => {
    expect(forked((connection) => connection.destroy()).slice(1)).toEqual(["a: closed"]);
  });
});

describe("serve", () => {
  /** Clients come every second, named after it. */
  function clients(socket: MockListeningSocket, clock: { sleep(s: number): Op<void> }) {
    let n = 0;
    socket.onAccept.setHandler(function* () {
      yield* clock.sleep(1);
      n++;
      return [new MockFlow(`client ${n}`), tcp(n)] as const;
    });
  }

  it("NT-31 NT-32 NT-34 NT-36 NT-38 at most so many at once; after stop those who are served are served to the end", () => {
    const log: string[] = [];
    run(function* ({ clock }) {
      const socket = new MockListeningSocket("server");
      clients(socket, clock);
      const [stop, resolver] = Deferred.create<string>();
      const [value] = yield* Fiber.pair(
        () =>
          socket.serve(
            function* (_, from) {
              const name = showAddress(from);
              log.push(`${clock.now()} ${name} begins`);
              yield* clock.sleep(5);
              log.push(`${clock.now()} ${name} ends`);
              if (name.endsWith(":1")) throw new Error("badly");
            },
            { onError: (error) => void log.push(String(error)), maxConnections: 2, stop },
          ),
        function* () {
          yield* clock.sleep(8.5);
          resolver.resolve("stopped");
        },
      );
      log.push(`${clock.now()} ${value}`);
    }, quiet);
    expect(log).toEqual([
      "1 tcp:127.0.0.1:1 begins",
      "2 tcp:127.0.0.1:2 begins",
      "6 tcp:127.0.0.1:1 ends",
      "Error: badly",
      "7 tcp:127.0.0.1:2 ends",
      "7 tcp:127.0.0.1:3 begins",
      "8 tcp:127.0.0.1:4 begins",
      "12 tcp:127.0.0.1:3 ends",
      "13 tcp:127.0.0.1:4 ends",
      "13 stopped",
    ]);
  });

  const quiet = { traceln: () => {} };

  it("NT-33 the number must be positive", () => {
    const socket = new MockListeningSocket("server");
    for (const maxConnections of [0, -1, NaN]) {
      expect(() => run(() => socket.serve(() => Flow.null.close(), { onError: () => {}, maxConnections }))).toThrow(
        new InvalidArgument("max_connections"),
      );
    }
  });

  it("NT-35 NT-36 cancelling it cancels those who are served, and closes their connections", () => {
    const lines = tracedBy(function* ({ clock }) {
      const socket = new MockListeningSocket("server");
      clients(socket, clock);
      let ended = 0;
      yield* Fiber.first(
        () =>
          socket.serve(
            function* () {
              try {
                yield* Fiber.awaitCancel();
              } catch (error) {
                expect(error).toBeInstanceOf(Cancelled);
                ended++;
                throw error;
              }
            },
            { onError: () => expect.unreachable() },
          ),
        () => clock.sleep(2.5),
      );
      expect(ended).toBe(2);
    });
    expect(lines.filter((line) => line.endsWith("closed")).sort()).toEqual(["client 1: closed", "client 2: closed"]);
  });
});

describe("withTcpConnect", () => {
  const addresses: SocketAddress[] = [
    { type: "unix", path: "/tmp/not-tcp" },
    { type: "udp", ip: IpAddress.v4.loopback, port: 9 },
    tcp(1),
    tcp(2),
  ];
  const refused = { raise: new IoError({ area: "Net", kind: "Connection_failure", reason: "Refused" }) };

  /** The trace, and at its end what came of it. */
  const connecting = (
    prepare: (net: MockNet) => void,
    body: (net: MockNet) => Op<unknown> = (net) =>
      net.withTcpConnect({ host: "www", service: "http" }, function* () {
        return "body";
      }),
  ): string[] => {
    let outcome = "";
    const lines = tracedBy(function* () {
      const net = new MockNet("net");
      net.onLookUp.seq([{ return: addresses }]);
      prepare(net);
      outcome = yield* failureOf(giving(body(net)));
    });
    return [...lines, outcome];
  };

  function* giving(op: Op<unknown>): Op<never> {
    throw new Failure(String(yield* op));
  }

  it("NT-24 NT-25 the first that answers, of those for TCP, in order; closed at the end", () => {
    const lines = connecting((net) => net.onConnect.seq([{ return: new MockFlow("flow") }]));
    expect(lines).toEqual([
      "net: getaddrinfo ~service:http www",
      "net: connect to tcp:127.0.0.1:1",
      "flow: closed",
      "Failure: body",
    ]);
  });

  it("NT-26 NT-27 when one fails the next is tried; the error of the last is thrown, with both steps", () => {
    const second = connecting((net) => net.onConnect.seq([refused, { return: new MockFlow("flow") }]));
    expect(second.slice(1)).toEqual([
      "net: connect to tcp:127.0.0.1:1",
      "net: connect to tcp:127.0.0.1:2",
      "flow: closed",
      "Failure: body",
    ]);
    const none = connecting((net) => net.onConnect.seq([refused, refused]));
    expect(none.at(-1)).toBe(
      'IoError: Net Connection_failure Refused, connecting to tcp:127.0.0.1:2, connecting to "www":http',
    );
  });

  it("NT-28 the time limit is that of each attempt", () => {
    const log: string[] = [];
    run(
      function* ({ clock }) {
        const net = new MockNet("net");
        net.onLookUp.seq([{ return: addresses }]);
        net.onConnect.setHandler(() => Fiber.awaitCancel());
        const timeout = TimeLimit.seconds(clock, 5);
        log.push(
          yield* failureOf(net.withTcpConnect({ host: "www", service: "http", timeout }, () => expect.unreachable())),
        );
        log.push(`at ${clock.now()}`);
        net.onLookUp.seq([{ return: addresses }]);
        net.onConnect.seq([{ run: () => Fiber.awaitCancel() }, { return: new MockFlow("flow") }]);

        yield* net.withTcpConnect({ host: "www", service: "http", timeout }, function* () {
          log.push(`connected at ${clock.now()}`);
        });
      },
      { traceln: () => {} },
    );
    expect(log).toEqual([
      'IoError: Net Connection_failure Timeout, connecting to "www":http',
      "at 10",
      "connected at 15",
    ]);
  });

  it("NT-29 without an address for TCP there is nothing to connect to", () => {
    const lines = connecting((net) => net.onLookUp.seq([{ return: addresses.slice(0, 2) }]));
    expect(lines.at(-1)).toBe(
      'IoError: Net Address_lookup_failed NONAME (name or service is not known), connecting to "www":http',
    );
  });

  it("NT-30 an error of the body is passed on, and nothing else is tried", () => {
    const lines = connecting(
      (net) => net.onConnect.seq([{ return: new MockFlow("flow") }]),
      (net) =>
        net.withTcpConnect({ host: "www", service: "http" }, function* () {
          throw refused.raise;
        }),
    );
    expect(lines.slice(1)).toEqual([
      "net: connect to tcp:127.0.0.1:1",
      "flow: closed",
      "IoError: Net Connection_failure Refused",
    ]);
  });

  it("NT-46 RB-29 a lookup that finds nothing is an error", () => {
    const lines = connecting(
      (net) => net.onLookUp.seq([{ return: [] }]),
      (net) => net.lookUp("www", { service: "http" }),
    );
    expect(lines.at(-1)).toBe(
      'IoError: Net Address_lookup_failed NONAME (name or service is not known), looking up "www" (service "http")',
    );
  });
});
