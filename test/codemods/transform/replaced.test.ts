/** Functions that tests hand to a runner, or put in the place of others. */
import { expect, it } from "vitest";
import { migrate } from "./migrated-project.js";

const api = `export async function load(id: string): Promise<number> {
  return await read(id);
}
export class Store {
  async get(id: string): Promise<number> {
    return await load(id);
  }
  async both(): Promise<number> {
    return (await this.get("a")) + (await this.get("b"));
  }
}
`;

it("CM-H10 TR1208 callbacks of tests and hooks stay as they are, with the number of their parameters", async () => {
  const test = `import { load } from "../src/api";
declare const it: any, beforeEach: any, describe: any, expect: any;
beforeEach(async () => {
  await load("first");
});
describe.each([1, 2])("row %i", (n: number) => {
  it("loads", async (done: () => void) => {
    expect(await load(String(n))).toBe(n);
    done();
  });
  it("fails", () => expect(async () => await load("none")).rejects.toThrow());
});
`;
  const project = await migrate({ "src/api.ts": api, "test/api.test.ts": test });
  expect(project.after["test/api.test.ts"]).toBe(test);
  expect(project.after["src/api.ts"]).toContain("export function load(id: string): Promise<number> {");
  expect(project.plan.candidates.filter(({ file }) => file.includes("api.test"))).toEqual([]);
});

const replacing = [
  'sinon.stub(Store.prototype, "get").resolves(1);',
  'vi.spyOn(Store.prototype, "get").mockResolvedValue(1);',
  "Store.prototype.get = jest.fn(async () => 1);",
];

it("CM-H21 TR1209 a method that a stub, a spy or a mock replaces is looked up when it is called", async () => {
  for (const line of replacing) {
    const test = `import { Store } from "../src/api";\ndeclare const sinon: any, vi: any, jest: any;\n${line}\n`;
    const project = await migrate({ "src/api.ts": api, "test/api.test.ts": test });
    expect(project.after["test/api.test.ts"]).toBe(test);
    expect(project.after["src/api.ts"], line).toContain('pairMethods(Store.prototype, { get: "getOp" });');
  }
  const without = await migrate({ "src/api.ts": api, "test/api.test.ts": "export {};\n" });
  expect(without.after["src/api.ts"]).not.toContain("pairMethods");
});
