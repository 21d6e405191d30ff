import type { Emit } from '@galley/api/event';
import { GalleyError } from '@galley/api/error/galley-error';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { runningRoots, servingRoots } from '../lock/default-roots.ts';
import type { Sdist } from '../lock/find-sdist.ts';
import { requirementsKey, type LockRequest, type Root } from '../lock/lock-request.ts';
import { makeLock, type MadeLock } from '../lock/make-lock.ts';
import { explainMissingPins, missingPins } from '../lock/missing-pins.ts';
import { makeModernLock } from '../lock/modernise.ts';
import type { ResolverOptions } from '../lock/resolver.ts';
import type { WheelTarget } from '../lock/wheel-name.ts';
import type { PythonChoice } from '../recipe/python-version.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { parseRequirement, type Requirement } from '../recipe/requirement.ts';
import { inOrderOfDate } from './python-releases.ts';

/** How a recipe is locked, besides what it says itself. */
export interface LockChoices {
  readonly modernise: boolean;
  /** RFC 3339: packages as they were then. */
  readonly asOf: string | undefined;
  /** Indexes that the repository may name. */
  readonly allowedIndexes: readonly string[];
}

export interface LockRecipeOptions extends LockChoices {
  readonly cacheDir: string;
  readonly emit: Emit;
  readonly object: string;
  readonly signal?: AbortSignal | undefined;
  /** Requirements with the wheels of those that no index has. */
  readonly roots: (requirements: readonly Requirement[], python: string) => Promise<readonly Root[]>;
  /** Undefined: see `ResolverOptions`. */
  readonly buildWheel: ((sdist: Sdist, python: string) => Promise<string>) | undefined;
}

export interface LockedRecipe extends MadeLock {
  readonly request: LockRequest;
  readonly python: PythonChoice;
}

/** The machine that images are for: this one's. */
export function wheelTarget(python: string): WheelTarget {
  return { python, machine: process.arch === 'arm64' ? 'aarch64' : 'x86_64' };
}

/**
 * Locks a recipe for the first of its Pythons that has wheels for all pins. Where none has and `modernise` is set, the pins in the way are
 * replaced for the first Python. Throws as `makeLock`; `NO_WHEEL_FOR_PYTHON` names every pin, the Pythons that would do and the
 * nearest versions.
 */
export async function lockRecipe(recipe: Recipe, options: LockRecipeOptions): Promise<LockedRecipe> {
  const known = await chosenPythons(options).get(choiceKey(recipe, options));
  const candidates = orderCandidates(recipe, options, known?.python);
  const failures: GalleyError[] = [];
  for (const python of candidates) {
    const request = await lockRequest(recipe, python, options);
    try {
      const made = await makeLock(request, lockOptions(python, options));
      const [first] = failures;
      const why = first && `Python ${recipe.python.version} will not do: ${first.message}`;
      const from = why ?? (known?.python === python ? known.from : recipe.python.from);
      return await finish(recipe, request, made, from, options);
    } catch (error) {
      if (!(error instanceof GalleyError) || !passesOn(error, options)) throw error;
      failures.push(error);
      const { object } = options;
      options.emit({
        object,
        phase: 'lock',
        step: `Python ${python}`,
        state: 'skipped',
        reason: error.message,
      });
    }
  }
  const [python = ''] = candidates;
  const request = await lockRequest(recipe, python, options);
  if (!options.modernise) throw await explain(request, candidates, failures, options);
  const made = await makeModernLock(request, lockOptions(python, options));
  for (const change of made.lock.changes ?? []) {
    const reason = `${change.where} pins ${change.from}: ${change.why}`;
    options.emit({
      object: options.object,
      phase: 'lock',
      step: `${change.name} ${change.to}`,
      state: 'progress',
      reason,
    });
  }
  return finish(recipe, request, made, recipe.python.from, options);
}

/** Whether another Python, or replaced pins, may help. */
function passesOn(error: GalleyError, { modernise }: LockChoices): boolean {
  return error.code === 'NO_WHEEL_FOR_PYTHON' || (modernise && error.code === 'SDIST_BUILD_FAILED');
}

async function finish(
  recipe: Recipe,
  request: LockRequest,
  made: MadeLock,
  from: string,
  options: LockRecipeOptions,
): Promise<LockedRecipe> {
  const { python } = request.target;
  await chosenPythons(options).set(choiceKey(recipe, options), { python, from });
  return { ...made, request, python: { ...recipe.python, version: python, from } };
}

async function explain(
  request: LockRequest,
  tried: readonly string[],
  failures: readonly GalleyError[],
  options: LockRecipeOptions,
): Promise<GalleyError> {
  const [cause = new GalleyError('RESOLUTION_FAILED', 'No Python has wheels for all requirements.')] =
    failures;
  return explainMissingPins(await missingPins(request, options), {
    python: request.target.python,
    tried,
    cause,
  });
}

/** What is locked: the user's roots with cloudpickle, and the kernel beside them. */
async function lockRequest(recipe: Recipe, python: string, options: LockRecipeOptions): Promise<LockRequest> {
  const { requirements, running, constraints, prerelease, imports, indexes } = recipe.requirements;
  // A cell that imports IPython may well refer to it in the predictor: then it is served too.
  const ipython = imports.includes('IPython') ? [parseRequirement('ipython', 'import IPython')] : [];
  return {
    requirements: [...(await options.roots(requirements, python)), ...servingRoots, ...ipython],
    running: [...(await options.roots(running, python)), ...runningRoots],
    constraints,
    prerelease,
    target: wheelTarget(python),
    indexes,
    allowedIndexes: options.allowedIndexes,
    asOf: options.asOf,
    modernise: options.modernise,
  };
}

function lockOptions(python: string, options: LockRecipeOptions): ResolverOptions {
  const { cacheDir, signal, buildWheel } = options;
  return { cacheDir, signal, buildWheel: buildWheel && ((sdist) => buildWheel(sdist, python)) };
}

/** A Python that was chosen before, and why. */
function chosenPythons({
  cacheDir,
}: LockRecipeOptions): RecordCache<Pick<PythonChoice, 'from'> & { python: string }> {
  return new RecordCache(cacheDir, 'chosen-pythons');
}

function choiceKey(recipe: Recipe, options: LockRecipeOptions): string {
  const { candidates, from } = recipe.python;
  return stepKey({ recipe: requirementsKey({ ...recipe.requirements, ...options }), candidates, from });
}

/** What was chosen before comes first: a warm build does not fail twice before it succeeds. */
function orderCandidates(
  recipe: Recipe,
  { asOf }: LockChoices,
  known: string | undefined,
): readonly string[] {
  const candidates = inOrderOfDate(recipe.python.candidates, asOf);
  if (known === undefined || !candidates.includes(known)) return candidates;
  return [known, ...candidates.filter((candidate) => candidate !== known)];
}
