import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryEngine } from '@galley/engine/memory/memory-engine';
import { expect, test } from 'vitest';
import { runWorkload } from './run-workload.ts';

test('a workload that does not come to run is the failure of the machine, with its reason, and is removed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'galley-run-'));
  const engine = createMemoryEngine({ programs: {}, root });
  try {
    const running = runWorkload(
      {
        id: 'sdist-1',
        project: 'default',
        image: `sha256:${'0'.repeat(64)}`,
        command: ['pip'],
        env: {},
        workingDir: '/tmp',
        rootfs: 'readonly',
        limits: { memoryBytes: 1024 ** 2, cpus: 1, pids: 8, openFiles: 64, diskBytes: 1024 ** 2 },
        files: {},
        secrets: {},
        tmpfs: [],
        ports: [],
        egress: { index: false, hosts: [] },
        labels: {},
      },
      { engine, signal: AbortSignal.timeout(30_000) },
      async ({ status }) => status,
    );
    await expect(running).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      hint: 'galley doctor',
      cause: { message: expect.stringContaining('has no program here') as unknown },
    });
    expect(await engine.list()).toEqual([]);
  } finally {
    await rm(root, { recursive: true });
  }
});
