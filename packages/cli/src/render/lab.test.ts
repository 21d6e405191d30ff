import { expect, test } from 'vitest';
import { describeLabEnd } from './lab.ts';

const quiet = { status: undefined, packages: [], openGit: false };

test('a lab that was asked to end says no more, whoever asked', () => {
  expect(describeLabEnd(quiet)).toBe('The lab has ended.');
  expect(describeLabEnd({ ...quiet, status: { phase: 'succeeded' } })).toBe('The lab has ended.');
});

test('a lab that was killed says what killed it, on one line whatever is in it', () => {
  const status = { phase: 'failed', reason: 'OOMKilled', message: 'It used\nmore than 1 GiB.' } as const;
  const [first, ...more] = describeLabEnd({ ...quiet, status, packages: ['six 1.17.0'] }).split('\n');
  expect(first).toMatch(/^The lab has ended: OOMKilled: It used.*more than 1 GiB\.$/);
  expect(more[0]).toBe('Installed here: six 1.17.0.');
});
