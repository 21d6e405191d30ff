import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { importCountRule } from './import-count.ts';

function importing(count: number): string {
  return Array.from({ length: count }, (_, index) => `import './file-${index}.ts';`).join('\n');
}

test('twenty-five imports pass, twenty-six are found, a main may have more', () => {
  const files = { 'few.ts': importing(25), 'many.ts': importing(26), 'main.ts': importing(40) };
  expect(found(importCountRule, files)).toEqual([expect.stringContaining('many.ts:1: 26 imports')]);
});
