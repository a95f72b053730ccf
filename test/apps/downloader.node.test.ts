/**
 * A downloader: many files, few at a time, each tried again when the server has a bad moment. What arrives goes to the disk as it comes,
 * and gets its name when it is whole. It can fetch, wait, and write below one directory.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, Flow, Switch, type Op, type Path } from "trestle";
import { fromAsync } from "@trestle/bridges";
import { fromReadableStream } from "@trestle/bridges/web-streams";
import { run, type NodeEnv } from "trestle/node";
import { expectNoUnhandledRejections } from "../bridges/world.js";

expectNoUnhandledRejections();

interface Options {
  /** How many downloads at a time. */
  readonly atOnce: number;
  /** How often to try. */
  readonly attempts: number;
  /** How long to wait after the first failure, in seconds; twice as long after each further one. */
  readonly pause: number;
}

interface Powers {
  readonly clock: NodeEnv["clock"];
  readonly fetch: typeof fetch;
  /** Where the files go. */
  readonly directory: Path;
}

/** What the server says will not change by asking again. */
class Refused extends Error {
  override readonly name = "Refused";
}

/** Downloads each file to its name in the directory; gives those that could not be had, with the reason. */
function* downloadAll(files: ReadonlyMap<string, string>, env: Powers, options: Options): Op<Map<string, Error>> {
  const missing = new Map<string, Error>();
  yield* Fiber.forEach(
    files,
    function* ([name, url]) {
      try {
        yield* retrying(() => download(url, env.directory.join(name), env), env, options);
      } catch (error) {
        if (error instanceof Cancelled) throw error;
        missing.set(name, error as Error);
      }
    },
    { maxFibers: options.atOnce },
  );
  return missing;
}

function* retrying<T>(body: () => Op<T>, { clock }: Powers, { attempts, pause }: Options): Op<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return yield* body();
    } catch (error) {
      if (error instanceof Cancelled || error instanceof Refused || attempt === attempts) throw error;
      yield* clock.sleep(pause * 2 ** (attempt - 1));
    }
  }
}

function* download(url: string, path: Path, { fetch, directory }: Powers): Op<void> {
  yield* Switch.run(
    function* (sw) {
      const response = yield* fromAsync((signal) => fetch(url, { signal }));
      if (response.status >= 400 && response.status < 500) throw new Refused(`${url}: ${response.status}`);
      if (!response.ok || response.body === null) throw new Error(`${url}: ${response.status}`);
      const source = fromReadableStream(sw, response.body);
      const beside = directory.join(`.${createHash("sha256").update(url).digest("hex")}.part`);
      try {
        yield* beside.withOpenOut({ create: { orTruncate: 0o644 } }, (file) => Flow.copy(source, file));
        yield* beside.rename(path);
      } catch (error) {
        yield* Cancel.protect(() => beside.unlink({ missingOk: true }));
        throw error;
      }
    },
    { name: `download ${url}` },
  );
}

/** A server whose files are bytes of its own choice; what it does to a request can be told. */
class FileServer {
  readonly contents = new Map<string, Buffer>();
  /** What to do instead of serving a file, request by request. */
  readonly mishaps = new Map<string, RequestListener[]>();
  readonly asked: string[] = [];
  busy = 0;
  mostBusy = 0;
  gone = 0;
  private readonly server = createServer((request, response) => {
    const name = (request.url ?? "").slice(1);
    this.asked.push(name);
    this.mostBusy = Math.max(this.mostBusy, ++this.busy);
    response.once("close", () => {
      this.busy--;
      if (!response.writableFinished) this.gone++;
    });
    const mishap = this.mishaps.get(name)?.shift();
    if (mishap !== undefined) return mishap(request, response);
    const content = this.contents.get(name);
    if (content === undefined) return void response.writeHead(404).end();
    // In two pieces, a turn apart, so that several are under way at once.
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, content.length >> 1));
    setImmediate(() => response.end(content.subarray(content.length >> 1)));
  });

  async listen(): Promise<void> {
    await once(this.server.listen(0, "127.0.0.1"), "listening");
  }

  offer(name: string, size: number): void {
    this.contents.set(name, randomBytes(size));
  }

  files(names: Iterable<string>): Map<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return new Map([...names].map((name) => [name, `http://127.0.0.1:${port}/${name}`]));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const options: Options = { atOnce: 3, attempts: 3, pause: 0.001 };
let server: FileServer;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "trestle-downloads-"));
  server = new FileServer();
  await server.listen();
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Runs the downloader in the folder. */
function downloading(names: Iterable<string>, given: Partial<Options> = {}): Promise<Map<string, Error>> {
  return run((env) =>
    env.fs
      .join(folder)
      .withSubtree((directory) =>
        downloadAll(server.files(names), { clock: env.clock, fetch, directory }, { ...options, ...given }),
      ),
  );
}

const unavailable: RequestListener = (_, response) => void response.writeHead(503).end();
const breakingOff: RequestListener = (_, response) => {
  response.writeHead(200, { "content-length": 1_000_000 });
  response.write("some of it", () => response.destroy());
};

describe("a downloader", () => {
  it("has every file as the server has it, a few at a time", async () => {
    for (let i = 0; i < 20; i++) server.offer(`file-${i}`, i * 50_000);
    expect(await downloading(server.contents.keys())).toEqual(new Map());
    for (const [name, content] of server.contents) expect(readFileSync(join(folder, name)).equals(content)).toBe(true);
    expect(server.mostBusy).toBe(3);
    expect(readdirSync(folder)).toHaveLength(20);
  });

  it("tries again after a bad moment, and gives up in the end, but not the others", async () => {
    for (const name of ["good", "flaky", "broken"]) server.offer(name, 10_000);
    server.mishaps.set("flaky", [unavailable, breakingOff]);
    server.mishaps.set("broken", [breakingOff, unavailable, unavailable]);
    const missing = await downloading(["good", "flaky", "broken", "unknown"]);
    expect([...missing.keys()].sort()).toEqual(["broken", "unknown"]);
    expect(missing.get("broken")?.message).toMatch(/: 503$/);
    expect(missing.get("unknown")).toBeInstanceOf(Refused);
    expect(server.asked.sort()).toEqual(["broken", "broken", "broken", "flaky", "flaky", "flaky", "good", "unknown"]);
    expect(readdirSync(folder).sort()).toEqual(["flaky", "good"]);
  });

  it("ends every request and leaves no pieces behind when it is cancelled", async () => {
    for (let i = 0; i < 3; i++) {
      const name = `endless-${i}`;
      server.mishaps.set(name, [(_, response) => void response.writeHead(200).write("a beginning")]);
    }
    const names = [...server.mishaps.keys()];
    await run((env) =>
      env.fs.join(folder).withSubtree((directory) =>
        Fiber.first<unknown, void>(
          () => downloadAll(server.files(names), { clock: env.clock, fetch, directory }, options),
          function* () {
            while (readdirSync(folder).length < 3) yield* env.clock.sleep(0.002);
          },
        ),
      ),
    );
    while (server.gone < 3) await new Promise(setImmediate);
    expect(readdirSync(folder)).toEqual([]);
  });
});
