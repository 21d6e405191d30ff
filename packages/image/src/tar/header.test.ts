import * as fc from 'fast-check';
import { extract, type Header } from 'tar-stream';
import { expect, test } from 'vitest';
import type { TarEntry } from './entry.ts';
import { encodeHeader, paddingOf } from './header.ts';

/** What an independent reader makes of a header. */
async function decoded(header: Buffer, size: number): Promise<Header> {
  const parser = extract();
  parser.end(Buffer.concat([header, Buffer.alloc(size + paddingOf(size)), Buffer.alloc(1024)]));
  for await (const stream of parser) {
    stream.resume();
    return stream.header;
  }
  throw new Error('no entry');
}

const part = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .map((text) => text.replaceAll(/[/\0]/g, '_'))
  .filter((text) => text !== '.' && text !== '..' && text.trim() === text && text.isWellFormed());
const path = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/'));

test('a reader that is not ours reads back every path, link, mode and size', async () => {
  const entry = fc.record({
    path,
    type: fc.constantFrom('file', 'directory', 'symlink', 'hardlink'),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    size: fc.integer({ min: 0, max: 5000 }),
    linkTarget: path,
    uid: fc.integer({ min: 0, max: 0o7777777 }),
    gid: fc.integer({ min: 0, max: 0o7777777 }),
  });
  await fc.assert(
    fc.asyncProperty(entry, async (value) => {
      const written: TarEntry = value;
      const isLink = written.type === 'symlink' || written.type === 'hardlink';
      const header = encodeHeader(isLink ? written : { ...written, linkTarget: '' });
      expect(header.byteLength % 512).toBe(0);
      const read = await decoded(header, written.type === 'file' ? written.size : 0);
      expect(read.name).toBe(written.type === 'directory' ? `${written.path}/` : written.path);
      expect(read.mode).toBe(written.mode);
      expect(read.size).toBe(written.type === 'file' ? written.size : 0);
      expect(read.linkname ?? '').toBe(isLink ? written.linkTarget : '');
      expect([read.uid, read.gid, read.mtime.getTime()]).toEqual([written.uid, written.gid, 1000]);
    }),
    { numRuns: 300 },
  );
});

test('the same entry always gives the same bytes, and other entries other bytes', () => {
  fc.assert(
    fc.property(path, path, (one, two) => {
      const header = (name: string): Buffer =>
        encodeHeader({ path: name, type: 'file', mode: 0o644, size: 0 });
      expect(header(one).equals(header(one))).toBe(true);
      expect(header(one).equals(header(two))).toBe(one === two);
    }),
  );
});

test.for([99, 100, 101, 155, 156, 200, 255, 256, 257, 300])('a name of %i bytes survives', async (length) => {
  for (const name of [
    'a'.repeat(length),
    `${'d'.repeat(Math.min(150, length - 2))}/${'f'.repeat(length)}`.slice(0, length),
  ]) {
    const header = encodeHeader({ path: name, type: 'file', mode: 0o644, size: 0 });
    expect((await decoded(header, 0)).name).toBe(name);
  }
});

test('sizes from 8 GiB and large ids are said in PAX records', () => {
  const header = encodeHeader({
    path: 'big',
    type: 'file',
    mode: 0o644,
    size: 2 ** 33,
    uid: 1_000_660_000,
    gid: 3_000_000,
  });
  const text = header.toString('latin1');
  expect(text).toContain('19 size=8589934592\n');
  expect(text).toContain('18 uid=1000660000\n');
  expect(text).toContain('15 gid=3000000\n');
});

test('a NUL never gets into a header', () => {
  expect(() => encodeHeader({ path: 'a\0b', type: 'file', mode: 0o644, size: 0 })).toThrow(
    /cannot be written/,
  );
  expect(() => encodeHeader({ path: 'a', type: 'file', mode: 0o644, size: -1 })).toThrow(/cannot be written/);
});
