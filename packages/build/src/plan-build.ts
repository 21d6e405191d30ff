import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import type { BuildOptions, SourceSpec } from './build.ts';
import { availablePythons, planBase } from './base/plan-base.ts';
import { acceleratorWarnings } from './lock/accelerator-libraries.ts';
import { withRepositoryWheels } from './lock/local-wheel.ts';
import { lockDigest } from './lock/lock.ts';
import { lockChoices } from './plan/lock-choices.ts';
import { lockRecipe, wheelTarget, type LockedRecipe, type LockRecipeOptions } from './plan/lock-recipe.ts';
import { recipeRecord, type RecipeRecord } from './plan/recipe-record.ts';
import { withStaticRequirements } from './plan/static-requirements.ts';
import { makeRecipe, type Recipe } from './recipe/recipe.ts';
import type { Requirement } from './recipe/requirement.ts';
import { openSource } from './source/open-source.ts';
import type { SourceTree } from './source/source-tree.ts';

/** What a build would make: read and resolved, nothing executed. */
export interface BuildPlan {
  readonly recipe: RecipeRecord;
  readonly sourceDigest: Digest;
  /** Undefined: something has to be built before its hash is known. */
  readonly lockDigest: Digest | undefined;
  readonly base: string;
  readonly packages: readonly {
    readonly name: string;
    readonly version: string;
    readonly sizeBytes: number;
  }[];
  /** What the build would make into a wheel in a workload: its own requirements are here as far as they can be read. */
  readonly builds: readonly string[];
  /** Bottom to top. */
  readonly layers: readonly string[];
  readonly warnings: readonly string[];
}

export type PlanOptions = Pick<
  BuildOptions,
  'notebooks' | 'strategy' | 'model' | 'python' | 'modernise' | 'asOf' | 'allowedIndexes'
> & {
  /** Paths that are not heard: a lock that is being written anew. */
  readonly without?: readonly string[];
  /** True: a workbench is planned, for which nothing runs. */
  readonly open?: boolean;
  /** What is locked besides what the repository asks for. */
  readonly besides?: (tree: SourceTree, recipe: Recipe) => Promise<readonly Requirement[]>;
  /** Where what is fetched is kept; default: a folder that goes with the plan. */
  readonly cacheDir?: string;
  readonly signal: AbortSignal;
};

/** A recipe that was locked without running anything. */
export interface PlannedLock {
  readonly tree: SourceTree;
  readonly recipe: Recipe;
  readonly locked: LockedRecipe;
  readonly builds: readonly string[];
  readonly warnings: readonly string[];
}

/** Recipe, lock and layer plan of a repository. Throws what reading and locking throw. */
export async function planBuild(source: SourceSpec, options: PlanOptions): Promise<BuildPlan> {
  return withPlannedLock(
    source,
    { ...options, buildWheel: undefined },
    async ({ tree, recipe, locked, builds, warnings }) => {
      const { lock: base, interpreter } = await planBase(locked.python.version);
      const { lock } = locked;
      const unbuilt = locked.unbuilt.map(({ name, version }) => `${name} ${version}`);
      return {
        recipe: recipeRecord(recipe, locked),
        sourceDigest: tree.digest,
        lockDigest: builds.length + unbuilt.length === 0 ? lockDigest(lock.wheels) : undefined,
        base: `${base.suite}, ${base.packages.length} Debian packages${interpreter === undefined ? '' : `, Python ${interpreter.pythonFull} of ${interpreter.from}`}`,
        packages: lock.wheels.map(({ name, version, size }) => ({ name, version, sizeBytes: size })),
        builds: [...builds, ...unbuilt],
        layers: [
          'base',
          ...(recipe.systemPackages.length === 0 ? [] : ['system']),
          'dependencies',
          'runtime',
          ...(builds.length === 0 ? [] : ['project']),
          ...(options.open === true
            ? ['tools (JupyterLab)', 'code']
            : ['code', 'model', 'bytecode', 'rehearsed']),
        ],
        warnings: [
          ...tree.warnings,
          ...recipe.requirements.warnings,
          ...warnings,
          ...acceleratorWarnings(lock),
          ...unbuilt.map(
            (title) =>
              `${title} has no wheel: it is built in a sandbox from its source distribution, and what it depends on is not in this plan`,
          ),
        ],
      };
    },
  );
}

function withRequirements(recipe: Recipe, besides: readonly Requirement[]): Recipe {
  const { requirements } = recipe;
  return {
    ...recipe,
    requirements: { ...requirements, requirements: [...requirements.requirements, ...besides] },
  };
}

/** Opens, reads and locks a source in a folder of its own, and hands all of it to `use`. Throws as `planBuild`. */
export async function withPlannedLock<Result>(
  source: SourceSpec,
  options: PlanOptions & Pick<LockRecipeOptions, 'buildWheel'>,
  use: (planned: PlannedLock) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'galley-plan-'));
  const { signal, cacheDir = join(folder, 'cache') } = options;
  try {
    const tree = await openSource(source, { workDir: folder, cacheDir, signal });
    const recipe = await makeRecipe(tree, { ...options, supportedPythons: await availablePythons() });
    const known = await withStaticRequirements(recipe, tree, signal);
    const besides = (await options.besides?.(tree, recipe)) ?? [];
    const locked = await lockRecipe(withRequirements(known.recipe, besides), {
      ...lockChoices(options, recipe, tree),
      cacheDir,
      emit: () => undefined,
      object: 'plan',
      signal,
      roots: (requirements, python) =>
        withRepositoryWheels(requirements, {
          tree,
          workDir: folder,
          cacheDir,
          target: wheelTarget(python),
        }),
      buildWheel: options.buildWheel,
    });
    return await use({ tree, recipe, locked, builds: known.builds, warnings: known.warnings });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
