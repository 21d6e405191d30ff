import type { SourceSpec } from './build.ts';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Sdist } from './lock/find-sdist.ts';
import { compareVersions } from './lock/version-order.ts';
import { writePylock } from './lock/write-pylock.ts';
import type { LockedRecipe } from './plan/lock-recipe.ts';
import { recipeRecord, type RecipeRecord } from './plan/recipe-record.ts';
import { withPlannedLock, type PlanOptions, type PlannedLock } from './plan-build.ts';
import { readToml } from './recipe/file/pyproject.ts';
import { readLockFacts, requirementLines } from './recipe/locked-requirements.ts';
import { readProject } from './recipe/project.ts';
import type { Recipe } from './recipe/recipe.ts';
import { parseRequirement, pinOf, type Requirement } from './recipe/requirement.ts';
import type { SourceTree } from './source/source-tree.ts';
import { redactUrl } from './source/git/address.ts';

/** A lock for a person to commit. */
export interface WrittenLock {
  /** Where it belongs, in the repository: `pylock.toml`, `binder/pylock.toml`. */
  readonly path: string;
  readonly text: string;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  readonly recipe: RecipeRecord;
  readonly warnings: readonly string[];
}

/** A package that a person installed in a workbench. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Of the file that it came from; undefined: it is not known, or of a kind that this lock would not choose. */
  readonly sha256: string | undefined;
}

/**
 * Locks a repository and gives the text of its pylock.toml; of one that is there only the packages are kept that were captured in a workbench, under those
 * that are `installed` now. Runs nothing. Throws what `planBuild` throws,
 * `SDIST_BUILD_FAILED` for a package without a wheel, and `LOCK_NEEDS_BUILD` for what has to be built or fetched before it can be locked.
 */
export async function lockRepository(
  source: SourceSpec,
  options: Omit<PlanOptions, 'without' | 'besides'> & { readonly installed?: readonly InstalledPackage[] },
): Promise<WrittenLock> {
  let captured: readonly Requirement[] = [];
  const besides: PlanOptions['besides'] = async (tree, recipe) => {
    captured = mergeCaptured(await capturedBefore(tree, recipe), options.installed ?? []);
    checkPins(recipe, captured);
    return captured;
  };
  const without = ['', 'binder/', '.binder/'].map((folder) => `${folder}pylock.toml`);
  const buildWheel = (sdist: Sdist): Promise<string> => Promise.reject(hasNoWheel(sdist));
  return withPlannedLock(source, { ...options, without, besides, buildWheel }, async (planned) => {
    const { recipe, locked, tree, warnings } = planned;
    const asked = [...recipe.requirements.requirements, ...recipe.requirements.running];
    const local: { requirement: Requirement; name: string }[] = [];
    for (const requirement of asked) {
      const name = await localName(requirement, planned, options.signal);
      if (name !== undefined) local.push({ requirement: withHash(requirement, locked), name });
    }
    const record = recipeRecord(recipe, locked);
    const text = writePylock({
      lock: locked.lock,
      target: locked.request.target,
      local,
      facts: {
        requirements: requirementLines(recipe.requirements),
        asOf: locked.request.asOf,
        captured,
        changes: record.changes.filter(({ name }) => name !== 'Python'),
      },
    });
    return {
      path: lockPath(recipe),
      text,
      packages: locked.lock.wheels.map(({ name, version }) => ({ name, version })),
      recipe: record,
      warnings: [...tree.warnings, ...recipe.requirements.warnings, ...warnings],
    };
  });
}

function lockPath({ folder }: Recipe): string {
  return folder === '' ? 'pylock.toml' : `${folder}/pylock.toml`;
}

async function capturedBefore(tree: SourceTree, recipe: Recipe): Promise<readonly Requirement[]> {
  const lock = await readToml(tree, lockPath(recipe));
  return lock === undefined ? [] : (readLockFacts(lock)?.captured ?? []);
}

function mergeCaptured(
  before: readonly Requirement[],
  installed: readonly InstalledPackage[],
): readonly Requirement[] {
  const now = installed.map(({ name, version, sha256 }) =>
    parseRequirement(`${name}==${version}`, 'galley lab', sha256 === undefined ? [] : [sha256]),
  );
  const byName = new Map([...before, ...now].map((requirement) => [requirement.name, requirement]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The resolver would only say that nothing fits; this says which line is in the way. Throws `RESOLUTION_FAILED`. */
function checkPins({ requirements }: Recipe, captured: readonly Requirement[]): void {
  const asked = [...requirements.requirements, ...requirements.running, ...requirements.constraints];
  for (const { name, line } of captured) {
    const installed = pinOf({ line });
    const other = asked.find((requirement) => {
      const pin = requirement.name === name ? pinOf(requirement) : undefined;
      return pin !== undefined && installed !== undefined && compareVersions(pin, installed) !== 0;
    });
    if (other === undefined) continue;
    throw new GalleyError(
      'RESOLUTION_FAILED',
      `${name} ${installed} was installed in a lab, and ${other.from} asks for ${other.line}.`,
      {
        hint: `Write ${line} there, or give it up: galley lab --reset, and take it out of captured in pylock.toml.`,
        details: { package: name, installed, asked: other.line, from: other.from },
      },
    );
  }
}

/** The name of what comes from the repository itself; undefined: an index has it. */
async function localName(
  requirement: Requirement,
  { tree }: PlannedLock,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { direct } = requirement;
  if (direct === undefined) return undefined;
  const { source } = direct;
  if (source.kind === 'file' && source.path.endsWith('.whl')) return requirement.name;
  if (source.kind === 'project') {
    const project = await readProject(tree, source.path, signal);
    if (project?.dependencies !== undefined && project.name !== undefined) return project.name;
  }
  const what =
    source.kind === 'project' ? 'computes what it depends on' : 'is known only once it is fetched and built';
  const line = redactUrl(requirement.line);
  throw new GalleyError('LOCK_NEEDS_BUILD', `${line}, which ${requirement.from} asks for, ${what}.`, {
    hint: 'Give name and version of a package of the index, or list the dependencies of the project as plain text. galley build locks it without writing the lock back.',
    details: { requirement: line, from: requirement.from },
  });
}

function withHash(requirement: Requirement, { request }: LockedRecipe): Requirement {
  const root = [...request.requirements, ...request.running].find(
    ({ line, wheel }) => line === requirement.line && wheel !== undefined,
  );
  return root?.wheel === undefined ? requirement : { ...requirement, hashes: [root.wheel.sha256] };
}

function hasNoWheel({ name, version, filename }: Sdist): GalleyError {
  return new GalleyError(
    'SDIST_BUILD_FAILED',
    `${filename} has no wheel, and galley lock runs nothing to make one.`,
    {
      hint: 'galley build makes it in a sandbox.',
      details: { package: name, version, sdist: filename },
    },
  );
}
