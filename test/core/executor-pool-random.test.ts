// A pool under everything at once: random jobs of random weights, submitters that give up, jobs that fail, are lost, or do not stop when
// they are told to, and a switch that ends or fails at a random moment. Whatever happens, everybody is answered, in order, and nothing
// runs on.

import fc from "fast-check";
import { expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  DomainLost,
  ExecutorPool,
  Fiber,
  StreamClosed,
  Switch,
  type Clock,
  type JobTransport,
  type Op,
  type Result,
} from "trestle";
import { run } from "trestle/mock";

interface Plan {
  /** When it is submitted, and how long the submitter waits. */
  at: number;
  patience: number;
  weight: number;
  takes: number;
  end: "value" | "error" | "lost";
  /** Does not stop when it is told to. */
  stubborn: boolean;
  forked: boolean;
}

interface Script {
  domains: number;
  plans: Plan[];
  /** When the switch of the pool ends, and how. */
  lives: number;
  fails: boolean;
}

const ticks = (max: number) => fc.integer({ min: 0, max });
const script: fc.Arbitrary<Script> = fc.record({
  domains: fc.integer({ min: 1, max: 3 }),
  plans: fc.array(
    fc.record({
      at: ticks(6),
      patience: fc.oneof(fc.constant(Infinity), ticks(8)),
      weight: fc.constantFrom(0, 0.1, 0.25, 0.5, 0.75, 1),
      takes: ticks(4),
      end: fc.constantFrom("value" as const, "error" as const, "lost" as const),
      stubborn: fc.boolean(),
      forked: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  lives: fc.oneof(fc.constant(100), ticks(10)),
  fails: fc.boolean(),
});

const WHOLE = 100;

class World {
  readonly submitted: number[] = [];
  readonly started: number[] = [];
  readonly outcomes: Result<unknown>[] = [];
  readonly errors: readonly Error[];
  running = 0;
  poolEnded = false;
  private readonly clock: Clock;
  private readonly plans: readonly Plan[];

  constructor(clock: Clock, plans: readonly Plan[]) {
    this.clock = clock;
    this.plans = plans;
    this.errors = plans.map(({ end }, i) => (end === "lost" ? new DomainLost(`lost ${i}`) : new Error(`error ${i}`)));
  }

  readonly transport: JobTransport = {
    open: () => this.domain(),
  };

  private *domain(): Op<{ run: <T>(job: { args?: readonly unknown[] } | (() => unknown)) => Op<T> }> {
    const state = { load: 0 };
    const world = this;
    return {
      *run<T>(job: { args?: readonly unknown[] } | (() => unknown)): Op<T> {
        return (yield* world.perform(state, (job as { args: [number] }).args[0])) as T;
      },
    };
  }

  private *perform(domain: { load: number }, i: number): Op<number> {
    const { weight, takes, stubborn, end } = this.plans[i]!;
    // A domain takes no job while it has enough to do.
    expect(domain.load).toBeLessThan(WHOLE);
    expect(this.poolEnded).toBe(false);
    domain.load += weight * WHOLE;
    this.running++;
    this.started.push(i);
    try {
      const sleep = () => this.clock.sleep(takes);
      yield* stubborn ? Cancel.protect(sleep) : sleep();
    } finally {
      domain.load -= weight * WHOLE;
      this.running--;
    }
    if (end !== "value") throw this.errors[i];
    return i;
  }

  *submit(pool: ExecutorPool, i: number, sw: Switch): Op<void> {
    const { at, patience, weight, forked } = this.plans[i]!;
    yield* this.clock.sleep(at);
    const job = { module: "jobs", name: "job", args: [i] };
    const world = this;
    function* wait(): Op<Result<unknown>> {
      world.submitted.push(i);
      if (!forked) return yield* pool.submit<unknown>(job, { weight });
      return yield* (yield* pool.submitFork<unknown>(job, { weight, sw })).await();
    }
    try {
      this.outcomes[i] =
        patience === Infinity
          ? yield* wait()
          : yield* Fiber.first<Result<unknown>, Result<unknown>>(wait, function* () {
              yield* world.clock.sleep(patience);
              return { ok: true, value: "gave up" };
            });
    } catch (error) {
      this.outcomes[i] = { ok: false, error };
    }
  }
}

function play({ domains, plans, lives, fails }: Script): World {
  let world!: World;
  run(function* ({ clock }) {
    world = new World(clock, plans);
    yield* Switch.run(function* (outer) {
      try {
        yield* Switch.run(function* (sw) {
          const pool = yield* ExecutorPool.create(world.transport, { sw, domainCount: domains });
          for (const i of plans.keys()) yield* Fiber.fork(outer, () => world.submit(pool, i, outer));
          yield* clock.sleep(lives);
          if (fails) throw new Error("the pool fails");
        });
      } catch (error) {
        expect(String(error)).toBe("Error: the pool fails");
      }
      world.poolEnded = true;
    });
  });
  return world;
}

function expectAnswered(world: World, { plans, lives }: Script): void {
  for (const [i, { end }] of plans.entries()) {
    const outcome = world.outcomes[i]!;
    const own = end === "value" ? { ok: true, value: i } : { ok: false, error: world.errors[i] };
    if (outcome.ok) {
      expect([i, "gave up"]).toContain(outcome.value);
      if (outcome.value === i) expect(outcome).toEqual(own);
      continue;
    }
    if (outcome.error === world.errors[i]) {
      expect(end).not.toBe("value");
      continue;
    }
    // Nobody else's error, and only because the pool has ended.
    expect(outcome.error instanceof StreamClosed || outcome.error instanceof Cancelled).toBe(true);
    expect(lives).toBeLessThan(100);
  }
}

it("EP-02 EP-04 EP-06 EP-10 EP-11 EP-12 everybody is answered, jobs start once and in order, and nothing runs on", () => {
  fc.assert(
    fc.property(script, (script) => {
      const world = play(script);
      expectAnswered(world, script);
      expect(world.running).toBe(0);
      expect(new Set(world.started).size).toBe(world.started.length);
      // Those that started did so in the order in which they were submitted.
      const order = world.submitted.filter((i) => world.started.includes(i));
      expect(world.started).toEqual(order);
    }),
    { numRuns: 300 },
  );
});
