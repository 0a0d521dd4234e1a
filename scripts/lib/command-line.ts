/** The command line of a script: read strictly, and described once for `--help`. */

import { parseArgs, type ParseArgsOptionDescriptor } from "node:util";
import { ScriptError } from "./script-error.ts";

const WRONG_USAGE = 2;
const HELP: ReadonlySet<string> = new Set(["--help", "-h"]);

/** An option, and what --help says of it. */
export interface Option extends ParseArgsOptionDescriptor {
  readonly about: string;
  /** What its value is called: `PORT`. */
  readonly value?: string;
}

/** What may stand on the command line. */
export interface CommandLine<Options extends Readonly<Record<string, Option>> = Readonly<Record<string, Option>>> {
  /** The npm script: `dev`. */
  readonly name: string;
  readonly about: string;
  readonly options: Options;
  /** What may come without a name: `FILE`. Nothing, when left out. */
  readonly positionals?: string;
  /** What comes after the npm script's name in an example: `--port 9000`. */
  readonly example: string;
  /** What else --help says. */
  readonly notes?: string;
}

/** A command line with something in it that the script does not know. Ends a script with 2. */
export class UsageError extends ScriptError {
  readonly exitCode = WRONG_USAGE;
}

/**
 * Reads arguments.
 *
 * @throws {UsageError} for what the script does not know; one line
 */
export function parseCommandLine<const Options extends Readonly<Record<string, Option>>>(
  command: CommandLine<Options>,
  args: readonly string[],
) {
  const { name, options, positionals } = command;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: positionals !== undefined });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [what = ""] = error.message.split(/\. |\n/);
    throw new UsageError(`${what}. \`npm run ${name} -- --help\` shows what there is.`);
  }
}

/** Reads the arguments of this process; for --help, or what the script does not know, the process ends. */
export function readCommandLine<const Options extends Readonly<Record<string, Option>>>(
  command: CommandLine<Options>,
): ReturnType<typeof parseCommandLine<Options>> {
  answerHelp(command);
  try {
    return parseCommandLine(command, process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    return process.exit(error.exitCode);
  }
}

/** Where --help is asked for, prints it and ends the process. */
export function answerHelp(command: CommandLine): void {
  if (!process.argv.slice(2).some((arg: string) => HELP.has(arg))) return;
  console.log(helpOf(command));
  process.exit(0);
}

function helpOf({ name, about, options, positionals, example, notes }: CommandLine): string {
  const rows = [
    ...Object.entries(options).map(
      ([option, details]) =>
        [`--${option}${details.value === undefined ? "" : ` ${details.value}`}`, details.about] as const,
    ),
    ["--help", "Shows this"] as const,
  ];
  const width = Math.max(...rows.map(([option]) => option.length));
  return [
    `${about}\n`,
    `Usage: npm run ${name} -- [OPTION …]${positionals === undefined ? "" : ` ${positionals}`}\n`,
    ...rows.map(([option, text]) => `  ${option.padEnd(width)}  ${text}`),
    ...(notes === undefined ? [] : [`\n${notes}`]),
    `\nExample: npm run ${name}${example === "" ? "" : ` -- ${example}`}`,
  ].join("\n");
}
