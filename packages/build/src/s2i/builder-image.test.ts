import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportImage } from '@galley/image/export/export-image';
import type { Image } from '@galley/image/image';
import { openLayoutStore } from '@galley/image/layout-store';
import { noiseImage, transferOptions } from '@galley/image/registry-client/fixtures/push-pull';
import { serveRegistry, type ServedRegistry } from '@galley/image/registry-server/fixtures/serve-registry';
import type { ImageStore } from '@galley/image/store';
import { openNamedImage, type PullPolicy } from './builder-image.ts';

let folder: string;
let store: ImageStore;
let remote: ImageStore;
let served: ServedRegistry;
let older: Image;
let newer: Image;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-builder-'));
  store = await openLayoutStore(join(folder, 'store'));
  remote = await openLayoutStore(join(folder, 'remote'));
  served = await serveRegistry(remote);
  [older, newer] = [await noiseImage(remote, [1000]), await noiseImage(remote, [1000])];
  await remote.tag('team/builder:latest', older.digest);
});
afterAll(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});

async function open(name: string, pull: PullPolicy = 'if-not-present'): Promise<string> {
  const { image } = await openNamedImage(name, {
    store,
    cwd: folder,
    workDir: join(folder, 'work'),
    registry: transferOptions(`${served.host}/x`, 'pull'),
    pull,
    emit: () => undefined,
    object: 'image/builder',
    signal: new AbortController().signal,
  });
  return image.digest;
}

test('a builder comes from a registry once, again when that is asked for, and never when that is forbidden', async () => {
  const name = `${served.host}/team/builder`;
  await expect(open(name, 'never')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  expect(await open(name)).toBe(older.digest);
  await remote.tag('team/builder:latest', newer.digest);
  const before = served.requests.length;
  expect(await open(name)).toBe(older.digest);
  expect(await open(`docker://${name}:latest`, 'never')).toBe(older.digest);
  expect(served.requests).toHaveLength(before);
  expect(await open(name, 'always')).toBe(newer.digest);
  expect(await open(`${name}@${older.digest}`)).toBe(older.digest);
});

test('a name of the store goes before a registry, and files are named by their format', async () => {
  const local = await noiseImage(store, [10]);
  await store.tag('my/builder:v1', local.digest);
  expect(await open('my/builder:v1')).toBe(local.digest);
  expect(await open(local.digest.slice(7, 19))).toBe(local.digest);
  await exportImage(remote, newer, { format: 'oci', path: join(folder, 'layout'), name: 'x:1' });
  expect(await open('oci:layout:x:1')).toBe(newer.digest);
  await expect(open('Not a name')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
});
