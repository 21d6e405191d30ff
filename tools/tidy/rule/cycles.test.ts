import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { cyclesRule } from './cycles.ts';

test('three files in a circle are found once, with the way round', () => {
  const files = {
    'a.ts': "import { b } from './b.ts';\n",
    'b.ts': "import { c } from './c.ts';\n",
    'c.ts': "\nimport { a } from './a.ts';\n",
  };
  expect(found(cyclesRule, files)).toEqual([expect.stringContaining('c.ts:2: a.ts → b.ts → c.ts → a.ts')]);
});

test('a circle that one import of types closes is none', () => {
  const files = { 'a.ts': "import { b } from './b.ts';\n", 'b.ts': "import type { A } from './a.ts';\n" };
  expect(found(cyclesRule, files)).toEqual([]);
});

test('two ways to one file are no circle', () => {
  const files = {
    'a.ts': "import { b } from './b.ts';\nimport { c } from './c.ts';\n",
    'b.ts': "import { c } from './c.ts';\n",
    'c.ts': '',
  };
  expect(found(cyclesRule, files)).toEqual([]);
});
