// Node only: sockets, files, processes and threads of the system.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Fiber, Flow, IpAddress, showAddress, Switch, type Op, type Path, type StreamAddress } from "trestle";
import { run, type NodeEnv } from "trestle/node";
import { expectNoUnhandledRejections } from "../platform.js";
import { badCallsOf } from "./bad-calls-node.js";
import { errorsOf, type BadCall } from "./bad-input.js";

expectNoUnhandledRejections();

const folder = mkdtempSync(join(tmpdir(), "trestle-bad-"));
mkdirSync(join(folder, "cwd"));
afterAll(() => rmSync(folder, { recursive: true }));

const tcp: StreamAddress = { type: "tcp", ip: IpAddress.v4.loopback, port: 0 };
const descriptors = () => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);

/** One of everything, open and closed. */
function* worldOf(env: NodeEnv, sw: Switch): Op<object> {
  const { net, processMgr } = env;
  const server = yield* net.listen(tcp, { sw });
  const [client] = yield* Fiber.pair(
    () => net.connect(server.address, { sw }),
    () => server.accept({ sw }),
  );
  const c2 = yield* net.connect(server.address, { sw });
  yield* c2.destroy();
  const closedServer = yield* net.listen(tcp, { sw });
  yield* closedServer.close();
  const dg = yield* net.datagramSocket("udp4", { sw });
  const closedDg = yield* net.datagramSocket("udp4", { sw });
  yield* closedDg.close();
  const dead = yield* Switch.run(function* (ended) {
    return ended;
  });
  const cwd = yield* env.fs.join(folder).join("cwd").openSubtree({ sw });
  yield* cwd.join("f").save("hello", { create: { orTruncate: 0o644 } });
  const file = yield* cwd.join("f").openOut({ sw, create: "never" });
  const cf = yield* cwd.join("f").openIn({ sw });
  yield* cf.close();
  const deadSub = yield* Switch.run(function* (ended): Op<Path> {
    return yield* cwd.openSubtree({ sw: ended });
  });
  const child = yield* processMgr.spawn(["sleep", "100"], { sw });
  const [ps, pk] = yield* processMgr.pipe({ sw });
  yield* ps.close();
  const [, pk2] = yield* processMgr.pipe({ sw });
  yield* pk2.close();
  return { env, sw, dead, server, closedServer, client, c2, dg, closedDg, cwd, deadSub, file, cf, child, ps, pk, pk2 };
}

const areas = ["net", "sock", "path", "file", "process", "time", "domain", "pool", "signals"] as const;

describe("wrong calls", () => {
  it.each(areas)("of %s are refused, with what was expected and what was received, and leave nothing", async (area) => {
    // What is loaded the first time stays.
    await run((env) => Switch.run((sw) => worldOf(env, sw)));
    const before = descriptors();
    const [got, wanted] = await run((env) =>
      Switch.run(function* (sw) {
        const calls = badCallsOf(yield* worldOf(env, sw)) as unknown as Record<string, BadCall[]>;
        const errors = yield* errorsOf(calls[area]!);
        // Everything still works.
        yield* Fiber.yield();
        yield* env.cwd.stat({ follow: true });
        return errors;
      }),
    );
    expect(got).toEqual(wanted);
    expect(descriptors()).toBe(before);
  });
});

describe("bytes that are not UTF-8", () => {
  it("are refused where text is wanted, and given where bytes are", () =>
    run((env) =>
      Switch.run(function* (sw) {
        const file = (yield* env.fs.join(folder).openSubtree({ sw })).join("latin1");
        yield* file.save(Uint8Array.of(233, 10), { create: { orTruncate: 0o644 } });
        const [got, wanted] = yield* errorsOf([
          [() => file.load(), "TypeError: The bytes are not UTF-8; take them as bytes"],
          [() => file.withLines((lines) => lines.next()), "Failure: Invalid UTF-8"],
        ]);
        expect(got).toEqual(wanted);
        expect(yield* file.loadBytes()).toEqual(Uint8Array.of(233, 10));
      }),
    ));
});

describe("half a connection", () => {
  it("FL-17 a write after shutdown is refused, and does not end the other direction", () =>
    run((env) =>
      Switch.run(function* (sw) {
        const server = yield* env.net.listen(tcp, { sw });
        const [client, [accepted]] = yield* Fiber.pair(
          () => env.net.connect(server.address, { sw }),
          () => server.accept({ sw }),
        );
        yield* client.shutdown("send");
        const error = `IoError: Net Connection_reset, writing to ${showAddress(server.address)}`;
        const [got, wanted] = yield* errorsOf([
          [() => client.write(new Uint8Array(1)), error],
          [() => Flow.copyString("late", client), error],
        ]);
        expect(got).toEqual(wanted);
        yield* Flow.copyString("answer", accepted);
        yield* accepted.close();
        expect(yield* Flow.readAll(client)).toBe("answer");
      }),
    ));
});
