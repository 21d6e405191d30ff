/** Composition root of the command line: the only file here that touches `process`. */
import { CommanderError } from 'commander';
import { endWithReader } from './closed-output.ts';
import { createAbortOnSignal } from './interrupt.ts';
import { allCommands, findCommand } from './command/registry.ts';
import type { Context } from './command/command.ts';
import { createConnect } from './server/connect.ts';
import { buildProgram, usageError, type Runner } from './program.ts';
import { colorsFor } from './render/colors.ts';
import { exitCodeOf, renderError } from './render/error.ts';
import { createProgress } from './render/progress.ts';
import { renderResult } from './render/result.ts';
import { readAll, readHidden, type Terminal } from './standard-input.ts';
import { galleyHome } from '@galley/control/owner/home';
import { version } from './version.ts';

const interrupt = createAbortOnSignal(process);
endWithReader(process.stdout, process.stderr, interrupt.abort);
const colors = colorsFor(process.stderr, process.env);
const progress = createProgress(
  {
    isTTY: process.stderr.isTTY,
    get columns() {
      return process.stderr.columns ?? 100;
    },
    write: (text) => void process.stderr.write(text),
  },
  colors,
  Date.now,
);

const terminal: Terminal = {
  stdin: process.stdin,
  write: (text) => process.stderr.write(text),
  interrupt: interrupt.abort,
};

const run: Runner = async (entry, input, { project, output }) => {
  const home = galleyHome(process.env, process.getuid?.() ?? -1);
  const print = (text: string): void => {
    progress.clear();
    process.stdout.write(`${text}\n`);
  };
  const emit: Context['emit'] = (event) => progress.show({ time: new Date().toISOString(), ...event });
  const context: Context = {
    home,
    project,
    output,
    cwd: process.cwd(),
    env: process.env,
    signal: interrupt.signal,
    now: Date.now,
    emit,
    isTerminal: process.stdout.isTTY,
    say: (line) => {
      if (output === 'text') print(line);
    },
    data: (value) => {
      if (output === 'json') print(JSON.stringify(value));
    },
    stdin: async () => (await readAll(process.stdin)).toString('utf8'),
    hiddenInput: (prompt) => readHidden(terminal, prompt),
    connect: createConnect({ home, env: process.env, emit, signal: interrupt.signal }),
  };
  const result = await entry.command.run(input, context);
  const text = renderResult(result, output);
  if (text !== undefined && text !== '') print(text);
  process.exitCode = result.exitCode ?? 0;
};

try {
  const called = await findCommand(process.argv.slice(2));
  const program = buildProgram(called === undefined ? await allCommands() : [called], version, run);
  await program.parseAsync(process.argv);
} catch (error) {
  progress.clear();
  const mistake = error instanceof CommanderError ? usageError(error) : error;
  if (mistake !== undefined) {
    if (interrupt.signal.aborted) process.exitCode = 130;
    else {
      process.stderr.write(`${renderError(mistake, colors)}\n`);
      process.exitCode = exitCodeOf(mistake);
    }
  }
} finally {
  interrupt.release();
}
