import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { BootstrapError } from './bootstrap-error.mjs';
import { progress } from './progress.mjs';

/** How much of a failed command's output is kept for the error, in bytes. */
const keptBytes = 8192;

/**
 * Runs one command of an installation with its progress shown; its output appears only when it fails.
 * @param {object} options
 * @param {string} options.title what is being done, as shown
 * @param {string[]} options.command program and arguments
 * @param {string} options.cwd
 * @param {AbortSignal} options.signal
 * @param {Record<string, string | undefined>} [options.env] besides the environment of this process
 * @param {() => string} [options.counter] how far it is, asked about once a second
 * @param {string} [options.fix] a sentence for the error when it fails
 * @param {'SIGTERM' | 'SIGKILL'} [options.stopWith] how to stop it; SIGKILL only for what starts afresh the next time
 * @param {string} [options.retry] the command to type after the fix; default: the command itself
 */
export async function step({
  title,
  command,
  cwd,
  signal,
  env = {},
  counter,
  fix,
  retry,
  stopWith = 'SIGTERM',
}) {
  if (signal.aborted) throw stoppedBy(signal.reason);
  const [program, ...args] = command;
  const shown = progress(title, counter);
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output = (output + chunk).slice(-keptBytes);
      shown.line(chunk);
    });
  }
  // Ctrl-C reaches the child by the terminal too; SIGTERM does not. A second signal does no harm.
  const abort = () => child.kill(stopWith);
  signal.addEventListener('abort', abort, { once: true });
  const ended = await new Promise((resolve) => {
    child.on('error', (error) => resolve({ error }));
    child.on('close', (code) => resolve({ code }));
  });
  signal.removeEventListener('abort', abort);
  const ok = ended.error === undefined && ended.code === 0;
  shown.end(ok);
  if (signal.aborted) throw stoppedBy(signal.reason);
  if (ok) return;
  throw new BootstrapError(
    `${title}: ${ended.error ? ended.error.message : `${program} ended with ${ended.code}`}.`,
    {
      output,
      command: retry ?? command.join(' '),
      ...(fix === undefined ? {} : { fix }),
    },
  );
}

/**
 * The error for an installation that a signal stopped. What was installed stays; the next run goes on from there.
 * @param {'SIGINT' | 'SIGTERM' | 'SIGHUP'} signalName
 */
export function stoppedBy(signalName) {
  return new BootstrapError(`stopped by ${signalName}; the next run goes on from here.`, {
    exitCode: 128 + constants.signals[signalName],
  });
}
