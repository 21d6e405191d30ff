import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkloadStatus } from '@galley/engine/engine';
import { createMemoryEngine } from '@galley/engine/memory/memory-engine';
import { expect, test } from 'vitest';
import { runWorkload, throwIfNeverRan } from './run-workload.ts';

test('a workload whose image is no longer there is removed, and its build may begin again', async () => {
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
    await expect(running).rejects.toMatchObject({ code: 'BLOB_MISSING', details: { removed: true } });
    expect(await engine.list()).toEqual([]);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('any other workload that does not come to run is the failure of the machine, with its reason', async () => {
  const engine = createMemoryEngine({ programs: {}, root: tmpdir() });
  const refused: WorkloadStatus = {
    id: 'sdist-1',
    specHash: '',
    phase: 'failed',
    reason: 'Error',
    message: 'no mount',
    refusedHosts: [],
    reachedHosts: [],
    labels: {},
  };
  await expect(throwIfNeverRan(engine, refused)).rejects.toMatchObject({
    code: 'ENGINE_FAILED',
    hint: 'galley doctor',
    cause: { message: 'no mount' },
  });
  await throwIfNeverRan(engine, { ...refused, exitCode: 1 });
});
