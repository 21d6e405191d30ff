import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDirectory } from '../directory.ts';
import type { SourceTree } from '../source-tree.ts';
import { serveGitOverHttp, type GitHttpServer } from '../under-test/http-backend.ts';
import { commitAll, commitObjects, layFiles, makeRepository, runGit } from '../under-test/repository.ts';
import { answering, freePort } from '../under-test/sshd.ts';
import { openGit, type GitSource } from './repository.ts';

let root: string;
let server: GitHttpServer;
let opened = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-git-'));
  server = await serveGitOverHttp(join(root, 'served'));
});
afterEach(async () => {
  await server.close();
  await rm(root, { recursive: true, force: true });
});

const repo = (name: string): string => join(root, 'served', name);
const paths = (tree: SourceTree): readonly string[] => tree.entries.map((entry) => entry.path);

async function open(name: string, rest: Partial<GitSource> = {}): Promise<SourceTree> {
  opened += 1;
  const url = name.includes('/') ? name : `${server.url}/${name}`;
  return openGit({ url, ref: '', contextDir: '', ...rest }, { spool: join(root, `spool-${opened}`) });
}

async function text(tree: SourceTree, path: string): Promise<string | undefined> {
  const file = tree.find(path);
  return file === undefined ? undefined : (await tree.read(file)).toString();
}

describe('a git repository as a source', () => {
  it('is found by every name that a commit has', async () => {
    const first = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    runGit(repo('model'), 'tag', '-a', 'v1', '-m', 'one');
    await layFiles(repo('model'), { 'a.ipynb': '2' });
    const second = commitAll(repo('model'), 'two');
    runGit(repo('model'), 'checkout', '-q', '-b', 'feature/x');
    await layFiles(repo('model'), { 'a.ipynb': '3' });
    const third = commitAll(repo('model'), 'three');
    runGit(repo('model'), 'update-ref', 'refs/pull/7/head', third);
    runGit(repo('model'), 'update-ref', 'refs/merge-requests/8/head', first);
    runGit(repo('model'), 'update-ref', 'refs/pull-requests/9/from', first);
    runGit(repo('model'), 'checkout', '-q', 'main');
    const expected: Record<string, string> = {
      '': second,
      main: second,
      'origin/main': second,
      'refs/heads/main': second,
      'heads/main': second,
      v1: first,
      'tags/v1': first,
      'refs/tags/v1': first,
      'feature/x': third,
      'origin/feature/x': third,
      'pull/7': third,
      'pull/7/head': third,
      'refs/pull/7/head': third,
      'merge-requests/8': first,
      'refs/merge-requests/8/head': first,
      'pull-requests/9': first,
      [first]: first,
      [first.toUpperCase()]: first,
      [first.slice(0, 7)]: first,
      [first.slice(0, 12)]: first,
    };
    const found: Record<string, string | undefined> = {};
    for (const ref of Object.keys(expected)) found[ref] = (await open('model', { ref })).commit;
    expect(found).toEqual(expected);
    expect((await open(`${server.url}/model#v1`)).commit).toBe(first);
    await expect(open(`${server.url}/model#v1`, { ref: 'main' })).rejects.toMatchObject({
      code: 'SOURCE_REFUSED',
    });
  });

  it('brings one commit and not its history', async () => {
    await makeRepository(repo('model'), { 'a.ipynb': '1' });
    await open('model', { ref: 'main' });
    const packs = server.requests.filter(({ line }) => line.startsWith('POST'));
    // One to list the references, one for the commit: nothing was asked twice.
    expect(packs).toHaveLength(2);
  });

  it('has the digest that the directory has, whatever umask, attributes and filters say', async () => {
    const files = {
      'a.ipynb': '{}',
      'run.sh': 'x',
      'sub/b.py': 'b\n',
      'kept.csv': '1',
      'big.bin': Buffer.alloc(400_000, 'galley'),
    };
    await makeRepository(repo('model'), {
      ...files,
      // git archive would leave kept.csv out, expand the keyword and call the filter; a checkout would change line ends.
      '.gitattributes': '*.csv export-ignore\na.ipynb export-subst\n*.py eol=crlf filter=evil\n',
    });
    await chmod(join(repo('model'), 'run.sh'), 0o755);
    await symlink('run.sh', join(repo('model'), 'link'));
    commitAll(repo('model'), 'two');
    const tree = await open('model');
    const directory = await openDirectory(repo('model'), { spool: join(root, 'd'), include: [] });
    expect(tree.digest).toBe(directory.digest);
    expect(paths(tree)).toEqual([
      '.gitattributes',
      'a.ipynb',
      'big.bin',
      'kept.csv',
      'link',
      'run.sh',
      'sub/b.py',
    ]);
  });

  it('gives one folder of it, also one whose name is odd', async () => {
    await makeRepository(repo('model'), {
      'a.ipynb': '1',
      '.hidden/a folder/b.ipynb': '2',
      '.gitignore': '*.csv',
    });
    expect(paths(await open('model', { contextDir: './.hidden//a folder/' }))).toEqual(['b.ipynb']);
    await expect(open('model', { contextDir: 'no' })).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    await expect(open('model', { contextDir: '../x' })).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  });

  it('says which names are near when the ref is wrong, or that there is nothing yet', async () => {
    await makeRepository(repo('model'), { 'a.ipynb': '1' });
    runGit(repo('model'), 'tag', 'v1');
    await expect(open('model', { ref: 'mian' })).rejects.toMatchObject({
      code: 'REF_NOT_FOUND',
      details: { near: ['main', 'v1'] },
    });
    for (const ref of ['--upload-pack=touch x', 'main~1', 'a'.repeat(40), 'abcdef0', 'refs/pull/1/head'])
      await expect(open('model', { ref })).rejects.toMatchObject({ code: 'REF_NOT_FOUND' });
    runGit(root, 'init', '-q', '--bare', repo('empty'));
    await expect(open('empty')).rejects.toMatchObject({ code: 'REF_NOT_FOUND' });
    await expect(open('absent')).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  });

  it('takes the only branch where HEAD names one that was never pushed', async () => {
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    runGit(repo('model'), 'symbolic-ref', 'HEAD', 'refs/heads/gone');
    runGit(repo('model'), 'branch', '-m', 'main', 'trunk');
    expect((await open('model')).commit).toBe(commit);
  });

  it('is read where commits have names of sha256', async () => {
    await layFiles(repo('model'), { 'a.ipynb': '1' });
    runGit(repo('model'), 'init', '-q', '-b', 'main', '--object-format=sha256');
    const commit = commitAll(repo('model'), 'one');
    expect((await open('model')).commit).toBe(commit);
    expect(commit).toHaveLength(64);
  });

  it('comes over the git protocol, from a daemon of this machine', async () => {
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    const port = await freePort();
    const daemon = spawn(
      'git',
      [
        'daemon',
        '--reuseaddr',
        '--export-all',
        '--listen=127.0.0.1',
        `--port=${port}`,
        `--base-path=${join(root, 'served')}`,
      ],
      { stdio: 'ignore', env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' }, detached: true },
    );
    try {
      await answering(port);
      expect((await open(`git://127.0.0.1:${port}/model`)).commit).toBe(commit);
      await expect(open(`git://127.0.0.1:${port}/absent`)).rejects.toMatchObject({
        code: 'SOURCE_NOT_FOUND',
      });
      // A name that only our resolver knows: git reaches it only where it was told to.
      const source = { url: `git://model.invalid:${port}/model`, ref: commit, contextDir: '' };
      const resolve = (): Promise<readonly string[]> => Promise.resolve(['127.0.0.1']);
      expect((await openGit(source, { spool: join(root, 'pinned'), resolve })).commit).toBe(commit);
    } finally {
      process.kill(-(daemon.pid ?? 0), 'SIGTERM');
      await once(daemon, 'exit');
    }
  });

  it('comes from a path only for who owns the machine', async () => {
    const commit = await makeRepository(repo('model'), { 'a.ipynb': '1' });
    for (const url of [repo('model'), `file://${repo('model')}`]) {
      expect((await open(url, { own: true })).commit).toBe(commit);
      await expect(open(url)).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
    }
  });

  it('says that nobody answers', async () => {
    const port = await freePort();
    await expect(open(`http://127.0.0.1:${port}/a.git`)).rejects.toMatchObject({
      code: 'SOURCE_UNREACHABLE',
    });
  });

  it('stops when the build is cancelled, and leaves no program behind that waits for the server', async () => {
    const hanging = await serveGitOverHttp(root, { before: () => true });
    const controller = new AbortController();
    const opening = openGit(
      { url: `${hanging.url}/a.git`, ref: '', contextDir: '' },
      { spool: join(root, 's'), signal: controller.signal },
    );
    await expect.poll(() => hanging.requests.length).toBe(1);
    controller.abort();
    await expect(opening).rejects.toThrow(/abort/i);
    await hanging.close();
  });
});

describe('submodules', () => {
  it('are fetched, in one another and by relative addresses', async () => {
    await makeRepository(repo('deep'), { 'deep.py': 'd' });
    await makeRepository(repo('lib'), { 'lib.py': 'l' });
    runGit(repo('lib'), 'submodule', 'add', '-q', '../deep', 'inner');
    commitAll(repo('lib'), 'two');
    await makeRepository(repo('model'), { 'a.ipynb': '1' });
    runGit(repo('model'), 'submodule', 'add', '-q', '../lib', 'vendor/lib');
    runGit(repo('model'), 'submodule', 'update', '-q', '--init', '--recursive');
    commitAll(repo('model'), 'two');
    const tree = await open('model');
    expect(paths(tree)).toEqual([
      '.gitmodules',
      'a.ipynb',
      'vendor/lib/.gitmodules',
      'vendor/lib/inner/deep.py',
      'vendor/lib/lib.py',
    ]);
    expect(await text(tree, 'vendor/lib/inner/deep.py')).toBe('d');
    const directory = await openDirectory(repo('model'), { spool: join(root, 'd'), include: [] });
    expect(tree.digest).toBe(directory.digest);
    expect(paths(await open('model', { contextDir: 'vendor' }))).toContain('lib/lib.py');
    const without = await open('model', { submodules: false });
    expect(without.warnings).toEqual(['the submodule vendor/lib was left out']);
  });

  it('that are dead fail the build by name, with the way to leave them out', async () => {
    await makeRepository(repo('lib'), { 'lib.py': 'l' });
    await makeRepository(repo('model'), { 'a.ipynb': '1' });
    runGit(repo('model'), 'submodule', 'add', '-q', '../lib', 'vendor/lib');
    commitAll(repo('model'), 'two');
    await rename(repo('lib'), repo('moved'));
    const dead = { code: 'SUBMODULE_UNAVAILABLE', details: { path: 'vendor/lib' } };
    await expect(open('model')).rejects.toMatchObject(dead);
    await expect(open('model')).rejects.toThrow(/vendor\/lib .* no git repository at/);
    // The commit is gone, not the repository.
    await rename(repo('moved'), repo('lib'));
    await writeFile(join(repo('lib'), 'lib.py'), '2');
    runGit(repo('lib'), 'commit', '-q', '--amend', '-a', '-m', 'one');
    runGit(repo('lib'), 'reflog', 'expire', '--expire=now', '--all');
    runGit(repo('lib'), 'gc', '-q', '--prune=now');
    await expect(open('model')).rejects.toMatchObject(dead);
    expect(paths(await open('model', { submodules: false }))).toContain('a.ipynb');
  });

  it('without an entry in .gitmodules are dead too', async () => {
    await commitObjects(repo('model'), [{ mode: '160000', name: 'lost', content: 'a'.repeat(40) }]);
    await expect(open('model')).rejects.toMatchObject({
      code: 'SUBMODULE_UNAVAILABLE',
      details: { path: 'lost' },
    });
  });

  it.each([
    ['a path of this machine', '/etc'],
    ['a file URL', 'file:///etc'],
    ['a program', 'ext::touch x'],
    ['an option', '--upload-pack=touch x'],
    ['another protocol', 'git://example.org/x.git#main'],
  ])('lead to no %s', async (_, url) => {
    await commitObjects(repo('model'), [
      { mode: '100644', name: '.gitmodules', content: `[submodule "a"]\n\tpath = a\n\turl = ${url}\n` },
      { mode: '160000', name: 'a', content: 'a'.repeat(40) },
    ]);
    await expect(open('model')).rejects.toMatchObject({ code: 'SUBMODULE_UNAVAILABLE' });
  });
});
