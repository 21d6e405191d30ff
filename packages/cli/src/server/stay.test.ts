import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homeLayout } from '@galley/control/owner/home';
import { writeServerFile } from '@galley/control/owner/server-file';
import { identifyProcess } from '@galley/image/lease/process-identity';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** Each stays in a process of its own, without a terminal: whether that process lives on is the question. */
const script = `
import { stayWithServer } from ${JSON.stringify(new URL('stay.ts', import.meta.url).href)};
import { createAbortOnSignal } from ${JSON.stringify(new URL('../interrupt.ts', import.meta.url).href)};
console.log('ended:', await stayWithServer(process.argv[1], createAbortOnSignal(process).signal));
`;

let home: string;
let server: ReturnType<typeof spawn>;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-stay-'));
  server = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(server, 'spawn');
  const identity = identifyProcess(server.pid ?? 0);
  if (identity === undefined) throw new Error('the process that stands for the server is not there');
  writeServerFile(homeLayout(home).serverFile, {
    pid: identity.pid,
    startTime: identity.startTicks,
    bootId: identity.bootId,
    startedAt: new Date().toISOString(),
    api: 'https://127.0.0.1:1',
    gateway: 'http://127.0.0.1:1',
    tokenFile: 'token',
    caFile: 'ca.pem',
  });
});
afterEach(async () => {
  server.kill('SIGKILL');
  await rm(home, { recursive: true, force: true });
});

async function staying(end: (child: ReturnType<typeof spawn>) => void): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script, home], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  // It is up when it has looked twice, which takes longer than an empty event loop would live.
  setTimeout(() => end(child), 2_500);
  const [code] = (await once(child, 'close')) as [number | null];
  return `${said.trim()} (${code})`;
}

test('stays until it is interrupted, although nothing but a signal is waited for', async () => {
  expect(await staying((child) => child.kill('SIGINT'))).toBe('ended: interrupted (0)');
});

test('ends when the server has ended', async () => {
  expect(await staying(() => server.kill('SIGKILL'))).toBe('ended: gone (0)');
});
