// FIFOs: pipes that have a name. Waiting for their other end takes no thread, as it does with connections.

import { fstat } from "node:fs";
import { Socket } from "node:net";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import { expectOffset, File, type FileStat } from "../file.js";
import { expectBuffers } from "../flow.js";
import { addContext, fromSystemError, type IoError } from "../io-error.js";
import type { Descriptor } from "./descriptor.js";
import { SYSTEM_FD, type WithSystemFd } from "./fd.js";
import { statOf } from "./file-stat.js";
import { closed, StreamSink, StreamSource } from "./stream-flow.js";
import { closeFd } from "./walk.js";

/** One end of a FIFO. A reader waits for somebody who writes; when the last one has closed it, there is the end. */
export class Fifo extends File implements WithSystemFd {
  private readonly descriptor: Descriptor<number>;
  private readonly isReader: boolean;
  /** Made when it is first used: what is only handed to a process is not read by us. Then the descriptor is the socket's. */
  private socket: Socket | undefined = undefined;
  private source: StreamSource | undefined = undefined;
  private sink: StreamSink | undefined = undefined;

  constructor(descriptor: Descriptor<number>, isReader: boolean) {
    super();
    this.descriptor = descriptor;
    this.isReader = isReader;
  }

  get fd(): number {
    return this.now("fd");
  }

  get [SYSTEM_FD](): number | undefined {
    return this.descriptor.isOpen && this.socket?.destroyed !== true ? this.fd : undefined;
  }

  private now(operation: string): number {
    const fd = this.descriptor.now(operation);
    // After an error, Node has given it back.
    if (this.socket?.destroyed === true) throw new InvalidArgument(`${operation}: file descriptor used after an error`);
    return fd;
  }

  private stream(fd: number): Socket {
    return (this.socket ??= new Socket({ fd, readable: this.isReader, allowHalfOpen: true }));
  }

  private reader(): StreamSource {
    const fd = this.descriptor.now("read");
    if (!this.isReader) throw this.failed("reading from", "EBADF");
    return (this.source ??= new StreamSource(this.stream(fd), this.descriptor.name));
  }

  private writer(): StreamSink {
    const fd = this.descriptor.now("write");
    if (this.isReader) throw this.failed("writing to", "EBADF");
    return (this.sink ??= new StreamSink(this.stream(fd), this.descriptor.name));
  }

  *read(buffer: Uint8Array): Op<number> {
    return yield* this.reader().read(buffer);
  }

  *lend(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    yield* this.reader().lend(take);
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    return yield* this.writer().writeSome(buffers);
  }

  *stat(): Op<FileStat> {
    const fd = this.now("stat");
    return yield* statOf("stat", (done) => fstat(fd, { bigint: true }, done));
  }

  *pread(buffers: readonly Uint8Array[], offset: number): Op<number> {
    expectBuffers("File.pread", buffers);
    expectOffset("File.pread", offset);
    throw this.failed("reading from", "ESPIPE");
  }

  *pwriteSome(buffers: readonly Uint8Array[], offset: number): Op<number> {
    expectBuffers("File.pwriteSome", buffers);
    expectOffset("File.pwriteSome", offset);
    throw this.failed("writing to", "ESPIPE");
  }

  *seek(): Op<number> {
    throw this.failed("seeking in", "ESPIPE");
  }

  *truncate(size: number): Op<void> {
    expectOffset("File.truncate", size, "size");
    throw this.failed("truncating", "EINVAL");
  }

  *sync(): Op<void> {
    throw this.failed("syncing", "EINVAL");
  }

  private failed(step: string, code: "EBADF" | "ESPIPE" | "EINVAL"): IoError {
    return addContext(system(code), `${step} ${this.descriptor.name}`);
  }

  close(): Op<void> {
    return this.descriptor.close();
  }

  /** What its descriptor is released by. Who waits to read meets the end. */
  *giveBack(fd: number): Op<void> {
    if (!this.socket) return yield* closeFd(fd);
    this.socket.destroy();
    yield* closed(this.socket, "closing a FIFO");
  }
}

/** What the system says of what a FIFO cannot do. */
function system(code: "EBADF" | "ESPIPE" | "EINVAL"): IoError {
  const reason = { EBADF: "bad file descriptor", ESPIPE: "illegal seek", EINVAL: "invalid argument" }[code];
  return fromSystemError(Object.assign(new Error(`${code}: ${reason}`), { code }));
}
