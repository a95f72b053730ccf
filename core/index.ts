// The portable surface. One concept a subpath as well: `trestle/fiber`, `trestle/switch`, ...

export * as Cancel from "./cancel.js";
export * as Fiber from "./fiber.js";

export type { Body, Instruction, Op, Result } from "./engine/op.js";
export { fiber } from "./engine/lift.js";
export {
  Exit,
  Hook,
  ReleaseError,
  Switch,
  SwitchFinishedError,
  type ReleaseHandler,
  type SwitchOptions,
} from "./switch.js";
export { Deferred, Resolver, type DeferredOptions } from "./deferred.js";
export { Stream, StreamClosed, type StreamOptions } from "./stream.js";
export type { Cursor } from "./cursor.js";
export * as Flow from "./flow.js";
export { EndOfFile, type BufferSink, type Direction, type Sink, type Source, type TwoWay } from "./flow.js";
export { BufferLimitExceeded, BufRead, type BufReadOptions, type ByteOrder } from "./buf-read.js";
export * as Parser from "./parser.js";
export { BufWrite, FlushAborted, type BufWriteOptions, type WriteOrder } from "./buf-write.js";
export {
  ListeningSocket,
  Net,
  type ConnectionErrorHandler,
  type ConnectionHandler,
  type ConnectOptions,
  type DatagramOptions,
  type DatagramSocket,
  type ListenOptions,
  type LookUpOptions,
  type ServeOptions,
  type StreamSocket,
  type TcpConnectOptions,
} from "./net.js";
export {
  IpAddress,
  showAddress,
  type DatagramAddress,
  type SocketAddress,
  type StreamAddress,
} from "./socket-address.js";
export { showOption, type SocketOption, type SocketOptionName, type SocketOptions } from "./socket-option.js";
export { File, type FileKind, type FileStat, type SeekFrom } from "./file.js";
export { Path, type Create, type Dir, type DirEntry, type OpenedDir, type OpenOptions } from "./path.js";
export {
  Child,
  ProcessManager,
  showArgs,
  type CommandOptions,
  type CommandRunOptions,
  type ParseOutOptions,
  type PipeSource,
  type SignalId,
  type SpawnOptions,
  type StartDirectory,
  type SuccessOptions,
} from "./process.js";
export {
  Domain,
  DomainCrashed,
  DomainExited,
  DomainLost,
  DomainManager,
  DomainOutOfMemory,
  DomainTerminated,
  type DomainOptions,
  type JobRunner,
  type JobTransport,
  type OpenDomainOptions,
} from "./domain.js";
export { ExecutorPool, type ExecutorPoolOptions, type SubmitForkOptions, type SubmitOptions } from "./executor-pool.js";
export { jobOf, type Job, type JobOptions, type ModuleAddress, type ModuleJob } from "./job.js";
export type { SignalName, Signals } from "./signals.js";
export { showStatus, type ExitStatus } from "./exit-status.js";
export { Permit, Semaphore, type SemaphoreOptions } from "./semaphore.js";
export { Condition, Request, type ConditionOptions } from "./condition.js";
export { Held, Mutex, Poisoned, SysError, type MutexOptions, type UseRwOptions } from "./mutex.js";
export { Lazy, type LazyCancel, type LazyOptions } from "./lazy.js";
export { Pool, type PoolOptions, type PoolUseOptions } from "./pool.js";
export { NotFirst } from "./race.js";
export { Clock, MonoClock, Timeout, type StopTimer } from "./time.js";
export { TimeLimit } from "./time-limit.js";
export { overrideEnv, type Env, type SystemEnv } from "./env.js";
export { traceln, tracelnPos, withTracePrefix, type Debug, type Position, type TracelnFn } from "./traceln.js";
export { Cancelled } from "./engine/cancelled.js";
export { InvalidArgument } from "./engine/invalid-argument.js";
export { NestedRunError } from "./engine/nested-run.js";
export { NotInFiberError } from "./engine/not-in-fiber.js";
export {
  ClosedError,
  EmptyError,
  OverflowError,
  ReentrantLimitError,
  RuntimeClosedError,
  TooManyError,
} from "./border-errors.js";
export { DeadlockDetected, type WaitingFiber } from "./engine/deadlock.js";
export { explain, trailOf, type TrailStep } from "./explain.js";
export {
  addContext,
  fromSystemError,
  IoError,
  registerPrinter,
  rethrowWithContext,
  showBackend,
  type FsErr,
  type GeneralErr,
  type IoErr,
  type IoErrAreas,
  type IoErrorOptions,
  type NetErr,
  type ProcessErr,
} from "./io-error.js";
export { setDebug, type DebugOptions, type Finding } from "./debug/index.js";
export { combine, Failure, Multiple, onUnhandledError, reportUnhandled } from "./failure.js";

// For authors of primitives and bridges.
export { CancelContext } from "./engine/context.js";
export { currentFiber, findFiber } from "./engine/drive.js";
export type { FiberHandle } from "./engine/fiber-core.js";
export { promiseAwaited, promiseMade } from "./crossing.js";
export { captureSurroundings, setSurroundings, withSurroundings, type Surroundings } from "./surroundings.js";
export { Recipe } from "./engine/recipe.js";
export { flush, runReady } from "./engine/host-loop.js";
export { asyncDispose, dispose, type AsyncDisposableLike, type DisposableLike } from "./engine/disposable.js";
export { Disposed, startRoot, type Holder, type RootFiber, type RootOptions } from "./engine/root.js";
export { suspend, suspendUnchecked, type Enqueue, type SuspendContext } from "./engine/suspend.js";
export { Wait } from "./engine/wait.js";
