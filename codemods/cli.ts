/**
 * The command line: reads the arguments, runs a command, and turns what comes of it into an exit code. Reports go to
 * stdout; progress, remarks and failures go to stderr.
 */

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import {
  formats,
  type CliIo,
  type Engine,
  type Invocation,
  type MigrateOptions,
  type ReadingOptions,
  type ScanOptions,
} from "./commands/invocation.js";
import { configured } from "./commands/configured.js";
import { doctor, type DoctorOptions } from "./commands/doctor.js";
import { explain } from "./commands/explain.js";
import { init } from "./commands/init.js";
import { list, type ListOptions } from "./commands/list.js";
import { migrate } from "./commands/migrate.js";
import { planInThread } from "./commands/planning-thread.js";
import { plan } from "./commands/plan.js";
import { prune, type PruneOptions } from "./commands/prune.js";
import { recover, type RecoverOptions } from "./commands/recover.js";
import { revert, type RevertOptions } from "./commands/revert.js";
import { scan } from "./commands/scan.js";
import { ExitCode, MigrationError } from "./failure.js";
import { errorCode, errorMessage, nodeFileSystem } from "./file-system.js";
import { version } from "./version.js";

export type { CliIo, Engine } from "./commands/invocation.js";

const examples = `
Examples:
  trestle doctor                    whether a migration could work here
  trestle scan                      what is there, and what a migration would make of it
  trestle scan --check --min 80%    fail when less than that is direct style: for a build server
  trestle plan                      the steps of a migration that is done bit by bit
  trestle migrate --batch 1 --write the next of these steps
  trestle migrate                   the same as a diff; nothing is written
  trestle migrate src/jobs --write  migrate one part; commit, run the tests, go on with the next
  trestle migrate --write --verify "npm test"
                                    migrate all that the tests agree with, and say what they do not
  trestle migrate --symbol 'Store.*' --since main
                                    the methods of one class, if their files changed
  trestle migrate -p tsconfig.app.json --format json > plan.json
  trestle explain src/load.ts:12    why this place became what it became
  trestle prune --rename            remove façades that nobody uses, and give back plain names
  trestle revert                    undo the last run that wrote
  trestle migrate -o migration.html a page to look at: what changes, what does not and why`;

const exitCodes = `
Exit codes:
  0    success, or nothing to do
  1    scan --check found work, or too small a share; doctor found what stands in the way
  2    the command line is wrong
  3    a file to be changed is not committed to git, or there is no git repository
  4    the project does not parse or type-check
  5    writing failed or the command that verifies did, and every file was put back as it was
  6    a file changed meanwhile or cannot be written, or an interrupted run is in the way
  70   a bug in trestle
  130  interrupted, and every file is as it was`;

/** Runs one command line without the name of the program, and never throws. */
export async function runCli(argv: readonly string[], io: CliIo, engine: Partial<Engine> = {}): Promise<ExitCode> {
  const invocation: Invocation = { io, engine: { planMigration: planHere, fs: nodeFileSystem, ...engine } };
  let exitCode: ExitCode = ExitCode.ok;
  const program = createProgram(invocation, (code) => (exitCode = code));
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    return report(error, argv, io);
  }
}

/** What the `trestle` executable does: runs the command line of this process. */
export async function main(engine: Partial<Engine> = { planMigration: planInThread }): Promise<void> {
  const interruption = new AbortController();
  // The handlers stay: a second signal must not stop the files from being put back.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort());
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);

  const { stdin, stdout, stderr, env } = process;
  const io: CliIo = { stdin, stdout, stderr, cwd: process.cwd(), env, signal: interruption.signal };
  const code = await runCli(process.argv.slice(2), io, engine);
  process.exitCode = code;
  // The analysis may still be at work; nobody waits for it any more.
  if (code === ExitCode.interrupted) process.exit();
}

/** Loads the compiler when it is needed: help, mistakes and recovery come without it, and so at once. */
const planHere: Engine["planMigration"] = async (request) => {
  const { planMigration } = await import("./migrate.js");
  return planMigration(request);
};

/** The reader of a pipe may stop early, as `head` does. */
function ignoreClosedPipe(error: Error): void {
  if (errorCode(error) !== "EPIPE") throw error;
}

function createProgram(invocation: Invocation, done: (code: ExitCode) => void): Command {
  const { stdout, stderr } = invocation.io;
  const program = new Command("trestle")
    .description("Carries promises, RxJS, event emitters and callbacks over to direct-style fibers.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, "trestle: ")),
    })
    .addHelpText("after", `${examples}\n${exitCodes}`);

  reading(program.command("scan"))
    .description("Count the asynchronous code and tell what a migration would make of it. Writes nothing.")
    .option("--check", "exit with 1 if there is something to migrate", false)
    .addOption(
      new Option("--min <share>", "exit with 1 if less than this share of functions is direct style, as in 80%")
        .argParser(share)
        .implies({ check: true }),
    )
    .action(async (given: string[], flags: ScanOptions) => {
      const { paths, options } = await configured(invocation, given, flags, { min: flags.check });
      done(await scan(invocation, paths, options));
    });

  reading(program.command("plan"))
    .description("Cut the migration into batches, leaves first, and check the program after each. Writes nothing.")
    .option("--batch-size <count>", "how many functions make a batch", positive)
    .action(async (given: string[], flags: ReadingOptions) => {
      const { paths, options } = await configured(invocation, given, flags);
      done(await plan(invocation, paths, options));
    });

  reading(program.command("migrate"))
    .description("Rewrite asynchronous code to fibers. Shows the changes; writes them only with --write.")
    .option("--write", "change the files: all of them, or none", false)
    .option("--batch <number>", "only this batch of those that `trestle plan` lists", positive)
    .option("--batch-size <count>", "how many functions make a batch", positive)
    .option("-i, --interactive", "ask about each group of functions")
    .option("--verify <command>", "keep only the changes with which this command succeeds, and say why not the others")
    .option("--allow-dirty", "write even to files with changes that are not committed", false)
    .option("--allow-no-git", "write even where no git repository can bring the files back", false)
    .action(async (given: string[], flags: MigrateOptions) => {
      const { paths, options } = await configured(invocation, given, flags, { verify: flags.write });
      done(await migrate(invocation, paths, options));
    });

  program
    .command("explain")
    .argument("<what>", "a function's name, Class.method, file:line, or a reason code such as TR1206")
    .description("Tell why a place became what it became, what it is tied to, and what would help.")
    .option("-p, --project <tsconfig>", "the project's tsconfig.json, or the folder it is in")
    .option("--allow-baseline-errors", "accept type errors that are there already", false)
    .option("-q, --quiet", "no progress and no remarks", false)
    .option("-v, --verbose", "print the stack of an internal error")
    .addHelpText("after", exitCodes)
    .action(async (what: string, flags: ReadingOptions) => {
      const { options } = await configured(invocation, [], flags);
      done(await explain(invocation, what, options));
    });

  program
    .command("prune")
    .argument("[paths...]", "files, folders and globs to work on, or with ! to leave out; the whole project if none")
    .description("Remove façades that nobody uses any more. Shows the changes; writes them only with --write.")
    .option("--rename", "give the fiber function the name of the façade", false)
    .option("--exported", "also façades that others could use, where the project is all there is", false)
    .option("--write", "change the files: all of them, or none", false)
    .option("-p, --project <tsconfig>", "the project's tsconfig.json, or the folder it is in")
    .option("--exclude <glob>", "leave out these files; may be repeated", collected)
    .option("--allow-baseline-errors", "accept type errors that are there already", false)
    .option("--allow-dirty", "write even to files with changes that are not committed", false)
    .option("--allow-no-git", "write even where no git repository can bring the files back", false)
    .option("-q, --quiet", "no progress, no remarks and no diff", false)
    .option("-v, --verbose", "print the stack of an internal error")
    .addHelpText("after", exitCodes)
    .action(async (given: string[], flags: PruneOptions) => {
      const { paths, options } = await configured(invocation, given, flags);
      done(await prune(invocation, paths, options));
    });

  program
    .command("revert")
    .description("Put back every byte that an earlier run changed, unless somebody has changed the files since.")
    .option("--run <id>", "which run; the last one by default")
    .option("--list", "list the runs that can be undone", false)
    .option("-v, --verbose", "print the stack of an internal error")
    .addHelpText("after", exitCodes)
    .action(async (options: RevertOptions) => done(await revert(invocation, options)));

  program
    .command("doctor")
    .description("Look whether a migration could work here, and what would help it. Exits with 1 if it could not.")
    .option("-p, --project <tsconfig>", "the project's tsconfig.json, or the folder it is in")
    .option("-v, --verbose", "print the stack of an internal error")
    .addHelpText("after", exitCodes)
    .action(async (options: DoctorOptions) => done(await doctor(invocation, options)));

  program
    .command("list")
    .description("List the transforms and the reason codes that reports name.")
    .option("--json", "for programs", false)
    .action(async (options: ListOptions) => done(await list(invocation, options)));

  program
    .command("init")
    .description("Write a configuration with every key explained.")
    .option("-v, --verbose", "print the stack of an internal error")
    .addHelpText("after", exitCodes)
    .action(async () => done(await init(invocation)));

  program
    .command("recover")
    .description("Put files back after a run that was killed while it wrote.")
    .option("--force", "do so even if that run seems to be still at work", false)
    .option("-v, --verbose", "print the stack of an internal error")
    .addHelpText("after", exitCodes)
    .action(async (options: RecoverOptions) => done(await recover(invocation, options)));
  return program;
}

function positive(value: string): number {
  if (!/^[1-9]\d*$/.test(value)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(value);
}

/** `80%`, `80 %` and `0.8` are the same. */
function share(value: string): number {
  const [, number, percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(value) ?? [];
  const part = Number(number) / (percent === "%" ? 100 : 1);
  if (!(part >= 0 && part <= 1)) throw new InvalidArgumentError("It must be a share such as 80% or 0.8.");
  return part;
}

function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Arguments and options of every command that reads a project. */
function reading(command: Command): Command {
  return command
    .argument("[paths...]", "files, folders and globs to work on, or with ! to leave out; the whole project if none")
    .option("-p, --project <tsconfig>", "the project's tsconfig.json, or the folder it is in")
    .option("--exclude <glob>", "leave out these files; may be repeated", collected)
    .option(
      "--symbol <name>",
      "only this function, Class.method or glob, with what it needs; may be repeated",
      collected,
    )
    .option("--since <ref>", "only files that changed since this git revision")
    .addOption(
      new Option("--level <level>", "safe leaves functions whose conversion has a note").choices(["safe", "standard"]),
    )
    .addOption(new Option("--format <format>", "how to print the report; text by default").choices(formats))
    .option("-o, --output <file>", "write the report there, too: .html, .md, .json, .sarif; may be repeated", collected)
    .option("--allow-baseline-errors", "accept type errors that are there already", false)
    .option("-q, --quiet", "no progress, no remarks and no diff", false)
    .option("-v, --verbose", "print the stack of an internal error")
    .addHelpText("after", `${examples}\n${exitCodes}`);
}

function report(error: unknown, argv: readonly string[], io: CliIo): ExitCode {
  // Commander has printed its message; asking for help or the version ends here too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  if (error instanceof MigrationError) {
    io.stderr.write(`trestle: ${error.message}\n`);
    if (isVerbose(argv, io)) io.stderr.write(`${error.stack}\n`);
    return error.exitCode;
  }
  if (io.signal?.aborted) {
    io.stderr.write("trestle: interrupted; nothing was changed\n");
    return ExitCode.interrupted;
  }
  io.stderr.write(`trestle: internal error: ${errorMessage(error)}\nThis is a bug in trestle. `);
  const stack = error instanceof Error ? error.stack : undefined;
  io.stderr.write(
    isVerbose(argv, io) ? `It happened here:\n${stack}\n` : "Run the command again with -v to see where.\n",
  );
  return ExitCode.internal;
}

function isVerbose(argv: readonly string[], { env }: CliIo): boolean {
  return argv.includes("-v") || argv.includes("--verbose") || Boolean(env["TRESTLE_DEBUG"]);
}
