// @ts-check
// The bounded queue that one writes by hand around promises: a ring of items, and those who wait in order. It makes a promise only
// where somebody has to wait.

/** @template T */
export class PromiseQueue {
  /** @param {number} capacity */
  constructor(capacity) {
    this.capacity = capacity;
    /** @type {(T | undefined)[]} */
    this.items = new Array(capacity).fill(undefined);
    this.head = 0;
    this.size = 0;
    /** @type {((item: T) => void)[]} */
    this.takers = [];
    /** @type {{ item: T, accepted: () => void }[]} */
    this.adders = [];
  }

  /**
   * @param {T} item
   * @returns {Promise<void> | undefined}  a promise when there is no room yet
   */
  add(item) {
    const taker = this.takers.shift();
    if (taker) {
      taker(item);
      return undefined;
    }
    if (this.size < this.capacity) {
      this.items[(this.head + this.size++) % this.capacity] = item;
      return undefined;
    }
    return new Promise((accepted) => this.adders.push({ item, accepted }));
  }

  /** @returns {Promise<T> | T}  a promise when there is no item yet */
  take() {
    if (this.size === 0) return new Promise((resolve) => this.takers.push(resolve));
    const item = /** @type {T} */ (this.items[this.head]);
    this.items[this.head] = undefined;
    this.head = (this.head + 1) % this.capacity;
    this.size--;
    const adder = this.adders.shift();
    if (adder) {
      this.items[(this.head + this.size++) % this.capacity] = adder.item;
      adder.accepted();
    }
    return item;
  }
}
