// The run queue: which fiber runs next.

import { takeStep } from "./drive.js";
import type { FiberCore, RunQueue } from "./fiber-core.js";
import type { SiteAllowance } from "./fork-site.js";

const SMALL = 64;

/** A first-in first-out queue of fibers and, ahead of it, the fibers that a fork has put aside. */
export abstract class Scheduler implements RunQueue {
  nextId = 1;
  abstract readonly siteAllowance: SiteAllowance | undefined;
  readonly front: FiberCore[] = [];

  // A ring whose capacity is a power of two.
  private ring = new Array<FiberCore | undefined>(SMALL);
  private head = 0;
  /** Number of queued fibers. */
  protected size = 0;
  /** Nobody is going to look at the queue unless told. */
  protected idle = false;
  /** A fiber yielded in the present pass. */
  protected yielded = false;

  push(fiber: FiberCore): void {
    if (this.size === this.ring.length) this.resize(2 * this.size);
    this.ring[(this.head + this.size) & (this.ring.length - 1)] = fiber;
    this.size++;
    if (this.idle) this.wakeUp();
  }

  noteYield(): void {
    this.yielded = true;
  }

  /** Called when a fiber was queued and the loop is idle. */
  protected wakeUp(): void {}

  private resize(capacity: number): void {
    const { ring, head, size } = this;
    const next = new Array<FiberCore | undefined>(capacity);
    for (let i = 0; i < size; i++) next[i] = ring[(head + i) & (ring.length - 1)];
    this.ring = next;
    this.head = 0;
  }

  /** Gives the memory of a crowded moment back. */
  protected shrink(): void {
    if (this.size === 0 && this.ring.length > 4096 * SMALL) this.resize(SMALL);
  }

  /** Runs the fiber at the head, and the forks it leads to. */
  protected runNext(): void {
    const { ring, head } = this;
    const fiber = ring[head]!;
    ring[head] = undefined;
    this.head = (head + 1) & (ring.length - 1);
    this.size--;
    this.runNow(fiber);
  }

  /** Runs a fiber at once, up to its first suspension, whoever is running now; the forks it makes on the way included. */
  runNow(fiber: FiberCore): void {
    const { front } = this;
    const base = front.length;
    takeStep(fiber);
    while (front.length > base) takeStep(front.pop()!);
  }
}
