import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { unreferencedRule } from './unreferenced.ts';

test('what a main or a test reaches is referenced, by way of others and of types too', () => {
  const files = {
    'packages/cli/src/main.ts': "import { a } from './a.ts';\n",
    'packages/cli/src/a.ts': "import type { B } from '@galley/api/b';\n",
    'packages/api/src/b.ts': '',
    'packages/api/src/c.test.ts': "import { c } from './c.ts';\n",
    'packages/api/src/c.ts': '',
  };
  expect(found(unreferencedRule, files)).toEqual([]);
});

test('files that only know each other are found', () => {
  const files = { 'a.ts': "import { b } from './b.ts';\n", 'b.ts': "import type { A } from './a.ts';\n" };
  expect(found(unreferencedRule, files)).toEqual([
    expect.stringContaining('a.ts:1: nothing reaches'),
    expect.stringContaining('b.ts:1: nothing reaches'),
  ]);
});

test('a worker that is started by its name, and a folder that is loaded by listing it, are reached', () => {
  const files = {
    'main.ts':
      "const worker = new URL('./worker.ts', import.meta.url);\nconst folder = new URL('./command/', import.meta.url);\n",
    'worker.ts': '',
    'command/build.ts': '',
    'other/build.ts': '',
  };
  expect(found(unreferencedRule, files)).toEqual([expect.stringContaining('other/build.ts:1:')]);
});
