import { expect, test } from 'vitest';
import type { GalleyEvent } from '@galley/api/event';
import { colorsFor } from './colors.ts';
import { createProgress } from './progress.ts';

/** What is written of one event, without a terminal. */
function shown(event: Partial<GalleyEvent>): string {
  let text = '';
  const sink = { isTTY: false, columns: 100, write: (piece: string) => void (text += piece) };
  const time = '2024-05-01T00:00:00Z';
  const whole = { time, object: 'o', phase: 'training', step: 'cell', state: 'done', ...event } as const;
  createProgress(sink, colorsFor({}, {}), () => 0).show(whole);
  return text.trimEnd();
}

test('a finished step of several says which one it was, the last how many there were', () => {
  expect(shown({ unit: 'cells', done: 1, total: 14 })).toBe('  ✓ training     cell  1 of 14 cells');
  expect(shown({ unit: 'cells', done: 14, total: 14 })).toBe('  ✓ training     cell  14 cells');
});

test('one of something has no plural', () => {
  expect(shown({ unit: 'cells', done: 1, total: 1 })).toBe('  ✓ training     cell  1 cell');
  expect(shown({ unit: 'files', done: 1 })).toBe('  ✓ training     cell  1 file');
  expect(shown({ unit: 'bytes', done: 1, total: 1 })).toBe('  ✓ training     cell  1 B');
});

test('a step or reason with a line break in it is still one line', () => {
  const text = shown({ step: 'a\n  ✓ rehearsal', reason: 'b\nc' });
  expect(text).toBe('  ✓ training     a ✓ rehearsal  b c');
});
