import { inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { deflateFixed } from './fixed-deflate.ts';

test('zlib inflates whatever it deflates to the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      expect(inflateRawSync(deflateFixed(bytes))).toEqual(Buffer.from(bytes));
    }),
  );
});

test('runs of every length up to three of the longest match survive', () => {
  for (let length = 0; length < 800; length += 1) {
    const bytes = Buffer.concat([Buffer.from('a'), Buffer.alloc(length), Buffer.from('b')]);
    expect(inflateRawSync(deflateFixed(bytes)).equals(bytes)).toBe(true);
  }
});

test('a header of zeros becomes small', () => {
  expect(deflateFixed(Buffer.alloc(1024)).byteLength).toBeLessThan(16);
});
