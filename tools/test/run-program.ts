import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { endLeftovers, runVariable } from './end-leftovers.ts';

/**
 * Runs a test tool with its output going straight to ours. When `signal` is aborted the tool is asked to end, and is waited for, so that
 * its tests can clean up; what they had started and left behind is ended then.
 * @returns its exit code; null when a signal ended it or it could not be started, which is printed
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; signal: AbortSignal },
): Promise<number | null> {
  const run = randomUUID();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env, [runVariable]: run },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  options.signal.addEventListener('abort', stop, { once: true });
  const ended = new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      console.error(error.message);
      resolve(null);
    });
    child.on('close', resolve);
  });
  try {
    return await ended;
  } finally {
    options.signal.removeEventListener('abort', stop);
    if (options.signal.aborted) await endLeftovers(run);
  }
}
