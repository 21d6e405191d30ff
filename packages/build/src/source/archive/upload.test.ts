import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLayoutStore } from '@galley/image/layout-store';
import { pack, type Header } from 'tar-stream';
import { openDirectory } from '../directory.ts';
import type { SourceTree } from '../source-tree.ts';
import { layFiles, type Files } from '../under-test/repository.ts';
import { openUpload } from './upload.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-archive-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function lay(files: Files): Promise<string> {
  await layFiles(join(root, 'repo'), files);
  return join(root, 'repo');
}

const open = (path: string): Promise<SourceTree> =>
  openDirectory(path, { spool: join(root, 'spool'), include: [] });

describe('an uploaded tar as a source', () => {
  async function upload(bytes: Buffer): Promise<SourceTree> {
    const store = await openLayoutStore(join(root, 'images'));
    const { digest } = await store.write(bytes, { mediaType: 'application/x-tar' });
    return openUpload({ digest }, { store, spool: join(root, 'archive') });
  }

  async function tarOf(...headers: readonly (Partial<Header> & { name: string })[]): Promise<Buffer> {
    const tar = pack();
    for (const header of headers) tar.entry(header, header.type === undefined ? 'x' : '');
    tar.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of tar) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  it('has the digest of the directory that it was packed from, and knows its ignore rules', async () => {
    const directory = await open(await lay({ 'a.ipynb': '{}', 'run.sh': 'x', '.gitignore': '*.csv' }));
    const chunks: Buffer[] = [];
    for await (const chunk of directory.pack()) chunks.push(chunk as Buffer);
    const archive = await upload(Buffer.concat(chunks));
    expect(archive.digest).toBe(directory.digest);
    expect(await archive.ignoredBy('x.csv')).toEqual({ file: '.gitignore', line: 1, pattern: '*.csv' });
  });

  it.each([
    ['a path that leaves it', [{ name: '../up' }]],
    ['an absolute path', [{ name: '/etc/passwd' }]],
    ['a name twice', [{ name: 'a' }, { name: 'a' }]],
    ['a file below a file', [{ name: 'a' }, { name: 'a/b' }]],
    ['a file behind a symlink', [{ name: 'a', type: 'symlink' as const, linkname: '.' }, { name: 'a/b' }]],
    ['a hard link', [{ name: 'a' }, { name: 'b', type: 'link' as const, linkname: 'a' }]],
    ['a device', [{ name: 'a', type: 'character-device' as const }]],
    ['the folder .git', [{ name: '.git/config' }]],
    ['a name that a layer reads as a deletion', [{ name: 'x/.wh.y' }]],
  ])('is refused with %s', async (_, headers) => {
    await expect(upload(await tarOf(...headers))).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  });

  it('is refused when it is no tar, or not in the store', async () => {
    await expect(upload(Buffer.alloc(2048, 'no tar'))).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
    const store = await openLayoutStore(join(root, 'images'));
    const missing = openUpload({ digest: `sha256:${'0'.repeat(64)}` }, { store, spool: root });
    await expect(missing).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  });
});
