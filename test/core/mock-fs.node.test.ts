// Node only: the files of the system, to compare those of the mock with.

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import fc from "fast-check";
import { EndOfFile, IoError, Switch, type File, type Op, type Path } from "trestle";
import { MockFs, MockLink, type MockTree } from "trestle/mock";
import * as mock from "trestle/mock";
import { run } from "trestle/node";

// Random programs run twice: over files of the system, as deep in a directory as paths can climb, and over the same tree in memory.

const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), "trestle-mock-fs-"));
const before = process.cwd();
beforeAll(() => void process.umask(0o022));
afterAll(() => {
  process.chdir(before);
  fs.rmSync(folder, { recursive: true });
});

/** As many as a path has parts: nothing that a program names is above them. */
const DEPTH = 4;

/** One step of a program: what it does, and what comes of it, as plain data. */
type Step = (world: World) => Op<unknown>;

interface World {
  /** Where paths begin: what is confined, and what is not. */
  readonly roots: Path[];
  readonly sw: Switch;
  readonly open: (File | undefined)[];
}

interface Named {
  readonly text: string;
  readonly step: Step;
  /** For the report. */
  [fc.toStringMethod](): string;
}

const part = fc.constantFrom("a", "b", "c", "a", "b", "l", "m", "..", ".", "");
const tail = fc.constantFrom("", "", "", "", "/", "/.", "//", "/..");
const pathFrom = (parts: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(parts, { minLength: 1, maxLength: DEPTH - 1 }), tail)
    .map(([names, end]) => names.join("/") + end)
    .filter((path) => !path.startsWith("/"));
const path = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "c", "l", "m") },
  { weight: 5, arbitrary: pathFrom(part) },
);
/** Links may climb where the root is confined; elsewhere only the path itself does. */
const targetOf = (root: number) =>
  root === CONFINED
    ? fc.oneof(path, fc.constantFrom("/etc", "..", "../..", "a/..", "l", "m"))
    : pathFrom(fc.constantFrom("a", "b", "c", "l", "m", ".", "")).filter((text) => !text.includes(".."));
const CONFINED = 0;
const perm = fc.constantFrom(0o777, 0o644, 0o600, 0o700, 0o1777, 0o4755, 0);
const create = fc.oneof(
  fc.constant("never" as const),
  perm.map((bits) => ({ ifMissing: bits })),
  perm.map((bits) => ({ orTruncate: bits })),
  perm.map((bits) => ({ exclusive: bits })),
);
const content = fc.constantFrom("", "x", "hello", "12345\n67\n");
const bytesOf = (text: string) => new TextEncoder().encode(text);
const offset = fc.constantFrom(0, 1, 3, 7, 20);

function named(text: string, step: Step): Named {
  return { text, step, [fc.toStringMethod]: () => text };
}

/** What `stat` says that two systems agree on. */
function* look(found: Op<{ kind: string; perm: number; size: number; nlink: number; uid: number }>): Op<unknown> {
  const { kind, perm: bits, size, nlink, uid } = yield* found;
  return [kind, bits, uid, ...(kind === "directory" ? [] : [size, nlink])];
}

/** Open files, by number. */
const slots = fc.constantFrom(0, 0, 0, 1);

const onPath = (root: number): fc.Arbitrary<Named> =>
  path.chain((at) => {
    const show = (what: string) => `${["cwd", "fs", "sub"][root]} ${JSON.stringify(at)} ${what}`;
    const here = ({ roots }: World) => roots[root]!.join(at);
    const doing = (what: string, step: (place: Path, world: World) => Op<unknown>) =>
      named(show(what), (world) => step(here(world), world));
    return fc.oneof(
      fc
        .tuple(content, create, fc.boolean(), fc.boolean())
        .map(([text, how, append, atomic]) =>
          doing(`save ${JSON.stringify([text, how, append, atomic])}`, (place) =>
            place.save(text, { create: how, append, atomic }),
          ),
        ),
      fc.constant(doing("load", (place) => place.load())),
      perm.map((bits) => doing(`mkdir ${bits.toString(8)}`, (place) => place.mkdir({ perm: bits }))),
      fc.boolean().map((existsOk) => doing(`mkdirs ${existsOk}`, (place) => place.mkdirs({ perm: 0o755, existsOk }))),
      fc.constant(doing("rmdir", (place) => place.rmdir())),
      fc.constant(doing("unlink", (place) => place.unlink())),
      fc.boolean().map((missingOk) => doing(`rmtree ${missingOk}`, (place) => place.rmtree({ missingOk }))),
      path.map((to) =>
        doing(`rename to ${JSON.stringify(to)}`, (place, { roots }) => place.rename(roots[root]!.join(to))),
      ),
      targetOf(root).map((target) => doing(`symlink ${JSON.stringify(target)}`, (place) => place.symlink(target))),
      fc.constant(doing("readLink", (place) => place.readLink())),
      fc.boolean().map((follow) => doing(`stat ${follow}`, (place) => look(place.stat({ follow })))),
      fc.constant(doing("readDir", (place) => place.readDirEntries())),
      fc
        .tuple(perm, fc.boolean())
        .map(([bits, follow]) =>
          doing(`chmod ${bits.toString(8)} ${follow}`, (place) => place.chmod({ perm: bits, follow })),
        ),
      fc
        .tuple(fc.constantFrom(undefined, 0, 7), fc.boolean())
        .map(([uid, follow]) =>
          doing(`chown ${uid} ${follow}`, (place) => place.chown({ ...(uid !== undefined && { uid }), follow })),
        ),
      slots.map((slot) =>
        doing(`open ${slot} to read`, function* (place, { sw, open }) {
          open[slot] = yield* place.openIn({ sw });
        }),
      ),
      fc.tuple(slots, create, fc.boolean()).map(([slot, how, append]) =>
        doing(`open ${slot} to write ${JSON.stringify([how, append])}`, function* (place, { sw, open }) {
          open[slot] = yield* place.openOut({ sw, create: how, append });
        }),
      ),
      fc.constant(
        doing("openSubtree", function* (place, { sw, roots }) {
          roots[2] = yield* place.openSubtree({ sw });
          return String(roots[2]);
        }),
      ),
    );
  });

const onFile: fc.Arbitrary<Named> = slots.chain((slot) => {
  const doing = (what: string, step: (file: File) => Op<unknown>) =>
    named(`file ${slot} ${what}`, function* ({ open }) {
      const file = open[slot];
      return file ? yield* step(file) : "not open";
    });
  function* readInto(buffer: Uint8Array, reading: Op<number>): Op<unknown> {
    return [...buffer.subarray(0, yield* reading)];
  }
  return fc.oneof(
    fc.nat(6).map((size) =>
      doing(`read ${size}`, (file) => {
        const buffer = new Uint8Array(size);
        return readInto(buffer, file.read(buffer));
      }),
    ),
    content.map((text) => doing(`write ${JSON.stringify(text)}`, (file) => file.write(bytesOf(text)))),
    fc.tuple(fc.nat(6), offset).map(([size, at]) =>
      doing(`pread ${size} at ${at}`, (file) => {
        const buffer = new Uint8Array(size);
        return readInto(buffer, file.pread([buffer], at));
      }),
    ),
    fc
      .tuple(content, offset)
      .map(([text, at]) =>
        doing(`pwrite ${JSON.stringify(text)} at ${at}`, (file) => file.pwrite([bytesOf(text), bytesOf("!")], at)),
      ),
    fc
      .tuple(offset, fc.constantFrom("set" as const, "cur" as const, "end" as const))
      .map(([by, from]) => doing(`seek ${by} ${from}`, (file) => file.seek(by, from))),
    offset.map((size) => doing(`truncate ${size}`, (file) => file.truncate(size))),
    fc.constant(doing("stat", (file) => look(file.stat()))),
    fc.constant(doing("close", (file) => file.close())),
  );
});

const program = fc
  .nat(1)
  .chain((root) =>
    fc.array(
      fc.oneof(
        { weight: 8, arbitrary: onPath(root) },
        { weight: 1, arbitrary: onPath(2) },
        { weight: 5, arbitrary: onFile },
      ),
      { minLength: 1, maxLength: 40, size: "max" },
    ),
  );

/** What is there at first. */
const planted: MockTree = {
  a: { a: {}, b: "a/b", l: new MockLink("a") },
  b: "b\n",
  c: { a: { b: { c: "deep" } }, l: new MockLink("../a/"), m: new MockLink("m") },
  l: new MockLink("a"),
  m: new MockLink("./b"),
};

function plant(at: string, tree: MockTree): void {
  for (const [name, entry] of Object.entries(tree)) {
    const place = join(at, name);
    if (entry instanceof MockLink) fs.symlinkSync(entry.target, place);
    else if (typeof entry === "string") fs.writeFileSync(place, entry);
    else {
      fs.mkdirSync(place);
      plant(place, entry as MockTree);
    }
  }
}

function* outcomeOf(step: Op<unknown>): Op<unknown> {
  try {
    return { gave: yield* step };
  } catch (error) {
    if (!(error instanceof IoError)) return error instanceof EndOfFile ? { ended: true } : { threw: String(error) };
    const { area, kind } = error.err;
    const { code } = (error.cause ?? {}) as { code?: unknown };
    return { failed: `${area} ${kind}`, code };
  }
}

function* outcomesOf(steps: readonly Named[], cwd: Path, everything: Path): Op<unknown[]> {
  return yield* Switch.run(function* (sw) {
    const world: World = { roots: [cwd, everything, cwd], sw, open: [] };
    const outcomes: unknown[] = [];
    for (const { text, step } of steps) outcomes.push([text, yield* outcomeOf(step(world))]);
    return outcomes;
  });
}

function treeOf(directory: string): MockTree {
  const entryOf = (place: string): MockTree[string] => {
    const stats = fs.lstatSync(place);
    if (stats.isDirectory()) return treeOf(place);
    return stats.isSymbolicLink() ? new MockLink(fs.readlinkSync(place)) : fs.readFileSync(place, "utf8");
  };
  return Object.fromEntries(fs.readdirSync(directory).map((name) => [name, entryOf(join(directory, name))]));
}

let count = 0;

it("PT-11 any program over files: results, errors and what is left are those of the system", async () => {
  await fc.assert(
    fc.asyncProperty(program, async (steps) => {
      const top = join(folder, String(count++));
      const base = join(top, ...Array.from({ length: 2 * DEPTH }, (_, i) => `up${i}`));
      fs.mkdirSync(base, { recursive: true });
      plant(base, planted);
      process.chdir(base);
      let real: unknown[];
      try {
        real = await run(({ cwd, fs: everything }) => outcomesOf(steps, cwd, everything));
      } finally {
        process.chdir(folder);
      }
      const files = new MockFs(
        base.split("/").reduceRight<MockTree>((tree, name) => (name === "" ? tree : { [name]: tree }), planted),
        { cwd: base },
      );
      const mocked = mock.run(() => outcomesOf(steps, files.cwd, files.root));
      expect(mocked).toEqual(real);
      expect(files.tree(top)).toEqual(treeOf(top));
      expect(files.opened).toEqual([]);
      fs.rmSync(top, { recursive: true });
    }),
    { numRuns: 100, verbose: 1 },
  );
});
