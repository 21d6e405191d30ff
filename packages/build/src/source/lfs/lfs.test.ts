import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDirectory } from '../directory.ts';
import { openGit } from '../git/repository.ts';
import type { SourceTree } from '../source-tree.ts';
import { serveGitOverHttp, type GitHttpServer } from '../under-test/http-backend.ts';
import { lfsServer, pointerTo } from '../under-test/lfs-server.ts';
import { commitAll, layFiles, makeRepository } from '../under-test/repository.ts';
import { fetchObjects } from './fetch-objects.ts';
import { parsePointer } from './pointer.ts';

const content = Buffer.alloc(700_000, 'rows of a table\n');
const small = Buffer.from('a few bytes');
let root: string;
let server: GitHttpServer | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-lfs-'));
  await makeRepository(join(root, 'model'), {
    'a.ipynb': '1',
    '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
    'data/large.bin': pointerTo(content),
    'small.bin': pointerTo(small),
  });
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(root, { recursive: true, force: true });
});

async function open(secret?: string, url = `${server?.url}/model`): Promise<SourceTree> {
  return openGit(
    { url, ref: '', contextDir: '', secret, own: url.startsWith('/') },
    { spool: join(root, 'spool') },
  );
}

async function serve(
  before: NonNullable<Parameters<typeof serveGitOverHttp>[1]>['before'],
  authorization?: string,
): Promise<void> {
  server = await serveGitOverHttp(root, {
    ...(before === undefined ? {} : { before }),
    ...(authorization === undefined ? {} : { authorization }),
  });
}

describe('files in Git LFS', () => {
  it('have their content fetched and checked, and the digest of a directory that holds it', async () => {
    await serve(lfsServer([content, small]));
    const tree = await open();
    await layFiles(join(root, 'model'), { 'data/large.bin': content, 'small.bin': small });
    const directory = await openDirectory(join(root, 'model'), { spool: join(root, 'd'), include: [] });
    expect(tree.digest).toBe(directory.digest);
    const asked = server?.requests.map(({ line }) => line).filter((line) => /lfs/.test(line));
    expect(asked).toContain('POST /model.git/info/lfs/objects/batch');
    expect(asked).toHaveLength(3);
  });

  it('are private where the repository is', async () => {
    const authorization = `Basic ${Buffer.from('oauth2:hush').toString('base64')}`;
    await serve(lfsServer([content, small]), authorization);
    expect((await open('hush')).find('small.bin')?.size).toBe(small.length);
  });

  it('are fetched from where .lfsconfig says, without the credentials of the repository', async () => {
    const elsewhere = await serveGitOverHttp(root, { before: lfsServer([content, small]) });
    await layFiles(join(root, 'model'), { '.lfsconfig': `[lfs]\n\turl = ${elsewhere.url}/store/info/lfs\n` });
    commitAll(join(root, 'model'), 'two');
    await serve(undefined, `Basic ${Buffer.from('oauth2:hush').toString('base64')}`);
    expect((await open('hush')).find('data/large.bin')?.size).toBe(content.length);
    expect(elsewhere.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
    await elsewhere.close();
  });

  it('are refused by name when the server does not have them, or is no such server', async () => {
    await serve(lfsServer([content]));
    await expect(open()).rejects.toMatchObject({ code: 'LFS_POINTER', details: { path: 'small.bin' } });
    await server?.close();
    await serve(undefined);
    await expect(open()).rejects.toMatchObject({ code: 'LFS_POINTER', details: { path: 'data/large.bin' } });
  });

  it.each([
    ['other bytes', (bytes: Buffer) => Buffer.alloc(bytes.length, 'x')],
    ['more bytes', (bytes: Buffer) => Buffer.concat([bytes, bytes])],
    ['fewer bytes', (bytes: Buffer) => bytes.subarray(1)],
  ])('are refused when the server sends %s', async (_, alter) => {
    await serve(lfsServer([content, small], alter));
    await expect(open()).rejects.toMatchObject({ code: 'HASH_MISMATCH' });
  });

  it('are not fetched from where a repository must not lead us', async () => {
    await layFiles(join(root, 'model'), { '.lfsconfig': '[lfs]\n\turl = http://169.254.169.254/latest\n' });
    commitAll(join(root, 'model'), 'two');
    await serve(undefined);
    await expect(open()).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
    await server?.close();
    await serve((request, response) => {
      if (!(request.url ?? '').includes('/info/lfs')) return false;
      response.writeHead(307, { location: 'http://169.254.169.254/latest' }).end();
      return true;
    });
    await layFiles(join(root, 'model'), { '.lfsconfig': '' });
    commitAll(join(root, 'model'), 'three');
    await expect(open()).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  });

  it('are asked of no address of a private network, but of the repository itself', async () => {
    const [pointer] = [parsePointer('small.bin', Buffer.from(pointerTo(small)))].filter(
      (one) => one !== undefined,
    );
    const guard = { privateHosts: () => Promise.resolve([]), resolve: () => Promise.resolve(['10.0.0.5']) };
    const options = { credentials: undefined, allow: () => true, guard, keep: () => Promise.resolve() };
    const endpoint = { kind: 'http', url: 'https://inner.example.org/lfs', headers: {} } as const;
    await expect(
      fetchObjects(pointer === undefined ? [] : [pointer], endpoint, options),
    ).rejects.toMatchObject({
      code: 'EGRESS_DENIED',
    });
  });

  it('are taken from beside a repository of this machine, and from what a clone has fetched', async () => {
    for (const bytes of [content, small]) {
      const oid = createHash('sha256').update(bytes).digest('hex');
      const path = join(root, 'model/.git/lfs/objects', oid.slice(0, 2), oid.slice(2, 4), oid);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
    const directory = await openDirectory(join(root, 'model'), { spool: join(root, 'd'), include: [] });
    expect((await open(undefined, join(root, 'model'))).digest).toBe(directory.digest);
    expect(directory.find('small.bin')?.size).toBe(small.length);
  });

  it('are refused by name in a directory that has only the pointers', async () => {
    const opening = openDirectory(join(root, 'model'), { spool: join(root, 'd'), include: [] });
    await expect(opening).rejects.toMatchObject({
      code: 'LFS_POINTER',
      details: { paths: ['.gitattributes', 'data/large.bin', 'small.bin'].slice(1) },
    });
  });

  it('are not mistaken for what only begins like a pointer', () => {
    const pointer = pointerTo(small);
    expect(parsePointer('a', Buffer.from(pointer))).toMatchObject({ size: small.length });
    expect(parsePointer('a', Buffer.from(`${pointer}${'x'.repeat(1024)}`))).toBeUndefined();
    expect(parsePointer('a', Buffer.from('version https://git-lfs.github.com/spec/v1\n'))).toBeUndefined();
    expect(parsePointer('a', Buffer.from(`# see\n${pointer}`))).toBeUndefined();
  });
});
