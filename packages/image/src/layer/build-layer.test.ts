import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLayoutStore } from '../layout-store.ts';
import type { ImageStore } from '../store.ts';
import { directoryEntry, fileEntry, symlinkEntry, type TarEntry } from '../tar/entry.ts';
import { buildLayer } from './build-layer.ts';
import { deterministicGzip } from './deterministic-gzip.ts';
import { packTree } from './pack-tree.ts';

let folder: string;
let store: ImageStore;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-layer-'));
  store = await openLayoutStore(join(folder, 'store'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pinned: readonly TarEntry[] = [
  fileEntry('home/galley/app/model.py', 'x = 1\n'.repeat(1000)),
  fileEntry('home/galley/app/run.sh', '#!/bin/sh\n', 0o755),
  symlinkEntry('home/galley/app/link', 'model.py'),
  { ...directoryEntry('home/galley', 0o775), uid: 1000, gid: 0 },
  fileEntry(`home/galley/${'deep/'.repeat(40)}é`, Buffer.alloc(3 << 20, 'abcdefg')),
];

test('the same entries give the same digests, today and on every machine', async () => {
  const layer = await buildLayer(store, pinned, { createdBy: 'test' });
  expect(await buildLayer(store, pinned.toReversed(), { createdBy: 'test' })).toEqual(layer);
  expect(layer).toMatchInlineSnapshot(`
    {
      "createdBy": "test",
      "descriptor": {
        "digest": "sha256:df36f616383fd7955aa04e3212d47aced0853300997f748b740605f8839d379b",
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "size": 5592,
      },
      "diffId": "sha256:705f2f924ad7c41ed01aea5d53a60e0bd4cf05dafecd51f777e5e32dbab5ee84",
      "tarBytes": 3178496,
    }
  `);
});

test('gzip and sha256sum agree with both digests', async () => {
  const { descriptor, diffId, tarBytes } = await buildLayer(store, pinned, { createdBy: 'test' });
  const sh = (script: string): string =>
    execFileSync('sh', ['-c', script, 'sh', store.blobPath(descriptor.digest)], { encoding: 'utf8' });
  expect(sh('gzip -t "$1" && sha256sum < "$1"')).toContain(descriptor.digest.slice(7));
  expect(sh('gzip -dc "$1" | sha256sum')).toContain(diffId.slice(7));
  expect(Number(sh('gzip -dc "$1" | wc -c'))).toBe(tarBytes);
});

test('compression does not depend on how the input is cut into chunks', async () => {
  const gzip = async (chunks: readonly Uint8Array[]): Promise<Buffer> => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* chunks;
    }
    const out: Buffer[] = [];
    for await (const chunk of deterministicGzip(source())) out.push(chunk);
    return Buffer.concat(out);
  };
  const bytes = Buffer.alloc(2_500_000, 'some text that repeats itself ');
  const whole = await gzip([bytes]);
  expect(gunzipSync(whole).equals(bytes)).toBe(true);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: bytes.byteLength - 1 }), { maxLength: 5 }),
      async (cuts) => {
        const sorted = [0, ...cuts.toSorted((a, b) => a - b), bytes.byteLength];
        const chunks = sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
        expect((await gzip(chunks)).equals(whole)).toBe(true);
      },
    ),
    { numRuns: 10 },
  );
  expect(gunzipSync(await gzip([]))).toHaveLength(0);
});

test('a file that grows while it is read is refused and nothing is kept', async () => {
  async function* tooMuch(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('more than three');
  }
  const entry: TarEntry = { path: 'x', type: 'file', mode: 0o644, size: 3, content: tooMuch };
  await expect(buildLayer(store, [entry], { createdBy: 'x' })).rejects.toThrow(/changed|announced/);
  const short: TarEntry = { path: 'x', type: 'file', mode: 0o644, size: 3, content: () => Buffer.from('ab') };
  await expect(buildLayer(store, [short], { createdBy: 'x' })).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
  });
});

test('a folder becomes entries: modes normalised, links kept, special files told', async () => {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'sub'), { recursive: true, mode: 0o700 });
  writeFileSync(join(tree, 'sub', 'a.txt'), 'a', { mode: 0o600 });
  writeFileSync(join(tree, 'sub', 'big'), Buffer.alloc(3_000_000, 'big'));
  writeFileSync(join(tree, 'run'), 'b', { mode: 0o711 });
  writeFileSync(join(tree, '.hidden'), 'c');
  writeFileSync(join(tree, '.wh.x'), 'd');
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff])]), 'e');
  symlinkSync('/etc/passwd', join(tree, 'sub', 'out'));
  const server = createServer().listen(join(tree, 'socket'));
  try {
    await new Promise((resolve) => server.once('listening', resolve));
    const packed = await packTree(tree, { prefix: 'home/galley/app', include: (path) => path !== '.hidden' });
    expect(packed.entries.map(({ path, mode, type }) => [path, mode, type])).toEqual([
      ['home/galley/app', 0o755, 'directory'],
      ['home/galley/app/run', 0o755, 'file'],
      ['home/galley/app/sub', 0o755, 'directory'],
      ['home/galley/app/sub/a.txt', 0o644, 'file'],
      ['home/galley/app/sub/big', 0o644, 'file'],
      ['home/galley/app/sub/out', 0o777, 'symlink'],
    ]);
    expect(packed.skipped.map(({ path }) => path).toSorted()).toEqual(['.wh.x', 'socket', '\uFFFD']);
    const layer = await buildLayer(store, packed.entries, { createdBy: 'code' });
    const big = execFileSync(
      'tar',
      ['-xzOf', store.blobPath(layer.descriptor.digest), 'home/galley/app/sub/big'],
      { maxBuffer: 1 << 23 },
    );
    expect(big.equals(Buffer.alloc(3_000_000, 'big'))).toBe(true);
    const list = execFileSync('tar', ['-tzvf', store.blobPath(layer.descriptor.digest)], {
      encoding: 'utf8',
    });
    expect(list).toContain('home/galley/app/sub/out -> /etc/passwd');
  } finally {
    server.close();
  }
});

test('a file that a link replaced between listing and reading is refused', async () => {
  const tree = join(folder, 'swap');
  mkdirSync(tree);
  writeFileSync(join(tree, 'a'), 'a');
  const packed = await packTree(tree, { prefix: '' });
  rmSync(join(tree, 'a'));
  symlinkSync('/etc/passwd', join(tree, 'a'));
  await expect(buildLayer(store, packed.entries, { createdBy: 'code' })).rejects.toThrow(/ELOOP/);
});
