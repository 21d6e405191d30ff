import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { homeLayout } from '@galley/control/owner/home';
import { homeOwner } from '@galley/control/owner/lock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findServer } from '../../packages/cli/src/server/running-server.ts';
import { leftovers } from '../e2e/leftovers.ts';
import { waitUntil } from '../e2e/wait-until.ts';
import { galley, type Session } from './galley.ts';

const bin = fileURLToPath(new URL('../../bin/galley', import.meta.url));

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-cli-server-'));
});
afterEach(async () => {
  if ((await findServer(home)) !== undefined) await galley(['server', 'stop'], { home });
  await rm(home, { recursive: true, force: true });
});

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Session> =>
  galley(args, { home, env });

describe('two servers on one GALLEY_HOME', () => {
  test('the second one names the home, its owner and what to do, and the first goes on', async () => {
    const { pid } = JSON.parse((await run(['server', 'start', '-o', 'json'])).stdout) as { pid: number };
    const second = await run(['server', 'run']);
    expect(second.exitCode).toBe(2);
    expect(second.stderr).toContain(
      `Error HOME_IN_USE: The Galley home ${home} belongs to a server: process ${pid}.`,
    );
    expect(second.stderr).toMatch(/Next: .*galley server stop/);
    expect((await run(['server', 'status'])).stdout).toContain(`pid ${pid}`);
  });

  test('commands that start one at the same time share it', async () => {
    const started = await Promise.all([1, 2, 3].map(() => run(['server', 'start', '-o', 'json'])));
    expect(started.map(({ exitCode, stderr }) => (exitCode === 0 ? '' : stderr))).toEqual(['', '', '']);
    const pids = started.map(({ stdout }) => (JSON.parse(stdout) as { pid: number }).pid);
    expect(new Set(pids).size).toBe(1);
  });
});

describe('a port that is in use', () => {
  let other: Server;
  let port: number;
  beforeEach(async () => {
    other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    // It listens on TCP, so its address has a port.
    port = (other.address() as AddressInfo).port;
  });
  afterEach(() => void other.close());

  test.each([
    ['API', 'GALLEY_API_PORT', 'run'],
    ['API', 'GALLEY_API_PORT', 'start'],
    ['gateway', 'GALLEY_GATEWAY_PORT', 'start'],
  ])('%s (%s) of server %s: named, with what to do, and nothing stays', async (what, variable, verb) => {
    const { exitCode, stderr } = await run(['server', verb], { [variable]: String(port) });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      `Error PORT_IN_USE: The ${what} cannot listen on 127.0.0.1:${port}: the port is taken.`,
    );
    expect(stderr).toContain(`sport = :${port}`);
    expect(stderr).toContain(variable);
    expect(await findServer(home)).toBeUndefined();
    expect(await leftovers(home)).toEqual([]);
  });

  test('a port that is no port is a usage error', async () => {
    const { exitCode, stderr } = await run(['server', 'run'], { GALLEY_API_PORT: 'https' });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/USAGE.*GALLEY_API_PORT is "https"/);
    expect(await readdir(home)).toEqual([]);
  });
});

describe('the end of a server', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends server run in order, and nothing stays',
    async (signal) => {
      const env = { ...process.env, GALLEY_HOME: home, GALLEY_API_PORT: '0', GALLEY_GATEWAY_PORT: '0' };
      const child = spawn(bin, ['server', 'run'], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
        detached: true,
      });
      const said: string[] = [];
      child.stdout.on('data', (chunk) => void said.push(String(chunk)));
      const ended = once(child, 'close');
      await waitUntil('the server answers', () => findServer(home));
      // To the whole group, as a terminal does it.
      process.kill(-(child.pid ?? 0), signal);
      expect(await ended).toEqual([0, null]);
      expect(said.join('')).toContain('The server has stopped.');
      expect(await leftovers(home)).toEqual([]);
    },
  );

  test('server stop returns when the process is gone, and the next start finds the home free', async () => {
    await run(['server', 'start']);
    expect((await run(['server', 'stop'])).stdout).toContain('The server has stopped.');
    expect(homeOwner(homeLayout(home).lock)).toBeUndefined();
    expect(await leftovers(home)).toEqual([]);
    expect((await run(['server', 'stop'])).stdout).toContain(`No server runs for ${home}.`);
    expect((await run(['server', 'start'])).exitCode).toBe(0);
  });
});
