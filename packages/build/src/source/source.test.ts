import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLayoutStore } from '@galley/image/layout-store';
import { pack, type Header } from 'tar-stream';
import { openArchive } from './archive.ts';
import { openDirectory } from './directory.ts';
import { openGit } from './git-repository.ts';
import type { SourceTree } from './source-tree.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-source-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function lay(files: Readonly<Record<string, string | Buffer>>, at = 'repo'): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, at, path)), { recursive: true });
    await writeFile(join(root, at, path), content);
  }
  return join(root, at);
}

function run(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', [...identity, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

const paths = (tree: SourceTree): readonly string[] => tree.entries.map((entry) => entry.path);
const open = (path: string, include: readonly string[] = []): Promise<SourceTree> =>
  openDirectory(path, { spool: join(root, 'spool'), include });

describe('a directory as a source', () => {
  const files = {
    'a.ipynb': '{}',
    '.gitignore': '*.csv\n!keep.csv\n/secret/\n',
    'keep.csv': '1',
    'data/x.csv': '2',
    'secret/key': 'k',
    'src/m.py': 'x = 1',
  };

  it('leaves out what .gitignore keeps back, the same inside and outside a git work tree', async () => {
    const path = await lay(files);
    const outside = await open(path);
    run(path, 'init', '-q');
    const inside = await open(path);
    expect(paths(outside)).toEqual(['.gitignore', 'a.ipynb', 'keep.csv', 'src/m.py']);
    expect(inside.digest).toBe(outside.digest);
  });

  it('takes ignored files that an include glob names', async () => {
    const tree = await open(await lay(files), ['data/*.csv']);
    expect(paths(tree)).toContain('data/x.csv');
    expect(paths(tree)).not.toContain('secret/key');
  });

  it('names the rule that keeps a file back', async () => {
    const path = await lay(files);
    const outside = await (await open(path)).ignoredBy('data/x.csv');
    run(path, 'init', '-q');
    const inside = await (await open(path)).ignoredBy('data/x.csv');
    expect(outside).toEqual({ file: '.gitignore', line: 1, pattern: '*.csv' });
    expect(inside).toEqual(outside);
    expect(await (await open(path)).ignoredBy('keep.csv')).toBeUndefined();
  });

  it('has a digest that is the sha256 of its packed tar, whatever the umask and times', async () => {
    const path = await lay(files);
    const first = await open(path);
    await chmod(join(path, 'a.ipynb'), 0o600);
    const second = await open(path);
    const hash = createHash('sha256');
    for await (const chunk of second.pack()) hash.update(chunk as Buffer);
    expect(second.digest).toBe(first.digest);
    expect(`sha256:${hash.digest('hex')}`).toBe(first.digest);
  });

  it('spools large files and reads them back', async () => {
    const large = Buffer.alloc(700_000, 'galley');
    const tree = await open(await lay({ 'big.bin': large, 'a.ipynb': '{}' }));
    const file = tree.find('big.bin');
    expect(file?.size).toBe(large.length);
    expect(file && large.equals(await tree.read(file))).toBe(true);
    await tree.dispose();
  });

  it('refuses a symlink that leaves the tree, also by way of another link', async () => {
    const path = await lay({ 'a.ipynb': '{}', 'd/f': '' });
    await symlink('.', join(path, 'here'));
    await symlink('here/../../etc', join(path, 'sly'));
    await expect(open(path)).rejects.toMatchObject({ code: 'SOURCE_REFUSED', details: { path: 'sly' } });
  });

  it('follows a symlink inside the tree', async () => {
    const path = await lay({ 'real/a.txt': 'yes' });
    await symlink('real', join(path, 'alias'));
    const tree = await open(path);
    expect(tree.find('alias/a.txt')?.path).toBe('real/a.txt');
  });

  it('refuses a Git LFS pointer by name', async () => {
    const path = await lay({
      'data.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
    });
    await expect(open(path)).rejects.toMatchObject({ code: 'LFS_POINTER', details: { path: 'data.bin' } });
  });

  it('runs nothing that the configuration of the repository names', async () => {
    const path = await lay({ 'a.ipynb': '{}' });
    run(path, 'init', '-q');
    run(path, 'config', 'core.fsmonitor', `touch ${join(root, 'ran')}; false`);
    await open(path);
    await expect(open(join(root, 'ran'))).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  });
});

describe('a git repository as a source', () => {
  async function repository(): Promise<{ url: string; first: string; second: string }> {
    const path = await lay({ 'a.ipynb': '{"v": 1}', 'sub/b.ipynb': '{}', '.gitignore': '*.csv\n' });
    run(path, 'init', '-q', '-b', 'main');
    run(path, 'add', '-A');
    run(path, 'commit', '-q', '-m', 'one');
    run(path, 'tag', '-a', 'v1', '-m', 'one');
    const first = run(path, 'rev-parse', 'HEAD');
    await writeFile(join(path, 'a.ipynb'), '{"v": 2}');
    run(path, 'commit', '-q', '-a', '-m', 'two');
    return { url: `file://${path}`, first, second: run(path, 'rev-parse', 'HEAD') };
  }

  it('finds branches, tags, full and short commits, and gives the digest that the directory has', async () => {
    const { url, first, second } = await repository();
    const commits: Record<string, string | undefined> = {};
    const digests = new Set<string>();
    for (const ref of ['', 'main', 'origin/main', 'v1', first, first.slice(0, 7)]) {
      const tree = await openGit(
        { url, ref, contextDir: '' },
        { spool: join(root, `git-${ref.replace('/', '-')}`) },
      );
      commits[ref] = tree.commit;
      digests.add(ref === 'main' ? tree.digest : '');
    }
    expect(digests).toContain((await open(join(root, 'repo'))).digest);
    expect(commits).toEqual({
      '': second,
      main: second,
      'origin/main': second,
      v1: first,
      [first]: first,
      [first.slice(0, 7)]: first,
    });
  });

  it('takes one folder of it', async () => {
    const { url } = await repository();
    const tree = await openGit({ url, ref: 'main', contextDir: './sub/' }, { spool: join(root, 's') });
    expect(paths(tree)).toEqual(['b.ipynb']);
  });

  it('says which names are near when the ref is wrong', async () => {
    const { url } = await repository();
    const opening = openGit({ url, ref: 'mian', contextDir: '' }, { spool: join(root, 's') });
    await expect(opening).rejects.toMatchObject({ code: 'REF_NOT_FOUND', details: { near: ['main', 'v1'] } });
  });

  it('refuses addresses that make git run a program or read an option', async () => {
    for (const url of ['ext::sh -c true', '--upload-pack=touch x', 'http://example.org/a.git']) {
      const opening = openGit({ url, ref: '', contextDir: '' }, { spool: join(root, 's') });
      await expect(opening).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
    }
  });

  it('says that a private repository does not let us in, and shows the token to nobody', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/private.git`;
    const opening = openGit({ url, ref: '', contextDir: '', token: 'hush-hush' }, { spool: join(root, 's') });
    const error: unknown = await opening.catch((caught: unknown) => caught);
    server.close();
    expect(error).toMatchObject({ code: 'SOURCE_UNAUTHORIZED' });
    expect(JSON.stringify(error)).not.toContain('hush-hush');
    expect(seen).toContain(`Basic ${Buffer.from('galley:hush-hush').toString('base64')}`);
  });
});

describe('an uploaded tar as a source', () => {
  async function upload(bytes: Buffer): Promise<SourceTree> {
    const store = await openLayoutStore(join(root, 'images'));
    const { digest } = await store.write(bytes, { mediaType: 'application/x-tar' });
    return openArchive(digest, { store, spool: join(root, 'archive') });
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
    const missing = openArchive(`sha256:${'0'.repeat(64)}`, { store, spool: root });
    await expect(missing).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  });
});
