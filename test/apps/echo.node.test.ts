/**
 * An echo server and its client. What they may reach stands in their parameters, so the same lines run over TCP, over a Unix socket, and
 * in a network that a test has scripted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  BufRead,
  Deferred,
  EndOfFile,
  Fiber,
  Flow,
  IpAddress,
  Switch,
  type ConnectionErrorHandler,
  type ListeningSocket,
  type Net,
  type Op,
  type StreamAddress,
  type StreamSocket,
} from "trestle";
import { MockFlow, MockListeningSocket } from "trestle/mock";
import { run } from "trestle/node";
import { tracedBy } from "../core/traced.js";

/** Gives back what it gets until the client has said that this was all. */
function* echo(connection: StreamSocket): Op<void> {
  yield* Flow.copy(connection, connection);
}

/** Serves clients, `atOnce` at a time, until `stop` is resolved; those who are being served then are served to their end. */
function* serveEcho(
  socket: ListeningSocket,
  options: { atOnce?: number; stop: Deferred<void>; onError: ConnectionErrorHandler },
): Op<void> {
  const { atOnce = 100, stop, onError } = options;
  yield* socket.serve(echo, { maxConnections: atOnce, stop, onError });
}

/** Says each line, and gives what comes back for it. */
function* converse(net: Net, address: StreamAddress, lines: readonly string[]): Op<string[]> {
  return yield* Switch.run(function* (sw) {
    const connection = yield* net.connect(address, { sw });
    const answers = new BufRead(connection, { maxSize: 65_536 });
    const heard: string[] = [];
    for (const line of lines) {
      yield* Flow.copyString(`${line}\n`, connection);
      heard.push(yield* answers.line());
    }
    yield* connection.shutdown("send");
    if (!(yield* answers.atEndOfInput())) throw new Error("the server says more than it was told");
    return heard;
  });
}

const folder = mkdtempSync(join(tmpdir(), "trestle-echo-"));
afterAll(() => rmSync(folder, { recursive: true }));

const failing: ConnectionErrorHandler = (error) => {
  throw error;
};

describe("an echo server", () => {
  it.each<[string, StreamAddress]>([
    ["TCP", { type: "tcp", ip: IpAddress.v4.loopback, port: 0 }],
    ["a Unix socket", { type: "unix", path: join(folder, "echo") }],
  ])("serves twenty clients over %s, and stops when it is told to", async (_, address) => {
    const heard = await run((env) =>
      Switch.run(function* (sw) {
        const socket = yield* env.net.listen(address, { sw });
        const [stop, stopping] = Deferred.create<void>();
        const [, all] = yield* Fiber.pair(
          () => serveEcho(socket, { stop, onError: failing }),
          function* () {
            const clients = Array.from({ length: 20 }, (_, i) => [`hello from ${i}`, "", "bye"]);
            const all = yield* Fiber.map(clients, (lines) => converse(env.net, socket.address, lines));
            stopping.resolve();
            return all;
          },
        );
        return all;
      }),
    );
    expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => [`hello from ${i}`, "", "bye"]));
  });

  it("serves no more at once than it may: the next is served when one has left", async () => {
    const order: string[] = [];
    await run((env) =>
      Switch.run(function* (sw) {
        const socket = yield* env.net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
        const [stop, stopping] = Deferred.create<void>();
        yield* Fiber.fork(sw, () => serveEcho(socket, { atOnce: 1, stop, onError: failing }));
        const first = yield* env.net.connect(socket.address, { sw });
        yield* Flow.copyString("first\n", first);
        order.push(yield* new BufRead(first, { maxSize: 100 }).line());
        const second = yield* Fiber.forkPromise(sw, () => converse(env.net, socket.address, ["second"]));
        // It is connected, for the system accepts for us, and is not answered.
        for (let i = 0; i < 20; i++) yield* Fiber.yield();
        order.push("first leaves");
        yield* first.destroy();
        order.push(...(yield* second.awaitOrThrow()));
        stopping.resolve();
      }),
    );
    expect(order).toEqual(["first", "first leaves", "second"]);
  });

  it("tells who it was that broke off in the middle, and goes on serving", async () => {
    const errors: string[] = [];
    const after = await run((env) =>
      Switch.run(function* (sw) {
        const socket = yield* env.net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
        const [stop, stopping] = Deferred.create<void>();
        const onError: ConnectionErrorHandler = (error) => void errors.push(String(error));
        yield* Fiber.fork(sw, () => serveEcho(socket, { stop, onError }));
        // It listens to nothing, so that the server is in the middle of a write when it leaves.
        const rude = yield* env.net.connect(socket.address, { sw });
        yield* Fiber.first(
          () => Flow.copyString("x".repeat(50_000_000), rude),
          () => env.clock.sleep(0.2),
        );
        yield* rude.destroy();
        const heard = yield* converse(env.net, socket.address, ["still there?"]);
        stopping.resolve();
        return heard;
      }),
    );
    expect(after).toEqual(["still there?"]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/Net Connection_reset.*handling connection from tcp:127\.0\.0\.1:\d+/s);
  });

  it("does the same in a network that a test has scripted", () => {
    const lines = tracedBy(() =>
      Switch.run(function* (sw) {
        const socket = new MockListeningSocket("server").attachTo(sw);
        const client = new MockFlow("client");
        client.onRead.seq([{ return: "hello\n" }, { yieldThen: { return: "bye\n" } }, { raise: new EndOfFile() }]);
        const [stop, stopping] = Deferred.create<void>();
        socket.onAccept.seq([{ return: [client, socket.address] }, { run: () => Fiber.awaitCancel() }]);
        yield* Fiber.both(
          () => serveEcho(socket, { stop, onError: failing }),
          function* () {
            for (let i = 0; i < 10; i++) yield* Fiber.yield();
            stopping.resolve();
          },
        );
      }),
    );
    expect(lines).toEqual([
      "server: accepted connection from tcp:127.0.0.1:80",
      'client: read "hello\\n"',
      'client: wrote "hello\\n"',
      'client: read "bye\\n"',
      'client: wrote "bye\\n"',
      "client: closed",
      "server: closed",
    ]);
  });
});
