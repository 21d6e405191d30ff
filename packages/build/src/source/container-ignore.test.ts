import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withoutIgnored } from './container-ignore.ts';
import { TreeBuilder } from './tree-builder.ts';
import { treeOfFiles } from './tree-of-files.ts';

let spool: string;
beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'galley-ignore-'));
});
afterEach(async () => {
  await rm(spool, { recursive: true, force: true });
});

const files = [
  'a.txt',
  'data/a.csv',
  'data/keep.csv',
  'data/deep/b.csv',
  'docs/[x].md',
  'model.ipynb',
  'src/x.py',
  'src/x.pyc',
];

async function left(rules: string): Promise<readonly string[]> {
  const content = Object.fromEntries(files.map((path) => [path, path]));
  const tree = await treeOfFiles({ ...content, '.dockerignore': rules }, spool);
  const { tree: filtered } = await withoutIgnored(tree, ['.dockerignore'], new Set(['model.ipynb']));
  return files.filter((path) => filtered.find(path) === undefined);
}

describe('a .dockerignore leaves out', () => {
  it.each([
    ['data', ['data/a.csv', 'data/keep.csv', 'data/deep/b.csv']],
    ['/data/\n!data/keep.csv', ['data/a.csv', 'data/deep/b.csv']],
    ['*.csv', []],
    ['*/*.csv', ['data/a.csv', 'data/keep.csv']],
    ['**/*.csv', ['data/a.csv', 'data/keep.csv', 'data/deep/b.csv']],
    ['**/*.py[co]', ['src/x.pyc']],
    ['**/[!a-w].py', ['src/x.py']],
    ['src/**/x.py', ['src/x.py']],
    ['**/rc/x.py', []],
    ['d*/**', ['data/a.csv', 'data/keep.csv', 'data/deep/b.csv', 'docs/[x].md']],
    ['src/x.p?', ['src/x.py']],
    ['docs/\\[x\\].md', ['docs/[x].md']],
    ['# a.txt\n  \n.\n', []],
    ['*\n!src', ['a.txt', 'data/a.csv', 'data/keep.csv', 'data/deep/b.csv', 'docs/[x].md']],
    ['!a.txt\na.txt', ['a.txt']],
    ['[', []],
  ])('by %j', async (rules, expected) => {
    expect(await left(rules)).toEqual(expected);
  });

  it('in short time by a pattern that is made to take for ever', async () => {
    const tree = await treeOfFiles(
      { [`${'a/'.repeat(100)}b`]: 'x', '.dockerignore': `${'**/a*'.repeat(60)}c` },
      spool,
    );
    const { counts } = await withoutIgnored(tree, ['.dockerignore'], new Set());
    expect(counts).toEqual([]);
  });

  it('nothing that is to be kept, and tells by which line the rest', async () => {
    const tree = await treeOfFiles(
      { 'model.ipynb': 'x', 'data/a.csv': 'y', '.dockerignore': '# all\n**\n' },
      spool,
    );
    const { tree: filtered, counts } = await withoutIgnored(
      tree,
      ['.dockerignore', '.s2iignore'],
      new Set(['model.ipynb']),
    );
    expect(filtered.entries.map(({ path }) => path)).toEqual(['model.ipynb']);
    expect(counts).toEqual([{ file: '.dockerignore', files: 2 }]);
    expect(await filtered.ignoredBy('data/a.csv')).toEqual({ file: '.dockerignore', line: 2, pattern: '**' });
    expect(filtered.digest).not.toBe(tree.digest);
  });

  it('nothing when there is none, and then the source is the same', async () => {
    const tree = await treeOfFiles({ 'model.ipynb': 'x' }, spool);
    expect((await withoutIgnored(tree, ['.dockerignore'], new Set())).tree).toBe(tree);
  });
});

it('leaves what is known of the commit as it was', async () => {
  const builder = new TreeBuilder(spool);
  await builder.addFile('a.txt', false, Buffer.from('a'));
  await builder.addFile('.dockerignore', false, Buffer.from('a.txt'));
  const facts = { origin: 'git', commit: 'c', committedAt: 't', author: 'a', subject: 's', warnings: ['w'] };
  const { tree } = await withoutIgnored(await builder.finish(facts), ['.dockerignore'], new Set());
  expect(tree).toMatchObject({ ...facts, entries: [{ path: '.dockerignore' }] });
});
