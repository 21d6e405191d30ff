import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryEngine } from '@galley/engine/memory/memory-engine';
import type { Workload } from '@galley/engine/engine';
import { stepLabels } from '@galley/build/workload/leftovers';
import { expect, test } from 'vitest';
import { replicaWorkloads } from './kind/revision/replica-workload.ts';
import { someImage, someRevision } from './kind/test-objects.ts';
import { removeOrphans } from './orphans.ts';
import { openDatabase } from './store/database.ts';
import { SqliteObjectStore } from './store/sqlite-object-store.ts';

test('workloads of what does not exist go, those of applications and of builds that go on stay', async () => {
  const root = await mkdtemp(join(tmpdir(), 'galley-orphans-'));
  const untilKilled = ({ killed }: { killed: AbortSignal }): Promise<number> =>
    new Promise((resolve) => killed.addEventListener('abort', () => resolve(137)));
  const engine = createMemoryEngine({ root, programs: { [someImage]: untilKilled } });
  const objects = new SqliteObjectStore({ database: openDatabase(':memory:'), now: () => 0 });
  await objects.create('Application', {
    metadata: { name: 'iris', namespace: 'default' },
    spec: { source: { archive: { digest: someImage } } },
  });
  const building = { name: 'tulips-x7k2p', namespace: 'default' };
  const snapshot = { source: { archive: { digest: someImage } } };
  await objects.create('Build', { metadata: building, spec: { name: 'tulips', snapshot } });
  const [replica] = replicaWorkloads(someRevision(1));
  if (replica === undefined) throw new Error('a revision has a replica');
  const workload = (id: string, labels: Readonly<Record<string, string>>): Workload => ({
    ...replica,
    id,
    labels,
    secrets: {},
  });
  await engine.ensure(workload('replica', replica.labels));
  await engine.ensure(workload('train-of-iris', stepLabels('training', 'default', 'iris')));
  await engine.ensure(workload('train-of-a-build', stepLabels('training', 'default', 'tulips')));
  await engine.ensure(workload('train-of-nobody', stepLabels('training', 'default', 'roses')));
  await engine.ensure(workload('train-elsewhere', stepLabels('training', 'other', 'iris')));
  await engine.ensure(workload('of-somebody-else', {}));
  await removeOrphans(engine, objects);
  const left = (await engine.list()).map(({ id }) => id);
  expect([...left].sort()).toEqual(['of-somebody-else', 'replica', 'train-of-a-build', 'train-of-iris']);
  for (const id of left) await engine.remove(id, 0);
  await engine.close();
  await rm(root, { recursive: true });
});
