// Domains on Node: worker threads.

import type { DomainManager } from "../domain.js";
import { ThreadManager } from "../job-thread.js";
import { Thread } from "./thread.js";

/** The threads of this process. */
export const threadManager: DomainManager = new ThreadManager((options) => new Thread(options));
