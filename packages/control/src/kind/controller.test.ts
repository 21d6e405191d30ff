import { expect, test } from 'vitest';
import type { Revision } from '@galley/api/kind/revision';
import { openDatabase } from '../store/database.ts';
import { SqliteObjectStore } from '../store/sqlite-object-store.ts';
import { reconcileWith } from './controller.ts';

const spec: Revision['spec'] = {
  application: 'iris',
  build: 'iris-1',
  number: 1,
  image: `sha256:${'0'.repeat(64)}`,
  service: {},
  egressHosts: [],
  secrets: [],
  records: {},
};

/** A reconciler that says `serving` and acts; `meanwhile` happens between its reading and its writing. */
function reconcilerOf(objects: SqliteObjectStore, meanwhile: (revision: Revision) => Promise<unknown>) {
  const acted: string[] = [];
  const gone: string[] = [];
  const reconcile = reconcileWith<'Revision', Revision, string>(
    {
      kind: 'Revision',
      async observe(revision) {
        await meanwhile(revision);
        return revision;
      },
      plan: ({ status }) => ({ status: { ...status, serving: true }, actions: ['act'] }),
      act: async (action) => void acted.push(action),
    },
    objects,
    () => 0,
    (key) => void gone.push(key),
  );
  const { signal } = new AbortController();
  return { run: () => reconcile('default/iris-1', signal), acted, gone };
}

async function storeWithRevision(): Promise<SqliteObjectStore> {
  const objects = new SqliteObjectStore({ database: openDatabase(':memory:'), now: () => 0 });
  await objects.create('Revision', { metadata: { name: 'iris-1', namespace: 'default' }, spec });
  return objects;
}

test('a race that was lost is no failure: it looks again at once, and does nothing before', async () => {
  const objects = await storeWithRevision();
  let disturbed = false;
  const { run, acted } = reconcilerOf(objects, async (revision) => {
    if (disturbed) return;
    disturbed = true;
    const metadata = { ...revision.metadata, labels: { by: 'others' } };
    await objects.update<'Revision'>({ ...revision, metadata });
  });
  expect(await run()).toEqual({ requeueAfterMs: 0 });
  expect(acted).toEqual([]);
  expect(await run()).toEqual({});
  expect(acted).toEqual(['act']);
  const revision = await objects.get('Revision', 'default', 'iris-1');
  expect(revision).toMatchObject({ status: { serving: true }, metadata: { labels: { by: 'others' } } });
});

test('an object that is deleted under its hands is found to be gone by the next look', async () => {
  const objects = await storeWithRevision();
  const { run, acted, gone } = reconcilerOf(objects, () => objects.delete('Revision', 'default', 'iris-1'));
  expect(await run()).toEqual({ requeueAfterMs: 0 });
  expect(await run()).toEqual({});
  expect([acted, gone]).toEqual([[], ['default/iris-1']]);
});
