import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { describe } from './rule.ts';
import { rules } from './rules.ts';
import { repositoryTree } from './tree.ts';

const tree = repositoryTree(resolve(import.meta.dirname, '../..'));

for (const rule of rules) {
  test(rule.name, () => {
    // One text, so that a failure shows each finding whole, as `path:line: what to do`.
    expect(rule.check(tree).map(describe).join('\n')).toBe('');
  });
}
