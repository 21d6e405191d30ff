import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { GalleyEvent } from '@galley/api/event';
import { expect, test } from 'vitest';
import { removeDamagedFile, withRepair } from './repair.ts';

const told: Omit<GalleyEvent, 'time'>[] = [];
const options = { object: 'build/x', emit: (event: Omit<GalleyEvent, 'time'>) => void told.push(event) };

test('work goes on anew when what was damaged is gone, says so, and any other failure is its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'galley-repair-'));
  try {
    const path = join(folder, 'a.whl');
    await writeFile(path, 'altered');
    let tries = 0;
    const work = async (): Promise<string> => {
      tries += 1;
      if (!(await readdir(folder)).includes('a.whl')) return 'made';
      const details = { path, expected: 'a', actual: 'b' };
      throw await removeDamagedFile(new GalleyError('DIGEST_MISMATCH', 'Altered.', { details }), folder);
    };
    expect(await withRepair(work, options)).toBe('made');
    expect([tries, told.map(({ phase }) => phase)]).toEqual([2, ['cache']]);
    const elsewhere = new GalleyError('DIGEST_MISMATCH', 'Altered.', { details: { path: '/etc/hosts' } });
    const other = withRepair(async () => Promise.reject(await removeDamagedFile(elsewhere, folder)), options);
    await expect(other).rejects.toBe(elsewhere);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([
  ['where something else breaks each time is given up at last', (tries: number) => `Altered: ${tries}.`, 101],
  ['where the same breaks again is given up at once', () => 'Altered.', 2],
])('a disk %s', async (_how, message, most) => {
  let tries = 0;
  const broken = withRepair(() => {
    tries += 1;
    const details = { removed: true };
    return Promise.reject(new GalleyError('DIGEST_MISMATCH', message(tries), { details }));
  }, options);
  await expect(broken).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  expect(tries).toBe(most);
});
