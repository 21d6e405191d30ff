import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildResult } from '@galley/build/build';
import { readImage } from '@galley/image/assemble/read-image';
import { validateImage } from '@galley/image/validate/validate-image';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBuildHome, type BuildHome } from './build-home.ts';

/** A repository with nothing of Galley's in it, from its files to a service image: real base, real resolver, real containers. */
const iris = fileURLToPath(new URL('../../examples/iris', import.meta.url));

describe('building examples/iris', () => {
  let home: BuildHome;
  let first: BuildResult;
  beforeAll(async () => {
    home = await openBuildHome();
    first = await home.build(iris, { name: 'iris' });
  }, 400_000);
  afterAll(() => home.dispose());

  const skipped = (result: BuildResult): readonly string[] =>
    result.phases.filter(({ state }) => state === 'skipped').map(({ phase }) => phase);
  const layers = (result: BuildResult, role: string): readonly string[] =>
    result.layers.filter((layer) => layer.role === role).map(({ digest }) => digest);

  it('makes a valid image that says what it is made of', async () => {
    const image = await readImage(home.store, first.image);
    expect(image.config.config).toMatchObject({
      User: '1001:0',
      WorkingDir: '/home/galley/app',
      Entrypoint: ['/opt/galley/runtime/bin/galley-runtime'],
      Cmd: ['serve'],
      Labels: {
        'dev.galley.kind': 'service',
        'dev.galley.source': first.sourceDigest,
        'dev.galley.lock': first.lockDigest,
        'dev.galley.candidate': first.candidate,
        'dev.galley.training-key': first.trainingKey,
      },
    });
    expect(await validateImage(home.store, first.image)).toMatchObject({ valid: true });
  });

  it('is the candidate with bytecode and rehearsal on top, and carries no notebook tools', async () => {
    const [service, candidate, environment] = await Promise.all(
      [first.image, first.candidate, first.environment].map((digest) => readImage(home.store, digest)),
    );
    const digests = (image: typeof service): readonly string[] =>
      image?.layers.map(({ descriptor }) => descriptor.digest) ?? [];
    expect(digests(service).slice(0, -2)).toEqual(digests(candidate));
    expect(digests(service).slice(-2)).toEqual([...layers(first, 'bytecode'), ...layers(first, 'rehearsed')]);
    for (const tools of layers(first, 'tools')) {
      expect(digests(environment)).toContain(tools);
      expect(digests(service)).not.toContain(tools);
    }
  });

  it('records a line for each cell, a reference, a schema and golden answers', async () => {
    const report = (await home.store.readJson(first.report)) as readonly { cell: number; state: string }[];
    expect(report.filter(({ state }) => state === 'done').map(({ cell }) => cell)).toEqual([1, 2, 3, 4]);
    expect(await home.store.readJson(first.model)).toMatchObject({
      predictor: { kind: 'estimator' },
      callForm: 'frame',
    });
    expect(await home.store.readJson(first.schema)).toMatchObject({ schema: 'galley.dev/schema/v1' });
    expect(first.reference).toBeDefined();
  });

  it('puts no address of an index and no path of this machine into the image', async () => {
    const image = await readImage(home.store, first.image);
    const written = JSON.stringify([image.manifest, image.config]);
    expect(written).not.toMatch(/https?:\/\//);
    expect(written).not.toContain(home.root);
  });

  it('does nothing again when nothing changed', async () => {
    const again = await home.build(iris, { name: 'iris' });
    expect(again.image).toBe(first.image);
    expect(skipped(again)).toEqual(
      expect.arrayContaining(['base', 'lock', 'layers', 'environment', 'training', 'rehearsal', 'service']),
    );
  });

  it('makes only code, model and rehearsal anew when a cell was edited', { timeout: 120_000 }, async () => {
    const copy = await mkdtemp(join(tmpdir(), 'galley-iris-'));
    await cp(iris, copy, { recursive: true });
    const notebook = join(copy, 'iris.ipynb');
    await writeFile(
      notebook,
      (await readFile(notebook, 'utf8')).replace('LogisticRegression()', 'LogisticRegression(C=0.3)'),
    );
    const edited = await home.build(copy, { name: 'iris' });
    await rm(copy, { recursive: true });
    expect(edited.layers.filter(({ cached }) => !cached).map(({ role }) => role)).toEqual([
      'code',
      'model',
      'rehearsed',
    ]);
    expect(edited.image).not.toBe(first.image);
    expect(skipped(edited)).toEqual(expect.arrayContaining(['base', 'lock', 'layers']));
  });

  it('leaves no workload', async () => {
    expect(await home.engine.list()).toEqual([]);
  });
});
