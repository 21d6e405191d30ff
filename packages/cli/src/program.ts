import { Command as Program, CommanderError, Option as Flag } from 'commander';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Command, Input, OutputFormat } from './command/command.ts';
import { nouns, type Entry } from './command/registry.ts';

/** What every command is called with besides its own flags. */
export interface GlobalOptions {
  readonly project: string;
  readonly output: OutputFormat;
}

export type Runner = (entry: Entry, input: Input, options: GlobalOptions) => Promise<void>;

/** The command line as commander's program, made from the commands; `run` is called with what was typed. */
export function buildProgram(entries: readonly Entry[], version: string, run: Runner): Program {
  const program = new Program('galley')
    .description(
      'From a git repository of notebooks to a reproducible environment and a monitored model service.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  program.addHelpText(
    'after',
    '\nStart here:\n  galley deploy examples/iris     build a repository and serve its model\n  galley <command> --help         flags and an example',
  );
  const parents = new Map<string, Program>();
  for (const entry of entries) {
    const parent = entry.words.length === 1 ? program : parentFor(program, parents, entry.words[0] ?? '');
    addCommand(parent, entry, run);
  }
  return program;
}

function parentFor(program: Program, parents: Map<string, Program>, noun: string): Program {
  const known = parents.get(noun);
  if (known !== undefined) return known;
  const parent = program
    .command(noun)
    .description(nouns[noun] ?? '')
    .helpCommand(false)
    .exitOverride();
  parents.set(noun, parent);
  return parent;
}

function addCommand(parent: Program, entry: Entry, run: Runner): void {
  const { command } = entry;
  const program = parent
    .command(entry.words.at(-1) ?? '')
    .summary(command.summary)
    .description(command.description ?? command.summary)
    .exitOverride();
  for (const argument of command.arguments ?? []) {
    program.argument(
      argument.optional === true ? `[${argument.name}]` : `<${argument.name}>`,
      argument.description,
    );
  }
  for (const option of command.options ?? []) {
    const flag = new Flag(option.flags, option.description);
    if (option.default !== undefined) flag.default(option.default);
    if (option.repeatable === true) {
      flag.argParser((value: string, all: readonly string[] | undefined) => [...(all ?? []), value]);
    }
    program.addOption(flag);
  }
  // A command line that is another tool's keeps its own letters.
  const short = (letter: string): string =>
    (command.options ?? []).some(({ flags }) => flags.startsWith(`-${letter},`)) ? '' : `-${letter}, `;
  program.option(`${short('n')}--project <PROJECT>`, 'the project', 'default');
  program.addOption(
    new Flag(`${short('o')}--output <FORMAT>`, 'how to print')
      .choices(['text', 'json', 'yaml', 'name'])
      .default('text'),
  );
  program.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`);
  program.action(async () => {
    const { project, output, ...options } = program.opts<
      Record<string, string | boolean | readonly string[]> & { project: string; output: OutputFormat }
    >();
    await run(entry, { args: program.args, options }, { project, output });
  });
}

/** What commander refused, as an error of ours; undefined when it only printed help or the version. */
export function usageError(error: CommanderError): GalleyError | undefined {
  if (error.exitCode === 0 || error.code === 'commander.help') return undefined;
  const message = error.message.replace(/^error: /, '');
  return new GalleyError('USAGE', `${message.charAt(0).toUpperCase()}${message.slice(1)}.`, {
    hint: 'See galley --help, or galley <command> --help for its flags and an example.',
  });
}

/** The text of a flag that was given once. */
export function textOption(input: Input, name: string): string | undefined {
  const value = input.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** The values of a flag that may be repeated. */
export function listOption(input: Input, name: string): readonly string[] {
  const value = input.options[name];
  return Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
}

export type { Command };
