// The clocks of the platform, on `setTimeout`: one armed timer for all sleepers.
//
// The timer functions are looked up at each use, so that a program under a test's fake timers sleeps on those.

import { Timers } from "./engine/timers.js";
import { Clock, MonoClock, type StopTimer } from "./time.js";

/** `setTimeout` counts in 31 bits of milliseconds; longer waits are made of several. */
const LONGEST_MS = 2 ** 31 - 1;

const monotonicSeconds = () => (typeof performance === "object" ? performance.now() : Date.now()) / 1000;

class Alarm {
  private readonly timers = new Timers();
  private armed: ReturnType<typeof setTimeout> | undefined = undefined;
  private armedFor = Infinity;
  private firing = false;

  /** @param deadline  on the monotonic clock; `Infinity` never comes */
  start(deadline: number, wake: () => void): StopTimer {
    if (deadline === Infinity) return () => {};
    const timer = this.timers.add(deadline, wake);
    this.arm();
    return () => {
      this.timers.remove(timer);
      this.arm();
    };
  }

  private arm(): void {
    const next = this.timers.next ?? Infinity;
    if (this.firing || next === this.armedFor) return;
    if (this.armed !== undefined) clearTimeout(this.armed);
    this.armedFor = next;
    this.armed = undefined;
    if (next === Infinity) return;
    const ms = Math.ceil((next - monotonicSeconds()) * 1000);
    this.armed = setTimeout(this.onTimeout, Math.min(Math.max(ms, 0), LONGEST_MS));
  }

  private readonly onTimeout = () => {
    this.armed = undefined;
    this.armedFor = Infinity;
    this.firing = true;
    // The platform may call a little early: what is not due is armed again.
    try {
      this.timers.fireDue(monotonicSeconds());
    } finally {
      this.firing = false;
      this.arm();
    }
  };
}

const alarm = /* @__PURE__ */ new Alarm();

class SystemClock extends Clock {
  now(): number {
    return Date.now() / 1000;
  }

  startTimer(time: number, wake: () => void): StopTimer {
    return this.startDelay(time - this.now(), wake);
  }

  // A delay is counted on the monotonic clock: setting the time of day does not change it.
  override startDelay(seconds: number, wake: () => void): StopTimer {
    return alarm.start(monotonicSeconds() + seconds, wake);
  }
}

class MonotonicSeconds extends Clock {
  now(): number {
    return monotonicSeconds();
  }

  startTimer(time: number, wake: () => void): StopTimer {
    return alarm.start(time, wake);
  }
}

/** The time of day, and sleeping, on the timers of the platform. */
export const systemClock: Clock = /* @__PURE__ */ new SystemClock();

/** The platform's monotonic time. */
export const systemMonoClock: MonoClock = /* @__PURE__ */ new MonoClock(/* @__PURE__ */ new MonotonicSeconds());
