import process from 'node:process';
import yargs from 'yargs';
import { CodedError } from '../protocol/coded-error.js';
import type { Arguments, Command, ExitCode, Option, Positional } from './command.js';
import { groupSummaries, loadCommands } from './commands.js';
import { exitCodeOf } from './exit-code.js';
import { packageVersion } from './package-version.js';
import { createTerminal } from './terminal.js';

/**
 * Reads the command line and runs the command that it names.
 *
 * @returns the exit code of the process (design, section 9)
 */
export async function main(words: readonly string[]): Promise<ExitCode> {
  try {
    return await parse(words);
  } catch (error) {
    const refusal = refusalOf(error);
    process.stderr.write(`tinylamp: ${refusal.message}\n  ${refusal.remedy}\n`);
    return exitCodeOf(refusal.code);
  }
}

/** The refusal that an error stands for. What is none is a fault of the program and thrown on. */
function refusalOf(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  // What yargs itself has to say of the command line comes so.
  if (error instanceof Error && error.name === 'YError') {
    return new CodedError('usage-invalid', error.message);
  }
  throw error;
}

async function parse(words: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const parser = yargs([...words])
    .scriptName('tinylamp')
    .usage('$0 <command>\n\nTests TinyML models live, on real traffic, safely.')
    .version(packageVersion().join('.'))
    .strict()
    // `--no-memo` is an option by itself, and not a `--memo` that is off.
    .parserConfiguration({ 'boolean-negation': false })
    .demandCommand(1, 'Which command?')
    .recommendCommands()
    .example('$0 demo', 'the whole story, with a broker of its own')
    .example('$0 agent --config agent.yaml', 'the service on a gateway')
    .example('$0 release build --help', 'more about one command')
    .wrap(Math.min(100, process.stdout.columns || 100))
    .exitProcess(false)
    .fail((message: string | undefined, error: Error | undefined) => {
      throw error ?? new CodedError('usage-invalid', message ?? 'unknown');
    });
  for (const [first, group] of groupByFirstWord(await loadCommands(words))) {
    const alone = group.find((command) => command.words === first);
    if (alone !== undefined) {
      addCommand(parser, alone, first, (code) => (exitCode = code));
      continue;
    }
    parser.command(first, groupSummaries[first] ?? '', (nested) => {
      nested.demandCommand(1, `Which command of ${first}?`);
      for (const command of group) {
        const rest = command.words.slice(first.length + 1);
        addCommand(nested, command, rest, (code) => (exitCode = code));
        for (const [line, does] of command.examples ?? []) nested.example(line, does);
      }
    });
  }
  await parser.parseAsync();
  return exitCode;
}

type Parser = ReturnType<typeof yargs>;

function addCommand(
  parser: Parser,
  command: Command,
  words: string,
  done: (code: ExitCode) => void,
): void {
  const positionals = command.positionals ?? [];
  parser.command(
    [words, ...positionals.map(positionalUsage)].join(' '),
    command.summary,
    (nested) => {
      for (const { name, describe } of positionals) {
        nested.positional(name, { describe, type: 'string' });
      }
      for (const [name, option] of Object.entries(command.options ?? {})) {
        nested.option(name, optionUsage(option));
      }
      for (const [line, does] of command.examples ?? []) nested.example(line, does);
    },
    async (given) => {
      done(await command.run(readArguments(given), createTerminal()));
    },
  );
}

function positionalUsage({ name, optional }: Positional): string {
  return optional === true ? `[${name}]` : `<${name}>`;
}

function optionUsage(option: Option): Record<string, unknown> {
  const types = { text: 'string', number: 'number', flag: 'boolean', list: 'string' } as const;
  return {
    describe: option.describe,
    type: types[option.type],
    requiresArg: option.type !== 'flag',
    // Each mention takes one text: what follows it may be a positional.
    ...(option.type === 'list' ? { array: true, nargs: 1 } : {}),
    ...(option.alias === undefined ? {} : { alias: option.alias }),
    ...(option.required === undefined ? {} : { demandOption: option.required }),
    ...(option.default === undefined ? {} : { default: option.default }),
  };
}

function readArguments(given: Readonly<Record<string, unknown>>): Arguments {
  const text = (name: string): string | undefined => {
    const value = given[name];
    if (value === undefined) return undefined;
    // yargs gathers a repeated option in an array; none of ours may be repeated.
    if (typeof value !== 'string') {
      throw new CodedError('usage-invalid', `${name} was given more than once`);
    }
    return value;
  };
  const number = (name: string): number | undefined => {
    const value = given[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new CodedError('usage-invalid', `--${name} must be one number`);
    }
    return value;
  };
  return {
    text,
    requiredText(name) {
      const value = text(name);
      if (value === undefined) throw new CodedError('usage-invalid', `${name} is missing`);
      return value;
    },
    number,
    wholeNumber(name, least, most) {
      const value = number(name);
      if (value !== undefined && Number.isSafeInteger(value) && value >= least && value <= most) {
        return value;
      }
      throw new CodedError(
        'usage-invalid',
        `--${name} must be a whole number from ${least} to ${most}`,
      );
    },
    list(name) {
      const value = given[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    flag: (name) => given[name] === true,
  };
}

function groupByFirstWord(all: readonly Command[]): Map<string, Command[]> {
  const groups = new Map<string, Command[]>();
  for (const command of all) {
    const first = command.words.split(' ', 1)[0] ?? '';
    groups.set(first, [...(groups.get(first) ?? []), command]);
  }
  return groups;
}
