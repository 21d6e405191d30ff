import { expect, test } from 'vitest';
import { countOf } from './count.ts';

test('one thing is one thing, and thousands are set apart', () => {
  expect([0, 1, 2, 1331].map((count) => countOf(count, 'file'))).toEqual([
    '0 files',
    '1 file',
    '2 files',
    '1,331 files',
  ]);
});
