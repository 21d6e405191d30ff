import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assembleImage } from '../assemble/assemble-image.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { Layer } from '../descriptor.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry } from '../tar/entry.ts';
import { makeWheel } from '../wheel/fixtures/make-wheel.ts';
import { wheelLayer } from '../wheel/wheel-layers.ts';
import { validateImage, type ValidationReport } from './validate-image.ts';

let folder: string;
let store: ImageStore;
let layer: Layer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-validate-'));
  store = await openLayoutStore(join(folder, 'store'));
  layer = await buildLayer(store, [fileEntry('a/b', 'content')], { createdBy: 'test' });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function layerOf(
  headers: readonly (Partial<Header> & { name: string; body?: string })[],
): Promise<Layer> {
  const packer = pack();
  for (const { body, ...header } of headers) packer.entry(header, body ?? '');
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer as AsyncIterable<Buffer>) chunks.push(chunk);
  const tar = Buffer.concat(chunks);
  const descriptor = await store.write(gzipSync(tar), { mediaType: mediaType.layer });
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}` as const;
  return { descriptor, diffId, createdBy: 'other', tarBytes: tar.byteLength };
}

async function validate(layers: readonly Layer[]): Promise<ValidationReport> {
  const image = await assembleImage(store, { layers, config: {} });
  return validateImage(store, image.digest);
}

function rules(report: ValidationReport): string[] {
  return report.findings.map((finding) => `${finding.severity} ${finding.rule}`);
}

test('what we write is valid without a warning, stitched layers too', async () => {
  const wheel = makeWheel(folder, {
    name: 'demo',
    files: { 'demo/a.py': 'x\n' },
    entryPoints: '[console_scripts]\nd=a:b\n',
  });
  const options = {
    prefix: '/opt/galley/env',
    pythonVersion: '3.11',
    cacheDir: join(folder, 'cache'),
    createdBy: 'w',
  };
  const report = await validate([layer, await wheelLayer(store, [wheel], options)]);
  expect(report).toMatchObject({ valid: true, findings: [] });
  expect(report.layers[0]).toMatchObject({ entries: 2, bytes: 7 });
});

test('each broken rule of a layer is named', async () => {
  const broken = await layerOf([
    { name: 'a', body: 'x' },
    { name: 'a', body: 'y' },
    { name: 'a/below', body: 'x' },
    { name: 'no/parent', body: 'x' },
    { name: '.wh.a' },
    { name: '.wh.full', body: 'x' },
    { name: 'link', type: 'link', linkname: 'nothing' },
    { name: 'su', body: 'x', mode: 0o4755 },
    { name: 'null', type: 'character-device' },
  ]);
  const report = await validate([broken]);
  expect(report.valid).toBe(false);
  expect(rules(report)).toEqual([
    'error duplicate-path',
    'error parent',
    'warning parent',
    'error whiteout',
    'error whiteout',
    'error hard-link',
    'warning set-id',
    'warning special',
  ]);
});

test('altered, missing and misdescribed blobs are found', async () => {
  const image = await assembleImage(store, { layers: [layer, layer], config: {} });
  const blob = store.blobPath(layer.descriptor.digest);
  const bytes = readFileSync(blob);
  const altered = Buffer.from(bytes);
  altered[9] = 3;
  writeFileSync(blob, altered);
  expect(rules(await validateImage(store, image.digest))).toEqual(['error digest', 'error digest']);
  writeFileSync(blob, bytes.subarray(0, bytes.byteLength - 12));
  expect(rules(await validateImage(store, image.digest))).toEqual(['error tar', 'error tar']);
  rmSync(blob);
  expect(rules(await validateImage(store, image.digest))).toEqual(['error blob', 'error blob']);
  rmSync(store.blobPath(image.digest));
  await expect(validateImage(store, image.digest)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
});

test('a diff id, a size, a history and media types that lie are found', async () => {
  const wrong = { ...layer, diffId: `sha256:${'1'.repeat(64)}` as const };
  expect(rules(await validate([wrong]))).toEqual(['error diff-id']);
  const size = { ...layer, descriptor: { ...layer.descriptor, size: 7 } };
  expect(rules(await validate([size]))).toEqual(['error size']);
  const type = {
    ...layer,
    descriptor: { ...layer.descriptor, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' },
  };
  expect(rules(await validate([type]))).toEqual(['error media-type']);
  const image = await assembleImage(store, { layers: [layer], config: { Env: ['=x'] } });
  const config = {
    ...image.config,
    history: [...image.config.history, ...image.config.history],
    os: 'windows',
  };
  const written = await store.write(Buffer.from(canonicalJson(config)), { mediaType: mediaType.config });
  const manifest = canonicalJson({ ...image.manifest, config: written });
  const { digest } = await store.write(Buffer.from(manifest), { mediaType: mediaType.manifest });
  expect(rules(await validateImage(store, digest))).toEqual(['error history', 'error platform', 'error env']);
});

test('a million findings are cut to a hundred', async () => {
  const entries = Array.from({ length: 400 }, () => ({ name: 'a', body: '' }));
  const report = await validate([await layerOf(entries)]);
  expect(report.findings).toHaveLength(100);
});

test('an error is found behind any number of warnings', async () => {
  const noisy = await layerOf(
    Array.from({ length: 150 }, (_, at) => ({ name: `pipe-${at}`, type: 'fifo' as const })),
  );
  const report = await validate([{ ...noisy, diffId: `sha256:${'1'.repeat(64)}` }]);
  expect(report.valid).toBe(false);
  expect(rules(report)).toContain('error diff-id');
});
