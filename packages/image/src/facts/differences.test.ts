import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleImage } from '../assemble/assemble-image.ts';
import type { Layer } from '../descriptor.ts';
import type { Image } from '../image.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry, symlinkEntry, type TarEntry } from '../tar/entry.ts';
import { makeWheel } from '../wheel/fixtures/make-wheel.ts';
import { wheelLayers } from '../wheel/wheel-layers.ts';
import { diffImages } from './diff-images.ts';
import { explainLayers } from './explain-layers.ts';
import { readContents } from './packages.ts';
import { why } from './why.ts';

let folder: string;
let store: ImageStore;
let before: Image;
let after: Image;
const site = 'opt/galley/env/lib/python3.11/site-packages';

async function wheels(version: string, more: readonly string[] = []): Promise<readonly Layer[]> {
  const files = [
    makeWheel(folder, {
      name: 'demo',
      version,
      files: { 'demo/__init__.py': `v = "${version}"\n`, 'demo/same.py': 'same\n' },
    }),
    ...more.map((name) => makeWheel(folder, { name, files: { [`${name}/__init__.py`]: 'x\n' } })),
  ];
  return wheelLayers(store, files, {
    prefix: '/opt/galley/env',
    pythonVersion: '3.11',
    cacheDir: join(folder, 'cache'),
    createdBy: 'galley dependencies',
  });
}

const layer = (createdBy: string, entries: readonly TarEntry[]): Promise<Layer> =>
  buildLayer(store, entries, { createdBy });
const status = (version: string): string =>
  `Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\nVersion: ${version}\nInstalled-Size: 12\nDescription: GNU C Library\n shared libraries\nHomepage: https://www.gnu.org/software/libc/\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-differences-'));
  store = await openLayoutStore(join(folder, 'store'), { now: () => 0 });
  const runtime = await layer('galley runtime', [fileEntry('opt/galley/runtime/x.py', 'x')]);
  before = await assembleImage(store, {
    layers: [
      await layer('galley base bookworm (1 packages)', [
        fileEntry('var/lib/dpkg/status', status('2.36-9')),
        fileEntry('etc/mode', 'm'),
        fileEntry('etc/gone', '12345'),
        symlinkEntry('etc/link', 'a'),
      ]),
      ...(await wheels('1.0')),
      runtime,
      await layer('galley code', [
        fileEntry('home/galley/app/a.py', 'a = 1\n'),
        fileEntry('home/galley/app/b.py', 'b\n'),
      ]),
    ],
    config: {
      Cmd: ['serve'],
      Env: ['A=1'],
      Labels: {
        'dev.galley.source': `sha256:${'1'.repeat(64)}`,
        'dev.galley.base': 'x',
        'dev.galley.lock': 'l1',
      },
    },
    architecture: 'amd64',
  });
  after = await assembleImage(store, {
    layers: [
      await layer('galley base bookworm (1 packages)', [
        fileEntry('var/lib/dpkg/status', status('2.36-10')),
        fileEntry('usr/lib/os-release', 'PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID="12"\n'),
        fileEntry('etc/mode', 'm', 0o600),
        symlinkEntry('etc/link', 'b'),
      ]),
      ...(await wheels('1.1', ['extra'])),
      runtime,
      await layer('galley code', [
        fileEntry('home/galley/app/a.py', 'a = 2\n'),
        fileEntry('home/galley/app/b.py', 'b\n'),
      ]),
    ],
    config: {
      Cmd: ['serve'],
      Env: ['A=2'],
      Labels: {
        'dev.galley.source': `sha256:${'2'.repeat(64)}`,
        'dev.galley.base': 'y',
        'dev.galley.lock': 'l2',
      },
    },
    architecture: 'amd64',
  });
  await store.tag('demo:latest', before.digest);
  await store.tag('demo:latest', after.digest);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('packages of Debian and of Python are listed with version, size, source and layer; removed ones are not', async () => {
  const contents = await readContents(store, after);
  expect(contents.distribution).toEqual({ id: 'debian', version: '12', name: 'Debian 12' });
  expect(contents.packages).toMatchObject([
    {
      ecosystem: 'debian',
      name: 'libc6',
      version: '2.36-10',
      sizeBytes: 12 * 1024,
      architecture: 'amd64',
      source: 'glibc',
      summary: 'GNU C Library',
      homepage: 'https://www.gnu.org/software/libc/',
      layer: after.layers[0]?.descriptor.digest,
    },
    { ecosystem: 'python', name: 'demo', version: '1.1', path: `${site}/demo-1.1.dist-info` },
    { ecosystem: 'python', name: 'extra', version: '1.0' },
  ]);
});

test('two images differ by packages, by files and by configuration, and contents of one size are looked at', async () => {
  const difference = await diffImages(store, before, after);
  expect(difference.packages).toMatchObject([
    { name: 'libc6', before: '2.36-9', after: '2.36-10' },
    { name: 'demo', before: '1.0', after: '1.1', bytes: 0 },
    { name: 'extra', before: undefined, after: '1.0' },
  ]);
  const files = Object.fromEntries(
    difference.files.map((one) => [one.path, [one.change, ...one.what, one.bytes]]),
  );
  expect(files).toMatchObject({
    'etc/gone': ['removed', -5],
    'etc/link': ['changed', 'target', 0],
    'etc/mode': ['changed', 'mode', 0],
    'home/galley/app/a.py': ['changed', 'content', 0],
    'var/lib/dpkg/status': ['changed', 'content', 1],
    [`${site}/demo/__init__.py`]: ['changed', 'content', 0],
    [`${site}/extra/__init__.py`]: ['added', 2],
  });
  for (const path of ['home/galley/app/b.py', `${site}/demo/same.py`, 'opt/galley/runtime/x.py'])
    expect(files).not.toHaveProperty([path]);
  expect(difference.configuration.map(({ name }) => name)).toEqual([
    'Env A',
    'Label dev.galley.base',
    'Label dev.galley.lock',
    'Label dev.galley.source',
  ]);
  expect(difference.after).toMatchObject({ layers: after.layers.length, ownLayers: after.layers.length - 1 });
  expect(await diffImages(store, after, after)).toMatchObject({ packages: [], files: [], configuration: [] });
});

test('each layer says what it is of and why it is not the one before', async () => {
  const report = await explainLayers(store, after, 'demo');
  expect(report.previous).toBe(before.digest);
  const reasons = Object.fromEntries(report.layers.map((one) => [`${one.role} ${one.from}`, one.reason]));
  expect(reasons).toMatchObject({
    'base bookworm (1 packages)': 'the list of Debian packages changed, from x to y',
    "runtime Galley's own runtime": 'unchanged',
    'code the source 222222222222': 'the source changed, from 111111111111 to 222222222222',
  });
  expect(Object.values(reasons).join('; ')).toContain('demo 1.0 → 1.1');
  expect(Object.values(reasons).join('; ')).toContain('extra 1.0 is new');
});

test('without an image before, the report says why there is nothing to compare', async () => {
  const alone = await assembleImage(store, { layers: [], config: { Cmd: ['alone'] } });
  expect((await explainLayers(store, alone)).note).toContain('No tag');
  await store.tag('alone:latest', alone.digest);
  expect((await explainLayers(store, alone, 'alone')).note).toContain('first image that alone:latest named');
  await store.tag('alone:latest', after.digest);
  rmSync(store.blobPath(alone.digest));
  expect((await explainLayers(store, after, 'alone')).note).toContain('is gone');
});

test('a file of a package names it, a compiled file too, one of nobody does not', async () => {
  const owner = async (path: string): Promise<string | undefined> =>
    (await why(store, after, path)).mentions[0]?.package;
  expect(await owner(`/${site}/demo/same.py`)).toBe('demo 1.1');
  expect(await owner(`/${site}/demo-1.1.dist-info/METADATA`)).toBe('demo 1.1');
  expect(await owner('/home/galley/app/a.py')).toBeUndefined();
});

test('a file that an upper layer removes, hides with its folder, or removes with its folder is not there', async () => {
  const bottom = await layer('below', [fileEntry('a/b/c', 'x')]);
  const removals = [
    { path: 'a/b/c', opaque: false },
    { path: 'a', opaque: false },
    { path: 'a', opaque: true },
    { path: '', opaque: true },
  ];
  for (const removal of removals) {
    const top = await buildLayer(store, [], { createdBy: 'above', whiteouts: [removal] });
    const image = await assembleImage(store, { layers: [bottom, top], config: {} });
    expect(await why(store, image, '/a/b/c')).toMatchObject({
      present: false,
      mentions: [{ layer: 1, action: removal.opaque ? 'hides' : 'removes' }],
    });
    // Of a name that only begins alike nothing is said.
    expect((await why(store, image, '/ab')).mentions).toHaveLength(removal.path === '' ? 1 : 0);
  }
});
