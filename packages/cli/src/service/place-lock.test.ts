import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WrittenLock } from '@galley/build/lock-repository';
import { placeLock } from './place-lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'galley-place-'));
});
afterEach(() => rm(folder, { recursive: true }));

// What of a lock decides where it lies.
const lockAt = (path: string): WrittenLock => ({ path, text: 'new' }) as WrittenLock;

test('a lock replaces what was there, and a link in its place is not followed', async () => {
  await writeFile(join(folder, 'precious'), 'as it was');
  await symlink('precious', join(folder, 'pylock.toml'));
  await placeLock(folder, lockAt('pylock.toml'));
  expect(await readFile(join(folder, 'pylock.toml'), 'utf8')).toBe('new');
  expect(await readFile(join(folder, 'precious'), 'utf8')).toBe('as it was');
});

test('through a folder that is a link, or onto a folder, nothing is written', async () => {
  await mkdir(join(folder, 'elsewhere'));
  await mkdir(join(folder, 'pylock.toml'));
  await symlink('elsewhere', join(folder, 'binder'));
  for (const path of ['binder/pylock.toml', 'pylock.toml'])
    await expect(placeLock(folder, lockAt(path))).rejects.toMatchObject({ code: 'USAGE' });
  expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
  expect((await readdir(folder)).sort()).toEqual(['binder', 'elsewhere', 'pylock.toml']);
});
