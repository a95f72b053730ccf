// Pending deadlines in order: earlier ones first, equal ones in order of registration.

/** One pending deadline. */
export interface Timer {
  /** When, in the unit of the clock that owns the queue. */
  readonly deadline: number;
  readonly order: number;
  /** Place in the heap; -1 when fired or removed. */
  index: number;
  readonly fire: () => void;
}

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

  /** Takes a timer back; nothing happens if it has fired. */
  remove(timer: Timer): void {
    const { index } = timer;
    if (index < 0) return;
    timer.index = -1;
    const last = this.heap.pop()!;
    if (last === timer) return;
    this.place(last, index);
    this.up(last);
    this.down(last);
  }

  /** Fires all timers that are due at `time`, earliest first. Those that this adds wait for the next call. */
  fireDue(time: number): void {
    const due: Timer[] = [];
    for (let first = this.heap[0]; first && first.deadline <= time; first = this.heap[0]) {
      this.remove(first);
      due.push(first);
    }
    for (const timer of due) timer.fire();
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
