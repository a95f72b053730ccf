// Node only: many connections, many lines, many bytes. Nothing is timed: what is counted is what is open, and the memory that is used.

import { spawn } from "node:child_process";
import { createReadStream, createWriteStream, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import {
  BufRead,
  Deferred,
  Fiber,
  Flow,
  IpAddress,
  Switch,
  type ConnectionHandler,
  type ListeningSocket,
  type Op,
  type StreamSocket,
} from "trestle";
import { fromPromise } from "@trestle/bridges";
import { run } from "trestle/node";
import { heapUsedNow } from "../heap.js";

const MB = 1 << 20;
const folder = mkdtempSync(join(tmpdir(), "trestle-load-"));
afterAll(() => rmSync(folder, { recursive: true }));

const loopback = { type: "tcp", ip: IpAddress.v4.loopback, port: 0 } as const;

/** How many descriptors this process has, and how many of what it has keep it alive. */
const held = () => ({
  descriptors: readdirSync("/proc/self/fd").length,
  sockets: process.getActiveResourcesInfo().filter((name) => /^(Pipe|TCP)/.test(name)).length,
});

/** Bytes in use, in the heap and outside of it, after collecting garbage. */
const memory = () => heapUsedNow() + process.memoryUsage().external;

/** A process of clients; what it says arrives in `heard`. */
class Clients {
  readonly heard: string[] = [];
  private readonly child;
  private readonly lines;

  constructor(path: string, total: number, atOnce: number, then: "keep" | "end") {
    const script = join(import.meta.dirname, "load-clients.js");
    const stdio = ["pipe", "pipe", "inherit"] as const;
    this.child = spawn(process.execPath, [script, path, String(total), String(atOnce), then], { stdio: [...stdio] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** What it says next. */
  *next(): Op<string> {
    const said = yield* fromPromise(this.lines.next());
    return said.done === true ? "nothing" : said.value;
  }

  end(): void {
    this.child.stdin.end("end\n");
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}

/** Answers one line, and stays until the client ends. */
const greet = (counts: { now: number; most: number; ended: number }): ConnectionHandler =>
  function* (connection) {
    counts.most = Math.max(counts.most, ++counts.now);
    const lines = new BufRead(connection, { maxSize: 1000 });
    yield* Flow.copyString(`hello ${yield* lines.line()}\n`, connection);
    yield* lines.endOfInput();
    counts.now--;
    counts.ended++;
  };

/** Runs `body` while `server` serves; stops it then, and waits for the last client. */
function* whileServing<T>(
  server: ListeningSocket,
  handler: ConnectionHandler,
  options: { maxConnections?: number },
  body: () => Op<T>,
): Op<T> {
  const [stop, stopper] = Deferred.create<string>();
  const onError = (error: unknown) => expect.unreachable(String(error));
  const [, result] = yield* Fiber.pair(
    () => server.serve(handler, { ...options, onError, stop }),
    function* () {
      const value = yield* body();
      stopper.resolve("stopped");
      return value;
    },
  );
  return result;
}

/** How many descriptors this process may have: Node raises its limit as far as the system lets it. */
const report = process.report.getReport() as { userLimits: { open_files: { hard: string | number } } };
const { hard } = report.userLimits.open_files;
const mayHave = (descriptors: number) =>
  existsSync("/proc/self/fd") && (hard === "unlimited" || Number(hard) >= descriptors);

describe("many connections", () => {
  it.skipIf(!mayHave(10_300))(
    "NT-31 NT-34 serves 10,000 at once, and has nothing left when they have ended (if there may be 10,300 descriptors)",
    () =>
      run(({ net }) =>
        Switch.run(function* (sw) {
          const path = join(folder, "many.sock");
          const server = yield* net.listen({ type: "unix", path }, { sw, backlog: 1024 });
          const counts = { now: 0, most: 0, ended: 0 };
          const clients = new Clients(path, 10_000, 100, "keep");
          const before = held();
          const used = memory();
          yield* sw.onRelease(() => clients.kill());
          yield* whileServing(server, greet(counts), {}, function* () {
            expect(yield* clients.next()).toBe("answered");
            expect(counts).toEqual({ now: 10_000, most: 10_000, ended: 0 });
            expect(held().descriptors).toBeGreaterThan(10_000);
            // A connection that has nothing to say costs its socket, its fiber and a small buffer.
            expect((memory() - used) / 10_000).toBeLessThan(20_000);
            clients.end();
            expect(yield* clients.next()).toBe("closed");
            expect(counts).toEqual({ now: 0, most: 10_000, ended: 10_000 });
            // The server goes on, and has nothing of them any more. Node lets go of what it has closed some turns later.
            for (let i = 0; i < 5; i++) {
              memory();
              yield* fromPromise(turn());
            }
            expect((memory() - used) / 10_000).toBeLessThan(500);
          });
          yield* fromPromise(turn());
          expect(held().sockets).toBeLessThanOrEqual(before.sockets);
          expect(held().descriptors).toBeLessThanOrEqual(before.descriptors);
        }),
      ),
  );

  it("NT-32 NT-36 serves 50 of 3,000 at a time when told so, and all in the end", () =>
    run(({ net }) =>
      Switch.run(function* (sw) {
        const path = join(folder, "limited.sock");
        const server = yield* net.listen({ type: "unix", path }, { sw, backlog: 1024 });
        const counts = { now: 0, most: 0, ended: 0 };
        const clients = new Clients(path, 3000, 500, "end");
        yield* sw.onRelease(() => clients.kill());
        yield* whileServing(server, greet(counts), { maxConnections: 50 }, function* () {
          expect(yield* clients.next()).toBe("answered");
          expect(yield* clients.next()).toBe("closed");
        });
        expect(counts).toEqual({ now: 0, most: 50, ended: 3000 });
      }),
    ));
});

/** A connection of ours, and the other end of it as Node has it, which reads nothing by itself. */
const connectedToNode = (body: (ours: StreamSocket, theirs: Socket) => Op<void>) =>
  run(({ net }) =>
    Switch.run(function* (sw) {
      const server = yield* net.listen(loopback, { sw });
      const { port } = server.address as { port: number };
      const theirs = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      theirs.pause();
      yield* sw.onRelease(() => void theirs.destroy());
      const [ours] = yield* server.accept({ sw });
      yield* body(ours, theirs);
    }),
  );

/** Returns when `progress` has stayed the same for a thousand turns of the event loop. */
function* untilStuck(progress: () => number): Op<void> {
  for (let before = -1, turns = 0; turns < 1000; turns++) {
    if (progress() !== before) turns = 0;
    before = progress();
    yield* fromPromise(turn());
  }
}

describe("slow readers", () => {
  const CHUNK = new Uint8Array(MB).fill(97);
  const TOTAL = 300;

  it("FL-27 hold the writer up, and nothing is heaped up for them", () =>
    connectedToNode(function* (ours, theirs) {
      const used = memory();
      let written = 0;
      yield* Fiber.pair(
        function* () {
          for (; written < TOTAL; written++) yield* ours.write(CHUNK);
          yield* ours.shutdown("send");
        },
        function* () {
          yield* untilStuck(() => written);
          expect(written).toBeLessThan(TOTAL / 10);
          expect(memory() - used).toBeLessThan(8 * MB);
          // Now it reads, a little at a time.
          let received = 0;
          let most = 0;
          const read = (async () => {
            for await (const chunk of theirs) {
              const before = Math.floor(received / MB);
              received += (chunk as Uint8Array).length;
              if (Math.floor(received / MB) > before && received % 7 === 0) await turn();
              if (Math.floor(received / (20 * MB)) > Math.floor(before / 20)) most = Math.max(most, memory() - used);
            }
          })();
          yield* fromPromise(read);
          expect(received).toBe(TOTAL * MB);
          expect(most).toBeGreaterThan(0);
          expect(most).toBeLessThan(40 * MB);
        },
      );
    }));

  it("FL-27 are what we are, too: what nobody reads stays with the peer", () =>
    connectedToNode(function* (ours, theirs) {
      const used = memory();
      let written = 0;
      const sent = (async () => {
        for (; written < TOTAL; written++) {
          await new Promise((resolve, reject) => theirs.write(CHUNK, (error) => (error ? reject(error) : resolve(0))));
        }
        theirs.end();
      })();
      yield* untilStuck(() => written);
      expect(written).toBeLessThan(TOTAL / 10);
      expect(memory() - used).toBeLessThan(8 * MB);
      let received = 0;
      let most = 0;
      yield* Flow.copy(ours, {
        *write(bytes) {
          const before = Math.floor(received / (20 * MB));
          received += bytes.length;
          if (Math.floor(received / (20 * MB)) > before) most = Math.max(most, memory() - used);
        },
        *close() {},
      });
      yield* fromPromise(sent);
      expect(received).toBe(TOTAL * MB);
      expect(most).toBeLessThan(40 * MB);
    }));
});

describe("a million lines", () => {
  const LINES = 1_000_000;
  const path = join(folder, "lines.txt");
  const textOf = (i: number) => `${i} ${"the quick brown fox — ".slice(i % 20)}`;

  async function writeLines(): Promise<void> {
    await pipeline(function* () {
      for (let i = 0; i < LINES; i += 1000) yield Array.from({ length: 1000 }, (_, k) => `${textOf(i + k)}\n`).join("");
    }, createWriteStream(path));
  }
  const written = writeLines();

  /** All lines are there, in order, and no more memory is used for the last than for the first. */
  function* expectLines(lines: BufRead): Op<void> {
    const used = memory();
    let most = 0;
    let i = 0;
    for (const all = lines.lines(); yield* all.next(); i++) {
      if (all.value !== textOf(i)) expect(all.value).toBe(textOf(i));
      if (i % 100_000 === 99_999) most = Math.max(most, memory() - used);
    }
    expect(i).toBe(LINES);
    expect(most).toBeLessThan(4 * MB);
  }

  it("BR-16 BR-19 of a file pass through a small buffer", () =>
    run(function* ({ fs }) {
      yield* fromPromise(written);
      yield* fs.join(path).withOpenIn((file) => expectLines(new BufRead(file, { maxSize: 65_536 })));
    }));

  it("BR-16 BR-19 of a connection, too", () =>
    run(({ net }) =>
      Switch.run(function* (sw) {
        yield* fromPromise(written);
        const server = createServer((socket) => void pipeline(createReadStream(path), socket));
        yield* fromPromise(new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
        yield* sw.onRelease(() => void server.close());
        const { port } = server.address() as { port: number };
        const connection = yield* net.connect({ ...loopback, port }, { sw });
        yield* expectLines(new BufRead(connection, { maxSize: 65_536 }));
      }),
    ));
});
