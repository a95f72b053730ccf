// Node only: connections that break, addresses that cannot be had, and names that nobody knows.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  Cancelled,
  Deferred,
  Fiber,
  Flow,
  IoError,
  IpAddress,
  showAddress,
  suspend,
  Switch,
  type ListeningSocket,
  type Op,
  type Source,
  type StreamAddress,
  type StreamSocket,
} from "trestle";
import type { NodeEnv } from "trestle/node";
import { canRun, ioErrorOf, leavingNothing, program, told } from "./faults.js";

const folder = mkdtempSync(join(tmpdir(), "trestle-faults-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const loopback: StreamAddress = { type: "tcp", ip: IpAddress.v4.loopback, port: 0 };
const chunk = new Uint8Array(65_536);

/** More than the buffers of two sockets hold. */
function* writeForEver(socket: StreamSocket, onWritten = () => {}): Op<never> {
  for (;;) {
    yield* socket.write(chunk);
    onWritten();
  }
}

/** Until `count` grows no more, however often the event loop goes round. */
function* untilStill(count: () => number): Op<void> {
  for (let before = -1, still = 0; still < 50; still = before === count() ? still + 1 : 0, before = count())
    yield* macrotask();
}

/** Lets the event loop go round once. */
function macrotask(): Op<void> {
  return suspend<void>("macrotask", (_ctx, enqueue) => {
    setImmediate(() => enqueue({ ok: true, value: undefined }));
  });
}

/** A connection of ours to a bare socket of Node, which does nothing by itself. */
function withBare<T>(body: (ours: StreamSocket, bare: net.Socket, sw: Switch) => Op<T>): (env: NodeEnv) => Op<T> {
  return (env) =>
    Switch.run(function* (sw) {
      const server = yield* env.net.listen(loopback, { sw });
      const bare = bareClient(server);
      try {
        const [ours] = yield* server.accept({ sw });
        return yield* body(ours, bare, sw);
      } finally {
        bare.destroy();
      }
    });
}

function bareClient(server: ListeningSocket): net.Socket {
  const { port } = server.address as { port: number };
  return net.connect({ port, host: "127.0.0.1" }).on("error", () => {});
}

/** Waits for an event, and for nothing if it is cancelled. */
function eventOf(emitter: net.Socket | net.Server, event: string): Op<void> {
  return suspend<void>(event, (ctx, enqueue) => {
    const happened = () => enqueue({ ok: true, value: undefined });
    emitter.once(event, happened);
    ctx.setCancelFn((error) => {
      emitter.off(event, happened);
      enqueue({ ok: false, error });
    });
  });
}

describe("a connection that is reset", () => {
  const RESET = /^Net Connection_reset, (ECONNRESET|EPIPE), (reading from|writing to) tcp:127\.0\.0\.1:\d+$/;

  it("EX-17 EX-18 NT-22 in the middle of a write", () =>
    leavingNothing(
      withBare(function* (ours, bare) {
        const [error] = yield* Fiber.pair(
          () => ioErrorOf(writeForEver(ours)),
          function* () {
            bare.resume();
            yield* eventOf(bare, "data");
            bare.resetAndDestroy();
          },
        );
        expect(told(error)).toMatch(RESET);
        expect(error.context[0]).toMatch(/^writing to /);
        // Each time.
        expect(told(yield* ioErrorOf(ours.write(chunk)))).toMatch(RESET);
      }),
    ));

  it("EX-17 EX-18 NT-22 in the middle of a read", () =>
    leavingNothing(
      withBare(function* (ours, bare) {
        const buffer = new Uint8Array(4);
        bare.write("some of it");
        expect(yield* ours.read(buffer)).toBe(4);
        const [error] = yield* Fiber.pair(
          () => ioErrorOf(Flow.readAll(ours)),
          function* () {
            yield* Fiber.yield();
            bare.resetAndDestroy();
          },
        );
        expect(told(error)).toMatch(RESET);
        expect(error.context[0]).toMatch(/^reading from /);
        expect(told(yield* ioErrorOf(ours.read(buffer)))).toMatch(RESET);
      }),
    ));

  it("NT-14 before it is accepted: others are", () =>
    leavingNothing(({ net }) =>
      Switch.run(function* (sw) {
        const server = yield* net.listen(loopback, { sw });
        for (let i = 0; i < 10; i++) {
          const gone = bareClient(server);
          yield* eventOf(gone, "connect");
          gone.resetAndDestroy();
        }
        const patient = bareClient(server);
        patient.end("hello");
        // Those that are gone may be accepted before anybody knows; then they are reset, or nothing comes from them.
        let text = "";
        while (text === "") {
          const [connection] = yield* server.accept({ sw });
          try {
            text = yield* Flow.readAll(connection);
          } catch (error) {
            expect(told(error as IoError)).toMatch(RESET);
          }
          yield* connection.destroy();
        }
        expect(text).toBe("hello");
        patient.destroy();
      }),
    ));

  it("FL-14 ends a copy from it, and a copy to it", () =>
    leavingNothing(
      withBare(function* (ours, bare) {
        const endless: Source = {
          *read(buffer) {
            yield* Fiber.yield();
            return buffer.length;
          },
        };
        const sink = Flow.bufferSink();
        bare.write("some of it");
        bare.once("data", () => bare.resetAndDestroy());
        const [from, to] = yield* Fiber.pair(
          () => ioErrorOf(Flow.copy(ours, sink)),
          () => ioErrorOf(Flow.copy(endless, ours)),
        );
        expect(told(from)).toMatch(RESET);
        expect(from.context[0]).toMatch(/^reading from /);
        expect(told(to)).toMatch(RESET);
        expect(to.context[0]).toMatch(/^writing to /);
      }),
    ));

  it("NT-15 NT-16 is told to the server's onError with all steps, and the server goes on", () =>
    leavingNothing(({ net }) =>
      Switch.run(function* (sw) {
        const server = yield* net.listen(loopback, { sw });
        const [stop, resolver] = Deferred.create<void>();
        const errors: unknown[] = [];
        yield* Fiber.pair(
          () =>
            server.serve((connection) => Flow.copy(connection, connection), { onError: (e) => errors.push(e), stop }),
          function* () {
            const rude = bareClient(server);
            rude.write("hello");
            yield* eventOf(rude, "data");
            rude.resetAndDestroy();
            while (errors.length === 0) yield* Fiber.yield();
            const polite = yield* net.connect(server.address, { sw });
            yield* Flow.copyString("still there?", polite);
            yield* polite.shutdown("send");
            expect(yield* Flow.readAll(polite)).toBe("still there?");
            resolver.resolve();
          },
        );
        expect(errors.map((error) => told(error as IoError))).toEqual([
          expect.stringMatching(
            /^Net Connection_reset, ECONNRESET, reading from tcp:[\d.]+:(\d+), handling connection from tcp:[\d.]+:\1$/,
          ),
        ]);
      }),
    ));
});

describe("a peer that never reads", () => {
  it("FL-27 FL-28 RB-15 a writer can be cancelled, and the switch ends", () =>
    leavingNothing(
      withBare(function* (ours, bare) {
        bare.pause();
        let written = 0;
        const outcome = yield* Fiber.first<unknown, string>(
          () => writeForEver(ours, () => written++),
          function* () {
            yield* untilStill(() => written);
            return "stopped";
          },
        );
        expect(outcome).toBe("stopped");
        expect(written).toBeGreaterThan(0);
      }),
    ));

  it("a switch that fails while somebody writes closes the connection under them", () =>
    leavingNothing(function* (env) {
      const noticed: unknown[] = [];
      try {
        yield* Switch.run(function* (sw) {
          const server = yield* env.net.listen(loopback, { sw });
          const silent = bareClient(server).pause();
          sw.addHook(function* () {
            silent.destroy();
          });
          const [ours] = yield* server.accept({ sw });
          yield* Fiber.fork(sw, function* () {
            try {
              yield* writeForEver(ours);
            } catch (error) {
              noticed.push(error);
              throw error;
            }
          });
          yield* macrotask();
          throw new Error("enough");
        });
      } catch (error) {
        expect(error).toMatchObject({ message: "enough" });
      }
      expect(noticed).toEqual([expect.any(Cancelled)]);
    }));

  it("RS-05 RS-06 one who closes it under a writer: Connection_reset for the writer, InvalidArgument after that", () =>
    leavingNothing(
      withBare(function* (ours, bare) {
        bare.pause();
        let written = 0;
        const [error] = yield* Fiber.pair(
          () => ioErrorOf(writeForEver(ours, () => written++)),
          function* () {
            yield* untilStill(() => written);
            yield* ours.destroy();
          },
        );
        expect(told(error)).toMatch(/^Net Connection_reset, (no cause|ECANCELED), writing to tcp:127\.0\.0\.1:\d+$/);
        expect(() => ours.write(chunk)).toThrow("write: file descriptor used after calling close!");
      }),
    ));

  it("FL-17 FL-20 writing after the end of our half is refused, and reading goes on", () =>
    leavingNothing(
      withBare(function* (ours, bare) {
        yield* ours.shutdown("send");
        const error = yield* ioErrorOf(ours.write(chunk));
        expect(told(error)).toMatch(/^Net Connection_reset, no cause, writing to tcp:127\.0\.0\.1:\d+$/);
        bare.end("an answer");
        expect(yield* Flow.readAll(ours)).toBe("an answer");
      }),
    ));
});

describe("addresses that cannot be had", () => {
  it("EX-17 EX-18 NT-07 NT-10 say what was tried, and leave nothing open", () =>
    leavingNothing(({ net: network, fs: everything }) =>
      Switch.run(function* (sw) {
        const taken = yield* network.listen(loopback, { sw });
        const takenUdp = yield* network.datagramSocket({ ...loopback, type: "udp" }, { sw });
        const closed = yield* network.listen(loopback, { sw });
        yield* closed.close();
        const file = join(folder, "a file");
        writeFileSync(file, "");
        const long = join(folder, "p".repeat(120));
        const foreign = { type: "tcp", ip: IpAddress.parse("192.0.2.1")!, port: 0 } as const;
        const unix = (path: string) => ({ type: "unix", path }) as const;
        const at = showAddress;
        const expectTold = function* (op: Op<unknown>, expected: string): Op<void> {
          expect(told(yield* ioErrorOf(op))).toBe(expected);
        };
        yield* expectTold(
          network.listen(taken.address, { sw }),
          `Net Address_in_use, EADDRINUSE, listening on ${at(taken.address)}`,
        );
        yield* expectTold(
          network.datagramSocket(takenUdp.address, { sw }),
          `Net Address_in_use, EADDRINUSE, opening ${at(takenUdp.address)}`,
        );
        yield* expectTold(
          network.connect(closed.address, { sw }),
          `Net Connection_failure Refused, ECONNREFUSED, connecting to ${at(closed.address)}`,
        );
        yield* expectTold(network.listen(foreign, { sw }), `Io X, EADDRNOTAVAIL, listening on ${at(foreign)}`);
        yield* expectTold(
          network.connect(taken.address, { sw, bindTo: foreign }),
          `Io X, EADDRNOTAVAIL, connecting to ${at(taken.address)}`,
        );
        for (const reuseAddr of [false, true])
          yield* expectTold(
            network.listen(unix(file), { sw, reuseAddr }),
            `Net Address_in_use, EADDRINUSE, listening on unix:${file}`,
          );
        yield* expectTold(
          network.connect(unix(file), { sw }),
          `Net Connection_failure Refused, ECONNREFUSED, connecting to unix:${file}`,
        );
        yield* expectTold(network.listen(unix(long), { sw }), `Io X, ENAMETOOLONG, listening on unix:${long}`);
        yield* expectTold(network.connect(unix(long), { sw }), `Io X, ENAMETOOLONG, connecting to unix:${long}`);
        const missing = join(folder, "missing", "socket");
        yield* expectTold(network.listen(unix(missing), { sw }), `Fs Not_found, ENOENT, listening on unix:${missing}`);
        yield* expectTold(
          network.connect(unix(missing), { sw }),
          `Fs Not_found, ENOENT, connecting to unix:${missing}`,
        );
        expect(yield* everything.join(folder).readDir()).toEqual(["a file"]);
      }),
    ));

  it("NT-11 NT-12 the file of a socket whose process was killed", async () => {
    const path = join(folder, "stale");
    const { lines } = await program(`
      await run(({ net }) => Switch.run(function* (sw) {
        yield* net.listen({ type: "unix", path: ${JSON.stringify(path)} }, { sw });
        process.kill(process.pid, "SIGKILL");
        yield* Fiber.awaitCancel();
      }));`);
    expect([lines, existsSync(path)]).toEqual([[], true]);
    const address = { type: "unix", path } as const;
    await leavingNothing(({ net: network }) =>
      Switch.run(function* (sw) {
        expect(told(yield* ioErrorOf(network.connect(address, { sw })))).toBe(
          `Net Connection_failure Refused, ECONNREFUSED, connecting to unix:${path}`,
        );
        expect(told(yield* ioErrorOf(network.listen(address, { sw })))).toBe(
          `Net Address_in_use, EADDRINUSE, listening on unix:${path}`,
        );
        const server = yield* network.listen(address, { sw, reuseAddr: true });
        const [, [accepted]] = yield* Fiber.pair(
          () => network.connect(address, { sw }),
          () => server.accept({ sw }),
        );
        const error = yield* ioErrorOf(
          (function* () {
            yield* accepted.shutdown("send");
            yield* accepted.write(chunk);
          })(),
        );
        expect(error.context).toEqual([`writing to unix:${path}`]);
      }),
    );
    expect(existsSync(path)).toBe(false);
  });

  it("NT-12 RS-05 one that closes leaves the file of the next one alone", () =>
    leavingNothing(({ net: network }) =>
      Switch.run(function* (sw) {
        const address = { type: "unix", path: join(folder, "taken over") } as const;
        let server = yield* network.listen(address, { sw });
        for (let i = 0; i < 50; i++) {
          const [, next] = yield* Fiber.pair(
            () => server.close(),
            () => network.listen(address, { sw }),
          );
          const [client] = yield* Fiber.pair(
            () => network.connect(address, { sw }),
            () => next.accept({ sw }),
          );
          yield* client.destroy();
          server = next;
        }
      }),
    ));

  const hasNetworks = canRun("unshare -n true");

  it.skipIf(!hasNetworks)("EX-17 a network that cannot be reached", async () => {
    const { lines, stderr } = await program(
      `await run(({ net }) => Switch.run(function* (sw) {
        const ip = IpAddress.parse("192.0.2.1");
        console.log(yield* outcomeOf(net.connect({ type: "tcp", ip, port: 80 }, { sw })));
        const socket = yield* net.datagramSocket("udp4", { sw });
        console.log(yield* outcomeOf(socket.send([new Uint8Array(1)], { to: { type: "udp", ip, port: 80 } })));
      }));`,
      "exec unshare -n PROGRAM",
    );
    expect([lines, stderr]).toEqual([
      [
        "Net Connection_failure, ENETUNREACH, connecting to tcp:192.0.2.1:80",
        "Net Connection_failure, ENETUNREACH, sending to udp:192.0.2.1:80",
      ],
      "",
    ]);
  });
});

describe("names", () => {
  it("NT-45 EX-18 one that nobody knows, a service that nobody knows, an address without a name", () =>
    leavingNothing(function* ({ net: network }) {
      // Without a network, the resolver cannot say that there is no such name.
      const unknown = yield* ioErrorOf(network.lookUp("nobody.invalid", { service: "http" }));
      expect(told(unknown)).toMatch(
        /^Net Address_lookup_failed (NONAME|AGAIN) \(.*\), (ENOTFOUND|EAI_AGAIN), looking up "nobody.invalid" \(service "http"\)$/,
      );
      const service = yield* ioErrorOf(network.lookUp("localhost", { service: "nothing" }));
      expect(told(service)).toBe(
        'Net Address_lookup_failed SERVICE (service not known), no cause, looking up "localhost" (service "nothing")',
      );
      expect(told(yield* ioErrorOf(network.lookUp("")))).toBe(
        'Net Address_lookup_failed NONAME (name or service is not known), no cause, looking up ""',
      );
      expect(told(yield* ioErrorOf(network.lookUp("x".repeat(300))))).toMatch(
        /^Net Address_lookup_failed .*, E\w+, looking up "x+"$/,
      );
      const { ip } = { ip: IpAddress.parse("192.0.2.1")! };
      expect(told(yield* ioErrorOf(network.nameOf({ type: "tcp", ip, port: 1 })))).toMatch(
        /^Net Address_lookup_failed .*, (ENOTFOUND|EAI_AGAIN), looking up the name of tcp:192\.0\.2\.1:1$/,
      );
    }));

  const hasResolver = canRun("unshare -mn bash -c 'mount --bind /dev/null /etc/resolv.conf && ip link set lo up'");

  it.skipIf(!hasResolver)(
    "NT-45 a resolver that does not answer: others go on, and who waits can stop waiting",
    async () => {
      const configuration = join(folder, "resolv.conf");
      writeFileSync(configuration, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
      const { lines, stderr } = await program(
        `await run(({ net, clock }) => Switch.run(function* (sw) {
        const silent = yield* net.datagramSocket({ ...loopback, type: "udp", port: 53 }, { sw });
        const outcome = yield* Fiber.first(
          () => net.lookUp("nobody.example"),
          function* () {
            const { length } = yield* silent.receive(new Uint8Array(512));
            return "asked with " + (length > 12);
          },
        );
        console.log(outcome);
        const named = yield* Fiber.first(
          () => net.nameOf({ type: "tcp", ip: IpAddress.parse("192.0.2.1"), port: 80 }),
          function* () {
            yield* silent.receive(new Uint8Array(512));
            return "asked for the name";
          },
        );
        console.log(named);
        const timed = yield* outcomeOf(clock.withTimeoutExn(0.01, () => net.lookUp("nobody.example")));
        console.log(timed);
      }));
      process.exit();`,
        `exec unshare -mn bash -c 'mount --bind ${configuration} /etc/resolv.conf && ip link set lo up && exec PROGRAM'`,
      );
      expect([lines, stderr]).toEqual([
        ["asked with true", "asked for the name", "Timeout: timed out after 10ms, "],
        "",
      ]);
    },
  );
});
