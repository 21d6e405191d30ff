import { GalleyError } from '@galley/api/error/galley-error';
import type { BuildOptions } from '../build.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { SourceTree } from '../source/source-tree.ts';
import type { LockChoices } from './lock-recipe.ts';

/** How a recipe is locked: the options rank above galley.yaml. Throws `AS_OF_INVALID`. */
export function lockChoices(
  options: Pick<BuildOptions, 'modernise' | 'asOf' | 'allowedIndexes'>,
  recipe: Recipe,
  tree: SourceTree,
): LockChoices {
  const { build } = recipe.settings ?? {};
  return {
    modernise: options.modernise ?? build?.modernise ?? false,
    asOf: readAsOf(options.asOf ?? build?.asOf ?? '', tree),
    allowedIndexes: options.allowedIndexes ?? [],
  };
}

/** A day (until its end, UTC), a time, or `commit`: when the commit that is built was made. Empty: now. */
export function readAsOf(text: string, tree: Pick<SourceTree, 'committedAt' | 'origin'>): string | undefined {
  if (text === '') return undefined;
  if (text === 'commit') {
    if (tree.committedAt !== undefined) return new Date(tree.committedAt).toISOString();
    throw invalid(`The source (${tree.origin}) is no commit, so that there is no time of one.`, text);
  }
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const time = new Date(day ? `${text}T23:59:59Z` : text);
  // The calendar is checked too: 2021-02-30 would become the second of March.
  if (Number.isNaN(time.getTime()) || (day && !time.toISOString().startsWith(text)) || !/^\d{4}-/.test(text))
    throw invalid(`${JSON.stringify(text)} is neither a date nor the word commit.`, text);
  return time.toISOString();
}

function invalid(message: string, asOf: string): GalleyError {
  return new GalleyError('AS_OF_INVALID', message, {
    hint: 'Give a day or a time: --as-of 2021-06-01; --as-of commit needs a git repository.',
    details: { asOf },
  });
}
