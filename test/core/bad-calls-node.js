// Wrong calls of what Node gives, as programs without types make them: what is called, and the error that says what is wrong with it.

import { ExecutorPool, Flow, IpAddress, jobOf, Path, showArgs, TimeLimit } from "trestle";
import { runInThread, sleep, spawnUnix } from "trestle/node";

const u8 = new Uint8Array(4);
/** Half of a character: no text in UTF-8. */
const lone = "\ud800";
const tcp = (port = 0) => ({ type: "tcp", ip: IpAddress.v4.loopback, port });
const udp = (port = 0) => ({ type: "udp", ip: IpAddress.v4.loopback, port });

/** By what they are about; each is a call and its error. */
export const badCallsOf = (world) => {
  const { env, sw, dead, server, closedServer, client, c2, dg, closedDg, cwd, deadSub, file, cf, child, ps, pk, pk2 } =
    world;
  const { net, processMgr, domainMgr, clock, monoClock, signals } = env;
  return {
    net: [
      [() => net.connect(), 'TypeError: Net.connect: "address" must be an address (tcp or unix), got undefined'],
      [
        () => net.connect({}, { sw }),
        'TypeError: Net.connect: "address" must be an address (tcp or unix), got an object',
      ],
      [
        () => net.connect(udp(), { sw }),
        'TypeError: Net.connect: "address" must be an address (tcp or unix), got an object',
      ],
      [
        () => net.connect(tcp(-1), { sw }),
        'TypeError: Net.connect: "address.port" must be a whole number from 0 to 65535, got the number -1',
      ],
      [
        () => net.connect(tcp(1.5), { sw }),
        'TypeError: Net.connect: "address.port" must be a whole number from 0 to 65535, got the number 1.5',
      ],
      [
        () => net.connect(tcp(NaN), { sw }),
        'TypeError: Net.connect: "address.port" must be a whole number from 0 to 65535, got the number NaN',
      ],
      [
        () => net.connect(tcp("80"), { sw }),
        'TypeError: Net.connect: "address.port" must be a whole number from 0 to 65535, got the string "80"',
      ],
      [
        () => net.connect(tcp(65536), { sw }),
        'TypeError: Net.connect: "address.port" must be a whole number from 0 to 65535, got the number 65536',
      ],
      [
        () => net.connect({ type: "tcp", ip: "127.0.0.1", port: 80 }, { sw }),
        'TypeError: Net.connect: "address.ip" must be an IpAddress, got the string "127.0.0.1"',
      ],
      [() => net.connect(tcp(1)), 'TypeError: Net.connect: "options.sw" must be a Switch, got undefined'],
      [() => net.connect(tcp(1), { sw: {} }), 'TypeError: Net.connect: "options.sw" must be a Switch, got an object'],
      [() => net.connect(tcp(1), { sw: dead }), "SwitchFinishedError: Switch finished!"],
      [
        () => net.connect(tcp(1), { sw, bindTo: "x" }),
        'TypeError: Net.connect: "options.bindTo" must be an address (tcp), got the string "x"',
      ],
      [
        () => net.connect(tcp(1), { sw, bindTo: { type: "unix", path: "/x" } }),
        'TypeError: Net.connect: "options.bindTo" must be an address (tcp), got an object',
      ],
      [
        () => net.connect(tcp(1), { sw, options: 5 }),
        'TypeError: Net.connect: "options.options" must be an array of [name, value], got the number 5',
      ],
      [
        () => net.connect(tcp(1), { sw, options: [5] }),
        'TypeError: Net.connect: "options.options[0]" must be [name, value], got the number 5',
      ],
      [
        () => net.connect(tcp(1), { sw, options: {} }),
        'TypeError: Net.connect: "options.options" must be an array of [name, value], got an object',
      ],
      [
        () => net.connect(tcp(1), { sw, options: [["SO_X", 1]] }),
        "IoError: Net Invalid_option, setting socket option UNKNOWN = 1",
      ],
      [
        () => net.connect(tcp(1), { sw, options: [[Symbol("a"), 1]] }),
        "IoError: Net Invalid_option, setting socket option UNKNOWN = 1",
      ],
      [
        () => net.connect(tcp(1), { sw, options: [["TCP_NODELAY", 1]] }),
        "InvalidArgument: TCP_NODELAY must be a boolean, not 1",
      ],
      [
        () => net.connect(tcp(1), { sw, options: [["IP_TTL", 1]] }),
        "IoError: Net Invalid_option, setting socket option IP_TTL = 1, connecting to tcp:127.0.0.1:1",
      ],
      [
        () => net.connect({ type: "unix", path: "" }, { sw }),
        'TypeError: Net.connect: "address.path" must be a path, which is not empty, got the string ""',
      ],
      [
        () => net.connect({ type: "unix", path: "/tmp/a\0b" }, { sw }),
        'InvalidArgument: Net.connect: "address.path" must have no NUL inside, got "/tmp/a\\u0000b"',
      ],
      [
        () => net.connect({ type: "unix", path: 1 }, { sw }),
        'TypeError: Net.connect: "address.path" must be a path, which is not empty, got the number 1',
      ],
      [() => net.listen(), 'TypeError: Net.listen: "address" must be an address (tcp or unix), got undefined'],
      [
        () => net.listen(tcp(), { sw, backlog: -1 }),
        'TypeError: Net.listen: "options.backlog" must be a positive whole number, got the number -1',
      ],
      [
        () => net.listen(tcp(), { sw, backlog: NaN }),
        'TypeError: Net.listen: "options.backlog" must be a positive whole number, got the number NaN',
      ],
      [
        () => net.listen(tcp(), { sw, backlog: "x" }),
        'TypeError: Net.listen: "options.backlog" must be a positive whole number, got the string "x"',
      ],
      [
        () => net.listen(tcp(), { sw, backlog: 1.5 }),
        'TypeError: Net.listen: "options.backlog" must be a positive whole number, got the number 1.5',
      ],
      [
        () => net.listen(tcp(), { sw, backlog: 0 }),
        'TypeError: Net.listen: "options.backlog" must be a positive whole number, got the number 0',
      ],
      [
        () => net.listen({ type: "unix", path: "/tmp/a\0b" }, { sw }),
        'InvalidArgument: Net.listen: "address.path" must have no NUL inside, got "/tmp/a\\u0000b"',
      ],
      [() => net.listen(tcp(), { sw: dead }), "SwitchFinishedError: Switch finished!"],
      [() => net.datagramSocket(), 'TypeError: Net.datagramSocket: "address" must be an address (udp), got undefined'],
      [
        () => net.datagramSocket(tcp(), { sw }),
        'TypeError: Net.datagramSocket: "address" must be an address (udp), got an object',
      ],
      [
        () => net.datagramSocket("udp5", { sw }),
        'TypeError: Net.datagramSocket: "address" must be an address (udp), got the string "udp5"',
      ],
      [() => net.datagramSocket("udp4", { sw: dead }), "SwitchFinishedError: Switch finished!"],
      [() => net.lookUp(), 'TypeError: Net.lookUp: "host" must be a string, got undefined'],
      [() => net.lookUp(""), 'IoError: Net Address_lookup_failed NONAME (name or service is not known), looking up ""'],
      [() => net.lookUp("localhost\0evil"), 'InvalidArgument: Net.lookUp: "localhost\\u0000evil" contains a NUL'],
      [
        () => net.lookUp("127.0.0.1", { service: 80 }),
        'TypeError: Net.lookUp: "options.service" must be a string, got the number 80',
      ],
      [() => net.lookUp("x", 5), 'TypeError: Net.lookUp: "options" must be an object, got the number 5'],
      [() => net.lookUpStream(1), 'TypeError: Net.lookUp: "host" must be a string, got the number 1'],
      [() => net.nameOf(), 'TypeError: Net.nameOf: "address" must be an address (tcp or udp or unix), got undefined'],
      [() => net.withTcpConnect(), 'TypeError: Net.withTcpConnect: "options" must be { host, service }, got undefined'],
      [
        () => net.withTcpConnect({ host: "x", service: "1" }),
        'TypeError: Net.withTcpConnect: "body" must be a function returning an op, got undefined',
      ],
      [
        () => net.withTcpConnect({ service: "1" }, function* () {}),
        'TypeError: Net.withTcpConnect: "options.host" must be a string, got undefined',
      ],
      [
        () => net.withTcpConnect({ host: "x", service: 80 }, function* () {}),
        'TypeError: Net.withTcpConnect: "options.service" must be a string, got the number 80',
      ],
      [
        () => net.withTcpConnect({ host: "127.0.0.1", service: "1", timeout: 5 }, function* () {}),
        'TypeError: Net.withTcpConnect: "options.timeout" must be a TimeLimit, got the number 5',
      ],
      [
        () => net.withTcpConnect({ host: "", service: "1" }, function* () {}),
        'IoError: Net Address_lookup_failed NONAME (name or service is not known), looking up "" (service "1"), connecting to "":1',
      ],
      [() => server.accept(), 'TypeError: ListeningSocket.accept: "options.sw" must be a Switch, got undefined'],
      [() => server.accept({ sw: dead }), "SwitchFinishedError: Switch finished!"],
      [() => closedServer.accept({ sw }), "InvalidArgument: accept: file descriptor used after calling close!"],
      [
        () => server.acceptFork(),
        'TypeError: ListeningSocket.acceptFork: "options.sw" must be a Switch, got undefined',
      ],
      [
        () => server.acceptFork({ sw }, function* () {}),
        'TypeError: ListeningSocket.acceptFork: "options.onError" must be a function, got undefined',
      ],
      [
        () => server.acceptFork({ sw, onError() {} }, async () => {}),
        'TypeError: ListeningSocket.acceptFork: "handler" must be a function returning an op, got an async function',
      ],
      [
        () => server.serve(),
        'TypeError: ListeningSocket.serve: "handler" must be a function returning an op, got undefined',
      ],
      [
        () => server.serve(async () => {}, { onError() {} }),
        'TypeError: ListeningSocket.serve: "handler" must be a function returning an op, got an async function',
      ],
      [() => server.serve(function* () {}, { onError() {}, maxConnections: 0 }), "InvalidArgument: max_connections"],
      [() => server.serve(function* () {}, { onError() {}, maxConnections: NaN }), "InvalidArgument: max_connections"],
      [
        () => server.serve(function* () {}, { onError() {}, maxConnections: 1.5 }),
        'TypeError: ListeningSocket.serve: "options.maxConnections" must be a whole number, got the number 1.5',
      ],
      [
        () => server.serve(function* () {}, { onError() {}, maxConnections: "5" }),
        'TypeError: ListeningSocket.serve: "options.maxConnections" must be a number, got the string "5"',
      ],
      [
        () => server.serve(function* () {}, { onError() {}, stop: 1 }),
        'TypeError: ListeningSocket.serve: "options.stop" must be a Deferred, got the number 1',
      ],
      [
        () => server.serve(function* () {}),
        'TypeError: ListeningSocket.serve: "options" must be { onError }, got undefined',
      ],
      [
        () => closedServer.serve(function* () {}, { onError() {} }),
        "InvalidArgument: accept: file descriptor used after calling close!",
      ],
    ],
    sock: [
      [() => client.write("x"), 'TypeError: write: "bytes" must be a Uint8Array, got the string "x"'],
      [() => client.write(null), 'TypeError: write: "bytes" must be a Uint8Array, got null'],
      [
        () => client.writeSome(u8),
        'TypeError: writeSome: "buffers" must be an array of Uint8Arrays, got an op (or another iterable)',
      ],
      [() => client.writeSome(["x"]), 'TypeError: writeSome: "buffers[0]" must be a Uint8Array, got the string "x"'],
      [() => client.writeSome(), 'TypeError: writeSome: "buffers" must be an array of Uint8Arrays, got undefined'],
      [
        () => client.shutdown("up"),
        'TypeError: shutdown: "which" must be "receive", "send" or "all", got the string "up"',
      ],
      [() => client.setOption(), "IoError: Net Invalid_option, setting socket option UNKNOWN = <none>"],
      [() => client.setOption("X", 1), "IoError: Net Invalid_option, setting socket option UNKNOWN = 1"],
      [() => client.setOption("IP_TTL", 1), "IoError: Net Invalid_option, setting socket option IP_TTL = 1"],
      [() => client.setOption("TCP_NODELAY", 1), "InvalidArgument: TCP_NODELAY must be a boolean, not 1"],
      [() => client.getOption("X"), "IoError: Net Invalid_option, getting socket option X"],
      [() => client.getOption(), "IoError: Net Invalid_option, getting socket option undefined"],
      [() => c2.read(u8), "InvalidArgument: read: file descriptor used after calling close!"],
      [
        () =>
          c2.lend(function* () {
            return 0;
          }),
        "InvalidArgument: read: file descriptor used after calling close!",
      ],
      [() => c2.write(u8), "InvalidArgument: write: file descriptor used after calling close!"],
      [() => c2.writeSome([u8]), "InvalidArgument: write: file descriptor used after calling close!"],
      [() => c2.close(), "InvalidArgument: shutdown: file descriptor used after calling close!"],
      [() => c2.shutdown("all"), "InvalidArgument: shutdown: file descriptor used after calling close!"],
      [
        () => c2.setOption("TCP_NODELAY", true),
        "InvalidArgument: setsockopt: file descriptor used after calling close!",
      ],
      [() => c2.getOption("TCP_NODELAY"), "InvalidArgument: getsockopt: file descriptor used after calling close!"],
      [() => dg.send(), 'TypeError: DatagramSocket.send: "buffers" must be an array of Uint8Arrays, got undefined'],
      [() => dg.send([u8]), 'TypeError: DatagramSocket.send: "options.to" must be an address (udp), got undefined'],
      [
        () => dg.send(u8, { to: dg.address }),
        'TypeError: DatagramSocket.send: "buffers" must be an array of Uint8Arrays, got an op (or another iterable)',
      ],
      [
        () => dg.send(["x"], { to: dg.address }),
        'TypeError: DatagramSocket.send: "buffers[0]" must be a Uint8Array, got the string "x"',
      ],
      [
        () => dg.send([u8], { to: tcp(1) }),
        'TypeError: DatagramSocket.send: "options.to" must be an address (udp), got an object',
      ],
      [
        () => dg.send([u8], { to: {} }),
        'TypeError: DatagramSocket.send: "options.to" must be an address (udp), got an object',
      ],
      [() => dg.send([u8], { to: udp(0) }), "InvalidArgument: DatagramSocket.send: nobody receives at port 0"],
      [() => dg.setOption("IP_TTL", 0), "InvalidArgument: IP_TTL must be a whole number of 1 to 255, not 0"],
      [() => dg.setOption("IP_TTL", 256), "InvalidArgument: IP_TTL must be a whole number of 1 to 255, not 256"],
      [
        () => dg.setOption("SO_SNDBUF", 0),
        "InvalidArgument: SO_SNDBUF must be a whole number of 1 to 2147483647, not 0",
      ],
      [
        () => dg.setOption("SO_SNDBUF", 2 ** 40),
        "InvalidArgument: SO_SNDBUF must be a whole number of 1 to 2147483647, not 1099511627776",
      ],
      [
        () => dg.setOption("TCP_NODELAY", true),
        "IoError: Net Invalid_option, setting socket option TCP_NODELAY = true",
      ],
      [() => dg.getOption("X"), "IoError: Net Invalid_option, getting socket option X"],
      [() => closedDg.send([u8], { to: udp(9) }), "InvalidArgument: send: file descriptor used after calling close!"],
      [() => closedDg.receive(u8), "InvalidArgument: receive: file descriptor used after calling close!"],
      [() => closedDg.setOption("IP_TTL", 3), "InvalidArgument: setsockopt: file descriptor used after calling close!"],
      [() => closedDg.getOption("IP_TTL"), "InvalidArgument: getsockopt: file descriptor used after calling close!"],
    ],
    path: [
      [() => cwd.join(1), 'TypeError: Path.join: "step" must be a string, got the number 1'],
      [() => cwd.join("a\0b"), 'InvalidArgument: Path.join: "a\\u0000b" contains a NUL'],
      [
        () => cwd.join(lone).save("x", { create: { orTruncate: 0o644 } }),
        'InvalidArgument: Path.join: "\\ud800" contains half of a surrogate pair',
      ],
      [
        () => Path.ofDir(1),
        'TypeError: Path.ofDir: "dir" must be a Dir (something with a label, and methods), got the number 1',
      ],
      [
        () => Path.ofDir(),
        'TypeError: Path.ofDir: "dir" must be a Dir (something with a label, and methods), got undefined',
      ],
      [() => cwd.join("g").save(), 'TypeError: Path.save: "data" must be a string or a Uint8Array, got undefined'],
      [() => cwd.join("g").save("x"), 'TypeError: Path.save: "options" must be { create }, got undefined'],
      [
        () => cwd.join("g").save("x", {}),
        'TypeError: Path.save: "options.create" must be "never", { ifMissing }, { orTruncate } or { exclusive }, got undefined',
      ],
      [
        () => cwd.join("g").save("x", { create: 5 }),
        'TypeError: Path.save: "options.create" must be "never", { ifMissing }, { orTruncate } or { exclusive }, got the number 5',
      ],
      [
        () => cwd.join("g").save("x", { create: { orTruncate: "0644" } }),
        'TypeError: Path.save: "options.create.orTruncate" must be permission bits, from 0 to 0o7777, got the string "0644"',
      ],
      [
        () => cwd.join("g").save("x", { create: { orTruncate: NaN } }),
        'TypeError: Path.save: "options.create.orTruncate" must be permission bits, from 0 to 0o7777, got the number NaN',
      ],
      [
        () => cwd.join("g").save("x", { create: { orTruncate: -1 } }),
        'TypeError: Path.save: "options.create.orTruncate" must be permission bits, from 0 to 0o7777, got the number -1',
      ],
      [
        () => cwd.join("g").save("x", { create: { orTruncate: 1.5 } }),
        'TypeError: Path.save: "options.create.orTruncate" must be permission bits, from 0 to 0o7777, got the number 1.5',
      ],
      [
        () => cwd.join("g").save("x", { create: { orTruncate: 2 ** 40 } }),
        'TypeError: Path.save: "options.create.orTruncate" must be permission bits, from 0 to 0o7777, got the number 1099511627776',
      ],
      [
        () => cwd.join("g").save("x", { create: { orTruncate: 0o10000 } }),
        'TypeError: Path.save: "options.create.orTruncate" must be permission bits, from 0 to 0o7777, got the number 4096',
      ],
      [
        () => cwd.join("g").save("x", { create: { orTruncate: undefined } }),
        'TypeError: Path.save: "options.create.orTruncate" must be permission bits, from 0 to 0o7777, got undefined',
      ],
      [
        () => cwd.join("g").save("x", { create: { orTruncate: 1, exclusive: 2 } }),
        'TypeError: Path.save: "options.create" must be "never", { ifMissing }, { orTruncate } or { exclusive }, got an object',
      ],
      [
        () => cwd.join("g").save("x", { create: "never", atomic: true }),
        "InvalidArgument: Path.save: atomic needs create: { orTruncate }",
      ],
      [
        () => cwd.join("g").save("x", { atomic: true }),
        'TypeError: Path.save: "options.create" must be "never", { ifMissing }, { orTruncate } or { exclusive }, got undefined',
      ],
      [
        () => cwd.join("g").save("x", { atomic: true, create: null }),
        'TypeError: Path.save: "options.create" must be "never", { ifMissing }, { orTruncate } or { exclusive }, got null',
      ],
      [
        () => cwd.join("f").save("x", { atomic: true, append: true, create: { orTruncate: 0o644 } }),
        "InvalidArgument: Path.save: atomic writes a new file, and cannot append",
      ],
      [
        () => cwd.save("x", { atomic: true, create: { orTruncate: 0o644 } }),
        "InvalidArgument: Path.save: <cwd> is not the name of a file",
      ],
      [
        () => cwd.join("..").save("x", { atomic: true, create: { orTruncate: 0o644 } }),
        "InvalidArgument: Path.save: <cwd:..> is not the name of a file",
      ],
      [
        () => cwd.join("d/..").save("x", { atomic: true, create: { orTruncate: 0o644 } }),
        "InvalidArgument: Path.save: <cwd:d/..> is not the name of a file",
      ],
      [() => cwd.join("f").openIn(), 'TypeError: Path.openIn: "options" must be { sw }, got undefined'],
      [() => cwd.join("f").openIn({}), 'TypeError: Path.openIn: "sw" must be a Switch, got undefined'],
      [() => cwd.join("f").openIn({ sw: dead }), "SwitchFinishedError: Switch finished!"],
      [() => cwd.join("f").openOut(), 'TypeError: Path.openOut: "options" must be { sw, create }, got undefined'],
      [
        () => cwd.join("f").openOut({ sw }),
        'TypeError: Path.openOut: "options.create" must be "never", { ifMissing }, { orTruncate } or { exclusive }, got undefined',
      ],
      [
        () => cwd.join("f").withOpenIn(),
        'TypeError: Path.withOpenIn: "fn" must be a function returning an op, got undefined',
      ],
      [
        () => cwd.join("f").withOpenOut(undefined, function* () {}),
        'TypeError: Path.withOpenOut: "options" must be { create }, got undefined',
      ],
      [
        () => cwd.join("f").withLines(),
        'TypeError: Path.withLines: "fn" must be a function returning an op, got undefined',
      ],
      [() => cwd.join("m").mkdir(), 'TypeError: Path.mkdir: "options" must be { perm }, got undefined'],
      [
        () => cwd.join("m1").mkdir({}),
        'TypeError: Path.mkdir: "options.perm" must be permission bits, from 0 to 0o7777, got undefined',
      ],
      [
        () => cwd.join("m2").mkdir({ perm: "x" }),
        'TypeError: Path.mkdir: "options.perm" must be permission bits, from 0 to 0o7777, got the string "x"',
      ],
      [
        () => cwd.join("m2").mkdir({ perm: "755" }),
        'TypeError: Path.mkdir: "options.perm" must be permission bits, from 0 to 0o7777, got the string "755"',
      ],
      [
        () => cwd.join("m3").mkdir({ perm: -1 }),
        'TypeError: Path.mkdir: "options.perm" must be permission bits, from 0 to 0o7777, got the number -1',
      ],
      [
        () => cwd.join("m4").mkdir({ perm: 1.5 }),
        'TypeError: Path.mkdir: "options.perm" must be permission bits, from 0 to 0o7777, got the number 1.5',
      ],
      [() => cwd.join("m").mkdirs(), 'TypeError: Path.mkdirs: "options" must be { perm }, got undefined'],
      [
        () => cwd.join("m5/x").mkdirs({}),
        'TypeError: Path.mkdirs: "options.perm" must be permission bits, from 0 to 0o7777, got undefined',
      ],
      [() => cwd.join("d").openSubtree(), 'TypeError: Path.openSubtree: "options" must be { sw }, got undefined'],
      [() => cwd.join("d").openSubtree({ sw: dead }), "SwitchFinishedError: Switch finished!"],
      [
        () => cwd.join("d").withSubtree(),
        'TypeError: Path.withSubtree: "fn" must be a function returning an op, got undefined',
      ],
      [() => cwd.openTemporary(), 'TypeError: Path.openTemporary: "options" must be { sw }, got undefined'],
      [
        () => cwd.withDirEntries(),
        'TypeError: Path.withDirEntries: "fn" must be a function returning an op, got undefined',
      ],
      [() => cwd.stat(), 'TypeError: Path.stat: "options" must be { follow }, got undefined'],
      [() => cwd.stat({}), 'TypeError: Path.stat: "options.follow" must be a boolean, got undefined'],
      [() => cwd.kind(), 'TypeError: Path.kind: "options" must be { follow }, got undefined'],
      [() => cwd.join("f").rename(), 'TypeError: Path.rename: "to" must be a Path, got undefined'],
      [() => cwd.join("f").rename("x"), 'TypeError: Path.rename: "to" must be a Path, got the string "x"'],
      [() => cwd.join("l").symlink(), 'TypeError: Path.symlink: "target" must be a string, got undefined'],
      [() => cwd.join("l").symlink("a\0b"), 'InvalidArgument: Path.symlink: "a\\u0000b" contains a NUL'],
      [() => cwd.join("f").chmod(), 'TypeError: Path.chmod: "options" must be { follow }, got undefined'],
      [() => cwd.join("f").chmod({}), 'TypeError: Path.chmod: "options.follow" must be a boolean, got undefined'],
      [
        () => cwd.join("f").chmod({ perm: -1, follow: true }),
        'TypeError: Path.chmod: "options.perm" must be permission bits, from 0 to 0o7777, got the number -1',
      ],
      [
        () => cwd.join("f").chmod({ perm: "x", follow: true }),
        'TypeError: Path.chmod: "options.perm" must be permission bits, from 0 to 0o7777, got the string "x"',
      ],
      [
        () => cwd.join("f").chmod({ perm: 2 ** 33, follow: true }),
        'TypeError: Path.chmod: "options.perm" must be permission bits, from 0 to 0o7777, got the number 8589934592',
      ],
      [
        () => cwd.join("f").chmod({ perm: 1.5, follow: true }),
        'TypeError: Path.chmod: "options.perm" must be permission bits, from 0 to 0o7777, got the number 1.5',
      ],
      [() => cwd.join("f").chown(), 'TypeError: Path.chown: "options" must be { follow }, got undefined'],
      [
        () => cwd.join("f").chown({ uid: -5, follow: true }),
        'TypeError: Path.chown: "options.uid" must be a number from 0 to 4294967294, got the number -5',
      ],
      [
        () => cwd.join("f").chown({ uid: "x", follow: true }),
        'TypeError: Path.chown: "options.uid" must be a number from 0 to 4294967294, got the string "x"',
      ],
      [
        () => cwd.join("f").chown({ uid: 2 ** 33, follow: true }),
        'TypeError: Path.chown: "options.uid" must be a number from 0 to 4294967294, got the number 8589934592',
      ],
      [
        () => cwd.join("f").chown({ uid: NaN, follow: true }),
        'TypeError: Path.chown: "options.uid" must be a number from 0 to 4294967294, got the number NaN',
      ],
      [() => cwd.join("nope").unlink(5), 'TypeError: Path.unlink: "options" must be an object, got the number 5'],
      [() => cwd.join("nope").rmtree(5), 'TypeError: Path.rmtree: "options" must be an object, got the number 5'],
      [() => deadSub.join("x").load(), "InvalidArgument: subtree: file descriptor used after calling close!"],
      [() => deadSub.stat({ follow: true }), "InvalidArgument: subtree: file descriptor used after calling close!"],
    ],
    file: [
      [() => file.read("x"), 'TypeError: File.read: "buffer" must be a Uint8Array, got the string "x"'],
      [() => file.read(), 'TypeError: File.read: "buffer" must be a Uint8Array, got undefined'],
      [() => file.write("x"), 'TypeError: File.write: "bytes" must be a Uint8Array, got the string "x"'],
      [() => file.write(), 'TypeError: File.write: "bytes" must be a Uint8Array, got undefined'],
      [
        () => file.writeSome(u8),
        'TypeError: File.writeSome: "buffers" must be an array of Uint8Arrays, got an op (or another iterable)',
      ],
      [() => file.writeSome(["x"]), 'TypeError: File.writeSome: "buffers[0]" must be a Uint8Array, got the string "x"'],
      [() => file.writeSome(), 'TypeError: File.writeSome: "buffers" must be an array of Uint8Arrays, got undefined'],
      [() => file.pread(), 'TypeError: File.pread: "buffers" must be an array of Uint8Arrays, got undefined'],
      [
        () => file.pread(u8, 0),
        'TypeError: File.pread: "buffers" must be an array of Uint8Arrays, got an op (or another iterable)',
      ],
      [() => file.pread([u8]), 'TypeError: File.pread: "offset" must be a number, got undefined'],
      [() => file.pread([u8], -1), 'RangeError: File.pread: "offset" must be a whole number of at least 0, not -1'],
      [() => file.pread([u8], 1.5), 'RangeError: File.pread: "offset" must be a whole number of at least 0, not 1.5'],
      [() => file.pread([u8], NaN), 'TypeError: File.pread: "offset" must be a number, got the number NaN'],
      [
        () => file.pread([u8], 2 ** 60),
        'RangeError: File.pread: "offset" must be a whole number of at least 0, not 1152921504606847000',
      ],
      [
        () => file.preadExact([u8], -1),
        'RangeError: File.preadExact: "offset" must be a whole number of at least 0, not -1',
      ],
      [() => file.preadExact([u8]), 'TypeError: File.preadExact: "offset" must be a number, got undefined'],
      [
        () => file.preadExact([], -1),
        'RangeError: File.preadExact: "offset" must be a whole number of at least 0, not -1',
      ],
      [() => file.pwrite([u8]), 'TypeError: File.pwrite: "offset" must be a number, got undefined'],
      [
        () => file.pwrite(u8, 0),
        'TypeError: File.pwrite: "buffers" must be an array of Uint8Arrays, got an op (or another iterable)',
      ],
      [
        () => file.pwriteSome([u8], -1),
        'RangeError: File.pwriteSome: "offset" must be a whole number of at least 0, not -1',
      ],
      [() => file.seek(), 'TypeError: File.seek: "offset" must be a whole number, got undefined'],
      [() => file.seek(NaN, "set"), 'TypeError: File.seek: "offset" must be a whole number, got the number NaN'],
      [() => file.seek(-1, "set"), 'RangeError: File.seek: "offset" must be a whole number of at least 0, not -1'],
      [() => file.seek("1", "set"), 'TypeError: File.seek: "offset" must be a whole number, got the string "1"'],
      [() => file.seek("1", "cur"), 'TypeError: File.seek: "offset" must be a whole number, got the string "1"'],
      [
        () => file.seek(1, "middle"),
        'TypeError: File.seek: "from" must be "set", "cur" or "end", got the string "middle"',
      ],
      [() => file.seek(1.5, "set"), 'TypeError: File.seek: "offset" must be a whole number, got the number 1.5'],
      [() => file.truncate(), 'TypeError: File.truncate: "size" must be a number, got undefined'],
      [() => file.truncate(-1), 'RangeError: File.truncate: "size" must be a whole number of at least 0, not -1'],
      [() => file.truncate(1.5), 'RangeError: File.truncate: "size" must be a whole number of at least 0, not 1.5'],
      [
        () => file.truncate(2 ** 53),
        'RangeError: File.truncate: "size" must be a whole number of at least 0, not 9007199254740992',
      ],
      [() => cf.read(u8), "InvalidArgument: read: file descriptor used after calling close!"],
      [() => cf.write(u8), "InvalidArgument: write: file descriptor used after calling close!"],
      [() => cf.pread([u8], 0), "InvalidArgument: pread: file descriptor used after calling close!"],
      [() => cf.seek(0, "set"), "InvalidArgument: seek: file descriptor used after calling close!"],
      [() => cf.seek(0, "end"), "InvalidArgument: seek: file descriptor used after calling close!"],
      [() => cf.stat(), "InvalidArgument: stat: file descriptor used after calling close!"],
      [() => cf.truncate(1), "InvalidArgument: truncate: file descriptor used after calling close!"],
      [() => cf.sync(), "InvalidArgument: sync: file descriptor used after calling close!"],
      [() => cf.fd, "InvalidArgument: fd: file descriptor used after calling close!"],
    ],
    process: [
      [() => processMgr.spawn(), 'TypeError: ProcessManager.spawn: "args" must be an array of strings, got undefined'],
      [() => processMgr.spawn([], { sw }), "InvalidArgument: Arguments list is empty and no executable given!"],
      [
        () => processMgr.spawn("ls", { sw }),
        'TypeError: ProcessManager.spawn: "args" must be an array of strings, got the string "ls"',
      ],
      [
        () => processMgr.spawn([1], { sw }),
        'TypeError: ProcessManager.spawn: "args" must be an array of strings, got an array',
      ],
      [
        () => processMgr.spawn(["echo", "a\0b"], { sw }),
        'TypeError: ProcessManager.spawn: "args" must be strings without null characters, got the string "a\\u0000b"',
      ],
      [
        () => processMgr.spawn(["true"]),
        'TypeError: ProcessManager.spawn: "options.sw" must be a Switch, got undefined',
      ],
      [
        () => processMgr.spawn(["true"], { sw: 1 }),
        'TypeError: ProcessManager.spawn: "options.sw" must be a Switch, got the number 1',
      ],
      [() => processMgr.spawn(["true"], { sw: dead }), "SwitchFinishedError: Switch finished!"],
      [() => processMgr.spawn([""], { sw }), 'IoError: Process Executable_not_found "", starting command: ""'],
      [
        () => processMgr.spawn(["x"], { sw, executable: "" }),
        'IoError: Process Executable_not_found "", starting command: x',
      ],
      [
        () => processMgr.spawn(["x"], { sw, executable: "a\0" }),
        'TypeError: ProcessManager.spawn: "options.executable" must be a string without null characters, got the string "a\\u0000"',
      ],
      [
        () => processMgr.spawn(["true"], { sw, cwd: "/tmp" }),
        'TypeError: ProcessManager.spawn: "options.cwd" must be a Path (something with a native method), got the string "/tmp"',
      ],
      [
        () => processMgr.spawn(["true"], { sw, cwd: null }),
        'TypeError: ProcessManager.spawn: "options.cwd" must be a Path (something with a native method), got null',
      ],
      [
        () => processMgr.spawn(["true"], { sw, stdin: 5 }),
        'TypeError: ProcessManager.spawn: "options.stdin" must be a source (something with a read method), got the number 5',
      ],
      [
        () => processMgr.spawn(["true"], { sw, stdin: null }),
        'TypeError: ProcessManager.spawn: "options.stdin" must be a source (something with a read method), got null',
      ],
      [
        () => processMgr.spawn(["true"], { sw, stdout: Flow.stringSource("x") }),
        'TypeError: ProcessManager.spawn: "options.stdout" must be a sink (something with a write method), got an object of class BytesSource',
      ],
      [
        () => processMgr.spawn(["true"], { sw, env: 5 }),
        'TypeError: ProcessManager.spawn: "options.env" must be an object, got the number 5',
      ],
      [
        () => processMgr.spawn(["true"], { sw, env: { A: "a\0b" } }),
        'TypeError: ProcessManager.spawn: "options.env.A" must be a string without null characters, got the string "a\\u0000b"',
      ],
      [
        () => processMgr.spawn(["true"], { sw, env: { "A\0": "a" } }),
        'TypeError: ProcessManager.spawn: "options.env" must be an object whose keys are names of variables, got the string "A\\u0000"',
      ],
      [
        () => processMgr.spawn(["true"], { sw, env: { "A=B": "a" } }),
        'TypeError: ProcessManager.spawn: "options.env" must be an object whose keys are names of variables, got the string "A=B"',
      ],
      [
        () => processMgr.run(["true"], { env: { A: 5 } }),
        'TypeError: ProcessManager.run: "options.env.A" must be a string without null characters, got the number 5',
      ],
      [
        () => processMgr.run(["true"], { env: { A: Symbol("x") } }),
        'TypeError: ProcessManager.run: "options.env.A" must be a string without null characters, got a symbol',
      ],
      [
        () => processMgr.run(["true"], { env: ["x"] }),
        'TypeError: ProcessManager.run: "options.env" must be an object, got an array',
      ],
      [
        () => processMgr.run(["true"], { env: { A: {} } }),
        'TypeError: ProcessManager.run: "options.env.A" must be a string without null characters, got an object',
      ],
      [() => processMgr.run(), 'TypeError: ProcessManager.run: "args" must be an array of strings, got undefined'],
      [
        () => processMgr.run(["true"], { isSuccess: 1 }),
        'TypeError: ProcessManager.run: "options.isSuccess" must be a function, got the number 1',
      ],
      [() => processMgr.run(["true"], null), 'TypeError: ProcessManager.run: "options" must be an object, got null'],
      [() => processMgr.parseOut(), 'TypeError: ProcessManager.parseOut: "parser" must be a function, got undefined'],
      [
        () => processMgr.parseOut((r) => r.takeAll(), ["true"], { maxSize: -1 }),
        "InvalidArgument: Max size -1 should be positive!",
      ],
      [
        () => processMgr.parseOut((r) => r.takeAll(), ["true"], { maxSize: "x" }),
        'TypeError: ProcessManager.parseOut: "options.maxSize" must be a number, got the string "x"',
      ],
      [() => processMgr.pipe(), 'TypeError: ProcessManager.pipe: "options.sw" must be a Switch, got undefined'],
      [() => processMgr.pipe({ sw: dead }), "SwitchFinishedError: Switch finished!"],
      [
        () => child.signal(),
        'TypeError: Child.signal: "signal" must be the name of a signal, such as "SIGTERM", or its number, got undefined',
      ],
      [
        () => child.signal("TERM"),
        'TypeError: Child.signal: "signal" must be the name of a signal, such as "SIGTERM", or its number, got the string "TERM"',
      ],
      [() => child.signal("SIGFOO"), "TypeError [ERR_UNKNOWN_SIGNAL]: Unknown signal: SIGFOO"],
      [
        () => child.signal(-1),
        'TypeError: Child.signal: "signal" must be the name of a signal, such as "SIGTERM", or its number, got the number -1',
      ],
      [
        () => child.signal(NaN),
        'TypeError: Child.signal: "signal" must be the name of a signal, such as "SIGTERM", or its number, got the number NaN',
      ],
      [() => child.awaitOrThrow(5), 'TypeError: Child.awaitOrThrow: "options" must be an object, got the number 5'],
      [() => showArgs(), 'TypeError: showArgs: "args" must be an array of strings, got undefined'],
      [() => spawnUnix(), 'TypeError: spawnUnix: "processMgr" must be a ProcessManager, got undefined'],
      [() => ps.read(u8), "InvalidArgument: read: file descriptor used after calling close!"],
      [() => pk.write(u8), "IoError: Net Connection_reset, writing to a pipe"],
      [() => pk2.write(u8), "InvalidArgument: write: file descriptor used after calling close!"],
      [
        () => processMgr.spawn(["cat"], { sw, stdin: ps }),
        "InvalidArgument: read: file descriptor used after calling close!",
      ],
    ],
    time: [
      [() => clock.sleep(), 'TypeError: Clock.sleep: "seconds" must be a number of seconds, got undefined'],
      [() => clock.sleep("1"), 'TypeError: Clock.sleep: "seconds" must be a number of seconds, got the string "1"'],
      [() => clock.sleepUntil(), 'TypeError: Clock.sleepUntil: "time" must be a number of seconds, got undefined'],
      [
        () => clock.sleepUntil(new Date()),
        'TypeError: Clock.sleepUntil: "time" must be a number of seconds, got an object of class Date',
      ],
      [
        () => clock.withTimeoutExn(),
        'TypeError: Clock.withTimeoutExn: "seconds" must be a number of seconds, got undefined',
      ],
      [
        () => clock.withTimeoutExn(1),
        'TypeError: Clock.withTimeoutExn: "body" must be a function returning an op, got undefined',
      ],
      [
        () => clock.withTimeoutExn("1", function* () {}),
        'TypeError: Clock.withTimeoutExn: "seconds" must be a number of seconds, got the string "1"',
      ],
      [
        () => clock.withTimeout(1, async () => {}),
        'TypeError: Clock.withTimeout: "body" must be a function returning an op, got an async function',
      ],
      [() => monoClock.sleep(1n), 'TypeError: Clock.sleep: "seconds" must be a number of seconds, got the number 1'],
      [
        () => monoClock.sleepUntil(1),
        'TypeError: MonoClock.sleepUntil: "time" must be a bigint of nanoseconds, got the number 1',
      ],
      [
        () => monoClock.sleepSpan(1),
        'TypeError: MonoClock.sleepSpan: "nanoseconds" must be a bigint, got the number 1',
      ],
      [
        () => TimeLimit.seconds(null, 1),
        'TypeError: TimeLimit.seconds: "clock" must be a clock, such as env.monoClock, got null',
      ],
      [() => sleep(), 'TypeError: Clock.sleep: "seconds" must be a number of seconds, got undefined'],
      [() => sleep("1"), 'TypeError: Clock.sleep: "seconds" must be a number of seconds, got the string "1"'],
    ],
    domain: [
      [() => domainMgr.open(), 'TypeError: DomainManager.open: "options.sw" must be a Switch, got undefined'],
      [
        () => domainMgr.open({ sw: 1 }),
        'TypeError: DomainManager.open: "options.sw" must be a Switch, got the number 1',
      ],
      [
        () => domainMgr.open({ sw, name: 5 }),
        'TypeError: DomainManager.open: "options.name" must be a string, got the number 5',
      ],
      [
        () => domainMgr.open({ sw, grace: -1 }),
        'TypeError: DomainManager.open: "options.grace" must be a number of seconds that is not negative, got the number -1',
      ],
      [
        () => domainMgr.open({ sw, grace: NaN }),
        'TypeError: DomainManager.open: "options.grace" must be a number of seconds that is not negative, got the number NaN',
      ],
      [
        () => domainMgr.open({ sw, maxMemory: 0 }),
        'TypeError: DomainManager.open: "options.maxMemory" must be a positive number of megabytes, got the number 0',
      ],
      [
        () => domainMgr.run({ module: "/nope", name: "x" }, { maxMemory: 1e-9 }),
        "DomainOutOfMemory: domain: the thread has used up its memory",
      ],
      [() => domainMgr.open({ sw: dead }), "SwitchFinishedError: Switch finished!"],
      [
        () => domainMgr.run(),
        'TypeError: DomainManager.run: "job" must be a job: { module, name, args }, got undefined',
      ],
      [
        () => domainMgr.run(function* () {}),
        "InvalidArgument: Domain.run: a closure cannot be sent to another domain; export the function, and name it by its module",
      ],
      [
        () => domainMgr.run(async () => {}),
        'TypeError: DomainManager.run: "job" must be a function returning an op, got an async function',
      ],
      [
        () => domainMgr.run({}),
        'TypeError: DomainManager.run: "job.module" must be the URL or the path of a module, got undefined',
      ],
      [
        () => domainMgr.run({ module: 5, name: "x" }),
        'TypeError: DomainManager.run: "job.module" must be the URL or the path of a module, got the number 5',
      ],
      [
        () => domainMgr.run({ module: "/x" }),
        'TypeError: DomainManager.run: "job.name" must be a string, got undefined',
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: 5 }),
        'TypeError: DomainManager.run: "job.args" must be an array, got the number 5',
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: [() => {}] }),
        'TypeError: Domain.run: "job.args[0]" must be something that can be copied to another domain, got a function',
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: [Symbol("q")] }),
        'TypeError: Domain.run: "job.args[0]" must be something that can be copied to another domain, got a symbol',
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: [{ a: [sw] }] }),
        "InvalidArgument: Switch accessed from wrong domain!",
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: [(function* () {})()] }),
        "TypeError: Domain.run: the arguments of a job must be something that can be copied to another domain: DataCloneError: [object Generator] could not be cloned.",
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: [Promise.resolve()] }),
        "TypeError: Domain.run: the arguments of a job must be something that can be copied to another domain: DataCloneError: #<Promise> could not be cloned.",
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: [new Proxy({}, {})] }),
        "TypeError: Domain.run: the arguments of a job must be something that can be copied to another domain: DataCloneError: #<Object> could not be cloned.",
      ],
      [
        () =>
          domainMgr.run({
            module: "/x",
            name: "x",
            args: [
              {
                get a() {
                  throw new Error("mine");
                },
              },
            ],
          }),
        "Error: mine",
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: [new WeakMap()] }),
        "TypeError: Domain.run: the arguments of a job must be something that can be copied to another domain: DataCloneError: #<WeakMap> could not be cloned.",
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", args: [client] }),
        "TypeError: Domain.run: the arguments of a job must be something that can be copied to another domain: DataCloneError: () => this.close() could not be cloned.",
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", transfer: 5 }),
        'TypeError: DomainManager.run: "job.transfer" must be an array, got the number 5',
      ],
      [
        () => domainMgr.run({ module: "/x", name: "x", transfer: [5] }),
        'TypeError: DomainManager.run: "job.transfer[0]" must be something that can be transferred, got the number 5',
      ],
      [
        () => {
          const b = new ArrayBuffer(1);
          return domainMgr.run({ module: "/x", name: "x", args: [b], transfer: [b, b] });
        },
        "TypeError: Domain.run: the arguments of a job must be something that can be copied to another domain: DataCloneError: Transfer list contains duplicate ArrayBuffer",
      ],
      [
        () => domainMgr.run({ module: "node:os", name: "nope" }),
        'TypeError: the module node:os exports no function "nope"',
      ],
      [
        () => domainMgr.run({ module: "node:os", name: "toString" }),
        'TypeError: the module node:os exports no function "toString"',
      ],
      [
        () => domainMgr.run({ module: "node:os", name: "cpus" }),
        'TypeError: run: "cpus" must be a fiber function, and gave an array; "runRaw" calls plain functions',
      ],
      [
        () => domainMgr.run({ module: "node:os", name: "cpus" }, null),
        'TypeError: DomainManager.run: "options" must be an object, got null',
      ],
      [
        () => domainMgr.runRaw({ module: "node:module", name: "createRequire", args: ["/x"] }),
        'TypeError: the job: "its result" must be something that can be copied to another domain, got a function',
      ],
      [() => jobOf(), 'TypeError: jobOf: "job.module" must be the URL or the path of a module, got undefined'],
      [() => jobOf("/x", 1, []), 'TypeError: jobOf: "job.name" must be a string, got the number 1'],
      [() => jobOf("/x", "x", "y"), 'TypeError: jobOf: "job.args" must be an array, got the string "y"'],
      [() => jobOf("/x", "x", [], 5), 'TypeError: jobOf: "options" must be an object, got the number 5'],
      [() => runInThread(), 'TypeError: runInThread: "job" must be a job: { module, name, args }, got undefined'],
      [
        () => runInThread(() => 1),
        "InvalidArgument: runInThread: a closure cannot be sent to another domain; export the function, and name it by its module",
      ],
      [
        () => {
          let a = [];
          for (let i = 0; i < 100000; i++) a = [a];
          return domainMgr.run({ module: "node:os", name: "nope", args: [a] });
        },
        "TypeError: Domain.run: the arguments of a job must be something that can be copied to another domain: RangeError: Maximum call stack size exceeded",
      ],
    ],
    pool: [
      [
        () => ExecutorPool.create(),
        'TypeError: ExecutorPool.create: "transport" must be a DomainManager, or something else with an open method, got undefined',
      ],
      [
        () => ExecutorPool.create(domainMgr),
        'TypeError: ExecutorPool.create: "options" must be an object, got undefined',
      ],
      [
        () => ExecutorPool.create(domainMgr, null),
        'TypeError: ExecutorPool.create: "options" must be an object, got null',
      ],
      [
        () => ExecutorPool.create(domainMgr, {}),
        'TypeError: ExecutorPool.create: "options.sw" must be a Switch, got undefined',
      ],
      [
        () => ExecutorPool.create(domainMgr, { sw, domainCount: 0 }),
        "InvalidArgument: Executor_pool: domain count 0 not >= 1",
      ],
      [
        () => ExecutorPool.create(domainMgr, { sw, domainCount: -1 }),
        "InvalidArgument: Executor_pool: domain count -1 not >= 1",
      ],
      [
        () => ExecutorPool.create(domainMgr, { sw, domainCount: 1.5 }),
        'TypeError: ExecutorPool.create: "options.domainCount" must be an integer, got the number 1.5',
      ],
      [
        () => ExecutorPool.create(domainMgr, { sw, domainCount: NaN }),
        'TypeError: ExecutorPool.create: "options.domainCount" must be an integer, got the number NaN',
      ],
      [
        () => ExecutorPool.create(domainMgr, { sw, domainCount: Infinity }),
        'TypeError: ExecutorPool.create: "options.domainCount" must be an integer, got the number Infinity',
      ],
      [
        () => ExecutorPool.create(domainMgr, { sw, domainCount: "2" }),
        'TypeError: ExecutorPool.create: "options.domainCount" must be an integer, got the string "2"',
      ],
      [() => ExecutorPool.create(domainMgr, { sw: dead, domainCount: 1 }), "SwitchFinishedError: Switch finished!"],
    ],
    signals: [
      [() => signals.listen(), 'TypeError: Signals.listen: "sw" must be a Switch, got undefined'],
      [
        () => signals.listen(sw, "TERM", () => {}),
        'TypeError: Signals.listen: "signal" must be the name of a signal, such as "SIGTERM", got the string "TERM"',
      ],
      [
        () => signals.listen(sw, "SIGFOO", () => {}),
        'TypeError: Signals.listen: "signal" must be a signal of this system, got the string "SIGFOO"',
      ],
      [
        () => signals.listen(sw, "SIGKILL", () => {}),
        'TypeError: Signals.listen: "signal" must be a signal that a process can handle, got the string "SIGKILL"',
      ],
      [() => signals.listen(sw, "SIGHUP"), 'TypeError: Signals.listen: "handler" must be a function, got undefined'],
      [() => signals.listen(dead, "SIGHUP", () => {}), "SwitchFinishedError: Switch finished!"],
      [
        () => signals.next(),
        'TypeError: Signals.next: "signal" must be the name of a signal, such as "SIGTERM", got undefined',
      ],
      [
        () => signals.next("SIGKILL"),
        'TypeError: Signals.next: "signal" must be a signal that a process can handle, got the string "SIGKILL"',
      ],
      [
        () => signals.next("SIGFOO"),
        'TypeError: Signals.next: "signal" must be a signal of this system, got the string "SIGFOO"',
      ],
      [() => env.stdout.write("x"), 'TypeError: write: "bytes" must be a Uint8Array, got the string "x"'],
      [
        () => env.stdout.writeSome(["x"]),
        'TypeError: writeSome: "buffers[0]" must be a Uint8Array, got the string "x"',
      ],
      [() => env.secureRandom.read("x"), "TypeError: buffer.subarray is not a function"],
      [
        () => env.secureRandom.read(new Float32Array(4)),
        "TypeMismatchError: The data argument must be an integer-type TypedArray",
      ],
    ],
  };
};
