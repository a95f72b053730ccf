import { describe, expect, it } from "vitest";
import { Failure, Flow } from "trestle";
import { MockFlow, run } from "trestle/mock";
import { thrownBy } from "./transcript.js";
import { tracedBy } from "./traced.js";

describe("MockFlow", () => {
  it("MK-08 traces what is done to it, a line of text under the other", () => {
    const lines = tracedBy(function* () {
      const flow = new MockFlow("flow");
      flow.onRead.seq([{ return: 'one\ntwo "2"' }]);
      const buffer = new Uint8Array(100);
      yield* flow.read(buffer);
      yield* Flow.copyString("a\nb\n", flow);
      for (const which of ["send", "receive", "all"] as const) yield* Flow.shutdown(flow, which);
      yield* flow.close();
      yield* flow.close();
    });
    expect(lines).toEqual([
      'flow: read "one\\n"',
      '           "two \\"2\\""',
      'flow: wrote "a\\n"',
      '            "b\\n"',
      "flow: shutdown send",
      "flow: shutdown receive",
      "flow: shutdown all",
      "flow: closed",
    ]);
  });

  it("MK-09 several buffers are a list, and what is lent says so", () => {
    const lines = tracedBy(function* () {
      const flow = new MockFlow("flow", { lends: true });
      flow.onRead.seq([{ return: "abc" }]);
      flow.onCopyBytes.seq([{ return: 2 }]);
      yield* Flow.copy(flow, flow);
      const both = [new TextEncoder().encode("d"), new TextEncoder().encode("ef")];
      yield* Flow.write(flow, both);
    });
    expect(lines).toEqual([
      'flow: wrote "ab"',
      'flow: lent "ab"',
      'flow: wrote "c"',
      'flow: lent "c"',
      'flow: wrote ["d", "ef"]',
    ]);
  });

  it("MK-10 MK-12 reads end unless told otherwise; writes take 4096 bytes; a copy reads and writes in turn", () => {
    const lines = tracedBy(function* () {
      const from = new MockFlow("from");
      const to = new MockFlow("to", { show: (bytes) => String(bytes.length) });
      from.onRead.seq([{ return: "chunk1" }, { return: "chunk2" }]);
      yield* Flow.copy(from, to);
      yield* Flow.copyString("x".repeat(5000), to);
    });
    expect(lines).toEqual([
      'from: read "chunk1"',
      "to: wrote 6",
      'from: read "chunk2"',
      "to: wrote 6",
      "to: wrote 4096",
      "to: wrote 904",
    ]);
  });

  it("MK-11 what does not fit into the reader's buffer is a mistake of the test, and so are no bytes", () => {
    const read = (bytes: string) => () =>
      run(function* () {
        const flow = new MockFlow("flow");
        flow.onRead.seq([{ return: bytes }]);
        yield* flow.read(new Uint8Array(2));
      });
    expect(thrownBy(read("abc"))).toBeInstanceOf(Failure);
    expect(read("abc")).toThrow(/^flow: the 3 bytes .* a buffer of 2$/);
    expect(read("")).toThrow(/^flow: a read is to give no bytes/);
    expect(() => new MockFlow(1 as never)).toThrow(/"label" must be a string/);
  });
});
