/**
 * Libraries of other worlds under a switch: what they do for a fiber is over when the fiber is, whether it ended well, failed, or was
 * cancelled in the middle. `node:http` as it is, undici with its signal, and ws, an emitter of messages.
 */
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { Cancelled, Deferred, Fiber, Flow, Switch, type Op } from "trestle";
import { Done, events, fromAsync, fromCallback, fromPromise, once, toAsync } from "@trestle/bridges";
import { fromReadable } from "@trestle/bridges/streams";
import { run } from "trestle/node";
import { Agent, fetch as undiciFetch } from "undici";
import { WebSocket, WebSocketServer } from "ws";
import { expectNoUnhandledRejections } from "../bridges/world.js";

expectNoUnhandledRejections();

type Respond = (request: IncomingMessage, response: ServerResponse) => Op<void>;

/** A server of HTTP that lives in `sw`. */
function* httpServer(sw: Switch, respond: Respond): Op<{ server: Server; port: number }> {
  const answer = toAsync(respond);
  const server = createServer((request, response) => void answer(request, response));
  yield* sw.onRelease(() =>
    fromCallback<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    }),
  );
  yield* fromCallback<void>((done) => void server.listen(0, "127.0.0.1", done));
  return { server, port: (server.address() as AddressInfo).port };
}

describe("node:http", () => {
  it("serves requests with fiber functions, and is closed with the switch", async () => {
    const port = await run(() =>
      Switch.run(function* (sw) {
        const { port } = yield* httpServer(sw, function* (request, response) {
          const text = yield* Switch.run((sw) => Flow.readAll(fromReadable(sw, request)));
          response.end(text.toUpperCase());
        });
        const response = yield* fromCallback<IncomingMessage>((done, fail) => {
          const asked = request({ port, host: "127.0.0.1", method: "POST", agent: false }, done).once("error", fail);
          asked.end("hello");
        });
        expect(yield* Flow.readAll(fromReadable(sw, response))).toBe("HELLO");
        return port;
      }),
    );
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  });
});

describe("undici", () => {
  it("gives a request up when the fiber that waits for it is cancelled, and its pool with the switch", async () => {
    const seen: string[] = [];
    await run((env) =>
      Switch.run(function* (sw) {
        const [asked, asking] = Deferred.create<void>();
        const { port } = yield* httpServer(sw, function* (_request, response) {
          asking.resolve();
          yield* once(response, "close");
          seen.push(response.writableFinished ? "answered" : "given up");
        });
        const dispatcher = new Agent();
        yield* sw.onRelease(() => fromPromise(dispatcher.destroy()));
        yield* Fiber.first<unknown, void>(
          () => fromAsync((signal) => undiciFetch(`http://127.0.0.1:${port}`, { dispatcher, signal })),
          () => asked.await(),
        );
        // The server hears of it a little later.
        while (seen.length === 0) yield* env.clock.sleep(0.001);
      }),
    );
    expect(seen).toEqual(["given up"]);
  });
});

describe("ws", () => {
  /** A server whose clients are told in capitals what they say; each has a fiber, which ends with its connection. */
  function* shoutingServer(sw: Switch, log: string[]): Op<number> {
    const { server, port } = yield* httpServer(sw, function* (_request, response) {
      response.writeHead(426).end();
    });
    const sockets = new WebSocketServer({ server });
    yield* sw.onRelease(() =>
      fromCallback<void>((done) => {
        for (const client of sockets.clients) client.terminate();
        sockets.close(() => done());
      }),
    );
    const shout = toAsync(function* (socket: WebSocket) {
      yield* Switch.run(function* (sw) {
        const messages = yield* events(sw, socket, "message", { until: "close" });
        for (let next = yield* messages.next(); next !== Done; next = yield* messages.next())
          socket.send(String(next[0]).toUpperCase());
      });
      log.push("a client has left");
    });
    sockets.on("connection", (socket) => void shout(socket));
    return port;
  }

  it("gives messages to a loop, which ends with the connection", async () => {
    const log: string[] = [];
    await run((env) =>
      Switch.run(function* (sw) {
        const port = yield* shoutingServer(sw, log);
        const socket = new WebSocket(`ws://127.0.0.1:${port}`);
        yield* once(socket, "open");
        yield* Switch.run(function* (sw) {
          const answers = yield* events(sw, socket, "message");
          for (const word of ["one", "two"]) {
            socket.send(word);
            const next = yield* answers.next();
            if (next !== Done) log.push(String(next[0]));
          }
        });
        socket.close();
        while (log.length < 3) yield* env.clock.sleep(0.001);
      }),
    );
    expect(log).toEqual(["ONE", "TWO", "a client has left"]);
  });

  it("is closed with the switch, by which a loop in the middle of it ends, too", async () => {
    const log: string[] = [];
    const heard: unknown[] = [];
    await run(() =>
      Switch.run(function* (sw) {
        const port = yield* shoutingServer(sw, log);
        const socket = new WebSocket(`ws://127.0.0.1:${port}`);
        socket.on("close", (code) => heard.push(code));
        yield* once(socket, "open");
        yield* Fiber.forkDaemon(sw, function* () {
          try {
            yield* Switch.run(function* (sw) {
              const messages = yield* events(sw, socket, "message");
              yield* messages.next();
            });
          } catch (error) {
            heard.push(error instanceof Cancelled);
            throw error;
          }
        });
      }),
    );
    while (heard.length < 2) await new Promise(setImmediate);
    expect(heard).toEqual([true, 1006]);
    expect(log).toEqual(["a client has left"]);
  });
});
