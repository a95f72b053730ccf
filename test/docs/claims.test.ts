import { describe, expect, it } from "vitest";
import { programOf } from "./claims.js";
import { execute } from "./execute.js";
import { blocksOf, wordOf } from "./markdown.js";

const problemsOf = async (text: string): Promise<string[]> =>
  (await execute(await programOf(text), { patience: 50 })).found;

describe("claims", () => {
  it("a value is compared with an expression, or else as a text", async () => {
    const text = `
const list = [1, 2]; // => [1, 2]
list.length; // => 3
list.map((x) => {
  return 2 * x; // => list[0] + list[0] * (x === 2 ? 3 : 1)
});
new RangeError("too far"); // => RangeError: too ...
new RangeError("too far"); // => RangeError: too near
nowhere => nowhere; // => nowhere
`;
    expect(await problemsOf(text)).toEqual([
      "line 3: is 2, not 3",
      "line 8: is RangeError: too far, not RangeError: too near",
      "line 9: what is expected cannot be evaluated: ReferenceError: nowhere is not defined",
    ]);
  });

  it("what is printed is compared as a text, over several lines", async () => {
    const text = `
console.log([3, "x"], 1); // => [ 3, 'x' ] 1
console.log("a\\n  b\\nc");
// => a
//      b
//    c
console.log("a\\nb");
// => a
// and no more is claimed
`;
    expect(await problemsOf(text)).toEqual(["line 8: is a\nb, not a"]);
  });

  it("errors are compared by name, or with their message; the program goes on behind them", async () => {
    const text = `
null.x; // throws TypeError
await Promise.reject(new Error("no")); // throws Error: no
await Promise.reject(new Error("no")); // throws Error: yes
1 + 1;
// throws Error
`;
    expect(await problemsOf(text)).toEqual([
      "line 4: is Error: no, not Error: yes",
      "line 6: threw nothing, not Error",
    ]);
  });

  it("a claim that is never reached, or belongs to no statement, is wrong", async () => {
    expect(await problemsOf("if (false) 1; // => 1")).toEqual(["line 1: was never reached"]);
    await expect(programOf("const x = [\n  1, // => 1\n];")).rejects.toThrow("line 2");
    await expect(programOf("for (;;) {} // => 1")).rejects.toThrow("line 1");
  });

  it("claims in callbacks are waited for", async () => {
    expect(await problemsOf('setTimeout(() => {\n  "late"; // => "early"\n});')).toEqual([
      "line 2: is 'late', not 'early'",
    ]);
  });

  it("imports of every form give the sources, and tests of a program run", async () => {
    const text = `
import * as all from "trestle";
import { run as start, type Env } from "trestle/node";
import assert, { equal as same } from "node:assert";
import type { Op } from "trestle";
import { test } from "node:test";
const { Fiber } = require("trestle");
export const Same = (await import("trestle")).Fiber;
Same === all.Fiber && Fiber === Same; // => true
test("a test", async () => {
  same(await start((env: Env): Op<void> => env.clock.sleep(0)), undefined);
  assert(false); // throws AssertionError
});
`;
    expect(await problemsOf(text)).toEqual([]);
  });
});

it("blocks are found with their words, headings and lines", () => {
  const markdown = "# A\n\n```ts run file=a.ts\nx;\n```\n\n## B\n\n````md\n```ts run\n```\n````\n";
  const blocks = blocksOf(markdown);
  expect(blocks).toEqual([
    { language: "ts", words: ["run", "file=a.ts"], heading: "A", text: "x;\n", line: 4 },
    { language: "md", words: [], heading: "B", text: "```ts run\n```\n", line: 10 },
  ]);
  expect(wordOf(blocks[0]!, "file")).toBe("a.ts");
});
