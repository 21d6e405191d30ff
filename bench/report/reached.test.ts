import { expect, test } from 'vitest';
import { reached } from './reached.ts';

const row = { what: 'x', ours: '140 MB', peer: '—', ratio: '—', target: '≤ 150 MB' };

test.for([
  [{ ...row }, true],
  [{ ...row, ours: '151 MB' }, false],
  [{ ...row, ratio: '1.20×', target: '≤ 1.2×' }, true],
  [{ ...row, ratio: '1.21×', target: '≤ 1.2×' }, false],
  [{ ...row, ratio: '7.5×', target: '≥ 6×' }, true],
  [{ ...row, ratio: '5.9×', target: '≥ 6×' }, false],
  [{ ...row, ours: '900 ms', target: '≤ 1 s' }, undefined],
  [{ ...row, ours: 'failed' }, undefined],
] as const)('a figure is held against its target, in the same unit only: %j', ([given, expected]) => {
  expect(reached(given)).toBe(expected);
});
