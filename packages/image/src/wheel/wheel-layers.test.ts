import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLayoutStore } from '../layout-store.ts';
import { openLayer } from '../layer/open-layer.ts';
import type { ImageStore } from '../store.ts';
import type { TarEntry } from '../tar/entry.ts';
import { readTar } from '../tar/read-tar.ts';
import { makeWheel } from './fixtures/make-wheel.ts';
import { parseRecord } from './record.ts';
import { wheelLayer, wheelLayers, type WheelLayer } from './wheel-layers.ts';

const environment = { prefix: '/opt/galley/env', pythonVersion: '3.11' };
const site = 'opt/galley/env/lib/python3.11/site-packages';

let folder: string;
let store: ImageStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-wheels-'));
  store = await openLayoutStore(join(folder, 'store'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function options(): { prefix: string; pythonVersion: string; cacheDir: string; createdBy: string } {
  return { ...environment, cacheDir: join(folder, 'cache'), createdBy: 'wheels:' };
}

async function contents(layer: WheelLayer): Promise<Map<string, { entry: TarEntry; text: string }>> {
  const files = new Map<string, { entry: TarEntry; text: string }>();
  for await (const entry of readTar(openLayer(store, layer.descriptor), {
    entriesMax: 1000,
    bytesMax: 2 ** 30,
  })) {
    const chunks: Uint8Array[] = [];
    const content = entry.content?.() ?? Buffer.alloc(0);
    if (Buffer.isBuffer(content)) chunks.push(content);
    else for await (const chunk of content) chunks.push(chunk);
    files.set(entry.path, { entry, text: Buffer.concat(chunks).toString('utf8') });
  }
  return files;
}

function pinnedWheel(): ReturnType<typeof makeWheel> {
  return makeWheel(folder, {
    name: 'demo',
    files: [
      { name: 'demo/__init__.py', content: 'x = 1\n'.repeat(100) },
      { name: 'demo/empty.py', content: '' },
      { name: 'demo/stored.bin', content: Buffer.from('stored bytes '.repeat(50)), stored: true },
      { name: 'demo/tool.sh', content: '#!/bin/sh\n', mode: 0o100755 },
      { name: 'demo/Grüße.txt', content: 'hallo\n' },
      { name: `demo/${'long/'.repeat(40)}name.py`, content: 'deep = True\n' },
      { name: 'demo-1.0.data/data/share/jupyter/kernel.json', content: '{}\n' },
      { name: 'demo-1.0.data/scripts/demo-run', content: '#!python\nprint(1)\n' },
      { name: 'demo-1.0.data/headers/demo.h', content: '#define DEMO 1\n' },
    ],
    entryPoints: '[console_scripts]\ndemo = demo.cli:main\n',
  });
}

test('a wheel gives the same layer byte for byte, today and on every machine', async () => {
  const layer = await wheelLayer(store, [pinnedWheel()], options());
  expect({
    diffId: layer.diffId,
    tarBytes: layer.tarBytes,
    createdBy: layer.createdBy,
  }).toMatchInlineSnapshot(`
    {
      "createdBy": "wheels: demo 1.0",
      "diffId": "sha256:e1af09453edbc419855a6fd55c6fefa2ad2100bc7f0946438bbda1696ac9f5a9",
      "tarBytes": 48128,
    }
  `);
});

test('a wheel is laid out as an installer lays it out', async () => {
  const files = await contents(await wheelLayer(store, [pinnedWheel()], options()));
  expect(files.get(`${site}/demo/__init__.py`)?.text).toBe('x = 1\n'.repeat(100));
  expect(files.get(`${site}/demo/stored.bin`)?.text).toBe('stored bytes '.repeat(50));
  expect(files.get(`${site}/demo/Grüße.txt`)?.text).toBe('hallo\n');
  expect(files.get(`${site}/demo/${'long/'.repeat(40)}name.py`)?.text).toBe('deep = True\n');
  expect(files.get(`${site}/demo/tool.sh`)?.entry.mode).toBe(0o755);
  expect(files.get(`${site}/demo/empty.py`)?.entry).toMatchObject({
    size: 0,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1,
  });
  expect(files.get('opt/galley/env/share/jupyter/kernel.json')?.text).toBe('{}\n');
  expect(files.get('opt/galley/env/include/site/python3.11/demo/demo.h')?.text).toContain('DEMO');
  expect(files.get('opt/galley/env/bin/demo-run')).toMatchObject({
    text: '#!/opt/galley/env/bin/python\nprint(1)\n',
    entry: { mode: 0o755 },
  });
  expect(files.get('opt/galley/env/bin/demo')?.text).toContain('from demo.cli import main');
  expect(files.get(`${site}/demo-1.0.dist-info/INSTALLER`)?.text).toBe('galley\n');
  const record = files.get(`${site}/demo-1.0.dist-info/RECORD`)?.text ?? '';
  expect(record).toContain('../../../bin/demo,sha256=');
  expect(record).toContain('../../../share/jupyter/kernel.json,sha256=');
  expect(record).toContain('demo-1.0.dist-info/RECORD,,\n');
});

test('every path comes once, sorted by its bytes, after its directory', async () => {
  const two = makeWheel(folder, { name: 'other', files: { 'ns/other.py': 'o = 1\n', 'demo_x.py': '' } });
  const files = await contents(await wheelLayer(store, [pinnedWheel(), two], options()));
  const paths = [...files.keys()];
  expect(paths).toEqual(paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  const orphans = paths.filter((path) => {
    const slash = path.lastIndexOf('/');
    return slash !== -1 && files.get(path.slice(0, slash))?.entry.type !== 'directory';
  });
  expect(orphans).toEqual([]);
});

test('the tar inside is what gzip and Python read too, and its digest is the diff id', async () => {
  const layer = await wheelLayer(store, [pinnedWheel()], options());
  const blob = store.blobPath(layer.descriptor.digest);
  const digest = execFileSync('sh', ['-c', `gzip -dc "$1" | sha256sum`, 'sh', blob], { encoding: 'utf8' });
  expect(`sha256:${digest.slice(0, 64)}`).toBe(layer.diffId);
  const program = `
import json, sys, tarfile
with tarfile.open(sys.argv[1], 'r:gz') as tar:
    print(json.dumps({m.name: tar.extractfile(m).read().decode() for m in tar if m.isfile()}))
`;
  const python = JSON.parse(execFileSync('python3', ['-c', program, blob], { encoding: 'utf8' }));
  const ours = [...(await contents(layer))].filter(([, file]) => file.entry.type === 'file');
  expect(python).toEqual(Object.fromEntries(ours.map(([path, file]) => [path, file.text])));
});

test('an installed wheel runs: its launcher imports the package that lies beside it', async () => {
  const wheel = makeWheel(folder, {
    name: 'hello',
    files: {
      'hello/__init__.py': '',
      'hello/cli.py': 'def main():\n    print("hello from a layer")\n    return 3\n',
    },
    entryPoints: '[console_scripts]\nhello = hello.cli:main\n',
  });
  const layer = await wheelLayer(store, [wheel], options());
  const root = join(folder, 'root');
  execFileSync('mkdir', [root]);
  execFileSync('tar', ['-xzf', store.blobPath(layer.descriptor.digest), '-C', root]);
  const run = spawnSync('python3', [join(root, 'opt/galley/env/bin/hello')], {
    env: { PATH: process.env['PATH'], PYTHONPATH: join(root, site) },
    encoding: 'utf8',
  });
  expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 3, stdout: 'hello from a layer\n' });
});

test('a known set of wheels is looked up, also when the wheels are gone', async () => {
  const wheel = pinnedWheel();
  const first = await wheelLayers(store, [wheel], options());
  writeFileSync(wheel.path, '');
  const second = await wheelLayers(store, [wheel], options());
  expect(first.map((layer) => layer.cached)).toEqual([false]);
  expect(second.map((layer) => layer.cached)).toEqual([true]);
  expect(second[0]?.descriptor).toEqual(first[0]?.descriptor);
  rmSync(store.blobPath(second[0]?.descriptor.digest ?? 'sha256:'));
  await expect(wheelLayers(store, [wheel], options())).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
});

test('threads and the calling thread stitch the same layers', async () => {
  const wheels = [1, 2, 3].map((number) => {
    const noise = randomBytes(3 << 19);
    return makeWheel(folder, { name: `big${number}`, files: { [`big${number}/data.bin`]: noise } });
  });
  const layers = await wheelLayers(store, wheels, options());
  expect(layers.map((layer) => layer.packages)).toEqual([['big1 1.0'], ['big2 1.0'], ['big3 1.0']]);
  const direct = { ...options(), cacheDir: join(folder, 'cache-2') };
  for (const [index, wheel] of wheels.entries()) {
    expect((await wheelLayer(store, [wheel], direct)).descriptor).toEqual(layers[index]?.descriptor);
  }
});

test('the parts of a large wheel are its files, each once, whoever stitches them', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`big/${index % 5}/f${index}.bin`, randomBytes(100_000)]),
  );
  const wheel = makeWheel(folder, { name: 'big', files });
  const whole = await wheelLayer(store, [wheel], options());
  const parts = await wheelLayers(store, [wheel], { ...options(), partBytes: 1 << 20 });
  expect(parts.length).toBeGreaterThan(3);
  const paths = async (layer: WheelLayer): Promise<readonly string[]> =>
    [...(await contents(layer))].flatMap(([path, { entry }]) => (entry.type === 'file' ? [path] : []));
  const all = (await Promise.all(parts.map(paths))).flat();
  expect(all.toSorted()).toEqual((await paths(whole)).toSorted());
  for (const part of parts) expect(part.descriptor.size).toBeLessThan(1.3 * (1 << 20));
  // Alone in a thread or beside others, today or tomorrow: the same bytes.
  const again = { ...options(), cacheDir: join(folder, 'cache-2'), partBytes: 1 << 20, threads: 1 };
  const others = await wheelLayers(store, [wheel, makeWheel(folder, { name: 'x', files: {} })], again);
  expect(others.slice(0, parts.length).map(({ diffId }) => diffId)).toEqual(
    parts.map(({ diffId }) => diffId),
  );
});

test('an abort in the middle of a layer leaves nothing half-written', async () => {
  // Stored in the zip, so that it must be compressed: long enough to be caught in the middle.
  const files = [{ name: 'big/data.bin', content: randomBytes(12 << 20), stored: true }];
  const wheel = makeWheel(folder, { name: 'big', files });
  const stop = new AbortController();
  const work = wheelLayers(store, [wheel], { ...options(), signal: stop.signal });
  const ingest = join(store.root, 'ingest');
  await expect.poll(() => readdirSync(ingest).length, { timeout: 20_000, interval: 5 }).toBe(1);
  stop.abort(new Error('enough'));
  await expect(work).rejects.toThrow('enough');
  expect(readdirSync(ingest)).toEqual([]);
  expect(readdirSync(join(store.root, 'blobs', 'sha256'))).toEqual([]);
});

test('files too large to hold are streamed, deflated and stored ones alike', async () => {
  const block = randomBytes(1 << 20);
  const content = Buffer.concat(Array.from({ length: 9 }, () => block));
  const wheel = makeWheel(folder, {
    name: 'huge',
    files: [
      { name: 'huge/deflated.bin', content },
      { name: 'huge/stored.bin', content, stored: true },
    ],
  });
  const layer = await wheelLayer(store, [wheel], options());
  const blob = store.blobPath(layer.descriptor.digest);
  const digest = execFileSync('sh', ['-c', `gzip -dc "$1" | sha256sum`, 'sh', blob], { encoding: 'utf8' });
  expect(`sha256:${digest.slice(0, 64)}`).toBe(layer.diffId);
  const record = parseRecord((await contents(layer)).get(`${site}/huge-1.0.dist-info/RECORD`)?.text ?? '');
  const hash = createHash('sha256').update(content).digest('base64url');
  expect(record.get('huge/deflated.bin')?.hash).toBe(`sha256=${hash}`);
});

test('two packages with different files at one path are refused, equal files are kept once', async () => {
  const first = makeWheel(folder, { name: 'first', files: { 'ns/a.py': 'a\n', 'tests/__init__.py': '' } });
  const second = makeWheel(folder, { name: 'second', files: { 'ns/b.py': 'b\n', 'tests/__init__.py': '' } });
  const third = makeWheel(folder, { name: 'third', files: { 'ns/a.py': 'other\n' } });
  const layer = await wheelLayer(store, [first, second], options());
  expect([...(await contents(layer)).keys()]).toContain(`${site}/tests/__init__.py`);
  const clash = { code: 'WHEEL_INVALID', message: expect.stringContaining('both bring') };
  await expect(wheelLayer(store, [first, third], options())).rejects.toMatchObject(clash);
  await expect(wheelLayers(store, [first, third], options())).rejects.toMatchObject(clash);
});

test('a file where another package has a directory is refused', async () => {
  const first = makeWheel(folder, { name: 'first', files: { 'thing/a.py': 'a\n' } });
  const second = makeWheel(folder, { name: 'second', files: { thing: 'a file\n' } });
  for (const wheels of [
    [first, second],
    [second, first],
  ]) {
    await expect(wheelLayer(store, wheels, options())).rejects.toMatchObject({ code: 'WHEEL_INVALID' });
  }
});

test('a wheel that is not the one in the lock is refused', async () => {
  const wheel = pinnedWheel();
  const altered = readFileSync(wheel.path);
  altered[100] = (altered[100] ?? 0) ^ 1;
  writeFileSync(wheel.path, altered);
  await expect(wheelLayer(store, [wheel], options())).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
});
