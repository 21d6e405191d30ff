import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Digest } from '@galley/api/digest';
import { canonicalJson } from '../canonical-json.ts';
import type { Layer } from '../descriptor.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry } from '../tar/entry.ts';
import { appendLayers } from './append-layers.ts';
import { assembleImage } from './assemble-image.ts';
import { readImage } from './read-image.ts';

let folder: string;
let store: ImageStore;
let lower: Layer;
let upper: Layer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-image-'));
  store = await openLayoutStore(join(folder, 'store'));
  lower = await buildLayer(store, [fileEntry('etc/hello', 'hello\n')], { createdBy: 'base bookworm' });
  upper = await buildLayer(store, [fileEntry('home/galley/app/a.py', 'x = 1\n')], { createdBy: 'code' });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = { Env: ['PATH=/usr/bin', 'PORT=8080'], Cmd: ['serve'], Labels: { a: '1' }, User: '1000:0' };

test('the same parts give the same digest, today and on every machine', async () => {
  const options = { layers: [lower], config, architecture: 'amd64' };
  const image = await assembleImage(store, options);
  expect(await assembleImage(store, { ...options, config: { ...config } })).toEqual(image);
  expect(image.digest).toMatchInlineSnapshot(
    `"sha256:e723fa2f4ea2bd66ed18649ece0fcd2fed5edb2637d2bc240e48cf20fc739fb1"`,
  );
});

test('what was assembled is read back whole', async () => {
  const annotations = { 'dev.galley.kind': 'test' };
  const image = await assembleImage(store, { layers: [lower, upper], config, annotations });
  expect(await readImage(store, image.digest)).toMatchObject({
    digest: image.digest,
    manifest: image.manifest,
    config: image.config,
  });
  const read = await readImage(store, image.digest);
  expect(read.layers.map(({ diffId, createdBy, tarBytes }) => ({ diffId, createdBy, tarBytes }))).toEqual(
    image.layers.map(({ diffId, createdBy, tarBytes }) => ({ diffId, createdBy, tarBytes })),
  );
});

test('layers and a change on top make a new image and leave the old one', async () => {
  const base = await assembleImage(store, { layers: [lower], config, architecture: 'arm64' });
  const image = await appendLayers(store, await readImage(store, base.digest), [upper], {
    Env: ['PORT=9090', 'NEW=1'],
    Labels: { b: '2' },
    Entrypoint: ['galley-runtime'],
  });
  expect(image.config).toMatchObject({
    architecture: 'arm64',
    config: {
      Env: ['PATH=/usr/bin', 'PORT=9090', 'NEW=1'],
      Labels: { a: '1', b: '2' },
      Entrypoint: ['galley-runtime'],
      User: '1000:0',
    },
    history: [{ created_by: 'base bookworm' }, { created_by: 'code' }],
  });
  expect(image.config.config.Cmd).toBeUndefined();
  expect(image.manifest.layers[0]).toEqual(base.manifest.layers[0]);
  expect((await readImage(store, base.digest)).config).toEqual(base.config);
});

test('an image is not written over layers that are not there, nor over too many', async () => {
  const digest: Digest = `sha256:${'0'.repeat(64)}`;
  const missing: Layer = { ...lower, descriptor: { ...lower.descriptor, digest } };
  await expect(assembleImage(store, { layers: [missing], config })).rejects.toMatchObject({
    code: 'BLOB_MISSING',
  });
  const many = Array.from({ length: 101 }, () => lower);
  await expect(assembleImage(store, { layers: many, config })).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
  });
});

test('of an index the image for the processor is read', async () => {
  const arm = await assembleImage(store, { layers: [lower], config, architecture: 'arm64' });
  const amd = await assembleImage(store, { layers: [lower], config, architecture: 'amd64' });
  const entry = (digest: Digest, architecture: string): object => ({
    mediaType: mediaType.manifest,
    digest,
    size: 1,
    platform: { os: 'linux', architecture },
  });
  const index = { schemaVersion: 2, manifests: [entry(arm.digest, 'arm64'), entry(amd.digest, 'amd64')] };
  const { digest } = await store.write(Buffer.from(canonicalJson(index)), { mediaType: mediaType.index });
  expect((await readImage(store, digest, 'amd64')).digest).toBe(amd.digest);
  expect((await readImage(store, digest, 'arm64')).digest).toBe(arm.digest);
  await expect(readImage(store, digest, 's390x')).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
});

test.for<[string, (manifest: Record<string, unknown>) => unknown]>([
  ['no layers', (manifest) => ({ ...manifest, layers: undefined })],
  ['another schema version', (manifest) => ({ ...manifest, schemaVersion: 1 })],
  [
    'a digest that is none',
    (manifest) => ({ ...manifest, config: { mediaType: 'a/b', digest: '../x', size: 1 } }),
  ],
  ['a negative size', (manifest) => ({ ...manifest, layers: [{ ...lower.descriptor, size: -1 }] })],
  ['fewer layers than diff ids', (manifest) => ({ ...manifest, layers: [] })],
  ['annotations that are no texts', (manifest) => ({ ...manifest, annotations: { a: 1 } })],
  ['a list', () => []],
])('a manifest with %s is refused', async ([, change]) => {
  const image = await assembleImage(store, { layers: [lower], config });
  const broken = canonicalJson(change({ ...image.manifest }));
  const { digest } = await store.write(Buffer.from(broken), { mediaType: mediaType.manifest });
  await expect(readImage(store, digest)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
});
