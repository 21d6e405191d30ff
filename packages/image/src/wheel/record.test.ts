import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRecord, recordLine } from './record.ts';

const hash = `sha256=${'a'.repeat(43)}`;

test('a line that was written is read as it was, whatever the name', () => {
  const name = fc.string({ minLength: 1 }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(name, (path) => {
      expect(parseRecord(recordLine(path, hash, 12)).get(path)).toEqual({ path, hash, size: 12 });
    }),
  );
});

test('weak and broken hashes count as none', () => {
  const record = parseRecord('a,md5=abc,1\r\nb,sha256=short,1\nc,,\n');
  expect([...record.values()].map((line) => line.hash)).toEqual([undefined, undefined, undefined]);
});
