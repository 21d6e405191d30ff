import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { browserRule } from './browser.ts';

test('a module of Node in the shared language is found; in its tests and elsewhere it is not', () => {
  const text = "import { readFileSync } from 'node:fs';\n";
  const files = {
    'packages/api/src/a.ts': text,
    'packages/api/src/a.test.ts': text,
    'packages/image/src/a.ts': text,
  };
  expect(found(browserRule, files)).toEqual([expect.stringContaining('packages/api/src/a.ts:1: node:fs')]);
});
