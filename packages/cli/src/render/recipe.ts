import type { RecipeRecord } from '@galley/build/plan/recipe-record';
import { safeText } from './safe-text.ts';
import { table } from './table.ts';

/** What was read of a repository, for people: which files had a say, what was guessed, what was replaced. Warnings are not in it. */
export function describeRecipe(recipe: RecipeRecord): string {
  const { python, notebooks, notebooksFrom } = recipe;
  const files = recipe.files.map(({ path, use, why }) => [safeText(path), use, safeText(why)]);
  const changes = recipe.changes.map(({ name, from, to, where, why }) => [
    safeText(name),
    safeText(from),
    safeText(to),
    safeText(`${where}: ${why}`),
  ]);
  const guesses = recipe.requirements.map(({ line, from }) => [safeText(line), safeText(from)]);
  return [
    `Notebooks ${safeText(notebooks.join(', '))} (${safeText(notebooksFrom)})`,
    `Python    ${python.version} (${safeText(python.from)})`,
    ...(recipe.systemPackages.length === 0 ? [] : [`Debian    ${safeText(recipe.systemPackages.join(' '))}`]),
    ...(recipe.asOf === undefined ? [] : [`As of     ${recipe.asOf}`]),
    ...(files.length === 0 ? [] : ['', table(['FILE', '', 'WHY'], files)]),
    ...(changes.length === 0 ? [] : ['', table(['REPLACED', 'PIN', 'BY', 'WHY'], changes)]),
    ...(recipe.guessed && guesses.length > 0
      ? [
          '',
          'Nothing is declared; these packages are guessed from what is imported:',
          table(['PACKAGE', 'WHY'], guesses),
        ]
      : []),
  ].join('\n');
}
