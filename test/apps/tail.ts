/**
 * `tail -f`: the last lines of a file, and then whatever is added to it. A file that was cut is read from its beginning, one that was
 * put aside is left for the new one of its name; SIGHUP has it look at once, SIGTERM ends it. It can read below one directory, write to
 * one sink, wait and hear signals, and do nothing else.
 */
import { Condition, Fiber, Flow, Switch, type File, type Op, type Path, type Sink, type SystemEnv } from "trestle";

type Powers = Pick<SystemEnv, "clock" | "signals"> & { readonly stdout: Sink };

export interface Options {
  /** How many lines of what is there already. */
  readonly lines: number;
  /** How often to look, in seconds. */
  readonly every: number;
}

/** Ends at SIGTERM. */
export function* tail(path: Path, env: Powers, options: Options): Op<void> {
  yield* Fiber.first<void, never>(
    () => env.signals.next("SIGTERM"),
    () => follow(path, env, options),
  );
}

function* follow(path: Path, env: Powers, { lines, every }: Options): Op<never> {
  const woken = new Condition();
  return yield* Switch.run(function* (sw) {
    env.signals.listen(sw, "SIGHUP", () => woken.broadcast());
    const pause = () =>
      Fiber.first(
        () => env.clock.sleep(every),
        () => woken.awaitNoMutex(),
      );
    let from = yield* path.withOpenIn((file) => startOfLastLines(file, lines));
    for (;;) {
      yield* path.withOpenIn((file) => copyWhileNamed(path, file, from, env.stdout, pause));
      from = 0;
    }
  });
}

/** Copies what is in `file` from `from` on, and what is added, until the name stands for another file. */
function* copyWhileNamed(path: Path, file: File, from: number, out: Sink, pause: () => Op<void>): Op<void> {
  const { ino } = yield* file.stat();
  const buffer = new Uint8Array(65_536);
  for (let position = from; ; yield* pause()) {
    const replaced = !(yield* path.isFile()) || (yield* path.stat({ follow: true })).ino !== ino;
    let { size } = yield* file.stat();
    if (size < position) position = 0;
    // Nothing is added to a file that was put aside, once this has been read.
    for (; position < size; { size } = yield* file.stat()) {
      const count = yield* file.pread([buffer], position);
      yield* out.write(buffer.subarray(0, count));
      position += count;
    }
    if (replaced && (yield* path.isFile())) return;
  }
}

/** Where the last `count` lines begin: reads backwards, a piece at a time. */
function* startOfLastLines(file: File, count: number): Op<number> {
  const piece = new Uint8Array(4_096);
  const { size } = yield* file.stat();
  let seen = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - piece.length);
    const bytes = piece.subarray(0, end - start);
    yield* Flow.readExact(yield* at(file, start), bytes);
    for (let i = bytes.length - 1; i >= 0; i--) {
      // A newline at the very end ends the last line, and begins none.
      if (bytes[i] === 10 && start + i + 1 < size && ++seen === count) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

function* at(file: File, position: number): Op<File> {
  yield* file.seek(position, "set");
  return file;
}
