import { expect, test } from 'vitest';
import { summarise } from './summary.ts';

test('the last line alone holds the true sums, with skips and failures named above it', () => {
  const { lines, exitCode } = summarise([
    { name: 'one', passed: 3, failed: [{ test: 'a > b', message: 'boom\nmore' }], skipped: [] },
    { name: 'two', passed: 4, failed: [], skipped: [{ test: 'c', reason: 'no runc here' }] },
  ]);
  expect(lines).toEqual([
    '',
    'one: 3 passed, 1 failed, 0 skipped',
    'two: 4 passed, 0 failed, 1 skipped',
    'skipped: c: no runc here',
    'failed: a > b: boom',
    '7 passed, 1 failed, 1 skipped',
  ]);
  expect(exitCode).toBe(1);
});

test('a suite that ran no test is a failure, skipped tests or not', () => {
  const { lines, exitCode } = summarise([
    { name: 'one', passed: 3, failed: [], skipped: [] },
    { name: 'two', passed: 0, failed: [], skipped: [{ test: 'c', reason: 'r' }] },
  ]);
  expect(lines.at(-1)).toBe('3 passed, 1 failed, 1 skipped');
  expect(exitCode).toBe(1);
});

test('all green is exit code 0, and no suite at all is not', () => {
  expect(summarise([{ name: 'one', passed: 1, failed: [], skipped: [] }]).exitCode).toBe(0);
  expect(summarise([]).exitCode).toBe(1);
});
