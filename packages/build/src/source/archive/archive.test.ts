import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLayoutStore } from '@galley/image/layout-store';
import { openDirectory } from '../directory.ts';
import type { SourceTree } from '../source-tree.ts';
import { layFiles } from '../under-test/repository.ts';
import { openArchiveFile } from './file.ts';
import { checkArchiveUrl, openArchiveUrl, type ArchiveUrl } from './url.ts';

let root: string;
let opened = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-archive-'));
  await layFiles(join(root, 'model-1a2b3c4'), {
    'a.ipynb': '{}',
    'sub/b.py': 'x = 1',
    'émigré.csv': '1',
    'big.bin': Buffer.alloc(700_000, 'galley'),
  });
  execFileSync('chmod', ['+x', join(root, 'model-1a2b3c4/a.ipynb')]);
  await symlink('sub/b.py', join(root, 'model-1a2b3c4/link'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const pack = (name: string, ...command: string[]): string => {
  execFileSync(command[0] ?? '', command.slice(1), { cwd: root });
  return join(root, name);
};

async function open(path: string, contextDir = ''): Promise<SourceTree> {
  opened += 1;
  return openArchiveFile(path, { shown: 'model', contextDir, spool: join(root, `spool-${opened}`) });
}

async function write(name: string, bytes: Buffer): Promise<string> {
  await writeFile(join(root, name), bytes);
  return join(root, name);
}

/** A zip put together by hand, so that it may lie. */
function zipOf(
  ...entries: readonly {
    name: string | Buffer;
    content?: Buffer;
    mode?: number;
    size?: number;
    crc?: number;
    flags?: number;
  }[]
): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const {
    name,
    content = Buffer.from('x'),
    mode = 0o100644,
    size = content.length,
    crc = crc32(content),
    flags = 0x800,
  } of entries) {
    const raw = Buffer.from(name);
    const data = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(size, 18);
    common.writeUInt16LE(raw.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, raw, data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), common, tail, raw]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

/** The end of a zip64 that says so many entries; before it there are none. */
function endOfZip64(entries: number): Buffer {
  const start = Buffer.from('PK\x03\x04');
  const end = Buffer.alloc(56);
  end.write('PK\x06\x06');
  end.writeBigUInt64LE(44n, 4);
  end.writeBigUInt64LE(BigInt(entries), 24);
  end.writeBigUInt64LE(BigInt(entries), 32);
  end.writeBigUInt64LE(BigInt(start.length), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07');
  locator.writeBigUInt64LE(BigInt(start.length), 8);
  locator.writeUInt32LE(1, 16);
  const old = Buffer.alloc(22, 0xff);
  old.write('PK\x05\x06\0\0\0\0');
  old.writeUInt16LE(0, 20);
  return Buffer.concat([start, end, locator, old]);
}

describe('an archive as a source', () => {
  it('has the digest of the folder that was packed, whatever packed it', async () => {
    const folder = await openDirectory(join(root, 'model-1a2b3c4'), { spool: join(root, 'd'), include: [] });
    const tar = pack('a.tar', 'tar', 'cf', 'a.tar', 'model-1a2b3c4');
    const bytes = await readFile(tar);
    const archives = [
      tar,
      pack('a.tar.gz', 'tar', 'czf', 'a.tar.gz', '--format=pax', 'model-1a2b3c4'),
      pack('flat.tgz', 'tar', 'czf', 'flat.tgz', '-C', 'model-1a2b3c4', '.'),
      await write('a.tar.zst', zstdCompressSync(bytes)),
      pack('a.zip', 'python3', '-c', zipScript),
    ];
    const digests = await Promise.all(archives.map(async (path) => (await open(path)).digest));
    expect(new Set(digests)).toEqual(new Set([folder.digest]));
  });

  it('gives one folder of it, counted from the one that everything lies in', async () => {
    const tar = pack('a.tar', 'tar', 'cf', 'a.tar', 'model-1a2b3c4');
    expect((await open(tar, 'sub')).entries.map(({ path }) => path)).toEqual(['b.py']);
    await expect(open(tar, 'no')).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  });

  it.each([
    ['a path that leaves it', zipOf({ name: '../up' })],
    ['an absolute path', zipOf({ name: '/etc/passwd' })],
    ['a path that leaves it in the Windows way', zipOf({ name: String.raw`..\up` })],
    ['a name twice', zipOf({ name: 'a' }, { name: 'a' })],
    ['a name that is not UTF-8', zipOf({ name: Buffer.from('caf\xe9', 'latin1') })],
    ['a symlink that leaves it', zipOf({ name: 'a', mode: 0o120777, content: Buffer.from('../../etc') })],
    [
      'a file behind a symlink',
      zipOf({ name: 'a', mode: 0o120777, content: Buffer.from('.') }, { name: 'a/b' }),
    ],
    ['a device', zipOf({ name: 'a', mode: 0o020644 })],
    ['an encrypted file', zipOf({ name: 'a', flags: 0x801 })],
    ['a size that lies', zipOf({ name: 'a', content: Buffer.alloc(5000), size: 10 })],
    ['a checksum that lies', zipOf({ name: 'a', crc: 1 })],
    ['its end cut off', zipOf({ name: 'a' }).subarray(0, 40)],
  ])('is refused as a zip with %s', async (_, bytes) => {
    await expect(open(await write('a.zip', bytes))).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  });

  it('is refused when it is packed in a way that is not read here, which is named', async () => {
    const tar = pack('a.tar', 'tar', 'cf', 'a.tar', 'model-1a2b3c4');
    await expect(open(await write('x', Buffer.from('fd377a585a000000', 'hex')))).rejects.toThrow(
      /packed with xz/,
    );
    await expect(open(await write('x', Buffer.from('BZh91AY')))).rejects.toThrow(/packed with bzip2/);
    await expect(open(await write('x', Buffer.from('<!doctype html>')))).rejects.toThrow(/no archive/);
    await expect(open(await write('x', Buffer.alloc(0)))).rejects.toThrow(/no archive/);
    const cut = gzipSync(await readFile(tar));
    await expect(open(await write('x', cut.subarray(0, cut.length / 2)))).rejects.toMatchObject({
      code: 'SOURCE_REFUSED',
    });
  });

  it('is refused for what it says of its entries before one is read: folders count for no file', async () => {
    const path = await write('a.zip', endOfZip64(1_000_000));
    await expect(open(path)).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });

  it('that is a bomb ends at the limit, before it fills the disk', { timeout: 120_000 }, async () => {
    // 6 MB that would be 6 GB: one file of zeros, as the tar's header says at its start.
    const header = Buffer.from(
      (await readFile(pack('h.tar', 'tar', 'cf', 'h.tar', '-C', 'model-1a2b3c4', 'a.ipynb'))).subarray(
        0,
        512,
      ),
    );
    header.write('77777777777\0', 124); // 8 GiB - 1
    header.write('        ', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const zeros = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const path = await write(
      'bomb.tar.gz',
      Buffer.concat([gzipSync(header), ...Array.from({ length: 20 }, () => zeros)]),
    );
    await expect(open(path)).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
    const sized = await write(
      'bomb.zip',
      zipOf({ name: 'a', content: Buffer.alloc(1000), size: 0xfffffffe }),
    );
    await expect(open(sized)).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
    await expect(stat(join(root, `spool-${opened}`))).rejects.toThrow(/ENOENT/);
  });
});

const zipScript = `
import os, zipfile
with zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    for folder, _, names in os.walk('model-1a2b3c4'):
        for name in names:
            path = os.path.join(folder, name)
            info = zipfile.ZipInfo(path)
            info.external_attr = os.lstat(path).st_mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, os.readlink(path) if os.path.islink(path) else open(path, 'rb').read())
`;

describe('an archive behind a URL', () => {
  let server: Server;
  let base: string;
  let answer: RequestListener;
  const requests: string[] = [];
  beforeEach(async () => {
    requests.length = 0;
    server = createServer((request, response) => {
      requests.push(`${request.url} ${request.headers.authorization ?? ''}`.trim());
      answer(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    listed = [base.replace('http://', '')];
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  /** What the operator of the machine lists. */
  let listed: string[];
  async function fetchUrl(rest: Partial<ArchiveUrl> & { url: string }): Promise<SourceTree> {
    opened += 1;
    const store = await openLayoutStore(join(root, 'images'));
    const source = { contextDir: '', ...rest };
    const privateHosts = (): Promise<readonly string[]> => Promise.resolve(listed);
    return openArchiveUrl(source, { store, spool: join(root, `spool-${opened}`), privateHosts });
  }

  it('is fetched, and with its digest only once', async () => {
    const bytes = await readFile(pack('a.tar.gz', 'tar', 'czf', 'a.tar.gz', 'model-1a2b3c4'));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
    answer = (_, response) => response.end(bytes);
    const today = await fetchUrl({ url: `${base}/a.tar.gz` });
    const pinned = await fetchUrl({ url: `${base}/a.tar.gz`, digest });
    const again = await fetchUrl({ url: `${base}/a.tar.gz`, digest });
    expect([pinned.digest, again.digest]).toEqual([today.digest, today.digest]);
    expect(requests).toHaveLength(2);
    const wrong = { url: `${base}/a.tar.gz`, digest: `sha256:${'0'.repeat(64)}` as const };
    await expect(fetchUrl(wrong)).rejects.toMatchObject({ code: 'HASH_MISMATCH' });
  });

  it.each([
    [401, 'SOURCE_UNAUTHORIZED'],
    [403, 'SOURCE_UNAUTHORIZED'],
    [404, 'SOURCE_NOT_FOUND'],
    [500, 'SOURCE_UNREACHABLE'],
  ])('says what a server means that answers %i', async (status, code) => {
    answer = (_, response) => response.writeHead(status).end();
    await expect(fetchUrl({ url: `${base}/a.zip` })).rejects.toMatchObject({ code });
  });

  it('shows a secret to the server that is named and to no other', async () => {
    const bytes = await readFile(pack('a.tar.gz', 'tar', 'czf', 'a.tar.gz', 'model-1a2b3c4'));
    const elsewhere = createServer((request, response) => {
      requests.push(`elsewhere ${request.headers.authorization ?? 'none'}`);
      response.end(bytes);
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const host = `127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    answer = (_, response) => response.writeHead(302, { location: `http://${host}/a` }).end();
    listed.push(host);
    const source = { url: `${base}/a.tgz` };
    await fetchUrl({ ...source, secret: 'hush\n' });
    await fetchUrl({ ...source, secret: 'user:hush' });
    elsewhere.closeAllConnections();
    elsewhere.close();
    expect(requests).toEqual([
      '/a.tgz Bearer hush',
      'elsewhere none',
      `/a.tgz Basic ${Buffer.from('user:hush').toString('base64')}`,
      'elsewhere none',
    ]);
  });

  it('does not lead a server into its own networks, also not by a redirect', async () => {
    answer = (_, response) =>
      response.writeHead(302, { location: 'https://169.254.169.254/latest/a.zip' }).end();
    const denied = { code: 'EGRESS_DENIED' };
    await expect(fetchUrl({ url: `${base}/a.zip` })).rejects.toMatchObject(denied);
    listed = [];
    await expect(fetchUrl({ url: `${base}/a.zip` })).rejects.toMatchObject(denied);
    expect(requests).toHaveLength(1);
  });

  it('is not led by a redirect to where it is no longer encrypted', async () => {
    answer = (_, response) => response.writeHead(302, { location: 'http://example.org/a.zip' }).end();
    await expect(fetchUrl({ url: `${base}/a.zip` })).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  });

  it('shows its secret to nobody on the way', async () => {
    const pinned = { url: 'http://example.org/a.zip', digest: `sha256:${'0'.repeat(64)}` as const };
    await expect(fetchUrl({ ...pinned, secret: 'hush' })).rejects.toThrow(/could read the secret/);
  });

  it('has an address without secrets, encrypted unless its digest is known', () => {
    const refused = expect.objectContaining({ code: 'SOURCE_REFUSED' });
    expect(() => checkArchiveUrl('http://example.org/a.zip', false)).toThrow(refused);
    expect(() => checkArchiveUrl('https://u:hush@example.org/a.zip', false)).toThrow(refused);
    expect(() => checkArchiveUrl('file:///etc/a.zip', true)).toThrow(refused);
    expect(checkArchiveUrl('http://example.org/a.zip', true).href).toBe('http://example.org/a.zip');
  });
});
