// Node only: sockets of the system.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  Cancelled,
  Deferred,
  Fiber,
  Flow,
  InvalidArgument,
  IpAddress,
  Switch,
  type ListeningSocket,
  type Op,
  type StreamAddress,
  type StreamSocket,
} from "trestle";
import { run, type NodeEnv } from "trestle/node";
import { failureOf } from "./transcript.js";

const folder = mkdtempSync(join(tmpdir(), "trestle-net-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tcp = (port = 0, ip = IpAddress.v4.loopback): StreamAddress => ({ type: "tcp", ip, port });
const bytes = (text: string) => new TextEncoder().encode(text);

/** A listening socket, a client of it, and what it was accepted as. */
const connectedAt = (
  address: StreamAddress,
  body: (ends: {
    env: NodeEnv;
    sw: Switch;
    server: ListeningSocket;
    client: StreamSocket;
    accepted: StreamSocket;
  }) => Op<unknown>,
) =>
  run((env) =>
    Switch.run(function* (sw) {
      const server = yield* env.net.listen(address, { sw });
      const [client, [accepted]] = yield* Fiber.pair(
        () => env.net.connect(server.address, { sw }),
        () => server.accept({ sw }),
      );
      return yield* body({ env, sw, server, client, accepted });
    }),
  );

const connected = (body: Parameters<typeof connectedAt>[1]) => connectedAt(tcp(), body);

/** What one read gives, as text. */
function* once(socket: StreamSocket, size = 1000): Op<string> {
  const buffer = new Uint8Array(size);
  return new TextDecoder().decode(buffer.subarray(0, yield* socket.read(buffer)));
}

describe("connections", () => {
  const addresses: readonly StreamAddress[] = [
    tcp(),
    tcp(0, IpAddress.v6.loopback),
    { type: "unix", path: join(folder, "echo.sock") },
    // A name without a file.
    { type: "unix", path: `\0trestle-${process.pid}` },
  ];

  it("NT-05 NT-06 NT-13 FL-17 a client sends, ends its half, and reads the answer, over each kind of address", () =>
    run(({ net }) =>
      Fiber.forEach(addresses, (address) =>
        Switch.run(function* (sw) {
          const server = yield* net.listen(address, { sw });
          if (server.address.type === "tcp") expect(server.address.port).toBeGreaterThan(0);
          const [answer] = yield* Fiber.pair(
            function* () {
              const client = yield* net.connect(server.address, { sw });
              yield* Flow.copyString("hello", client);
              yield* client.shutdown("send");
              return yield* Flow.readAll(client);
            },
            () =>
              server.acceptFork({ sw, onError: () => expect.unreachable() }, function* (connection, from) {
                expect(from.type).toBe(address.type);
                yield* Flow.copyString(`got ${yield* Flow.readAll(connection)}`, connection);
              }),
          );
          expect(answer).toBe("got hello");
        }),
      ),
    ));

  it("NT-07 errors say what was being connected to", () =>
    run(({ net }) =>
      Switch.run(function* (sw) {
        const path = join(folder, "missing.sock");
        expect(yield* failureOf(net.connect({ type: "unix", path }, { sw }))).toMatch(
          new RegExp(`^IoError: Fs Not_found .*, connecting to unix:${path}$`),
        );
        const server = yield* net.listen(tcp(), { sw });
        yield* server.close();
        const { port } = server.address as { port: number };
        expect(yield* failureOf(net.connect(tcp(port), { sw }))).toMatch(
          new RegExp(`^IoError: Net Connection_failure Refused .*, connecting to tcp:127.0.0.1:${port}$`),
        );
      }),
    ));

  it("NT-08 RB-30 connecting can be cancelled, and nothing is left", () =>
    run(({ net, clock }) =>
      Switch.run(function* (sw) {
        // Reserved for documentation: nobody answers, or the network is out of reach at once.
        const nowhere = tcp(81, IpAddress.parse("192.0.2.1"));
        const outcome = yield* Fiber.first(
          () => failureOf(net.connect(nowhere, { sw })),
          function* () {
            yield* clock.sleep(0.05);
            return "cancelled";
          },
        );
        expect(outcome).toMatch(/^(cancelled|IoError: .* connecting to tcp:192\.0\.2\.1:81)$/);
      }),
    ));

  it("NT-09 NT-10 it can be bound first, to an address of this machine", () =>
    run(({ net }) =>
      Switch.run(function* (sw) {
        const server = yield* net.listen(tcp(), { sw });
        const bound = tcp(0, IpAddress.parse("127.0.0.2"));
        const [[, from]] = yield* Fiber.pair(
          () => server.accept({ sw }),
          () => net.connect(server.address, { sw, bindTo: bound, options: [["TCP_NODELAY", true]] }),
        );
        expect(String((from as { ip: IpAddress }).ip)).toBe("127.0.0.2");
        const foreign = tcp(0, IpAddress.parse("192.0.2.1"));
        expect(yield* failureOf(net.connect(server.address, { sw, bindTo: foreign }))).toMatch(/^IoError: /);
        expect(yield* failureOf(net.listen(foreign, { sw }))).toMatch(/^IoError: .* listening on tcp:192\.0\.2\.1:0$/);
      }),
    ));

  it("NT-11 NT-12 the file of a Unix socket goes with it; one that is left over can be taken over, nothing else", () =>
    run(({ net, clock }) =>
      Switch.run(function* (outer) {
        const path = join(folder, "stale.sock");
        yield* Switch.run(function* (sw) {
          yield* net.listen({ type: "unix", path }, { sw });
          expect(existsSync(path)).toBe(true);
        });
        expect(existsSync(path)).toBe(false);
        // What a listener leaves that was killed: the file, and nobody behind it.
        const left = createServer().listen(path);
        yield* clock.sleep(0.02);
        expect(yield* failureOf(net.listen({ type: "unix", path }, { sw: outer }))).toMatch(/^IoError: .*EADDRINUSE/);
        const server = yield* net.listen({ type: "unix", path }, { sw: outer, reuseAddr: true });
        yield* server.close();
        left.close();
        writeFileSync(path, "precious");
        expect(yield* failureOf(net.listen({ type: "unix", path }, { sw: outer, reuseAddr: true }))).toMatch(
          /^IoError: .*EADDRINUSE/,
        );
        expect(existsSync(path)).toBe(true);
      }),
    ));

  it("NT-21 FL-24 a read that is cancelled has lost nothing, and the connection goes on", () =>
    connected(function* ({ client, accepted }) {
      const [stop, stopper] = Deferred.create<string>();
      const [first] = yield* Fiber.pair(
        () =>
          Fiber.first(
            () => once(accepted),
            () => stop.await(),
          ),

        function* () {
          stopper.resolve("stopped");
        },
      );
      expect(first).toBe("stopped");
      yield* Flow.copyString("reply", accepted);
      expect(yield* once(client)).toBe("reply");
      yield* Flow.copyString("late", client);
      expect(yield* once(accepted)).toBe("late");
    }));

  it("NT-22 FL-20 a peer that is gone: the end or a reset for readers, a reset for writers", () =>
    connected(function* ({ client, accepted, env }) {
      yield* Flow.copyString("unread", client);
      yield* env.clock.sleep(0.02);
      yield* accepted.destroy();
      expect(yield* failureOf(once(client))).toMatch(/^(EndOfFile|IoError: Net Connection_reset)/);
      const outcome = yield* failureOf(
        (function* () {
          for (;;) yield* Flow.copyString("more", client);
        })(),
      );
      expect(outcome).toMatch(/^IoError: Net Connection_reset/);
    }));

  it("FL-20 what has ended both ways takes nothing any more, and says so", () =>
    connected(function* ({ client, accepted, env }) {
      yield* Fiber.forEach([client, accepted], (end) => end.shutdown("send"));
      expect(yield* Flow.readAll(accepted)).toBe("");
      expect(yield* Flow.readAll(client)).toBe("");
      yield* env.clock.sleep(0.02);
      expect(yield* failureOf(client.write(bytes("more")))).toMatch(/^IoError: /);
      expect(yield* failureOf(Flow.write(client, [bytes("more"), bytes("and more")]))).toMatch(/^IoError: /);
    }));

  it("FL-10 FL-25 fibers that copy from one connection get each byte once, whichever of them is slow", () =>
    connected(function* ({ client, accepted }) {
      const got: string[] = [];
      const slow = {
        *write(some: Uint8Array) {
          const text = new TextDecoder().decode(some);
          for (let i = 0; i < 5; i++) yield* Fiber.yield();
          got.push(text);
        },
        *close() {},
      };
      yield* Fiber.all([
        () => Flow.copy(accepted, slow),
        () => Flow.copy(accepted, slow),
        function* () {
          for (let i = 0; i < 100; i++) {
            yield* client.write(bytes(`${i} `));
            if (i % 7 === 0) yield* Fiber.yield();
          }
          yield* client.shutdown("send");
        },
      ]);
      const numbers = got.join("").trim().split(" ").map(Number);
      expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    }));

  it("NT-23 what was written before the end arrives before the end", () =>
    connected(function* ({ client, accepted }) {
      yield* Flow.copyString("all of it", client);
      yield* client.destroy();
      expect(yield* Flow.readAll(accepted)).toBe("all of it");
    }));

  it("FL-18 shutdown of the receiving half ends a read that waits", () =>
    connected(function* ({ client, accepted }) {
      const [ended] = yield* Fiber.pair(
        () => failureOf(once(client)),
        () => client.shutdown("receive"),
      );
      expect(ended).toMatch(/^EndOfFile/);
      yield* Flow.copyString("still sends", client);
      expect(yield* once(accepted)).toBe("still sends");
    }));

  it("FL-19 RB-17 shutdown of what is not connected any more is no error", () =>
    connected(function* ({ client, accepted, env }) {
      yield* accepted.destroy();
      yield* env.clock.sleep(0.02);
      yield* client.shutdown("send");
      yield* client.shutdown("all");
    }));

  it("FL-22 RB-18 many small buffers, and a large one, in one write", () =>
    connected(function* ({ client, accepted }) {
      const large = new Uint8Array(5_000_000).fill(65);
      const [all] = yield* Fiber.pair(
        () => Flow.readAllBytes(accepted),
        function* () {
          yield* Flow.write(client, [...Array.from({ length: 10_000 }, () => bytes("abc")), large]);
          yield* client.shutdown("send");
        },
      );
      expect(all.length).toBe(30_000 + large.length);
      expect(Buffer.compare(all.subarray(30_000), large)).toBe(0);
    }));

  it("FL-27 FL-28 a reader that does not read makes the writer wait; then it can be cancelled", () =>
    connected(function* ({ client, env }) {
      const chunk = new Uint8Array(1_000_000);
      let written = 0;
      const outcome = yield* Fiber.first(
        function* () {
          try {
            for (;;) {
              yield* client.write(chunk);
              written++;
            }
          } catch (error) {
            return error instanceof Cancelled ? "cancelled" : String(error);
          }
        },
        function* () {
          let before = -1;
          while (before !== written) {
            before = written;
            yield* env.clock.sleep(0.1);
          }
          return "full";
        },
      );
      expect(outcome).toBe("full");
      expect(written).toBeLessThan(100);
    }));

  it("RS-04 RS-05 RB-08 RB-09 closed twice is closed once; used after that is refused", () =>
    connected(function* ({ client }) {
      yield* client.destroy();
      yield* client.destroy();
      for (const use of [
        () => client.read(new Uint8Array(1)),
        () => client.write(bytes("a")),
        () => Flow.write(client, [bytes("a")]),
      ]) {
        expect(yield* failureOf({ [Symbol.iterator]: () => use()[Symbol.iterator]() })).toMatch(
          /^InvalidArgument: (read|write): file descriptor used after calling close!$/,
        );
      }
      expect(() => client.setOption("TCP_NODELAY", true)).toThrow(InvalidArgument);
    }));

  it("NT-48 NT-49 options are set and read back; those that there are not say so", () =>
    connected(function* ({ client, env, sw }) {
      client.setOption("TCP_NODELAY", true);
      client.setOption("SO_KEEPALIVE", true);
      client.setOption("TCP_KEEPIDLE", 30);
      expect([
        client.getOption("TCP_NODELAY"),
        client.getOption("SO_KEEPALIVE"),
        client.getOption("TCP_KEEPIDLE"),
      ]).toEqual([true, true, 30]);
      expect(() => client.setOption("SO_SNDBUF", 1000)).toThrow(
        /Invalid_option, setting socket option SO_SNDBUF = 1000/,
      );
      expect(() => client.getOption("SO_LINGER" as never)).toThrow(/Invalid_option, getting socket option SO_LINGER/);
      const datagrams = yield* env.net.datagramSocket("udp4", { sw });
      datagrams.setOption("SO_SNDBUF", 10_000);
      datagrams.setOption("SO_BROADCAST", true);
      datagrams.setOption("IP_TTL", 10);
      expect(datagrams.getOption("SO_SNDBUF")).toBeGreaterThan(0);
      expect([datagrams.getOption("SO_BROADCAST"), datagrams.getOption("IP_TTL")]).toEqual([true, 10]);
    }));
});

describe("servers", () => {
  it("NT-31 NT-32 NT-34 SC-23 a server serves, waits for its last clients, and leaves nothing behind", () =>
    run(({ net, clock }) =>
      Switch.run(function* (sw) {
        const server = yield* net.listen(tcp(), { sw });
        const [stop, resolver] = Deferred.create<string>();
        let now = 0;
        let most = 0;
        const [value, answers] = yield* Fiber.pair(
          () =>
            server.serve(
              function* (connection) {
                most = Math.max(most, ++now);
                yield* clock.sleep(0.01);
                yield* Flow.copy(connection, connection);
                now--;
              },
              { onError: () => expect.unreachable(), maxConnections: 3, stop },
            ),
          function* () {
            const all = yield* Fiber.map(
              Array.from({ length: 10 }, (_, i) => `client ${i}`),
              (text) =>
                Switch.run(function* (own) {
                  const client = yield* net.connect(server.address, { sw: own });
                  yield* Flow.copyString(text, client);
                  yield* client.shutdown("send");
                  return yield* Flow.readAll(client);
                }),
            );
            resolver.resolve("stopped");
            return all;
          },
        );
        expect(value).toBe("stopped");
        expect(answers).toEqual(Array.from({ length: 10 }, (_, i) => `client ${i}`));
        expect(most).toBe(3);
      }),
    ));

  it("those who were not accepted are cut off when the listener closes", () =>
    run(({ net }) =>
      Switch.run(function* (sw) {
        const server = yield* net.listen(tcp(), { sw });
        const client = yield* net.connect(server.address, { sw });
        yield* server.close();
        yield* server.close();
        expect(yield* failureOf(once(client))).toMatch(/^(EndOfFile|IoError: Net Connection_reset)/);
        expect(yield* failureOf(server.accept({ sw }))).toMatch(/^InvalidArgument: accept: .* after calling close!$/);
      }),
    ));

  it("NT-14 accepting can be cancelled, and begun again", () =>
    run(({ net }) =>
      Switch.run(function* (sw) {
        const server = yield* net.listen(tcp(), { sw });
        expect(
          yield* Fiber.first<unknown>(
            () => server.accept({ sw }),
            function* () {
              yield* Fiber.yield();
              return "cancelled";
            },
          ),
        ).toBe("cancelled");
        const [[accepted]] = yield* Fiber.pair(
          () => server.accept({ sw }),
          () => net.connect(server.address, { sw }),
        );
        yield* Flow.copyString("hi", accepted);
      }),
    ));
});

describe("datagrams", () => {
  it("NT-39 NT-40 NT-41 NT-42 one datagram a send, with its sender; empty ones too; what does not fit is lost", () =>
    run(({ net }) =>
      Switch.run(function* (sw) {
        const receiver = yield* net.datagramSocket({ type: "udp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
        const sender = yield* net.datagramSocket("udp4", { sw });
        const to = receiver.address;
        const buffer = new Uint8Array(8);
        const received = function* () {
          const { from, length } = yield* receiver.receive(buffer);
          expect(from.port).toBe(sender.address.port);
          return new TextDecoder().decode(buffer.subarray(0, length));
        };
        const send = (parts: string[]) => () => sender.send(parts.map(bytes), { to });
        expect(yield* Fiber.pair(received, send(["abaca", "bb"]))).toEqual(["abacabb", undefined]);
        expect(yield* Fiber.pair(received, send([]))).toEqual(["", undefined]);
        expect(yield* Fiber.pair(received, send(["0123456789"]))).toEqual(["01234567", undefined]);
        const six = yield* net.datagramSocket("udp6", { sw });
        expect(six.address.ip.version).toBe(6);
      }),
    ));

  it("NT-43 receiving can be cancelled; a closed socket is refused", () =>
    run(({ net }) =>
      Switch.run(function* (sw) {
        const socket = yield* net.datagramSocket("udp4", { sw });
        const got = yield* Fiber.first<unknown>(
          () => socket.receive(new Uint8Array(1)),
          function* () {
            yield* Fiber.yield();
            return "cancelled";
          },
        );
        expect(got).toBe("cancelled");
        yield* socket.close();
        yield* socket.close();
        expect(yield* failureOf(socket.receive(new Uint8Array(1)))).toMatch(/^InvalidArgument/);
      }),
    ));
});

describe("names", () => {
  it("NT-44 RB-29 an address needs no resolver", () =>
    run(function* ({ net }) {
      const ip = IpAddress.v4.loopback;
      expect(yield* net.lookUpStream("127.0.0.1")).toEqual([{ type: "tcp", ip, port: 0 }]);
      expect(yield* net.lookUpStream("127.0.0.1", { service: "80" })).toEqual([{ type: "tcp", ip, port: 80 }]);
      expect(yield* net.lookUpDatagram("::1", { service: "domain" })).toEqual([
        { type: "udp", ip: IpAddress.v6.loopback, port: 53 },
      ]);
    }));

  it("NT-45 a name that there is not is an error that says so; other fibers run meanwhile", () =>
    run(function* ({ net }) {
      let turns = 0;
      const outcome = yield* Fiber.first(
        () => failureOf(net.lookUp("no-such-name.invalid", { service: "http" })),
        function* () {
          for (;;) {
            turns++;
            yield* Fiber.yield();
          }
        },
      );
      expect(outcome).toMatch(
        /^IoError: Net Address_lookup_failed (NONAME|AGAIN) \(.*, looking up "no-such-name\.invalid" \(service "http"\)$/,
      );
      expect(turns).toBeGreaterThan(1);
      expect(yield* failureOf(net.lookUp("127.0.0.1", { service: "no-such-service" }))).toMatch(
        /Address_lookup_failed SERVICE/,
      );
    }));

  it("NT-47 an address has a name, as the tables of the machine have it", () =>
    run(function* ({ net }) {
      const { host, service } = yield* net.nameOf(tcp(80));
      expect(host.length).toBeGreaterThan(0);
      expect(["http", "80"]).toContain(service);
    }));
});
