// @ts-check
// fs-extra: copying, moving, removing and making sure, each as a promise and with a callback. Every check works in a
// folder of its own and ends with a listing of it.

import fs from "node:fs";
import path from "node:path";

const exported = [
  ...["copy", "move", "remove", "emptyDir", "emptydir", "pathExists", "outputFile", "ensureDir", "mkdirs", "mkdirp"],
  ...["ensureFile", "createFile", "ensureLink", "createLink", "ensureSymlink", "createSymlink"],
  ...["readJson", "readJSON", "writeJson", "writeJSON", "outputJson", "outputJSON"],
  ...[
    "copySync",
    "moveSync",
    "removeSync",
    "emptyDirSync",
    "ensureDirSync",
    "outputJsonSync",
    "readFile",
    "exists",
    "read",
  ],
];

/** @typedef {(fse: any, at: (...parts: string[]) => string, stage: import("../stage.js").Stage) => unknown} FileCheck */

/** @type {Record<string, FileCheck>} */
const fileChecks = {
  "copying a file": async (fse, at, stage) => {
    write(at("a.txt"), "a", 0o640);
    await stage.outcome("copy", () => fse.copy(at("a.txt"), at("b.txt")));
    await stage.outcome("into new folders", () => fse.copy(at("a.txt"), at("x", "y", "c.txt")));
    await stage.outcome("onto itself", () => fse.copy(at("a.txt"), at("a.txt")));
    await stage.outcome("what is not there", () => fse.copy(at("none"), at("d.txt")));
  },

  "copying over what is there": async (fse, at, stage) => {
    write(at("new"), "new");
    for (const name of ["a", "b", "c", "d"]) write(at(name), "old");
    await stage.outcome("as usual", () => fse.copy(at("new"), at("a")));
    await stage.outcome("without overwriting", () => fse.copy(at("new"), at("b"), { overwrite: false }));
    await stage.outcome("the old name of it", () => fse.copy(at("new"), at("c"), { clobber: false }));
    await stage.outcome("as an error", () => fse.copy(at("new"), at("d"), { overwrite: false, errorOnExist: true }));
  },

  "copying a tree": async (fse, at, stage) => {
    tree(at("from"), { "1.txt": "one", deep: { "2.txt": "two", deeper: { "3.txt": "three" }, empty: {} } });
    fs.symlinkSync("1.txt", at("from", "link"));
    await stage.outcome("copy", () => fse.copy(at("from"), at("to")));
    await stage.outcome("again", () => fse.copy(at("from"), at("to")));
    await stage.outcome("into itself", () => fse.copy(at("from"), at("from", "deep", "inside")));
    await stage.outcome("onto a file", () => fse.copy(at("from"), at("to", "1.txt")));
    await stage.outcome("a file onto it", () => fse.copy(at("from", "1.txt"), at("to", "deep")));
  },

  "copying what a filter lets through": async (fse, at, stage) => {
    tree(at("from"), { "a.txt": "a", "b.md": "b", sub: { "c.txt": "c", "d.md": "d" }, no: { "e.txt": "e" } });
    /** @type {string[]} */
    const asked = [];
    const filter = async (/** @type {string} */ source) => {
      asked.push(path.relative(at(), source));
      await stage.after(1);
      return !source.endsWith(".md") && !source.endsWith("no");
    };
    await stage.outcome("slow filter", () => fse.copy(at("from"), at("slow"), { filter }));
    stage.note("asked", asked.sort());
    await stage.outcome("plain filter", () =>
      fse.copy(at("from"), at("plain"), { filter: (/** @type {string} */ source) => !source.endsWith("sub") }),
    );
    await stage.outcome("nothing passes", () => fse.copy(at("from"), at("nothing"), { filter: () => false }));
    await stage.outcome("a filter that fails", () =>
      fse.copy(at("from"), at("failed"), {
        filter(/** @type {string} */ source) {
          if (source.endsWith("from")) return true;
          throw new RangeError("cannot say");
        },
      }),
    );
  },

  "copying links": async (fse, at, stage) => {
    tree(at(), { target: { "t.txt": "t" }, "f.txt": "f", old: "old" });
    fs.symlinkSync(at("target"), at("to-folder"));
    fs.symlinkSync(at("f.txt"), at("to-file"));
    await stage.outcome("a link", () => fse.copy(at("to-file"), at("copy-of-link")));
    await stage.outcome("over a link", () => fse.copy(at("to-file"), at("copy-of-link")));
    await stage.outcome("over a file", () => fse.copy(at("to-file"), at("old")));
    await stage.outcome("what it points to", () => fse.copy(at("to-file"), at("content"), { dereference: true }));
    await stage.outcome("a folder through a link", () =>
      fse.copy(at("to-folder"), at("folder"), { dereference: true }),
    );
  },

  "copying with its times": async (fse, at, stage) => {
    write(at("a"), "a", 0o440);
    fs.utimesSync(at("a"), 1000, 2000);
    await stage.outcome("copy", () => fse.copy(at("a"), at("b"), { preserveTimestamps: true }));
    stage.note("modified", fs.statSync(at("b")).mtimeMs);
  },

  moving: async (fse, at, stage) => {
    tree(at(), { "a.txt": "a", "b.txt": "b", folder: { "c.txt": "c" } });
    await stage.outcome("a file", () => fse.move(at("a.txt"), at("new", "a.txt")));
    await stage.outcome("a folder", () => fse.move(at("folder"), at("moved")));
    await stage.outcome("onto something", () => fse.move(at("b.txt"), at("new", "a.txt")));
    await stage.outcome("onto it by will", () => fse.move(at("b.txt"), at("new", "a.txt"), { overwrite: true }));
    await stage.outcome("into itself", () => fse.move(at("moved"), at("moved", "deeper")));
    await stage.outcome("nothing", () => fse.move(at("none"), at("other")));
    await stage.outcome("onto itself", () => fse.move(at("moved"), at("moved")));
  },

  removing: async (fse, at, stage) => {
    tree(at(), { a: { b: { "c.txt": "c" } }, "d.txt": "d", kept: "kept" });
    await stage.outcome("a tree", () => fse.remove(at("a")));
    await stage.outcome("a file", () => fse.remove(at("d.txt")));
    await stage.outcome("nothing", () => fse.remove(at("none")));
  },

  emptying: async (fse, at, stage) => {
    tree(at("full"), { "a.txt": "a", sub: { "b.txt": "b" } });
    write(at("file"), "not a folder");
    await stage.outcome("a folder", () => fse.emptyDir(at("full")));
    await stage.outcome("an empty folder", () => fse.emptyDir(at("full")));
    await stage.outcome("a new folder", () => fse.emptydir(at("new", "folder")));
    await stage.outcome("a file", () => fse.emptyDir(at("file")));
  },

  "ensuring folders": async (fse, at, stage) => {
    write(at("file"), "");
    for (const name of ["ensureDir", "mkdirs", "mkdirp"])
      await stage.outcome(name, () => fse[name](at(name, "a", "b")));
    await stage.outcome("once more", () => fse.ensureDir(at("mkdirs", "a")));
    await stage.outcome("with a mode", () => fse.ensureDir(at("private"), 0o700));
    await stage.outcome("with options", () => fse.ensureDir(at("options"), { mode: 0o750 }));
    await stage.outcome("below a file", () => fse.ensureDir(at("file", "below")));
    await stage.outcome("of no name", () => fse.ensureDir(undefined));
  },

  "ensuring files": async (fse, at, stage) => {
    write(at("there"), "kept");
    fs.mkdirSync(at("folder"));
    await stage.outcome("new", () => fse.ensureFile(at("a", "b", "new.txt")));
    await stage.outcome("there", () => fse.createFile(at("there")));
    await stage.outcome("a folder", () => fse.ensureFile(at("folder")));
    await stage.outcome("below a file", () => fse.ensureFile(at("there", "below.txt")));
  },

  "ensuring links": async (fse, at, stage) => {
    tree(at(), { "a.txt": "a", "b.txt": "b", folder: {} });
    await stage.outcome("hard", () => fse.ensureLink(at("a.txt"), at("x", "hard")));
    await stage.outcome("hard again", () => fse.createLink(at("a.txt"), at("x", "hard")));
    await stage.outcome("hard onto another", () => fse.ensureLink(at("b.txt"), at("x", "hard")));
    await stage.outcome("hard to nothing", () => fse.ensureLink(at("none"), at("y")));
    await stage.outcome("soft", () => fse.ensureSymlink(at("a.txt"), at("z", "soft")));
    await stage.outcome("soft again", () => fse.createSymlink(at("a.txt"), at("z", "soft")));
    await stage.outcome("soft onto another", () => fse.ensureSymlink(at("b.txt"), at("z", "soft")));
    await stage.outcome("soft to a folder", () => fse.ensureSymlink(at("folder"), at("z", "folder")));
    await stage.outcome("soft and relative", () => fse.ensureSymlink("../b.txt", at("z", "relative")));
    await stage.outcome("soft to nothing", () => fse.ensureSymlink(at("none"), at("z", "none")));
    await stage.outcome("soft, relative, to nothing", () => fse.ensureSymlink("none", at("z", "none")));
  },

  "writing files": async (fse, at, stage) => {
    write(at("file"), "");
    await stage.outcome("in new folders", () => fse.outputFile(at("a", "b.txt"), "text"));
    await stage.outcome("again", () => fse.outputFile(at("a", "b.txt"), "other", { flag: "a" }));
    await stage.outcome("encoded", () => fse.outputFile(at("c.txt"), "74657874", "hex"));
    await stage.outcome("below a file", () => fse.outputFile(at("file", "d.txt"), "text"));
  },

  "writing and reading JSON": async (fse, at, stage) => {
    write(at("broken.json"), "{");
    await stage.outcome("output", () => fse.outputJson(at("a", "b.json"), { list: [1, 2], text: "x" }));
    await stage.outcome("read", () => fse.readJson(at("a", "b.json")));
    await stage.outcome("output with spaces", () => fse.outputJSON(at("c.json"), { a: 1 }, { spaces: 2, EOL: "\r\n" }));
    await stage.outcome("write", () => fse.writeJson(at("d.json"), [1], { replacer: null }));
    await stage.outcome("write where nothing is", () => fse.writeJSON(at("none", "e.json"), {}));
    await stage.outcome("revive", () =>
      fse.readJSON(at("c.json"), {
        reviver: (/** @type {string} */ key, /** @type {any} */ v) => (key === "a" ? v + 1 : v),
      }),
    );
    await stage.outcome("what is not there", () => fse.readJson(at("none.json")));
    await stage.outcome("broken", () => fse.readJson(at("broken.json")));
    await stage.outcome("broken, forgiven", () => fse.readJson(at("broken.json"), { throws: false }));
    await stage.outcome("circular", () => {
      /** @type {any} */
      const ring = {};
      ring.ring = ring;
      return fse.outputJson(at("ring.json"), ring);
    });
  },

  "asking what is there": async (fse, at, stage) => {
    write(at("file"), "text");
    await stage.outcome("a file", () => fse.pathExists(at("file")));
    await stage.outcome("the folder", () => fse.pathExists(at()));
    await stage.outcome("nothing", () => fse.pathExists(at("none")));
    await stage.outcome("exists", () => fse.exists(at("file")));
    await stage.outcome("sync", () => fse.pathExistsSync(at("none")));
  },

  "the file system's own functions, as promises": async (fse, at, stage) => {
    await stage.outcome("write", () => fse.writeFile(at("a"), "text"));
    await stage.outcome("read", () => fse.readFile(at("a"), "utf8"));
    await stage.outcome("rename", () => fse.rename(at("a"), at("b")));
    await stage.outcome("list", () => fse.readdir(at()));
    await stage.outcome("nothing", () => fse.readFile(at("none")));
    const handle = await fse.open(at("b"), "r+");
    await stage.outcome("part", async () => {
      const { bytesRead, buffer } = await fse.read(handle, Buffer.alloc(4), 0, 2, 1);
      return `${bytesRead} ${buffer.toString("utf8", 0, bytesRead)}`;
    });
    await stage.outcome("wrote", async () => (await fse.write(handle, "TEXT", 0)).bytesWritten);
    await stage.outcome(
      "parts",
      async () => (await fse.readv(handle, [Buffer.alloc(1), Buffer.alloc(2)], 0)).bytesRead,
    );
    await stage.outcome("close", () => fse.close(handle));
  },

  "with callbacks": async (fse, at, stage) => {
    tree(at(), { from: { "a.txt": "a" }, "b.json": "[1]", gone: "gone", mine: "mine" });
    /** @type {[string, ...unknown[]][]} */
    const calls = [
      ["copy", at("from"), at("to")],
      ["copy", at("none"), at("to2")],
      ["copy", at("from"), at("filtered"), { filter: () => true }],
      ["move", at("mine"), at("yours")],
      ["move", at("none"), at("to3")],
      ["remove", at("gone")],
      ["ensureDir", at("dir", "sub")],
      ["ensureFile", at("dir", "file")],
      ["ensureLink", at("b.json"), at("hard.json")],
      ["ensureSymlink", at("none"), at("soft")],
      ["emptyDir", at("to")],
      ["outputFile", at("out", "o.txt"), "out"],
      ["outputJson", at("out", "o.json"), { o: 1 }],
      ["readJson", at("b.json")],
      ["readJson", at("none.json")],
      ["pathExists", at("b.json")],
      ["readFile", at("b.json"), "utf8"],
    ];
    for (const [name, ...args] of calls) {
      await new Promise((resolve) => {
        const callback = (/** @type {unknown[]} */ ...results) => {
          stage.note(name, "called back", results);
          resolve(undefined);
        };
        stage.note(name, "returned", fse[name](...args, callback));
      });
    }
  },

  "many at the same time": async (fse, at, stage) => {
    tree(at("from"), Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`${n}.txt`, `${n}`])));
    await Promise.all([
      fse.copy(at("from"), at("one")),
      fse.copy(at("from"), at("two")),
      fse.outputJson(at("three", "n.json"), 3),
      fse.ensureDir(at("three", "four")),
      fse.ensureFile(at("three", "five")),
    ]);
    await stage.outcome("then", () => Promise.all([fse.remove(at("from")), fse.move(at("one"), at("uno"))]));
  },
};

/** @type {Record<string, import("../stage.js").Check>} */
export const checks = {
  "what it exports": (subject, stage) => stage.shape(subject.default, exported),
  ...Object.fromEntries(Object.entries(fileChecks).map(([name, check]) => [name, inOwnFolder(name, check)])),
};

/**
 * @param {string} name
 * @param {FileCheck} check
 * @returns {import("../stage.js").Check}
 */
function inOwnFolder(name, check) {
  return async (subject, stage) => {
    const folder = path.join(stage.sandbox, name.replaceAll(/\W+/g, "-"));
    fs.mkdirSync(folder, { recursive: true });
    await check(subject.default, (...parts) => path.join(folder, ...parts), stage);
    for (const line of listing(folder)) stage.note(line);
  };
}

/** @typedef {{ [name: string]: string | Tree }} Tree */

/**
 * @param {string} folder
 * @param {Tree} content
 */
function tree(folder, content) {
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, inner] of Object.entries(content)) {
    if (typeof inner === "string") write(path.join(folder, name), inner);
    else tree(path.join(folder, name), inner);
  }
}

/**
 * @param {string} file
 * @param {string} text
 * @param {number} [mode]
 */
function write(file, text, mode = 0o644) {
  fs.writeFileSync(file, text);
  fs.chmodSync(file, mode);
}

/**
 * What a folder holds: mode, name, and content or target of everything in it.
 * @param {string} folder
 * @param {string} [indent]
 * @returns {Generator<string>}
 */
function* listing(folder, indent = "  ") {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const full = path.join(folder, entry.name);
    if (entry.isSymbolicLink()) {
      yield `${indent}${entry.name} -> ${fs.readlinkSync(full)}`;
      continue;
    }
    const { mode } = fs.statSync(full);
    const label = `${indent}${(mode & 0o777).toString(8)} ${entry.name}`;
    if (entry.isDirectory()) {
      yield `${label}/`;
      yield* listing(full, `${indent}  `);
    } else {
      yield `${label} ${JSON.stringify(fs.readFileSync(full, "utf8"))}`;
    }
  }
}
