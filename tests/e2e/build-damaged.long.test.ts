import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BuildResult } from '@galley/build/build';
import { validateImage } from '@galley/image/validate/validate-image';
import { fixture, openBuildHome, type BuildHome } from './build-home.ts';

/** What a failing disk does to the folders of a home: everything is found out by who reads it, and made or fetched again. */
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-damaged-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function build(): Promise<{ result: BuildResult; again: readonly string[]; valid: boolean }> {
  const home: BuildHome = await openBuildHome(root);
  try {
    const result = await home.build(fixture('doubles'), { name: 'doubles' });
    const again = home.events.flatMap(({ phase, reason = '' }) => (phase === 'cache' ? [reason] : []));
    const { valid } = await validateImage(home.store, result.image);
    return { result, again, valid };
  } finally {
    await home.dispose();
  }
}

/** Another byte in the middle of every file; their sizes stay. */
async function damage(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  let count = 0;
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || (await stat(path)).size === 0) continue;
    const bytes = await readFile(path);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
    await writeFile(path, bytes);
    count += 1;
  }
  return count;
}

/** Every kind of cache that is ours; uv looks after its own. */
const kinds = async (): Promise<readonly string[]> =>
  (await readdir(join(root, 'cache'))).filter((name) => !['uv', 'work', 'known_hosts'].includes(name));

it(
  'builds the same image when any kind of its cache was altered, and when all of them were',
  { timeout: 1_200_000 },
  async () => {
    const whole = await build();
    expect(whole.valid).toBe(true);
    for (const kind of await kinds()) {
      expect(await damage(join(root, 'cache', kind)), kind).toBeGreaterThan(0);
      expect((await build()).result.image, kind).toBe(whole.result.image);
    }
    for (const kind of await kinds()) await damage(join(root, 'cache', kind));
    // Nothing that is made of wheels and packages is known any more, so they are read again.
    for (const kind of ['layers', 'wheel-layers', 'bases'])
      await rm(join(root, 'cache', kind), { recursive: true });
    expect((await build()).result.image).toBe(whole.result.image);
  },
);

it('builds the same image when the blobs of its store were altered', { timeout: 1_200_000 }, async () => {
  const whole = await build();
  expect(await damage(join(root, 'images', 'blobs'))).toBeGreaterThan(10);
  // Unpacked layers would hide that their blobs are no longer whole.
  await rm(join(root, 'engine', 'snapshots'), { recursive: true, force: true });
  const { result, again } = await build();
  expect(result.image).toBe(whole.result.image);
  expect(again.join()).toContain('had been altered on the disk');
});
