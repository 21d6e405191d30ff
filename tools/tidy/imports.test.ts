import { expect, test } from 'vitest';
import { importsOf } from './imports.ts';
import { treeOf } from './tree.ts';

test('an import of types alone is told from one that brings a value', () => {
  const text = [
    "import type { A } from './a.ts';",
    "import { type B } from './b.ts';",
    "import { type C, d } from './c.ts';",
    "import './e.ts';",
    "export type { F } from './f.ts';",
    "export { g } from './g.ts';",
    "import fs from 'node:fs';",
  ].join('\n');
  const imports = importsOf(treeOf({ 'x/y.ts': text })).get('x/y.ts') ?? [];
  expect(
    imports.toSorted((a, b) => a.line - b.line).map(({ target, typeOnly, line }) => [line, target, typeOnly]),
  ).toEqual([
    [1, 'x/a.ts', true],
    [2, 'x/b.ts', true],
    [3, 'x/c.ts', false],
    [4, 'x/e.ts', false],
    [5, 'x/f.ts', true],
    [6, 'x/g.ts', false],
    [7, undefined, false],
  ]);
});
