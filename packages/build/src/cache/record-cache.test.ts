import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecordCache } from './record-cache.ts';

let folder: string;
let records: RecordCache<{ readonly layers: readonly string[] }>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'galley-records-'));
  records = new RecordCache(folder, 'locks');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const pathOf = async (): Promise<string> => {
  const [name = ''] = await readdir(join(folder, 'locks'));
  return join(folder, 'locks', name);
};

test('a record comes back as it was kept', async () => {
  await records.set('a', { layers: ['one', 'größe\n'] });
  expect(await records.get('a')).toEqual({ layers: ['one', 'größe\n'] });
  expect(await records.get('b')).toBeUndefined();
});

test.each([
  ['emptied', (path: string) => truncate(path)],
  ['cut short', (path: string) => truncate(path, 80)],
  ['another JSON that is whole', (path: string) => writeFile(path, '{"layers":["two"]}')],
  [
    'one letter changed',
    async (path: string) => writeFile(path, (await readFile(path, 'utf8')).replace('one', 'oNe')),
  ],
])('a record that was %s is unknown, and can be kept anew', async (_how, damage) => {
  await records.set('a', { layers: ['one'] });
  await damage(await pathOf());
  expect(await records.get('a')).toBeUndefined();
  await records.set('a', { layers: ['one'] });
  expect(await records.get('a')).toEqual({ layers: ['one'] });
});

test('the record of another key is not believed under this one', async () => {
  await records.set('a', { layers: ['one'] });
  const path = await pathOf();
  await rename(path, path.replace(/a\.record$/, 'b.record'));
  expect(await records.get('b')).toBeUndefined();
});

test.skipIf(process.getuid?.() !== 0)(
  'a full disk is said to be one, and the record before stays (skipped without root: mounts a small disk)',
  async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'galley-test', folder]);
    try {
      await records.set('a', { layers: ['one'] });
      const large = { layers: ['x'.repeat(400_000)] };
      await expect(records.set('a', large)).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect(await records.get('a')).toEqual({ layers: ['one'] });
      await records.set('b', { layers: ['two'] });
    } finally {
      execFileSync('umount', [folder]);
    }
  },
);
