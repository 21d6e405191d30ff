import { expect, test } from 'vitest';
import { found } from '../found.ts';
import { sizesRule } from './sizes.ts';

function filesOf(...lines: number[]): Record<string, string> {
  return Object.fromEntries(lines.map((count, index) => [`file-${index}.ts`, 'x\n'.repeat(count)]));
}

test('a file of 500 lines passes, one of 501 is found', () => {
  const small = filesOf(...Array.from({ length: 20 }, () => 10));
  expect(found(sizesRule, { ...small, 'long.ts': 'x\n'.repeat(500) })).toEqual([]);
  expect(found(sizesRule, { ...small, 'long.ts': 'x\n'.repeat(501) })).toEqual([
    expect.stringContaining('long.ts:501: 501 lines'),
  ]);
});

test('half of the files over 100 lines are found', () => {
  expect(found(sizesRule, filesOf(10, 101, 120))).toEqual([expect.stringContaining('50 % of all files')]);
});

test('a tenth of the files over 300 lines are found', () => {
  expect(found(sizesRule, filesOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 301))).toEqual([
    expect.stringContaining('90 % of all files'),
  ]);
});

test('fixtures may be as long as they like', () => {
  expect(found(sizesRule, { 'tests/fixtures/long/big.py': 'x\n'.repeat(9000) })).toEqual([]);
});
