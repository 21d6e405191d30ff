import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openToken, tokenMatches } from './token.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-token-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('it is made once, for the owner alone to read', async () => {
  const path = join(folder, 'token');
  const token = openToken(path);
  expect(openToken(path)).toBe(token);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect([tokenMatches(token, `Bearer ${token}`), tokenMatches(token, undefined)]).toEqual([true, false]);
});

test('a file that holds nothing opens the API to nobody', async () => {
  const path = join(folder, 'token');
  await writeFile(path, '');
  expect(() => openToken(path)).toThrow(expect.objectContaining({ code: 'HOME_INVALID' }));
});
