// What a program in a page or a web worker is given.

import type { Env } from "../env.js";
import { systemClock, systemMonoClock } from "../system-clock.js";
import { debug } from "../traceln.js";

/** The real ones. */
export const webEnv: Env = { clock: systemClock, monoClock: systemMonoClock, debug, backendId: "web" };
