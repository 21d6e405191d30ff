import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDirectory } from './directory.ts';
import type { SourceTree } from './source-tree.ts';
import { layFiles, runGit, type Files } from './under-test/repository.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-directory-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function lay(files: Files): Promise<string> {
  await layFiles(join(root, 'repo'), files);
  return join(root, 'repo');
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
    runGit(path, 'init', '-q');
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
    runGit(path, 'init', '-q');
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

  it('takes nothing from behind a symlink, whatever the index of the repository says', async () => {
    const path = await lay({
      'a.ipynb': '{}',
      '.gitignore': 'src\n',
      'src/key': 'public',
      'src/in/link': '',
    });
    runGit(path, 'init', '-q');
    runGit(path, 'add', '-f', '.');
    await rm(join(path, 'src'), { recursive: true });
    await layFiles(join(root, 'outside'), { key: 'of the host' });
    await mkdir(join(root, 'outside', 'in'));
    await symlink('../a.ipynb', join(root, 'outside', 'in', 'link'));
    await symlink(join(root, 'outside'), join(path, 'src'));
    expect(paths(await open(path))).toEqual(['.gitignore', 'a.ipynb']);
  });

  it('waits for no pipe where a .gitignore would be', async () => {
    const path = await lay({ 'a.ipynb': '{}' });
    execFileSync('mkfifo', [join(path, '.gitignore')]);
    expect(paths(await open(path))).toEqual(['a.ipynb']);
  });

  it('runs nothing that the configuration of the repository names', async () => {
    const path = await lay({ 'a.ipynb': '{}' });
    runGit(path, 'init', '-q');
    runGit(path, 'config', 'core.fsmonitor', `touch ${join(root, 'ran')}; false`);
    await open(path);
    expect(await readdir(root)).not.toContain('ran');
  });

  it('says which file makes it too large before it reads it', async () => {
    const path = await lay({ 'a.ipynb': '{}', 'huge.bin': '' });
    await truncate(join(path, 'huge.bin'), 5 * 1024 ** 3); // sparse: it takes no room
    await expect(open(path)).rejects.toMatchObject({
      code: 'SOURCE_TOO_LARGE',
      details: { path: 'huge.bin' },
    });
    await writeFile(join(path, '.gitignore'), '*.bin');
    expect(paths(await open(path))).toEqual(['.gitignore', 'a.ipynb']);
  });

  it('names what is not UTF-8 instead of leaving it out', async () => {
    const path = await lay({ 'a.ipynb': '{}' });
    await writeFile(Buffer.from(join(path, 'caf\xe9.csv'), 'latin1'), '1');
    const odd = { code: 'SOURCE_REFUSED', details: { path: String.raw`caf\xe9.csv` } };
    await expect(open(path)).rejects.toMatchObject(odd);
    runGit(path, 'init', '-q');
    await expect(open(path)).rejects.toMatchObject(odd);
  });

  it('leaves out pipes and sockets as git does, and takes names with spaces, quotes and line breaks', async () => {
    const names = ['a b.py', "it's.py", '"q".py', 'tab\t.py', 'line\nbreak.py', 'émigré.py', '-option.py'];
    const path = await lay(Object.fromEntries(names.map((name) => [name, name])));
    execFileSync('mkfifo', [join(path, 'pipe')]);
    const outside = await open(path);
    runGit(path, 'init', '-q');
    expect(new Set(paths(outside))).toEqual(new Set(names));
    expect((await open(path)).digest).toBe(outside.digest);
  });

  it('runs no hook and speaks to nobody when its git is hostile', async () => {
    const path = await lay({ 'a.ipynb': '{}', 'b.bin': randomBytes(10) });
    runGit(path, 'init', '-q');
    for (const [name, value] of [
      ['core.hooksPath', path],
      ['core.worktree', '/etc'],
      ['core.excludesFile', '/etc/passwd'],
      ['extensions.partialClone', 'origin'],
      ['remote.origin.url', `ext::sh -c "touch ${join(root, 'ran')}"`],
      ['filter.evil.clean', `touch ${join(root, 'ran')}`],
    ] as const)
      runGit(path, 'config', name, value);
    await layFiles(path, { '.gitattributes': '* filter=evil' });
    // With its work tree elsewhere git lists nothing of it; whatever is taken lies inside the folder.
    const tree = await open(path).catch((error: unknown) => error);
    expect(JSON.stringify(tree)).not.toContain('root:');
    expect(await readdir(root)).not.toContain('ran');
  });
});
