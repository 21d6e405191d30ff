import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

/** A process that takes its time to stop, until SIGUSR2 ends it with 0. */
const program = `
  import { createAbortOnSignal } from ${JSON.stringify(join(import.meta.dirname, 'interrupt.ts'))};
  const { signal } = createAbortOnSignal(process);
  process.on('SIGUSR2', () => process.exit(0));
  signal.addEventListener('abort', () => console.log('stopping'));
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => console.log('still here'));
  setInterval(() => {}, 1000);
  console.log('runs');`;

async function afterSignals(...names: readonly NodeJS.Signals[]): Promise<unknown> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'exit');
  await lines.next();
  for (const name of names) {
    child.kill(name);
    // Each is answered before the next comes; by the end of the process when that is the answer.
    while ((await lines.next()).value === 'stopping');
  }
  child.kill('SIGUSR2');
  return (await ended)[0];
}

test.each([
  [['SIGINT'], 0],
  [['SIGHUP'], 0],
  [['SIGTERM', 'SIGTERM'], 0],
  [['SIGINT', 'SIGTERM', 'SIGHUP'], 0],
  [['SIGINT', 'SIGINT'], 130],
] as const)('after %j it ends with %i', async (names, exitCode) => {
  expect(await afterSignals(...names)).toBe(exitCode);
});
