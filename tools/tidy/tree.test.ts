import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { repositoryTree } from './tree.ts';

test('the tree of a repository has what git tracks or would add, and nothing ignored or deleted', () => {
  const root = mkdtempSync(join(tmpdir(), 'galley-tidy-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args]);
  git('init', '--quiet');
  for (const name of ['tracked.ts', 'deleted.ts', 'new.ts', 'ignored.ts'])
    writeFileSync(join(root, name), name);
  writeFileSync(join(root, '.gitignore'), 'ignored.ts\n');
  git('add', 'tracked.ts', 'deleted.ts');
  rmSync(join(root, 'deleted.ts'));
  const tree = repositoryTree(root);
  expect(tree.paths).toEqual(['.gitignore', 'new.ts', 'tracked.ts']);
  expect(tree.read('new.ts')).toBe('new.ts');
});
