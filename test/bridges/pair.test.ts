import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, currentFiber, Fiber, type Op } from "trestle";
import { adopt, direct, fromPromise, pair, pairMethods, toAsync, toPromise } from "@trestle/bridges";
import { expectNoUnhandledRejections, outcome } from "./world.js";

expectNoUnhandledRejections();

function* currentId(): Op<number> {
  return currentFiber().id;
}

describe("direct", () => {
  it("TR1209 runs the fiber function behind toAsync in the calling fiber, without a promise", async () => {
    const own = toAsync(currentId);
    const [here, there, other] = await toPromise(function* () {
      return [currentFiber().id, yield* direct(own)(), yield* fromPromise(own())];
    });
    expect(there).toBe(here);
    expect(other).not.toBe(here);
  });

  it("TR1209 runs the twin of a pair with the arguments, and the twin that was paired last", async () => {
    const calls: string[] = [];
    const facade = (a: number, b: number): Promise<number> => Promise.resolve(a - b);
    pair(facade, function* (a: number, b: number): Op<number> {
      calls.push(`first ${a} ${b}`);
      return a;
    });
    pair(facade, function* (a: number, b: number): Op<number> {
      calls.push(`second ${a} ${b}`);
      return a + b;
    });
    expect(await toPromise(() => direct(facade)(3, 4))).toBe(7);
    expect(calls).toEqual(["second 3 4"]);
  });

  it("TR1209 waits for what any other function gives: a promise, a value, an op", async () => {
    const given = [() => Promise.resolve(1), () => 2, () => fromPromise(Promise.resolve(3))];
    for (const [index, fn] of given.entries()) {
      expect(await toPromise(() => direct(fn as () => Promise<number>)())).toBe(index + 1);
    }
  });

  it("TR1209 calls nothing before the op is run, and calls anew each time it is run", async () => {
    let calls = 0;
    const op = direct(() => Promise.resolve(++calls))();
    expect(calls).toBe(0);
    await toPromise(function* () {
      expect([yield* op, yield* op]).toEqual([1, 2]);
    });
  });

  it("TR1209 a foreign function that throws, rejects, or is there in a cancelled fiber", async () => {
    const thrown = direct((): Promise<void> => {
      throw new Error("at once");
    });
    expect(await outcome(toPromise(() => thrown()))).toContain("at once");
    expect(await outcome(toPromise(() => direct(() => Promise.reject(new Error("later")))()))).toContain("later");
    const ended = toPromise(() =>
      Cancel.sub(function* (cc) {
        cc.cancel("enough");
        try {
          yield* direct(() => new Promise(() => {}))();
          return "went on";
        } catch (error) {
          return error instanceof Cancelled ? "cancelled" : "failed";
        }
      }),
    );
    expect(await ended).toBe("cancelled");
  });

  it("TR1209 a method is looked up on its object, which is its this", async () => {
    const store = {
      unit: 2,
      get: toAsync(function* (this: { unit: number }, n: number): Op<number> {
        return this.unit * n;
      }),
      put(n: number): Promise<number> {
        return Promise.resolve(this.unit + n);
      },
    };
    await toPromise(function* () {
      expect(yield* direct(store, "get")(21)).toBe(42);
      expect(yield* direct(store, "put")(40)).toBe(42);
      store.get = () => Promise.resolve(7);
      expect(yield* direct(store, "get")(21)).toBe(7);
    });
  });

  it("CM-K03 a function is called on the object that is given with it, and keeps its type parameters", async () => {
    class Store {
      readonly #prefix = "s-";
      private async hidden(id: string): Promise<string> {
        return `hidden ${this.#prefix}${id}`;
      }
      get<T>(id: string): Promise<T | undefined> {
        return toPromise(() => this.getOp<T>(id));
      }
      *getOp<T>(id: string): Op<T | undefined> {
        return `${this.#prefix}${id} ${currentFiber().id}` as T;
      }
      both(): Promise<string[]> {
        return toPromise(
          function* (this: Store): Op<string[]> {
            const text = yield* direct(this.get, this)<string>("a"); // eslint-disable-line @typescript-eslint/unbound-method
            const hidden = yield* direct(this.hidden, this)("b"); // eslint-disable-line @typescript-eslint/unbound-method
            return [text === `s-a ${currentFiber().id}` ? "same fiber" : `${text}`, hidden];
          }.bind(this),
        );
      }
    }
    pairMethods(Store.prototype, { get: "getOp" });
    expect(await new Store().both()).toEqual(["same fiber", "hidden s-b"]);
  });

  it("CM-K03 waits for a promise that a fiber function returns, as an async function does", async () => {
    const lying = toAsync(function* (): Op<number> {
      return Promise.resolve(7) as unknown as number;
    });
    expect(await lying()).toBe(7);
    const failing = toAsync(function* (): Op<number> {
      return Promise.reject(new Error("later")) as unknown as number;
    });
    await toPromise(function* () {
      expect(yield* direct(lying)()).toBe(7);
      let caught: unknown;
      try {
        yield* direct(failing)();
      } catch (error) {
        caught = error;
      }
      expect(caught).toEqual(new Error("later"));
    });
  });

  it("TR1209 refuses what is no function, and a method that is not there", () => {
    expect(() => direct(undefined as never)).toThrow('direct: "fn" must be a function, got undefined');
    expect(() => direct({} as Record<string, () => void>, "get")).toThrow(
      'direct: "get" must be a method of the object, got undefined',
    );
    expect(() => {
      pair(1 as never, currentId);
    }).toThrow('pair: "facade" must be a function');
    expect(() => {
      pair(toAsync(currentId), (async () => {}) as never);
    }).toThrow('pair: "twin" must be a function returning an op, got an async function');
  });
});

describe("pairMethods", () => {
  class Store {
    static readonly opened: string[] = [];
    static open(name: string): Promise<string> {
      return toPromise(() => this.openOp(name));
    }
    static *openOp(name: string): Op<string> {
      this.opened.push(name);
      return `open ${name}`;
    }
    readonly log: string[] = [];
    get(id: string): Promise<string> {
      return toPromise(() => this.getOp(id));
    }
    *getOp(id: string): Op<string> {
      this.log.push(`Store ${id}`);
      return `${id} of fiber ${yield* currentId()}`;
    }
    *both(): Op<string[]> {
      return yield* Fiber.all([() => this.getOp("a"), () => this.getOp("b")]);
    }
  }
  const written = Object.getOwnPropertyDescriptor(Store.prototype, "get")?.value as () => void;
  pairMethods(Store.prototype, { get: "getOp" });
  pairMethods(Store, { open: "openOp" });

  class Paired extends Store {
    override get(id: string): Promise<string> {
      return toPromise(() => this.getOp(id));
    }
    override *getOp(id: string): Op<string> {
      this.log.push(`Paired ${id}`);
      return yield* super.getOp(`super ${id}`);
    }
  }
  pairMethods(Paired.prototype, { get: "getOp" });

  class Foreign extends Store {
    override async get(id: string): Promise<string> {
      this.log.push(`Foreign ${id}`);
      return await super.get(`super ${id}`);
    }
  }

  it("CM-K12 runs the fiber method in the calling fiber as long as nobody has replaced the async one", async () => {
    const store = new Store();
    await toPromise(function* () {
      const here = currentFiber().id;
      expect(yield* store.getOp("a")).toBe(`a of fiber ${here}`);
      expect(yield* direct(store, "get")("b")).toBe(`b of fiber ${here}`);
    });
    expect(await store.get("c")).toMatch(/^c of fiber/);
    expect(store.log).toEqual(["Store a", "Store b", "Store c"]);
  });

  it("CM-K12 an override that knows nothing of fibers is called, once, and reaches the base through super", async () => {
    const store = new Foreign();
    expect(await toPromise(() => store.getOp("a"))).toMatch(/^super a of fiber/);
    expect(await store.get("b")).toMatch(/^super b of fiber/);
    expect(store.log).toEqual(["Foreign a", "Store super a", "Foreign b", "Store super b"]);
  });

  it("CM-K12 an override with a fiber method of its own reaches that of the base through super", async () => {
    const store = new Paired();
    await toPromise(function* () {
      const here = currentFiber().id;
      expect(yield* store.getOp("a")).toBe(`super a of fiber ${here}`);
    });
    expect(await store.get("b")).toMatch(/^super b of fiber/);
    expect(store.log).toEqual(["Paired a", "Store super a", "Paired b", "Store super b"]);
  });

  it("CM-K12 a subclass of a paired override, which overrides once more, comes first", async () => {
    class Last extends Paired {
      override async get(id: string): Promise<string> {
        this.log.push(`Last ${id}`);
        return await super.get(id);
      }
    }
    const store = new Last();
    await toPromise(() => store.getOp("a"));
    expect(store.log).toEqual(["Last a", "Paired a", "Store super a"]);
  });

  it("CM-K12 a stub on the object and one on the prototype are called, until they are taken away", async () => {
    const store = new Store();
    store.get = () => Promise.resolve("stub of the object");
    expect(await toPromise(() => store.getOp("a"))).toBe("stub of the object");
    Reflect.deleteProperty(store, "get");
    const { get } = Object.getOwnPropertyDescriptors(Store.prototype);
    Store.prototype.get = () => Promise.resolve("stub of the class");
    try {
      expect(await toPromise(() => store.both())).toEqual(["stub of the class", "stub of the class"]);
      expect(await toPromise(() => new Paired().getOp("a"))).toBe("stub of the class");
    } finally {
      Object.defineProperty(Store.prototype, "get", get);
    }
    expect(await toPromise(() => store.getOp("b"))).toMatch(/^b of fiber/);
  });

  it("CM-K12 static methods are paired on the class, and their this is the class they were called on", async () => {
    class Other extends Store {
      static override readonly opened: string[] = [];
    }
    expect(await toPromise(() => Other.openOp("x"))).toBe("open x");
    expect(await Other.open("y")).toBe("open y");
    expect([Store.opened, Other.opened]).toEqual([[], ["x", "y"]]);
    Other.open = () => Promise.resolve("stub");
    expect(await toPromise(() => Other.openOp("z"))).toBe("stub");
    expect(await toPromise(() => Store.openOp("z"))).toBe("open z");
  });

  it("CM-K12 name, length and what a listing shows stay", () => {
    const keys: string[] = [];
    for (const key in new Store()) keys.push(key);
    expect(keys).toEqual(["log"]);
    expect([Store.prototype.get.name, Store.prototype.get.length]).toEqual([written.name, written.length]);
    expect([Store.prototype.getOp.name, Store.prototype.getOp.length]).toEqual(["getOp", 1]);
    expect(Reflect.ownKeys(Store.prototype)).toEqual(["constructor", "get", "getOp", "both"]);
  });

  it("CM-K12 an error in a default parameter rejects, and does not throw", async () => {
    class Faulty {
      go(_at?: number): Promise<void> {
        return Promise.resolve();
      }
      *goOp(
        _at: number = (() => {
          throw new Error("no default");
        })(),
      ): Op<void> {
        yield* adopt(1);
      }
    }
    pairMethods(Faulty.prototype, { go: "goOp" });
    expect(await outcome(new Faulty().go())).toContain("no default");
  });

  it("CM-K12 refuses a holder that has not the methods itself", () => {
    expect(() => {
      pairMethods(null as never, {});
    }).toThrow('pairMethods: "holder" must be the prototype of a class, or a class, got null');
    expect(() => {
      pairMethods(Foreign.prototype, { get: "getOp" });
    }).toThrow('pairMethods: "getOp" must be a method of the holder itself, got undefined');
  });
});
