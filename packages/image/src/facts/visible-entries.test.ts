import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Layer } from '../descriptor.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import type { ImageStore } from '../store.ts';
import { directoryEntry, fileEntry, symlinkEntry } from '../tar/entry.ts';
import { readEntry } from '../tar/read-entry.ts';
import { visibleEntries } from './visible-entries.ts';

let folder: string;
let store: ImageStore;
let layers: Layer[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-visible-'));
  store = await openLayoutStore(join(folder, 'store'));
  const layer = (entries: Parameters<typeof buildLayer>[1], whiteouts: { path: string; opaque: boolean }[]) =>
    buildLayer(store, entries, { createdBy: 'test', whiteouts });
  layers = [
    await layer(
      [
        fileEntry('etc/passwd', 'old'),
        fileEntry('etc/gone', 'x'),
        fileEntry('opaque/below', 'x'),
        fileEntry('replaced/inner', 'x'),
        fileEntry('kept', 'kept'),
      ],
      [],
    ),
    await layer(
      [fileEntry('opaque/above', 'x'), symlinkEntry('replaced', 'kept'), fileEntry('again/x', 'middle')],
      [
        { path: 'etc/gone', opaque: false },
        { path: 'opaque', opaque: true },
      ],
    ),
    await layer(
      [fileEntry('etc/passwd', 'new'), directoryEntry('again'), fileEntry('again/y', 'top')],
      [{ path: 'again/x', opaque: false }],
    ),
  ];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function contents(wanted: (path: string) => boolean, of = layers): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const entry of visibleEntries(store, of, wanted)) {
    const content = await readEntry(entry, 100);
    expect(found).not.toHaveProperty([entry.path]);
    found[entry.path] = content?.toString() ?? entry.type;
  }
  return found;
}

test('an image shows what a container would see: the topmost entry, nothing that was removed or covered', async () => {
  expect(await contents(() => true)).toEqual({
    etc: 'directory',
    'etc/passwd': 'new',
    again: 'directory',
    'again/y': 'top',
    opaque: 'directory',
    'opaque/above': 'x',
    replaced: 'symlink',
    kept: 'kept',
  });
});

test('only what is wanted is told, and what is below a covered path stays covered', async () => {
  expect(await contents((path) => path.startsWith('replaced/') || path === 'opaque/below')).toEqual({});
  expect(await contents((path) => path === 'etc/passwd')).toEqual({ 'etc/passwd': 'new' });
});

test('a layer may hide everything below it', async () => {
  const whiteouts = [{ path: '', opaque: true }];
  const top = await buildLayer(store, [fileEntry('only', 'this')], { createdBy: 'test', whiteouts });
  expect(await contents(() => true, [...layers, top])).toEqual({ only: 'this' });
});

test('a layer that is gone is told as that', async () => {
  const gone = await buildLayer(store, [fileEntry('gone', 'x')], { createdBy: 'test' });
  rmSync(store.blobPath(gone.descriptor.digest));
  await expect(contents(() => true, [gone])).rejects.toMatchObject({ code: 'BLOB_MISSING' });
});
