import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestHex, type Digest } from '@galley/api/digest';
import { createMemoryEngine } from '@galley/engine/memory/memory-engine';
import { canonicalJson } from '@galley/image/canonical-json';
import type { Descriptor } from '@galley/image/descriptor';
import { layoutEntries } from '@galley/image/export/oci-layout';
import { writeArchive } from '@galley/image/export/write-archive';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { debianArchitecture } from '../base/base-lock.ts';
import { packRuntime } from '../layers/runtime-layer.ts';
import { buildBundle } from './build-bundle.ts';
import { blobsOf, bundleType, type BundleContents } from './contents.ts';

let root: string;
let theirs: ImageStore;
let ours: ImageStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-bundle-'));
  theirs = await openLayoutStore(join(root, 'theirs'));
  ours = await openLayoutStore(join(root, 'ours'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const hex = (digit: string): string => digit.repeat(64);

/** A bundle's contents with every part that it must have; the parts are blobs of `theirs`. */
async function contents(): Promise<BundleContents> {
  const blob = async (text: string): Promise<Descriptor> =>
    theirs.write(Buffer.from(text), { mediaType: 'application/octet-stream' });
  const layer = async (text: string) => {
    const { digest, size } = await blob(text);
    const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size };
    return { descriptor, diffId: digest, createdBy: 'test', tarBytes: 0 };
  };
  const digest = async (text: string): Promise<Digest> => (await blob(text)).digest;
  const wheel = await blob('wheel');
  const lock = {
    wheels: [
      {
        name: 'demo',
        version: '1',
        filename: 'demo-1-py3-none-any.whl',
        sha256: digestHex(wheel.digest),
        size: wheel.size,
        url: '' as const,
      },
    ],
    serving: ['demo'],
  };
  return {
    schema: 'galley.dev/bundle/v1',
    runtime: (await packRuntime()).sha256,
    architecture: debianArchitecture(),
    name: 'demo',
    options: { notebooks: [], python: '', egressHosts: [] },
    source: { digest: await digest('source'), origin: { text: 'directory' } },
    python: { version: '3.11', from: 'default' },
    base: {
      layer: await layer('base'),
      lockDigest: `sha256:${hex('0')}`,
      suite: 'bookworm',
      python: '3.11',
      pythonFull: '3.11.2',
      interpreter: '/usr/bin/python3.11',
      reproducible: true,
      system: { layers: [], packages: [], notSetUp: [] },
    },
    lock,
    tools: { wheels: [], serving: [] },
    training: {
      key: hex('1'),
      value: {
        layer: await layer('model'),
        report: await digest('report'),
        executedNotebook: await digest('executed'),
        model: await digest('model.json'),
        sampleInfo: null,
        madeFiles: [],
        warnings: [],
        reachedHosts: [],
      },
    },
    rehearsal: {
      key: hex('2'),
      value: {
        layer: await layer('rehearsed'),
        schema: await digest('schema'),
        golden: await digest('golden'),
        modules: [],
        timing: {},
      },
    },
    bytecode: { key: hex('3'), value: await layer('bytecode') },
    expects: { environment: `sha256:${hex('4')}`, image: `sha256:${hex('5')}` },
  };
}

/** Writes such a bundle; `without`: blobs that its manifest does not name; `absent`: blobs that it names and that are not in the file. */
async function write(
  described: unknown,
  parts: BundleContents,
  {
    without = [],
    absent = [],
    type = bundleType.contents,
  }: { without?: readonly Digest[]; absent?: readonly Digest[]; type?: string } = {},
): Promise<string> {
  const config = await theirs.write(Buffer.from(canonicalJson(described)), { mediaType: type });
  const layers = await Promise.all(
    blobsOf(parts)
      .filter(({ digest }) => !without.includes(digest))
      .map(async ({ mediaType, digest }) => ({
        mediaType,
        digest,
        size: (await readFile(theirs.blobPath(digest))).byteLength,
      })),
  );
  const manifest = Buffer.from(canonicalJson({ schemaVersion: 2, config, layers }));
  const top = await theirs.write(manifest, { mediaType: 'application/vnd.oci.image.manifest.v1+json' });
  const blobs = [top, config, ...layers]
    .filter(({ digest }) => !absent.includes(digest))
    .map((one) => ({ ...one, path: theirs.blobPath(one.digest) }));
  const path = join(root, 'x.bundle');
  await rm(path, { force: true });
  await writeArchive(path, layoutEntries(top, 'demo', blobs));
  return path;
}

/** Builds it in a home where nothing can be run: whoever gets so far as to run something fails otherwise. */
async function build(path: string): Promise<unknown> {
  const engine = createMemoryEngine({ root: join(root, 'engine'), programs: {} });
  try {
    return await buildBundle(
      path,
      { project: 'default', reveal: () => '' },
      {
        store: ours,
        engine,
        cacheDir: join(root, 'cache'),
        privateHosts: () => Promise.resolve([]),
        emit: () => undefined,
        signal: new AbortController().signal,
        now: Date.now,
      },
    );
  } finally {
    await engine.close();
  }
}

const refused = { code: 'BUNDLE_INVALID' };

describe('a bundle of a stranger', () => {
  it('that is whole is opened, and what it says is believed for its own build only', async () => {
    const parts = await contents();
    // The source in it is no tar: the first step of the build says so, after everything of the bundle was taken in.
    await expect(build(await write(parts, parts))).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
    const cache = join(root, 'cache');
    expect((await readdir(cache)).sort()).toEqual(['wheel-layers', 'wheels', 'work']);
    expect(await readdir(join(cache, 'work'))).toEqual([]);
    const [wheel] = parts.lock.wheels;
    const laid = join(cache, 'wheels', wheel?.sha256 ?? '', wheel?.filename ?? '');
    expect(await readFile(laid, 'utf8')).toBe('wheel');
  });

  it('is refused when it was cut short, when a byte was changed, and when there is none', async () => {
    const parts = await contents();
    const path = await write(parts, parts);
    const whole = await readFile(path);
    await truncate(path, Math.floor(whole.byteLength / 2));
    await expect(build(path)).rejects.toMatchObject(refused);
    const changed = Buffer.from(whole);
    changed.write('WHEEL', whole.indexOf('wheel\0'));
    await writeFile(path, changed);
    await expect(build(path)).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(/sha256:/),
    });
    await expect(build(join(root, 'none'))).rejects.toMatchObject(refused);
    await writeFile(path, 'no tar at all');
    await expect(build(path)).rejects.toMatchObject(refused);
  });

  it('is refused when it names what it does not bring, although the home has it', async () => {
    const parts = await contents();
    const model = parts.training.value.layer.descriptor.digest;
    await ours.write(await readFile(theirs.blobPath(model)), { mediaType: 'application/octet-stream' });
    for (const how of [{ without: [model] }, { absent: [model] }]) {
      const path = await write(parts, parts, how);
      await expect(build(path)).rejects.toMatchObject({
        ...refused,
        message: expect.stringContaining(model),
      });
    }
  });

  it('is refused when a layer does not hold what it says, which may be what another project has', async () => {
    const parts = await contents();
    const { layer } = parts.training.value;
    const training = {
      ...parts.training,
      value: { ...parts.training.value, layer: { ...layer, diffId: `sha256:${hex('6')}` as const } },
    };
    const path = await write({ ...parts, training }, parts);
    await expect(build(path)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('does not hold what it says'),
    });
    const gzip = { ...layer.descriptor, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' };
    const broken = { ...training, value: { ...training.value, layer: { ...layer, descriptor: gzip } } };
    await expect(build(await write({ ...parts, training: broken }, parts))).rejects.toMatchObject(refused);
  });

  it.each([
    ['a wheel whose name leaves the cache', '/lock/wheels/0/filename', '../../demo-1-py3-none-any.whl'],
    ['a digest that is a path', '/training/value/report', 'sha256:../../owner.lock'],
    ['a name that is no DNS label', '/name', 'a/b'],
    ['an interpreter that is no path', '/base/interpreter', '/usr/bin/python\nhome = /'],
    ['an address of an index', '/lock/wheels/0/url', 'https://user:secret@index.example/'],
    ['another schema', '/schema', 'galley.dev/bundle/v2'],
  ])('is refused with %s', async (_, pointer, value) => {
    const parts = await contents();
    const forged = structuredClone(parts) as unknown as Record<string, unknown>;
    const steps = pointer.split('/').slice(1);
    const last = steps.pop() ?? '';
    const parent = steps.reduce<Record<string, unknown>>((at, step) => at[step] as typeof at, forged);
    parent[last] = value;
    const path = await write(forged, parts);
    await expect(build(path)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining(pointer),
    });
  });

  it('that is an image, for another processor or of another Galley is told from one that is broken', async () => {
    const parts = await contents();
    const image = await write({}, parts, { type: 'application/vnd.oci.image.config.v1+json' });
    await expect(build(image)).rejects.toThrow(/it holds an image/);
    const other = { ...parts, architecture: 'riscv64' };
    await expect(build(await write(other, parts))).rejects.toMatchObject({ code: 'BUNDLE_UNUSABLE' });
    const older = { ...parts, runtime: hex('f') };
    await expect(build(await write(older, parts))).rejects.toThrow(/another version of Galley/);
  });
});
