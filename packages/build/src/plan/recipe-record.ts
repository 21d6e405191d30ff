import type { PinChange } from '../lock/lock.ts';
import type { FileUse } from '../recipe/configuration.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Requirement } from '../recipe/requirement.ts';
import { redactUrl } from '../source/git/address.ts';
import type { LockedRecipe } from './lock-recipe.ts';

/** What a build read of a repository and made of it, as it is shown and kept: plain data, without secrets. */
export interface RecipeRecord {
  readonly schema: 'galley.dev/recipe/v1';
  readonly notebooks: readonly string[];
  readonly notebooksFrom: string;
  /** What makes the model: the notebooks run, or the only one of them is a saved model that is loaded. */
  readonly strategy: 'notebook' | 'model';
  readonly python: { readonly version: string; readonly from: string };
  readonly files: readonly FileUse[];
  /** Nothing was declared: these are guesses from the imports. */
  readonly guessed: boolean;
  readonly requirements: readonly RequirementRecord[];
  /** For the notebook only. */
  readonly running: readonly RequirementRecord[];
  /** Debian packages that are asked for. */
  readonly systemPackages: readonly string[];
  /** Pins that were replaced. */
  readonly changes: readonly PinChange[];
  /** RFC 3339; undefined: as packages are now. */
  readonly asOf?: string;
  readonly warnings: readonly string[];
}

export interface RequirementRecord {
  readonly line: string;
  readonly from: string;
}

/** A locked recipe as a record. Pure. */
export function recipeRecord(recipe: Recipe, locked: LockedRecipe): RecipeRecord {
  const { requirements } = recipe;
  const { instead } = recipe.python;
  const python: readonly PinChange[] =
    instead === undefined
      ? []
      : [
          {
            name: 'Python',
            from: instead,
            to: locked.python.version,
            where: recipe.python.from,
            why: 'it has no base here',
          },
        ];
  // A lock that is committed keeps what was done when it was written.
  const { asOf = recipe.lockFacts?.asOf } = locked.request;
  return {
    schema: 'galley.dev/recipe/v1',
    notebooks: recipe.notebooks.map(({ path }) => path),
    notebooksFrom: recipe.notebooksFrom,
    strategy: recipe.model === undefined ? 'notebook' : 'model',
    python: { version: locked.python.version, from: locked.python.from },
    files: recipe.files,
    guessed: requirements.guessed,
    requirements: requirements.requirements.map(toRecord),
    running: requirements.running.map(toRecord),
    systemPackages: recipe.systemPackages,
    changes: [...python, ...(recipe.lockFacts?.changes ?? []), ...(locked.lock.changes ?? [])],
    ...(asOf === undefined ? {} : { asOf }),
    warnings: requirements.warnings,
  };
}

/** An address may hold a token. */
function toRecord({ line, from }: Requirement): RequirementRecord {
  return { line: redactUrl(line), from };
}
