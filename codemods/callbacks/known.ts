/**
 * Functions of the platform that take an error-first callback last, call it once, and how many results it gets. By the
 * names of Node's file system, which others (graceful-fs, mocks, options that hold one) lend under the same names.
 */

/** Methods whose name alone says enough. */
const telling: Readonly<Record<string, number>> = {
  lstat: 1,
  fstat: 1,
  readFile: 1,
  readdir: 1,
  readlink: 1,
  realpath: 1,
  mkdtemp: 1,
  writeFile: 0,
  appendFile: 0,
  copyFile: 0,
  unlink: 0,
  rmdir: 0,
  utimes: 0,
  futimes: 0,
  lutimes: 0,
  chmod: 0,
  fchmod: 0,
  lchmod: 0,
  chown: 0,
  fchown: 0,
  lchown: 0,
  fsync: 0,
  fdatasync: 0,
  ftruncate: 0,
  symlink: 0,
};

/** Methods that other things have, too: only of something that is called a file system. */
const ambiguous: Readonly<Record<string, number>> = {
  stat: 1,
  open: 1,
  mkdir: 0,
  close: 0,
  rename: 0,
  link: 0,
  access: 0,
  truncate: 0,
  rm: 0,
};

/** Their results come under names from `promisify`; as they stand they are taken from the callback itself. */
const named = new Set([
  "read",
  "write",
  "readv",
  "writev",
  "exec",
  "execFile",
  "lookup",
  "exists",
  "pipeline",
  "finished",
]);

/** How many results a function of that name gives, or undefined when the name says nothing. */
export function resultsOf(name: string, receiver: string | undefined): number | undefined {
  if (receiver === undefined) return undefined;
  const own = (table: Readonly<Record<string, number>>): number | undefined =>
    Object.hasOwn(table, name) ? table[name] : undefined;
  return own(telling) ?? (isFileSystem(receiver) ? own(ambiguous) : undefined);
}

/** Whether `promisify` of it would give something else than what its callback is given. */
export function hasNamedResults(name: string): boolean {
  return named.has(name);
}

function isFileSystem(receiver: string): boolean {
  return /(^|[._])(\w*fs|FS|opts|options)$/i.test(receiver);
}

/** Functions that call back again and again, or keep what they are given, whatever their callback looks like. */
export function mayRepeat(name: string): boolean {
  return /^(on|once|off|addListener|prepend\w*|addEventListener|subscribe|observe|watch\w*|each\w*|for\w*|map|filter|some|every|find|reduce|attempt|retry\w*|use|get|post|put|all|listen|create\w*|request|spawn|fork|set\w*|push|unshift|queue|then|catch|finally|register|hook|tap\w*|test|it|describe|before\w*|after\w*)$/.test(
    name,
  );
}

/** Functions whose result is a handle on what they began. */
export function givesHandle(name: string): boolean {
  return /^(get|request|spawn|exec|execFile|fork|pipe|pipeline|connect|createConnection|watch\w*|set(Timeout|Immediate|Interval)|finished)$/.test(
    name,
  );
}
