import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleImage } from '../assemble/assemble-image.ts';
import type { Layer } from '../descriptor.ts';
import type { Image } from '../image.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry, symlinkEntry } from '../tar/entry.ts';
import { listImages } from './list-images.ts';
import { why } from './why.ts';

let folder: string;
let store: ImageStore;
let image: Image;

/** A layer that removes, which Galley itself never writes. */
async function whiteoutLayer(names: readonly string[]): Promise<Layer> {
  const packer = pack();
  for (const name of names) packer.entry({ name }, '');
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer as AsyncIterable<Buffer>) chunks.push(chunk);
  const tar = Buffer.concat(chunks);
  const descriptor = await store.write(gzipSync(tar), { mediaType: mediaType.layer });
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}` as const;
  return { descriptor, diffId, createdBy: 'cleaning', tarBytes: tar.byteLength };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-facts-'));
  store = await openLayoutStore(join(folder, 'store'), { now: () => Date.UTC(2030, 0, 1) });
  const base = [
    fileEntry('etc/a', 'a'),
    fileEntry('etc/b', 'b'),
    fileEntry('var/c/d', 'd'),
    symlinkEntry('lib', 'usr/lib'),
  ];
  image = await assembleImage(store, {
    layers: [
      await buildLayer(store, base, { createdBy: 'base' }),
      await buildLayer(store, [fileEntry('etc/a', 'new')], { createdBy: 'code' }),
      await whiteoutLayer(['etc/.wh.b', 'var/c/.wh..wh..opq']),
    ],
    config: { Labels: { kind: 'test' } },
    architecture: 'amd64',
  });
  await store.tag('demo:latest', image.digest);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a path is explained by the topmost layer that brings it', async () => {
  const report = await why(store, image, '/etc/a');
  expect(report).toMatchObject({
    path: 'etc/a',
    present: true,
    mentions: [{ layer: 1, createdBy: 'code', action: 'adds', type: 'file', sizeBytes: 3 }],
  });
});

test('removed and hidden paths say which layer took them away', async () => {
  expect(await why(store, image, 'etc/b')).toMatchObject({
    present: false,
    mentions: [{ layer: 2, createdBy: 'cleaning', action: 'removes', path: 'etc/.wh.b' }],
  });
  expect(await why(store, image, 'var/c/d')).toMatchObject({
    present: false,
    mentions: [{ action: 'hides' }],
  });
});

test('a directory is told of every layer that brings it, a path below a link of the link', async () => {
  expect((await why(store, image, '/etc/')).mentions.map((mention) => mention.createdBy)).toEqual([
    'code',
    'base',
  ]);
  expect(await why(store, image, '/lib/x.so')).toMatchObject({
    present: false,
    mentions: [{ action: 'links', path: 'lib', target: 'usr/lib' }],
  });
  expect(await why(store, image, '/nothing')).toEqual({ path: 'nothing', present: false, mentions: [] });
  await expect(why(store, image, '/a/../b')).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
});

test('the list tells size, layers and labels, and shows a broken image as broken', async () => {
  const size = image.layers.reduce((sum, layer) => sum + layer.descriptor.size, image.manifest.config.size);
  const [demo] = await listImages(store);
  expect(demo).toEqual({
    name: 'demo:latest',
    digest: image.digest,
    taggedAt: '2030-01-01T00:00:00.000Z',
    layers: 3,
    sizeBytes: size,
    unpackedBytes: image.layers.reduce((sum, layer) => sum + layer.tarBytes, 0),
    architecture: 'amd64',
    labels: { kind: 'test' },
  });
  rmSync(store.blobPath(image.manifest.config.digest));
  expect(await listImages(store)).toMatchObject([
    { name: 'demo:latest', broken: expect.stringContaining('does not hold') },
  ]);
});
