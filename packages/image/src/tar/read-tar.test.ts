import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Header } from 'tar-stream';
import { expect, test } from 'vitest';
import type { TarEntry } from './entry.ts';
import { readTar, type TarLimits } from './read-tar.ts';

const limits: TarLimits = { entriesMax: 100, bytesMax: 1 << 20 };

/** A tar by a writer that asks no questions. */
async function tarOf(
  headers: readonly (Partial<Header> & { name: string; body?: string })[],
): Promise<Buffer> {
  const packer = pack();
  for (const { body, ...header } of headers) packer.entry(header, body ?? '');
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function read(tar: Buffer, options: TarLimits = limits, signal?: AbortSignal): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const entry of readTar(Readable.from([tar]), options, signal)) entries.push(entry);
  return entries;
}

test.for([
  [{ name: '../x' }, /part "\.\."/],
  [{ name: 'a/../../x' }, /part "\.\."/],
  [{ name: '/etc/passwd' }, /absolute/],
  [{ name: 'a//b' }, /empty part/],
  [{ name: 'x', type: 'character-device' }, /character-device/],
  [{ name: 'x', type: 'block-device' }, /block-device/],
  [{ name: 'x', type: 'fifo' }, /fifo/],
  [{ name: 'x', type: 'link', linkname: '../../etc/shadow' }, /part "\.\."/],
  [{ name: 'x', type: 'link', linkname: '/etc/shadow' }, /absolute/],
  [{ name: 'x', type: 'symlink', linkname: '' }, /no target/],
  [{ name: 'y', pax: { path: '../x' } }, /part "\.\."/],
  [{ name: 'n'.repeat(300) }, /more than 255/],
] as const)('%j is refused', async ([header, message]) => {
  await expect(
    tarOf([header as Partial<Header> & { name: string }]).then((tar) => read(tar)),
  ).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: expect.stringMatching(message),
  });
});

test('a name that is not UTF-8 is refused', async () => {
  const tar = await tarOf([{ name: 'abc' }]);
  tar[1] = 0xff;
  // The checksum: one byte changed from "b" to 0xff.
  const sum = Number.parseInt(tar.subarray(148, 154).toString('latin1'), 8) + 0xff - 0x62;
  tar.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
  await expect(read(tar)).rejects.toThrow(/not UTF-8/);
});

test('more entries or bytes than allowed are refused before they are read', async () => {
  const tar = await tarOf([
    { name: 'a', body: 'x'.repeat(600) },
    { name: 'b', body: 'y'.repeat(600) },
  ]);
  await expect(read(tar, { entriesMax: 1, bytesMax: 10_000 })).rejects.toThrow(/more than 1 entries/);
  await expect(read(tar, { entriesMax: 9, bytesMax: 1000 })).rejects.toThrow(/more than 1000 bytes/);
  const liar = await tarOf([{ name: 'a', body: 'x' }]);
  liar.write('77777777777', 124, 'latin1');
  const sum = liar
    .subarray(0, 512)
    .reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  liar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  await expect(read(liar)).rejects.toThrow(/more than/);
});

test('devices can be left out and told instead', async () => {
  const told: string[] = [];
  const tar = await tarOf([
    { name: 'dev/null', type: 'character-device' },
    { name: 'a', body: 'x' },
  ]);
  const entries = await read(tar, { ...limits, special: 'skip', onSkip: (path) => told.push(path) });
  expect([entries.map((entry) => entry.path), told]).toEqual([['a'], ['dev/null']]);
});

test('a tar that is cut short or no tar is refused', async () => {
  const tar = await tarOf([{ name: 'a', body: 'x'.repeat(2000) }]);
  await expect(read(tar.subarray(0, 1200))).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  await expect(read(Buffer.alloc(1024, 'no tar '))).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
});

test('whoever pipes the content of an entry is told when the tar ends in it', async () => {
  const tar = await tarOf([{ name: 'a', body: 'x'.repeat(200_000) }]);
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reading = async (): Promise<void> => {
    for await (const { content } of readTar(Readable.from([tar.subarray(0, 90_000)]), limits))
      await pipeline(content?.() ?? [], sink);
  };
  await expect(reading()).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
});

test('an abort ends the reading', async () => {
  const stop = new AbortController();
  const reading = async (): Promise<void> => {
    async function* endless(): AsyncGenerator<Buffer> {
      const tar = await tarOf([{ name: 'a', body: 'x' }]);
      for (;;) yield tar.subarray(0, 1024);
    }
    for await (const _ of readTar(endless(), { entriesMax: 1e9, bytesMax: 1e12 }, stop.signal))
      stop.abort(new Error('stop'));
  };
  await expect(reading()).rejects.toThrow('stop');
});

test('a tar by GNU tar is read as it is, contents and all', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'galley-tar-'));
  try {
    const source = join(folder, 'source');
    mkdirSync(join(source, 'dir', 'd'.repeat(120)), { recursive: true });
    writeFileSync(join(source, 'dir', 'd'.repeat(120), 'file'), 'content');
    writeFileSync(join(source, 'ä'), 'umlaut');
    symlinkSync('/absolute/is/fine', join(source, 'link'));
    execFileSync('tar', ['--format=gnu', '-cf', join(folder, 'x.tar'), '-C', source, '.']);
    const seen = new Map<string, string>();
    for await (const entry of readTar(createReadStream(join(folder, 'x.tar')), limits)) {
      const content = entry.content?.() ?? Buffer.alloc(0);
      const chunks: Uint8Array[] = [];
      if (!Buffer.isBuffer(content) && entry.type === 'file')
        for await (const chunk of content) chunks.push(chunk);
      seen.set(entry.path, entry.linkTarget ?? Buffer.concat(chunks).toString());
    }
    expect(Object.fromEntries(seen)).toEqual({
      dir: '',
      [`dir/${'d'.repeat(120)}`]: '',
      [`dir/${'d'.repeat(120)}/file`]: 'content',
      link: '/absolute/is/fine',
      ä: 'umlaut',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
