// What takes native code, which there is none of here: it says so.

import type { Op } from "../engine/op.js";
import type { Sink, Source } from "../flow.js";
import { IoError } from "../io-error.js";
import type { StreamSocket } from "../net.js";
import type { Switch } from "../switch.js";

/** The two ends of a terminal. */
export interface Pty {
  /** Ours. */
  readonly pty: Source & Sink;
  /** That of the process. */
  readonly tty: Source & Sink;
  /** Its name, below `/dev`. */
  readonly name: string;
}

/**
 * Would send descriptors over a Unix socket, with a message. Node cannot: give them to a process when it starts (`spawnUnix`).
 *
 * @example
 * const server = yield* env.net.listen({ type: "unix", path: "socket" }, { sw });
 * const client = yield* env.net.connect(server.address, { sw });
 * yield* sendDescriptors(client, [new Uint8Array(1)], { fds: [server] });
 * // throws IoError: Not_available, sending descriptors
 *
 * @throws IoError  `Io Not_available`, always
 */
export function* sendDescriptors(
  _socket: StreamSocket,
  _buffers: readonly Uint8Array[],
  _options: { fds: readonly object[] },
): Op<void> {
  throw notAvailable("sending descriptors");
}

/**
 * Would receive a message with descriptors from a Unix socket: at most `maxFds`. Node cannot.
 *
 * @throws IoError  `Io Not_available`, always
 */
export function* receiveDescriptors(
  _socket: StreamSocket,
  _buffer: Uint8Array,
  _options: { sw: Switch; maxFds: number },
): Op<{ length: number; fds: readonly number[] }> {
  throw notAvailable("receiving descriptors");
}

/**
 * Would open a terminal that a program can play. Node cannot; packages with native code can.
 *
 * @example
 * yield* openPty({ sw }); // throws IoError: Not_available, opening a terminal
 *
 * @throws IoError  `Io Not_available`, always
 */
export function* openPty(_options: { sw: Switch }): Op<Pty> {
  throw notAvailable("opening a terminal");
}

function notAvailable(step: string): IoError {
  return new IoError({ area: "Io", kind: "Not_available" }, [step]);
}
