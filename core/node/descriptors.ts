// What was open before we came: files, pipes and sockets, by the numbers of their descriptors.

import { createSocket } from "node:dgram";
import { constants, fstat, write } from "node:fs";
import { createServer, Socket, type Server } from "node:net";
import { expectOptions, refuse } from "../engine/describe.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import type { File, FileKind } from "../file.js";
import { addContext, fromSystemError } from "../io-error.js";
import type { DatagramSocket, ListeningSocket, StreamSocket } from "../net.js";
import { IpAddress, type StreamAddress } from "../socket-address.js";
import { Switch } from "../switch.js";
import { check } from "../turns.js";
import { call } from "./call.js";
import { Descriptor } from "./descriptor.js";
import { Fifo } from "./fifo.js";
import { infoOf, NodeFile } from "./file.js";
import { statOf } from "./file-stat.js";
import { adoptSocket, ConnectionQueue, Datagrams, Listening, peerOf, settled, stopListening } from "./net.js";
import { closeFd } from "./walk.js";

/** The options of {@link Descriptors.file}. */
export interface ImportFileOptions {
  /** What it belongs to from now on. */
  sw: Switch;
  /** Whether the descriptor is closed when `sw` ends, or the file is closed. Default true. */
  close?: boolean;
}

/** The options of {@link Descriptors.listening}. */
export interface ImportListeningOptions {
  /** Closes it when it ends. */
  sw: Switch;
  /** How many clients may wait to be accepted. Default 128. */
  backlog?: number;
}

/** The options of {@link Descriptors.datagrams}. */
export interface ImportDatagramOptions {
  /** Closes it when it ends. */
  sw: Switch;
  /** What the socket is for: addresses of IPv4 or of IPv6. */
  type: "udp4" | "udp6";
}

/**
 * The descriptors that the process was started with, and those that other code has opened, by their numbers: as files and sockets.
 * A service manager passes listening sockets like this, from number 3 on; `spawnUnix` does, too. They belong to the switch from then on,
 * and nobody else may close them. What is of another kind than asked for is left as it is.
 *
 * @example
 * function* serve(env: NodeEnv, sw: Switch): Op<ListeningSocket> {
 *   const address = { type: "tcp", ip: IpAddress.v4.loopback, port: 8080 } as const;
 *   if (env.vars["LISTEN_FDS"] === undefined) return yield* env.net.listen(address, { sw });
 *   return yield* env.descriptors.listening(3, { sw });
 * }
 */
export class Descriptors {
  /**
   * A file, a device, or one end of a pipe. A cancellation point.
   *
   * @example
   * const file = yield* env.cwd.join("notes.txt").openIn({ sw });
   * const same = yield* env.descriptors.file(fdOf(file)!, { sw, close: false });
   * yield* Flow.readAll(same); // => "the notes"
   *
   * @throws InvalidArgument  for a socket or a directory, and for a pipe that is not to be closed
   * @throws IoError  when nothing is open by this number
   */
  *file(fd: number, options: ImportFileOptions): Op<File> {
    const sw = expectImport("Descriptors.file", fd, options);
    const { close = true } = options;
    if (typeof close !== "boolean") refuse("Descriptors.file", "options.close", "a boolean", close);
    const kind = yield* kindOfFd(fd);
    if (kind === "socket" || kind === "directory" || (kind === "fifo" && !close)) {
      const what = kind === "fifo" ? "a pipe, which cannot be left open" : `a ${kind}`;
      throw new InvalidArgument(`Descriptors.file: descriptor ${fd} is ${what}`);
    }
    const name = `descriptor ${fd}`;
    if (kind === "fifo") {
      const isReader = !(yield* isWritable(fd));
      let fifo: Fifo | undefined;
      const descriptor = yield* Descriptor.own(fd, { name, sw, release: (raw) => fifo?.giveBack(raw) ?? closeFd(raw) });
      return (fifo = new Fifo(descriptor, isReader));
    }
    const appends = process.platform === "linux" && ((yield* infoOf(fd)).flags & constants.O_APPEND) !== 0;
    const release = close ? closeFd : leaveOpen;
    const descriptor = yield* Descriptor.own(fd, { name, sw, release });
    return new NodeFile(descriptor, { sw, hasPositions: kind === "regular", appends });
  }

  /**
   * A socket that is connected. A cancellation point.
   *
   * @throws InvalidArgument  for what is no such socket
   * @throws IoError  when nothing is open by this number
   */
  *stream(fd: number, options: { sw: Switch }): Op<StreamSocket> {
    const sw = expectImport("Descriptors.stream", fd, options);
    yield* expectSocket("Descriptors.stream", fd);
    const socket = taken("Descriptors.stream", fd, () => new Socket({ fd, allowHalfOpen: true }));
    return yield* adoptSocket(socket, sw, `descriptor ${fd}`, peerOf(socket));
  }

  /**
   * A socket that listens, or that has an address and does not listen yet. Its file, if it has one, stays when it is closed. A
   * cancellation point.
   *
   * @throws InvalidArgument  for what is no socket
   * @throws IoError  when nothing is open by this number, or when the socket is of another kind
   */
  *listening(fd: number, options: ImportListeningOptions): Op<ListeningSocket> {
    const sw = expectImport("Descriptors.listening", fd, options);
    const { backlog = 128 } = options;
    yield* expectSocket("Descriptors.listening", fd);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const queue = new ConnectionQueue(server, `descriptor ${fd}`, backlog);
    const start = () => server.listen({ fd, backlog });
    const stop = () => stopListening(server, queue);
    try {
      yield* settled(server, "listening", `listening on descriptor ${fd}`, start, stop);
    } catch (error) {
      throw addContext(error, `listening on descriptor ${fd}`);
    }
    try {
      return new Listening(server, sw, addressOf(server), queue);
    } catch (error) {
      stop();
      throw error;
    }
  }

  /**
   * A socket for datagrams that has an address. A cancellation point.
   *
   * @throws InvalidArgument  for what is no such socket; one of the other type is closed
   * @throws IoError  when nothing is open by this number
   */
  *datagrams(fd: number, options: ImportDatagramOptions): Op<DatagramSocket> {
    const sw = expectImport("Descriptors.datagrams", fd, options);
    const { type } = options;
    if (type !== "udp4" && type !== "udp6") refuse("Descriptors.datagrams", "options.type", '"udp4" or "udp6"', type);
    yield* expectSocket("Descriptors.datagrams", fd);
    const socket = createSocket({ type });
    const start = () => taken("Descriptors.datagrams", fd, () => socket.bind({ fd }));
    yield* settled(socket, "listening", `descriptor ${fd}`, start, () => socket.close());
    try {
      if (socket.address().family !== (type === "udp4" ? "IPv4" : "IPv6"))
        throw new InvalidArgument(`Descriptors.datagrams: descriptor ${fd} is not for ${type}`);
      return new Datagrams(socket, sw);
    } catch (error) {
      socket.close();
      throw error;
    }
  }
}

/** The descriptors of this process. */
export const nodeDescriptors: Descriptors = new Descriptors();

function expectImport(where: string, fd: number, options: { sw: Switch }): Switch {
  if (typeof fd !== "number") refuse(where, "fd", "a number", fd);
  if (!Number.isInteger(fd) || fd < 0 || fd > LARGEST_FD)
    throw new RangeError(`${where}: "fd" must be a whole number of at least 0, not ${fd}`);
  expectOptions(where, options);
  const sw: unknown = (options as Partial<typeof options> | undefined)?.sw;
  if (!(sw instanceof Switch)) refuse(where, "options.sw", "a Switch", sw);
  check();
  sw.check();
  return sw;
}

/** What Node takes. */
const LARGEST_FD = 2 ** 31 - 1;

function* kindOfFd(fd: number): Op<FileKind> {
  try {
    return (yield* statOf("stat", (done) => fstat(fd, { bigint: true }, done))).kind;
  } catch (error) {
    throw addContext(error, `examining descriptor ${fd}`);
  }
}

function* expectSocket(where: string, fd: number): Op<void> {
  const kind = yield* kindOfFd(fd);
  if (kind !== "socket") throw notThat(where, fd, kind === "fifo" ? ": it is a pipe" : `: it is a ${kind} file`);
}

function notThat(where: string, fd: number, why: string): InvalidArgument {
  return new InvalidArgument(`${where}: descriptor ${fd} is no such socket${why}`);
}

/** What Node makes of a socket that is open, unless it is of another kind. */
function taken<T>(where: string, fd: number, take: () => T): T {
  try {
    return take();
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_INVALID_FD_TYPE") throw notThat(where, fd, "");
    throw fromSystemError(error);
  }
}

/** Nothing is written, and the system says whether something could be. */
function isWritable(fd: number): Op<boolean> {
  return call<boolean>("examining a pipe", (done) =>
    write(fd, new Uint8Array(0), 0, 0, null, (error) =>
      done(null, (error as { code?: unknown } | null)?.code !== "EBADF"),
    ),
  );
}

/** The system does not tell Node the names of those that it has not named itself. */
function addressOf(server: Server): StreamAddress {
  const address = server.address();
  if (address === null || typeof address === "string") return { type: "unix", path: "" };
  return { type: "tcp", ip: IpAddress.parse(address.address)!, port: address.port };
}

function* leaveOpen(): Op<void> {}
