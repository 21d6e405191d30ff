import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { describe } from './rule.ts';
import { rules } from './rules.ts';
import { repositoryTree } from './tree.ts';

const tree = repositoryTree(resolve(import.meta.dirname, '../..'));

test.for(rules)('$name', (rule) => {
  expect(rule.check(tree).map(describe)).toEqual([]);
});
