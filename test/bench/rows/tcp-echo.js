// @ts-check
// Small messages to a server that sends them back, over several connections at once.

import { createServer, connect as nodeConnect } from "node:net";
import { Deferred, Fiber, Flow, IpAddress, Switch } from "trestle";
import { run } from "trestle/node";

const CONNECTIONS = 16;
const MESSAGE = new Uint8Array(64).fill(97);

/**
 * One client: `n` messages, each sent when the one before is back.
 * @param {import("trestle").StreamSocket} connection @param {number} n @returns {import("trestle").Op<number>}
 */
function* talk(connection, n) {
  const answer = new Uint8Array(MESSAGE.length);
  let bytes = 0;
  for (let i = 0; i < n; i++) {
    yield* connection.write(MESSAGE);
    yield* Flow.readExact(connection, answer);
    bytes += answer.length;
  }
  return bytes;
}

/** @param {number} n @param {import("../row.js").Watch} watch */
function trestle(n, watch) {
  return run(({ net }) =>
    Switch.run(function* (sw) {
      const server = yield* net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
      const [stop, resolver] = Deferred.create();
      /** @param {unknown} error */
      const onError = (error) => sw.fail(error);
      yield* Fiber.fork(sw, () => server.serve((connection) => Flow.copy(connection, connection), { onError, stop }));
      const connections = yield* Fiber.map(shares(n), () => net.connect(server.address, { sw }));
      watch.start();
      const counts = yield* Fiber.map(shares(n), (share, i) => talk(connections[i], share));
      watch.stop();
      yield* Fiber.forEach(connections, (connection) => connection.destroy());
      resolver.resolve(undefined);
      return counts.reduce((a, b) => a + b, 0);
    }),
  );
}

/** @param {number} n @param {import("../row.js").Watch} watch */
async function bare(n, watch) {
  const server = createServer((socket) => {
    socket.on("data", (chunk) => {
      if (socket.write(chunk)) return;
      socket.pause();
      socket.once("drain", () => socket.resume());
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const sockets = await Promise.all(shares(n).map(() => connected(port)));
  watch.start();
  const counts = await Promise.all(shares(n).map((share, i) => talkBare(sockets[i], share)));
  watch.stop();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  return counts.reduce((a, b) => a + b, 0);
}

/** @param {number} port @returns {Promise<import("node:net").Socket>} */
function connected(port) {
  return new Promise((resolve, reject) => {
    const socket = nodeConnect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
  });
}

/** @param {import("node:net").Socket} socket @param {number} n @returns {Promise<number>} */
function talkBare(socket, n) {
  return new Promise((resolve) => {
    let bytes = 0;
    let due = MESSAGE.length;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes < due) return;
      if (due === n * MESSAGE.length) return resolve(bytes);
      due += MESSAGE.length;
      socket.write(MESSAGE);
    });
    socket.write(MESSAGE);
  });
}

/** How many messages each connection has to carry. @param {number} n */
const shares = (n) => Array.from({ length: CONNECTIONS }, (_, i) => Math.floor((n + i) / CONNECTIONS));

/** @type {import("../row.js").Row} */
export default {
  key: "tcp-echo",
  title: `TCP echo, ${CONNECTIONS} connections`,
  size: 20_000,
  of: "messages",
  contenders: { trestle, "node:net": bare },
  expected: (n) => n * MESSAGE.length,
  // At least 0.9 of the messages a second.
  bars: [{ against: "node:net", most: 1.11 }],
};
