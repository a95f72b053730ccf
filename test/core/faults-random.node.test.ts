// Node only: programs that use the world outside in every way, and are cancelled at any moment. Nothing may be left of them.

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import {
  BufWrite,
  Cancel,
  Cancelled,
  Fiber,
  Flow,
  IoError,
  IpAddress,
  suspend,
  Switch,
  type Op,
  type Path,
} from "trestle";
import type { NodeEnv } from "trestle/node";
import { expectNoUnhandledRejections } from "../platform.js";
import { leavingNothing } from "./faults.js";

expectNoUnhandledRejections();

const folder = fs.mkdtempSync(join(tmpdir(), "trestle-faults-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

interface World {
  readonly env: NodeEnv;
  readonly sw: Switch;
  /** Confined. */
  readonly base: Path;
}

const create = { orTruncate: 0o644 } as const;
const loopback = { type: "tcp", ip: IpAddress.v4.loopback, port: 0 } as const;
const chunk = new Uint8Array(20_000).fill(97);
const module = new URL("./jobs.js", import.meta.url);

/** Some stay open until the switch ends. */
const actions = {
  save: ({ base }) => base.join("file").save(chunk, { create }),
  *atomicSave({ base }) {
    yield* base.join("whole").save(chunk, { create, atomic: true });
  },
  *load({ base }) {
    yield* base.join("there").load();
  },
  *open({ base, sw }) {
    const file = yield* base.join("file").openOut({ sw, create: { ifMissing: 0o644 } });
    yield* file.write(chunk);
    yield* file.seek(0, "set");
    yield* file.read(new Uint8Array(100));
  },
  *copy({ base, sw }) {
    const from = yield* base.join("there").openIn({ sw });
    yield* base.join("copy").withOpenOut({ create }, (to) => Flow.copy(from, to));
  },
  lines: ({ base }) =>
    base.join("there").withLines(function* (lines) {
      while (yield* lines.next());
    }),
  *directories({ base }) {
    yield* base.join("deep/er/still").mkdirs({ perm: 0o755, existsOk: true });
    yield* base.readDir();
    yield* base.join("deep").rmtree({ missingOk: true });
  },
  *subtree({ base, sw }) {
    const sub = yield* base.openSubtree({ sw });
    yield* sub.join("there").chmod({ perm: 0o600, follow: true });
    yield* sub.withDirEntries((entries) => entries.next());
  },
  *temporary({ base, sw }) {
    const place = yield* base.openTemporary({ sw });
    yield* place.join("file").save("x", { create });
  },
  *talk({ env, sw }) {
    const server = yield* env.net.listen(loopback, { sw });
    yield* Fiber.forkDaemon(sw, () =>
      server.serve((connection) => Flow.copy(connection, connection), { onError: () => {} }),
    );
    const client = yield* env.net.connect(server.address, { sw });
    yield* client.write(chunk);
    yield* Flow.readExact(client, new Uint8Array(chunk.length));
    yield* client.shutdown("send");
    yield* Flow.readAll(client);
  },
  *unix({ env, sw }) {
    const address = { type: "unix", path: join(folder, `socket-${Math.random()}`) } as const;
    const server = yield* env.net.listen(address, { sw });
    const [client, [accepted]] = yield* Fiber.pair(
      () => env.net.connect(address, { sw }),
      () => server.accept({ sw }),
    );
    yield* BufWrite.withFlow(client, function* (writer) {
      writer.bytes(chunk);
      yield* writer.flush();
    });
    yield* accepted.destroy();
  },
  *silence({ env, sw }) {
    const server = yield* env.net.listen(loopback, { sw });
    yield* env.net.withTcpConnect(
      { host: "127.0.0.1", service: String(server.address.type === "tcp" ? server.address.port : 0) },
      (client) =>
        Fiber.first<unknown, unknown>(
          () => client.read(new Uint8Array(1)),
          () => Fiber.yield(),
        ),
    );
  },
  *datagrams({ env, sw }) {
    const socket = yield* env.net.datagramSocket({ ...loopback, type: "udp" }, { sw });
    yield* socket.send([chunk.subarray(0, 100)], { to: socket.address });
    yield* socket.receive(new Uint8Array(100));
  },
  *names({ env }) {
    yield* env.net.lookUp("localhost");
  },
  *child({ env, sw }) {
    const child = yield* env.processMgr.spawn(["cat"], {
      sw,
      stdin: Flow.stringSource("x"),
      stdout: Flow.bufferSink(),
    });
    yield* child.await();
  },
  *sleeper({ env, sw }) {
    yield* env.processMgr.spawn(["sleep", "1000"], { sw });
  },
  *parse({ env }) {
    yield* env.processMgr.parseOut((reader) => reader.takeAll(), ["echo", "hello"]);
  },
  *failing({ env, base }) {
    yield* base.join("no").load();
    yield* env.processMgr.run(["no-such-program"], { stdin: Flow.stringSource("x") });
  },
  *thread({ env }) {
    yield* env.domainMgr.run({ module, name: "add", args: [1, 2] });
  },
} satisfies Record<string, (world: World) => Op<void>>;

type Name = keyof typeof actions;
type Step = { readonly kind: Name } | { readonly kind: "aside"; readonly steps: readonly Name[] };

function* play({ env, sw, base }: World, steps: readonly Step[]): Op<void> {
  for (const step of steps) {
    if (step.kind === "aside") {
      yield* Fiber.fork(sw, () =>
        play(
          { env, sw, base },
          step.steps.map((kind) => ({ kind })),
        ),
      );
      continue;
    }
    try {
      yield* actions[step.kind]({ env, sw, base });
    } catch (error) {
      // What fails because of the one that fails, or of another fiber.
      if (!(error instanceof IoError)) throw error;
    }
  }
}

/** Lets the event loop go round once. */
function macrotask(): Op<void> {
  return suspend<void>("macrotask", (_ctx, enqueue) => {
    setImmediate(() => enqueue({ ok: true, value: undefined }));
  });
}

/** The processes that this one has started and that still run. */
const children = () =>
  fs
    .readdirSync("/proc/self/task")
    .flatMap((task) => textOf(`/proc/self/task/${task}/children`).trim().split(" "))
    .filter((pid) => pid !== "" && /sleep|cat|echo/.test(textOf(`/proc/${pid}/comm`)));

/** Nothing, when the thread or the process that it tells of is gone by now. */
function textOf(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Plays `steps`, and cancels them after `turns`; tells whether they were over before. */
async function playing(steps: readonly Step[], turns: number): Promise<boolean> {
  const place = fs.mkdtempSync(join(folder, "base-"));
  fs.writeFileSync(join(place, "there"), "line\n".repeat(10_000));
  let wasOver = false;
  await leavingNothing((env) =>
    env.fs.join(place).withSubtree((base) =>
      Fiber.first<void, void>(
        function* () {
          try {
            yield* Cancel.sub(() => Switch.run((sw) => play({ env, sw, base }, steps)));
            wasOver = true;
          } catch (error) {
            if (!(error instanceof Cancelled)) throw error;
          }
        },
        function* () {
          // Both kinds of turns: those between fibers, and those in which the system tells what it has done.
          for (let i = 0; i < turns; i++) yield* i % 4 === 3 ? macrotask() : Fiber.yield();
        },
      ),
    ),
  );
  const left = fs.readdirSync(place).filter((name) => !["there", "file", "whole", "copy", "deep"].includes(name));
  expect([left, fs.readdirSync(folder).filter((name) => /^socket/.test(name)), children()]).toEqual([[], [], []]);
  // Saved atomically, or not at all.
  const whole = join(place, "whole");
  if (fs.existsSync(whole)) expect(fs.statSync(whole).size).toBe(chunk.length);
  fs.rmSync(place, { recursive: true });
  return wasOver;
}

const names = Object.keys(actions) as Name[];
const name = fc.constantFrom(...names);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("aside" as const), steps: fc.array(name, { maxLength: 3 }) }) },
);

const isLinux = process.platform === "linux";

it.skipIf(!isLinux)("PT-07 RS-08 PS-02 whatever is going on when it is cancelled, nothing is left of it", async () => {
  let cancelled = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 5 }),
      fc.oneof(fc.nat(60), fc.nat(600)),
      async (steps, turns) => {
        if (!(await playing(steps, turns))) cancelled++;
      },
    ),
    { numRuns: 150, verbose: 1, endOnFailure: true },
  );
  expect(cancelled).toBeGreaterThan(30);
});

it.skipIf(!isLinux).each(names.filter((kind) => kind !== "thread"))(
  "PT-07 RS-08 at each turn of the event loop in which it is under way: %s",
  async (kind) => {
    let turns = 0;
    // What comes late is much like what came before it.
    while (!(await playing([{ kind }], turns))) turns += turns < 60 ? 1 : 7;
    expect(turns).toBeGreaterThan(0);
  },
);
