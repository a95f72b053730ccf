/**
 * What the callers of a function with an error-first callback can see of its becoming a fiber function: in which call
 * their callback is called, with which arguments, in which order beside everything else, and where errors come out. Each
 * program writes a log, before and after; the two logs must be the same.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { migrate, scriptOptions, type MigratedProject } from "../transform/migrated-project.js";
import { runProgram } from "./run-program.js";

/** A file system that answers as `mode` says: at once, or after so many milliseconds. Its functions have no types. */
const fakeFs = `
const fs = JSON.parse("{}");
let mode = 5;
function answer(reply, ...args) {
  if (mode === 0) reply(...args);
  else setTimeout(() => reply(...args), mode);
}
const missing = () => Object.assign(new Error("missing"), { code: "ENOENT" });
fs.stat = (path, reply) => {
  log("fs", "stat " + path);
  if (typeof path !== "string") throw new TypeError("path must be a string");
  if (path === "none") answer(reply, missing());
  else answer(reply, null, { size: path.length });
};
fs.rmdir = (path, reply) => {
  log("fs", "rmdir " + path);
  if (path === "none") answer(reply, missing());
  else if (path === "busy") answer(reply, Object.assign(new Error("busy"), { code: "EBUSY" }));
  else answer(reply, null);
};
fs.read = (fd, reply) => answer(reply, null, fd, "data");
const show = (...args) => args.map((arg) => (arg instanceof Error ? arg.message : arg));
function call(name, fn, ...args) {
  try {
    fn(...args, (...results) => {
      log(name, ["called", results.length, ...show(...results)]);
      Promise.resolve().then(() => log(name, "a microtask later"));
    });
  } catch (error) {
    log(name, ["thrown", error.message]);
  }
  log(name, "returned");
}
`;

const programs: Readonly<Record<string, string>> = {
  "CM-C01 CM-C08 a pyramid": `
function total(a, b, callback) {
  fs.stat(a, (err, first) => {
    if (err) return callback(err);
    log("total", "first");
    fs.stat(b, (err, second) => {
      if (err) return callback(err);
      log("total", "second");
      callback(null, first.size + second.size);
    });
  });
}
module.exports.main = async () => {
  for (mode of [5, 0]) {
    call("a", total, "x", "yy");
    call("b", total, "none", "yy");
    call("c", total, "x", "none");
    await sleep(50);
  }
};
`,
  "CM-C01 an error that is looked at": `
function remove(path, callback) {
  fs.rmdir(path, (err) => {
    if (err && err.code !== "ENOENT") {
      return callback(err);
    }
    log("remove", "gone");
    callback();
  });
}
function size(path, callback) {
  fs.stat(path, (err, stat) => {
    if (!err) return callback(null, stat.size);
    if (err.code !== "ENOENT") return callback(err);
    fs.rmdir(path, () => callback(null, -1));
  });
}
function either(path, callback) {
  fs.stat(path, (err, stat) => {
    log("either", [err ? err.message : err, stat && stat.size]);
    callback(err, stat);
  });
}
module.exports.main = async () => {
  for (mode of [5, 0]) {
    for (const path of ["there", "none", "busy"]) {
      call("remove " + path, remove, path);
      call("size " + path, size, path);
    }
    await sleep(50);
  }
};
`,
  "CM-C04 several results, and a different number of them": `
function pair(path, callback) {
  fs.stat(path, (err, stat) => {
    if (err) return callback(err);
    callback(null, stat.size, path);
  });
}
function some(path, callback) {
  fs.stat(path, (err, stat) => {
    if (err) return callback();
    if (stat.size === 1) return callback(undefined, "one");
    pair(path, callback);
  });
}
function sum(path, callback) {
  pair(path, (err, size, name) => {
    if (err) return callback(err);
    callback(null, name + size);
  });
}
module.exports.main = async () => {
  for (mode of [5, 0]) {
    for (const path of ["1", "none", "333"]) {
      call("pair " + path, pair, path);
      call("some " + path, some, path);
      call("sum " + path, sum, path);
      await sleep(50);
    }
  }
};
`,
  "CM-C06 CM-P28 a synchronous variant made of the asynchronous one": `
function canonical(path, options, callback) {
  if (!options.real) {
    return callback(null, "/" + path);
  }
  fs.stat(path, (err, stat) => {
    if (err) return callback(err);
    callback(null, "/" + path + stat.size);
  });
}
function unlock(path, options, callback) {
  canonical(path, options, (err, path) => {
    if (err) return callback(err);
    if (path === "/free") return callback(new Error("not locked"));
    fs.rmdir(path, callback);
  });
}
function sync(fn) {
  return (...args) => {
    let failure;
    let value = "nothing yet";
    fn(...args, (err, result) => {
      failure = err;
      value = result;
    });
    if (failure) throw failure;
    return value;
  };
}
module.exports.main = async () => {
  mode = 0;
  for (const path of ["a", "free", "none"]) {
    for (const real of [true, false]) {
      try {
        log("m", sync(unlock)(path, { real }));
        log("m", sync(canonical)(path, { real }));
      } catch (error) {
        log("m", error.message);
      }
    }
  }
  mode = 5;
  call("later", unlock, "free", { real: false });
  call("later", unlock, "free", { real: true });
  const promised = (...args) => new Promise((ok, fail) => unlock(...args, (err, v) => (err ? fail(err) : ok(v))));
  log("m", await promised("x", { real: true }).then(String, (error) => error.message));
};
`,
  "CM-C07 what is thrown at the call comes out of the call": `
function checked(path, callback) {
  if (path === "") throw new RangeError("empty");
  fs.stat(path, (err, stat) => {
    if (err) return callback(err);
    callback(null, stat.size);
  });
}
function defaulted(path, options, cb) {
  if (typeof options === "function") {
    cb = options;
    options = { times: 1 };
  }
  if (path === "early") return cb(new Error("told at once"));
  fs.stat(path, (er, stat) => {
    if (er) return cb(er);
    cb(null, stat.size * options.times);
  });
}
module.exports.main = async () => {
  for (mode of [5, 0]) {
    call("empty", checked, "");
    call("no string", checked, 1);
    call("good", checked, "good");
    call("without", defaulted, "abc");
    call("with", defaulted, "abc", { times: 3 });
    call("early", defaulted, "early");
    await sleep(50);
  }
  try {
    checked("boom", () => {
      throw new Error("of the callback");
    });
    log("m", "went on");
  } catch (error) {
    log("m", error.message);
  }
};
`,
  "CM-C01 methods, this, and functions in functions": `
class Store {
  constructor() {
    this.sizes = [];
  }
  add(path, callback) {
    fs.stat(path, (err, stat) => {
      if (err) return callback(err);
      this.sizes.push(stat.size);
      callback(null, this.sizes.join());
    });
  }
}
const table = {
  factor: 10,
  scaled: function (path, callback) {
    const factor = this.factor;
    fs.stat(path, function (err, stat) {
      if (err) return callback(err);
      callback(null, stat.size * factor);
    });
  },
};
function counter() {
  let count = 0;
  const next = (path, cb) => {
    fs.stat(path, (err, stat) => {
      if (err) {
        count--;
        return cb(err);
      }
      count += stat.size;
      cb(null, count);
    });
  };
  return next;
}
module.exports.main = async () => {
  const store = new Store();
  const count = counter();
  for (mode of [5, 0]) {
    for (const path of ["a", "none", "bbb"]) {
      call("add", (p, cb) => store.add(p, cb), path);
      call("scaled", table.scaled.bind({ factor: 2 }), path);
      call("count", count, path);
    }
    await sleep(50);
  }
};
`,
  "CM-C01 names that are used twice, loops, switches and try": `
function parse(text, path, callback) {
  let value;
  fs.stat(path, (err, stat) => {
    if (err) return callback(err);
    try {
      value = JSON.parse(text);
    } catch (e) {
      return callback(e);
    }
    for (const key of Object.keys(value)) {
      if (key === "stop") return callback(null, "stopped", stat.size);
    }
    switch (value.kind) {
      case "a":
        return callback(null, "kind a", stat.size);
      case "b":
        value.kind = "c";
    }
    fs.stat(value.kind, (err, stat) => {
      if (err) return callback(err);
      const path = "inner";
      callback(null, path + value.kind, stat.size);
    });
  });
}
module.exports.main = async () => {
  for (mode of [5, 0]) {
    for (const text of ["{", '{"stop":1}', '{"kind":"a"}', '{"kind":"b"}', '{"kind":"none"}']) call(text, parse, text, "four");
    await sleep(50);
  }
};
`,
  "CM-C01 CM-C12 functions inside that go on for it": `
function removeAll(paths, callback) {
  const left = paths.slice();
  next();
  function next() {
    const path = left.shift();
    if (!path) return callback();
    fs.rmdir(path, (err) => {
      if (err) return callback(err);
      log("removed", path);
      next();
    });
  }
}
function touch(path, callback) {
  function make(size) {
    fs.rmdir(path + size, (err) => {
      if (err) return callback(err);
      callback();
    });
  }
  fs.stat(path, (err, stat) => {
    if (!err && stat.size > 3) return callback();
    if (err) return make(0);
    make(stat.size);
  });
}
function lenient(path, callback) {
  fs.stat(path, (err, stat) => callback(null, err ? -1 : stat.size));
}
module.exports.main = async () => {
  for (mode of [5, 0]) {
    call("all", removeAll, ["a", "b", "c"]);
    call("none", removeAll, []);
    call("some", removeAll, ["a", "none", "c"]);
    for (const path of ["none", "a", "long one", 1]) {
      call("touch", touch, path);
      call("lenient", lenient, path);
    }
    await sleep(50);
  }
};
`,
  "CM-C03 CM-C11 timers, and functions that others hand in": `
function later(value, callback) {
  setTimeout(() => {
    log("later", value);
    setTimeout(() => callback(null, value), 2);
  }, 3);
}
function mapped(value, iteratee, callback) {
  iteratee(value, (err, result) => {
    if (err) return callback(err);
    later(result, callback);
  });
}
module.exports.main = async () => {
  call("a", later, 1);
  call("b", mapped, 2, (value, reply) => reply(null, value * 2));
  call("c", mapped, 3, (value, reply) => setTimeout(() => reply(new Error("no"), value), 1));
  await sleep(50);
};
`,
};

describe("the same for callers with callbacks", () => {
  let project: MigratedProject;
  const names = Object.keys(programs);
  beforeAll(async () => {
    const files = names.map((name, index) => [`p${index}/main.js`, fakeFs + (programs[name] ?? "")] as const);
    project = await migrate(Object.fromEntries(files), {
      compilerOptions: scriptOptions,
      allowBaselineErrors: true,
    });
  }, 120_000);

  it.each(names)("%s", async (name) => {
    const path = `p${names.indexOf(name)}/main.js`;
    const rewritten = project
      .candidates(path)
      .filter(({ kind, disposition }) => kind === "callback" && disposition !== "leave");
    expect(rewritten.length, "functions that became fiber functions").toBeGreaterThan(0);
    expect(project.after[path]).toContain("toCallback(");
    const before = await runProgram({ main: project.before[path] ?? "" });
    const after = await runProgram({ main: project.after[path] ?? "" });
    expect(before?.log.length).toBeGreaterThan(5);
    expect(after).toEqual(before);
  });
});

describe("functions with callbacks", () => {
  const files = {
    "main.js": `const fs = require("fs");
function size(path, callback) {
  fs.stat(path, (err, stat) => {
    if (err) return callback(err);
    callback(null, stat.size);
  });
}
`,
  };

  it("CM-C07 CM-C01 are left by --level safe, for their note, and where functions are chosen by name", async () => {
    for (const request of [{ level: "safe" as const }, { symbols: ["other*", "size"] }]) {
      const project = await migrate(files, { compilerOptions: scriptOptions, ...request }).catch(() => undefined);
      expect(project?.after["main.js"] ?? files["main.js"]).toBe(files["main.js"]);
    }
    const { after } = await migrate(files, { compilerOptions: scriptOptions });
    expect(after["main.js"]).toContain("function* sizeOp(path)");
  });
});
