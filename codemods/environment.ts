/** Looks at what a migration depends on, before anybody relies on it: the compiler, the project's settings, packages. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { findFunctions } from "./analyse/functions.js";
import { isTooOld, oldestCompiler, ts } from "./compiler.js";
import { MigrationError } from "./failure.js";
import { isInstalled } from "./installed.js";
import { loadProject, type LoadRequest, type LoadedProject } from "./project.js";
import { runtimeModules } from "./runtime-names.js";

export interface Finding {
  /** `fail` stands in the way of a migration, `warn` makes it worse than it could be. */
  readonly level: "ok" | "warn" | "fail";
  /** One line: what was looked at and how it is, and then what helps. */
  readonly text: string;
}

export function examine(request: LoadRequest): Finding[] {
  let project: LoadedProject;
  try {
    project = loadProject({ ...request, allowBaselineErrors: true });
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    return [{ level: "fail", text: error.message }];
  }
  return [
    { level: "ok", text: `project ${project.configPath ?? project.root}` },
    ...project.remarks.map((text): Finding => ({ level: "warn", text })),
    compiler(project),
    ...settings(project),
    baseline(project),
    ...runtimeModules.map((name) => installed(project, name)),
    size(project),
  ];
}

function compiler({ root, compilerVersion }: LoadedProject): Finding {
  const own = ownCompiler(root);
  if (own === undefined)
    return { level: "ok", text: `TypeScript ${compilerVersion}, since the project has none of its own` };
  if (own === compilerVersion) return { level: "ok", text: `TypeScript ${own}, the project's own` };
  const isOld = isTooOld(own);
  return {
    level: isOld ? "fail" : "warn",
    text: isOld
      ? `TypeScript ${own} of the project is too old for the declarations of the library; update it to ${oldestCompiler} or newer (TR1811)`
      : `TypeScript ${own} of the project cannot be used here, so ${compilerVersion} judges in its place`,
  };
}

function ownCompiler(root: string): string | undefined {
  try {
    return (createRequire(join(root, "package.json"))("typescript/package.json") as { version?: string }).version;
  } catch {
    return undefined;
  }
}

function settings({ options, sources }: LoadedProject): Finding[] {
  const found: Finding[] = [];
  const target = options.target ?? ts.ScriptTarget.ES2015;
  if (target < ts.ScriptTarget.ES2015 && options.downlevelIteration !== true) {
    found.push({
      level: "fail",
      text: '"target" is ES5: nothing is converted without "downlevelIteration": true, or a newer target (TR1811)',
    });
  }
  if (options.moduleResolution === ts.ModuleResolutionKind.Classic) {
    found.push({
      level: "fail",
      text: '"moduleResolution" is classic, which finds no packages; set "bundler", "node16" or "nodenext"',
    });
  }
  const isScript = sources.every(({ fileName }) => /\.[cm]?jsx?$/.test(fileName));
  if (!isScript && options.strict !== true && options.strictNullChecks !== true) {
    found.push({ level: "warn", text: '"strict" is off: types say less, and more is bridged' });
  }
  if (isScript && options.checkJs !== true) {
    found.push({ level: "warn", text: '"checkJs" is off: types are inferred only, and more is bridged' });
  }
  return found.length > 0 ? found : [{ level: "ok", text: "compiler options" }];
}

function baseline({ baseline }: LoadedProject): Finding {
  const count = [...baseline().values()].reduce((sum, each) => sum + each, 0);
  if (count === 0) return { level: "ok", text: "the project type-checks" };
  return {
    level: "warn",
    text: `the project has ${count} type error${count === 1 ? "" : "s"} already; mend them, or pass --allow-baseline-errors`,
  };
}

function installed({ root, options }: LoadedProject, name: string): Finding {
  if (!isInstalled(name, root)) {
    return {
      level: "warn",
      text: `${name} is not installed yet; \`trestle migrate --write\` adds it to the package.json`,
    };
  }
  const { resolvedModule } = ts.resolveModuleName(name, join(root, "index.ts"), options, ts.sys);
  return resolvedModule === undefined
    ? {
        level: "fail",
        text: `${name} is installed, but "moduleResolution" does not find its types; set "bundler" or "nodenext"`,
      }
    : { level: "ok", text: `${name} is installed` };
}

function size({ sources, tests, root }: LoadedProject): Finding {
  const functions = findFunctions(sources, root).length;
  const lines = sources.reduce((sum, file) => sum + file.getLineStarts().length, 0);
  return {
    level: functions === 0 ? "warn" : "ok",
    text: `${functions} async functions in ${sources.length} files of ${lines} lines; ${tests.length} files are tests and stay`,
  };
}
