import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceTree } from '../source-tree.ts';
import { commitAll, commitObjects, layFiles, makeRepository, runGit } from '../under-test/repository.ts';
import { openGit } from './repository.ts';
import { git } from './run-git.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-hostile-git-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const open = (): Promise<SourceTree> =>
  openGit({ url: join(root, 'repo'), ref: '', contextDir: '', own: true }, { spool: join(root, 'spool') });

describe('a hostile git repository', () => {
  it('runs nothing: no hook, filter, fsmonitor, ssh command or credential helper of its own', async () => {
    const repo = join(root, 'repo');
    await makeRepository(repo, { 'a.ipynb': '1', '.gitattributes': '* filter=evil diff=evil merge=evil\n' });
    const touch = `touch ${join(root, 'ran')}`;
    for (const [name, value] of [
      ['filter.evil.smudge', touch],
      ['filter.evil.process', touch],
      ['diff.evil.textconv', touch],
      ['core.fsmonitor', touch],
      ['core.sshCommand', touch],
      ['core.gitProxy', touch],
      ['credential.helper', `!${touch}`],
      ['uploadpack.packObjectsHook', touch],
      ['remote.origin.uploadpack', touch],
      ['alias.ls-tree', `!${touch}`],
    ] as const)
      runGit(repo, 'config', name, value);
    for (const hook of ['post-checkout', 'pre-commit', 'reference-transaction', 'post-index-change'])
      await layFiles(repo, { [`.git/hooks/${hook}`]: `#!/bin/sh\n${touch}\n` });
    execFileSync('chmod', ['-R', '+x', join(repo, '.git/hooks')]);
    await open();
    expect(await readdir(root)).not.toContain('ran');
  });

  it.each([
    ['a name that leaves the tree', { mode: '100644', name: '..', content: 'x' }],
    ["git's own folder", { mode: '100644', name: '.git', content: 'x' }],
    [
      'a name that is not UTF-8',
      { mode: '100644', name: Buffer.from('caf\xe9.csv', 'latin1'), content: 'x' },
    ],
    ['a name longer than 255 bytes', { mode: '100644', name: 'n'.repeat(256), content: 'x' }],
    ['a name that a layer reads as a deletion', { mode: '100644', name: '.wh.a', content: 'x' }],
    ['a symlink out of the tree', { mode: '120000', name: 'a', content: '../etc/passwd' }],
    ['an absolute symlink', { mode: '120000', name: 'a', content: '/etc/passwd' }],
    ['a symlink of 5000 bytes', { mode: '120000', name: 'a', content: 'x'.repeat(5000) }],
  ])('is refused for %s', async (_, entry) => {
    await commitObjects(join(root, 'repo'), [{ mode: '100644', name: 'ok.py', content: 'x' }, entry]);
    await expect(open()).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  });

  it('shows the bytes of a name that is not UTF-8', async () => {
    const name = Buffer.from('caf\xe9.csv', 'latin1');
    await commitObjects(join(root, 'repo'), [{ mode: '100644', name, content: 'x' }]);
    await expect(open()).rejects.toThrow(String.raw`caf\xe9.csv`);
  });

  it('may hold names that differ only in case, which is said', async () => {
    await commitObjects(join(root, 'repo'), [
      { mode: '100644', name: 'Model.py', content: '1' },
      { mode: '100644', name: 'model.py', content: '2' },
    ]);
    const tree = await open();
    expect(tree.entries).toHaveLength(2);
    expect(tree.warnings).toEqual(['Model.py and model.py differ only in case or accents']);
  });

  it('that is a bomb of nested trees ends at the limit of files', async () => {
    const repo = join(root, 'repo');
    await makeRepository(repo, { a: 'x' });
    let tree = runGit(repo, 'rev-parse', 'HEAD^{tree}');
    // 10 levels of 10 entries each: a few kilobytes that are ten thousand million files.
    for (let level = 0; level < 10; level += 1) {
      const lines = Array.from({ length: 10 }, (_, index) => `040000 tree ${tree}\td${index}\n`).join('');
      tree = execFileSync('git', ['mktree'], { cwd: repo, input: lines }).toString().trim();
    }
    runGit(repo, 'update-ref', 'refs/heads/main', runGit(repo, 'commit-tree', tree, '-m', 'bomb'));
    await expect(open()).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });

  it('cannot fill the disk: what git writes in one file is limited', async () => {
    const repo = join(root, 'repo');
    await makeRepository(repo, { a: 'x' });
    await layFiles(repo, { 'noise.bin': randomBytes(3_000_000) });
    commitAll(repo, 'noise');
    const cwd = join(root, 'limited.git');
    runGit(root, 'init', '-q', '--bare', cwd);
    const result = await git(['fetch', '--quiet', repo, 'main'], {
      cwd,
      transports: ['file'],
      maxFileBytes: 1_000_000,
    });
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toMatch(/signal 25|File too large/);
  });
});
