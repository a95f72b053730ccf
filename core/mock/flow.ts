// A connection without a network: what is read is scripted, and what is done to it is traced.

import { expectFunction, expectOptions, refuse } from "../engine/describe.js";
import type { Op } from "../engine/op.js";
import { Failure } from "../failure.js";
import { after, EndOfFile, lengthOf, type Direction } from "../flow.js";
import type { StreamSocket } from "../net.js";
import { expectOption, showOption, unsupported, type SocketOptionName, type SocketOptions } from "../socket-option.js";
import type { Hook, Switch } from "../switch.js";
import { traceln } from "../traceln.js";
import { Handler } from "./handler.js";

/** The options of {@link MockFlow}. */
export interface MockFlowOptions {
  /** How bytes appear in the trace. Default: as quoted text, a line each. */
  show?: (bytes: Uint8Array) => string;
  /** Whether what is read is lent, as sources do that have their bytes in memory; see `Source.lend`. Default false. */
  lends?: boolean;
}

/** The bytes that are written at once, unless a test says something else. */
const WRITE_SIZE = 4096;

/**
 * A flow for tests: a test says what each read gives, and `traceln` says what happened to it.
 *
 * @example
 * const flow = new MockFlow("client");
 * flow.onRead.seq([{ return: "hello\n" }, { yieldThen: { return: "bye\n" } }]); // and then the end
 * yield* Flow.copy(flow, flow);
 * // +client: read "hello\n"
 * // +client: wrote "hello\n"
 * // +client: read "bye\n"
 * // +client: wrote "bye\n"
 */
export class MockFlow implements StreamSocket {
  readonly label: string;
  /** What each read gives. Default: `EndOfFile`. */
  readonly onRead: Handler<Uint8Array | string> = new Handler<Uint8Array | string>({ raise: new EndOfFile() });
  /** How many bytes each write takes, at most. Default: 4096. */
  readonly onCopyBytes = new Handler<number>({ return: WRITE_SIZE });
  readonly lend?: (take: (buffers: readonly Uint8Array[]) => Op<number>) => Op<void>;
  private readonly show: (bytes: Uint8Array) => string;
  private lent: readonly Uint8Array[] = [];
  private readonly options = new Map<string, unknown>();
  private hook: Hook | undefined = undefined;
  private ended = false;

  /** @param label  begins each line of the trace */
  constructor(label: string, options?: MockFlowOptions) {
    if (typeof label !== "string") refuse("new MockFlow", "label", "a string", label);
    expectOptions("new MockFlow", options);
    const show = options?.show;
    if (show !== undefined) expectFunction("new MockFlow", "options.show", show);
    this.label = label;
    this.show = show ?? quoted;
    if (options?.lends === true) this.lend = (take) => this.lendNext(take);
  }

  *read(buffer: Uint8Array): Op<number> {
    const bytes = yield* this.nextBytes();
    if (bytes.length > buffer.length) {
      throw new Failure(
        `${this.label}: the ${bytes.length} bytes that a read is to give do not fit into a buffer of ${buffer.length}`,
      );
    }
    buffer.set(bytes);
    this.trace("read", this.show(bytes));
    return bytes.length;
  }

  private *nextBytes(): Op<Uint8Array> {
    const next = yield* this.onRead.run();
    const bytes = typeof next === "string" ? new TextEncoder().encode(next) : next;
    if (bytes.length === 0)
      throw new Failure(`${this.label}: a read is to give no bytes; the end is { raise: new EndOfFile() }`);
    return bytes;
  }

  private *lendNext(take: (buffers: readonly Uint8Array[]) => Op<number>): Op<void> {
    if (this.lent.length === 0) this.lent = [yield* this.nextBytes()];
    const used = yield* take(this.lent);
    const taken = this.lent[0]!.subarray(0, used);
    this.trace("lent", this.show(taken));
    this.lent = after(this.lent, used);
  }

  /** One line, and what follows a line end under the first. */
  private trace(did: string, what: string): void {
    const start = `${this.label}: ${did} `;
    traceln("%s", start + what.replaceAll("\n", `\n${" ".repeat(start.length)}`));
  }

  *write(bytes: Uint8Array): Op<void> {
    for (let left = [bytes]; lengthOf(left) > 0;) left = after(left, yield* this.writeSome(left));
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    const most = yield* this.onCopyBytes.run();
    const length = Math.min(most, lengthOf(buffers));
    const written: string[] = [];
    for (let i = 0, left = length; left > 0; left -= buffers[i++]!.length) {
      written.push(this.show(buffers[i]!.subarray(0, left)));
    }
    this.trace("wrote", written.length === 1 ? written[0]! : `[${written.join(", ")}]`);
    return length;
  }

  *close(): Op<void> {
    if (this.ended) return;
    this.ended = true;
    this.hook?.remove();
    traceln("%s: closed", this.label);
  }

  /** The same as {@link close}. */
  destroy(): Op<void> {
    return this.close();
  }

  /** From now on `sw` closes it, if nobody has done so before. */
  attachTo(sw: Switch): this {
    this.hook = sw.addHook(() => this.close());
    return this;
  }

  *shutdown(which: Direction): Op<void> {
    traceln("%s: shutdown %s", this.label, which);
  }

  getOption<N extends SocketOptionName>(name: N): SocketOptions[N] {
    const known = { TCP_NODELAY: false, SO_KEEPALIVE: false, TCP_KEEPIDLE: 0 } as Partial<SocketOptions>;
    const value = known[name];
    if (value === undefined) throw unsupported("getting", name);
    return (this.options.get(name) ?? value) as SocketOptions[N];
  }

  setOption<N extends SocketOptionName>(name: N, value: SocketOptions[N]): void {
    expectOption(name, value);
    traceln("%s: setsockopt %s", this.label, showOption(name, value));
    this.options.set(name, value);
  }
}

/** Bytes as text in quotes, a line each. */
function quoted(bytes: Uint8Array): string {
  const lines = new TextDecoder().decode(bytes).split(/(?<=\n)/);
  return lines.map((line) => JSON.stringify(line)).join("\n");
}
