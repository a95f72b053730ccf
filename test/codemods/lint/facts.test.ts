/** What the fact sheets ask of the rules, with types and without, in TypeScript and in JavaScript. */
import * as eslint from "eslint";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { isOurs, names, type Name } from "../../../codemods/lint/names.js";
import { rules } from "../../../codemods/lint/rules/index.js";
import { casesOf, families, isJavaScript } from "../transform/case-file.js";
import { edited, lint, pieces } from "./tester.js";

const found = (rule: string | readonly string[], code: string, extension = ".ts", typed = true): string[] =>
  lint(eslint, rule, code, extension, typed).map(({ line, message }) => `${line}: ${message.split(". ")[0]!}`);

describe("a fiber function in async code", () => {
  const code = (types: string) => `import { Fiber } from "trestle";
${types}
function* load() {
  yield* Fiber.yield();
  return 1;
}
async function main() {
  const value = await load();
  return value;
}
main();
`;
  const expected = ["8: `await` does not run load(), which gives an op: it comes back as it is"];

  it("BM-02 await of a generator function's result is reported, by types", () => {
    expect(found("no-await-op", code("type N = number;"))).toEqual(expected);
  });

  it("BM-02 await of a generator function's result is reported in JavaScript, by the types of JSDoc", () => {
    const text = code("/** @returns {import('trestle').Op<number>} */");
    expect(found("no-await-op", text, ".js")).toEqual(expected);
  });

  it("BM-02 await of a generator function's result is reported without types, within a file", () => {
    expect(found("no-await-op", code("//"), ".js", false)).toEqual(expected);
  });

  it("BM-02 await of a generator that is no fiber function is none of our business", () => {
    const text = `function* numbers() { yield 1; }\nasync function main() { await numbers(); }\nmain();\n`;
    expect(found("no-await-op", text)).toEqual([]);
    expect(found("no-await-op", `import "trestle";\n${text}`, ".js", false)).toEqual([]);
  });
});

describe("an op that is dropped", () => {
  const code = `import { Fiber } from "trestle";
export function* main(sw) {
  Fiber.fork(sw, () => Fiber.yield());
  void Fiber.yield();
  yield* Fiber.yield();
}
`;
  const expected = [
    "3: Fiber.fork(…) gives an op, and nobody runs it: it does nothing",
    "4: Fiber.yield() gives an op, and nobody runs it: it does nothing",
  ];

  it.each([true, false])("BM-05 a call that is a statement is reported; with types: %s", (typed) => {
    expect(found("no-floating-op", code, ".js", typed)).toEqual(expected);
  });

  it("BM-05 so it is where the op comes from another file, by its type", () => {
    const text = `/** @param {import("trestle").Deferred<number>} cell */\nexport function wait(cell) { cell.await(); }\n`;
    expect(found("no-floating-op", text, ".js")).toHaveLength(1);
  });

  it("BM-05 what gives no op is left alone", () => {
    const text = `declare function* later(): Generator<number>;\nuse([1], new Map<string, Op<void>>());\n[load()].length;\nlater();\n`;
    expect(found("no-floating-op", text.replace("function*", "function"))).toEqual([]);
  });
});

it("a list of primitives, which are instructions themselves, is no op", () => {
  const text = `import type { Instruction } from "trestle";
declare const waiting: Set<Instruction & Op<void>>;
declare const one: Instruction & Op<void>;
waiting.add(one);
for (const each of waiting) use(each);
`;
  expect(found(["no-floating-op", "no-misused-op"], text)).toEqual([]);
  expect(found("no-floating-op", `${text}one;\n`)).toHaveLength(1);
});

describe("a façade in a fiber", () => {
  const store = `import { toPromise } from "@trestle/bridges";
import { Fiber } from "trestle";
export const read = (id: number): Promise<number> => toPromise(() => readOp(id));
export function* readOp(id: number): Op<number> {
  yield* Fiber.yield();
  return id;
}
export const list = (): Promise<number[]> => Promise.resolve([]);
export class Store {
  get(): Promise<number> {
    return toPromise(() => this.getOp());
  }
  *getOp(): Op<number> {
    return yield* readOp(1);
  }
}
`;
  const specifier = basename(pieces.add(store)).replace(".ts", ".js");
  const user = (call: string, names = "read, list, Store") => `import { ${names} } from "./${specifier}";
import { fromPromise } from "@trestle/bridges";
export function* main(store: Store, reader: { get(): Promise<number> }): Op<unknown> {
  use(read, list, store, reader);
  return yield* ${call};
}
`;

  it("is reported by the types of what is imported, and the fiber function is imported in its place", () => {
    const code = user("fromPromise(read(1))");
    const [message] = lint(eslint, "no-facade-in-fiber", code, ".ts");
    expect(message?.message).toContain("read(…) is a façade");
    const after = edited(code, [message!.suggestions![0]!.fix]);
    expect(after).toBe(user("readOp(1)", "read, readOp, list, Store"));
    expect(pieces.errorsIn(pieces.add(after)).filter((error) => !error.includes("never used"))).toEqual([]);
    expect(found("no-facade-in-fiber", after)).toEqual([]);
  });

  it("is reported by the members of an object's type", () => {
    expect(found("no-facade-in-fiber", user("fromPromise(store.get())"))).toHaveLength(1);
  });

  it("is nothing that has no fiber function, or of which none is known", () => {
    for (const call of ["fromPromise(list())", "fromPromise(reader.get())", "readOp(1)"]) {
      expect(found("no-facade-in-fiber", user(call, "read, readOp, list, Store")), call).toEqual([]);
    }
    expect(lint(eslint, "no-facade-in-fiber", user("fromPromise(read(1))"), ".ts", false)).toEqual([]);
  });
});

describe("an op that runs once", () => {
  const code = (made: string) => `import { Fiber, Switch } from "trestle";
function* load() {
  yield* Fiber.yield();
}
export function* main() {
  const op = ${made};
  yield* op;
  yield* op;
  return yield* Switch.run(function* (sw) {
    return sw;
  });
}
`;

  it.each([true, false])(
    "is reported where it is run again, and so is a switch that is returned; with types: %s",
    (typed) => {
      expect(found(["no-reused-op", "switch-no-escape"], code("load()"), ".js", typed)).toEqual([
        "8: op was run before on a way that comes here",
        "10: `sw` is finished when `Switch.run` returns: nobody can use it behind that",
      ]);
    },
  );

  it.each([true, false])("is none of the library's; with types: %s", (typed) => {
    expect(found("no-reused-op", code("Fiber.yield()"), ".js", typed)).toEqual([]);
  });

  it("is none that a plain function gives, which may be one of the library's", () => {
    const text = `declare function tick(): Op<void>;\nfunction* f() {\n  const op = tick();\n  yield* op;\n  yield* op;\n}\nuse(f);\n`;
    expect(found("no-reused-op", text)).toEqual([]);
  });
});

describe("what the migrator writes", () => {
  const outputs = families
    .flatMap(casesOf)
    .flatMap((one) => one.files.map((file) => ({ one, file })))
    // Components would need the types of their library.
    .filter(({ file }) => !file.path.endsWith("x"))
    .filter(({ file }) => file.before !== file.after && /from "(trestle|@trestle)/.test(file.after))
    .map(({ one, file }) => ({ title: one.title, text: file.after, extension: isJavaScript(one) ? ".js" : ".ts" }));
  for (const { text, extension } of outputs) pieces.add(text, extension);

  const messages = outputs.flatMap(({ title, text, extension }) =>
    lint(eslint, Object.keys(rules), text, extension).map(({ ruleId, message }) => ({ title, ruleId, message })),
  );
  // These tell what could be better than what the migrator is sure of.
  const ofTaste = [
    "@trestle/no-promise-combinator-in-fiber",
    "@trestle/prefer-signal-bridge",
    "@trestle/require-yield-op",
  ];
  const ofRoots = "@trestle/no-nested-root";
  const ofCancellation = ["@trestle/no-swallowed-cancel", "@trestle/protect-cleanup"];

  it("O-16 no op is dropped, awaited, tested, or handed to somebody who does not run it", () => {
    expect(outputs.length).toBeGreaterThan(50);
    expect(messages.filter(({ ruleId }) => ![...ofCancellation, ...ofTaste, ofRoots].includes(ruleId!))).toEqual([]);
  });

  it("O-16 a fiber that belongs to nobody is started only where the program dropped a promise with `void`", () => {
    expect(messages.filter(({ ruleId }) => ruleId === ofRoots).map(({ title }) => title)).toEqual([
      "CM-A19 an async function called on the spot",
    ]);
  });

  it("O-16 a cancellation is kept only where the migrator notes so itself", () => {
    expect(messages.filter(({ ruleId }) => ofCancellation.includes(ruleId!)).map(({ title }) => title)).toEqual([
      "CM-A11 cleanup with a jump out of it is noted instead",
      "CM-A11 TR1302 a catch clause that takes its error apart is noted",
    ]);
  });
});

it("each name of the table is exported by its module", async () => {
  const modules: Record<string, Record<string, unknown>> = {
    trestle: await import("trestle"),
    "trestle/node": await import("trestle/node"),
    "@trestle/bridges": await import("@trestle/bridges"),
  };
  const missing = (Object.keys(names) as Name[]).filter((name) => {
    let value: unknown = modules[names[name].module];
    for (const part of name.split(".")) value = (value as Record<string, unknown> | undefined)?.[part];
    return typeof value !== "function";
  });
  expect(missing).toEqual([]);
  expect(["trestle", "trestle/fiber", "@trestle/bridges/rxjs"].every(isOurs)).toBe(true);
  expect(["trestles", "@trestle/codemods"].some(isOurs)).toBe(false);
});
