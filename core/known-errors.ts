// The errors of this library that come out of jobs as what they are, besides those that every message knows.

import { BufferLimitExceeded } from "./buf-read.js";
import { FlushAborted } from "./buf-write.js";
import { EmptyError, ReentrantLimitError, RuntimeClosedError, TooManyError } from "./border-errors.js";
import { DomainCrashed, DomainExited, DomainLost, DomainOutOfMemory, DomainTerminated } from "./domain.js";
import { DeadlockDetected } from "./engine/deadlock.js";
import { NestedRunError } from "./engine/nested-run.js";
import { Disposed } from "./engine/root.js";
import { EndOfFile } from "./flow.js";
import { registerError } from "./message.js";
import { Poisoned, SysError } from "./mutex.js";
import { NotFirst } from "./race.js";
import { Exit, ReleaseError } from "./switch.js";
import { Timeout } from "./time.js";

const CLASSES = {
  BufferLimitExceeded,
  DeadlockDetected,
  Disposed,
  DomainCrashed,
  DomainExited,
  DomainLost,
  DomainOutOfMemory,
  DomainTerminated,
  EmptyError,
  EndOfFile,
  Exit,
  FlushAborted,
  NestedRunError,
  NotFirst,
  Poisoned,
  ReentrantLimitError,
  ReleaseError,
  RuntimeClosedError,
  SysError,
  Timeout,
  TooManyError,
};

let registered = false;

/** @internal Both sides do it. */
export function registerKnownErrors(): void {
  if (registered) return;
  registered = true;
  // The keys, and not the names of the classes, which bundlers change.
  for (const [name, type] of Object.entries(CLASSES)) registerError(type, { name });
}
