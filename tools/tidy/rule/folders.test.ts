import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { foldersRule } from './folders.ts';

test('a folder or file with a name that says nothing is found', () => {
  const files = {
    'packages/image/src/utils/tar.ts': '',
    'packages/image/src/utils/README.md': '',
    'tools/helpers.ts': '',
    'tools/README.md': '',
  };
  expect(found(foldersRule, files)).toEqual([
    expect.stringContaining('packages/image/src/utils/README.md:1: "utils"'),
    expect.stringContaining('packages/image/src/utils/tar.ts:1: "utils"'),
    expect.stringContaining('tools/helpers.ts:1: "helpers.ts"'),
  ]);
});

test('a folder of sources without a README.md is found, one with only folders in it is not', () => {
  const files = { 'packages/image/src/tar/header.ts': '', 'tests/e2e/story.test.ts': '' };
  expect(found(foldersRule, files)).toEqual([
    expect.stringContaining('packages/image/src/tar/README.md:1: is missing'),
  ]);
});

test('a Python package may say it in the docstring of its __init__.py', () => {
  const files = { 'runtime/src/a/__init__.py': '"""What lives here."""\n', 'runtime/src/b/__init__.py': '' };
  expect(found(foldersRule, files)).toEqual([
    expect.stringContaining('runtime/src/b/README.md:1: is missing'),
  ]);
});
