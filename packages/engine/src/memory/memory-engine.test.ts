import { mkdtempSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Digest } from '@galley/api/digest';
import type { Behaviour } from '../contract/behaviour.ts';
import { engineContract } from '../contract/engine-contract.ts';
import type { Workload } from '../engine.ts';
import { createMemoryEngine, type MemoryEngine } from './memory-engine.ts';
import type { Program, ProgramContext } from './program.ts';

const image: Digest = `sha256:${'1'.repeat(64)}`;

const signalled = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort');
};

async function listen(path: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

function capitals(socket: Socket): void {
  let got = '';
  socket.on('data', (chunk) => (got += String(chunk)));
  socket.on('end', () => socket.end(got.toUpperCase()));
}

async function serve(context: ProgramContext): Promise<number> {
  const servers = await Promise.all(
    ['8080', 'admin'].map((name) => listen(join(context.sockets, `${name}.sock`), capitals)),
  );
  context.log('ready');
  await signalled(context.signal);
  for (const server of servers) server.close();
  return 0;
}

async function trap(context: ProgramContext): Promise<number> {
  const server = await listen(join(context.sockets, 'real.sock'), (socket) => socket.destroy());
  symlinkSync('real.sock', join(context.sockets, '8080.sock'));
  writeFileSync(join(context.sockets, '8081.sock'), '');
  context.log('ready');
  await signalled(context.killed);
  server.close();
  return 0;
}

const programs: Record<Behaviour, Program> = {
  async print(context) {
    context.log('one\ntwo\n');
    context.log('three', 'stderr');
    return 0;
  },
  fail: async () => 3,
  async sleep(context) {
    context.log('ready');
    await signalled(context.signal);
    context.log('stopping');
    return 0;
  },
  async stubborn(context) {
    context.log('ready');
    await signalled(context.killed);
    return 0;
  },
  async 'long-line'(context) {
    context.log(`${'x'.repeat(200_000)}\nend\n`);
    return 0;
  },
  serve,
  trap,
  async output(context) {
    writeFileSync(join(context.out, 'a.txt'), 'alpha');
    mkdirSync(join(context.out, 'dir'));
    writeFileSync(join(context.out, 'dir', 'b.txt'), 'beta');
    symlinkSync('/etc/passwd', join(context.out, 'link'));
    return 0;
  },
  async inputs({ workload, log }) {
    log(workload.env['GREETING'] ?? '');
    log(String(workload.files['/galley/in/plan.json']));
    log(String(workload.secrets['/run/secrets/key'] ?? ''));
    return 0;
  },
};

engineContract({
  name: 'memory',
  async newEngine() {
    const root = mkdtempSync(join(tmpdir(), 'galley-memory-'));
    const engine = createMemoryEngine({ root, programs });
    return {
      engine,
      image,
      command: (behaviour) => [behaviour],
      async dispose() {
        await engine.close();
        rmSync(root, { recursive: true });
      },
    };
  },
  skip: [
    { reason: 'a function of this process has no memory of its own', tests: ['counts what a workload uses'] },
  ],
});

describe('the memory engine fails when it is told to', () => {
  let root: string;
  let engine: MemoryEngine;
  const workload = (id: string, command: string): Workload => ({
    id,
    project: 'tests',
    image,
    command: [command],
    env: {},
    rootfs: 'readonly',
    limits: { memoryBytes: 1 << 20, cpus: 1, pids: 1, openFiles: 1, diskBytes: 1 << 20 },
    files: {},
    secrets: {},
    tmpfs: [],
    ports: [],
    egress: { index: false, hosts: ['example.org:443'] },
    labels: {},
  });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'galley-memory-'));
    engine = createMemoryEngine({
      root,
      programs: {
        ...programs,
        ask: async ({ mayReach }) =>
          Number(mayReach('example.org:443')) * 10 + Number(mayReach('other.org:80')),
      },
    });
  });
  afterEach(async () => {
    await engine.close();
    rmSync(root, { recursive: true });
  });

  test('an injected fault is thrown as often as asked and then no more', async () => {
    engine.inject({ operation: 'ensure', error: new Error('no room'), times: 2 });
    await expect(engine.ensure(workload('a', 'print'))).rejects.toThrow('no room');
    await expect(engine.ensure(workload('a', 'print'))).rejects.toThrow('no room');
    expect(await engine.ensure(workload('a', 'print'))).toMatchObject({ id: 'a' });
  });

  test('a crash, a loss and a memory kill end a workload as they would elsewhere', async () => {
    for (const id of ['a', 'b', 'c']) await engine.ensure(workload(id, 'stubborn'));
    engine.crash('a', 139);
    engine.lose('b');
    engine.outOfMemory('c');
    expect(await engine.observe('a')).toMatchObject({ phase: 'failed', reason: 'Error', exitCode: 139 });
    expect(await engine.observe('b')).toMatchObject({ phase: 'lost', reason: 'Lost' });
    expect(await engine.observe('c')).toMatchObject({ phase: 'failed', reason: 'OOMKilled', exitCode: 137 });
  });

  test('hosts are remembered: those that were reached, and those that were refused', async () => {
    await engine.ensure(workload('a', 'ask'));
    for await (const status of engine.watch(AbortSignal.timeout(5_000)))
      if (status.exitCode !== undefined) break;
    expect(await engine.observe('a')).toMatchObject({
      exitCode: 10,
      reachedHosts: ['example.org:443'],
      refusedHosts: ['other.org:80'],
    });
  });
});
