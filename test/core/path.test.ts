import { describe, expect, it } from "vitest";
import { InvalidArgument, Path, type Dir } from "trestle";

const dir = { label: "cwd", native: () => undefined } as unknown as Dir;
const here = Path.ofDir(dir);

describe("path strings", () => {
  it.each([
    ["foo", "bar", "foo/bar"],
    ["foo/", "bar", "foo/bar"],
    ["foo", "/bar", "/bar"],
    ["foo", "", "foo/"],
    ["foo/", "", "foo/"],
    ["", "", ""],
    ["", "bar", "bar"],
    ["/", "", "/"],
    [".", "b", "b"],
  ])("FS-01 %j and %j make %j", (a, b, both) => {
    expect(here.join(a).join(b).path).toBe(both);
  });

  it.each([
    ["foo/bar", "foo", "bar"],
    ["/foo/bar", "/foo", "bar"],
    ["/foo/bar//baz/", "/foo/bar", "baz"],
    ["bar", "", "bar"],
    ["/bar", "/", "bar"],
    [".", "", "."],
    ["./", "", "."],
    ["/a//b/", "/a", "b"],
  ])("FS-02 %j is %j and %j", (path, parent, name) => {
    const [above, last] = here.join(path).split()!;
    expect([above.path, last]).toEqual([parent, name]);
  });

  it("FS-02 the root and nothing have no name", () => {
    for (const path of ["", "/", "///"]) expect(here.join(path).split()).toBe(undefined);
  });

  it("FS-03 the halves make the whole again, without what was too much", () => {
    for (const path of ["/a/b", "/a", "a/b", "bar"]) {
      const [above, last] = here.join(path).split()!;
      expect(above.join(last).path).toBe(path);
    }
    const [above, last] = here.join("a//b//").split()!;
    expect(above.join(last).path).toBe("a/b");
  });

  it("FS-05 print with the directory that they are from; control characters are escaped", () => {
    expect([String(here), String(here.join("foo/bar")), String(here.join("a\nb"))]).toEqual([
      "<cwd>",
      "<cwd:foo/bar>",
      "<cwd:a\\nb>",
    ]);
  });

  it("FS-07 what has no native name says so", () => {
    expect(() => here.join("foo").nativeOrThrow()).toThrow(/Fs Not_native, naming <cwd:foo>/);
  });

  it("a NUL is refused, and so is what is no text", () => {
    expect(() => here.join("a\0b")).toThrow(InvalidArgument);
    expect(() => here.join(1 as never)).toThrow(/"step" must be a string/);
  });
});
