import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { processLives } from '@galley/image/lease/process-identity';
import { askGatewayState } from './gateway-client.ts';
import { adminSocket } from './gateway-process.ts';
import { Traffic } from './traffic.ts';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-traffic-'));
  folder = join(root, 'gateway');
  await mkdir(folder);
});
afterEach(() => rm(root, { recursive: true }));

test('a gateway whose owner died before it wrote it down ends by itself', async () => {
  const main = join(import.meta.dirname, '../gateway/main.ts');
  const gateway = spawn(process.execPath, [main, JSON.stringify({ folder, port: 0 })], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  // As when the owner is killed: its end of the pipe closes and nothing came through it.
  gateway.stdin.end();
  expect(await once(gateway, 'exit')).toEqual([0, null]);
  expect(await readdir(folder)).toEqual([]);
});

test('an owner that is killed at once leaves a gateway that is written down, or none', async () => {
  const program = `
    import { Traffic } from ${JSON.stringify(join(import.meta.dirname, 'traffic.ts'))};
    const starting = new Traffic({ folder: ${JSON.stringify(folder)}, port: 0 }).ensureGateway();
    process.kill(process.pid, 'SIGKILL');
    await starting;`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  await once(owner, 'exit');
  const next = new Traffic({ folder, port: 0 });
  const { process: found } = await next.ensureGateway();
  await next.stop();
  expect(processLives(found)).toBe(false);
  await expect(askGatewayState(adminSocket(folder))).rejects.toThrow(/ENOENT|ECONNREFUSED|ECONNRESET/);
});

test('a gateway that dies while nothing happens is started again, on the same port', async () => {
  const traffic = new Traffic({ folder, port: 0 });
  const { process: first, port } = await traffic.ensureGateway();
  const stop = new AbortController();
  const watching = traffic.keepGateway(stop.signal, (error) => expect.unreachable(String(error)));
  process.kill(first.pid, 'SIGKILL');
  await expect
    .poll(() => askGatewayState(adminSocket(folder)).catch(() => undefined))
    .toMatchObject({ port });
  stop.abort();
  await watching;
  await traffic.stop();
});

test('a gateway that dies while it is asked has nothing under way, and is no fault', async () => {
  const traffic = new Traffic({ folder, port: 0 });
  const { process: gateway } = await traffic.ensureGateway();
  // Stopped it takes the question and never answers it.
  process.kill(gateway.pid, 'SIGSTOP');
  const observed = traffic.observe('default', 'iris');
  process.kill(gateway.pid, 'SIGKILL');
  expect(await observed).toEqual({ route: undefined, applied: false, inFlight: {} });
});
