import { expect, test } from 'vitest';
import { describeReport } from './report.ts';

const ran = { notebook: 'a.ipynb', cell: 1, state: 'done', seconds: 1.5, firstLine: 'x = 1' };

test('a notebook is a table of its cells, with warnings and errors below', () => {
  const error = { type: 'ZeroDivisionError', message: 'division by zero\nNotebook b.ipynb' };
  const report = [
    { ...ran, state: 'started' },
    { ...ran, warnings: ['x is odd'] },
    { ...ran, cell: 2, state: 'failed', firstLine: '1 / 0', error },
  ];
  expect(describeReport(report)).toBe(
    [
      'Notebook a.ipynb',
      'CELL  STATE    TIME  FIRST LINE',
      '   1  done    1.5 s  x = 1',
      '   2  failed  1.5 s  1 / 0',
      'cell 1: warning: x is odd',
      'cell 2: ZeroDivisionError: division by zero Notebook b.ipynb',
    ].join('\n'),
  );
});

test('of several notebooks each is a table, and cells that need not run again say so', () => {
  const text = describeReport([
    { ...ran, reused: true },
    { ...ran, notebook: 'b.ipynb' },
  ]);
  expect(text.split('\n\n').map((part) => part.split('\n')[0])).toEqual([
    'Notebook a.ipynb',
    'Notebook b.ipynb',
  ]);
  expect(text).toMatch(/1 {2}reused .*x = 1[^]*1 {2}done .*x = 1/);
});

test('a run writes its report itself: nothing in it moves the cursor or ends the command', () => {
  const evil = '\u001B[2J';
  const odd = {
    notebook: evil,
    cell: evil,
    state: evil,
    seconds: evil,
    firstLine: 7,
    warnings: evil,
    error: [],
  };
  const text = describeReport([odd, null, { ...ran, state: evil, warnings: [evil], error: { type: evil } }]);
  expect(text).not.toContain('\u001B');
  expect(text).toContain('x = 1');
  expect(describeReport([])).toContain('no cells');
});
