import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleImage } from '../assemble/assemble-image.ts';
import { readImage } from '../assemble/read-image.ts';
import type { Image } from '../image.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry, symlinkEntry } from '../tar/entry.ts';
import { validateImage } from '../validate/validate-image.ts';
import { makeWheel } from '../wheel/fixtures/make-wheel.ts';
import { venvEntries } from '../wheel/venv-entries.ts';
import { wheelLayers } from '../wheel/wheel-layers.ts';
import { exportImage } from './export-image.ts';

let folder: string;
let store: ImageStore;
let image: Image;

/** Other implementations are the judges here; where one is not installed its tests are skipped and say so. */
const has = (tool: string): boolean => spawnSync(tool, ['--version']).error === undefined;
const environment = { prefix: '/opt/galley/env', pythonVersion: '3.11' };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-export-'));
  store = await openLayoutStore(join(folder, 'store'));
  const wheel = makeWheel(folder, {
    name: 'demo',
    files: { 'demo/__init__.py': 'x = 1\n', [`demo/${'d/'.repeat(60)}é.txt`]: 'deep\n' },
    entryPoints: '[console_scripts]\ndemo = demo:main\n',
  });
  const wheels = await wheelLayers(store, [wheel], {
    ...environment,
    cacheDir: join(folder, 'cache'),
    createdBy: 'wheels',
  });
  const venv = await buildLayer(store, venvEntries(environment, '/usr/bin/python3.11'), {
    createdBy: 'venv',
  });
  const code = await buildLayer(
    store,
    [fileEntry('home/galley/app/a.py', 'a = 1\n'), symlinkEntry('home/galley/app/l', 'a.py')],
    {
      createdBy: 'code',
    },
  );
  const config = { Cmd: ['serve'], Env: ['PORT=8080'], User: '1000:0', ExposedPorts: { '8080/tcp': {} } };
  image = await assembleImage(store, { layers: [venv, ...wheels, code, code], config });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function skopeo(...args: string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8' });
}

test('an exported layout is a store of its own, and valid', async () => {
  const path = join(folder, 'layout');
  await exportImage(store, image, { format: 'oci', path, name: 'demo:latest' });
  const other = await openLayoutStore(path);
  expect(await other.resolve('demo:latest')).toBe(image.digest);
  expect(await readImage(other, image.digest)).toEqual(await readImage(store, image.digest));
  expect(await validateImage(other, image.digest)).toMatchObject({ valid: true, findings: [] });
});

test('an export never writes over anything, and a failed one leaves nothing', async () => {
  const path = join(folder, 'taken');
  writeFileSync(path, 'mine');
  const options = { format: 'docker-archive', path, name: 'demo' } as const;
  await expect(exportImage(store, image, options)).rejects.toMatchObject({ code: 'EXPORT_EXISTS' });
  expect(readFileSync(path, 'utf8')).toBe('mine');
  mkdirSync(join(folder, 'aborted'));
  const signal = AbortSignal.abort(new Error('stop'));
  for (const format of ['oci', 'oci-archive', 'docker-archive'] as const) {
    const aborted = exportImage(store, image, {
      format,
      path: join(folder, 'aborted', 'x'),
      name: 'demo',
      signal,
    });
    await expect(aborted).rejects.toThrow('stop');
  }
  expect(readdirSync(join(folder, 'aborted'))).toEqual([]);
});

test.skipIf(!has('skopeo'))(
  'skopeo reads the store and keeps every digest (skipped without skopeo)',
  async () => {
    await store.tag('demo:latest', image.digest);
    const target = join(folder, 'dir');
    skopeo('copy', `oci:${store.root}:demo:latest`, `dir:${target}`);
    expect(readFileSync(join(target, 'manifest.json'))).toEqual(readFileSync(store.blobPath(image.digest)));
    const inspected = JSON.parse(skopeo('inspect', `oci:${store.root}:demo:latest`));
    expect(inspected).toMatchObject({ Digest: image.digest, Env: ['PORT=8080'] });
  },
);

test.skipIf(!has('skopeo'))(
  'skopeo converts to Docker and back and the tars stay the same (skipped without skopeo)',
  () => {
    const archive = join(folder, 'by-skopeo.tar');
    skopeo('copy', `oci:${store.root}:demo:latest`, `docker-archive:${archive}:demo:latest`);
    const inspected = JSON.parse(skopeo('inspect', '--config', `docker-archive:${archive}`));
    expect(inspected.rootfs.diff_ids).toEqual(image.config.rootfs.diff_ids);
  },
);

test.skipIf(!has('skopeo'))('our own archives are read by skopeo (skipped without skopeo)', async () => {
  for (const format of ['docker-archive', 'oci-archive'] as const) {
    const path = join(folder, `ours.${format}.tar`);
    await exportImage(store, image, { format, path, name: 'demo' });
    const name = format === 'oci-archive' ? ':demo' : '';
    const config = JSON.parse(skopeo('inspect', '--config', `${format}:${path}${name}`));
    expect(config).toMatchObject({
      config: { Cmd: ['serve'] },
      rootfs: { diff_ids: image.config.rootfs.diff_ids },
    });
    // Copying makes skopeo read and verify every layer.
    skopeo('copy', `${format}:${path}${name}`, `dir:${join(folder, `copied-${format}`)}`);
  }
});

test.skipIf(!has('umoci') || process.getuid?.() !== 0)(
  'umoci unpacks the image to the same files (skipped without umoci or root)',
  async () => {
    await store.tag('demo:latest', image.digest);
    const bundle = join(folder, 'bundle');
    execFileSync('umoci', ['unpack', '--image', `${store.root}:demo:latest`, bundle], { stdio: 'pipe' });
    const root = join(bundle, 'rootfs');
    expect(readFileSync(join(root, 'home/galley/app/a.py'), 'utf8')).toBe('a = 1\n');
    expect(lstatSync(join(root, 'opt/galley/env/bin/python')).isSymbolicLink()).toBe(true);
    const site = join(root, 'opt/galley/env/lib64/python3.11/site-packages');
    expect(readFileSync(join(site, `demo/${'d/'.repeat(60)}é.txt`), 'utf8')).toBe('deep\n');
    expect(lstatSync(join(root, 'opt/galley/env/bin/demo')).mode & 0o777).toBe(0o755);
    expect(existsSync(join(site, 'demo-1.0.dist-info/RECORD'))).toBe(true);
  },
);
