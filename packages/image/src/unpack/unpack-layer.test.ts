import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  existsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Layer } from '../descriptor.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import { directoryEntry, fileEntry, symlinkEntry } from '../tar/entry.ts';
import { unpackLayer } from './unpack-layer.ts';

let folder: string;
let target: string;
let store: ImageStore;
const isRoot = process.getuid?.() === 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-unpack-'));
  target = join(folder, 'target');
  store = await openLayoutStore(join(folder, 'store'));
  writeFileSync(join(folder, 'outside'), 'untouched');
});

afterEach(() => {
  const outside = readFileSync(join(folder, 'outside'), 'utf8');
  const mode = lstatSync(join(folder, 'outside')).mode & 0o777;
  rmSync(folder, { recursive: true, force: true });
  // oxlint-disable-next-line vitest/no-standalone-expect -- after every test: whatever was unpacked, nothing outside changed
  expect([outside, mode]).toEqual(['untouched', 0o644]);
});

type Raw = Partial<Header> & { name: string; body?: string };

/** A layer by a writer that checks nothing. */
async function hostile(headers: readonly Raw[]): Promise<Layer> {
  const packer = pack();
  for (const { body, ...header } of headers) packer.entry(header, body ?? '');
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer as AsyncIterable<Buffer>) chunks.push(chunk);
  const tar = Buffer.concat(chunks);
  const descriptor = await store.write(gzipSync(tar), { mediaType: mediaType.layer });
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}` as const;
  return { descriptor, diffId, createdBy: 'somebody else', tarBytes: tar.byteLength };
}

test('files, directories, links and times come out as they went in', async () => {
  const layer = await buildLayer(
    store,
    [
      fileEntry('a/file', 'content', 0o640),
      fileEntry('a/empty', ''),
      directoryEntry('a/sticky', 0o1777),
      symlinkEntry('a/link', '../outside'),
      { path: 'z', type: 'hardlink', mode: 0o644, size: 0, linkTarget: 'a/file' },
      fileEntry('big', Buffer.alloc(3 << 20, 'x')),
    ],
    { createdBy: 'test' },
  );
  const report = await unpackLayer(store, layer, target, { shiftUid: 0 });
  expect(report).toMatchObject({ entries: 7, whiteouts: [], skipped: [] });
  expect(readFileSync(join(target, 'a/file'), 'utf8')).toBe('content');
  expect(lstatSync(join(target, 'a/file'))).toMatchObject({ mtimeMs: 1000, nlink: 2 });
  expect(lstatSync(join(target, 'a/file')).mode & 0o7777).toBe(0o640);
  expect(lstatSync(join(target, 'a/sticky')).mode & 0o7777).toBe(0o1777);
  expect(lstatSync(join(target, 'a')).mtimeMs).toBe(1000);
  expect(readlinkSync(join(target, 'a/link'))).toBe('../outside');
  expect(lstatSync(join(target, 'big')).size).toBe(3 << 20);
});

test.skipIf(!isRoot)(
  'owners are shifted into the range of the user namespace (skipped without root: chown)',
  async () => {
    const layer = await hostile([
      { name: 'root', body: 'x' },
      { name: 'user', body: 'x', uid: 1000, gid: 100 },
      { name: 'dir/', type: 'directory', uid: 33, gid: 33 },
      { name: 'unmapped', body: 'x', uid: 100_000, gid: 0 },
      { name: 'made/parent/x', body: 'x' },
    ]);
    await unpackLayer(store, layer, target, { shiftUid: 1_000_000 });
    const owner = (path: string): number[] => [
      lstatSync(join(target, path)).uid,
      lstatSync(join(target, path)).gid,
    ];
    expect(owner('.')).toEqual([1_000_000, 1_000_000]);
    expect(owner('root')).toEqual([1_000_000, 1_000_000]);
    expect(owner('user')).toEqual([1_001_000, 1_000_100]);
    expect(owner('dir')).toEqual([1_000_033, 1_000_033]);
    expect(owner('unmapped')).toEqual([1_065_534, 1_000_000]);
    expect(owner('made/parent')).toEqual([1_000_000, 1_000_000]);
  },
);

test('set-id bits are dropped and devices are left out', async () => {
  const layer = await hostile([
    { name: 'su', body: 'x', mode: 0o6755 },
    { name: 'dir/', type: 'directory', mode: 0o2755 },
    { name: 'null', type: 'character-device', devmajor: 1, devminor: 3 },
  ]);
  const report = await unpackLayer(store, layer, target, { shiftUid: 0 });
  expect(lstatSync(join(target, 'su')).mode & 0o7777).toBe(0o755);
  expect(lstatSync(join(target, 'dir')).mode & 0o7777).toBe(0o755);
  expect(report.skipped.map(({ path }) => path)).toEqual(['null']);
  expect(existsSync(join(target, 'null'))).toBe(false);
});

test('a link out of the target is never followed, neither as a parent nor as a target', async () => {
  const layer = await hostile([
    { name: 'up', type: 'symlink', linkname: '..' },
    { name: 'abs', type: 'symlink', linkname: folder },
    { name: 'file', type: 'symlink', linkname: join(folder, 'outside') },
    { name: 'up/outside', body: 'inside' },
    { name: 'abs/outside', body: 'inside' },
    { name: 'file', body: 'a file now' },
  ]);
  await unpackLayer(store, layer, target, { shiftUid: 0 });
  expect(readFileSync(join(target, 'outside'), 'utf8')).toBe('inside');
  expect(readFileSync(join(target, folder.slice(1), 'outside'), 'utf8')).toBe('inside');
  expect(readFileSync(join(target, 'file'), 'utf8')).toBe('a file now');
});

test('a hard link through a link out of the target reaches nothing', async () => {
  const layer = await hostile([
    { name: 'up', type: 'symlink', linkname: '..' },
    { name: 'stolen', type: 'link', linkname: 'up/outside' },
  ]);
  await expect(unpackLayer(store, layer, target, { shiftUid: 0 })).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: expect.stringContaining('no earlier file'),
  });
});

test('a hard link to a link, then a write through it, stays inside', async () => {
  const layer = await hostile([
    { name: 'link', type: 'symlink', linkname: join(folder, 'outside') },
    { name: 'hard', type: 'link', linkname: 'link' },
    { name: 'hard', body: 'written' },
  ]);
  await unpackLayer(store, layer, target, { shiftUid: 0 });
  expect(readFileSync(join(target, 'hard'), 'utf8')).toBe('written');
});

test('links that lead in circles end in an error', async () => {
  const layer = await hostile([
    { name: 'a', type: 'symlink', linkname: 'b' },
    { name: 'b', type: 'symlink', linkname: 'a' },
    { name: 'a/x', body: 'x' },
  ]);
  await expect(unpackLayer(store, layer, target, { shiftUid: 0 })).rejects.toThrow(/too many links/);
});

test('a later entry wins, also over a directory that was already filled', async () => {
  const layer = await hostile([
    { name: 'a/b/c', body: 'old' },
    { name: 'a', type: 'symlink', linkname: '..' },
    { name: 'a/b', body: 'not outside' },
    { name: 'f', body: 'a file' },
    { name: 'f/g', body: 'below it' },
  ]);
  await unpackLayer(store, layer, target, { shiftUid: 0 });
  expect(readFileSync(join(target, 'b'), 'utf8')).toBe('not outside');
  expect(readFileSync(join(target, 'f/g'), 'utf8')).toBe('below it');
  expect(existsSync(join(folder, 'b'))).toBe(false);
});

test('whiteouts are reported, not made', async () => {
  const layer = await hostile([
    { name: 'etc/.wh.passwd' },
    { name: 'var/cache/.wh..wh..opq' },
    { name: '.wh.top' },
    { name: 'etc/new', body: 'x' },
  ]);
  const report = await unpackLayer(store, layer, target, { shiftUid: 0 });
  expect(report.whiteouts).toEqual([
    { path: 'etc/passwd', opaque: false },
    { path: 'var/cache', opaque: true },
    { path: 'top', opaque: false },
  ]);
  expect(existsSync(join(target, 'etc/.wh.passwd'))).toBe(false);
  for (const name of ['.wh.', 'a/.wh...', '.wh..wh.x']) {
    const broken = await hostile([{ name }]);
    await expect(unpackLayer(store, broken, join(folder, 'other'), { shiftUid: 0 })).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
    });
  }
});

test('a layer whose tar is another than the image says, or is cut short, is refused', async () => {
  const layer = await hostile([{ name: 'a', body: 'x' }]);
  const wrong = { ...layer, diffId: `sha256:${'0'.repeat(64)}` as const };
  await expect(unpackLayer(store, wrong, target, { shiftUid: 0 })).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  });
  const blob = store.blobPath(layer.descriptor.digest);
  writeFileSync(blob, readFileSync(blob).subarray(0, 40));
  await expect(unpackLayer(store, layer, target, { shiftUid: 0 })).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
  });
  rmSync(blob);
  await expect(unpackLayer(store, layer, target, { shiftUid: 0 })).rejects.toMatchObject({
    code: 'BLOB_MISSING',
  });
});

test('limits and an abort end it', async () => {
  const layer = await hostile([
    { name: 'a', body: 'x'.repeat(5000) },
    { name: 'b', body: 'x' },
  ]);
  const unpack = (options: object): Promise<unknown> =>
    unpackLayer(store, layer, target, { shiftUid: 0, ...options });
  await expect(unpack({ bytesMax: 4000 })).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  await expect(unpack({ entriesMax: 1 })).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  await expect(unpack({ signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
});
