// The fair queue under every primitive: first come, first served; a cancelled waiter leaves in constant time.

import { WaitingPrimitive } from "./primitive.js";

/** A primitive that waits in a queue. */
export abstract class Waiter<T> extends WaitingPrimitive<T> implements Queued {
  /** @internal links of the queue */
  previousWaiter: Queued | undefined = undefined;
  /** @internal */
  nextWaiter: Queued | undefined = undefined;

  /** The queue to wait in. */
  protected abstract readonly waiters: Waiters;

  protected enter(): void {
    this.waiters.add(this);
  }

  protected leave(): void {
    this.waiters.remove(this);
  }
}

/** What can stand in a queue: a waiting fiber, or a callback that is to be called in its turn. */
export interface Queued {
  previousWaiter: Queued | undefined;
  nextWaiter: Queued | undefined;
  /** Its turn has come, and it has left the queue. False when there is nobody any more to be woken. */
  wake(value: unknown, failed?: boolean): boolean;
}

/** A queue of waiting fibers. A waiter is in the queue exactly while its fiber waits: cancelling takes it out at once. */
export class Waiters {
  private head: Queued | undefined = undefined;
  private last: Queued | undefined = undefined;

  /** Who has waited longest. */
  get first(): Queued | undefined {
    return this.head;
  }

  get isEmpty(): boolean {
    return this.head === undefined;
  }

  /** How many wait. Linear work: for reports. */
  get length(): number {
    let length = 0;
    for (let waiter = this.head; waiter; waiter = waiter.nextWaiter) length++;
    return length;
  }

  /** @internal */
  add(waiter: Queued): void {
    waiter.previousWaiter = this.last;
    if (this.last) this.last.nextWaiter = waiter;
    else this.head = waiter;
    this.last = waiter;
  }

  /** @internal */
  remove(waiter: Queued): void {
    const { previousWaiter, nextWaiter } = waiter;
    if (previousWaiter) previousWaiter.nextWaiter = nextWaiter;
    else this.head = nextWaiter;
    if (nextWaiter) nextWaiter.previousWaiter = previousWaiter;
    else this.last = previousWaiter;
    waiter.previousWaiter = waiter.nextWaiter = undefined;
  }

  /** Resumes the fiber that has waited longest; false when nobody waits. Fibers that were given up in a dead-lock are passed over. */
  wakeOne(value: unknown, failed = false): boolean {
    for (let waiter = this.head; waiter; waiter = this.head) {
      this.remove(waiter);
      if (waiter.wake(value, failed)) return true;
    }
    return false;
  }

  /** Resumes all fibers, in the order in which they began to wait. */
  wakeAll(value: unknown): void {
    while (this.wakeOne(value));
  }

  /** Resumes all fibers with an error, in the order in which they began to wait. */
  failAll(error: unknown): void {
    while (this.wakeOne(error, true));
  }
}
