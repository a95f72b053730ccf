import { expect, it } from "vitest";
import { Cancelled, Multiple, combine } from "trestle";

const a = new Error("a");
const b = new Error("b");

it("EX-01 EX-02 EX-03 one object is not doubled, and a Cancelled gives way, to a later Cancelled too", () => {
  const c1 = new Cancelled("1");
  const c2 = new Cancelled("2");
  expect(combine(a, a)).toBe(a);
  expect(combine(c1, a)).toBe(a);
  expect(combine(a, c1)).toBe(a);
  expect(combine(c1, c2)).toBe(c2);
});

it("EX-04 EX-05 two errors give Multiple, oldest first; a Multiple is extended on its right only", () => {
  const ab = combine(a, b) as Multiple;
  expect(ab).toBeInstanceOf(Multiple);
  expect(ab).toBeInstanceOf(AggregateError);
  expect(ab.errors).toEqual([a, b]);
  expect(ab.cause).toBe(a);
  const c = new Error("c");
  expect((combine(ab, c) as Multiple).errors).toEqual([a, b, c]);
  expect((combine(c, ab) as Multiple).errors).toEqual([c, ab]);
  expect(ab.errors).toEqual([a, b]);
});

it("EX-12 EX-13 errors print", () => {
  expect(String(combine(a, b))).toBe("Multiple exceptions:\n- Error: a\n- Error: b");
  expect(String(new Cancelled(a))).toBe("Cancelled: Error: a");
  expect(String(new Cancelled(Object.create(null)))).toBe("Cancelled: an object");
});

it("any value can be thrown, undefined too, and is compared by identity", () => {
  expect((combine(undefined, a) as Multiple).errors).toEqual([undefined, a]);
  expect(combine("x", "x")).toBe("x");
});
