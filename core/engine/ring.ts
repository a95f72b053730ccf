// A first-in first-out queue of values in a ring: constant work at both ends, and the memory of a crowded moment is given back.

const SMALL = 8;
/** Rings up to this size are kept as they are, however few values are left in them. */
const KEPT = 1024;

export class Ring<T> {
  // The capacity is a power of two. Places without a value hold undefined, so that nothing is kept alive.
  private slots = new Array<T | undefined>(SMALL);
  private head = 0;
  private size = 0;

  /** The number of values. */
  get length(): number {
    return this.size;
  }

  /** Adds a value at the tail. */
  push(value: T): void {
    if (this.size === this.slots.length) this.resize(2 * this.size);
    const { slots } = this;
    slots[(this.head + this.size) & (slots.length - 1)] = value;
    this.size++;
  }

  /** Adds a value at the head. */
  unshift(value: T): void {
    if (this.size === this.slots.length) this.resize(2 * this.size);
    const { slots } = this;
    this.head = (this.head - 1) & (slots.length - 1);
    slots[this.head] = value;
    this.size++;
  }

  /** Takes the value at the head out. There must be one. */
  shift(): T {
    const { slots, head } = this;
    const value = slots[head] as T;
    slots[head] = undefined;
    this.head = (head + 1) & (slots.length - 1);
    this.size--;
    // At a quarter, not at a half: growing and shrinking in turn never costs more than a constant for each value.
    if (this.size <= slots.length >> 2 && slots.length > KEPT) this.resize(slots.length >> 1);
    return value;
  }

  private resize(capacity: number): void {
    const { slots, head, size } = this;
    const next = new Array<T | undefined>(capacity);
    for (let i = 0; i < size; i++) next[i] = slots[(head + i) & (slots.length - 1)];
    this.slots = next;
    this.head = 0;
  }
}
