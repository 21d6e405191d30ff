import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { SecretStore, openSecretKey } from './secret-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-secrets-'));
});
afterEach(() => rm(folder, { recursive: true }));

function open() {
  const database = openDatabase(join(folder, 'galley.db'));
  const key = openSecretKey(join(folder, 'secret.key'));
  return { database, secrets: new SecretStore({ database, key, now: () => 0 }) };
}

test('a secret comes back after a restart, and its value lies nowhere on disk', async () => {
  const first = open();
  expect(first.secrets.put('default', 'token', 'open-sesame')).toEqual({
    name: 'token',
    createdAt: '1970-01-01T00:00:00.000Z',
    bytes: 11,
  });
  first.database.close();
  const second = open();
  expect(second.secrets.reveal('default', 'token')).toBe('open-sesame');
  expect(second.secrets.list('default')).toHaveLength(1);
  second.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  second.database.close();
  expect((await readFile(join(folder, 'galley.db'))).includes('open-sesame')).toBe(false);
  expect((await stat(join(folder, 'secret.key'))).mode & 0o777).toBe(0o600);
});

test('a sealed value under another name, or another key, opens nothing', async () => {
  const { database, secrets } = open();
  secrets.put('default', 'token', 'open-sesame');
  database.exec("UPDATE secret SET name = 'other'");
  expect(() => secrets.reveal('default', 'other')).toThrow(
    expect.objectContaining({ code: 'SECRET_UNREADABLE' }),
  );
  expect(() => secrets.reveal('default', 'token')).toThrow(
    expect.objectContaining({ code: 'SECRET_NOT_FOUND' }),
  );
  database.close();
  await writeFile(join(folder, 'secret.key'), 'short');
  expect(() => openSecretKey(join(folder, 'secret.key'))).toThrow(
    expect.objectContaining({ code: 'SECRET_UNREADABLE' }),
  );
});
