import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assembleImage } from './assemble/assemble-image.ts';
import { openLayoutStore } from './layout-store.ts';
import type { ImageStore } from './store.ts';

let folder: string;
let store: ImageStore;
let clock = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-store-'));
  clock = Date.UTC(2030, 0, 1);
  store = await openLayoutStore(join(folder, 'store'), { wipe: true, now: () => clock });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function image(label: string): Promise<Digest> {
  return (await assembleImage(store, { layers: [], config: { Labels: { label } }, architecture: 'amd64' }))
    .digest;
}

test('a blob lies under its digest and is written once', async () => {
  const bytes = Buffer.from('some bytes');
  const first = await store.write(bytes, { mediaType: 'text/plain' });
  expect(first).toEqual({
    mediaType: 'text/plain',
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: 10,
  });
  expect(readFileSync(store.blobPath(first.digest))).toEqual(bytes);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('some ');
    yield Buffer.from('bytes');
  }
  expect(await store.write(pieces(), { mediaType: 'text/plain' })).toEqual(first);
  expect(readdirSync(join(store.root, 'blobs', 'sha256'))).toHaveLength(1);
  expect(readdirSync(join(store.root, 'ingest'))).toEqual([]);
});

test('bytes that are not the expected ones are not kept', async () => {
  const expect1: Digest = `sha256:${'0'.repeat(64)}`;
  await expect(store.write(Buffer.from('x'), { mediaType: 'a/b', expect: expect1 })).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  });
  expect(readdirSync(join(store.root, 'blobs', 'sha256'))).toEqual([]);
  expect(readdirSync(join(store.root, 'ingest'))).toEqual([]);
});

test('a source that fails or is aborted leaves nothing', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(3 << 20);
    throw new Error('line cut');
  }
  await expect(store.write(failing(), { mediaType: 'a/b' })).rejects.toThrow('line cut');
  const signal = AbortSignal.abort(new Error('stop'));
  await expect(store.write(Buffer.from('x'), { mediaType: 'a/b', signal })).rejects.toThrow('stop');
  expect(readdirSync(join(store.root, 'ingest'))).toEqual([]);
});

test('a tag moves and remembers where it was', async () => {
  const [one, two] = [await image('one'), await image('two')];
  await store.tag('iris:latest', one);
  clock += 1000;
  await store.tag('iris:latest', two);
  await store.tag('iris:latest', two);
  expect(await store.tags()).toEqual([
    {
      name: 'iris:latest',
      history: [
        { time: '2030-01-01T00:00:00.000Z', digest: one },
        { time: '2030-01-01T00:00:01.000Z', digest: two },
      ],
    },
  ]);
  expect(await store.resolve('iris')).toBe(two);
  await store.untag('iris:latest');
  expect(await store.tags()).toEqual([]);
  await expect(store.resolve('iris:latest')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  await expect(store.untag('iris:latest')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
});

test('many tags at once are all kept', async () => {
  const digest = await image('one');
  await Promise.all(Array.from({ length: 20 }, (_, number) => store.tag(`t${number}`, digest)));
  expect(await store.tags()).toHaveLength(20);
});

test('an image is found by tag, digest and the first digits of its digest', async () => {
  const digest = await image('one');
  const hex = digest.slice('sha256:'.length);
  expect(await store.resolve(digest)).toBe(digest);
  expect(await store.resolve(hex.slice(0, 6))).toBe(digest);
  expect(await store.resolve(`sha256:${hex.slice(0, 12)}`)).toBe(digest);
  for (const unknown of [hex.slice(0, 5), 'nothing', '', `sha256:${'0'.repeat(64)}`, '../../etc']) {
    await expect(store.resolve(unknown)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  }
});

test('a configuration is no image and cannot be tagged, nor can a name that is none', async () => {
  const text = await store.write(Buffer.from('{"a":1}'), { mediaType: 'application/json' });
  await expect(store.tag('x', text.digest)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  const digest = await image('one');
  for (const name of ['', '-x', 'a b', 'a\nb', `sha256:${'0'.repeat(64)}`, 'x'.repeat(300)]) {
    await expect(store.tag(name, digest)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  }
});

test('a blob that was altered on the disk is refused and removed, so that it is made again', async () => {
  const { digest } = await store.write(Buffer.from('{"a":1}'), { mediaType: 'a/b' });
  expect(await store.discardAltered(digest)).toBe(false);
  writeFileSync(store.blobPath(digest), '{"a":2}');
  await expect(store.readJson(digest)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
    details: { removed: true },
  });
  expect(await store.has(digest)).toBe(false);
  await store.write(Buffer.from('{"a":1}'), { mediaType: 'a/b' });
  expect(await store.readJson(digest)).toEqual({ a: 1 });
  const missing: Digest = `sha256:${'0'.repeat(64)}`;
  await expect(store.readJson(missing)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
});

test('a tag that another tool or a lost history file left is still a tag', async () => {
  const digest = await image('one');
  await store.tag('iris', digest);
  rmSync(join(store.root, 'tag-history.json'));
  const [tag] = await store.tags();
  expect(tag).toMatchObject({ name: 'iris', history: [{ digest }] });
});

test('the owner wipes what killed processes were writing, and nothing of a process that goes on', async () => {
  writeFileSync(join(store.root, 'ingest', 'other'), 'half');
  await openLayoutStore(store.root);
  expect(existsSync(join(store.root, 'ingest', 'other'))).toBe(true);
  const child = spawn(process.execPath, ['--input-type=module', '-e', slowWriterProgram, store.root], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await openLayoutStore(store.root, { wipe: true });
  expect(existsSync(join(store.root, 'ingest', 'other'))).toBe(false);
  expect(readdirSync(join(store.root, 'ingest'))).toHaveLength(1);
  child.stdin.end();
  const [digest] = (await once(child.stdout, 'data')) as [Buffer];
  expect(readdirSync(join(store.root, 'blobs', 'sha256'))).toContain(digest.toString());
  const second = spawn(process.execPath, ['--input-type=module', '-e', slowWriterProgram, store.root], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(second.stdout, 'data');
  second.kill('SIGKILL');
  await once(second, 'exit');
  await openLayoutStore(store.root, { wipe: true });
  expect(readdirSync(join(store.root, 'ingest'))).toEqual([]);
});

test.skipIf(process.getuid?.() !== 0)(
  'a full disk says so, and what was half-written is gone (skipped without root: mounts a small disk)',
  async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'galley-test', disk]);
    try {
      const small = await openLayoutStore(disk);
      const kept = await small.write(Buffer.alloc(1 << 20), { mediaType: 'a/b' });
      await expect(small.write(Buffer.alloc(3 << 20, 1), { mediaType: 'a/b' })).rejects.toMatchObject({
        code: 'DISK_FULL',
        message: expect.stringContaining(disk),
      });
      expect(readdirSync(join(disk, 'ingest'))).toEqual([]);
      expect(await small.has(kept.digest)).toBe(true);
    } finally {
      execFileSync('umount', [disk]);
    }
  },
);

/** Writes half of a blob, and the rest when its input ends. */
const slowWriterProgram = `
import { openLayoutStore } from '${import.meta.dirname}/layout-store.ts';
const store = await openLayoutStore(process.argv[1]);
const pending = await store.begin();
await pending.add(Buffer.alloc(100, 'half'));
process.stdout.write('.');
for await (const _ of process.stdin);
const { digest } = await pending.commit();
process.stdout.write(digest.slice('sha256:'.length));
`;

const writerProgram = `
import { assembleImage } from '${import.meta.dirname}/assemble/assemble-image.ts';
import { openLayoutStore } from '${import.meta.dirname}/layout-store.ts';
const store = await openLayoutStore(process.argv[1]);
for (let n = 0; ; n += 1) {
  const label = String(Math.random());
  await store.write(Buffer.alloc(200_000, label), { mediaType: 'a/b' });
  const image = await assembleImage(store, { layers: [], config: { Labels: { label } } });
  await store.tag('moving', image.digest);
  process.stdout.write('.');
}
`;

test('kill -9 at any moment leaves whole blobs and a readable index', { timeout: 60_000 }, async () => {
  for (let round = 0; round < 6; round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', writerProgram, store.root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Killed after a different number of written images each time, somewhere inside the next one.
    let seen = 0;
    for await (const chunk of child.stdout) {
      seen += (chunk as Buffer).byteLength;
      if (seen > round * 2) break;
    }
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const reopened = await openLayoutStore(store.root, { wipe: true });
    for (const name of readdirSync(join(store.root, 'blobs', 'sha256'))) {
      const bytes = readFileSync(join(store.root, 'blobs', 'sha256', name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(name);
    }
    const [tag] = await reopened.tags();
    expect(await reopened.resolve('moving')).toBe(tag?.history.at(-1)?.digest);
  }
});
