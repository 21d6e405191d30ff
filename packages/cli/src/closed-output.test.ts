import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

/** Writes for ever, and ends when it is asked to; its output is a pipe whose reader we are. */
const script = `
import { endWithReader } from ${JSON.stringify(new URL('closed-output.ts', import.meta.url).href)};
const lines = setInterval(() => process.stdout.write('line\\n'), 1);
let asked = 0;
endWithReader(process.stdout, process.stderr, () => {
  asked += 1;
  setTimeout(() => (clearInterval(lines), (process.exitCode = asked)), 50);
});
`;

test('a command whose reader leaves is asked once to end, and prints no stack trace', async () => {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, told }).toEqual({ code: 1, told: '' });
});
