import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { openLayoutStore } from '@galley/image/layout-store';
import { directoryEntry, fileEntry, type TarEntry } from '@galley/image/tar/entry';
import type { Whiteout } from '@galley/image/tar/whiteout';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ImageOwners } from './image-owners.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-owners-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function ownersOf(
  ...layers: readonly (readonly TarEntry[] | readonly Whiteout[])[]
): Promise<ImageOwners> {
  const store = await openLayoutStore(join(home, 'images'));
  const built = [];
  for (const content of layers) {
    const entries = content.filter((one): one is TarEntry => 'type' in one);
    const whiteouts = content.filter((one): one is Whiteout => 'opaque' in one);
    built.push(await buildLayer(store, entries, { createdBy: 'a layer', whiteouts }));
  }
  const image = await assembleImage(store, { layers: built, config: {} });
  return ImageOwners.open(image, {
    store,
    cacheDir: join(home, 'cache'),
    signal: new AbortController().signal,
  });
}

const passwd = fileEntry('etc/passwd', 'app:x:1001:0::/:/bin/sh\n');
const below = [directoryEntry('srv', 0o700), passwd];

test('users and folders are those of the topmost layer that has them', async () => {
  const owners = await ownersOf(below, [directoryEntry('srv', 0o711)]);
  expect(owners.user('app')).toMatchObject({ uid: 1001 });
  expect(owners.withParents([fileEntry('srv/data', '')])[0]).toMatchObject({ path: 'srv', mode: 0o711 });
});

test('a layer whose root is opaque hides every user and folder below it', async () => {
  const owners = await ownersOf(below, [{ path: '', opaque: true }]);
  expect(() => owners.user('app')).toThrow(/app/);
  expect(owners.withParents([fileEntry('srv/data', '')])).toHaveLength(1);
});
