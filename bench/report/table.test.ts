import { expect, test } from 'vitest';
import { markdownTable, withTable } from './table.ts';

const row = { what: 'start | stop', ours: '2 s', peer: '1 s', ratio: '2×', target: '≤ 1.2×', note: 'slow' };

test('a row becomes a line of the table, and a missed target is plain to see', () => {
  const lines = markdownTable([row], 'two cores').split('\n');
  expect(lines[0]).toBe('two cores');
  expect(lines.at(-1)).toBe('| start \\| stop | 2 s | 1 s | 2× | ≤ 1.2× | **no** | slow |');
});

test('only what is between the markers is replaced', () => {
  const page = 'a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb\n';
  expect(withTable(page, 'new')).toBe('a\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nb\n');
});

test('a page without its markers is refused rather than overwritten', () => {
  expect(() => withTable('a page', 'new')).toThrow('needs <!-- bench:begin -->');
});
