import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Layer } from '../descriptor.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import type { ImageStore } from '../store.ts';
import { directoryEntry, fileEntry, symlinkEntry } from '../tar/entry.ts';
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

async function contents(wanted: (path: string) => boolean): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const entry of visibleEntries(store, layers, wanted)) {
    const chunks: Uint8Array[] = [];
    if (entry.type === 'file')
      for await (const chunk of (entry.content?.() ?? []) as AsyncIterable<Uint8Array>) chunks.push(chunk);
    expect(found).not.toHaveProperty([entry.path]);
    found[entry.path] = entry.type === 'file' ? Buffer.concat(chunks).toString() : entry.type;
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
