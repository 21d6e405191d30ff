import { expect, test } from 'vitest';
import type { PathFunction } from '@galley/api/http/messages';
import { describePaths } from './monitor-paths.ts';

const coverage = {
  lines: 62,
  linesSeen: 50,
  functions: 2,
  skipped: [{ name: 'fast', reason: 'compiled by numba' }],
};
const decided = (question: string, answer: string) => ({ line: 3, question, answer });
const path = { lines: [2, 3, 4, 7], fallback: false, decisions: [] };
const conditions: PathFunction = {
  name: 'conditions',
  notebook: 'n.ipynb',
  cell: 8,
  file: null,
  requests: 1200,
  referenceRequests: 8000,
  paths: [
    {
      ...path,
      path: '0',
      decisions: [decided('a', 'yes'), decided('seen is None', 'no')],
      reference: 0.9,
      now: 0.25,
    },
    {
      ...path,
      path: '1',
      decisions: [decided('a', 'yes'), decided('seen is None', 'yes')],
      fallback: true,
      reference: 0.1,
      now: 0.7496,
    },
    { ...path, path: '7', reference: 0.0001, now: 0 },
    { ...path, path: 'unseen', lines: [], reference: 0, now: 0.0003 },
    { ...path, path: 'exception', lines: [], reference: 0, now: 0 },
  ],
  rare: [{ ...path, path: '5', decisions: [decided('a', 'no')] }],
};

test('a function is a table of its paths: the usual one with all it decides, others with what differs', () => {
  const [text] = describePaths('iris', [conditions], coverage).split('\n\n');
  expect(text).toBe(
    [
      'conditions() in n.ipynb cell 8: 1,200 requests, reference 8,000',
      '  PATH    REFERENCE      NOW  DECIDED',
      '  0          90.0 %   25.0 %  3: a → yes, 3: seen is None → no',
      '  1          10.0 %   75.0 %  fallback; 3: seen is None → yes',
      '  7         < 0.1 %    0.0 %  lines 2–4 7',
      '  unseen      0.0 %  < 0.1 %  new ones, and 1 path that the reference took rarely',
      '  rare, counted as unseen: 3: a → no',
    ].join('\n'),
  );
});

test('coverage, what is not profiled and what is never counted stand below', () => {
  const idle = { ...conditions, name: 'unused', requests: 0, referenceRequests: 0 };
  const text = describePaths('iris', [conditions, idle], coverage);
  expect(text).toContain('Never called: unused()');
  expect(text).toContain(
    'The reference ran 50 of 62 lines of 2 functions.\nNot profiled: fast: compiled by numba',
  );
  expect(text).toMatch(/Not counted: .*leaves of its trees/);
});

test('without functions, and without a reference, it says so', () => {
  expect(describePaths('iris', [], { ...coverage, functions: 0 })).toContain('No function');
  expect(describePaths('iris', [], null)).toContain('no reference');
});
