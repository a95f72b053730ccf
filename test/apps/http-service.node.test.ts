/**
 * An HTTP service whose handlers are fibers behind `toAsync`: a client that leaves cancels its work, few requests at a time use the
 * database, and the service ends when its work has. Node's own server and clients, nothing in between.
 */
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Cancel, Cancelled, Deferred, Fiber, Semaphore, type Op, type Resolver } from "trestle";
import { fromPromise, toAsync, withSignal } from "@trestle/bridges";
import { expectNoUnhandledRejections, macrotask } from "../bridges/world.js";

expectNoUnhandledRejections();

/** The client has closed the connection before it had its answer. */
class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** The service was told to end at once. */
class ShuttingDown extends Error {
  override readonly name = "ShuttingDown";
}

/** A database with few connections. A transaction that does not come to its end is rolled back, which takes a turn, too. */
class Database {
  readonly log: string[] = [];
  busy = 0;
  mostBusy = 0;
  private readonly connections = new Semaphore(4);
  /** Transactions whose key has a gate wait for it. */
  readonly gates = new Map<string, Deferred<void>>();

  *transaction(key: string): Op<string> {
    const permit = yield* this.connections.hold();
    this.mostBusy = Math.max(this.mostBusy, ++this.busy);
    try {
      yield* fromPromise(macrotask());
      this.log.push(`begin ${key}`);
      yield* this.gates.get(key)?.await() ?? Fiber.yield();
      this.log.push(`commit ${key}`);
      return `row ${key}`;
    } catch (error) {
      yield* Cancel.protect(() => this.rollBack(key, error));
      throw error;
    } finally {
      this.busy--;
      permit.release();
    }
  }

  private *rollBack(key: string, error: unknown): Op<void> {
    yield* fromPromise(macrotask());
    const { reason } = error as Cancelled;
    this.log.push(`roll back ${key}: ${(reason as Error).name}`);
  }
}

/** The service. Old code sees two async functions: what answers a request, and `stop`. */
class Service {
  readonly database = new Database();
  readonly server: Server;
  private readonly underWay = new Set<Promise<void>>();
  private readonly shutdown = new AbortController();

  constructor() {
    const answer = toAsync((request: IncomingMessage, response: ServerResponse) => this.answer(request, response));
    this.server = createServer((request, response) => {
      const answered = answer(request, response).finally(() => this.underWay.delete(answered));
      this.underWay.add(answered);
    });
  }

  private *answer(request: IncomingMessage, response: ServerResponse): Op<void> {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(new ClientGone());
    });
    try {
      const signal = AbortSignal.any([gone.signal, this.shutdown.signal]);
      const text = yield* withSignal(signal, () => this.route(request.url!));
      response.end(text);
    } catch (error) {
      if (error instanceof ClientGone) return;
      response.statusCode = error instanceof ShuttingDown ? 503 : 500;
      response.setHeader("connection", "close").end((error as Error).message);
    }
  }

  private *route(path: string): Op<string> {
    if (path === "/broken") throw new TypeError("no such thing");
    return yield* this.database.transaction(path.slice(1));
  }

  /** Takes no more requests, and settles when those under way have ended; `atOnce` has them end now. */
  async stop(atOnce = false): Promise<void> {
    const closed = this.server.listening ? once(this.server, "close") : undefined;
    this.server.close();
    this.server.closeIdleConnections();
    if (atOnce) this.shutdown.abort(new ShuttingDown("try again later"));
    await Promise.all(this.underWay);
    await closed;
  }

  async listen(): Promise<number> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return (this.server.address() as AddressInfo).port;
  }
}

let service: Service;
let port: number;
const agent = new Agent({ keepAlive: false });

async function started(): Promise<Database> {
  service = new Service();
  port = await service.listen();
  return service.database;
}

afterEach(() => service.stop(true));

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A client: the answer, and what closes the connection. */
function get(path: string): { answer: Promise<Answer>; leave: () => void } {
  const asking = request({ port, host: "127.0.0.1", path, agent }).end();
  const answer = new Promise<Answer>((resolve, reject) => {
    asking.on("error", reject);
    asking.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, text }));
    });
  });
  return { answer, leave: () => void asking.destroy() };
}

/** A transaction that goes on when it is told to. */
function gated(database: Database, key: string): Resolver<void> {
  const [gate, open] = Deferred.create<void>();
  database.gates.set(key, gate);
  return open;
}

async function until(met: () => boolean): Promise<void> {
  while (!met()) await macrotask();
}

describe("a service", () => {
  it("answers many clients at once, with few connections to the database", async () => {
    const database = await started();
    const clients = Array.from({ length: 200 }, (_, i) => {
      const open = gated(database, String(i));
      return { open, answer: get(`/${i}`).answer };
    });
    await until(() => database.log.length === 4);
    for (const { open } of clients) open.resolve();
    const answers = await Promise.all(clients.map(({ answer }) => answer));
    expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => ({ status: 200, text: `row ${i}` })));
    expect(database.mostBusy).toBe(4);
    expect(database.busy).toBe(0);
  });

  it("rolls back what a client has left, at once, and goes on with the next one", async () => {
    const database = await started();
    const opens = ["a", "b", "c", "d"].map((key) => gated(database, key));
    const clients = ["/a", "/b", "/c", "/d"].map(get);
    await until(() => database.log.length === 4);
    // All connections are taken: these wait.
    const waiting = get("/e");
    const impatient = get("/f");
    await macrotask();
    expect(database.busy).toBe(4);
    for (const client of [clients[0]!, impatient]) {
      client.leave();
      await expect(client.answer).rejects.toMatchObject({ code: "ECONNRESET" });
    }
    expect(await waiting.answer).toEqual({ status: 200, text: "row e" });
    expect(database.log).toContain("roll back a: ClientGone");
    expect(database.log.filter((line) => / [af]\b/.test(line))).toEqual(["begin a", "roll back a: ClientGone"]);
    for (const open of opens.slice(1)) open.resolve();
    for (const [i, client] of clients.entries()) {
      if (i > 0) expect(await client.answer).toMatchObject({ status: 200 });
    }
    await until(() => database.busy === 0);
  });

  it("a request that fails concerns nobody else", async () => {
    await started();
    const [broken, sound] = await Promise.all([get("/broken").answer, get("/sound").answer]);
    expect(broken).toEqual({ status: 500, text: "no such thing" });
    expect(sound).toEqual({ status: 200, text: "row sound" });
  });

  it("when it stops, finishes what is under way and takes nothing more", async () => {
    const database = await started();
    const open = gated(database, "slow");
    const slow = get("/slow");
    await until(() => database.log.length === 1);
    let stopped = false;
    const stopping = service.stop().then(() => (stopped = true));
    await expect(get("/late").answer).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(stopped).toBe(false);
    open.resolve();
    expect(await slow.answer).toEqual({ status: 200, text: "row slow" });
    await stopping;
    expect(database.log).toEqual(["begin slow", "commit slow"]);
  });

  it("when it is told twice, rolls back what is under way, and has ended after that", async () => {
    const database = await started();
    gated(database, "slow");
    const slow = get("/slow");
    await until(() => database.log.length === 1);
    const stopping = service.stop();
    await service.stop(true);
    expect(database.log).toEqual(["begin slow", "roll back slow: ShuttingDown"]);
    expect(await slow.answer).toEqual({ status: 503, text: "try again later" });
    await stopping;
  });
});
