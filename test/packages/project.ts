/** Temporary projects in which the packed tarballs are installed, and tools are there as a project has them. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const top = join(import.meta.dirname, "..", "..");
const execute = promisify(execFile);

/** Finds what the workspace has installed. */
export const workspace = createRequire(join(top, "package.json"));
/** Finds what old code has installed: see old-tools/package.json. */
export const oldTools = createRequire(join(import.meta.dirname, "old-tools", "package.json"));

/** Where a package that one of the two finds is installed. */
export const folderOf = (from: NodeJS.Require, name: string): string => dirname(from.resolve(`${name}/package.json`));

/** What a command printed. */
export interface Printed {
  readonly code: number;
  /** Both streams, one after the other. */
  readonly text: string;
}

/** A folder in which `trestle` and `@trestle/bridges` are installed from their tarballs. */
export class Installation {
  readonly folder: string;
  /** The tarballs, `trestle` first. */
  readonly tarballs: readonly string[];

  private constructor(folder: string, tarballs: readonly string[]) {
    this.folder = folder;
    this.tarballs = tarballs;
  }

  static async create(): Promise<Installation> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-packages-")));
    await Promise.all(
      // In two folders: they are packed at the same time.
      ["core", "bridges"].map((name) =>
        execute(process.execPath, [join(top, ".ci", "pack.mjs"), join(folder, "packed", name), name]),
      ),
    );
    const tarballs = ["core", "bridges"].map((name) => {
      const packed = join(folder, "packed", name);
      return join(
        packed,
        readdirSync(packed).find((file) => file.endsWith(".tgz"))!,
      );
    });
    const installation = new Installation(folder, tarballs);
    await installation.extract(join(folder, "node_modules"));
    return installation;
  }

  /** Lays both packages out in a folder, as a package manager does. */
  async extract(modules: string): Promise<void> {
    await Promise.all(
      ["trestle", "@trestle/bridges"].map(async (name, index) => {
        mkdirSync(join(modules, name), { recursive: true });
        await execute("tar", ["-xzf", this.tarballs[index]!, "-C", join(modules, name), "--strip-components=1"]);
      }),
    );
  }

  /** Lays out an optional peer of the packages beside them: that of the workspace. */
  addPeer(name: string): void {
    symlinkSync(join(top, "node_modules", name), join(this.folder, "node_modules", name), "junction");
  }

  /**
   * Makes a project. Modules are found as in any other: in its own node_modules, then in that of the installation.
   *
   * @param files  by path; what is not text is written as JSON
   * @param links  what else is in its node_modules: a folder by each name
   */
  project(name: string, files: Record<string, unknown>, links: Record<string, string> = {}): string {
    const folder = join(this.folder, name);
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    }
    for (const [module, target] of Object.entries(links)) {
      const link = join(folder, "node_modules", module);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(target, link, "junction");
    }
    return folder;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs Node in a project; never throws. */
export async function node(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Printed> {
  // Nothing of the test runner around us: its own options and modes are not those of a project.
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(
      ([key]) => !/^(NODE_|VITEST|VITE_|JEST|TS_|TEST$|MODE$|PROD$|DEV$|SSR$)/.test(key),
    ),
  );
  try {
    const { stdout, stderr } = await execute(process.execPath, args, {
      maxBuffer: 64 * 2 ** 20,
      cwd: folder,
      env: { ...clean, NO_COLOR: "1", ...env },
    });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}
