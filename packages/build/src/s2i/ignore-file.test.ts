import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIgnoreFile } from './ignore-file.ts';

test.each([
  ['*.md', ['a.md', '.md'], ['docs/a.md', 'a.txt', 'amd']],
  ['docs', ['docs', 'docs/a/b'], ['docs2', 'a/docs']],
  ['/docs/', ['docs', 'docs/x'], ['a/docs']],
  ['docs/*.md', ['docs/a.md', 'docs/a.md/x'], ['docs/a/b.md', 'a.md']],
  ['a?c', ['abc'], ['ac', 'a/c', 'abbc']],
  ['[a-c]x', ['ax', 'cx'], ['dx', '/x']],
  ['[^a-c]x', ['dx'], ['ax', '/x']],
  [String.raw`\*x`, ['*x'], ['ax']],
  ['a.b', ['a.b'], ['axb']],
  ['*\n!keep', ['x', 'x/keep'], ['keep', 'keep/x']],
  ['!x\nx', ['x'], []],
  ['# all\n\n  spaced  ', ['spaced'], ['# all', '  spaced']],
])('the lines %j keep back what Go would match, and nothing else', (text, out, kept) => {
  const ignored = parseIgnoreFile(text);
  expect(out.filter((path) => !ignored(path))).toEqual([]);
  expect(kept.filter((path) => ignored(path))).toEqual([]);
});

test('no text is an error, and no pattern makes a path last for ever', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, path) => {
      expect(typeof parseIgnoreFile(text)(path)).toBe('boolean');
    }),
  );
  expect(parseIgnoreFile('[z-a]\n[\n[a\n\\')('x')).toBe(false);
  // A backtracking expression would need more steps than there are atoms.
  expect(parseIgnoreFile(`${'*a'.repeat(100)}*b`)('a'.repeat(250))).toBe(false);
  expect(parseIgnoreFile(`${'*a'.repeat(100)}*`)('a'.repeat(250))).toBe(true);
});
