import { expect, test } from 'vitest';
import { safeLine, safeText } from './safe-text.ts';

test.each([
  ['\u001b[2J', String.raw`\x1b[2J`],
  ['a\u0085b', String.raw`a\x85b`],
  // Shown as `access = "user" // check` by a terminal that knows directions.
  ['"user\u202e \u2066// check\u2069 \u2066"', String.raw`"user\u202e \u2066// check\u2069 \u2066"`],
  ['\u200e\u200f\u061c\u202a\u202b\u202c\u202d', String.raw`\u200e\u200f\u061c\u202a\u202b\u202c\u202d`],
  ['\u2067\u2068', String.raw`\u2067\u2068`],
])('what moves the cursor or turns the reading around is shown as an escape: %#', (text, shown) => {
  expect(safeText(text)).toBe(shown);
});

test('letters of every language stay, and so do line breaks and tabs', () => {
  const text = 'größe\tשלום\nمرحبا 模型 🌸';
  expect(safeText(text)).toBe(text);
  expect(safeLine(text)).toBe('größe שלום مرحبا 模型 🌸');
});
