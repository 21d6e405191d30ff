import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { arrowsRule } from './arrows.ts';

test('a room may use the rooms to its left, by their package', () => {
  expect(
    found(arrowsRule, {
      'packages/build/src/a.ts': "import { x } from '@galley/image/x';\nimport { b } from './b.ts';\n",
    }),
  ).toEqual([]);
});

test('a room may not use a room to its right, not even its types', () => {
  const files = { 'packages/image/src/a.ts': "\nimport type { Build } from '@galley/build/build';\n" };
  expect(found(arrowsRule, files)).toEqual([
    expect.stringContaining('packages/image/src/a.ts:2: image may not use build (@galley/build/build)'),
  ]);
});

test('re-exports and import() count as imports', () => {
  const files = {
    'packages/api/src/a.ts': "export * from '@galley/image/x';\n",
    'packages/api/src/b.ts': "export const later = () => import('@galley/cli/main');\n",
  };
  expect(found(arrowsRule, files)).toHaveLength(2);
});

test('a relative path that leaves the room is found', () => {
  const files = { 'packages/build/src/a.ts': "import { x } from '../../image/src/x.ts';\n" };
  expect(found(arrowsRule, files)).toEqual([expect.stringContaining('use @galley/image/…')]);
});

test('a room does not name itself, and uses nothing outside packages', () => {
  const files = {
    'packages/build/src/a.ts': "import { x } from '@galley/build/x';\n",
    'packages/build/src/b.ts': "import { y } from '../../../tools/y.ts';\n",
  };
  expect(found(arrowsRule, files)).toEqual([
    expect.stringContaining('is this room itself'),
    expect.stringContaining('a room may not use tools/y.ts'),
  ]);
});

test('a package that the table does not know is found', () => {
  expect(found(arrowsRule, { 'packages/misc/src/a.ts': '' })).toEqual([expect.stringContaining('is not in')]);
});
