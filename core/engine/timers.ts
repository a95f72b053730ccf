// Pending deadlines in order: earlier ones first, equal ones in order of registration.

import { Failures } from "./multiple.js";

/** One pending deadline. */
export interface Timer {
  /** When, in the unit of the clock that owns the queue. */
  readonly deadline: number;
  readonly order: number;
  /** Place in the heap, or one of the two below. */
  index: number;
  readonly fire: () => void;
}

/** Fired, or removed. */
const GONE = -1;
/** Taken out of the heap, and about to fire. */
const DUE = -2;

/** A binary heap of timers; adding and removing cost O(log n). */
export class Timers {
  private readonly heap: Timer[] = [];
  private nextOrder = 0;

  /** The earliest deadline, or undefined when nothing is pending. */
  get next(): number | undefined {
    return this.heap[0]?.deadline;
  }

  add(deadline: number, fire: () => void): Timer {
    const timer: Timer = { deadline, order: this.nextOrder++, index: this.heap.length, fire };
    this.heap.push(timer);
    this.up(timer);
    return timer;
  }

  /** Takes a timer back; nothing happens if it has fired. One that is due along with others can still be taken back by those. */
  remove(timer: Timer): void {
    const { index } = timer;
    timer.index = GONE;
    if (index < 0) return;
    const last = this.heap.pop()!;
    if (last === timer) return;
    this.place(last, index);
    this.up(last);
    this.down(last);
  }

  /**
   * Fires all timers that are due at `time`, earliest first. Those that this adds wait for the next call. What they throw is thrown,
   * combined, after all have fired.
   */
  fireDue(time: number): void {
    const due: Timer[] = [];
    for (let first = this.heap[0]; first && first.deadline <= time; first = this.heap[0]) {
      this.remove(first);
      first.index = DUE;
      due.push(first);
    }
    const failures = new Failures();
    for (const timer of due) {
      if (timer.index !== DUE) continue;
      timer.index = GONE;
      try {
        timer.fire();
      } catch (error) {
        failures.add(error);
      }
    }
    if (!failures.none) throw failures.error;
  }

  private up(timer: Timer): void {
    while (timer.index > 0) {
      const parent = this.heap[(timer.index - 1) >> 1]!;
      if (!before(timer, parent)) return;
      const { index } = timer;
      this.place(timer, parent.index);
      this.place(parent, index);
    }
  }

  private down(timer: Timer): void {
    for (;;) {
      const left = this.heap[2 * timer.index + 1];
      const right = this.heap[2 * timer.index + 2];
      const child = right && before(right, left!) ? right : left;
      if (!child || !before(child, timer)) return;
      const { index } = timer;
      this.place(timer, child.index);
      this.place(child, index);
    }
  }

  private place(timer: Timer, index: number): void {
    this.heap[index] = timer;
    timer.index = index;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
