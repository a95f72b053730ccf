// Node only: what sockets of the system do in the moments between two steps of a fiber.

import fs, { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { createServer, Server, Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { fromPromise } from "@trestle/bridges";
import { Fiber, Flow, IpAddress, showAddress, Switch, type Op, type StreamAddress } from "trestle";
import { run } from "trestle/node";
import { expectNoUnhandledRejections } from "../platform.js";
import { failureOf } from "./transcript.js";

expectNoUnhandledRejections();

const folder = mkdtempSync(join(tmpdir(), "trestle-races-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

const loopback = IpAddress.v4.loopback;
const tcp = (port = 0): StreamAddress => ({ type: "tcp", ip: loopback, port });

/** A connection that Node has made without us: both its ends. */
async function rawPair(): Promise<[client: Socket, accepted: Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = new Socket().connect(port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  server.close();
  return [client, accepted];
}

/** Has `arrived` come in the very moment in which a server begins to listen. */
function arriveEarly(arrived: Socket): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its receiver
  const { listen } = Server.prototype;
  vi.spyOn(Server.prototype, "listen").mockImplementation(function (this: Server, ...args: unknown[]) {
    this.once("listening", () => this.emit("connection", arrived));
    return Reflect.apply(listen, this, args) as Server;
  });
}

describe("who comes before anybody accepts", () => {
  it("NT-31 is not lost, however early", async () => {
    const [client, accepted] = await rawPair();
    arriveEarly(accepted);
    await run((env) =>
      Switch.run(function* (sw) {
        const server = yield* env.net.listen(tcp(), { sw });
        const [connection] = yield* server.accept({ sw });
        client.end("early");
        expect(yield* Flow.readAll(connection)).toBe("early");
      }),
    );
  });

  it("NT-03 has an address of IPv6 although it is one of this link only", async () => {
    const [client, accepted] = await rawPair();
    Object.defineProperty(accepted, "remoteAddress", { value: "fe80::1%lo" });
    arriveEarly(accepted);
    await run((env) =>
      Switch.run(function* (sw) {
        const server = yield* env.net.listen(tcp(), { sw });
        const [, from] = yield* server.accept({ sw });
        expect(showAddress(from)).toMatch(/^tcp:\[fe80::1\]:\d+$/);
      }),
    );
    client.destroy();
  });
});

describe("listening that is given up", () => {
  it("SC-23 leaves nobody listening", async () => {
    const before = readdirSync("/proc/self/fd").length;
    await run((env) =>
      Switch.run(function* (sw) {
        const taken = yield* env.net.listen(tcp(), { sw });
        const { address } = taken;
        yield* taken.close();
        yield* Fiber.first(
          () => env.net.listen(address, { sw }),
          function* () {
            // It has begun, and Node has not said yet that it listens.
            yield* Fiber.yield();
          },
        );
        for (let turn = 0; turn < 5; turn++) yield* fromPromise(new Promise((resolve) => setImmediate(resolve)));
        expect(yield* failureOf(env.net.connect(address, { sw }))).toMatch(/Connection_failure Refused/);
      }),
    );
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });
});

describe("the file of a socket", () => {
  it("NT-12 is not removed when it is another's already", async () => {
    const { unlink } = fs;
    // A disk that takes its time.
    fs.unlink = ((path: string, done: () => void) =>
      setTimeout(() => unlink(path, done), 20)) as unknown as typeof unlink;
    syncBuiltinESMExports();
    try {
      await run((env) =>
        Switch.run(function* (sw) {
          const address = { type: "unix", path: join(folder, "passed-on.sock") } as const;
          const first = yield* env.net.listen(address, { sw });
          expect(existsSync(address.path)).toBe(true);
          yield* Fiber.both(
            () => first.close(),
            () => env.net.listen(address, { sw }),
          );
          expect(existsSync(address.path)).toBe(true);
          yield* env.net.connect(address, { sw });
        }),
      );
    } finally {
      fs.unlink = unlink;
      syncBuiltinESMExports();
    }
  });
});

describe("writes that are cancelled", () => {
  it("FL-27 FL-28 do not pile up, and later ones go on after them", async () => {
    let handed = 0;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its receiver
    const { write } = Socket.prototype;
    vi.spyOn(Socket.prototype, "write").mockImplementation(function (this: Socket, ...args: unknown[]) {
      handed += (args[0] as Uint8Array).length;
      return Reflect.apply(write, this, args) as boolean;
    });
    await run((env) =>
      Switch.run(function* (sw) {
        const server = yield* env.net.listen(tcp(), { sw });
        const [client, [accepted]] = yield* Fiber.pair(
          () => env.net.connect(server.address, { sw }),
          () => server.accept({ sw }),
        );
        const piece = new Uint8Array(65536);
        function* attempt(): Op<void> {
          yield* Fiber.first(
            () => client.write(piece),
            () => Fiber.yield(),
          );
        }
        for (let i = 0; i < 2000; i++) yield* attempt();
        // 125 MiB, if nothing held them back; the system itself takes some.
        expect(handed).toBeLessThan(40_000_000);
        const received = yield* Fiber.pair(
          () => Flow.readAllBytes(accepted),
          function* () {
            yield* client.write(new Uint8Array([1, 2, 3]));
            yield* client.close();
          },
        );
        const bytes = received[0];
        expect(bytes.length).toBe(handed);
        expect(bytes.subarray(-3)).toEqual(new Uint8Array([1, 2, 3]));
      }),
    );
  });
});
