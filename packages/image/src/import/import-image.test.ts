import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack, type Header } from 'tar-stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { assembleImage } from '../assemble/assemble-image.ts';
import { readImage } from '../assemble/read-image.ts';
import { exportImage } from '../export/export-image.ts';
import type { Image } from '../image.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry } from '../tar/entry.ts';
import { validateImage } from '../validate/validate-image.ts';
import { importImage } from './import-image.ts';
import { parseImportReference } from './import-reference.ts';

let folder: string;
let image: Image;
let store: ImageStore;
let count = 0;
const hasSkopeo = spawnSync('skopeo', ['--version']).error === undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-import-'));
  mkdirSync(join(folder, 'work'));
  const source = await openLayoutStore(join(folder, 'source'));
  const first = await buildLayer(
    source,
    [fileEntry('a', 'first'), fileEntry('z', Buffer.alloc(5 << 20, 'z'))],
    { createdBy: 'one' },
  );
  const second = await buildLayer(source, [fileEntry('a', 'second')], { createdBy: 'two' });
  const made = await assembleImage(source, {
    layers: [first, second, first],
    config: { User: '1001', Labels: { 'io.openshift.s2i.scripts-url': 'image:///s' } },
  });
  image = await readImage(source, made.digest);
  for (const format of ['oci', 'oci-archive', 'docker-archive'] as const)
    await exportImage(source, image, { format, path: join(folder, format), name: 'demo:v1' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  count += 1;
  store = await openLayoutStore(join(folder, `store-${count}`));
});

async function bring(text: string): Promise<Image> {
  const reference = parseImportReference(text, folder);
  if (reference === undefined) throw new Error(`no reference: ${text}`);
  return readImage(store, await importImage(store, reference, { workDir: join(folder, 'work') }));
}

test.each(['oci:oci', 'oci:oci:demo:v1', 'oci-archive:oci-archive', 'oci-archive:oci-archive:demo:v1'])(
  'an image of %s is the same image, valid, and its place is left as it was',
  async (text) => {
    const before = readdirSync(join(folder, 'oci'), { recursive: true }).length;
    expect(await bring(text)).toEqual(image);
    expect(await validateImage(store, image.digest)).toMatchObject({ valid: true });
    expect(readdirSync(join(folder, 'oci'), { recursive: true })).toHaveLength(before);
    expect(readdirSync(join(folder, 'work'))).toEqual([]);
  },
);

test('an archive of docker save keeps its configuration, and its plain layers are compressed', async () => {
  const found = await bring('docker-archive:docker-archive:demo:v1');
  expect(found.config).toEqual(image.config);
  expect(found.manifest.config.digest).toBe(image.manifest.config.digest);
  // Deterministic compression: the same tars are the same blobs.
  expect(found.layers.map(({ descriptor }) => descriptor.digest)).toEqual(
    image.layers.map(({ descriptor }) => descriptor.digest),
  );
  expect(await validateImage(store, found.digest)).toMatchObject({ valid: true });
});

test.skipIf(!hasSkopeo)("skopeo's archive is read as well (skipped without skopeo)", async () => {
  const file = join(folder, 'by-skopeo.tar');
  execFileSync(
    'skopeo',
    ['--insecure-policy', 'copy', `oci:${join(folder, 'oci')}:demo:v1`, `docker-archive:${file}:demo:v1`],
    { stdio: 'pipe' },
  );
  const found = await bring('docker-archive:by-skopeo.tar:demo:v1');
  expect(found.config.rootfs.diff_ids).toEqual(image.config.rootfs.diff_ids);
  expect(await validateImage(store, found.digest)).toMatchObject({ valid: true });
});

async function archive(
  name: string,
  entries: readonly (Partial<Header> & { name: string; body?: string | Buffer })[],
): Promise<string> {
  const tar = pack();
  for (const { body, ...header } of entries) tar.entry(header, body ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  writeFileSync(join(folder, name), Buffer.concat(chunks));
  return `docker-archive:${name}`;
}

function configFor(...layers: Buffer[]): string {
  const ids = layers.map((layer) => `sha256:${createHash('sha256').update(layer).digest('hex')}`);
  return JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: ids } });
}

const plain = execFileSync('tar', ['-cf-', '--owner=0', '-C', '/', 'etc/hostname']);

test('an old archive that links a shared layer is read', async () => {
  const manifest = JSON.stringify([
    { Config: 'c.json', RepoTags: ['old:1'], Layers: ['x/layer.tar', 'y/layer.tar'] },
  ]);
  const text = await archive('old.tar', [
    { name: 'x/layer.tar', body: plain },
    { name: 'y/layer.tar', type: 'symlink', linkname: '../x/layer.tar' },
    { name: 'c.json', body: configFor(plain, plain) },
    { name: 'manifest.json', body: manifest },
  ]);
  expect((await bring(text)).layers).toHaveLength(2);
});

test('a small layer is a layer, also when its first file has the name of a list', async () => {
  writeFileSync(join(folder, '[id].py'), 'x');
  const bracket = execFileSync('tar', ['-cf-', '--owner=0', '-C', folder, '[id].py']);
  const text = await archive('bracket.tar', [
    { name: 'blobs/sha256/layer', body: bracket },
    { name: 'blobs/sha256/config', body: configFor(bracket) },
    { name: 'manifest.json', body: '[{"Config":"blobs/sha256/config","Layers":["blobs/sha256/layer"]}]' },
  ]);
  expect((await bring(text)).layers).toHaveLength(1);
});

test('an archive of nothing but configurations is refused before it fills the memory', async () => {
  const many = Array.from({ length: 20 }, (_, n) => ({
    name: `${n}.json`,
    body: `{}${' '.repeat(4_000_000)}`,
  }));
  const text = await archive('many.tar', many);
  await expect(bring(text)).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: expect.stringContaining('bytes of JSON'),
  });
});

test.each([
  ['IMAGE_INVALID', 'has no manifest.json', [{ name: 'x', body: 'x' }]],
  [
    'IMAGE_INVALID',
    'no layer missing.tar',
    [
      { name: 'c.json', body: configFor() },
      { name: 'manifest.json', body: '[{"Config":"c.json","Layers":["missing.tar"]}]' },
    ],
  ],
  [
    'DIGEST_MISMATCH',
    'Layer 0',
    [
      { name: 'l.tar', body: plain },
      { name: 'c.json', body: configFor(Buffer.from('other')) },
      { name: 'manifest.json', body: '[{"Config":"c.json","Layers":["l.tar"]}]' },
    ],
  ],
  [
    'IMAGE_NOT_FOUND',
    'a:1, b:1',
    [
      {
        name: 'manifest.json',
        body: '[{"Config":"a","RepoTags":["a:1"]},{"Config":"b","RepoTags":["b:1"]}]',
      },
    ],
  ],
  ['IMAGE_INVALID', '..', [{ name: '../escape', body: 'x' }]],
] as const)('a broken archive is refused: %s %s', async (code, words, entries) => {
  const text = await archive('broken.tar', entries);
  await expect(bring(text)).rejects.toMatchObject({ code });
  await expect(bring(text)).rejects.toSatisfy((error: Error & { hint?: string }) =>
    `${error.message} ${error.hint}`.includes(words),
  );
});

test('a place without an image, a tag that is not there and a damaged blob are told', async () => {
  await expect(bring('oci:nowhere')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  await expect(bring('oci:oci:other')).rejects.toMatchObject({
    code: 'IMAGE_NOT_FOUND',
    hint: expect.stringContaining('demo:v1'),
  });
  mkdirSync(join(folder, 'empty'), { recursive: true });
  await expect(bring('oci:empty')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  execFileSync('cp', ['-r', join(folder, 'oci'), join(folder, 'damaged')]);
  const layer = image.layers[1]?.descriptor.digest.replace('sha256:', 'damaged/blobs/sha256/') ?? '';
  writeFileSync(join(folder, layer), 'other bytes');
  await expect(bring('oci:damaged')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  rmSync(join(folder, layer));
  await expect(bring('oci:damaged')).rejects.toMatchObject({ code: 'BLOB_MISSING' });
});

test('what is no place on the disk is no reference of this sort', () => {
  for (const text of ['centos/python-36', 'docker://x/y', 'oci', 'oci:', 'registry.example:5000/x:1'])
    expect(parseImportReference(text, '/')).toBeUndefined();
});
