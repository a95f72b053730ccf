/** What the rules are tried on besides the examples of their documentation. */
import type { Example } from "../../../codemods/lint/rule.js";

interface Cases {
  readonly bad: readonly (string | Example)[];
  readonly good: readonly (string | Example)[];
}

/** A fiber function, whose ops run once. */
const work = "function* work(): Op<void> {\n  yield* save(1);\n}\n";

const blocking = (first: string, call: string): string =>
  `import type { Op } from "trestle";\n${first}\nexport function* main(): Op<void> {\n  yield* save(1);\n  use(${call});\n}`;

export const cases: Readonly<Record<string, Cases>> = {
  "no-reused-op": {
    bad: [
      `${work}function* f() {
  const op = work();
  if (ready) yield* op;
  use(1);
  return yield* op;
}`,
      `${work}function* f() {
  const op = work();
  try {
    yield* op;
  } catch {
    yield* op;
  }
}`,
      `${work}function* f() {
  const op = work();
  for (;;) {
    try {
      return yield* op;
    } catch {
      use("again");
    }
  }
}`,
      `${work}function* f() {
  const op = work();
  use(yield* op, yield* op);
}`,
      `${work}function* f() {
  const op = work();
  yield* Fiber.both(
    () => op,
    () => op,
  );
}`,
      `${work}function* f() {
  const op = work();
  yield* Fiber.all([() => op, () => save(1)]);
  yield* op;
}`,
      `${work}yield* Switch.run(function* (sw) {
  const op = work();
  while (yield* isReady()) yield* Fiber.fork(sw, () => op);
});`,
      `${work}class Client {
  #ready: Op<void>;
  constructor() {
    this.#ready = work();
  }
}
use(Client);`,
      `${work}class Client {
  private ready?: Op<void>;
  *get(): Op<void> {
    yield* (this.ready ??= work());
  }
}
use(Client);`,
    ],
    good: [
      `${work}function* f() {
  const op = work();
  switch (ids.length) {
    case 0:
      return yield* op;
    case 1:
      yield* op;
      break;
    default:
      yield* op;
  }
}`,
      `${work}function* f() {
  const op = work();
  if (ready) {
    yield* op;
    return;
  }
  yield* op;
}`,
      `${work}function* f() {
  const op = work();
  if (ready) yield* op;
  if (!ready) yield* op;
}`,
      `${work}function* f() {
  const op = work();
  while (yield* isReady()) {
    if (ids.length > 1) {
      yield* op;
      break;
    }
  }
}`,
      `${work}function* f() {
  const op = work();
  for (const id of ids) {
    use(id);
    yield* op;
    break;
  }
}`,
      `${work}function* f() {
  const op = work();
  const again = () => op;
  use(again);
  yield* Cancel.protect(() => op);
}`,
      `${work}function* f() {
  const op = work();
  yield* ready ? Cancel.protect(() => op) : Cancel.sub(() => op);
}`,
      `${work}function* f() {
  let op = work();
  yield* op;
  op = work();
  yield* op;
}`,
      `${work}function* f() {
  const op = work();
  try {
    yield* op;
  } finally {
    use(op);
  }
}`,
      `${work}function* generate() {
  yield* save(1);
}
class Steps {
  private readonly steps: Iterator<unknown>;
  private readonly made = () => work();
  private op?: Op<void>;
  private readonly more: Iterator<unknown> = generate();
  constructor() {
    this.steps = generate();
    use(this.steps, this.made, this.more);
  }
  *run(): Op<void> {
    this.op = work();
    yield* this.op;
  }
}
use(Steps);`,
      `${work}class Driver {
  private readonly steps = work()[Symbol.iterator]();
  next() {
    return this.steps.next();
  }
}
use(Driver);`,
    ],
  },
  "switch-no-escape": {
    bad: [
      "yield* Switch.run(function* (sw) {\n  yield* save(1);\n  return [sw, 1] as const;\n});",
      "yield* Switch.runProtected(function* (inner) {\n  yield* save(1);\n  if (ready) return inner;\n  return undefined;\n});",
      `function* f() {
  let late: Switch | undefined;
  yield* Switch.run(function* (sw) {
    late = sw;
    yield* save(1);
  });
  yield* Fiber.fork(late!, () => save(2));
}`,
      `class Server {
  sw?: Switch;
  *run(): Op<void> {
    yield* Switch.run((sw) => {
      this.sw = sw;
      return save(1);
    });
  }
}
use(Server);`,
    ],
    good: [
      `class Server {
  sw: Switch | undefined;
  *run(): Op<void> {
    try {
      yield* Switch.run((sw) => {
        this.sw = sw;
        return save(1);
      });
    } finally {
      this.sw = undefined;
    }
  }
}
use(Server);`,
      `function* f() {
  let inner: Switch | undefined;
  use(inner);
  yield* Switch.run(function* (sw) {
    inner = sw;
    yield* save(1);
    yield* Fiber.fork(inner, () => save(2));
  });
}`,
      `yield* Switch.run(function* (sw) {
  class Pool {
    sw = sw;
    set() {
      this.sw = sw;
    }
  }
  const pool = new Pool();
  pool.sw = sw;
  yield* save(1);
  return yield* Fiber.forkPromise(pool.sw, () => load());
});`,
      "yield* Switch.run(function* (sw) {\n  yield* save(1);\n  return () => sw.getError();\n});",
      "yield* Switch.run(function* (sw) {\n  return ids.map((id) => [id, sw.id]);\n});",
      "yield* Switch.run(function* (sw) {\n  yield* Fiber.fork(sw, () => save(1));\n  const spawn = (id: number) => {\n    return Fiber.fork(sw, () => save(id));\n  };\n  return yield* spawn(1);\n});",
    ],
  },
  "no-shared-check-then-act": {
    bad: [
      "class Api {\n  #client?: string;\n  *get(): Op<string> {\n    if (this.#client === undefined) {\n      const made = yield* load();\n      this.#client = made;\n    }\n    return this.#client;\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: string;\n  *get(): Op<string> {\n    this.client = this.client ?? (yield* load());\n    return this.client;\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: string;\n  *get(clock: { sleep(seconds: number): Op<void> }): Op<string> {\n    yield* clock.sleep(1);\n    if (!this.client) this.client = yield* load();\n    return this.client;\n  }\n}\nuse(Api);",
    ],
    good: [
      "class Api {\n  private client?: string;\n  *get(): Op<string> {\n    if (!this.client) {\n      const made = yield* load();\n      this.client ??= made;\n    }\n    return this.client;\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: string;\n  *get(): Op<string> {\n    if (!this.client) {\n      const made = yield* load();\n      if (this.client) return this.client;\n      this.client = made;\n    }\n    return this.client;\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: string;\n  *get(): Op<string> {\n    if (!this.client) {\n      const made = yield* load();\n      if (!this.client) this.client = made;\n    }\n    return this.client ?? '';\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: string;\n  private readonly state = new Mutex();\n  *get(): Op<void> {\n    yield* this.state.useRw(function* (this: Api): Op<void> {\n      if (!this.client) this.client = yield* load();\n    }.bind(this));\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: unknown;\n  *get(): Op<unknown> {\n    return (this.client ??= yield* fromPromise(import('node:fs')));\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: string;\n  private busy = false;\n  *get(): Op<void> {\n    if (!this.client) {\n      this.busy = true;\n      this.client = yield* load();\n      use(this.busy);\n    }\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: string;\n  get(): string {\n    if (!this.client) this.client = 'made';\n    return this.client;\n  }\n}\nuse(Api);",
      "class Api {\n  private client?: string;\n  *get(): Op<void> {\n    if (!this.client) this.client = 'made';\n    yield* save(1);\n    this.client = yield* load();\n  }\n}\nuse(Api);",
    ],
  },
  "no-nested-root": {
    bad: [
      {
        code: "function* f() {\n  yield* isReady();\n  yield* fromPromise(run(() => save(1)));\n}",
        suggested: ["function* f() {\n  yield* isReady();\n  yield* save(1);\n}"],
      },
      {
        code: "function* f() {\n  yield* isReady();\n  toPromise(() => save(1)).catch(use);\n}",
        suggested: [],
      },
      {
        code: "function* work(): Op<void> {\n  yield* save(1);\n}\nyield* Switch.run(function* (sw) {\n  toPromise(work);\n});",
        suggested: [
          "function* work(): Op<void> {\n  yield* save(1);\n}\nyield* Switch.run(function* (sw) {\n  yield* work();\n});",
          "function* work(): Op<void> {\n  yield* save(1);\n}\nyield* Switch.run(function* (sw) {\n  yield* Fiber.fork(sw, () => work());\n});",
        ],
      },
    ],
    good: [
      "async function f() {\n  await toPromise(() => save(1));\n}",
      "function* f(signal: AbortSignal, sw: Switch) {\n  yield* isReady();\n  void toPromise(() => save(1), { signal });\n  void toPromise(() => save(1), { sw });\n}",
      "function* f() {\n  yield* isReady();\n  const promise = toPromise(() => save(1));\n  use(promise);\n  yield* fromPromise(promise);\n}",
      "function* f() {\n  yield* isReady();\n  return toPromise(() => save(1));\n}",
    ],
  },
  "no-blocking-in-fiber": {
    bad: [
      blocking('import fs from "node:fs";', 'fs.readFileSync("a")'),
      blocking('import { default as files } from "fs";', 'files.writeFileSync("a", "b")'),
      blocking('import { spawnSync as start } from "child_process";', 'start("make")'),
      blocking('import { readFileSync } from "node:fs";', '["a"].filter(Boolean).map((name) => readFileSync(name))'),
      blocking('import { pbkdf2Sync } from "node:crypto";', 'pbkdf2Sync("a", "b", 1, 1, "sha1")'),
      {
        code: 'const { Fiber } = require("trestle");\nconst { execSync } = require("child_process");\nexport function* main() {\n  yield* Fiber.yield();\n  execSync("make");\n  require("node:fs").rmSync("a");\n}',
        js: true,
        found: 2,
      },
    ],
    good: [
      blocking('import { randomFillSync } from "node:crypto";', "randomFillSync(new Uint8Array(1))"),
      blocking("const readFileSync = (path: string) => path;", 'readFileSync("a")'),
      blocking("const fs = { readFileSync: (path: string) => path };", 'fs.readFileSync("a")'),
      blocking('import { readFileSync } from "node:fs";', '() => readFileSync("a")'),
      blocking("", "Atomics.wait(new Int32Array(1), 0, 0, 0)"),
      'import { readFileSync } from "node:fs";\nexport function* lines(): Generator<string> {\n  yield* readFileSync("a", "utf8").split("\\n");\n}',
    ],
  },
  "no-callback-resume-twice": {
    bad: [
      "yield* fromCallback<number>((ok) => {\n  ok(1);\n  ok(2);\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    else use(text);\n    return ok(text);\n  });\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    if (text) ok(text);\n    else ok('');\n  });\n});",
      "yield* fromCallback<number>((ok, fail) => {\n  for (const id of ids) {\n    if (id > 9) {\n      ok(id);\n      break;\n    }\n  }\n  fail(new Error('none'));\n});",
      "yield* fromCallback<unknown>((ok, fail) => {\n  let made: unknown;\n  try {\n    made = JSON.parse(url);\n  } catch (error) {\n    fail(error);\n  }\n  ok(made);\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    switch (error) {\n      case null:\n        ok(text);\n        break;\n      default:\n        use(error);\n    }\n    fail(error);\n  });\n});",
    ],
    good: [
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    if (!error) ok(text);\n  });\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    if (text) {\n      if (error) return;\n      ok(text);\n    } else {\n      if (error) return;\n      ok('');\n    }\n  });\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    error ? use(error) : ok(text);\n  });\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    error || ok(text);\n  });\n});",

      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    if (error) return;\n    ok(text);\n  });\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => (error ? fail(error) : ok(text)));\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    error ? fail(error) : ok(text);\n  });\n});",
      "yield* fromCallback<unknown>((ok, fail) => {\n  try {\n    ok(JSON.parse(url));\n  } catch (error) {\n    fail(error);\n  }\n});",
      "yield* fromCallback<number>((ok, fail) => {\n  for (const id of ids) {\n    if (id > 9) return ok(id);\n  }\n  fail(new Error('none'));\n});",
      "yield* fromCallback<number>((ok, fail) => {\n  switch (ids.length) {\n    case 0:\n      fail(new Error('none'));\n      break;\n    default:\n      ok(1);\n  }\n});",
      "yield* fromCallback<number>((ok, fail) => {\n  setTimeout(() => ok(1), 1);\n  setTimeout(() => fail(new Error('late')), 2);\n});",
      "yield* fromCallback<number>((ok, fail) => {\n  if (ids.length === 0) {\n    fail(new Error('none'));\n    return;\n  }\n  ok(1);\n});",
    ],
  },
};
