import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLayoutStore } from '../layout-store.ts';
import type { ImageStore } from '../store.ts';
import { makeWheel, type WheelParts } from './fixtures/make-wheel.ts';
import { makeZip } from './fixtures/make-zip.ts';
import { readWheel } from './read-wheel.ts';
import { stitchLayer } from './stitch-layer.ts';

const environment = { prefix: '/opt/galley/env', pythonVersion: '3.11' };
const content = 'x = 1\n';

let folder: string;
let store: ImageStore;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-hostile-'));
  store = await openLayoutStore(join(folder, 'store'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Each lies in one way, and what the message must say. */
const liars: Readonly<Record<string, [Omit<WheelParts, 'name'>, RegExp]>> = {
  'a path with ..': [{ files: { '../evil.py': content } }, /part "\.\."/],
  'a path with .. deeper': [{ files: { 'a/../../evil.py': content } }, /part "\.\."/],
  'an absolute path': [{ files: { '/etc/evil': content } }, /absolute/],
  'a NUL in a name': [{ files: { 'a\0b.py': content } }, /NUL/],
  'a backslash': [{ files: { 'a\\..\\b.py': content } }, /backslash/],
  'a newline in a name': [{ files: { 'a\nb.py': content } }, /control character/],
  'an empty part': [{ files: { 'a//b.py': content } }, /empty part/],
  'a name twice': [
    {
      files: [
        { name: 'a.py', content },
        { name: 'a.py', content: 'x = 2\n' },
      ],
    },
    /a\.py twice/,
  ],
  'a name in an unknown encoding': [{ files: [{ name: 'é.py', content, flags: 0 }] }, /unknown encoding/],
  'a symbolic link': [
    { files: [{ name: 'a.py', content: '/etc/passwd', mode: 0o120777 }] },
    /link or device/,
  ],
  'a device': [{ files: [{ name: 'a.py', content, mode: 0o060666 }] }, /link or device/],
  'an encrypted file': [{ files: [{ name: 'a.py', content, flags: 0x801 }] }, /encrypted/],
  'a file that RECORD does not name': [
    { files: { 'a.py': content }, record: { 'a.py': '' } },
    /does not vouch/,
  ],
  'a file without a hash': [{ files: { 'a.py': content }, record: { 'a.py': 'a.py,,\n' } }, /does not vouch/],
  'a hash by md5': [{ files: { 'a.py': content }, record: { 'a.py': 'a.py,md5=abc,6\n' } }, /does not vouch/],
  'a wrong hash': [
    { files: { 'a.py': content }, record: { 'a.py': `a.py,sha256=${'A'.repeat(43)},6\n` } },
    /not what RECORD says/,
  ],
  'a wrong CRC': [{ files: [{ name: 'a.py', content, crc: 1 }] }, /damaged in a\.py/],
  'a size that is too small': [{ files: [{ name: 'a.py', content, size: 3 }] }, /damaged in a\.py/],
  'a size that is too large': [{ files: [{ name: 'a.py', content, size: 300 }] }, /damaged in a\.py/],
  'bytes behind the deflate stream': [
    {
      files: [
        {
          name: 'a.py',
          content,
          raw: Buffer.concat([deflateRawSync(Buffer.from(content)), Buffer.from('!')]),
        },
      ],
    },
    /damaged in a\.py/,
  ],
  'two names for one file': [{ files: [{ name: 'a.py', content, localName: 'b.py' }] }, /two names/],
  'a whiteout': [{ files: { 'numpy/.wh.__init__.py': content } }, /would delete/],
  'the interpreter': [
    { files: { 'liar-1.0.data/scripts/python3': '#!/bin/sh\n' } },
    /part of the environment/,
  ],
  'the configuration of the venv': [
    { files: { 'liar-1.0.data/data/pyvenv.cfg': 'home = /tmp\n' } },
    /part of the env/,
  ],
  'files through lib64': [{ files: { 'liar-1.0.data/data/lib64/a.py': content } }, /part of the environment/],
  'an unknown scheme': [{ files: { 'liar-1.0.data/root/etc/passwd': content } }, /no known scheme/],
  'an entry point that is code': [
    { files: {}, entryPoints: '[console_scripts]\nx = os:system("id")\n' },
    /no program/,
  ],
  'an entry point that leaves bin': [
    { files: {}, entryPoints: '[console_scripts]\n../../x = a:b\n' },
    /no program/,
  ],
  'a bomb': [{ files: [{ name: 'zeros', content, size: 300 << 20 }] }, /only bombs/],
};

test.for(Object.entries(liars))(
  'a wheel with %s is refused and leaves nothing',
  async ([, [parts, message]]) => {
    const wheel = makeWheel(folder, { name: 'liar', ...parts });
    await expect(stitchLayer(store, [wheel], environment)).rejects.toMatchObject({
      code: 'WHEEL_INVALID',
      message: expect.stringMatching(message),
    });
    expect(readdirSync(join(store.root, 'ingest'))).toEqual([]);
    expect(readdirSync(join(store.root, 'blobs', 'sha256'))).toEqual([]);
  },
);

test('a wheel whose metadata is of another package is refused', async () => {
  const info = 'other-1.0.dist-info';
  const files = { [`${info}/METADATA`]: 'Name: other\nVersion: 1.0\n' };
  const wheel = makeWheel(folder, { name: 'liar', files });
  await expect(stitchLayer(store, [wheel], environment)).rejects.toThrow(/several \.dist-info/);
});

test('a file that is no zip at all, or cut short, is refused', async () => {
  const honest = makeWheel(folder, { name: 'honest', files: { 'a.py': content } });
  const bytes = readFileSync(honest.path);
  for (const broken of [Buffer.from('no zip'), bytes.subarray(0, 200), bytes.subarray(50)]) {
    const path = join(folder, 'broken.whl');
    writeFileSync(path, broken);
    const sha256 = createHash('sha256').update(broken).digest('hex');
    await expect(stitchLayer(store, [{ path, sha256 }], environment)).rejects.toMatchObject({
      code: 'WHEEL_INVALID',
    });
  }
});

test('files that share their bytes are refused', async () => {
  const bytes = makeZip([
    { name: 'a.py', content },
    { name: 'b.py', content },
  ]);
  // The second directory entry now points at the first file.
  const second = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  bytes.writeUInt32LE(0, second + 42);
  const path = join(folder, 'overlap.whl');
  writeFileSync(path, bytes);
  await expect(readWheel(path)).rejects.toThrow(/overlaps another file/);
});
