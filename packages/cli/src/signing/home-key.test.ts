import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { homeKey, homeKeyPaths } from './home-key.ts';

test('commands that need the key at the same time make one, whole from the first moment', async () => {
  const home = await mkdtemp(join(tmpdir(), 'galley-home-key-'));
  const keys = await Promise.all(Array.from({ length: 8 }, () => homeKey(home)));
  expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  const paths = homeKeyPaths(home);
  expect(await readdir(paths.folder)).toEqual(['galley.key', 'galley.pub']);
  expect((await stat(paths.private)).mode & 0o777).toBe(0o600);
  await rm(home, { recursive: true });
});
