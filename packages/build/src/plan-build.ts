import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceSpec } from './build.ts';
import { readBaseLock, supportedPythons } from './base/base-lock.ts';
import { lockDigest } from './lock/lock.ts';
import { makeLock } from './lock/make-lock.ts';
import { lockRequest } from './plan/prepare-environment.ts';
import { makeRecipe } from './recipe/recipe.ts';
import { openDirectory } from './source/directory.ts';
import { openGit } from './source/git-repository.ts';

/** What a build would make: read and resolved, nothing executed. */
export interface BuildPlan {
  readonly notebooks: readonly string[];
  readonly notebooksFrom: string;
  readonly python: string;
  readonly pythonFrom: string;
  readonly sourceDigest: Digest;
  readonly lockDigest: Digest;
  readonly base: string;
  readonly packages: readonly {
    readonly name: string;
    readonly version: string;
    readonly sizeBytes: number;
  }[];
  /** Bottom to top. */
  readonly layers: readonly string[];
  readonly warnings: readonly string[];
}

/** Recipe, lock and layer plan of a repository. Throws what reading and locking throw; a package without a wheel is `SDIST_BUILD_FAILED`. */
export async function planBuild(
  source: SourceSpec,
  options: { readonly notebooks: readonly string[]; readonly python: string; readonly signal: AbortSignal },
): Promise<BuildPlan> {
  const folder = await mkdtemp(join(tmpdir(), 'galley-plan-'));
  const spool = join(folder, 'source');
  try {
    if (source.kind === 'archive')
      throw new GalleyError('SOURCE_NOT_FOUND', 'A plan is made of a folder or a git repository.');
    const tree =
      source.kind === 'git'
        ? await openGit(source, { spool, signal: options.signal })
        : await openDirectory(source.path, { spool, include: source.include, signal: options.signal });
    const recipe = await makeRecipe(tree, { ...options, supportedPythons });
    const { lock } = await makeLock(lockRequest(recipe), {
      cacheDir: join(folder, randomUUID()),
      signal: options.signal,
      buildWheel: (sdist) =>
        Promise.reject(
          new GalleyError(
            'SDIST_BUILD_FAILED',
            `${sdist.filename} has no wheel, and a plan runs nothing to make one.`,
            {
              hint: 'galley build makes it in a sandbox.',
              details: { sdist: sdist.filename },
            },
          ),
        ),
    });
    const base = await readBaseLock(recipe.python);
    return {
      notebooks: recipe.notebooks.map(({ path }) => path),
      notebooksFrom: recipe.notebooksFrom,
      python: recipe.python,
      pythonFrom: recipe.pythonFrom,
      sourceDigest: tree.digest,
      lockDigest: lockDigest(lock.wheels),
      base: `${base.suite}, ${base.packages.length} Debian packages`,
      packages: lock.wheels.map(({ name, version, size }) => ({ name, version, sizeBytes: size })),
      layers: ['base', 'dependencies', 'runtime', 'code', 'model', 'bytecode', 'rehearsed'],
      warnings: [...tree.warnings, ...recipe.requirements.warnings],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
