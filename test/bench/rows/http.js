// @ts-check
// Requests to a server of node:http whose handler is a fiber function.

import { Agent, createServer, request } from "node:http";
import { Flow, Switch } from "trestle";
import { toAsync } from "@trestle/bridges";
import { fromReadable } from "@trestle/bridges/streams";

const CONNECTIONS = 16;
const BODY = "stressed".repeat(8);

/** @param {string} text */
const reversed = (text) => text.split("").reverse().join("");

/** @param {import("node:http").IncomingMessage} message @param {import("node:http").ServerResponse} response */
function* respond(message, response) {
  const text = yield* Switch.run((sw) => Flow.readAll(fromReadable(sw, message)));
  response.end(reversed(text));
}

/** @param {import("node:http").IncomingMessage} message @param {import("node:http").ServerResponse} response */
async function respondBare(message, response) {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  response.end(reversed(Buffer.concat(chunks).toString()));
}

/** @param {import("node:http").RequestListener} handler @returns {import("../row.js").Contender} */
const served = (handler) => async (n, watch) => {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const post = () => posted({ agent, port, host: "127.0.0.1", method: "POST" });
  await Promise.all(Array.from({ length: CONNECTIONS }, post));
  watch.start();
  let left = n;
  let good = 0;
  const client = async () => {
    while (left-- > 0) if ((await post()) === reversed(BODY)) good++;
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  watch.stop();
  agent.destroy();
  await new Promise((resolve) => server.close(resolve));
  return good;
};

/** @param {import("node:http").RequestOptions} options @returns {Promise<string>} */
function posted(options) {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("latin1");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve(text));
    });
    sent.on("error", reject);
    sent.end(BODY);
  });
}

/** @type {import("../row.js").Row} */
export default {
  key: "http",
  title: `HTTP, ${CONNECTIONS} connections, handler`,
  size: 5_000,
  of: "requests",
  contenders: { trestle: served(toAsync(respond)), "async function": served(respondBare) },
  expected: (n) => n,
  // At least 0.9 of the requests a second.
  bars: [{ against: "async function", most: 1.11 }],
};
