import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImage } from '@galley/image/assemble/read-image';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture, openBuildHome, type BuildHome } from './build-home.ts';

/** Ways of describing an environment that take a workload, Debian's mirror or another base: built, run and served for real. */
let home: BuildHome;
const root = await mkdtemp(join(tmpdir(), 'galley-recipes-'));
beforeAll(async () => {
  home = await openBuildHome();
});
afterAll(async () => {
  await home.dispose();
  await rm(root, { recursive: true });
});

test(
  'a repository that installs itself and a project beside it is built by their own back ends, into one layer',
  { timeout: 600_000 },
  async () => {
    const path = join(root, 'itself');
    await cp(fixture('installs-itself'), path, { recursive: true });
    const first = await home.build(path);
    const project = first.layers.find(({ role }) => role === 'project');
    expect(project?.from).toBe('Greet-Lib 1.2, helper 0.1');

    // What the project's build does not get to see, does not build it anew.
    await writeFile(join(path, 'notes.md'), 'not of the notebook\n');
    const other = await home.build(path, { name: 'other' });
    expect(other.layers.filter(({ role }) => role === 'dependencies')).toEqual(
      first.layers.filter(({ role }) => role === 'dependencies').map((layer) => ({ ...layer, cached: true })),
    );
  },
);

test(
  'Debian packages of apt.txt are there in the notebook and in the service',
  { timeout: 600_000 },
  async () => {
    const result = await home.build(fixture('asks-for-debian'));
    const system = result.layers.filter(({ role }) => role === 'system');
    expect(system).toHaveLength(2);
    expect(system[0]?.from).toContain('liblapack3');
    expect(result.warnings).toEqual([]);
    const again = await home.build(fixture('asks-for-debian'));
    expect(again.phases.find(({ phase }) => phase === 'system')?.state).toBe('skipped');
    expect(again.image).toBe(result.image);

    const path = join(root, 'unknown');
    await cp(fixture('asks-for-debian'), path, { recursive: true });
    await writeFile(join(path, 'apt.txt'), 'no-such-package-in-debian\n');
    await expect(home.build(path)).rejects.toMatchObject({
      code: 'APT_PACKAGE_UNKNOWN',
      details: { package: 'no-such-package-in-debian', suite: 'bookworm' },
    });
  },
);

test(
  'postBuild, variables of .s2i/environment and .dockerignore have their say, and nothing of it is done twice',
  { timeout: 600_000 },
  async () => {
    const first = await home.build(fixture('sets-itself-up'));
    expect(first.layers.filter(({ from }) => from === 'binder/postBuild').map(({ role }) => role)).toEqual([
      'dependencies',
      'postBuild',
    ]);
    const again = await home.build(fixture('sets-itself-up'));
    expect(again.phases.find(({ phase }) => phase === 'postBuild')?.state).toBe('skipped');
    expect(again.image).toBe(first.image);
    const { config } = await readImage(home.store, first.image);
    expect(config.config?.Env).toContain('FACTOR=2');

    const path = join(root, 'fails');
    await cp(fixture('sets-itself-up'), path, { recursive: true });
    await writeFile(join(path, 'binder/postBuild'), '#!/bin/bash\necho about to fail\nexit 3\n');
    await expect(home.build(path)).rejects.toMatchObject({ code: 'BUILD_STEP_FAILED' });
  },
);

test(
  'pins of 2021 run on the Python that has their wheels; those of 2018 are replaced when asked to, and the image says so',
  { timeout: 900_000 },
  async () => {
    const path = join(root, 'pins');
    await cp(fixture('doubles'), path, { recursive: true });
    await writeFile(join(path, 'requirements.txt'), 'numpy==1.19.5\n');
    const old = await home.build(path);
    expect(old.recipe.python.version).toBe('3.9');

    await writeFile(
      join(path, 'requirements.txt'),
      'numpy==1.15.0\npython-dateutil==2.7.3\npandas==0.23.4\n',
    );
    const modern = await home.build(path, { modernise: true });
    expect(modern.recipe.changes.map(({ name, from, to }) => [name, from, to])).toEqual([
      ['numpy', '1.15.0', '1.23.2'],
      ['pandas', '0.23.4', '1.5.0'],
      ['python-dateutil', '2.7.3', '2.8.1'],
    ]);
    const { config } = await readImage(home.store, modern.image);
    expect(config.config?.Labels?.['dev.galley.modernised']).toContain('numpy 1.15.0 > 1.23.2');

    await writeFile(join(path, 'requirements.txt'), 'numpy\n');
    const dated = await home.build(path, { asOf: '2022-06-30' });
    expect(dated.recipe).toMatchObject({ asOf: '2022-06-30T23:59:59.000Z', python: { version: '3.9' } });
    expect(
      dated.layers.some(({ from }) => from.includes('numpy 1.22.4') || from.includes('numpy 1.23.0')),
    ).toBe(true);
  },
);
