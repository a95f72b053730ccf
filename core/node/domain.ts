// Domains on Node: worker threads.

import { protect } from "../cancel.js";
import { Domain, DomainManager, type DomainOptions } from "../domain.js";
import type { Op } from "../engine/op.js";
import { suspend, type Enqueue, type SuspendContext } from "../engine/suspend.js";
import { IoError } from "../io-error.js";
import { expectModuleJob, type Job } from "../job.js";
import type { Switch } from "../switch.js";
import { check } from "../turns.js";
import { RUN, RUN_RAW, Thread } from "./thread.js";

class ThreadDomain extends Domain {
  private readonly options: DomainOptions;
  /** The last one does the jobs; those before it were lost, and may not have ended yet. */
  private threads: Thread[] = [];

  constructor(options: DomainOptions) {
    super();
    this.options = options;
  }

  /** Starts a thread, unless there is one that does jobs. */
  start(): Thread {
    const thread = this.threads.at(-1);
    if (thread?.works) return thread;
    this.threads = this.threads.filter((thread) => !thread.ended);
    const started = new Thread(this.options);
    this.threads.push(started);
    return started;
  }

  *run<T>(job: Job<T>): Op<T> {
    return yield* this.doing("Domain.run", RUN, job);
  }

  *runRaw<T>(job: Job<T>): Op<T> {
    check();
    return yield* protect(() => this.doing("Domain.runRaw", RUN_RAW, job));
  }

  private doing<T>(where: string, method: string, job: Job<T>): Op<T> {
    expectModuleJob(where, job);
    return suspend<T>(`${where} (${job.name})`, (ctx: SuspendContext, enqueue) => {
      const thread = this.start();
      const id = thread.begin(where, method, job, enqueue as Enqueue<unknown>);
      ctx.setCancelFn((error) => thread.cancel(id, error));
    });
  }

  *end(): Op<void> {
    for (const thread of this.threads) yield* thread.end();
  }
}

class ThreadManager extends DomainManager {
  protected start(sw: Switch, options: DomainOptions): Domain {
    const domain = new ThreadDomain(options);
    sw.addHook(() => domain.end());
    try {
      domain.start();
    } catch (error) {
      // There may be descriptors again when there is a job; if not, the job is told.
      if (!(error instanceof IoError)) throw error;
    }
    return domain;
  }
}

/** The threads of this process. */
export const threadManager: DomainManager = new ThreadManager();
