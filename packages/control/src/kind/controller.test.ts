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

test('a race that was lost to somebody else is no failure: it looks again at once, and does nothing before', async () => {
  const objects = new SqliteObjectStore({ database: openDatabase(':memory:'), now: () => 0 });
  await objects.create('Revision', { metadata: { name: 'iris-1', namespace: 'default' }, spec });
  let disturbed = true;
  const acted: string[] = [];
  const reconcile = reconcileWith<'Revision', Revision, string>(
    {
      kind: 'Revision',
      async observe(revision) {
        // Between our reading and our writing.
        if (disturbed) {
          const { metadata } = revision;
          await objects.update<'Revision'>({
            ...revision,
            metadata: { ...metadata, labels: { by: 'others' } },
          });
        }
        return revision;
      },
      plan: ({ status }) => ({ status: { ...status, serving: true }, actions: ['act'] }),
      act: async (action) => void acted.push(action),
    },
    objects,
    () => 0,
    () => undefined,
  );
  const { signal } = new AbortController();
  expect(await reconcile('default/iris-1', signal)).toEqual({ requeueAfterMs: 0 });
  expect(acted).toEqual([]);
  disturbed = false;
  expect(await reconcile('default/iris-1', signal)).toEqual({});
  expect(acted).toEqual(['act']);
  const revision = await objects.get('Revision', 'default', 'iris-1');
  expect(revision).toMatchObject({ status: { serving: true }, metadata: { labels: { by: 'others' } } });
});
