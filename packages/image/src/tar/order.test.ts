import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { directoryEntry, fileEntry, symlinkEntry } from './entry.ts';
import { compareBytes, orderEntries } from './order.ts';
import { parseWhiteout, whiteoutEntry } from './whiteout.ts';

test('text is compared by its UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, two) => {
      expect(compareBytes(one, two)).toBe(Buffer.compare(Buffer.from(one), Buffer.from(two)));
    }),
  );
});

test('parents are added once, before their children, with the modes that /tmp and /root need', () => {
  const entries = orderEntries([
    fileEntry('tmp/x', ''),
    fileEntry('a/b/c', ''),
    fileEntry('a/b-c', ''),
    fileEntry('root/y', ''),
  ]);
  expect(entries.map(({ path, mode }) => [path, mode])).toEqual([
    ['a', 0o755],
    ['a/b', 0o755],
    ['a/b-c', 0o644],
    ['a/b/c', 0o644],
    ['root', 0o700],
    ['root/y', 0o644],
    ['tmp', 0o1777],
    ['tmp/x', 0o644],
  ]);
});

test('the order in which entries come does not matter', () => {
  const entries = ['a/1', 'a/2', 'b', 'a!b', 'é/x'].map((path) => fileEntry(path, path));
  fc.assert(
    fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
      expect(orderEntries(shuffled)).toEqual(orderEntries(entries));
    }),
  );
});

test('hard links come after every file they could lead to', () => {
  const link = { path: 'a', type: 'hardlink', mode: 0o644, size: 0, linkTarget: 'b' } as const;
  expect(orderEntries([link, fileEntry('b', 'x')]).map((entry) => entry.path)).toEqual(['b', 'a']);
  expect(() => orderEntries([link])).toThrow(/no file of its layer/);
});

test.for([
  [[fileEntry('a', ''), fileEntry('a', '')], /twice/],
  [[fileEntry('../a', '')], /part "\.\."/],
  [[fileEntry('/a', '')], /absolute/],
  [[fileEntry('x/.wh.a', '')], /deletion/],
  [[fileEntry('a', ''), fileEntry('a/b', '')], /is a file/],
  [[symlinkEntry('a', '/etc'), fileEntry('a/b', '')], /is a symlink/],
  [[directoryEntry('a/')], /empty part/],
] as const)('%j is refused', ([entries, message]) => {
  expect(() => orderEntries(entries)).toThrow(message);
});

test('what is removed stands before its siblings, and never beside what is added under the same path', () => {
  const entries = [fileEntry('a/b', 'x'), fileEntry('a/-', 'x'), directoryEntry('d'), fileEntry('d/x', 'x')];
  const whiteouts = [
    { path: 'a/gone', opaque: false },
    { path: 'd', opaque: true },
    { path: 'top', opaque: false },
  ];
  expect(orderEntries(entries, whiteouts).map(({ path }) => path)).toEqual([
    '.wh.top',
    'a',
    'a/.wh.gone',
    'a/-',
    'a/b',
    'd',
    'd/.wh..wh..opq',
    'd/x',
  ]);
  for (const path of ['a/b', '../x', '', 'a/.wh.x'])
    expect(() => orderEntries(entries, [{ path, opaque: false }]), path).toThrow(/remove|path/);
  expect(() => orderEntries(entries, [...whiteouts, { path: 'top', opaque: false }])).toThrow(/remove/);
});

test('a whiteout is read as it was written', () => {
  for (const whiteout of [
    { path: 'a/b', opaque: false },
    { path: 'a', opaque: true },
    { path: '', opaque: true },
    { path: 'x', opaque: false },
  ])
    expect(parseWhiteout(whiteoutEntry(whiteout).path)).toEqual(whiteout);
  expect(parseWhiteout('a/b')).toBeUndefined();
  expect(() => parseWhiteout('a/.wh.')).toThrow(/names nothing/);
});
