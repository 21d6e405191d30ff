import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { objectStoreContract } from './contract/object-store-contract.ts';
import { openDatabase } from './database.ts';
import { SqliteObjectStore } from './sqlite-object-store.ts';

async function openStore() {
  const folder = await mkdtemp(join(tmpdir(), 'control-store-'));
  const database = openDatabase(join(folder, 'galley.db'));
  const store = new SqliteObjectStore({ database, now: () => Date.now() });
  return { folder, database, store };
}

objectStoreContract('SQLite', async () => {
  const { folder, database, store } = await openStore();
  return {
    store,
    compact: async () => store.compact(0),
    close: async () => {
      database.close();
      await rm(folder, { recursive: true });
    },
  };
});

test('objects and versions survive the end of the process', async () => {
  const { folder, database, store } = await openStore();
  const created = await store.create('Application', {
    metadata: { name: 'iris', namespace: 'default' },
    spec: { source: {} },
  });
  database.close();
  const again = openDatabase(join(folder, 'galley.db'));
  const reopened = new SqliteObjectStore({ database: again, now: () => Date.now() });
  expect(await reopened.get('Application', 'default', 'iris')).toEqual(created);
  expect((await reopened.list('Application')).resourceVersion).toBe(created.metadata.resourceVersion);
  again.close();
  await rm(folder, { recursive: true });
});
