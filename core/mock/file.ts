// Open files in memory.

import type { Op } from "../engine/op.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import { expectOffset, expectSeek, File, type FileStat, type SeekFrom } from "../file.js";
import { EndOfFile, expectBuffers, expectBytes, lengthOf } from "../flow.js";
import { fromSystemError } from "../io-error.js";
import type { OpenOptions } from "../path.js";
import { Semaphore } from "../semaphore.js";
import type { Hook, Switch } from "../switch.js";
import { yieldNow } from "../turns.js";
import { systemError } from "../walk.js";
import type { FsOperation, MockFs } from "./fs.js";
import { DirectoryInode, FileInode, statOf } from "./inodes.js";

/** What opening gives. */
export class MockFile extends File {
  readonly fd: number;
  private readonly files: MockFs;
  private readonly node: FileInode | DirectoryInode;
  private readonly path: string;
  private readonly writable: boolean;
  private readonly appends: boolean;
  private readonly hook: Hook;
  private isOpen = true;
  private position = 0;
  /** Whose turn it is to use the position. */
  private readonly turn = new Semaphore(1, { name: "position of a file" });

  constructor(files: MockFs, node: FileInode | DirectoryInode, path: string, how: "read" | OpenOptions, sw: Switch) {
    super();
    this.files = files;
    this.node = node;
    this.path = path;
    this.writable = how !== "read";
    this.appends = how !== "read" && how.append === true;
    this.hook = sw.addHook(() => this.close());
    this.fd = files.register(path);
  }

  private expectOpen(operation: string): void {
    if (!this.isOpen) throw new InvalidArgument(`${operation}: file descriptor used after calling close!`);
  }

  private *do<T>(operation: FsOperation, name: string, what: string, body: () => T): Op<T> {
    this.expectOpen(name);
    // It may be closed while the fault waits.
    const again = () => this.expectOpen(name);
    return yield* this.files.do(operation, this.path, what, function* () {
      again();
      return body();
    });
  }

  private file(): FileInode {
    if (this.node instanceof FileInode) return this.node;
    throw systemError("EISDIR");
  }

  private fileToWrite(code = "EBADF"): FileInode {
    if (!this.writable) throw systemError(code);
    return this.file();
  }

  *read(buffer: Uint8Array): Op<number> {
    expectBytes("File.read", "buffer", buffer);
    return yield* this.inTurn(function* (file) {
      const length = yield* file.readAt("read", [buffer], file.position);
      file.position += length;
      return length;
    });
  }

  private *inTurn<T>(body: (file: this) => Op<T>): Op<T> {
    yield* this.turn.acquire();
    try {
      return yield* body(this);
    } finally {
      this.turn.release();
    }
  }

  pread(buffers: readonly Uint8Array[], offset: number): Op<number> {
    expectBuffers("File.pread", buffers);
    expectOffset("File.pread", offset);
    return this.readAt("pread", buffers, offset);
  }

  private *readAt(name: string, buffers: readonly Uint8Array[], at: number): Op<number> {
    const buffer = buffers.find((some) => some.length > 0);
    if (!buffer) {
      yield* yieldNow();
      return 0;
    }
    const length = yield* this.do("read", name, "", () => {
      this.node.atime = this.files.inodes.now();
      return this.file().readInto(buffer, at);
    });
    if (length === 0) throw new EndOfFile();
    return length;
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    expectBuffers("File.writeSome", buffers);
    return yield* this.inTurn(function* (file) {
      const length = yield* file.writeAt("write", buffers, file.position);
      if (length > 0) file.position = file.appends ? file.node.size : file.position + length;
      return length;
    });
  }

  pwriteSome(buffers: readonly Uint8Array[], offset: number): Op<number> {
    expectBuffers("File.pwriteSome", buffers);
    expectOffset("File.pwriteSome", offset);
    return this.writeAt("pwrite", buffers, offset);
  }

  private *writeAt(name: string, buffers: readonly Uint8Array[], at: number): Op<number> {
    const length = lengthOf(buffers);
    if (length === 0) {
      yield* yieldNow();
      return 0;
    }
    return yield* this.do("write", name, ` (${length} byte${length === 1 ? "" : "s"})`, () => {
      const file = this.fileToWrite();
      let offset = this.appends ? file.size : at;
      for (const buffer of buffers) {
        file.write(buffer, offset);
        offset += buffer.length;
      }
      file.mtime = file.ctime = this.files.inodes.now();
      return length;
    });
  }

  *seek(offset: number, from: SeekFrom): Op<number> {
    expectSeek(offset, from);
    this.expectOpen("seek");
    if (this.node instanceof DirectoryInode) throw fromSystemError(systemError("ESPIPE"));
    return yield* this.inTurn(function* (file) {
      const start = from === "set" ? 0 : from === "cur" ? file.position : file.node.size;
      expectOffset("File.seek", start + offset);
      return (file.position = start + offset);
    });
  }

  stat(): Op<FileStat> {
    return this.do("stat", "stat", "", () => statOf(this.node));
  }

  *truncate(size: number): Op<void> {
    expectOffset("File.truncate", size, "size");
    yield* this.do("truncate", "truncate", ` to ${size}`, () =>
      this.files.inodes.truncate(this.fileToWrite("EINVAL"), size),
    );
  }

  sync(): Op<void> {
    return this.do("sync", "sync", "", () => {});
  }

  *close(): Op<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.hook.remove();
    this.files.release(this.fd);
  }
}
