// Random bytes that are the same each time.

import { refuse } from "../engine/describe.js";
import type { Op } from "../engine/op.js";
import type { Source } from "../flow.js";
import { yieldNow } from "../turns.js";

/**
 * A source of bytes without end that look random, and are the same for the same seed, however they are read. For tests; not for keys.
 *
 * @example
 * const [a, b] = [new Uint8Array(4), new Uint8Array(4)];
 * yield* new MockRandom(7).read(a);
 * yield* new MockRandom(7).read(b);
 * a.join() === b.join(); // => true
 */
export class MockRandom implements Source {
  private state: number;

  /** @param seed  a whole number */
  constructor(seed = 0) {
    if (!Number.isSafeInteger(seed)) refuse("new MockRandom", "seed", "a whole number", seed);
    this.state = seed | 0;
  }

  *read(buffer: Uint8Array): Op<number> {
    yield* yieldNow();
    for (let i = 0; i < buffer.length; i++) buffer[i] = this.next();
    return buffer.length;
  }

  /** A step of a Weyl sequence, and a hash of it that mixes all bits. */
  private next(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let mixed = this.state ^ (this.state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) & 0xff;
  }
}
