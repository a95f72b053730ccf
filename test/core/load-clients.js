// @ts-check
// A process of clients: connects as many times as it is told, a few at a time, exchanges a line over each connection, and says when
// all have their answers. It ends them when it is told to; or each as soon as it has its answer.
//
// usage: load-clients.js <path of a Unix socket> <how many> <how many at once> <keep | end>

import { connect } from "node:net";

const [path = "", count, atOnce, then] = process.argv.slice(2);
const total = Number(count);
/** @type {import("node:net").Socket[]} */
const sockets = [];
let started = 0;
let answered = 0;
let closed = 0;

/** @param {string} message */
const say = (message) => process.stdout.write(`${message}\n`);

function next() {
  if (started === total) return;
  const number = started++;
  let answer = "";
  const socket = connect(path, () => socket.write(`client ${number}\n`));
  sockets.push(socket);
  socket.setEncoding("utf8");
  socket.on("data", (text) => {
    answer += text;
    if (!answer.endsWith("\n")) return;
    if (answer !== `hello client ${number}\n`) say(`wrong answer: ${answer}`);
    if (then === "end") socket.end();
    if (++answered === total) say("answered");
    next();
  });
  socket.on("error", (error) => say(String(error)));
  socket.on("close", () => {
    if (++closed < total) return;
    say("closed");
    process.exit();
  });
}

for (let i = 0; i < Number(atOnce); i++) next();
process.stdin.once("data", () => {
  for (const socket of sockets) socket.end();
});
